/* Persistent threads on POSIX threads and C11 atomics; see team.h. */
#define _GNU_SOURCE
#include "team.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* Between runs threads soon sleep. Within a run the others are at work on the same step:
 * falling asleep would cost more than waiting for the rest of it. */
enum { WB_IDLE_SPIN_NS = 50000, WB_STEP_SPIN_NS = 1000000, WB_SPIN_CHECK = 64 };

/* A counter that threads wait on. A sleeper announces itself before it looks at the
 * counter, a signaller counts before it looks for sleepers: no wake-up is lost. */
typedef struct {
    _Atomic uint32_t count;
    _Atomic int sleepers;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
} gate;

typedef struct {
    wb_team *team;
    int tid;
    pthread_t thread;
} member;

struct wb_team {
    int size;
    int spin;
    pid_t owner;
    gate start, meeting;
    _Atomic int arrived;
    _Atomic int stop;
    void (*body)(void *arg, int tid);
    void *arg;
    member *members;
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

static void gate_init(gate *g) {
    atomic_init(&g->count, 0);
    atomic_init(&g->sleepers, 0);
    pthread_mutex_init(&g->mutex, NULL);
    pthread_cond_init(&g->changed, NULL);
}

static void gate_destroy(gate *g) {
    pthread_mutex_destroy(&g->mutex);
    pthread_cond_destroy(&g->changed);
}

static void gate_signal(gate *g) {
    atomic_fetch_add(&g->count, 1);
    if (atomic_load(&g->sleepers) == 0) return;
    pthread_mutex_lock(&g->mutex);
    pthread_cond_broadcast(&g->changed);
    pthread_mutex_unlock(&g->mutex);
}

static void gate_wait(gate *g, uint32_t seen, int64_t spin_ns) {
    const int64_t until = spin_ns > 0 ? now_ns() + spin_ns : 0;
    for (int spin = spin_ns > 0; spin;) {
        for (int i = 0; i < WB_SPIN_CHECK; i++) {
            if (atomic_load_explicit(&g->count, memory_order_acquire) != seen) return;
            relax();
        }
        spin = now_ns() < until;
    }
    pthread_mutex_lock(&g->mutex);
    atomic_fetch_add(&g->sleepers, 1);
    while (atomic_load(&g->count) == seen) pthread_cond_wait(&g->changed, &g->mutex);
    atomic_fetch_sub(&g->sleepers, 1);
    pthread_mutex_unlock(&g->mutex);
}

void wb_team_barrier(wb_team *team) {
    const uint32_t seen = atomic_load(&team->meeting.count);
    if (atomic_fetch_add(&team->arrived, 1) + 1 < team->size) {
        gate_wait(&team->meeting, seen, team->spin ? WB_STEP_SPIN_NS : 0);
        return;
    }
    atomic_store(&team->arrived, 0);
    gate_signal(&team->meeting);
}

static void *work(void *arg) {
    member *me = arg;
    wb_team *team = me->team;
    for (uint32_t seen = 0;; seen++) {
        gate_wait(&team->start, seen, team->spin ? WB_IDLE_SPIN_NS : 0);
        if (atomic_load(&team->stop)) return NULL;
        team->body(team->arg, me->tid);
        wb_team_barrier(team);
    }
}

void wb_team_run(wb_team *team, void (*body)(void *arg, int tid), void *arg) {
    team->body = body;
    team->arg = arg;
    gate_signal(&team->start);
    body(arg, 0);
    wb_team_barrier(team);
}

static int usable_processors(void) {
#if defined(__linux__)
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
#endif
    return (int)sysconf(_SC_NPROCESSORS_ONLN);
}

int wb_team_alive(const wb_team *team) { return team->owner == getpid(); }

static void join_members(wb_team *team, int started) {
    atomic_store(&team->stop, 1);
    gate_signal(&team->start);
    for (int i = 1; i < started; i++) pthread_join(team->members[i].thread, NULL);
    gate_destroy(&team->start);
    gate_destroy(&team->meeting);
    free(team->members);
    free(team);
}

wb_team *wb_team_new(int size) {
    wb_team *team = calloc(1, sizeof *team);
    member *members = calloc((size_t)size, sizeof *members);
    if (team == NULL || members == NULL) {
        free(team);
        free(members);
        return NULL;
    }
    team->size = size;
    team->spin = size <= usable_processors();
    team->owner = getpid();
    team->members = members;
    gate_init(&team->start);
    gate_init(&team->meeting);
    for (int i = 1; i < size; i++) {
        members[i].team = team;
        members[i].tid = i;
        if (pthread_create(&members[i].thread, NULL, work, &members[i]) != 0) {
            join_members(team, i);
            return NULL;
        }
    }
    return team;
}

void wb_team_free(wb_team *team) {
    if (wb_team_alive(team)) join_members(team, team->size);
}
