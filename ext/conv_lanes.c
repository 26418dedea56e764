/* Dense convolution of few pixels; contract in conv_lanes.h. */
#include "conv_lanes.h"

#include "epilogue.h"
#include "fetch.h"
#include "repeat.h"

/* 24 zmm, 12 ymm or 8 four-lane accumulators. */
#define VECTORS WB_TILE(1, 1, 2)
#define MOST WB_TILE(2, 6, 12)
#define BLOCK (16 * VECTORS)

enum { MANY_PIXELS = 32 };

/* Weights of the next block are asked for from `ahead` on, `pace` floats a tap. */
typedef void (*lanes_fn)(const wb_conv_lanes *a, const float *const *pixel, const float *w,
                         const float *ahead, int64_t pace, float *sums);

#define NP 1
#include "conv_lanes_tile.inc"
#undef NP
#define NP 2
#include "conv_lanes_tile.inc"
#undef NP
#if defined(WB_ISA_AVX2) || defined(WB_ISA_AVX512)
#define NP 3
#include "conv_lanes_tile.inc"
#undef NP
#define NP 4
#include "conv_lanes_tile.inc"
#undef NP
#define NP 5
#include "conv_lanes_tile.inc"
#undef NP
#define NP 6
#include "conv_lanes_tile.inc"
#undef NP
#endif
#if defined(WB_ISA_AVX512)
#define NP 7
#include "conv_lanes_tile.inc"
#undef NP
#define NP 8
#include "conv_lanes_tile.inc"
#undef NP
#define NP 9
#include "conv_lanes_tile.inc"
#undef NP
#define NP 10
#include "conv_lanes_tile.inc"
#undef NP
#define NP 11
#include "conv_lanes_tile.inc"
#undef NP
#define NP 12
#include "conv_lanes_tile.inc"
#undef NP
#endif

static const lanes_fn TILES[] = {
    NULL, lanes_1, lanes_2,
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

static void run_tile(const wb_conv_lanes *a, float *arena, int64_t block, int64_t first,
                     int64_t pixels, const float *ahead, int64_t pace) {
    const float *pixel[MOST] = {0};
    float sums[MOST * BLOCK] __attribute__((aligned(64)));
    for (int64_t p = 0; p < pixels; p++) pixel[p] = arena + a->src + a->in[first + p];
    for (int64_t p = 0; p < pixels; p++)
        memcpy(sums + p * BLOCK, a->bias + block * BLOCK, sizeof(float) * BLOCK);
    TILES[pixels](a, pixel, a->weights + block * a->taps * BLOCK, ahead, pace, sums);
    const int64_t left = a->outputs - block * BLOCK;
    for (int64_t p = 0; p < pixels; p++)
        finish(a, arena, a->out[first + p] + block * BLOCK * a->out_cs, sums + p * BLOCK,
               (int)(left < BLOCK ? left : BLOCK));
}

WB_DEFINE(conv_lanes, 16x2, 16x6, 32x12) {
    const wb_conv_lanes *a = args;
    const int64_t tiles = (a->pixels + MOST - 1) / MOST;
    int64_t b0 = 0, b1 = a->blocks, t0 = 0, t1 = tiles;
    /* Blocks of channels are shared where that leaves no larger rest than pixels. */
    const int64_t by_blocks = (a->blocks + nthreads - 1) / nthreads * tiles;
    const int64_t by_pixels = (tiles + nthreads - 1) / nthreads * a->blocks;
    if (by_blocks <= by_pixels) {
        b0 = wb_share(a->blocks, tid, nthreads);
        b1 = wb_share(a->blocks, tid + 1, nthreads);
    } else {
        t0 = wb_share(tiles, tid, nthreads);
        t1 = wb_share(tiles, tid + 1, nthreads);
    }
    /* Each tile of pixels asks for its part of the weights of the next block, a line a
     * tap at most. Steps of few pixels wait for weights all the time: what the next step
     * reads must not come before them. */
    const int64_t mine = t1 - t0, even = mine > 0 ? (BLOCK + mine - 1) / mine : 0;
    const int64_t part = even < 16 ? even : 16;
    wb_ahead next = {NULL, 0, 0};
    if (a->pixels >= MANY_PIXELS) next = wb_ahead_open(arena, (b1 - b0) * mine);
    for (int64_t b = b0; b < b1; b++)
        for (int64_t t = t0; t < t1; t++) {
            const int64_t first = a->pixels * t / tiles, stop = a->pixels * (t + 1) / tiles;
            const int64_t pace = b + 1 < b1 ? part : 0;
            const int64_t row = pace > 0 ? (b + 1) * BLOCK + (t - t0) * pace : 0;
            const float *ahead = a->weights + row * a->taps;
            wb_ahead_go(&next);
            run_tile(a, arena, b, first, stop - first, ahead, pace);
        }
}
