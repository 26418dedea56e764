/* memory.h - memory that holds generated code: written first, sealed after.
 *
 * A block is never writable and executable at once: wb_code_open maps it readable
 * and writable, wb_code_seal makes it readable and executable and gives back the pages
 * that were not used, wb_code_close unmaps it.
 */
#ifndef WB_EMIT_MEMORY_H
#define WB_EMIT_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#if defined(__x86_64__) && (defined(__linux__) || defined(__APPLE__))
#define WB_EMIT_POSSIBLE 1
#else
#define WB_EMIT_POSSIBLE 0
#endif

typedef struct {
    uint8_t *base; /* page aligned; NULL when closed */
    size_t bytes;  /* mapped */
} wb_code_block;

/* 0, or the errno of the system call that was refused. */
int wb_code_open(wb_code_block *block, size_t bytes);
int wb_code_seal(wb_code_block *block, size_t used);
void wb_code_close(wb_code_block *block);

/* Write, seal and call a function of one instruction: 0 when this process may run
 * code that it generates, else the errno of the refusal. */
int wb_code_probe(void);

#endif
