"""What windows and changes of size become in the engine's graph.

Belongs here: pools of one to three axes, adaptive pools, upsampling in every mode.
"""

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from workbench.capture.arguments import refuse
from workbench.capture.builder import GraphBuilder, Value
from workbench.capture.from_torch.call import Call
from workbench.capture.from_torch.layers import numbers
from workbench.capture.reshapes import as_shape
from workbench.capture.resizing import resize_matrix
from workbench.capture.windows import pooled


def channels_of(b: GraphBuilder, call: Call, axes: int) -> Value:
    """Return a tensor (1, C, ...): what lies before the pixels is channels."""
    x = call.value(b)
    lead = x.full[: len(x.full) - axes]
    if len(lead) not in (1, 2):
        raise refuse(b, f"{call.name} over {x.full}")
    return as_shape(b, x, (1, prod(lead), *x.full[len(lead) :]), 0)


def _back(b: GraphBuilder, call: Call, made: Value, axes: int) -> Value:
    """Return a result with what its input had before the pixels."""
    x = call.value(b)
    lead = x.full[: len(x.full) - axes]
    batch = x.batch if x.batch is not None and x.batch < len(lead) else None
    return as_shape(b, made, (*lead, *made.shape[1:]), batch)


def pool(kind: str, axes: int) -> Any:
    """Return the translation of a pool over so many axes."""

    def translate(b: GraphBuilder, call: Call) -> Value:
        x = channels_of(b, call, axes)
        kernel = numbers(call["kernel_size"], axes)
        given = call.get("stride")
        stride = numbers(given, axes) if given else kernel
        padding = numbers(call["padding"], axes)
        attrs: dict[str, Any] = {
            "kernel": kernel,
            "stride": stride,
            "dilation": numbers(call.get("dilation", 1), axes),
            "padding": (*padding, *padding),
        }
        if kind == "mean":
            attrs["count_include_pad"] = bool(call["count_include_pad"])
        if call.get("divisor_override"):
            attrs["divisor"] = int(call["divisor_override"])
        size = tuple(int(n) for n in _first(call.made).shape[-axes:])
        ceil = bool(call["ceil_mode"])
        made = pooled(b, x, kind, attrs, size, ceil=ceil)
        return _back(b, call, made, axes)

    return translate


def _first(made: Any) -> Any:
    return made[0] if isinstance(made, list | tuple) else made


def first(translate: Any) -> Any:
    """Return the translation of a pool that also returns where the maxima were."""

    def both(b: GraphBuilder, call: Call) -> list[Any]:
        return [translate(b, call), None]

    return both


def adaptive(kind: str, axes: int) -> Any:
    """Return the translation of a pool into so many windows an axis."""

    def translate(b: GraphBuilder, call: Call) -> Value:
        x = channels_of(b, call, axes)
        size = tuple(int(n) for n in _first(call.made).shape[-axes:])
        if kind == "max":
            made = _adaptive_max(b, call, x, size)
        elif axes == 3:
            made = x
            for i, count in enumerate(size):
                made = _mapped(b, made, 1 + i, _means(x.shape[1 + i], count))
        else:
            shape = (x.shape[0], 1, x.shape[1]) if axes == 1 else x.shape
            seen = as_shape(b, x, (1, *shape), 0)
            attrs = {"size": (1, *size)[-2:]}
            made = b.add("adaptive_avg_pool", [seen], attrs=attrs)
            made = as_shape(b, made, (1, made.shape[0], *made.shape[3 - axes :]), 0)
        return _back(b, call, made, axes)

    return translate


def _adaptive_max(b: GraphBuilder, call: Call, x: Value, size: Sequence[int]) -> Value:
    steps = [n // count for n, count in zip(x.shape[1:], size, strict=True)]
    even = all(n % c == 0 for n, c in zip(x.shape[1:], size, strict=True))
    if not even:
        raise refuse(b, f"{call.name} of {x.shape[1:]} pixels into {tuple(size)}")
    attrs = {
        "kernel": tuple(steps),
        "stride": tuple(steps),
        "dilation": (1,) * len(steps),
        "padding": (0,) * 2 * len(steps),
    }
    return pooled(b, x, "max", attrs, size)


def _means(size: int, count: int) -> Any:
    matrix = np.zeros((count, size))
    for i in range(count):
        start, stop = i * size // count, -(-(i + 1) * size // count)
        matrix[i, start:stop] = 1 / (stop - start)
    return matrix


def _mapped(b: GraphBuilder, x: Value, axis: int, matrix: Any) -> Value:
    return b.like(x, "axis_map", attrs={"axis": axis}, params={"matrix": matrix})


def upsample(mode: str, axes: int) -> Any:
    """Return the translation of a change of size.

    Parameters
    ----------
    mode : str
        nearest, nearest-exact, linear or cubic.
    axes : int
    """

    def translate(b: GraphBuilder, call: Call) -> Value:
        x = channels_of(b, call, axes)
        size = [int(n) for n in _first(call.made).shape[-axes:]]
        factors = _factors(call, axes)
        align = bool(call.get("align_corners", False))
        scales = [
            _step(n, made, factor, align)
            for n, made, factor in zip(x.shape[1:], size, factors, strict=True)
        ]
        whole = [round(1 / s) if s else 0 for s in scales]
        plain = [n * w for n, w in zip(x.shape[1:], whole, strict=True)] == size
        exact = all(abs(s * w - 1) < 1e-12 for s, w in zip(scales, whole, strict=True))
        if mode.startswith("nearest") and axes == 2 and plain and exact:
            made = b.add("upsample_nearest", [x], attrs={"scale": tuple(whole)})
            return _back(b, call, made, axes)
        made = x
        for i, (count, scale) in enumerate(zip(size, scales, strict=True)):
            n = x.shape[1 + i]
            if count == n and mode in ("nearest", "linear"):
                # Torch copies here, whatever the factor says.
                continue
            if mode.startswith("nearest"):
                half = np.float32(0.5 if mode == "nearest-exact" else 0)
                at = np.floor(
                    (np.arange(count, dtype=np.float32) + half) * np.float32(scale)
                )
                places = np.minimum(at, n - 1)
                if count == 2 * n and mode == "nearest":
                    # Torch halves here, whatever the factor says.
                    places = np.arange(count) // 2
                attrs = {"axis": 1 + i}
                made = b.like(made, "gather", attrs=attrs, params={"places": places})
                continue
            matrix = resize_matrix(mode, n, count, _places(count, scale, align, mode))
            made = _mapped(b, made, 1 + i, matrix)
        return _back(b, call, made, axes)

    return translate


def _factors(call: Call, axes: int) -> list[float | None]:
    """Return the factor of each axis as it was given; None where a size was."""
    given = call.get("scale_factors")
    if given:
        return [float(f) for f in given]
    if axes == 1:
        return [call.get("scales")]
    return [call.get(f"scales_{a}") for a in "dhw"[-axes:]]


def _step(size: int, made: int, factor: float | None, align: bool) -> float:
    """Return the pixels of the source between neighbours of the result."""
    if align:
        return (size - 1) / (made - 1) if made > 1 else 0.0
    return 1.0 / factor if factor else size / made


def _places(count: int, scale: float, align: bool, mode: str) -> Any:
    """Return where in the source the pixels of the result lie."""
    at = np.arange(count, dtype=np.float64)
    if align:
        return at * scale
    places = (at + 0.5) * scale - 0.5
    return np.maximum(places, 0) if mode == "linear" else places
