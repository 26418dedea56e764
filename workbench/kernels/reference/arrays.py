"""What the kernels on arrays of any rank compute, in NumPy.

Belongs here: the specification of views, along and products.
"""

from collections.abc import Callable, Mapping
from math import prod
from typing import Any

import numpy as np

from workbench.kernels.arrays import rows
from workbench.kernels.reference.step import ReferenceStep
from workbench.kernels.values.checks import join
from workbench.kernels.values.types import F32
from workbench.kernels.values.views import SAME_SHAPE, Along, Products, View, Views

FUNCTION: Mapping[str, Callable[[F32, F32], Any]] = {
    "copy": lambda a, b: a,
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "sqrt": lambda a, b: np.sqrt(a),
    "rsqrt": lambda a, b: 1 / np.sqrt(a),
    "reciprocal": lambda a, b: 1 / a,
    "square": lambda a, b: np.square(a),
    "abs": lambda a, b: np.abs(a),
    "neg": lambda a, b: -a,
}


def views(spec: Views) -> ReferenceStep:
    """Return the step of a function of each element."""
    sizes = spec.sizes

    def apply(arena: F32, x: F32, y: F32) -> None:
        a, b = (one.array(arena, sizes) for one in (spec.a, spec.b))
        with np.errstate(all="ignore"):
            made = FUNCTION[spec.function](a, b)
        spec.out.array(arena, sizes)[...] = made

    given = (spec.out, spec.a, spec.b)
    extent = join([one.extent(sizes) for one in given if one.fixed is None])
    bytes_read = sum(one.fixed.nbytes for one in given[1:] if one.fixed is not None)
    return ReferenceStep(f"numpy_{spec.function}", 0, bytes_read, extent, apply)


def along(spec: Along) -> ReferenceStep:
    """Return the step along an axis."""
    outer, _, inner = spec.shape
    floats = prod(spec.shape)
    wide = floats if spec.kind in SAME_SHAPE else outer * inner

    def apply(arena: F32, x: F32, y: F32) -> None:
        given = arena[spec.src : spec.src + floats].reshape(spec.shape)
        with np.errstate(all="ignore"):
            made = _along(spec, given)
        arena[spec.dst : spec.dst + wide] = made.reshape(-1)

    extent = join([(spec.src, spec.src + floats), (spec.dst, spec.dst + wide)])
    params = sum(one.nbytes for one in (spec.scale, spec.shift) if one is not None)
    return ReferenceStep(f"numpy_{spec.kind}", 0, params, extent, apply)


def _along(spec: Along, x: F32) -> F32:
    if spec.kind in ("softmax", "log_softmax"):
        attrs: dict[str, Any] = {"axis": 1, "log": spec.kind == "log_softmax"}
        return rows.softmax([x], attrs, {})
    if spec.kind != "norm":
        return rows.reduce([x], {"kind": spec.kind, "axes": (1,)}, {})
    outer, count, _ = spec.shape
    lines, numbers = np.arange(outer)[:, None], np.arange(count)[None]
    place = (lines * spec.per_line + numbers // spec.per_number)[..., None]
    params = {
        name: array[place]
        for name, array in (("scale", spec.scale), ("shift", spec.shift))
        if array is not None
    }
    attrs = {"axes": (1,), "eps": spec.eps, "centre": spec.centre}
    return rows.layernorm([x], attrs, params)


def products(spec: Products) -> ReferenceStep:
    """Return the step of matrix products."""
    wide = prod(spec.batch) * spec.rows * spec.columns
    sizes = (
        (*spec.batch, spec.rows, spec.depth),
        (
            *spec.batch,
            spec.depth,
            spec.columns,
        ),
    )

    def apply(arena: F32, x: F32, y: F32) -> None:
        left, right = (
            view.array(arena, shape)
            for view, shape in zip((spec.left, spec.right), sizes, strict=True)
        )
        arena[spec.dst : spec.dst + wide] = (left @ right).reshape(-1)

    extents = [(spec.dst, spec.dst + wide)]
    given: tuple[View, ...] = (spec.left, spec.right)
    for view, shape in zip(given, sizes, strict=True):
        if view.fixed is None:
            extents.append(view.extent(shape))
    macs = wide * spec.depth
    return ReferenceStep("numpy_products", macs, 0, join(extents), apply)
