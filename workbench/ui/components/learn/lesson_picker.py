"""Which lesson is open: a list, and the way to the next one.

Belongs here: the choice. Does not belong here: the lesson (``lesson_view``).
"""

from typing import TYPE_CHECKING

import streamlit as st

from workbench.ui import links
from workbench.ui.lessons import LESSONS

if TYPE_CHECKING:
    from workbench.ui.lessons.lesson import Lesson

# The address carries the short name, which a bound select box would not write.
_KEY = "lesson"
_CHOICE = "lesson_choice"


def choose_lesson() -> "Lesson":
    """Draw the list with the buttons before and next; return the open lesson."""
    names = list(LESSONS)
    asked = st.query_params.get(_KEY)
    fresh = _CHOICE not in st.session_state or links.followed()
    if fresh and asked in LESSONS:
        st.session_state[_CHOICE] = asked
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        chosen = st.selectbox(
            "Lesson",
            names,
            format_func=lambda name: f"{names.index(name) + 1}. {LESSONS[name].title}",
            key=_CHOICE,
            persist_state="session",
            width=440,
        )
        st.query_params[_KEY] = chosen
        position = names.index(chosen)
        st.button(
            "Before",
            icon=":material/arrow_back:",
            disabled=position == 0,
            on_click=_open,
            args=(names[position - 1],),
        )
        st.button(
            "Next",
            icon=":material/arrow_forward:",
            disabled=position == len(names) - 1,
            on_click=_open,
            args=(names[(position + 1) % len(names)],),
        )
        st.caption(f"Lesson {position + 1} of {len(names)}")
    return LESSONS[chosen]


def _open(name: str) -> None:
    st.session_state[_CHOICE] = name
