# What Cython needs to know of conv_blocks.h.
from libc.stdint cimport int32_t, int64_t, uint32_t

from core.wb cimport wb_place

cdef extern from "kernels/conv_blocks/conv_blocks.h" nogil:
    ctypedef struct wb_conv_blocks:
        wb_place place
        int32_t outputs
        int32_t height
        int32_t chunks
        int32_t blocks
        int32_t strip
        int32_t unit
        const int64_t *chunk_base
        const uint32_t *runs
        const int64_t *run_at
        const int64_t *nz_at
        const void *index
        const float *values
        const float *bias
