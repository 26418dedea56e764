"""The groups of an engine's graph: those of the module, or finer ones."""

import numpy as np
import pytest

from tests.support.channel_topologies import TOPOLOGIES
from workbench.capture.from_torch.torch_export import capture
from workbench.engine.graph.graph import Graph, Node
from workbench.pruning.coupling.graph_walk import graph_groups
from workbench.pruning.coupling.groups import coupling_groups
from workbench.pruning.coupling.values import CouplingGroup

Unit = frozenset[tuple[str, str, int]]
CAPTURED = """
    plain residual residual_normed concat dense_net grouped depthwise flatten
    linear_chain squeeze_excite upsampled two_multiplied shuffle_grouped shuffle_by_view
    shuffle_dense chunk_swap nested_chunks c2f csp res2net cat_twice halves_and_whole
    late_fusion image_concat partial_residual ghost
    """.split()  # noqa: SIM905


def units(groups: tuple[CouplingGroup, ...]) -> set[Unit]:
    """Return every unit that may go, as (layer, side, channel)."""
    return {
        frozenset(
            (member.layer, member.side, int(channel))
            for member in group.members
            for channel in np.flatnonzero(member.units == unit)
        )
        for group in groups
        for unit in range(group.size if group.blocked is None else 0)
    }


def rows(groups: tuple[CouplingGroup, ...], layer: str) -> list[list[int]]:
    """Return the rows of one layer that go together."""
    found = [
        sorted(c for n, s, c in one if (n, s) == (layer, "out"))
        for one in units(groups)
    ]
    return sorted(one for one in found if one)


@pytest.mark.parametrize("name", CAPTURED)
def test_units_of_a_module_are_made_of_those_of_its_graph(name: str) -> None:
    net = TOPOLOGIES[name].network(name)
    finer = units(graph_groups(capture(net)))
    for unit in units(coupling_groups(net)):
        assert unit == frozenset().union(*(one for one in finer if one & unit))


def test_a_graph_has_no_code_that_takes_equal_parts() -> None:
    groups = graph_groups(capture(TOPOLOGIES["c2f"].network("c2f")))
    assert rows(groups, "a") == [[row] for row in range(8)]
    [first] = [one for one in units(groups) if ("a", "out", 0) in one]
    assert first == {("a", "out", 0), ("d", "in", 0)}
    [second] = [one for one in units(groups) if ("a", "out", 4) in one]
    assert second == {
        ("a", "out", 4),
        ("b", "in", 0),
        ("c", "out", 0),
        ("d", "in", 4),
        ("d", "in", 8),
    }


def numbers(*shape: int) -> dict[str, np.ndarray]:
    weight = np.ones(shape, np.float32)
    return {"weight": weight, "bias": np.zeros(shape[0], np.float32)}


def shuffled(first: tuple[int, ...], axes: tuple[int, ...]) -> Graph:
    """Return conv 3 -> 16, pixels shuffled by reshapes, conv 4 -> 2."""
    moved = tuple(first[axis] for axis in axes)
    nodes = (
        Node("in", "input", (), (3, 4, 4)),
        Node("a", "conv2d", ("in",), (16, 4, 4), {}, numbers(16, 3, 1, 1)),
        Node("wide", "reshape", ("a",), first, {"shape": first}),
        Node("turned", "permute", ("wide",), moved, {"axes": axes}),
        Node("flat", "reshape", ("turned",), (4, 8, 8), {"shape": (4, 8, 8)}),
        Node("b", "conv2d", ("flat",), (2, 8, 8), {}, numbers(2, 4, 1, 1)),
    )
    return Graph("shuffled", nodes, ("b",))


def test_depth_to_space_of_both_modes() -> None:
    crd = graph_groups(shuffled((4, 2, 2, 4, 4), (0, 3, 1, 4, 2)))
    assert rows(crd, "a") == [[4 * k + i for i in range(4)] for k in range(4)]
    dcr = graph_groups(shuffled((2, 2, 4, 4, 4), (2, 3, 0, 4, 1)))
    assert rows(dcr, "a") == [[k + 4 * i for i in range(4)] for k in range(4)]


NEAR = {"size": 3, "alpha": 1e-4, "beta": 0.75, "k": 1.0}


def test_an_unknown_operation_blocks_by_its_name() -> None:
    nodes = (
        Node("in", "input", (), (3, 4, 4)),
        Node("a", "conv2d", ("in",), (4, 4, 4), {}, numbers(4, 3, 1, 1)),
        Node("odd", "lrn", ("a",), (4, 4, 4), NEAR),
        Node("b", "conv2d", ("odd",), (2, 4, 4), {}, numbers(2, 4, 1, 1)),
    )
    first, _ = graph_groups(Graph("odd", nodes, ("b",)))
    assert first.blocked == "the channels pass through lrn ('odd')"
