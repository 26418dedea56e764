/* The way in and out: a contiguous (C, H, W) image to or from the arena. It begins
 * `offset` floats into the external row, which holds all inputs or all outputs.
 *
 * Contract: the external array is read and written exactly, never beyond. Thread scratch
 * holds 2 * width floats. Only rows [first, stop) of the image are moved.
 */
#ifndef WB_TRANSFER_H
#define WB_TRANSFER_H

#include "core/wb.h"

typedef struct {
    wb_geometry inside;
    int64_t load, split;
    int64_t channels, height, width; /* of the external image */
    int64_t first, stop;
    int64_t offset; /* floats of the external row before the image */
} wb_transfer;

#endif
