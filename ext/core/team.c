/* Persistent threads on POSIX threads and C11 atomics; see team.h.
 *
 * Steps have serial numbers that never come again. `done` counts finished parts since the
 * team was made, so step done / parts is the current one: all that a thread needs to know
 * in order to join. claim[t] is the serial whose part t is the next to be begun.
 *
 * Why it is safe:
 * - A part is run once: only one compare-and-swap takes claim[t] from s to s + 1, and no
 *   other serial is s. It fails for whoever comes late.
 * - A part of s starts after all of s - 1: its thread saw done >= s * parts. Every addition
 *   to `done` releases, and all of them form one release sequence, so that this load
 *   acquires what every part wrote.
 * - `first`, `fn` and `arg` are read only between a claim and the addition for that part.
 *   The run cannot end in between, and the caller writes them between runs only. They were
 *   written before `opened` grew beyond s, which the thread saw before it claimed.
 * - No wake-up is lost: a sleeper announces itself, then looks at the count; others count,
 *   then look for sleepers; all of it is sequentially consistent.
 */
#define _GNU_SOURCE
#include "core/team.h"

#include <pthread.h>
#include <sched.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { WB_LINE = 64, WB_SPIN_CHECK = 32 };

/* Between runs threads soon sleep. Within a step the rest of it is mostly a matter of
 * microseconds; but whoever has begun it may have lost its processor, and gets this one by
 * our sleeping. Nobody yields while it waits: that costs a time slice wherever another
 * program spins, and its owner loses the steps that follow. */
enum { WB_IDLE_SPIN_NS = 50000, WB_STEP_SPIN_NS = 200000 };

#define WB_STOP UINT64_MAX

typedef struct {
    alignas(WB_LINE) _Atomic uint64_t value;
} count;

typedef struct {
    alignas(WB_LINE) wb_team *team;
    int tid;
    pthread_t thread;
    _Atomic int asleep; /* set by the thread, cleared by the one that wakes it up */
    int woken;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
} member;

struct wb_team {
    count opened; /* steps with a lower serial may be run, once their turn has come */
    count done;
    alignas(WB_LINE) _Atomic int sleepers;
    int parts, threads;
    pid_t owner;
    uint64_t at; /* the caller's next step */
    uint64_t first;
    wb_part_fn fn;
    void *arg;
    member *members;
    count *claim;
};

