"""A problem met in a callback, kept until the page can show it.

Belongs here: one slot a session. Does not belong here: how an error looks
(``notices``).
"""

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from workbench.errors import WorkbenchError
from workbench.ui.notices import show_error

_KEY = "problem"


@contextmanager
def caught() -> Iterator[None]:
    """Keep an expected error of the block for the page that is about to be drawn."""
    try:
        yield
    except WorkbenchError as error:
        put_off(error)


def put_off(error: WorkbenchError, note: str = "") -> None:
    """Keep a problem, and what was done about it, for the page that is drawn next."""
    st.session_state[_KEY] = error, note


def show_problem() -> None:
    """Draw the kept problem once."""
    error, note = st.session_state.pop(_KEY, (None, ""))
    if error is not None:
        show_error(error)
    if note:
        st.caption(note)
