"""Inputs of a sensitivity sweep: methods, sparsities, images, times.

Belongs here: the form. Does not belong here: the sweep (``services.sweeps``).
"""

from typing import TYPE_CHECKING

import streamlit as st

from workbench.ui.glossary import tip
from workbench.ui.services import sweeps

if TYPE_CHECKING:
    from workbench.models.network import Network
    from workbench.workflows.sweep.order import SweepOrder

LEVELS = ("30 %", "50 %", "60 %", "70 %", "80 %", "90 %", "95 %")
FIRST = ("50 %", "70 %", "80 %", "90 %")


def sweep_form(network: "Network") -> "SweepOrder":
    """Draw the inputs; return the sweep they ask for.

    Raises
    ------
    WorkbenchError
        No images on this machine, or an empty grid.
    """
    from workbench.pruning.methods import METHODS

    sweepable = tuple(
        name
        for name, row in METHODS.items()
        if name not in ("none", "sensitivity") and row.granularity != "layer"
    )
    methods = st.pills(
        "Methods",
        sweepable,
        selection_mode="multi",
        default=["magnitude"],
        key="methods",
        bind="query-params",
        help=tip("method"),
        wrap=True,
    )
    levels = st.pills(
        "Sparsities",
        LEVELS,
        selection_mode="multi",
        default=FIRST,
        key="levels",
        bind="query-params",
        wrap=True,
    )
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        images = st.selectbox(
            "Validation images",
            sweeps.images_choice(),
            key="sweepimages",
            bind="query-params",
            width=160,
            help="A class-balanced subset: fewer images, wider intervals. Test images "
            "are never used here, so that a plan can still be tested on them.",
        )
        latency = st.segmented_control(
            "Time of each cell",
            sweeps.latency_choice(),
            default="none",
            required=True,
            key="celltimes",
            bind="query-params",
            help="none: accuracy only; model: the engine's cost model; measure: "
            "compiled and timed on this machine, about a second a cell.",
        )
        stop = st.number_input(
            "End a layer's curve after losing (points)",
            1,
            100,
            30,
            key="stop",
            bind="query-params",
            width=270,
        )
    return sweeps.order_of(
        network,
        methods,
        [float(level.split()[0]) / 100 for level in levels],
        images=int(images),
        latency=latency,
        stop_drop=stop / 100,
    )
