/* Image rows of a tensor in any layout: where they are, and copies in pieces. */
#ifndef WB_ROWS_H
#define WB_ROWS_H

#include "simd/simd.h"

/* Floats before element (c, y, x), from the start of the arena or external array. */
WB_INLINE int64_t wb_at(const wb_geometry *g, int64_t c, int64_t y, int64_t x) {
    const int64_t p = y * g->w + x;
    if (g->strips) return g->base + p / 16 * g->rs + c * g->cs + p % 16;
    return g->base + c * g->cs + y * g->rs + x;
}

/* Consecutive floats of a row that start at (y, x), at most `most`. */
WB_INLINE int64_t wb_piece(const wb_geometry *g, int64_t y, int64_t x, int64_t most) {
    if (!g->strips) return most;
    const int64_t left = 16 - (y * g->w + x) % 16;
    return left < most ? left : most;
}

/* The row (c, y): in place, or copied to `room` (w floats) when it is in pieces. */
static inline const float *wb_read_row(const float *memory, const wb_geometry *g,
                                       int64_t c, int64_t y, float *room) {
    if (!g->strips) return memory + wb_at(g, c, y, 0);
    for (int64_t x = 0, n; x < g->w; x += n) {
        n = wb_piece(g, y, x, g->w - x);
        memcpy(room + x, memory + wb_at(g, c, y, x), (size_t)n * sizeof(float));
    }
    return room;
}

/* Write the first `width` elements of row (c, y). */
static inline void wb_write_row(float *memory, const wb_geometry *g, int64_t c, int64_t y,
                                const float *row, int64_t width) {
    for (int64_t x = 0, n; x < width; x += n) {
        n = wb_piece(g, y, x, width - x);
        memmove(memory + wb_at(g, c, y, x), row + x, (size_t)n * sizeof(float));
    }
}

/* Write a row of `width` pixels of channel c of `channels` to the phases it belongs to:
 * channel (2 * (y % 2) + x % 2) * channels + c, pixel (y / 2, x / 2). `room` holds
 * (width + 1) / 2 floats. Nothing beyond row + width is read. */
static inline void wb_split_row(float *memory, const wb_geometry *g, int64_t channels,
                                int64_t c, int64_t y, const float *row, int64_t width,
                                float *room) {
    if (!g->strips) {
        float *even = memory + wb_at(g, 2 * (y % 2) * channels + c, y / 2, 0);
        float *odd = even + channels * g->cs;
        int64_t x = 0;
        for (; x + 32 <= width; x += 32) {
            const wb_pair pair = wb_unzip2(wb_load(row + x), wb_load(row + x + 16));
            wb_store(even + x / 2, pair.even);
            wb_store(odd + x / 2, pair.odd);
        }
        for (; x < width; x += 16) {
            const int n = width - x < 16 ? (int)(width - x) : 16;
            float few[16] = {0};
            if (n < 16) memcpy(few, row + x, (size_t)n * sizeof(float));
            const wb_v16 v = wb_unzip(wb_load(n < 16 ? few : row + x));
            wb_store_mask(even + x / 2, v, (1u << (n + 1) / 2) - 1);
            wb_store_mask(odd + x / 2 - 8, v, ((1u << n / 2) - 1) << 8);
        }
        return;
    }
    for (int64_t phase = 0; phase < 2; phase++) {
        const int64_t half = (width + 1 - phase) / 2;
        for (int64_t i = 0; i < half; i++) room[i] = row[2 * i + phase];
        wb_write_row(memory, g, (2 * (y % 2) + phase) * channels + c, y / 2, room, half);
    }
}

/* A tensor whose rows follow each other without gaps counts as one long row. */
static inline int wb_flat(const wb_geometry *g) {
    return g->strips || g->h == 1 || g->rs == g->w;
}
static inline wb_geometry wb_flattened(const wb_geometry *g) {
    wb_geometry f = *g;
    f.w = g->w * g->h;
    f.h = 1;
    return f;
}

#endif
