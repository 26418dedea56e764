# What Cython needs to know of pointwise.h.
from libc.stdint cimport int64_t

from core.wb cimport wb_act, wb_geometry

cdef extern from "kernels/pointwise/pointwise.h" nogil:
    ctypedef struct wb_pointwise:
        wb_geometry a
        wb_geometry b
        wb_geometry out
        int64_t op
        int64_t broadcast
        int64_t split
        int64_t first
        int64_t stop
        wb_act act
