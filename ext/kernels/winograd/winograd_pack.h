/* winograd_pack.h - weights of a 3x3 convolution to what the kernel reads. */
#ifndef WB_WINOGRAD_PACK_H
#define WB_WINOGRAD_PACK_H
#include "kernels/winograd/winograd.h"

typedef struct {
    const float *taps; /* [O][C][3][3] */
    int64_t outputs;   /* O */
    int64_t channels;  /* C */
} wb_winograd_taps;

/* Writes the taps in the order of wb_winograd.taps: 9 floats for each pair of an output
 * and an input channel, outputs rounded up to a multiple of 8 and inputs to an even
 * number; the channels beyond are zeros. */
void wb_winograd_pack(const wb_winograd_taps *from, float *packed);

#endif
