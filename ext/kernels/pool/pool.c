/* Pooling; contract in pool.h. Rows first, which is vector work, then columns. */
#include "kernels/pool/pool.h"

#include "simd/rows.h"

#include <math.h>

WB_INLINE float larger(float a, float b) { return ((b > a) | (b != b)) ? b : a; }

/* column[x] = the maximum or sum of rows [y0, y1) at x. */
static void reduce_rows(const wb_pool *a, const float *arena, int64_t c, int64_t oy,
                        float *restrict column, float *room) {
    const int64_t width = a->in.w;
    for (int64_t y = a->y0[oy]; y < a->y1[oy]; y++) {
        const float *row = wb_read_row(arena, &a->in, c, y, room);
        if (y == a->y0[oy]) {
            memcpy(column, row, (size_t)width * sizeof(float));
        } else if (a->maximum) {
            for (int64_t x = 0; x < width; x++) column[x] = larger(column[x], row[x]);
        } else {
            for (int64_t x = 0; x < width; x++) column[x] += row[x];
        }
    }
}

WB_INLINE void regular_columns(const wb_pool *a, const float *restrict column,
                               float *restrict out, const int width, const int step) {
    if (a->maximum) {
        for (int64_t ox = 0; ox < a->out.w; ox++) {
            float best = column[ox * step];
            for (int i = 1; i < width; i++) best = larger(best, column[ox * step + i]);
            out[ox] = best;
        }
        return;
    }
    for (int64_t ox = 0; ox < a->out.w; ox++) {
        float sum = column[ox * step];
        for (int i = 1; i < width; i++) sum += column[ox * step + i];
        out[ox] = sum;
    }
}

/* Regular windows run over a column that has what changes nothing on both sides. */
static void reduce_columns(const wb_pool *a, float *column, float *out) {
    if (a->width > 0) {
        const float neutral = a->maximum ? -INFINITY : 0.0f;
        float *padded = column - a->pad, *end = column + a->in.w;
        for (int64_t i = 0; i < a->pad; i++) padded[i] = neutral;
        for (float *p = end; p < padded + a->step * a->out.w + a->width; p++)
            *p = neutral;
        if (a->width == 2 && a->step == 2) regular_columns(a, padded, out, 2, 2);
        else if (a->width == 3 && a->step == 2) regular_columns(a, padded, out, 3, 2);
        else if (a->width == 3 && a->step == 1) regular_columns(a, padded, out, 3, 1);
        else regular_columns(a, padded, out, (int)a->width, (int)a->step);
        return;
    }
    for (int64_t ox = 0; ox < a->out.w; ox++) {
        float value = column[a->x0[ox]];
        for (int64_t x = a->x0[ox] + 1; x < a->x1[ox]; x++)
            value = a->maximum ? larger(value, column[x]) : value + column[x];
        out[ox] = value;
    }
}

/* Up to eight windows of a row. */
typedef struct {
    const float *top;
    float *out;
    unsigned live; /* a bit each */
} few;

/* Where rows of whole windows are walked through. */
typedef struct {
    const wb_pool *a;
    float *arena;
    int64_t c, oy, ox;
} walk;

WB_INLINE few step_on(walk *w) {
    const wb_pool *a = w->a;
    const int64_t left = a->out.w - w->ox;
    const few at = {
        w->arena + wb_at(&a->in, w->c, 2 * w->oy, 2 * w->ox),
        w->arena + wb_at(&a->out, w->c, w->oy, w->ox),
        left < 8 ? (1u << left) - 1 : 0xff,
    };
    w->ox += 8;
    if (left > 8) return at;
    w->ox = 0;
    if (++w->oy < a->stop) return at;
    w->oy = a->first;
    w->c++;
    return at;
}

WB_INLINE wb_v16 reduce(const wb_pool *a, wb_v16 one, wb_v16 other) {
    return a->maximum ? wb_larger(one, other) : wb_add(one, other);
}

