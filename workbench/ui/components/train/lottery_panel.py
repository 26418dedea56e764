"""Lottery tickets: start the rounds, watch them, what they say.

Belongs here: buttons, picture, code. Does not belong here: the form (``tuning_form``),
the rounds (``services.lotteries``).
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from workbench.ui import theme
from workbench.ui.charts import frame
from workbench.ui.charts.tickets import tickets_figure
from workbench.ui.components.shared.feedback import caught
from workbench.ui.components.shared.job_panel import find, job_panel, remember
from workbench.ui.components.shared.snippets import snippets
from workbench.ui.format import count, duration, percent, points
from workbench.ui.services import break_even, code, lotteries

if TYPE_CHECKING:
    from workbench.ui.services.finetunes import FinetuneOrder


def lottery_panel(order: "FinetuneOrder") -> None:
    """Draw the button, the rounds so far, or the recorded ones."""
    inputs = lotteries.inputs_of(order)
    running = find(lotteries.KIND)
    busy = running is not None and not running.finished

    def begin() -> None:
        with caught():
            remember(lotteries.KIND, lotteries.start(order))

    many = lotteries.trainings(order)
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
            f"{many} trainings from random weights, about "
            f"{duration(many * order.estimate_s)} on a quiet core."
        )
    shown = (
        f"{order.pruned.base.name} from random weights, seed {order.settings['seed']}, "
        f"{count(len(order.train))} training images, {order.settings['epochs']} epochs "
        "a training; scored on validation images."
    )
    earlier = break_even.recorded(lotteries.KIND, inputs)
    mine = running is not None and running.spec["inputs"] == inputs
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
        tickets_figure(rows, conditions=f"{shown} n = {count(last['n'])}."),
        key="lottery-rounds",
    )
    if len(rows) < 2:
        return
    text = (
        f"With {percent(last['left'])} of the weights the ticket reaches "
        f"**{percent(last['ticket'])}**, {points(last['ticket'] - first['ticket'])} "
        "against all of them"
    )
    if last["random"] is not None:
        gain = points(last["ticket"] - last["random"])
        text += f"; the same masks from other random weights: {gain} for the ticket"
    st.markdown(f"{text}. One run: small differences are noise.")


def _code(order: "FinetuneOrder") -> None:
    name = order.pruned.base.name
    settings = lotteries.settings_of(order)
    said = ", ".join(f"{key}={value!r}" for key, value in settings.items())
    plan = ", ".join(f"{key}={value!r}" for key, value in order.params.items())
    sets = " ".join(f"--set {key}={value}" for key, value in order.params.items())
    usual = {"batch_size": 128, "weight_decay": 5e-4}
    only = [key for key, value in usual.items() if settings.get(key, value) != value]
    snippets(
        command=f"python -m workbench train {name} --fresh --method lottery {sets} "
        f"--epochs {settings['epochs']} --lr {settings['lr']} --rates "
        f"{settings['rates']} --seed {settings['seed']} --images {len(order.train)}",
        python=f"{code.opening(order.pruned.base)}"
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
