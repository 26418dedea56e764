"""Lottery tickets: start the rounds, watch them, what they say.

Belongs here: buttons, picture, code. Does not belong here: the form (``tuning_form``),
the rounds (``workflows.lottery``).
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import streamlit as st

from workbench.ui import theme
from workbench.ui.charts import frame
from workbench.ui.charts.tickets import tickets_figure
from workbench.ui.components.shared.feedback import caught
from workbench.ui.components.shared.job_panel import find, job_panel, remember
from workbench.ui.components.shared.snippets import snippets
from workbench.ui.format import count, duration, percent, points
from workbench.ui.services import code
from workbench.workflows import orders
from workbench.workflows.lottery import KIND, LotteryOrder, run_lottery


def lottery_panel(order: LotteryOrder) -> None:
    """Draw the button, the rounds so far, or the recorded ones."""
    running = find(KIND)
    busy = running is not None and not running.finished

    def begin() -> None:
        with caught():
            remember(KIND, orders.start(order, run_lottery))

    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Start",
            type=theme.main_button(),
            icon=":material/play_arrow:",
            on_click=begin,
            disabled=busy,
        )
        _code(order)
        st.caption(
            f"{order.trainings} trainings from random weights, about "
            f"{duration(order.estimate_s)} on a quiet core."
        )
    shown = (
        f"{order.network.name} from random weights, seed {order.settings['seed']}, "
        f"{count(len(order.train))} training images, {order.settings['epochs']} epochs "
        "a training; scored on validation images."
    )
    earlier = orders.recorded(order)
    mine = running is not None and running.spec["inputs"] == order.inputs
    if running is not None and (busy or mine):
        if not mine:
            st.caption("Rounds with other settings are still running.")
        job_panel(running, ["Trainings"], lambda view: _rounds(view.rows, shown))
    elif earlier is not None:
        st.caption(f"Trained before, {earlier.created[:16]} UTC.")
        _rounds(earlier.results["rounds"], shown)


def _rounds(rows: Sequence[Mapping[str, Any]], shown: str) -> None:
    if not rows:
        return
    last, first = rows[-1], rows[0]
    frame.show(
        tickets_figure(
            points_of(rows), conditions=f"{shown} n = {count(last['ticket']['n'])}."
        ),
        key="lottery-rounds",
    )
    if len(rows) < 2:
        return
    reached = last["ticket"]["top1"]
    text = (
        f"With {percent(1 - last['sparsity'])} of the weights the ticket reaches "
        f"**{percent(reached)}**, {points(reached - first['ticket']['top1'])} "
        "against all of them"
    )
    if last["control"] is not None:
        gain = points(reached - last["control"]["top1"])
        text += f"; the same masks from other random weights: {gain} for the ticket"
    st.markdown(f"{text}. One run: small differences are noise.")


def points_of(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return rounds as the picture wants them: shares of weights, top-1."""
    return [
        {
            "round": row["round"],
            "left": 1 - row["sparsity"],
            "ticket": row["ticket"]["top1"],
            "random": None if row["control"] is None else row["control"]["top1"],
            "n": row["ticket"]["n"],
        }
        for row in rows
    ]


def _code(order: LotteryOrder) -> None:
    name = order.network.name
    settings, params = order.settings, asdict(order.plan)
    said = ", ".join(f"{key}={value!r}" for key, value in settings.items())
    plan = ", ".join(f"{key}={value!r}" for key, value in params.items())
    sets = " ".join(f"--set {key}={value}" for key, value in params.items())
    usual = {"batch_size": 128, "weight_decay": 5e-4}
    only = [key for key, value in usual.items() if settings.get(key, value) != value]
    snippets(
        command=f"python -m workbench train {name} --fresh --method lottery {sets} "
        f"--epochs {settings['epochs']} --lr {settings['lr']} --rates "
        f"{settings['rates']} --seed {settings['seed']} --images {len(order.train)}",
        python=f"{code.opening(order.network)}"
        "from workbench.training.lottery import LotteryPlan\n\n"
        f'train = wb.dataset_for(net, split="train").take({len(order.train)})\n'
        'val = wb.dataset_for(net, split="val")\n'
        f"start = wb.fresh(net, seed={settings['seed']})\n"
        f"plan = LotteryPlan({plan})\n"
        f"for one in wb.lottery(start, train, val, plan=plan, {said}):\n"
        "    print(one.number, one.sparsity, one.accuracy.top1)",
        key="lottery-code",
        note=f"Only Python takes: {', '.join(only)}." if only else "",
    )
