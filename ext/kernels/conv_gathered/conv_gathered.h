/* Sparse convolution of few pixels: its input is gathered first.
 *
 * Where an image has less than two vectors of pixels, the rows of a padded plane leave
 * lanes empty, and every second load touches two cache lines. Here each part of the step
 * copies what the pixels read at each tap into a line of its scratch, chunk by chunk; the
 * sums run over whole, aligned lines, as in conv_sparse, and are scattered at the end.
 *
 * Pixels are numbered by where they read. A piece is 1, 2, 4, 8 or 16 neighbouring pixels
 * whose floats are neighbours in memory, too; pieces may overlap.
 *
 * Contract: the pixels of read piece i are read from src + at + line_offset[l] on for
 * line l; those of write piece i are stored from dst + at + channel * out_cs on, as are
 * residuals. `sums` packs rows over lines: src 0, an output channel every `vectors`
 * vectors, one segment, no residual, no activation. Thread scratch holds vectors * 16
 * floats for each row, and for each line of the largest chunk.
 */
#ifndef WB_CONV_GATHERED_H
#define WB_CONV_GATHERED_H

#include "kernels/conv_sparse/conv_sparse.h"

#define WB_GATHERED_VECTORS 2 /* vectors of pixels at most */

typedef struct {
    int64_t at;
    int32_t lane;  /* first pixel */
    int32_t width; /* 1, 2, 4, 8 or 16 pixels */
} wb_piece;

typedef struct {
    wb_conv_sparse sums;
    int32_t vectors, lines;
    int32_t idle; /* 1: the last vector is not full */
    int32_t reads, writes;
    const wb_piece *read;       /* [reads] */
    const wb_piece *write;      /* [writes] */
    const int32_t *line_offset; /* [lines] */
    int64_t src, dst, out_cs;
    int64_t residual; /* WB_NONE, or the base of a tensor with dst's layout */
    wb_act act;
} wb_conv_gathered;

/* First line of a chunk, which may begin within the line before; or their number. */
static inline int64_t wb_gathered_line(const wb_conv_gathered *a, int32_t chunk) {
    const int64_t pitch = 16 * (int64_t)a->vectors;
    if (chunk == a->sums.chunks) return a->lines;
    return (a->sums.chunk_base[chunk] + pitch - 1) / pitch;
}

#endif
