"""Blocks of filters: found in the zeros, run like the same weights unstructured."""

import numpy as np
import pytest

from workbench.engine.candidates.blocks import BlockConv, block_height
from workbench.engine.compile import compile_graph
from workbench.engine.graph.graph import Graph, Node
from workbench.engine.planning.plan import Choice, ExecutionPlan
from workbench.engine.program import Program

RNG = np.random.default_rng(5)


def block_weight(shape: tuple[int, ...], height: int, density: float) -> np.ndarray:
    rng = np.random.default_rng(height)
    kept = rng.random((-(-shape[0] // height), *shape[1:])) < density
    weight = rng.standard_normal(shape, dtype=np.float32)
    return weight * np.repeat(kept, height, axis=0)[: shape[0]]


def network(weight: np.ndarray, side: int = 9, groups: int = 1) -> Graph:
    pad = weight.shape[2] // 2
    shape = (weight.shape[1] * groups, side, side)
    attrs = {"padding": (pad,) * 4, "groups": groups, "act": ("relu", 0.0, 0.0)}
    bias = np.linspace(-1, 1, len(weight), dtype=np.float32)
    layer = Node(
        "conv",
        "conv2d",
        ("input",),
        (len(weight), side, side),
        attrs,
        {"weight": weight, "bias": bias},
    )
    return Graph(
        "one", (Node("input", "input", (), shape, {"shape": shape}), layer), "conv"
    )


def run_with(graph: Graph, name: str, x: np.ndarray) -> tuple[np.ndarray, Program]:
    program = compile_graph(graph, tune="model")
    choice = program.plan.choices["conv"]
    fixed = Choice(**{**vars(choice), "candidate": name, "variant": ""})
    plan = ExecutionPlan(**{**vars(program.plan), "choices": {"conv": fixed}})
    forced = Program(graph, plan)
    return forced(x), forced


@pytest.mark.parametrize("height", [2, 4, 8, 16])
def test_the_height_is_read_from_the_zeros(height: int) -> None:
    assert block_height(block_weight((64, 24, 3, 3), height, 0.2), 1) == height
    # 65 filters: a last block of one filter does not hide the others.
    assert block_height(block_weight((65, 24, 3, 3), height, 0.2), 1) == height


def test_scattered_dense_and_empty_weights_have_no_blocks() -> None:
    weight = RNG.standard_normal((32, 16, 3, 3)).astype(np.float32)
    scattered = weight * (RNG.random(weight.shape) < 0.3)
    assert block_height(scattered, 1) == 1
    assert block_height(np.zeros_like(weight), 1) == 1
    reasons = [
        BlockConv().reject(network(w).node("conv"), [(16, 9, 9)])
        for w in (weight, scattered)
    ]
    assert reasons[0] == "the weight is dense"
    assert "do not come in blocks" in (reasons[1] or "")


def test_blocks_stay_within_a_group() -> None:
    # 6 filters a group: blocks of 4 would reach into the next group, blocks of 2 fit.
    weight = block_weight((12, 8, 3, 3), 4, 0.3)
    assert block_height(weight, 2) == 2
    assert block_height(weight, 1) == 4


@pytest.mark.parametrize(
    ("shape", "groups", "height"),
    [
        ((32, 16, 1, 1), 1, 8),
        ((33, 16, 3, 3), 1, 4),
        ((32, 16, 3, 3), 1, 16),
        ((24, 8, 3, 3), 2, 4),
    ],
)
def test_blocks_equal_the_unstructured_kernel(shape, groups, height) -> None:
    weight = block_weight(shape, height, 0.3)
    graph = network(weight, groups=groups)
    x = RNG.standard_normal((2, *graph.input_shape)).astype(np.float32)
    wanted, _ = run_with(graph, "sparse", x)
    result, program = run_with(graph, "blocks", x)
    np.testing.assert_allclose(result, wanted, rtol=1e-5, atol=1e-5)
    (step,) = [s for s in program.steps if s.op == "conv2d"]
    assert "conv_blocks" in step.kernel
    # Heights divide the filters here except 33: 9 blocks of 4 hold 3 unused rows.
    if shape[0] % height == 0:
        assert step.executed_macs == step.theoretical_macs


def test_a_block_layer_is_offered_beside_the_others() -> None:
    graph = network(block_weight((32, 16, 3, 3), 4, 0.2))
    steps = compile_graph(graph, tune="model").steps
    (step,) = [s for s in steps if s.op == "conv2d"]
    names = [step.candidate, *(r.candidate for r in step.rejected)]
    assert any(name.startswith("blocks") for name in names)
    assert any(name.startswith("sparse") for name in names)