/* Rows [first, stop) of whole windows: vectors of eight windows, from two places. */
static void pool_whole(const wb_pool *a, float *arena, int64_t first, int64_t stop) {
    const int64_t each = a->stop - a->first,
                  count = (stop - first) * ((a->out.w + 7) / 8);
    walk w = {a, arena, first / each, a->first + first % each, 0};
    for (int64_t i = 0; i < count; i += 2) {
        const few p = step_on(&w);
        few q = p;
        if (i + 1 < count) q = step_on(&w);
        else q.live = 0;
        const wb_v16 low = reduce(a, wb_load(p.top), wb_load(p.top + a->in.rs));
        const wb_v16 high = reduce(a, wb_load(q.top), wb_load(q.top + a->in.rs));
        const wb_pair pair = wb_unzip2(low, high);
        wb_v16 found = reduce(a, pair.even, pair.odd);
        if (!a->maximum) found = wb_mul(found, wb_set1(0.25f));
        wb_store_mask(p.out, found, p.live);
        wb_store_mask(q.out - 8, found, q.live << 8);
    }
}

WB_DEFINE(pool, 1x4, 1x8, 1x16) {
    const wb_pool *a = args;
    WB_REQUIRE_STEP(a, arena, tid, nthreads);
    WB_REQUIRE_GEOMETRY(&a->in);
    WB_REQUIRE_GEOMETRY(&a->out);
    WB_REQUIRE_FLAG(a->maximum);
    WB_REQUIRE_FLAG(a->whole);
    WB_REQUIRE(a->in.c == a->out.c);
    WB_REQUIRE(0 <= a->first && a->first <= a->stop);
    WB_REQUIRE(!a->whole || (!a->in.strips && !a->out.strips));
    float *room = wb_thread_scratch(arena, tid);
    float *result = room + a->in.w, *column = result + a->out.w + a->pad;
    const int64_t each = a->stop - a->first, rows = a->out.c * each;
    const int64_t start = wb_share(rows, tid, nthreads);
    const int64_t stop = wb_share(rows, tid + 1, nthreads);
    if (a->whole) {
        pool_whole(a, arena, start, stop);
        return;
    }
    for (int64_t i = start; i < stop; i++) {
        const int64_t c = i / each, oy = a->first + i % each;
        reduce_rows(a, arena, c, oy, column, room);
        reduce_columns(a, column, result);
        if (!a->maximum)
            for (int64_t ox = 0; ox < a->out.w; ox++)
                result[ox] /= (float)((int64_t)a->dy[oy] * a->dx[ox]);
        wb_write_row(arena, &a->out, c, oy, result, a->out.w);
    }
}

/* The sum of n consecutive floats; nothing beyond them is read. */
WB_INLINE float sum_piece(const float *p, int64_t n) {
    wb_v16 sums = wb_zero();
    int64_t i = 0;
    for (; i + 16 <= n; i += 16) sums = wb_add(sums, wb_load(p + i));
    float rest = 0.0f;
    for (; i < n; i++) rest += p[i];
    return wb_sum(sums) + rest;
}

WB_DEFINE(global_avg, 1x16, 1x16, 1x16) {
    const wb_global_avg *a = args;
    WB_REQUIRE_STEP(a, arena, tid, nthreads);
    WB_REQUIRE_GEOMETRY(&a->in);
    WB_REQUIRE(a->in.h >= 1 && a->in.w >= 1);
    const wb_geometry g = wb_flat(&a->in) ? wb_flattened(&a->in) : a->in;
    const float pixels = (float)(a->in.h * a->in.w);
    const int64_t stop = wb_share(g.c, tid + 1, nthreads);
    for (int64_t c = wb_share(g.c, tid, nthreads); c < stop; c++) {
        float sum = 0.0f;
        for (int64_t y = 0; y < g.h; y++)
            for (int64_t x = 0, n; x < g.w; x += n) {
                n = wb_piece(&g, y, x, g.w - x);
                sum += sum_piece(arena + wb_at(&g, c, y, x), n);
            }
        arena[a->dst + c] = sum / pixels;
    }
}
