"""Checked arguments of steps on arrays of any rank, and views of such arrays.

Belongs here: the values that a factory of `steps.views` hands to a back end, and
strides out of what NumPy makes a view of. Does not belong here: arithmetic.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from workbench.kernels.values.types import F32

MOST_AXES = 8

FUNCTIONS = (
    *("copy", "add", "sub", "mul", "div", "maximum", "minimum", "sqrt"),
    *("rsqrt", "reciprocal", "square", "abs", "neg"),
)
"""What `views` computes, in the order that C knows."""

TWO_OPERANDS = FUNCTIONS[1:7]

ALONG = (
    *("softmax", "log_softmax", "norm", "sum", "mean", "sumsq", "l2", "max", "min"),
)
"""What `along` computes, in the order that C knows."""

SAME_SHAPE = ALONG[:3]

Shape = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class View:
    """Elements at regular distances, of the arena or of a constant.

    Parameters
    ----------
    base : int
        The first element, in floats.
    strides : tuple of int
        Floats from one element to the next along each axis.
    fixed : array of float32, optional
        The constant.
    """

    base: int
    strides: Shape
    fixed: F32 | None = None

    def extent(self, sizes: Shape) -> tuple[int, int]:
        """Return the range of floats that it touches."""
        ends = [(n - 1) * s for n, s in zip(sizes, self.strides, strict=True)]
        low = self.base + sum(min(end, 0) for end in ends)
        return low, self.base + sum(max(end, 0) for end in ends) + 1

    def array(self, arena: F32, sizes: Shape) -> F32:
        """Return its elements as an array."""
        source = arena if self.fixed is None else self.fixed.reshape(-1)
        strides = [4 * stride for stride in self.strides]
        made: F32 = as_strided(source[self.base :], sizes, strides)
        return made


@dataclass(frozen=True, eq=False)
class Views:
    """out = f(a, b), element by element; functions of one number have b = a."""

    function: str
    sizes: Shape
    out: View
    a: View
    b: View
    plane: bool


@dataclass(frozen=True, eq=False)
class Along:
    """An operation along the middle axis of a contiguous (outer, count, inner).

    ``per_line`` and ``per_number`` say which scale and shift an element of a norm has:
    element j of line o has number o * per_line + j // per_number.
    """

    kind: str
    src: int
    dst: int
    shape: tuple[int, int, int]
    eps: float = 0.0
    centre: bool = True
    scale: F32 | None = None
    shift: F32 | None = None
    per_line: int = 0
    per_number: int = 1


@dataclass(frozen=True, eq=False)
class Products:
    """Products of (rows, depth) and (depth, columns) over the axes of a batch.

    The strides of both views are those of the batch's axes, then of rows and columns.
    """

    batch: Shape
    rows: int
    depth: int
    columns: int
    left: View
    right: View
    dst: int


def stand_in(shape: Sequence[int]) -> NDArray[np.int8]:
    """Return an array of a shape that has no memory of its own.

    What NumPy makes a view of tells the strides of that view; its elements are never
    looked at.

    Examples
    --------
    >>> stand_in((2, 3, 4)).transpose(2, 0, 1).strides
    (1, 12, 4)
    """
    strides = [prod(shape[i + 1 :]) for i in range(len(shape))]
    made: NDArray[np.int8] = as_strided(
        np.zeros(1, np.int8), tuple(shape), strides, writeable=False
    )
    return made


def view_of(part: NDArray[np.int8], whole: NDArray[np.int8], start: int) -> View:
    """Return the view that NumPy made of a stand-in whose array begins at ``start``."""
    first = (one.__array_interface__["data"][0] for one in (part, whole))
    return View(start + next(first) - next(first), tuple(part.strides))


def constant_view(array: F32, shape: Shape) -> View:
    """Return a constant, broadcast to a shape."""
    fixed = np.ascontiguousarray(array, np.float32)
    wide = np.broadcast_to(fixed, shape)
    return View(0, tuple(s // 4 for s in wide.strides), fixed)
