/* run.c - visits every (unit, vector) pair of a step; see step.h. */
#include <stdalign.h>
#include <string.h>

#include "core/fetch.h"
#include "core/share.h"
#include "emit/step_data.h"

/* simd/curves.h of the instruction set that leaves curves to C. */
void wb_bend__avx2(float *values, int64_t count, const wb_act *act);

static void visit_avx512(const wb_emit *step, const wb_emit_unit *unit,
                         const wb_emit_vector *v, float *arena) {
    const float *weights = unit->weights + WB_WEIGHT_BIAS_AVX512 / sizeof(float);
    float *out = arena + step->dst;
    wb_more_segments more = {{out + v->out[1], out + v->out[2]},
                             {v->mask[1], v->mask[2]}};
    unit->entry[v->width](arena + step->src + v->in, weights, out + v->out[0], v->mask[0],
                          v->split ? &more : NULL);
}

static void visit_avx2(const wb_emit *step, const wb_emit_unit *unit,
                       const wb_emit_vector *v, float *arena) {
    alignas(64) float sums[WB_ROWS_AVX2 * WB_LANES];
    const float *weights = unit->weights + WB_WEIGHT_BIAS_AVX2 / sizeof(float);
    unit->entry[v->width](arena + step->src + v->in, weights,
                          arena + step->dst + v->out[0], v->mask[0],
                          v->split ? sums : NULL);
    if (v->split) wb_emit_finish(step, unit, v, sums, arena);
}

/* Ask for the output lines of a visit to come: rows are far apart, and a store that
 * waits for memory holds up those behind it. */
static void claim(const wb_emit *step, const wb_emit_unit *unit, const wb_emit_vector *v,
                  float *arena) {
    const int32_t *row = step->order + unit->first_row;
    for (int s = 0; s < (v->split ? WB_MAX_SEGMENTS : 1); s++) {
        if (v->mask[s] == 0) continue;
        const int last = 31 - __builtin_clz(v->mask[s]);
        float *out = arena + step->dst + v->out[s] + last;
        for (int32_t r = 0; r < unit->n_rows; r++) wb_claim(out + row[r] * step->out_cs);
    }
}

/* How a cold program brings things near: the unit after this one, unless it was
 * fetched before, and the step after this one. */
typedef struct {
    int cold, fetched;
    const wb_emit_unit *unit; /* NULL: none */
    wb_ahead step;
} what_comes;

/* One unit over vectors [begin, end). */
static void run_unit(const wb_emit *step, const wb_emit_unit *unit, what_comes *coming,
                     int64_t begin, int64_t end, float *arena) {
    const wb_emit_unit *next = coming->unit;
    wb_ahead ahead = {NULL, 0, 0};
    wb_span spans[3] = {{NULL, 0}};
    if (next != NULL && !coming->fetched) {
        spans[0] = (wb_span){next->code, next->code_bytes};
        spans[1] = (wb_span){next->weights, next->weight_bytes};
        spans[2] = (wb_span){NULL, 0};
    }
    ahead = wb_ahead_of(spans, end - begin);
    for (int64_t v = begin; v < end; v++) {
        if (coming->cold) {
            wb_ahead_go(&ahead);
            wb_ahead_go(&coming->step);
            if (v + 1 < end) claim(step, unit, &step->vectors[v + 1], arena);
            else if (next != NULL) claim(step, next, &step->vectors[begin], arena);
        }
        if (step->isa == WB_AVX512) {
            visit_avx512(step, unit, &step->vectors[v], arena);
        } else {
            visit_avx2(step, unit, &step->vectors[v], arena);
        }
    }
}

/* First group of thread tid when groups are shared by their non-zeros. */
static int32_t first_group(const wb_emit *step, int tid, int nthreads) {
    int64_t before = step->work[step->n_groups] * tid / nthreads;
    int32_t g = 0;
    while (g < step->n_groups && step->work[g] < before) g++;
    return tid == nthreads ? step->n_groups : g;
}

