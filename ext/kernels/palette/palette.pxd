# What Cython needs to know of palette.h.
from libc.stdint cimport int32_t, int64_t, uint8_t

from core.wb cimport wb_act

cdef extern from "kernels/palette/palette.h" nogil:
    const int WB_PALETTE
    ctypedef struct wb_palette_dense:
        int64_t outputs
        int64_t inputs
        int64_t entries
        int64_t src
        int64_t dst
        wb_act act
        const float *table
        const uint8_t *codes
        const float *scale
        const float *bias
    ctypedef struct wb_palette_sparse:
        int64_t outputs
        int64_t src
        int64_t dst
        wb_act act
        const int32_t *indptr
        const void *columns
        int64_t wide
        const float *table
        const uint8_t *codes
        const float *scale
        const float *bias
