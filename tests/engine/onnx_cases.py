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

from workbench.capture.from_onnx.call import CONSTANT
from workbench.capture.from_onnx.table import OPERATIONS

OPSETS = range(7, 24)
IMAGE, FEATURES = (2, 4, 7, 6), (2, 5)


@dataclass(frozen=True, eq=False)
class Case:
    """Arguments of one node.

    ``refused`` says that no opset may run it, ``foreign`` that ONNX's evaluator does;
    ``kind`` is the type that x is converted to first.
    """

    args: Mapping[str, Any] = field(default_factory=dict)
    shape: tuple[int, ...] = IMAGE
    refused: bool = False
    outputs: int = 1
    since: int = 7
    until: int = 23
    foreign: bool = False
    kind: int = TensorProto.FLOAT


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
NEW = {"since": 11}


def window_cases(base: Mapping[str, Any]) -> list[Case]:
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
    dilated = Case({**base, "dilations": (2, 1)}, since=10)
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


POOLS = [*window_cases({"kernel_shape": (3, 2)}), *pool_cases()]
COUNTED = [counted(c) for c in POOLS if not c.refused and "auto_pad" not in c.args]


def arithmetic() -> list[Case]:
    """Return what two operands may look like, the second one a constant."""
    fits = [numbers(1), numbers(4, 1, 1), numbers(1, 4, 1, 1), np.float32(0.7)]
    strange = [numbers(6), numbers(7, 1), numbers(1, 1, 1, 6), numbers(4, 7, 6)]
    square = (2, 6, 6, 6)
    taken = [numbers(6), numbers(6, 1), numbers(1, 6, 1), numbers(1, 1, 1, 6)]
    return [
        *(Case({"B": b}) for b in fits),
        *(Case({"B": b}) for b in strange),
        # As many rows and columns as channels: still no value a channel.
        *(Case({"B": b}, square) for b in taken),
        # A constant for the file's batch of two, the same for both images.
        Case({"B": np.stack([numbers(4, 1, 1)] * 2)}),
        Case({"B": numbers(2, 4, 1, 1)}, refused=True),
        Case({"B": numbers(2, 1, 4, 1, 1)[:1]}, refused=True),
        Case({"B": "x"}),
        Case({"B": numbers(6, 1, 1)}, square),
        Case({"B": numbers(5)}, FEATURES),
        Case({"B": numbers(1, 5)}, FEATURES),
        Case({"A": numbers(4, 1, 1)}),
    ]


BACK = numbers(4, 3, 3, 2)
TRANSPOSED: tuple[dict[str, Any], ...] = (
    {},
    {"strides": (2, 3)},
    {"strides": (2, 2), "pads": (1, 0, 0, 1)},
    {"dilations": (2, 1)},
    {"strides": (3, 3), "output_padding": (2, 1)},
    {"strides": (2, 2), "output_shape": (14, 11)},
    {"strides": (2, 2), "output_shape": (12, 9)},
    {"strides": (2, 2), "auto_pad": "SAME_UPPER"},
    {"strides": (3, 2), "auto_pad": "SAME_LOWER"},
    {"strides": (3, 3), "auto_pad": "SAME_UPPER", "output_shape": (20, 17)},
    {"auto_pad": "VALID", "strides": (2, 1)},
)
GROUPED = {"scale": numbers(2), "bias": numbers(2) * 3}
STATISTICS_OF_4 = {"scale": numbers(4), "bias": numbers(4) * 3}

CURVES = ("Sigmoid", "Tanh", "Exp", "Erf", "Softplus", "Mish")

