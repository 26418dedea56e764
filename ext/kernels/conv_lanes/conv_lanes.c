/* Dense convolution of few pixels; contract in conv_lanes.h. */
#include "kernels/conv_lanes/conv_lanes.h"

#include "simd/epilogue.h"
#include "core/fetch.h"
#include "simd/repeat.h"

/* 24 zmm, 12 ymm or 8 four-lane accumulators. */
#define VECTORS WB_TILE(1, 1, 2)
#define MOST WB_TILE(2, 6, 12)
#define WIDE (16 * VECTORS)

enum { MANY_PIXELS = 32 };

/* Taps whose weights, 12 KB, stay in L1 while up to SETS sets of pixels use them; of a
 * single set they need not stay. */
enum { SETS = 6, CHUNK = 96, CHUNK_OF_ONE = 256 };

/* Add taps [offset, end), with weights from w on. Those of the next chunk are asked for
 * from `ahead` on, `pace` floats a tap. */
typedef void (*lanes_fn)(const float *const *pixel, const int32_t *offset,
                         const int32_t *end, const float *w, const float *ahead,
                         int64_t pace, float *sums);

#define NP 1
#include "kernels/conv_lanes/conv_lanes_tile.inc"
#undef NP
#define NP 2
#include "kernels/conv_lanes/conv_lanes_tile.inc"
#undef NP
#if defined(WB_ISA_AVX2) || defined(WB_ISA_AVX512)
#define NP 3
#include "kernels/conv_lanes/conv_lanes_tile.inc"
#undef NP
#define NP 4
#include "kernels/conv_lanes/conv_lanes_tile.inc"
#undef NP
#define NP 5
#include "kernels/conv_lanes/conv_lanes_tile.inc"
#undef NP
#define NP 6
#include "kernels/conv_lanes/conv_lanes_tile.inc"
#undef NP
#endif
#if defined(WB_ISA_AVX512)
#define NP 7
#include "kernels/conv_lanes/conv_lanes_tile.inc"
#undef NP
#define NP 8
#include "kernels/conv_lanes/conv_lanes_tile.inc"
#undef NP
#define NP 9
#include "kernels/conv_lanes/conv_lanes_tile.inc"
#undef NP
#define NP 10
#include "kernels/conv_lanes/conv_lanes_tile.inc"
#undef NP
#define NP 11
#include "kernels/conv_lanes/conv_lanes_tile.inc"
#undef NP
#define NP 12
#include "kernels/conv_lanes/conv_lanes_tile.inc"
#undef NP
#endif

static const lanes_fn TILES[] = {
    NULL,    lanes_1, lanes_2,
#if defined(WB_ISA_AVX2) || defined(WB_ISA_AVX512)
    lanes_3, lanes_4, lanes_5, lanes_6,
#endif
#if defined(WB_ISA_AVX512)
    lanes_7, lanes_8, lanes_9, lanes_10, lanes_11, lanes_12,
#endif
};

/* Residual, activation and store of `channels` channels of one pixel. */
WB_INLINE void finish(const wb_conv_lanes *a, float *arena, int64_t at, float *sums,
                      int channels) {
    if (a->residual != WB_NONE)
        for (int c = 0; c < channels; c++)
            sums[c] += arena[a->residual + at + c * a->out_cs];
    for (int v = 0; v < VECTORS; v++)
        wb_store(sums + 16 * v, wb_activate(wb_load(sums + 16 * v), &a->act));
    float *to = arena + a->dst + at;
    for (int c = 0; c < channels; c++) to[c * a->out_cs] = sums[c];
}

/* Some pixels, in sets of at most MOST, and their sums of a tile of channels. */
typedef struct {
    int64_t count, start[SETS + 1];
    const float *pixel[SETS][MOST];
    float sums[SETS][MOST * WIDE] __attribute__((aligned(64)));
} pixels;

/* Sets [first, stop) of `all`. */
static void gather(const wb_conv_lanes *a, float *arena, int64_t first, int64_t stop,
                   int64_t all, pixels *x) {
    x->count = stop - first;
    for (int64_t s = 0; s <= x->count; s++) x->start[s] = a->pixels * (first + s) / all;
    for (int64_t s = 0; s < x->count; s++)
        for (int64_t p = x->start[s]; p < x->start[s + 1]; p++)
            x->pixel[s][p - x->start[s]] = arena + a->src + a->in[p];
}

