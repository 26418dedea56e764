"""What stands in for times that were not measured, and what a choice pays for."""

import numpy as np
import pytest
import torch
from torch import nn

from workbench.capture.from_torch.torch_export import capture
from workbench.engine.candidates import Candidate, Form
from workbench.engine.candidates.dense import DenseConv
from workbench.engine.candidates.sparse import SparseConv
from workbench.engine.graph.graph import Graph, Node
from workbench.engine.graph.passes import simplify
from workbench.engine.planning.costs import Option
from workbench.engine.planning.plan import Rejection
from workbench.engine.planning.select import select
from workbench.engine.planning.slots import find_slots
from workbench.engine.tuning.worth_timing import (
    Entry,
    finished,
    promising,
    slow_variants,
    store_factors,
)

PLANES, ROWS, SPLIT = Form("planes"), Form("rows"), Form("planes", 2)
NODE = Node("a", "conv2d", ("input",), (1, 4, 4), {}, {"weight": np.ones((1, 1, 1, 1))})


DENSE, SPARSE = DenseConv(), SparseConv()


def entry(
    kind: str,
    times: dict[Form, dict[str, float]],
    candidate: Candidate = SPARSE,
    ms: float = 1.0,
) -> Entry:
    option = Option(candidate, Form(kind), "", ms, targets=(PLANES, ROWS, SPLIT))
    return Entry(NODE, option, times)


def test_variants_timed_with_one_layout_are_scaled_like_the_finalists() -> None:
    # Finalist x: 1.0 in planes, 1.5 in rows, 2.0 split; y was timed in planes alone.
    # y split = 1.1 x 2.0 = 2.2: slower than x, although 1.1 x 1.2 (the factor of the
    # cost model) would look faster.
    first = entry(
        "strips",
        {PLANES: {"x": 1.0, "y": 1.1}, ROWS: {"x": 1.5}, SPLIT: {"x": 2.0}},
    )
    second = entry("planes", {PLANES: {"x": 1.2}})
    assert store_factors([first, second]) == {ROWS: 1.5, SPLIT: 2.0}
    x, y, other = finished([first, second])
    assert [option.cost(SPLIT) for option in (x, y, other)] == pytest.approx(
        [2.0, 2.2, 2.4]
    )
    assert y.cost(ROWS) == pytest.approx(1.65)
    assert y.cost(PLANES) == 1.1


def test_an_interrupted_run_makes_no_other_variant_look_fast() -> None:
    # y was interrupted in its only run with planes: 8.0 where it takes 1.0.
    only = entry(
        "strips", {PLANES: {"x": 1.0, "y": 8.0, "z": 1.2}, ROWS: {"x": 1.1, "y": 1.0}}
    )
    assert store_factors([only]) == {ROWS: 1.1}
    costs = [option.cost(ROWS) for option in finished([only])]
    assert costs == pytest.approx([1.1, 1.0, 1.32])


def test_without_a_measured_factor_the_model_stands_in() -> None:
    (only,) = finished([entry("strips", {PLANES: {"x": 1.0}})])
    assert only.by_target == ((PLANES, 1.0),)
    assert only.cost(SPLIT) == pytest.approx(1.2)


@pytest.mark.parametrize(("ms", "tried"), [(1.3, True), (1.5, False)])
def test_what_a_kernel_took_decides_on_other_layouts(ms: float, tried: bool) -> None:
    dense = entry("planes", {PLANES: {"x": 1.0}}, DENSE)
    known = entry("planes", {PLANES: {"y": ms}})
    # By the model alone, these rows are worth a trial.
    assert promising([dense, entry("rows", {}, ms=1.9)], 1)
    assert promising([dense, known, entry("rows", {}, ms=1.9)], 2) == tried


def test_slow_variants_are_those_of_the_same_kernel() -> None:
    dense = entry("planes", {PLANES: {"x": 1.0, "z": 9.0}}, DENSE)
    known = entry("planes", {PLANES: {"x": 2.0, "y": 2.9, "w": 3.1}})
    assert slow_variants(entry("rows", {}), [dense, known], 1.5) == {"w"}


def test_a_layer_without_zeros_is_not_worth_a_sparse_trial() -> None:
    weight = np.ones((16, 16, 3, 3), np.float32)
    shape, some = (16, 28, 28), weight.copy()
    some.reshape(-1)[::4] = 0
    for values, tried in ((weight, False), (some, True)):
        params = {"weight": values, "bias": np.zeros(16, np.float32)}
        attrs = {"stride": (1, 1), "pad": (1, 1), "groups": 1}
        node = Node("a", "conv2d", ("input",), shape, attrs, params)
        dense, sparse = (
            Entry(node, Option(c, PLANES, "", c.model_ms(node, [shape], PLANES)), {})
            for c in (DENSE, SPARSE)
        )
        # The dense kernel is as fast as its model says.
        dense.times[PLANES] = {"x": dense.option.ms}
        assert promising([dense, sparse], 1) == tried


class Priced:
    """Costs of a 1x1 layer and a depthwise one of stride 2 behind it."""

    def __init__(self, depthwise: dict[Form, float]) -> None:
        self._depthwise = depthwise

    def options(self, node: Node) -> tuple[Option, ...]:
        forms = {ROWS: 1.0} if node.attrs["groups"] == 1 else self._depthwise
        return tuple(
            Option(SparseConv(), form, "", ms, targets=(PLANES, ROWS))
            for form, ms in forms.items()
        )

    def rejected(self, node: Node) -> tuple[Rejection, ...]:
        return ()

    def copy_ms(self, shape: tuple[int, ...], source: Form, target: Form) -> float:
        return 0.0 if source == target else 5.0


def chain() -> Graph:
    layers = [
        nn.Conv2d(4, 4, 1),
        nn.Conv2d(4, 4, 3, stride=2, padding=1, groups=4),
    ]
    return simplify(capture(nn.Sequential(*layers).eval(), torch.zeros(1, 4, 8, 8)))


@pytest.mark.parametrize(
    ("unsplit", "chosen"),
    [
        # rows 2.0 without any copy against 0.5 + 5.0 for the split copy
        (2.0, ROWS),
        # 6.0 against 5.5
        (6.0, SPLIT),
    ],
)
def test_nobody_pays_for_a_split_copy_that_nobody_reads(
    unsplit: float, chosen: Form
) -> None:
    graph = chain()
    costs = Priced({ROWS: unsplit, SPLIT: 0.5})
    plan = select(graph, find_slots(graph), costs, 1)
    *_, last = plan.choices.values()
    assert last.form == chosen
