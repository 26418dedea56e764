"""The second half of the table: operations on tensors of any rank, and of integers.

Belongs here: entries in the same form as in `table`.
"""

from collections.abc import Mapping

from workbench.capture.from_onnx import arithmetic, moves, quantised, reductions
from workbench.capture.from_onnx.call import (
    ANY,
    COMPUTED,
    CONSTANT,
    EITHER,
    FLOATS,
    LOGIC,
    NUMBERS,
    OnnxOperation,
    Translation,
)
from workbench.capture.operations import operation

X = ("X", COMPUTED)
EIGHT_BITS = ("uint8", "int8")

_FUNCTIONS = {
    "Abs": "abs",
    "Neg": "neg",
    "Sign": "sign",
    "Floor": "floor",
    "Ceil": "ceil",
    "Round": "round",
    "Log": "log",
    "Sqrt": "sqrt",
    "Reciprocal": "reciprocal",
    "Sin": "sin",
    "Cos": "cos",
    "Tan": "tan",
    "Asin": "asin",
    "Acos": "acos",
    "Atan": "atan",
    "Sinh": "sinh",
    "Cosh": "cosh",
    "Asinh": "asinh",
    "Acosh": "acosh",
    "Atanh": "atanh",
    "IsNaN": "isnan",
}
_PAIRS = {
    "Equal": ("eq", (*NUMBERS, *LOGIC)),
    "Less": ("lt", NUMBERS),
    "LessOrEqual": ("le", NUMBERS),
    "Greater": ("gt", NUMBERS),
    "GreaterOrEqual": ("ge", NUMBERS),
    "And": ("and", LOGIC),
    "Or": ("or", LOGIC),
    "Xor": ("xor", LOGIC),
}
_REDUCTIONS = {
    "ReduceMean": "mean",
    "ReduceSum": "sum",
    "ReduceMax": "max",
    "ReduceMin": "min",
    "ReduceProd": "prod",
    "ReduceL1": "l1",
    "ReduceL2": "l2",
    "ReduceLogSum": "logsum",
    "ReduceLogSumExp": "logsumexp",
    "ReduceSumSquare": "sumsq",
}


def _of_one(
    translate: Translation, read: str = "", types: tuple[str, ...] = FLOATS
) -> OnnxOperation:
    return OnnxOperation(operation(translate, read), types=types)


def _of_two(
    translate: Translation, read: str = "", types: tuple[str, ...] = NUMBERS
) -> OnnxOperation:
    declared = operation(
        translate,
        read,
        ignored={
            "axis": "without broadcast there is none",
            "broadcast": "numpy's rule is the same or refuses",
        },
    )
    return OnnxOperation(declared, (("A", EITHER), ("B", EITHER)), types=types)


def _of_many(translate: Translation) -> OnnxOperation:
    return OnnxOperation(operation(translate), (("data*", EITHER),), types=NUMBERS)


ARRAYS: Mapping[str, OnnxOperation] = {
    **{
        name: _of_one(
            arithmetic.unary(kind),
            types=NUMBERS if name in ("Abs", "Neg", "Sign") else FLOATS,
        )
        for name, kind in _FUNCTIONS.items()
    },
    "Not": _of_one(arithmetic.unary("not"), types=LOGIC),
    "IsInf": _of_one(arithmetic.is_infinite, "detect_negative detect_positive"),
    **{
        name: _of_two(arithmetic.binary(kind), types=types)
        for name, (kind, types) in _PAIRS.items()
    },
    "Pow": _of_two(arithmetic.power, types=FLOATS),
    "Mod": _of_two(arithmetic.modulo, "fmod"),
    "Max": _of_many(arithmetic.folded("maximum")),
    "Min": _of_many(arithmetic.folded("minimum")),
    "Mean": _of_many(arithmetic.mean),
    "Where": OnnxOperation(
        operation(arithmetic.where),
        (("condition", EITHER), ("X", EITHER), ("Y", EITHER)),
        types=(*NUMBERS, *LOGIC),
    ),
    "Softmax": _of_one(reductions.softmax(False), "axis"),
    "LogSoftmax": _of_one(reductions.softmax(True), "axis"),
    **{
        name: OnnxOperation(
            operation(reductions.reduction(kind), "axes keepdims noop_with_empty_axes"),
            (X, ("axes", CONSTANT)),
            types=NUMBERS if kind in ("max", "min", "sum") else FLOATS,
        )
        for name, kind in _REDUCTIONS.items()
    },
    **{
        name: OnnxOperation(
            operation(
                reductions.pointer(name.lower()),
                "axis keepdims",
                only={"select_last_index": (0,)},
            ),
            types=NUMBERS,
        )
        for name in ("ArgMax", "ArgMin")
    },
    "CumSum": OnnxOperation(
        operation(reductions.cumulative, only={"exclusive": (0,), "reverse": (0,)}),
        (X, ("axis", CONSTANT)),
    ),
    "LpNormalization": _of_one(reductions.normalised, "axis p"),
    "Gather": OnnxOperation(
        operation(moves.gather, "axis"), (X, ("indices", CONSTANT)), types=ANY
    ),
    "Expand": OnnxOperation(
        operation(moves.expand), (X, ("shape", CONSTANT)), types=ANY
    ),
    "Tile": OnnxOperation(operation(moves.tile), (X, ("repeats", CONSTANT)), types=ANY),
    "Pad": OnnxOperation(
        operation(moves.pad, "mode pads value"),
        (X, ("pads", CONSTANT), ("constant_value", CONSTANT), ("axes", CONSTANT)),
        types=(*NUMBERS, *LOGIC),
    ),
    "DepthToSpace": _of_one(moves.depth_to_space, "blocksize mode", ANY),
    "SpaceToDepth": _of_one(moves.space_to_depth, "blocksize", ANY),
    "QuantizeLinear": OnnxOperation(
        operation(
            quantised.quantise,
            "axis block_size output_dtype",
            ignored={
                "saturate": "8-bit integers always stop at their ends",
                "precision": "float32 is what is divided in",
            },
        ),
        (X, ("y_scale", CONSTANT), ("y_zero_point", CONSTANT)),
    ),
    "DequantizeLinear": OnnxOperation(
        operation(
            quantised.dequantise, "axis block_size", only={"output_dtype": (0, 1)}
        ),
        (X, ("x_scale", CONSTANT), ("x_zero_point", CONSTANT)),
        types=(*EIGHT_BITS, "int32", "uint16", "int16"),
    ),
    "DynamicQuantizeLinear": OnnxOperation(operation(quantised.dynamic), outputs=3),
    "ConvInteger": OnnxOperation(
        operation(quantised.conv, "auto_pad dilations kernel_shape pads strides group"),
        (X, ("w", CONSTANT), ("x_zero_point", EITHER), ("w_zero_point", CONSTANT)),
        types=EIGHT_BITS,
    ),
    "MatMulInteger": OnnxOperation(
        operation(quantised.product),
        (
            *(("A", EITHER), ("B", EITHER)),
            *(("a_zero_point", EITHER), ("b_zero_point", EITHER)),
        ),
        types=EIGHT_BITS,
    ),
}
