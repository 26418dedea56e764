"""Weights in the Winograd domain: torch's operation, the engine's layer, the file."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from workbench.capture.from_torch.torch_export import capture
from workbench.capture.from_torch.winograd_op import to_winograd, winograd_conv2d
from workbench.engine.compile import compile_graph
from workbench.engine.program import Program
from workbench.engine.winograd.cook_toom import cook_toom
from workbench.errors import WorkbenchError
from workbench.kernels import forced_isa, info

# Two layers of 12 channels in float32 against float64; F(4, 3) loses a digit.
TOLERANCE = {"rtol": 2e-4, "atol": 2e-4}
torch.set_num_threads(1)


class Domain(nn.Module):
    """A layer that holds its weight in the Winograd domain."""

    def __init__(self, inputs: int, outputs: int, *, m: int, relu: bool) -> None:
        super().__init__()
        kernel = torch.randn(outputs, inputs, 3, 3) / (3 * inputs**0.5)
        self.weight = nn.Parameter(to_winograd(kernel, m))
        self.bias = nn.Parameter(torch.randn(outputs))
        self.m, self.relu = m, relu

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return winograd_conv2d(x, self.weight, self.bias, m=self.m, relu=self.relu)


class Net(nn.Module):
    """Convolution, batch norm, ReLU, a second one with a residual."""

    def __init__(self, *, m: int, relu: bool, sparsity: float) -> None:
        super().__init__()
        torch.manual_seed(m)
        self.first = Domain(5, 12, m=m, relu=relu)
        self.norm = nn.BatchNorm2d(12)
        self.second = Domain(12, 12, m=m, relu=relu)
        self.norm.running_mean.normal_()
        self.norm.running_var.uniform_(0.5, 2)
        for layer in (self.first, self.second):
            keep = torch.rand_like(layer.weight) >= sparsity
            layer.weight.data *= keep
        self.eval()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = torch.relu(self.norm(self.first(x)))
        return torch.relu(self.second(x) + x)


def by_definition(image, weight, m: int, relu: bool) -> np.ndarray:
    """Return AT (sum_c W f(BT d BT^T)) A in float64, tile by tile; padding 1."""
    at, _, bt = cook_toom(m, 3).arrays()
    channels, height, width = image.shape
    padded = np.zeros((channels, height + 2 + m, width + 2 + m))
    padded[:, 1 : height + 1, 1 : width + 1] = image
    out = np.zeros((len(weight), height + m, width + m))
    for y in range(0, height, m):
        for x in range(0, width, m):
            inside = bt @ padded[:, y : y + m + 2, x : x + m + 2] @ bt.T
            inside = np.maximum(inside, 0) if relu else inside
            out[:, y : y + m, x : x + m] = (
                at @ np.einsum("ocij,cij->oij", weight, inside) @ at.T
            )
    return out[:, :height, :width]


@pytest.mark.parametrize("m", [2, 4])
@pytest.mark.parametrize("relu", [False, True])
def test_the_torch_operation_is_the_definition(m: int, relu: bool) -> None:
    torch.manual_seed(0)
    layer = Domain(3, 4, m=m, relu=relu).double()
    image = torch.randn(1, 3, 7, 9, dtype=torch.float64)
    result = layer(image)[0] - layer.bias[:, None, None]
    weight = layer.weight.detach().numpy()
    wanted = by_definition(image[0].numpy(), weight, m, relu)
    np.testing.assert_allclose(result.detach().numpy(), wanted, atol=1e-12)


def test_without_relu_it_is_the_convolution() -> None:
    torch.manual_seed(1)
    kernel, image = torch.randn(4, 3, 3, 3), torch.randn(2, 3, 6, 5)
    for m in (2, 4):
        result = winograd_conv2d(image, to_winograd(kernel, m), m=m)
        torch.testing.assert_close(
            result, functional.conv2d(image, kernel, padding=1), rtol=1e-4, atol=1e-4
        )


def test_gradients_reach_the_winograd_weights() -> None:
    # Pixel (0, 0) of a 1x1-channel F(2, 3): y = AT (W * V) A with V = BT 1 BT^T of an
    # image of ones without padding. BT 1 = [1-1, 1+1, 1-1, 1-1] = [0, 2, 0, 0]: only
    # coordinate (1, 1) sees 4 (B of points 0, 1, -1), so that alone has a gradient.
    weight = torch.zeros(1, 1, 4, 4, requires_grad=True)
    winograd_conv2d(torch.ones(1, 1, 4, 4), weight, m=2, padding=0).sum().backward()
    assert weight.grad is not None
    touched = weight.grad[0, 0].abs() > 0
    assert touched.nonzero().tolist() == [[1, 1]]
    numeric = torch.randn(1, 2, 5, 5, dtype=torch.float64, requires_grad=True)
    weights = torch.randn(2, 2, 4, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda x, w: winograd_conv2d(x, w, m=2, relu=False), (numeric, weights)
    )


@pytest.mark.parametrize("m", [2, 4])
@pytest.mark.parametrize("relu", [False, True])
@pytest.mark.parametrize("sparsity", [0.0, 0.8, 1.0])
def test_the_engine_equals_torch(m: int, relu: bool, sparsity: float) -> None:
    net = Net(m=m, relu=relu, sparsity=sparsity)
    x = torch.randn(2, 5, 11, 13)
    program = compile_graph(capture(net, x), tune="model")
    with torch.no_grad():
        wanted = net.double()(x.double()).numpy()
    np.testing.assert_allclose(program(x.numpy()), wanted, **TOLERANCE)
    reports = [s for s in program.steps if s.op == "winograd_conv2d"]
    assert [s.layer for s in reports] == ["first", "second"]
    for step, layer in zip(reports, (net.first, net.second), strict=True):
        kept = int((layer.weight != 0).sum())
        tiles = -(-11 // m) * -(-13 // m)
        assert step.theoretical_macs == kept * tiles
        assert step.dense_macs == layer.weight[:, :, 0, 0].numel() * 9 * 11 * 13
        if "sparse" in step.candidate:
            assert step.executed_macs == step.theoretical_macs


def test_pruned_layers_prefer_the_sparse_kernel_and_survive_the_file(
    tmp_path: Path,
) -> None:
    net = Net(m=4, relu=True, sparsity=0.9)
    x = torch.randn(1, 5, 12, 12)
    program = compile_graph(capture(net, x), tune="model")
    chosen = {s.candidate for s in program.steps if s.op == "winograd_conv2d"}
    assert chosen == {"winograd-domain-sparse"}
    program.save(tmp_path / "net.wbp")
    again = Program.load(tmp_path / "net.wbp")
    node = again.graph.node("second")
    assert node.attrs["m"] == 4
    assert node.attrs["input_relu"] is True
    np.testing.assert_array_equal(again(x.numpy()), program(x.numpy()))


def test_both_candidates_are_measured() -> None:
    if not info().native:
        pytest.skip("NumPy kernels are not timed: compile the kernels")
    net = Net(m=2, relu=False, sparsity=0.5)
    graph = capture(net, torch.zeros(1, 5, 8, 8))
    program = compile_graph(graph, budget_s=2.0)
    step = next(
        s for s in program.steps if (s.layer, s.candidate > "") == ("second", True)
    )
    seen = " ".join([step.candidate, *(r.candidate for r in step.rejected)])
    assert "winograd-domain-sparse" in seen
    assert "winograd-domain-dense" in seen


def test_impossible_weights_are_refused() -> None:
    image = torch.zeros(1, 3, 8, 8)
    with pytest.raises(WorkbenchError, match=r"F\(6, 3\) over 3 channels"):
        winograd_conv2d(image, torch.zeros(4, 3, 8, 8), m=6)
    with pytest.raises(WorkbenchError, match=r"a weight \(4, 2, 4, 4\)"):
        winograd_conv2d(image, torch.zeros(4, 2, 4, 4), m=2)


@pytest.mark.parametrize("isa", info().available)
@pytest.mark.parametrize("m", [2, 4])
def test_every_instruction_set_rectifies_and_skips_zeros(isa: str, m: int) -> None:
    net = Net(m=m, relu=True, sparsity=0.7)
    x = torch.randn(1, 5, 9, 17)
    with forced_isa(isa):
        program = compile_graph(capture(net, x), tune="model")
        result = program(x.numpy())
    with torch.no_grad():
        wanted = net.double()(x.double()).numpy()
    np.testing.assert_allclose(result, wanted, **TOLERANCE)


# NumPy multiplies the zeros of BT too, and so spreads a NaN over whole tiles.
@pytest.mark.parametrize("isa", [i for i in info().available if i != "numpy"])
def test_a_nan_passes_the_inner_relu(isa: str) -> None:
    layer = Domain(2, 3, m=2, relu=True).eval()
    x = torch.rand(1, 2, 6, 6)
    x[0, 0, 2, 2] = torch.nan
    with forced_isa(isa):
        result = compile_graph(capture(layer, x), tune="model")(x.numpy())
    with torch.no_grad():
        wanted = layer(x).numpy()
    np.testing.assert_array_equal(np.isnan(result), np.isnan(wanted))
    assert np.isnan(result[0, :, 2, 2]).all()
