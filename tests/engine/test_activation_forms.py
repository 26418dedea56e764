"""Activations written out of simpler operations become one node, in every spelling."""

import math
from collections.abc import Callable

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from torch.nn import functional as F

from workbench.capture.from_onnx.onnx_import import import_onnx
from workbench.capture.from_torch.torch_export import capture
from workbench.engine.compile import compile_graph
from workbench.engine.graph.graph import Graph, Node
from workbench.engine.graph.passes import simplify

Form = Callable[[torch.Tensor], torch.Tensor]

TORCH: list[tuple[str, str, Form]] = [
    ("silu", "silu", lambda x: x * x.sigmoid()),
    ("silu turned", "silu", lambda x: x.sigmoid() * x),
    ("hardsigmoid", "hardsigmoid", lambda x: (x + 3).clamp(0, 6) / 6),
    ("hardsigmoid by relu6", "hardsigmoid", lambda x: F.relu6(x + 3) / 6.0),
    ("hardsigmoid of a sixth", "hardsigmoid", lambda x: (x / 6 + 0.5).clamp(0, 1)),
    ("hardsigmoid by hardtanh", "hardsigmoid", lambda x: F.hardtanh(3 + x, 0, 6) / 6),
    ("hardswish", "hardswish", lambda x: x * F.hardsigmoid(x)),
    ("hardswish late", "hardswish", lambda x: x * F.relu6(x + 3) / 6),
    ("hardswish early", "hardswish", lambda x: x * (F.relu6(x + 3) / 6)),
    ("hardswish apart", "hardswish", lambda x: (x / 6) * (x + 3).clamp(0, 6)),
    ("hardswish turned", "hardswish", lambda x: (3 + x).clamp(0, 6) * 0.16666667 * x),
    ("mish", "mish", lambda x: x * torch.tanh(F.softplus(x))),
    ("gelu", "gelu", lambda x: 0.5 * x * (1 + torch.erf(x / math.sqrt(2)))),
    ("gelu early", "gelu", lambda x: x * (0.5 + 0.5 * torch.erf(x * 0.70710677))),
    ("gelu late", "gelu", lambda x: x * (torch.erf(x / 1.4142135) + 1) * 0.5),
    ("gelu by tanh", "gelu_tanh", lambda x: 0.5 * x * (1 + torch.tanh(_inner(x)))),
    ("gelu by sigmoid", "gelu_tanh", lambda x: x * torch.sigmoid(2 * _inner(x))),
    ("leaky", "leaky_relu", lambda x: F.relu(x) + 0.1 * x.clamp(max=0)),
    ("elu", "elu", lambda x: F.relu(x) + 0.5 * (x.clamp(max=0).exp() - 1)),
    ("relu6", "clip", lambda x: F.relu(x).clamp(max=6)),
    ("sigmoid by tanh", "sigmoid", lambda x: 0.5 * torch.tanh(0.5 * x) + 0.5),
]


def _inner(x: torch.Tensor) -> torch.Tensor:
    return math.sqrt(2 / math.pi) * (x + 0.044715 * (x * x * x))


class Net(torch.nn.Module):
    """A convolution and something behind it."""

    def __init__(self, form: Form, behind: Form) -> None:
        super().__init__()
        self.first = torch.nn.Conv2d(3, 5, 3, padding=1)
        self.form, self.behind = form, behind

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.behind(self.form(self.first(x)))


def kinds(graph: Graph) -> list[str]:
    return [node.attrs.get("act", (node.op,))[0] for node in simplify(graph)][1:]


@pytest.mark.parametrize(("name", "kind", "form"), TORCH, ids=[t[0] for t in TORCH])
def test_a_form_is_done_by_the_layer_before(name: str, kind: str, form: Form) -> None:
    torch.manual_seed(1)
    net = Net(form, lambda x: x).eval()
    x = torch.randn(2, 3, 9, 11) * 3
    graph = capture(net, x)
    assert kinds(graph) == [kind]
    with torch.no_grad():
        wanted = net(x).numpy()
    found = compile_graph(graph, tune="model")(x.numpy())
    np.testing.assert_allclose(found, wanted, rtol=2e-5, atol=2e-5)


NOT_QUITE: list[tuple[str, Form]] = [
    ("other bounds", lambda x: x * (x + 3).clamp(0, 5) / 6),
    ("another shift", lambda x: x * (x + 2.9).clamp(0, 6) / 6),
    ("a scaled gate", lambda x: x * torch.sigmoid(1.01 * x)),
    ("an untrained norm", lambda x: 0.999995 * x.sigmoid() * x),
    ("a square", lambda x: x * x),
]


@pytest.mark.parametrize(("name", "form"), NOT_QUITE, ids=[t[0] for t in NOT_QUITE])
def test_what_is_nearly_a_form_stays_what_it_is(name: str, form: Form) -> None:
    torch.manual_seed(1)
    net = Net(form, lambda x: x).eval()
    x = torch.randn(1, 3, 9, 11) * 3
    graph = capture(net, x)
    assert not {"silu", "hardswish", "hardsigmoid", "gelu"} & {*kinds(graph)}
    with torch.no_grad():
        wanted = net(x).numpy()
    found = compile_graph(graph, tune="model")(x.numpy())
    np.testing.assert_allclose(found, wanted, rtol=2e-5, atol=2e-5)


def test_a_gate_that_others_read_too_is_kept_for_them() -> None:
    def form(x: torch.Tensor) -> torch.Tensor:
        gate = x.sigmoid()
        return torch.cat([x * gate, gate], 1)

    torch.manual_seed(1)
    net = Net(form, lambda x: x).eval()
    x = torch.randn(1, 3, 9, 11)
    graph = capture(net, x)
    assert sorted(kinds(graph)) == ["concat", "conv2d", "sigmoid", "silu"]
    with torch.no_grad():
        wanted = net(x).numpy()
    found = compile_graph(graph, tune="model")(x.numpy())
    np.testing.assert_allclose(found, wanted, rtol=2e-5, atol=2e-5)


