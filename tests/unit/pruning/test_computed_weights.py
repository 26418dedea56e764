"""Layers that compute another weight from theirs: zeros that are none are refused."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from workbench.analysis.cost.complexity import layer_costs
from workbench.models.inspect import from_module
from workbench.models.network import Network
from workbench.pruning import Recipe, Rule, prune
from workbench.pruning.computed import computed_weights
from workbench.pruning.coupling.groups import coupling_groups
from workbench.pruning.method import MethodError


class Standardised(nn.Conv2d):
    def forward(self, x: Tensor) -> Tensor:
        mean = self.weight.mean((1, 2, 3), keepdim=True)
        std = self.weight.std((1, 2, 3), keepdim=True)
        return self._conv_forward(x, (self.weight - mean) / (std + 1e-5), self.bias)


class Scaled(nn.Conv2d):
    """As timm writes it: standardised by a batch norm, with a gain."""

    def __init__(self, *args: int, **more: int) -> None:
        super().__init__(*args, **more)
        self.gain = nn.Parameter(torch.rand(self.out_channels) + 0.5)

    def forward(self, x: Tensor) -> Tensor:
        flat = self.weight.reshape(1, self.out_channels, -1)
        weight = F.batch_norm(flat, None, None, self.gain, training=True, momentum=0.0)
        weight = weight.reshape_as(self.weight)
        return F.conv2d(x, weight, self.bias, padding=self.padding)


class Offset(nn.Conv2d):
    def _conv_forward(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        return super()._conv_forward(x, weight + 0.1, bias)


class Signs(nn.Conv2d):
    def forward(self, x: Tensor) -> Tensor:
        weight = torch.where(self.weight >= 0, 1.0, -1.0)
        return F.conv2d(x, weight=weight, padding=self.padding)


class Unfolded(nn.Conv2d):
    """No ``conv2d`` anywhere."""

    def forward(self, x: Tensor) -> Tensor:
        patches = F.unfold(x, self.kernel_size, padding=self.padding)
        weight = self.weight - self.weight.mean()
        return (weight.flatten(1) @ patches).unflatten(2, x.shape[2:])


class Gained(nn.Conv2d):
    gain = 0.5

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight * self.gain, self.bias, 1, 1, 1, self.groups)


class Demodulated(nn.Conv2d):
    def forward(self, x: Tensor) -> Tensor:
        norm = self.weight.square().sum((1, 2, 3), keepdim=True).add(1e-8).rsqrt()
        return F.conv2d(x, self.weight * norm, self.bias, padding=self.padding)


class PlainUnfolded(nn.Conv2d):
    def forward(self, x: Tensor) -> Tensor:
        patches = F.unfold(x, self.kernel_size, padding=self.padding)
        return (self.weight.flatten(1) @ patches).unflatten(2, x.shape[2:])


class Halved(nn.Linear):
    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, self.weight / 2, self.bias)


ALTERED = (Standardised, Scaled, Offset, Signs, Unfolded)
KEPT = (Gained, Demodulated, PlainUnfolded)


def network(kind: Callable[..., nn.Module], **more: int) -> Network:
    torch.manual_seed(0)
    parts = (
        nn.Conv2d(3, 8, 3, padding=1),
        nn.ReLU(),
        kind(8, 8, 3, padding=1, **more),
        nn.ReLU(),
        nn.Conv2d(8, 4, 1),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        Halved(4, 2),
    )
    return from_module(nn.Sequential(*parts), input_shape=(3, 8, 8))


@pytest.mark.parametrize("kind", ALTERED)
def test_a_zero_that_is_none_is_refused(kind: type[nn.Conv2d]) -> None:
    net = network(kind)
    said = f"{kind.__name__} computes another weight from it in each pass"
    assert dict(computed_weights(net)) == {"2": said}
    for method in ("magnitude", "random", "kernel", "filter"):
        with pytest.raises(MethodError, match=r"weight of '2'.*do not stay"):
            prune(net, Recipe(layers=(Rule.of("2", method, sparsity=0.5),)))
    everywhere = prune(net, Recipe.uniform("magnitude", 0.5, match="*"))
    assert everywhere.report.layer("2").zeros == 0
    assert said in everywhere.report.layer("2").note
    assert layer_costs(everywhere).layers[1].nonzeros == 8 * 8 * 9


@pytest.mark.parametrize("kind", ALTERED)
def test_channels_that_such_a_layer_reads_stay(kind: type[nn.Conv2d]) -> None:
    groups = {group.root: group for group in coupling_groups(network(kind))}
    assert "weight of '2'" in (groups["0"].blocked or "")
    with pytest.raises(MethodError, match="weight of '2'"):
        prune(network(kind), Recipe(layers=(Rule.of("0", "filter", sparsity=0.5),)))


@pytest.mark.parametrize("kind", KEPT)
def test_a_weight_that_is_scaled_keeps_its_zeros(kind: type[nn.Conv2d]) -> None:
    net = network(kind)
    assert dict(computed_weights(net)) == {}
    pruned = prune(net, Recipe(layers=(Rule.of("2", "magnitude", sparsity=0.5),)))
    assert pruned.report.layer("2").zeros == 288


def test_a_depthwise_layer_is_seen_too() -> None:
    assert set(computed_weights(network(Standardised, groups=8))) == {"2"}
    assert set(computed_weights(network(Gained, groups=8))) == set()


def test_a_hook_that_changes_the_weight_is_seen() -> None:
    net = network(nn.Conv2d)

    def centre(part: nn.Module, _inputs: object) -> None:
        part.weight = nn.Parameter(part.weight - part.weight.mean())

    net.module[2].register_forward_pre_hook(centre)  # type: ignore[operator, union-attr, index]
    assert set(computed_weights(net)) == {"2"}
