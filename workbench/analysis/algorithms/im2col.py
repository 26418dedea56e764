"""Convolution as one matrix product: the window of every output pixel as a column.

Belongs here: the columns and the product. Does not belong here: faster products
(``strassen``), the engine's own kernels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workbench.errors import WorkbenchError

F32 = NDArray[np.float32]
Product = Callable[[F32, F32], F32]


@dataclass(frozen=True)
class Window:
    """How a kernel moves over an image.

    Parameters
    ----------
    stride, padding, dilation : (int, int)
        Height, width.
    groups : int
        Of channels; each group of filters sees its own.
    """

    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1

    def output(
        self, image: tuple[int, int], kernel: tuple[int, int]
    ) -> tuple[int, int]:
        """Return the height and width of the output; 0 or less if nothing fits."""
        height, width = (
            (side + 2 * pad - step * (size - 1) - 1) // stride + 1
            for side, size, stride, pad, step in zip(
                image, kernel, self.stride, self.padding, self.dilation, strict=True
            )
        )
        return height, width

    def check(self, x: F32, weight: F32) -> tuple[int, int]:
        """Return the output's height and width, or raise where shapes do not fit.

        Raises
        ------
        WorkbenchError
            Channels that do not match the weight, or a kernel larger than the image.
        """
        fits = (
            x.ndim == weight.ndim == 4
            and x.shape[1] == weight.shape[1] * self.groups
            and weight.shape[0] % self.groups == 0
        )
        if not fits:
            raise WorkbenchError(
                f"input {x.shape} and weight {weight.shape} in {self.groups} group(s)",
                "(N, C, H, W) and (O, C / groups, KH, KW), groups that divide O",
                "Check the shapes.",
            )
        size = self.output((x.shape[2], x.shape[3]), (weight.shape[2], weight.shape[3]))
        if min(size) < 1:
            raise WorkbenchError(
                f"a kernel of {weight.shape[2:]} on an image of {x.shape[2:]}",
                "a kernel no larger than the padded image",
                "Pad more, or use a smaller kernel.",
            )
        return size


ONCE = Window()


def im2col(x: F32, kernel: tuple[int, int], window: Window = ONCE) -> F32:
    """Return the columns of a batch, (N, C * KH * KW, OH * OW).

    Parameters
    ----------
    x : numpy.ndarray of float32, shape (N, C, H, W)
    kernel : (int, int)
    window : Window

    Examples
    --------
    >>> image = np.arange(9, dtype=np.float32).reshape(1, 1, 3, 3)
    >>> im2col(image, (2, 2))[0].tolist()[0]
    [0.0, 1.0, 3.0, 4.0]
    """
    batch, channels, height, width = x.shape
    oh, ow = window.output((height, width), kernel)
    (sy, sx), (py, px), (dy, dx) = window.stride, window.padding, window.dilation
    padded = np.pad(x, ((0, 0), (0, 0), (py, py), (px, px)))
    columns = np.empty((batch, channels, *kernel, oh, ow), dtype=x.dtype)
    for y in range(kernel[0]):
        for z in range(kernel[1]):
            top, left = y * dy, z * dx
            columns[:, :, y, z] = padded[
                :, :, top : top + sy * oh : sy, left : left + sx * ow : sx
            ]
    return columns.reshape(batch, channels * kernel[0] * kernel[1], oh * ow)


def gemm_convolve(
    x: F32, weight: F32, window: Window = ONCE, *, product: Product = np.matmul
) -> F32:
    """Return the convolution (cross-correlation, as networks use it) by columns.

    Parameters
    ----------
    x : numpy.ndarray of float32, shape (N, C, H, W)
    weight : numpy.ndarray of float32, shape (O, C / groups, KH, KW)
    window : Window
    product : callable
        Of two matrices; BLAS by default.

    Returns
    -------
    numpy.ndarray of float32, shape (N, O, OH, OW)

    Raises
    ------
    WorkbenchError
        Shapes that do not fit.
    """
    oh, ow = window.check(x, weight)
    outputs, taps = weight.shape[0], weight[0].size
    columns = im2col(x, (weight.shape[2], weight.shape[3]), window)
    groups = columns.reshape(len(x), window.groups, taps, oh * ow)
    filters = weight.reshape(window.groups, outputs // window.groups, taps)
    parts = [
        np.stack([product(one, image[g]) for g, one in enumerate(filters)])
        for image in groups
    ]
    return np.stack(parts).reshape(len(x), outputs, oh, ow)
