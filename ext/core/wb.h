/* The rules every kernel follows: signature, context, placement, symbol names.
 *
 * A step is `fn(args, arena, tid, nthreads)`. `args` is the kernel's own packed struct,
 * immutable while steps run. `arena` is 64-byte aligned; every offset is in floats and
 * was checked in Python. Each kernel splits its own work into `nthreads` parts and does
 * part `tid`. The parts of a step run at once or one after another, in any order, by any
 * thread; a step starts when all parts of the one before are done. Full-vector loads may
 * touch floats that they do not use, stores never do. Sizes are in elements, never in
 * bytes.
 */
#ifndef WB_H
#define WB_H

#include <stddef.h>
#include <stdint.h>

#define WB_ALIGN 64
#define WB_MAX_SEGMENTS 3
#define WB_NONE INT64_MIN /* "no residual" */

typedef void (*wb_kernel_fn)(const void *args, float *arena, int tid, int nthreads);

/* Memory that a step reads whatever the image is: weights, code. */
typedef struct {
    const void *at;
    int64_t bytes;
} wb_span;

/* Stands directly before the arena; see wb_context_of. Written by the executor only. */
typedef struct {
    const float *x;  /* external image of this run */
    float *y;        /* external result of this run */
    float *scratch;  /* nthreads blocks of scratch_stride floats, 64-byte aligned */
    float *shared;   /* one block for all threads, 64-byte aligned */
    int64_t scratch_stride;
    const wb_span *next; /* of the next step, ended by one of 0 bytes; see fetch.h */
    int64_t cold;
    int64_t padding; /* the arena behind it stays aligned */
} wb_context;

_Static_assert(sizeof(wb_context) % WB_ALIGN == 0, "an arena begins behind its context");

static inline wb_context *wb_context_of(float *arena) { return (wb_context *)arena - 1; }

/* Scratch of this part: as many floats as the step asked for, content undefined. */
static inline float *wb_thread_scratch(float *arena, int tid) {
    const wb_context *c = wb_context_of(arena);
    return c->scratch + c->scratch_stride * tid;
}

/* Scratch that all parts of a step see; keep it within one step. */
static inline float *wb_shared_scratch(float *arena) {
    return wb_context_of(arena)->shared;
}

#define WB_CURVE(code, kind) WB_##code,
enum {
    WB_LINEAR = 0,
#include "core/curve_list.def"
    WB_CURVES
};
#undef WB_CURVE

/* act(v) = curve(min(hi, max(lo, v))); a NaN stays a NaN. `alpha` is the slope or scale
 * below zero of the curves that have one. */
typedef struct {
    float lo, hi, alpha;
    int32_t curve;
} wb_act;

/* The code of a kind of curve, WB_LINEAR for a name that is none. */
int32_t wb_curve_of(const char *kind);

/* Where the output vectors of an op read and write (workbench.kernels.Vectors). */
typedef struct {
    int64_t count;        /* vectors of 16 pixels */
    int64_t segments;     /* 1..WB_MAX_SEGMENTS */
    const int64_t *in;    /* [count] */
    const int64_t *out;   /* [count][segments], already shifted: lane l adds l */
    const uint16_t *mask; /* [count][segments], bit l: lane l is stored */
    int64_t src, dst, out_cs;
    int64_t residual; /* WB_NONE, or the base of a tensor with dst's layout */
    int64_t unzip; /* 1: even lanes, then odd ones; out and mask count lanes after it.
                         Segments are then more than one. */
    wb_act act;
} wb_place;

/* One tensor (workbench.kernels.Geometry). */
typedef struct {
    int64_t strips; /* 1: 16-pixel strips, 0: strided */
    int64_t c, h, w;
    int64_t cs, rs, base;
} wb_geometry;

/* Part `tid` of `n` items in `parts` nearly equal contiguous shares. */
static inline int64_t wb_share(int64_t n, int tid, int parts) { return n * tid / parts; }

/* One line a kernel in kernel_list.def feeds declarations and the table below. */
#define WB_KERNEL(op, scalar_tile, avx2_tile, avx512_tile)                               \
    void wb_f32_##op##_##scalar_tile##__scalar(const void *, float *, int, int);         \
    void wb_f32_##op##_##avx2_tile##__avx2(const void *, float *, int, int);             \
    void wb_f32_##op##_##avx512_tile##__avx512(const void *, float *, int, int);
#include "core/kernel_list.def"
#undef WB_KERNEL

enum { WB_SCALAR = 0, WB_AVX2 = 1, WB_AVX512 = 2, WB_ISAS = 3 };

typedef struct {
    const char *op;
    const char *symbol[WB_ISAS];
    wb_kernel_fn fn[WB_ISAS]; /* NULL where this build has no such instruction set */
} wb_kernel;

/* The table entry of `op`, or NULL; `wb_kernel_at` returns NULL after the last. */
const wb_kernel *wb_find_kernel(const char *op);
const wb_kernel *wb_kernel_at(int index);

/* 1 when this build holds `isa` and this machine and its system can run it. */
int wb_isa_available(int isa);
const char *wb_isa_name(int isa);
const char *wb_compiler(void);

#include "core/require.h"

#endif
