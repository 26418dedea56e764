"""Factories of the steps on arrays of any rank: views, along an axis, products.

Belongs here: the public, checking face, and the order in which axes are walked. Does
not belong here: arithmetic.
"""

from collections.abc import Sequence

import numpy as np

from workbench.kernels.backend import make_step
from workbench.kernels.reference import arrays as reference
from workbench.kernels.values import checks
from workbench.kernels.values.types import F32, Step
from workbench.kernels.values.views import (
    ALONG,
    FUNCTIONS,
    MOST_AXES,
    SAME_SHAPE,
    TWO_OPERANDS,
    Along,
    Products,
    Shape,
    View,
    Views,
)


def views(function: str, *, sizes: Shape, out: View, operands: Sequence[View]) -> Step:
    """Return a step that computes a function of each element.

    Parameters
    ----------
    function : str
        One of `values.views.FUNCTIONS`.
    sizes : tuple of int
        Of every view.
    out : View
        In the arena; no float of it belongs to two elements or to an operand.
    operands : sequence of View
        One or two, as the function has them.

    Raises
    ------
    KernelError
        When the function is unknown or the views do not fit.
    """
    checks.require(
        function in FUNCTIONS, f"{function!r}", f"one of {FUNCTIONS}", "Correct it."
    )
    count = 2 if function in TWO_OPERANDS else 1
    checks.require(
        len(operands) == count,
        f"{len(operands)} operands of {function}",
        f"{count}",
        "Pass as many as the function has.",
    )
    given = (out, *operands)
    for size in sizes:
        checks.whole("an axis of a view", size, 1)
    for view in given:
        _fits("a view", view, sizes)
    _apart(out, operands, sizes)
    walked, strides = _walk(sizes, [view.strides for view in given])
    moved = [
        View(view.base, own, view.fixed)
        for view, own in zip(given, strides, strict=True)
    ]
    checks.require(
        len(walked) <= MOST_AXES,
        f"{len(walked)} axes",
        f"at most {MOST_AXES}",
        "Join axes that follow each other.",
    )
    plane = function == "copy" and len(walked) > 1 and moved[0].strides[-1] == 1
    plane = plane and moved[1].strides[-2] == 1 != moved[1].strides[-1]
    spec = Views(function, walked, moved[0], moved[1], moved[-1], plane)
    return make_step("views", spec, reference.views)


def _walk(sizes: Shape, strides: Sequence[Shape]) -> tuple[Shape, list[Shape]]:
    """Return sizes and strides without needless axes, those of the result descending.

    Where an operand of a copy is contiguous along another axis than the result, that
    one comes last but one.
    """
    axes = [i for i, n in enumerate(sizes) if n > 1] or [0][: len(sizes)]
    axes.sort(key=lambda i: -abs(strides[0][i]))
    columns = [[sizes[i], *(own[i] for own in strides)] for i in axes] or [
        [1, *(1 for _ in strides)]
    ]
    merged = [columns[0]]
    for size, *own in columns[1:]:
        before, *outer = merged[-1]
        if all(a == b * size for a, b in zip(outer, own, strict=True)):
            merged[-1] = [before * size, *own]
        else:
            merged.append([size, *own])
    *first, last = merged
    if len(strides) == 2 and last[2] != 1:
        first.sort(key=lambda column: column[2] == 1)
    table = [*first, last]
    return (
        tuple(row[0] for row in table),
        [tuple(row[1 + i] for row in table) for i in range(len(strides))],
    )


def _fits(name: str, view: View, sizes: Shape) -> None:
    checks.require(
        len(view.strides) == len(sizes),
        f"{name} with strides {view.strides}",
        f"one for each of {sizes}",
        "Broadcast it before.",
    )
    checks.whole(f"the base of {name}", view.base, 0)
    low, high = view.extent(sizes)
    most = checks.MOST_FLOATS
    if view.fixed is not None:
        checks.array("a constant", view.fixed, np.float32, view.fixed.ndim)
        most = view.fixed.size
    checks.require(
        low >= 0 and high <= most,
        f"{name} that touches floats {low}..{high}",
        f"a range within 0..{most}",
        "Correct its base and strides.",
    )


