# What Cython needs to know of winograd.h.
from libc.stdint cimport int32_t, int64_t, uint16_t

from core.wb cimport wb_place

cdef extern from "kernels/winograd/winograd.h" nogil:
    ctypedef struct wb_winograd:
        wb_place place
        int64_t in_cs
        int32_t m
        int32_t channels
        int32_t outputs
        int32_t vectors
        int32_t tail
        int32_t nv
        int32_t ob
        int32_t rectify
        const int32_t *item_start
        const int64_t *item_off
        const uint16_t *item_mask
        const int32_t *item_slot
        const uint16_t *item_halo
        const float *bias
        const float *coef
        const float *dense
        const float *taps
        const float *filter
        const int32_t *indptr
        const int32_t *index
        const float *values
    int64_t wb_winograd_scratch(const wb_winograd *args)