CASES: Mapping[str, list[Case]] = {
    "Conv": [
        *window_cases({"W": W}),
        Case({"W": W2, "group": 2}),
        Case({"W": W, "B": numbers(6)}),
        Case({"W": W, "kernel_shape": (3, 2)}),
        Case({"W": W, "kernel_shape": (2, 2)}, refused=True),
        Case({"W": W, "pads": (3, 3, 3, 3), "strides": (2, 3)}),
        Case({"W": numbers(3, 4, 3), "pads": (1, 0), "dilations": (2,)}, (2, 4, 9)),
        Case({"W": numbers(4, 2, 2, 2, 3), "group": 2}, (2, 4, 3, 4, 5)),
        Case({"W": "x"}, (1, 4, 3, 3), foreign=True),
    ],
    "ConvTranspose": [
        *(Case({"W": BACK, **args}) for args in TRANSPOSED),
        Case({"W": BACK, "B": numbers(3), "kernel_shape": (3, 2)}),
        Case({"W": numbers(4, 3, 3, 2), "group": 2, "strides": (2, 3)}),
        Case({"W": numbers(4, 3, 3), "strides": (2,), "pads": (1, 0)}, (2, 4, 7)),
        Case({"W": numbers(4, 3, 2, 2, 2)}, (2, 4, 2, 3, 2), foreign=True),
        Case({"W": BACK, "kernel_shape": (2, 2)}, refused=True),
    ],
    "LayerNormalization": [
        Case({"Scale": numbers(6), "B": numbers(6)}, since=17),
        Case({"Scale": numbers(7, 6), "axis": -2, "epsilon": 0.1}, since=17),
        Case({"Scale": numbers(4, 7, 6), "axis": 1, "stash_type": 1}, since=17),
        Case({"Scale": numbers(4, 7, 6), "axis": 0}, refused=True, since=17),
        Case({"Scale": numbers(6)}, outputs=3, foreign=True, since=17),
    ],
    "GroupNormalization": [
        Case({**GROUPED, "num_groups": 2}, since=18, until=20),
        Case({**STATISTICS_OF_4, "num_groups": 2}, since=21),
        Case({**STATISTICS_OF_4, "num_groups": 4, "epsilon": 0.1}, (2, 4, 5), since=21),
        Case({**STATISTICS_OF_4, "num_groups": 1, "stash_type": 1}, since=21),
    ],
    "InstanceNormalization": [
        Case({"scale": numbers(4), "B": numbers(4) * 2}),
        Case({"scale": numbers(4), "B": numbers(4), "epsilon": 0.1}, (2, 4, 5)),
    ],
    "LRN": [
        Case({"size": 3}),
        Case({"size": 3, "alpha": 0.3, "beta": 0.6, "bias": 2.0}),
        Case({"size": 5, "alpha": 0.3}, (2, 3, 4, 4)),
    ],
    "Softsign": [Case(), Case(shape=FEATURES)],
    "ThresholdedRelu": [Case(since=10), Case({"alpha": 0.3}, since=10)],
    "Gemm": [
        Case({"B": numbers(5, 3), "C": numbers(3)}, FEATURES),
        Case({"B": numbers(3, 5), "C": numbers(1, 3), "transB": 1}, FEATURES),
        Case({"B": numbers(5, 3), "C": numbers(3), "alpha": 0.5}, FEATURES),
        Case({"B": numbers(5, 3), "C": numbers(1), "beta": -2.0}, FEATURES),
        Case({"B": numbers(5, 3), "C": numbers(2, 1)}, FEATURES, refused=True),
        Case({"B": numbers(5, 3), "C": numbers(1, 1), "beta": 0.5}, FEATURES),
        Case({"A": numbers(3, 2), "C": numbers(5)}, FEATURES, refused=True),
        Case({"B": numbers(5, 3)}, FEATURES, since=11),
        Case({"B": numbers(2, 3), "transA": 1, "C": numbers(3)}, FEATURES, True),
    ],
    "MatMul": [
        Case({"B": numbers(5, 3)}, FEATURES),
        Case({"B": numbers(6, 3)}),
        Case({"B": numbers(4, 6, 3)}),
        Case({"B": numbers(6)}),
        Case({"A": numbers(3, 7)}),
        Case({"A": numbers(4, 3, 7)}),
        Case({"B": "x"}, (2, 4, 6, 6)),
        Case({"A": numbers(3, 2)}, FEATURES, refused=True),
        Case({"B": numbers(4)}, FEATURES, refused=True),
    ],
    "BatchNormalization": [
        Case(STATISTICS),
        Case({**STATISTICS, "epsilon": 0.1}),
        Case({**STATISTICS, "momentum": 0.1}),
        Case({**STATISTICS, "training_mode": 1}, refused=True),
        Case({**STATISTICS, "spatial": 0}, refused=True),
        Case(STATISTICS, (2, 4)),
        Case(STATISTICS, (2, 4, 7)),
        Case(STATISTICS, (2, 4, 3, 2, 5)),
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
        Case({"slope": numbers(6)}),
        Case({"slope": numbers(4, 7, 6)}),
        Case({"slope": numbers(4, 1)}, (2, 4, 7)),
        Case({"slope": numbers(2, 1, 1, 1)}, refused=True),
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
        Case({"min": -3, "max": np.int64(0)}, kind=TensorProto.INT64, since=12),
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
    "Sum": [Case({"inputs": n}) for n in (1, 2, 4)],
    "Mul": arithmetic(),
    "Div": [c for c in arithmetic() if "A" not in c.args],
    "MaxPool": [
        *POOLS,
        Case({**ODD, "storage_order": 1}, since=8),
        Case(ODD, (1, 4, 7, 6), outputs=2, foreign=True, since=8),
        Case(ODD, outputs=2, refused=True, since=8),
        Case({"kernel_shape": (3,), "strides": (2,), "pads": (1, 0)}, (2, 4, 7)),
        Case({"kernel_shape": (2, 3, 2), "pads": (1,) * 6}, (2, 3, 4, 5, 6)),
    ],
    "AveragePool": [
        *POOLS,
        *COUNTED,
        Case({"kernel_shape": (3,), "strides": (2,), "pads": (1, 0)}, (2, 4, 7)),
        Case({"kernel_shape": (2, 3, 2), "pads": (1,) * 6}, (2, 3, 4, 5, 6)),
    ],
    "LpPool": [
        *(c for c in POOLS if "ceil_mode" not in c.args and "dilations" not in c.args),
        *(Case({**c.args}, since=18) for c in pool_cases()),
        Case({**ODD, "dilations": (2, 1)}, since=18),
        Case({**ODD, "p": 3}),
    ],
    "GlobalAveragePool": [Case(), Case(shape=(2, 4, 7)), Case(shape=(2, 3, 4, 5, 2))],
    "GlobalMaxPool": [Case(), Case(shape=(2, 4, 7))],
    "Identity": [Case(), Case(kind=TensorProto.INT64)],
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
            Case({"to": kind})
            for kind in (TensorProto.BOOL, TensorProto.INT32, TensorProto.DOUBLE)
        ),
        Case({"to": TensorProto.INT8}, foreign=True),
        Case({"to": TensorProto.BOOL}, kind=TensorProto.INT32),
        Case({"to": TensorProto.FLOAT}, kind=TensorProto.BOOL),
        Case({"to": TensorProto.STRING}, refused=True, since=9),
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
    given = list(OPERATIONS[op].inputs)
    if op == "Resize" and opset < 11:
        given.remove(("roi", CONSTANT))
    for index, (title, kind) in enumerate(given):
        if index >= max(len(schema.inputs), copies):
            break
        value = left.pop(title, None)
        if value is None or isinstance(value, str):
            first = kind != CONSTANT and "x" not in names
            names.append("x" if first or value == "x" else "")
            continue
        whole = isinstance(value, list) and all(isinstance(v, int) for v in value)
        whole = whole or isinstance(value, int)
        dtype = getattr(value, "dtype", np.int64 if whole else np.float32)
        constants.append(numpy_helper.from_array(np.asarray(value, dtype), title))
        names.append(title)
    if set(left) - set(schema.attributes):
        return None
    while names and not names[-1] and len(names) > schema.min_input:
        names.pop()
    if op == "Resize" and 11 <= opset < 13:
        for i, title in ((1, "roi"), (2, "scales")):
            if len(names) > i and not names[i]:
                empty = numpy_helper.from_array(np.zeros(0, np.float32), f"no {title}")
                constants.append(empty)
                names[i] = empty.name
    outputs = [f"y{i}" for i in range(case.outputs)]
    nodes = converted(case.kind, constants)
    if nodes:
        names = ["k" if name == "x" else name for name in names]
    one = "k" if nodes else "x"
    node = helper.make_node(op, names + [one] * max(0, copies - 1), outputs, **left)
    graph = helper.make_graph(
        [*nodes, node],
        op,
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, case.shape)],
        [helper.make_empty_tensor_value_info(n) for n in outputs],
        constants,
    )
    imports = [helper.make_opsetid("", opset)]
    return helper.make_model(graph, opset_imports=imports, ir_version=8)


def converted(kind: int, constants: list[onnx.TensorProto]) -> list[onnx.NodeProto]:
    """Return the nodes that make numbers of another type from x."""
    if kind == TensorProto.FLOAT:
        return []
    if kind not in (TensorProto.UINT8, TensorProto.INT8):
        return [helper.make_node("Cast", ["x"], ["k"], to=kind)]
    zero = np.array(3, helper.tensor_dtype_to_np_dtype(kind))
    constants.append(numpy_helper.from_array(np.float32(0.03), "step"))
    constants.append(numpy_helper.from_array(zero, "zero"))
    return [helper.make_node("QuantizeLinear", ["x", "step", "zero"], ["k"])]


Cases = Mapping[str, list[Case]]


def models(all_cases: Cases) -> Iterator[tuple[str, Case, int, onnx.ModelProto]]:
    """Return every case in every form that its operation has."""
    for op, cases in all_cases.items():
        for opset, schema in schemas(op):
            for case in cases:
                if not case.since <= opset <= case.until:
                    continue
                model = model_of(op, case, opset, schema)
                if model is not None:
                    yield op, case, opset, model
