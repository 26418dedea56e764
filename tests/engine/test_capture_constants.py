"""Constants beside a tensor of C = H = W = 8: per channel, or refused by name."""

import itertools
import operator
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from workbench.capture.compile import compile
from workbench.capture.from_torch.torch_export import capture
from workbench.errors import WorkbenchError

SIDE = 8
TOLERANCE = 2e-5
"""Of the largest result: sums of 27 terms in another order."""

SHAPES_PER_CHANNEL = [(), (1,), (1, 1), (8, 1, 1), (1, 8, 1, 1), (1, 1, 1, 1)]
SHAPES_ALONG_PIXELS = [
    (8,),
    (8, 1),
    (8, 8),
    (1, 1, 8),
    (1, 8, 1),
    (1, 1, 1, 8),
    (1, 1, 8, 1),
    (8, 8, 8),
    (1, 8, 8, 8),
    (8, 1, 8),
    (8, 1, 1, 1),
    (1, 1, 8, 1, 1),
]
OPERATIONS: list[Callable[[Tensor, Tensor], Tensor]] = [
    operator.add,
    operator.sub,
    operator.mul,
    operator.truediv,
    lambda x, p: p + x,
    lambda x, p: p - x,
    lambda x, p: p * x,
    lambda x, p: torch.sub(x, p, alpha=2),
    lambda x, p: torch.add(p, x, alpha=-3),
]


class Beside(nn.Module):
    """A convolution and a constant: a buffer, a parameter or made in the forward."""

    def __init__(
        self, constant: Tensor, act: Callable[[Tensor, Tensor], Tensor], kind: str
    ) -> None:
        super().__init__()
        torch.manual_seed(2)
        self.conv = nn.Conv2d(3, SIDE, 3, padding=1)
        self.act, self.kind = act, kind
        if kind == "parameter":
            self.p = nn.Parameter(constant)
        elif kind == "buffer":
            self.register_buffer("p", constant)
        else:
            self.numbers = constant.tolist()

    def forward(self, x: Tensor) -> Tensor:
        p = torch.tensor(self.numbers) if self.kind == "literal" else self.p
        return self.act(self.conv(x), p)


def constant_of(shape: tuple[int, ...]) -> Tensor:
    return torch.rand(shape, generator=torch.manual_seed(len(shape))) + 0.5


def image() -> Tensor:
    return torch.randn(1, 3, SIDE, SIDE, generator=torch.manual_seed(1))


def assert_torchs(module: nn.Module) -> None:
    with torch.no_grad():
        expected = module(image()).numpy()
    result = compile(module, example=image(), tune="model")(image())
    assert (result.shape, result.dtype) == (expected.shape, expected.dtype)
    limit = TOLERANCE * float(np.abs(expected).max())
    np.testing.assert_allclose(result, expected, rtol=0, atol=limit)


KINDS = itertools.cycle(["buffer", "parameter", "literal"])


@pytest.mark.parametrize(
    ("shape", "act", "kind"),
    [
        (*pair, kind)
        for pair, kind in zip(
            itertools.product(SHAPES_PER_CHANNEL, OPERATIONS), KINDS, strict=False
        )
    ],
)
def test_per_channel(
    shape: tuple[int, ...], act: Callable[[Tensor, Tensor], Tensor], kind: str
) -> None:
    assert_torchs(Beside(constant_of(shape), act, kind))


@pytest.mark.parametrize(
    ("shape", "act", "kind"),
    [
        (*pair, kind)
        for pair, kind in zip(
            itertools.product(SHAPES_ALONG_PIXELS, OPERATIONS), KINDS, strict=False
        )
    ],
)
def test_along_pixels(
    shape: tuple[int, ...], act: Callable[[Tensor, Tensor], Tensor], kind: str
) -> None:
    module = Beside(constant_of(shape), act, kind)
    wide = np.broadcast_shapes(shape, (1, 8, 8, 8))
    if len(wide) == 4 and wide[0] == 1:
        assert_torchs(module)
        return
    with pytest.raises(WorkbenchError, match="without the batch as its first axis"):
        capture(module, image())


def test_equal_numbers_along_pixels_are_one_number() -> None:
    per_channel = torch.arange(8.0).view(8, 1, 1).expand(8, 8, 8).clone()
    assert_torchs(Beside(per_channel, operator.mul, "buffer"))
    assert_torchs(Beside(torch.full((8,), 1.5), operator.add, "parameter"))


@pytest.mark.parametrize(
    ("constant", "kind"),
    [
        (torch.arange(8).view(8, 1, 1), "buffer"),
        (torch.arange(1, 9).view(8, 1, 1), "literal"),
        (torch.arange(8).view(8, 1, 1) > 3, "buffer"),
        (torch.tensor(3), "literal"),
        (torch.tensor(0.5, dtype=torch.float64), "buffer"),
    ],
    ids=["int", "int literal", "bool", "scalar int", "scalar double"],
)
def test_other_types_count_as_torch_counts_them(constant: Tensor, kind: str) -> None:
    assert_torchs(Beside(constant, operator.mul, kind))


def test_doubles_of_a_module_are_taken_as_float32() -> None:
    module = Beside(constant_of((8, 1, 1)).double(), operator.mul, "buffer")
    found = compile(module, example=image(), tune="model")(image())
    wanted = module.eval().float()(image()).detach().numpy()
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)


def test_a_vector_meets_its_features() -> None:
    torch.manual_seed(0)
    layers = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 8))
    module = Beside(constant_of((8,)), operator.mul, "buffer")
    module.conv = layers
    assert_torchs(module)
    module.p = constant_of((8, 1))
    with pytest.raises(WorkbenchError, match="without the batch"):
        capture(module, image())
