/* Requirements at the entry of kernels, in a checked build; run by test_require.py.
 *
 * Each case runs a kernel in a process of its own: a sound call must come back, a broken
 * one must end by SIGABRT and say which requirement did not hold. */
#define WB_CHECKED
#include "kernels/linear/linear.c"
#include "simd/curves.c"
#include "kernels/move/move.c"

#include <math.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static float *arena;
static const float WEIGHTS[6] = {1, 2, 3, 4, 5, 6}, BIAS[2] = {10, 20};

static wb_linear_dense dense(void) {
    return (wb_linear_dense){.outputs = 2,
                             .inputs = 3,
                             .dst = 16,
                             .act = {.lo = -INFINITY, .hi = INFINITY},
                             .weights = WEIGHTS,
                             .bias = BIAS};
}

static void sound(void) {
    const wb_linear_dense a = dense();
    for (int i = 0; i < 3; i++) arena[i] = 1;
    wb_f32_linear_dense_1x16__scalar(&a, arena, 0, 1);
    if (arena[16] != 16 || arena[17] != 35) exit(1);
    const wb_move m = {.src = 16, .dst = 4, .count = 2};
    wb_f32_move_1x16__scalar(&m, arena, 0, 1);
    if (arena[4] != 16 || arena[5] != 35) exit(1);
}

static void crooked_arena(void) {
    const wb_linear_dense a = dense();
    wb_f32_linear_dense_1x16__scalar(&a, arena + 1, 0, 1);
}

static void no_such_part(void) {
    const wb_linear_dense a = dense();
    wb_f32_linear_dense_1x16__scalar(&a, arena, 1, 1);
}

static void no_weights(void) {
    wb_linear_dense a = dense();
    a.weights = NULL;
    wb_f32_linear_dense_1x16__scalar(&a, arena, 0, 1);
}

static void crossed_bounds(void) {
    wb_linear_dense a = dense();
    a.act.lo = 1, a.act.hi = 0;
    wb_f32_linear_dense_1x16__scalar(&a, arena, 0, 1);
}

static void upwards(void) {
    const wb_move m = {.src = 4, .dst = 16, .count = 2};
    wb_f32_move_1x16__scalar(&m, arena, 0, 1);
}

/* What a case writes, or "came back", or "failed". */
static void report(const char *name, void (*run)(void)) {
    int ends[2], status = 0;
    char said[512] = "";
    if (pipe(ends) != 0) exit(2);
    const pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], 2);
        run();
        _exit(0);
    }
    close(ends[1]);
    size_t n = 0;
    for (ssize_t got; (got = read(ends[0], said + n, sizeof said - 1 - n)) > 0;)
        n += (size_t)got;
    close(ends[0]);
    waitpid(child, &status, 0);
    const char *what = strstr(said, "else than ");
    if (WIFEXITED(status)) what = WEXITSTATUS(status) == 0 ? "came back\n" : "failed\n";
    else what = what == NULL ? "died without a word\n" : what + strlen("else than ");
    printf("%s: %s", name, what);
    fflush(stdout);
}

int main(void) {
    void *block = NULL;
    if (posix_memalign(&block, WB_ALIGN, 4096) != 0) return 2;
    memset(block, 0, 4096);
    arena = (float *)((char *)block + sizeof(wb_context));
    report("sound", sound);
    report("crooked arena", crooked_arena);
    report("no such part", no_such_part);
    report("no weights", no_weights);
    report("crossed bounds", crossed_bounds);
    report("upwards", upwards);
    free(block);
    return 0;
}
