"""Every argument of every ONNX operation that is read, away from its default.

Belongs here: the table of cases and how one becomes a model. A name is an attribute or
an input, whichever the opset's schema says, so one case serves old and new forms.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, defs, helper, numpy_helper

from workbench.capture.from_onnx.table import OPERATIONS

OPSETS = range(7, 23)
IMAGE, FEATURES, PIXEL = (2, 4, 7, 6), (2, 5), (2, 4, 1, 1)


@dataclass(frozen=True, eq=False)
class Case:
    """Arguments of one node; ``refused`` says that no opset may run it."""

    args: Mapping[str, Any] = field(default_factory=dict)
    shape: tuple[int, ...] = IMAGE
    refused: bool = False
    outputs: int = 1
    since: int = 7
    until: int = 22


def numbers(*shape: int) -> np.ndarray:
    """Return float32 numbers from -1 to 1 that differ from each other."""
    count = int(np.prod(shape))
    return (np.sin(np.arange(count) * 1.7 + 1)).astype(np.float32).reshape(shape)


W, W2 = numbers(6, 4, 3, 2), numbers(6, 2, 3, 2)
STATISTICS = {
    "scale": numbers(4),
    "B": numbers(4)[::-1].copy(),
    "mean": numbers(4) * 2,
    "var": np.abs(numbers(4)) + 1,
}
ODD = {"strides": (2, 2), "kernel_shape": (3, 3)}
SLICE = {"starts": [1], "ends": [3], "axes": [1]}
NN = {"scales": [1.0, 1.0, 2.0, 3.0]}
NEW = {"since": 11}


def window_cases(base: Mapping[str, Any], *, dilates: bool) -> list[Case]:
    """Return the cases of one window's arguments."""
    many = [
        {},
        {"strides": (2, 3)},
        {"pads": (1, 1, 1, 1)},
        {"pads": (0, 0, 1, 1)},
        {"pads": (2, 0, 1, 1), "strides": (2, 2)},
        {"pads": (0, 1, 0, 0), "strides": (1, 2)},
        {"auto_pad": "SAME_UPPER", "strides": (2, 2)},
        {"auto_pad": "SAME_LOWER", "strides": (2, 2)},
        {"auto_pad": "SAME_UPPER"},
        {"auto_pad": "SAME_LOWER"},
        {"auto_pad": "VALID", "strides": (3, 1)},
    ]
    cases = [Case({**base, **args}) for args in many]
    dilated = Case({**base, "dilations": (2, 1)}, refused=not dilates, since=10)
    return [*cases, dilated, Case({**base, "kernel_shape": (3,)}, refused=True)]


def pool_cases() -> list[Case]:
    """Return what pools have beside their window."""
    ceil = [
        {"strides": (2, 2), "ceil_mode": 1},
        {"strides": (3, 2), "ceil_mode": 1, "pads": (1, 0, 0, 1)},
        {"strides": (2, 2), "ceil_mode": 1, "pads": (0, 0, 1, 1)},
        {"strides": (3, 3), "ceil_mode": 1, "pads": (1, 1, 1, 1)},
    ]
    base = {"kernel_shape": (3, 3)}
    return [Case({**base, **args}, since=10) for args in ceil]


def counted(case: Case) -> Case:
    return Case({**case.args, "count_include_pad": 1}, since=case.since)


POOLS = [*window_cases({"kernel_shape": (3, 2)}, dilates=False), *pool_cases()]
COUNTED = [counted(c) for c in POOLS if not c.refused and "auto_pad" not in c.args]


def arithmetic() -> list[Case]:
    """Return what two operands may look like, the second one a constant."""
    fits = [numbers(1), numbers(4, 1, 1), numbers(1, 4, 1, 1), np.float32(0.7)]
    strange = [numbers(6), numbers(7, 1), numbers(1, 1, 1, 6), numbers(4, 7, 6)]
    square = (2, 6, 6, 6)
    taken = [numbers(6), numbers(6, 1), numbers(1, 6, 1), numbers(1, 1, 1, 6)]
    return [
        *(Case({"B": b}) for b in fits),
        *(Case({"B": b}, refused=True) for b in strange),
        # As many rows and columns as channels: still no value a channel.
        *(Case({"B": b}, square, refused=True) for b in taken),
        Case({"B": numbers(6, 1, 1)}, square),
        Case({"B": numbers(5)}, FEATURES),
        Case({"B": numbers(1, 5)}, FEATURES),
        Case({"A": numbers(4, 1, 1)}),
    ]


