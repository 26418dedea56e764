# What Cython needs to know of conv_lanes.h.
from libc.stdint cimport int32_t, int64_t

from core.wb cimport wb_act
from kernels.conv_dense.dense_tiles cimport wb_dense_tile

cdef extern from "kernels/conv_lanes/conv_lanes.h" nogil:
    ctypedef struct wb_conv_lanes:
        int64_t pixels
        const int64_t *in_ "in"
        const int64_t *out
        int64_t src
        int64_t dst
        int64_t out_cs
        int64_t residual
        wb_act act
        int32_t tiles
        int32_t taps
        const wb_dense_tile *tile
        const int32_t *offsets
        const float *weights
        const float *bias
    int wb_lanes_width(int isa)
