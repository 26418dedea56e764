"""Layers that share one weight tensor have one mask, one report and one decision."""

from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F

import workbench as wb
from workbench.pruning import Recipe, Rule
from workbench.pruning.method import MethodError


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.a = nn.Conv2d(8, 8, 3, padding=1)
        self.b = nn.Conv2d(8, 8, 3, padding=1)
        self.b.weight = self.a.weight
        self.fc = nn.Linear(8, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.relu(self.b(F.relu(self.a(F.relu(self.stem(x))))))
        return self.fc(x.mean((2, 3)))


@pytest.fixture
def net() -> wb.Network:
    torch.manual_seed(0)
    return wb.from_module(Tied(), input_shape=(3, 8, 8))


def rule(layer: str, method: str = "magnitude", sparsity: float = 0.5) -> Rule:
    return Rule.of(layer, method, sparsity=sparsity)


@pytest.mark.parametrize("named", ["a", "b", "[ab]", "*"])
@pytest.mark.parametrize("method", ["magnitude", "random", "kernel", "block"])
def test_a_rule_on_one_is_a_rule_on_both(
    net: wb.Network, named: str, method: str
) -> None:
    pruned = wb.prune(net, Recipe(layers=(rule(named, method),)))
    for layer in ("a", "b"):
        row = pruned.report.layer(layer)
        assert (row.method, row.sparsity) == (method, 0.5)
        weight = pruned.module.get_parameter(f"{layer}.weight")
        assert int((weight == 0).sum()) == 288
        assert torch.equal(weight != 0, pruned.masks[layer])
    assert pruned.module.a.weight is pruned.module.b.weight
    assert "the same weight as 'b'" in pruned.report.layer("a").note
    costs = {row.id: row for row in wb.layer_costs(pruned).layers}
    assert costs["a"].nonzeros == costs["b"].nonzeros == 288


def test_the_last_rule_decides_for_both_and_says_so(net: wb.Network) -> None:
    rules = rule("a", sparsity=0.25), rule("b", "kernel", sparsity=0.5)
    pruned = wb.prune(net, Recipe(layers=rules))
    assert pruned.report.layer("a").method == "kernel"
    assert pruned.report.layer("a").zeros == pruned.report.layer("b").zeros == 288
    assert pruned.report.layer("a").note == (
        "the same weight as 'b'; rule 'b' decides, the last that matches one of them"
    )
    kept = wb.prune(net, Recipe(layers=(rule("a"), Rule.of("b", "none"))))
    assert kept.report.zeros == 0


def test_a_protected_layer_protects_its_twin(net: wb.Network) -> None:
    torch.manual_seed(0)
    twin = nn.Sequential(nn.Conv2d(8, 8, 3), nn.Conv2d(8, 8, 3), nn.Conv2d(8, 8, 3))
    twin[2].weight = twin[1].weight
    tied = wb.from_module(twin, input_shape=(8, 9, 9))
    pruned = wb.prune(tied, Recipe.uniform("magnitude", 0.5))
    assert pruned.report.zeros == 0
    assert "left dense: the classifier" in pruned.report.layer("1").note


@pytest.mark.parametrize("method", ["filter", "channel"])
def test_channels_of_a_shared_weight_stay(net: wb.Network, method: str) -> None:
    with pytest.raises(MethodError, match="'a' has the same weight as 'b'"):
        wb.prune(net, Recipe(layers=(rule("a", method),)))
    pruned = wb.prune(net, Recipe(layers=(rule("a"),)))
    small = wb.shrink(pruned)
    assert small.layer("b").weight_shape == (8, 8, 3, 3)
    assert torch.equal(small.module.b.weight, pruned.module.b.weight)


def test_files_programs_and_training_keep_the_zeros(
    net: wb.Network, tmp_path: Path
) -> None:
    pruned = wb.prune(net, Recipe(layers=(rule("b"),)))
    for name in ("net.safetensors", "net.pt"):
        path = tmp_path / name
        wb.export(pruned, path)
        assert wb.verify(path, pruned).ok
    state = pruned.torch_state()
    assert torch.equal(state["a.weight_mask"], state["b.weight_mask"])
    torch.nn.init.normal_(other := Tied().a.weight)
    module = Tied()
    module.load_state_dict(pruned.module.state_dict())
    assert pruned.with_module(module).report == pruned.report
    with torch.no_grad():
        module.a.weight.copy_(other)
    with pytest.raises(wb.WorkbenchError, match="removed weights"):
        pruned.with_module(module)


def test_a_shared_bias_blocks_filters_of_both() -> None:
    torch.manual_seed(0)
    module = Tied()
    module.b.weight = nn.Parameter(torch.randn(8, 8, 3, 3))
    module.b.bias = module.a.bias
    net = wb.from_module(module, input_shape=(3, 8, 8))
    with pytest.raises(MethodError, match="'a' has the same bias as 'b'"):
        wb.prune(net, Recipe(layers=(rule("a", "filter"),)))
