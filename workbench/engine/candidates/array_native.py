"""Array operations that have kernels: views, along an axis, products of matrices.

Belongs here: from a node to the steps of `kernels.steps.views`. Does not belong here:
what only NumPy computes (`array`).
"""

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.engine.candidates.base import Binding, Candidate, Form, Operand, Shapes
from workbench.engine.graph.array_ops import operands
from workbench.engine.graph.graph import Node
from workbench.kernels import Step
from workbench.kernels.arrays import COMPUTE
from workbench.kernels.steps.views import along, products, views
from workbench.kernels.values.views import (
    ALONG,
    FUNCTIONS,
    MOST_AXES,
    TWO_OPERANDS,
    View,
    constant_view,
    stand_in,
    view_of,
)

MODEL_FLOATS_PER_MS = 3e6
"""Elements that such a step handles in a millisecond."""

MODEL_MACS_PER_MS = 2e7

Shape = tuple[int, ...]


class _OnArrays(Candidate):
    """What all of them share: contiguous arrays in, contiguous arrays out."""

    def forms(self, node: Node, shapes: Shapes) -> tuple[Form, ...]:
        """Return contiguous arrays."""
        return (Form("tight"),)

    def targets(self, node: Node, form: Form) -> tuple[str, ...]:
        """Return contiguous arrays."""
        return ("tight",)

    def model_ms(self, node: Node, shapes: Shapes, form: Form) -> float:
        """Return elements over the usual rate."""
        floats = prod(node.shape) + sum(prod(shape) for shape in shapes)
        return floats / MODEL_FLOATS_PER_MS


def _start(operand: Operand) -> int:
    return operand.start + operand.layout.origin


def _contiguous(start: int, shape: Shape) -> View:
    whole = stand_in(shape)
    return view_of(whole, whole, start)


class Moving(_OnArrays):
    """What NumPy makes views of, copied; joins and frames part by part."""

    name = "views"
    ops = ("permute", "expand", "cut", "join", "pad")

    def reject(self, node: Node, shapes: Shapes) -> str | None:
        """Return why it may not run this node, or None."""
        if node.op == "pad" and node.attrs["mode"] != "constant":
            return f"{node.attrs['mode']} padding"
        return None

    def build(self, node: Node, binding: Binding, variant: str) -> Sequence[Step]:
        """Return one copy for each part."""
        target = stand_in(node.shape)
        start = _start(binding.output)
        if node.op == "join":
            return tuple(self._joined(node, binding, target, start))
        (source,), (shape,) = binding.inputs, binding.shapes
        whole = stand_in(shape)
        if node.op == "pad":
            inside = tuple(
                slice(b, b + n)
                for b, n in zip(node.attrs["before"], shape, strict=True)
            )
            fill = constant_view(np.float32(node.attrs["value"]).reshape(1), node.shape)
            return (
                _copy(node.shape, _contiguous(start, node.shape), fill),
                _copy(
                    shape,
                    view_of(target[inside], target, start),
                    _contiguous(_start(source), shape),
                ),
            )
        part: NDArray[Any] = COMPUTE[node.op]([whole], node.attrs, {})  # type: ignore[list-item]
        out = _contiguous(start, node.shape)
        return (_copy(node.shape, out, view_of(part, whole, _start(source))),)

    def _joined(
        self, node: Node, binding: Binding, target: NDArray[np.int8], start: int
    ) -> list[Step]:
        axis: int = node.attrs["axis"]
        given = iter(zip(binding.inputs, binding.shapes, strict=True))
        steps, first = [], 0
        for place, shape in enumerate(operands(binding.shapes, node.params)):
            array = node.params.get(f"c{place}")
            if array is None:
                view = _contiguous(_start(next(given)[0]), shape)
            else:
                view = constant_view(array, shape)
            inside = (*[slice(None)] * axis, slice(first, first + shape[axis]))
            out = view_of(target[inside], target, start)
            steps.append(_copy(shape, out, view))
            first += shape[axis]
        return steps


def _copy(sizes: Shape, out: View, source: View) -> Step:
    return views("copy", sizes=sizes, out=out, operands=(source,))


class Elementwise(_OnArrays):
    """Functions of one number and of two, broadcast."""

    name = "functions"
    ops = ("unary", "binary")

    def reject(self, node: Node, shapes: Shapes) -> str | None:
        """Return why it may not run this node, or None."""
        kind = node.attrs["kind"]
        if kind not in (TWO_OPERANDS if node.op == "binary" else FUNCTIONS[7:]):
            return f"{kind} is left to NumPy"
        return None

    def build(self, node: Node, binding: Binding, variant: str) -> Sequence[Step]:
        """Return the one step of the node."""
        given = _operands(node, binding)
        found = [_broadcast(array, shape, node.shape) for array, shape in given]
        out = _contiguous(_start(binding.output), node.shape)
        kind: str = node.attrs["kind"]
        return (views(kind, sizes=node.shape, out=out, operands=found),)


def _operands(node: Node, binding: Binding) -> list[tuple[Any, Shape]]:
    """Return each operand as a constant or where it starts, with its shape."""
    starts = iter(binding.inputs)
    return [
        (node.params[f"c{i}"] if f"c{i}" in node.params else _start(next(starts)), s)
        for i, s in enumerate(operands(binding.shapes, node.params))
    ]


def _broadcast(array: Any, shape: Shape, wide: Shape) -> View:
    if not isinstance(array, int):
        return constant_view(array, wide)
    whole = stand_in(shape)
    return view_of(np.broadcast_to(whole, wide), whole, array)


