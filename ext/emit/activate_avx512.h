/* activate_avx512.h - activations of a unit's rows, in registers, before the store. */
#ifndef WB_EMIT_ACTIVATE_AVX512_H
#define WB_EMIT_ACTIVATE_AVX512_H

#include "emit/generate.h"

enum { WB_ACT_CONSTANTS = 14 };

/* Floats that the activation reads from the end of the weights; how many there are, or
 * -1 for a curve that no code is written for. */
int wb_act_constants(wb_act act, float *values);

/* Activate registers 0..n_rows-1; constants[i] = place of constant i from rsi.
 * Registers n_rows.. are free; the longer activations use 28-31. NaN stays NaN. */
void wb_activate_avx512(wb_code *code, wb_act act, wb_width width, int n_rows,
                        const int32_t *constants);

#endif
