/* Packing for conv_dense; see dense_pack.h. Compiled once, for the baseline. */
#include "dense_pack.h"

void wb_pack_dense(wb_dense_tiles shape, const float *weights, float *packed) {
    for (int64_t first = 0; first < shape.channels; first += shape.tile) {
        const int64_t left = shape.channels - first;
        const int64_t width = left > shape.tile ? shape.tile : shape.last;
        const int64_t live = left < width ? left : width;
        for (int64_t t = 0; t < shape.taps; t++, packed += width)
            for (int64_t m = 0; m < live; m++)
                packed[m] = weights[(first + m) * shape.taps + t];
    }
}
