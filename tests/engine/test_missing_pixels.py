"""Phases of odd sizes have places without a pixel; who reads them finds zeros."""

import numpy as np
import pytest

from tests.engine.random_graphs import RandomCosts, torch_results
from workbench.engine.graph.graph import INPUT, Graph, Node
from workbench.engine.graph.passes import simplify
from workbench.engine.layout.layout import Pad
from workbench.engine.layout.offsets import Window
from workbench.engine.planning.select import select
from workbench.engine.planning.slots import find_slots
from workbench.engine.program import Program
from workbench.kernels import forced_isa, info

SEEDS = 25


def conv(
    rng: np.random.Generator,
    name: str,
    source: str,
    channels: tuple[int, int],
    *,
    kernel: tuple[int, int] = (1, 1),
    **attrs,
) -> Node:
    size = (channels[0], channels[1] // attrs["groups"], *kernel)
    params = {
        "weight": rng.standard_normal(size, dtype=np.float32),
        "bias": rng.standard_normal(channels[0], dtype=np.float32),
    }
    attrs = {"dilation": (1, 1), "stride": (1, 1), "padding": (0,) * 4} | attrs
    shape = (channels[0], *attrs.pop("out"))
    return Node(name, "conv2d", (source,), shape, attrs, params)


def network(size: tuple[int, int], kernel: tuple[int, int]) -> Graph:
    """Return a 1x1 layer and one of stride 2 with padding below and to the right."""
    rng = np.random.default_rng(5)
    height, width = size
    below, right = kernel
    out = (height + below - kernel[0]) // 2 + 1, (width + right - kernel[1]) // 2 + 1
    strided = {"stride": (2, 2), "padding": (0, 0, below, right), "kernel": kernel}
    nodes = (
        Node(INPUT, INPUT, (), (5, *size), {"shape": (5, *size)}),
        Node("twice", "add", (INPUT, INPUT), (5, *size)),
        conv(rng, "a", "twice", (9, 5), groups=1, out=size),
        conv(rng, "b", "a", (3, 9), groups=3, out=out, **strided),
    )
    return Graph("missing", nodes, "b")


@pytest.mark.parametrize(
    ("kernel", "size", "expected"),
    [
        ((2, 2), (9, 3), Pad(1, 1)),
        ((2, 1), (9, 3), Pad(1, 0)),
        ((2, 2), (8, 4), Pad(0, 0)),
        ((1, 1), (9, 3), Pad(0, 0)),
    ],
)
def test_readers_of_missing_places_need_zeros(kernel, size, expected) -> None:
    out = -(-size[0] // 2), -(-size[1] // 2)
    window = Window(kernel, (2, 2), (1, 1), 0, 0, size, out)
    assert window.pad(2) == expected


@pytest.mark.parametrize("isa", info().available)
@pytest.mark.parametrize(
    ("size", "kernel"), [((9, 3), (2, 2)), ((3, 9), (2, 2)), ((5, 17), (1, 2))]
)
def test_every_plan_reads_zeros_there(isa: str, size, kernel) -> None:
    graph = simplify(network(size, kernel))
    x = np.random.default_rng(6).standard_normal((2, 5, *size), dtype=np.float32)
    wanted = torch_results(graph, x)
    split = 0
    with forced_isa(isa):
        for seed in range(SEEDS):
            slots = find_slots(graph)
            costs = RandomCosts(graph, np.random.default_rng(seed))
            plan = select(graph, slots, costs, 1)
            split += plan.forms["a"].split == 2
            found = Program(graph, plan)(x)
            np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)
    assert split > 0
