"""Cases of ONNX operations on arrays of any rank, in the form of `onnx_cases`."""

from collections.abc import Mapping

import numpy as np
from onnx import TensorProto

from tests.engine.onnx_cases import FEATURES, IMAGE, Case, numbers
from workbench.capture.from_onnx.table_arrays import ARRAYS

ROWS, SPACE = (2, 4, 7), (2, 3, 4, 5, 2)
INTS, BOOLS = {"kind": TensorProto.INT64}, {"kind": TensorProto.BOOL}
BYTES, SIGNED = {"kind": TensorProto.UINT8}, {"kind": TensorProto.INT8}

PLAIN = (
    *("Abs", "Neg", "Sign", "Floor", "Ceil", "Round", "Log", "Sqrt", "Reciprocal"),
    *("Sin", "Cos", "Tan", "Asin", "Acos", "Atan", "Sinh", "Cosh", "Asinh", "Acosh"),
    *("Atanh", "IsNaN"),
)
COMPARED = ("Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual")


def compared(**args: int) -> list[Case]:
    """Return what two operands that are no sum may look like."""
    return [
        *(Case({"B": b}, **args) for b in (np.float32(0.3), numbers(4, 1, 1))),
        *(Case({"B": b}, **args) for b in (numbers(6), numbers(7, 6))),
        Case({"A": numbers(7, 1)}, **args),
        Case({"B": "x"}, **args),
    ]


def reduced(until: int) -> list[Case]:
    """Return the cases of a reduction whose axes are an attribute up to an opset."""
    axes = ([2, 3], [-1], [1], [3, 1])
    cases = [Case({"axes": a, "keepdims": k}) for a in axes for k in (0, 1)]
    new = {"since": until + 1}
    return [
        *cases,
        Case({"axes": [1]}, ROWS),
        Case({"axes": [-1]}, SPACE),
        Case({"axes": [0, 1]}, refused=True),
        Case({"keepdims": 0}, refused=True),
        # In a file of one image the batch is an axis like the others.
        Case({"axes": [0, 2]}, (1, 4, 7, 6)),
        Case({"noop_with_empty_axes": 1}, **new),
        Case({"noop_with_empty_axes": 1, "axes": [2]}, **new),
        Case({"axes": [6]}, refused=True),
    ]


def along(default_mixes: bool) -> list[Case]:
    """Return the cases of softmax and its logarithm."""
    axes = [Case({"axis": axis}) for axis in (1, 2, 3)]
    return [
        *axes,
        Case({}, IMAGE),
        Case({}, FEATURES),
        Case({"axis": -2}, since=11),
        Case({"axis": 2}, ROWS),
        Case({"axis": 1}, (2, 9, 1, 1)),
        Case({"axis": 0}, refused=default_mixes),
        Case({"axis": 0}, (1, 4, 7)),
        Case({"axis": 7}, refused=True),
    ]


def pads(**args: object) -> Case:
    return Case({"pads": [0, 0, 1, 2, 0, 1, 2, 3], **args})


NUMBERS_8 = {"x_scale": np.float32(0.05)}
SCALES = np.array([0.02, 0.05, 0.03, 0.04], np.float32)
SHIFTS = np.array([3, 0, 250, 128], np.uint8)
KERNEL = (numbers(6, 4, 3, 3) * 100).astype(np.int8)
HALF, SAME = KERNEL[:, :2].copy(), {"auto_pad": "SAME_UPPER"}

