"""What the recipe would remove, before anything is measured.

Belongs here: totals and the notes, coupled layers named. Does not belong here:
pruning.
"""

from typing import TYPE_CHECKING

import streamlit as st

from workbench.ui.format import count, percent

if TYPE_CHECKING:
    from workbench.pruning.pruned import PrunedNetwork


def preview(pruned: "PrunedNetwork") -> None:
    """Draw one line of totals, and the notes in a box that opens."""
    report = pruned.report
    if not report.zeros:
        st.caption("Nothing is removed yet.")
        return
    st.markdown(
        f"Preview: **{percent(report.sparsity)}** of {count(report.weights)} weights "
        f"become zero; {count(report.kernels_removed)} kernels and "
        f"{count(report.filters_removed)} filters go whole."
    )
    if report.notes:
        with st.expander(f"{len(report.notes)} notes: coupled and untouched layers"):
            for note in report.notes:
                st.markdown(f"- {note}")
