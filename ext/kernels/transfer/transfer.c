/* Loads and stores of external images; contract in transfer.h. */
#include "kernels/transfer/transfer.h"

#include "core/fetch.h"
#include "simd/rows.h"

/* Image rows are short streams far apart: those so many further on are asked for. */
enum { ROWS_AHEAD = 3 };

static void claim_row(float *arena, const wb_geometry *g, int64_t c, int64_t y,
                      int64_t width) {
    if (g->strips) return;
    float *row = arena + wb_at(g, c, y, 0);
    for (int64_t x = 0; x < width; x += WB_LINE / (int64_t)sizeof(float))
        wb_claim(row + x);
}

/* Ask for row y of channel c of the image, and for where it goes. */
static void ask(const wb_transfer *a, float *arena, int64_t c, int64_t y) {
    const float *image = wb_context_of(arena)->x + a->offset;
    wb_fetch(image + (c * a->height + y) * a->width, a->width * (int64_t)sizeof(float));
    if (!a->split) {
        claim_row(arena, &a->inside, c, y, a->width);
        return;
    }
    for (int64_t x = 0; x < 2; x++) {
        const int64_t phase = 2 * (y % 2) + x;
        claim_row(arena, &a->inside, phase * a->channels + c, y / 2, a->width / 2);
    }
}

/* Image rows of all channels together: threads share what later layers share. */
WB_DEFINE(transfer, 1x4, 1x8, 1x16) {
    const wb_transfer *a = args;
    WB_REQUIRE_STEP(a, arena, tid, nthreads);
    WB_REQUIRE_GEOMETRY(&a->inside);
    WB_REQUIRE_FLAG(a->load);
    WB_REQUIRE_FLAG(a->split);
    WB_REQUIRE(a->channels >= 1 && a->height >= 1 && a->width >= 1);
    WB_REQUIRE(0 <= a->first && a->first <= a->stop && a->stop <= a->height);
    WB_REQUIRE(a->offset >= 0);
    const wb_context *context = wb_context_of(arena);
    float *room = wb_thread_scratch(arena, tid);
    const int64_t channels = a->channels, rows = channels * (a->stop - a->first);
    const int64_t width = a->width;
    const int cold = wb_is_cold(arena);
    const int64_t stop = wb_share(rows, tid + 1, nthreads);
    for (int64_t i = wb_share(rows, tid, nthreads); i < stop; i++) {
        const int64_t c = i % channels, y = a->first + i / channels;
        const int64_t later = i + ROWS_AHEAD;
        if (a->load && cold && later < stop)
            ask(a, arena, later % channels, a->first + later / channels);
        const int64_t outside = a->offset + (c * a->height + y) * width;
        if (a->load && a->split) {
            const float *row = context->x + outside;
            wb_split_row(arena, &a->inside, a->channels, c, y, row, width, room);
        } else if (a->load) {
            wb_write_row(arena, &a->inside, c, y, context->x + outside, width);
        } else {
            const float *row = wb_read_row(arena, &a->inside, c, y, room);
            memcpy(context->y + outside, row, (size_t)width * sizeof(float));
        }
    }
}
