# What Cython needs to know of executor.h.
from libc.stdint cimport int64_t

from core.wb cimport wb_kernel_fn, wb_span

cdef extern from "core/executor.h" nogil:
    ctypedef struct wb_executor:
        pass
    ctypedef struct wb_call:
        wb_kernel_fn fn
        const void *args
        wb_span spans[3]
    ctypedef struct wb_sizes:
        int64_t arena_floats
        int64_t scratch_floats
        int64_t shared_floats
        int threads
        int cold
    ctypedef struct wb_job:
        int first
        int stop
        int rounds
        const float *x
        float *y
        int64_t x_floats
        int64_t y_floats
        int64_t *ns
    wb_executor *wb_executor_new(const wb_call *calls, int count, wb_sizes sizes)
    void wb_executor_free(wb_executor *e)
    float *wb_executor_arena(wb_executor *e)
    void wb_executor_rest(wb_executor *e)
    int wb_executor_run(wb_executor *e, wb_job job)
