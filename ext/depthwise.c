/* Depthwise convolution; contract in depthwise.h. */
#include "depthwise.h"

#include "epilogue.h"

enum { SINGLES = 4 };

/* Up to four vectors at once, so that sums do not wait for each other. */
static void plain(const wb_depthwise *a, float *arena, int64_t c, const int32_t *vector,
                  int count) {
    const float *base = arena + a->place.src + c * a->in_cs;
    const float *w = a->weights + c * a->taps;
    const float *p[SINGLES];
    wb_v16 sum[SINGLES];
    for (int i = 0; i < SINGLES; i++) {
        p[i] = base + a->place.in[vector[i < count ? i : 0]];
        sum[i] = wb_set1(a->bias[c]);
    }
    for (int32_t t = 0; t < a->taps; t++) {
        const wb_v16 weight = wb_set1(w[t]);
        const ptrdiff_t at = a->offsets[t];
        for (int i = 0; i < SINGLES; i++)
            sum[i] = wb_fma(weight, wb_load(p[i] + at), sum[i]);
    }
    for (int i = 0; i < count; i++)
        wb_finish(&a->place, arena, vector[i], c * a->place.out_cs, sum[i]);
}

/* WB_CHAIN output rows of a rows x columns filter: every input row is loaded once. */
WB_INLINE void chained(const wb_depthwise *a, float *arena, int64_t c,
                       const int32_t *vector, const int rows, const int columns) {
    const float *w = a->weights + c * a->taps;
    const float *p = arena + a->place.src + c * a->in_cs + a->place.in[vector[0]];
    wb_v16 sum[WB_CHAIN];
    for (int i = 0; i < WB_CHAIN; i++) sum[i] = wb_set1(a->bias[c]);
    for (int y = 0; y < WB_CHAIN + rows - 1; y++) {
        for (int x = 0; x < columns; x++) {
            const wb_v16 value = wb_load(p + y * a->row_stride + a->offsets[x]);
            for (int i = 0; i < WB_CHAIN; i++) {
                const int row = y - i;
                if (row >= 0 && row < rows)
                    sum[i] = wb_fma(wb_set1(w[row * columns + x]), value, sum[i]);
            }
        }
    }
    for (int i = 0; i < WB_CHAIN; i++)
        wb_finish(&a->place, arena, vector[i], c * a->place.out_cs, sum[i]);
}

static __attribute__((noinline)) void chained_3x3(const wb_depthwise *a, float *arena,
                                                  int64_t c, const int32_t *vector) {
    chained(a, arena, c, vector, 3, 3);
}

static __attribute__((noinline)) void chained_5x5(const wb_depthwise *a, float *arena,
                                                  int64_t c, const int32_t *vector) {
    chained(a, arena, c, vector, 5, 5);
}

WB_DEFINE(depthwise, 1x32, 1x64, 1x64) {
    const wb_depthwise *a = args;
    const int64_t chains = a->chain_count;
    const int64_t groups = (a->single_count + SINGLES - 1) / SINGLES;
    const int64_t items = a->channels * (chains + groups);
    const int64_t stop = wb_share(items, tid + 1, nthreads);
    for (int64_t i = wb_share(items, tid, nthreads); i < stop; i++) {
        const int64_t c = i / (chains + groups), j = i % (chains + groups);
        if (j < chains) {
            const int32_t *vector = a->chains + j * WB_CHAIN;
            if (a->grid_rows == 3) chained_3x3(a, arena, c, vector);
            else chained_5x5(a, arena, c, vector);
            continue;
        }
        const int64_t first = (j - chains) * SINGLES;
        const int64_t left = a->single_count - first;
        plain(a, arena, c, a->singles + first, (int)(left < SINGLES ? left : SINGLES));
    }
}
