/* Packing for conv_sparse: chunks, blocks, runs; see conv_sparse.h.
 *
 * Compiled once, for the baseline. Linear in the non-zeros.
 */
#include "kernels/conv_sparse/conv_sparse.h"

#include <stdlib.h>
#include <string.h>

enum { LINE = 16 };

typedef struct {
    const wb_sparse_plan *plan;
    const int32_t *indptr, *offsets;
    const float *values;
    int64_t first_line, lines;
    int32_t *chunk_of_line;
    int32_t *block_of_row;
    uint32_t *counts; /* [rows][chunks][classes] */
} work;

static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }

/* dx of an offset: the class that the shifting kernel puts it in. */
static int class_of(const wb_sparse_plan *plan, int32_t offset) {
    if (plan->classes == 1) return 0;
    const int dx = (int)((offset - plan->first_dx) & (plan->unit - 1));
    return dx < plan->classes ? dx : -1;
}

static int64_t aligned_part(const wb_sparse_plan *plan, int32_t offset) {
    if (plan->classes == 1) return offset;
    return (int64_t)offset - plan->first_dx - class_of(plan, offset);
}

/* Cut the lines that any offset touches into chunks of equal L1 footprint. */
static int32_t cut_chunks(work *w) {
    const wb_sparse_plan *plan = w->plan;
    const int64_t nnz = w->indptr[plan->rows];
    int64_t low = INT64_MAX, high = INT64_MIN, reach = 0;
    for (int64_t i = 0; i < nnz; i++) {
        const int64_t at = aligned_part(plan, w->offsets[i]);
        low = at < low ? at : low;
        high = at > high ? at : high;
    }
    if (nnz == 0) low = high = 0;
    int64_t deepest = 0;
    for (int v = 0; v < plan->strip; v++) {
        const int64_t d = plan->strip_in[v] - plan->strip_in[0];
        reach = d > reach ? d : reach;
        deepest = d < deepest ? d : deepest;
    }
    w->first_line = floor_div(low, LINE);
    w->lines = floor_div(high, LINE) - w->first_line + 1;
    const int64_t around = (reach - deepest) / LINE + 2;
    w->chunk_of_line = malloc(sizeof(int32_t) * (size_t)w->lines);
    char *used = calloc((size_t)w->lines, 1);
    int32_t *seen = calloc((size_t)(w->lines + around), sizeof(int32_t));
    if (w->chunk_of_line == NULL || used == NULL || seen == NULL) {
        free(used);
        free(seen);
        return -1;
    }
    for (int64_t i = 0; i < nnz; i++)
        used[floor_div(aligned_part(plan, w->offsets[i]), LINE) - w->first_line] = 1;
    /* Pass 1 measures the whole footprint, pass 2 cuts it evenly. */
    const int64_t span = plan->unit == 1 ? INT64_MAX : UINT16_MAX * plan->unit / LINE - 1;
    int64_t limit = INT64_MAX, total = 0, opened = 0;
    int32_t chunk = 0, stamp = 0;
    for (int pass = 1; pass <= 2; pass++) {
        int64_t footprint = 0;
        chunk = 0;
        opened = 0;
        stamp++;
        for (int64_t line = 0; line < w->lines; line++) {
            if (pass == 2 && line - opened > span) {
                chunk++;
                stamp++;
                footprint = 0;
                opened = line;
            }
            w->chunk_of_line[line] = chunk;
            if (!used[line]) continue;
            for (int v = 0; v < plan->strip; v++) {
                const int64_t d = plan->strip_in[v] - plan->strip_in[0] - deepest;
                int32_t *mark = &seen[line + d / LINE];
                footprint += *mark != stamp;
                *mark = stamp;
            }
            if (footprint * LINE >= limit) {
                chunk++;
                stamp++;
                footprint = 0;
                opened = line + 1;
            }
        }
        if (pass == 1) {
            total = footprint * LINE;
            const int64_t parts = (total + plan->l1_floats - 1) / plan->l1_floats;
            limit = parts > 1 ? (total + parts - 1) / parts : INT64_MAX;
        } else if (footprint == 0 && chunk > 0) {
            chunk--;
        }
    }
    free(used);
    free(seen);
    return chunk + 1;
}

/* Rows go to blocks in order, each block getting an equal share of the non-zeros. */
static void cut_blocks(work *w) {
    const wb_sparse_plan *plan = w->plan;
    const double all = (double)w->indptr[plan->rows] + plan->rows;
    for (int32_t r = 0; r < plan->rows; r++) {
        const double middle = (w->indptr[r] + w->indptr[r + 1]) * 0.5 + r + 0.5;
        int32_t block = (int32_t)(middle / all * plan->blocks);
        w->block_of_row[r] = block < plan->blocks ? block : plan->blocks - 1;
    }
}

/* A row and its non-zeros in one chunk. */
typedef struct {
    uint32_t count;
    int32_t row;
} counted_row;

static int longest_first(const void *a, const void *b) {
    const counted_row *x = a, *y = b;
    if (x->count != y->count) return x->count < y->count ? 1 : -1;
    return x->row - y->row;
}

/* The rows of block b from `row` on, in the order of their runs in chunk c. Rows with as
 * many non-zeros follow each other: a loop that ends where the last one did is no
 * surprise, and the surprises of short rows cost more than their multiply-adds. */
static int32_t order_rows(const work *w, int32_t chunks, int32_t c, int32_t b,
                          int32_t row, counted_row *order) {
    const wb_sparse_plan *plan = w->plan;
    int32_t n = 0;
    for (; row < plan->rows && w->block_of_row[row] == b; row++, n++) {
        const int64_t at = (int64_t)row * chunks + c;
        order[n] = (counted_row){plan->classes == 1 ? w->counts[at] : 0, row};
    }
    qsort(order, (size_t)n, sizeof *order, longest_first);
    return n;
}

