/* winograd_gemm.h - one coordinate's product M[o][vec] = U[o][c] V[c][vec], dense and
 * sparse. V is [C][nv * 16] floats; M element (o, vec) is 16 floats at
 * m + (o * nv + vec) * m_stride. */
#ifndef WB_WINOGRAD_GEMM_H
#define WB_WINOGRAD_GEMM_H
#include "kernels/winograd/winograd.h"
#include "kernels/winograd/winograd_simd.h"

#define WINO_ROWS WB_WINOGRAD_ROWS
#define SUB (16 / L) /* native vectors of one tile vector */

typedef struct {
    int channels;
    int nv;     /* tile vectors of a row of V, and of M */
    int floats; /* of a row of V that matter, a multiple of L or of half an L */
    int64_t m_stride;
    int64_t u_tile;    /* floats of a weight tile */
    const char *ahead; /* asked for while the first register tile is made, */
    int64_t pace;      /* this many bytes a channel */
} wb_wino_product;

/* lanes at the end of V that a product may leave out */
#if L == 16
#define IDLE 8
#else
#define IDLE L
#endif

#define WIDE(x) w##x
#define SLIM(x) h##x
#define TILE WIDE
#define TILE_LANES L
#include "kernels/winograd/winograd_tile.inc"
#undef TILE
#undef TILE_LANES

#define WINO_TILE(kind, rows, group)                                                     \
    static __attribute__((noinline)) void wb_wino_##kind##_##rows##x##group(             \
        wb_wino_product *s, const float *u, const float *v, float *m, int at) {          \
        kind(rows, group, s, u, v, m, at);                                               \
        s->pace = 0;                                                                     \
    }
#if L == 16
#define TILE SLIM
#define TILE_LANES 8
#include "kernels/winograd/winograd_tile.inc"
#undef TILE
#undef TILE_LANES
WINO_TILE(wtile, 8, 3)
WINO_TILE(wtile, 8, 2)
WINO_TILE(wtile, 8, 1)
WINO_TILE(wtile, 16, 1)
WINO_TILE(htile, 8, 1)
WINO_TILE(htile, 16, 1)

/* `tiles` weight tiles of 8 output channels; groups of 3 or 2 vectors of V at a time,
 * two weight tiles at once where a single vector would leave registers idle */
static void wb_wino_dense(wb_wino_product *s, const float *u, const float *v, float *m,
                          int tiles) {
    const int64_t u_tile = s->u_tile;
    const int64_t m_tile = WINO_ROWS * s->nv * s->m_stride;
    for (int t = 0; t < tiles; t += 2, u += 2 * u_tile, m += 2 * m_tile) {
        const int pair = t + 1 < tiles;
        int at = 0;
        while (s->floats - at >= 32) {
            const int three = s->floats - at >= 48 && s->floats - at != 64;
            for (int i = 0; i <= pair; i++)
                (three ? wb_wino_wtile_8x3 : wb_wino_wtile_8x2)(s, u + i * u_tile, v,
                                                                m + i * m_tile, at);
            at += three ? 48 : 32;
        }
        if (s->floats - at >= 16) {
            (pair ? wb_wino_wtile_16x1 : wb_wino_wtile_8x1)(s, u, v, m, at);
            at += 16;
        }
        if (s->floats > at)
            (pair ? wb_wino_htile_16x1 : wb_wino_htile_8x1)(s, u, v, m, at);
    }
}
#else
WINO_TILE(wtile, 4, 3)
WINO_TILE(wtile, 4, 2)
WINO_TILE(wtile, 8, 1)

/* `tiles` weight tiles of 8 output channels; half of them with groups of 3 or 2 vectors
 */
static void wb_wino_dense(wb_wino_product *s, const float *u, const float *v, float *m,
                          int tiles) {
    const int64_t u_tile = s->u_tile;
    const int64_t m_row = s->nv * s->m_stride;
    for (int t = 0; t < tiles; t++, u += u_tile, m += WINO_ROWS * m_row) {
        int at = 0;
        while (s->floats - at >= 2 * L) {
            const int three = s->floats - at >= 3 * L && s->floats - at != 4 * L;
            for (int r = 0; r < WINO_ROWS; r += 4)
                (three ? wb_wino_wtile_4x3 : wb_wino_wtile_4x2)(s, u + r, v,
                                                                m + r * m_row, at);
            at += three ? 3 * L : 2 * L;
        }
        if (s->floats > at) wb_wino_wtile_8x1(s, u, v, m, at);
    }
}
#endif

/* one sparse row, `group` native vectors from float `at` on */
WB_INLINE void wb_wino_row(const int group, const int32_t *index, const float *value,
                           int count, const float *restrict v, float *m, int64_t m_stride,
                           int at) {
    wv acc[8];
#pragma GCC unroll 8
    for (int g = 0; g < group; g++) acc[g] = wv_set1(0);
    v += at;
    for (int i = 0; i < count; i++) {
        const float *in = v + index[i];
        const wv w = wv_set1(value[i]);
#pragma GCC unroll 8
        for (int g = 0; g < group; g++) acc[g] = wv_fma(w, wv_load(in + g * L), acc[g]);
    }
#pragma GCC unroll 8
    for (int g = 0; g < group; g++)
        wv_store(m + (at + g * L) / 16 * m_stride + (at + g * L) % 16, acc[g]);
}

/* rows of indptr[0 .. rows], indices already multiplied by nv * 16 */
static void wb_wino_sparse(const wb_winograd *a, const wb_wino_product *s,
                           const int32_t *indptr, const float *v, float *m, int rows) {
    for (int r = 0; r < rows; r++, m += s->nv * s->m_stride) {
        const int32_t *index = a->index + indptr[r];
        const float *value = a->values + indptr[r];
        const int count = indptr[r + 1] - indptr[r];
        int at = 0;
        for (; s->floats - at >= 8 * L; at += 8 * L)
            wb_wino_row(8, index, value, count, v, m, s->m_stride, at);
        for (; s->floats - at >= 4 * L; at += 4 * L)
            wb_wino_row(4, index, value, count, v, m, s->m_stride, at);
        for (; s->floats - at >= 2 * L; at += 2 * L)
            wb_wino_row(2, index, value, count, v, m, s->m_stride, at);
        for (; s->floats > at; at += L)
            wb_wino_row(1, index, value, count, v, m, s->m_stride, at);
    }
}

#endif
