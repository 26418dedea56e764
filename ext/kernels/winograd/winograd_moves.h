/* winograd_moves.h - between columns of pixels (m L consecutive ones) and tiles (phase
 * x of L tiles). AVX-512 keeps tiles in order among lanes, so that a tail of few tiles
 * is in the low half; the other versions move inside 128-bit blocks only, in an order
 * that wb_wino_scatter undoes. Column i of a tile beyond m - 1 is column i - m of `halo`.
 */
#ifndef WB_WINOGRAD_MOVES_H
#define WB_WINOGRAD_MOVES_H
#include "kernels/winograd/winograd_simd.h"

#if L == 16
#define LANE_INDEX(f)                                                                    \
    _mm512_setr_epi32(f(0), f(1), f(2), f(3), f(4), f(5), f(6), f(7), f(8), f(9), f(10), \
                      f(11), f(12), f(13), f(14), f(15))
#define PAIR_INDEX(f) _mm512_setr_epi64(f(0), f(1), f(2), f(3), f(4), f(5), f(6), f(7))
#define LANES2(a, f, b) _mm512_permutex2var_ps(a, LANE_INDEX(f), b)
#define PAIRS2(a, f, b)                                                                  \
    _mm512_castpd_ps(                                                                    \
        _mm512_permutex2var_pd(_mm512_castps_pd(a), PAIR_INDEX(f), _mm512_castps_pd(b)))
#define LOW_HALVES(a, b) _mm512_shuffle_f32x4(a, b, 0x44)
#define HIGH_HALVES(a, b) _mm512_shuffle_f32x4(a, b, 0xee)
#define EVEN(l) (2 * (l))
#define ODD(l) (2 * (l) + 1)
#define FIRST_TWO(l) (4 * ((l) % 8) + (l) / 8)
#define LAST_TWO(l) (FIRST_TWO(l) + 2)
#define ZIP_LOW(l) ((l) / 2 + 16 * ((l) % 2))
#define ZIP_HIGH(l) (ZIP_LOW(l) + 8)
#define QUAD_LOW(l) ((l) / 4 + 8 * ((l) % 2) + 16 * ((l) % 4 / 2))
#define QUAD_HIGH(l) (QUAD_LOW(l) + 4)
/* of 24 pairs in three vectors, every third from x on: first two vectors, then all */
#define THIRD_A(x, l) (3 * (l) + (x) < 16 ? 3 * (l) + (x) : 0)
#define THIRD_B(x, l) (3 * (l) + (x) < 16 ? (l) : 3 * (l) + (x) - 8)
#define A0(l) THIRD_A(0, l)
#define A1(l) THIRD_A(1, l)
#define A2(l) THIRD_A(2, l)
#define B0(l) THIRD_B(0, l)
#define B1(l) THIRD_B(1, l)
#define B2(l) THIRD_B(2, l)
/* and back: pair n = 8 v + l is pair n / 3 of vector n % 3 */
#define BACK_A(n) ((n) % 3 < 2 ? (n) / 3 + 8 * ((n) % 3) : 0)
#define BACK_B(n) ((n) % 3 < 2 ? (n) % 8 : (n) / 3 + 8)
#define C0(l) BACK_A(l)
#define C1(l) BACK_A(8 + (l))
#define C2(l) BACK_A(16 + (l))
#define D0(l) BACK_B(l)
#define D1(l) BACK_B(8 + (l))
#define D2(l) BACK_B(16 + (l))

WB_INLINE void wb_wino_gather(const int m, const float *s, const float *halo, wv *d) {
    if (m == 2) {
        wv a = wv_load(s), b = wv_load(s + 16);
        d[0] = LANES2(a, EVEN, b);
        d[1] = LANES2(a, ODD, b);
        a = wv_load(halo), b = wv_load(halo + 16);
        d[2] = LANES2(a, EVEN, b);
        d[3] = LANES2(a, ODD, b);
    } else if (m == 4) {
        const wv a = wv_load(s), b = wv_load(s + 16);
        const wv c = wv_load(s + 32), e = wv_load(s + 48);
        wv low = LANES2(a, FIRST_TWO, b), high = LANES2(c, FIRST_TWO, e);
        d[0] = LOW_HALVES(low, high);
        d[1] = HIGH_HALVES(low, high);
        low = LANES2(a, LAST_TWO, b), high = LANES2(c, LAST_TWO, e);
        d[2] = LOW_HALVES(low, high);
        d[3] = HIGH_HALVES(low, high);
        low = LANES2(wv_load(halo), FIRST_TWO, wv_load(halo + 16));
        high = LANES2(wv_load(halo + 32), FIRST_TWO, wv_load(halo + 48));
        d[4] = LOW_HALVES(low, high);
        d[5] = HIGH_HALVES(low, high);
    } else {
        wv q[4][2];
#pragma GCC unroll 2
        for (int half = 0; half < 2; half++, s += 48, halo += 48) {
            const wv a = wv_load(s), b = wv_load(s + 16), c = wv_load(s + 32);
            q[0][half] = PAIRS2(PAIRS2(a, A0, b), B0, c);
            q[1][half] = PAIRS2(PAIRS2(a, A1, b), B1, c);
            q[2][half] = PAIRS2(PAIRS2(a, A2, b), B2, c);
            const wv e = PAIRS2(wv_load(halo), A0, wv_load(halo + 16));
            q[3][half] = PAIRS2(e, B0, wv_load(halo + 32));
        }
#pragma GCC unroll 4
        for (int i = 0; i < 4; i++) {
            d[2 * i] = LANES2(q[i][0], EVEN, q[i][1]);
            d[2 * i + 1] = LANES2(q[i][0], ODD, q[i][1]);
        }
    }
}

