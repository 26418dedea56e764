/* The curves of activations over vectors: one function for each line of curve_list.def.
 *
 * A value that must stay NaN is the last operand of wb_min and wb_max. What is given at
 * the infinities is what the formula with float operations gives, as torch does.
 */
#include "simd/curves.h"

#include "simd/exp.h"

static const float SIXTH = 1.0f / 6.0f;

WB_INLINE wb_v16 above(wb_v16 x) { return wb_max(wb_zero(), x); }
WB_INLINE wb_v16 below(wb_v16 x) { return wb_min(wb_zero(), x); }
WB_INLINE wb_v16 negated(wb_v16 x) { return wb_mul(x, wb_set1(-1.0f)); }
WB_INLINE wb_v16 size_of(wb_v16 x) { return wb_max(negated(x), x); }
WB_INLINE wb_v16 bounded(wb_v16 x, float low, float high) {
    return wb_min(wb_set1(high), wb_max(wb_set1(low), x));
}
WB_INLINE wb_v16 one_more(wb_v16 x) { return wb_add(x, wb_set1(1.0f)); }

/* c[0] + c[1] x + ... of n constants, which the compiler unrolls. */
WB_INLINE wb_v16 polynomial(wb_v16 x, const float *c, const int n) {
    wb_v16 sum = wb_set1(c[n - 1]);
#pragma GCC unroll 16
    for (int i = n - 2; i >= 0; i--) sum = wb_fma(sum, x, wb_set1(c[i]));
    return sum;
}
#define POLYNOMIAL(x, ...)                                                               \
    polynomial(x, (const float[]){__VA_ARGS__},                                          \
               (int)(sizeof((const float[]){__VA_ARGS__}) / sizeof(float)))

WB_INLINE wb_v16 curve_hardsigmoid(wb_v16 x, float alpha) {
    (void)alpha;
    return wb_mul(bounded(wb_add(x, wb_set1(3.0f)), 0.0f, 6.0f), wb_set1(SIXTH));
}

WB_INLINE wb_v16 curve_hardswish(wb_v16 x, float alpha) {
    return wb_mul(x, curve_hardsigmoid(x, alpha));
}

WB_INLINE wb_v16 curve_silu(wb_v16 x, float alpha) {
    (void)alpha;
    return wb_div(x, one_more(wb_exp(negated(x))));
}

WB_INLINE wb_v16 curve_sigmoid(wb_v16 x, float alpha) {
    (void)alpha;
    return wb_div(wb_set1(1.0f), one_more(wb_exp(negated(x))));
}

WB_INLINE wb_v16 curve_leaky_relu(wb_v16 x, float alpha) {
    return wb_fma(below(x), wb_set1(alpha), above(x));
}

WB_INLINE wb_v16 curve_elu(wb_v16 x, float alpha) {
    const wb_v16 grown = wb_expm1(wb_max(wb_set1(-40.0f), below(x)));
    return wb_fma(grown, wb_set1(alpha), above(x));
}

WB_INLINE wb_v16 curve_exp(wb_v16 x, float alpha) {
    (void)alpha;
    return wb_exp(x);
}

/* (e^2x - 1) / (e^2x + 1) */
WB_INLINE wb_v16 curve_tanh(wb_v16 x, float alpha) {
    (void)alpha;
    const wb_v16 grown = wb_expm1(bounded(wb_add(x, x), -40.0f, 40.0f));
    return wb_div(grown, wb_add(grown, wb_set1(2.0f)));
}

/* A quotient of polynomials in x^2, relative error below 3e-7; the ends are 1 and -1. */
WB_INLINE wb_v16 curve_erf(wb_v16 x, float alpha) {
    (void)alpha;
    x = bounded(x, -4.0f, 4.0f);
    const wb_v16 square = wb_mul(x, x);
    const wb_v16 over =
        POLYNOMIAL(square, -1.60960333262415e-02f, -2.95459980854025e-03f,
                   -7.34990630326855e-04f, -5.69250639462346e-05f, -2.10102402082508e-06f,
                   2.77068142495902e-08f, -2.72614225801306e-10f);
    const wb_v16 under = POLYNOMIAL(square, -1.42647390514189e-02f,
                                    -7.37332916720468e-03f, -1.68282697438203e-03f,
                                    -2.13374055278905e-04f, -1.45660718464996e-05f);
    return bounded(wb_div(wb_mul(x, over), under), -1.0f, 1.0f);
}