CURVES = ("Sigmoid", "Tanh", "Exp", "Erf", "Softplus", "Mish")

CASES: Mapping[str, list[Case]] = {
    "Conv": [
        *window_cases({"W": W}, dilates=True),
        Case({"W": W2, "group": 2}),
        Case({"W": W, "B": numbers(6)}),
        Case({"W": W, "kernel_shape": (3, 2)}),
        Case({"W": W, "kernel_shape": (2, 2)}, refused=True),
        Case({"W": W, "pads": (3, 3, 3, 3), "strides": (2, 3)}),
    ],
    "Gemm": [
        Case({"B": numbers(5, 3), "C": numbers(3)}, FEATURES),
        Case({"B": numbers(3, 5), "C": numbers(1, 3), "transB": 1}, FEATURES),
        Case({"B": numbers(5, 3), "C": numbers(3), "alpha": 0.5}, FEATURES),
        Case({"B": numbers(5, 3), "C": numbers(1), "beta": -2.0}, FEATURES),
        Case({"B": numbers(5, 3), "C": numbers(2, 1)}, FEATURES, refused=True),
        Case({"B": numbers(5, 3)}, FEATURES, since=11),
        Case({"B": numbers(2, 3), "transA": 1, "C": numbers(3)}, FEATURES, True),
    ],
    "MatMul": [
        Case({"B": numbers(5, 3)}, FEATURES),
        Case({"B": numbers(6, 3)}, refused=True),
        Case({"B": numbers(5)}, FEATURES, refused=True),
    ],
    "BatchNormalization": [
        Case(STATISTICS),
        Case({**STATISTICS, "epsilon": 0.1}),
        Case({**STATISTICS, "momentum": 0.1}),
        Case({**STATISTICS, "training_mode": 1}, refused=True),
        Case({**STATISTICS, "spatial": 0}, refused=True),
        Case(STATISTICS, (2, 4)),
        Case(STATISTICS, outputs=3, refused=True),
    ],
    "Relu": [Case(), Case(shape=FEATURES)],
    "HardSwish": [Case()],
    **{op: [Case(), Case(shape=FEATURES)] for op in CURVES},
    "Gelu": [Case(), Case({"approximate": "tanh"}), Case({"approximate": "none"})],
    "LeakyRelu": [Case(), Case({"alpha": 0.3}), Case({"alpha": -1.5}, FEATURES)],
    "PRelu": [
        Case({"slope": numbers(1)}),
        Case({"slope": numbers(4, 1, 1)}),
        Case({"slope": numbers(1, 4, 1, 1)}),
        Case({"slope": numbers(5)}, FEATURES),
        Case({"slope": numbers(6)}, refused=True),
        Case({"slope": numbers(4, 7, 6)}, refused=True),
    ],
    "Elu": [Case(), Case({"alpha": 0.3}), Case({"alpha": -1.5}, FEATURES)],
    "Selu": [Case(), Case({"alpha": 0.3}), Case({"gamma": 2.0}, FEATURES)],
    "Celu": [Case(), Case({"alpha": 0.3}), Case({"alpha": 2.5}, FEATURES)],
    "Clip": [
        Case(),
        Case({"min": -0.25}),
        Case({"max": 0.5}),
        Case({"min": 0.0}),
        Case({"min": -0.3, "max": 0.4}),
        Case({"min": 0.4, "max": -0.3}),
        # One element in one axis, as some exporters write it.
        Case({"min": np.array([-0.3], np.float32), "max": np.float32(0.4)}, **NEW),
        Case({"min": numbers(2)}, refused=True, **NEW),
    ],
    "HardSigmoid": [
        Case(),
        Case({"alpha": 0.7}),
        Case({"beta": 0.1}),
        Case({"alpha": 1 / 6, "beta": 0.5}),
        Case({"alpha": 1 / 6, "beta": 0.4}, FEATURES),
    ],
    "Add": arithmetic(),
    "Sub": arithmetic(),
    "Sum": [Case({"inputs": n}, until=22) for n in (1, 2, 4)],
    "Mul": arithmetic(),
    "Div": [c for c in arithmetic() if "A" not in c.args],
    "Concat": [
        Case({"inputs": 2, "axis": 1}),
        Case({"inputs": 2, "axis": -3}),
        Case({"inputs": 2, "axis": 2}, refused=True),
        Case({"inputs": 2, "axis": 0}, refused=True),
        Case({"inputs": 2, "axis": -1}, FEATURES),
        Case({"inputs": 2, "axis": 9}, refused=True),
    ],
    "Split": [
        Case({"axis": 1}, outputs=2, until=17),
        Case({"axis": 1, "num_outputs": 2}, outputs=2, since=18),
        Case({"axis": 1, "num_outputs": 3}, (2, 5, 3, 3), outputs=3, since=18),
        Case({"axis": -3, "split": [1, 3]}, outputs=2),
        Case({"split": [1, 1]}, outputs=2, refused=True),
        Case({"axis": 2, "split": [4, 3]}, outputs=2, refused=True),
        Case({"axis": 1, "split": [1, 2]}, outputs=2, refused=True),
    ],
    "Slice": [
        Case(SLICE),
        Case({**SLICE, "starts": [-3], "ends": [2**63 - 1], "axes": [-3]}),
        Case({"starts": [0, 1], "ends": [2**31 - 1, 3]}),
        Case({**SLICE, "steps": [2]}, refused=True, since=10),
        Case({**SLICE, "ends": [0], "starts": [3], "steps": [-1]}, IMAGE, True, 1, 10),
        Case({**SLICE, "steps": [1]}, since=10),
        Case({**SLICE, "axes": [2]}, refused=True),
        Case({**SLICE, "axes": [0], "starts": [0], "ends": [1]}, refused=True),
        Case({**SLICE, "axes": [7]}, refused=True),
    ],
    "MaxPool": [
        *POOLS,
        Case({**ODD, "storage_order": 1}, since=8),
        Case(ODD, outputs=2, refused=True, since=8),
    ],
    "AveragePool": [*POOLS, *COUNTED],
    "GlobalAveragePool": [Case(), Case(shape=FEATURES, refused=True)],
    "ReduceMean": [
        Case({"axes": [2, 3]}),
        Case({"axes": [-1, -2]}),
        Case({"axes": [2, 3], "keepdims": 0}),
        Case({"axes": [3]}, refused=True),
        Case({"axes": [0, 2, 3]}, refused=True),
        Case({}, refused=True),
        Case({"noop_with_empty_axes": 1}, since=18),
        Case({"noop_with_empty_axes": 1, "axes": [2, 3]}, since=18),
        Case({"axes": [6, 7]}, refused=True),
    ],
    "Flatten": [
        Case(),
        Case({"axis": -3}, since=11),
        Case({"axis": 0}, refused=True),
        Case({"axis": 2}, refused=True),
        Case({"axis": 1}, FEATURES),
    ],
    "Reshape": [
        Case({"shape": [-1, 168]}),
        Case({"shape": [0, -1]}),
        Case({"shape": [2, 168]}),
        Case({"shape": [0, 0, 7, -1]}),
        Case({"shape": [2, 168], "allowzero": 1}, since=14),
        Case({"shape": [0, -1], "allowzero": 1}, refused=True, since=14),
        Case({"shape": [-1]}, refused=True),
        Case({"shape": [8, 42]}, refused=True),
        Case({"shape": [0, 7, 4, 6]}),
    ],
    "Transpose": [
        Case({"perm": [0, 1, 2, 3]}),
        Case({"perm": [0, 2, 3, 1]}),
        Case(refused=True),
    ],
    "Squeeze": [
        Case({"axes": [2, 3]}, PIXEL),
        Case({"axes": [-1, 2]}, PIXEL),
        Case({"axes": [2]}, PIXEL, refused=True),
        Case({}, PIXEL, refused=True),
    ],
    "Resize": [
        Case(NN, since=10, until=10),
        Case({**NN, "coordinate_transformation_mode": "half_pixel"}, **NEW),
        Case({**NN, "coordinate_transformation_mode": "pytorch_half_pixel"}, **NEW),
        Case(
            {
                **NN,
                "coordinate_transformation_mode": "asymmetric",
                "nearest_mode": "floor",
            },
            **NEW,
        ),
        Case({**NN, "nearest_mode": "round_prefer_ceil"}, **NEW),
        Case({**NN, "nearest_mode": "floor"}, refused=True, **NEW),
        Case({**NN, "nearest_mode": "ceil"}, refused=True, **NEW),
        Case(
            {**NN, "coordinate_transformation_mode": "align_corners"},
            refused=True,
            **NEW,
        ),
        Case(
            {**NN, "coordinate_transformation_mode": "half_pixel_symmetric"}, since=19
        ),
        Case({"sizes": [2, 4, 14, 18]}, **NEW),
        Case({"sizes": [2, 4, 13, 18]}, refused=True, **NEW),
        Case({"sizes": [14, 18], "axes": [2, 3]}, since=18),
        Case({"scales": [2.0, 3.0], "axes": [-2, -1]}, since=18),
        Case({"scales": [1.0, 1.0, 0.5, 1.0]}, refused=True, since=10),
        Case({**NN, "mode": "linear"}, refused=True, since=10),
        Case({**NN, "mode": "cubic", "cubic_coeff_a": -0.5}, refused=True, **NEW),
        Case({**NN, "antialias": 1}, refused=True, since=18),
        Case({**NN, "exclude_outside": 1}, refused=False, **NEW),
        Case({**NN, "extrapolation_value": 3.0}, **NEW),
        Case({**NN, "cubic_coeff_a": -0.5}, **NEW),
        Case(
            {
                "sizes": [14, 18],
                "axes": [2, 3],
                "keep_aspect_ratio_policy": "not_larger",
            },
            refused=True,
            since=18,
        ),
    ],
    "Upsample": [
        Case(NN, until=9),
        Case({**NN, "mode": "linear"}, refused=True, until=9),
        Case(NN, refused=True, since=10),
    ],
    "Identity": [Case()],
    "Dropout": [
        Case(),
        Case({"ratio": 0.9}),
        Case({"seed": 3}, since=12),
        Case({"training_mode": np.array(False)}, since=12),
        Case({"training_mode": np.array(True)}, refused=True, since=12),
        Case(outputs=2),
    ],
    "Cast": [
        Case({"to": TensorProto.FLOAT}),
        Case({"to": TensorProto.FLOAT, "saturate": 0}, since=19),
        *(
            Case({"to": kind}, refused=True)
            for kind in (
                TensorProto.BOOL,
                TensorProto.INT32,
                TensorProto.INT8,
                TensorProto.FLOAT16,
                TensorProto.DOUBLE,
            )
        ),
    ],
}


