/* wb_v16 as two ymm registers; see simd.h. */
#include <immintrin.h>

#define WB_ISA_NAME avx2
#define WB_TILE(t0, t1, t2) t1
#define WB_VECTOR_IS_LINE 0   /* whether one load fills a cache line */
#define WB_FMA_LEAVES_LANES 0 /* whether wb_fma_in costs no more than wb_fma */

typedef struct {
    __m256 lo, hi;
} wb_v16;
typedef struct {
    wb_v16 even, odd;
} wb_pair;

#define WB_BOTH(op) ((wb_v16){op(a.lo, b.lo), op(a.hi, b.hi)})
WB_INLINE wb_v16 wb_load(const float *p) {
    return (wb_v16){_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)};
}
WB_INLINE void wb_store(float *p, wb_v16 v) {
    _mm256_storeu_ps(p, v.lo);
    _mm256_storeu_ps(p + 8, v.hi);
}
WB_INLINE wb_v16 wb_set1(float x) {
    const __m256 v = _mm256_set1_ps(x);
    return (wb_v16){v, v};
}
WB_INLINE wb_v16 wb_zero(void) { return wb_set1(0.0f); }
WB_INLINE wb_v16 wb_add(wb_v16 a, wb_v16 b) { return WB_BOTH(_mm256_add_ps); }
WB_INLINE wb_v16 wb_sub(wb_v16 a, wb_v16 b) { return WB_BOTH(_mm256_sub_ps); }
WB_INLINE wb_v16 wb_mul(wb_v16 a, wb_v16 b) { return WB_BOTH(_mm256_mul_ps); }
WB_INLINE wb_v16 wb_div(wb_v16 a, wb_v16 b) { return WB_BOTH(_mm256_div_ps); }
WB_INLINE wb_v16 wb_max(wb_v16 a, wb_v16 b) { return WB_BOTH(_mm256_max_ps); }
WB_INLINE wb_v16 wb_min(wb_v16 a, wb_v16 b) { return WB_BOTH(_mm256_min_ps); }
WB_INLINE __m256 wb_larger_half(__m256 a, __m256 b) {
    return _mm256_blendv_ps(_mm256_max_ps(a, b), a, _mm256_cmp_ps(a, a, _CMP_UNORD_Q));
}
WB_INLINE wb_v16 wb_larger(wb_v16 a, wb_v16 b) { return WB_BOTH(wb_larger_half); }
/* a * b + c */
WB_INLINE wb_v16 wb_fma(wb_v16 a, wb_v16 b, wb_v16 c) {
    return (wb_v16){_mm256_fmadd_ps(a.lo, b.lo, c.lo), _mm256_fmadd_ps(a.hi, b.hi, c.hi)};
}
WB_INLINE __m256 wb_round_half(__m256 a) { return _mm256_round_ps(a, 8); }
/* To the nearest whole number; of two the even one. */
WB_INLINE wb_v16 wb_round(wb_v16 a) {
    return (wb_v16){wb_round_half(a.lo), wb_round_half(a.hi)};
}
WB_INLINE __m256 wb_power(__m256i n) {
    return _mm256_castsi256_ps(
        _mm256_slli_epi32(_mm256_add_epi32(n, _mm256_set1_epi32(127)), 23));
}
/* In two exact factors, so that the ends of the range round once. */
WB_INLINE __m256 wb_scale2_half(__m256 a, __m256 n) {
    const __m256i whole = _mm256_cvtps_epi32(n), half = _mm256_srai_epi32(whole, 1);
    const __m256i rest = _mm256_sub_epi32(whole, half);
    return _mm256_mul_ps(_mm256_mul_ps(a, wb_power(half)), wb_power(rest));
}
/* a * 2^n, n whole and within -250..250. */
WB_INLINE wb_v16 wb_scale2(wb_v16 a, wb_v16 b) { return WB_BOTH(wb_scale2_half); }
typedef wb_v16 wb_lanes;
WB_INLINE __m256 wb_eight_of(unsigned bits) {
    const __m256i each = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
    const __m256i set = _mm256_and_si256(_mm256_set1_epi32((int)bits), each);
    return _mm256_castsi256_ps(_mm256_cmpeq_epi32(set, each));
}
WB_INLINE wb_lanes wb_lanes_of(unsigned bits) {
    return (wb_lanes){wb_eight_of(bits), wb_eight_of(bits >> 8)};
}
/* v in the lanes that are set, zero in the others. */
WB_INLINE wb_v16 wb_keep(wb_v16 a, wb_lanes b) { return WB_BOTH(_mm256_and_ps); }
/* a * b + c in the lanes that are set, c in the others; b is no infinity there. */
WB_INLINE wb_v16 wb_fma_in(wb_v16 a, wb_v16 b, wb_v16 c, wb_lanes lanes) {
    return wb_fma(a, wb_keep(b, lanes), c);
}
WB_INLINE wb_v16 wb_load_in(const float *p, wb_lanes lanes) {
    return wb_keep(wb_load(p), lanes);
}
WB_INLINE __m256 wb_join_up(__m256 v, __m256 previous) {
    const __m256i now = _mm256_castps_si256(v);
    const __m256i middle =
        _mm256_permute2x128_si256(_mm256_castps_si256(previous), now, 0x21);
    return _mm256_castsi256_ps(_mm256_alignr_epi8(now, middle, 12));
}
WB_INLINE __m256 wb_join_down(__m256 v, __m256 next) {
    const __m256i now = _mm256_castps_si256(v);
    const __m256i middle =
        _mm256_permute2x128_si256(now, _mm256_castps_si256(next), 0x21);
    return _mm256_castsi256_ps(_mm256_alignr_epi8(middle, now, 4));
}
/* Lane l of the result is lane l - 1 of v; lane 0 is lane 15 of the previous vector. */
WB_INLINE wb_v16 wb_shift_up(wb_v16 v, wb_v16 previous) {
    return (wb_v16){wb_join_up(v.lo, previous.hi), wb_join_up(v.hi, v.lo)};
}
/* Lane l of the result is lane l + 1 of v; lane 15 is lane 0 of the next vector. */
WB_INLINE wb_v16 wb_shift_down(wb_v16 v, wb_v16 next) {
    return (wb_v16){wb_join_down(v.lo, v.hi), wb_join_down(v.hi, next.lo)};
}
WB_INLINE __m256 wb_in_order(__m256 quarters) {
    return _mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(quarters), 0xd8));
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
    return (wb_v16){wb_in_order(_mm256_shuffle_ps(v.lo, v.hi, 0x88)),
                    wb_in_order(_mm256_shuffle_ps(v.lo, v.hi, 0xdd))};
}
/* Lanes 0, 2, ... 30 of the 32 floats in a and b, and lanes 1, 3, ... 31. */
WB_INLINE wb_pair wb_unzip2(wb_v16 a, wb_v16 b) {
    const wb_v16 first = wb_unzip(a), second = wb_unzip(b);
    return (wb_pair){{first.lo, second.lo}, {first.hi, second.hi}};
}
/* The same, in the lanes that are set. */
WB_INLINE wb_pair wb_unzip2_in(wb_v16 a, wb_v16 b, wb_lanes even_lanes,
                               wb_lanes odd_lanes) {
    const wb_pair pair = wb_unzip2(a, b);
    return (wb_pair){wb_keep(pair.even, even_lanes), wb_keep(pair.odd, odd_lanes)};
}
WB_INLINE float wb_sum(wb_v16 v) {
    const __m256 eight = _mm256_add_ps(v.lo, v.hi);
    __m128 four =
        _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    four = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(four, _mm_movehdup_ps(four)));
}
#undef WB_BOTH