/* x times the share of the normal distribution below x. Of a = |x| the share beyond is
 * exp(-a^2 / 2) times a polynomial in t = 1 / (1 + 0.35 a), relative error below 4e-8:
 * so values far below zero are right to as many digits as those near it. */
WB_INLINE wb_v16 curve_gelu(wb_v16 x, float alpha) {
    (void)alpha;
    const wb_v16 a = wb_min(wb_set1(20.0f), size_of(x));
    const wb_v16 t = wb_div(wb_set1(1.0f), wb_fma(a, wb_set1(0.35f), wb_set1(1.0f)));
    wb_v16 beyond = POLYNOMIAL(t, 0.139621259f, 0.1398643233f, 0.1198156015f,
                               0.1055743533f, -0.0232626839f, 0.1593911123f,
                               -0.2559001828f, 0.1440599405f, -0.0291637392f);
    beyond = wb_mul(beyond, t);
    beyond = wb_mul(beyond, wb_exp(wb_mul(wb_mul(a, a), wb_set1(-0.5f))));
    const wb_v16 lost = wb_mul(wb_min(wb_set1(20.0f), above(x)), beyond);
    return wb_fma(below(x), beyond, wb_sub(above(x), lost));
}

/* x / 2 (1 + tanh(u)) = x / (1 + exp(-2u)), u = sqrt(2 / pi) (x + 0.044715 x^3) */
WB_INLINE wb_v16 curve_gelu_tanh(wb_v16 x, float alpha) {
    (void)alpha;
    const wb_v16 inner =
        wb_fma(wb_mul(x, x), wb_set1(-1.595769122f * 0.044715f), wb_set1(-1.595769122f));
    return wb_div(x, one_more(wb_exp(wb_mul(x, inner))));
}

/* max(x, 0) + log(1 + u), u = exp(-|x|): 2 artanh(s), s = u / (2 + u) <= 1 / 3. */
WB_INLINE wb_v16 curve_softplus(wb_v16 x, float alpha) {
    (void)alpha;
    const wb_v16 u = wb_exp(wb_min(negated(x), x));
    const wb_v16 s = wb_div(u, wb_add(u, wb_set1(2.0f)));
    const wb_v16 series = POLYNOMIAL(wb_mul(s, s), 2.0000000079f, 0.6666631466f,
                                     0.4002491074f, 0.2796059954f, 0.2817833933f);
    return wb_fma(s, series, above(x));
}

/* x tanh(softplus(x)) = x (e^2 + 2e) / (e^2 + 2e + 2), e = exp(x); 1 far above zero. */
WB_INLINE wb_v16 curve_mish(wb_v16 x, float alpha) {
    (void)alpha;
    const wb_v16 e = wb_exp(wb_min(wb_set1(30.0f), x));
    const wb_v16 over = wb_mul(e, wb_add(e, wb_set1(2.0f)));
    return wb_mul(x, wb_div(over, wb_add(over, wb_set1(2.0f))));
}

#define EACH(curve)                                                                      \
    for (int64_t i = 0; i < vectors; i++)                                                \
    wb_store(values + 16 * i, curve(wb_load(values + 16 * i), alpha))

static void bend_vectors(float *values, int64_t vectors, int32_t curve, float alpha) {
    switch (curve) {
#define WB_CURVE(code, kind)                                                             \
    case WB_##code: EACH(curve_##kind); break;
#include "core/curve_list.def"
#undef WB_CURVE
    default: break;
    }
}

void wb_bend(float *values, int64_t count, const wb_act *act) {
    const int64_t whole = count / 16, rest = count % 16;
    bend_vectors(values, whole, act->curve, act->alpha);
    if (rest > 0) {
        float lanes[16] __attribute__((aligned(64))) = {0};
        memcpy(lanes, values + 16 * whole, (size_t)rest * sizeof *lanes);
        bend_vectors(lanes, 1, act->curve, act->alpha);
        memcpy(values + 16 * whole, lanes, (size_t)rest * sizeof *lanes);
    }
}
