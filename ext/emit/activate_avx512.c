/* activate_avx512.c - see activate_avx512.h.
 *
 * min and max give their last operand when either is NaN; the value is therefore
 * always the last operand and the bound the first.
 */
#include "emit/activate_avx512.h"

#include <math.h>
#include <string.h>

#define WB_COUNT(array) ((int)(sizeof(array) / sizeof(array)[0]))

/* exp(t) = 2^n p(t - n ln 2), |t - n ln 2| <= ln(2) / 2; p = Taylor polynomial of
 * degree 7, relative error below 2e-8. ln 2 in two parts (Cody and Waite). */
static const float EXP[] = {-1.0f,        87.0f,           -87.0f,      1.44269504f,
                            0.693359375f, -2.12194440e-4f, 1.0f / 5040, 1.0f / 720,
                            1.0f / 120,   1.0f / 24,       1.0f / 6,    0.5f};
enum { LO, HI };
enum { SIXTH = 2, HALF, ONE };
enum { ALPHA = 2 };
enum { MINUS_ONE = 2, HIGH, LOW, LOG2E, LN2_HIGH, LN2_LOW, C7, C6, C5, C4, C3, C2 };

int wb_act_constants(wb_act act, float *values) {
    const float hard[] = {1.0f / 6, 0.5f, 1.0f};
    int n = 0;
    values[n++] = act.lo;
    values[n++] = act.hi;
    switch (act.curve) {
    case WB_LINEAR: return n;
    case WB_LEAKY_RELU: values[n++] = act.alpha; return n;
    case WB_HARDSWISH:
    case WB_HARDSIGMOID: memcpy(values + n, hard, sizeof hard); return n + WB_COUNT(hard);
    case WB_SILU:
    case WB_SIGMOID: memcpy(values + n, EXP, sizeof EXP); return n + WB_COUNT(EXP);
    default: return -1;
    }
}

typedef struct {
    wb_code *code;
    wb_width width;
    const int32_t *constants;
} writing;

static void reg(const writing *s, wb_op op, int dst, int src, int last) {
    wb_vector v = {.op = op, .width = s->width, .dst = dst, .src = src};
    if (op == WB_OP_ROUNDSCALE) v.imm = 8; /* to nearest even, no exceptions */
    wb_evex_reg(s->code, v, last);
}

static void with(const writing *s, wb_op op, int dst, int src, int constant) {
    wb_vector v = {.op = op, .width = s->width, .dst = dst, .src = src};
    v.broadcast = op != WB_OP_BROADCAST;
    wb_evex_mem(s->code, v, WB_RSI, s->constants[constant]);
}

/* x / 6 + 1/2 within 0..1, times x for hardswish; z28 = 1, z30 = 0 */
static void hard(const writing *s, int n_rows, int times_x) {
    reg(s, WB_OP_XORD, 30, 30, 30);
    with(s, WB_OP_BROADCAST, 28, 0, ONE);
    for (int x = 0; x < n_rows; x++) {
        int t = times_x ? 31 : x;
        with(s, WB_OP_BROADCAST, 31, 0, SIXTH);
        with(s, WB_OP_FMADD213, 31, x, HALF);
        reg(s, WB_OP_MAX, 31, 30, 31);
        reg(s, WB_OP_MIN, t, 28, 31);
        if (times_x) reg(s, WB_OP_MUL, x, x, 31);
    }
}

/* 1 / (1 + exp(-x)), or x / (1 + exp(-x)) */
static void smooth(const writing *s, int n_rows, int times_x) {
    const int one = 28, p = 29, n = 30, t = 31;
    reg(s, WB_OP_XORD, n, n, n);
    with(s, WB_OP_BROADCAST, one, 0, MINUS_ONE);
    reg(s, WB_OP_SUB, one, n, one);
    for (int x = 0; x < n_rows; x++) {
        with(s, WB_OP_MUL, t, x, MINUS_ONE);
        with(s, WB_OP_BROADCAST, p, 0, HIGH);
        reg(s, WB_OP_MIN, t, p, t);
        with(s, WB_OP_BROADCAST, p, 0, LOW);
        reg(s, WB_OP_MAX, t, p, t);
        with(s, WB_OP_MUL, n, t, LOG2E);
        reg(s, WB_OP_ROUNDSCALE, n, 0, n);
        with(s, WB_OP_FNMADD231, t, n, LN2_HIGH);
        with(s, WB_OP_FNMADD231, t, n, LN2_LOW);
        with(s, WB_OP_BROADCAST, p, 0, C7);
        for (int c = C6; c <= C2; c++) with(s, WB_OP_FMADD213, p, t, c);
        reg(s, WB_OP_FMADD213, p, t, one);
        reg(s, WB_OP_FMADD213, p, t, one);
        reg(s, WB_OP_SCALEF, p, p, n);
        reg(s, WB_OP_ADD, p, p, one);
        reg(s, WB_OP_DIV, x, times_x ? x : one, p);
    }
}

/* max(x, 0) + alpha min(x, 0); z30 = 0 */
static void leaky(const writing *s, int n_rows) {
    reg(s, WB_OP_XORD, 30, 30, 30);
    for (int x = 0; x < n_rows; x++) {
        reg(s, WB_OP_MIN, 31, 30, x);
        reg(s, WB_OP_MAX, x, 30, x);
        with(s, WB_OP_FMADD231, x, 31, ALPHA);
    }
}

static void bound(const writing *s, wb_op op, int constant, int n_rows) {
    with(s, WB_OP_BROADCAST, 31, 0, constant);
    for (int x = 0; x < n_rows; x++) reg(s, op, x, 31, x);
}

void wb_activate_avx512(wb_code *code, wb_act act, wb_width width, int n_rows,
                        const int32_t *constants) {
    writing state = {code, width, constants}, *s = &state;
    if (act.lo > -INFINITY) bound(s, WB_OP_MAX, LO, n_rows);
    if (act.hi < INFINITY) bound(s, WB_OP_MIN, HI, n_rows);
    switch (act.curve) {
    case WB_HARDSWISH: hard(s, n_rows, 1); break;
    case WB_HARDSIGMOID: hard(s, n_rows, 0); break;
    case WB_SILU: smooth(s, n_rows, 1); break;
    case WB_SIGMOID: smooth(s, n_rows, 0); break;
    case WB_LEAKY_RELU: leaky(s, n_rows); break;
    default: break;
    }
}
