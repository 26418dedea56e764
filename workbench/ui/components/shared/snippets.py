"""“Copy as command” and “Copy as Python” beside an action.

Belongs here: the pop-over. Does not belong here: what the code says (callers pass it).
"""

import streamlit as st

from workbench.ui import teaching


def snippets(*, command: str, python: str, key: str, note: str = "") -> None:
    """Offer the code that repeats an action outside the browser.

    Parameters
    ----------
    command : str
        Shell command, several lines allowed.
    python : str
        The same as a script.
    key : str
        Stable widget key.
    note : str
        What the code needs first, for example the saved recipe.
    """
    if teaching.hidden("code"):
        return
    with st.popover("Copy as code", icon=":material/code:", key=key):
        st.markdown("**As command**")
        st.code(command, language="bash", wrap_lines=True)
        st.markdown("**As Python**")
        st.code(python, language="python", wrap_lines=True)
        if note:
            st.caption(note)
