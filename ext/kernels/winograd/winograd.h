/* winograd.h - arguments of the fused Winograd convolution F(m,3), m = 2, 4, 6.
 *
 * One 3x3, stride-1 layer is a list of tile vectors; a tile vector is 16 output
 * tiles of m x m pixels (a partly filled one computes on whatever is there). Per block
 * of `nv` tile vectors the kernel runs, all in thread scratch:
 *   input transform   src -> V[k][c][nv][16]            k < alpha^2, alpha = m + 2
 *   one product a k   M[o][nv][k][16] = U[k] V[k]       dense, or sparse rows
 *   output transform  M -> + bias (+ residual), activation, masked stores to dst
 * Output channels are taken `ob` at a time so that V and M fit in the cache. U comes
 * packed, or is made from the 3x3 taps chunk by chunk in scratch: it has 1.8 to 7 times
 * as many floats, which would come from main memory.
 *
 * Contract (checked by workbench/kernels/steps/winograd.py, never here): full 16-float loads
 * at every item offset stay inside the arena; src and dst do not overlap; a result does
 * not depend on how blocks and output channels are divided among threads.
 *
 * place.out and place.mask describe chunks: chunk (v m + row) m + j is 16 columns of
 * one of the m output rows of tile vector v. place.in is not used. */
#ifndef WB_WINOGRAD_H
#define WB_WINOGRAD_H
#include "core/wb.h"

#define WB_WINOGRAD_ROWS 8 /* output channels of one packed weight tile */

typedef struct {
    wb_place place;
    int64_t in_cs;    /* floats between input channels */
    int32_t m;        /* 2, 4 or 6 */
    int32_t channels; /* C, input channels */
    int32_t outputs;  /* O, output channels */
    int32_t vectors;  /* tile vectors of the layer */
    int32_t tail;     /* tiles of the last one, 1..16 */
    int32_t nv;       /* tile vectors of a block */
    int32_t ob;       /* output channels of a chunk, a multiple of 8 */
    int32_t rectify;  /* 1: ReLU on V, which makes it another function (Liu 2018) */
    /* input items: 16 columns of alpha rows each; those of vector v are
     * item_start[v] .. item_start[v + 1] */
    const int32_t *item_start; /* [vectors + 1] */
    const int64_t *item_off;   /* [items][alpha] from src, lane 0 of each row */
    const uint16_t *item_mask; /* [items][alpha] lanes inside the image */
    const int32_t *item_slot;  /* [items] column within the vector's 16 m columns */
    const uint16_t *item_halo; /* [items] lanes stored m columns to the left */
    const float *bias;         /* [O] */
    const float *coef;         /* see winograd_transform.h */
    const float *dense;        /* [ob chunk][k][tile of 8][C][8], or NULL */
    const float *taps;         /* [tile of 8][C / 2][9][2][8], C made even, or NULL */
    const float *filter;       /* see winograd_transform.h; with taps only */
    const int32_t *indptr;     /* [alpha^2 * O + 1], row k O + o; sparse only */
    const int32_t *index;      /* c * nv * 16 of every non-zero; sparse only */
    const float *values;       /* sparse only */
} wb_winograd;

/* Thread scratch: an output staging area; twice the columns of one tile vector after
 * the vertical transform, as they are and m columns to the left; V; M; U of a chunk. */
#define WB_WINOGRAD_ALPHA(m) ((m) + 2)
#define WB_WINOGRAD_COORDS(m) (WB_WINOGRAD_ALPHA(m) * WB_WINOGRAD_ALPHA(m))
#define WB_WINOGRAD_STAGED(m) (16 * (m) * (m))
#define WB_WINOGRAD_COLUMNS(m) (16 * (m) + 32)
#define WB_WINOGRAD_HALF(m) (WB_WINOGRAD_ALPHA(m) * WB_WINOGRAD_COLUMNS(m) + 16)
/* odd numbers of lines, so that coordinates do not share a set of the cache */
#define WB_WINOGRAD_V_STRIDE(channels, nv) (((int64_t)(channels) * (nv) | 1) * 16)
#define WB_WINOGRAD_M_STRIDE(m) ((WB_WINOGRAD_COORDS(m) | 1) * 16)

#define WB_WINOGRAD_EVEN(channels) (((int64_t)(channels) + 1) / 2 * 2)
#define WB_WINOGRAD_U_STRIDE(channels, ob)                                               \
    ((WB_WINOGRAD_EVEN(channels) * (ob) / 16 | 1) * 16)

static inline int64_t wb_winograd_v(const wb_winograd *a) {
    return WB_WINOGRAD_COORDS(a->m) * WB_WINOGRAD_V_STRIDE(a->channels, a->nv);
}
static inline int64_t wb_winograd_m(const wb_winograd *a) {
    return (int64_t)a->ob * a->nv * WB_WINOGRAD_M_STRIDE(a->m);
}
/* U of one chunk, made from taps */
static inline int64_t wb_winograd_u(const wb_winograd *a) {
    return WB_WINOGRAD_COORDS(a->m) * WB_WINOGRAD_U_STRIDE(a->channels, a->ob);
}
static inline int64_t wb_winograd_scratch(const wb_winograd *a) {
    return WB_WINOGRAD_STAGED(a->m) + 16 + 4 * WB_WINOGRAD_HALF(a->m) + wb_winograd_v(a) +
           wb_winograd_m(a) + (a->taps == NULL ? 0 : wb_winograd_u(a));
}

#endif
