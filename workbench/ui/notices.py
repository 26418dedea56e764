"""Errors as people should meet them: what was found, why it is wrong, what next.

Belongs here: showing an error inside a page, the foreseen and the others. Does not
belong here: raising.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256

import streamlit as st
from streamlit.errors import FragmentHandledException

from workbench.defect import Defect, explained
from workbench.errors import WorkbenchError

logger = logging.getLogger(__name__)


def show_error(error: WorkbenchError) -> None:
    """Draw an error as what / why / next step."""
    st.error(
        f"**Found:** {error.found}\n\n"
        f"**Expected:** {error.expected}\n\n"
        f"**Next step:** {error.next_step}",
        icon=":material/error:",
    )
    if isinstance(error, Defect):
        st.download_button(
            "Report",
            error.report,
            file_name="workbench-report.txt",
            key=f"report-{sha256(error.report.encode()).hexdigest()[:12]}",
            icon=":material/download:",
            on_click="ignore",
        )


def unforeseen(error: Exception) -> bool:
    """Draw any error of a page's script; return that it was drawn."""
    if isinstance(error, FragmentHandledException):
        # Drawn already, where the fragment is.
        return True
    shown = explained(error, f"the page {st.context.url}")
    if isinstance(shown, Defect):
        logger.error("a page failed", exc_info=error)
    show_error(shown)
    return True


@contextmanager
def guard() -> Iterator[None]:
    """Turn an error inside the block into a notice; the page goes on.

    What Streamlit raises to stop or rerun a script is no ``Exception`` and passes.
    """
    try:
        yield
    except Exception as error:  # noqa: BLE001  (nothing is hidden: it is drawn)
        unforeseen(error)
