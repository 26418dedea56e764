/* The most multiply-adds that one core can do: v = v / 2 + 1 / 2 on registers alone.
 *
 * Contract: the first wb_fma_vectors vectors of the arena are read, taken `rounds` times
 * through the formula and written back. Every round starts before the last has ended:
 * there are more independent vectors than a multiply-add takes cycles. Thread 0 works,
 * the others do nothing.
 */
#ifndef WB_FMA_PEAK_H
#define WB_FMA_PEAK_H

#include "core/wb.h"

typedef struct {
    int64_t rounds;
} wb_fma_peak;

/* Vectors of 16 floats that are in work at once: 12 registers in every build. */
static inline int wb_fma_vectors(int isa) {
    return isa == WB_AVX512 ? 12 : isa == WB_AVX2 ? 6 : 3;
}

#endif
