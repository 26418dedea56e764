/* Fully connected layers from a table of weights; contract in palette.h.
 *
 * The table stays in registers while it fits: shuffles look up a whole vector of codes,
 * one for each part of the table, and bits of the code select between the parts. That
 * streams a quarter of the bytes of float weights. Larger tables on AVX2 are gathered.
 */
#include "kernels/palette/palette.h"

#include "core/share.h"
#include "simd/epilogue.h"
#include "simd/sparse_row.h"

enum { ROWS = 4 };

#if defined(WB_ISA_AVX512)
#define MOST_PARTS 8 /* of 32 entries */
#define PART 32
typedef __m512 wide;
#define WIDE 16
#define wide_zero() _mm512_setzero_ps()
#define wide_load(p) _mm512_loadu_ps(p)
#define wide_fma(a, b, c) _mm512_fmadd_ps(a, b, c)
#define wide_sum(v) _mm512_reduce_add_ps(v)
typedef struct {
    __m512 low[MOST_PARTS], high[MOST_PARTS];
} palette;

WB_INLINE void open_palette(palette *p, const float *table, const int parts) {
#pragma GCC unroll 8
    for (int i = 0; i < parts; i++) {
        p->low[i] = _mm512_loadu_ps(table + PART * i);
        p->high[i] = _mm512_loadu_ps(table + PART * i + 16);
    }
}

WB_INLINE wide look_up(const palette *p, const float *table, const int parts,
                       const uint8_t *codes) {
    (void)table;
    const __m512i code =
        _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)(const void *)codes));
    __m512 found[MOST_PARTS];
#pragma GCC unroll 8
    for (int i = 0; i < parts; i++)
        found[i] = _mm512_permutex2var_ps(p->low[i], code, p->high[i]);
#pragma GCC unroll 3
    for (int left = parts, bit = PART; left > 1; left /= 2, bit *= 2) {
        const __mmask16 odd = _mm512_test_epi32_mask(code, _mm512_set1_epi32(bit));
#pragma GCC unroll 4
        for (int i = 0; i < left / 2; i++)
            found[i] = _mm512_mask_mov_ps(found[2 * i], odd, found[2 * i + 1]);
    }
    return found[0];
}
#elif defined(WB_ISA_AVX2)
#define MOST_PARTS 4 /* of 8 entries; 0: gather */
#define PART 8
typedef __m256 wide;
#define WIDE 8
#define wide_zero() _mm256_setzero_ps()
#define wide_load(p) _mm256_loadu_ps(p)
#define wide_fma(a, b, c) _mm256_fmadd_ps(a, b, c)
#define wide_sum(v) wb_sum((wb_v16){v, _mm256_setzero_ps()})
typedef struct {
    __m256 part[MOST_PARTS];
} palette;

WB_INLINE void open_palette(palette *p, const float *table, const int parts) {
#pragma GCC unroll 4
    for (int i = 0; i < parts; i++) p->part[i] = _mm256_loadu_ps(table + PART * i);
}

WB_INLINE wide look_up(const palette *p, const float *table, const int parts,
                       const uint8_t *codes) {
    const __m256i code =
        _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)codes));
    if (parts == 0) return _mm256_i32gather_ps(table, code, 4);
    __m256 found[MOST_PARTS];
#pragma GCC unroll 4
    for (int i = 0; i < parts; i++) found[i] = _mm256_permutevar8x32_ps(p->part[i], code);
    /* blendv looks at the sign: shift the deciding bit there. */
    if (parts > 1) {
        const __m256 odd = _mm256_castsi256_ps(_mm256_slli_epi32(code, 28));
        found[0] = _mm256_blendv_ps(found[0], found[1], odd);
        if (parts > 2) {
            const __m256 top = _mm256_castsi256_ps(_mm256_slli_epi32(code, 27));
            found[2] = _mm256_blendv_ps(found[2], found[3], odd);
            found[0] = _mm256_blendv_ps(found[0], found[2], top);
        }
    }
    return found[0];
}
#else
typedef wb_v4 wide;
#define WIDE 4
#define wide_zero() ((wb_v4){0, 0, 0, 0})
#define wide_fma(a, b, c) ((a) * (b) + (c))
#define wide_sum(v) (((v)[0] + (v)[2]) + ((v)[1] + (v)[3]))
typedef int palette;
WB_INLINE wide wide_load(const float *p) {
    wide v;
    memcpy(&v, p, sizeof v);
    return v;
}
WB_INLINE void open_palette(palette *p, const float *table, const int parts) {
    (void)table;
    *p = parts;
}
WB_INLINE wide look_up(const palette *p, const float *table, const int parts,
                       const uint8_t *c) {
    (void)p, (void)parts;
    return (wide){table[c[0]], table[c[1]], table[c[2]], table[c[3]]};
}
#endif

