# What Cython needs to know of products.h.
from libc.stdint cimport int64_t

from kernels.views.views cimport WB_AXES, wb_view

cdef extern from "kernels/products/products.h" nogil:
    ctypedef struct wb_products:
        wb_view left
        wb_view right
        int64_t dst
        int64_t axes
        int64_t sizes[WB_AXES]
        int64_t rows
        int64_t depth
        int64_t columns
