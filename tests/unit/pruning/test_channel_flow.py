"""Channels that operations between layers move, mix or take apart."""

import copy
from functools import lru_cache

import pytest
import torch
from torch import nn

from tests.support.channel_topologies import TOPOLOGIES
from workbench.models.inspect import from_module
from workbench.models.network import Network
from workbench.pruning import PrunedNetwork, Recipe, Rule, prune, shrink
from workbench.pruning.method import MethodError

LATER = "the network's code has a number of channels in it"


@lru_cache
def made(name: str) -> Network:
    return TOPOLOGIES[name].network(name)


def outputs(module: nn.Module) -> torch.Tensor:
    images = torch.randn(2, 3, 8, 8, generator=torch.Generator().manual_seed(5))
    with torch.inference_mode():
        return module(images)


def without_filters(pruned: PrunedNetwork) -> nn.Module:
    """Return the dense module with the removed filters zero, columns left as they are.

    All activations of the topologies give zero for zero, or are multiplied by a zero.
    """
    module = copy.deepcopy(pruned.base.module)
    own = dict(module.named_parameters())
    with torch.no_grad():
        for name, mask in pruned.masks.items():
            own[f"{name}.weight"][~mask.flatten(1).any(dim=1)] = 0
        for name, mask in pruned.channel_masks.items():
            own[name][~mask] = 0
    return module


def removed(name: str, method: str, layer: str) -> PrunedNetwork | str:
    """Return what pruning half of one layer gives, or why it cannot be."""
    rule = Rule.of(layer, method, sparsity=0.5)
    try:
        return prune(made(name), Recipe(layers=(rule,)))
    except MethodError as error:
        return error.found


@pytest.mark.parametrize("method", ["filter", "channel", "slimming"])
@pytest.mark.parametrize("name", TOPOLOGIES)
def test_removed_filters_are_read_by_the_masked_columns_alone(
    name: str, method: str
) -> None:
    for layer in made(name).layers:
        pruned = removed(name, method, layer.id)
        if isinstance(pruned, str):
            assert "channels" in pruned or "batch norm" in pruned or "linear" in pruned
            continue
        torch.testing.assert_close(
            outputs(without_filters(pruned)),
            outputs(pruned.module),
            rtol=0,
            atol=1e-6,
            msg=lambda text, layer=layer: f"{name}, {method} on {layer.id}: {text}",
        )


FREE = [(name, layer) for name, one in TOPOLOGIES.items() for layer in one.free]
WAITING = [(name, layer) for name, one in TOPOLOGIES.items() for layer in one.later]


def smaller(name: str, layer: str) -> bool:
    """Return whether half of a layer's filters go, and the network shrinks by them."""
    pruned = removed(name, "filter", layer)
    assert not isinstance(pruned, str), pruned
    row = pruned.report.layer(layer)
    small = shrink(pruned)
    left = row.filters - row.filters_removed
    return small.layer(layer).weight_shape[0] == left and row.filters_removed > 0


@pytest.mark.parametrize(("name", "layer"), FREE)
def test_prunable_today(name: str, layer: str) -> None:
    assert smaller(name, layer)


@pytest.mark.parametrize(("name", "layer"), WAITING)
@pytest.mark.xfail(strict=True, raises=AssertionError, reason=LATER)
def test_prunable_later(name: str, layer: str) -> None:
    assert smaller(name, layer)


@pytest.mark.parametrize("name", TOPOLOGIES)
def test_zeros_of_a_method_that_keeps_shapes_shrink_to_the_same(name: str) -> None:
    net = made(name)
    small = shrink(prune(net, Recipe.uniform("magnitude", 0.3)))
    assert [one.weight_shape for one in small.layers] == [
        one.weight_shape for one in net.layers
    ]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("roll", "its code takes others in their place with fewer ('b' reads them)"),
        ("fancy_index", "does not run with fewer (index 5 is out of bounds"),
        ("index_select", "does not run with fewer (INDICES element is out of DATA"),
        ("image_residual", "does not run with fewer (The size of tensor a (2) must"),
        ("csp", "does not run with fewer (not enough values to unpack"),
        ("ghost", "does not run with fewer (Given groups=1, weight of size"),
        ("partial_residual", "its code takes others in their place with fewer"),
        ("softmax", "all 8 of them can only go together (softmax mixes them)"),
        (
            "eca",
            "all 8 of them can only go together "
            "(convolution in 'near' (Conv1d) mixes them)",
        ),
        ("spatial_attention", "all 8 of them can only go together (mean mixes them)"),
    ],
)
def test_the_reason_names_the_operation(name: str, reason: str) -> None:
    found = removed(name, "filter", "a")
    assert isinstance(found, str)
    assert reason in found
    assert "that cannot be removed: " in found


def test_no_producer_of_a_concatenation_is_emptied() -> None:
    net = made("halves_and_whole")
    module = copy.deepcopy(net.module)
    module.get_parameter("b.weight").data.mul_(1e-3)
    module.get_parameter("d.weight").data[:4] *= 1e-3
    low = from_module(module, input_shape=net.input_shape)
    pruned = prune(low, Recipe.uniform("filter", 0.5, match="d"))
    assert pruned.report.layer("b").filters_removed == 3
    assert pruned.report.layer("c").filters_removed == 0
    small = shrink(pruned)
    assert [small.layer(name).weight_shape[0] for name in "abcd"] == [8, 1, 4, 5]


def test_a_wildcard_leaves_blocked_layers_dense_and_says_so() -> None:
    pruned = prune(made("res2net"), Recipe.uniform("filter", 0.5))
    assert pruned.report.layer("b").filters_removed == 0
    note = pruned.report.layer("b").note
    assert note.startswith("left dense: channels of 'a' that cannot be removed: ")
    assert pruned.report.layer("c").filters_removed == 2
