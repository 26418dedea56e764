/* generate.h - straight-line code for one unit: a group of output rows of a layer.
 *
 * A unit is called once for every vector of 16 output pixels:
 *
 *   unit(in, weights, out, mask, more)        System V calling convention
 *     in       first float of the input vector (vec_in)
 *     weights  the unit's weights + WB_WEIGHT_BIAS_* bytes, in the order of their use
 *     out      row 0 of the layer's output at the vector's first segment
 *     mask     lanes of the first segment
 *     more     AVX-512: the other segments or NULL; AVX2: see generate_avx2.c
 *
 * Rows live in registers from the bias to the store. Each input vector that any row
 * needs is loaded once; each non-zero is one multiply-add. Columns are visited in the
 * order of their input offset, hence results do not depend on the group size.
 */
#ifndef WB_EMIT_GENERATE_H
#define WB_EMIT_GENERATE_H

#include "emit/encoder.h"
#include "emit/pack.h"
#include "core/wb.h"

enum {
    /* bytes; signed displacements of one byte then reach 256 or 64 weights */
    WB_WEIGHT_BIAS_AVX512 = 512,
    WB_WEIGHT_BIAS_AVX2 = 128,
    WB_LANES = 16,
    /* most rows of a unit; the rest of the registers hold inputs and constants */
    WB_ROWS_AVX512 = 31,
    WB_ROWS_AVX512_SHIFT = 29,  /* with shift other than WB_SHIFT_NEVER */
    WB_ROWS_AVX512_CURVED = 28, /* with an activation other than bounds */
    WB_ROWS_AVX2 = 6
};

/* How AVX-512 units read vectors that start beside a multiple of 16 floats. */
typedef enum {
    WB_SHIFT_NEVER, /* as they are: such a load touches two lines */
    WB_SHIFT_LINES, /* shifted out of whole vectors where that needs fewer loads; every
                       vec_in must be equally far from a multiple of 16 floats */
    WB_SHIFT_IN_ROW /* besides, taps at most 2 lanes away are shifted out of one vector,
                       zeros beside it: vectors must hold whole image rows */
} wb_shift;

typedef struct {
    float *out[2];    /* row 0 of the output at segments 1 and 2 */
    uint16_t mask[2]; /* their lanes; 0 for a segment that does not exist */
} wb_more_segments;

typedef void (*wb_unit_fn)(const float *in, const float *weights, float *out,
                           uint32_t mask, const void *more);

/* The weights of one unit, written in the order in which the code reads them. */
typedef struct {
    float *at, *end;
    int overflow;
} wb_stream;

typedef struct {
    const wb_pack *pack;  /* columns and entries of this unit */
    const int32_t *rows;    /* output row of each accumulator */
    int32_t n_rows;
    const float *bias;      /* of the whole layer */
    int64_t out_cs;         /* floats between two output rows */
    int64_t residual_delta; /* floats from an output to the residual added to it */
    int has_residual;
    wb_shift shift;
    int32_t in_skew; /* floats by which `in` was moved down to a multiple of 16 */
    wb_act act;
    int unzip; /* even lanes to 0-7, odd ones to 8-15, before anything is
                               added or stored; needs first and last set */
    int first, last; /* first: start from the bias, else from the output;
                               last: add the residual and activate */
    /* Vectors of one segment exist (more is NULL), of several exist. Units with first
     * unset must have exactly one of the two. */
    int some_single, some_split;
    int segments; /* of the vector that has most */
} wb_unit_spec;

/* Append the unit at code->at and its weights at stream->at. */
void wb_generate_avx512(wb_code *code, wb_stream *stream, const wb_unit_spec *unit,
                        wb_width width);

/* As above; halves = registers a row: 2 for 16 lanes, 1 when only 8 are alive. */
void wb_generate_avx2(wb_code *code, wb_stream *stream, const wb_unit_spec *unit,
                      int halves);

#endif
