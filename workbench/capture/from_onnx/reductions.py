"""What ONNX's sums, means and the like become in the engine's graph.

Belongs here: one number for all of some axes, and softmax. A reduction over the batch
would mix images: it is refused unless the file fixes a batch of one.
"""

from collections.abc import Sequence
from dataclasses import replace
from math import prod
from typing import Any

from workbench.capture import elementwise
from workbench.capture.arguments import Refused, refuse
from workbench.capture.builder import GraphBuilder, Value
from workbench.capture.from_onnx.call import Call, Translation
from workbench.capture.from_onnx.layers import channels_first
from workbench.capture.from_onnx.moves import axes_of
from workbench.capture.reshapes import own_axis, reshape, whole


def without_batch(b: GraphBuilder, call: Call, x: Value, axes: Sequence[int]) -> Value:
    """Return a tensor whose axes may be worked along.

    In a file of one image the batch is an axis like the others.
    """
    if x.batch not in axes:
        return x
    if call.batch != 1:
        raise Refused(
            f"ONNX {call.name} over axes {list(axes)} of {x.full}, the batch among "
            "them",
            b.where,
        )
    return whole(b, x)


def _reduced(
    b: GraphBuilder, call: Call, kind: str, axes: Sequence[int], keep: bool
) -> Value:
    given = call.input(0)
    x = without_batch(b, call, given, axes)
    mine = tuple(sorted(own_axis(x, axis) for axis in axes))
    attrs = {"kind": kind, "axes": mine, "keepdims": keep}
    made = b.add("reduce", [x], attrs=attrs)
    batch = x.batch
    if batch is not None and not keep:
        batch -= sum(axis < batch for axis in axes)
    return replace(made, batch=batch, kind=x.kind)


def reduction(kind: str) -> Translation:
    """Return the translation of a reduction; the logarithm of a sum is two nodes."""

    def translate(b: GraphBuilder, call: Call) -> Any:
        x, axes = call.input(0), call.constant(1, "axes") or ()
        if not axes and call.attrs.get("noop_with_empty_axes", 0):
            return _of_nothing(b, x, kind)
        found = axes_of(b, axes, x) or list(range(len(x.full)))
        keep = bool(call.attrs.get("keepdims", 1))
        pixels = x.batch == 0 and len(x.shape) == 3 and sorted(found) == [2, 3]
        if kind == "mean" and pixels:
            rank = 3 if keep else 1
            return b.add("global_avg_pool", [x], attrs={"rank": rank})
        if kind == "logsum":
            made = _reduced(b, call, "sum", found, keep)
            return b.like(made, "unary", attrs={"kind": "log"})
        return _reduced(b, call, kind, found, keep)

    return translate


def _of_nothing(b: GraphBuilder, x: Value, kind: str) -> Value:
    """Return what a reduction over no axis makes of each number."""
    alone = {"l1": "abs", "l2": "abs", "sumsq": "square", "logsum": "log"}
    if kind in alone:
        return b.like(x, "unary", attrs={"kind": alone[kind]})
    return replace(x)


def pointer(kind: str) -> Translation:
    """Return the translation of where a maximum or minimum is, the first of equals."""

    def translate(b: GraphBuilder, call: Call) -> Value:
        axes = axes_of(b, [int(call.attrs.get("axis", 0))], call.input(0))
        keep = bool(call.attrs.get("keepdims", 1))
        return _reduced(b, call, kind, axes, keep)

    return translate


def global_pool(kind: str) -> Translation:
    """Return the translation of one number for all pixels of a channel."""

    def translate(b: GraphBuilder, call: Call) -> Value:
        x = channels_first(b, call)
        if kind == "mean" and len(x.shape) == 3:
            return b.add("global_avg_pool", [x], attrs={"rank": 3})
        if len(x.shape) < 2:
            raise refuse(b, f"ONNX {call.name} over {x.full}")
        axes = list(range(2, len(x.full)))
        return _reduced(b, replace(call, inputs=(x,)), kind, axes, True)

    return translate


def softmax(log: bool) -> Translation:
    """Return the translation of softmax.

    It is along one axis, before opset 13 over all axes from that one on.
    """

    def translate(b: GraphBuilder, call: Call) -> Value:
        x, rank = call.input(0), len(call.input(0).full)
        joined = call.opset < 13
        (axis,) = axes_of(b, [int(call.attrs.get("axis", 1 if joined else -1))], x)
        axes = list(range(axis, rank)) if joined else [axis]
        if joined:
            # Axes of one element change nothing.
            axes = [a for a in axes if x.full[a] != 1 or a == x.batch] or axes[-1:]
        x = without_batch(b, call, x, axes)
        full = x.full
        if len(axes) > 1:
            last = prod(full[axis:])
            flat = reshape(b, x, [*full[:axis], last])
            made = _along(b, flat, axis, log)
            return reshape(b, made, full)
        return _along(b, x, axes[0], log)

    return translate


def _along(b: GraphBuilder, x: Value, axis: int, log: bool) -> Value:
    return b.like(x, "softmax", attrs={"axis": own_axis(x, axis), "log": log})


def cumulative(b: GraphBuilder, call: Call) -> Value:
    """Translate running sums."""
    x = call.input(0)
    (axis,) = axes_of(b, [int(call.input(1).reshape(()))], x)
    x = without_batch(b, call, x, [axis])
    return b.like(x, "cumsum", attrs={"axis": own_axis(x, axis)})


def normalised(b: GraphBuilder, call: Call) -> Value:
    """Translate numbers over their norm along an axis."""
    (axis,) = axes_of(b, [int(call.attrs.get("axis", -1))], call.input(0))
    kind = {1: "l1", 2: "l2"}.get(int(call.attrs.get("p", 2)))
    if kind is None:
        raise refuse(b, f"ONNX {call.name} of order {call.attrs['p']}")
    size = _reduced(b, call, kind, [axis], True)
    sides = (call.input(0), size)
    return elementwise.elementwise(b, "binary", sides, kind="div")
