"""Whatever a page raises becomes a sentence and a report; the session goes on."""

import pytest
from streamlit.runtime.scriptrunner_utils.exceptions import (
    RerunException,
    StopException,
)
from streamlit.testing.v1 import AppTest

from workbench.ui import notices


def page() -> None:
    """Be a page with a button that fails and one that does not."""
    import streamlit as st

    from workbench.ui.notices import guard

    st.session_state.setdefault("kept", 0)
    st.session_state["kept"] += 1
    with guard():
        if st.button("fail"):
            {}["no such key"]
        st.markdown("whole")
    st.markdown("after")


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch, open_net: None) -> AppTest:
    """Return the page with the net that people have, not the tests' open one."""
    monkeypatch.undo()
    return AppTest.from_function(page, default_timeout=600).run()


def test_an_unforeseen_error_is_a_sentence_and_a_report(shown: AppTest) -> None:
    shown.button[0].click().run()
    assert not shown.exception
    (notice,) = shown.error
    assert "**Found:** KeyError: 'no such key'" in notice.value
    assert "this is a defect of ours" in notice.value
    (report,) = shown.get("download_button")
    assert report.proto.label == "Report"
    assert [one.value for one in shown.markdown] == ["after"]


def test_nothing_that_the_user_had_is_lost(shown: AppTest) -> None:
    shown.button[0].click().run()
    shown.run()
    assert not shown.error
    assert shown.session_state["kept"] == 3
    assert [one.value for one in shown.markdown] == ["whole", "after"]


@pytest.mark.parametrize("signal", [StopException(), RerunException(None)])
def test_what_streamlit_raises_passes(signal: BaseException) -> None:
    with pytest.raises(type(signal)), notices.guard():
        raise signal


def part() -> None:
    """Be a page with a fragment that fails."""
    import streamlit as st

    from workbench.ui.notices import guard

    @st.fragment
    def failing() -> None:
        [][0]

    with guard():
        failing()
    st.markdown("after")


def test_a_part_that_failed_is_drawn_once(shown: AppTest) -> None:
    found = AppTest.from_function(part, default_timeout=600).run()
    assert [one.value for one in found.error] == []
    assert [one.value for one in found.markdown] == ["after"]


def test_the_server_gives_the_same_net_to_callbacks_and_parts() -> None:
    import app

    assert app.app._on_script_error is notices.unforeseen
