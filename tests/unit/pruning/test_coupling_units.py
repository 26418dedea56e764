"""Which channels are one unit: the smallest networks, with the right values by hand."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tests.support.channel_networks import Glue, conv
from workbench.models.inspect import from_module
from workbench.models.network import Network
from workbench.pruning import Recipe, Rule, prune, shrink
from workbench.pruning.coupling.groups import coupling_groups
from workbench.pruning.coupling.values import CouplingGroup

FC = {"fc": nn.Linear(8, 5)}


def network(
    layers: dict[str, nn.Module],
    run: Callable[[Any, Tensor], Tensor],
    size: tuple[int, int, int] = (3, 8, 8),
) -> Network:
    torch.manual_seed(2)
    return from_module(Glue(layers, run), input_shape=size, name="small")


def group_of(net: Network, layer: str) -> CouplingGroup:
    [found] = [one for one in coupling_groups(net) if layer in one.producers]
    return found


def units(group: CouplingGroup, layer: str, side: str) -> list[int]:
    [found] = [one for one in group.members if (one.layer, one.side) == (layer, side)]
    return found.units.tolist()


def follower(group: CouplingGroup, name: str) -> tuple[int, list[int], bool]:
    [found] = [one for one in group.followers if one.parameter == name]
    return found.axis, found.units.tolist(), found.reads


def cut(net: Network, layer: str, sparsity: float = 0.5) -> Network:
    """Return the network without some of a layer's filters; compares the outputs."""
    rule = Rule.of(layer, "filter", sparsity=sparsity)
    return shrink(prune(net, Recipe(layers=(rule,))))


def head(m: Any, x: Tensor) -> Tensor:
    return m.fc(F.relu(m.b(x)).mean((2, 3)))


def test_both_places_of_a_tensor_in_a_concatenation_are_one_unit() -> None:
    def run(m: Any, x: Tensor) -> Tensor:
        x = F.relu(m.a(x))
        for _ in range(3):
            x = torch.cat([x, x], 1)
        return head(m, x)

    net = network({"a": conv(3, 4), "b": conv(32, 8), **FC}, run)
    group = group_of(net, "a")
    assert (group.blocked, group.size) == (None, 4)
    assert units(group, "b", "in") == [0, 1, 2, 3] * 8
    assert cut(net, "a").layer("b").weight_shape == (8, 16, 3, 3)


@pytest.mark.parametrize("twice", [lambda x: x * x, lambda x: x + x])
def test_a_tensor_and_its_square_in_three_rounds(
    twice: Callable[[Tensor], Tensor],
) -> None:
    def run(m: Any, x: Tensor) -> Tensor:
        x = F.relu(m.a(x))
        for _ in range(3):
            x = torch.cat([x, twice(x)], 1)
        return head(m, x)

    net = network({"a": conv(3, 4), "b": conv(32, 8), **FC}, run)
    assert units(group_of(net, "a"), "b", "in") == [0, 1, 2, 3] * 8
    assert cut(net, "a").layer("b").weight_shape == (8, 16, 3, 3)


def test_chunks_lose_channels_at_the_same_places() -> None:
    def run(m: Any, x: Tensor) -> Tensor:
        parts = list(F.relu(m.a(x)).chunk(2, 1))
        parts.append(parts[-1] + m.d(F.relu(m.c(parts[-1]))))
        return head(m, torch.cat(parts, 1))

    layers = {"a": conv(3, 8, 1), "c": conv(4, 4), "d": conv(4, 4)}
    net = network({**layers, "b": conv(12, 8, 1), **FC}, run)
    group = group_of(net, "a")
    assert group.producers == ("a", "d")
    assert group.consumers == ("c", "b")
    assert units(group, "a", "out") == [0, 1, 2, 3] * 2
    assert units(group, "d", "out") == [0, 1, 2, 3]
    assert units(group, "b", "in") == [0, 1, 2, 3] * 3
    assert group_of(net, "c").producers == ("c",)
    small = cut(net, "a")
    assert small.layer("b").weight_shape == (8, 6, 1, 1)
    assert small.layer("d").weight_shape == (2, 4, 3, 3)


def test_a_narrow_branch_is_never_emptied() -> None:
    def run(m: Any, x: Tensor) -> Tensor:
        return head(m, torch.cat([m.a(x), m.s(x)], 1))

    net = network({"a": conv(3, 3), "s": conv(3, 1), "b": conv(4, 8), **FC}, run)
    assert units(group_of(net, "a"), "b", "in") == [0, 1, 2, -1]
    assert group_of(net, "s").blocked == "all of them can only go together"
    small = cut(net, "a", 0.6)
    assert small.layer("b").weight_shape == (8, 2, 3, 3)
    assert small.layer("s").weight_shape == (1, 3, 3, 3)


