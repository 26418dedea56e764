# Steps: a kernel's function with its packed arguments, and helpers to fill arguments.
from core.wb cimport *

import numpy as np


cdef class Step:
    """One kernel with its packed arguments; see workbench.kernels.values.types.Step."""

    cdef wb_kernel_fn fn
    cdef void *args
    cdef list keep
    cdef readonly str kernel
    cdef readonly int64_t macs
    cdef readonly int64_t bytes
    cdef readonly tuple extent
    cdef readonly int64_t x_floats
    cdef readonly int64_t y_floats
    cdef readonly int64_t scratch_floats
    cdef readonly int64_t shared_floats
    # What `part` needs to know: a Placement or the spec of a moving kernel; or None.
    cdef readonly object divisible
    cdef readonly tuple reach
    cdef readonly int64_t channels
    cdef size_t size
    # What it reads whatever the image is.
    cdef wb_span spans[2]

    def __dealloc__(self):
        free(self.args)


cdef Step new_step(str op, int isa, const void *args, size_t size, list keep):
    """Copy `args`; `keep` holds the owners of every pointer in it."""
    cdef const wb_kernel *kernel = wb_find_kernel(op.encode())
    if kernel == NULL or kernel.fn[isa] == NULL:
        raise LookupError(f"no kernel {op!r} for this instruction set")
    cdef Step step = Step.__new__(Step)
    step.args = malloc(size)
    if step.args == NULL:
        raise MemoryError
    memcpy(step.args, args, size)
    step.size = size
    step.fn = kernel.fn[isa]
    step.kernel = kernel.symbol[isa].decode()
    step.keep = keep
    return step


cdef int64_t floats_of(object count) except -1:
    """Return a size that was worked out in Python's integers, which do not wrap."""
    if not 0 <= count <= 1 << 44:
        raise MemoryError(f"{count} floats")
    return count


cdef object own(list keep, object values, object dtype):
    """Return a private, contiguous, 64-byte aligned copy that lives as long as keep."""
    values = np.asarray(values, dtype=dtype)
    room = np.empty(values.nbytes + 64, dtype=np.uint8)
    start = -room.ctypes.data % 64
    copy = room[start : start + values.nbytes].view(dtype).reshape(values.shape)
    copy[...] = values
    keep.append(copy)
    return copy


cdef void *data(object array):
    return <void *><size_t>array.ctypes.data


def has_curve(str kind):
    """Say whether the compiled kernels know a curve of this name."""
    return wb_curve_of(kind.encode()) != 0


cdef wb_act act_of(object act):
    cdef wb_act result
    result.lo, result.hi = act.bounds
    result.alpha = act.alpha
    result.curve = wb_curve_of(act.kind.encode())
    return result


cdef wb_place place_of(object place, list keep):
    cdef wb_place result
    table = place.vectors
    result.count, result.segments = table.vec_out.shape
    result.in_ = <const int64_t *>data(own(keep, table.vec_in, np.int64))
    result.out = <const int64_t *>data(own(keep, table.vec_out, np.int64))
    result.mask = <const uint16_t *>data(own(keep, table.vec_mask, np.uint16))
    result.src = place.src
    result.dst = place.dst
    result.out_cs = place.out_cs
    result.residual = WB_NONE if place.residual is None else place.residual
    result.unzip = table.unzip
    result.act = act_of(place.act)
    return result


cdef wb_geometry geometry_of(object geometry):
    cdef wb_geometry result
    result.strips = geometry.kind == "strips"
    result.c = geometry.channels
    result.h = geometry.height
    result.w = geometry.width
    result.cs = geometry.channel_stride
    result.rs = geometry.row_stride
    result.base = geometry.base
    return result
