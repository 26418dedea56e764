# What Cython needs to know of wb.h.
from libc.stdint cimport int32_t, int64_t, uint16_t

cdef extern from "core/wb.h" nogil:
    ctypedef void (*wb_kernel_fn)(const void *args, float *arena, int tid, int nthreads)
    const int64_t WB_NONE
    const int WB_ISAS
    ctypedef struct wb_span:
        const void *at
        int64_t bytes
    ctypedef struct wb_act:
        float lo
        float hi
        float alpha
        int32_t curve
    int32_t wb_curve_of(const char *kind)
    ctypedef struct wb_place:
        int64_t count
        int64_t segments
        const int64_t *in_ "in"
        const int64_t *out
        const uint16_t *mask
        int64_t src
        int64_t dst
        int64_t out_cs
        int64_t residual
        int64_t unzip
        wb_act act
    ctypedef struct wb_geometry:
        int64_t strips
        int64_t c
        int64_t h
        int64_t w
        int64_t cs
        int64_t rs
        int64_t base
    ctypedef struct wb_kernel:
        const char *op
        const char *symbol[3]
        wb_kernel_fn fn[3]
    const wb_kernel *wb_find_kernel(const char *op)
    const wb_kernel *wb_kernel_at(int index)
    int wb_isa_available(int isa)
    const char *wb_isa_name(int isa)
    const char *wb_compiler()
