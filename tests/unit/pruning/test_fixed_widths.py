"""Code with a number of channels in it: refused when pruned, not when cut."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from workbench.models.inspect import from_module
from workbench.models.network import Network
from workbench.pruning import Recipe, Rule, prune, shrink
from workbench.pruning.coupling.groups import coupling_groups
from workbench.pruning.method import MethodError


class Middle(nn.Module):
    """Something without weights that a function does."""

    def __init__(self, run: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.run = run

    def forward(self, x: Tensor) -> Tensor:
        return self.run(x)


KERNEL = torch.ones(8, 1, 3, 3) / 9


def network(run: Callable[[Tensor], Tensor]) -> Network:
    torch.manual_seed(0)
    parts = (
        nn.Conv2d(3, 8, 3, padding=1),
        Middle(run),
        nn.Conv2d(8, 6, 1),
        nn.Conv2d(6, 4, 1),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(4, 2),
    )
    return from_module(nn.Sequential(*parts), input_shape=(3, 8, 8))


FIXED: dict[str, tuple[Callable[[Tensor], Tensor], str]] = {
    "blur": (lambda x: F.conv2d(x, KERNEL, groups=8), "Given groups=8"),
    "view": (lambda x: x.view(-1, 8, 8, 8), "shape '[-1, 8, 8, 8]' is invalid"),
    "expand": (lambda x: x * torch.ones(8)[:, None, None], "must match the size"),
}


@pytest.mark.parametrize("kind", FIXED)
@pytest.mark.parametrize(("layer", "method"), [("0", "filter"), ("2", "channel")])
def test_it_is_refused_by_name_when_pruned(kind: str, layer: str, method: str) -> None:
    run, said = FIXED[kind]
    net = network(run)
    groups = {group.root: group.blocked for group in coupling_groups(net)}
    assert said in (groups["0"] or "")
    assert groups["2"] is None
    with pytest.raises(MethodError, match="code does not run with fewer"):
        prune(net, Recipe(layers=(Rule.of(layer, method, sparsity=0.5),)))


def test_code_that_asks_for_the_number_is_pruned_and_cut() -> None:
    net = network(lambda x: F.conv2d(x, KERNEL[: x.shape[1]], groups=x.shape[1]))
    pruned = prune(net, Recipe(layers=(Rule.of("0", "filter", sparsity=0.5),)))
    assert shrink(pruned).layer("0").weight_shape == (4, 3, 3, 3)
