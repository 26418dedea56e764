/* What every convolution does with a finished sum: residual, activation, masked store. */
#ifndef WB_EPILOGUE_H
#define WB_EPILOGUE_H

#include "simd/simd.h"

#include <math.h>

/* exp(x) with a relative error below 2e-7; 0 and inf beyond the float range.
 * x = n ln 2 + r, |r| <= ln 2 / 2; a polynomial in r; 2^n in two exact factors, so that
 * both ends of the range round to 0, a subnormal or inf by themselves. */
static inline float wb_exp1(float x) {
    x = x > 89.0f ? 89.0f : x;
    x = x < -104.0f ? -104.0f : x;
    const float n = x == x ? rintf(x * 1.44269504f) : 0.0f;
    const float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
    float p = 1.0f / 5040.0f;
    p = p * r + 1.0f / 720.0f;
    p = p * r + 1.0f / 120.0f;
    p = p * r + 1.0f / 24.0f;
    p = p * r + 1.0f / 6.0f;
    p = p * r + 0.5f;
    p = p * r + 1.0f;
    p = p * r + 1.0f;
    const int32_t whole = (int32_t)n, half = whole / 2;
    const int32_t bits[2] = {(half + 127) << 23, (whole - half + 127) << 23};
    float factors[2];
    memcpy(factors, bits, sizeof factors);
    return p * factors[0] * factors[1];
}

static inline float wb_curve1(float v, int32_t curve) {
    const float t = v + 3.0f, low = t < 0.0f ? 0.0f : t, gate = low > 6.0f ? 6.0f : low;
    if (curve == WB_HARDSWISH) return v * (gate * (1.0f / 6.0f));
    if (curve == WB_HARDSIGMOID) return gate * (1.0f / 6.0f);
    return (curve == WB_SILU ? v : 1.0f) / (1.0f + wb_exp1(-v));
}

static __attribute__((noinline)) void wb_curve16(float *lanes, int32_t curve) {
    for (int i = 0; i < 16; i++) lanes[i] = wb_curve1(lanes[i], curve);
}

WB_INLINE wb_v16 wb_activate(wb_v16 v, const wb_act *act) {
    v = wb_min(wb_set1(act->hi), wb_max(wb_set1(act->lo), v));
    if (__builtin_expect(act->curve != WB_LINEAR, 0)) {
        float lanes[16] __attribute__((aligned(64)));
        wb_store(lanes, v);
        wb_curve16(lanes, act->curve);
        v = wb_load(lanes);
    }
    return v;
}

static inline float wb_activate1(float v, const wb_act *act) {
    v = act->lo > v ? act->lo : v;
    v = act->hi < v ? act->hi : v;
    return act->curve == WB_LINEAR ? v : wb_curve1(v, act->curve);
}

/* Finish vector v of an output channel that starts `channel` floats after dst. */
WB_INLINE void wb_finish(const wb_place *p, float *arena, int64_t v, int64_t channel,
                         wb_v16 sum) {
    const int64_t *out = p->out + v * p->segments;
    const uint16_t *mask = p->mask + v * p->segments;
    if (p->unzip) sum = wb_unzip(sum);
    for (int64_t s = 0; s < p->segments; s++) {
        if (mask[s] == 0) continue;
        const int64_t at = out[s] + channel;
        wb_v16 value = sum;
        if (p->residual != WB_NONE)
            value = wb_add(value, wb_load(arena + p->residual + at));
        wb_store_mask(arena + p->dst + at, wb_activate(value, &p->act), mask[s]);
    }
}

#endif