def _apart(out: View, operands: Sequence[View], sizes: Shape) -> None:
    checks.require(
        out.fixed is None,
        "a constant as result",
        "a view of the arena",
        "Leave out its array.",
    )
    reach = 0
    ranked = sorted(zip(out.strides, sizes, strict=True))
    for stride, size in ranked:
        if size == 1:
            continue
        checks.require(
            stride > reach,
            f"a result with strides {out.strides} of {sizes}",
            "a float for each element",
            "Write into a view without repetition.",
        )
        reach += (size - 1) * stride
    for view in operands:
        if view.fixed is None:
            _disjoint(out.extent(sizes), view.extent(sizes))


def _disjoint(out: tuple[int, int], other: tuple[int, int]) -> None:
    checks.require(
        out[1] <= other[0] or other[1] <= out[0],
        f"a result in floats {out[0]}..{out[1]} and an operand in "
        f"{other[0]}..{other[1]}",
        "ranges that do not meet",
        "Give the result memory of its own.",
    )


def along(
    kind: str,
    *,
    shape: tuple[int, int, int],
    src: int,
    dst: int,
    eps: float = 0.0,
    centre: bool = True,
    scale: F32 | None = None,
    shift: F32 | None = None,
    per_line: int = 0,
    per_number: int = 1,
) -> Step:
    """Return a step that works along the middle axis of a contiguous array.

    Parameters
    ----------
    kind : str
        One of `values.views.ALONG`.
    shape : (int, int, int)
        Outer, count, inner.
    src, dst : int
        Arena offsets. Softmax and norms may have them equal.
    eps, centre, scale, shift, per_line, per_number
        Of a norm; see `values.views.Along`.

    Raises
    ------
    KernelError
        When the kind is unknown or something does not fit.
    """
    checks.require(kind in ALONG, f"{kind!r}", f"one of {ALONG}", "Correct it.")
    for size in shape:
        checks.whole("an axis", size, 1)
    outer, count, inner = shape
    checks.whole("the source", src, 0)
    checks.whole("the result", dst, 0)
    checks.whole("per_line", per_line, 0)
    checks.whole("per_number", per_number, 1)
    wide = outer * inner * (count if kind in SAME_SHAPE else 1)
    if src != dst or kind not in SAME_SHAPE:
        _disjoint((dst, dst + wide), (src, src + outer * count * inner))
    checks.require(
        per_line == 0 or inner == 1,
        "scales a line of columns",
        "per_line of 0 where inner is above 1",
        "Pass one scale for each number of the axis.",
    )
    needed = (outer - 1) * per_line + (count - 1) // per_number + 1
    for name, array in (("scale", scale), ("shift", shift)):
        if array is None:
            continue
        checks.array(name, array, np.float32, 1)
        checks.require(
            array.size == needed and count % per_number == 0,
            f"{array.size} numbers of {name}",
            f"{needed}",
            "Correct per_line and per_number.",
        )
    spec = Along(
        *(kind, src, dst, shape, float(eps), centre),
        *(scale, shift, per_line, per_number),
    )
    return make_step("along", spec, reference.along)


def products(
    *,
    batch: Shape,
    rows: int,
    depth: int,
    columns: int,
    left: View,
    right: View,
    dst: int,
) -> Step:
    """Return a step that multiplies matrices.

    Parameters
    ----------
    batch : tuple of int
        Axes over which there are matrices.
    rows, depth, columns : int
        (rows, depth) times (depth, columns).
    left, right : View
        Strides of the batch's axes, then of the matrix.
    dst : int
        Arena offset of the contiguous result.

    Raises
    ------
    KernelError
        When the views do not fit.
    """
    for size in (*batch, rows, depth, columns):
        checks.whole("a size of a product", size, 1)
    checks.require(
        len(batch) <= MOST_AXES - 2,
        f"a batch of {len(batch)} axes",
        f"at most {MOST_AXES - 2}",
        "Join axes that follow each other.",
    )
    checks.whole("the result", dst, 0)
    sizes = (*batch, rows, depth), (*batch, depth, columns)
    wide = rows * columns
    for size in batch:
        wide *= size
    for name, view, shape in zip(("left", "right"), (left, right), sizes, strict=True):
        _fits(name, view, shape)
        if view.fixed is None:
            _disjoint((dst, dst + wide), view.extent(shape))
    spec = Products(batch, rows, depth, columns, left, right, dst)
    return make_step("products", spec, reference.products)
