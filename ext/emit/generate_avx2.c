/* generate_avx2.c - units in AVX2 and FMA: up to 6 rows of 16 lanes in registers.
 *
 * Row r lives in ymm(2r), ymm(2r+1); ymm12, ymm13 hold the input vector, ymm14 the
 * weight, which one broadcast brings for both halves. A vector with one live half
 * runs a version with one register a row. There is no cheap masked store before
 * AVX-512: when `more` is not NULL the plain sums go there, [row][16] floats, and C
 * stores them; when it is NULL the code adds the residual, activates and stores whole
 * vectors.
 */
#include <math.h>

#include "emit/generate.h"

enum { INPUT = 12, WEIGHT = 14, BOUND = 15, WEIGHTS_PER_STEP = 63 };

typedef struct {
    wb_code *code;
    wb_stream *stream;
    const wb_unit_spec *unit;
    int halves;
    int32_t weight_at;
} writing;

static wb_vector op(wb_op name, int dst, int src) {
    return (wb_vector){.op = name, .width = WB_YMM, .dst = dst, .src = src};
}

/* Append a float to the weights; afterwards it is at [rsi + result]. */
static int32_t push_weight(writing *s, float value) {
    if (s->weight_at > 127) {
        wb_add_imm(s->code, WB_RSI, 4 * WEIGHTS_PER_STEP);
        s->weight_at -= 4 * WEIGHTS_PER_STEP;
    }
    int32_t at = s->weight_at;
    s->weight_at += 4;
    if (s->stream->at == s->stream->end) {
        s->stream->overflow = 1;
        return at;
    }
    *s->stream->at++ = value;
    return at;
}

static void start_from_bias(writing *s) {
    for (int32_t r = 0; r < s->unit->n_rows; r++) {
        int32_t at = push_weight(s, s->unit->bias[s->unit->rows[r]]);
        for (int h = 0; h < s->halves; h++) {
            wb_vex_mem(s->code, op(WB_OP_BROADCAST, 2 * r + h, 0), WB_RSI, at);
        }
    }
}

static void load_weight(writing *s, float value) {
    int32_t at = push_weight(s, value);
    wb_vex_mem(s->code, op(WB_OP_BROADCAST, WEIGHT, 0), WB_RSI, at);
}

/* A vector that one row alone needs never takes a register. */
static void multiply_once(writing *s, int32_t offset, const wb_entry *entry) {
    load_weight(s, entry->value);
    for (int h = 0; h < s->halves; h++) {
        wb_vex_mem(s->code, op(WB_OP_FMADD231, 2 * entry->lane + h, WEIGHT), WB_RDI,
                   4 * offset + 32 * h);
    }
}

static void multiply_shared(writing *s, const wb_emit_column *column,
                            const wb_entry *entries) {
    for (int h = 0; h < s->halves; h++) {
        wb_vex_mem(s->code, op(WB_OP_LOAD, INPUT + h, 0), WB_RDI,
                   4 * column->offset + 32 * h);
    }
    for (int32_t j = 0; j < column->count; j++) {
        load_weight(s, entries[j].value);
        for (int h = 0; h < s->halves; h++) {
            int row = 2 * entries[j].lane + h;
            wb_vex_reg(s->code, op(WB_OP_FMADD231, row, WEIGHT), INPUT + h);
        }
    }
}

static void multiply_columns(writing *s) {
    const wb_pack *pack = s->unit->pack;
    for (int32_t c = 0; c < pack->n_columns; c++) {
        const wb_emit_column *column = &pack->columns[c];
        const wb_entry *entries = pack->entries + column->first;
        if (column->count == 1) {
            multiply_once(s, column->offset, entries);
        } else {
            multiply_shared(s, column, entries);
        }
    }
}

static void bound(writing *s, wb_op name, float limit) {
    int32_t at = push_weight(s, limit);
    wb_vex_mem(s->code, op(WB_OP_BROADCAST, BOUND, 0), WB_RSI, at);
    for (int32_t r = 0; r < s->unit->n_rows; r++) {
        for (int h = 0; h < s->halves; h++) {
            wb_vex_reg(s->code, op(name, 2 * r + h, BOUND), 2 * r + h);
        }
    }
}

static void leave(writing *s) {
    wb_vzeroupper(s->code);
    wb_ret(s->code);
}

static void store_whole(writing *s) {
    const wb_unit_spec *unit = s->unit;
    for (int32_t r = 0; unit->has_residual && r < unit->n_rows; r++) {
        int64_t from = unit->rows[r] * unit->out_cs + unit->residual_delta;
        for (int h = 0; h < s->halves; h++) {
            wb_vex_mem(s->code, op(WB_OP_ADD, 2 * r + h, 2 * r + h), WB_RDX,
                       (int32_t)(4 * from) + 32 * h);
        }
    }
    if (unit->act.lo > -INFINITY) bound(s, WB_OP_MAX, unit->act.lo);
    if (unit->act.hi < INFINITY) bound(s, WB_OP_MIN, unit->act.hi);
    for (int32_t r = 0; r < unit->n_rows; r++) {
        int32_t to = (int32_t)(4 * unit->rows[r] * unit->out_cs);
        for (int h = 0; h < s->halves; h++) {
            wb_vex_mem(s->code, op(WB_OP_STORE, 2 * r + h, 0), WB_RDX, to + 32 * h);
        }
    }
    leave(s);
}

static void store_sums(writing *s) {
    for (int32_t r = 0; r < s->unit->n_rows; r++) {
        for (int h = 0; h < s->halves; h++) {
            wb_vex_mem(s->code, op(WB_OP_STORE, 2 * r + h, 0), WB_R8, 64 * r + 32 * h);
        }
    }
    leave(s);
}

void wb_generate_avx2(wb_code *code, wb_stream *stream, const wb_unit_spec *unit,
                      int halves) {
    writing state = {code, stream, unit, halves, -WB_WEIGHT_BIAS_AVX2}, *s = &state;
    uint8_t *split = NULL;
    wb_endbr(code);
    start_from_bias(s);
    multiply_columns(s);
    if (unit->some_single && unit->some_split) {
        wb_test(code, WB_R8);
        split = wb_jnz_forward(code);
    }
    if (unit->some_single) store_whole(s);
    if (split != NULL) wb_land(code, split);
    if (unit->some_split) store_sums(s);
    wb_align(code, 64);
}
