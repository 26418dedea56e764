"""Transposed convolutions run as ordinary ones whose results are interleaved."""

import numpy as np
import pytest
import torch
from torch import nn

from workbench.capture.compile import compile
from workbench.capture.from_torch.torch_export import capture
from workbench.engine.graph.passes import simplify
from workbench.engine.report import layer_of

TOLERANCE = 1e-5
"""Of the largest result: sums in another order."""

CASES = {
    "4 by 2 as generators have it": {"kernel_size": 4, "stride": 2, "padding": 1},
    "2 by 2 as U-Nets have it": {"kernel_size": 2, "stride": 2},
    "overlapping with a row more": {
        "kernel_size": 3,
        "stride": 2,
        "padding": 1,
        "output_padding": 1,
    },
    "no stride": {"kernel_size": 3, "padding": 2},
    "gaps without a tap": {"kernel_size": 1, "stride": 3, "output_padding": 1},
    "cropped beyond a pixel": {"kernel_size": 2, "stride": 2, "padding": 1},
    "sides apart": {
        "kernel_size": (5, 2),
        "stride": (3, 1),
        "padding": (2, 0),
        "output_padding": (1, 0),
    },
    "groups": {"kernel_size": 4, "stride": 2, "padding": 1, "groups": 2},
    "groups of equal windows": {"kernel_size": 2, "stride": 2, "groups": 2},
    "depthwise": {"kernel_size": 4, "stride": 2, "padding": 1, "groups": 4},
}


def network(*layers: nn.Module) -> nn.Sequential:
    torch.manual_seed(0)
    module = nn.Sequential(*layers)
    for norm in module.modules():
        if isinstance(norm, nn.BatchNorm2d):
            norm.running_mean.uniform_(-1, 1)
            norm.running_var.uniform_(0.5, 2)
            nn.init.uniform_(norm.weight, 0.5, 2)
            nn.init.uniform_(norm.bias, -1, 1)
    return module.eval()


def check(module: nn.Module, x: torch.Tensor) -> None:
    with torch.no_grad():
        expected = module(x).numpy()
    made = compile(module, example=x[:1], tune="model", check=False)(x)
    limit = TOLERANCE * float(np.abs(expected).max())
    np.testing.assert_allclose(made, expected, rtol=0, atol=limit)


@pytest.mark.parametrize("settings", CASES.values(), ids=CASES)
def test_numbers_are_torchs(settings: dict) -> None:
    filters = 4 if "groups" in settings else 6
    module = network(nn.ConvTranspose2d(4, filters, **settings))
    check(module, torch.randn(2, 4, 5, 7))
    graph = simplify(capture(module, torch.zeros(1, 4, 5, 7)))
    assert "conv_transpose2d" not in {node.op for node in graph}


@pytest.mark.parametrize("kernel", [2, 4])
def test_norms_and_activations_are_taken_along(kernel: int) -> None:
    module = network(
        nn.Conv2d(3, 4, 1),
        nn.ConvTranspose2d(4, 6, kernel, 2, kernel // 2 - 1),
        nn.BatchNorm2d(6),
        nn.SiLU(),
        nn.Conv2d(6, 5, 3),
    )
    check(module, torch.randn(2, 3, 5, 7))
    graph = simplify(capture(module, torch.zeros(1, 3, 5, 7)))
    ops = [node.op for node in graph]
    assert "batchnorm" not in ops
    assert "silu" not in ops
    layers = [n for n in graph if n.op == "conv2d" and n.id.partition("@")[0] == "1"]
    taps = sum(layer.params["weight"].size for layer in layers)
    assert taps == 4 * 6 * kernel * kernel
    assert {layer.attrs["act"][0] for layer in layers} == {"silu"}


def test_what_is_read_twice_keeps_its_norm() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.up, self.norm = nn.ConvTranspose2d(4, 6, 2, 2), nn.BatchNorm2d(6)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = self.up(x)
            return torch.relu(self.norm(y)) + y

    check(network(Twice()), torch.randn(2, 4, 5, 7))


def test_steps_belong_to_the_layer() -> None:
    module = network(nn.Conv2d(3, 4, 1), nn.ConvTranspose2d(4, 6, 4, 2, 1))
    program = compile(module, example=torch.zeros(1, 3, 5, 7), tune="model")
    mine = [s for s in program.steps if layer_of(s.layer) == "1"]
    assert sum(step.dense_macs for step in mine) == 4 * 6 * 4 * 5 * 7 * 4


def test_an_activation_behind_one_pixel_stays() -> None:
    check(network(nn.ConvTranspose2d(4, 5, 2, 2), nn.ReLU()), torch.randn(2, 4, 1, 1))
