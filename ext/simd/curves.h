/* Curved activations, once an instruction set and outside of the kernels' loops. */
#ifndef WB_CURVES_H
#define WB_CURVES_H

#include "simd/simd.h"

#define wb_bend WB_CAT(wb_bend__, WB_ISA_NAME)

/* values[i] = curve(values[i]) for count floats; act's bounds are not its business. */
void wb_bend(float *values, int64_t count, const wb_act *act);

#endif
