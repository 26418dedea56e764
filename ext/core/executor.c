/* The executor; see executor.h. */
#define _GNU_SOURCE
#include "core/executor.h"

#include "core/team.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#if defined(__linux__)
#include <sys/mman.h>
#endif

enum { WB_PAGE = 2 << 20, WB_TAIL_FLOATS = 64 };

/* Of the next step, at most: what is needed at once must still be in the L2 cache. */
enum { WB_AHEAD_BYTES = 256 << 10 };

struct wb_executor {
    wb_call *calls;
    int count;
    wb_sizes sizes;
    wb_team *team;
    void *block; /* context, arena, tail, shared scratch, scratch of each thread */
    float *arena;
    wb_job job;
    int64_t *ends; /* of the steps of this round, or NULL: nobody wants times */
    pthread_mutex_t lock;
};

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Largest size that `padded` and sums of a few of them keep from wrapping. */
#define WB_MOST_FLOATS (INT64_MAX / 64)

static int64_t padded(int64_t floats) { return (floats + 15) / 16 * 16; }

/* Floats of the whole block in *all, 1 when the sizes are possible. */
static int count_floats(wb_sizes sizes, int64_t head, int64_t *all) {
    const int64_t each[] = {sizes.arena_floats, sizes.shared_floats,
                            sizes.scratch_floats};
    for (int i = 0; i < 3; i++)
        if (each[i] < 0 || each[i] > WB_MOST_FLOATS) return 0;
    if (sizes.threads < 1) return 0;
    int64_t scratch;
    if (__builtin_mul_overflow(padded(sizes.scratch_floats), (int64_t)sizes.threads,
                               &scratch) ||
        scratch > WB_MOST_FLOATS)
        return 0;
    *all = head + padded(sizes.arena_floats) + WB_TAIL_FLOATS +
           padded(sizes.shared_floats) + scratch;
    return *all <= WB_MOST_FLOATS;
}

/* Zeroed memory; on huge pages where the system gives them, for the sake of the TLB. What
 * does not fill the last of them stays on small ones. */
static void *zeroed(size_t bytes) {
    void *p = NULL;
    if (posix_memalign(&p, bytes >= WB_PAGE ? WB_PAGE : WB_ALIGN, bytes) != 0)
        return NULL;
#if defined(__linux__)
    if (bytes >= WB_PAGE) madvise(p, bytes / WB_PAGE * WB_PAGE, MADV_HUGEPAGE);
#endif
    memset(p, 0, bytes);
    return p;
}

/* Shorten spans to their share of WB_AHEAD_BYTES. */
static void shorten(wb_span *spans) {
    int64_t all = 0;
    for (const wb_span *s = spans; s->bytes > 0; s++) all += s->bytes;
    if (all <= WB_AHEAD_BYTES) return;
    for (wb_span *s = spans; s->bytes > 0; s++)
        s->bytes = s->bytes * WB_AHEAD_BYTES / all + 1;
}

wb_executor *wb_executor_new(const wb_call *calls, int count, wb_sizes sizes) {
    const int64_t head = sizeof(wb_context) / sizeof(float);
    int64_t floats;
    if (count < 1 || !count_floats(sizes, head, &floats)) return NULL;
    wb_executor *e = calloc(1, sizeof *e);
    if (e == NULL) return NULL;
    const int64_t arena = padded(sizes.arena_floats) + WB_TAIL_FLOATS;
    const int64_t shared = padded(sizes.shared_floats);
    const int64_t scratch = padded(sizes.scratch_floats);
    e->calls = malloc(sizeof *calls * (size_t)count);
    e->block = zeroed((size_t)floats * sizeof(float));
    if (e->calls == NULL || e->block == NULL) {
        free(e->calls);
        free(e->block);
        free(e);
        return NULL;
    }
    memcpy(e->calls, calls, sizeof *calls * (size_t)count);
    for (int i = 0; i < count; i++) shorten(e->calls[i].spans);
    e->count = count;
    e->sizes = sizes;
    e->arena = (float *)e->block + head;
    wb_context *c = wb_context_of(e->arena);
    c->shared = e->arena + arena;
    c->scratch = c->shared + shared;
    c->scratch_stride = scratch;
    c->cold = sizes.cold;
    pthread_mutex_init(&e->lock, NULL);
    return e;
}

