"""Start, watch, stop, continue a sweep; cells fill in as they come.

Belongs here: the buttons and which rows stand on the page. Does not belong here: the
form (``sweep_form``), the pictures (``sweep_results``).
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from workbench.ui import theme
from workbench.ui.components.shared.feedback import caught
from workbench.ui.components.shared.job_panel import find, job_panel, remember
from workbench.ui.components.shared.snippets import snippets
from workbench.ui.components.sweep.files import brought_sweep
from workbench.ui.components.sweep.results import sweep_results
from workbench.ui.format import duration
from workbench.ui.services import code, sweeps
from workbench.workflows.sweep.known import known_of, sweep_of

if TYPE_CHECKING:
    from workbench.workflows.sweep.order import SweepOrder

_JOB = "sweep"


def sweep_panel(order: "SweepOrder") -> None:
    """Draw the buttons of an order, its progress, and the cells that are known."""
    running = find(_JOB)
    spec = sweeps.spec_of(order)
    mine = running is not None and running.spec == spec
    busy = running is not None and not running.finished
    cells = sum(len(curve.sparsities) for curve in order.curves)
    known = known_of(order)

    def start() -> None:
        with caught():
            remember(_JOB, sweeps.start(order))

    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Continue" if known.rows and not known.whole else "Start",
            type=theme.main_button(),
            icon=":material/play_arrow:",
            on_click=start,
            disabled=busy or known.whole,
        )
        _code(order)
        brought = brought_sweep(order.network)
        st.caption(
            f"{cells} cells, {len(known.rows)} known. "
            + (
                "Nothing is left to do."
                if known.whole
                else f"About {duration(order.estimate_s)} in all on a quiet core."
            )
        )
    if brought is not None:
        st.caption(f"From a file: {brought.model}, {len(brought.rows)} cells.")
        sweep_results(brought, order)
        return
    if busy and not mine:
        st.caption("Another sweep is still running.")
    if running is not None and (busy or mine):
        job_panel(running, ["Cells"], lambda view: _draw(order, view.rows))
    else:
        _draw(order, known.rows)


def _draw(order: "SweepOrder", rows: Sequence[Any]) -> None:
    base = known_of(order).base
    if base is not None and rows:
        sweep_results(sweep_of(order, rows, base), order)


def _code(order: "SweepOrder") -> None:
    name, options = code.argument(order.network), order.options
    levels = ",".join(f"{level:g}" for level in order.sparsities)
    stop = "" if options.stop_drop is None else f" --stop-drop {options.stop_drop:g}"
    seed = f" --seed {options.seed}" * bool(options.seed)
    snippets(
        command=f"python -m workbench sensitivity {name} "
        f"--methods {','.join(order.methods)} --sparsities {levels} "
        f"--images {options.images} --latency {options.latency}"
        f"{stop}{seed} --csv sweep.csv",
        python="import workbench as wb\n\n"
        f"net = {code.load_line(order.network)}\n"
        'val = wb.dataset_for(net, split="val")\n'
        f"options = wb.SweepOptions(images={options.images}, "
        f"latency={options.latency!r}, stop_drop={options.stop_drop}, "
        f"seed={options.seed})\n"
        f"sweep = wb.sensitivity(net, val, methods={list(order.methods)}, "
        f"sparsities={list(order.sparsities)}, options=options)\n"
        "for row in sweep.rows:\n    print(row.key, row.top1)",
        key="sweep-code",
    )
