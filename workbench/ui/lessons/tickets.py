"""Lesson: lottery tickets.

Source: Frankle and Carbin 2019, "The Lottery Ticket Hypothesis", sections 1 and 2.
"""

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

import workbench as wb
from workbench.ui.charts.cells import ACTIVE, KEPT, REMOVED, Grid, cells, numbers
from workbench.ui.charts.frame import Figure
from workbench.ui.charts.tickets import tickets_figure
from workbench.ui.format import percent, points
from workbench.ui.lessons.lesson import Found, Lesson, Question, Result, Setting

if TYPE_CHECKING:
    from workbench.jobs.job import Job

SIDE, ROUNDS, RATE = 8, 4, 0.5
MODEL, IMAGES, EPOCHS, BATCH = "lenet5-mnist5k", 1000, 4, 32
RATE_OF_LEARNING = 0.05


def _control() -> Setting:
    chosen = st.slider("Round", 0, ROUNDS, 2, key="round", bind="query-params")
    return {"round": chosen}


def _figure(setting: Setting, seed: int) -> Figure:
    random = np.random.default_rng(seed)
    start = random.standard_normal((SIDE, SIDE))
    trained = start + 0.7 * random.standard_normal((SIDE, SIDE))
    keep = np.ones(start.shape, bool)
    for _ in range(setting["round"]):
        left = np.abs(trained[keep])
        keep &= np.abs(trained) > np.quantile(left, RATE)
    share = float(keep.mean())
    grids = [
        Grid("the start", start, np.full(start.shape, KEPT), 1),
        Grid("after training", trained, np.where(keep, ACTIVE, REMOVED), 1),
        Grid(
            "the ticket: masks, and the start again",
            np.where(keep, start, 0.0),
            np.where(keep, KEPT, REMOVED),
            1,
        ),
    ]
    return Figure(
        name="lottery",
        title=f"Round {setting['round']}: the ticket holds {percent(share)} of the "
        "weights",
        reading="Train, keep the half of what is left that grew largest (orange), "
        "and put the survivors back to the numbers they had at the start (right). "
        "Then train again.",
        alt=f"{int(keep.sum())} of {keep.size} weights are left",
        chart=cells(grids),
        data=numbers(grids),
    )


def _measure(job: "Job", setting: Setting, seed: int) -> Found:
    from workbench.training.loop.fit import FitHooks
    from workbench.training.lottery import LotteryPlan

    network = wb.fresh(wb.load_model(MODEL), seed=seed)
    train = wb.dataset_for(network, split="train").take(IMAGES)
    val = wb.dataset_for(network, split="val")
    trainings = 1 + 2 * ROUNDS
    job.set_total(trainings)
    rows = []
    tickets = wb.lottery(
        network,
        train,
        val,
        plan=LotteryPlan(rounds=ROUNDS, rate=RATE),
        epochs=EPOCHS,
        batch_size=BATCH,
        lr=RATE_OF_LEARNING,
        seed=seed,
        hooks=FitHooks(after_batch=lambda done, total: job.check()),
    )
    for ticket in tickets:
        control = None if ticket.control is None else ticket.control.top1
        rows.append(
            {
                "round": ticket.number,
                "left": 1 - ticket.sparsity,
                "ticket": ticket.accuracy.top1,
                "random": control,
                "n": ticket.accuracy.n,
            }
        )
        job.advance(cells=1 if ticket.number == 0 else 2)
    return {"rounds": rows, "n": len(val), "images": IMAGES, "epochs": EPOCHS}


def _result(found: Found) -> Result:
    rows = found["rounds"]
    figure = tickets_figure(
        rows,
        conditions=f"{MODEL}, {found['images']} training images, {found['epochs']} "
        f"epochs a training, n = {found['n']} validation images",
    )
    last, first = rows[-1], rows[0]
    gain = last["ticket"] - (last["random"] or 0.0)
    return Result(
        (figure,),
        f"With {percent(last['left'])} of the weights the ticket reaches "
        f"**{percent(last['ticket'])}** ({percent(first['ticket'])} with all of them); "
        f"the same masks from other random numbers {percent(last['random'] or 0.0)}: "
        f"{points(gain)}. Validation images, one run; small differences are noise.",
    )


LESSON = Lesson(
    id="tickets",
    title="Lottery tickets",
    aim="Explain what rewinding is, and what the control with random weights tests.",
    story="A trained network can be pruned far. Can the small network be trained from "
    "the start? The lottery ticket hypothesis: yes, if the weights that survive go "
    "back to the very numbers they began with. The control keeps the masks and draws "
    "other numbers.",
    control=_control,
    figure=_figure,
    measures=f"{MODEL} from random weights: trained, half of what is left pruned, "
    f"rewound, {ROUNDS} rounds, each against the same masks from other random weights; "
    f"{IMAGES} images, {EPOCHS} epochs of {IMAGES // BATCH} steps, which is short.",
    seconds=25,
    measure=_measure,
    result=_result,
    questions=(
        Question(
            "Half of what is left goes each round. What is left after four rounds?",
            "0.5⁴ = 6.25 %.",
        ),
        Question(
            "What does the control tell apart?",
            "Whether the masks alone make the ticket good, or masks together with the "
            "numbers that the weights began with.",
        ),
        Question(
            "Why rewind to a step after the start in large networks?",
            "Right at the start training is unstable: two runs end in different "
            "places. A little later they agree, and tickets survive (Frankle 2020).",
        ),
    ),
    source="Frankle and Carbin 2019, The Lottery Ticket Hypothesis, sections 1 and 2; "
    "Frankle et al. 2020, Linear Mode Connectivity and the Lottery Ticket Hypothesis",
)
