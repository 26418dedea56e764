/* Products of matrices that are both computed: attention, resizing by a matrix.
 *
 * Contract: out[b][i][j] = sum over k of a[b][i][k] * b[b][k][j]; out is contiguous, a and
 * b have strides of their own on each axis of the batch (0 where one matrix serves all),
 * on rows and on columns. `fixed` and `base` as in views.h. rows, depth, columns >= 1;
 * out shares no float with a or b. Full-vector loads may touch floats beyond a row of b
 * only where its columns are contiguous and sixteen of them are left. Thread scratch holds
 * 16 * depth floats.
 */
#ifndef WB_PRODUCTS_H
#define WB_PRODUCTS_H

#include "kernels/views/views.h"

typedef struct {
    wb_view left, right; /* strides of the batch's axes, then of rows and columns */
    int64_t dst;
    int64_t axes; /* of the batch, at most WB_AXES - 2 */
    int64_t sizes[WB_AXES];
    int64_t rows, depth, columns;
} wb_products;

#endif
