"""Programs are compared once with their source; the layer that differs is named."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import workbench as wb
from tests.engine.nets import make
from workbench.capture import compile as compile_module
from workbench.capture import parting, sources
from workbench.capture.builder import GraphBuilder, Value
from workbench.capture.parting import (
    PartingError,
    check_program,
    difference,
)
from workbench.capture.sources import TorchSource
from workbench.engine.lowering import lower
from workbench.engine.program import Program

IMAGE = torch.zeros(1, 3, 8, 8)


def wrong_relu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make both importers read another activation."""
    add = GraphBuilder.add

    def other(self: GraphBuilder, op: str, *rest: Any, **more: Any) -> Value:
        return add(self, "silu" if op == "relu" else op, *rest, **more)

    monkeypatch.setattr(GraphBuilder, "add", other)


def net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU()).eval()


def test_a_translation_that_is_wrong_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong_relu(monkeypatch)
    message = r"% of the largest number, first in layer '2.silu' \(silu\)"
    with pytest.raises(PartingError, match=message):
        wb.compile(net(), example=IMAGE, tune="model")


def test_check_false_leaves_it_out(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong_relu(monkeypatch)
    program = wb.compile(net(), example=IMAGE, tune="model", check=False)
    assert program.output_shape == (4, 6, 6)


class Wrong:
    """A kernel that adds one to every bias."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def build(self, node: Any, *rest: Any) -> Any:
        bias = {"bias": node.params["bias"] + np.float32(1)}
        return self.inner.build(node.but(params={**node.params, **bias}), *rest)


def test_a_kernel_that_is_wrong_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    module, x = make("lenet")
    program = wb.compile(module, example=x, tune="model")
    assert program.plan.choices["3"].candidate == "dense"
    sparse = replace(program.plan.choices["3"], candidate="sparse")
    plan = replace(program.plan, choices={**program.plan.choices, "3": sparse})
    check_program(Program(program.graph, plan), TorchSource(module))
    kernels = {**lower.BY_NAME, "sparse": Wrong(lower.BY_NAME["sparse"])}
    monkeypatch.setattr(lower, "BY_NAME", kernels)
    with pytest.raises(PartingError, match=r"first in layer '3' \(kernel sparse"):
        check_program(Program(program.graph, plan), TorchSource(module))


class Then(nn.Module):
    def __init__(self, act: Any) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.act = nn.Conv2d(3, 4, 3), act

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = self.act(self.conv(x))
        return result


def test_a_network_that_joins_its_images_is_refused() -> None:
    module = Then(lambda y: y.view(1, -1))
    with pytest.raises(PartingError, match=r"shape \(1, 288\) for 2 images"):
        wb.compile(module, example=IMAGE, tune="model")


@pytest.mark.parametrize(
    "act", [lambda y: y * y.shape[0], lambda y: y if len(y) == 1 else y + 1]
)
def test_a_network_that_counts_its_images_is_refused(act: Any) -> None:
    message = "'Then' does not compute what was read from it: .* every layer is right"
    with pytest.raises(PartingError, match=message):
        wb.compile(Then(act), example=IMAGE, tune="model")


class Exchanging(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, x: Tensor) -> Tensor:
        self.conv.weight.data = self.conv.weight * 3
        result: Tensor = self.conv(x)
        return result


def test_a_network_that_exchanges_its_weights_is_refused_and_left_alone() -> None:
    module = Exchanging()
    before = module.conv.weight.detach().clone()
    with pytest.raises(PartingError, match="does not compute what was read"):
        wb.compile(module, example=IMAGE, tune="model")
    assert torch.equal(module.conv.weight, before)


def test_a_network_for_one_image_at_a_time_compiles() -> None:
    module = Then(lambda y: y.view(1, 144) * 2)
    x = torch.randn(1, 3, 8, 8, generator=torch.manual_seed(1))
    with torch.no_grad():
        expected = module(x).numpy()
    result = wb.compile(module, example=x, tune="model")(x)
    np.testing.assert_allclose(result, expected, rtol=0, atol=2e-5)


@pytest.mark.parametrize("factor", [float("nan"), float("inf"), 1e38])
def test_numbers_that_torch_loses_are_not_compared(factor: float) -> None:
    module = Then(lambda y: y * factor * 100)
    assert wb.compile(module, example=IMAGE, tune="model").output_shape == (4, 6, 6)


def test_statistics_of_another_scale_are_no_difference() -> None:
    module = net()
    module[1].running_mean.fill_(1000.0)
    module[1].running_var.fill_(1e-4)
    module[2] = nn.Identity()
    assert wb.compile(module, example=IMAGE, tune="model").output_shape == (4, 6, 6)


class Described:
    """A program and its source that are off by given parts of the right number, 1."""

    name, input_shapes, shapes = "described", ((1, 1, 1),), {"output": (1,)}

    def __init__(self, program: float, source: float) -> None:
        self.parts = program, source
        self.graph = self

    def results(self, x: Any) -> Any:
        return (np.full((len(x), 1), 1 + self.parts[0], np.float32),)

    def exact(self, x: Any) -> Any:
        return (np.ones((len(x[0]), 1)),)


class Teller:
    """What the source of a ``Described`` says."""

    name = "described"

    def __init__(self, described: Described) -> None:
        self.described, self.exact = described, described.exact

    def suited(self, x: Any) -> Any:
        return x

    def outputs(self, x: Any) -> Any:
        return (np.full((len(x[0]), 1), 1 + self.described.parts[1], np.float32),)


@pytest.mark.parametrize(
    ("program", "source", "right"),
    [
        (0.0, 0.0009, True),
        (0.1, 0.002, True),
        (0.2, 0.002, False),
        (0.0, 0.02, True),
        (0.1, 0.02, False),
        (0.002, 0.0, False),
    ],
)
def test_what_the_source_itself_rounds_away_is_no_difference(
    monkeypatch: pytest.MonkeyPatch, program: float, source: float, right: bool
) -> None:
    monkeypatch.setattr(parting, "_first", lambda *_: "layer 'a'")
    shown: Any = Described(program, source)
    shown.outputs = shown.shapes
    teller: Any = Teller(shown)
    if right:
        check_program(shown, teller)
        (mine,), (exact,) = shown.results(IMAGE), shown.exact((IMAGE,))
        assert difference(mine, exact) == pytest.approx(program)
    else:
        with pytest.raises(PartingError, match="first in layer 'a'"):
            check_program(shown, teller)


def test_the_difference_is_a_part_of_the_largest_number() -> None:
    expected = np.array([[4.0, -8.0, np.nan]], np.float32)
    assert difference(np.array([[4.0, -6.0, 1.0]], np.float32), expected) == 0.25
    assert difference(np.array([[4.0, np.nan, 1.0]], np.float32), expected) == np.inf
    assert difference(expected[:, :2], expected) == np.inf


@pytest.mark.parametrize("runtime", [True, False], ids=["runtime", "evaluator"])
def test_onnx_files_are_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runtime: bool
) -> None:
    if runtime:
        pytest.importorskip("onnxruntime")
    monkeypatch.setattr(sources, "_has_runtime", lambda: runtime)
    path = tmp_path / "net.onnx"
    torch.onnx.export(net(), (IMAGE,), path, dynamo=False)
    assert wb.compile(path, tune="model").output_shape == (4, 6, 6)
    wrong_relu(monkeypatch)
    with pytest.raises(PartingError, match=r"than ONNX.*first in layer '.*' \(silu\)"):
        wb.compile(path, tune="model")


def test_export_compares_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: Any) -> None:
        raise AssertionError("compared by compile as well as by export")

    monkeypatch.setattr(compile_module, "check_program", never)
    network = wb.from_module(net(), input_shape=(3, 8, 8))
    report = wb.export(network, tmp_path / "net.wbp")
    assert [check.name for check in report.checks] == ["structure", "outputs"]
