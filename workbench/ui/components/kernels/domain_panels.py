"""The selected layer in the Winograd domain, and with shared weights.

Belongs here: controls, mosaic and chart of the two tabs. Does not belong here: the
arrays (``services.domains``).
"""

from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from workbench.ui.charts import frame
from workbench.ui.charts.codebook import codebook_figure
from workbench.ui.charts.fill_in import fill_in_figure
from workbench.ui.components.mosaic import KernelView, mosaic
from workbench.ui.format import count, percent, size
from workbench.ui.glossary import tip
from workbench.ui.services import domains

if TYPE_CHECKING:
    from workbench.models.network import Layer

HEIGHT_PX = 420
MOST_WEIGHTS = 1 << 23


def winograd_panel(layer: "Layer", view: KernelView, digest: str) -> None:
    """Draw G g G^T of every kernel, and how many zeros each coordinate keeps."""
    if layer.kernel_size != (3, 3) or layer.kind != "conv":
        st.info(
            f"{layer.id} has no 3 × 3 kernels; this view shows F(m × m, 3 × 3). "
            "Choose another layer.",
            icon=":material/info:",
        )
        return
    with st.container(horizontal=True, vertical_alignment="bottom", gap="large"):
        m = st.segmented_control(
            "Outputs of a tile (m × m)",
            (2, 4, 6),
            default=2,
            required=True,
            key="tile",
            bind="query-params",
            help=tip("fill-in"),
        )
        share = 0
        if view.mask is None:
            share = st.slider(
                "Try: remove the smallest weights (%)",
                0,
                95,
                70,
                5,
                key="try",
                bind="query-params",
                width=320,
                help="This layer has no mask of its own yet; nothing is changed.",
            )
    weights = _after(view)
    key = (digest, layer.id, share)
    weights = domains.without_smallest(key, weights, share / 100)
    found = domains.winograd_view(key, weights, int(m))
    left, right = st.columns([5, 4], gap="medium")
    with left:
        drawn = KernelView(
            f"{layer.id}, F({m})", found.weights, found.reached, height_px=HEIGHT_PX
        )
        mosaic(drawn, key=f"winograd-{digest[:8]}-{layer.id}")
    with right:
        frame.show(fill_in_figure(layer.id, found.fill), key="fill-in")


def palette_panel(layer: "Layer", view: KernelView, digest: str) -> None:
    """Draw the layer with 2^bits shared values, and where these values lie."""
    if view.weights.size > MOST_WEIGHTS:
        st.info(
            f"{layer.id} has {count(view.weights.size)} weights; this view stops at "
            f"{count(MOST_WEIGHTS)}. The export “shared weights” has no such limit.",
            icon=":material/info:",
        )
        return
    bits = st.slider(
        "Bits a weight",
        1,
        8,
        4,
        key="bits",
        bind="query-params",
        width=320,
        help=tip("palette"),
    )
    weights = _after(view)
    found = domains.palette_view((digest, layer.id), weights, int(bits))
    left, right = st.columns([5, 4], gap="medium")
    with left:
        drawn = KernelView(
            f"{layer.id}, {bits} bits", found.weights, view.mask, height_px=HEIGHT_PX
        )
        mosaic(drawn, key=f"palette-{digest[:8]}-{layer.id}")
    with right:
        frame.show(codebook_figure(layer.id, weights, found.palette), key="codebook")
        stored = found.palette.kept * bits / 8 + 4 * len(found.palette.codebook)
        st.markdown(
            f"{count(found.palette.kept)} weights in {size(stored)} instead of "
            f"{size(4 * weights.size)}, positions of the kept ones and entropy coding "
            f"not counted; rounding them costs {percent(found.error, 2)} of the "
            "squared weights."
        )


def _after(view: KernelView) -> Any:
    """Return the layer's weights after pruning."""
    if view.mask is None:
        return view.weights
    return np.where(view.mask, view.weights, np.float32(0))
