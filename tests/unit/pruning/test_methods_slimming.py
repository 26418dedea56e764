"""Slimming ranks |gamma| over all layers; layer removes whole residual blocks."""

import pytest
import torch
from torch import nn

from tests.support.pruning_networks import TOPOLOGIES, chain, network
from workbench.models.inspect import from_module
from workbench.models.network import Network
from workbench.pruning import Recipe, Rule, prune, shrink
from workbench.pruning.method import MethodError
from workbench.pruning.residual_blocks import residual_blocks

# Sums over fewer channels run in another order: float32 rounding of 1e2 terms.
TOLERANCE = 2e-5


def outputs(module: nn.Module) -> torch.Tensor:
    images = torch.randn(3, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        return module(images)


def normed(*gammas: list[float]) -> Network:
    """Return a chain of 1x1 convolutions with these batch-norm scales, and a tail."""
    parts: list[nn.Module] = []
    inputs = 3
    for gamma in gammas:
        norm = nn.BatchNorm2d(len(gamma))
        norm.weight.data.copy_(torch.tensor(gamma))
        norm.bias.data.fill_(0.3)
        parts += [nn.Conv2d(inputs, len(gamma), 1), norm, nn.ReLU()]
        inputs = len(gamma)
    tail = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, 4)]
    return from_module(nn.Sequential(*parts, *tail), input_shape=(3, 8, 8))


def kept(net: Network, recipe: Recipe, layer_id: str) -> list[int]:
    mask = prune(net, recipe).masks.get(layer_id)
    if mask is None:
        return [1] * net.layer(layer_id).weight_shape[0]
    return mask.flatten(1).any(dim=1).int().tolist()


def test_slimming_ranks_gamma_across_layers() -> None:
    # Layers 0, 3 and 6; "*" leaves 0 dense. Of |gamma| 0.9 0.1 0.8 0.2 | 0.7 0.15 0.05
    # half of seven, 4 (round half to even of 3.5), are smallest: 0.05 0.1 0.15 0.2.
    net = normed([1.0, 1.0], [0.9, -0.1, 0.8, 0.2], [-0.7, 0.15, 0.05])
    recipe = Recipe.uniform("slimming", 0.5)
    assert kept(net, recipe, "0") == [1, 1]
    assert kept(net, recipe, "3") == [1, 0, 1, 0]
    assert kept(net, recipe, "6") == [1, 0, 0]


def test_slimming_never_empties_a_layer() -> None:
    net = normed([1.0], [0.01, 0.02, 0.03, 0.04], [1.0, 1.1, 1.2, 1.3])
    assert kept(net, Recipe.uniform("slimming", 0.5), "3") == [0, 0, 0, 1]
    assert kept(net, Recipe.uniform("slimming", 0.5), "6") == [0, 1, 1, 1]
    wide = Recipe.uniform("slimming", 0.5, floor=0.5)
    assert kept(net, wide, "3") == [0, 0, 1, 1]
    assert kept(net, wide, "6") == [0, 0, 1, 1]
    rounded = Recipe.uniform("slimming", 0.5, round_to=2)
    assert kept(net, rounded, "3") == [0, 0, 1, 1]
    assert kept(net, rounded, "6") == [1, 1, 1, 1]


def test_slimming_against_its_floor_is_refused() -> None:
    net = normed([1.0], [0.01, 0.02, 0.03, 0.04])
    with pytest.raises(MethodError) as caught:
        prune(net, Recipe.uniform("slimming", 0.8, floor=0.5))
    assert str(caught.value) == (
        "rule '*': global sparsity 0.8 with a floor of 0.5 a layer; expected at most "
        "0.5. Lower the sparsity or the floor."
    )


def test_slimming_needs_a_batch_norm() -> None:
    report = prune(chain(3, 4, 4), Recipe.uniform("slimming", 0.5)).report
    assert report.zeros == 0
    assert report.layer("1").note == (
        "left dense: layer '1', which no batch norm follows; expected a batch norm "
        "whose scale says how much a channel matters. Use 'filter' for this layer."
    )
    with pytest.raises(MethodError, match="which no batch norm follows"):
        prune(chain(3, 4, 4), Recipe.uniform("slimming", 0.5, match="1"))


