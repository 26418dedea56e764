"""Sparse convolution in n x 1 blocks: output channels that share their offsets.

Belongs here: the public, checking face, how blocks are cut for the registers of an
instruction set, and the variants. Does not belong here: finding blocks in a weight
(engine) or the arithmetic (ext/kernels/conv_blocks/, reference/blocks.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from workbench.kernels.backend import compiled
from workbench.kernels.reference.blocks import conv_blocks as reference
from workbench.kernels.steps.placing import (
    check_bias,
    check_variant,
    checked_place,
    reach_of,
)
from workbench.kernels.values import checks
from workbench.kernels.values.specs import ConvBlocks, Placement
from workbench.kernels.values.types import F32, I32, LANES, Step

HEIGHTS = (2, 4, 8, 16)
"""Output channels of a block."""

# Vectors of a tile by its height, the best of most layers first; the largest fill the
# registers (ext/kernels/conv_blocks/). Shorter strips are cut into fewer chunks.
_TILES: Mapping[str, Mapping[int, tuple[int, ...]]] = {
    "scalar": {2: (1,)},
    "avx2": {4: (1,), 2: (3, 2)},
    "avx512": {8: (3,), 4: (6, 4), 2: (4, 6, 8)},
}
_L1_FLOATS = 32 * 1024 // 4
_UNCHUNKED = 1 << 40
_MOST_PARTS = 24


@dataclass(frozen=True)
class BlockPlan:
    """How conv_blocks is packed; fields of wb_conv_blocks."""

    height: int
    strip: int
    unit: int
    l1_floats: int = _L1_FLOATS
    blocks: int = 1


def conv_blocks(
    *,
    indptr: I32,
    offsets: I32,
    values: F32,
    bias: F32,
    place: Placement,
    variant: str | None = None,
) -> Step:
    """Return a step in which n consecutive output channels share their offsets.

    ``out[o][p] = act(bias[o] + sum_k values[k, o % n] * arena[in(p) + offsets[k]] +
    res)`` for k in ``indptr[o // n]:indptr[o // n + 1]``.

    Parameters
    ----------
    indptr : array of int32, shape (ceil(O / n) + 1,)
    offsets : array of int32, shape (blocks,)
        Float offset of channel and tap, from ``src + vec_in``.
    values : array of float32, shape (blocks, n)
        n is 2, 4, 8 or 16; what exceeds the last output channel is not used.
    bias : array of float32, shape (O,)
    place : Placement
        As in ``conv_sparse``.
    variant : str, optional
        A name out of ``variants_conv_blocks``; None takes the first.

    Raises
    ------
    KernelError
        When a type, shape or bound does not hold, or the variant is not eligible.
    """
    checks.array("indptr", indptr, np.int32, 1)
    checks.array("offsets", offsets, np.int32, 1)
    checks.array("values", values, np.float32, 2)
    checks.compressed_rows(indptr, offsets, values[:, 0])
    height, groups = values.shape[1], indptr.size - 1
    checks.require(
        height in HEIGHTS and groups == -(-bias.size // height),
        f"{groups} groups of {height} for {bias.size} output channels",
        "n of 2, 4, 8 or 16 and ceil(O / n) groups",
        "Cut the output channels into groups of n, from the first one on.",
    )
    check_bias(bias, bias.size)
    place = checked_place(place, reach_of(offsets), bias.size)
    spec = ConvBlocks(indptr, offsets, values, bias, place)
    names = variants_conv_blocks(offsets, height)
    check_variant("conv_blocks", variant, names)
    native = compiled()
    if native is None:
        return reference(spec)
    plan = _plans(native.isa, offsets, height)[variant or names[0]]
    spec = lower_blocks(spec, plan.height)
    parts = max(1, min(_MOST_PARTS, (spec.indptr.size - 1) // 2))
    return native.step("conv_blocks", spec, replace(plan, blocks=parts))


def variants_conv_blocks(offsets: I32, height: int) -> tuple[str, ...]:
    """Return the variants worth timing, such as ``4x6``, the default first.

    Output channels x vectors of a tile; ``whole`` leaves activations in one piece
    where the others are cut to fit the L1 cache.
    """
    native = compiled()
    if native is None:
        return ("numpy",)
    return tuple(_plans(native.isa, offsets, height))


def lower_blocks(spec: ConvBlocks, height: int) -> ConvBlocks:
    """Return the same convolution in blocks of a divisor of its height.

    Examples
    --------
    >>> from workbench.kernels.values.types import Vectors
    >>> table = Vectors(np.zeros(1), np.zeros((1, 1)), np.zeros((1, 1)))
    >>> place = Placement(table, 0, 0, 0, arena_floats=0)
    >>> values = np.array([[1, 2, 3, 4], [5, 6, 7, 8]], np.float32)
    >>> rows, at = np.array([0, 2]), np.array([0, 16])
    >>> spec = ConvBlocks(rows, at, values, np.ones(4), place)
    >>> half = lower_blocks(spec, 2)
    >>> half.indptr.tolist(), half.offsets.tolist(), half.values.tolist()
    ([0, 2, 4], [0, 16, 0, 16], [[1.0, 2.0], [5.0, 6.0], [3.0, 4.0], [7.0, 8.0]])
    """
    tall = spec.values.shape[1]
    if height == tall:
        return spec
    parts = tall // height
    counts = np.diff(spec.indptr)
    first = np.repeat(spec.indptr[:-1], parts)
    used = -(-spec.bias.size // height)
    each = np.repeat(counts, parts)[:used]
    indptr = np.concatenate(([0], np.cumsum(each)))
    # Entry k of part s of group g is entry k of the group: columns of part s.
    within = np.arange(indptr[-1]) - np.repeat(indptr[:-1], each)
    source = np.repeat(first[:used], each) + within
    part = np.repeat(np.arange(used) % parts, each)
    pieces = spec.values.reshape(-1, parts, height)
    return replace(
        spec,
        indptr=indptr.astype(np.int32),
        offsets=spec.offsets[source],
        values=np.ascontiguousarray(pieces[source, part]),
    )


def _plans(isa: str, offsets: I32, height: int) -> dict[str, BlockPlan]:
    unit = LANES if np.all(offsets % LANES == 0) else 1
    plans: dict[str, BlockPlan] = {}
    for rows, strips in _TILES[isa].items():
        if rows > height:
            continue
        for strip in strips:
            plan = BlockPlan(rows, strip, unit)
            plans[f"{rows}x{strip}"] = plan
            if len(plans) == 1:
                whole = replace(plan, l1_floats=_UNCHUNKED)
                plans[f"{rows}x{strip}-whole"] = whole
    return plans
