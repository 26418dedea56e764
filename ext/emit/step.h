/* step.h - a convolution as generated code: made once, run often, freed once.
 *
 * Geometry is the caller's and was checked there: every offset that the tables can
 * form lies in the arena. out[o][p] = act(bias[o] + sum value * arena[in(p) + offset]
 * + residual), lanes outside of the masks are never written. Any number of threads may
 * run one step at the same time on different arenas; nothing in it changes.
 */
#ifndef WB_EMIT_STEP_H
#define WB_EMIT_STEP_H

#include <stddef.h>
#include <stdint.h>

#include "emit/generate.h"

typedef struct {
    int32_t n_rows;
    const int32_t *indptr, *offsets;
    const float *values, *bias;
    const int32_t *order; /* the rows in the order in which they are grouped */
    wb_place place;
    int isa; /* WB_AVX2 or WB_AVX512 */
    int32_t group;   /* rows a unit, at most */
    int32_t parts;   /* shares of the columns; more than 1 keeps sums in the output */
    int32_t band;    /* vectors that all units visit before the next ones; 0 = all */
    int by_rows;     /* threads share the units instead of the vectors */
    int narrow;      /* shorter registers for vectors of at most 8 live lanes */
    wb_shift shift; /* AVX-512 only */
    size_t code_limit;
} wb_emit_spec;

typedef enum {
    WB_EMIT_OK,
    WB_EMIT_NO_MEMORY,    /* malloc or mmap */
    WB_EMIT_TOO_LARGE,    /* code would exceed code_limit */
    WB_EMIT_TOO_FAR,      /* an output row is out of reach of a 32-bit displacement */
    WB_EMIT_NOT_SEALED,   /* the system refuses executable memory */
    WB_EMIT_NO_CURVE      /* the activation has no code in this instruction set */
} wb_emit_status;

typedef struct wb_emit wb_emit;

/* Whether there is code for an activation; AVX2 leaves its curves to C and has all. */
int wb_emit_has_curve(int isa, wb_act act);

/* A step, or NULL with the reason in *status. */
wb_emit *wb_emit_create(const wb_emit_spec *spec, wb_emit_status *status);
void wb_emit_free(wb_emit *step);

/* The executor's entry point: args is a wb_emit. */
void wb_emit_run(const void *args, float *arena, int tid, int nthreads);

/* Bytes of the struct itself; a copy of it runs as well while the original lives. */
size_t wb_emit_size(void);
size_t wb_emit_code_bytes(const wb_emit *step);
const uint8_t *wb_emit_code(const wb_emit *step);
const float *wb_emit_weights(const wb_emit *step);
size_t wb_emit_weight_bytes(const wb_emit *step);
int32_t wb_emit_units(const wb_emit *step);
int64_t wb_emit_vectors(const wb_emit *step);

/* Make a copy of a step visit `count` of its vectors from `first` on, reading
 * moved[0] and writing moved[1] floats after the places of the whole step. The residual
 * moves as its output does. */
void wb_emit_narrow(wb_emit *copy, int64_t first, int64_t count, const int64_t *moved);

#endif
