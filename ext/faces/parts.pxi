# Parts of steps: some of the vectors or rows of a step, elsewhere in the arena.
from core.wb cimport *
from emit.step cimport *
from kernels.move.move cimport *
from kernels.pointwise.pointwise cimport *
from kernels.pool.pool cimport *
from kernels.transfer.transfer cimport *


cdef tuple reach_of(object offsets):
    """Return the least and the greatest offset; zeros where there are none."""
    if offsets.size == 0:
        return 0, 0
    return int(offsets.min()), int(offsets.max())


def part(Step whole, tuple units, tuple moved, tuple extent, int64_t macs):
    """Return a step for units [first, stop) of a divisible one; weights are shared.

    `moved` is how far the source and the target are from those of the whole, in floats.
    """
    cdef int64_t first = units[0], stop = units[1], src = moved[0], dst = moved[1]
    cdef int64_t shifts[2]
    cdef Step step = Step.__new__(Step)
    step.args = malloc(whole.size)
    if step.args == NULL:
        raise MemoryError
    memcpy(step.args, whole.args, whole.size)
    step.size = whole.size
    step.fn = whole.fn
    step.kernel = whole.kernel
    step.keep = [whole]
    step.macs = macs
    step.extent = extent
    memcpy(step.spans, whole.spans, sizeof(step.spans))
    step.x_floats, step.y_floats = whole.x_floats, whole.y_floats
    step.scratch_floats, step.shared_floats = whole.scratch_floats, whole.shared_floats
    if whole.fn == wb_emit_run:
        shifts[0], shifts[1] = src, dst
        wb_emit_narrow(<wb_emit *>step.args, first, stop - first, shifts)
    elif hasattr(whole.divisible, "vectors"):
        narrow_place(<wb_place *>step.args, first, stop, src, dst)
    else:
        narrow_rows(step, whole, first, stop, src, dst)
    return step


cdef void narrow_place(wb_place *place, int64_t first, int64_t stop, int64_t src,
                       int64_t dst):
    place.count = stop - first
    place.in_ += first
    place.out += first * place.segments
    place.mask += first * place.segments
    place.src += src
    place.dst += dst
    if place.residual != WB_NONE:
        place.residual += dst


cdef narrow_rows(Step step, Step whole, int64_t first, int64_t stop, int64_t src,
                 int64_t dst):
    cdef wb_pool *pool
    cdef wb_pointwise *copy
    cdef wb_transfer *transfer
    if "_pool_" in whole.kernel:
        pool = <wb_pool *>step.args
        pool.first, pool.stop = first, stop
        pool.in_.base += src
        pool.out.base += dst
    elif "_pointwise_" in whole.kernel:
        copy = <wb_pointwise *>step.args
        copy.first, copy.stop = first, stop
        copy.a.base += src
        copy.b.base += src
        copy.out.base += dst
    else:
        transfer = <wb_transfer *>step.args
        transfer.first, transfer.stop = first, stop
        transfer.inside.base += src + dst


def move(int isa, int64_t src, int64_t dst, int64_t floats):
    """Return a step that moves floats down in the arena, or clears them (src < 0)."""
    cdef wb_move args
    args.src, args.dst, args.count = src, dst, floats
    step = new_step("move", isa, &args, sizeof(args), [])
    step.extent = (min(src, dst) if src >= 0 else dst, max(src, dst) + floats)
    return step
