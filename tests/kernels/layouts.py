"""Layouts and vector tables for the kernel tests, written apart from the engine's."""

from dataclasses import dataclass, replace

import numpy as np

from workbench.kernels import LANES, Geometry, Vectors

GUARD = 64


@dataclass(frozen=True)
class Room:
    """A tensor in the arena: its geometry, and the range that is zero around it."""

    geometry: Geometry
    start: int
    stop: int

    def moved(self, by: int) -> "Room":
        shape = replace(self.geometry, base=self.geometry.base + by)
        return Room(shape, self.start + by, self.stop + by)


def up16(n: int) -> int:
    return (n + LANES - 1) // LANES * LANES


def room(kind: str, size: tuple[int, int, int], *, border: int = 0) -> Room:
    """Place a tensor at a fresh arena's start: planes, aligned, rows, strips, flat."""
    c, h, w = size
    if kind == "strips":
        count = up16(h * w) // LANES
        stop = GUARD + count * LANES * c
        return Room(Geometry("strips", c, h, w, LANES, LANES * c, GUARD), GUARD, stop)
    if kind == "flat":
        geometry = Geometry("flat", c, h, w, h * w, w, GUARD)
        return Room(geometry, GUARD, GUARD + c * h * w)
    pitch = w + border if kind == "planes" else up16(w + max(border, 1))
    if kind == "rows":
        cs, rs = pitch, pitch * c
        base = GUARD + border * rs
        stop = GUARD + (h + 2 * border) * rs
    else:
        cs, rs = up16((h + 2 * border) * pitch), pitch
        base = GUARD + border * rs
        stop = GUARD + c * cs
    return Room(
        Geometry("rows" if kind == "rows" else "planes", c, h, w, cs, rs, base),
        GUARD - border,
        stop + border,
    )


def split_phases(image: np.ndarray) -> np.ndarray:
    """Return the four phases (4 C, ceil(H / 2), ceil(W / 2)), zero where missing."""
    c, h, w = image.shape
    out = np.zeros((4 * c, (h + 1) // 2, (w + 1) // 2), dtype=image.dtype)
    for phase in range(4):
        part = image[:, phase // 2 :: 2, phase % 2 :: 2]
        out[phase * c : (phase + 1) * c, : part.shape[1], : part.shape[2]] = part
    return out


def vectors(source: Geometry, target: Geometry) -> Vectors:
    """Return the table that maps each pixel of ``target`` to that of ``source``."""
    h, w = target.height, target.width
    starts, pixels = [], []
    lane = np.arange(LANES)
    if source.kind == "strips":
        for s in range(0, h * w, LANES):
            starts.append(s // LANES * source.row_stride)
            pixels.append(np.where(s + lane < h * w, s + lane, -1))
    elif source.kind == "planes" and source.row_stride % LANES:
        pitch = source.row_stride
        for f in range(0, h * pitch, LANES):
            y, x = (f + lane) // pitch, (f + lane) % pitch
            starts.append(f)
            pixels.append(np.where((x < w) & (y < h), y * w + x, -1))
    else:
        for y in range(h):
            for x in range(0, w, LANES):
                starts.append(y * source.row_stride + x)
                pixels.append(np.where(x + lane < w, y * w + x + lane, -1))
    return _table(starts, pixels, target, _row_vectors(source, w))


def _row_vectors(source: Geometry, width: int) -> int:
    pitch = source.row_stride if source.kind == "planes" else source.channel_stride
    if source.kind == "strips" or pitch % LANES or width >= pitch:
        return 0
    return up16(width) // LANES if up16(width) == pitch else 0


def _table(starts, pixels, target: Geometry, row_vectors: int) -> Vectors:
    lane = np.arange(LANES)
    rows = []
    for start, lanes in zip(starts, pixels, strict=True):
        groups: dict[int, int] = {}
        for i in lane[lanes >= 0]:
            y, x = divmod(int(lanes[i]), target.width)
            origin = target.address(0, y, x) - target.base - int(i)
            groups[origin] = groups.get(origin, 0) | 1 << int(i)
        pieces = list(groups.items()) or [(0, 0)]
        # More segments than a vector may have: the same vector again, other lanes.
        for first in range(0, len(pieces), 3):
            rows.append((start, pieces[first : first + 3]))
    segments = max(len(pieces) for _, pieces in rows)
    filled = [pieces + [(0, 0)] * (segments - len(pieces)) for _, pieces in rows]
    return Vectors(
        np.array([start for start, _ in rows], dtype=np.int64),
        np.array([[at for at, _ in row] for row in filled], dtype=np.int64),
        np.array([[mask for _, mask in row] for row in filled], dtype=np.uint16),
        row_vectors if len(rows) == len(starts) else 0,
    )


def put(arena: np.ndarray, where: Room, values: np.ndarray) -> None:
    """Zero the tensor's range and write its elements."""
    arena[where.start : where.stop] = 0
    arena[where.geometry.addresses()] = values


def taps(
    source: Geometry, kernel: int, *, padding: int, dilation: int = 1
) -> np.ndarray:
    """Return the offsets of a stride-1 kernel, shape (C, K, K)."""
    c = np.arange(source.channels)[:, None, None] * source.channel_stride
    y = (np.arange(kernel) * dilation - padding)[None, :, None] * source.row_stride
    x = (np.arange(kernel) * dilation - padding)[None, None, :]
    return (c + y + x).astype(np.int32)


def taps_stride2(phases: Geometry, kernel: int, *, padding: int) -> np.ndarray:
    """Return the offsets of a stride-2 kernel over a phase-split source, (C, K, K)."""
    channels = phases.channels // 4
    c, ky, kx = np.meshgrid(
        np.arange(channels), np.arange(kernel), np.arange(kernel), indexing="ij"
    )
    y, x = ky - padding, kx - padding
    phase = 2 * (y % 2) + x % 2
    offset = (phase * channels + c) * phases.channel_stride
    offset += y // 2 * phases.row_stride + x // 2
    return offset.astype(np.int32)
