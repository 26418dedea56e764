# What Cython needs to know of winograd_pack.h.
from libc.stdint cimport int64_t

cdef extern from "kernels/winograd/winograd_pack.h" nogil:
    ctypedef struct wb_winograd_taps:
        const float *taps
        int64_t outputs
        int64_t channels
    void wb_winograd_pack(const wb_winograd_taps *source, float *packed)
