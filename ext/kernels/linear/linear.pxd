# What Cython needs to know of linear.h.
from libc.stdint cimport int32_t, int64_t

from core.wb cimport wb_act

cdef extern from "kernels/linear/linear.h" nogil:
    ctypedef struct wb_linear_dense:
        int64_t outputs
        int64_t inputs
        int64_t src
        int64_t dst
        wb_act act
        const float *weights
        const float *bias
    ctypedef struct wb_linear_sparse:
        int64_t outputs
        int64_t src
        int64_t dst
        wb_act act
        const int32_t *indptr
        const void *columns
        int64_t wide
        const float *values
        const float *bias
