"""What kernels are held against equals torch: convolutions and activations."""

import numpy as np
import pytest

from tests.kernels.drawing import EVERY_ACTIVATION
from tests.kernels.float64 import activate, convolve

torch = pytest.importorskip("torch")

functional = torch.nn.functional
TORCH = {
    "leaky_relu": lambda x: functional.leaky_relu(x, 0.1),
    "elu": lambda x: functional.elu(x, 0.7),
    "exp": torch.exp,
    "tanh": torch.tanh,
    "erf": torch.erf,
    "gelu_tanh": lambda x: functional.gelu(x, approximate="tanh"),
}
SPECIAL = [-0.0, 0.0, -3.0, 3.0, -90.0, 90.0, -1e30, 1e30, -np.inf, np.inf, np.nan]


def test_a_convolution_by_hand() -> None:
    # 1*10 + 2*20 + 5*30 + 6*40 + 0.5 and one pixel further, dilation 1, stride 1.
    image = np.array([[[1, 2, 3], [5, 6, 7]]], np.float32)
    weights = np.array([[[[10, 20], [30, 40]]]], np.float32)
    found = convolve(image, weights, np.array([0.5], np.float32))
    np.testing.assert_array_equal(found, [[[440.5, 540.5]]])


@pytest.mark.parametrize("kernel", [(1, 1), (3, 3), (2, 5)])
@pytest.mark.parametrize("stride", [(1, 1), (2, 1), (3, 2)])
@pytest.mark.parametrize("dilation", [(1, 1), (2, 3)])
@pytest.mark.parametrize("groups", [1, 2, 6])
def test_convolution_equals_torch(kernel, stride, dilation, groups) -> None:
    rng = np.random.default_rng(5)
    image = rng.standard_normal((6, 11, 17))
    image[1, 4, 5], image[2, 3, 3] = np.inf, np.nan
    weights = rng.standard_normal((12, 6 // groups, *kernel))
    bias = rng.standard_normal(12)
    tensors = (torch.from_numpy(a) for a in (image[None], weights, bias))
    wanted = torch.nn.functional.conv2d(
        *tensors, stride=stride, dilation=dilation, groups=groups
    )[0].numpy()
    found = convolve(image, weights, bias, stride, dilation, groups)
    np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("act", EVERY_ACTIVATION, ids=lambda act: act.kind)
def test_activations_equal_torch(act) -> None:
    values = torch.tensor([*SPECIAL, *np.linspace(-8, 8, 33)], dtype=torch.float64)
    if act.kind == "clip":
        wanted = values.clamp(act.lo, act.hi)
    elif act.kind == "none":
        wanted = values
    else:
        wanted = TORCH.get(act.kind, getattr(functional, act.kind, None))(values)
    found = activate(values.numpy(), act)
    # torch's own GELUs lose the digits of results near zero.
    near = 1e-15 if act.kind.startswith("gelu") else 1e-300
    np.testing.assert_allclose(found, wanted.numpy(), rtol=1e-14, atol=near)
