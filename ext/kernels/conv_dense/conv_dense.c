/* Dense convolution; contract in conv_dense.h. */
#include "kernels/conv_dense/conv_dense.h"

#include "simd/epilogue.h"
#include "core/fetch.h"
#include "simd/repeat.h"

/* 24 zmm, 12 ymm or 8 four-lane accumulators. */
#define WIDE WB_TILE(2, 6, 8)
#define HALF WB_TILE(1, 3, 4)
#define MOST WB_TILE(1, 1, 3)

enum { FEW_WEIGHTS = 64 << 10 };
enum { L1_WEIGHTS = 4 << 10 }; /* floats: half of a small L1 cache */
enum { AHEAD = 1024 }; /* floats between the weights in use and those asked for */

typedef void (*tile_fn)(const wb_conv_dense *a, float *arena, const float *const *base,
                        const float *w, const float *bias, int64_t vector,
                        const wb_dense_tile *tile);

/* Store one segment of a sum: no curved activation. */
WB_INLINE void finish(const wb_place *p, float *arena, int64_t at, unsigned mask,
                      wb_v16 sum) {
    if (p->residual != WB_NONE) sum = wb_add(sum, wb_load(arena + p->residual + at));
    sum = wb_min(wb_set1(p->act.hi), wb_max(wb_set1(p->act.lo), sum));
    wb_store_mask(arena + p->dst + at, sum, mask);
}

#define NV 1
#define MO WIDE
#include "kernels/conv_dense/conv_dense_tile.inc"
#undef MO
#define MO HALF
#include "kernels/conv_dense/conv_dense_tile.inc"
#undef MO
#undef NV
#if defined(WB_ISA_AVX512)
#define NV 2
#define MO WIDE
#include "kernels/conv_dense/conv_dense_tile.inc"
#undef MO
#define MO HALF
#include "kernels/conv_dense/conv_dense_tile.inc"
#undef MO
#undef NV
#define NV 3
#define MO WIDE
#include "kernels/conv_dense/conv_dense_tile.inc"
#undef MO
#define MO HALF
#include "kernels/conv_dense/conv_dense_tile.inc"
#undef MO
#undef NV
#endif

#define TILE_FN(n, m) WB_CAT(tile_, WB_CAT(n, WB_CAT(x, m)))
static const tile_fn TILES[2][4] = {
    {NULL, TILE_FN(1, HALF)
#if defined(WB_ISA_AVX512)
               ,
     TILE_FN(2, HALF), TILE_FN(3, HALF)
#endif
    },
    {NULL, TILE_FN(1, WIDE)
#if defined(WB_ISA_AVX512)
               ,
     TILE_FN(2, WIDE), TILE_FN(3, WIDE)
#endif
    },
};

static void run_tile(const wb_conv_dense *a, float *arena, const float *w, int64_t index,
                     int64_t vector, int64_t vectors) {
    const wb_dense_tile *tile = a->tile + index;
    const float *src = arena + a->place.src;
    const float *base[3] = {NULL, NULL, NULL};
    for (int64_t v = 0; v < vectors; v++) base[v] = src + a->place.in[vector + v];
    TILES[tile->count > HALF][vectors](a, arena, base, w, a->bias + index * WIDE, vector,
                                       tile);
}

/* Tiles of nearly equal height over the vectors [first, stop). */
static int64_t tile_height(const wb_conv_dense *a, int64_t left) {
    const int64_t most = a->vectors < MOST ? a->vectors : MOST;
    const int64_t tiles = (left + most - 1) / most;
    return (left + tiles - 1) / tiles;
}

/* The weights of a tile, looked up; `room` holds taps * WIDE floats. */
static const float *look_up(const wb_conv_dense *a, int64_t index, float *room) {
    const int64_t width = a->tile[index].count > HALF ? WIDE : HALF;
    const uint8_t *code = a->codes + a->tile[index].weights;
    const float *scale = a->scale + index * WIDE;
    float *out = room;
    for (int64_t t = 0; t < a->taps; t++)
        for (int64_t m = 0; m < width; m++) *out++ = a->table[*code++] * scale[m];
    return room;
}

/* Tiles of channels that all vectors see before the next ones: their weights stay in L1. */
static int64_t at_once(const wb_conv_dense *a) {
    if (a->codes != NULL) return 1;
    if (!a->weights_outer) return a->tiles;
    const int64_t fit = L1_WEIGHTS / ((int64_t)a->taps * WIDE);
    return fit > 1 ? fit : 1;
}

WB_INLINE void run(const wb_conv_dense *a, float *arena, int tid, int nthreads) {
    WB_REQUIRE_STEP(a, arena, tid, nthreads);
    WB_REQUIRE_PLACE(&a->place);
    WB_REQUIRE(a->tiles >= 1 && a->taps >= 1);
    WB_REQUIRE_WITHIN(1, a->vectors, 3);
    WB_REQUIRE_FLAG(a->weights_outer);
    WB_REQUIRE_ARRAY(a->tile);
    WB_REQUIRE_ARRAY(a->offsets);
    WB_REQUIRE_ARRAY(a->bias);
    WB_REQUIRE(a->codes == NULL || (a->table != NULL && a->scale != NULL));
    const int64_t all = a->tiles;
    int64_t v0 = 0, v1 = a->place.count, b0 = 0, b1 = all;
    /* Share what leaves the smaller rest. Else channels, so that weights are streamed once,
     * unless they stay in every thread's cache: then each reads what itself wrote. */
    const int64_t most = a->vectors < MOST ? a->vectors : MOST;
    const int64_t tiles = (v1 + most - 1) / most;
    const int64_t by_channels = (all + nthreads - 1) / nthreads * tiles;
    const int64_t by_vectors = (tiles + nthreads - 1) / nthreads * all;
    const int few_weights = a->floats <= FEW_WEIGHTS;
    if (by_channels < by_vectors || (by_channels == by_vectors && !few_weights)) {
        b0 = wb_share(all, tid, nthreads);
        b1 = wb_share(all, tid + 1, nthreads);
    } else {
        v0 = wb_share(tiles, tid, nthreads) * most;
        v1 = wb_share(tiles, tid + 1, nthreads) * most;
        v1 = v1 < a->place.count ? v1 : a->place.count;
    }
    wb_ahead ahead = wb_ahead_open(arena, (v1 - v0 + most - 1) / most * (b1 - b0));
    float *room = a->codes == NULL ? NULL : wb_thread_scratch(arena, tid);
    const int64_t chunk = at_once(a);
    for (int64_t c0 = b0, c1; c0 < b1; c0 = c1) {
        c1 = c0 + chunk < b1 ? c0 + chunk : b1;
        const float *found = room == NULL ? NULL : look_up(a, c0, room);
        for (int64_t v = v0, n; v < v1; v += n) {
            n = tile_height(a, v1 - v);
            for (int64_t b = c0; b < c1; b++) {
                const float *w = room == NULL ? a->weights + a->tile[b].weights : found;
                wb_ahead_go(&ahead);
                run_tile(a, arena, w, b, v, n);
            }
        }
    }
}

WB_DEFINE(conv_dense, 2x16, 6x16, 8x48) { run(args, arena, tid, nthreads); }

WB_DEFINE(conv_palette, 2x16, 6x16, 8x48) { run(args, arena, tid, nthreads); }
