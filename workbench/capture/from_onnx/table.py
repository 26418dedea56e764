"""Every ONNX operation that is translated, with a verdict for each of its arguments.

Belongs here: the declared table. An attribute, input or type that is not listed leaves
a node to ONNX's evaluator (`foreign`), and a test compares the table with ONNX's own
schemas. Adding an operation = one function in the module of its kind, and one entry
here or in `table_arrays`.
"""

from collections.abc import Mapping

from workbench.capture.from_onnx import (
    arithmetic,
    curves,
    layers,
    moves,
    reductions,
    resize,
    windows,
)
from workbench.capture.from_onnx.call import (
    ANY,
    COMPUTED,
    CONSTANT,
    EITHER,
    NUMBERS,
    OnnxOperation,
    Translation,
)
from workbench.capture.from_onnx.table_arrays import ARRAYS
from workbench.capture.operations import operation

WINDOW = "auto_pad dilations kernel_shape pads strides"
TRAINS = "only matters while a network is trained"
SAME_HERE = "float32 is what sums are taken in"
X = ("X", COMPUTED)
Inputs = tuple[tuple[str, str], ...]


def _then(*names: str) -> Inputs:
    """Return a computed input and constants behind it."""
    return (X, *((name, CONSTANT) for name in names))


def _pair(translate: Translation, types: tuple[str, ...] = NUMBERS) -> OnnxOperation:
    declared = operation(
        translate,
        only={"broadcast": (0,)},
        ignored={"axis": "without broadcast there is none"},
    )
    return OnnxOperation(declared, (("A", EITHER), ("B", EITHER)), types=types)


def _plain(
    translate: Translation, read: str = "", types: tuple[str, ...] = ("float32",)
) -> OnnxOperation:
    return OnnxOperation(operation(translate, read), types=types)


OPERATIONS: Mapping[str, OnnxOperation] = {
    "Conv": OnnxOperation(operation(windows.conv, f"{WINDOW} group"), _then("W", "B")),
    "ConvTranspose": OnnxOperation(
        operation(
            windows.conv_transpose, f"{WINDOW} group output_padding output_shape"
        ),
        _then("W", "B"),
    ),
    "Gemm": OnnxOperation(
        operation(
            layers.gemm,
            "alpha beta transA transB",
            ignored={"broadcast": "the shape of C says it"},
        ),
        (("A", EITHER), ("B", EITHER), ("C", EITHER)),
    ),
    "MatMul": OnnxOperation(
        operation(layers.matmul), (("A", EITHER), ("B", EITHER)), types=NUMBERS
    ),
    "BatchNormalization": OnnxOperation(
        operation(
            layers.batch_norm,
            "epsilon is_test training_mode",
            only={"spatial": (1,)},
            ignored={"momentum": TRAINS},
        ),
        _then("scale", "B", "mean", "var"),
    ),
    "LayerNormalization": OnnxOperation(
        operation(layers.layer_norm, "axis epsilon", ignored={"stash_type": SAME_HERE}),
        _then("Scale", "B"),
    ),
    "GroupNormalization": OnnxOperation(
        operation(
            layers.group_norm, "epsilon num_groups", ignored={"stash_type": SAME_HERE}
        ),
        _then("scale", "bias"),
    ),
    "InstanceNormalization": OnnxOperation(
        operation(layers.instance_norm, "epsilon"), _then("scale", "B")
    ),
    "LRN": _plain(layers.lrn, "alpha beta bias size"),
    "Relu": _plain(curves.unary("relu")),
    "HardSwish": _plain(curves.unary("hardswish")),
    **{
        kind: _plain(curves.unary(kind.lower()))
        for kind in ("Sigmoid", "Tanh", "Exp", "Erf", "Softplus", "Mish")
    },
    "Gelu": _plain(curves.gelu, "approximate"),
    "LeakyRelu": _plain(curves.leaky_relu, "alpha"),
    "PRelu": OnnxOperation(operation(curves.prelu), _then("slope")),
    "Elu": _plain(curves.elu, "alpha"),
    "Selu": _plain(curves.elu, "alpha gamma"),
    "Celu": _plain(curves.elu, "alpha"),
    "Softsign": _plain(curves.softsign),
    "ThresholdedRelu": _plain(curves.thresholded, "alpha"),
    "Clip": OnnxOperation(
        operation(arithmetic.clip, "min max"),
        (X, ("min", EITHER), ("max", EITHER)),
        types=NUMBERS,
    ),
    "HardSigmoid": _plain(curves.hardsigmoid, "alpha beta"),
    "Add": _pair(arithmetic.add),
    "Sub": _pair(arithmetic.sub),
    "Sum": OnnxOperation(operation(arithmetic.total), (("inputs*", EITHER),)),
    "Mul": _pair(arithmetic.mul),
    "Div": _pair(arithmetic.div, ("float32",)),
    "Concat": OnnxOperation(
        operation(moves.concat, "axis"), (("inputs*", EITHER),), types=ANY
    ),
    "Split": OnnxOperation(
        operation(moves.split, "axis split num_outputs"),
        _then("split"),
        outputs=0,
        types=ANY,
    ),
    "Slice": OnnxOperation(
        operation(moves.cut, "starts ends axes"),
        _then("starts", "ends", "axes", "steps"),
        types=ANY,
    ),
    "MaxPool": _plain(windows.pool("max"), f"{WINDOW} ceil_mode storage_order"),
    "AveragePool": _plain(
        windows.pool("mean"), f"{WINDOW} ceil_mode count_include_pad"
    ),
    "LpPool": _plain(windows.pool("lp"), f"{WINDOW} ceil_mode p"),
    "GlobalAveragePool": _plain(reductions.global_pool("mean")),
    "GlobalMaxPool": _plain(reductions.global_pool("max")),
    "Flatten": _plain(moves.flatten, "axis", ANY),
    "Reshape": OnnxOperation(
        operation(moves.reshape, "allowzero"), _then("shape"), types=ANY
    ),
    "Transpose": _plain(moves.transpose, "perm", ANY),
    "Squeeze": OnnxOperation(
        operation(moves.squeeze, "axes"), _then("axes"), types=ANY
    ),
    "Unsqueeze": OnnxOperation(
        operation(moves.unsqueeze, "axes"), _then("axes"), types=ANY
    ),
    "Resize": OnnxOperation(
        operation(
            resize.resize,
            "mode nearest_mode coordinate_transformation_mode axes antialias "
            "keep_aspect_ratio_policy cubic_coeff_a exclude_outside "
            "extrapolation_value",
        ),
        _then("roi", "scales", "sizes"),
    ),
    "Upsample": OnnxOperation(
        operation(resize.upsample, "scales mode"), _then("scales")
    ),
    "Identity": _plain(layers.same, types=ANY),
    "Dropout": OnnxOperation(
        operation(
            layers.dropout,
            "is_test",
            ignored={"ratio": TRAINS, "seed": TRAINS},
        ),
        _then("ratio", "training_mode"),
    ),
    "Cast": OnnxOperation(
        operation(
            arithmetic.cast, "to", ignored={"saturate": "only 8-bit floats need it"}
        ),
        types=ANY,
    ),
    **ARRAYS,
}
