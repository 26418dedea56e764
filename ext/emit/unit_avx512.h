/* unit_avx512.h - what the parts of the AVX-512 generator share. */
#ifndef WB_EMIT_UNIT_AVX512_H
#define WB_EMIT_UNIT_AVX512_H

#include "emit/generate.h"

/* zmm0.. = rows. The last registers hold the input vector, a shifted copy of it and
 * the vector beside it. k1-k3 = segments, k4-k7 = lanes of shifts within a row. */
enum { WB_BESIDE = 29, WB_SHIFTED = 30, WB_INPUT = 31, WB_FIRST_SHIFT_MASK = 4 };

typedef struct {
    wb_code *code;
    wb_stream *stream;
    const wb_unit_spec *unit;
    wb_width width;
    int32_t weight_at; /* bytes from the weights register to the next weight */
    int32_t in_moved;  /* bytes added to the input register so far */
} wb_unit_state;

static inline wb_vector wb_unit_op(const wb_unit_state *s, wb_op name, int dst, int src) {
    return (wb_vector){.op = name, .width = s->width, .dst = dst, .src = src};
}

/* Append a weight to the stream, at s->weight_at, wherever that is (weights_avx512.c). */
void wb_unit_append(wb_unit_state *s, float value);
/* Move the register until a short displacement reaches the weight, append it;
 * afterwards it is at [rsi + result]. */
int32_t wb_unit_push(wb_unit_state *s, float value);

/* All multiply-adds of the unit (columns_avx512.c). */
void wb_unit_columns(wb_unit_state *s);
/* k4-k7 for WB_SHIFT_IN_ROW; before wb_unit_columns. */
void wb_unit_shift_masks(wb_unit_state *s);

#endif
