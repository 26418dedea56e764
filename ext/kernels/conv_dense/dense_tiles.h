/* dense_tiles.h - how the output channels of a dense layer are cut into tiles.
 *
 * A tile is some output channels that read the same floats at the same offsets: one loop
 * of conv_dense or conv_lanes. Groups read other offsets; whose an output channel is, is
 * up to the table.
 */
#ifndef WB_DENSE_TILES_H
#define WB_DENSE_TILES_H
#include <stdint.h>

typedef struct {
    int64_t weights; /* where its packed weights, or codes, start */
    int64_t out;     /* floats between the first output channels of layer and tile */
    int32_t offsets; /* where the offsets of its taps start */
    int32_t count;   /* output channels */
} wb_dense_tile;

/* Weights [count][taps] -> packed [tap][width]; m beyond the count is left. */
void wb_pack_dense(const float *weights, int64_t count, int64_t taps, int64_t width,
                   float *packed);

#endif
