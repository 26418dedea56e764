"""Teacher links: which parts of a page the address hides.

Belongs here: the list of parts, reading and keeping the choice. Does not belong
here: the parts themselves.

A link such as ``/learn?lesson=zeros&seed=7&hide=model&hide=answers`` opens the lesson
with seed 7, without the model control and without answers.
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from types import MappingProxyType

import streamlit as st

from workbench.ui.unseen import unseen

KEY = "hide"
_CHOICE = "hide_choice"
LINK = "link"
PARTS: Mapping[str, str] = MappingProxyType(
    {
        "model": "Model control",
        "data": "Data control",
        "seed": "Seed control",
        "words": "Glossary",
        "pages": "Navigation",
        "code": "Copy as code",
        "controls": "Control of the lesson's figure",
        "measure": "Measurement of the lesson",
        "questions": "Questions of the lesson",
        "answers": "Answers of the lesson",
        LINK: "This box",
    }
)


def hidden(part: str) -> bool:
    """Return whether the address hides a part of the pages."""
    chosen = st.session_state.get(KEY)
    if chosen is None:
        chosen = st.query_params.get_all(KEY)
    return part in chosen


@contextmanager
def unless_hidden(part: str) -> Iterator[None]:
    """Show what the block draws, or run it and take it away where a link hides it.

    A control that is not shown still takes its value from the address.
    """
    if not hidden(part):
        yield
        return
    slot = st.empty()
    with slot.container():
        yield
    slot.empty()


def seen_unless_hidden(part: str) -> AbstractContextManager[None]:
    """Return where a control of every page stands: seen, or unseen but in reach.

    Unseen it keeps its value in the address from page to page.
    """
    return unseen(part) if hidden(part) else nullcontext()


def link_box() -> None:
    """Draw the choice of what to hide; the address is then the link to give away."""
    with unseen(KEY):
        st.pills(
            "Hidden parts",
            tuple(PARTS),
            selection_mode="multi",
            key=KEY,
            bind="query-params",
        )
    st.session_state[_CHOICE] = list(st.session_state[KEY])
    with (
        unless_hidden(LINK),
        st.popover("Teacher link", icon=":material/school:"),
    ):
        st.pills(
            "Hide from the pages",
            tuple(PARTS),
            selection_mode="multi",
            key=_CHOICE,
            on_change=_choose,
            wrap=True,
            help="\n".join(f"- {part}: {what}" for part, what in PARTS.items()),
        )
        st.caption(
            "The address of the page is the link: it restores page, controls and "
            "seed, and leaves out what you hide."
        )


def _choose() -> None:
    st.session_state[KEY] = st.session_state[_CHOICE]
