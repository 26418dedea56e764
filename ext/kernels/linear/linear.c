/* Fully connected layers; contract in linear.h. Bound by the bytes of the weights. */
#include "kernels/linear/linear.h"

#include "core/share.h"
#include "simd/epilogue.h"
#include "simd/sparse_row.h"

/* Rows at once: each has two sums, so that additions do not wait for each other. */
#define ROWS WB_TILE(1, 2, 4)

WB_INLINE void dense_rows(const wb_linear_dense *a, float *arena, int64_t row,
                          const int rows) {
    const float *x = arena + a->src, *w = a->weights + row * a->inputs;
    wb_v16 even[4], odd[4];
    for (int r = 0; r < rows; r++) even[r] = odd[r] = wb_zero();
    int64_t i = 0;
    for (; i + 32 <= a->inputs; i += 32) {
        const wb_v16 x0 = wb_load(x + i), x1 = wb_load(x + i + 16);
        for (int r = 0; r < rows; r++) {
            /* Rows below: the fetcher of the processor stops at every page. */
            __builtin_prefetch(w + (r + rows) * a->inputs + i, 0, 2);
            __builtin_prefetch(w + (r + rows) * a->inputs + i + 16, 0, 2);
            even[r] = wb_fma(x0, wb_load(w + r * a->inputs + i), even[r]);
            odd[r] = wb_fma(x1, wb_load(w + r * a->inputs + i + 16), odd[r]);
        }
    }
    for (int r = 0; r < rows; r++) {
        float sum = a->bias[row + r] + wb_sum(wb_add(even[r], odd[r]));
        for (int64_t j = i; j < a->inputs; j++) sum += x[j] * w[r * a->inputs + j];
        arena[a->dst + row + r] = wb_bounded1(sum, &a->act);
    }
}

WB_DEFINE(linear_dense, 1x16, 2x16, 4x16) {
    const wb_linear_dense *a = args;
    WB_REQUIRE_STEP(a, arena, tid, nthreads);
    WB_REQUIRE(a->outputs >= 0 && a->inputs >= 0);
    WB_REQUIRE_ACT(a->act);
    WB_REQUIRE_ARRAY(a->weights);
    WB_REQUIRE_ARRAY(a->bias);
    const int64_t stop = wb_share(a->outputs, tid + 1, nthreads);
    const int64_t start = wb_share(a->outputs, tid, nthreads);
    int64_t row = start;
    for (; row + ROWS <= stop; row += ROWS) dense_rows(a, arena, row, ROWS);
    for (; row < stop; row++) dense_rows(a, arena, row, 1);
    wb_bend_all(arena + a->dst + start, stop - start, &a->act);
}

WB_DEFINE(linear_sparse, 1x4, 1x4, 1x4) {
    const wb_linear_sparse *a = args;
    WB_REQUIRE_STEP(a, arena, tid, nthreads);
    WB_REQUIRE(a->outputs >= 0);
    WB_REQUIRE_FLAG(a->wide);
    WB_REQUIRE_ACT(a->act);
    WB_REQUIRE_ARRAY(a->indptr);
    WB_REQUIRE_ARRAY(a->bias);
    WB_REQUIRE(0 <= a->indptr[0] && a->indptr[0] <= a->indptr[a->outputs]);
    const float *x = arena + a->src;
    const wb_sparse_row entries = {a->values, NULL, a->columns};
    const int64_t start = wb_share_rows(a->indptr, a->outputs, tid, nthreads);
    const int64_t stop = wb_share_rows(a->indptr, a->outputs, tid + 1, nthreads);
    for (int64_t row = start; row < stop; row++) {
        const float total = wb_sparse_total(&entries, x, a->indptr[row],
                                            a->indptr[row + 1], a->bias[row], 0, a->wide);
        arena[a->dst + row] = wb_bounded1(total, &a->act);
    }
    wb_bend_all(arena + a->dst + start, stop - start, &a->act);
}