@pytest.mark.parametrize("first", [True, False])
def test_one_gate_for_all_channels(first: bool) -> None:
    def run(m: Any, x: Tensor) -> Tensor:
        x = F.relu(m.a(x))
        gate = torch.sigmoid(m.gate(x))
        return head(m, gate * x if first else x * gate)

    layers = {"a": conv(3, 64), "gate": conv(64, 1, 1), "b": conv(64, 8), **FC}
    net = network(layers, run)
    assert group_of(net, "a").consumers == ("gate", "b")
    assert group_of(net, "gate").blocked == "one value meets many channels there"
    small = cut(net, "a")
    assert small.layer("gate").weight_shape == (1, 32, 1, 1)
    assert small.layer("b").weight_shape == (8, 32, 3, 3)


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("pixels", [1, 8])
def test_squeeze_and_excitation_by_functions(first: bool, pixels: int) -> None:
    def run(m: Any, x: Tensor) -> Tensor:
        x = F.relu(m.a(x))
        scale = torch.sigmoid(m.up(F.relu(m.down(x.mean((2, 3), keepdim=True)))))
        return head(m, scale * x if first else x * scale)

    layers = {"a": conv(3, 8), "down": conv(8, 4, 1), "up": conv(4, 8, 1)}
    net = network({**layers, "b": conv(8, 8), **FC}, run, (3, pixels, pixels))
    assert group_of(net, "a").producers == ("a", "up")
    assert cut(net, "a").layer("up").weight_shape == (4, 4, 1, 1)


