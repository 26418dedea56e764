# What Cython needs to know of the C headers; nothing else belongs here.
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset

cdef extern from "wb.h" nogil:
    ctypedef void (*wb_kernel_fn)(const void *args, float *arena, int tid, int nthreads)
    const int64_t WB_NONE
    const int WB_ISAS
    ctypedef struct wb_span:
        const void *at
        int64_t bytes
    ctypedef struct wb_act:
        float lo
        float hi
        int32_t curve
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

cdef extern from "executor.h" nogil:
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

cdef extern from "conv_sparse.h" nogil:
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

cdef extern from "dense_tiles.h" nogil:
    ctypedef struct wb_dense_tile:
        int64_t weights
        int64_t out
        int32_t offsets
        int32_t count
    void wb_pack_dense(const float *weights, int64_t count, int64_t taps, int64_t width,
                       float *packed)

cdef extern from "conv_dense.h" nogil:
    ctypedef struct wb_conv_dense:
        wb_place place
        int32_t tiles
        int32_t taps
        int32_t vectors
        int32_t weights_outer
        int64_t floats
        const wb_dense_tile *tile
        const int32_t *offsets
        const float *weights
        const float *bias
        const uint8_t *codes
        const float *table
        const float *scale
    int wb_dense_width(int isa)

cdef extern from "depthwise.h" nogil:
    ctypedef struct wb_depthwise:
        wb_place place
        int32_t channels
        int32_t taps
        int32_t grid
        int32_t columns
        int32_t pace
        int64_t in_cs
        int64_t row_stride
        const uint16_t *lanes
        int32_t height
        int32_t top
        int32_t repeats
        int32_t inner[2]
        int64_t origin
        const int32_t *offsets
        const float *weights
        const float *bias

cdef extern from "linear.h" nogil:
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

cdef extern from "pool.h" nogil:
    ctypedef struct wb_pool:
        wb_geometry in_ "in"
        wb_geometry out
        int64_t maximum
        int64_t width
        int64_t step
        int64_t pad
        const int32_t *y0
        const int32_t *y1
        const int32_t *x0
        const int32_t *x1
        const int32_t *dy
        const int32_t *dx
        int64_t first
        int64_t stop
        int64_t whole
    ctypedef struct wb_global_avg:
        wb_geometry in_ "in"
        int64_t dst

cdef extern from "pointwise.h" nogil:
    ctypedef struct wb_pointwise:
        wb_geometry a
        wb_geometry b
        wb_geometry out
        int64_t op
        int64_t broadcast
        int64_t split
        int64_t first
        int64_t stop
        wb_act act

cdef extern from "move.h" nogil:
    ctypedef struct wb_move:
        int64_t src
        int64_t dst
        int64_t count

cdef extern from "transfer.h" nogil:
    ctypedef struct wb_transfer:
        wb_geometry inside
        int64_t load
        int64_t split
        int64_t channels
        int64_t height
        int64_t width
        int64_t first
        int64_t stop
