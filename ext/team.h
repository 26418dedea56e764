/* A team of persistent threads: wakes up together, meets at barriers, sleeps when idle.
 *
 * Waiting spins for at most WB_SPIN_NS and then sleeps on a condition variable; a team
 * larger than the number of usable processors never spins. A team belongs to one caller
 * at a time: the executor's lock sees to that.
 */
#ifndef WB_TEAM_H
#define WB_TEAM_H

typedef struct wb_team wb_team;

/* NULL when threads cannot be started. `size` counts the caller: size - 1 are made. */
wb_team *wb_team_new(int size);
void wb_team_free(wb_team *team);

/* 0 in a process that was forked after the team was made: its threads are not here. */
int wb_team_alive(const wb_team *team);

/* Run body(arg, tid) for tid 0..size-1; the caller is tid 0; return when all are done. */
void wb_team_run(wb_team *team, void (*body)(void *arg, int tid), void *arg);

/* Every thread of the team must call this equally often inside of a body. */
void wb_team_barrier(wb_team *team);

#endif
