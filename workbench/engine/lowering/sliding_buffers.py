"""Where the rows of a band lie: small buffers that slide down a large tensor.

Belongs here: which stretch of a tensor exists in which band, what is carried from band
to band and which rows of padding are cleared. Does not belong here: the order of work
(`bands`) and addresses (`arena`).
"""

from collections.abc import Container, Sequence
from dataclasses import dataclass, replace

from workbench.engine.layout.layout import Layout
from workbench.engine.lowering.bands import Chain
from workbench.engine.lowering.schedule import Task
from workbench.kernels import LANES

SLIDING = ("rows", "strips")
"""Layouts whose outermost axis is the one that bands advance along."""


@dataclass(frozen=True)
class Slide:
    """One band of a window.

    Parameters
    ----------
    base : int
        Row, or strip, of the tensor that lies at the start of the buffer.
    carry : tuple of int, optional
        Rows [first, stop) kept from the band before, where they lay higher.
    clear : tuple of (int, int)
        Ranges of rows of padding, cleared before anything is read.
    """

    base: int
    carry: tuple[int, int] | None
    clear: tuple[tuple[int, int], ...]


@dataclass(frozen=True, eq=False)
class SlidingBuffer:
    """A buffer that holds a sliding stretch of a tensor.

    Parameters
    ----------
    layout : Layout
        Of the buffer: as many rows or strips as any band needs.
    whole : Layout
        Of the whole tensor; strides are equal.
    slides : tuple of Slide
        One a band.
    """

    layout: Layout
    whole: Layout
    slides: tuple[Slide, ...]

    @property
    def stride(self) -> int:
        """Floats between two rows or strips."""
        return self.whole.row_stride

    def moved(self, band: int) -> int:
        """Return the floats from a whole tensor at the buffer's start to the window."""
        return -(self.whole.border + self.slides[band].base) * self.stride


def find_windows(
    tasks: Sequence[Task], chain: Chain, outputs: Container[str]
) -> dict[str, SlidingBuffer]:
    """Return the window of every buffer that only lives inside of a chain.

    Parameters
    ----------
    tasks : sequence of Task
        The whole schedule.
    chain : Chain
    outputs : container of str
        Buffers of the network's results, which are never windows.
    """
    windows = {}
    for index in range(len(chain.units)):
        task = tasks[chain.first + index]
        readers = _readers(tasks, chain, index)
        if task.output is None or task.output.buffer in outputs or readers is None:
            continue
        window = _slide(task.output.layout, chain, index, readers)
        if window is not None:
            windows[task.output.buffer] = window
    return windows


def _readers(tasks: Sequence[Task], chain: Chain, index: int) -> list[int] | None:
    """Return the tasks of the chain that read an output, None if it must be whole."""
    position = chain.first + index
    target = tasks[position].output
    if target is None or len(tasks[position].inputs) > 1:
        return None
    layout = target.layout
    odd = layout.split > 1 and layout.full[0] % layout.split
    whole = (target.first, target.channels) == (0, layout.channels)
    if layout.kind not in SLIDING or not whole or odd:
        return None
    found = []
    for place, task in enumerate(tasks):
        if place == position:
            continue
        if task.output is not None and task.output.buffer == target.buffer:
            return None
        uses = [t for t in task.inputs if t.buffer == target.buffer]
        if not uses:
            continue
        inside = position < place <= chain.last
        if not inside or len(uses) > 1 or task.inputs[0] is not uses[0]:
            return None
        found.append(place - chain.first)
    return found or None


def _slide(
    layout: Layout, chain: Chain, index: int, readers: Sequence[int]
) -> SlidingBuffer | None:
    """Return the window of the output of a task of the chain."""
    maker = chain.units[index]
    strips = layout.kind == "strips"
    size = -(-maker.height // layout.split)
    size = -(-maker.height * maker.width // LANES) if strips else size

    def made(pixel: int) -> int:
        return pixel // LANES if strips else pixel // maker.width // layout.split

    def read(reader: int, unit: int, *, last: bool) -> int:
        units = chain.units[reader]
        if strips:
            pixel = int(units.ends[unit]) - 1 if last else units.first_pixel(unit)
            return pixel // LANES
        row = int((units.high if last else units.low)[unit])
        if layout.border == 0:
            row = min(max(row, 0), maker.height - 1)
        return row // layout.split

    if strips and any(chain.units[r].width != maker.width for r in readers):
        return None
    slides: list[Slide] = []
    top, base, most = -1, 0, 1
    for band in range(len(chain.stops)):
        ahead, highest = [], top
        begin, stop = chain.range(band, index)
        if begin < maker.ends.size:
            ahead.append(made(maker.first_pixel(begin)))
        if stop > begin:
            highest = max(highest, made(int(maker.ends[stop - 1]) - 1))
        for reader in readers:
            start, end = chain.range(band, reader)
            if start < chain.units[reader].ends.size:
                ahead.append(read(reader, start, last=False))
            if end > start:
                highest = max(highest, read(reader, end - 1, last=True))
        before, base = base, min(ahead, default=base)
        base = base if band == 0 else max(base, before)
        carry = (base, top + 1) if band and base > before and top >= base else None
        clear = []
        if band == 0 and base < 0:
            clear.append((base, 0))
        if highest >= max(size, top + 1):
            clear.append((max(size, top + 1), highest + 1))
        slides.append(Slide(base, carry, tuple(clear)))
        top = max(highest, top)
        most = max(most, top - base + 1)
    if most >= size:
        return None
    return SlidingBuffer(_buffer(layout, most), layout, tuple(slides))


def _buffer(layout: Layout, units: int) -> Layout:
    if layout.kind == "strips":
        return replace(layout, height=1, width=units * LANES)
    return replace(layout, height=units, border=0, full=(0, 0))
