"""Modules and ONNX files with several inputs and outputs: the program gives theirs."""

from collections import namedtuple
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from torch import Tensor, nn

import workbench as wb
from workbench.capture.from_torch.ends import results_of
from workbench.capture.parting import PartingError
from workbench.errors import WorkbenchError

Pair = namedtuple("Pair", "maps scores")


@dataclass
class Found:
    boxes: Tensor
    scores: Tensor
    loss: Tensor | None = None


class Body(nn.Module):
    """A stem, a head and whatever is made of them."""

    def __init__(self, made: Callable[[Tensor, Tensor, Tensor], Any]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.stem, self.head = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 2, 1)
        self.made = made

    def forward(self, x: Tensor) -> Any:
        maps = torch.relu(self.stem(x))
        return self.made(x, maps, self.head(maps))


class Two(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.image, self.depth = nn.Conv2d(3, 4, 3), nn.Conv2d(1, 4, 3)

    def forward(self, image: Tensor, depth: Tensor) -> tuple[Tensor, Tensor]:
        deep = self.depth(depth)
        return torch.relu(self.image(image) + deep), deep


STRUCTURES: dict[str, tuple[Callable[..., Any], type, list[str]]] = {
    "tuple": (lambda x, m, h: (m, h), tuple, ["0", "1"]),
    "tuple of one": (lambda x, m, h: (h,), tuple, ["0"]),
    "list": (lambda x, m, h: [h, m], list, ["0", "1"]),
    "dict": (lambda x, m, h: {"out": h, "aux": m}, dict, ["out", "aux"]),
    "named tuple": (lambda x, m, h: Pair(m, h), dict, ["maps", "scores"]),
    "data class": (lambda x, m, h: Found(m, h), dict, ["boxes", "scores"]),
    "nested": (
        lambda x, m, h: {"heads": [h, (m, None)], "n": 3},
        dict,
        ["heads.0", "heads.1.0"],
    ),
    "the input, and one tensor twice": (
        lambda x, m, h: (x, h, h),
        tuple,
        ["0", "1", "2"],
    ),
}


@pytest.mark.parametrize("name", STRUCTURES)
def test_results_come_back_as_the_module_returns_them(name: str) -> None:
    made, kind, names = STRUCTURES[name]
    module = Body(made)
    x = torch.randn(3, 3, 6, 5)
    program = wb.compile(module, example=x[:1], tune="model")
    found = program(x)
    assert (type(found), list(program.outputs)) == (kind, names)
    wanted = list(results_of(module(x)).tensors.values())
    mine = list(found.values()) if isinstance(found, dict) else list(found)
    assert len(mine) == len(wanted)
    for one, other in zip(mine, wanted, strict=True):
        np.testing.assert_allclose(one, other.detach().numpy(), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("by_name", [False, True])
def test_several_inputs(by_name: bool, tmp_path: Path) -> None:
    module = Two()
    image, depth = torch.randn(2, 3, 8, 7), torch.randn(2, 1, 8, 7)
    given: Any = (image, depth)
    if by_name:
        given = {"depth": depth, "image": image}
    program = wb.compile(module, example=given, tune="model")
    assert set(program.inputs) == {"image", "depth"}
    wanted = [one.detach().numpy() for one in module(image, depth)]
    found = program({"image": image, "depth": depth})
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)
    program.save(tmp_path / "two.wbp")
    again = wb.Program.load(tmp_path / "two.wbp")({"depth": depth, "image": image})
    for one, other in zip(again, found, strict=True):
        np.testing.assert_array_equal(one, other)


def test_every_output_is_compared() -> None:
    """The second output depends on the call: it must not pass unseen."""

    class Counting(Body):
        calls = 0

        def forward(self, x: Tensor) -> Any:
            self.calls += 1
            head = self.head(self.stem(x))
            return head, head * self.calls

    module = Counting(lambda *_: None)
    module.calls = 5
    program = wb.compile(module, example=torch.zeros(1, 3, 4, 4), tune="model")
    assert list(program.outputs) == ["0", "1"]
    batched = Body(lambda x, m, h: (h, h - h.mean(0, keepdim=True)))
    with pytest.raises((PartingError, WorkbenchError)):
        wb.compile(batched, example=torch.zeros(1, 3, 4, 4), tune="model")


def test_an_output_without_images_is_refused_by_name() -> None:
    module = Body(lambda x, m, h: {"out": h, "anchors": torch.ones(1, 4)})
    with pytest.raises(WorkbenchError, match=r"a result \('anchors'\) that does not"):
        wb.compile(module, example=torch.zeros(1, 3, 4, 4), tune="model")


def test_an_object_without_tensors_is_refused_by_its_class() -> None:
    module = Body(lambda x, m, h: {"out": h, "meta": object()})
    with pytest.raises(WorkbenchError, match="returns object under 'meta'"):
        wb.compile(module, example=torch.zeros(1, 3, 4, 4), tune="model")


def onnx_two(tmp_path: Path) -> Path:
    """Return a file: two images in, their sum's convolution and relu out."""
    weight = np.random.default_rng(0).standard_normal((4, 3, 1, 1)).astype(np.float32)
    nodes = [
        helper.make_node("Add", ["left", "right"], ["sum"]),
        helper.make_node("Conv", ["sum", "w"], ["maps"]),
        helper.make_node("Relu", ["maps"], ["active"]),
    ]

    def info(name: str, *shape: int) -> Any:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", *shape])

    graph = helper.make_graph(
        nodes,
        "two",
        [info("left", 3, 5, 5), info("right", 3, 5, 5)],
        [info("maps", 4, 5, 5), info("active", 4, 5, 5)],
        [numpy_helper.from_array(weight, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    onnx.save(model, tmp_path / "two.onnx")
    return tmp_path / "two.onnx"


def test_onnx_inputs_and_outputs_go_by_name(tmp_path: Path) -> None:
    path = onnx_two(tmp_path)
    program = wb.compile(path, tune="model")
    x = np.random.default_rng(1).standard_normal((2, 2, 3, 5, 5)).astype(np.float32)
    feeds = {"left": x[0], "right": x[1]}
    found = program(feeds)
    wanted = ReferenceEvaluator(str(path)).run(None, feeds)
    assert list(found) == ["maps", "active"]
    for one, other in zip(found.values(), wanted, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)
