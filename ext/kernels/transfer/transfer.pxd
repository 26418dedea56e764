# What Cython needs to know of transfer.h.
from libc.stdint cimport int64_t

from core.wb cimport wb_geometry

cdef extern from "kernels/transfer/transfer.h" nogil:
    ctypedef struct wb_transfer:
        wb_geometry inside
        int64_t load
        int64_t split
        int64_t channels
        int64_t height
        int64_t width
        int64_t first
        int64_t stop
        int64_t offset
