/* Depthwise convolution: one filter a channel.
 *
 * When every output row has `columns` vectors, rows are `row_stride` floats apart in the
 * input and the filter is 3x3 or 5x5, output rows that follow each other share the loads
 * of their input rows. `grid` says which taps of neighbouring output rows meet:
 * 1, those one filter row apart (stride 1); 2, those two apart (stride 2 over phases).
 * Every other case (grid 0) goes tap by tap.
 *
 * With `lanes` the image has no borders in memory: what lies outside of it is zero. Rows
 * outside are not read; lanes beside it are, and cleared. Vectors then start at whole
 * output rows, and the grid is the stride.
 *
 * Contract: lane l of vector v reads src + c * in_cs + in[v] + offsets[t] + pace * l;
 * pace is 1, or 2 for stride 2 over the image as it is: 16 or 32 floats are loaded.
 * With a grid offsets are row by row, and in[v + columns] - in[v] = row_stride; with
 * grid 1 or pace 2 the taps of a filter row are neighbours.
 */
#ifndef WB_DEPTHWISE_H
#define WB_DEPTHWISE_H

#include "core/wb.h"

typedef struct {
    wb_place place;
    int32_t channels, taps;
    int32_t grid, columns, pace;
    int64_t in_cs;
    int64_t row_stride;
    const uint16_t *lanes; /* [columns][taps of a row]: those inside; NULL: no frame */
    int32_t height, top;   /* rows of the image, and of padding above it */
    int32_t repeats;       /* each output row stores the same lanes of its vectors */
    int32_t inner[2];      /* first and last + 1 of the columns that see no edge */
    int64_t origin;        /* in[] of output row 0, which a part may not have */
    const int32_t *offsets; /* [taps] */
    const float *weights;   /* [channels][taps] */
    const float *bias;
} wb_depthwise;

#endif
