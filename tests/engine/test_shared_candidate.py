"""Filters that share their zeros: found at equal distances, run as dense products."""

import numpy as np
import pytest

from tests.engine.test_block_candidate import network, run_with
from workbench.engine.candidates.shared import SharedConv, classes_of
from workbench.engine.graph.structure import structure


def hetconv_weight(filters: int, channels: int, p: int) -> np.ndarray:
    """Return a HetConv weight: 3x3 on every P-th channel by filter, else 1x1."""
    rng = np.random.default_rng(p)
    weight = rng.standard_normal((filters, channels, 3, 3), dtype=np.float32)
    whole = (np.arange(channels) - np.arange(filters)[:, None]) % p == 0
    kept = np.zeros((3, 3), bool)
    kept[1, 1] = True
    return weight * (whole[:, :, None, None] | kept)


def test_hetconv_has_a_class_for_each_shift() -> None:
    found = classes_of(hetconv_weight(32, 16, 4))
    assert [(c.first, c.step, c.count) for c in found] == [(i, 4, 8) for i in range(4)]
    # Each filter: 4 of 16 channels with 9 taps, 12 with one.
    assert {c.taps.size for c in found} == {4 * 9 + 12}


def test_neighbours_form_a_class_too() -> None:
    weight = np.zeros((8, 2, 1, 1), np.float32)
    weight[:4, 0] = weight[4:, 1] = 1
    assert [(c.first, c.step, c.count) for c in classes_of(weight)] == [
        (0, 1, 4),
        (4, 1, 4),
    ]


@pytest.mark.parametrize("kind", ["scattered", "dense", "uneven", "few"])
def test_other_zeros_are_rejected(kind: str) -> None:
    weight = hetconv_weight(32, 16, 4)
    if kind == "scattered":
        weight *= np.random.default_rng(0).random(weight.shape) < 0.5
    elif kind == "dense":
        weight[:] = 1
    elif kind == "uneven":
        weight = weight[[0, 4, 8, 1, 12, 5, 9, 13]]
    else:
        weight = weight[:8]
    reason = SharedConv().reject(network(weight).node("conv"), [(16, 9, 9)])
    expected = "dense" if kind == "dense" else "do not share"
    assert expected in (reason or "")


@pytest.mark.parametrize(("p", "side"), [(2, 9), (4, 4), (4, 2), (8, 20)])
def test_shared_equals_sparse(p: int, side: int) -> None:
    weight = hetconv_weight(64, 24, p)
    graph = network(weight, side)
    x = np.random.default_rng(1).random((1, 24, side, side), dtype=np.float32)
    result, program = run_with(graph, "shared", x)
    expected, _ = run_with(graph, "sparse", x)
    np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-4)
    (layer,) = [step for step in program.steps if step.op == "conv2d"]
    assert layer.executed_macs == layer.theoretical_macs


@pytest.mark.parametrize("p", [4, 5])
def test_classes_of_unequal_taps_run_in_one_step(p: int) -> None:
    # 22 channels: some classes keep 3x3 at one channel more than others.
    weight = hetconv_weight(40, 22, p)
    assert len({c.taps.size for c in classes_of(weight)}) == 2
    graph = network(weight, 6)
    x = np.random.default_rng(1).random((1, 22, 6, 6), dtype=np.float32)
    result, program = run_with(graph, "shared", x)
    expected, _ = run_with(graph, "sparse", x)
    np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-4)
    (layer,) = [step for step in program.steps if step.op == "conv2d"]
    most = max(c.taps.size for c in classes_of(weight))
    assert layer.executed_macs == 40 * most * 36


def test_masks_of_one_kind_share_a_structure() -> None:
    shape = (256, 64, 3, 3)
    one, other = (np.random.default_rng(seed).random(shape) < 0.1 for seed in (1, 2))
    assert structure(one) == structure(other)
    kinds = [one, np.random.default_rng(3).random(shape) < 0.2]
    kinds += [np.repeat(one[::8], 8, axis=0), hetconv_weight(256, 64, 8) != 0]
    kinds += [np.broadcast_to(one[:, :, :1, :1], shape)]
    assert len({structure(kind) for kind in kinds}) == len(kinds)
    assert structure(np.zeros(shape, bool)) == "empty"