static int cuts(const void *args, int64_t v) {
    const wb_emit *step = args;
    const wb_emit_vector *a = step->vectors + v - 1, *b = step->vectors + v;
    return wb_lines_meet(step->dst, WB_MAX_SEGMENTS, a->out, a->mask, b->out, b->mask);
}

void wb_emit_run(const void *args, float *arena, int tid, int nthreads) {
    const wb_emit *step = args;
    WB_REQUIRE_STEP(step, arena, tid, nthreads);
    WB_REQUIRE(step->parts >= 1 && step->n_vectors >= 0 && step->n_units >= 0);
    int64_t begin = 0, end = step->n_vectors;
    int32_t u0 = 0, u1 = step->n_units;
    if (step->by_rows) {
        u0 = first_group(step, tid, nthreads) * step->parts;
        u1 = first_group(step, tid + 1, nthreads) * step->parts;
    } else {
        begin = wb_share_apart(step->n_vectors, tid, nthreads, cuts, step);
        end = wb_share_apart(step->n_vectors, tid + 1, nthreads, cuts, step);
    }
    int64_t band = step->band > 0 ? step->band : end - begin;
    what_comes coming = {.cold = wb_is_cold(arena)};
    if (coming.cold && u0 < u1) {
        coming.step = wb_ahead_open(arena, (end - begin) * (u1 - u0));
        wb_fetch(step->units[u0].code, step->units[u0].code_bytes);
        wb_fetch(step->units[u0].weights, step->units[u0].weight_bytes);
    }
    for (int64_t v = begin; v < end; v += band) {
        int64_t stop = v + band < end ? v + band : end;
        coming.fetched = !coming.cold || v > begin;
        for (int32_t u = u0; u < u1; u++) {
            coming.unit = u + 1 < u1 ? &step->units[u + 1] : NULL;
            run_unit(step, &step->units[u], &coming, v, stop, arena);
        }
    }
}

static void bend(float *lanes, const wb_emit *step) {
#if defined(__x86_64__)
    if (step->act.curve != WB_LINEAR) wb_bend__avx2(lanes, WB_LANES, &step->act);
#else
    (void)lanes, (void)step;
#endif
}

/* The lane that unzip brings here. */
static int unzipped(int lane) {
    return lane < WB_LANES / 2 ? 2 * lane : 2 * lane - WB_LANES + 1;
}

/* The sums of a row in the order in which a segment stores them, with its residual. */
static void gather(const wb_emit *step, const float *row, const float *to, uint32_t mask,
                   float *lanes) {
    for (int lane = 0; lane < WB_LANES; lane++)
        lanes[lane] = row[step->unzip ? unzipped(lane) : lane];
    if (step->has_residual)
        for (uint32_t left = mask; left != 0; left &= left - 1) {
            const int lane = __builtin_ctz(left);
            lanes[lane] += to[lane + step->residual_delta];
        }
    for (int lane = 0; lane < WB_LANES; lane++) {
        const float x = lanes[lane] < step->act.lo ? step->act.lo : lanes[lane];
        lanes[lane] = x > step->act.hi ? step->act.hi : x;
    }
    bend(lanes, step);
}

void wb_emit_finish(const wb_emit *step, const wb_emit_unit *unit,
                    const wb_emit_vector *vector, const float *sums, float *arena) {
    alignas(64) float lanes[WB_LANES];
    for (int32_t r = 0; r < unit->n_rows; r++) {
        float *out = arena + step->dst + step->order[unit->first_row + r] * step->out_cs;
        for (int s = 0; s < WB_MAX_SEGMENTS; s++) {
            const uint32_t mask = vector->mask[s];
            if (mask == 0) continue;
            float *to = out + vector->out[s];
            gather(step, sums + r * WB_LANES, to, mask, lanes);
            if (mask == 0xFFFF) memcpy(to, lanes, sizeof lanes);
            else
                for (uint32_t left = mask; left != 0; left &= left - 1)
                    to[__builtin_ctz(left)] = lanes[__builtin_ctz(left)];
        }
    }
}
