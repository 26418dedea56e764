/* winograd_simd.h - the vectors of the Winograd kernels: L floats, in 128-bit blocks.
 *
 * L = 16 (AVX-512), 8 (AVX2) or 4 (baseline; plain vectors, any CPU). All lane
 * moves of the transforms are inside blocks, but for join3 and split3, which move
 * whole blocks. Included by winograd.c only, once an ISA. */
#ifndef WB_WINOGRAD_SIMD_H
#define WB_WINOGRAD_SIMD_H
#include "simd/epilogue.h"

#if defined(WB_ISA_AVX512)
#define L 16
typedef __m512 wv;
#define wv_load(p) _mm512_loadu_ps(p)
#define wv_store(p, x) _mm512_storeu_ps(p, x)
#define wv_set1(x) _mm512_set1_ps(x)
#define wv_fma(a, b, c) _mm512_fmadd_ps(a, b, c)
#define wv_fnma(a, b, c) _mm512_fnmadd_ps(a, b, c)
#define wv_rectify(x) _mm512_max_ps(_mm512_setzero_ps(), x) /* a NaN stays */
typedef __m256 hv; /* half as wide, for the tail of an image */
#define hv_load(p) _mm256_loadu_ps(p)
#define hv_store(p, x) _mm256_storeu_ps(p, x)
#define hv_set1(x) _mm256_set1_ps(x)
#define hv_fma(a, b, c) _mm256_fmadd_ps(a, b, c)
WB_INLINE wv wv_load_mask(const float *p, unsigned mask) {
    return _mm512_maskz_loadu_ps((__mmask16)mask, p);
}
WB_INLINE void wv_store_mask(float *p, unsigned mask, wv x) {
    _mm512_mask_storeu_ps(p, (__mmask16)mask, x);
}
#elif defined(WB_ISA_AVX2)
#define L 8
typedef __m256 wv;
#define wv_load(p) _mm256_loadu_ps(p)
#define wv_store(p, x) _mm256_storeu_ps(p, x)
#define wv_set1(x) _mm256_set1_ps(x)
#define wv_fma(a, b, c) _mm256_fmadd_ps(a, b, c)
#define wv_fnma(a, b, c) _mm256_fnmadd_ps(a, b, c)
#define wv_rectify(x) _mm256_max_ps(_mm256_setzero_ps(), x) /* a NaN stays */
#define wv_unlo(a, b) _mm256_unpacklo_ps(a, b)
#define wv_unhi(a, b) _mm256_unpackhi_ps(a, b)
#define wv_shuf(a, b, i) _mm256_shuffle_ps(a, b, i)
WB_INLINE __m256 wv_lanes(unsigned mask) {
    const __m256i bits = _mm256_set_epi32(128, 64, 32, 16, 8, 4, 2, 1);
    __m256i set = _mm256_and_si256(_mm256_set1_epi32((int)mask), bits);
    return _mm256_castsi256_ps(_mm256_cmpeq_epi32(set, bits));
}
WB_INLINE wv wv_load_mask(const float *p, unsigned mask) {
    return _mm256_and_ps(_mm256_loadu_ps(p), wv_lanes(mask));
}
/* lane by lane: vmaskmov stores cost tens of cycles on some cores */
WB_INLINE void wv_store_mask(float *p, unsigned mask, wv x) {
    float t[8];
    if (mask == 255u) {
        _mm256_storeu_ps(p, x);
        return;
    }
    _mm256_storeu_ps(t, x);
    for (; mask; mask &= mask - 1) {
        int lane = __builtin_ctz(mask);
        p[lane] = t[lane];
    }
}
WB_INLINE void wv_split3(const wv v[3], wv u[3]) {
    u[0] = _mm256_permute2f128_ps(v[0], v[1], 0x30);
    u[1] = _mm256_permute2f128_ps(v[0], v[2], 0x21);
    u[2] = _mm256_permute2f128_ps(v[1], v[2], 0x30);
}
WB_INLINE void wv_join3(const wv u[3], wv v[3]) {
    v[0] = _mm256_permute2f128_ps(u[0], u[1], 0x20);
    v[1] = _mm256_permute2f128_ps(u[2], u[0], 0x30);
    v[2] = _mm256_permute2f128_ps(u[1], u[2], 0x31);
}

#else
#define L 4
typedef float wv __attribute__((vector_size(16)));
typedef int32_t wvi __attribute__((vector_size(16)));
WB_INLINE wv wv_load(const float *p) {
    wv x;
    memcpy(&x, p, sizeof x);
    return x;
}
WB_INLINE void wv_store(float *p, wv x) { memcpy(p, &x, sizeof x); }
WB_INLINE wv wv_set1(float x) { return (wv){x, x, x, x}; }
#define wv_fma(a, b, c) ((a) * (b) + (c))
#define wv_fnma(a, b, c) ((c) - (a) * (b))
WB_INLINE wv wv_rectify(wv x) { return (wv)((wvi)x & ~(x < 0.0f)); }
#define wv_unlo(a, b) WB_SHUFFLE(a, b, 0, 4, 1, 5)
#define wv_unhi(a, b) WB_SHUFFLE(a, b, 2, 6, 3, 7)
#define wv_shuf(a, b, i)                                                                 \
    WB_SHUFFLE(a, b, (i) & 3, (i) >> 2 & 3, 4 + ((i) >> 4 & 3), 4 + ((i) >> 6 & 3))
WB_INLINE wv wv_load_mask(const float *p, unsigned mask) {
    const wvi bits = {1, 2, 4, 8};
    const wvi wanted = {(int)mask, (int)mask, (int)mask, (int)mask};
    return (wv)((wvi)wv_load(p) & ((wanted & bits) == bits));
}
WB_INLINE void wv_store_mask(float *p, unsigned mask, wv x) {
    if (mask == 15u) {
        wv_store(p, x);
        return;
    }
    for (int lane = 0; lane < 4; lane++)
        if (mask >> lane & 1) p[lane] = x[lane];
}
WB_INLINE void wv_split3(const wv v[3], wv u[3]) {
    for (int i = 0; i < 3; i++) u[i] = v[i];
}
WB_INLINE void wv_join3(const wv u[3], wv v[3]) {
    for (int i = 0; i < 3; i++) v[i] = u[i];
}
#endif

#endif
