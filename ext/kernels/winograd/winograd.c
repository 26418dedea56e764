/* winograd.c - fused Winograd convolution; contract in winograd.h. Compiled once an
 * instruction set. */
#include "kernels/winograd/winograd.h"
#include "core/fetch.h"
#include "kernels/winograd/winograd_gemm.h"
#include "kernels/winograd/winograd_moves.h"
#include "kernels/winograd/winograd_transform.h"

#define ALPHA WB_WINOGRAD_ALPHA
#define COLUMNS WB_WINOGRAD_COLUMNS
/* Output channels for each tile vector of a block from which groups were faster. */
enum { MANY_OUTPUTS = 64 };
#define LANE_BITS ((1u << L) - 1)

/* Where a thread keeps what it works on, all in its scratch. */
typedef struct {
    float *staged; /* m * m chunks of output */
    float *s;      /* columns after the vertical transform, and their halo, twice */
    float *v, *m;
    float *u;
} wb_wino_rooms;

WB_INLINE wb_wino_rooms wb_wino_scratch(const int m, const wb_winograd *a,
                                        float *scratch) {
    wb_wino_rooms room = {.staged = scratch};
    room.s = room.staged + WB_WINOGRAD_STAGED(m) + 16;
    room.v = room.s + 4 * WB_WINOGRAD_HALF(m);
    room.m = room.v + wb_winograd_v(a);
    room.u = room.m + wb_winograd_m(a);
    return room;
}

/* src items of one tile vector of one channel -> s[alpha][COLUMNS] and halo */
WB_INLINE void wb_wino_vertical(const int m, const wb_winograd *a, const float *channel,
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
                d[i] = wv_load_mask(channel + off[i] + lane, mask[i] >> lane & LANE_BITS);
            wb_wino_input_1d(m, a->coef, d, t);
#pragma GCC unroll 8
            for (int i = 0; i < alpha; i++) {
                wv_store(s + i * COLUMNS(m) + slot + lane, t[i]);
                wv_store_mask(halo + i * COLUMNS(m) + slot - m + lane, keep, t[i]);
            }
        }
    }
}

