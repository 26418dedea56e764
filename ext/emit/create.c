/* create.c - plans, generates, seals and frees a step; see step.h. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "emit/activate_avx512.h"
#include "emit/step_data.h"

enum { WB_REACH = INT32_MAX / 8 }; /* floats; REACH of code_shapes.py */

enum { PAGE = 4096, CODE_PER_ROW = 1024, CODE_PER_UNIT = 1024, CODE_PER_NONZERO = 26 };

static int live_lanes(const wb_emit_vector *v) {
    uint32_t all = (uint32_t)v->mask[0] | v->mask[1] | v->mask[2];
    return 32 - __builtin_clz(all);
}

/* AVX2 stores whole vectors itself; the rest goes through scratch and C. */
static int needs_scratch(const wb_emit_spec *spec, const wb_emit_vector *v) {
    int lanes = v->width == WB_XMM ? 0xFF : 0xFFFF;
    return spec->place.unzip || v->mask[1] != 0 || v->mask[0] != lanes ||
           spec->place.act.curve != WB_LINEAR;
}

/* Copy the vectors that store anything, their used segments first. */
static int copy_vectors(wb_emit *step, const wb_emit_spec *spec) {
    const wb_place *place = &spec->place;
    step->vectors = malloc(((size_t)place->count + 1) * sizeof *step->vectors);
    if (step->vectors == NULL) return -1;
    for (int64_t i = 0; i < place->count; i++) {
        wb_emit_vector v = {.in = place->in[i] - step->in_skew, .width = WB_ZMM};
        int used = 0;
        for (int64_t s = i * place->segments; s < (i + 1) * place->segments; s++) {
            if (place->mask[s] == 0) continue;
            v.out[used] = place->out[s];
            v.mask[used++] = place->mask[s];
        }
        if (used == 0) continue;
        for (int s = used; s < WB_MAX_SEGMENTS; s++) v.out[s] = v.out[0];
        int lanes = live_lanes(&v);
        if (spec->isa == WB_AVX2) {
            v.width = spec->narrow && lanes <= 8 ? WB_XMM : WB_YMM;
            v.split = (uint8_t)needs_scratch(spec, &v);
        } else {
            if (spec->narrow && lanes <= 8) v.width = lanes <= 4 ? WB_XMM : WB_YMM;
            v.split = used > 1;
        }
        step->vectors[step->n_vectors++] = v;
    }
    return 0;
}

static void find_kinds(const wb_emit *step, int *widths, wb_unit_spec *unit) {
    for (int64_t i = 0; i < step->n_vectors; i++) {
        const wb_emit_vector *v = &step->vectors[i];
        int used = v->mask[2] ? 3 : v->mask[1] ? 2 : 1;
        widths[v->width] = 1;
        if (used > unit->segments) unit->segments = used;
        if (v->split) unit->some_split = 1;
        else unit->some_single = 1;
    }
}

/* Sums kept in the output between parts: one epilogue serves every vector. */
static void join_kinds(wb_emit *step, wb_unit_spec *unit) {
    if (!unit->some_single || !unit->some_split) return;
    for (int64_t i = 0; i < step->n_vectors; i++) step->vectors[i].split = 1;
    unit->some_single = 0;
}

static int copy_plan(wb_emit *step, const wb_emit_spec *spec) {
    const wb_place *place = &spec->place;
    step->n_groups = (spec->n_rows + spec->group - 1) / spec->group;
    step->parts = spec->parts;
    step->n_units = step->n_groups * spec->parts;
    step->units = calloc((size_t)step->n_units, sizeof *step->units);
    step->work = calloc((size_t)step->n_groups + 1, sizeof *step->work);
    step->order = malloc((size_t)spec->n_rows * sizeof *step->order);
    if (!step->units || !step->work || !step->order) return -1;
    memcpy(step->order, spec->order, (size_t)spec->n_rows * sizeof *step->order);
    step->src = place->src;
    step->dst = place->dst;
    step->out_cs = place->out_cs;
    step->has_residual = place->residual != WB_NONE;
    step->residual_delta = step->has_residual ? place->residual - place->dst : 0;
    step->act = place->act;
    step->unzip = place->unzip != 0;
    step->isa = spec->isa;
    step->band = spec->band;
    step->by_rows = spec->by_rows;
    if (spec->isa == WB_AVX512 && spec->shift != WB_SHIFT_NEVER && place->count > 0) {
        step->in_skew = (int32_t)((place->src + place->in[0]) & (WB_LANES - 1));
    }
    return copy_vectors(step, spec);
}

