/* winograd.c - fused Winograd convolution; contract in winograd.h. Compiled once an
 * instruction set. */
#include "winograd.h"
#include "winograd_gemm.h"
#include "winograd_moves.h"
#include "winograd_transform.h"

#define ALPHA WB_WINOGRAD_ALPHA
#define COLUMNS WB_WINOGRAD_COLUMNS
#define LANE_BITS ((1u << L) - 1)

/* src items of one tile vector of one channel -> s[alpha][COLUMNS] and halo */
WB_INLINE void wino_vertical(const int m, const wb_winograd *a, const float *channel,
                             int vec, float *s) {
    const int alpha = ALPHA(m);
    float *halo = s + WB_WINOGRAD_HALF(m);
    for (int item = a->item_start[vec]; item < a->item_start[vec + 1]; item++) {
        const int64_t *off = a->item_off + (int64_t)item * alpha;
        const uint16_t *mask = a->item_mask + (int64_t)item * alpha;
        const int slot = a->item_slot[item];
        for (int lane = 0; lane < 16; lane += L) {
            const unsigned keep = a->item_halo[item] >> lane & LANE_BITS;
            wv d[ALPHA(6)], t[ALPHA(6)];
#pragma GCC unroll 8
            for (int i = 0; i < alpha; i++)
                d[i] =
                    wv_load_mask(channel + off[i] + lane, mask[i] >> lane & LANE_BITS);
            wino_input_1d(m, a->coef, d, t);
#pragma GCC unroll 8
            for (int i = 0; i < alpha; i++) {
                wv_store(s + i * COLUMNS(m) + slot + lane, t[i]);
                wv_store_mask(halo + i * COLUMNS(m) + slot - m + lane, keep, t[i]);
            }
        }
    }
}

/* s and halo -> the alpha^2 coordinates of 16 tiles, v_stride apart */
WB_INLINE void wino_horizontal(const int m, const wb_winograd *a, const float *s,
                               float *out, int64_t v_stride) {
    const int alpha = ALPHA(m);
    const float *halo = s + WB_WINOGRAD_HALF(m);
    for (int i = 0; i < alpha; i++) {
        for (int part = 0; part < SUB; part++) {
            wv d[ALPHA(6)], t[ALPHA(6)];
            const int at = i * COLUMNS(m) + part * m * L;
            wino_gather(m, s + at, halo + at, d);
            wino_input_1d(m, a->coef, d, t);
#pragma GCC unroll 8
            for (int j = 0; j < alpha; j++)
                wv_store(out + (i * alpha + j) * v_stride + part * L, t[j]);
        }
    }
}

/* src -> V for nv tile vectors from `first` on. One (channel, vector) is transformed
 * vertically while the one before is read back, so that loads do not wait for stores.
 */
WB_INLINE void wino_input(const int m, const wb_winograd *a, const float *arena,
                          float *s, float *v, int first, int nv) {
    const int64_t v_stride = WB_WINOGRAD_V_STRIDE(a->channels, a->nv);
    const float *channel = arena + a->place.src;
    float *out = v, *now = s, *before = s + 2 * WB_WINOGRAD_HALF(m);
    for (int c = 0, b = 0; c <= a->channels;) {
        if (c < a->channels) wino_vertical(m, a, channel, first + b, now);
        if (c > 0 || b > 0) {
            wino_horizontal(m, a, before, out, v_stride);
            out += b == 0 ? (a->nv - nv + 1) * 16 : 16;
        }
        if (c == a->channels) break;
        float *swap = now;
        now = before;
        before = swap;
        if (++b == nv) {
            b = 0;
            c++;
            channel += a->in_cs;
        }
    }
}

/* the alpha^2 coordinates of 16 tiles -> m * m chunks of 16 columns */
WB_INLINE void wino_inverse(const int m, const wb_winograd *a, const float *in, wv bias,
                            float *staged) {
    const int alpha = ALPHA(m);
    for (int part = 0; part < SUB; part++) {
        wv t[6][ALPHA(6)];
#pragma GCC unroll 8
        for (int j = 0; j < alpha; j++) {
            wv d[ALPHA(6)], y[6];
#pragma GCC unroll 8
            for (int i = 0; i < alpha; i++)
                d[i] = wv_load(in + (i * alpha + j) * 16 + part * L);
            wino_output_1d(m, a->coef, d, y);
#pragma GCC unroll 8
            for (int i = 0; i < m; i++) t[i][j] = y[i];
        }
#pragma GCC unroll 8
        for (int i = 0; i < m; i++) {
            wv y[6], s[6];
            wino_output_1d(m, a->coef, t[i], y);
#pragma GCC unroll 8
            for (int j = 0; j < m; j++) y[j] = y[j] + bias;
            wino_scatter(m, y, s);
#pragma GCC unroll 8
            for (int j = 0; j < m; j++)
                wv_store(staged + i * 16 * m + (part * m + j) * L, s[j]);
        }
    }
}

