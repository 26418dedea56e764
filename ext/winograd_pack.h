/* winograd_pack.h - weights of a 3x3 convolution to what the kernel reads. */
#ifndef WB_WINOGRAD_PACK_H
#define WB_WINOGRAD_PACK_H
#include "winograd.h"

typedef struct {
    const float *taps; /* [O][C][3][3] */
    const double *g;   /* [alpha][3], the weight transform */
    int64_t outputs;   /* O */
    int64_t channels;  /* C */
    int64_t m;         /* 2, 4 or 6 */
    int64_t ob;        /* output channels of a chunk, a multiple of 8 */
} wb_winograd_taps;

/* Writes G g G^T, computed in double and rounded once, in the order of
 * wb_winograd.dense. `packed` has alpha^2 * C floats for each of O output channels,
 * O rounded up to a multiple of 8; the channels beyond are zeros. */
void wb_winograd_pack(const wb_winograd_taps *from, float *packed);

#endif
