/* wb_v16 as four 4-lane vectors in plain C with vector types; see simd.h.
 *
 * The baseline of every machine: SSE2 registers on x86-64, NEON on aarch64.
 */
#define WB_ISA_NAME scalar
#define WB_TILE(t0, t1, t2) t0
#define WB_VECTOR_IS_LINE 0   /* whether one load fills a cache line */
#define WB_FMA_LEAVES_LANES 0 /* whether wb_fma_in costs no more than wb_fma */

typedef float wb_v4 __attribute__((vector_size(16)));
typedef int32_t wb_m4 __attribute__((vector_size(16)));
typedef struct {
    wb_v4 q[4];
} wb_v16;
typedef struct {
    wb_v16 even, odd;
} wb_pair;

/* Four lanes of the eight in a and b, by constant number. */
#if defined(__clang__)
#define WB_SHUFFLE(a, b, i, j, k, l) __builtin_shufflevector(a, b, i, j, k, l)
#else
#define WB_SHUFFLE(a, b, i, j, k, l) __builtin_shuffle(a, b, (wb_m4){i, j, k, l})
#endif

#define WB_EACH(expression)                                                              \
    wb_v16 r;                                                                            \
    for (int i = 0; i < 4; i++) r.q[i] = (expression);                                   \
    return r

WB_INLINE wb_v16 wb_load(const float *p) {
    wb_v16 v;
    memcpy(&v, p, sizeof v);
    return v;
}
WB_INLINE void wb_store(float *p, wb_v16 v) { memcpy(p, &v, sizeof v); }
WB_INLINE wb_v16 wb_set1(float x) { WB_EACH(((wb_v4){x, x, x, x})); }
WB_INLINE wb_v16 wb_zero(void) { return wb_set1(0.0f); }
WB_INLINE wb_v16 wb_add(wb_v16 a, wb_v16 b) { WB_EACH(a.q[i] + b.q[i]); }
WB_INLINE wb_v16 wb_sub(wb_v16 a, wb_v16 b) { WB_EACH(a.q[i] - b.q[i]); }
WB_INLINE wb_v16 wb_mul(wb_v16 a, wb_v16 b) { WB_EACH(a.q[i] * b.q[i]); }
WB_INLINE wb_v16 wb_div(wb_v16 a, wb_v16 b) { WB_EACH(a.q[i] / b.q[i]); }
WB_INLINE wb_v4 wb_choose(wb_m4 first, wb_v4 a, wb_v4 b) {
    return (wb_v4)((first & (wb_m4)a) | (~first & (wb_m4)b));
}
WB_INLINE wb_v16 wb_max(wb_v16 a, wb_v16 b) {
    WB_EACH(wb_choose(a.q[i] > b.q[i], a.q[i], b.q[i]));
}
WB_INLINE wb_v16 wb_min(wb_v16 a, wb_v16 b) {
    WB_EACH(wb_choose(a.q[i] < b.q[i], a.q[i], b.q[i]));
}
WB_INLINE wb_v16 wb_larger(wb_v16 a, wb_v16 b) {
    WB_EACH(wb_choose((b.q[i] > a.q[i]) | (b.q[i] != b.q[i]), b.q[i], a.q[i]));
}
/* a * b + c */
WB_INLINE wb_v16 wb_fma(wb_v16 a, wb_v16 b, wb_v16 c) {
    WB_EACH(a.q[i] * b.q[i] + c.q[i]);
}
/* To the nearest whole number, of two the even one, of less than 2^22: beside 1.5 * 2^23
 * a float has no room for a fraction. */
