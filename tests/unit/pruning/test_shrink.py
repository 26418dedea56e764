"""Masked and physically smaller networks give equal outputs."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from tests.support.pruning_networks import TOPOLOGIES, network
from workbench.errors import WorkbenchError
from workbench.models.inspect import from_module
from workbench.pruning import Recipe, Rule, prune, shrink
from workbench.pruning.coupling.groups import coupling_groups

# Sums over fewer channels run in another order: float32 rounding of 1e2 terms.
TOLERANCE = 2e-5


def outputs(module: nn.Module) -> torch.Tensor:
    images = torch.randn(3, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        return module(images)


@pytest.mark.parametrize("sparsity", [0.25, 0.5, 0.7])
@pytest.mark.parametrize("method", ["filter", "channel"])
@pytest.mark.parametrize("scope", ["layer", "global"])
@pytest.mark.parametrize("kind", TOPOLOGIES)
def test_smaller_equals_masked(
    kind: str, scope: str, method: str, sparsity: float
) -> None:
    net = network(kind)
    pruned = prune(net, Recipe.uniform(method, sparsity, scope=scope))
    small = shrink(pruned)
    error = (outputs(pruned.module) - outputs(small.module)).abs().max()
    assert float(error) < TOLERANCE
    assert sum(layer.params for layer in small.layers) < pruned.report.weights
    # What the masks remove is what the smaller network lacks, weight for weight.
    left = pruned.report.weights - pruned.report.zeros
    assert sum(layer.params for layer in small.layers) == left


@pytest.mark.parametrize("kind", TOPOLOGIES)
def test_smaller_differs_from_dense(kind: str) -> None:
    net = network(kind)
    small = shrink(prune(net, Recipe.uniform("filter", 0.5)))
    assert float((outputs(net.module) - outputs(small.module)).abs().max()) > 1e-3


def test_residual_stage_goes_together_when_its_stem_is_named() -> None:
    net = network("residual")
    recipe = Recipe(layers=(Rule.of("stem.0", "filter", sparsity=0.5),))
    pruned = prune(net, recipe)
    small = shrink(pruned)
    for name in ("stem.0", "layer1.0.two.0", "layer1.1.two.0"):
        assert pruned.report.layer(name).filters_removed == 4
        assert small.layer(name).weight_shape[0] == 4
    assert small.layer("layer1.0.one.0").weight_shape == (8, 4, 3, 3)
    note = pruned.report.layer("layer1.0.two.0").note
    assert note == "channels shared with stem.0, layer1.1.two.0"


def test_removed_channels_emit_zero_despite_batch_norm_offset() -> None:
    net = network("residual")
    pruned = prune(net, Recipe.uniform("filter", 0.5, match="layer1.0.one.0"))
    gone = ~pruned.masks["layer1.0.one.0"].flatten(1).any(dim=1)
    assert int(gone.sum()) == 4
    seen: dict[str, torch.Tensor] = {}
    block = pruned.module.get_submodule("layer1.0.one")
    hook = block.register_forward_hook(lambda _m, _i, out: seen.update(out=out))
    outputs(pruned.module)
    hook.remove()
    assert torch.count_nonzero(seen["out"][:, gone]) == 0
    offsets = net.module.get_parameter("layer1.0.one.1.bias").detach()[gone]
    assert float(offsets.abs().min()) > 0
    assert sorted(pruned.channel_masks) == [
        "layer1.0.one.1.bias",
        "layer1.0.one.1.weight",
    ]


def test_unstructured_zeros_shrink_to_the_same_shapes() -> None:
    net = network("residual")
    small = shrink(prune(net, Recipe.uniform("magnitude", 0.5)))
    assert [layer.weight_shape for layer in small.layers] == [
        layer.weight_shape for layer in net.layers
    ]


def test_grouped_layers_stay_evenly_wide() -> None:
    net = network("grouped")
    rules = (Rule.of("middle.0", "filter", sparsity=0.5),)
    small = shrink(prune(net, Recipe(layers=rules)))
    assert small.layer("middle.0").weight_shape == (8, 3, 3, 3)
    assert small.layer("middle.0").groups == 4


def test_flatten_gives_one_channel_many_columns() -> None:
    net = network("concat")
    group = {g.root: g for g in coupling_groups(net)}["mix"]
    [reader] = [member for member in group.members if member.side == "in"]
    assert (reader.layer, group.size) == ("fc", 8)
    np.testing.assert_array_equal(reader.units, np.repeat(np.arange(8), 16))


def test_concatenation_offsets_the_second_branch() -> None:
    net = network("concat")
    group = {g.root: g for g in coupling_groups(net)}["right"]
    [reader] = [member for member in group.members if member.side == "in"]
    expected = [-1] * 10 + [0, 1, 2, 3, 4]
    np.testing.assert_array_equal(reader.units, expected)
    np.testing.assert_array_equal(group.followers[0].units, expected)


class Counted(nn.Module):
    """Its code knows how many channels there are: ``width`` says how."""

    def __init__(self, width: Callable[[torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.one = nn.Conv2d(3, 6, 3)
        self.two = nn.Conv2d(6, 4, 3)
        self.fc = nn.Linear(4, 10)
        self.width = width

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(self.two(self.width(self.one(x))).mean((2, 3)))


def test_a_network_that_cannot_shrink_is_refused() -> None:
    torch.manual_seed(0)
    module = Counted(lambda x: x / x.shape[1])
    net = from_module(module, input_shape=(3, 8, 8), name="counted")
    pruned = prune(net, Recipe.uniform("filter", 0.5, match="one"))
    message = "the smaller 'counted' differs from the masked one by"
    with pytest.raises(WorkbenchError, match=message) as caught:
        shrink(pruned)
    assert caught.value.next_step.startswith("Keep the masked network")
    assert "input_shape" not in str(caught.value)


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("tracked", [True, False])
def test_images_of_one_channel_and_batch_norms_without_numbers(
    affine: bool, tracked: bool
) -> None:
    torch.manual_seed(0)
    norm = nn.BatchNorm2d(8, affine=affine, track_running_stats=tracked)
    parts = nn.Conv2d(1, 8, 3), norm, nn.ReLU(), nn.Conv2d(8, 6, 3), nn.Flatten()
    net = from_module(nn.Sequential(*parts), input_shape=(1, 8, 8))
    small = shrink(prune(net, Recipe.uniform("filter", 0.5, match="0")))
    assert small.layer("0").weight_shape == (4, 1, 3, 3)
    assert small.layer("3").weight_shape == (6, 4, 3, 3)
