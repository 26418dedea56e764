/* wb_v16 as one zmm register; see simd.h. */
#include <immintrin.h>

#define WB_ISA_NAME avx512
#define WB_TILE(t0, t1, t2) t2
#define WB_VECTOR_IS_LINE 1   /* whether one load fills a cache line */
#define WB_FMA_LEAVES_LANES 1 /* whether wb_fma_in costs no more than wb_fma */

typedef __m512 wb_v16;
typedef struct {
    wb_v16 even, odd;
} wb_pair;

WB_INLINE wb_v16 wb_load(const float *p) { return _mm512_loadu_ps(p); }
WB_INLINE void wb_store(float *p, wb_v16 v) { _mm512_storeu_ps(p, v); }
WB_INLINE wb_v16 wb_set1(float x) { return _mm512_set1_ps(x); }
WB_INLINE wb_v16 wb_zero(void) { return _mm512_setzero_ps(); }
WB_INLINE wb_v16 wb_add(wb_v16 a, wb_v16 b) { return _mm512_add_ps(a, b); }
WB_INLINE wb_v16 wb_sub(wb_v16 a, wb_v16 b) { return _mm512_sub_ps(a, b); }
WB_INLINE wb_v16 wb_mul(wb_v16 a, wb_v16 b) { return _mm512_mul_ps(a, b); }
WB_INLINE wb_v16 wb_div(wb_v16 a, wb_v16 b) { return _mm512_div_ps(a, b); }
WB_INLINE wb_v16 wb_max(wb_v16 a, wb_v16 b) { return _mm512_max_ps(a, b); }
WB_INLINE wb_v16 wb_min(wb_v16 a, wb_v16 b) { return _mm512_min_ps(a, b); }
WB_INLINE wb_v16 wb_larger(wb_v16 a, wb_v16 b) {
    return _mm512_mask_mov_ps(wb_max(a, b), _mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q), a);
}
/* a * b + c */
WB_INLINE wb_v16 wb_fma(wb_v16 a, wb_v16 b, wb_v16 c) { return _mm512_fmadd_ps(a, b, c); }
/* To the nearest whole number; of two the even one. */
WB_INLINE wb_v16 wb_round(wb_v16 a) { return _mm512_roundscale_ps(a, 8); }
/* a * 2^n, n whole and within -250..250; ends of the range round once. */
WB_INLINE wb_v16 wb_scale2(wb_v16 a, wb_v16 n) { return _mm512_scalef_ps(a, n); }
WB_INLINE void wb_store_mask(float *p, wb_v16 v, unsigned mask) {
    _mm512_mask_storeu_ps(p, (__mmask16)mask, v);
}
typedef __mmask16 wb_lanes;
/* a * b + c in the lanes that are set, c in the others. */
WB_INLINE wb_v16 wb_fma_in(wb_v16 a, wb_v16 b, wb_v16 c, wb_lanes lanes) {
    return _mm512_mask3_fmadd_ps(a, b, c, lanes);
}
WB_INLINE wb_lanes wb_lanes_of(unsigned bits) { return (wb_lanes)bits; }
WB_INLINE wb_v16 wb_load_in(const float *p, wb_lanes lanes) {
    return _mm512_maskz_loadu_ps(lanes, p);
}
/* v in the lanes that are set, zero in the others. */
WB_INLINE wb_v16 wb_keep(wb_v16 v, wb_lanes lanes) {
    return _mm512_maskz_mov_ps(lanes, v);
}
/* Lane l of the result is lane l - 1 of v; lane 0 is lane 15 of the previous vector. */
WB_INLINE wb_v16 wb_shift_up(wb_v16 v, wb_v16 previous) {
    return _mm512_castsi512_ps(
        _mm512_alignr_epi32(_mm512_castps_si512(v), _mm512_castps_si512(previous), 15));
}
/* Lane l of the result is lane l + 1 of v; lane 15 is lane 0 of the next vector. */
WB_INLINE wb_v16 wb_shift_down(wb_v16 v, wb_v16 next) {
    return _mm512_castsi512_ps(
        _mm512_alignr_epi32(_mm512_castps_si512(next), _mm512_castps_si512(v), 1));
}
/* The same, in the lanes that are set. */
WB_INLINE wb_v16 wb_shift_up_in(wb_v16 v, wb_v16 previous, wb_lanes lanes) {
    return _mm512_castsi512_ps(_mm512_maskz_alignr_epi32(
        lanes, _mm512_castps_si512(v), _mm512_castps_si512(previous), 15));
}
WB_INLINE wb_v16 wb_shift_down_in(wb_v16 v, wb_v16 next, wb_lanes lanes) {
    return _mm512_castsi512_ps(_mm512_maskz_alignr_epi32(lanes, _mm512_castps_si512(next),
                                                         _mm512_castps_si512(v), 1));
}
/* Even lanes to lanes 0..7, odd lanes to lanes 8..15. */
WB_INLINE wb_v16 wb_unzip(wb_v16 v) {
    const __m512i order =
        _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 1, 3, 5, 7, 9, 11, 13, 15);
    return _mm512_permutexvar_ps(order, v);
}
/* Lanes 0, 2, ... 30 of the 32 floats in a and b, and lanes 1, 3, ... 31. */
WB_INLINE wb_pair wb_unzip2(wb_v16 a, wb_v16 b) {
    const __m512i even =
        _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    const __m512i odd = _mm512_add_epi32(even, _mm512_set1_epi32(1));
    return (wb_pair){_mm512_permutex2var_ps(a, even, b),
                     _mm512_permutex2var_ps(a, odd, b)};
}
/* The same, in the lanes that are set. */
WB_INLINE wb_pair wb_unzip2_in(wb_v16 a, wb_v16 b, wb_lanes even_lanes,
                               wb_lanes odd_lanes) {
    const __m512i even =
        _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    const __m512i odd = _mm512_add_epi32(even, _mm512_set1_epi32(1));
    return (wb_pair){_mm512_maskz_permutex2var_ps(even_lanes, a, even, b),
                     _mm512_maskz_permutex2var_ps(odd_lanes, a, odd, b)};
}
WB_INLINE float wb_sum(wb_v16 v) { return _mm512_reduce_add_ps(v); }
