"""One line about the machine: every time on the page holds for it only.

Belongs here: CPU, cores and the instruction set that our kernels use. Does not
belong here: reading them (``measure.conditions``, ``kernels``).
"""

import os

import streamlit as st


def machine() -> None:
    """Draw the line; say so when no compiled kernels are in use."""
    from workbench.kernels import info
    from workbench.measure.conditions import cpu_model

    kernels = info()
    cores = len(os.sched_getaffinity(0))
    st.caption(
        f"{cpu_model()}, {cores} core{'' if cores == 1 else 's'}. Our kernels: "
        f"{kernels.isa} ({kernels.reason})."
    )
    if not kernels.native:
        st.warning(
            "Our engine runs on NumPy, so that its times say nothing: "
            f"{kernels.reason}. Then start the app again.",
            icon=":material/build:",
        )
