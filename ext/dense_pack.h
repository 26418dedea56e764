/* dense_pack.h - dense weights to what conv_dense reads. */
#ifndef WB_DENSE_PACK_H
#define WB_DENSE_PACK_H
#include <stdint.h>

typedef struct {
    int64_t channels; /* output channels */
    int64_t taps;
    int64_t tile; /* output channels of a block */
    int64_t last; /* room for channels in the last block, at most `tile` */
} wb_dense_tiles;

/* weights [channels][taps] -> packed [block][tap][m]; m beyond the channels is left. */
void wb_pack_dense(wb_dense_tiles shape, const float *weights, float *packed);

#endif
