"""Time against threads: the button, the curve, what more threads gained.

Belongs here: drawing. Does not belong here: measuring (``workflows.thread_sweep``).
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import streamlit as st

from workbench.ui.charts import frame
from workbench.ui.charts.curve import Point, Words, curve_figure
from workbench.ui.components.shared.snippets import snippets
from workbench.ui.components.speed.explorers import measured
from workbench.ui.format import duration, ratio
from workbench.ui.services import code
from workbench.workflows.thread_sweep import (
    SECONDS,
    ThreadSweepOrder,
    counts,
    run_thread_sweep,
)

if TYPE_CHECKING:
    from workbench.models.network import Network
    from workbench.pruning.pruned import PrunedNetwork


def thread_sweep(network: "Network", pruned: "PrunedNetwork | None") -> None:
    """Draw the time of torch, our dense and our pruned program by threads."""
    order = ThreadSweepOrder(network, pruned, counts())
    measured(
        order,
        run_thread_sweep,
        _curve,
        note=f"Tries {', '.join(map(str, order.threads))} threads: about "
        f"{duration(order.estimate_s)} on a quiet machine.",
    )
    recipe = None if pruned is None else pruned.recipe
    option = "" if recipe is None else f" --recipe {code.FILE}"
    subject = "net" if recipe is None else "net, pruned"
    snippets(
        command=code.recipe_command(recipe)
        + "\n".join(
            f"python -m workbench bench {code.argument(network)}{option} "
            f"--threads {number} --seconds {SECONDS:g}"
            for number in order.threads
        ),
        python=f"{code.opening(network, recipe)}for threads in {order.threads}:\n"
        f"    found = wb.bench({subject}, threads=threads, "
        f"budget_s={SECONDS:g})\n"
        "    print(threads, {row.name: row.median_ms for row in found.rows})",
        key="threads-code",
    )


def _curve(found: Mapping[str, Any]) -> None:
    rows = found["rows"]
    points = [
        Point(
            row["threads"],
            row["median_ms"],
            row["p10_ms"],
            row["p90_ms"],
            row["n"],
            row["name"],
        )
        for row in rows
    ]
    words = Words(
        name="threads",
        title="Time of one image by threads",
        x="threads",
        reading="One line an engine: a dot is a median, its line runs from the 10th to "
        "the 90th percentile. A flat line gains nothing from more threads: small "
        "layers end before a second thread has begun.",
        conditions=found["line"],
        x_format="d",
    )
    frame.show(curve_figure(points, [], words), key="threads-curve")
    names = dict.fromkeys(row["name"] for row in rows)
    said = []
    for name in names:
        mine = [row for row in rows if row["name"] == name]
        first, last = mine[0], mine[-1]
        if last is not first:
            gain = ratio(first["median_ms"] / last["median_ms"])
            said.append(f"{name} {gain}")
    if said:
        most = rows[-1]["threads"]
        st.markdown(f"{most} threads against one: " + ", ".join(said) + ".")
    else:
        st.markdown("This machine has one core: there is nothing to compare.")
