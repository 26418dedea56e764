/* Products of a row of a compressed sparse matrix with a vector, for every fully connected
 * layer: values as they are, or codes into a table of them. */
#ifndef WB_SPARSE_ROW_H
#define WB_SPARSE_ROW_H

#include "simd/simd.h"

typedef struct {
    const float *values;
    const uint8_t *codes; /* places in `values`; NULL: one value after the other */
    const void *columns; /* uint16, or int32 when `wide` */
} wb_sparse_row;

WB_INLINE float wb_sparse_product(const wb_sparse_row *row, const float *x, int64_t n,
                                  const int coded, const int wide) {
    const int32_t *far = row->columns;
    const uint16_t *near = row->columns;
    return row->values[coded ? row->codes[n] : n] * x[wide ? far[n] : near[n]];
}

/* Add the products of entries n..end to four sums, so that additions do not wait. */
WB_INLINE void wb_sparse_sums(const wb_sparse_row *row, const float *x, int64_t n,
                              int64_t end, float sum[4], const int coded,
                              const int wide) {
    for (; n + 4 <= end; n += 4)
        for (int k = 0; k < 4; k++)
            sum[k] += wb_sparse_product(row, x, n + k, coded, wide);
    for (; n < end; n++) sum[0] += wb_sparse_product(row, x, n, coded, wide);
}

/* Return `start` and the products of entries n..end. */
WB_INLINE float wb_sparse_total(const wb_sparse_row *row, const float *x, int64_t n,
                                int64_t end, float start, const int coded, int64_t wide) {
    float sum[4] = {start, 0.0f, 0.0f, 0.0f};
    if (wide) wb_sparse_sums(row, x, n, end, sum, coded, 1);
    else wb_sparse_sums(row, x, n, end, sum, coded, 0);
    return (sum[0] + sum[2]) + (sum[1] + sum[3]);
}

#endif
