/* Runs a list of steps over one arena: the whole batch in one call, no Python inside. */
#ifndef WB_EXECUTOR_H
#define WB_EXECUTOR_H

#include "core/wb.h"

typedef struct wb_executor wb_executor;

enum { WB_MAX_SPANS = 2 };

typedef struct {
    wb_kernel_fn fn;
    const void *args;
    wb_span spans[WB_MAX_SPANS + 1]; /* unused ones are of 0 bytes */
} wb_call;

typedef struct {
    int64_t arena_floats;
    int64_t scratch_floats; /* a thread */
    int64_t shared_floats;
    int threads;
    int cold; /* steps fetch ahead of their needs; see fetch.h */
} wb_sizes;

/* NULL when memory is short. The calls are copied, their args are not. */
wb_executor *wb_executor_new(const wb_call *calls, int count, wb_sizes sizes);
void wb_executor_free(wb_executor *e);
float *wb_executor_arena(wb_executor *e);

/* Stop the threads until the next run. */
void wb_executor_rest(wb_executor *e);

/* Steps [first, stop), `rounds` times. Round r reads x + r * x_floats and writes
 * y + r * y_floats. With `ns`, ns[r * (stop - first) + i] becomes the time of step i in
 * nanoseconds, from the end of the one before. Serialised by a lock of the executor.
 * Returns 0, or -1 when threads could not be started (nothing has run then). */
typedef struct {
    int first, stop, rounds;
    const float *x;
    float *y;
    int64_t x_floats, y_floats;
    int64_t *ns;
} wb_job;
int wb_executor_run(wb_executor *e, wb_job job);

#endif
