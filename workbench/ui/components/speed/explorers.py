"""Two explorers: a layer's break-even, and which algorithm wins for a shape.

Belongs here: their controls and pictures. Does not belong here: measuring
(``services.break_even``).
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
from workbench.ui.services import break_even, code

if TYPE_CHECKING:
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
    inputs = break_even.layer_inputs(network, layer, method)
    measured(
        break_even.LAYER_KIND,
        inputs,
        lambda: break_even.start_layer(network, layer, method),
        lambda found: _curve(found, layer, method),
    )
    snippets(
        command=f"python -m workbench sensitivity {code.argument(network)} "
        f"--break-even {layer}",
        python=f"{code.opening(network)}found = wb.break_even(\n"
        f'    net, "{layer}", methods=["{method}"], sparsities={break_even.LEVELS}\n'
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
    measured(
        break_even.SHAPE_KIND,
        break_even.shape_inputs(shape),
        lambda: break_even.start_shape(shape),
        _algorithms,
    )
    made = f"wb.ConvShape({channels}, {channels}, {side}, {size})"
    rows = f"wb.measure_algorithms({made}, seconds={break_even.SECONDS:g})"
    snippets(
        command=f"python -c 'import workbench as wb\nfor row in {rows}: print(row)'",
        python=f"import workbench as wb\n\nfor row in {rows}:\n    print(row)",
        key="algorithms-code",
    )


def measured(
    kind: str,
    inputs: dict[str, Any],
    start: Callable[[], str],
    draw: Callable[[Mapping[str, Any]], None],
    *,
    note: str = "About 10 s on a quiet machine.",
) -> None:
    """Draw the button, the job of this question, or its record.

    Parameters
    ----------
    kind : str
        Of the record; also links the page to its job.
    inputs : dict
        What identifies the question.
    start : callable
        Starts the job and returns its id.
    draw : callable
        Draws what the job returned.
    note : str
        What to expect before it has been measured.
    """
    running = find(kind)

    def begin() -> None:
        with caught():
            remember(kind, start())

    earlier = break_even.recorded(kind, inputs)
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


def _curve(found: Mapping[str, Any], layer: str, method: str) -> None:
    rows = found["rows"]
    dense = rows["dense"]
    points = [
        Point(float(name), row["median_ms"], row["p10_ms"], row["p90_ms"], row["n"])
        for name, row in rows.items()
        if name != "dense"
    ]
    # Of rounds in turn: what slows the whole machine has cancelled out.
    wins = [float(name) for name, row in rows.items() if row.get("verdict") == "faster"]
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
    figure = curve_figure(points, [Level("dense", dense["median_ms"])], words)
    frame.show(figure, key="break-even")
    if wins:
        st.markdown(
            f"Break-even: **{percent(min(wins), 0)}** is the first sparsity here that "
            "is faster than dense beyond the noise."
        )
    else:
        st.markdown("**Not faster** at any sparsity measured here.")


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
