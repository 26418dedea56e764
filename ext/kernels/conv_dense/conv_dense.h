/* Dense convolution: direct for any kernel size, a GEMM for 1x1.
 *
 * A tile of up to 3 vectors (1 with 16 registers or fewer) x `tile` output channels
 * stays in registers over all taps; per tap each vector is loaded once and each weight
 * broadcast once. Weights are packed [tile][tap][m], m = WIDE, or half of it for a tile of
 * at most so many channels; missing channels are zeros. Output channels of a tile are
 * out_cs apart.
 *
 * Contract: vectors are read at src + in[v] + offsets[tile.offsets + t], 16 floats each;
 * bias is padded to whole tiles.
 *
 * conv_palette: weights are bytes into a table of 256 floats, times a scale for each
 * output channel. Those of one tile are looked up into thread scratch (taps * tile
 * floats) before all vectors run on them; weights_outer is taken as 1.
 */
#ifndef WB_CONV_DENSE_H
#define WB_CONV_DENSE_H

#include "kernels/conv_dense/dense_tiles.h"
#include "core/wb.h"

typedef struct {
    wb_place place;
    int32_t tiles, taps;
    int32_t vectors;       /* vectors a tile at most, 1..3 */
    int32_t weights_outer; /* 1: all vectors before the next few tiles */
    int64_t floats;        /* packed weights */
    const wb_dense_tile *tile;
    const int32_t *offsets;
    const float *weights;
    const float *bias; /* [tiles * tile] */
    const uint8_t *codes; /* as weights; conv_palette only */
    const float *table;   /* [256] */
    const float *scale;   /* as bias, zeros beyond the last channel */
} wb_conv_dense;

/* Output channels a tile of this instruction set. */
static inline int wb_dense_width(int isa) {
    return isa == WB_AVX512 ? 8 : isa == WB_AVX2 ? 6 : 2;
}

#endif
