/* Packing for dense layers; see dense_tiles.h. Compiled once, for the baseline. */
#include "kernels/conv_dense/dense_tiles.h"

void wb_pack_dense(const float *restrict weights, int64_t count, int64_t taps,
                   int64_t width, float *restrict packed) {
    for (int64_t t = 0; t < taps; t++, packed += width)
        for (int64_t m = 0; m < count; m++) packed[m] = weights[m * taps + t];
}
