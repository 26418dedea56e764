"""Every array operation against torch, run among steps in C and read from a file."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from workbench.engine.compile import compile_graph
from workbench.engine.graph.array_ops import ARRAYS
from workbench.engine.graph.graph import Graph, GraphError, Node, shape_of
from workbench.engine.program import Program
from workbench.errors import WorkbenchError
from workbench.kernels import forced_isa
from workbench.kernels.arrays import COMPUTE

TOLERANCE = 1e-5
"""Of the largest result: sums in another order."""

SHAPE = (4, 6, 5)
Given = Mapping[str, Any]


def numbers(*shape: int) -> np.ndarray:
    rng = np.random.default_rng(sum(shape) + len(shape))
    return np.ascontiguousarray(rng.random(shape) + 0.5, np.float32)


def tensor(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(array)


C1, C4 = numbers(5), numbers(4)
W = numbers(3, 5)
TAPS = numbers(4, 3, 3, 2) - 1
PLACES = np.array([[3, 0], [-1, 1]], np.float32)
MATRIX = numbers(7, 6)
POOL = {
    "kernel": (2, 3),
    "stride": (2, 1),
    "dilation": (1, 1),
    "padding": (1, 1, 1, 1),
    "size": (4, 5),
}

CASES: list[tuple[str, Given, Given, Callable[[torch.Tensor], torch.Tensor]]] = [
    ("reshape", {"shape": (2, 2, 15, 2)}, {}, lambda x: x.reshape(-1, 2, 2, 15, 2)),
    ("permute", {"axes": (2, 0, 1)}, {}, lambda x: x.permute(0, 3, 1, 2)),
    (
        "expand",
        {"shape": (3, 4, 6, 5)},
        {},
        lambda x: x[:, None].expand(-1, 3, -1, -1, -1),
    ),
    ("unary", {"kind": "expm1"}, {}, torch.expm1),
    ("prelu", {}, {"slope": C4[:, None, None]}, lambda x: F.prelu(x, tensor(C4))),
    ("binary", {"kind": "sub"}, {"c0": C1}, lambda x: tensor(C1) - x),
    ("binary", {"kind": "pow"}, {"c1": np.float32([2])}, lambda x: x**2),
    (
        "where",
        {},
        {"c0": np.float32([1, 0, 1, 0, 1]), "c2": C1},
        lambda x: torch.where(tensor(np.array([1, 0, 1, 0, 1]) > 0), x, tensor(C1)),
    ),
    (
        "clamp",
        {},
        {"c1": -C1, "c2": C1 / 2},
        lambda x: x.clamp(tensor(-C1), tensor(C1 / 2)),
    ),
    ("reduce", {"kind": "mean", "axes": (0, 2)}, {}, lambda x: x.mean((1, 3))),
    (
        "reduce",
        {"kind": "logsumexp", "axes": (1,), "keepdims": True},
        {},
        lambda x: x.logsumexp(2, True),
    ),
    (
        "reduce",
        {"kind": "var", "axes": (1, 2), "correction": 1},
        {},
        lambda x: x.var((2, 3)),
    ),
    ("reduce", {"kind": "argmax", "axes": (2,)}, {}, lambda x: x.argmax(3).float()),
    ("softmax", {"axis": 1}, {}, lambda x: x.softmax(2)),
    ("softmax", {"axis": 0, "log": True}, {}, lambda x: x.log_softmax(1)),
    ("cumsum", {"axis": 2}, {}, lambda x: x.cumsum(3)),
    (
        "matmul",
        {},
        {"c1": W.T.copy()},
        lambda x: x @ tensor(W.T.copy()),
    ),
    (
        "tokens_linear",
        {},
        {"weight": W, "bias": numbers(3)},
        lambda x: F.linear(x, tensor(W), tensor(numbers(3))),
    ),
    (
        "layernorm",
        {"axes": (2,), "eps": 1e-5},
        {"scale": C1, "shift": C1},
        lambda x: F.layer_norm(x, (5,), tensor(C1), tensor(C1)),
    ),
    (
        "groupnorm",
        {"groups": 2, "eps": 1e-3},
        {"scale": C4, "shift": C4},
        lambda x: F.group_norm(x, 2, tensor(C4), tensor(C4), 1e-3),
    ),
    (
        "lrn",
        {"size": 2, "alpha": 0.5, "beta": 0.75, "k": 2},
        {},
        lambda x: F.local_response_norm(x, 2, 0.5, 0.75, 2),
    ),
    (
        "cut",
        {"starts": (0, 5, 1), "stops": (4, -1, 5), "steps": (1, -2, 2)},
        {},
        lambda x: x.flip(2)[:, :, ::2, 1::2],
    ),
    (
        "gather",
        {"axis": 1},
        {"places": PLACES},
        lambda x: x[:, :, tensor(PLACES).long()],
    ),
    (
        "join",
        {"axis": 2},
        {"c0": numbers(4, 6, 1)},
        lambda x: torch.cat(
            [tensor(numbers(4, 6, 1)).expand(len(x), -1, -1, -1), x], 3
        ),
    ),
    (
        "pad",
        {"before": (0, 2, 1), "after": (0, 0, 3), "mode": "reflect", "value": 0.0},
        {},
        lambda x: F.pad(x, (1, 3, 2, 0), "reflect"),
    ),
    (
        "axis_map",
        {"axis": 1},
        {"matrix": MATRIX},
        lambda x: torch.einsum("oi,nciw->ncow", tensor(MATRIX), x),
    ),
    (
        "conv_transpose2d",
        {
            "stride": (2, 3),
            "dilation": (2, 1),
            "padding": (1, 0, 1, 0),
            "output_padding": (1, 2),
            "groups": 2,
        },
        {"weight": TAPS, "bias": numbers(6)},
        lambda x: F.conv_transpose2d(
            x, tensor(TAPS), tensor(numbers(6)), (2, 3), (1, 0), (1, 2), 2, (2, 1)
        ),
    ),
    (
        "window_pool",
        {**POOL, "kind": "max"},
        {},
        lambda x: F.max_pool2d(x, (2, 3), (2, 1), 1),
    ),
    (
        "window_pool",
        {**POOL, "kind": "mean", "count_include_pad": False},
        {},
        lambda x: F.avg_pool2d(x, (2, 3), (2, 1), 1, count_include_pad=False),
    ),
]


def graph_of(op: str, attrs: Given, params: Given, shape: tuple[int, ...]) -> Graph:
    """Return a network that scales its input, then does one operation."""
    start = Node("input", "input", (), shape)
    signs = Node("half", "silu", ("input",), shape)
    arrays = {k: np.ascontiguousarray(v, np.float32) for k, v in params.items()}
    one = Node("one", op, ("half",), (), attrs, arrays)
    made = one.but(shape=shape_of(one, [shape]))
    return Graph(op, (start, signs, made), "one")


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c[0]}-{c[1].get('kind', '')}")
def test_numbers_are_torchs(case: Any, tmp_path: Path) -> None:
    op, attrs, params, expected = case
    graph = graph_of(op, attrs, params, SHAPE)
    x = np.random.default_rng(3).standard_normal((2, *SHAPE), np.float32)
    want = expected(F.silu(tensor(x))).numpy()
    program = compile_graph(graph, tune="model")
    made = program(x)
    assert made.shape == want.shape
    np.testing.assert_allclose(made, want, rtol=0, atol=TOLERANCE * abs(want).max())
    program.save(tmp_path / "one.wbp")
    np.testing.assert_array_equal(Program.load(tmp_path / "one.wbp")(x), made)
    with forced_isa("numpy"):
        plain = compile_graph(graph, tune="model")(x)
    np.testing.assert_allclose(plain, made, rtol=0, atol=TOLERANCE * abs(want).max())


def test_a_volume_is_convolved() -> None:
    weight = numbers(4, 2, 2, 3, 1) - 1
    attrs = {
        "stride": (1, 2, 1),
        "dilation": (2, 1, 1),
        "padding": (1, 0, 2, 1, 0, 2),
        "groups": 2,
    }
    graph = graph_of("conv3d", attrs, {"weight": weight, "bias": C4}, (4, 5, 6, 3))
    x = np.random.default_rng(3).standard_normal((2, 4, 5, 6, 3), np.float32)
    want = F.conv3d(
        F.silu(tensor(x)),
        tensor(weight),
        tensor(C4),
        (1, 2, 1),
        (1, 0, 2),
        (2, 1, 1),
        2,
    ).numpy()
    made = compile_graph(graph, tune="model")(x)
    np.testing.assert_allclose(made, want, rtol=0, atol=TOLERANCE * abs(want).max())


def test_every_operation_has_a_case() -> None:
    tried = {case[0] for case in CASES} | {"conv3d", "foreign"}
    assert tried == set(ARRAYS)


def test_numpy_steps_are_timed_and_named() -> None:
    graph = graph_of("cumsum", {"axis": 0}, {}, SHAPE)
    program = compile_graph(graph, tune="model")
    kernels = [step.kernel for step in program.steps]
    assert "numpy_cumsum" in kernels
    times = program.profile(np.zeros((1, *SHAPE), np.float32), rounds=3).ms
    assert times[kernels.index("numpy_cumsum")] > 0


IN_C: tuple[tuple[str, dict[str, Any], dict[str, Any]], ...] = (
    ("permute", {"axes": (2, 0, 1)}, {}),
    ("expand", {"shape": (2, *SHAPE)}, {}),
    ("cut", {"starts": (3, 0, 1), "stops": (-1, 6, 5), "steps": (-1, 2, 1)}, {}),
    ("join", {"axis": 1}, {"c0": numbers(*SHAPE)}),
    (
        "pad",
        {"before": (0, 1, 0), "after": (2, 0, 1), "mode": "constant", "value": 0.5},
        {},
    ),
    ("unary", {"kind": "square"}, {}),
    ("binary", {"kind": "sub"}, {"c0": numbers(SHAPE[1], 1)}),
    ("softmax", {"axis": 1}, {}),
    ("reduce", {"kind": "mean", "axes": (1, 2)}, {}),
    ("layernorm", {"axes": (0,), "eps": 1e-5}, {"scale": numbers(SHAPE[0], 1, 1)}),
    ("groupnorm", {"groups": 2, "eps": 1e-5}, {"shift": numbers(SHAPE[0])}),
    ("matmul", {}, {"c1": numbers(SHAPE[2], 3)}),
    ("axis_map", {"axis": 1}, {"matrix": numbers(4, SHAPE[1])}),
)


@pytest.mark.parametrize(("op", "attrs", "params"), IN_C, ids=[c[0] for c in IN_C])
def test_kernels_and_numpy_agree(
    op: str, attrs: dict[str, Any], params: dict[str, Any]
) -> None:
    graph = graph_of(op, attrs, params, SHAPE)
    program = compile_graph(graph, tune="model")
    names = [step.candidate for step in program.steps]
    assert "numpy" not in names
    x = numbers(2, *SHAPE) - 1
    halves = x / (1 + np.exp(-x))
    wanted = [COMPUTE[op]([one], attrs, params).reshape(-1) for one in halves]
    made = program(x).reshape(2, -1)
    np.testing.assert_allclose(made, wanted, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize(
    ("op", "attrs", "params", "found"),
    [
        ("permute", {"axes": (0, 0, 1)}, {}, "axes"),
        ("reshape", {"shape": (7,)}, {}, "reshape of"),
        ("gather", {"axis": 1}, {"places": np.float32([6])}, "no kernel"),
        ("binary", {"kind": "add"}, {"c1": numbers(3)}, "operands"),
        ("binary", {"kind": "add"}, {"c5": numbers(5)}, "c5"),
        ("softmax", {"axis": 3}, {}, "axis 3"),
        (
            "cut",
            {"starts": (0, 0, 9), "stops": (4, 6, 9), "steps": (1, 1, 1)},
            {},
            "cut",
        ),
        ("unary", {"kind": "system"}, {}, "kind"),
    ],
)
def test_what_makes_no_sense_is_refused(
    op: str, attrs: Given, params: Given, found: str
) -> None:
    with pytest.raises(WorkbenchError, match=found):
        compile_graph(graph_of(op, attrs, params, SHAPE), tune="model")


def test_a_foreign_step_runs_and_is_not_saved(tmp_path: Path) -> None:
    node = Node(
        "odd",
        "foreign",
        ("input",),
        SHAPE,
        {"name": "aten.odd", "shape": SHAPE},
        foreign=lambda inputs: inputs[0] * 2,
    )
    graph = Graph("odd", (Node("input", "input", (), SHAPE), node), "odd")
    program = compile_graph(graph, tune="model")
    x = numbers(1, *SHAPE)
    np.testing.assert_array_equal(program(x), 2 * x)
    assert "aten.odd" in [step.kernel for step in program.steps]
    with pytest.raises(WorkbenchError, match=r"aten\.odd in 'odd'"):
        program.save(tmp_path / "odd.wbp")
    with pytest.raises(GraphError, match="without a function"):
        Graph("odd", (graph.nodes[0], node.but(foreign=None)), "odd")