ARRAY_CASES: Mapping[str, list[Case]] = {
    **{op: [Case(), Case(shape=ROWS), Case(shape=FEATURES)] for op in PLAIN},
    "Not": [Case(**BOOLS)],
    "IsInf": [
        Case({}, since=10),
        Case({"detect_negative": 0}, since=10),
        Case({"detect_positive": 0}, since=10),
        Case({"detect_positive": 0, "detect_negative": 0}, foreign=True, since=10),
    ],
    **{op: compared(since=9) for op in COMPARED},
    "Equal": [
        *compared(since=11),
        Case({"B": np.int64(1)}, since=7, **INTS),
    ],
    **{
        op: [Case({"B": np.array([[True], [False]] * 2)[:, :, None][:, :1]}, **BOOLS)]
        for op in ("And", "Or", "Xor")
    },
    "Pow": [
        *(Case({"B": np.float32(p)}) for p in (2, 0.5, -0.5, -1, 1, 3, 1.7)),
        Case({"A": np.float32(1.5)}),
        Case({"B": numbers(4, 1, 1)}),
    ],
    "Mod": [
        Case({"B": np.float32(0.3), "fmod": 1}, since=10),
        Case({"B": np.int64(2)}, since=10, **INTS),
    ],
    **{
        op: [
            *(Case({"inputs": n}) for n in (1, 2, 3)),
            Case({"data*": numbers(4, 1, 1), "inputs": 2}, since=8),
        ]
        for op in ("Max", "Min", "Mean")
    },
    "Where": [
        Case({"condition": numbers(7, 6) > 0, "Y": np.float32(2)}, since=9),
        Case({"condition": numbers(4, 1, 1) > 0, "Y": numbers(6)}, since=9),
        Case({"X": np.float32(-1), "Y": numbers(4, 7, 6)}, since=9, **BOOLS),
    ],
    "Softmax": along(True),
    "LogSoftmax": along(True),
    **{op: reduced(12 if op == "ReduceSum" else 17) for op in ARRAYS if "Reduce" in op},
    **{
        op: [
            Case({"axis": 1}),
            Case({"axis": -1, "keepdims": 0}),
            Case({"axis": 2}, ROWS),
            Case({}, refused=True),
            Case({"axis": 1, "select_last_index": 1}, foreign=True, since=12),
        ]
        for op in ("ArgMax", "ArgMin")
    },
    "CumSum": [
        *(Case({"axis": np.int64(a)}, since=11) for a in (1, -1)),
        Case({"axis": np.int64(0)}, refused=True, since=11),
        Case({"axis": np.int64(1), "exclusive": 1}, foreign=True, since=11),
        Case({"axis": np.int64(1), "reverse": 1}, foreign=True, since=11),
    ],
    "LpNormalization": [
        Case({"axis": 1}),
        Case({"axis": 1, "p": 1}),
        Case({"axis": -1}, ROWS),
    ],
    "Gather": [
        Case({"indices": [3, 0, 1], "axis": 1}),
        Case({"indices": [1], "axis": 2}),
        Case({"indices": np.int64(2), "axis": 3}),
        Case({"indices": np.array([[0, 1], [2, 0]]), "axis": 1}),
        Case({"indices": [-1, 2], "axis": -1}, since=11),
        Case({"indices": [0]}, refused=True),
        Case({"indices": [9], "axis": 1}, refused=True),
    ],
    "Expand": [
        Case({"shape": [2, 4, 3, 5]}, (2, 4, 1, 1), since=8),
        Case({"shape": [4, 7, 1]}, since=8),
        Case({"shape": [1, 5]}, (2, 1), since=8),
        Case({"shape": [3, 1, 1]}, (1, 4, 1, 1), refused=True, since=8),
        Case({"shape": [3]}, refused=True, since=8),
    ],
    "Tile": [
        Case({"repeats": [1, 2, 1, 3]}),
        Case({"repeats": [1, 1, 2]}, ROWS),
        Case({"repeats": [2, 1, 1, 1]}, refused=True),
    ],
    "Pad": [
        pads(),
        pads(mode="reflect"),
        pads(mode="edge"),
        Case({"pads": [0, 0, 1, 2, 0, 1, 2, 3], "mode": "wrap"}, since=19),
        pads(value=0.5),
        pads(constant_value=np.float32(0.5)),
        Case({"pads": [0, 0, -1, 2, 0, 1, 2, -3]}),
        Case({"pads": [1, 2, 3, 0], "axes": [2, -1]}, since=18),
        Case({"pads": [0, 1, 0, 2]}, FEATURES),
        Case({"pads": [1, 0, 0, 0, 0, 0, 0, 0]}, refused=True),
        Case({"pads": [0, 0, 9, 0, 0, 0, 0, 0], "mode": "reflect"}, foreign=True),
    ],
    "DepthToSpace": [
        Case({"blocksize": 2}),
        *(
            Case({"blocksize": 2, "mode": mode}, **n)
            for mode, n in (("DCR", {"since": 11}), ("CRD", {"since": 11}))
        ),
        Case({"blocksize": 3}, refused=True),
    ],
    "SpaceToDepth": [
        Case({"blocksize": 2}, (2, 3, 4, 6)),
        Case({"blocksize": 3}, (2, 3, 6, 3)),
    ],
    "QuantizeLinear": [
        Case({"y_scale": np.float32(0.01)}, since=10),
        Case({"y_scale": np.float32(0.01), "y_zero_point": np.int8(5)}, since=10),
        Case({"y_scale": SCALES, "y_zero_point": SHIFTS}, since=13),
        Case(
            {"y_scale": SCALES, "y_zero_point": SHIFTS, "axis": 2, "saturate": 0},
            (2, 3, 4, 5),
            since=19,
        ),
        Case({"y_scale": np.float32(0.01), "block_size": 0}, since=21),
        Case({"y_scale": np.float32(0.01), "output_dtype": 2}, foreign=True, since=21),
        Case({"y_scale": np.float32(0.01), "precision": 1}, since=23),
    ],
    "DequantizeLinear": [
        Case(NUMBERS_8, since=10, **BYTES),
        Case({**NUMBERS_8, "x_zero_point": np.int8(-4)}, since=10, **SIGNED),
        Case({"x_scale": SCALES, "x_zero_point": SHIFTS}, since=13, **BYTES),
        Case({"x_scale": SCALES, "axis": 2}, (2, 3, 4, 5), since=13, **BYTES),
        Case({**NUMBERS_8, "block_size": 0}, since=21, **BYTES),
        Case({**NUMBERS_8, "output_dtype": 1}, since=23, **BYTES),
    ],
    "DynamicQuantizeLinear": [
        Case({}, (1, 4, 7, 6), since=11),
        Case({}, (1, 5), outputs=3, refused=True, since=11),
    ],
    "ConvInteger": [
        Case({"w": KERNEL}, since=10, **BYTES),
        Case({"w": KERNEL, "x_zero_point": np.uint8(7)}, since=10, **BYTES),
        Case(
            {"w": KERNEL, "w_zero_point": np.int8(3), "pads": (1, 0, 2, 1)},
            since=10,
            **BYTES,
        ),
        Case(
            {"w": KERNEL[:, :2].copy(), "group": 2, "strides": (2, 1)},
            since=10,
            **BYTES,
        ),
        Case({"w": KERNEL, "dilations": (2, 1)}, since=10, **BYTES),
        Case(
            {"w": KERNEL, "auto_pad": "SAME_UPPER", "kernel_shape": (3, 3)},
            since=10,
            **BYTES,
        ),
    ],
    "MatMulInteger": [
        Case({"B": (numbers(6, 3) * 90).astype(np.uint8)}, since=10, **BYTES),
        Case(
            {
                "B": (numbers(6, 3) * 90).astype(np.int8),
                "a_zero_point": np.uint8(4),
                "b_zero_point": np.array([1, -2, 3], np.int8),
            },
            since=10,
            **BYTES,
        ),
    ],
}
