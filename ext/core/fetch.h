/* fetch.h - memory that is asked for before it is needed.
 *
 * A network that does not fit the caches finds weights, code and output lines in main
 * memory at every run, 100 ns and more away each. Multiply-adds leave the memory idle:
 * kernels use that time to bring what the next step reads, and the lines they will
 * write, into the L2 cache. Nothing here changes a result.
 */
#ifndef WB_FETCH_H
#define WB_FETCH_H

#include "core/wb.h"

enum { WB_LINE = 64 };

/* Ask for `bytes` from `at`, to be read. */
static inline void wb_fetch(const void *at, int64_t bytes) {
    const char *line = at;
    for (const char *end = line + bytes; line < end; line += WB_LINE)
        __builtin_prefetch(line, 0, 2);
}

/* Ask for the line of `at`, to be written. */
static inline void wb_claim(float *at) { __builtin_prefetch(at, 1, 2); }

/* Whether this program's memory is out of the caches when a step comes to it. */
static inline int wb_is_cold(float *arena) { return wb_context_of(arena)->cold; }

/* Spans that are asked for in small shares. */
typedef struct {
    const wb_span *span;
    int64_t at;    /* bytes of the span that were asked for */
    int64_t share; /* bytes of a call of wb_ahead_go */
} wb_ahead;

/* All spans are asked for after `calls` calls of wb_ahead_go. */
static inline wb_ahead wb_ahead_of(const wb_span *spans, int64_t calls) {
    wb_ahead a = {spans, 0, 0};
    int64_t all = 0;
    for (const wb_span *s = a.span; s->bytes > 0; s++) all += s->bytes;
    if (all > 0) a.share = (all / (calls > 0 ? calls : 1) + WB_LINE) / WB_LINE * WB_LINE;
    return a;
}

/* What the next step reads; nothing in a program that is not cold. */
static inline wb_ahead wb_ahead_open(float *arena, int64_t calls) {
    static const wb_span NOTHING = {NULL, 0};
    const wb_span *next = __atomic_load_n(&wb_context_of(arena)->next, __ATOMIC_RELAXED);
    return wb_ahead_of(next == NULL ? &NOTHING : next, calls);
}

static inline void wb_ahead_go(wb_ahead *a) {
    for (int64_t left = a->share; left > 0 && a->span->bytes > 0;) {
        const int64_t rest = a->span->bytes - a->at, now = left < rest ? left : rest;
        wb_fetch((const char *)a->span->at + a->at, now);
        a->at += now;
        left -= now;
        if (now < rest) continue;
        a->span++;
        a->at = 0;
    }
}

#endif
