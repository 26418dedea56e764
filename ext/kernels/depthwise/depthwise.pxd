# What Cython needs to know of depthwise.h.
from libc.stdint cimport int32_t, int64_t, uint16_t

from core.wb cimport wb_place

cdef extern from "kernels/depthwise/depthwise.h" nogil:
    ctypedef struct wb_depthwise:
        wb_place place
        int32_t channels
        int32_t taps
        int32_t grid
        int32_t columns
        int32_t pace
        int64_t in_cs
        int64_t row_stride
        const uint16_t *lanes
        int32_t height
        int32_t top
        int32_t repeats
        int32_t inner[2]
        int64_t origin
        const int32_t *offsets
        const float *weights
        const float *bias
