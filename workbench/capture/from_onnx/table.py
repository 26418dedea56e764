"""Every ONNX operation that is read, with a verdict for each of its arguments.

Belongs here: the declared table. An attribute or input that is not listed is refused by
name, and a test compares the table with ONNX's own schemas. Adding an operation = one
function in `onnx_ops`, `onnx_windows` or `onnx_shapes`, and one entry here.
"""

from collections.abc import Mapping

from workbench.capture.from_onnx import layers as ops
from workbench.capture.from_onnx import shapes, windows
from workbench.capture.from_onnx.call import (
    COMPUTED,
    CONSTANT,
    EITHER,
    OnnxOperation,
    Translation,
)
from workbench.capture.operations import operation

WINDOW = "auto_pad dilations kernel_shape pads strides"
TRAINS = "only matters while a network is trained"
NOT_NEAREST = "nearest neighbours of an image that grows do not read it"
X = ("X", COMPUTED)
Inputs = tuple[tuple[str, str], ...]


def _then(*names: str) -> Inputs:
    """Return a computed input and constants behind it."""
    return (X, *((name, CONSTANT) for name in names))


def _pair(translate: Translation) -> OnnxOperation:
    declared = operation(
        translate,
        only={"broadcast": (0,)},
        ignored={"axis": "without broadcast there is none"},
    )
    return OnnxOperation(declared, (("A", EITHER), ("B", EITHER)))


def _plain(translate: Translation, read: str = "") -> OnnxOperation:
    return OnnxOperation(operation(translate, read))


OPERATIONS: Mapping[str, OnnxOperation] = {
    "Conv": OnnxOperation(operation(windows.conv, f"{WINDOW} group"), _then("W", "B")),
    "Gemm": OnnxOperation(
        operation(
            ops.gemm,
            "alpha beta transB",
            only={"transA": (0,)},
            ignored={"broadcast": "the shape of C says it"},
        ),
        _then("B", "C"),
    ),
    "MatMul": OnnxOperation(operation(ops.matmul), (("A", EITHER), ("B", EITHER))),
    "BatchNormalization": OnnxOperation(
        operation(
            ops.batch_norm,
            "epsilon",
            only={"is_test": (1,), "spatial": (1,), "training_mode": (0,)},
            ignored={"momentum": TRAINS},
        ),
        _then("scale", "B", "mean", "var"),
    ),
    "Relu": _plain(ops.unary("relu")),
    "HardSwish": _plain(ops.unary("hardswish")),
    **{
        kind: _plain(ops.unary(kind.lower()))
        for kind in ("Sigmoid", "Tanh", "Exp", "Erf", "Softplus", "Mish")
    },
    "Gelu": _plain(ops.gelu, "approximate"),
    "LeakyRelu": _plain(ops.leaky_relu, "alpha"),
    "PRelu": OnnxOperation(operation(ops.prelu), _then("slope")),
    "Elu": _plain(ops.elu, "alpha"),
    "Selu": _plain(ops.selu, "alpha gamma"),
    "Celu": _plain(ops.celu, "alpha"),
    "Clip": OnnxOperation(operation(ops.clip, "min max"), _then("min", "max")),
    "HardSigmoid": _plain(ops.hardsigmoid, "alpha beta"),
    "Add": _pair(ops.add),
    "Sub": _pair(ops.sub),
    "Sum": OnnxOperation(operation(ops.total), (("inputs*", EITHER),)),
    "Mul": _pair(ops.mul),
    "Div": _pair(ops.div),
    "Concat": OnnxOperation(operation(shapes.concat, "axis"), (("inputs*", COMPUTED),)),
    "Split": OnnxOperation(
        operation(shapes.split, "axis split num_outputs"), _then("split"), outputs=0
    ),
    "Slice": OnnxOperation(
        operation(shapes.cut, "starts ends axes"),
        _then("starts", "ends", "axes", "steps"),
    ),
    "MaxPool": _plain(windows.pool("max_pool"), f"{WINDOW} ceil_mode storage_order"),
    "AveragePool": _plain(
        windows.pool("avg_pool"), f"{WINDOW} ceil_mode count_include_pad"
    ),
    "GlobalAveragePool": _plain(windows.global_pool),
    "ReduceMean": OnnxOperation(
        operation(windows.reduce_mean, "axes keepdims noop_with_empty_axes"),
        _then("axes"),
    ),
    "Flatten": _plain(shapes.flatten, "axis"),
    "Reshape": OnnxOperation(operation(shapes.reshape, "allowzero"), _then("shape")),
    "Transpose": _plain(shapes.transpose, "perm"),
    "Squeeze": OnnxOperation(operation(shapes.squeeze, "axes"), _then("axes")),
    "Resize": OnnxOperation(
        operation(
            shapes.resize,
            "nearest_mode coordinate_transformation_mode axes keep_aspect_ratio_policy",
            only={"mode": ("nearest",), "antialias": (0,)},
            ignored={
                "cubic_coeff_a": NOT_NEAREST,
                "exclude_outside": NOT_NEAREST,
                "extrapolation_value": NOT_NEAREST,
            },
        ),
        _then("roi", "scales", "sizes"),
    ),
    "Upsample": OnnxOperation(
        operation(shapes.upsample, "scales", only={"mode": ("nearest",)}),
        _then("scales"),
    ),
    "Identity": _plain(ops.same),
    "Dropout": OnnxOperation(
        operation(
            ops.dropout,
            only={"is_test": (1,)},
            ignored={"ratio": TRAINS, "seed": TRAINS},
        ),
        _then("ratio", "training_mode"),
    ),
    "Cast": OnnxOperation(
        operation(
            ops.cast, "to", ignored={"saturate": "float32 holds what is cast to it"}
        )
    ),
}
