/* columns_avx512.c - the multiply-adds of an AVX-512 unit.
 *
 * A load that starts beside a multiple of 16 floats touches two cache lines and costs
 * almost two. The taps of a window are neighbours, so their vectors are made from
 * whole ones with one valignd each where that needs fewer loads.
 */
#include "emit/unit_avx512.h"

enum {
    LOOK_AHEAD = 12,  /* columns */
    WORTH_MOVING = 4, /* columns that must gain from one addition */
    FARTHEST_IN_ROW = 2,
    /* cost of loads, in thirds of an aligned one; measured on Zen 4 */
    ALIGNED = 3,
    CROSSING = 5
};

/* Displacement of an input vector from the input register. Whole vectors are brought
 * into reach of a one-byte displacement when several of the next columns profit. */
static int32_t reach(wb_unit_state *s, int32_t offset, int32_t column) {
    const wb_pack *pack = s->unit->pack;
    const int32_t n = 16 << s->width, low = -128 * n, high = 127 * n;
    const int32_t moved = s->in_moved - 4 * s->unit->in_skew;
    int32_t at = 4 * offset - moved;
    if (at % n != 0 || (at >= low && at <= high)) return at;
    int served = 0;
    for (int32_t c = column; c < pack->n_columns && c < column + LOOK_AHEAD; c++) {
        int32_t ahead = 4 * pack->columns[c].offset - moved - at;
        served += ahead % n == 0 && ahead <= high - low;
    }
    if (served < WORTH_MOVING) return at;
    wb_add_imm(s->code, WB_RDI, at - low);
    s->in_moved += at - low;
    return low;
}

static void load(wb_unit_state *s, int reg, int32_t offset, int32_t column) {
    int32_t at = reach(s, offset, column);
    wb_evex_mem(s->code, wb_unit_op(s, WB_OP_LOAD, reg, 0), WB_RDI, at);
}

static void multiply(wb_unit_state *s, const wb_emit_column *column, int input) {
    const wb_entry *entries = s->unit->pack->entries;
    for (int32_t j = column->first; j < column->first + column->count; j++) {
        wb_vector fma = wb_unit_op(s, WB_OP_FMADD231, entries[j].lane, input);
        fma.broadcast = 1;
        wb_evex_mem(s->code, fma, WB_RSI, wb_unit_push(s, entries[j].value));
    }
}

/* Floats from the nearest whole vector to a column: -8..7. */
static int32_t skew(const wb_unit_state *s, int32_t column) {
    int32_t place = s->unit->pack->columns[column].offset + s->unit->in_skew;
    return ((place + WB_LANES / 2) & (WB_LANES - 1)) - WB_LANES / 2;
}

static int32_t whole(const wb_unit_state *s, int32_t column) {
    return s->unit->pack->columns[column].offset - skew(s, column);
}

/* k4-k7: the lanes that a shift by +1, +2, -1, -2 takes from inside of the row. */
static int shift_mask(int32_t dx) {
    return WB_FIRST_SHIFT_MASK + (dx > 0 ? dx - 1 : 1 - dx);
}

void wb_unit_shift_masks(wb_unit_state *s) {
    static const int32_t LANES[] = {0x7FFF, 0x3FFF, 0xFFFE, 0xFFFC};
    for (int k = 0; k < 2 * FARTHEST_IN_ROW; k++) {
        wb_mov_imm(s->code, WB_RAX, LANES[k]);
        wb_kmov_gpr(s->code, WB_FIRST_SHIFT_MASK + k, WB_RAX);
    }
}

static int shift_in_row(const wb_unit_state *s, int32_t dx) {
    return s->unit->shift == WB_SHIFT_IN_ROW && dx >= -FARTHEST_IN_ROW &&
           dx <= FARTHEST_IN_ROW;
}

/* Is it cheaper to load whole vectors for columns first..end-1, which share one? */
static int worth_shifting(const wb_unit_state *s, int32_t first, int32_t end) {
    int plain = 0, before = 0, after = 0;
    if (s->unit->shift == WB_SHIFT_NEVER || s->width != WB_ZMM) return 0;
    for (int32_t c = first; c < end; c++) {
        int32_t dx = skew(s, c);
        plain += dx == 0 ? ALIGNED : CROSSING;
        if (shift_in_row(s, dx)) continue;
        before |= dx < 0;
        after |= dx > 0;
    }
    return ALIGNED * (1 + before + after) < plain;
}

/* Load the vector at `base` once and make the columns around it by shifting. */
static void multiply_around(wb_unit_state *s, int32_t base, int32_t first, int32_t end) {
    int side = 0; /* which neighbour WB_BESIDE holds */
    load(s, WB_INPUT, base, first);
    for (int32_t c = first; c < end; c++) {
        const wb_emit_column *column = &s->unit->pack->columns[c];
        int32_t dx = skew(s, c);
        if (dx == 0) {
            multiply(s, column, WB_INPUT);
            continue;
        }
        wb_vector shift = wb_unit_op(s, WB_OP_ALIGN, WB_SHIFTED, WB_INPUT);
        int low = WB_INPUT;
        shift.imm = dx & (WB_LANES - 1);
        if (shift_in_row(s, dx)) {
            shift.mask = shift_mask(dx);
            shift.zero = 1;
        } else {
            int wanted = dx < 0 ? -1 : 1;
            if (side != wanted) load(s, WB_BESIDE, base + wanted * WB_LANES, c);
            side = wanted;
            if (dx > 0) shift.src = WB_BESIDE;
            else low = WB_BESIDE;
        }
        wb_evex_reg(s->code, shift, low);
        multiply(s, column, WB_SHIFTED);
    }
}

void wb_unit_columns(wb_unit_state *s) {
    const wb_pack *pack = s->unit->pack;
    for (int32_t c = 0, end; c < pack->n_columns; c = end) {
        int32_t base = whole(s, c);
        for (end = c + 1; end < pack->n_columns && whole(s, end) == base;) end++;
        if (worth_shifting(s, c, end)) {
            multiply_around(s, base, c, end);
            continue;
        }
        for (; c < end; c++) {
            load(s, WB_INPUT, pack->columns[c].offset, c);
            multiply(s, &pack->columns[c], WB_INPUT);
        }
    }
}
