/* generate_avx512.c - units in AVX-512: up to 31 rows of 16 lanes in registers.
 *
 * zmm0.. = rows, zmm31 = the input vector, one 7-byte multiply-add a non-zero whose
 * weight is broadcast from memory by the instruction itself. Lanes 0-7 or 0-3 alone
 * (the last vector of an image) run the same code in ymm or xmm registers.
 */
#include "emit/generate.h"

#include <string.h>

#include "emit/activate_avx512.h"
#include "emit/unit_avx512.h"

typedef wb_unit_state writing;

static int32_t out_disp(const writing *s, int32_t row) {
    return (int32_t)(4 * s->unit->rows[row] * s->unit->out_cs);
}

static int32_t residual_disp(const writing *s, int32_t row) {
    return (int32_t)(4 *
                     (s->unit->rows[row] * s->unit->out_cs + s->unit->residual_delta));
}

static void start_from_bias(writing *s) {
    for (int32_t r = 0; r < s->unit->n_rows; r++) {
        int32_t at = wb_unit_push(s, s->unit->bias[s->unit->rows[r]]);
        wb_evex_mem(s->code, wb_unit_op(s, WB_OP_BROADCAST, r, 0), WB_RSI, at);
    }
}

/* Partial sums of an earlier part of the columns: lanes of each segment in turn. */
static void load_segments(writing *s, const wb_gpr *base, int n) {
    for (int32_t r = 0; r < s->unit->n_rows; r++) {
        for (int k = 0; k < n; k++) {
            wb_vector load = wb_unit_op(s, WB_OP_LOAD, r, 0);
            load.mask = k + 1;
            load.zero = k == 0;
            wb_evex_mem(s->code, load, base[k], out_disp(s, r));
        }
    }
}

static void store_segments(writing *s, const wb_gpr *base, int n) {
    for (int32_t r = 0; r < s->unit->n_rows; r++) {
        for (int k = 0; k < n; k++) {
            wb_vector store = wb_unit_op(s, WB_OP_STORE, r, 0);
            store.mask = k + 1;
            wb_evex_mem(s->code, store, base[k], out_disp(s, r));
        }
    }
}

static void add_residual(writing *s, const wb_gpr *base, int n) {
    for (int32_t r = 0; r < s->unit->n_rows; r++) {
        for (int k = 0; k < n; k++) {
            wb_vector add = wb_unit_op(s, WB_OP_ADD, r, r);
            add.mask = k + 1;
            wb_evex_mem(s->code, add, base[k], residual_disp(s, r));
        }
    }
}

/* Constants of the activation, at the end of the unit's weights. */
static void push_constants(writing *s, int32_t *constants) {
    float values[WB_ACT_CONSTANTS];
    int n = wb_act_constants(s->unit->act, values);
    for (int i = 0; i < n; i++) {
        constants[i] = s->weight_at;
        wb_unit_append(s, values[i]);
    }
}

/* The lane order of unzip, at the end of the unit's weights: sixteen integers. */
static int32_t push_unzip_order(writing *s) {
    int32_t at = s->weight_at;
    for (int32_t lane = 0; lane < WB_LANES; lane++) {
        int32_t from = lane < WB_LANES / 2 ? 2 * lane : 2 * lane - WB_LANES + 1;
        float bits;
        memcpy(&bits, &from, sizeof bits);
        wb_unit_append(s, bits);
    }
    return at;
}

static void unzip(writing *s) {
    int32_t at = push_unzip_order(s);
    wb_evex_mem(s->code, wb_unit_op(s, WB_OP_LOAD, WB_INPUT, 0), WB_RSI, at);
    for (int32_t r = 0; r < s->unit->n_rows; r++) {
        wb_evex_reg(s->code, wb_unit_op(s, WB_OP_PERMUTE, r, WB_INPUT), r);
    }
}

static void finish(writing *s, const wb_gpr *base, int n, const int32_t *constants) {
    const wb_unit_spec *unit = s->unit;
    if (unit->last && unit->has_residual) add_residual(s, base, n);
    if (unit->last) {
        wb_activate_avx512(s->code, unit->act, s->width, unit->n_rows, constants);
    }
    store_segments(s, base, n);
    wb_vzeroupper(s->code);
    wb_ret(s->code);
}

/* k1.. and the address registers of the segments after the first */
static void open_segments(writing *s) {
    wb_mov_load(s->code, WB_R9, WB_R8, 0);
    wb_kmov_mem(s->code, 2, WB_R8, 16);
    if (s->unit->segments < 3) return;
    wb_mov_load(s->code, WB_R10, WB_R8, 8);
    wb_kmov_mem(s->code, 3, WB_R8, 18);
}

void wb_generate_avx512(wb_code *code, wb_stream *stream, const wb_unit_spec *unit,
                        wb_width width) {
    static const wb_gpr BASE[3] = {WB_RDX, WB_R9, WB_R10};
    writing state = {code, stream, unit, width, -WB_WEIGHT_BIAS_AVX512, 0}, *s = &state;
    uint8_t *split = NULL;
    int32_t constants[WB_ACT_CONSTANTS];
    wb_endbr(code);
    wb_kmov_gpr(code, 1, WB_RCX);
    if (unit->shift == WB_SHIFT_IN_ROW) wb_unit_shift_masks(s);
    if (unit->first) {
        start_from_bias(s);
    } else if (unit->some_split) {
        open_segments(s);
        load_segments(s, BASE, unit->segments);
    } else {
        load_segments(s, BASE, 1);
    }
    wb_unit_columns(s);
    if (unit->last) push_constants(s, constants);
    if (unit->unzip) unzip(s);
    if (unit->some_single && unit->some_split) {
        wb_test(code, WB_R8);
        split = wb_jnz_forward(code);
    }
    if (unit->some_single) finish(s, BASE, 1, constants);
    if (split != NULL) wb_land(code, split);
    if (unit->some_split) {
        open_segments(s);
        finish(s, BASE, unit->segments, constants);
    }
    wb_align(code, 64);
}
