"""How a sparse convolution may be packed: the variants of ``conv_sparse``.

Belongs here: strip lengths, chunk sizes, and when sums may be shifted instead of loads.
Does not belong here: packing itself (ext/kernels/conv_sparse/sparse_pack.c).
"""

import os
from dataclasses import dataclass, replace

import numpy as np

from workbench.kernels.values.types import I32, LANES, ImageRows, Vectors
from workbench.kernels.variants.gathered import MOST_VECTORS, may_pay

_L1_FLOATS = 32 * 1024 // 4
_UNCHUNKED = 1 << 40
_HALF = LANES // 2
_MAX_DX = 3
# Vectors that a strip may hold: rows that are apart, rows that follow each other.
# See MOST in ext/kernels/conv_sparse/conv_sparse_shift.c.
_MOST = {"scalar": (3, 3), "avx2": (6, 6), "avx512": (8, 14)}
# (vectors a strip, chunked to L1), the best of most shapes first.
_STRIPS = {
    "scalar": ((3, True), (2, True), (3, False)),
    "avx2": ((4, True), (6, True), (4, False)),
    "avx512": ((4, True), (4, False), (6, True), (8, True)),
}
_SHIFTS = {"scalar": (3,), "avx2": (4, 6), "avx512": (14, 8, 4)}

_LEAST_ROWS = 8
_FEW_BLOCKS, _MOST_BLOCKS = 4, 24
_BLOCKS_A_CORE = 2


def blocks_of(rows: int) -> int:
    """Return into how many blocks, shared by threads, rows are cut.

    Enough for every core, and no more: rows of a block are sorted by their lengths,
    and the more of them there are, the more of equal length follow each other.

    Examples
    --------
    >>> blocks_of(7), blocks_of(20)
    (1, 2)
    """
    shared = max(_FEW_BLOCKS, _BLOCKS_A_CORE * (os.cpu_count() or 1))
    return max(1, min(rows // _LEAST_ROWS, shared, _MOST_BLOCKS))


@dataclass(frozen=True)
class SparsePlan:
    """How conv_sparse is packed; the fields of wb_sparse_plan and wb_conv_sparse.

    ``gathered``: for conv_gathered, over lines of its own.
    """

    isa: str
    strip: int
    unit: int
    l1_floats: int = _L1_FLOATS
    blocks: int = 1
    classes: int = 1
    first_dx: int = 0
    row_vectors: int = 0
    gathered: bool = False


def sparse_plans(
    isa: str, offsets: I32, vectors: Vectors, src: int
) -> dict[str, SparsePlan]:
    """Return the packing of each eligible variant, the default first.

    Parameters
    ----------
    isa : str
        scalar, avx2 or avx512.
    offsets : array of int32, shape (nnz,)
    vectors : Vectors
    src : int
        Arena offset of the source; with ``vec_in`` it tells what is aligned.

    Examples
    --------
    >>> strip = np.arange(2) * 16
    >>> table = Vectors(strip, strip[:, None], np.full((2, 1), 0xFFFF, np.uint16))
    >>> list(sparse_plans("avx2", np.array([0, 32], np.int32), table, 0))
    ['strip4', 'strip6', 'strip4-whole']
    """
    unit = LANES if not np.any(offsets & LANES - 1) else 1
    first = {}
    if may_pay(offsets, vectors):
        first["gathered"] = SparsePlan(isa, MOST_VECTORS, LANES, gathered=True)
    first |= _shift_plans(isa, offsets, vectors, src)
    plans = {}
    for strip, chunked in _STRIPS[isa]:
        plan = SparsePlan(isa, strip, unit)
        if chunked:
            plans[f"strip{strip}"] = plan
        else:
            plans[f"strip{strip}-whole"] = replace(plan, l1_floats=_UNCHUNKED)
    return first | plans


def _shift_plans(
    isa: str, offsets: I32, vectors: Vectors, src: int
) -> dict[str, SparsePlan]:
    if vectors.rows is None or not _near(vectors.rows):
        return {}
    adjacent = bool(np.all(np.diff(vectors.vec_in) == LANES))
    starts = src + vectors.vec_in
    for unit in (LANES, _HALF):
        dx = (offsets + unit // 2 & unit - 1) - unit // 2
        first, last = min(0, dx.min(initial=0)), max(0, dx.max(initial=0))
        reach = int(max(-first, last))
        if not 0 < reach <= _MAX_DX or np.any(starts % unit):
            continue
        plan = SparsePlan(
            isa, 1, unit, classes=int(last - first) + 1, first_dx=int(first)
        )
        rows = vectors.row_vectors
        zeros = _zeros_before(vectors.rows, LANES * rows)
        if unit == LANES and zeros and _ends_free(vectors, rows, LANES, reach):
            return _lengths(replace(plan, row_vectors=rows), vectors, adjacent)
        halves = adjacent and vectors.rows.pitch == _HALF
        if unit == _HALF and halves and _ends_free(vectors, 1, _HALF, reach):
            isa = "avx2" if isa == "avx512" else isa
            return _lengths(replace(plan, row_vectors=1, isa=isa), vectors, adjacent)
    return {}


def _near(rows: ImageRows) -> bool:
    """Say whether every tap reads near its pixel: then a shift is all that is missing.

    A tap one whole vector further on has the same place within its vector, but what
    comes from beside the row is not what it would have read.
    """
    return rows.left >= -_MAX_DX and rows.right <= _MAX_DX


def _zeros_before(rows: ImageRows, floats: int) -> bool:
    """Say whether zeros enter a row of ``floats`` lanes from the end of the last one.

    Its vectors may leave pixels of the source out, where the output is narrower.
    """
    return rows.width - rows.left <= floats


def _ends_free(vectors: Vectors, rows: int, unit: int, reach: int) -> bool:
    """Return whether the last ``reach`` lanes of every image row are never stored."""
    ends = int(np.bitwise_or.reduce(vectors.vec_mask[rows - 1 :: rows], axis=None))
    if vectors.unzip:
        lanes = [lane // 2 + _HALF * (lane % 2) for lane in range(LANES)]
        ends = sum((ends >> at & 1) << lane for lane, at in enumerate(lanes))
    free = ((1 << reach) - 1) << (LANES - reach)
    return not ends & (free | free >> _HALF if unit == _HALF else free)


def _lengths(
    plan: SparsePlan, vectors: Vectors, adjacent: bool
) -> dict[str, SparsePlan]:
    most = _MOST[plan.isa][1 if adjacent else 0]
    plans = {}
    for wanted in _SHIFTS[plan.isa]:
        rows = plan.row_vectors
        strip = min(wanted, most, vectors.count) // rows * rows
        if strip:
            plans[f"shift{strip}"] = replace(plan, strip=strip)
    return plans
