"""Operations in place between layers: a residual sum still ties its producers."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from workbench.models.inspect import from_module
from workbench.pruning import Recipe, Rule, prune, shrink
from workbench.pruning.coupling.groups import coupling_groups

IN_PLACE: dict[str, Callable[[nn.Module, Tensor], Tensor]] = {
    "module": lambda _, x: nn.ReLU(inplace=True)(x),
    "function": lambda _, x: F.relu(x, inplace=True),
    "torch": lambda _, x: torch.relu_(x),
    "method": lambda _, x: x.relu_(),
    "clamp": lambda _, x: x.clamp_(0, 4),
    "hardswish": lambda _, x: F.hardswish(x, inplace=True),
    "silu": lambda _, x: F.silu(x, inplace=True),
    "leaky": lambda _, x: F.leaky_relu(x, 0.1, inplace=True),
    "dropout": lambda m, x: F.dropout(x, 0.5, m.training, inplace=True),
    "scaled": lambda _, x: x.mul_(0.5),
}
SUMS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "first": lambda y, z: y + z,
    "second": lambda y, z: z + y,
    "into the block": lambda y, z: z.add_(y),
    "into the stem": lambda y, z: y.add_(z),
}


class Block(nn.Module):
    """stem -> [in place, a, ReLU, b] + stem -> fc."""

    def __init__(self, act: str, add: str, *, normed: bool) -> None:
        super().__init__()
        norm = nn.BatchNorm2d(8) if normed else nn.Identity()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), norm)
        self.a = nn.Conv2d(8, 8, 3, padding=1)
        self.b = nn.Conv2d(8, 8, 3, padding=1)
        self.fc = nn.Linear(8, 5)
        self.act, self.add = IN_PLACE[act], SUMS[add]

    def forward(self, x: Tensor) -> Tensor:
        y = self.stem(x)
        z = self.b(F.relu(self.a(self.act(self, y)), inplace=True))
        return self.fc(F.relu(self.add(y, z), inplace=True).mean((2, 3)))


@pytest.mark.parametrize("normed", [False, True])
@pytest.mark.parametrize("add", SUMS)
@pytest.mark.parametrize("act", IN_PLACE)
def test_the_stem_is_in_the_group_of_the_sum(act: str, add: str, normed: bool) -> None:
    torch.manual_seed(0)
    net = from_module(Block(act, add, normed=normed), input_shape=(3, 8, 8))
    groups = {g.producers: g for g in coupling_groups(net)}
    assert set(groups) == {("stem.0", "b"), ("a",), ("fc",)}
    assert groups["stem.0", "b"].blocked is None
    assert groups["stem.0", "b"].consumers == ("a", "fc")
    pruned = prune(net, Recipe(layers=(Rule.of("b", "filter", sparsity=0.5),)))
    for name in ("stem.0", "b"):
        assert pruned.report.layer(name).filters_removed == 4
    # Compares the outputs of both networks.
    assert shrink(pruned).layer("stem.0").weight_shape == (4, 3, 3, 3)


class Headless(nn.Module):
    """Convolutions to the end, with one activation object: any image has a place."""

    def __init__(self, stem: str, tail: Callable[["Headless", Tensor], Tensor]) -> None:
        super().__init__()
        conv = nn.Conv2d(3, 8, 3, padding=1)
        parts = {"plain": [], "activated": [nn.ReLU(inplace=True)]}[stem]
        self.stem = nn.Sequential(conv, *parts)
        self.act = nn.ReLU(inplace=True)
        self.a = nn.Conv2d(8, 8, 3, padding=1)
        self.b = nn.Conv2d(8, 8, 3, padding=1)
        self.last = nn.Conv2d(8, 4, 3, padding=1)
        self.tail = tail

    def forward(self, x: Tensor) -> Tensor:
        y = self.stem(x)
        z = self.b(self.act(self.a(self.act(y))))
        return self.tail(self, z + y)


TAILS: dict[str, Callable[[Headless, Tensor], Tensor]] = {
    "conv": lambda net, y: net.last(y),
    "activation": lambda net, y: net.last(net.act(y)),
    "pool": lambda net, y: net.last(F.max_pool2d(y, 2)),
}


@pytest.mark.parametrize("tail", TAILS)
@pytest.mark.parametrize("stem", ["plain", "activated"])
def test_an_image_keeps_its_batch_when_it_is_traced(stem: str, tail: str) -> None:
    torch.manual_seed(0)
    net = from_module(Headless(stem, TAILS[tail]), input_shape=(3, 8, 8))
    groups = {g.producers: g for g in coupling_groups(net)}
    assert set(groups) == {("stem.0", "b"), ("a",), ("last",)}
    assert groups["stem.0", "b"].blocked is None
    pruned = prune(net, Recipe(layers=(Rule.of("b", "filter", sparsity=0.5),)))
    assert shrink(pruned).layer("stem.0").weight_shape == (4, 3, 3, 3)
