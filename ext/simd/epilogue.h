/* What every convolution does with a finished sum: residual, activation, masked store. */
#ifndef WB_EPILOGUE_H
#define WB_EPILOGUE_H

#include "simd/curves.h"

WB_INLINE wb_v16 wb_bounded(wb_v16 v, const wb_act *act) {
    return wb_min(wb_set1(act->hi), wb_max(wb_set1(act->lo), v));
}

WB_INLINE wb_v16 wb_activate(wb_v16 v, const wb_act *act) {
    v = wb_bounded(v, act);
    if (__builtin_expect(act->curve != WB_LINEAR, 0)) {
        float lanes[16] __attribute__((aligned(64)));
        wb_store(lanes, v);
        wb_bend(lanes, 16, act);
        v = wb_load(lanes);
    }
    return v;
}

/* One sum on its way to wb_bend_all. */
static inline float wb_bounded1(float v, const wb_act *act) {
    v = act->lo > v ? act->lo : v;
    return act->hi < v ? act->hi : v;
}

/* The curve over `count` floats that are within the bounds. */
static inline void wb_bend_all(float *values, int64_t count, const wb_act *act) {
    if (act->curve != WB_LINEAR && count > 0) wb_bend(values, count, act);
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