def test_a_gate_of_each_channel_is_no_form() -> None:
    def form(x: torch.Tensor) -> torch.Tensor:
        return x * torch.sigmoid(x.mean((2, 3), keepdim=True))

    graph = capture(Net(form, lambda x: x).eval(), torch.zeros(1, 3, 9, 11))
    assert kinds(graph) == ["conv2d", "global_avg_pool", "sigmoid", "mul"]


Steps = list[tuple[str, list[str], dict[str, object]]]

ONNX: list[tuple[str, str, Steps]] = [
    ("silu", "silu", [("Sigmoid", ["x"], {}), ("Mul", ["x", "0"], {})]),
    (
        "hardswish of PaddleOCR",
        "hardswish",
        [
            ("Add", ["x", "=3"], {}),
            ("Clip", ["0", "=0", "=6"], {}),
            ("Mul", ["x", "1"], {}),
            ("Div", ["2", "=6"], {}),
        ],
    ),
    (
        "hardswish of a HardSigmoid",
        "hardswish",
        [
            ("HardSigmoid", ["x"], {"alpha": 1 / 6, "beta": 0.5}),
            ("Mul", ["0", "x"], {}),
        ],
    ),
    (
        "hardsigmoid",
        "hardsigmoid",
        [
            ("Add", ["=3", "x"], {}),
            ("Clip", ["0", "=0", "=6"], {}),
            ("Mul", ["1", "=0.16666667"], {}),
        ],
    ),
    (
        "gelu of torch's exporter",
        "gelu",
        [
            ("Div", ["x", "=1.4142135"], {}),
            ("Erf", ["0"], {}),
            ("Add", ["1", "=1"], {}),
            ("Mul", ["x", "2"], {}),
            ("Mul", ["3", "=0.5"], {}),
        ],
    ),
    (
        "mish",
        "mish",
        [("Softplus", ["x"], {}), ("Tanh", ["0"], {}), ("Mul", ["x", "1"], {})],
    ),
]


def onnx_model(steps: Steps) -> onnx.ModelProto:
    """Return a network of steps; =N is a number, N the result of step N."""
    numbers = sorted({i for _, inputs, _ in steps for i in inputs if i[0] == "="})
    nodes = [
        helper.make_node(op, inputs, [str(at)], name=f"n{at}", **attrs)
        for at, (op, inputs, attrs) in enumerate(steps)
    ]
    constants = [
        numpy_helper.from_array(np.float32(number[1:]), number) for number in numbers
    ]
    ends = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, (1, 4, 6, 5))
        for name in ("x", str(len(steps) - 1))
    ]
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], constants)
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8
    )


@pytest.mark.parametrize(("name", "kind", "steps"), ONNX, ids=[t[0] for t in ONNX])
def test_a_form_in_onnx_is_one_node(name: str, kind: str, steps: Steps) -> None:
    model = onnx_model(steps)
    graph = import_onnx(model)
    assert [node.op for node in simplify(graph)] == ["input", kind]
    x = np.random.default_rng(2).normal(0, 3, (1, 4, 6, 5)).astype(np.float32)
    (wanted,) = ReferenceEvaluator(model).run(None, {"x": x})
    found = compile_graph(graph, tune="model")(x)
    np.testing.assert_allclose(found, wanted, rtol=2e-6, atol=2e-6)


def binary(name: str, kind: str, *operands: str | float) -> Node:
    """Return a node of two operands, of which numbers are constants."""
    inputs = tuple(one for one in operands if isinstance(one, str))
    params = {
        f"c{at}": np.full((), one, np.float32)
        for at, one in enumerate(operands)
        if not isinstance(one, str)
    }
    return Node(name, "binary", inputs, (4, 6, 5), {"kind": kind}, params)


ARRAYS: list[tuple[str, list[Node], dict[str, float]]] = [
    (
        "leaky_relu",
        [binary("a", "mul", "input", 0.1), binary("b", "maximum", "a", "input")],
        {"alpha": 0.1},
    ),
    (
        "gelu_tanh",
        [
            binary("a", "pow", "input", 3.0),
            binary("b", "mul", "a", 0.044715),
            binary("c", "add", "input", "b"),
            binary("d", "mul", 0.79788456, "c"),
            Node("e", "tanh", ("d",), (4, 6, 5)),
            binary("f", "add", 1.0, "e"),
            binary("g", "mul", "input", 0.5),
            binary("h", "mul", "g", "f"),
        ],
        {},
    ),
    (
        "clip",
        [binary("a", "minimum", "input", 6.0), binary("b", "maximum", 0.0, "a")],
        {},
    ),
    (
        "silu",
        [Node("a", "sigmoid", ("input",), (4, 6, 5)), binary("b", "mul", "input", "a")],
        {},
    ),
]


@pytest.mark.parametrize(("kind", "nodes", "attrs"), ARRAYS, ids=[a[0] for a in ARRAYS])
def test_a_form_of_array_operations(kind: str, nodes: list[Node], attrs: dict) -> None:
    first = Node("input", "input", (), (4, 6, 5), {"shape": (4, 6, 5)})
    graph = simplify(Graph("g", (first, *nodes), nodes[-1].id))
    assert [node.op for node in graph] == ["input", kind]
    for name, value in attrs.items():
        assert graph.nodes[1].attrs[name] == pytest.approx(value, rel=1e-6)
