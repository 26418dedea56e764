# What Cython needs to know of fma_peak.h.
from libc.stdint cimport int64_t

cdef extern from "kernels/peak/fma_peak.h" nogil:
    ctypedef struct wb_fma_peak:
        int64_t rounds
    int wb_fma_vectors(int isa)
