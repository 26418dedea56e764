/* Dense convolution of few pixels: output channels are the lanes.
 *
 * Where an image has less than a few vectors of pixels, lanes of pixels stay empty. Here
 * a tile of up to `most` pixels x `wide` vectors of 16 output channels stays in registers
 * over all taps; per tap the weights are loaded once and each pixel is broadcast.
 * Weights are packed [tile][tap][16 * wide]; missing channels are zeros. Output channels
 * of a tile are out_cs apart.
 *
 * Contract: pixel p is read at src + in[p] + offsets[tile.offsets + t], one float each;
 * channel m of a tile is stored at dst + out[p] + tile.out + m * out_cs, as are
 * residuals. bias is padded to whole tiles.
 */
#ifndef WB_CONV_LANES_H
#define WB_CONV_LANES_H

#include "kernels/conv_dense/dense_tiles.h"
#include "core/wb.h"

typedef struct {
    int64_t pixels;
    const int64_t *in;  /* [pixels] */
    const int64_t *out; /* [pixels] */
    int64_t src, dst, out_cs;
    int64_t residual; /* WB_NONE, or the base of a tensor with dst's layout */
    wb_act act;
    int32_t tiles, taps;
    const wb_dense_tile *tile;
    const int32_t *offsets;
    const float *weights;
    const float *bias;
} wb_conv_lanes;

/* Output channels of a tile of this instruction set. */
static inline int wb_lanes_width(int isa) { return isa == WB_AVX512 ? 32 : 16; }

#endif
