/* Along one axis of a contiguous array (outer, count, inner): softmax, norms, sums.
 *
 * Contract: outer, count, inner >= 1. Softmax and norm write an array of the same shape,
 * which may be the source; the others write (outer, inner) numbers that share no float
 * with it. Arrays are read and written exactly.
 * A norm is (x - mean) / sqrt(variance + eps) of each line along the axis, without the
 * mean where not `centre`, then times scale, plus shift where these are not NULL: element
 * j of line o has the number (o * per_line + j / per_number) of them.
 */
#ifndef WB_ALONG_H
#define WB_ALONG_H

#include "core/wb.h"

/* In the order of ALONG of workbench/kernels/values/array_specs.py. */
enum {
    WB_SOFTMAX = 0,
    WB_LOG_SOFTMAX,
    WB_NORM,
    WB_SUM,
    WB_MEAN,
    WB_SUM_OF_SQUARES,
    WB_LENGTH,
    WB_LARGEST,
    WB_SMALLEST,
    WB_ALONG_KINDS
};

typedef struct {
    int64_t src, dst;
    int64_t outer, count, inner;
    int64_t kind, centre;
    float eps;
    const float *scale, *shift;
    int64_t per_line, per_number;
} wb_along;

#endif
