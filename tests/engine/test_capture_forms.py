"""Forms of modules that were misread or ended in tracebacks: a sentence, or torch."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import workbench as wb
from workbench.capture.from_torch.torch_export import capture
from workbench.errors import WorkbenchError

TOLERANCE = 2e-5
"""Of the largest result: sums of 27 terms in another order."""


class Form(nn.Module):
    """A convolution, an integer and a boolean mask, and what is done with them."""

    def __init__(self, act: Callable[["Form", Tensor], object]) -> None:
        super().__init__()
        torch.manual_seed(4)
        self.conv = nn.Conv2d(3, 8, 3, padding=1)
        self.steps = nn.Parameter(torch.arange(8), requires_grad=False)
        self.register_buffer("mask", torch.arange(8) % 3 > 0)
        self.register_buffer("low", torch.tensor(-0.25))
        self.act = act

    def forward(self, x: Tensor) -> object:
        return self.act(self, x)


def channels(numbers: Tensor) -> Tensor:
    return numbers.view(-1, 1, 1)


def pooled(form: Form, x: Tensor) -> Tensor:
    return form.conv(x).mean((2, 3))


RIGHT: dict[str, Callable[[Form, Tensor], Tensor]] = {
    "integer parameter": lambda f, x: f.conv(x) * channels(f.steps),
    "boolean buffer": lambda f, x: f.conv(x) * channels(f.mask),
    "masked weight": lambda f, x: F.conv2d(x, f.conv.weight * f.mask.view(8, 1, 1, 1)),
    "number of a buffer": lambda f, x: f.conv(x) + f.low.item(),
    "clamp with tensors": lambda f, x: f.conv(x).clamp(f.low, f.low + 1),
    "crossed bounds": lambda f, x: f.conv(x).clamp(0.5, -0.5),
    "one minus": lambda f, x: 1 - torch.sigmoid(f.conv(x)),
    "mask made in the forward": lambda f, x: f.conv(x) * made_mask(),
    "dropout of eval mode": lambda f, x: F.dropout(f.conv(x), training=f.training),
    "no_grad": lambda f, x: torch.relu(without_grad(f, x)),
    "the image itself": lambda f, x: x,
    "int8": lambda f, x: (9 * f.conv(x)).to(torch.int8).float(),
    "bool": lambda f, x: torch.relu(f.conv(x)).bool().float(),
    "half": lambda f, x: f.conv(x).half().float(),
    "squeeze": lambda f, x: pooled(f, x)[:, :1].squeeze(1),
    "bounds": lambda f, x: f.conv(x).clamp(channels(f.steps)),
    "computed bound": lambda f, x: x.clamp(x.mean((2, 3), keepdim=True)),
}

REFUSED: dict[str, tuple[Callable[[Form, Tensor], object], str]] = {
    "int": (lambda f, x: f.conv(x).int(), "a result of type int32"),
    "double": (lambda f, x: f.conv(x).double(), "type float64"),
    "dropout": (
        lambda f, x: F.dropout(x, training=True),
        "dropout with random numbers",
    ),
    "dropout2d": (lambda f, x: F.dropout2d(x, training=True), "with random numbers"),
    "noise": (lambda f, x: x + torch.randn(3, 1, 1), "randn with random numbers"),
    "all axes": (
        lambda f, x: pooled(f, x).squeeze(),
        r"of shape \(8,\) for one image, without the batch",
    ),
    "first image": (lambda f, x: f.conv(x)[:1], "slice 0:1 of the batch"),
    "constant": (lambda f, x: torch.ones(1, 8), "does not depend on the image"),
    "autocast": (lambda f, x: in_autocast(f, x), "wrap_with_autocast"),
    "statistics": (
        lambda f, x: F.batch_norm(f.conv(x), None, None, training=True),
        "statistics of the batch itself",
    ),
}


def made_mask() -> Tensor:
    mask = torch.zeros(8, 1, 1)
    mask[2:] = 1.5
    return mask


def without_grad(form: Form, x: Tensor) -> Tensor:
    with torch.no_grad():
        y: Tensor = form.conv(x)
        return y


def in_autocast(form: Form, x: Tensor) -> Tensor:
    with torch.autocast("cpu", torch.bfloat16):
        y: Tensor = form.conv(x)
    return y.float()


def image() -> Tensor:
    return torch.randn(1, 3, 6, 5, generator=torch.manual_seed(1))


@pytest.mark.parametrize("name", RIGHT)
def test_torchs_numbers(name: str) -> None:
    module = Form(RIGHT[name]).eval()
    with torch.no_grad():
        expected = module(image()).numpy()
    result = wb.compile(module, example=image(), tune="model")(image())
    assert (result.shape, result.dtype) == (expected.shape, expected.dtype)
    np.testing.assert_allclose(result, expected, rtol=0, atol=TOLERANCE * 8)


@pytest.mark.parametrize("name", REFUSED)
def test_refused_by_name(name: str) -> None:
    act, message = REFUSED[name]
    with pytest.raises(WorkbenchError, match=message):
        capture(Form(act), image())


def small() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(48, 2))


UNSUITABLE: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "parallel": (lambda: nn.DataParallel(small()), "wrapped in DataParallel"),
    "scripted": (lambda: torch.jit.script(small()), "scripted or traced by torch.jit"),
    "part": (
        lambda: nn.Sequential(torch.jit.script(small())),
        "'0' is scripted or traced",
    ),
    "lazy": (lambda: nn.Sequential(nn.LazyConv2d(4, 3)), "lazy layer that has not run"),
    "meta": (lambda: small().to("meta"), "on the meta device and has no values"),
    "1d": (lambda: nn.Sequential(nn.Conv1d(3, 4, 3)), "'0' is a Conv1d, which is not"),
    "3d": (lambda: nn.Sequential(nn.Conv3d(3, 4, 3)), "'0' is a Conv3d, which is not"),
}


@pytest.mark.parametrize("name", UNSUITABLE)
@pytest.mark.filterwarnings("ignore")
def test_unsuitable_modules_are_told_what_was_found(name: str) -> None:
    build, message = UNSUITABLE[name]
    with pytest.raises(WorkbenchError, match=message):
        wb.from_module(build(), input_shape=(3, 6, 5))
    with pytest.raises(WorkbenchError, match=message):
        capture(build(), image())


@pytest.mark.parametrize("kind", [dict, tuple, list])
def test_from_module_and_compile_agree_on_other_results(kind: type) -> None:
    module = Form(
        lambda f, x: {"logits": f.conv(x)} if kind is dict else kind([f.conv(x)])
    )
    name = "logits" if kind is dict else "0"
    assert wb.from_module(module, input_shape=(3, 6, 5)).outputs == (name,)
    signature = capture(module, image()).signature
    assert (signature.outputs, signature.structure) == ((name,), kind.__name__)


@pytest.mark.parametrize(
    ("example", "message"),
    [
        (image().int(), "type int32"),
        (image().numpy(), "type ndarray"),
        (image()[:0], r"shape \(0, 3, 6, 5\)"),
        (image()[0, 0, 0], r"shape \(5,\)"),
    ],
)
def test_other_examples_are_refused(example: object, message: str) -> None:
    with pytest.raises(WorkbenchError, match=f"an example of {message}"):
        capture(small(), example)