def schemas(op: str) -> Iterator[tuple[int, defs.OpSchema]]:
    """Return the first opset of each form that an operation has from 7 to 22."""
    seen = set()
    for opset in OPSETS:
        try:
            schema = defs.get_schema(op, opset, "")
        except defs.SchemaError:
            continue
        if schema.since_version not in seen:
            seen.add(schema.since_version)
            yield opset, schema


def model_of(op: str, case: Case, opset: int, schema: defs.OpSchema) -> Any:
    """Return the one-node model of a case, or None where the opset lacks a name."""
    left = dict(case.args)
    copies = left.pop("inputs", 0)
    names: list[str] = []
    constants = []
    titles = [title for title, _ in OPERATIONS[op].inputs]
    if op == "Resize" and opset < 11:
        titles.remove("roi")
    for index, title in enumerate(titles):
        if index >= max(len(schema.inputs), copies):
            break
        value = left.pop(title, None)
        if value is None:
            names.append("x" if index == 0 or "A" in case.args else "")
            continue
        whole = isinstance(value, list) and all(isinstance(v, int) for v in value)
        kind = getattr(value, "dtype", np.int64 if whole else np.float32)
        constants.append(numpy_helper.from_array(np.asarray(value, kind), title))
        names.append(title)
    if set(left) - set(schema.attributes):
        return None
    while names and not names[-1] and len(names) > schema.min_input:
        names.pop()
    if op == "Resize" and 11 <= opset < 13:
        constants.append(numpy_helper.from_array(np.zeros(0, np.float32), "roi"))
        names[1] = "roi"
        if not names[2]:
            constants.append(numpy_helper.from_array(np.zeros(0, np.float32), "none"))
            names[2] = "none"
    outputs = [f"y{i}" for i in range(case.outputs)]
    node = helper.make_node(op, names + ["x"] * max(0, copies - 1), outputs, **left)
    graph = helper.make_graph(
        [node],
        op,
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, case.shape)],
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in outputs],
        constants,
    )
    imports = [helper.make_opsetid("", opset)]
    return helper.make_model(graph, opset_imports=imports, ir_version=8)


def models() -> Iterator[tuple[str, Case, int, onnx.ModelProto]]:
    """Return every case in every form that its operation has."""
    for op, cases in CASES.items():
        for opset, schema in schemas(op):
            for case in cases:
                if not case.since <= opset <= case.until:
                    continue
                model = model_of(op, case, opset, schema)
                if model is not None:
                    yield op, case, opset, model
