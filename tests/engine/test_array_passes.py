"""Linear layers over tokens become convolutions of pixels; permutations cancel."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from workbench.capture.compile import compile
from workbench.capture.from_torch.torch_export import capture
from workbench.engine.graph.passes import simplify

TOLERANCE = 1e-5
"""Of the largest result: sums in another order."""


class Block(nn.Module):
    """A ConvNeXt block: channels last between two permutations."""

    def __init__(self, c: int = 8) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(c)
        self.up, self.down = nn.Linear(c, 4 * c), nn.Linear(4 * c, c)
        self.gamma = nn.Parameter(torch.rand(c))

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(x.permute(0, 2, 3, 1))
        y = self.down(F.gelu(self.up(y))) * self.gamma
        return x + y.permute(0, 3, 1, 2)


class Tokens(nn.Module):
    """The same over a row of tokens."""

    def __init__(self, c: int = 8) -> None:
        super().__init__()
        self.up, self.down = nn.Linear(c, 4 * c), nn.Linear(4 * c, c)

    def forward(self, x: Tensor) -> Tensor:
        y = x.flatten(2).transpose(1, 2)
        return self.down(F.gelu(self.up(y)).softmax(-1)).transpose(1, 2)


@pytest.mark.parametrize("block", [Block, Tokens])
def test_numbers_are_torchs(block: type[nn.Module]) -> None:
    torch.manual_seed(0)
    module = block().eval()
    x = torch.randn(2, 8, 5, 6)
    with torch.no_grad():
        expected = module(x).numpy()
    made = compile(module, example=x[:1], tune="model", check=False)(x)
    limit = TOLERANCE * float(np.abs(expected).max())
    np.testing.assert_allclose(made, expected, rtol=0, atol=limit)


def test_a_block_with_channels_last_has_no_permutation_left() -> None:
    torch.manual_seed(0)
    graph = simplify(capture(Block().eval(), torch.zeros(1, 8, 5, 6)))
    ops = {node.op for node in graph}
    assert "permute" not in ops
    assert "tokens_linear" not in ops
    layer = graph.node("up")
    assert (layer.op, layer.params["weight"].shape) == ("conv2d", (32, 8, 1, 1))
    assert layer.attrs["act"][0] == "gelu"


@pytest.mark.parametrize("size", [(8, 12), (11, 13)])
def test_patches_are_pixels_of_more_channels(size: tuple[int, int]) -> None:
    """Of a stem that moves by its kernel; what is left over at the ends is not read."""
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(3, 6, 4, 4), nn.BatchNorm2d(6), nn.ReLU()).eval()
    module[1].running_mean.fill_(0.5)
    x = torch.randn(2, 3, *size)
    with torch.no_grad():
        expected = module(x).numpy()
    graph = simplify(capture(module, x[:1]))
    layer = graph.node("0")
    assert layer.params["weight"].shape == (6, 48, 1, 1)
    assert layer.attrs["act"][0] == "relu"
    made = compile(module, example=x[:1], tune="model", check=False)(x)
    limit = TOLERANCE * float(np.abs(expected).max())
    np.testing.assert_allclose(made, expected, rtol=0, atol=limit)


def test_activations_pass_through_reshapes() -> None:
    torch.manual_seed(0)
    tokens = nn.Sequential(nn.Linear(8, 32), nn.GELU(), nn.Linear(32, 8)).eval()
    graph = simplify(capture(tokens, torch.zeros(1, 5, 8)))
    assert graph.node("0").attrs["act"][0] == "gelu"
    assert "gelu" not in {node.op for node in graph}
    x = torch.randn(2, 5, 8)
    with torch.no_grad():
        expected = tokens(x).numpy()
    made = compile(tokens, example=x[:1], tune="model", check=False)(x)
    np.testing.assert_allclose(made, expected, rtol=0, atol=TOLERANCE)


def test_zeros_before_a_convolution_are_its_padding() -> None:
    """As TensorFlow's "same" has them: one row more below than above."""

    class Same(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.pool = nn.Conv2d(3, 4, 3, 2, padding=1), nn.MaxPool2d(2)

        def forward(self, x: Tensor) -> Tensor:
            y = F.pad(x, (0, 1, 1, 2))
            return torch.cat([self.conv(y), self.pool(y)], 1)

    torch.manual_seed(0)
    module = Same().eval()
    x = torch.randn(2, 3, 9, 11)
    with torch.no_grad():
        expected = module(x).numpy()
    graph = simplify(capture(module, x[:1]))
    assert graph.node("conv").attrs["padding"] == (2, 1, 3, 2)
    assert graph.node("conv").inputs == ("input",)
    made = compile(module, example=x[:1], tune="model", check=False)(x)
    np.testing.assert_allclose(made, expected, rtol=0, atol=TOLERANCE)
