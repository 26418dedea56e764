"""Lesson: the three stages of Deep Compression.

Source: Han, Mao, Dally 2016, "Deep Compression", sections 2 to 4 and table 1.
"""

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

import workbench as wb
from workbench.ui.charts.cells import KEPT, REMOVED, Grid, cells, numbers
from workbench.ui.charts.frame import Figure
from workbench.ui.charts.sizes import Size, sizes_figure
from workbench.ui.format import percent, ratio, size
from workbench.ui.lessons.lesson import Found, Lesson, Question, Result, Setting

if TYPE_CHECKING:
    from workbench.jobs.job import Job

SIDE = 6
ZEROS = 0.6
MODEL, SPARSITY, BITS = "lenet5-mnist5k", 0.9, "8:conv,5:fc"


def _control() -> Setting:
    bits = st.slider("Bits a weight", 1, 4, 2, key="shared", bind="query-params")
    return {"bits": bits}


def _figure(setting: Setting, seed: int) -> Figure:
    from workbench.compression.kmeans import share

    bits = setting["bits"]
    random = np.random.default_rng(seed)
    weights = random.standard_normal((SIDE, SIDE)).astype(np.float32)
    gone = round(ZEROS * weights.size)
    limit = np.sort(np.abs(weights), axis=None)[gone]
    pruned = np.where(np.abs(weights) < limit, np.float32(0), weights)
    palette = share(pruned, bits)
    roles = np.where(pruned != 0, KEPT, REMOVED)
    grids = [
        Grid("1. pruned", pruned, roles, 1),
        Grid("2. shared values", palette.weight(), roles, 1),
        Grid("3. what is coded", palette.codes.astype(float), roles, 0),
    ]
    kept, values = int((pruned != 0).sum()), len(palette.codebook)
    return Figure(
        name="deep-compression",
        title="One matrix through three stages",
        reading=(
            f"Of {weights.size} numbers {kept} stay; they share {values} values, one "
            f"of them zero; each is then a code of {bits} bits, and frequent codes get "
            f"shorter ones. Codes alone: {kept * bits} bits instead of "
            f"{32 * weights.size}, plus {values} values and the positions."
        ),
        alt=f"{kept} of {weights.size} weights with {values} shared values",
        chart=cells(grids, side_px=44),
        data=numbers(grids),
    )


def _measure(job: "Job", setting: Setting, seed: int) -> Found:
    from workbench.compression.compress import compress
    from workbench.compression.stages import stages

    network = wb.load_model(MODEL)
    data = wb.dataset_for(network, split="test")
    pruned = wb.prune(network, wb.Recipe.uniform("magnitude", SPARSITY))
    job.check()
    small = compress(pruned, BITS, progress=lambda done, total: job.check())
    rows = [{"name": one.name, "bytes": one.bytes} for one in stages(small)]
    job.check()
    return {
        "stages": rows,
        "dense": wb.evaluate(network, data).top1,
        "pruned": wb.evaluate(pruned, data).top1,
        "shared": wb.evaluate(small, data).top1,
        "n": len(data),
    }


def _result(found: Found) -> Result:
    rows = [Size(row["name"], row["bytes"]) for row in found["stages"]]
    first, last = rows[0], min(rows, key=lambda row: row.bytes)
    figure = sizes_figure(
        rows,
        conditions=f"{MODEL}, {percent(SPARSITY, 0)} pruned; 8 bits in "
        "convolutions, 5 in linear layers",
    )
    return Result(
        (figure,),
        f"{size(first.bytes)} become **{size(last.bytes)}**, "
        f"{ratio(first.bytes / last.bytes)} smaller, as real files. Accuracy on "
        f"{found['n']} test images, nothing retrained: dense "
        f"{percent(found['dense'])}, pruned {percent(found['pruned'])}, shared "
        f"{percent(found['shared'])}. The paper retrains after each stage.",
    )


LESSON = Lesson(
    id="stages",
    title="Deep Compression's three stages",
    aim="Say what pruning, weight sharing and entropy coding each take off a file.",
    story="Deep Compression removes small weights, lets those that are left share few "
    "values, and writes the numbers of these values with a code in which frequent ones "
    "are short. Each stage makes the next one better: fewer weights, fewer symbols, "
    "more uneven counts.",
    control=_control,
    figure=_figure,
    measures=f"{MODEL}, {percent(SPARSITY, 0)} of its weights removed, 8 bits for "
    "convolutions and 5 for linear layers: bytes of the real file after each stage, "
    "and accuracy.",
    seconds=8,
    measure=_measure,
    result=_result,
    questions=(
        Question(
            "How many different values can weights of 5 bits have?",
            "2⁵ = 32, shared by the whole layer; in a pruned layer one of them is "
            "zero.",
        ),
        Question(
            "Why store the distance to the next weight, not its position?",
            "Distances are small numbers that need few bits and repeat often, so that "
            "they can be entropy coded too.",
        ),
        Question(
            "Does the compressed file make the network faster?",
            "Not by itself: weights are decoded before they are used. It is smaller on "
            "disk and on the way; speed needs kernels that skip the zeros.",
        ),
    ),
    source="Han, Mao, Dally 2016, Deep Compression, sections 2 to 4 and table 1",
)
