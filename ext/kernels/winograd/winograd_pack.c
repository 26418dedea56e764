/* Packing of dense Winograd weights; see winograd_pack.h. Compiled once, for the
 * baseline. */
#include "kernels/winograd/winograd_pack.h"

#include "core/wb.h"

enum { ROWS = WB_WINOGRAD_ROWS, KERNEL = 9 };

void wb_winograd_pack(const wb_winograd_taps *from, float *restrict packed) {
    const int64_t filter = from->channels * KERNEL;
    for (int64_t first = 0; first < from->outputs; first += ROWS) {
        const float *restrict in = from->taps + first * filter;
        const int64_t left = from->outputs - first, live = left < ROWS ? left : ROWS;
        for (int64_t c = 0; c < WB_WINOGRAD_EVEN(from->channels); c += 2)
            for (int k = 0; k < KERNEL; k++)
                for (int64_t i = c; i < c + 2; i++)
                    for (int64_t r = 0; r < ROWS; r++) {
                        const int inside = r < live && i < from->channels;
                        *packed++ = inside ? in[r * filter + i * KERNEL + k] : 0;
                    }
    }
}