def test_coupled_channels_take_the_mean_of_their_scales() -> None:
    net = network("residual")
    for name, value in (("stem.1", 0.1), ("layer1.0.two.1", 0.3)):
        net.module.get_parameter(f"{name}.weight").data.fill_(value)
    gamma = torch.tensor([0.0, 9, 9, 9, 9, 9, 9, 0.1])
    net.module.get_parameter("layer1.1.two.1.weight").data.copy_(gamma)
    rule = Rule.of("stem.0", "slimming", sparsity=0.25)
    mask = prune(net, Recipe(layers=(rule,))).masks["stem.0"]
    assert mask.flatten(1).any(dim=1).int().tolist() == [0, 1, 1, 1, 1, 1, 1, 0]


@pytest.mark.parametrize("kind", ["residual", "grouped", "depthwise"])
@pytest.mark.parametrize("sparsity", [0.3, 0.6])
def test_slimmed_equals_masked(kind: str, sparsity: float) -> None:
    net = network(kind)
    pruned = prune(net, Recipe.uniform("slimming", sparsity))
    small = shrink(pruned)
    error = (outputs(pruned.module) - outputs(small.module)).abs().max()
    assert float(error) < TOLERANCE
    left = pruned.report.weights - pruned.report.zeros
    assert sum(layer.params for layer in small.layers) == left < pruned.report.weights


def test_residual_blocks_are_found_by_what_they_do() -> None:
    names = {
        kind: [b.name for b in residual_blocks(network(kind))] for kind in TOPOLOGIES
    }
    # layer2.0 and layer3.0 have a stride and a projection.
    assert names.pop("residual") == ["layer1.0", "layer1.1", "layer2.1", "layer3.1"]
    assert set(map(tuple, names.values())) == {()}


def test_one_block_by_name_is_left_out() -> None:
    net = network("residual")
    rule = Rule.of("layer1.1.*", "layer", sparsity=1.0)
    pruned = prune(net, Recipe(layers=(rule,)))
    assert pruned.report.zeros == 2 * 8 * 8 * 9
    assert pruned.report.filters_removed == 16
    assert pruned.report.layer("layer1.1.one.0").note == (
        "removed with its block 'layer1.1'"
    )
    small = shrink(pruned)
    assert [layer.id for layer in small.layers] == [
        layer.id for layer in net.layers if not layer.id.startswith("layer1.1.")
    ]
    # The batch norms' offsets are gone as well: outputs are those without the block.
    assert torch.equal(outputs(small.module), outputs(pruned.module))
    bare = net.module.get_submodule("layer1")
    alone = nn.Sequential(bare[0])
    by_hand = network("residual").module
    by_hand.layer1 = alone
    assert torch.equal(outputs(small.module), outputs(by_hand))


def test_the_least_blocks_of_a_wildcard_go() -> None:
    net = network("residual")
    for name in ("layer1.1.one.0", "layer1.1.two.0", "layer3.1.one.0"):
        net.module.get_parameter(f"{name}.weight").data.mul_(0.01)
    pruned = prune(net, Recipe.uniform("layer", 0.5))
    gone = {row.id for row in pruned.report.layers if row.zeros == row.weights}
    assert gone == {
        "layer1.1.one.0",
        "layer1.1.two.0",
        "layer3.1.one.0",
        "layer3.1.two.0",
    }
    report = pruned.report
    assert report.layer("layer1.0.one.0").note == "kept: a better block is 'layer1.0'"
    assert report.layer("layer2.0.one.0").note.startswith(
        "left dense: layer 'layer2.0.one.0', outside of blocks that can be left out"
    )


def test_blocks_go_together_with_channels() -> None:
    net = network("residual")
    rules = (
        Rule.of("*", "filter", sparsity=0.5),
        Rule.of("layer2.1.*", "layer", sparsity=1.0),
    )
    pruned = prune(net, Recipe(layers=rules))
    small = shrink(pruned)
    error = (outputs(pruned.module) - outputs(small.module)).abs().max()
    assert float(error) < TOLERANCE
    assert "layer2.1.one.0" not in {layer.id for layer in small.layers}


def test_a_named_layer_of_a_block_is_refused() -> None:
    net = network("residual")
    with pytest.raises(MethodError) as caught:
        prune(net, Recipe.uniform("layer", 0.5, match="layer1.1.one.0"))
    assert str(caught.value) == (
        "rule 'layer1.1.one.0': layer 'layer1.1.one.0' without the other layers of "
        "'layer1.1'; expected a rule that covers the whole block. Write match: "
        "'layer1.1.*'."
    )
