"""What sums, means and the like become in the engine's graph.

Belongs here: one number for all of some axes, and softmax. A reduction over the batch
would mix images and is refused.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from workbench.capture.arguments import Refused, refuse
from workbench.capture.builder import GraphBuilder, Value
from workbench.capture.from_torch.call import Call
from workbench.capture.reshapes import own_axis


def axes_of(b: GraphBuilder, call: Call, x: Value) -> list[int]:
    """Return the axes of the framework's that are reduced, counted from the first."""
    dims = call.get("dim")
    dims = [dims] if isinstance(dims, int) else list(dims or ())
    rank = max(len(x.full), 1)
    found = [int(d) % rank for d in dims] or list(range(len(x.full)))
    if x.batch in found:
        shown = call.get("dim")
        raise Refused(
            f"{call.name} over axes {'all' if shown is None else shown} of "
            f"{x.full}, the batch among them",
            b.where,
        )
    return found


def reduced(
    b: GraphBuilder,
    call: Call,
    kind: str,
    axes: Sequence[int] | None = None,
    **attrs: Any,
) -> Value:
    """Return a reduction over the axes of a call."""
    x = call.value(b)
    found = axes_of(b, call, x) if axes is None else list(axes)
    keep = bool(call.get("keepdim", False))
    mine = tuple(sorted({own_axis(x, a) for a in found}))
    made = b.add(
        "reduce", [x], attrs={"kind": kind, "axes": mine, "keepdims": keep, **attrs}
    )
    batch = x.batch
    if batch is not None and not keep:
        batch -= sum(a < batch for a in set(found))
    return replace(made, batch=batch)


def reduction(kind: str) -> Any:
    """Return the translation of a reduction."""
    return lambda b, call: reduced(b, call, kind)


def mean(b: GraphBuilder, call: Call) -> Value:
    """Translate a mean; over all pixels of a channel it is a pool."""
    x = call.value(b)
    axes = axes_of(b, call, x)
    if x.batch == 0 and len(x.shape) == 3 and sorted(axes) == [2, 3]:
        rank = 3 if call["keepdim"] else 1
        return b.add("global_avg_pool", [x], attrs={"rank": rank})
    return reduced(b, call, "mean")


def extreme(kind: str) -> Any:
    """Return the translation of torch's max or min in all of its forms."""

    def translate(b: GraphBuilder, call: Call) -> Any:
        from workbench.capture.from_torch.arithmetic import binary

        if "other" in call.given:
            return binary("maximum" if kind == "max" else "minimum")(b, call)
        value = reduced(b, call, kind)
        if "dim" not in call.given:
            return value
        return [value, reduced(b, call, f"arg{kind}")]

    return translate


def pointer(kind: str) -> Any:
    """Return the translation of where a maximum or minimum is."""

    def translate(b: GraphBuilder, call: Call) -> Value:
        if call["dim"] is None:
            raise refuse(b, f"{call.name} over all axes")
        return reduced(b, call, kind)

    return translate


def variance(kind: str) -> Any:
    """Return the translation of a variance or standard deviation."""

    def translate(b: GraphBuilder, call: Call) -> Value:
        correction = call.get("correction")
        if "unbiased" in call.given:
            correction = int(bool(call["unbiased"]))
        correction = 1 if correction is None else correction
        if correction != int(correction):
            raise refuse(b, f"{call.name} with correction={correction}")
        return reduced(b, call, kind, correction=int(correction))

    return translate


def variance_and_mean(kind: str) -> Any:
    """Return the translation of both at once."""

    def translate(b: GraphBuilder, call: Call) -> list[Value]:
        return [variance(kind)(b, call), reduced(b, call, "mean")]

    return translate


def norm(b: GraphBuilder, call: Call) -> Value:
    """Translate a vector norm of order 1, 2 or infinity."""
    order = call.get("ord", call.get("p", 2))
    order = 2 if order is None else order
    kinds = {1: "l1", 2: "l2"}
    if order == float("inf"):
        size = b.like(call.value(b), "unary", attrs={"kind": "abs"})
        return reduced(b, replace_value(call, size), "max")
    if order not in kinds:
        raise refuse(b, f"{call.name} of order {order}")
    return reduced(b, call, kinds[order])


def replace_value(call: Call, x: Value) -> Call:
    """Return a call with another first argument."""
    name = next(iter(call.given))
    return replace(call, given={**call.given, name: x})


def softmax(log: bool) -> Any:
    """Return the translation of softmax or of its logarithm."""

    def translate(b: GraphBuilder, call: Call) -> Value:
        x = call.value(b)
        axis = int(call["dim"]) % max(len(x.full), 1)
        if axis == x.batch:
            raise Refused(f"{call.name} over the batch (dim={axis})", b.where)
        return b.like(x, "softmax", attrs={"axis": own_axis(x, axis), "log": log})

    return translate


def cumsum(b: GraphBuilder, call: Call) -> Value:
    """Translate running sums."""
    x = call.value(b)
    axis = int(call["dim"]) % max(len(x.full), 1)
    if axis == x.batch:
        raise Refused(f"{call.name} along the batch (dim={axis})", b.where)
    return b.like(x, "cumsum", attrs={"axis": own_axis(x, axis)})
