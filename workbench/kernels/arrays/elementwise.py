"""Functions of each number: of one, of two, of three.

Belongs here: one line a function. Does not belong here: anything that looks at
neighbours (`rows`, `windows`).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.kernels.arrays.operands import in_order

Array = NDArray[np.float32]
Attrs = Mapping[str, Any]
Params = Mapping[str, Array]

UNARY: Mapping[str, Callable[[Array], Any]] = {
    "abs": np.abs,
    "neg": np.negative,
    "exp2": np.exp2,
    "expm1": np.expm1,
    "log": np.log,
    "log2": np.log2,
    "log10": np.log10,
    "log1p": np.log1p,
    "sqrt": np.sqrt,
    "rsqrt": lambda x: 1 / np.sqrt(x),
    "reciprocal": lambda x: 1 / x,
    "square": np.square,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "asinh": np.arcsinh,
    "acosh": np.arccosh,
    "atanh": np.arctanh,
    "floor": np.floor,
    "ceil": np.ceil,
    "round": np.rint,
    "trunc": np.trunc,
    "sign": np.sign,
    "not": lambda x: x == 0,
    "isnan": np.isnan,
    "isinf": np.isinf,
}

BINARY: Mapping[str, Callable[[Array, Array], Any]] = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "div": np.divide,
    "pow": np.power,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "floor_div": np.floor_divide,
    "remainder": np.remainder,
    "fmod": np.fmod,
    "atan2": np.arctan2,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
    "eq": np.equal,
    "ne": np.not_equal,
    "and": lambda a, b: (a != 0) & (b != 0),
    "or": lambda a, b: (a != 0) | (b != 0),
    "xor": lambda a, b: (a != 0) ^ (b != 0),
}


def unary(inputs: Sequence[Array], attrs: Attrs, params: Params) -> Array:
    """Return a function of each number."""
    made: Array = UNARY[attrs["kind"]](inputs[0])
    return made


def prelu(inputs: Sequence[Array], attrs: Attrs, params: Params) -> Array:
    """Return x, below zero times its slope."""
    return np.where(inputs[0] > 0, inputs[0], inputs[0] * params["slope"])


def binary(inputs: Sequence[Array], attrs: Attrs, params: Params) -> Array:
    """Return a function of two numbers, broadcast."""
    made: Array = BINARY[attrs["kind"]](*in_order(inputs, params))
    return made


def where(inputs: Sequence[Array], attrs: Attrs, params: Params) -> Array:
    """Return the second operand where the first is not zero, else the third."""
    condition, yes, no = in_order(inputs, params)
    return np.where(condition != 0, yes, no)


def clamp(inputs: Sequence[Array], attrs: Attrs, params: Params) -> Array:
    """Return the first operand between the others; the upper bound wins."""
    x, low, high = in_order(inputs, params)
    made: Array = np.minimum(np.maximum(x, low), high)
    return made
