"""One convolution by every algorithm: direct, columns, Winograd, FFT, Strassen.

Belongs here: the same layer run by each, checked, timed in turns. Does not belong
here: the algorithms (a file each), tables over many layers (``benchmarks``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import nn

from workbench.analysis.algorithms.fft import FftConvolution
from workbench.analysis.algorithms.im2col import F32, Window, gemm_convolve
from workbench.analysis.algorithms.race import race
from workbench.analysis.algorithms.single_layer import SingleLayer, single_layer
from workbench.analysis.algorithms.strassen import strassen, strassen_multiplies
from workbench.errors import WorkbenchError

ERROR_LIMIT = 1e-3
"""Of the largest output: an algorithm further off is not timed."""

FFT_TILE = 16
STRASSEN_LEVELS = (1, 2, 3)
_MOST_COLUMNS = 1 << 28


@dataclass(frozen=True)
class ConvShape:
    """A convolution to be measured; padding keeps the image size at stride 1.

    Parameters
    ----------
    inputs, outputs : int
        Channels.
    side : int
        Height and width of the image.
    size : int
        Height and width of the kernel.
    stride : int
    """

    inputs: int
    outputs: int
    side: int
    size: int = 3
    stride: int = 1

    def __post_init__(self) -> None:
        if min(self.inputs, self.outputs, self.side, self.size, self.stride) < 1:
            raise WorkbenchError(
                f"a convolution {self}", "sizes of 1 or more", "Correct the sizes."
            )

    @property
    def window(self) -> Window:
        """Stride and padding."""
        pad = self.size // 2
        return Window((self.stride, self.stride), (pad, pad))

    @property
    def output_side(self) -> int:
        """Height and width of the output."""
        return (self.side + 2 * (self.size // 2) - self.size) // self.stride + 1

    @property
    def macs(self) -> int:
        """Dense multiply-adds of one image."""
        return self.inputs * self.outputs * self.size**2 * self.output_side**2


@dataclass(frozen=True)
class AlgorithmRow:
    """How one algorithm did.

    Parameters
    ----------
    algorithm : str
    family : str
        direct, columns, winograd, fft or strassen.
    multiplies : int
        Products of numbers, transforms not counted (three for a complex product).
    error : float
        Largest error against float64 over the largest output.
    ms, p10_ms, p90_ms : float or None
        None where it was too inexact to be timed.
    n : int
        Timed calls.
    """

    algorithm: str
    family: str
    multiplies: int
    error: float
    ms: float | None
    p10_ms: float | None
    p90_ms: float | None
    n: int


@dataclass(frozen=True)
class _Contender:
    family: str
    run: Callable[[], F32]
    multiplies: int


def measure_algorithms(
    shape: ConvShape, *, seconds: float = 2.0, seed: int = 0
) -> tuple[AlgorithmRow, ...]:
    """Return what each algorithm takes for one layer and one image, fastest first.

    Everything runs on one thread if torch and BLAS do; weights are prepared once and
    not timed, as in inference. Input and output are plain NCHW for all.

    Parameters
    ----------
    shape : ConvShape
    seconds : float
        For the timed rounds of all algorithms together.
    seed : int
        Of weights and image.

    Raises
    ------
    WorkbenchError
        A shape whose columns would not fit into memory.
    """
    if shape.inputs * shape.size**2 * shape.output_side**2 > _MOST_COLUMNS:
        raise WorkbenchError(
            f"a convolution of {shape.macs:,} multiply-adds",
            f"at most {_MOST_COLUMNS:,} values in its columns",
            "Choose fewer channels or a smaller image.",
        )
    random = np.random.default_rng(seed)
    image = random.standard_normal((1, shape.inputs, shape.side, shape.side))
    x = np.maximum(image, 0).astype(np.float32)
    scale = np.sqrt(2 / (shape.inputs * shape.size**2))
    weight = random.standard_normal(
        (shape.outputs, shape.inputs, shape.size, shape.size)
    )
    w = (weight * scale).astype(np.float32)
    contenders = _contenders(shape, x, w)
    exact = _exact(shape, x, w)
    top = float(np.abs(exact).max()) or 1.0
    errors = {
        name: float(np.abs(one.run() - exact).max()) / top
        for name, one in contenders.items()
    }
    timed = {n: c.run for n, c in contenders.items() if errors[n] <= ERROR_LIMIT}
    times = race(timed, seconds=seconds)
    rows = []
    for name, one in contenders.items():
        found = times.get(name)
        rows.append(
            AlgorithmRow(
                name,
                one.family,
                one.multiplies,
                errors[name],
                found.ms if found else None,
                found.p10_ms if found else None,
                found.p90_ms if found else None,
                found.n if found else 0,
            )
        )
    return tuple(sorted(rows, key=lambda row: row.ms or np.inf))


def _contenders(shape: ConvShape, x: F32, w: F32) -> Mapping[str, _Contender]:
    window, pixels = shape.window, shape.output_side**2
    found = {
        "direct (torch)": _Contender("direct", _torch(shape, x, w), shape.macs),
        "columns + BLAS": _Contender(
            "columns", partial(gemm_convolve, x, w, window), shape.macs
        ),
    }
    for tile in (None, FFT_TILE):
        whole = FftConvolution(w, (shape.side, shape.side), window, tile=tile)
        if tile is not None and whole.tiles == 1:
            continue
        name = "FFT" if tile is None else f"FFT, tiles of {tile}"
        found[name] = _Contender("fft", partial(whole, x), whole.multiplies)
    taps = shape.inputs * shape.size**2
    for levels in STRASSEN_LEVELS:
        product = partial(strassen, levels=levels)
        found[f"columns + Strassen {levels}"] = _Contender(
            "strassen",
            partial(gemm_convolve, x, w, window, product=product),
            strassen_multiplies(shape.outputs, taps, pixels, levels),
        )
    for layer in single_layer(w, (shape.side, shape.side), window):
        family = "winograd" if layer.candidate.startswith("winograd") else "direct"
        found[f"{layer.candidate} (engine)"] = _Contender(
            family, partial(_run, layer, x), layer.executed_macs
        )
    return found


def _run(layer: SingleLayer, x: F32) -> F32:
    result: F32 = layer.program(x)
    return result


def _torch(shape: ConvShape, x: F32, w: F32) -> Callable[[], F32]:
    image, kernel = torch.from_numpy(x), torch.from_numpy(w)
    pad = shape.size // 2

    def run() -> F32:
        with torch.inference_mode():
            found: F32 = nn.functional.conv2d(
                image, kernel, None, shape.stride, pad
            ).numpy()
        return found

    return run


def _exact(shape: ConvShape, x: F32, w: F32) -> np.ndarray:
    with torch.inference_mode():
        found: np.ndarray = nn.functional.conv2d(
            torch.from_numpy(x).double(),
            torch.from_numpy(w).double(),
            None,
            shape.stride,
            shape.size // 2,
        ).numpy()
    return found
