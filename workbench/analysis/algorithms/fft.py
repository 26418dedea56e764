"""Convolution by the Fourier transform: one product a frequency and channel pair.

Belongs here: the convolution (whole image or tiles) and its operation count. Does not
belong here: the transform itself (scipy), timings (``algorithms``).

Source: Mathieu, Henaff, LeCun 2014, "Fast Training of Convolutional Networks through
FFTs"; overlap-save tiles as in Oppenheim and Schafer, "Discrete-Time Signal
Processing", section 8.7.3.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from workbench.analysis.algorithms.im2col import F32, ONCE, Window
from workbench.errors import WorkbenchError

C64 = NDArray[np.complex64]


class FftConvolution:
    """A convolution whose weights are kept as spectra.

    Parameters
    ----------
    weight : numpy.ndarray of float32, shape (O, C / groups, KH, KW)
    image : (int, int)
        Height and width of the inputs.
    window : Window
        Any stride (outputs between are computed and dropped), padding, dilation and
        groups.
    tile : int, optional
        Outputs of one tile along each axis (overlap-save); the whole image if left
        out.

    Raises
    ------
    WorkbenchError
        A kernel larger than the padded image, or a tile below 1.
    """

    def __init__(
        self,
        weight: F32,
        image: tuple[int, int],
        window: Window = ONCE,
        *,
        tile: int | None = None,
    ) -> None:
        channels = weight.shape[1] * window.groups
        window.check(np.empty((0, channels, *image), np.float32), weight)
        if tile is not None and tile < 1:
            raise WorkbenchError(f"a tile of {tile}", "1 or more", "Try 16.")
        self.window, self.image = window, image
        taps = _dilated(weight, window.dilation)
        self._reach = (taps.shape[2], taps.shape[3])
        # Outputs at stride 1, in tiles.
        self._dense = tuple(
            side + 2 * pad - reach + 1
            for side, pad, reach in zip(image, window.padding, self._reach, strict=True)
        )
        self._tile = tuple(min(tile or size, size) for size in self._dense)
        self.size = tuple(
            fft.next_fast_len(part + reach - 1, real=True)
            for part, reach in zip(self._tile, self._reach, strict=True)
        )
        spectra = np.conj(fft.rfft2(taps, self.size))
        outputs, inputs = weight.shape[:2]
        by_group = spectra.reshape(
            window.groups, outputs // window.groups, inputs, *spectra.shape[2:]
        )
        # (groups, rows, columns, O, C): one matrix a frequency.
        self._spectra: C64 = np.ascontiguousarray(by_group.transpose(0, 3, 4, 1, 2))
        self.outputs = outputs

    @property
    def tiles(self) -> int:
        """Tiles of one image."""
        rows, columns = (
            -(-dense // tile)
            for dense, tile in zip(self._dense, self._tile, strict=True)
        )
        return int(rows * columns)

    @property
    def multiplies(self) -> int:
        """Real multiplications of the products, three a complex one; no transforms."""
        return 3 * self.tiles * self._spectra.size

    def __call__(self, x: F32) -> F32:
        """Return the convolution of a batch (N, C, H, W), float32 (N, O, OH, OW)."""
        if x.ndim != 4 or x.shape[2:] != self.image:
            raise WorkbenchError(
                f"an input of shape {x.shape}",
                f"(N, C, {self.image[0]}, {self.image[1]})",
                "Make a convolution for this image size.",
            )
        pieces, grid = self._pieces(x)
        groups, rows, columns, per_group, inputs = self._spectra.shape
        spectra = fft.rfft2(pieces, self.size)
        inside = spectra.reshape(len(pieces), groups, inputs, rows, columns)
        mixed = self._spectra @ inside.transpose(1, 3, 4, 2, 0)
        mixed = mixed.transpose(4, 0, 3, 1, 2).reshape(
            len(pieces), groups * per_group, rows, columns
        )
        found = fft.irfft2(mixed, self.size)[..., : self._tile[0], : self._tile[1]]
        return self._joined(found, len(x), grid)

    def _pieces(self, x: F32) -> tuple[F32, tuple[int, int]]:
        """Return overlapping tiles as one batch, and how many rows and columns."""
        (py, px), (th, tw) = self.window.padding, self._tile
        rows, columns = -(-self._dense[0] // th), -(-self._dense[1] // tw)
        need = (rows * th + self._reach[0] - 1, columns * tw + self._reach[1] - 1)
        spare = [
            size - side - pad
            for size, side, pad in zip(need, self.image, (py, px), strict=True)
        ]
        padded = np.pad(x, ((0, 0), (0, 0), (py, spare[0]), (px, spare[1])))
        window = (th + self._reach[0] - 1, tw + self._reach[1] - 1)
        views = np.lib.stride_tricks.sliding_window_view(padded, window, axis=(2, 3))
        chosen = views[:, :, ::th, ::tw].transpose(0, 2, 3, 1, 4, 5)
        return chosen.reshape(-1, x.shape[1], *window), (rows, columns)

    def _joined(self, found: F32, batch: int, grid: tuple[int, int]) -> F32:
        (rows, columns), (th, tw) = grid, self._tile
        whole = found.reshape(batch, rows, columns, self.outputs, th, tw)
        whole = whole.transpose(0, 3, 1, 4, 2, 5)
        whole = whole.reshape(batch, self.outputs, rows * th, columns * tw)
        sy, sx = self.window.stride
        kept = whole[:, :, : self._dense[0] : sy, : self._dense[1] : sx]
        return np.ascontiguousarray(kept, dtype=np.float32)


def fft_convolve(
    x: F32, weight: F32, window: Window = ONCE, *, tile: int | None = None
) -> F32:
    """Return the convolution (cross-correlation) of a batch through frequencies.

    Parameters
    ----------
    x : numpy.ndarray of float32, shape (N, C, H, W)
    weight : numpy.ndarray of float32, shape (O, C / groups, KH, KW)
    window : Window
    tile : int, optional
        Outputs of one tile along each axis; the whole image if left out.

    Raises
    ------
    WorkbenchError
        Shapes that do not fit.

    Examples
    --------
    >>> image = np.arange(9, dtype=np.float32).reshape(1, 1, 3, 3)
    >>> corner = np.array([[[[0, 0], [0, 1]]]], np.float32)
    >>> fft_convolve(image, corner).round(4).tolist()
    [[[[4.0, 5.0], [7.0, 8.0]]]]
    """
    window.check(x, weight)
    image = (x.shape[2], x.shape[3])
    return FftConvolution(weight, image, window, tile=tile)(x)


def _dilated(weight: F32, dilation: tuple[int, int]) -> F32:
    """Return the kernel with zeros between its taps."""
    if dilation == (1, 1):
        return weight
    (dy, dx), (outputs, inputs, height, width) = dilation, weight.shape
    spread = np.zeros(
        (outputs, inputs, dy * (height - 1) + 1, dx * (width - 1) + 1), np.float32
    )
    spread[:, :, ::dy, ::dx] = weight
    return spread
