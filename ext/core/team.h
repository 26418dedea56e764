/* A team of persistent threads that shares the parts of steps and sleeps when idle.
 *
 * Work comes as steps of `parts` parts each. Part t is first of all thread t's; a thread
 * that has done its own takes whichever part nobody has begun. A step is over when its
 * parts are done: a thread that sleeps, or waits for a processor, is not waited for, and
 * joins wherever the others are by then. A team belongs to one caller at a time: the
 * executor's lock sees to that.
 */
#ifndef WB_TEAM_H
#define WB_TEAM_H

#include <stdint.h>

typedef struct wb_team wb_team;

/* Do part `part` of step `step`: called once for each, by any thread of the team. */
typedef void (*wb_part_fn)(void *arg, int64_t step, int part);

/* NULL when threads cannot be started. `threads` counts the caller: threads - 1 are made;
 * at least 2, at most `parts`. */
wb_team *wb_team_new(int parts, int threads);
void wb_team_free(wb_team *team);

/* 0 in a process that was forked after the team was made: its threads are not here. */
int wb_team_alive(const wb_team *team);

/* Open steps 0..steps-1 to the team. The caller must then go through all of them. */
void wb_team_open(wb_team *team, int64_t steps, wb_part_fn fn, void *arg);

/* Take part in the caller's next step; return when it is over. */
void wb_team_step(wb_team *team);

/* How many threads can run at once here. */
int wb_usable_processors(void);

#endif
