# What Cython needs to know of conv_gathered.h.
from libc.stdint cimport int32_t, int64_t

from core.wb cimport wb_act
from kernels.conv_sparse.conv_sparse cimport wb_conv_sparse

cdef extern from "kernels/conv_gathered/conv_gathered.h" nogil:
    ctypedef struct wb_piece:
        int64_t at
        int32_t lane
        int32_t width
    ctypedef struct wb_conv_gathered:
        wb_conv_sparse sums
        int32_t vectors
        int32_t lines
        int32_t idle
        int32_t reads
        int32_t writes
        const wb_piece *read
        const wb_piece *write
        const int32_t *line_offset
        int64_t src
        int64_t dst
        int64_t out_cs
        int64_t residual
        wb_act act
    int64_t wb_gathered_line(const wb_conv_gathered *a, int32_t chunk)
