/* pack.h - a sparse matrix in rows of offsets, seen as columns of small row groups.
 *
 * Generated code walks a group of output rows column by column: every activation
 * vector that any row needs is loaded once for all of them. Columns are sorted by
 * their input offset, so that a group reads the arena in one direction.
 */
#ifndef WB_EMIT_PACK_H
#define WB_EMIT_PACK_H

#include <stdint.h>

typedef struct {
    int32_t offset; /* floats from the start of the input vector */
    int32_t first;  /* index of the first entry */
    int32_t count;  /* entries of this column, at least 1 */
} wb_emit_column;

typedef struct {
    int32_t lane; /* which row of the group */
    float value;
} wb_entry;

typedef struct {
    int32_t n_columns;
    wb_emit_column *columns;
    wb_entry *entries;
    /* private */
    const int32_t *indptr, *offsets;
    const float *values;
    int32_t n_distinct;
    int32_t *distinct;  /* sorted distinct offsets */
    int32_t *column_of; /* per non-zero: index into distinct */
    int32_t *cursor;    /* per distinct offset: work space */
} wb_pack;

/* The arrays stay the caller's and must outlive the pack. 0, or -1 without memory. */
int wb_pack_open(wb_pack *pack, int32_t n_rows, const int32_t *indptr,
                 const int32_t *offsets, const float *values);
/* Fill columns and entries for these rows whose offsets lie in one of `parts` equal
 * shares of the distinct offsets. Valid until the next call. */
void wb_pack_group(wb_pack *pack, const int32_t *rows, int32_t n_rows, int32_t part,
                   int32_t parts);
void wb_pack_close(wb_pack *pack);

#endif
