/* Carrying and clearing; contract in move.h. */
#include "kernels/move/move.h"

#include "simd/simd.h"

WB_DEFINE(move, 1x16, 1x16, 1x16) {
    const wb_move *a = args;
    WB_REQUIRE_STEP(a, arena, tid, nthreads);
    WB_REQUIRE(a->count > 0 && a->dst >= 0);
    WB_REQUIRE(a->src < 0 || a->dst <= a->src);
    const int apart = a->src < 0 || a->src - a->dst >= a->count;
    /* Overlapping ranges are one thread's: a later part would meet moved floats. */
    if (!apart && tid != 0) return;
    const int64_t lines = (a->count + 15) / 16;
    const int64_t first = apart ? 16 * wb_share(lines, tid, nthreads) : 0;
    int64_t stop = apart ? 16 * wb_share(lines, tid + 1, nthreads) : a->count;
    stop = stop < a->count ? stop : a->count;
    if (first >= stop) return;
    const size_t bytes = (size_t)(stop - first) * sizeof(float);
    if (a->src < 0) memset(arena + a->dst + first, 0, bytes);
    else memmove(arena + a->dst + first, arena + a->src + first, bytes);
}
