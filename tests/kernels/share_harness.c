/* Shares of threads end between cache lines (ext/core/share.h); run by test_share.py.
 *
 * Each case: how many pixels an image row holds, how many floats lie between two rows of
 * the output, vectors of 16 pixels; expected first vector of the second of two threads.
 */
#include "core/share.h"

#include <stdio.h>
#include <stdlib.h>

enum { MOST = 4096, SEGMENTS = 3, LANES = 16 };

typedef struct {
    const char *name;
    int64_t width, height, pitch, dst, second;
} image;

/* The vectors of an image whose sixteen-pixel strips are written to rows of `pitch`. */
static wb_place place_of(const image *im) {
    static int64_t out[MOST * SEGMENTS];
    static uint16_t mask[MOST * SEGMENTS];
    const int64_t pixels = im->width * im->height, count = (pixels + LANES - 1) / LANES;
    for (int64_t v = 0; v < count; v++) {
        int used = -1;
        for (int s = 0; s < SEGMENTS; s++)
            out[v * SEGMENTS + s] = mask[v * SEGMENTS + s] = 0;
        for (int64_t lane = 0; lane < LANES && v * LANES + lane < pixels; lane++) {
            const int64_t p = v * LANES + lane;
            const int64_t to = p / im->width * im->pitch + p % im->width - lane;
            if (used < 0 || out[v * SEGMENTS + used] != to)
                out[v * SEGMENTS + ++used] = to;
            mask[v * SEGMENTS + used] |= (uint16_t)(1 << lane);
        }
    }
    return (wb_place){
        .count = count, .segments = SEGMENTS, .out = out, .mask = mask, .dst = im->dst};
}

static int failed(const image *im) {
    const wb_place place = place_of(im);
    int wrong = 0;
    const int64_t second = wb_share_apart(place.count, 1, 2, wb_place_cuts, &place);
    if (second != im->second) {
        fprintf(stderr, "%s: the second thread begins at %lld of %lld, not %lld\n",
                im->name, (long long)second, (long long)place.count,
                (long long)im->second);
        wrong++;
    }
    for (int parts = 1; parts <= 40; parts++) {
        int64_t before = 0;
        for (int tid = 0; tid <= parts; tid++) {
            const int64_t at =
                wb_share_apart(place.count, tid, parts, wb_place_cuts, &place);
            const int bad = at < before || at > place.count || (tid == 0 && at != 0) ||
                            (tid == parts && at != place.count);
            if (bad) fprintf(stderr, "%s: %d of %d parts\n", im->name, tid, parts);
            wrong += bad;
            before = at;
        }
    }
    return wrong;
}

int main(void) {
    static const image IMAGES[] = {
        /* 14 x 14: six vectors would end inside row 6; seven end with row 7 at pixel 112 */
        {"14 rows of a line each", 14, 14, 16, 64, 7},
        /* 28 x 28, two lines a row: lines begin at pixels 28y and 28y + 16, so vectors
           21, 22 and 28, 29 begin with one; 22 is nearest to 24.5 */
        {"28 rows of two lines", 28, 28, 32, 0, 22},
        /* 56 x 56: half of 196 vectors is row 28 */
        {"56 rows of four lines", 56, 56, 64, 16, 98},
        /* strips are whole lines: any vector will do */
        {"strips of 14 x 14", 14, 14, 14, 0, 6},
        {"strips from the middle of a line", 14, 14, 14, 8, 6},
        /* 7 x 7 in rows of 8: two rows a line, no vector begins with one within reach */
        {"7 rows of half a line", 7, 7, 8, 0, 2},
        {"one vector", 4, 4, 4, 0, 0},
        {"three vectors", 16, 3, 16, 0, 1},
    };
    int wrong = 0;
    for (size_t i = 0; i < sizeof IMAGES / sizeof *IMAGES; i++)
        wrong += failed(&IMAGES[i]);
    return wrong ? EXIT_FAILURE : EXIT_SUCCESS;
}