def depth_first(x: Tensor) -> Tensor:
    """Shuffle pixels as ONNX's DepthToSpace does in DCR mode."""
    n, c, h, w = x.shape
    x = x.view(n, 2, 2, c // 4, h, w).permute(0, 3, 4, 1, 5, 2)
    return x.reshape(n, c // 4, 2 * h, 2 * w)


@pytest.mark.parametrize(
    ("move", "expected"),
    [
        (lambda x: F.pixel_shuffle(x, 2), np.repeat(np.arange(8), 4).tolist()),
        (depth_first, list(range(8)) * 4),
    ],
)
def test_pixel_shuffle(move: Callable[[Tensor], Tensor], expected: list[int]) -> None:
    net = network(
        {"a": conv(3, 32), "b": conv(8, 8), **FC}, lambda m, x: head(m, move(m.a(x)))
    )
    group = group_of(net, "a")
    assert units(group, "a", "out") == expected
    assert units(group, "b", "in") == list(range(8))
    assert cut(net, "a").layer("b").weight_shape == (8, 4, 3, 3)


def test_a_group_norm_loses_whole_groups() -> None:
    layers = {"a": conv(3, 128), "n": nn.GroupNorm(32, 128), "b": conv(128, 8), **FC}
    net = network(layers, lambda m, x: head(m, F.relu(m.n(m.a(x)))))
    group = group_of(net, "a")
    assert units(group, "a", "out") == np.repeat(np.arange(32), 4).tolist()
    small = cut(net, "a")
    norm = small.module.get_submodule("n")
    assert (norm.num_groups, norm.num_channels) == (16, 64)
    assert small.layer("b").weight_shape == (8, 64, 3, 3)


def test_a_layer_norm_over_channels_keeps_them() -> None:
    def run(m: Any, x: Tensor) -> Tensor:
        return head(m, m.n(m.a(x).permute(0, 2, 3, 1)).permute(0, 3, 1, 2))

    layers = {"a": conv(3, 8), "n": nn.LayerNorm(8), "b": conv(8, 8), **FC}
    assert group_of(network(layers, run), "a").blocked == (
        "all 8 of them can only go together "
        "(native_layer_norm in 'n' (LayerNorm) measures them together)"
    )


class Scaled(nn.Module):
    """A residual with LayerScale, its gain a parameter of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.fc = conv(3, 8), conv(8, 8), nn.Linear(8, 5)
        self.gamma = nn.Parameter(torch.rand(8))
        self.place = nn.Parameter(torch.rand(1, 8, 8, 8))

    def forward(self, x: Tensor) -> Tensor:
        x = self.a(x)
        x = self.b(F.relu(x)) * self.gamma[None, :, None, None] + x + self.place
        return self.fc(F.relu(x).mean((2, 3)))


def test_gains_and_positions_go_with_the_channel() -> None:
    torch.manual_seed(1)
    net = from_module(Scaled(), input_shape=(3, 8, 8))
    group = group_of(net, "a")
    assert group.producers == ("a", "b")
    assert follower(group, "gamma") == (0, list(range(8)), False)
    assert follower(group, "place") == (1, list(range(8)), False)
    small = cut(net, "a")
    assert small.module.get_parameter("gamma").shape == (4,)
    assert small.module.get_parameter("place").shape == (1, 4, 8, 8)


def test_a_linear_layer_seen_as_a_map_by_a_transposed_convolution() -> None:
    def run(m: Any, x: Tensor) -> Tensor:
        x = F.relu(m.a(x.flatten(1))).view(x.shape[0], -1, 4, 4)
        return m.fc(F.relu(m.b(m.up(x))).mean((2, 3)))

    layers = {"a": nn.Linear(48, 256), "up": nn.ConvTranspose2d(16, 8, 4, 2, 1)}
    net = network({**layers, "b": conv(8, 8), **FC}, run, (3, 4, 4))
    group = group_of(net, "a")
    assert units(group, "a", "out") == np.repeat(np.arange(16), 16).tolist()
    assert follower(group, "up.weight") == (0, list(range(16)), True)
    small = cut(net, "a")
    assert small.layer("a").weight_shape == (128, 48)
    assert small.module.get_parameter("up.weight").shape == (8, 8, 4, 4)


class Products(nn.Module):
    """Linear layers by functions, their weights parameters of the network."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.fc = conv(3, 8), nn.Linear(8, 5)
        self.narrow = nn.Parameter(torch.rand(6, 8))
        self.wide = nn.Parameter(torch.rand(6, 8))

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.a(x)).flatten(2).transpose(1, 2)
        x = F.relu(F.linear(x, self.narrow)) @ self.wide
        return self.fc(x.mean(1))


def test_a_weight_that_a_function_multiplies_by_loses_columns() -> None:
    torch.manual_seed(1)
    net = from_module(Products(), input_shape=(3, 8, 8))
    assert follower(group_of(net, "a"), "narrow") == (1, list(range(8)), True)
    assert cut(net, "a").module.get_parameter("narrow").shape == (6, 4)


def test_channels_that_an_unknown_operation_reads_stay_by_its_name() -> None:
    def run(m: Any, x: Tensor) -> Tensor:
        return head(m, m.a(x).sort(1).values)

    net = network({"a": conv(3, 8), "b": conv(8, 8), **FC}, run)
    assert group_of(net, "a").blocked == "the channels pass through sort"


def test_an_operation_in_place_on_a_slice_ties_what_it_meets() -> None:
    def run(m: Any, x: Tensor) -> Tensor:
        x = F.relu(m.a(x))
        y = m.c(x)
        y[:, : x.shape[1]] += x
        return head(m, F.relu(y))

    layers = {"a": conv(3, 4), "c": conv(4, 12), "b": conv(12, 8), **FC}
    group = group_of(network(layers, run), "a")
    assert group.producers == ("a", "c")
    assert units(group, "c", "out") == [0, 1, 2, 3] * 3


@pytest.mark.parametrize("blocks", [1, 6])
def test_softmax_pooling_ends(blocks: int) -> None:
    def run(m: Any, x: Tensor) -> Tensor:
        x = F.relu(m.a(x))
        n, c = x.shape[:2]
        for _ in range(blocks):
            keys = x.mean((2, 3)).reshape(n, c, 1)
            seen = (x.reshape(n, c, -1).transpose(1, 2) @ keys).softmax(1)
            x = x + (x.reshape(n, c, -1) @ seen).view(n, c, 1, 1)
        return head(m, x)

    net = network({"a": conv(3, 8), "b": conv(8, 8), **FC}, run)
    assert group_of(net, "a").blocked is None
    assert cut(net, "a").layer("b").weight_shape == (8, 4, 3, 3)


def test_heads_that_the_code_counts_stay_with_the_reason() -> None:
    def run(m: Any, x: Tensor) -> Tensor:
        n, _, h, w = (x := F.relu(m.a(x))).shape
        q, k, v = m.qkv(x).reshape(n, 3, 2, 4, h * w).unbind(1)
        mixed = (q.transpose(2, 3) @ k).softmax(-1) @ v.transpose(2, 3)
        return head(m, m.proj(mixed.transpose(2, 3).reshape(n, -1, h, w)) + x)

    layers = {"a": conv(3, 8), "qkv": conv(8, 24, 1), "proj": conv(8, 8, 1)}
    net = network({**layers, "b": conv(8, 8), **FC}, run)
    assert group_of(net, "a").producers == ("a", "proj")
    assert group_of(net, "a").blocked is None
    blocked = group_of(net, "qkv").blocked or ""
    assert blocked.startswith("the network's code does not run with fewer (shape '")


def test_heads_that_the_code_does_not_count_go_by_their_places() -> None:
    def run(m: Any, x: Tensor) -> Tensor:
        n, _, h, w = (x := F.relu(m.a(x))).shape
        q, k, v = m.qkv(x).reshape(n, 3, 2, -1, h * w).unbind(1)
        mixed = (q.transpose(2, 3) @ k).softmax(-1) @ v.transpose(2, 3)
        return head(m, m.proj(mixed.transpose(2, 3).reshape(n, -1, h, w)) + x)

    layers = {"a": conv(3, 8), "qkv": conv(8, 24, 1), "proj": conv(8, 8, 1)}
    net = network({**layers, "b": conv(8, 8), **FC}, run)
    assert units(group_of(net, "qkv"), "qkv", "out") == [0, 1, 2, 3] * 6
    assert units(group_of(net, "qkv"), "proj", "in") == [0, 1, 2, 3] * 2
    assert cut(net, "qkv").layer("qkv").weight_shape == (12, 8, 1, 1)
