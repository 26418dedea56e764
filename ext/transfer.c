/* Loads and stores of external images; contract in transfer.h. */
#include "transfer.h"

#include "rows.h"

WB_DEFINE(transfer, 1x4, 1x8, 1x16) {
    const wb_transfer *a = args;
    const wb_context *context = wb_context_of(arena);
    float *room = wb_thread_scratch(arena, tid);
    const int64_t each = a->stop - a->first, rows = a->channels * each;
    const int64_t width = a->width;
    const int64_t stop = wb_share(rows, tid + 1, nthreads);
    for (int64_t i = wb_share(rows, tid, nthreads); i < stop; i++) {
        const int64_t c = i / each, y = a->first + i % each;
        const int64_t outside = (c * a->height + y) * width;
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
