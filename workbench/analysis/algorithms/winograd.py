"""What Winograd convolution costs, how exact it is, and what it does to pruned weights.

Belongs here: operation counts in one, two and three dimensions, errors against float64
over tile sizes and points, and fill-in of pruned kernels. Does not belong here: the
matrices and the gate (``workbench.engine``), timings (``workbench.measure``).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from workbench.engine.winograd.cook_toom import Matrix, Transform, cook_toom
from workbench.engine.winograd.error import WinogradError, measure_error
from workbench.errors import WorkbenchError

F32 = NDArray[np.float32]


@dataclass(frozen=True)
class OpCounts:
    """Operations of one tile of F(m, r), nested over ``dims`` axes.

    Attributes
    ----------
    m, r, dims : int
    multiplies : int
        In the Winograd domain, a tile and channel pair: ``(m + r - 1) ** dims``.
    direct_multiplies : int
        What direct convolution needs for the same outputs.
    input_ops, output_ops : int
        Additions and multiplications by constants of the two transforms, a tile.
    weight_ratio : float
        Weights in the Winograd domain over weights outside.
    """

    m: int
    r: int
    dims: int
    multiplies: int
    direct_multiplies: int
    input_ops: int
    output_ops: int
    weight_ratio: float

    @property
    def saving(self) -> float:
        """Direct multiplies over Winograd multiplies, transforms not counted."""
        return self.direct_multiplies / self.multiplies


def op_counts(transform: Transform, *, dims: int = 2) -> OpCounts:
    """Return the operations of one tile, counted on the exact matrices.

    Parameters
    ----------
    transform : Transform
    dims : int
        Axes over which F(m, r) is nested: 1, 2 or 3.

    Examples
    --------
    >>> counts = op_counts(cook_toom(2, 3))
    >>> counts.multiplies, counts.direct_multiplies, counts.input_ops, counts.saving
    (16, 36, 32, 2.25)
    """
    if dims not in (1, 2, 3):
        raise WorkbenchError(
            f"{dims} dimensions", "1, 2 or 3", "Nest further by hand: it is a product."
        )
    m, alpha = transform.m, transform.alpha
    return OpCounts(
        m,
        transform.r,
        dims,
        alpha**dims,
        (m * transform.r) ** dims,
        _nested_ops(transform.bt, dims),
        _nested_ops(transform.at, dims),
        (alpha / transform.r) ** dims,
    )


def _nested_ops(matrix: Matrix, dims: int) -> int:
    """Return operations of ``matrix`` applied along each axis of a cube of inputs.

    A multiplication fused with an addition counts once; nothing is shared between
    rows (the kernel shares the even and odd halves of opposite points).
    """
    once = _row_ops(matrix)
    rows, columns = len(matrix), len(matrix[0])
    return sum(once * rows**axis * columns ** (dims - 1 - axis) for axis in range(dims))


def _row_ops(matrix: Matrix) -> int:
    total = 0
    for row in matrix:
        used = [abs(x) for x in row if x]
        free = min(1, sum(x == 1 for x in used))
        total += len(used) - free
    return total


@dataclass(frozen=True)
class ErrorRow:
    """Error of one tile size and set of points."""

    m: int
    points: tuple[Fraction, ...]
    error: WinogradError


def error_by_tile(
    weight: F32, sizes: Iterable[int] = range(2, 9), *, seed: int = 0
) -> list[ErrorRow]:
    """Return the error of F(m, r) with our points for each tile size.

    Parameters
    ----------
    weight : numpy.ndarray of float32, shape (O, C, r, r)
        Of the loaded layer, or `random_weight`.
    sizes : iterable of int
        Values of m.
    seed : int
        Of the random inputs.
    """
    rows = []
    for m in sizes:
        transform = cook_toom(m, weight.shape[2])
        error = measure_error(weight, transform, seed=seed)
        rows.append(ErrorRow(m, transform.points, error))
    return rows


def random_weight(outputs: int, inputs: int, *, size: int = 3, seed: int = 0) -> F32:
    """Return normal weights of the usual scale, shape (outputs, inputs, size, size)."""
    random = np.random.default_rng(seed)
    shape = (outputs, inputs, size, size)
    scale = np.sqrt(2 / (inputs * size * size))
    return np.asarray(random.standard_normal(shape) * scale, dtype=np.float32)


def rank_points(
    m: int, candidates: Iterable[Fraction], *, weight: F32, seeds: int = 2
) -> list[ErrorRow]:
    """Return every set of points 0, +-p, +-q, ... out of ``candidates``, best first.

    Parameters
    ----------
    m : int
        m + r is odd: the points are 0 and pairs of opposite candidates.
    candidates : iterable of Fraction
        Positive and different.
    weight : numpy.ndarray of float32, shape (O, C, r, r)
    seeds : int
        Random inputs; the root mean square errors are averaged.

    Raises
    ------
    WorkbenchError
        m + r is even: 0 and pairs of points do not add up.
    """
    rows, size = [], weight.shape[2]
    if (m + size) % 2 == 0:
        raise WorkbenchError(
            f"F({m}, {size}), which takes {m + size - 2} points",
            "an odd number of points: 0 and pairs of opposite ones",
            "Choose m odd for even kernels, even for odd ones.",
        )
    for chosen in combinations(sorted(candidates), (m + size - 3) // 2):
        points = (Fraction(0), *(s * p for p in chosen for s in (1, -1)))
        transform = cook_toom(m, size, points)
        errors = [measure_error(weight, transform, seed=s) for s in range(seeds)]
        mean = WinogradError(
            max(e.largest for e in errors),
            float(np.mean([e.rms for e in errors])),
        )
        rows.append(ErrorRow(m, points, mean))
    return sorted(rows, key=lambda row: row.error.rms)


@dataclass(frozen=True)
class FillIn:
    """How zeros of a pruned kernel fare in the Winograd domain.

    Attributes
    ----------
    m : int
    spatial_sparsity : float
        Zeros over weights before the transform, 0..1.
    winograd_sparsity : float
        Zeros over coordinates after it, 0..1.
    by_coordinate : numpy.ndarray of float64, shape (alpha, alpha)
        Sparsity of each coordinate: corners see a single tap and keep its zeros.
    multiplies : float
        Non-zero Winograd multiplies over non-zero direct ones for the same outputs;
        below 1 the sparse Winograd layer multiplies less than the sparse direct one.
    """

    m: int
    spatial_sparsity: float
    winograd_sparsity: float
    by_coordinate: NDArray[np.float64]
    multiplies: float


def fill_in(weight: F32, transform: Transform) -> FillIn:
    """Return how many zeros of ``weight`` survive ``G g G^T``.

    A coordinate counts as zero when no non-zero tap reaches it; sums that cancel by
    chance do not count.

    Parameters
    ----------
    weight : numpy.ndarray of float32, shape (O, C, r, r)
    transform : Transform

    Examples
    --------
    >>> one_tap = np.zeros((1, 1, 3, 3), np.float32)
    >>> one_tap[0, 0, 1, 1] = 1.0
    >>> fill_in(one_tap, cook_toom(2, 3)).winograd_sparsity
    0.75
    """
    reach = np.array([[float(x != 0) for x in row] for row in transform.g])
    taps = (weight != 0).astype(np.float64)
    reached = reach @ taps @ reach.T > 0
    nonzeros = float(taps.sum())
    kept = float(reached.sum())
    outputs = transform.m**2
    return FillIn(
        transform.m,
        float(1 - taps.mean()),
        float(1 - reached.mean()),
        np.asarray(1 - reached.mean(axis=(0, 1)), dtype=np.float64),
        kept / (nonzeros * outputs) if nonzeros else 0.0,
    )
