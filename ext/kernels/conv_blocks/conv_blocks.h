/* Sparse convolution in blocks: `height` consecutive output channels share one list of
 * offsets, and an offset has `height` values. Each activation vector is loaded once for
 * all of them, and there are `height` times fewer indices than non-zeros.
 *
 * Packed by wb_pack_sparse (conv_sparse.h) with a group of channels for a row: chunks of
 * offsets whose activations stay in L1, blocks of groups that threads share.
 *
 * Contract: as conv_sparse; bias and values are padded with zeros to whole groups;
 * thread scratch holds groups * height * strip * 16 floats when there is more than one
 * chunk.
 */
#ifndef WB_CONV_BLOCKS_H
#define WB_CONV_BLOCKS_H

#include "core/wb.h"

#define WB_MAX_BLOCK_STRIP 8

typedef struct {
    wb_place place;
    int32_t outputs; /* output channels; the last group may be short */
    int32_t height;  /* 2; 4 with AVX2; 4 or 8 with AVX-512 */
    int32_t chunks, blocks;
    int32_t strip; /* vectors a strip at most; workbench/kernels/steps/blocks.py */
    int32_t unit;  /* 1: int32 offsets; 16: uint16 offsets in so many floats */
    const int64_t *chunk_base; /* [chunks] */
    const uint32_t *runs;      /* [...][2]: group, offsets */
    const int64_t *run_at;     /* [chunks * blocks + 1], in entries */
    const int64_t *nz_at;      /* [chunks * blocks + 1], in offsets */
    const void *index;
    const float *values; /* [offsets][height] */
    const float *bias;   /* [groups * height] */
} wb_conv_blocks;

#endif
