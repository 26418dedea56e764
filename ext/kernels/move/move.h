/* Floats carried to a lower place of the arena, or cleared.
 *
 * Contract: count > 0; src < 0 clears; else dst <= src and the ranges may overlap.
 */
#ifndef WB_MOVE_H
#define WB_MOVE_H

#include "core/wb.h"

typedef struct {
    int64_t src, dst, count;
} wb_move;

#endif
