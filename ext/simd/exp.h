/* exp over sixteen floats. */
#ifndef WB_EXP_H
#define WB_EXP_H

#include "simd/simd.h"

/* What x is made of: exp(x) = 2^n (1 + grown), x = n ln 2 + r, |r| <= ln 2 / 2. `grown`
 * is exp(r) - 1 with a relative error below 2e-7, by a minimax polynomial. */
typedef struct {
    wb_v16 n, grown;
} wb_exp_parts;

WB_INLINE wb_exp_parts wb_exp_parts_of(wb_v16 x) {
    const wb_v16 n = wb_round(wb_mul(x, wb_set1(1.44269504f)));
    wb_v16 r = wb_fma(n, wb_set1(-0.693359375f), x);
    r = wb_fma(n, wb_set1(2.12194440e-4f), r);
    wb_v16 p = wb_set1(0.0013814229f);
    p = wb_fma(p, r, wb_set1(0.0083689008f));
    p = wb_fma(p, r, wb_set1(0.0416684058f));
    p = wb_fma(p, r, wb_set1(0.1666651911f));
    p = wb_fma(p, r, wb_set1(0.4999999335f));
    return (wb_exp_parts){n, wb_fma(wb_mul(r, r), p, r)};
}

/* exp(x) with a relative error below 2e-7; 0, a subnormal or inf at the ends of the
 * range; a NaN stays a NaN. */
WB_INLINE wb_v16 wb_exp(wb_v16 x) {
    x = wb_max(wb_set1(-104.0f), wb_min(wb_set1(89.0f), x));
    const wb_exp_parts e = wb_exp_parts_of(x);
    return wb_scale2(wb_add(e.grown, wb_set1(1.0f)), e.n);
}

/* exp(x) - 1 of |x| <= 80, with the same relative error around zero. */
WB_INLINE wb_v16 wb_expm1(wb_v16 x) {
    const wb_exp_parts e = wb_exp_parts_of(x);
    const wb_v16 power = wb_scale2(wb_set1(1.0f), e.n);
    return wb_fma(power, e.grown, wb_sub(power, wb_set1(1.0f)));
}

#endif
