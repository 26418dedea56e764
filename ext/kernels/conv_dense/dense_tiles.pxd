# What Cython needs to know of dense_tiles.h.
from libc.stdint cimport int32_t, int64_t

cdef extern from "kernels/conv_dense/dense_tiles.h" nogil:
    ctypedef struct wb_dense_tile:
        int64_t weights
        int64_t out
        int32_t offsets
        int32_t count
    void wb_pack_dense(const float *weights, int64_t count, int64_t taps, int64_t width,
                       float *packed)