static int fill(work *w, wb_packed *out) {
    const wb_sparse_plan *plan = w->plan;
    const int32_t classes = plan->classes, chunks = out->chunks, rows = plan->rows;
    int64_t *start = malloc(sizeof *start * (size_t)rows * chunks * classes);
    counted_row *order = malloc(sizeof *order * (size_t)rows);
    if (start == NULL || order == NULL) {
        free(start);
        free(order);
        return -1;
    }
    int64_t run = 0, nz = 0;
    for (int32_t c = 0; c < chunks; c++) {
        int32_t row = 0;
        for (int32_t b = 0; b < plan->blocks; b++) {
            out->run_at[c * plan->blocks + b] = run;
            out->nz_at[c * plan->blocks + b] = nz;
            const int32_t n = order_rows(w, chunks, c, b, row, order);
            for (int32_t i = 0; i < n; i++, row++) {
                const int64_t from = ((int64_t)order[i].row * chunks + c) * classes;
                const int64_t before = nz;
                uint32_t *entry = out->runs + run * (1 + classes);
                entry[0] = (uint32_t)order[i].row;
                for (int32_t k = 0; k < classes; k++) {
                    entry[1 + k] = w->counts[from + k];
                    start[from + k] = nz;
                    nz += w->counts[from + k];
                }
                /* The first chunk starts every row and the last one finishes it. */
                run += nz > before || c == 0 || c == chunks - 1;
            }
        }
    }
    out->run_at[chunks * plan->blocks] = run;
    out->nz_at[chunks * plan->blocks] = nz;
    out->run_count = run;
    int failed = 0;
    for (int64_t r = 0; r < rows; r++) {
        for (int64_t i = w->indptr[r]; i < w->indptr[r + 1]; i++) {
            const int64_t at = aligned_part(plan, w->offsets[i]);
            const int64_t line = floor_div(at, LINE) - w->first_line;
            const int64_t c = w->chunk_of_line[line];
            const int64_t k = class_of(plan, w->offsets[i]);
            const int64_t to = start[(r * chunks + c) * classes + k]++;
            const int64_t distance = at - out->chunk_base[c];
            out->values[to] = w->values[i];
            if (plan->unit == 1) {
                failed |= distance > INT32_MAX;
                ((int32_t *)out->index)[to] = (int32_t)distance;
            } else {
                const int64_t units = distance / plan->unit;
                failed |= distance % plan->unit != 0 || units > UINT16_MAX;
                ((uint16_t *)out->index)[to] = (uint16_t)units;
            }
        }
    }
    free(start);
    free(order);
    return failed ? -1 : 0;
}

static void *lines_of(size_t bytes) {
    return aligned_alloc(WB_ALIGN, (bytes / WB_ALIGN + 2) * WB_ALIGN);
}

static int build(work *w, wb_packed *out) {
    const wb_sparse_plan *plan = w->plan;
    const int64_t nnz = w->indptr[plan->rows], rows = plan->rows;
    out->chunks = cut_chunks(w);
    if (out->chunks < 1) return -1;
    const int64_t parts = (int64_t)out->chunks * plan->blocks;
    w->block_of_row = malloc(sizeof(int32_t) * (size_t)rows);
    w->counts = calloc((size_t)(rows * out->chunks * plan->classes), sizeof(uint32_t));
    out->chunk_base = malloc(sizeof(int64_t) * (size_t)out->chunks);
    out->runs = lines_of((size_t)(rows * out->chunks * (1 + plan->classes)) * 4);
    out->run_at = malloc(sizeof(int64_t) * (size_t)(parts + 1));
    out->nz_at = malloc(sizeof(int64_t) * (size_t)(parts + 1));
    out->index = lines_of((size_t)nnz * (plan->unit == 1 ? 4 : 2));
    out->values = lines_of((size_t)nnz * 4);
    if (w->block_of_row == NULL || w->counts == NULL || out->chunk_base == NULL ||
        out->runs == NULL || out->run_at == NULL || out->nz_at == NULL ||
        out->index == NULL || out->values == NULL)
        return -1;
    for (int64_t line = w->lines - 1; line >= 0; line--)
        out->chunk_base[w->chunk_of_line[line]] = (w->first_line + line) * LINE;
    for (int64_t r = 0; r < rows; r++) {
        for (int64_t i = w->indptr[r]; i < w->indptr[r + 1]; i++) {
            const int k = class_of(plan, w->offsets[i]);
            const int64_t at = aligned_part(plan, w->offsets[i]);
            if (k < 0) return -1;
            const int64_t c = w->chunk_of_line[floor_div(at, LINE) - w->first_line];
            w->counts[(r * out->chunks + c) * plan->classes + k]++;
        }
    }
    cut_blocks(w);
    return fill(w, out);
}

int wb_pack_sparse(const wb_sparse_plan *plan, const int32_t *indptr,
                   const int32_t *offsets, const float *values, wb_packed *packed) {
    work w = {.plan = plan, .indptr = indptr, .offsets = offsets, .values = values};
    memset(packed, 0, sizeof *packed);
    const int status = build(&w, packed);
    free(w.chunk_of_line);
    free(w.block_of_row);
    free(w.counts);
    if (status != 0) wb_free_packed(packed);
    return status;
}

void wb_free_packed(wb_packed *packed) {
    free(packed->chunk_base);
    free(packed->runs);
    free(packed->run_at);
    free(packed->nz_at);
    free(packed->index);
    free(packed->values);
    memset(packed, 0, sizeof *packed);
}
