/* Teams of threads without Python, and with threads held up; run by test_team.py.
 *
 * Built with the team itself, in order to reach its threads. Prints what went wrong and
 * returns 1, or returns 0. */
#include "core/team.c"

#include <signal.h>
#include <stdio.h>
#include <string.h>

enum { PARTS = 3, STEPS = 50, RUNS = 500, CELLS = 64, CALLERS = 4 };

static int check(int good, const char *what) {
    if (!good) fprintf(stderr, "wrong: %s\n", what);
    return good;
}

/* Each part of step i + 1 adds up what all parts of step i wrote: every sum doubles or
 * triples, so a part that is missing, double or early shows in the end. */
typedef struct {
    int parts;
    uint64_t cell[STEPS + 1][CELLS];
    int runs[STEPS][CELLS];
    pthread_t by[STEPS][CELLS];
} chain;

/* Long enough for others to come, uneven enough for them to take each other's parts. */
static void dawdle(int64_t ns) {
    for (const int64_t start = now_ns(); now_ns() - start < ns;) relax();
}

static void add_up(void *arg, int64_t step, int part) {
    chain *c = arg;
    uint64_t sum = 0;
    dawdle((step * 7 + part * 11) % 4 * 1500);
    for (int i = 0; i < c->parts; i++) sum += c->cell[step][i];
    c->cell[step + 1][part] = sum % 1000003 + (uint64_t)part;
    c->runs[step][part]++;
    c->by[step][part] = pthread_self();
}

static void run_chain(wb_team *team, chain *c, int steps, uint64_t seed) {
    memset(c->runs, 0, sizeof c->runs);
    for (int i = 0; i < c->parts; i++) c->cell[0][i] = seed + (uint64_t)i;
    wb_team_open(team, steps, add_up, c);
    for (int i = 0; i < steps; i++) wb_team_step(team);
}

static int right(const chain *c, int steps, uint64_t seed) {
    uint64_t now[CELLS], sum;
    for (int i = 0; i < c->parts; i++) now[i] = seed + (uint64_t)i;
    for (int s = 0; s < steps; s++) {
        sum = 0;
        for (int i = 0; i < c->parts; i++) sum += now[i];
        for (int i = 0; i < c->parts; i++) {
            now[i] = sum % 1000003 + (uint64_t)i;
            if (now[i] != c->cell[s + 1][i] || c->runs[s][i] != 1) return 0;
        }
    }
    return 1;
}

/* Runs of all lengths, some after a rest in which the threads are about to sleep. */
static int many_runs(int parts, int threads, int runs) {
    static _Thread_local chain c;
    wb_team *team = wb_team_new(parts, threads);
    int good = check(team != NULL, "a team");
    c.parts = parts;
    for (int r = 0; good && r < runs; r++) {
        const int steps = r % STEPS + 1;
        if (r % 16 == 0) dawdle(WB_IDLE_SPIN_NS - 10000 + r % 256 * 100);
        run_chain(team, &c, steps, (uint64_t)r);
        good = check(right(&c, steps, (uint64_t)r), "a chain of sums");
    }
    if (team != NULL) wb_team_free(team);
    return good;
}

static void *caller(void *arg) {
    (void)arg;
    return many_runs(2, 2, RUNS) ? arg : NULL;
}

static int many_callers(void) {
    pthread_t threads[CALLERS];
    int good = 1;
    for (int i = 0; i < CALLERS; i++) pthread_create(&threads[i], NULL, caller, &good);
    for (int i = 0; i < CALLERS; i++) {
        void *result;
        pthread_join(threads[i], &result);
        good &= result != NULL;
    }
    return good;
}

#if defined(__SANITIZE_THREAD__)
/* The sanitizer delivers signals late: no way to hold a thread. */
static int held_threads(void) { return 1; }
#else
static wb_team *team_of_held;
static _Atomic int held, holding;

/* A thread that is about to sleep or has just woken up is let go and tried again: the
 * caller would rightly wait for its lock. */
static void hold(int signal) {
    (void)signal;
    for (int i = 1; i < team_of_held->threads; i++) {
        pthread_mutex_t *mutex = &team_of_held->members[i].mutex;
        if (pthread_mutex_trylock(mutex) != 0) return;
        pthread_mutex_unlock(mutex);
    }
    atomic_fetch_add(&held, 1);
    while (atomic_load(&holding)) sched_yield();
    atomic_fetch_sub(&held, 1);
}

static void hold_all(wb_team *team, int threads) {
    atomic_store(&holding, 1);
    for (int i = 1; i < threads; i++) {
        while (atomic_load(&held) < i) {
            pthread_kill(team->members[i].thread, SIGUSR1);
            usleep(100);
        }
    }
}

static void let_go(void) {
    atomic_store(&holding, 0);
    while (atomic_load(&held) > 0) sched_yield();
}

/* Threads that never run: the caller alone does all parts. Afterwards they find back in,
 * even if they were held in the middle of waiting for a step long gone. */
static int held_threads(void) {
    static chain c;
    wb_team *team = wb_team_new(PARTS, PARTS);
    signal(SIGUSR1, hold);
    int good = check(team != NULL, "a team");
    c.parts = PARTS;
    for (int turn = 0; good && turn < 20; turn++) {
        team_of_held = team;
        if (turn % 2 == 0) usleep(300);
        hold_all(team, PARTS);
        run_chain(team, &c, STEPS, (uint64_t)turn);
        good = check(right(&c, STEPS, (uint64_t)turn), "a chain without helpers");
        for (int s = 0; s < STEPS; s++)
            for (int p = 0; p < PARTS; p++)
                good &= check(pthread_equal(c.by[s][p], pthread_self()), "who ran it");
        let_go();
        for (int r = 0; good && r < 100; r++) {
            run_chain(team, &c, STEPS, (uint64_t)r);
            good = check(right(&c, STEPS, (uint64_t)r), "a chain with helpers again");
        }
    }
    if (team != NULL) wb_team_free(team);
    return good;
}

#endif

static _Atomic int helped;

/* Part 0 waits for part 1: only another thread can run that. */
static void rely(void *arg, int64_t step, int part) {
    (void)arg, (void)step;
    if (part == 1) atomic_store(&helped, 1);
    while (part == 0 && !atomic_load(&helped)) sched_yield();
}

/* A caller inside of a part is helped by threads that slept. */
static int helpers_come(void) {
    wb_team *team = wb_team_new(2, 2);
    int good = check(team != NULL, "a team");
    for (int r = 0; good && r < RUNS; r++) {
        atomic_store(&helped, 0);
        dawdle(WB_IDLE_SPIN_NS - 10000 + r % 256 * 100);
        wb_team_open(team, 1, rely, NULL);
        wb_team_step(team);
        good = check(atomic_load(&helped), "the other part");
    }
    if (team != NULL) wb_team_free(team);
    return good;
}

int main(void) {
    int good = many_runs(2, 2, RUNS) & many_runs(PARTS, PARTS, RUNS);
    good &= many_runs(5, 2, RUNS) & many_runs(CELLS, 4, RUNS / 20);
    good &= many_callers() & held_threads() & helpers_come();
    return good ? 0 : 1;
}
