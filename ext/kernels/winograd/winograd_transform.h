/* winograd_transform.h - the one-dimensional transforms.
 *
 * Points are 0, +-p_1 .. +-p_h, infinity with h = m / 2, so the transforms split into
 * even and odd parts. coef (from workbench/engine/winograd/cook_toom.py, exact, rounded once):
 *   full[h]     product of all (x - p^2) but its leading 1, lowest power first
 *   part[h][h-1] the same without pair i
 *   point[h]    p_i
 *   power[h][m]  p_i to the power of the output row
 * filter, of the weight transform: its entry of point 0, then the rows of all p_i */
#ifndef WB_WINOGRAD_TRANSFORM_H
#define WB_WINOGRAD_TRANSFORM_H
#include "kernels/winograd/winograd.h"
#include "kernels/winograd/winograd_simd.h"

#define COEF_PART(m) ((m) / 2)
#define COEF_POINT(m) (COEF_PART(m) + (m) / 2 * ((m) / 2 - 1))
#define COEF_POWER(m) (COEF_POINT(m) + (m) / 2)

/* u[alpha] = G g[3] */
WB_INLINE void wb_wino_filter_1d(const int m, const float *filter, const wv *g, wv *u) {
    const int h = m / 2;
    u[0] = wv_set1(filter[0]) * g[0];
#pragma GCC unroll 8
    for (int i = 0; i < h; i++) {
        const float *row = filter + 1 + 3 * i;
        const wv even = wv_fma(wv_set1(row[2]), g[2], wv_set1(row[0]) * g[0]);
        u[2 * i + 1] = wv_fma(wv_set1(row[1]), g[1], even);
        u[2 * i + 2] = wv_fnma(wv_set1(row[1]), g[1], even);
    }
    u[2 * h + 1] = g[2];
}

/* t[alpha] = BT d[alpha] */
WB_INLINE void wb_wino_input_1d(const int m, const float *coef, const wv *d, wv *t) {
    const int h = m / 2;
    wv low = d[2 * h], high = d[2 * h + 1];
#pragma GCC unroll 8
    for (int i = 0; i < h; i++) {
        low = wv_fma(wv_set1(coef[i]), d[2 * i], low);
        high = wv_fma(wv_set1(coef[i]), d[2 * i + 1], high);
    }
    t[0] = low;
    t[2 * h + 1] = high;
#pragma GCC unroll 8
    for (int i = 0; i < h; i++) {
        const float *part = coef + COEF_PART(m) + i * (h - 1);
        wv even = d[2 * h], odd = d[2 * h - 1];
#pragma GCC unroll 8
        for (int j = 0; j < h - 1; j++) {
            even = wv_fma(wv_set1(part[j]), d[2 * j + 2], even);
            odd = wv_fma(wv_set1(part[j]), d[2 * j + 1], odd);
        }
        wv point = wv_set1(coef[COEF_POINT(m) + i]);
        t[2 * i + 1] = wv_fma(point, odd, even);
        t[2 * i + 2] = wv_fnma(point, odd, even);
    }
}

/* y[m] = AT t[alpha] */
WB_INLINE void wb_wino_output_1d(const int m, const float *coef, const wv *t, wv *y) {
    const int h = m / 2;
    wv even[4], odd[4];
#pragma GCC unroll 8
    for (int i = 0; i < h; i++) {
        even[i] = t[2 * i + 1] + t[2 * i + 2];
        odd[i] = t[2 * i + 1] - t[2 * i + 2];
    }
    y[0] = t[0] + even[0];
#pragma GCC unroll 8
    for (int i = 1; i < h; i++) y[0] = y[0] + even[i];
#pragma GCC unroll 8
    for (int row = 1; row < m; row++) {
        const wv *part = row % 2 ? odd : even;
        const float *power = coef + COEF_POWER(m) + row;
        wv sum = wv_set1(power[0]) * part[0];
        if (row == m - 1) sum = wv_fma(wv_set1(power[0]), part[0], t[m + 1]);
#pragma GCC unroll 8
        for (int i = 1; i < h; i++) sum = wv_fma(wv_set1(power[i * m]), part[i], sum);
        y[row] = sum;
    }
}

#endif