float *wb_executor_arena(wb_executor *e) { return e->arena; }

static void disband(wb_executor *e) {
    if (e->team != NULL) wb_team_free(e->team);
    e->team = NULL;
}

void wb_executor_rest(wb_executor *e) {
    pthread_mutex_lock(&e->lock);
    disband(e);
    pthread_mutex_unlock(&e->lock);
}

void wb_executor_free(wb_executor *e) {
    disband(e);
    pthread_mutex_destroy(&e->lock);
    free(e->block);
    free(e->calls);
    free(e);
}

/* A part is over now: the last one of a step says when the step was. The caller cannot: it
 * may lose its processor while others finish this step and the next ones. */
static void note_end(int64_t *end) {
    const int64_t now = now_ns();
    int64_t seen = __atomic_load_n(end, __ATOMIC_RELAXED);
    while (seen < now && !__atomic_compare_exchange_n(
                             end, &seen, now, 1, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
    }
}

static void run_part(void *arg, int64_t step, int part) {
    const wb_executor *e = arg;
    const wb_call *call = &e->calls[e->job.first + step];
    call->fn(call->args, e->arena, part, e->sizes.threads);
    if (e->ends != NULL) note_end(&e->ends[step]);
}

/* Tell the kernels what follows. A thread that reads this late fetches in vain. */
static void announce(wb_executor *e, int following) {
    const wb_span *spans = e->calls[e->job.first + following].spans;
    __atomic_store_n(&wb_context_of(e->arena)->next, spans, __ATOMIC_RELAXED);
}

/* The next step: with the team, or part after part. */
static void run_step(wb_executor *e, int step) {
    if (e->team != NULL) {
        wb_team_step(e->team);
        return;
    }
    for (int part = 0; part < e->sizes.threads; part++) run_part(e, step, part);
}

static void run_round(wb_executor *e, int round) {
    const wb_job *job = &e->job;
    wb_context *context = wb_context_of(e->arena);
    const int steps = job->stop - job->first;
    context->x = job->x == NULL ? NULL : job->x + round * job->x_floats;
    context->y = job->y == NULL ? NULL : job->y + round * job->y_floats;
    e->ends = job->ns == NULL ? NULL : job->ns + (int64_t)round * steps;
    if (e->ends != NULL) memset(e->ends, 0, sizeof(int64_t) * (size_t)steps);
    const int64_t start = e->ends == NULL ? 0 : now_ns();
    if (e->team != NULL) wb_team_open(e->team, steps, run_part, e);
    for (int i = 0; i < steps; i++) {
        if (e->sizes.cold) announce(e, i + 1 < steps ? i + 1 : 0);
        run_step(e, i);
    }
    if (e->ends == NULL) return;
    for (int i = steps - 1; i >= 0; i--) e->ends[i] -= i > 0 ? e->ends[i - 1] : start;
}

/* 0 when a team of several was wanted and could not be had. More threads than processors
 * would only stand in each other's way: the parts of the rest are taken by these. */
static int assemble(wb_executor *e) {
    if (e->team != NULL && !wb_team_alive(e->team)) e->team = NULL;
    if (e->team != NULL || e->sizes.threads == 1) return 1;
    const int usable = wb_usable_processors();
    if (usable == 1) return 1;
    const int threads = usable < e->sizes.threads ? usable : e->sizes.threads;
    e->team = wb_team_new(e->sizes.threads, threads);
    return e->team != NULL;
}

int wb_executor_run(wb_executor *e, wb_job job) {
    pthread_mutex_lock(&e->lock);
    const int ready = assemble(e);
    e->job = job;
    for (int r = 0; ready && r < job.rounds; r++) run_round(e, r);
    pthread_mutex_unlock(&e->lock);
    return ready ? 0 : -1;
}
