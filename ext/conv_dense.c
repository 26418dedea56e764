/* Dense convolution; contract in conv_dense.h. */
#include "conv_dense.h"

#include "epilogue.h"
#include "fetch.h"
#include "repeat.h"

/* 24 zmm, 12 ymm or 8 four-lane accumulators. */
#define WIDE WB_TILE(2, 6, 8)
#define HALF WB_TILE(1, 3, 4)
#define MOST WB_TILE(1, 1, 3)

enum { FEW_WEIGHTS = 64 << 10 };
enum { AHEAD = 1024 }; /* floats between the weights in use and those asked for */

typedef void (*tile_fn)(const wb_conv_dense *a, float *arena, const float *const *base,
                        const float *w, const float *bias, int64_t vector,
                        int64_t first_channel, int count);

/* Store one segment of a sum: no curved activation. */
WB_INLINE void finish(const wb_place *p, float *arena, int64_t at, unsigned mask,
                      wb_v16 sum) {
    if (p->residual != WB_NONE) sum = wb_add(sum, wb_load(arena + p->residual + at));
    sum = wb_min(wb_set1(p->act.hi), wb_max(wb_set1(p->act.lo), sum));
    wb_store_mask(arena + p->dst + at, sum, mask);
}

#define NV 1
#define MO WIDE
#include "conv_dense_tile.inc"
#undef MO
#define MO HALF
#include "conv_dense_tile.inc"
#undef MO
#undef NV
#if defined(WB_ISA_AVX512)
#define NV 2
#define MO WIDE
#include "conv_dense_tile.inc"
#undef MO
#define MO HALF
#include "conv_dense_tile.inc"
#undef MO
#undef NV
#define NV 3
#define MO WIDE
#include "conv_dense_tile.inc"
#undef MO
#define MO HALF
#include "conv_dense_tile.inc"
#undef MO
#undef NV
#endif

#define TILE_FN(n, m) WB_CAT(tile_, WB_CAT(n, WB_CAT(x, m)))
static const tile_fn TILES[2][4] = {
    {NULL, TILE_FN(1, HALF)
#if defined(WB_ISA_AVX512)
     , TILE_FN(2, HALF), TILE_FN(3, HALF)
#endif
    },
    {NULL, TILE_FN(1, WIDE)
#if defined(WB_ISA_AVX512)
     , TILE_FN(2, WIDE), TILE_FN(3, WIDE)
#endif
    },
};

static void run_tile(const wb_conv_dense *a, float *arena, const float *w, int64_t block,
                     int64_t vector, int64_t vectors) {
    const int64_t group = block / a->blocks, inner = block % a->blocks;
    const int64_t left = a->each - inner * WIDE;
    const int wide = left > HALF;
    const float *src = arena + a->place.src + group * a->group_stride;
    const float *base[3] = {NULL, NULL, NULL};
    for (int64_t v = 0; v < vectors; v++) base[v] = src + a->place.in[vector + v];
    TILES[wide][vectors](a, arena, base, w, a->bias + block * WIDE, vector,
                         group * a->each + inner * WIDE, (int)(left < WIDE ? left : WIDE));
}

/* Tiles of nearly equal height over the vectors [first, stop). */
static int64_t tile_height(const wb_conv_dense *a, int64_t left) {
    const int64_t most = a->vectors < MOST ? a->vectors : MOST;
    const int64_t tiles = (left + most - 1) / most;
    return (left + tiles - 1) / tiles;
}

/* Where the packed weights, or codes, of a tile of channels start. */
static int64_t start_of(const wb_conv_dense *a, int64_t block) {
    return block / a->blocks * a->group_floats + block % a->blocks * WIDE * a->taps;
}

/* The weights of a tile, looked up; `room` holds taps * WIDE floats. */
static const float *look_up(const wb_conv_dense *a, int64_t block, float *room) {
    const int64_t width = a->each - block % a->blocks * WIDE > HALF ? WIDE : HALF;
    const uint8_t *code = a->codes + start_of(a, block);
    const float *scale = a->scale + block * WIDE;
    float *out = room;
    for (int64_t t = 0; t < a->taps; t++)
        for (int64_t m = 0; m < width; m++) *out++ = a->table[*code++] * scale[m];
    return room;
}

WB_INLINE void run(const wb_conv_dense *a, float *arena, int tid, int nthreads) {
    const int64_t all = (int64_t)a->groups * a->blocks;
    int64_t v0 = 0, v1 = a->place.count, b0 = 0, b1 = all;
    /* Share what leaves the smaller rest. Else blocks, so that weights are streamed once,
     * unless they stay in every thread's cache: then each reads what itself wrote. */
    const int64_t most = a->vectors < MOST ? a->vectors : MOST;
    const int64_t tiles = (v1 + most - 1) / most;
    const int64_t by_blocks = (all + nthreads - 1) / nthreads * tiles;
    const int64_t by_vectors = (tiles + nthreads - 1) / nthreads * all;
    const int few_weights = a->groups * a->group_floats <= FEW_WEIGHTS;
    if (by_blocks < by_vectors || (by_blocks == by_vectors && !few_weights)) {
        b0 = wb_share(all, tid, nthreads);
        b1 = wb_share(all, tid + 1, nthreads);
    } else {
        v0 = wb_share(tiles, tid, nthreads) * most;
        v1 = wb_share(tiles, tid + 1, nthreads) * most;
        v1 = v1 < a->place.count ? v1 : a->place.count;
    }
    wb_ahead ahead = wb_ahead_open(arena, (v1 - v0 + most - 1) / most * (b1 - b0));
    if (a->weights_outer || a->codes != NULL) {
        float *room = a->codes == NULL ? NULL : wb_thread_scratch(arena, tid);
        for (int64_t b = b0; b < b1; b++) {
            const float *w =
                room == NULL ? a->weights + start_of(a, b) : look_up(a, b, room);
            for (int64_t v = v0, n; v < v1; v += n) {
                n = tile_height(a, v1 - v);
                wb_ahead_go(&ahead);
                run_tile(a, arena, w, b, v, n);
            }
        }
        return;
    }
    for (int64_t v = v0, n; v < v1; v += n) {
        n = tile_height(a, v1 - v);
        for (int64_t b = b0; b < b1; b++) {
            wb_ahead_go(&ahead);
            run_tile(a, arena, a->weights + start_of(a, b), b, v, n);
        }
    }
}

WB_DEFINE(conv_dense, 2x16, 6x16, 8x48) { run(args, arena, tid, nthreads); }

WB_DEFINE(conv_palette, 2x16, 6x16, 8x48) { run(args, arena, tid, nthreads); }
