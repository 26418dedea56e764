/* Pooling over windows that Python worked out, and the mean of whole channels.
 *
 * Window (oy, ox) is rows [y0[oy], y1[oy]) and columns [x0[ox], x1[ox]), never empty;
 * averages divide by dy[oy] * dx[ox]. A NaN wins a maximum. When `width` > 0 the column
 * windows are [ox * step - pad, ox * step - pad + width) cut to the image. Thread scratch
 * holds 2 * in.w + out.w + pad + width + step * out.w floats. Only rows [first, stop) of
 * the output are made. When `whole` is set all windows are 2 x 2, side by side and whole,
 * and no tensor is in strips; full vectors are read then.
 */
#ifndef WB_POOL_H
#define WB_POOL_H

#include "core/wb.h"

typedef struct {
    wb_geometry in, out;
    int64_t maximum;
    int64_t width, step, pad;
    int64_t first, stop;
    int64_t whole;
    const int32_t *y0, *y1, *x0, *x1, *dy, *dx;
} wb_pool;

typedef struct {
    wb_geometry in;
    int64_t dst;
} wb_global_avg;

#endif
