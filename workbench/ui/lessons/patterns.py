"""Lesson: patterns and connectivity, the PCONV way of pruning.

Source: Ma et al. 2020, "PCONV: The Missing but Desirable Sparsity in DNN Weight
Pruning for Real-time Execution on Mobile Devices", section 3.
"""

from typing import TYPE_CHECKING

import streamlit as st

import workbench as wb
from workbench.ui.charts.frame import Figure
from workbench.ui.charts.patterns import dictionary_figure
from workbench.ui.charts.tradeoff import timed_spots, tradeoff_figure
from workbench.ui.format import millis, percent
from workbench.ui.lessons.lesson import Found, Lesson, Question, Result, Setting
from workbench.ui.lessons.stage import TEACHING_MODEL, Net, time_all

if TYPE_CHECKING:
    from workbench.jobs.job import Job

SIZES = (1, 4, 8, 16)
CONNECTIVITY = 0.3


def _control() -> Setting:
    chosen = st.slider(
        "Patterns in the dictionary (K)", 1, 16, 8, key="shapes", bind="query-params"
    )
    return {"patterns": chosen}


def _figure(setting: Setting, seed: int) -> Figure:
    from workbench.analysis.patterns import pattern_statistics

    found = pattern_statistics(wb.load_model(TEACHING_MODEL))
    size = setting["patterns"]
    shares = found.counts / max(1, int(found.counts.sum()))
    figure = dictionary_figure(
        TEACHING_MODEL,
        list(found.patterns[:size]),
        shares[:size].tolist(),
        width_px=1120,
    )
    return Figure(
        name=figure.name,
        title=f"The {size} most frequent patterns of {TEACHING_MODEL}",
        reading=f"{figure.reading} These {size} are the best choice of "
        f"{percent(float(found.coverage[size - 1]))} of all kernels, and keep "
        f"{percent(float(found.retained[size - 1]))} of the squared weights.",
        alt=figure.alt,
        chart=figure.chart,
        data=figure.data,
    )


def _measure(job: "Job", setting: Setting, seed: int) -> Found:
    network = wb.load_model(TEACHING_MODEL)
    data = wb.dataset_for(network, split="test").take(1000)
    train = wb.dataset_for(network, split="train")
    nets: dict[str, Net] = {"dense": network}
    for size in SIZES:
        recipe = wb.Recipe.uniform(
            "pconv", 0.7, patterns=size, connectivity=CONNECTIVITY
        )
        pruned = wb.prune(network, recipe)
        nets[f"K = {size}"] = wb.reestimate_bn(pruned, train, images=2000, seed=seed)
        job.check()
    accuracy = {}
    for name, net in nets.items():
        accuracy[name] = wb.evaluate(net, data).top1
        job.check()
    return {
        **time_all(job, nets, seed=seed),
        "top1": accuracy,
        "n": len(data),
    }


def _result(found: Found) -> Result:
    rows, top1 = found["rows"], found["top1"]
    spots = timed_spots(found["rows"], found["top1"])
    # Of equal ones the faster, whatever order a recorded run comes back in.
    best = max(
        (name for name in top1 if name != "dense"),
        key=lambda name: (top1[name], -rows[name]["median_ms"]),
    )
    figure = tradeoff_figure(
        spots, conditions=f"{found['line']}; n = {found['n']} test images"
    )
    return Result(
        (figure,),
        f"Four weights a kernel and {percent(CONNECTIVITY, 0)} of the kernels gone, "
        f"batch norms re-estimated, nothing retrained: **{best}** keeps "
        f"{percent(top1[best])} of {percent(top1['dense'])} at "
        f"{millis(rows[best]['median_ms'])}; dense takes "
        f"{millis(rows['dense']['median_ms'])}.",
    )


LESSON = Lesson(
    id="patterns",
    title="Patterns and connectivity",
    aim="Explain why four weights in one of a few shapes are both accurate and fast.",
    story="Pattern pruning keeps four weights of every 3 × 3 kernel: the centre and "
    "three more, in one of K shapes. The shapes are few, so that kernels with the same "
    "shape can share one unrolled loop. Connectivity pruning removes whole kernels on "
    "top.",
    control=_control,
    figure=_figure,
    measures=f"{TEACHING_MODEL} pruned by pconv with K = 1, 4, 8 and 16 and "
    f"{percent(CONNECTIVITY, 0)} of kernels removed: accuracy after batch norms were "
    "re-estimated, and time in our engine.",
    seconds=25,
    measure=_measure,
    result=_result,
    questions=(
        Question(
            "A 3 × 3 kernel keeps its centre and three of eight neighbours. How many "
            "shapes are there?",
            "8 · 7 · 6 / (3 · 2 · 1) = 56; a dictionary takes the K most useful ones.",
        ),
        Question(
            "What does a larger dictionary buy, and what does it cost?",
            "More kernels get the shape that suits them, so more of the squared "
            "weights stay; but the kernel code has more cases to switch between.",
        ),
        Question(
            "Which sparsity do patterns alone give?",
            "5 of 9 weights become zero: 55.6 %. Anything beyond comes from "
            "connectivity.",
        ),
    ),
    source="Ma et al. 2020, PCONV: The Missing but Desirable Sparsity in DNN Weight "
    "Pruning, section 3; Niu et al. 2020, PatDNN, section 4",
)
