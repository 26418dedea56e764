"""Turns a layer's weights and mask into the bytes that the mosaic draws.

Belongs here: scaling to int8, choosing the shown window of very large layers, the
header. Does not belong here: anything that talks to the browser.
"""

import json
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from workbench.ui.format import count, percent

MAX_WEIGHTS = 1 << 22
"""Largest number of weights sent at once: 4 MB, drawn in about 50 ms."""

MOST_PATTERNS = 16
"""Most patterns of a mask that are told apart by colour."""

CLIP_QUANTILE = 0.995
"""Colours saturate at this quantile of |w|, so that outliers do not wash out."""


@dataclass(frozen=True, eq=False)
class KernelView:
    """What the mosaic shows: weights in OIHW order and, once pruned, the mask.

    Parameters
    ----------
    layer : str
        Layer id.
    weights : numpy.ndarray
        float32, (O, I, KH, KW) or (O, I), unpruned values.
    mask : numpy.ndarray or None
        bool of the same shape, True = keep.
    picked : tuple of int or None
        Filter and channel that start out framed.
    height_px : int
        Height of the drawing.
    """

    layer: str
    weights: np.ndarray[Any, np.dtype[np.float32]]
    mask: np.ndarray[Any, np.dtype[np.bool_]] | None = None
    picked: tuple[int, int] | None = None
    height_px: int = 520


@dataclass(frozen=True)
class Packed:
    """The mosaic's bytes and the sentence that says which part they show."""

    data: bytes
    shown: str


def pack(view: KernelView, *, first_filter: int = 0) -> Packed:
    """Return the bytes of a view: header, int8 weights, mask bits.

    Parameters
    ----------
    view : KernelView
        The layer to show.
    first_filter : int
        First filter of the window when the layer exceeds ``MAX_WEIGHTS``.
    """
    weights = view.weights
    if weights.ndim == 2:
        weights = weights[:, :, None, None]
    filters, channels, height, width = weights.shape
    stop, last = _window(weights.shape, first_filter)
    part = weights[first_filter:stop, :last]
    clip = _clip(weights)
    quantised = np.clip(np.rint(part * (127.0 / clip)), -127, 127).astype(np.int8)
    mask_bits = b""
    kept = None
    if view.mask is not None:
        mask = view.mask.reshape(weights.shape)[first_filter:stop, :last]
        mask_bits = np.packbits(mask.reshape(-1)).tobytes()
        kept = float(view.mask.mean())
    shown = _sentence(filters, channels, first_filter, stop, last)
    header = {
        "layer": view.layer,
        "o": stop - first_filter,
        "i": last,
        "kh": height,
        "kw": width,
        "firstO": first_filter,
        "firstI": 0,
        "masked": view.mask is not None,
        "patterns": _patterns(view.mask),
        "clip": f"{clip:.2g}",
        "step": clip / 127.0,
        "digits": max(0, math.floor(-math.log10(clip / 127.0))),
        "height": view.height_px,
        "picked": _picked(view.picked, first_filter, stop, last),
        "summary": _summary(filters, channels, height, width, kept),
        "alt": _alt(view.layer, filters, channels, height, width, kept),
    }
    encoded = json.dumps(header).encode()
    data = len(encoded).to_bytes(4, "little") + encoded
    return Packed(data + quantised.tobytes() + mask_bits, shown)


def _patterns(mask: np.ndarray[Any, np.dtype[np.bool_]] | None) -> list[list[Any]]:
    """Return [bits, share of kept kernels] a pattern, most frequent first.

    Bit k is the k-th place of a 3 x 3 kernel, row by row. Empty for a mask that is no
    dictionary: other kernels, more than ``MOST_PATTERNS``, or whole kernels only.
    """
    if mask is None or mask.ndim != 4 or mask.shape[2:] != (3, 3):
        return []
    bits = mask.reshape(-1, 9) @ (1 << np.arange(9))
    codes, counts = np.unique(bits[bits > 0], return_counts=True)
    if not 1 <= codes.size <= MOST_PATTERNS or codes.tolist() == [511]:
        return []
    order = np.argsort(-counts, kind="stable")
    total = int(counts.sum())
    return [[int(codes[n]), percent(counts[n] / total)] for n in order]


def _window(shape: tuple[int, ...], first: int) -> tuple[int, int]:
    filters, channels, height, width = shape
    last = min(channels, max(1, MAX_WEIGHTS // (height * width)))
    rows = max(1, MAX_WEIGHTS // (last * height * width))
    return min(filters, first + rows), last


def _clip(weights: np.ndarray[Any, np.dtype[np.float32]]) -> float:
    flat = weights.reshape(-1)
    sample = np.abs(flat[:: max(1, flat.size // 200_000)])
    return max(float(np.quantile(sample, CLIP_QUANTILE)), 1e-12)


def _picked(
    picked: tuple[int, int] | None, first: int, stop: int, last: int
) -> dict[str, int] | None:
    if picked is None or not (first <= picked[0] < stop and picked[1] < last):
        return None
    return {"f": picked[0] - first, "c": picked[1], "r": 0, "s": 0}


def _sentence(filters: int, channels: int, first: int, stop: int, last: int) -> str:
    if stop - first == filters and last == channels:
        return f"All {count(filters)} filters are shown."
    return (
        f"Filters {first} to {stop - 1} of {count(filters)} and channels 0 to "
        f"{last - 1} of {count(channels)} are shown: the whole layer would be "
        "too large for one picture."
    )


def _summary(filters: int, channels: int, height: int, width: int, kept: Any) -> str:
    kernels = filters * channels
    text = f"{count(kernels)} kernels of {height} × {width}"
    if height * width == 1:
        text = f"{count(kernels)} weights"
    return text if kept is None else f"{text}, {percent(1 - kept)} of weights pruned"


def _alt(
    layer: str, filters: int, channels: int, height: int, width: int, kept: Any
) -> str:
    text = (
        f"Mosaic of layer {layer}: {filters} filters by {channels} input channels, "
        f"kernels of {height} by {width}"
    )
    return text if kept is None else f"{text}, {percent(1 - kept)} of weights pruned"
