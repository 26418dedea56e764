"""Weights that layers compute from others are folded before anything is pruned."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import (
    parametrizations,
    parametrize,
    prune,
    spectral_norm,
    weight_norm,
)

import workbench as wb
from workbench.models.loading import load_model
from workbench.models.weights_file import read_weights


class Halved(nn.Module):
    """A parametrisation of one's own."""

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        return weight / 2


def halved(layer: nn.Module) -> nn.Module:
    parametrize.register_parametrization(layer, "weight", Halved())
    return layer


def twice(layer: nn.Module) -> nn.Module:
    return halved(parametrizations.weight_norm(layer))


def plain(layer: nn.Module) -> nn.Module:
    return layer


KINDS: dict[str, Callable[[nn.Module], nn.Module]] = {
    "weight_norm": parametrizations.weight_norm,
    "old_weight_norm": weight_norm,
    "spectral_norm": parametrizations.spectral_norm,
    "old_spectral_norm": spectral_norm,
    "orthogonal": parametrizations.orthogonal,
    "own": halved,
    "two": twice,
}


class Normed(nn.Module):
    def __init__(self, kind: str = "none") -> None:
        super().__init__()
        self.a = nn.Conv2d(3, 8, 3, padding=1)
        self.b = KINDS.get(kind, plain)(nn.Conv2d(8, 8, 3, padding=1))
        self.fc = KINDS.get(kind, plain)(nn.Linear(8, 5))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(F.relu(self.b(F.relu(self.a(x)))).mean((2, 3)))


def old_spectral() -> nn.Module:
    return Normed("old_spectral_norm")


def made(kind: str) -> nn.Module:
    torch.manual_seed(0)
    module = Normed(kind)
    module(torch.randn(4, 3, 8, 8))
    return module.eval()


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("kind", KINDS)
def test_the_folded_network_computes_the_same_and_can_be_pruned(kind: str) -> None:
    module = made(kind)
    image = torch.randn(2, 3, 8, 8)
    with torch.no_grad():
        want = module(image)
    net = wb.from_module(module, input_shape=(3, 8, 8))
    assert sorted(name for name, _ in net.module.named_parameters()) == [
        f"{layer}.{leaf}" for layer in ("a", "b", "fc") for leaf in ("bias", "weight")
    ]
    torch.testing.assert_close(net.module(image), want, rtol=1e-6, atol=1e-6)
    for method in ("magnitude", "filter"):
        recipe = wb.Recipe.uniform(method, 0.5, match="b")
        pruned = wb.prune(net, recipe)
        assert pruned.report.layer("b").sparsity == 0.5
        weight = pruned.module.get_parameter("b.weight")
        assert int((weight == 0).sum()) == 288
    assert wb.shrink(pruned).layer("b").weight_shape == (4, 8, 3, 3)


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize(
    "kind", ["weight_norm", "old_weight_norm", "old_spectral_norm"]
)
def test_a_file_of_such_a_network_holds_the_weights_it_computes(
    kind: str, tmp_path: Path
) -> None:
    module = made(kind)
    path = tmp_path / "weights.pt"
    torch.save(module.state_dict(), path)
    state = read_weights(path).state
    assert sorted(state) == [
        f"{layer}.{leaf}" for layer in ("a", "b", "fc") for leaf in ("bias", "weight")
    ]
    with torch.no_grad():
        module(torch.randn(1, 3, 8, 8))
    torch.testing.assert_close(state["b.weight"], module.b.weight.detach())
    torch.testing.assert_close(state["fc.weight"], module.fc.weight.detach())


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_a_factory_with_spectral_norm_takes_its_own_weights(tmp_path: Path) -> None:
    module = made("old_spectral_norm")
    path = tmp_path / "weights.pt"
    torch.save(module.state_dict(), path)
    spec = f"{__name__}:old_spectral"
    net = load_model(spec, weights=path, input_shape=(3, 8, 8))
    image = torch.randn(2, 3, 8, 8)
    with torch.no_grad():
        torch.testing.assert_close(net.module(image), module(image))


def test_masks_of_torch_are_still_named() -> None:
    module = made("none")
    prune.l1_unstructured(module.b, "weight", 0.5)
    with pytest.raises(wb.WorkbenchError, match="layer 'b' carries 'weight_orig'"):
        wb.from_module(module, input_shape=(3, 8, 8))
