/* Sparse convolution of few pixels; contract in conv_gathered.h. */
#include "kernels/conv_gathered/conv_gathered.h"

#include "kernels/conv_sparse/conv_sparse_body.h"

#define SHIFT 0
#define CONTIGUOUS 1
#define MOST WB_GATHERED_VECTORS
#define INDEX uint16_t
#define UNIT 16
#define PREFIX lines_
#include "kernels/conv_sparse/conv_sparse_sizes.inc"

/* A constant size becomes one load and one store. */
WB_INLINE void copy(float *to, const float *from, int width) {
    if (width == 16) memcpy(to, from, 16 * sizeof(float));
    else if (width == 8) memcpy(to, from, 8 * sizeof(float));
    else if (width == 4) memcpy(to, from, 4 * sizeof(float));
    else if (width == 2) memcpy(to, from, 2 * sizeof(float));
    else *to = *from;
}

/* One piece of `count` lines. */
WB_INLINE void gather_piece(const float *src, const int32_t *offset, int64_t count,
                            float *lane, int64_t pitch, const int width) {
    for (int64_t l = 0; l < count; l++, lane += pitch) copy(lane, src + offset[l], width);
}

/* Lines [first, first + count). */
static void gather(const wb_conv_gathered *a, const float *arena, int64_t first,
                   int64_t count, float *lines) {
    const int32_t *offset = a->line_offset + first;
    const int64_t pitch = 16 * (int64_t)a->vectors;
    if (a->idle)
        for (int64_t l = 1; l <= count; l++) wb_store(lines + l * pitch - 16, wb_zero());
    for (const wb_piece *p = a->read; p < a->read + a->reads; p++) {
        const float *src = arena + a->src + p->at;
        float *lane = lines + p->lane;
        if (p->width == 16) gather_piece(src, offset, count, lane, pitch, 16);
        else if (p->width == 8) gather_piece(src, offset, count, lane, pitch, 8);
        else if (p->width == 4) gather_piece(src, offset, count, lane, pitch, 4);
        else if (p->width == 2) gather_piece(src, offset, count, lane, pitch, 2);
        else gather_piece(src, offset, count, lane, pitch, 1);
    }
}

/* Residual, activation and store of one output channel. */
static void scatter(const wb_conv_gathered *a, float *arena, int64_t row,
                    const float *sums) {
    const int64_t channel = row * a->out_cs;
    float value[16 * WB_GATHERED_VECTORS] __attribute__((aligned(64)));
    float added[16 * WB_GATHERED_VECTORS] __attribute__((aligned(64)));
    const float *residual = arena + (a->residual == WB_NONE ? 0 : a->residual) + channel;
    memset(added, 0, sizeof added);
    if (a->residual != WB_NONE)
        for (const wb_piece *p = a->write; p < a->write + a->writes; p++)
            copy(added + p->lane, residual + p->at, p->width);
    for (int v = 0; v < a->vectors; v++) {
        const wb_v16 sum = wb_add(wb_load(sums + 16 * v), wb_load(added + 16 * v));
        wb_store(value + 16 * v, wb_activate(sum, &a->act));
    }
    float *to = arena + a->dst + channel;
    for (const wb_piece *p = a->write; p < a->write + a->writes; p++)
        copy(to + p->at, value + p->lane, p->width);
}

WB_DEFINE(conv_gathered, 1x32, 1x32, 1x32) {
    static const wb_strip_fn strip[] = {NULL, lines_1, lines_2};
    const wb_conv_gathered *a = args;
    const wb_conv_sparse *sums = &a->sums;
    WB_REQUIRE_STEP(a, arena, tid, nthreads);
    WB_REQUIRE_SPARSE(sums);
    WB_REQUIRE(sums->row_vectors == 0);
    WB_REQUIRE_WITHIN(1, a->vectors, 2);
    WB_REQUIRE(a->lines >= 1 && a->reads >= 1 && a->writes >= 1);
    WB_REQUIRE_FLAG(a->idle);
    WB_REQUIRE_ACT(a->act);
    WB_REQUIRE_ARRAY(a->read);
    WB_REQUIRE_ARRAY(a->write);
    WB_REQUIRE_ARRAY(a->line_offset);
    const int64_t low = wb_share(sums->blocks, tid, nthreads);
    const int64_t high = wb_share(sums->blocks, tid + 1, nthreads);
    if (low == high) return;
    const int64_t pitch = 16 * (int64_t)a->vectors;
    float *room = wb_thread_scratch(arena, tid), *lines = room + sums->rows * pitch;
    const int64_t calls =
        (int64_t)sums->chunks * sums->rows * (high - low) / sums->blocks;
    wb_ahead ahead = wb_ahead_open(arena, calls);
    /* The strips work on scratch: their arena is the room for sums. */
    wb_strip s = {.ahead = wb_is_cold(arena) ? &ahead : NULL,
                  .part = room,
                  .simple = 1,
                  .whole = 1};
    for (int32_t c = 0; c < sums->chunks; c++) {
        s.first = c == 0;
        s.last = c == sums->chunks - 1;
        const int64_t from = c * (int64_t)sums->blocks + low;
        const int64_t to = c * (int64_t)sums->blocks + high;
        /* Lines of this chunk only: they stay in L1 while its rows use them. */
        const int64_t first = wb_gathered_line(a, c), end = wb_gathered_line(a, c + 1);
        gather(a, arena, first, end - first, lines);
        s.base[0] = lines + (sums->chunk_base[c] - first * pitch);
        s.run = sums->runs + 2 * sums->run_at[from];
        s.run_end = sums->runs + 2 * sums->run_at[to];
        s.index = (const uint16_t *)sums->index + sums->nz_at[from];
        s.values = sums->values + sums->nz_at[from];
        strip[a->vectors](sums, &s, room);
    }
    /* The last chunk names all rows. */
    for (const uint32_t *run = s.run; run < s.run_end; run += 2)
        scatter(a, arena, run[0], room + run[0] * pitch);
}
