"""Every step of a graph in torch against the same step in NumPy, which defines it."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch

from tests.support.onnx_files import numbers
from workbench.engine.graph.array_fields import BINARY, PADDINGS, REDUCTIONS, UNARY
from workbench.engine.graph.graph import Graph, Node, shape_of
from workbench.engine.graph.ops import ACTIVATIONS, COVERED
from workbench.kernels.arrays import COMPUTE
from workbench.models.from_graph.elementwise import activation
from workbench.models.from_graph.layers import LAYERS, layer
from workbench.models.from_graph.step import STEPS, GraphStep

# Both in float32; sums in another order.
CLOSE = dict(rtol=2e-5, atol=2e-5)
Case = tuple[str, Mapping[str, Any], list[tuple[int, ...]], Mapping[str, np.ndarray]]

_POOL = {"stride": (2, 2), "dilation": (1, 1), "padding": (1, 0, 0, 1)}
CASES: list[Case] = [
    ("permute", {"axes": (2, 0, 1)}, [(3, 4, 5)], {}),
    ("expand", {"shape": (2, 3, 4)}, [(3, 1)], {}),
    ("reshape", {"shape": (2, 6, 5)}, [(3, 4, 5)], {}),
    ("cut", {"starts": (0, 3), "stops": (3, -1), "steps": (2, -1)}, [(3, 4)], {}),
    ("gather", {"axis": 1}, [(3, 4, 2)], {"places": np.float32([[3, 0], [1, 1]])}),
    ("join", {"axis": 1}, [(3, 2), (3, 4)], {"c1": numbers(3, 1)}),
    *(
        (
            "pad",
            {"before": (1, 2), "after": (2, 0), "mode": mode, "value": 0.5},
            [(4, 5)],
            {},
        )
        for mode in PADDINGS
    ),
    *(("unary", {"kind": kind}, [(3, 4)], {}) for kind in UNARY),
    *(("binary", {"kind": kind}, [(3, 4), (4,)], {}) for kind in BINARY),
    ("binary", {"kind": "sub"}, [(4,)], {"c0": numbers(3, 1)}),
    ("prelu", {}, [(3, 4, 4)], {"slope": numbers(3, 1, 1)}),
    ("where", {}, [(3, 4), (4,)], {"c2": numbers(3, 1)}),
    (
        "clamp",
        {},
        [(3, 4)],
        {"c1": np.float32(-0.5), "c2": np.full(4, 0.5, np.float32)},
    ),
    *(
        ("reduce", {"kind": kind, "axes": (1, 2), "keepdims": keep}, [(3, 4, 5)], {})
        for kind in REDUCTIONS
        for keep in (True, False)
    ),
    ("reduce", {"kind": "var", "axes": (0,), "correction": 1}, [(3, 4)], {}),
    ("reduce", {"kind": "argmax", "axes": (1,)}, [(3, 4)], {}),
    ("reduce", {"kind": "argmin", "axes": (0,), "keepdims": True}, [(3, 4)], {}),
    ("softmax", {"axis": 1}, [(3, 4)], {}),
    ("softmax", {"axis": 0, "log": True}, [(3, 4)], {}),
    ("cumsum", {"axis": 1}, [(3, 4)], {}),
    ("layernorm", {"axes": (1, 2), "eps": 1e-3}, [(3, 4, 5)], {"scale": numbers(4, 5)}),
    ("layernorm", {"axes": (0,), "eps": 1e-3}, [(3, 4)], {"shift": numbers(3, 1)}),
    ("layernorm", {"axes": (1,), "eps": 1e-3, "centre": False}, [(3, 4)], {}),
    *(
        (
            "lrn",
            {"size": 4, "alpha": 0.3, "beta": 0.7, "k": 1.0, "late": late},
            [(6, 2, 2)],
            {},
        )
        for late in (True, False)
    ),
    ("matmul", {}, [(2, 3, 4), (4, 5)], {}),
    ("matmul", {}, [(3, 4)], {"c0": numbers(2, 5, 3)}),
    ("axis_map", {"axis": 1}, [(3, 4, 2)], {"matrix": numbers(6, 4)}),
    *(
        (
            "window_pool",
            {"kind": kind, "kernel": (3, 2), "size": (3, 3), **_POOL, **more},
            [(2, 5, 6)],
            {},
        )
        for kind, more in (
            ("max", {}),
            ("mean", {}),
            ("mean", {"count_include_pad": False}),
            ("mean", {"divisor": 5}),
            ("lp", {"power": 2.0}),
        )
    ),
]
LAYER_CASES: list[Case] = [
    (
        "conv_transpose2d",
        {
            "stride": (2, 3),
            "padding": (1, 0, 0, 1),
            "output_padding": (1, 1),
            "groups": 2,
        },
        [(4, 3, 4)],
        {"weight": numbers(4, 3, 3, 3), "bias": numbers(6, seed=1)},
    ),
    (
        "conv3d",
        {
            "stride": (1, 2, 1),
            "dilation": (1, 1, 1),
            "padding": (1, 0, 1, 0, 0, 1),
            "groups": 1,
        },
        [(2, 4, 5, 4)],
        {"weight": numbers(3, 2, 2, 3, 2), "bias": numbers(3, seed=1)},
    ),
    ("tokens_linear", {}, [(3, 4)], {"weight": numbers(5, 4), "bias": numbers(5)}),
    (
        "groupnorm",
        {"groups": 2, "eps": 1e-3},
        [(4, 3, 3)],
        {"scale": numbers(4), "shift": numbers(4, seed=1)},
    ),
]


def named(case: Case) -> str:
    return "-".join(
        [case[0], *(str(v) for v in case[1].values() if isinstance(v, str))]
    )


def node_of(case: Case) -> tuple[Node, list[np.ndarray]]:
    op, attrs, shapes, params = case
    names = tuple(f"x{i}" for i in range(len(shapes)))
    node = Node("n", op, names, (), attrs, params)
    low = 0.1 if attrs.get("kind") in ("pow", "log", "log2", "log10", "sqrt") else -0.9
    rng = np.random.default_rng(3)
    x = [rng.uniform(low, 0.95, (2, *s)).astype(np.float32) for s in shapes]
    return node.but(shape=shape_of(node, shapes)), x


def by_numpy(node: Node, x: list[np.ndarray]) -> np.ndarray:
    """Return the definition's results, image by image."""
    with np.errstate(all="ignore"):
        return np.stack(
            [
                COMPUTE[node.op]([one[i] for one in x], node.attrs, node.params)
                for i in range(2)
            ]
        ).astype(np.float32)


