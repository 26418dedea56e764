/* Sparse convolution: each output channel is a list of (offset, value) pairs.
 *
 * Packed once by wb_pack_sparse for a strip of `strip` vectors:
 *   columns (offsets) are cut into chunks whose activations stay in L1 for a strip;
 *   rows (output channels) into blocks of nearly equal numbers of non-zeros, the unit
 *   that threads share. Within a block and chunk the longest rows come first.
 * A run entry is [row, n of class 0, n of class 1, ...]. There is one class, or, for the
 * shifting kernel, one a horizontal tap position, dx = first_dx, first_dx + 1, ...
 * Offsets are int32 floats, or uint16 in units of 16 or 8 floats, from the chunk's base;
 * those of the shifting kernel leave dx out.
 *
 * Contract: index and values hold as many entries as the runs say; vectors are read at
 * src + in[v] + base + offset, 16 floats each; thread scratch holds
 * rows * strip * 16 floats when there is more than one chunk.
 */
#ifndef WB_CONV_SPARSE_H
#define WB_CONV_SPARSE_H

#include "core/wb.h"

#define WB_MAX_CLASSES 7
#define WB_MAX_STRIP 14

typedef struct {
    wb_place place;
    int32_t rows, chunks, blocks, classes;
    int32_t strip;        /* vectors a strip at most */
    int32_t row_vectors; /* shifting kernel: strips are whole image rows of this many */
    int32_t last_dx; /* shifting kernel: how far results end up too high */
    int32_t unit; /* 1: int32 offsets; 8, 16: uint16 offsets in so many floats */
    const int64_t *chunk_base; /* [chunks] */
    const uint32_t *runs; /* [...][1 + classes] */
    const int64_t *run_at; /* [chunks * blocks + 1], in entries */
    const int64_t *nz_at; /* [chunks * blocks + 1] */
    const void *index;
    const float *values;
    const float *bias;
} wb_conv_sparse;

/* How to pack. */
typedef struct {
    int32_t rows, blocks, classes, strip, unit;
    int32_t first_dx;
    int64_t l1_floats; /* activations of one strip and chunk at most */
    const int64_t *strip_in; /* [strip] input of the vectors of a typical strip */
} wb_sparse_plan;

/* What packing made; free with wb_free_packed. */
typedef struct {
    int32_t chunks;
    int64_t run_count;
    int64_t *chunk_base;
    uint32_t *runs;
    int64_t *run_at, *nz_at;
    void *index;
    float *values;
} wb_packed;

/* 0, or -1 when memory is short or an offset does not fit the index type. */
int wb_pack_sparse(const wb_sparse_plan *plan, const int32_t *indptr,
                   const int32_t *offsets, const float *values, wb_packed *packed);
void wb_free_packed(wb_packed *packed);

#endif
