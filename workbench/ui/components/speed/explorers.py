"""Two explorers: a layer's break-even, and which algorithm wins for a shape.

Belongs here: their controls and pictures. Does not belong here: measuring
(``workflows``).
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import streamlit as st

from workbench.ui.charts import frame
from workbench.ui.charts.curve import Level, Point, Words, curve_figure
from workbench.ui.charts.latency import latency_figure
from workbench.ui.components.shared.feedback import caught
from workbench.ui.components.shared.job_panel import find, job_panel, remember
from workbench.ui.components.shared.snippets import snippets
from workbench.ui.format import millis, percent, short
from workbench.ui.services import code
from workbench.workflows import orders
from workbench.workflows.algorithms import SECONDS, AlgorithmsOrder, run_algorithms
from workbench.workflows.break_even.order import SPARSITIES, BreakEvenOrder
from workbench.workflows.break_even.run import run_break_even
from workbench.workflows.orders import Asked

if TYPE_CHECKING:
    from workbench.jobs.job import Job
    from workbench.models.network import Network

METHODS = ("magnitude", "block", "kernel", "pconv", "filter")


def break_even_explorer(network: "Network") -> None:
    """Draw time against sparsity of one layer, with the crossing named."""
    names = [layer.id for layer in network.layers if layer.kind == "conv"]
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        layer = st.selectbox(
            "Convolution",
            names,
            index=min(1, len(names) - 1),
            key="evenlayer",
            width=260,
        )
        method = st.selectbox(
            "Method", METHODS, key="evenmethod", bind="query-params", width=200
        )
    measured(BreakEvenOrder(network, layer, method), run_break_even, _curve)
    snippets(
        command=f"python -m workbench sensitivity {code.argument(network)} "
        f"--break-even {layer} --methods {method}",
        python=f"{code.opening(network)}found = wb.break_even(\n"
        f'    net, "{layer}", methods=["{method}"], sparsities={SPARSITIES}\n'
        ")\nprint(found.to_dict())",
        key="even-code",
    )


def algorithm_explorer() -> None:
    """Draw every algorithm's time for a convolution of any shape."""
    from workbench.analysis.algorithms.comparison import ConvShape

    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        channels = st.select_slider(
            "Channels", (4, 8, 16, 32, 64, 128, 256), 32, key="ch", bind="query-params"
        )
        side = st.select_slider(
            "Image side", (7, 14, 28, 56, 112), 28, key="img", bind="query-params"
        )
        size = st.select_slider(
            "Kernel side", (1, 3, 5, 7, 9, 11), 3, key="ks", bind="query-params"
        )
    shape = ConvShape(channels, channels, side, size)
    measured(AlgorithmsOrder(shape), run_algorithms, _algorithms)
    made = f"wb.ConvShape({channels}, {channels}, {side}, {size})"
    rows = f"wb.measure_algorithms({made}, seconds={SECONDS:g})"
    snippets(
        command=f"python -c 'import workbench as wb\nfor row in {rows}: print(row)'",
        python=f"import workbench as wb\n\nfor row in {rows}:\n    print(row)",
        key="algorithms-code",
    )


def measured(
    order: Asked,
    run: "Callable[[Job, Asked], object]",
    draw: Callable[[Mapping[str, Any]], None],
    *,
    note: str = "About 10 s on a quiet machine.",
) -> None:
    """Draw the button, the job of this question, or its record.

    Parameters
    ----------
    order : Order
        The question; its kind also links the page to its job.
    run : callable (job, order)
        Answers it and keeps the record.
    draw : callable
        Draws what the job returned.
    note : str
        What to expect before it has been measured.
    """
    kind, inputs = order.kind, order.inputs
    running = find(kind)

    def begin() -> None:
        with caught():
            remember(kind, orders.start(order, run))

    earlier = orders.recorded(order)
    st.button(
        "Measure" if earlier is None else "Measure again",
        key=f"measure-{kind}",
        icon=":material/play_arrow:",
        on_click=begin,
        disabled=running is not None and not running.finished,
    )
    if running is not None and (
        not running.finished or running.spec["inputs"] == inputs
    ):
        job_panel(
            running,
            ["Measuring"],
            lambda view: draw(view.result) if isinstance(view.result, dict) else None,
        )
    elif earlier is not None:
        st.caption(f"Measured before, {earlier.created[:16]} UTC.")
        draw(earlier.results)
    else:
        st.caption(f"Not measured yet. {note}")


def _curve(found: Mapping[str, Any]) -> None:
    layer, method = found["layer"], found["method"]
    columns = zip(
        found["reached"], found["ms"], found["p10_ms"], found["p90_ms"], strict=True
    )
    points = [
        Point(float(at), ms, low, high, found["n"])
        for at, ms, low, high in columns
        if at is not None
    ]
    words = Words(
        name=f"break-even-{layer}",
        title=f"{layer} alone, pruned by {method}",
        x="sparsity",
        reading="A dot is a median, its line runs from the 10th to the 90th "
        "percentile. Where dots lie below the dashed line, pruning makes this layer "
        "faster than its best dense kernel.",
        conditions=found["line"],
        x_format="%",
    )
    figure = curve_figure(points, [Level("dense", found["dense_ms"])], words)
    frame.show(figure, key="break-even")
    if found["crossing"] is None:
        st.markdown("**Not faster** for good at any sparsity measured here.")
        return
    wins = [
        at
        for at, faster in zip(found["reached"], found["faster"], strict=True)
        if faster and at >= found["crossing"]
    ]
    st.markdown(
        f"Break-even: **{percent(found['crossing'], 0)}**. From "
        f"{percent(min(wins), 0)} on, each sparsity here is faster than dense beyond "
        "the noise."
    )


def _algorithms(found: Mapping[str, Any]) -> None:
    timed = [row for row in found["rows"] if row["ms"] is not None]
    bars = [
        {
            "name": row["algorithm"],
            "engine": "workbench",
            "weights": "dense",
            "median_ms": row["ms"],
            "p10_ms": row["p10_ms"],
            "p90_ms": row["p90_ms"],
            "n": row["n"],
        }
        for row in timed
    ]
    frame.show(
        latency_figure(
            bars, conditions=found["line"], title="One convolution by every algorithm"
        ),
        key="algorithms",
    )
    first, last = timed[0], timed[-1]
    st.markdown(
        f"Fastest: **{first['algorithm']}**, {millis(first['ms'])} with "
        f"{short(first['multiplies'])} products. Slowest: {last['algorithm']}, "
        f"{millis(last['ms'])} with {short(last['multiplies'])}."
    )
    refused = [row["algorithm"] for row in found["rows"] if row["ms"] is None]
    if refused:
        st.caption("Too inexact to be timed: " + ", ".join(refused) + ".")
