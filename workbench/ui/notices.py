"""Errors as people should meet them: what was found, why it is wrong, what next.

Belongs here: showing a WorkbenchError inside a page. Does not belong here: raising.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from workbench.errors import WorkbenchError


def show_error(error: WorkbenchError) -> None:
    """Draw an error as what / why / next step."""
    st.error(
        f"**Found:** {error.found}\n\n"
        f"**Expected:** {error.expected}\n\n"
        f"**Next step:** {error.next_step}",
        icon=":material/error:",
    )


@contextmanager
def guard() -> Iterator[None]:
    """Turn an expected error inside the block into a notice; the page goes on."""
    try:
        yield
    except WorkbenchError as error:
        show_error(error)
