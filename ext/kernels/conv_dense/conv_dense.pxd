# What Cython needs to know of conv_dense.h.
from libc.stdint cimport int32_t, int64_t, uint8_t

from core.wb cimport wb_place
from kernels.conv_dense.dense_tiles cimport wb_dense_tile

cdef extern from "kernels/conv_dense/conv_dense.h" nogil:
    ctypedef struct wb_conv_dense:
        wb_place place
        int32_t tiles
        int32_t taps
        int32_t vectors
        int32_t weights_outer
        int64_t floats
        const wb_dense_tile *tile
        const int32_t *offsets
        const float *weights
        const float *bias
        const uint8_t *codes
        const float *table
        const float *scale
    int wb_dense_width(int isa)