/* One tile of channels; weights go on behind it until `last`. */
static void run_tile(const wb_conv_lanes *a, float *arena, int64_t index, pixels *x,
                     int last, wb_ahead *next) {
    const wb_dense_tile *tile = a->tile + index;
    const int64_t most = x->count > 1 ? CHUNK : CHUNK_OF_ONE;
    const int64_t chunks = (a->taps + most - 1) / most;
    const int32_t *offset = a->offsets + tile->offsets;
    const float *w = a->weights + tile->weights;
    for (int64_t s = 0; s < x->count; s++)
        for (int64_t p = 0; p < x->start[s + 1] - x->start[s]; p++)
            memcpy(x->sums[s] + p * WIDE, a->bias + index * WIDE, sizeof(float) * WIDE);
    for (int64_t c = 0; c < chunks; c++) {
        const int64_t t0 = a->taps * c / chunks, t1 = a->taps * (c + 1) / chunks;
        const int more = c + 1 < chunks || !last;
        const int64_t pace = more ? (WIDE + x->count - 1) / x->count : 0;
        const float *ahead = more ? w + t1 * WIDE : w;
        for (int64_t s = 0; s < x->count; s++, ahead += pace * (t1 - t0))
            TILES[x->start[s + 1] - x->start[s]](x->pixel[s], offset + t0, offset + t1,
                                                 w + t0 * WIDE, ahead, pace, x->sums[s]);
    }
    for (int64_t s = 0; s < x->count; s++) {
        wb_ahead_go(next);
        for (int64_t p = x->start[s]; p < x->start[s + 1]; p++)
            finish(a, arena, a->out[p] + tile->out, x->sums[s] + (p - x->start[s]) * WIDE,
                   tile->count);
    }
}

WB_DEFINE(conv_lanes, 16x2, 16x6, 32x12) {
    const wb_conv_lanes *a = args;
    WB_REQUIRE_STEP(a, arena, tid, nthreads);
    WB_REQUIRE(a->pixels >= 0 && a->tiles >= 1 && a->taps >= 1);
    WB_REQUIRE_ACT(a->act);
    WB_REQUIRE_ARRAY(a->in);
    WB_REQUIRE_ARRAY(a->out);
    WB_REQUIRE_ARRAY(a->tile);
    WB_REQUIRE_ARRAY(a->offsets);
    WB_REQUIRE_ARRAY(a->weights);
    WB_REQUIRE_ARRAY(a->bias);
    const int64_t sets = (a->pixels + MOST - 1) / MOST;
    int64_t c0 = 0, c1 = a->tiles, s0 = 0, s1 = sets;
    /* Channels are shared where that leaves no larger rest than sets of pixels. */
    const int64_t by_channels = (a->tiles + nthreads - 1) / nthreads * sets;
    const int64_t by_pixels = (sets + nthreads - 1) / nthreads * a->tiles;
    if (by_channels <= by_pixels) {
        c0 = wb_share(a->tiles, tid, nthreads);
        c1 = wb_share(a->tiles, tid + 1, nthreads);
    } else {
        s0 = wb_share(sets, tid, nthreads);
        s1 = wb_share(sets, tid + 1, nthreads);
    }
    /* Steps of few pixels wait for weights all the time: what the next step reads must not
     * come before them. */
    wb_ahead next = {NULL, 0, 0};
    if (a->pixels >= MANY_PIXELS) next = wb_ahead_open(arena, (c1 - c0) * (s1 - s0));
    const int64_t bunches = (s1 - s0 + SETS - 1) / SETS;
    pixels x;
    for (int64_t b = 0; b < bunches; b++) {
        const int64_t first = s0 + (s1 - s0) * b / bunches;
        gather(a, arena, first, s0 + (s1 - s0) * (b + 1) / bunches, sets, &x);
        for (int64_t c = c0; c < c1; c++) run_tile(a, arena, c, &x, c + 1 == c1, &next);
    }
}
