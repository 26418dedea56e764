"""What kernels that move lanes between whole vectors would compute with, modelled.

For instruction sets that this machine need not have: the packings of the shifting
sparse kernel and the generated code that shifts within image rows are followed lane by
lane on a memory of pixels, zeros and NaN. Every lane that is stored must hold what its
tap reads.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from tests.kernels.random_convolutions import Layer, operands, stored
from workbench.engine.candidates import Form
from workbench.engine.candidates.conv import (
    conv_forms,
    is_framed,
    place_conv,
    sparse_arguments,
)
from workbench.engine.graph.weights import count_nonzero
from workbench.engine.layout.aligned_vectors import on_one_grid
from workbench.kernels import LANES, Vectors
from workbench.kernels.steps.sparse import sparse_spec
from workbench.kernels.variants.code_shapes import (
    FARTHEST_IN_ROW,
    may_shift,
    may_shift_in_row,
    skews,
)
from workbench.kernels.variants.strips import SparsePlan, sparse_plans

LANE = np.arange(LANES)


def faults(layer: Layer, isa: str) -> tuple[int, list[str]]:
    """Follow every kernel of a layer that moves lanes: how many, and those at fault."""
    followed, found = 0, []
    plain = layer.node.op == "conv2d" and not is_framed(layer.node, layer.image.shape)
    if not plain or not count_nonzero(layer.node):
        return 0, []
    for form in conv_forms(layer.node, layer.image.shape):
        node, binding = operands(layer, form, Form(form.kind))
        memory = stored(layer, binding)
        place, taps = place_conv(node, binding)
        arguments = sparse_arguments(node, place, taps)
        offsets = np.unique(arguments["offsets"])
        plans = sparse_plans(isa, arguments["offsets"], place.vectors, place.src)
        for name, plan in plans.items():
            if plan.row_vectors:
                followed += 1
                if not _strips_right(memory, place.src, place.vectors, plan, offsets):
                    found.append(f"{name} on {form}")
        if isa == "avx512":
            ran, right = _generated(memory, arguments, offsets)
            followed += ran
            found += [] if right else [f"generated -s on {form}"]
    return followed, found


def _lanes(table: Vectors) -> np.ndarray:
    """Return which lanes of each vector are stored, in the order in which they read."""
    bits = np.bitwise_or.reduce(table.vec_mask, axis=1)
    kept = (bits[:, None] >> LANE & 1).astype(bool)
    if table.unzip:
        kept[:, ::2], kept[:, 1::2] = kept[:, :8].copy(), kept[:, 8:].copy()
    return kept


def _same(made: np.ndarray, read: np.ndarray, kept: np.ndarray) -> bool:
    return bool(np.array_equal(made[kept], read[kept]))


def _strips(plan: SparsePlan, count: int) -> Iterator[range]:
    """Cut vectors into strips as run_strips of ext/kernels/conv_sparse/ does."""
    unit, at = plan.row_vectors, 0
    while at < count:
        left = (count - at) // unit
        strips = -(-left // (plan.strip // unit))
        size = -(-left // strips) * unit
        yield range(at, at + size)
        at += size


def _strips_right(
    memory: np.ndarray, src: int, table: Vectors, plan: SparsePlan, offsets: np.ndarray
) -> bool:
    kept, starts = _lanes(table), src + table.vec_in
    last = plan.first_dx + plan.classes - 1
    for strip in _strips(plan, table.count):
        start = starts[strip.start : strip.stop, None] + LANE
        for offset in offsets.tolist():
            dx = (offset - plan.first_dx & plan.unit - 1) + plan.first_dx
            # Up as far as the last class is from this one, then down with all others.
            sums = memory[start + offset - dx].reshape(-1)
            sums = np.concatenate((np.zeros(last - dx), sums))[: sums.size]
            sums = np.concatenate((sums[last:], np.zeros(last)))
            made = sums.reshape(start.shape)
            if not _same(made, memory[start + offset], kept[strip.start : strip.stop]):
                return False
    return True


def _generated(
    memory: np.ndarray, arguments: dict, offsets: np.ndarray
) -> tuple[int, bool]:
    place, src = arguments["place"], arguments["place"].src
    table = on_one_grid(place.vectors, src)
    place = replace(place, vectors=table)
    spec = sparse_spec(**{**arguments, "place": place})
    if not may_shift(place, "avx512") or not may_shift_in_row(spec.offsets, place):
        return 0, True
    kept, start = _lanes(table), (src + table.vec_in)[:, None] + LANE
    for offset, dx in zip(offsets, skews(offsets, place), strict=True):
        if not 0 < abs(dx) <= FARTHEST_IN_ROW:
            continue
        made = np.zeros(start.shape)
        whole = memory[start + offset - dx]
        to = slice(0, LANES - dx) if dx > 0 else slice(-dx, LANES)
        made[:, to] = whole[:, dx:] if dx > 0 else whole[:, :dx]
        if not _same(made, memory[start + offset], kept):
            return 1, False
    return 1, True
