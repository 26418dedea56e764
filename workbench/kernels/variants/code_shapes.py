"""Tunings of generated code: their names, which fit, which are worth timing.

Belongs here: how a layer's code may be cut and visited, decided from its offsets and
vectors alone. Does not belong here: making code (generated) or timing it (engine).
"""

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from workbench.kernels.values import checks
from workbench.kernels.values.specs import ConvSparse, Placement
from workbench.kernels.values.types import I32, LANES, KernelError

ROWS = {"avx2": 6, "avx512": 31}
ROWS_SHIFTED = 29
ROWS_CURVED = 28
"""Most output rows of a unit; other uses of registers leave fewer."""

MOST_PARTS_BY_INPUTS = 3
MOST_PARTS = 8
L1_BYTES = 16 << 10
L1_CODE_BYTES = 17 << 10
CODE_PER_NONZERO = 10
L2_BYTES = 512 << 10
"""Shares of the caches that the inputs of a visit, the code of a visit, and a layer's
code may fill; code that does not stay in L1 comes from L2 again for every vector."""

FMAS_HIDING_A_MISS = 8
"""Multiply-adds a cache line above which its way from L2 does not show."""

BYTES_PER_NONZERO = 14
"""Code and weight together, measured at 80 to 95 % sparsity."""

FEW_VECTORS = 16
SHARED_VECTORS = 12
"""Planes of at least so many vectors are shared by pixels, unless there is much code:
whoever reads them next has written them (`WB_TALL` of ext/kernels/depthwise/)."""

REACH = (2**31 - 1) // 8
"""Floats from the first pixel of a channel to the farthest that code may address: its
displacements are 32 bits of bytes. The same number guards ext/emit/create.c."""

FARTHEST_IN_ROW = 2
NARROW_LANES = 8


@dataclass(frozen=True)
class CodeShape:
    """How a layer's code is cut and visited; results do not depend on it.

    Parameters
    ----------
    group : int
        Output rows that one unit of code keeps in registers.
    parts : int
        Shares of the input columns; sums wait in the output between them, so that
        the inputs and the code of one visit fit the L1 caches.
    band : int
        Vectors that all units visit before the next ones; 0 is all.
    shift : bool
        Make vectors beside a multiple of 16 floats out of whole ones.
    rows : bool
        Threads share units instead of vectors.
    narrow : bool
        Shorter registers for vectors with at most 8 live lanes.

    Examples
    --------
    >>> CodeShape(29, parts=2, shift=True).name
    'g29-p2-s'
    >>> CodeShape.parse("g31-b8-r") == CodeShape(31, band=8, rows=True)
    True
    """

    group: int
    parts: int = 1
    band: int = 0
    shift: bool = False
    rows: bool = False
    narrow: bool = False

    @property
    def name(self) -> str:
        """The variant's name: what differs from the defaults."""
        words = [f"g{self.group}"]
        words += [f"p{self.parts}"] if self.parts > 1 else []
        words += [f"b{self.band}"] if self.band else []
        flags = ("shift", "rows", "narrow")
        return "-".join(words + [f[0] for f in flags if getattr(self, f)])

    @classmethod
    def parse(cls, name: str) -> "CodeShape":
        """Return the tuning of a name.

        Raises
        ------
        KernelError
            When it is not the name of a tuning.
        """
        letters = {field.name[0]: field.name for field in fields(cls)}
        found: dict[str, Any] = {}
        for word in name.split("-"):
            key, digits = letters.get(word[:1], ""), word[1:]
            if not key or key in found or (digits == "") != (word[:1] in "srn"):
                raise _unknown(name)
            if digits and not digits.isdecimal():
                raise _unknown(name)
            found[key] = int(digits) if digits else True
        if "group" not in found:
            raise _unknown(name)
        return cls(**found)


def _unknown(name: str) -> KernelError:
    return KernelError(
        f"variant {name!r} of conv_generated",
        "a name such as g31, g29-p2-s or g31-b8-r",
        "Ask variants_generated for names, or leave variant=None.",
    )


def most_rows(place: Placement, isa: str, shift: bool) -> int:
    """Return how many output rows a unit of code may have."""
    rows = ROWS[isa]
    if isa == "avx512":
        curved = ROWS_CURVED if place.act.curved else rows
        rows = min(rows, ROWS_SHIFTED if shift else rows, curved)
    return rows


def in_reach(spec: ConvSparse) -> bool:
    """Say whether generated code can address every input, output and residual."""
    place = spec.place
    ends = [(spec.indptr.size - 1) * place.out_cs]
    ends += [] if place.residual is None else [place.residual - place.dst]
    ends += [int(spec.offsets.max(initial=0)) - int(spec.offsets.min(initial=0))]
    return all(-REACH < end < REACH for end in ends)


def skews(offsets: I32, place: Placement) -> I32:
    """Return the floats from the nearest multiple of 16 to each offset's input."""
    start = (place.src + int(place.vectors.vec_in[0])) % LANES
    half = LANES // 2
    return np.asarray((offsets + (start + half) & LANES - 1) - half, dtype=np.int32)


def may_shift(place: Placement, isa: str) -> bool:
    """Say whether all vectors start equally far from a multiple of 16 floats."""
    starts = (place.src + place.vectors.vec_in) % LANES
    return isa == "avx512" and bool(np.all(starts == starts[0]))


