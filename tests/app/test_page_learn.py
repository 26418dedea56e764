"""The page Learn: every lesson draws, measures, answers; teacher links hide parts."""

import json
from unittest.mock import patch

import pytest
from streamlit.testing.v1 import AppTest

from tests.app.conftest import open_page, texts
from workbench.jobs.job import Job
from workbench.jobs.registry import registry
from workbench.ui.lessons import LESSONS


def open_lesson(app: AppTest, name: str, **params: str | list[str]) -> AppTest:
    app.query_params["lesson"] = name
    for key, value in params.items():
        app.query_params[key] = value
    return open_page(app, "learn")


@pytest.mark.parametrize("name", sorted(LESSONS))
def test_every_lesson_has_its_parts_on_the_page(app: AppTest, name: str) -> None:
    lesson = LESSONS[name]
    open_lesson(app, name)
    assert app.header[0].value == lesson.title
    assert f"**Aim.** {lesson.aim}" in texts(app)
    assert f"Source: {lesson.source}." in texts(app)
    assert len(app.get("vega_lite_chart")) == 1
    asked = [one.label for one in app.expander]
    assert asked == [f"{n}. {q.text}" for n, q in enumerate(lesson.questions, start=1)]
    assert "Measured before" not in texts(app)


def test_the_slider_changes_the_figure(app: AppTest) -> None:
    open_lesson(app, "zeros")
    # 80 of 100 weights are zero at the start.
    assert "100 times, 80 of them by zero" in texts(app)
    app.slider(key="zeros").set_value(50).run()
    assert "100 times, 50 of them by zero" in texts(app)


def test_next_and_before_walk_through_the_lessons(app: AppTest) -> None:
    names = list(LESSONS)
    open_lesson(app, names[0])
    buttons = {button.label: button for button in app.button}
    assert buttons["Before"].disabled
    buttons["Next"].click().run()
    assert app.header[0].value == LESSONS[names[1]].title


def test_a_teacher_link_fixes_the_seed_and_hides_answers(app: AppTest) -> None:
    open_lesson(app, "spmm", hide=["answers", "measure"], seed="7", step="4")
    assert not app.expander
    assert LESSONS["spmm"].questions[0].text in texts(app)
    assert LESSONS["spmm"].questions[0].answer not in texts(app)
    assert "Measure" not in {button.label for button in app.button}
    assert "Step 4 of 10" in texts(app)
    assert app.session_state["seed"] == 7


def test_a_measurement_is_made_recorded_and_found_again(app: AppTest) -> None:
    open_lesson(app, "winograd")
    {button.label: button for button in app.button}["Measure"].click().run()
    view = registry().jobs()[0].wait(120)
    assert view.state == "done", view.error
    app.run()
    assert "Fastest here:" in texts(app)
    assert len(app.get("vega_lite_chart")) == 2
    again = AppTest.from_file(app._script_path, default_timeout=120)
    open_lesson(again, "winograd")
    assert "Measured before" in texts(again)


@pytest.mark.parametrize("name", ["spmm", "hetconv", "layouts", "zeros"])
def test_what_a_lesson_measures_is_json_and_says_a_number(name: str) -> None:
    settings = {
        "spmm": {"step": 1},
        "hetconv": {"p": 2},
        "layouts": {"layout": "NHWC"},
        "zeros": {"zeros": 80},
    }
    with patch("workbench.ui.lessons.stage.BUDGET_S", 0.1):
        found = LESSONS[name].measure(Job("test", {}), settings[name], 0)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    result = LESSONS[name].result(found)
    assert any(sign in result.sentence for sign in ("×", "ms"))
    assert all(len(figure.data) >= 3 for figure in result.figures)


def test_lessons_count_as_their_sources_do() -> None:
    from workbench.ui.lessons.hetconv import macs_share
    from workbench.ui.lessons.layouts import addresses

    # Singh 2019: 1/P + (1 - 1/P)/K^2; P = 4, K = 3: 1/4 + 3/4 * 1/9 = 1/3.
    assert macs_share(4) == pytest.approx(1 / 3)
    # 8 channels, 2 x 3 pixels: channel 5 of pixel (1, 2).
    assert addresses("NCHW")[5, 1, 2] == 5 * 6 + 5
    assert addresses("NHWC")[5, 1, 2] == 5 * 8 + 5
    assert addresses("NCHW4c")[5, 1, 2] == 24 + 5 * 4 + 1
