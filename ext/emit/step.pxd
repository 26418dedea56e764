# What Cython needs to know of step.h.
from libc.stdint cimport int32_t, int64_t, uint8_t

from core.wb cimport wb_act, wb_place

cdef extern from "emit/step.h" nogil:
    ctypedef struct wb_emit:
        pass
    ctypedef int wb_emit_status
    ctypedef int wb_shift
    const int WB_SHIFT_NEVER
    const int WB_SHIFT_LINES
    const int WB_SHIFT_IN_ROW
    ctypedef struct wb_emit_spec:
        int32_t n_rows
        const int32_t *indptr
        const int32_t *offsets
        const float *values
        const float *bias
        const int32_t *order
        wb_place place
        int isa
        int32_t group
        int32_t parts
        int32_t band
        int by_rows
        int narrow
        wb_shift shift
        size_t code_limit
    int wb_emit_has_curve(int isa, wb_act act)
    wb_emit *wb_emit_create(const wb_emit_spec *spec, wb_emit_status *status)
    void wb_emit_free(wb_emit *step)
    size_t wb_emit_size()
    void wb_emit_run(const void *args, float *arena, int tid, int nthreads)
    size_t wb_emit_code_bytes(const wb_emit *step)
    const uint8_t *wb_emit_code(const wb_emit *step)
    const float *wb_emit_weights(const wb_emit *step)
    size_t wb_emit_weight_bytes(const wb_emit *step)
    int64_t wb_emit_vectors(const wb_emit *step)
    void wb_emit_narrow(wb_emit *copy, int64_t first, int64_t count,
                        const int64_t *moved)