/* M -> dst for `rows` output channels from `o` on */
WB_INLINE void wino_output(const int m, const wb_winograd *a, float *arena,
                           float *staged, const float *acc, int first, int nv, int o,
                           int rows) {
    for (int r = 0; r < rows; r++) {
        const wv bias = wv_set1(a->bias[o + r]);
        const int64_t channel = (o + r) * a->place.out_cs;
        for (int b = 0; b < nv; b++) {
            const int64_t chunk = (int64_t)(first + b) * m * m;
            wino_inverse(m, a, acc + (r * a->nv + b) * WB_WINOGRAD_M_STRIDE(m), bias,
                         staged);
            for (int j = 0; j < m * m; j++)
                wb_finish(&a->place, arena, chunk + j, channel,
                          wb_load(staged + 16 * j));
        }
    }
}

/* blocks x groups of output-channel chunks, dealt to the threads in turn */
WB_INLINE void wino_run(const int m, const wb_winograd *a, float *arena, int tid,
                        int nthreads) {
    const int coords = WB_WINOGRAD_COORDS(m);
    const int blocks = (a->vectors + a->nv - 1) / a->nv;
    const int chunks = (a->outputs + a->ob - 1) / a->ob;
    int groups = blocks >= nthreads ? 1 : (nthreads + blocks - 1) / blocks;
    if (groups > chunks) groups = chunks;
    const int64_t v_stride = WB_WINOGRAD_V_STRIDE(a->channels, a->nv);
    float *staged = wb_thread_scratch(arena, tid);
    float *s = staged + WB_WINOGRAD_STAGED(m) + 16;
    float *v = s + 4 * WB_WINOGRAD_HALF(m);
    float *acc = v + coords * v_stride;
    for (int work = tid; work < blocks * groups; work += nthreads) {
        const int first = work / groups * a->nv, group = work % groups;
        const int left = a->vectors - first;
        const int nv = left < a->nv ? left : a->nv;
        /* lanes of the last vector beyond its tiles are computed only as neighbours */
        const int idle = left <= a->nv ? (16 - a->tail) / IDLE * IDLE : 0;
        const wino_product shape = {a->channels, a->nv, 16 * nv - idle,
                                    WB_WINOGRAD_M_STRIDE(m)};
        wino_input(m, a, arena, s, v, first, nv);
        for (int chunk = chunks * group / groups; chunk < chunks * (group + 1) / groups;
             chunk++) {
            const int o = chunk * a->ob;
            const int rows = a->outputs - o < a->ob ? a->outputs - o : a->ob;
            const int tiles = (rows + WINO_ROWS - 1) / WINO_ROWS;
            const float *u = a->dense + (int64_t)chunk * coords * a->ob * a->channels;
            for (int k = 0; k < coords; k++) {
                if (a->dense)
                    wino_dense(&shape, u + (int64_t)k * tiles * WINO_ROWS * a->channels,
                               v + k * v_stride, acc + k * 16, tiles);
                else
                    wino_sparse(a, &shape, a->indptr + (int64_t)k * a->outputs + o,
                                v + k * v_stride, acc + k * 16, rows);
            }
            wino_output(m, a, arena, staged, acc, first, nv, o, rows);
        }
    }
}

#define WINO_ENTRY(M)                                                                  \
    static void wino_run_##M(const wb_winograd *a, float *arena, int tid,              \
                             int nthreads) {                                           \
        wino_run(M, a, arena, tid, nthreads);                                          \
    }
WINO_ENTRY(2)
WINO_ENTRY(4)
WINO_ENTRY(6)

WB_DEFINE(winograd, 4x12, 4x24, 8x48) {
    const wb_winograd *a = args;
    if (a->m == 2)
        wino_run_2(a, arena, tid, nthreads);
    else if (a->m == 4)
        wino_run_4(a, arena, tid, nthreads);
    else
        wino_run_6(a, arena, tid, nthreads);
}
