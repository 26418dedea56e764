"""What the factories of all convolutions check: places, biases, variants.

Belongs here: that every access lies in the arena. Does not belong here: one kernel.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from workbench.kernels.values import checks
from workbench.kernels.values.specs import Placement
from workbench.kernels.values.types import F32, I32, LANES, KernelError


def checked_place(
    place: Placement,
    reach: tuple[int, int] | None,
    channels: int,
    *,
    paces: tuple[int, ...] = (1,),
) -> Placement:
    """Return a placement with its extent, once every access is in the arena.

    Parameters
    ----------
    place : Placement
    reach : tuple of int or None
        Lowest and highest offset that is read, None when nothing is.
    channels : int
        Output channels.
    paces : tuple of int
        That the kernel knows.

    Raises
    ------
    KernelError
        When a type, shape or bound does not hold.
    """
    table = checks.vectors(place.vectors, paces)
    checks.activation(place.act)
    checks.whole("out_cs", place.out_cs, 0)
    for name in ("src", "dst", "residual"):
        if (start := getattr(place, name)) is not None:
            checks.whole(name, start, -checks.MOST_FLOATS)
    writes = checks.write_extent(table, place.dst, place.out_cs, channels)
    checks.inside_arena("the destination", writes, place.arena_floats)
    touched = [writes]
    if reach is not None:
        reads = checks.read_extent(table, place.src, *reach)
        if place.frame is not None:
            origin = place.src + int(table.vec_in[0])
            reads = place.frame.extent(origin, (0, table.count), reach)
        checks.inside_arena("the source", reads, place.arena_floats)
        touched.append(reads)
    if place.residual is not None:
        starts = table.vec_out[table.vec_mask != 0]
        first = place.residual + int(starts.min(initial=0))
        last = place.residual + int(starts.max(initial=0))
        added = (first, last + (channels - 1) * place.out_cs + LANES)
        checks.inside_arena("the residual", added, place.arena_floats)
        touched.append(added)
    return replace(place, extent=checks.join(touched))


def reach_of(offsets: I32) -> tuple[int, int] | None:
    """Return the lowest and highest offset, None when nothing is read."""
    if offsets.size == 0:
        return None
    return int(offsets.min()), int(offsets.max())


def check_bias(bias: F32, channels: int) -> None:
    """Raise a KernelError unless there is one float an output channel."""
    checks.array("bias", bias, np.float32, 1)
    checks.require(
        bias.size == channels,
        f"bias of {bias.size} values",
        f"{channels}, one an output channel",
        "Pass zeros where the layer has no bias.",
    )


def check_variant(kernel: str, variant: str | None, names: Sequence[str]) -> None:
    """Raise a KernelError unless the variant is None or one of the names."""
    if variant is not None and variant not in names:
        raise KernelError(
            f"variant {variant!r} of {kernel}",
            "one of " + ", ".join(names),
            f"Leave variant=None, or ask variants_{kernel} for the names.",
        )