class AlongAxis(_OnArrays):
    """Softmax, norms and sums over axes that follow each other."""

    name = "along"
    ops = ("softmax", "layernorm", "groupnorm", "reduce")

    def reject(self, node: Node, shapes: Shapes) -> str | None:
        """Return why it may not run this node, or None."""
        if node.op == "reduce" and node.attrs["kind"] not in ALONG:
            return f"{node.attrs['kind']} is left to NumPy"
        if node.op == "groupnorm":
            return None
        shape = shapes[0]
        if _block(shape, _axes(node)) is None:
            return f"axes {_axes(node)} of {shape} do not follow each other"
        for name, array in node.params.items():
            if _numbers(array, shape, _axes(node)) is None:
                return f"{name} of shape {array.shape}"
        return None

    def build(self, node: Node, binding: Binding, variant: str) -> Sequence[Step]:
        """Return the one step of the node."""
        shape = binding.shapes[0]
        src, dst = _start(binding.inputs[0]), _start(binding.output)
        if node.op == "groupnorm":
            groups: int = node.attrs.get("groups", 1)
            block = (groups, prod(shape) // groups, 1)
            each = shape[0] // groups, prod(shape[1:])
            return (_norm(node, block, (src, dst), dict(node.params), *each),)
        axes = _axes(node)
        found = _block(shape, axes)
        assert found is not None
        if node.op == "layernorm":
            params = {n: _numbers(a, shape, axes) for n, a in node.params.items()}
            return (_norm(node, found, (src, dst), params),)
        kind = node.attrs.get("kind", "softmax")
        if node.op == "softmax" and node.attrs.get("log", False):
            kind = "log_softmax"
        return (along(kind, shape=found, src=src, dst=dst),)


def _norm(
    node: Node,
    shape: tuple[int, int, int],
    ends: tuple[int, int],
    params: Mapping[str, Any],
    per_line: int = 0,
    per_number: int = 1,
) -> Step:
    given = {n: np.ascontiguousarray(a, np.float32) for n, a in params.items()}
    return along(
        "norm",
        shape=shape,
        src=ends[0],
        dst=ends[1],
        eps=float(node.attrs["eps"]),
        centre=bool(node.attrs.get("centre", True)),
        scale=given.get("scale"),
        shift=given.get("shift"),
        per_line=per_line,
        per_number=per_number,
    )


def _axes(node: Node) -> Shape:
    return (node.attrs["axis"],) if node.op == "softmax" else tuple(node.attrs["axes"])


def _block(shape: Shape, axes: Shape) -> tuple[int, int, int] | None:
    """Return outer, count and inner of axes that follow each other, else None."""
    real = [i for i in sorted(axes) if shape[i] > 1] or [min(axes, default=0)]
    between = shape[real[0] : real[-1] + 1]
    if prod(shape[i] for i in real) != prod(between):
        return None
    return prod(shape[: real[0]]), prod(between), prod(shape[real[-1] + 1 :])


def _numbers(array: NDArray[Any], shape: Shape, axes: Shape) -> NDArray[Any] | None:
    """Return one number for each element of the axes, None where others matter too."""
    wide = array.reshape((1,) * (len(shape) - array.ndim) + array.shape)
    if any(n > 1 and i not in axes for i, n in enumerate(wide.shape)):
        return None
    sizes = [n if i in axes else 1 for i, n in enumerate(shape)]
    return np.broadcast_to(wide, sizes).reshape(-1)


class MatrixProduct(_OnArrays):
    """Products of computed matrices, and an axis times a constant one."""

    name = "products"
    ops = ("matmul", "axis_map")

    def reject(self, node: Node, shapes: Shapes) -> str | None:
        """Return why it may not run this node, or None."""
        if len(node.shape) > MOST_AXES:
            return f"{len(node.shape)} axes"
        return None

    def build(self, node: Node, binding: Binding, variant: str) -> Sequence[Step]:
        """Return the one step of the node."""
        dst = _start(binding.output)
        if node.op == "axis_map":
            return (self._mapped(node, binding, dst),)
        given = _operands(node, binding)
        batch = node.shape[:-2]
        left, right = (
            _broadcast(array, shape, (*batch, *shape[-2:])) for array, shape in given
        )
        rows, columns = node.shape[-2:]
        return (
            products(
                batch=batch,
                rows=rows,
                depth=given[0][1][-1],
                columns=columns,
                left=left,
                right=right,
                dst=dst,
            ),
        )

    def _mapped(self, node: Node, binding: Binding, dst: int) -> Step:
        """Return the matrix times the axis, or rows times its transpose."""
        shape, axis = binding.shapes[0], node.attrs["axis"]
        matrix = node.params["matrix"]
        size, depth = matrix.shape
        outer, inner = prod(shape[:axis]), prod(shape[axis + 1 :])
        start = _start(binding.inputs[0])
        if inner == 1:
            return products(
                batch=(),
                rows=outer,
                depth=depth,
                columns=size,
                left=_contiguous(start, (outer, depth)),
                right=constant_view(matrix.T, (depth, size)),
                dst=dst,
            )
        return products(
            batch=(outer,),
            rows=size,
            depth=depth,
            columns=inner,
            left=constant_view(matrix, (outer, size, depth)),
            right=_contiguous(start, (outer, depth, inner)),
            dst=dst,
        )

    def model_ms(self, node: Node, shapes: Shapes, form: Form) -> float:
        """Return multiply-adds over the usual rate."""
        if node.op == "axis_map":
            depth = int(node.params["matrix"].shape[1])
        else:
            depth = operands(shapes, node.params)[0][-1]
        return prod(node.shape) * depth / MODEL_MACS_PER_MS
