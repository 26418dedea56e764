# Packing of pooling, pointwise and transfer steps.
from kernels.pointwise.pointwise cimport *
from kernels.pool.pool cimport *
from kernels.transfer.transfer cimport *


cdef tuple joined(list geometries):
    extents = [g.extent for g in geometries]
    return min(e[0] for e in extents), max(e[1] for e in extents)


def pool(spec, int isa):
    """Return the step of a checked Pool."""
    cdef wb_pool args
    cdef list keep = []
    args.in_ = geometry_of(spec.source)
    args.out = geometry_of(spec.target)
    args.maximum = spec.maximum
    args.width, args.step, args.pad = spec.slide
    args.first, args.stop = 0, args.out.h
    args.whole = spec.whole
    args.y0 = <const int32_t *>data(own(keep, spec.y0, np.int32))
    args.y1 = <const int32_t *>data(own(keep, spec.y1, np.int32))
    args.x0 = <const int32_t *>data(own(keep, spec.x0, np.int32))
    args.x1 = <const int32_t *>data(own(keep, spec.x1, np.int32))
    args.dy = <const int32_t *>data(own(keep, spec.dy, np.int32))
    args.dx = <const int32_t *>data(own(keep, spec.dx, np.int32))
    step = new_step("pool", isa, &args, sizeof(args), keep)
    step.extent = joined([spec.source, spec.target])
    step.divisible = spec
    width, pace, pad = spec.slide
    step.scratch_floats = floats_of(2 * spec.source.width + spec.target.width + pad
                                    + width + pace * spec.target.width)
    return step


def global_avg(spec, int isa):
    """Return the step of a checked GlobalAverage."""
    cdef wb_global_avg args
    args.in_ = geometry_of(spec.source)
    args.dst = spec.dst
    step = new_step("global_avg", isa, &args, sizeof(args), [])
    low, high = spec.source.extent
    step.extent = min(low, spec.dst), max(high, spec.dst + spec.source.channels)
    return step


def pointwise(spec, int isa):
    """Return the step of a checked Pointwise."""
    cdef wb_pointwise args
    args.a = geometry_of(spec.a)
    args.b = geometry_of(spec.a if spec.b is None else spec.b)
    args.out = geometry_of(spec.out)
    args.op = ("copy", "add", "mul").index(spec.op)
    args.broadcast = spec.broadcast
    args.split = spec.phase_split
    args.first, args.stop = 0, args.a.h
    args.act = act_of(spec.act)
    step = new_step("pointwise", isa, &args, sizeof(args), [])
    step.extent = joined([g for g in (spec.a, spec.b, spec.out) if g is not None])
    step.divisible = spec if spec.b is None else None
    step.scratch_floats = floats_of(2 * spec.a.width)
    return step


def transfer(spec, int isa):
    """Return the step of a checked Transfer."""
    cdef wb_transfer args
    args.inside = geometry_of(spec.inside)
    args.load, args.split = spec.load, spec.phase_split
    args.channels, args.height, args.width = spec.channels, spec.height, spec.width
    args.first, args.stop = 0, args.height
    args.offset = spec.offset
    step = new_step("transfer", isa, &args, sizeof(args), [])
    step.divisible = spec
    step.extent = spec.inside.extent
    step.scratch_floats = floats_of(2 * spec.width)
    floats = floats_of(spec.offset + spec.channels * spec.height * spec.width)
    if spec.load:
        step.x_floats = floats
    else:
        step.y_floats = floats
    return step