WB_INLINE wb_v16 wb_round(wb_v16 a) { WB_EACH((a.q[i] + 12582912.0f) - 12582912.0f); }
/* In two exact factors, so that the ends of the range round once; NaN where n is. */
WB_INLINE wb_v4 wb_scale2_four(wb_v4 a, wb_v4 n) {
    const wb_v4 known = wb_choose(n == n, n, (wb_v4){0});
    const wb_m4 whole = __builtin_convertvector(known, wb_m4), half = whole >> 1;
    return a * (wb_v4)((half + 127) << 23) * (wb_v4)((whole - half + 127) << 23);
}
/* a * 2^n, n whole and within -250..250. */
WB_INLINE wb_v16 wb_scale2(wb_v16 a, wb_v16 n) {
    WB_EACH(wb_scale2_four(a.q[i], n.q[i]));
}
typedef struct {
    wb_m4 q[4];
} wb_lanes;
WB_INLINE wb_lanes wb_lanes_of(unsigned bits) {
    const wb_m4 each = {1, 2, 4, 8};
    wb_lanes lanes;
    for (int i = 0; i < 4; i++) {
        const int32_t four = (int32_t)(bits >> 4 * i);
        lanes.q[i] = ((wb_m4){four, four, four, four} & each) == each;
    }
    return lanes;
}
/* v in the lanes that are set, zero in the others. */
WB_INLINE wb_v16 wb_keep(wb_v16 v, wb_lanes lanes) {
    WB_EACH((wb_v4)(lanes.q[i] & (wb_m4)v.q[i]));
}
/* a * b + c in the lanes that are set, c in the others; b is no infinity there. */
WB_INLINE wb_v16 wb_fma_in(wb_v16 a, wb_v16 b, wb_v16 c, wb_lanes lanes) {
    return wb_fma(a, wb_keep(b, lanes), c);
}
WB_INLINE wb_v16 wb_load_in(const float *p, wb_lanes lanes) {
    return wb_keep(wb_load(p), lanes);
}
/* Lane l of the result is lane l - 1 of v; lane 0 is lane 15 of the previous vector. */
WB_INLINE wb_v16 wb_shift_up(wb_v16 v, wb_v16 previous) {
    WB_EACH(WB_SHUFFLE(i > 0 ? v.q[(i + 3) % 4] : previous.q[3], v.q[i], 3, 4, 5, 6));
}
/* Lane l of the result is lane l + 1 of v; lane 15 is lane 0 of the next vector. */
WB_INLINE wb_v16 wb_shift_down(wb_v16 v, wb_v16 next) {
    WB_EACH(WB_SHUFFLE(v.q[i], i < 3 ? v.q[(i + 1) % 4] : next.q[0], 1, 2, 3, 4));
}
/* The same, in the lanes that are set. */
WB_INLINE wb_v16 wb_shift_up_in(wb_v16 v, wb_v16 previous, wb_lanes lanes) {
    return wb_keep(wb_shift_up(v, previous), lanes);
}
WB_INLINE wb_v16 wb_shift_down_in(wb_v16 v, wb_v16 next, wb_lanes lanes) {
    return wb_keep(wb_shift_down(v, next), lanes);
}
/* Even lanes to lanes 0..7, odd lanes to lanes 8..15. */
WB_INLINE wb_v16 wb_unzip(wb_v16 v) {
    WB_EACH(i < 2 ? WB_SHUFFLE(v.q[2 * i % 4], v.q[2 * i % 4 + 1], 0, 2, 4, 6)
                  : WB_SHUFFLE(v.q[2 * i % 4], v.q[2 * i % 4 + 1], 1, 3, 5, 7));
}
/* Lanes 0, 2, ... 30 of the 32 floats in a and b, and lanes 1, 3, ... 31. */
WB_INLINE wb_pair wb_unzip2(wb_v16 a, wb_v16 b) {
    const wb_v16 first = wb_unzip(a), second = wb_unzip(b);
    return (wb_pair){{{first.q[0], first.q[1], second.q[0], second.q[1]}},
                     {{first.q[2], first.q[3], second.q[2], second.q[3]}}};
}
/* The same, in the lanes that are set. */
WB_INLINE wb_pair wb_unzip2_in(wb_v16 a, wb_v16 b, wb_lanes even_lanes,
                               wb_lanes odd_lanes) {
    const wb_pair pair = wb_unzip2(a, b);
    return (wb_pair){wb_keep(pair.even, even_lanes), wb_keep(pair.odd, odd_lanes)};
}
WB_INLINE float wb_sum(wb_v16 v) {
    const wb_v4 four = (v.q[0] + v.q[1]) + (v.q[2] + v.q[3]);
    return (four[0] + four[2]) + (four[1] + four[3]);
}
#undef WB_EACH
