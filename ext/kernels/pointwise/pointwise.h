/* Elementwise work and copies between layouts: out = act(a op b).
 *
 * Contract: a, b and out have equal sizes (b may have one element a channel); out may be
 * a or b when their layouts are equal. Loads are full vectors and may touch 15 floats
 * beyond a row; stores may not. With `split`, out has the four phases of a (wb_split_row)
 * and thread scratch holds 2 * a.w floats. Only rows [first, stop) of a are read.
 */
#ifndef WB_POINTWISE_H
#define WB_POINTWISE_H

#include "core/wb.h"

enum { WB_COPY = 0, WB_ADD, WB_MUL };

typedef struct {
    wb_geometry a, b, out;
    int64_t op, broadcast, split;
    int64_t first, stop;
    wb_act act;
} wb_pointwise;

#endif
