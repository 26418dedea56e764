"""Pools and layers over one, two or three axes, the same for torch and ONNX.

Belongs here: which of them the engine does over images, and which by arrays.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from workbench.capture.builder import GraphBuilder, Value
from workbench.capture.reshapes import as_shape
from workbench.engine.graph.ops import infer_shape
from workbench.errors import WorkbenchError


def pooled(
    b: GraphBuilder,
    x: Value,
    kind: str,
    attrs: Mapping[str, Any],
    size: Sequence[int],
    *,
    ceil: bool = False,
) -> Value:
    """Return a pool over (C, ...) with a result of given size.

    Parameters
    ----------
    b : GraphBuilder
    x : Value
    kind : str
        max, mean or lp.
    attrs : mapping
        kernel, stride, dilation: a number an axis; padding: before each, then behind
        each; more as `window_pool` takes them.
    size : sequence of int
        Windows an axis.
    ceil : bool
        Whether a last window may reach beyond the padding.
    """
    made = _compiled(b, x, kind, attrs, size, ceil)
    if made is not None:
        return made
    return b.like(x, "window_pool", attrs={**attrs, "kind": kind, "size": tuple(size)})


def _compiled(
    b: GraphBuilder,
    x: Value,
    kind: str,
    attrs: Mapping[str, Any],
    size: Sequence[int],
    ceil: bool,
) -> Value | None:
    """Return the pool as one that C does, over images; None where there is none."""
    axes = len(size)
    plain = set(attrs["dilation"]) == {1} and "divisor" not in attrs
    if axes == 3 or not plain or kind == "lp":
        return None
    rows = axes == 1
    shape = (x.shape[0], 1, x.shape[1]) if rows else x.shape
    p, k, s = attrs["padding"], attrs["kernel"], attrs["stride"]
    wide: dict[str, Any] = {
        "kernel": (1, *k) if rows else k,
        "stride": (1, *s) if rows else s,
        "padding": (0, p[0], 0, p[1]) if rows else p,
        "ceil_mode": ceil,
    }
    if kind == "mean":
        wide["count_include_pad"] = attrs.get("count_include_pad", True)
    op = "max_pool" if kind == "max" else "avg_pool"
    try:
        if infer_shape(op, [shape], wide, {})[-axes:] != tuple(size):
            return None
    except WorkbenchError:
        return None
    seen = as_shape(b, x, (1, *shape), 0)
    made = b.add(op, [seen], attrs=wide)
    return as_shape(b, made, (1, made.shape[0], *made.shape[3 - axes :]), 0)


def as_rows(
    b: GraphBuilder,
    x: Value,
    op: str,
    attrs: Mapping[str, Any],
    params: Mapping[str, Any],
) -> Value:
    """Return a layer over one axis: over images of one row."""
    wide = {
        name: ((0, value[0], 0, value[1]) if name == "padding" else (1, *value))
        for name, value in attrs.items()
        if isinstance(value, tuple)
    }
    if "output_padding" in wide:
        wide["output_padding"] = (0, *attrs["output_padding"])
    row = as_shape(b, x, (1, x.shape[0], 1, x.shape[1]), 0)
    weight = params["weight"][:, :, None]
    made = b.add(
        op, [row], attrs={**attrs, **wide}, params={**params, "weight": weight}
    )
    return as_shape(b, made, (1, made.shape[0], made.shape[2]), 0)
