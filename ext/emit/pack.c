/* pack.c - see pack.h. */
#include "emit/pack.h"

#include <stdlib.h>
#include <string.h>

static int ascending(const void *a, const void *b) {
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

static uint32_t slot_of(int32_t offset, uint32_t mask) {
    return ((uint32_t)offset * 2654435761u >> 7) & mask;
}

/* Distinct offsets through an open hash table (there are far fewer of them than
 * non-zeros), then sorted; column_of first holds hash slots, then sorted indices. */
static int number_columns(wb_pack *pack, int32_t nnz) {
    uint32_t size = 1024, used = 0;
    int32_t *keys = malloc(size * sizeof *keys);
    int32_t *filled = calloc(size, sizeof *filled);
    for (int32_t j = 0; keys && filled && j < nnz; j++) {
        uint32_t slot = slot_of(pack->offsets[j], size - 1);
        while (filled[slot] && keys[slot] != pack->offsets[j])
            slot = (slot + 1) & (size - 1);
        if (filled[slot]) continue;
        keys[slot] = pack->offsets[j];
        filled[slot] = 1;
        if (++used * 2 <= size) continue;
        uint32_t wider = size * 4;
        int32_t *new_keys = malloc(wider * sizeof *new_keys);
        int32_t *new_filled = calloc(wider, sizeof *new_filled);
        for (uint32_t s = 0; new_keys && new_filled && s < size; s++) {
            if (!filled[s]) continue;
            uint32_t to = slot_of(keys[s], wider - 1);
            while (new_filled[to]) to = (to + 1) & (wider - 1);
            new_keys[to] = keys[s];
            new_filled[to] = 1;
        }
        free(keys);
        free(filled);
        if (!new_keys || !new_filled) {
            free(new_keys);
            free(new_filled);
            return -1;
        }
        keys = new_keys;
        filled = new_filled;
        size = wider;
    }
    pack->distinct = malloc((used + 1) * sizeof *pack->distinct);
    if (!keys || !filled || !pack->distinct) {
        free(keys);
        free(filled);
        return -1;
    }
    pack->n_distinct = (int32_t)used;
    for (uint32_t s = 0, n = 0; s < size; s++) {
        if (filled[s]) pack->distinct[n++] = keys[s];
    }
    qsort(pack->distinct, used, sizeof *pack->distinct, ascending);
    memset(filled, 0, size * sizeof *filled);
    for (int32_t d = 0; d < pack->n_distinct; d++) {
        uint32_t slot = slot_of(pack->distinct[d], size - 1);
        while (filled[slot]) slot = (slot + 1) & (size - 1);
        keys[slot] = pack->distinct[d];
        filled[slot] = d + 1;
    }
    for (int32_t j = 0; j < nnz; j++) {
        uint32_t slot = slot_of(pack->offsets[j], size - 1);
        while (keys[slot] != pack->offsets[j] || !filled[slot])
            slot = (slot + 1) & (size - 1);
        pack->column_of[j] = filled[slot] - 1;
    }
    free(keys);
    free(filled);
    return 0;
}

int wb_pack_open(wb_pack *pack, int32_t n_rows, const int32_t *indptr,
                 const int32_t *offsets, const float *values) {
    int32_t nnz = indptr[n_rows];
    memset(pack, 0, sizeof *pack);
    pack->indptr = indptr;
    pack->offsets = offsets;
    pack->values = values;
    pack->column_of = malloc(((size_t)nnz + 1) * sizeof *pack->column_of);
    pack->entries = malloc(((size_t)nnz + 1) * sizeof *pack->entries);
    if (!pack->column_of || !pack->entries || number_columns(pack, nnz) != 0) {
        wb_pack_close(pack);
        return -1;
    }
    size_t columns = (size_t)pack->n_distinct + 1;
    pack->columns = malloc(columns * sizeof *pack->columns);
    pack->cursor = calloc(columns, sizeof *pack->cursor);
    if (!pack->columns || !pack->cursor) {
        wb_pack_close(pack);
        return -1;
    }
    return 0;
}

void wb_pack_group(wb_pack *pack, const int32_t *rows, int32_t n_rows, int32_t part,
                   int32_t parts) {
    int32_t begin = (int32_t)((int64_t)pack->n_distinct * part / parts);
    int32_t end = (int32_t)((int64_t)pack->n_distinct * (part + 1) / parts);
    memset(pack->cursor + begin, 0, (size_t)(end - begin) * sizeof *pack->cursor);
    for (int32_t r = 0; r < n_rows; r++) {
        for (int32_t j = pack->indptr[rows[r]]; j < pack->indptr[rows[r] + 1]; j++) {
            int32_t c = pack->column_of[j];
            if (c >= begin && c < end) pack->cursor[c]++;
        }
    }
    int32_t total = 0;
    pack->n_columns = 0;
    for (int32_t c = begin; c < end; c++) {
        int32_t count = pack->cursor[c];
        pack->cursor[c] = total;
        if (count == 0) continue;
        pack->columns[pack->n_columns++] =
            (wb_emit_column){pack->distinct[c], total, count};
        total += count;
    }
    for (int32_t r = 0; r < n_rows; r++) {
        for (int32_t j = pack->indptr[rows[r]]; j < pack->indptr[rows[r] + 1]; j++) {
            int32_t c = pack->column_of[j];
            if (c < begin || c >= end) continue;
            pack->entries[pack->cursor[c]++] = (wb_entry){r, pack->values[j]};
        }
    }
}

void wb_pack_close(wb_pack *pack) {
    free(pack->distinct);
    free(pack->column_of);
    free(pack->entries);
    free(pack->columns);
    free(pack->cursor);
    memset(pack, 0, sizeof *pack);
}