WB_INLINE void dense_rows(const wb_palette_dense *a, float *arena, const palette *p,
                          const int parts, int64_t row, const int rows) {
    const float *x = arena + a->src;
    const uint8_t *codes = a->codes + row * a->inputs;
    wide sums[ROWS];
#pragma GCC unroll 4
    for (int r = 0; r < rows; r++) sums[r] = wide_zero();
    int64_t i = 0;
    for (; i + WIDE <= a->inputs; i += WIDE) {
        const wide in = wide_load(x + i);
#pragma GCC unroll 4
        for (int r = 0; r < rows; r++)
            sums[r] = wide_fma(look_up(p, a->table, parts, codes + r * a->inputs + i), in,
                               sums[r]);
    }
#pragma GCC unroll 4
    for (int r = 0; r < rows; r++) {
        float sum = wide_sum(sums[r]);
        for (int64_t j = i; j < a->inputs; j++)
            sum += x[j] * a->table[codes[r * a->inputs + j]];
        sum = sum * a->scale[row + r] + a->bias[row + r];
        arena[a->dst + row + r] = wb_bounded1(sum, &a->act);
    }
}

WB_INLINE void dense(const wb_palette_dense *a, float *arena, const int parts,
                     int64_t row, int64_t stop) {
    palette p;
    open_palette(&p, a->table, parts);
    for (; row + ROWS <= stop; row += ROWS) dense_rows(a, arena, &p, parts, row, ROWS);
    for (; row < stop; row++) dense_rows(a, arena, &p, parts, row, 1);
}

WB_DEFINE(palette_dense, 4x4, 4x8, 4x16) {
    const wb_palette_dense *a = args;
    WB_REQUIRE_STEP(a, arena, tid, nthreads);
    WB_REQUIRE(a->outputs >= 0 && a->inputs >= 0);
    WB_REQUIRE_WITHIN(1, a->entries, 256);
    WB_REQUIRE_ACT(a->act);
    WB_REQUIRE_ARRAY(a->table);
    WB_REQUIRE_ARRAY(a->scale);
    WB_REQUIRE_ARRAY(a->bias);
    const int64_t row = wb_share(a->outputs, tid, nthreads);
    const int64_t stop = wb_share(a->outputs, tid + 1, nthreads);
#if defined(WB_ISA_AVX512)
    if (a->entries <= 32) dense(a, arena, 1, row, stop);
    else if (a->entries <= 64) dense(a, arena, 2, row, stop);
    else if (a->entries <= 128) dense(a, arena, 4, row, stop);
    else dense(a, arena, 8, row, stop);
#elif defined(WB_ISA_AVX2)
    if (a->entries <= 8) dense(a, arena, 1, row, stop);
    else if (a->entries <= 16) dense(a, arena, 2, row, stop);
    else if (a->entries <= 32) dense(a, arena, 4, row, stop);
    else dense(a, arena, 0, row, stop);
#else
    dense(a, arena, 0, row, stop);
#endif
    wb_bend_all(arena + a->dst + row, stop - row, &a->act);
}

WB_DEFINE(palette_sparse, 1x4, 1x4, 1x4) {
    const wb_palette_sparse *a = args;
    WB_REQUIRE_STEP(a, arena, tid, nthreads);
    WB_REQUIRE(a->outputs >= 0);
    WB_REQUIRE_FLAG(a->wide);
    WB_REQUIRE_ACT(a->act);
    WB_REQUIRE_ARRAY(a->indptr);
    WB_REQUIRE_ARRAY(a->table);
    WB_REQUIRE_ARRAY(a->scale);
    WB_REQUIRE_ARRAY(a->bias);
    WB_REQUIRE(0 <= a->indptr[0] && a->indptr[0] <= a->indptr[a->outputs]);
    const float *x = arena + a->src;
    const wb_sparse_row entries = {a->table, a->codes, a->columns};
    const int64_t start = wb_share_rows(a->indptr, a->outputs, tid, nthreads);
    const int64_t stop = wb_share_rows(a->indptr, a->outputs, tid + 1, nthreads);
    for (int64_t row = start; row < stop; row++) {
        const float total = wb_sparse_total(&entries, x, a->indptr[row],
                                            a->indptr[row + 1], 0.0f, 1, a->wide);
        const float scaled = total * a->scale[row] + a->bias[row];
        arena[a->dst + row] = wb_bounded1(scaled, &a->act);
    }
    wb_bend_all(arena + a->dst + start, stop - start, &a->act);
}