@pytest.mark.parametrize("case", CASES, ids=named)
def test_a_step_of_torch_is_the_step_of_numpy(case: Case) -> None:
    node, x = node_of(case)
    step = GraphStep(node, x[0].shape[1:])
    found = step(*map(torch.from_numpy, x))
    assert found.dtype == torch.float32
    np.testing.assert_allclose(found.numpy(), by_numpy(node, x), **CLOSE)


@pytest.mark.parametrize("case", LAYER_CASES, ids=named)
def test_a_layer_of_torch_is_the_step_of_numpy(case: Case) -> None:
    node, (x,) = node_of(case)
    kind = LAYERS[node.op]
    names = {"scale": "weight", "shift": "bias"} if node.op == "groupnorm" else {}
    part = layer(kind, node, {names.get(k, k): v for k, v in node.params.items()})
    with torch.inference_mode():
        found = kind.after(node, part(kind.before(node, torch.from_numpy(x))))
    np.testing.assert_allclose(found.numpy(), by_numpy(node, [x]), **CLOSE)


IMAGE_CASES: list[Case] = [
    (
        "conv2d",
        {"padding": (1, 0, 2, 1), "stride": (2, 1), "groups": 2},
        [(4, 6, 5)],
        {"weight": numbers(6, 2, 3, 2), "bias": numbers(6)},
    ),
    (
        "linear",
        {"rank": 3},
        [(4, 2, 3)],
        {"weight": numbers(5, 24), "bias": numbers(5)},
    ),
    ("batchnorm", {}, [(4, 3, 3)], {"scale": numbers(4), "shift": numbers(4, seed=1)}),
    ("add", {}, [(4, 3, 3), (4, 3, 3)], {}),
    ("mul", {}, [(4, 3, 3), (4, 1, 1)], {}),
    ("concat", {}, [(4, 3, 3), (2, 3, 3)], {}),
    ("slice", {"start": 1, "stop": 3}, [(4, 3, 3)], {}),
    ("channel_shuffle", {"groups": 2}, [(6, 3, 3)], {}),
    ("upsample_nearest", {"scale": (2, 3)}, [(4, 3, 3)], {}),
    ("flatten", {}, [(4, 3, 3)], {}),
    ("global_avg_pool", {"rank": 1}, [(4, 3, 3)], {}),
    ("adaptive_avg_pool", {"size": (2, 3)}, [(4, 5, 7)], {}),
    *(
        (
            "max_pool",
            {
                "kernel": (3, 2),
                "stride": (2, 2),
                "padding": (1, 0, 0, 1),
                "ceil_mode": ceil,
            },
            [(4, 6, 7)],
            {},
        )
        for ceil in (True, False)
    ),
    *(
        (
            "avg_pool",
            {
                "kernel": (3, 2),
                "stride": (2, 2),
                "padding": (1, 0, 0, 1),
                "ceil_mode": ceil,
                "count_include_pad": whole,
            },
            [(4, 6, 7)],
            {},
        )
        for ceil in (True, False)
        for whole in (True, False)
    ),
    *(
        (
            kind,
            dict.fromkeys(names, 0.3) | ({"lo": -0.2} if kind == "clip" else {}),
            [(3, 4, 4)],
            {},
        )
        for kind, names in ACTIVATIONS.items()
    ),
]


@pytest.mark.parametrize("case", IMAGE_CASES, ids=named)
def test_a_step_over_images_is_the_engines(case: Case) -> None:
    from workbench.engine.compile import compile_graph

    node, x = node_of(case)
    inputs = [
        Node(name, "input", (), one.shape[1:])
        for name, one in zip(node.inputs, x, strict=True)
    ]
    # Alone in a graph an operation would be folded into nothing that is run.
    program = compile_graph(Graph("g", (*inputs, node), ("n",)), tune="model")
    wanted = np.asarray(program(*x))
    tensors = [torch.from_numpy(one) for one in x]
    if node.op in LAYERS:
        kind = LAYERS[node.op]
        part = layer(kind, node, node.params)
        with torch.inference_mode():
            found = kind.after(node, part(kind.before(node, tensors[0])))
    elif node.op in ACTIVATIONS:
        found = activation(node, tensors, {})
    else:
        found = GraphStep(node, x[0].shape[1:])(*tensors)
    np.testing.assert_allclose(found.numpy(), wanted, **CLOSE)


def test_every_operation_has_a_layer_or_a_step() -> None:
    made = {*LAYERS, *STEPS, "reshape"}
    # Made by passes and by compression alone, or another framework's own.
    others = {"input", "winograd_conv2d", "palette_conv2d", "palette_linear", "foreign"}
    assert set(COVERED) == made | others
