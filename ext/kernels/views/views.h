/* Element by element over views of arrays: out = f(a, b). A copy between two views is
 * what permutes, slices, joins and repeats.
 *
 * Contract: 1..WB_AXES axes, every size >= 1; a view's element (i, j, ...) is at base +
 * i * strides[0] + j * strides[1] ... floats of `fixed`, or of the arena where that is
 * NULL. Views are read and written exactly. `out` shares no float with a or b, and no two
 * of its elements are one. Functions of one number have b = a. With `plane`, a copy, the
 * last axis is contiguous in out and the last but one in a.
 */
#ifndef WB_VIEWS_H
#define WB_VIEWS_H

#include "core/wb.h"

enum { WB_AXES = 8 };

/* f(p, q), in the order of FUNCTIONS of workbench/kernels/values/array_specs.py. */
enum {
    WB_VIEW_COPY = 0,
    WB_VIEW_ADD,
    WB_VIEW_SUB,
    WB_VIEW_MUL,
    WB_VIEW_DIV,
    WB_VIEW_MAXIMUM,
    WB_VIEW_MINIMUM,
    WB_VIEW_SQRT,
    WB_VIEW_RSQRT,
    WB_VIEW_RECIPROCAL,
    WB_VIEW_SQUARE,
    WB_VIEW_ABS,
    WB_VIEW_NEG,
    WB_VIEW_FUNCTIONS
};

typedef struct {
    const float *fixed;
    int64_t base;
    int64_t strides[WB_AXES];
} wb_view;

typedef struct {
    wb_view view[3]; /* out, a, b */
    int64_t function, plane;
    int64_t axes;
    int64_t sizes[WB_AXES];
} wb_views;

#endif
