"""What pooling, pointwise and moving kernels compute, in NumPy.

Belongs here: the specification of pool, global_avg, pointwise and transfer.
"""

import numpy as np

from workbench.kernels.reference.activation import activate
from workbench.kernels.reference.step import ReferenceStep
from workbench.kernels.values.checks import join
from workbench.kernels.values.specs import GlobalAverage, Pointwise, Pool, Transfer
from workbench.kernels.values.types import F32


def pool(spec: Pool) -> ReferenceStep:
    """Return the step that reduces each window."""
    source, target = spec.source.addresses(), spec.target.addresses()

    def apply(arena: F32, x: F32, y: F32) -> None:
        taken = arena[source]
        rows = zip(spec.y0, spec.y1, spec.dy, strict=True)
        for oy, (y0, y1, dy) in enumerate(rows):
            columns = zip(spec.x0, spec.x1, spec.dx, strict=True)
            for ox, (x0, x1, dx) in enumerate(columns):
                window = taken[:, y0:y1, x0:x1]
                if spec.maximum:
                    best = window.max(axis=(1, 2))
                else:
                    best = window.sum(axis=(1, 2)) / np.float32(int(dy) * int(dx))
                arena[target[:, oy, ox]] = best

    extent = join([spec.source.extent, spec.target.extent])
    return ReferenceStep("numpy_pool", 0, 0, extent, apply)


def global_avg(spec: GlobalAverage) -> ReferenceStep:
    """Return the step that averages each channel."""
    source = spec.source.addresses()
    count = source.shape[0]

    def apply(arena: F32, x: F32, y: F32) -> None:
        arena[spec.dst : spec.dst + count] = arena[source].mean(axis=(1, 2))

    extent = join([spec.source.extent, (spec.dst, spec.dst + count)])
    return ReferenceStep("numpy_global_avg", 0, 0, extent, apply)


def pointwise(spec: Pointwise) -> ReferenceStep:
    """Return the step of ``act(a op b)`` or of a copy, phase-split or not."""
    source, target = spec.a.addresses(), spec.out.addresses()
    second = None if spec.b is None else spec.b.addresses()

    def apply(arena: F32, x: F32, y: F32) -> None:
        values = arena[source]
        if second is not None:
            other = arena[second]
            values = values + other if spec.op == "add" else values * other
        values = activate(values, spec.act)
        if spec.phase_split:
            _split(arena, values, target)
        else:
            arena[target] = values

    extents = [spec.a.extent, spec.out.extent]
    if spec.b is not None:
        extents.append(spec.b.extent)
    return ReferenceStep(f"numpy_{spec.op}", 0, 0, join(extents), apply)


def transfer(spec: Transfer) -> ReferenceStep:
    """Return the step between the external image and the arena."""
    inside = spec.inside.addresses()
    size = (spec.channels, spec.height, spec.width)
    stop = spec.offset + spec.channels * spec.height * spec.width
    place = slice(spec.offset, stop)

    def load(arena: F32, x: F32, y: F32) -> None:
        if spec.phase_split:
            _split(arena, x[place].reshape(size), inside)
        else:
            arena[inside] = x[place].reshape(size)

    def store(arena: F32, x: F32, y: F32) -> None:
        y[place].reshape(size)[...] = arena[inside]

    if spec.load:
        extent = spec.inside.extent
        return ReferenceStep("numpy_load_input", 0, 0, extent, load, x_floats=stop)
    return ReferenceStep(
        "numpy_store_output", 0, 0, spec.inside.extent, store, y_floats=stop
    )


def _split(arena: F32, values: F32, target: np.ndarray) -> None:
    channels = values.shape[0]
    for phase in range(4):
        part = values[:, phase // 2 :: 2, phase % 2 :: 2]
        places = target[phase * channels : (phase + 1) * channels]
        arena[places[:, : part.shape[1], : part.shape[2]]] = part
