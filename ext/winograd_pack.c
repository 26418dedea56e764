/* Packing of dense Winograd weights; see winograd_pack.h. Compiled once, for the
 * baseline: the loops over 8 output channels become vectors. */
#include "winograd_pack.h"

#include "wb.h"

enum { ROWS = WB_WINOGRAD_ROWS, TAPS = 3, MOST = 8 };

/* 8 kernels of one input channel -> their alpha^2 coordinates, `stride` apart */
static inline __attribute__((always_inline)) void
transform(const int alpha, const double *g, const double (*taps)[ROWS], float *out,
          int64_t stride) {
    double half[MOST * TAPS][ROWS];
    for (int a = 0; a < alpha; a++)
        for (int x = 0; x < TAPS; x++)
            for (int r = 0; r < ROWS; r++) {
                double sum = 0;
                for (int y = 0; y < TAPS; y++)
                    sum += g[a * TAPS + y] * taps[y * TAPS + x][r];
                half[a * TAPS + x][r] = sum;
            }
    for (int a = 0; a < alpha; a++)
        for (int b = 0; b < alpha; b++, out += stride)
            for (int r = 0; r < ROWS; r++) {
                double sum = 0;
                for (int x = 0; x < TAPS; x++)
                    sum += g[b * TAPS + x] * half[a * TAPS + x][r];
                out[r] = (float)sum;
            }
}

static inline __attribute__((always_inline)) void
pack(const int alpha, const wb_winograd_taps *w, float *packed) {
    const int64_t kernel = TAPS * TAPS, filter = w->channels * kernel;
    const int64_t tile = w->channels * ROWS;
    const int64_t padded = (w->outputs + ROWS - 1) / ROWS * ROWS;
    double taps[TAPS * TAPS][ROWS] = {{0}};
    for (int64_t start = 0; start < padded; start += w->ob) {
        const int64_t rows = padded - start < w->ob ? padded - start : w->ob;
        for (int64_t t = 0; t < rows / ROWS; t++) {
            const int64_t first = start + t * ROWS, left = w->outputs - first;
            const int live = left < ROWS ? (int)left : ROWS;
            const float *in = w->taps + first * filter;
            float *out = packed + t * tile;
            for (int64_t c = 0; c < w->channels; c++, in += kernel, out += ROWS) {
                for (int k = 0; k < TAPS * TAPS; k++)
                    for (int r = 0; r < ROWS; r++)
                        taps[k][r] = r < live ? in[r * filter + k] : 0;
                transform(alpha, w->g, taps, out, rows / ROWS * tile);
            }
        }
        packed += rows * w->channels * alpha * alpha;
    }
}

void wb_winograd_pack(const wb_winograd_taps *from, float *packed) {
    if (from->m == 2) pack(4, from, packed);
    else if (from->m == 4) pack(6, from, packed);
    else pack(8, from, packed);
}
