"""What the Winograd convolution computes, in NumPy.

Belongs here: the specification of ext/kernels/winograd/, read from the same tables.
"""

import numpy as np

from workbench.kernels.reference.activation import activate
from workbench.kernels.reference.step import ReferenceStep
from workbench.kernels.values.types import F32, I64, LANES
from workbench.kernels.values.winograd_spec import WinogradConv, WinogradTiles

_LANE = np.arange(LANES, dtype=np.int64)


def winograd(spec: WinogradConv) -> ReferenceStep:
    """Return the step; see ``workbench.kernels.conv_winograd``."""
    weights, vectors = spec.weights, range(spec.tiles.vectors)
    coords = weights.coords
    count, outputs, inputs = coords.shape
    sources = spec.src + np.arange(inputs, dtype=np.int64) * spec.in_cs

    def apply(arena: F32, x: F32, y: F32) -> None:
        results = []
        for vector in vectors:
            tiles = _tiles(arena, spec.tiles, sources, vector)
            inside = np.einsum("ai,bj,cijt->abct", weights.bt, weights.bt, tiles)
            if spec.rectify:
                inside = np.maximum(inside, 0)
            products = coords @ inside.reshape(count, inputs, LANES)
            square = products.reshape(*inside.shape[:2], outputs, LANES)
            results.append(
                np.einsum("ra,xb,abot->ortx", weights.at, weights.at, square)
            )
        for vector, rows in zip(vectors, results, strict=True):
            _store(arena, spec, vector, rows)

    return ReferenceStep("numpy_winograd", spec.macs, coords.nbytes, spec.extent, apply)


def _tiles(arena: F32, table: WinogradTiles, sources: I64, vector: int) -> F32:
    """Input tiles of one tile vector, shape (C, m + 2, m + 2, 16)."""
    m = table.m
    columns = np.zeros((sources.size, m + 2, LANES * (m + 2)), dtype=np.float32)
    beyond = np.zeros_like(columns)
    for item in range(table.item_start[vector], table.item_start[vector + 1]):
        where = table.item_off[item][:, None] + _LANE
        inside = (table.item_mask[item][:, None] >> _LANE & 1).astype(bool)
        values = np.where(inside, arena[sources[:, None, None] + where], 0)
        slots = table.item_slot[item] + _LANE
        columns[:, :, slots] = values
        kept = (table.item_halo[item] >> _LANE & 1).astype(bool)
        beyond[:, :, slots[kept] - m] = values[:, :, kept]
    start = m * _LANE[None, :]
    phases = [columns[:, :, start + i] for i in range(m)]
    phases += [beyond[:, :, start + i] for i in range(2)]
    return np.concatenate(phases, axis=2)


def _store(arena: F32, spec: WinogradConv, vector: int, rows: F32) -> None:
    """Add bias and residual, apply the activation, store the masked lanes."""
    m = spec.tiles.m
    chunks = slice(vector * m * m, (vector + 1) * m * m)
    offsets, masks = spec.tiles.out_off[chunks], spec.tiles.out_mask[chunks]
    values = rows.reshape(len(rows), m * m, LANES) + spec.bias[:, None, None]
    if spec.tiles.unzip:
        values = np.concatenate((values[:, :, 0::2], values[:, :, 1::2]), axis=2)
    planes = np.arange(len(rows), dtype=np.int64)[:, None] * spec.out_cs
    for segment in range(offsets.shape[1]):
        kept = (masks[:, segment, None] >> _LANE & 1).astype(bool)
        where = planes + (offsets[:, segment, None] + _LANE)[kept]
        stored = values[:, kept]
        if spec.residual is not None:
            stored = stored + arena[spec.residual + where]
        arena[spec.dst + where] = activate(stored, spec.act)