static void generate_unit(wb_emit_unit *unit, const wb_unit_spec *spec, int isa,
                          const int *widths, wb_code *code, wb_stream *stream) {
    float *weights = stream->at;
    for (int w = 0; w < WB_WIDTHS; w++) {
        if (!widths[w]) continue;
        uint8_t *entry = code->at;
        stream->at = weights; /* every width reads the same weights */
        if (isa == WB_AVX512) {
            wb_generate_avx512(code, stream, spec, (wb_width)w);
        } else {
            wb_generate_avx2(code, stream, spec, w == WB_XMM ? 1 : 2);
        }
        unit->entry[w] = (wb_unit_fn)(uintptr_t)entry;
        unit->code = entry;
        unit->code_bytes = (int32_t)(code->at - entry);
    }
    unit->weights = weights;
    unit->weight_bytes = (int32_t)((stream->at - weights) * (ptrdiff_t)sizeof(float));
}

static void generate_all(wb_emit *step, const wb_emit_spec *spec, wb_pack *pack,
                         wb_code *code, wb_stream *stream) {
    int widths[WB_WIDTHS] = {0};
    wb_unit_spec unit = {.pack = pack,
                         .bias = spec->bias,
                         .out_cs = step->out_cs,
                         .residual_delta = step->residual_delta,
                         .has_residual = step->has_residual,
                         .shift = spec->shift,
                         .in_skew = step->in_skew,
                         .act = step->act,
                         .unzip = step->unzip};
    find_kinds(step, widths, &unit);
    if (spec->parts > 1) join_kinds(step, &unit);
    for (int32_t g = 0; g < step->n_groups && !code->overflow; g++) {
        int32_t row = (int32_t)((int64_t)spec->n_rows * g / step->n_groups);
        int32_t stop = (int32_t)((int64_t)spec->n_rows * (g + 1) / step->n_groups);
        unit.rows = step->order + row;
        unit.n_rows = stop - row;
        step->work[g + 1] = step->work[g];
        for (int32_t p = 0; p < spec->parts; p++) {
            wb_emit_unit *target = &step->units[g * spec->parts + p];
            wb_pack_group(pack, unit.rows, unit.n_rows, p, spec->parts);
            unit.first = p == 0;
            unit.last = p == spec->parts - 1;
            target->first_row = row;
            target->n_rows = unit.n_rows;
            generate_unit(target, &unit, spec->isa, widths, code, stream);
            step->work[g + 1] += target->weight_bytes;
        }
    }
    assert(code->overflow || !stream->overflow);
}

/* Far more than the code needs (untouched pages cost nothing), within the limit. */
static size_t code_bound(const wb_emit *step, const wb_emit_spec *spec) {
    size_t nnz = (size_t)spec->indptr[spec->n_rows];
    size_t rows = (size_t)spec->n_rows * (size_t)spec->parts;
    size_t bytes = nnz * CODE_PER_NONZERO + rows * CODE_PER_ROW +
                   (size_t)step->n_units * CODE_PER_UNIT;
    bytes = WB_WIDTHS * bytes + PAGE;
    return bytes < spec->code_limit ? bytes : spec->code_limit;
}

static int within(int64_t floats) { return floats < WB_REACH && floats > -WB_REACH; }

/* Displacements are 32 bits of bytes. Half of them for rows and half for the residual;
 * an input register that was moved to one offset reaches all others. */
