"""Layouts and vector tables for the kernel tests, written apart from the engine's."""

from dataclasses import dataclass, replace

import numpy as np

from workbench.kernels import LANES, Geometry, ImageRows, Vectors

GUARD = 128


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


def room(
    kind: str, size: tuple[int, int, int], *, border: int | tuple[int, int] = 0
) -> Room:
    """Place a tensor at a fresh arena's start: planes, aligned, rows, strips, flat.

    ``border`` zeros lie above and below it, and beside it if that differs.
    """
    c, h, w = size
    border, beside = (border, border) if isinstance(border, int) else border
    if kind == "strips":
        count = up16(h * w) // LANES
        stop = GUARD + count * LANES * c
        return Room(Geometry("strips", c, h, w, LANES, LANES * c, GUARD), GUARD, stop)
    if kind == "flat":
        geometry = Geometry("flat", c, h, w, h * w, w, GUARD)
        return Room(geometry, GUARD, GUARD + c * h * w)
    pitch = w + beside if kind == "planes" else up16(w + max(beside, 1))
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
        GUARD - beside,
        stop + beside,
    )


def split_phases(image: np.ndarray) -> np.ndarray:
    """Return the four phases (4 C, ceil(H / 2), ceil(W / 2)), zero where missing."""
    c, h, w = image.shape
    out = np.zeros((4 * c, (h + 1) // 2, (w + 1) // 2), dtype=image.dtype)
    for phase in range(4):
        part = image[:, phase // 2 :: 2, phase % 2 :: 2]
        out[phase * c : (phase + 1) * c, : part.shape[1], : part.shape[2]] = part
    return out


def vectors(
    source: Geometry, target: Geometry, columns: tuple[int, int] | None = None
) -> Vectors:
    """Return the table that maps each pixel of ``target`` to that of ``source``.

    ``columns`` are those of the leftmost and the rightmost tap.
    """
    h, w = target.height, target.width
    starts, pixels = [], []
    lane = np.arange(LANES)
    if source.kind == "strips":
        for s in range(0, h * w, LANES):
            starts.append(s // LANES * source.row_stride)
            pixels.append(np.where(s + lane < h * w, s + lane, -1))
    elif _run_together(source, w):
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
    table = _table(starts, pixels, target, _row_vectors(source, w))
    if columns is None or source.kind == "strips":
        return table
    return replace(table, rows=ImageRows(_pitch(source), source.width, *columns))


def _run_together(source: Geometry, width: int) -> bool:
    """Say whether rows share vectors: no output row is longer than a source row."""
    pitch = source.row_stride
    return source.kind == "planes" and pitch % LANES > 0 and width <= pitch


def _pitch(source: Geometry) -> int:
    return source.row_stride if source.kind == "planes" else source.channel_stride


def _row_vectors(source: Geometry, width: int) -> int:
    pitch = _pitch(source)
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
    source: Geometry,
    kernel: int | tuple[int, int],
    *,
    padding: int | tuple[int, int],
    dilation: int | tuple[int, int] = 1,
    split: int = 1,
) -> np.ndarray:
    """Return the offsets of a kernel of stride 1, shape (C, KH, KW).

    With ``split`` of 2 the stride is 2, over a source of four phases.
    """
    size, steps, before = pair(kernel), pair(dilation), pair(padding)
    y = (np.arange(size[0]) * steps[0] - before[0])[:, None]
    x = (np.arange(size[1]) * steps[1] - before[1])[None, :]
    channels = source.channels // split**2
    phase = (split * (y % split) + x % split) * channels
    channel = np.arange(channels)[:, None, None] + phase
    inside = y // split * source.row_stride + x // split
    return (channel * source.channel_stride + inside).astype(np.int32)


def pair(value: int | tuple[int, int]) -> tuple[int, int]:
    """Return (y, x)."""
    return (value, value) if isinstance(value, int) else value
