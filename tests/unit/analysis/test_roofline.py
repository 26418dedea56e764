"""Roofs and rivals by hand; the rows of a real program."""

import numpy as np
import pytest
import torch
from torch import nn

from tests.support.pruning_networks import chain, network
from workbench.analysis.cost.complexity import layer_costs
from workbench.analysis.cost.roofline import Machine, roofline
from workbench.analysis.cost.separable import rivals
from workbench.capture.compile import compile
from workbench.compression.separable import separable
from workbench.errors import WorkbenchError
from workbench.models.inspect import from_module
from workbench.pruning import Recipe, Rule, prune


def test_roofline_of_a_program() -> None:
    net = prune(network("residual"), Recipe.uniform("magnitude", 0.75))
    program = compile(net, tune="model")
    image = np.ones((1, 3, 8, 8), np.float32)
    profile = program.profile(image, rounds=5)
    costs = layer_costs(net)
    machine = Machine(peak_gmacs=50.0, bandwidth_gbs=1.0)
    rows = roofline(costs, profile, machine, compressed={"fc": 123})
    assert [row.cost.id for row in rows] == [row.id for row in costs.layers]
    executed = {
        step.layer: step.executed_macs for step in program.steps if step.dense_macs
    }
    for row in rows:
        assert row.executed_macs == executed[row.cost.id]
        assert row.moved_bytes == row.cost.activation_bytes + min(
            row.cost.sparse_bytes, row.cost.dense_bytes
        )
        assert row.attainable_gmacs == min(50.0, row.intensity)
        assert row.bound == ("compute" if row.intensity >= 50.0 else "memory")
        assert row.of_roof == pytest.approx(
            row.executed_macs / row.ms / 1e6 / row.attainable_gmacs
        )
    assert [row.compressed_bytes for row in rows][-1] == 123
    # The classifier: 320 MACs for 10 x 32 weights, 10 biases and 42 activations of
    # 4 bytes each.
    assert rows[-1].moved_bytes == 4 * (320 + 10 + 32 + 10)
    assert rows[-1].bound == "memory"


def test_rivals_by_hand() -> None:
    # 16 to 32 channels, 3x3, 8x8 outputs: 294,912 dense MACs. P = 4: 1/4 + 3/4/9 = 1/3.
    # Depthwise + pointwise: 64 (16 x 9 + 16 x 32); 4 groups: 64 (16 x 4 x 9 + 512).
    layer = chain(3, 16, 32).layer("1")
    rows = {row.name: row for row in rivals(layer, parts=(4,))}
    assert rows["dense"].macs == 294_912
    assert rows["HetConv P = 4"].macs == 98_304
    assert rows["depthwise + pointwise"].macs == 64 * (144 + 512) == 41_984
    assert rows["4 groups + pointwise"].macs == 64 * (576 + 512) == 69_632
    assert rows["depthwise + pointwise"].formula == "1/32 + 1/9"
    assert [row.latency for row in rows.values()] == [1, 1, 2, 2]


def test_formulas_agree_with_layers_that_are_built() -> None:
    torch.manual_seed(0)
    conv = nn.Conv2d(16, 32, 3, padding=1, bias=False)
    net = from_module(nn.Sequential(conv), input_shape=(16, 8, 8))
    rows = {row.name: row for row in rivals(net.layers[0], parts=(2, 8))}
    for groups, name in (
        (None, "depthwise + pointwise"),
        (4, "4 groups + pointwise"),
    ):
        pair = from_module(separable(conv, groups), input_shape=(16, 8, 8))
        costs = layer_costs(pair)
        assert (costs.macs, costs.weights) == (rows[name].macs, rows[name].weights)
    for part in (2, 8):
        masked = prune(net, Recipe(layers=(Rule.of("0", "hetconv", p=part),)))
        assert layer_costs(masked).macs == rows[f"HetConv P = {part}"].macs


def test_rivals_refuse_what_the_formulas_do_not_cover() -> None:
    layers = chain(3, 16, 32)
    with pytest.raises(WorkbenchError, match="P or groups 3 for the 16 input channels"):
        rivals(layers.layer("1"), parts=(3,))
    with pytest.raises(WorkbenchError, match="layer '4' of weights"):
        rivals(layers.layer("4"))
