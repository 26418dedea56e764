# What Cython needs to know of along.h.
from libc.stdint cimport int64_t

cdef extern from "kernels/along/along.h" nogil:
    ctypedef struct wb_along:
        int64_t src
        int64_t dst
        int64_t outer
        int64_t count
        int64_t inner
        int64_t kind
        int64_t centre
        float eps
        const float *scale
        const float *shift
        int64_t per_line
        int64_t per_number
