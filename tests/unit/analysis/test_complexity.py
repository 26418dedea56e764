"""Costs counted by hand."""

import pytest
import torch
from torch import nn

from tests.support.pruning_networks import network
from workbench.analysis.cost.complexity import layer_costs
from workbench.models.inspect import from_module
from workbench.pruning import Recipe, Rule, prune


def test_grouped_strided_convolution_by_hand() -> None:
    conv = nn.Conv2d(4, 6, 3, stride=2, padding=1, groups=2)
    nn.init.ones_(conv.weight)
    conv.weight.data[0] = 0.0
    net = from_module(nn.Sequential(conv), input_shape=(4, 7, 7))
    [row] = layer_costs(net).layers
    # 6 filters of 2 x 3 x 3 weights on 4 x 4 outputs; one filter of 18 is zero.
    assert (row.weights, row.nonzeros) == (108, 90)
    assert (row.dense_macs, row.macs) == (108 * 16, 90 * 16)
    assert row.params == 114
    assert row.dense_bytes == 4 * 114
    # Values and biases at 4 bytes, and 108 bits in 14 bytes.
    assert row.sparse_bytes == 4 * (90 + 6) + 14
    assert row.activation_bytes == 4 * (4 * 49 + 6 * 16)
    assert row.sparsity == pytest.approx(18 / 108)
    assert row.intensity == row.macs / (row.sparse_bytes + row.activation_bytes)


def test_linear_by_hand() -> None:
    linear = nn.Linear(20, 5, bias=False)
    nn.init.ones_(linear.weight)
    net = from_module(nn.Sequential(nn.Flatten(), linear), input_shape=(5, 2, 2))
    [row] = layer_costs(net).layers
    assert (row.kind, row.dense_macs, row.macs, row.params) == ("linear", 100, 100, 100)


def test_resnet20_has_the_papers_macs() -> None:
    """He 2016: 0.27 M parameters; 40.81 M MACs with projections counted out."""
    from workbench.models.loading import load_model

    cost = layer_costs(load_model("resnet20-cifar10"))
    plain = sum(
        row.dense_macs for row in cost.layers if row.id == "conv1" or ".conv" in row.id
    )
    assert plain == 40_550_400
    assert 0.26e6 < cost.weights < 0.28e6


def test_theoretical_macs_follow_the_masks() -> None:
    net = network("residual")
    pruned = prune(
        net, Recipe(layers=(Rule.of("layer2.*", "magnitude", sparsity=0.75),))
    )
    dense, sparse = layer_costs(net), layer_costs(pruned)
    assert dense.macs == dense.dense_macs == sparse.dense_macs
    assert sparse.nonzeros == sparse.weights - pruned.report.zeros
    for before, after in zip(dense.layers, sparse.layers, strict=True):
        share = 0.25 if before.id.startswith("layer2") else 1.0
        assert after.macs == share * before.macs
    assert sparse.sparsity == pytest.approx(pruned.report.sparsity)
    assert sparse.sparse_bytes < dense.dense_bytes == sparse.dense_bytes
    assert sparse.params == dense.params


def test_hetconv_costs_what_the_paper_says() -> None:
    torch.manual_seed(0)
    conv = nn.Conv2d(16, 16, 3, padding=1)
    net = from_module(nn.Sequential(conv), input_shape=(16, 8, 8))
    for p in (1, 2, 4, 8, 16):
        cost = layer_costs(prune(net, Recipe(layers=(Rule.of("0", "hetconv", p=p),))))
        assert cost.macs / cost.dense_macs == pytest.approx(1 / p + (1 - 1 / p) / 9)
