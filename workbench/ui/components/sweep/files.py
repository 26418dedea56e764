"""A sweep taken away as CSV, and one brought along in its place.

Belongs here: the buttons and what was brought. Does not belong here: reading and
writing (``workflows.sweep.files``).
"""

from typing import TYPE_CHECKING

import streamlit as st

from workbench.errors import WorkbenchError
from workbench.ui.notices import show_error
from workbench.ui.services import recipes
from workbench.workflows.sweep import files as sweep_files

if TYPE_CHECKING:
    from workbench.analysis.sensitivity.rows import Sweep
    from workbench.models.network import Network

_MOST_MB = 20
# What was read last, so that a rerun does not count its cells again.
_READ = "sweep-brought"


def brought_sweep(network: "Network") -> "Sweep | None":
    """Draw the way in; return the sweep of a file, None where there is none."""
    with st.popover("From a file", icon=":material/upload_file:", type="tertiary"):
        st.markdown(
            "A sweep of `workbench sensitivity --csv`, of Distiller (long) or of NNI "
            "(wide). What it does not say is counted on this network."
        )
        file = st.file_uploader(
            "Sweep (CSV)", type="csv", key="sweepfile", max_upload_size=_MOST_MB
        )
        dense = st.number_input(
            "Dense top-1 (%), where the file has no line of sparsity 0",
            0.0,
            100.0,
            None,
            key="sweepdense",
        )
    if file is None:
        return None
    asked = (file.file_id, dense, network.digest)
    known: tuple[object, Sweep] | None = st.session_state.get(_READ)
    if known is not None and known[0] == asked:
        return known[1]
    try:
        with st.spinner(f"Reading {file.name}"):
            found = sweep_files.read(
                file.getvalue(),
                network,
                dense_top1=None if dense is None else dense / 100,
                seed=recipes.seed(),
            )
    except WorkbenchError as error:
        show_error(error)
        return None
    st.session_state[_READ] = asked, found
    return found


def sweep_downloads(sweep: "Sweep", method: str) -> None:
    """Draw the buttons that write a sweep's rows.

    Parameters
    ----------
    sweep : Sweep
        At least one row.
    method : str
        The one that the wide form is written of.
    """
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption("Every row as a file:", width="content")
        st.download_button(
            "CSV, Distiller's form",
            data=lambda: sweep_files.long_csv(sweep),
            file_name="sweep.csv",
            mime="text/csv",
            key="sweep-long",
            type="tertiary",
            on_click="ignore",
            help="One line a cell, with our columns; `workbench plan` reads it.",
        )
        st.download_button(
            "CSV, NNI's form",
            data=lambda: sweep_files.wide_csv(sweep, method),
            file_name=f"sweep-{method.partition(':')[0]}.csv",
            mime="text/csv",
            key="sweep-wide",
            type="tertiary",
            on_click="ignore",
            help=f"Top-1 of {method}: one line a layer, one column a sparsity.",
        )
