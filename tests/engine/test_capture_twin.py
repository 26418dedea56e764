"""Capturing leaves the module alone, so that other threads may read and run it."""

import pytest
import torch
from torch import nn

from workbench.capture.from_torch.torch_export import capture
from workbench.capture.from_torch.twin import twin


class Watched(nn.Module):
    """Note, while it is traced, what a reader of the original finds."""

    def __init__(self, found: list[type]) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3)
        self.original: list[nn.Module] = []
        self.found = found

    def __deepcopy__(self, memo: dict[int, object]) -> "Watched":
        other = Watched(self.found)
        other.conv.weight, other.conv.bias = self.conv.weight, self.conv.bias
        other.original = self.original
        return other

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.found.extend(type(one.conv.weight) for one in self.original)
        result: torch.Tensor = self.conv(x)
        return result


def test_a_reader_finds_real_weights_while_the_module_is_captured() -> None:
    found: list[type] = []
    module = Watched(found).eval()
    module.original.append(module)
    capture(module, torch.zeros(1, 1, 4, 4))
    assert found
    assert set(found) == {nn.Parameter}


@pytest.mark.parametrize("training", [True, False])
def test_a_twin_holds_the_same_tensors_and_its_own_mode(training: bool) -> None:
    module = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2)).train(training)
    other = twin(module)
    pairs = zip(other.state_dict().values(), module.state_dict().values(), strict=True)
    assert all(a.data_ptr() == b.data_ptr() for a, b in pairs)
    assert (other.training, module.training) == (False, training)
    other[0].weight = nn.Parameter(torch.zeros(2, 1, 3, 3))
    assert module[0].weight.abs().sum() > 0
