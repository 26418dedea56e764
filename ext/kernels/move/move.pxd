# What Cython needs to know of move.h.
from libc.stdint cimport int64_t

cdef extern from "kernels/move/move.h" nogil:
    ctypedef struct wb_move:
        int64_t src
        int64_t dst
        int64_t count