/* s and halo -> the alpha^2 coordinates of 16 tiles, v_stride apart */
WB_INLINE void wb_wino_horizontal(const int m, const wb_winograd *a, const float *s,
                                  float *out, int64_t v_stride) {
    const int alpha = ALPHA(m);
    const float *halo = s + WB_WINOGRAD_HALF(m);
    for (int i = 0; i < alpha; i++) {
        for (int part = 0; part < SUB; part++) {
            wv d[ALPHA(6)], t[ALPHA(6)];
            const int at = i * COLUMNS(m) + part * m * L;
            wb_wino_gather(m, s + at, halo + at, d);
            wb_wino_input_1d(m, a->coef, d, t);
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

/* src -> V for nv tile vectors from `first` on; `coming` is asked for meanwhile. One
 * (channel, vector) is transformed vertically while the one before is read back, so that
 * loads do not wait for stores. */
WB_INLINE void wb_wino_input(const int m, const wb_winograd *a, const float *arena,
                             const wb_wino_rooms *room, wb_span coming, int first,
                             int nv) {
    const int64_t v_stride = WB_WINOGRAD_V_STRIDE(a->channels, a->nv);
    const float *channel = arena + a->place.src;
    float *out = room->v, *now = room->s, *before = now + 2 * WB_WINOGRAD_HALF(m);
    const wb_span spans[2] = {coming, {NULL, 0}};
    wb_ahead ahead = wb_ahead_of(spans, (int64_t)a->channels * nv);
    for (int c = 0, b = 0; c <= a->channels;) {
        wb_ahead_go(&ahead);
        if (c < a->channels) wb_wino_vertical(m, a, channel, first + b, now);
        if (c > 0 || b > 0) {
            wb_wino_horizontal(m, a, before, out, v_stride);
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

/* Taps of the output channels from o on, up to a chunk, all before `stop`. */
WB_INLINE wb_span wb_wino_taps(const wb_winograd *a, int o, int stop) {
    const int64_t row = WB_WINOGRAD_EVEN(a->channels) * 9;
    const int rows = stop - o < a->ob ? stop - o : a->ob;
    const int tiles = (rows + WINO_ROWS - 1) / WINO_ROWS;
    return (wb_span){a->taps + o * row, tiles * WINO_ROWS * row * (int64_t)sizeof(float)};
}

/* taps of `tiles` weight tiles -> their coordinates [tile][C][8], `stride` apart */
WB_INLINE void wb_wino_filter(const int m, const wb_winograd *a, const float *taps,
                              int tiles, float *u, int64_t stride) {
    const int alpha = ALPHA(m);
    const int64_t pairs = tiles * WB_WINOGRAD_EVEN(a->channels) / 2;
    for (int64_t p = 0; p < pairs; p++, taps += 9 * 16, u += 16) {
        for (int part = 0; part < SUB; part++) {
            wv half[3][ALPHA(6)];
#pragma GCC unroll 4
            for (int x = 0; x < 3; x++) {
                wv g[3];
#pragma GCC unroll 4
                for (int y = 0; y < 3; y++)
                    g[y] = wv_load(taps + (3 * y + x) * 16 + part * L);
                wb_wino_filter_1d(m, a->filter, g, half[x]);
            }
#pragma GCC unroll 8
            for (int i = 0; i < alpha; i++) {
                const wv g[3] = {half[0][i], half[1][i], half[2][i]};
                wv out[ALPHA(6)];
                wb_wino_filter_1d(m, a->filter, g, out);
#pragma GCC unroll 8
                for (int j = 0; j < alpha; j++)
                    wv_store(u + (i * alpha + j) * stride + part * L, out[j]);
            }
        }
    }
}

/* the alpha^2 coordinates of 16 tiles -> m * m chunks of 16 columns */
WB_INLINE void wb_wino_inverse(const int m, const wb_winograd *a, const float *in,
                               wv bias, float *staged) {
    const int alpha = ALPHA(m);
    for (int part = 0; part < SUB; part++) {
        wv t[6][ALPHA(6)];
#pragma GCC unroll 8
        for (int j = 0; j < alpha; j++) {
            wv d[ALPHA(6)], y[6];
#pragma GCC unroll 8
            for (int i = 0; i < alpha; i++)
                d[i] = wv_load(in + (i * alpha + j) * 16 + part * L);
            wb_wino_output_1d(m, a->coef, d, y);
#pragma GCC unroll 8
            for (int i = 0; i < m; i++) t[i][j] = y[i];
        }
#pragma GCC unroll 8
        for (int i = 0; i < m; i++) {
            wv y[6], s[6];
            wb_wino_output_1d(m, a->coef, t[i], y);
#pragma GCC unroll 8
            for (int j = 0; j < m; j++) y[j] = y[j] + bias;
            wb_wino_scatter(m, y, s);
#pragma GCC unroll 8
            for (int j = 0; j < m; j++)
                wv_store(staged + i * 16 * m + (part * m + j) * L, s[j]);
        }
    }
}

/* M -> dst for `rows` output channels from `o` on */
WB_INLINE void wb_wino_output(const int m, const wb_winograd *a, float *arena,
                              float *staged, const float *acc, int first, int nv, int o,
                              int rows) {
    for (int r = 0; r < rows; r++) {
        const wv bias = wv_set1(a->bias[o + r]);
        const int64_t channel = (o + r) * a->place.out_cs;
        for (int b = 0; b < nv; b++) {
            const int64_t chunk = (int64_t)(first + b) * m * m;
            wb_wino_inverse(m, a, acc + (r * a->nv + b) * WB_WINOGRAD_M_STRIDE(m), bias,
                            staged);
            for (int j = 0; j < m * m; j++)
                wb_finish(&a->place, arena, chunk + j, channel, wb_load(staged + 16 * j));
        }
    }
}

/* How a layer is divided: `parts` ranges of tile vectors x `groups` of output channels.
 * Every group transforms the input of its range again, so ranges come first; groups
 * step in where ranges would be too few or too uneven, or where transforming the weights
 * of all output channels, as every range does, takes longer than the input. */
typedef struct {
    int parts, groups;
} wb_wino_division;

static wb_wino_division wb_wino_divide(const wb_winograd *a, int tiles, int nthreads) {
    wb_wino_division d = {nthreads, 1};
    const int longest = (a->vectors + nthreads - 1) / nthreads;
    if (a->taps != NULL && a->outputs > MANY_OUTPUTS * a->nv) {
        d = (wb_wino_division){1, nthreads};
    } else if (longest * nthreads * 4 > a->vectors * 5) {
        d.parts = a->vectors < nthreads && nthreads % a->vectors == 0 ? a->vectors : 1;
        d.groups = nthreads / d.parts;
    }
    if (d.groups > tiles) d.groups = tiles;
    return d;
}

/* Output channels o .. stop - 1 of one chunk, for the tile vectors whose V is ready. */
typedef struct {
    int o, stop;
    int first;      /* tile vector */
    float *fresh;   /* U, to be made from taps, or NULL */
    const float *u; /* U, coordinates `stride` floats apart */
    int64_t stride;
    wb_span coming; /* asked for during the products */
} wb_wino_chunk;

WB_INLINE void wb_wino_run_chunk(const int m, const wb_winograd *a, float *arena,
                                 const wb_wino_rooms *room, wb_wino_product *shape,
                                 const wb_wino_chunk *c, wb_ahead *next) {
    const int coords = WB_WINOGRAD_COORDS(m), rows = c->stop - c->o;
    const int tiles = (rows + WINO_ROWS - 1) / WINO_ROWS;
    const int64_t v_stride = WB_WINOGRAD_V_STRIDE(a->channels, a->nv);
    const int64_t pace = (c->coming.bytes / coords + a->channels - 1) / a->channels;
    if (c->fresh != NULL)
        wb_wino_filter(m, a, wb_wino_taps(a, c->o, c->stop).at, tiles, c->fresh,
                       c->stride);
    shape->ahead = c->coming.at;
    for (int k = 0; k < coords; k++, shape->ahead += pace * a->channels) {
        const float *v = room->v + k * v_stride;
        shape->pace = pace;
        wb_ahead_go(next);
        if (a->indptr == NULL)
            wb_wino_dense(shape, c->u + k * c->stride, v, room->m + k * 16, tiles);
        else
            wb_wino_sparse(a, shape, a->indptr + (int64_t)k * a->outputs + c->o, v,
                           room->m + k * 16, rows);
    }
    wb_wino_output(m, a, arena, room->staged, room->m, c->first,
                   (shape->floats + 15) / 16, c->o, rows);
}

/* What a thread does: tile vectors first .. end - 1, output channels begin .. stop - 1. */
typedef struct {
    int first, end, begin, stop;
} wb_wino_share;

WB_INLINE wb_wino_share wb_wino_share_of(const wb_winograd *a, int tid, int nthreads) {
    const int tiles = (a->outputs + WINO_ROWS - 1) / WINO_ROWS;
    const wb_wino_division d = wb_wino_divide(a, tiles, nthreads);
    const int part = tid / d.groups, group = tid % d.groups;
    if (part >= d.parts) return (wb_wino_share){0, 0, 0, 0};
    const int stop = (int)wb_share(tiles, group + 1, d.groups) * WINO_ROWS;
    return (wb_wino_share){
        .first = (int)wb_share(a->vectors, part, d.parts),
        .end = (int)wb_share(a->vectors, part + 1, d.parts),
        .begin = (int)wb_share(tiles, group, d.groups) * WINO_ROWS,
        .stop = stop < a->outputs ? stop : a->outputs,
    };
}

/* The chunk of U that starts with output channel o, ready or to be made. */
WB_INLINE wb_wino_chunk wb_wino_chunk_at(const int m, const wb_winograd *a,
                                         const wb_wino_rooms *room,
                                         const wb_wino_share *mine, int o, int first) {
    /* packed chunks lie where they lie, others start with the thread's own channels */
    const int from = a->taps == NULL ? 0 : mine->begin;
    const int chunk = (o - from) / a->ob, edge = from + (chunk + 1) * a->ob;
    wb_wino_chunk c = {.o = o, .first = first, .coming = {room->v, 0}};
    c.stop = edge < mine->stop ? edge : mine->stop;
    if (a->taps == NULL) {
        const int64_t tile = (int64_t)WINO_ROWS * a->channels, start = chunk * a->ob;
        const int64_t left = a->outputs - start, rows = left < a->ob ? left : a->ob;
        c.stride = (rows + WINO_ROWS - 1) / WINO_ROWS * tile;
        if (a->dense != NULL)
            c.u = a->dense + start * WB_WINOGRAD_COORDS(m) * a->channels +
                  (o - start) / WINO_ROWS * tile;
        return c;
    }
    c.u = c.fresh = room->u;
    c.stride = WB_WINOGRAD_U_STRIDE(a->channels, a->ob);
    if (c.stop < mine->stop) c.coming = wb_wino_taps(a, c.stop, mine->stop);
    return c;
}

WB_INLINE void wb_wino_run(const int m, const wb_winograd *a, float *arena, int tid,
                           int nthreads) {
    const wb_wino_share mine = wb_wino_share_of(a, tid, nthreads);
    const wb_wino_rooms room = wb_wino_scratch(m, a, wb_thread_scratch(arena, tid));
    wb_ahead next = wb_ahead_open(arena, WB_WINOGRAD_COORDS(m)), none = {NULL, 0, 0};
    for (int first = mine.first, nv; first < mine.end; first += nv) {
        nv = mine.end - first < a->nv ? mine.end - first : a->nv;
        /* lanes of the last vector beyond its tiles are computed only as neighbours */
        const int last = first + nv == a->vectors;
        const int idle = last ? (16 - a->tail) / IDLE * IDLE : 0;
        wb_wino_product shape = {
            .channels = a->channels,
            .nv = a->nv,
            .floats = 16 * nv - idle,
            .m_stride = WB_WINOGRAD_M_STRIDE(m),
            .u_tile = WINO_ROWS * (a->taps == NULL ? (int64_t)a->channels
                                                   : WB_WINOGRAD_EVEN(a->channels)),
        };
        wb_wino_chunk c = wb_wino_chunk_at(m, a, &room, &mine, mine.begin, first);
        wb_wino_input(m, a, arena, &room,
                      c.fresh ? wb_wino_taps(a, c.o, c.stop) : (wb_span){NULL, 0}, first,
                      nv);
        for (;; c = wb_wino_chunk_at(m, a, &room, &mine, c.stop, first)) {
            const int done = c.stop >= mine.stop, leaves = done && first + nv == mine.end;
            wb_wino_run_chunk(m, a, arena, &room, &shape, &c, leaves ? &next : &none);
            if (done) break;
        }
    }
}

#define WINO_ENTRY(M)                                                                    \
    static void wb_wino_run_##M(const wb_winograd *a, float *arena, int tid,             \
                                int nthreads) {                                          \
        wb_wino_run(M, a, arena, tid, nthreads);                                         \
    }
WINO_ENTRY(2)
WINO_ENTRY(4)
WINO_ENTRY(6)

WB_DEFINE(winograd, 4x12, 4x24, 8x48) {
    const wb_winograd *a = args;
    WB_REQUIRE_STEP(a, arena, tid, nthreads);
    WB_REQUIRE_ARRAY(a->place.out); /* place.in is not used */
    WB_REQUIRE_ARRAY(a->place.mask);
    WB_REQUIRE_ACT(a->place.act);
    WB_REQUIRE(a->m == 2 || a->m == 4 || a->m == 6);
    WB_REQUIRE(a->channels >= 1 && a->outputs >= 1 && a->vectors >= 0 && a->nv >= 1);
    WB_REQUIRE_WITHIN(1, a->tail, 16);
    WB_REQUIRE(a->ob > 0 && a->ob % 8 == 0);
    WB_REQUIRE_FLAG(a->rectify);
    WB_REQUIRE_ARRAY(a->item_start);
    WB_REQUIRE_ARRAY(a->item_off);
    WB_REQUIRE_ARRAY(a->item_mask);
    WB_REQUIRE_ARRAY(a->item_slot);
    WB_REQUIRE_ARRAY(a->item_halo);
    WB_REQUIRE_ARRAY(a->bias);
    WB_REQUIRE_ARRAY(a->coef);
    WB_REQUIRE(a->taps == NULL || a->filter != NULL);
    if (a->m == 2) wb_wino_run_2(a, arena, tid, nthreads);
    else if (a->m == 4) wb_wino_run_4(a, arena, tid, nthreads);
    else wb_wino_run_6(a, arena, tid, nthreads);
}
