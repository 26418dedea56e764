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
            if (a->rectify) {
#pragma GCC unroll 8
                for (int j = 0; j < alpha; j++) t[j] = wv_rectify(t[j]);
            }
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

/* How a layer is divided: `parts` ranges of tile vectors x `groups` of output channels.
 * Every group transforms the input of its range again, so ranges come first; groups
 * step in where ranges would be too few or too uneven. */
typedef struct {
    int parts, groups;
} wino_division;

static wino_division wino_divide(int vectors, int tiles, int nthreads) {
    wino_division d = {nthreads, 1};
    const int longest = (vectors + nthreads - 1) / nthreads;
    if (longest * nthreads * 4 > vectors * 5) {
        d.parts = vectors < nthreads && nthreads % vectors == 0 ? vectors : 1;
        d.groups = nthreads / d.parts;
        if (d.groups > tiles) d.groups = tiles;
    }
    return d;
}

/* coordinates and output of the nv tile vectors from `first` on, whose V is ready, for
 * output channels o .. stop - 1 of one chunk */
WB_INLINE void wino_chunk(const int m, const wb_winograd *a, float *arena,
                          float *staged, float *v, const wino_product *shape, int first,
                          int o, int stop) {
    const int coords = WB_WINOGRAD_COORDS(m), chunk = o / a->ob, start = chunk * a->ob;
    const int64_t v_stride = WB_WINOGRAD_V_STRIDE(a->channels, a->nv);
    const int64_t tile = (int64_t)WINO_ROWS * a->channels;
    const int left = a->outputs - start;
    const int packed = ((left < a->ob ? left : a->ob) + WINO_ROWS - 1) / WINO_ROWS;
    const int tiles = (stop - o + WINO_ROWS - 1) / WINO_ROWS;
    const int64_t u_start =
        (int64_t)chunk * coords * a->ob * a->channels + (o - start) / WINO_ROWS * tile;
    float *acc = v + coords * v_stride;
    for (int k = 0; k < coords; k++) {
        if (a->dense)
            wino_dense(shape, a->dense + u_start + k * packed * tile, v + k * v_stride,
                       acc + k * 16, tiles);
        else
            wino_sparse(a, shape, a->indptr + (int64_t)k * a->outputs + o,
                        v + k * v_stride, acc + k * 16, stop - o);
    }
    wino_output(m, a, arena, staged, acc, first, (shape->floats + 15) / 16, o,
                stop - o);
}

WB_INLINE void wino_run(const int m, const wb_winograd *a, float *arena, int tid,
                        int nthreads) {
    const int tiles = (a->outputs + WINO_ROWS - 1) / WINO_ROWS;
    const wino_division d = wino_divide(a->vectors, tiles, nthreads);
    const int part = tid / d.groups, group = tid % d.groups;
    if (part >= d.parts) return;
    const int end = (int)wb_share(a->vectors, part + 1, d.parts);
    const int begin = (int)wb_share(tiles, group, d.groups) * WINO_ROWS;
    int stop = (int)wb_share(tiles, group + 1, d.groups) * WINO_ROWS;
    if (stop > a->outputs) stop = a->outputs;
    float *staged = wb_thread_scratch(arena, tid);
    float *s = staged + WB_WINOGRAD_STAGED(m) + 16;
    float *v = s + 4 * WB_WINOGRAD_HALF(m);
    int first = (int)wb_share(a->vectors, part, d.parts);
    for (int nv; first < end; first += nv) {
        nv = end - first < a->nv ? end - first : a->nv;
        /* lanes of the last vector beyond its tiles are computed only as neighbours */
        const int last = first + nv == a->vectors;
        const int idle = last ? (16 - a->tail) / IDLE * IDLE : 0;
        const wino_product shape = {a->channels, a->nv, 16 * nv - idle,
                                    WB_WINOGRAD_M_STRIDE(m)};
        wino_input(m, a, arena, s, v, first, nv);
        for (int o = begin; o < stop;) {
            const int edge = (o / a->ob + 1) * a->ob;
            const int until = edge < stop ? edge : stop;
            wino_chunk(m, a, arena, staged, v, &shape, first, o, until);
            o = until;
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
