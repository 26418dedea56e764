"""What the recipe does right now: accuracy and time, without a button.

Belongs here: four tiles under the slider. Does not belong here: measuring
(``services.live``), the careful measurement (``trial_results``).
"""

from typing import TYPE_CHECKING

import streamlit as st

from workbench.errors import WorkbenchError
from workbench.ui import told
from workbench.ui.components.tiles import tile
from workbench.ui.format import count, interval, millis, percent, ratio
from workbench.ui.glossary import tip
from workbench.ui.services import data, live

if TYPE_CHECKING:
    from workbench.models.network import Network
    from workbench.pruning.pruned import PrunedNetwork


def live_panel(network: "Network", pruned: "PrunedNetwork") -> None:
    """Draw accuracy and time of dense and pruned; say why where that is too slow."""
    if not live.follows(network):
        st.caption(
            "This network is too large to follow the slider: press “Apply and measure”."
        )
        return
    try:
        images = data.current(network)
    except WorkbenchError:
        images = None
    with st.spinner("Pruning, asking the images, timing…"):
        try:
            found = live.live(network, pruned, images)
        except WorkbenchError:
            st.caption("Our engine does not cover an operation of this network.")
            return
    tiles = st.columns(4)
    with tiles[0]:
        _accuracy(found, "" if images is None else f"{images.name}, {images.split}")
    with tiles[1]:
        _time(found)
    with tiles[2]:
        tile(
            "Weights removed",
            percent(pruned.report.sparsity),
            below=f"of {count(pruned.report.weights)}",
            help=tip("sparsity"),
        )
    with tiles[3]:
        tile(
            "Answered in",
            f"{found.seconds:.2f}\u00a0s",
            below="pruned, asked, timed",
            help="From the masks to these numbers. A recipe that was on the screen "
            f"before is not measured again. {told.here()}",
        )


def _accuracy(found: live.Live, images: str) -> None:
    after, before = found.pruned.accuracy, found.dense.accuracy
    if after is None or before is None:
        tile("Top-1, raw", "no data", help=tip("top-1"))
        return
    tile(
        "Top-1, raw",
        percent(after.top1),
        below=f"{interval(*after.interval)}; dense {percent(before.top1)}",
        help=f"{tip('top-1')}\n\nn = {count(after.n)} of {images} images, a quick "
        f"subset; below it the 95 % interval. Nothing is retrained and batch norms are "
        "as they were: “Apply and measure” re-estimates them.",
    )


def _time(found: live.Live) -> None:
    after, before = found.pruned.time, found.dense.time
    gain = found.gain
    said = gain.verdict if gain.verdict == "within noise" else ratio(gain.value)
    tile(
        "Time of one image",
        millis(after.median_ms),
        below=f"dense {millis(before.median_ms)}; {said}",
        help=f"Our engine, one thread, n = {after.n} runs in turn with the dense "
        f"program; 10th to 90th percentile {millis(after.p10_ms)} to "
        f"{millis(after.p90_ms)}, dense {millis(before.p10_ms)} to "
        f"{millis(before.p90_ms)}. Dense / pruned {ratio(gain.value)}, 95 % interval "
        f"over the rounds {gain.lo:.2f} to {gain.hi:.2f}. Kernels are "
        "taken by the cost model here; “Apply and measure” times every candidate, and "
        f"torch beside it. {told.here()}",
    )
