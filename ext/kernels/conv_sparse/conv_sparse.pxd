# What Cython needs to know of conv_sparse.h.
from libc.stdint cimport int32_t, int64_t, uint32_t

from core.wb cimport wb_place

cdef extern from "kernels/conv_sparse/conv_sparse.h" nogil:
    ctypedef struct wb_conv_sparse:
        wb_place place
        int32_t rows
        int32_t chunks
        int32_t blocks
        int32_t classes
        int32_t strip
        int32_t row_vectors
        int32_t last_dx
        int32_t unit
        const int64_t *chunk_base
        const uint32_t *runs
        const int64_t *run_at
        const int64_t *nz_at
        const void *index
        const float *values
        const float *bias
    ctypedef struct wb_sparse_plan:
        int32_t rows
        int32_t blocks
        int32_t classes
        int32_t strip
        int32_t unit
        int32_t first_dx
        int64_t l1_floats
        const int64_t *strip_in
    ctypedef struct wb_packed:
        int32_t chunks
        int64_t run_count
        int64_t *chunk_base
        uint32_t *runs
        int64_t *run_at
        int64_t *nz_at
        void *index
        float *values
    int wb_pack_sparse(const wb_sparse_plan *plan, const int32_t *indptr,
                       const int32_t *offsets, const float *values, wb_packed *packed)
    void wb_free_packed(wb_packed *packed)
