/* Fully connected layers on a contiguous vector: dense rows, or compressed sparse rows.
 *
 * Contract: src holds `inputs` floats and is not read beyond; dst holds `outputs`.
 */
#ifndef WB_LINEAR_H
#define WB_LINEAR_H

#include "core/wb.h"

typedef struct {
    int64_t outputs, inputs;
    int64_t src, dst;
    wb_act act;
    const float *weights; /* [outputs][inputs] */
    const float *bias;
} wb_linear_dense;

typedef struct {
    int64_t outputs;
    int64_t src, dst;
    wb_act act;
    const int32_t *indptr; /* [outputs + 1] */
    const void *columns;   /* uint16, or int32 when `wide` */
    int64_t wide;
    const float *values;
    const float *bias;
} wb_linear_sparse;

#endif
