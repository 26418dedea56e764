# What Cython needs to know of views.h.
from libc.stdint cimport int64_t

cdef extern from "kernels/views/views.h" nogil:
    enum:
        WB_AXES
    ctypedef struct wb_view:
        const float *fixed
        int64_t base
        int64_t strides[WB_AXES]
    ctypedef struct wb_views:
        wb_view view[3]
        int64_t function
        int64_t plane
        int64_t axes
        int64_t sizes[WB_AXES]
