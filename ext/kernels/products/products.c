/* Products of matrices: panels of sixteen columns, four rows at a time. */
#include "kernels/products/products.h"

#include "simd/simd.h"

enum { PANEL = 16, ROWS = 4 };

/* Sixteen columns of b beside each other, zeros where there are none. */
static void pack(float *room, const float *b, int64_t sk, int64_t sj, int64_t depth,
                 int64_t columns) {
    for (int64_t k = 0; k < depth; k++, b += sk, room += PANEL) {
        for (int64_t j = 0; j < columns; j++) room[j] = b[j * sj];
        for (int64_t j = columns; j < PANEL; j++) room[j] = 0.0f;
    }
}

static void four_rows(const float *a, int64_t si, int64_t sk, const float *b, int64_t sb,
                      int64_t depth, float *out, int64_t so, unsigned mask) {
    wb_v16 s0 = wb_zero(), s1 = wb_zero(), s2 = wb_zero(), s3 = wb_zero();
    for (int64_t k = 0; k < depth; k++, a += sk, b += sb) {
        const wb_v16 v = wb_load(b);
        s0 = wb_fma(wb_set1(a[0]), v, s0);
        s1 = wb_fma(wb_set1(a[si]), v, s1);
        s2 = wb_fma(wb_set1(a[2 * si]), v, s2);
        s3 = wb_fma(wb_set1(a[3 * si]), v, s3);
    }
    wb_store_mask(out, s0, mask);
    wb_store_mask(out + so, s1, mask);
    wb_store_mask(out + 2 * so, s2, mask);
    wb_store_mask(out + 3 * so, s3, mask);
}

static void one_row(const float *a, int64_t sk, const float *b, int64_t sb, int64_t depth,
                    float *out, unsigned mask) {
    wb_v16 even = wb_zero(), odd = wb_zero();
    int64_t k = 0;
    for (; k + 2 <= depth; k += 2, a += 2 * sk, b += 2 * sb) {
        even = wb_fma(wb_set1(a[0]), wb_load(b), even);
        odd = wb_fma(wb_set1(a[sk]), wb_load(b + sb), odd);
    }
    if (k < depth) even = wb_fma(wb_set1(a[0]), wb_load(b), even);
    wb_store_mask(out, wb_add(even, odd), mask);
}

WB_DEFINE(products, 4x16, 4x16, 4x16) {
    const wb_products *p = args;
    WB_REQUIRE_STEP(p, arena, tid, nthreads);
    WB_REQUIRE_WITHIN(0, p->axes, WB_AXES - 2);
    WB_REQUIRE(p->rows >= 1 && p->depth >= 1 && p->columns >= 1 && p->dst >= 0);
    const float *left = p->left.fixed != NULL ? p->left.fixed : arena;
    const float *right = p->right.fixed != NULL ? p->right.fixed : arena;
    const int64_t si = p->left.strides[p->axes], sk = p->left.strides[p->axes + 1];
    const int64_t rk = p->right.strides[p->axes], rj = p->right.strides[p->axes + 1];
    const int64_t panels = (p->columns + PANEL - 1) / PANEL;
    int64_t items = panels;
    for (int64_t d = 0; d < p->axes; d++) items *= p->sizes[d];
    float *room = wb_thread_scratch(arena, tid);
    const int64_t stop = wb_share(items, tid + 1, nthreads);
    for (int64_t item = wb_share(items, tid, nthreads); item < stop; item++) {
        const int64_t batch = item / panels, j = item % panels * PANEL;
        const float *a = left + p->left.base, *b = right + p->right.base + j * rj;
        for (int64_t d = p->axes - 1, rest = batch; d >= 0; rest /= p->sizes[d--]) {
            a += rest % p->sizes[d] * p->left.strides[d];
            b += rest % p->sizes[d] * p->right.strides[d];
        }
        const int64_t width = p->columns - j < PANEL ? p->columns - j : PANEL;
        const int packed = rj != 1 || width < PANEL;
        if (packed) pack(room, b, rk, rj, p->depth, width);
        if (packed) b = room;
        const int64_t sb = packed ? PANEL : rk;
        const unsigned mask = (1u << width) - 1;
        float *out = arena + p->dst + batch * p->rows * p->columns + j;
        int64_t i = 0;
        for (; i + ROWS <= p->rows; i += ROWS)
            four_rows(a + i * si, si, sk, b, sb, p->depth, out + i * p->columns,
                      p->columns, mask);
        for (; i < p->rows; i++)
            one_row(a + i * si, sk, b, sb, p->depth, out + i * p->columns, mask);
    }
}
