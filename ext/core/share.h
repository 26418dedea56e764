/* share.h - which vectors of a step each thread gets, when threads share pixels.
 *
 * Two threads that write into one cache line take it from each other again and again:
 * where an image row ends inside a strip, that is one line a channel, and costs more
 * than all arithmetic of a depthwise layer. So shares end where no line is cut, if there
 * is such a place near an equal share. The same place for every call: results and who
 * reads what do not change from run to run.
 */
#ifndef WB_SHARE_H
#define WB_SHARE_H

#include "core/wb.h"

enum {
    WB_LINE_FLOATS = 16,
    WB_SHARE_REACH = 8, /* places that are looked at on both sides of an equal share */
    WB_SHARE_SLACK = 8  /* and no more than this fraction of a share */
};

/* Do the stores of two vectors touch a common line? `out`, `mask`: see wb_place. */
static inline int wb_lines_meet(int64_t dst, int64_t segments, const int64_t *out_a,
                                const uint16_t *mask_a, const int64_t *out_b,
                                const uint16_t *mask_b) {
    for (int64_t i = 0; i < segments; i++) {
        if (mask_a[i] == 0) continue;
        const int64_t a = dst + out_a[i];
        const int64_t low = (a + __builtin_ctz(mask_a[i])) / WB_LINE_FLOATS;
        const int64_t high = (a + 31 - __builtin_clz(mask_a[i])) / WB_LINE_FLOATS;
        for (int64_t j = 0; j < segments; j++) {
            if (mask_b[j] == 0) continue;
            const int64_t b = dst + out_b[j];
            if ((b + __builtin_ctz(mask_b[j])) / WB_LINE_FLOATS <= high &&
                (b + 31 - __builtin_clz(mask_b[j])) / WB_LINE_FLOATS >= low)
                return 1;
        }
    }
    return 0;
}

/* Whether a share that ends before item `at`, 0 < at < n, cuts a line. */
typedef int (*wb_cuts_fn)(const void *step, int64_t at);

/* First of n items of part tid. */
static inline int64_t wb_share_apart(int64_t n, int tid, int parts, wb_cuts_fn cuts,
                                     const void *step) {
    const int64_t even = wb_share(n, tid, parts);
    if (even == 0 || even == n) return even;
    const int64_t slack = (n + WB_SHARE_SLACK * parts - 1) / (WB_SHARE_SLACK * parts);
    const int64_t reach = slack < WB_SHARE_REACH ? slack : WB_SHARE_REACH;
    for (int64_t d = 0; d <= reach; d++) {
        if (even + d < n && !cuts(step, even + d)) return even + d;
        if (even - d > 0 && !cuts(step, even - d)) return even - d;
    }
    return even;
}

/* First row of part tid when sparse rows are shared by what they hold. */
static inline int64_t wb_share_rows(const int32_t *indptr, int64_t rows, int tid,
                                    int parts) {
    const int64_t before = wb_share((int64_t)indptr[rows] + rows, tid, parts);
    int64_t row = 0;
    while (row < rows && indptr[row] + row < before) row++;
    return row;
}

/* Does a share that ends before vector v cut a line? */
static inline int wb_place_cuts(const void *place, int64_t v) {
    const wb_place *p = place;
    const int64_t b = v * p->segments, a = b - p->segments;
    return wb_lines_meet(p->dst, p->segments, p->out + a, p->mask + a, p->out + b,
                         p->mask + b);
}

#endif
