"""Parts of steps: some of the vectors or rows of a step, elsewhere in the arena.

Belongs here: steps that share the packed weights of a whole one, and the moves that
carry rows between them. Does not belong here: which parts a program wants (engine).
"""

from dataclasses import replace
from typing import Any

import numpy as np

from workbench.kernels.backend import NUMBERS, info, module
from workbench.kernels.values import checks
from workbench.kernels.values.specs import Placement, Pointwise, Pool, Transfer
from workbench.kernels.values.types import LANES, Geometry, Step, Vectors


def divisible(step: Step) -> bool:
    """Say whether parts of a step can be made: native, and of a kernel that allows it.

    Vectors of convolutions and rows of pooling, copies and loads are such units.
    """
    return getattr(step, "divisible", None) is not None


def count_units(step: Step) -> int:
    """Return how many units a divisible step has: vectors, or rows."""
    spec: Any = getattr(step, "divisible", None)
    if isinstance(spec, Placement):
        return spec.vectors.count
    if isinstance(spec, Pool):
        return spec.target.height
    return int(spec.a.height if isinstance(spec, Pointwise) else spec.height)


def vectors_of(step: Step) -> Vectors | None:
    """Return the vector table of a divisible convolution, None for other steps."""
    spec = getattr(step, "divisible", None)
    return spec.vectors if isinstance(spec, Placement) else None


def part(
    step: Step,
    units: tuple[int, int],
    *,
    moved: tuple[int, int] = (0, 0),
    arena_floats: int,
) -> Step:
    """Return a step that does some units of a divisible one; weights are shared.

    Parameters
    ----------
    step : Step
        For which `divisible` holds. It need not fit any arena as a whole.
    units : tuple of int
        First unit and one past the last.
    moved : tuple of int
        Floats that the source and the target lie after those of the whole step. A
        residual moves as the target does.
    arena_floats : int
        Size of the arena that the part will run in.

    Raises
    ------
    KernelError
        When the step cannot be divided or the part would leave the arena.
    """
    checks.require(
        divisible(step) and 0 <= units[0] < units[1] <= count_units(step),
        f"units {units} of {step.kernel}",
        "some units of a divisible step",
        "Run the step as a whole.",
    )
    for distance in moved:
        checks.whole("the distance of a part", distance, -checks.MOST_FLOATS)
    extent = _extent(step, units, moved)
    checks.inside_arena(f"a part of {step.kernel}", extent, arena_floats)
    made: Step = module().part(step, units, moved, extent, _macs(step, units))
    return made


def move(*, src: int | None, dst: int, floats: int, arena_floats: int) -> Step:
    """Return a step that carries floats to a lower place of the arena, or clears them.

    Parameters
    ----------
    src : int or None
        First float to carry; None clears.
    dst, floats : int
        Where to, not above ``src``, and how many.
    arena_floats : int
        Size of the arena.

    Raises
    ------
    KernelError
        When a range leaves the arena or ``dst`` lies above ``src``.
    """
    checks.whole("the floats of a move", floats, 1)
    checks.whole("dst of a move", dst, 0)
    if src is not None:
        checks.whole("src of a move", src, 0)
    low, high = dst, (dst if src is None else src) + floats
    checks.require(
        src is None or dst <= src,
        f"{floats} floats from {src} to {dst}",
        "at least one, and not to a higher place",
        "Carry towards the start of the buffer.",
    )
    checks.inside_arena("a move", (low, high), arena_floats)
    number, start = NUMBERS[info().isa], -1 if src is None else src
    made: Step = module().move(number, start, dst, floats)
    return made


def _macs(step: Any, units: tuple[int, int]) -> int:
    table = vectors_of(step)
    if table is None or not step.macs:
        return 0
    stored = int(np.bitwise_count(table.vec_mask[slice(*units)]).sum())
    return int(step.macs) // table.pixels * stored


def _extent(step: Any, units: tuple[int, int], moved: tuple[int, int]) -> Any:
    spec = step.divisible
    if isinstance(spec, Placement):
        return _placed(step, spec, units, moved)
    if isinstance(spec, Pool):
        y0, y1 = int(spec.y0[units[0]]), int(spec.y1[units[1] - 1])
        return checks.join(
            (
                _rows(spec.source, (y0, y1), moved[0]),
                _rows(spec.target, units, moved[1]),
            )
        )
    if isinstance(spec, Transfer):
        return _rows(spec.inside, _halved(spec, units), sum(moved))
    return checks.join(
        (
            _rows(spec.a, units, moved[0]),
            _rows(spec.out, _halved(spec, units), moved[1]),
        )
    )


def _placed(
    step: Any, place: Placement, units: tuple[int, int], moved: tuple[int, int]
) -> tuple[int, int]:
    some, table = slice(*units), place.vectors
    origin = place.src + moved[0] + int(table.vec_in[0])
    table = replace(
        table,
        vec_in=table.vec_in[some],
        vec_out=table.vec_out[some],
        vec_mask=table.vec_mask[some],
        row_vectors=0,
    )
    dst, channels = place.dst + moved[1], int(step.channels)
    reads = checks.read_extent(table, place.src + moved[0], *step.reach)
    if place.frame is not None:
        checks.require(
            units[0] % place.frame.columns == 0 == units[1] % place.frame.columns,
            f"units {units} of an image framed in rows of {place.frame.columns}",
            "whole rows of vectors",
            "Cut between rows.",
        )
        reads = place.frame.extent(origin, units, step.reach)
    writes = checks.write_extent(table, dst, place.out_cs, channels)
    touched = [reads, writes] if step.macs else [writes]
    if place.residual is not None:
        gap = place.residual - place.dst
        touched.append((writes[0] + gap - LANES, writes[1] + gap + LANES))
    return checks.join(touched)


def _halved(spec: Transfer | Pointwise, units: tuple[int, int]) -> tuple[int, int]:
    return (units[0] // 2, -(-units[1] // 2)) if spec.phase_split else units


def _rows(tensor: Geometry, rows: tuple[int, int], moved: int) -> tuple[int, int]:
    """Return the arena range of some image rows of a tensor."""
    last = rows[1] - 1
    ends = tensor.address(tensor.channels - 1, last, tensor.width - 1)
    if tensor.kind == "strips":
        ends = max(ends, tensor.address(tensor.channels - 1, rows[0], 0) + LANES)
        ends += LANES
    return tensor.address(0, rows[0], 0) - LANES * (tensor.kind == "strips") + moved, (
        ends + 1 + moved
    )
