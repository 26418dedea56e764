"""Depthwise layers that become mostly zeros want the padding that others do without."""

from pathlib import Path

import torch
from torch import nn

from tests.engine.zoo.tolerance import assert_same_output
from workbench.capture.from_torch.torch_export import capture
from workbench.engine.graph.passes import simplify
from workbench.engine.planning.slots import find_slots
from workbench.engine.variation import tune_variations

SHAPE = (1, 4, 60, 60)


def padding(module: nn.Module) -> object:
    return find_slots(simplify(capture(module, torch.zeros(SHAPE)))).pads


def test_a_pruned_depthwise_layer_runs_like_torch(tmp_path: Path) -> None:
    torch.manual_seed(0)
    alone = nn.Conv2d(32, 32, 3, padding=1, groups=32)
    module = nn.Sequential(
        nn.Conv2d(4, 32, 1), nn.ReLU(), alone, nn.ReLU(), nn.Conv2d(32, 8, 1)
    ).eval()
    example = torch.zeros(SHAPE)
    without = padding(module)
    variations = tune_variations(capture(module, example), budget_s=3.0, cache=tmp_path)
    x = torch.rand(SHAPE, generator=torch.Generator().manual_seed(1))
    for kept in (1.0, 0.8, 0.2):
        with torch.no_grad():
            alone.weight.mul_(torch.rand(alone.weight.shape) < kept)
        assert_same_output(module, variations.program(capture(module, example)), x)
    assert padding(module) != without
