/* Multiply-adds on registers; contract in fma_peak.h. */
#include "kernels/peak/fma_peak.h"

#include "simd/repeat.h"
#include "simd/simd.h"

#define VECTORS WB_TILE(3, 6, 12)
#define READ(i) wb_v16 v##i = wb_load(arena + 16 * i);
#define STEP(i) v##i = wb_fma(v##i, half, half);
#define WRITE(i) wb_store(arena + 16 * i, v##i);

WB_DEFINE(fma_peak, 3x16, 6x16, 12x16) {
    const wb_fma_peak *k = args;
    WB_REQUIRE_STEP(k, arena, tid, nthreads);
    WB_REQUIRE(k->rounds >= 0);
    (void)nthreads;
    if (tid != 0) return;
    const wb_v16 half = wb_set1(0.5f);
    WB_REPEAT(VECTORS, READ)
    for (int64_t round = 0; round < k->rounds; round++) {
        WB_REPEAT(VECTORS, STEP)
    }
    WB_REPEAT(VECTORS, WRITE)
}