static void relax(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int reached(count *c, uint64_t target) {
    return atomic_load_explicit(&c->value, memory_order_acquire) >= target;
}

/* One sleeper at most, and one waker for each sleep: unlike a broadcast, this never waits
 * for a thread that was woken before and has not had a processor since. */
static void wake(member *m) {
    if (atomic_load(&m->asleep) == 0 || atomic_exchange(&m->asleep, 0) == 0) return;
    atomic_fetch_sub(&m->team->sleepers, 1);
    pthread_mutex_lock(&m->mutex);
    m->woken = 1;
    pthread_mutex_unlock(&m->mutex);
    pthread_cond_signal(&m->wake);
}

/* After a count has grown. */
static void wake_all(wb_team *team) {
    if (atomic_load(&team->sleepers) == 0) return;
    for (int i = 0; i < team->threads; i++) wake(&team->members[i]);
}

static void sleep_until(member *m, count *c, uint64_t target) {
    while (!reached(c, target)) {
        atomic_fetch_add(&m->team->sleepers, 1);
        atomic_store(&m->asleep, 1);
        if (atomic_load(&c->value) >= target && atomic_exchange(&m->asleep, 0) == 1) {
            atomic_fetch_sub(&m->team->sleepers, 1);
            return;
        }
        pthread_mutex_lock(&m->mutex);
        while (!m->woken) pthread_cond_wait(&m->wake, &m->mutex);
        m->woken = 0;
        pthread_mutex_unlock(&m->mutex);
    }
}

static int spin_until(count *c, uint64_t target, int64_t spin_ns) {
    const int64_t start = now_ns();
    for (int64_t spent = 0; spent < spin_ns; spent = now_ns() - start) {
        for (int i = 0; i < WB_SPIN_CHECK; i++) {
            if (reached(c, target)) return 1;
            relax();
        }
    }
    return 0;
}

static void wait_until(member *m, count *c, uint64_t target, int64_t spin_ns) {
    if (reached(c, target) || spin_until(c, target, spin_ns)) return;
    sleep_until(m, c, target);
}

/* Do the parts of step s that nobody has begun, this thread's own first; then wait for
 * those of others. s must be open and s - 1 over. */
static void take_part(member *me, uint64_t s) {
    wb_team *team = me->team;
    const uint64_t all = (s + 1) * (uint64_t)team->parts;
    for (int i = 0; i < team->parts && !reached(&team->done, all); i++) {
        const int part = (me->tid + i) % team->parts;
        _Atomic uint64_t *next = &team->claim[part].value;
        uint64_t free = s;
        if (atomic_load_explicit(next, memory_order_relaxed) != s ||
            !atomic_compare_exchange_strong(next, &free, s + 1))
            continue;
        team->fn(team->arg, (int64_t)(s - team->first), part);
        if (atomic_fetch_add(&team->done.value, 1) + 1 == all) {
            wake_all(team);
            return;
        }
    }
    wait_until(me, &team->done, all, WB_STEP_SPIN_NS);
}

static void *work(void *arg) {
    member *me = arg;
    wb_team *team = me->team;
    for (;;) {
        const uint64_t s = atomic_load(&team->done.value) / (uint64_t)team->parts;
        wait_until(me, &team->opened, s + 1, WB_IDLE_SPIN_NS);
        if (reached(&team->opened, WB_STOP)) return NULL;
        take_part(me, s);
    }
}

/* Helpers that sleep wake up beside the caller, on another processor: the system likes to
 * put who is woken where the waker runs, and both then share it for milliseconds. */
static void keep_apart(wb_team *team) {
#if defined(__linux__)
    if (atomic_load(&team->sleepers) == 0) return;
    const int here = sched_getcpu();
    cpu_set_t others;
    if (here < 0 || sched_getaffinity(0, sizeof others, &others) != 0) return;
    CPU_CLR(here, &others);
    if (CPU_COUNT(&others) == 0) return;
    for (int i = 1; i < team->threads; i++)
        if (atomic_load(&team->members[i].asleep))
            pthread_setaffinity_np(team->members[i].thread, sizeof others, &others);
#else
    (void)team;
#endif
}

void wb_team_open(wb_team *team, int64_t steps, wb_part_fn fn, void *arg) {
    team->first = team->at;
    team->fn = fn;
    team->arg = arg;
    keep_apart(team);
    atomic_store(&team->opened.value, team->at + (uint64_t)steps);
    wake_all(team);
}

void wb_team_step(wb_team *team) { take_part(team->members, team->at++); }

int wb_usable_processors(void) {
#if defined(__linux__)
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
#endif
    return (int)sysconf(_SC_NPROCESSORS_ONLN);
}

int wb_team_alive(const wb_team *team) { return team->owner == getpid(); }

static void release(wb_team *team) {
    for (int i = 0; team->members != NULL && i < team->threads; i++) {
        pthread_mutex_destroy(&team->members[i].mutex);
        pthread_cond_destroy(&team->members[i].wake);
    }
    free(team->members);
    free(team->claim);
    free(team);
}

static void join_members(wb_team *team, int started) {
    atomic_store(&team->opened.value, WB_STOP);
    wake_all(team);
    for (int i = 1; i < started; i++) pthread_join(team->members[i].thread, NULL);
    release(team);
}

/* Zeroed, on lines of its own. */
static void *lines(size_t bytes) {
    void *p = aligned_alloc(WB_LINE, bytes);
    return p == NULL ? NULL : memset(p, 0, bytes);
}

static wb_team *team_alloc(int parts, int threads) {
    wb_team *team = lines(sizeof *team);
    if (team == NULL) return NULL;
    team->parts = parts;
    team->threads = threads;
    team->owner = getpid();
    team->members = lines(sizeof *team->members * (size_t)threads);
    team->claim = lines(sizeof *team->claim * (size_t)parts);
    for (int i = 0; team->members != NULL && i < threads; i++) {
        member *m = &team->members[i];
        m->team = team;
        m->tid = i;
        pthread_mutex_init(&m->mutex, NULL);
        pthread_cond_init(&m->wake, NULL);
    }
    if (team->members != NULL && team->claim != NULL) return team;
    release(team);
    return NULL;
}

wb_team *wb_team_new(int parts, int threads) {
    wb_team *team = team_alloc(parts, threads);
    if (team == NULL) return NULL;
    for (int i = 1; i < threads; i++) {
        member *m = &team->members[i];
        if (pthread_create(&m->thread, NULL, work, m) != 0) {
            join_members(team, i);
            return NULL;
        }
    }
    return team;
}

void wb_team_free(wb_team *team) {
    if (wb_team_alive(team)) join_members(team, team->threads);
}