static int in_reach(const wb_emit_spec *spec) {
    const wb_place *place = &spec->place;
    if (!within(place->out_cs) || !within(spec->n_rows * place->out_cs)) return 0;
    if (place->residual != WB_NONE && !within(place->residual - place->dst)) return 0;
    int64_t low = 0, high = 0;
    for (int32_t j = 0; j < spec->indptr[spec->n_rows]; j++) {
        const int64_t at = spec->offsets[j];
        low = at < low ? at : low;
        high = at > high ? at : high;
    }
    return within(high - low);
}

int wb_emit_has_curve(int isa, wb_act act) {
    float constants[WB_ACT_CONSTANTS];
    return isa != WB_AVX512 || wb_act_constants(act, constants) >= 0;
}

static wb_emit_status build(wb_emit *step, const wb_emit_spec *spec) {
    wb_pack pack;
    if (!wb_emit_has_curve(spec->isa, spec->place.act)) return WB_EMIT_NO_CURVE;
    if (!in_reach(spec)) return WB_EMIT_TOO_FAR;
    if (copy_plan(step, spec) != 0) return WB_EMIT_NO_MEMORY;
    step->weight_floats = (size_t)spec->indptr[spec->n_rows] + (size_t)spec->n_rows +
                          (size_t)step->n_groups * (WB_ACT_CONSTANTS + WB_LANES);
    size_t bytes = (step->weight_floats * sizeof(float) + 127) / 64 * 64;
    step->weights = aligned_alloc(64, bytes);
    if (step->weights == NULL) return WB_EMIT_NO_MEMORY;
    if (wb_pack_open(&pack, spec->n_rows, spec->indptr, spec->offsets, spec->values)) {
        return WB_EMIT_NO_MEMORY;
    }
    if (wb_code_open(&step->block, code_bound(step, spec)) != 0) {
        wb_pack_close(&pack);
        return WB_EMIT_NO_MEMORY;
    }
    wb_code code = {step->block.base, step->block.base + step->block.bytes, 0};
    wb_stream stream = {step->weights, step->weights + step->weight_floats, 0};
    generate_all(step, spec, &pack, &code, &stream);
    wb_pack_close(&pack);
    if (code.overflow || stream.overflow) return WB_EMIT_TOO_LARGE;
    step->code_bytes = (size_t)(code.at - step->block.base);
    return wb_code_seal(&step->block, step->code_bytes) ? WB_EMIT_NOT_SEALED : WB_EMIT_OK;
}

wb_emit *wb_emit_create(const wb_emit_spec *spec, wb_emit_status *status) {
    wb_emit *step = calloc(1, sizeof *step);
    *status = WB_EMIT_NO_MEMORY;
    if (step == NULL) return NULL;
    *status = build(step, spec);
    if (*status == WB_EMIT_OK) return step;
    wb_emit_free(step);
    return NULL;
}

void wb_emit_free(wb_emit *step) {
    if (step == NULL) return;
    wb_code_close(&step->block);
    free(step->weights);
    free(step->units);
    free(step->work);
    free(step->vectors);
    free(step->order);
    free(step);
}

size_t wb_emit_size(void) { return sizeof(wb_emit); }

size_t wb_emit_code_bytes(const wb_emit *step) { return step->code_bytes; }

const uint8_t *wb_emit_code(const wb_emit *step) { return step->block.base; }

const float *wb_emit_weights(const wb_emit *step) { return step->weights; }

size_t wb_emit_weight_bytes(const wb_emit *step) {
    return step->weight_floats * sizeof(float);
}

int32_t wb_emit_units(const wb_emit *step) { return step->n_units; }

int64_t wb_emit_vectors(const wb_emit *step) { return step->n_vectors; }

void wb_emit_narrow(wb_emit *copy, int64_t first, int64_t count, const int64_t *moved) {
    copy->vectors += first;
    copy->n_vectors = count;
    copy->src += moved[0];
    copy->dst += moved[1];
}
