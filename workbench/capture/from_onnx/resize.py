"""What ONNX's changes of size become in the engine's graph.

Belongs here: Resize and Upsample of every mode, one axis after the other. Places are
computed as ONNX Runtime does, in float32: neighbours of pixels halfway between two
depend on it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.capture.arguments import Refused, refuse
from workbench.capture.builder import GraphBuilder, Value
from workbench.capture.elementwise import elementwise
from workbench.capture.from_onnx.call import Call
from workbench.capture.from_onnx.moves import axes_of
from workbench.capture.parts import gathered
from workbench.capture.reshapes import own_axis
from workbench.capture.resizing import smoothing_matrix

Array = NDArray[np.float32]


def upsample(b: GraphBuilder, call: Call) -> Value:
    """Translate the change of size of opsets up to 9."""
    x, scales = call.input(0), call.constant(1, "scales")
    old = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "simple"}
    attrs = {**old, "mode": call.attrs.get("mode", "nearest")}
    return _resized(b, replace(call, attrs=attrs), x, scales, None)


def resize(b: GraphBuilder, call: Call) -> Value:
    """Translate a change of size of any mode."""
    x = call.input(0)
    if call.opset < 11:
        return upsample(b, call)
    scales = call.constant(2, "scales") or None
    sizes = call.constant(3, "sizes") or None
    if (scales is None) == (sizes is None):
        raise refuse(b, f"Resize with scales {scales} and sizes {sizes}")
    return _resized(b, call, x, scales, sizes)


def _resized(b: GraphBuilder, call: Call, x: Value, scales: Any, sizes: Any) -> Value:
    axes = axes_of(b, call.attrs.get("axes", range(len(x.full))), x)
    given = scales or sizes
    if len(given) != len(axes):
        raise refuse(b, f"{call.name} of {len(axes)} axes by {given}")
    lengths = [call.batch or 1 if a == x.batch else x.full[a] for a in axes]
    if sizes:
        wanted, scales = _sizes(call, lengths, [int(s) for s in sizes])
    else:
        scales = [np.float32(s) for s in scales]
        wanted = [int(s * np.float32(n)) for s, n in zip(scales, lengths, strict=True)]
    cropped = call.attrs.get("coordinate_transformation_mode") == "tf_crop_and_resize"
    outside: list[tuple[int, NDArray[Any]]] = []
    rois = np.asarray(call.constant(1, "roi", ()) if cropped else ()).reshape(-1)
    if cropped and len(rois) != 2 * len(axes):
        raise refuse(b, f"Resize with a roi of {len(rois)} numbers")
    pairs = dict(zip(axes, zip(wanted, scales, strict=True), strict=True))
    made = _repeated(b, call, x, pairs)
    if made is not None:
        return made
    made = x
    for i, axis in enumerate(axes):
        size, scale = wanted[i], scales[i]
        if axis == x.batch:
            if size != lengths[i]:
                raise Refused(f"ONNX {call.name} of the batch", b.where)
            continue
        roi = (rois[i], rois[i + len(axes)]) if cropped else (0.0, 1.0)
        places = _places(b, call, lengths[i], size, scale, roi)
        if cropped:
            outside.append((axis, (places < 0) | (places > lengths[i] - 1)))
        if size == lengths[i] and np.array_equal(places, np.arange(size)):
            continue
        made = _one_axis(b, call, made, axis, places, float(scale))
    return _extrapolated(b, call, made, outside) if cropped else made


def _sizes(
    call: Call, lengths: Sequence[int], sizes: list[int]
) -> tuple[list[int], list[Any]]:
    """Return the sizes that are made, and the factors."""
    policy = call.attrs.get("keep_aspect_ratio_policy", "stretch")
    pairs = zip(sizes, lengths, strict=True)
    factors = [np.float32(size) / np.float32(n) for size, n in pairs]
    if policy == "stretch":
        return sizes, factors
    factor = (min if policy == "not_larger" else max)(factors)
    return [int(np.floor(factor * n + 0.5)) for n in lengths], [factor] * len(sizes)


def _repeated(
    b: GraphBuilder, call: Call, x: Value, wanted: Mapping[int, tuple[int, Any]]
) -> Value | None:
    """Return pixels repeated a whole number of times, where that is all."""
    image = x.batch == 0 and len(x.shape) == 3
    if call.attrs.get("mode", "nearest") != "nearest" or not image:
        return None
    times = []
    for axis in (1, 2, 3):
        n = x.full[axis]
        size, scale = wanted.get(axis, (n, 1.0))
        if size % n or size < n:
            return None
        places = _nearest(call, _places(b, call, n, size, scale, (0, 1)), n, scale)
        if not np.array_equal(places, np.arange(size) * n // size):
            return None
        times.append(size // n)
    if times[0] != 1 or wanted.get(0, (1, 1.0))[0] != (call.batch or 1):
        return None
    if times[1:] == [1, 1]:
        return replace(x)
    return b.add("upsample_nearest", [x], attrs={"scale": tuple(times[1:])})


def _places(
    b: GraphBuilder, call: Call, n: int, size: int, scale: Any, roi: tuple[Any, Any]
) -> Any:
    """Return where in the source the pixels of the result lie."""
    mode = call.attrs.get("coordinate_transformation_mode", "half_pixel")
    at = np.arange(size, dtype=np.float32)
    scale, half, one = np.float32(scale), np.float32(0.5), np.float32(1)
    if mode == "asymmetric":
        return at / scale
    if mode == "half_pixel" or (mode == "pytorch_half_pixel" and size > 1):
        return (at + half) / scale - half
    if mode == "pytorch_half_pixel":
        return at * 0
    if mode == "tf_half_pixel_for_nn":
        return (at + half) / scale
    if mode == "align_corners":
        return at * np.float32(n - 1) / np.float32(size - 1) if size > 1 else at * 0
    if mode == "half_pixel_symmetric":
        # A size that was rounded leaves half of what is missing at either end.
        adjust = np.float32(size) / (scale * np.float32(n))
        centre = np.float32(n) / 2
        return centre * (one - adjust) + (at + half) / scale - half
    if mode == "tf_crop_and_resize":
        start, end = np.float32(roi[0]), np.float32(roi[1])
        last = np.float32(n - 1)
        if size == 1:
            return half * (start + end) * last + at * 0
        return start * last + at * (end - start) * last / np.float32(size - 1)
    raise refuse(b, f"ONNX {call.name} with coordinate_transformation_mode={mode}")


def _nearest(call: Call, places: NDArray[Any], n: int, scale: Any) -> NDArray[Any]:
    """Return the pixel that each place takes."""
    mode = call.attrs.get("nearest_mode", "round_prefer_floor")
    if mode == "simple":
        mode = "ceil" if scale < 1 else "floor"
    half = np.float32(0.5)
    rounded = {
        "floor": np.floor(places),
        "ceil": np.ceil(places),
        "round_prefer_floor": np.ceil(places - half),
        "round_prefer_ceil": np.floor(places + half),
    }[mode]
    return np.asarray(np.clip(rounded, 0, n - 1), np.int64)


def _one_axis(
    b: GraphBuilder, call: Call, x: Value, axis: int, places: NDArray[Any], scale: float
) -> Value:
    n, mode = x.full[axis], call.attrs.get("mode", "nearest")
    if mode == "nearest":
        return gathered(b, x, axis, _nearest(call, places, n, scale))
    if mode not in ("linear", "cubic"):
        raise refuse(b, f"ONNX {call.name} with mode={mode}")
    matrix = smoothing_matrix(
        mode,
        n,
        places.astype(np.float64),
        a=float(call.attrs.get("cubic_coeff_a", -0.75)),
        shrink=scale if call.attrs.get("antialias", 0) and scale < 1 else 1.0,
        inside=bool(call.attrs.get("exclude_outside", 0)),
    )
    attrs = {"axis": own_axis(x, axis)}
    return b.like(x, "axis_map", attrs=attrs, params={"matrix": matrix})


def _extrapolated(
    b: GraphBuilder, call: Call, x: Value, outside: Sequence[tuple[int, Any]]
) -> Value:
    """Return a tensor with a number of its own where a crop is outside the image."""
    mask = np.zeros((1,) * len(x.full), bool)
    for axis, beyond in outside:
        shape = [1] * len(x.full)
        shape[axis] = len(beyond)
        mask = mask | beyond.reshape(shape)
    if not mask.any():
        return x
    value = float(call.attrs.get("extrapolation_value", 0.0))
    return elementwise(b, "where", (mask, value, x))