def may_shift_in_row(offsets: I32, place: Placement) -> bool:
    """Say whether shifted lanes may be zeros instead of the neighbouring vector's.

    Each vector must hold a whole image row, and no live lane may look beyond it. A tap
    that starts two lanes before the next whole vector is far to the right: its first
    lanes are pixels of this row, not zeros.
    """
    table = place.vectors
    if table.row_vectors != 1 or (place.src + int(table.vec_in[0])) % LANES:
        return False
    if table.rows is None or table.rows.right >= LANES - FARTHEST_IN_ROW:
        return False
    near = skews(offsets, place)
    near = near[(near > 0) & (near <= FARTHEST_IN_ROW)]
    return int(live_lanes(place).max()) + int(near.max(initial=0)) <= LANES


def live_lanes(place: Placement) -> I32:
    """Return one past the highest stored lane of each vector."""
    merged = np.bitwise_or.reduce(place.vectors.vec_mask, axis=1).astype(np.float64)
    return np.asarray(np.frexp(merged)[1], dtype=np.int32)


def check(tuning: CodeShape, spec: ConvSparse, isa: str) -> None:
    """Raise a KernelError when a tuning does not fit these arguments."""
    place, most = spec.place, most_rows(spec.place, isa, tuning.shift)
    checks.require(
        in_reach(spec),
        f"variant {tuning.name} for tensors of 2^30 bytes or more",
        f"inputs, outputs and a residual within {REACH} floats of each other",
        "Use conv_sparse for this layer.",
    )
    checks.require(
        1 <= tuning.group <= most and tuning.parts >= 1 and tuning.band >= 0,
        f"variant {tuning.name}: {tuning.group} rows, {tuning.parts} parts",
        f"1..{most} rows on {isa} and at least one part",
        "Take a smaller group.",
    )
    checks.require(
        tuning.parts == 1 or (isa == "avx512" and place.residual != place.dst),
        f"variant {tuning.name} on {isa}, residual at {place.residual}",
        "avx512 and a residual that is not the destination itself",
        "Use one part.",
    )
    checks.require(
        not place.vectors.unzip or (tuning.parts == 1 and not tuning.narrow),
        f"variant {tuning.name} for vectors that are unzipped",
        "one part and whole registers",
        "Use a variant without p and n.",
    )
    checks.require(
        not tuning.shift or may_shift(place, isa),
        f"variant {tuning.name} for vectors at different places",
        "avx512 and inputs equally far from a multiple of 16 floats",
        "Use a variant without s.",
    )


def worthwhile(spec: ConvSparse, isa: str) -> tuple[str, ...]:
    """Return the names of the tunings worth timing, the likely best first."""
    place, rows = spec.place, spec.indptr.size - 1
    lanes = live_lanes(place)
    code = spec.values.size * BYTES_PER_NONZERO
    large = code > L2_BYTES
    found: list[CodeShape]
    crossing = bool(np.any(skews(spec.offsets, place)))
    if isa != "avx512":
        most = most_rows(place, isa, False)
        found = [CodeShape(most, band=0), CodeShape(most, band=8)]
    elif crossing and may_shift(place, isa):
        found = _shifted(spec, isa)
    else:
        most = most_rows(place, isa, False)
        found = [CodeShape(most, band=1), CodeShape(most, band=8), CodeShape(most)]
        found = found[::-1] if large else found
        parts = code_parts(spec.values.size / -(-rows // most))
        if parts > 1 and may_be_cut(place):
            found.insert(0 if large else len(found), CodeShape(most, parts=parts))
    few = lanes.size <= FEW_VECTORS and lanes.min() <= NARROW_LANES
    if few and not large and not place.vectors.unzip:
        found.append(_with(found[0], narrow=True))
    if lanes.size < (4 * FEW_VECTORS if large else SHARED_VECTORS):
        found.append(_with(found[0], rows=True))
    names = [_with(t, group=even_groups(rows, t.group)).name for t in found]
    return tuple(dict.fromkeys(names))


def may_be_cut(place: Placement) -> bool:
    """Say whether sums may wait in the output between parts of the columns."""
    return place.residual != place.dst and not place.vectors.unzip


def code_parts(nonzeros: float) -> int:
    """Return into how many parts the code of a unit is cut so that it stays in L1.

    Examples
    --------
    >>> code_parts(1000), code_parts(3200), code_parts(6500)
    (1, 2, 4)
    """
    parts = round(nonzeros * CODE_PER_NONZERO / L1_CODE_BYTES)
    return min(MOST_PARTS, max(1, parts))


def even_groups(rows: int, most: int) -> int:
    """Return the group size that cuts rows into as many, equal groups.

    Examples
    --------
    >>> even_groups(64, 31)
    22
    """
    return -(-rows // -(-rows // most))


def _with(tuning: CodeShape, **changes: Any) -> CodeShape:
    return replace(tuning, **changes)


def _shifted(spec: ConvSparse, isa: str) -> list[CodeShape]:
    """Return tunings for windows: whole vectors, in parts that fit L1, or plain."""
    most = most_rows(spec.place, isa, True)
    ends = np.concatenate((spec.offsets, spec.offsets + LANES - 1))
    touched = np.zeros(int(np.ptp(ends)) // LANES + 2, np.bool_)
    touched[ends // LANES - int(ends.min()) // LANES] = True
    lines = int(np.count_nonzero(touched))
    units = -(-(spec.indptr.size - 1) // most)
    inputs = min(MOST_PARTS_BY_INPUTS, max(1, round(lines * 64 / L1_BYTES)))
    crowded = spec.values.size / units > FMAS_HIDING_A_MISS * lines
    found = [CodeShape(most, shift=True)]
    if may_be_cut(spec.place):
        code = code_parts(spec.values.size / units)
        likely = code if code > 1 else 1 if crowded else inputs
        others = sorted({1, inputs, max(1, code // 2), code} - {likely})
        found = [CodeShape(most, parts=p, shift=True) for p in (likely, *others)]
    return [*found, CodeShape(most_rows(spec.place, isa, False))]
