# What Cython needs to know of pool.h.
from libc.stdint cimport int32_t, int64_t

from core.wb cimport wb_geometry

cdef extern from "kernels/pool/pool.h" nogil:
    ctypedef struct wb_pool:
        wb_geometry in_ "in"
        wb_geometry out
        int64_t maximum
        int64_t width
        int64_t step
        int64_t pad
        const int32_t *y0
        const int32_t *y1
        const int32_t *x0
        const int32_t *x1
        const int32_t *dy
        const int32_t *dx
        int64_t first
        int64_t stop
        int64_t whole
    ctypedef struct wb_global_avg:
        wb_geometry in_ "in"
        int64_t dst
