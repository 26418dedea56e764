"""Sums of products: matrices, transposed and three-dimensional convolutions.

Belongs here: what ends in a matrix product.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from workbench.kernels.arrays.operands import in_order

Array = NDArray[np.float32]
Attrs = Mapping[str, Any]
Params = Mapping[str, Array]


def matmul(inputs: Sequence[Array], attrs: Attrs, params: Params) -> Array:
    """Return the product of the last two axes."""
    left, right = in_order(inputs, params)
    made: Array = left @ right
    return made


def tokens_linear(inputs: Sequence[Array], attrs: Attrs, params: Params) -> Array:
    """Return a fully connected layer along the last axis."""
    return np.asarray(inputs[0] @ params["weight"].T + params["bias"])


def axis_map(inputs: Sequence[Array], attrs: Attrs, params: Params) -> Array:
    """Return an axis multiplied by a matrix: resizing, adaptive means."""
    made = np.tensordot(params["matrix"], inputs[0], (1, attrs["axis"]))
    return np.moveaxis(made, 0, attrs["axis"])


def conv_transpose2d(inputs: Sequence[Array], attrs: Attrs, params: Params) -> Array:
    """Return what a convolution of stride s would hand back through its weights."""
    x, weight, groups = inputs[0], params["weight"], attrs.get("groups", 1)
    sy, sx = attrs.get("stride", (1, 1))
    dy, dx = attrs.get("dilation", (1, 1))
    top, left, bottom, right = attrs.get("padding", (0, 0, 0, 0))
    oy, ox = attrs.get("output_padding", (0, 0))
    channels, height, width = x.shape
    per, kh, kw = weight.shape[1:]
    rows = (height - 1) * sy + (kh - 1) * dy + 1 + oy
    columns = (width - 1) * sx + (kw - 1) * dx + 1 + ox
    pixels = x.reshape(groups, channels // groups, height * width)
    taps = weight.reshape(groups, channels // groups, per * kh * kw)
    spread = np.matmul(taps.transpose(0, 2, 1), pixels)
    spread = spread.reshape(groups * per, kh, kw, height, width)
    full = np.zeros((groups * per, rows, columns), np.float32)
    for i in range(kh):
        for j in range(kw):
            y, z = i * dy, j * dx
            full[
                :,
                y : y + (height - 1) * sy + 1 : sy,
                z : z + (width - 1) * sx + 1 : sx,
            ] += spread[:, i, j]
    made: Array = full[:, top : rows - bottom, left : columns - right]
    return made + params["bias"][:, None, None]


def conv3d(inputs: Sequence[Array], attrs: Attrs, params: Params) -> Array:
    """Return a convolution over three axes."""
    x, weight, groups = inputs[0], params["weight"], attrs.get("groups", 1)
    pads, dilation, stride = attrs["padding"], attrs["dilation"], attrs["stride"]
    frame = [(0, 0), *((pads[i], pads[3 + i]) for i in range(3))]
    padded = np.pad(x, frame)
    reach = tuple(
        (k - 1) * d + 1 for k, d in zip(weight.shape[2:], dilation, strict=True)
    )
    windows = sliding_window_view(padded, reach, axis=(1, 2, 3))
    windows = windows[
        :,
        :: stride[0],
        :: stride[1],
        :: stride[2],
        :: dilation[0],
        :: dilation[1],
        :: dilation[2],
    ]
    size = windows.shape[1:4]
    per = len(x) // groups
    parts = []
    for g, filters in enumerate(np.split(weight, groups)):
        mine = windows[g * per : (g + 1) * per]
        parts.append(np.tensordot(filters, mine, ((1, 2, 3, 4), (0, 4, 5, 6))))
    made = np.concatenate(parts).reshape(len(weight), *size)
    return made + params["bias"][:, None, None, None]
