/* WB_REQUIRE(x): what a kernel's contract says of its arguments, asked at its entry.
 *
 * Python checks every argument once, so an ordinary build asks nothing. A checked build
 * (WORKBENCH_SANITIZE, or -DWB_CHECKED) says which requirement failed, where, and stops.
 * Belongs here: the macro and what several kernels ask. What one family asks stands
 * behind the first line of its kernel.
 */
#ifndef WB_REQUIRE_H
#define WB_REQUIRE_H

#if defined(WB_CHECKED)

#include <stdio.h>
#include <stdlib.h>

__attribute__((noreturn, noinline, cold, unused)) static void
wb_broken(const char *what, const char *file, int line) {
    fprintf(stderr, "%s:%d: the kernel was called with something else than %s\n", file,
            line, what);
    abort();
}

#define WB_REQUIRE(x) ((x) ? (void)0 : wb_broken(#x, __FILE__, __LINE__))

#else
#define WB_REQUIRE(x) ((void)0)
#endif

/* A pointer to at least one element, where that type may lie. */
#define WB_REQUIRE_ARRAY(p)                                                              \
    WB_REQUIRE((p) != NULL && (uintptr_t)(p) % __alignof__(*(p)) == 0)

#define WB_REQUIRE_WITHIN(low, x, high) WB_REQUIRE((low) <= (x) && (x) <= (high))

#define WB_REQUIRE_FLAG(x) WB_REQUIRE_WITHIN(0, x, 1)

/* What holds for every part of every step. */
#define WB_REQUIRE_STEP(args, arena, tid, nthreads)                                      \
    do {                                                                                 \
        WB_REQUIRE((args) != NULL);                                                      \
        WB_REQUIRE((uintptr_t)(arena) % WB_ALIGN == 0);                                  \
        WB_REQUIRE((uintptr_t)wb_context_of(arena)->scratch % WB_ALIGN == 0);            \
        WB_REQUIRE_WITHIN(0, tid, (nthreads) - 1);                                       \
    } while (0)

#define WB_REQUIRE_ACT(act)                                                              \
    do {                                                                                 \
        WB_REQUIRE((act).lo <= (act).hi);                                                \
        WB_REQUIRE_WITHIN(WB_LINEAR, (act).curve, WB_CURVES - 1);                        \
    } while (0)

#define WB_REQUIRE_PLACE(p)                                                              \
    do {                                                                                 \
        WB_REQUIRE((p)->count >= 0);                                                     \
        WB_REQUIRE_WITHIN(1, (p)->segments, WB_MAX_SEGMENTS);                            \
        WB_REQUIRE_FLAG((p)->unzip);                                                     \
        WB_REQUIRE(!(p)->unzip || (p)->segments > 1);                                    \
        WB_REQUIRE_ARRAY((p)->in);                                                       \
        WB_REQUIRE_ARRAY((p)->out);                                                      \
        WB_REQUIRE_ARRAY((p)->mask);                                                     \
        WB_REQUIRE_ACT((p)->act);                                                        \
    } while (0)

#define WB_REQUIRE_GEOMETRY(g)                                                           \
    do {                                                                                 \
        WB_REQUIRE_FLAG((g)->strips);                                                    \
        WB_REQUIRE((g)->c >= 0 && (g)->h >= 0 && (g)->w >= 0);                           \
    } while (0)

#endif