WB_INLINE void wb_wino_scatter(const int m, const wv *y, wv *s) {
    if (m == 2) {
        s[0] = LANES2(y[0], ZIP_LOW, y[1]);
        s[1] = LANES2(y[0], ZIP_HIGH, y[1]);
    } else if (m == 4) {
        wv a = LOW_HALVES(y[0], y[1]), b = LOW_HALVES(y[2], y[3]);
        s[0] = LANES2(a, QUAD_LOW, b);
        s[1] = LANES2(a, QUAD_HIGH, b);
        a = HIGH_HALVES(y[0], y[1]), b = HIGH_HALVES(y[2], y[3]);
        s[2] = LANES2(a, QUAD_LOW, b);
        s[3] = LANES2(a, QUAD_HIGH, b);
    } else {
#pragma GCC unroll 2
        for (int half = 0; half < 2; half++, s += 3) {
            wv q[3];
#pragma GCC unroll 3
            for (int i = 0; i < 3; i++)
                q[i] = half ? LANES2(y[2 * i], ZIP_HIGH, y[2 * i + 1])
                            : LANES2(y[2 * i], ZIP_LOW, y[2 * i + 1]);
            s[0] = PAIRS2(PAIRS2(q[0], C0, q[1]), D0, q[2]);
            s[1] = PAIRS2(PAIRS2(q[0], C1, q[1]), D1, q[2]);
            s[2] = PAIRS2(PAIRS2(q[0], C2, q[1]), D2, q[2]);
        }
    }
}

#else
/* immediates of wv_shuf: 64-bit pairs (of a, of b), evens, odds */
#define LO_LO 0x44
#define HI_HI 0xee
#define LO_HI 0xe4
#define HI_LO 0x4e
#define EVENS 0x88
#define ODDS 0xdd

WB_INLINE void wb_wino_gather(const int m, const float *s, const float *halo, wv *d) {
    if (m == 2) {
        wv a = wv_load(s), b = wv_load(s + L), c = wv_load(halo), e = wv_load(halo + L);
        d[0] = wv_shuf(a, b, EVENS);
        d[1] = wv_shuf(a, b, ODDS);
        d[2] = wv_shuf(c, e, EVENS);
        d[3] = wv_shuf(c, e, ODDS);
    } else if (m == 4) {
        wv a = wv_load(s), b = wv_load(s + L), c = wv_load(s + 2 * L);
        wv e = wv_load(s + 3 * L);
        wv ab = wv_unlo(a, b), ce = wv_unlo(c, e);
        d[0] = wv_shuf(ab, ce, LO_LO);
        d[1] = wv_shuf(ab, ce, HI_HI);
        ab = wv_unhi(a, b), ce = wv_unhi(c, e);
        d[2] = wv_shuf(ab, ce, LO_LO);
        d[3] = wv_shuf(ab, ce, HI_HI);
        ab = wv_unlo(wv_load(halo), wv_load(halo + L));
        ce = wv_unlo(wv_load(halo + 2 * L), wv_load(halo + 3 * L));
        d[4] = wv_shuf(ab, ce, LO_LO);
        d[5] = wv_shuf(ab, ce, HI_HI);
    } else {
        wv v[3], u[3], q[2][4];
#pragma GCC unroll 2
        for (int half = 0; half < 2; half++) {
            for (int i = 0; i < 3; i++) v[i] = wv_load(s + (3 * half + i) * L);
            wv_split3(v, u);
            q[half][0] = wv_shuf(u[0], u[1], LO_HI);
            q[half][1] = wv_shuf(u[0], u[2], HI_LO);
            q[half][2] = wv_shuf(u[1], u[2], LO_HI);
            for (int i = 0; i < 3; i++) v[i] = wv_load(halo + (3 * half + i) * L);
            wv_split3(v, u);
            q[half][3] = wv_shuf(u[0], u[1], LO_HI);
        }
#pragma GCC unroll 4
        for (int i = 0; i < 4; i++) {
            d[2 * i] = wv_shuf(q[0][i], q[1][i], EVENS);
            d[2 * i + 1] = wv_shuf(q[0][i], q[1][i], ODDS);
        }
    }
}

WB_INLINE void wb_wino_scatter(const int m, const wv *y, wv *s) {
    if (m == 2) {
        s[0] = wv_unlo(y[0], y[1]);
        s[1] = wv_unhi(y[0], y[1]);
    } else if (m == 4) {
        wv a = wv_unlo(y[0], y[1]), b = wv_unlo(y[2], y[3]);
        s[0] = wv_shuf(a, b, LO_LO);
        s[1] = wv_shuf(a, b, HI_HI);
        a = wv_unhi(y[0], y[1]), b = wv_unhi(y[2], y[3]);
        s[2] = wv_shuf(a, b, LO_LO);
        s[3] = wv_shuf(a, b, HI_HI);
    } else {
        wv u[3], q[3];
#pragma GCC unroll 2
        for (int half = 0; half < 2; half++) {
#pragma GCC unroll 3
            for (int i = 0; i < 3; i++)
                q[i] = half ? wv_unhi(y[2 * i], y[2 * i + 1])
                            : wv_unlo(y[2 * i], y[2 * i + 1]);
            u[0] = wv_shuf(q[0], q[1], LO_LO);
            u[1] = wv_shuf(q[2], q[0], LO_HI);
            u[2] = wv_shuf(q[1], q[2], HI_HI);
            wv_join3(u, s + 3 * half);
        }
    }
}
#endif
#endif
