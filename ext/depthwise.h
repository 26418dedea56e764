/* Depthwise convolution: one filter a channel.
 *
 * When taps form a grid of `grid_rows` x `grid_columns` whose rows are as far apart as
 * the image rows of the vectors, `chains` lists vectors that stand below each other: a
 * chain of up to WB_CHAIN output rows shares the loads of its input rows. Vectors that
 * are in no chain, and every other tap pattern, go the plain way.
 *
 * Contract: vectors are read at src + c * in_cs + in[v] + offsets[t], 16 floats each.
 */
#ifndef WB_DEPTHWISE_H
#define WB_DEPTHWISE_H

#include "wb.h"

#define WB_CHAIN 4

typedef struct {
    wb_place place;
    int32_t channels, taps;
    int32_t grid_rows, grid_columns; /* 0: no grid */
    int64_t in_cs;
    int64_t row_stride;     /* floats between grid rows */
    int64_t chain_count;
    const int32_t *chains;  /* [chain_count][WB_CHAIN] vectors */
    int64_t single_count;
    const int32_t *singles; /* vectors outside of chains */
    const int32_t *offsets; /* [taps]; with a grid row by row, top left first */
    const float *weights;   /* [channels][taps] */
    const float *bias;
} wb_depthwise;

#endif
