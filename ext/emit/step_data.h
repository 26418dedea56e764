/* step_data.h - what a step is made of; shared by its maker and its runner. */
#ifndef WB_EMIT_STEP_DATA_H
#define WB_EMIT_STEP_DATA_H

#include "emit/memory.h"
#include "emit/step.h"

enum { WB_WIDTHS = 3 };

typedef struct {
    wb_unit_fn entry[WB_WIDTHS]; /* NULL for a width that no vector has */
    const float *weights;        /* first weight */
    const uint8_t *code;         /* of the widest version, for fetching ahead */
    int32_t code_bytes, weight_bytes;
    int32_t first_row, n_rows;   /* in wb_emit.order */
} wb_emit_unit;

typedef struct {
    int64_t in, out[WB_MAX_SEGMENTS];
    uint16_t mask[WB_MAX_SEGMENTS];
    uint8_t width; /* wb_width */
    uint8_t split; /* AVX-512: has several segments; AVX2: goes through scratch */
} wb_emit_vector;

struct wb_emit {
    wb_code_block block;
    size_t code_bytes;
    float *weights;
    size_t weight_floats;
    wb_emit_unit *units; /* of one group: its parts, in order */
    int32_t n_units, parts;
    int64_t *work; /* non-zeros before each group, n_groups + 1 */
    int32_t n_groups;
    wb_emit_vector *vectors;
    int64_t n_vectors;
    int32_t *order;
    int64_t src, dst, out_cs, residual_delta;
    int has_residual, unzip;
    wb_act act;
    int isa;
    int64_t band;
    int by_rows;
    int32_t in_skew; /* subtracted from every vector's input offset */
};

/* Residual, activation and masked store of one unit's sums, [n_rows][16] floats:
 * what AVX2 code leaves to C (partial vectors, curved activations). */
void wb_emit_finish(const wb_emit *step, const wb_emit_unit *unit,
                    const wb_emit_vector *vector, const float *sums, float *arena);

#endif
