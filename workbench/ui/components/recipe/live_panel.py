"""What the recipe does: accuracy and time at the top of the page, without a button.

Belongs here: the four tiles, of the quick look or of the careful measurement once
there is one. Does not belong here: measuring (``services.live``, ``workflows.trial``),
the charts (``trial_results``).
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import streamlit as st

from workbench.errors import WorkbenchError
from workbench.measure.bars import OURS_DENSE, OURS_PRUNED, TORCH_DENSE
from workbench.ui import conditions_text
from workbench.ui.components.recipe.accuracy_card import accuracy_card
from workbench.ui.components.shared.tiles import tile
from workbench.ui.format import count, millis, percent, ratio
from workbench.ui.glossary import tip
from workbench.ui.services import data, live, settled
from workbench.workflows.accuracies import HELD, IMAGES, settled_part
from workbench.workflows.headlines import headline

if TYPE_CHECKING:
    from workbench.models.network import Network
    from workbench.pruning.pruned import PrunedNetwork
    from workbench.store.run import Run

Parts = Mapping[str, Any]
_NO_DATA = "Top-1 accuracy"


def live_panel(network: "Network", pruned: "PrunedNetwork") -> None:
    """Draw accuracy and time of dense and pruned; say why where that is too slow."""
    if not settled.follows(network):
        st.caption(
            "This network is too large to follow the slider: press “Apply and measure”."
        )
        return
    try:
        images = data.current(network)
    except WorkbenchError:
        images = None
    with st.spinner("Pruning, re-estimating, asking the images, timing…"):
        try:
            used = settled.current(network, pruned)
            found = live.live(network, pruned, used, images)
        except WorkbenchError:
            st.caption("Our engine does not cover an operation of this network.")
            return
    tiles = st.columns(4)
    with tiles[0]:
        _accuracy(found, used, "" if images is None else _images_text(images))
    with tiles[1]:
        _time(found)
    with tiles[2]:
        _removed(pruned)
    with tiles[3]:
        tile(
            "Answered in",
            f"{found.seconds + used.seconds:.2f}\u00a0s",
            below="re-estimated, asked, timed",
            help="From the masks to these numbers. A recipe that was on the screen "
            f"before is not measured again. {conditions_text.here()}",
        )


def measured_panel(run: "Run", pruned: "PrunedNetwork") -> None:
    """Draw the same tiles of a finished trial: these numbers are the careful ones."""
    parts = run.results
    images = ", ".join(str(run.inputs[key]) for key in ("dataset", "split"))
    head = headline(parts)
    latency = parts["latency"]
    rows = {
        name: conditions_text.latency_row(latency, name)
        for name in (OURS_PRUNED, OURS_DENSE, TORCH_DENSE)
    }
    tiles = st.columns(4)
    with tiles[0]:
        if head is None:
            tile(_NO_DATA, "no data", help=tip("top-1"))
        else:
            note = "Measured by “Apply and measure”."
            accuracy_card(head, parts.get("dense"), images=images, note=note)
    with tiles[1]:
        _measured_time(latency, rows)
    with tiles[2]:
        _removed(pruned)
    with tiles[3]:
        _rival(latency, rows)


def _images_text(images: Any) -> str:
    return f"{images.name}, {images.split}"


def _removed(pruned: "PrunedNetwork") -> None:
    tile(
        "Weights removed",
        percent(pruned.report.sparsity),
        below=f"of {count(pruned.report.weights)}",
        help=tip("sparsity"),
    )


def _accuracy(found: live.Live, used: settled.Settled, images: str) -> None:
    after, before = found.pruned.accuracy, found.dense.accuracy
    if after is None or before is None:
        tile(_NO_DATA, "no data", help=tip("top-1"))
        return
    raw = after if found.raw is None else found.raw
    head = headline({"raw": asdict(raw), "bn": settled_part(used, after)})
    assert head is not None
    accuracy_card(
        head,
        asdict(before),
        images=images,
        note="A quick subset; “Apply and measure” asks all that are chosen under Data. "
        f"Batch norms: {IMAGES} training images give the statistics, "
        f"{HELD} others say whether they help.",
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
        f"torch beside it. {conditions_text.here()}",
    )


def _measured_time(latency: Parts, rows: Mapping[str, Parts | None]) -> None:
    mine, dense = rows[OURS_PRUNED], rows[OURS_DENSE]
    if mine is None:
        tile("Time of one image", "no time", help=tip("latency"))
        return
    said = _verdict(latency, OURS_DENSE)
    before = "" if dense is None else f"dense {millis(dense['median_ms'])}; {said}"
    tile(
        "Time of one image, measured",
        millis(mine["median_ms"]),
        below=before,
        help=f"{tip('latency')}\n\n{conditions_text.time(mine, str(latency['line']))}",
    )


def _rival(latency: Parts, rows: Mapping[str, Parts | None]) -> None:
    torch = rows[TORCH_DENSE]
    if torch is None or rows[OURS_PRUNED] is None:
        tile("Against PyTorch", "no time", help=tip("speed-up"))
        return
    tile(
        "Against PyTorch",
        _verdict(latency, TORCH_DENSE),
        below=f"torch dense {millis(torch['median_ms'])}",
        help="\n\n".join(
            (tip("speed-up"), conditions_text.time(torch, str(latency["line"])))
        ),
    )


def _verdict(latency: Parts, baseline: str) -> str:
    """Return how much faster the pruned program is, or that it is not."""
    for one in latency["comparisons"]:
        if (one["name"], one["baseline"]) == (OURS_PRUNED, baseline):
            noisy = one["verdict"] == "within noise"
            return str(one["verdict"]) if noisy else ratio(one["ratio"])
    return "not compared"
