/* Fully connected layers whose weights are entries of a small table: one byte a weight.
 *
 * out[o] = act(scale[o] * sum_i table[code[o][i]] * x[i] + bias[o])
 *
 * Contract: src holds `inputs` floats and is not read beyond, nor are the codes; every
 * code is below 256 and the table has 256 entries, whatever `entries` says is used.
 */
#ifndef WB_PALETTE_H
#define WB_PALETTE_H

#include "core/wb.h"

#define WB_PALETTE 256

typedef struct {
    int64_t outputs, inputs, entries;
    int64_t src, dst;
    wb_act act;
    const float *table;   /* [256] */
    const uint8_t *codes; /* [outputs][inputs] */
    const float *scale, *bias;
} wb_palette_dense;

typedef struct {
    int64_t outputs;
    int64_t src, dst;
    wb_act act;
    const int32_t *indptr; /* [outputs + 1] */
    const void *columns;   /* uint16, or int32 when `wide` */
    int64_t wide;
    const float *table; /* [256] */
    const uint8_t *codes;
    const float *scale, *bias;
} wb_palette_sparse;

#endif
