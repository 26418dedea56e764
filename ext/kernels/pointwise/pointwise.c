/* Elementwise work; contract in pointwise.h. */
#include "kernels/pointwise/pointwise.h"

#include "simd/epilogue.h"
#include "simd/rows.h"

/* One row, 16 pixels or the shortest piece of any of the tensors at a time. */
WB_INLINE void run_row(const wb_pointwise *k, const wb_geometry *g, float *arena,
                       int64_t c, int64_t y, const int op) {
    const wb_geometry *a = &g[0], *b = &g[1], *out = &g[2];
    const wb_v16 one =
        op != WB_COPY && k->broadcast ? wb_set1(arena[wb_at(b, c, 0, 0)]) : wb_zero();
    for (int64_t x = 0, n; x < out->w; x += n) {
        n = out->w - x < 16 ? out->w - x : 16;
        n = wb_piece(a, y, x, n);
        n = wb_piece(out, y, x, n);
        wb_v16 value = wb_load(arena + wb_at(a, c, y, x));
        if (op != WB_COPY) {
            wb_v16 other = one;
            if (!k->broadcast) {
                n = wb_piece(b, y, x, n);
                other = wb_load(arena + wb_at(b, c, y, x));
            }
            value = op == WB_ADD ? wb_add(value, other) : wb_mul(value, other);
        }
        value = out->strips ? wb_activate(value, &k->act) : wb_bounded(value, &k->act);
        wb_store_mask(arena + wb_at(out, c, y, x), value, (1u << n) - 1);
    }
    if (!out->strips) wb_bend_all(arena + wb_at(out, c, y, 0), out->w, &k->act);
}

static void split_row(const wb_pointwise *k, float *arena, int64_t c, int64_t y,
                      float *room) {
    const float *row = wb_read_row(arena, &k->a, c, y, room);
    wb_split_row(arena, &k->out, k->a.c, c, y, row, k->a.w, room + k->a.w);
}

WB_DEFINE(pointwise, 1x16, 1x16, 1x16) {
    const wb_pointwise *k = args;
    WB_REQUIRE_STEP(k, arena, tid, nthreads);
    WB_REQUIRE_GEOMETRY(&k->a);
    WB_REQUIRE_GEOMETRY(&k->out);
    WB_REQUIRE_WITHIN(WB_COPY, k->op, WB_MUL);
    WB_REQUIRE(k->split || k->a.c == k->out.c);
    WB_REQUIRE(0 <= k->first && k->first <= k->stop);
    WB_REQUIRE_ACT(k->act);
    const int two = k->op != WB_COPY && !k->broadcast;
    const int flat = wb_flat(&k->a) && wb_flat(&k->out) && (!two || wb_flat(&k->b)) &&
                     k->a.strips == k->out.strips && !k->split &&
                     k->stop - k->first == k->a.h;
    wb_geometry g[3] = {k->a, k->b, k->out};
    if (flat) {
        g[0] = wb_flattened(&k->a);
        g[2] = wb_flattened(&k->out);
        if (two) g[1] = wb_flattened(&k->b);
    }
    const int64_t first = flat ? 0 : k->first;
    const int64_t height = flat ? g[0].h : k->stop - k->first, rows = k->a.c * height;
    const int64_t stop = wb_share(rows, tid + 1, nthreads);
    float *room = wb_thread_scratch(arena, tid);
    for (int64_t i = wb_share(rows, tid, nthreads); i < stop; i++) {
        const int64_t c = i / height, y = first + i % height;
        if (k->split) split_row(k, arena, c, y, room);
        else if (k->op == WB_ADD) run_row(k, g, arena, c, y, WB_ADD);
        else if (k->op == WB_MUL) run_row(k, g, arena, c, y, WB_MUL);
        else run_row(k, g, arena, c, y, WB_COPY);
    }
}
