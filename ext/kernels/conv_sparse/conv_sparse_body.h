/* What the plain and the shifting sparse kernels share: strips and how work is split. */
#ifndef WB_CONV_SPARSE_BODY_H
#define WB_CONV_SPARSE_BODY_H

#include "kernels/conv_sparse/conv_sparse.h"
#include "simd/epilogue.h"
#include "core/fetch.h"
#include "simd/repeat.h"
#include "core/share.h"

#include <math.h>

/* Sums that keep the multiply-adds busy: two a cycle, four cycles each. */
#define ENOUGH_SUMS WB_TILE(4, 4, 8)

/* The rows of a sparse convolution, wherever they are taken from. */
#define WB_REQUIRE_SPARSE(a)                                                             \
    do {                                                                                 \
        WB_REQUIRE((a)->rows >= 0 && (a)->chunks >= 1 && (a)->blocks >= 1);              \
        WB_REQUIRE((a)->classes >= 1 && (a)->row_vectors >= 0);                          \
        WB_REQUIRE_WITHIN(1, (a)->strip, WB_MAX_STRIP);                                  \
        WB_REQUIRE((a)->unit == 1 || (a)->unit == 8 || (a)->unit == 16);                 \
        WB_REQUIRE_ARRAY((a)->chunk_base);                                               \
        WB_REQUIRE_ARRAY((a)->run_at);                                                   \
        WB_REQUIRE_ARRAY((a)->nz_at);                                                    \
        WB_REQUIRE_ARRAY((a)->bias);                                                     \
    } while (0)

/* One call of a strip function. */
typedef struct {
    const float *base[WB_MAX_STRIP]; /* input of each vector at the chunk's base */
    const uint32_t *run, *run_end;
    const void *index;
    const float *values;
    float *part;    /* partial sums, [rows][vectors][16] */
    int64_t vector; /* first vector of the strip */
    int first, last; /* chunk: start from the bias, finish the sums */
    int simple;      /* one segment, no curved activation */
    int whole;       /* every lane of every vector is stored */
    int clips;       /* bit 0: there is a lower bound, bit 1: an upper one */
    wb_ahead *ahead; /* what the next step reads, or NULL: this program is warm */
} wb_strip;

typedef void (*wb_strip_fn)(const wb_conv_sparse *a, const wb_strip *s, float *arena);

static __attribute__((noinline, unused)) void
finish_strip(const wb_conv_sparse *a, const wb_strip *s, float *arena, const float *sums,
             int count, int64_t channel) {
    for (int v = 0; v < count; v++)
        wb_finish(&a->place, arena, s->vector + v, channel, wb_load(sums + 16 * v));
}

/* Strips of [first, stop) over the blocks [low, high); `unit` vectors stay together. */
WB_INLINE void run_strips(const wb_conv_sparse *a, float *arena, float *part,
                          const wb_strip_fn *contiguous, const wb_strip_fn *scattered,
                          const int64_t range[4]) {
    const int64_t unit = a->row_vectors > 0 ? a->row_vectors : 1;
    const int64_t most = a->strip / unit;
    const wb_place *p = &a->place;
    const int64_t times = (range[1] - range[0] + a->strip - 1) / a->strip * a->chunks;
    wb_ahead ahead =
        wb_ahead_open(arena, times * a->rows * (range[3] - range[2]) / a->blocks);
    wb_strip s = {
        .ahead = wb_is_cold(arena) ? &ahead : NULL,
        .part = part,
        .simple = p->segments == 1 && p->act.curve == WB_LINEAR,
        .clips = (p->act.lo > -INFINITY) | (p->act.hi < INFINITY) << 1,
    };
    int64_t v = range[0];
    while (v < range[1]) {
        const int64_t left = (range[1] - v) / unit;
        const int64_t strips = (left + most - 1) / most;
        const int64_t count = (left + strips - 1) / strips * unit;
        int adjacent = contiguous != NULL;
        s.whole = 1;
        for (int64_t i = 0; i < count; i++) {
            adjacent &= p->in[v + i] == p->in[v] + 16 * i;
            s.whole &= p->mask[(v + i) * p->segments] == 0xffff;
        }
        const wb_strip_fn fn = adjacent ? contiguous[count] : scattered[count];
        s.vector = v;
        for (int32_t c = 0; c < a->chunks; c++) {
            const int64_t from = c * (int64_t)a->blocks + range[2];
            const int64_t to = c * (int64_t)a->blocks + range[3];
            for (int64_t i = 0; i < count; i++)
                s.base[i] = arena + p->src + p->in[v + i] + a->chunk_base[c];
            s.run = a->runs + a->run_at[from] * (1 + a->classes);
            s.run_end = a->runs + a->run_at[to] * (1 + a->classes);
            s.index = (const char *)a->index + a->nz_at[from] * (a->unit == 1 ? 4 : 2);
            s.values = a->values + a->nz_at[from];
            s.first = c == 0;
            s.last = c == a->chunks - 1;
            fn(a, &s, arena);
        }
        v += count;
    }
}

static inline int unit_cuts(const void *args, int64_t at) {
    const wb_conv_sparse *a = args;
    return wb_place_cuts(&a->place, at * (a->row_vectors > 0 ? a->row_vectors : 1));
}

/* Many strips: threads share vectors, so that each output channel is streamed once a
 * strip. Few strips: threads share blocks of rows of equal non-zeros. */
WB_INLINE void run_share(const wb_conv_sparse *a, float *arena,
                         const wb_strip_fn *contiguous, const wb_strip_fn *scattered,
                         int tid, int nthreads) {
    WB_REQUIRE_STEP(a, arena, tid, nthreads);
    WB_REQUIRE_PLACE(&a->place);
    WB_REQUIRE_SPARSE(a);
    const int64_t unit = a->row_vectors > 0 ? a->row_vectors : 1;
    const int64_t units = a->place.count / unit;
    int64_t range[4] = {0, a->place.count, 0, a->blocks};
    const int by_vectors = a->place.count >= 3 * (int64_t)a->strip * nthreads;
    if (by_vectors || a->blocks < nthreads) {
        range[0] = wb_share_apart(units, tid, nthreads, unit_cuts, a) * unit;
        range[1] = wb_share_apart(units, tid + 1, nthreads, unit_cuts, a) * unit;
    } else {
        range[2] = wb_share(a->blocks, tid, nthreads);
        range[3] = wb_share(a->blocks, tid + 1, nthreads);
    }
    float *part = wb_thread_scratch(arena, tid);
    run_strips(a, arena, part, contiguous, scattered, range);
}

#endif
