/* memory.c - see memory.h. */
#define _GNU_SOURCE
#include "emit/memory.h"

#include <errno.h>

#if WB_EMIT_POSSIBLE
#include "emit/encoder.h"

#include <sys/mman.h>
#include <unistd.h>

enum { HUGE_PAGE = 2 << 20 };

static size_t round_up(size_t bytes, size_t unit) {
    return (bytes + unit - 1) / unit * unit;
}

int wb_code_open(wb_code_block *block, size_t bytes) {
    size_t mapped = round_up(bytes, (size_t)sysconf(_SC_PAGESIZE));
    void *base =
        mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    *block = (wb_code_block){NULL, 0};
    if (base == MAP_FAILED) return errno;
#ifdef MADV_HUGEPAGE
    if (mapped >= HUGE_PAGE) (void)madvise(base, mapped, MADV_HUGEPAGE);
#endif
    *block = (wb_code_block){base, mapped};
    return 0;
}

int wb_code_seal(wb_code_block *block, size_t used) {
    size_t kept = round_up(used ? used : 1, (size_t)sysconf(_SC_PAGESIZE));
    if (mprotect(block->base, block->bytes, PROT_READ | PROT_EXEC) != 0) return errno;
    if (kept < block->bytes) {
        if (munmap(block->base + kept, block->bytes - kept) != 0) return errno;
        block->bytes = kept;
    }
    return 0;
}

void wb_code_close(wb_code_block *block) {
    if (block->base != NULL) (void)munmap(block->base, block->bytes);
    *block = (wb_code_block){NULL, 0};
}

int wb_code_probe(void) {
    wb_code_block block;
    int refused = wb_code_open(&block, 1);
    if (refused) return refused;
    wb_code code = {block.base, block.base + block.bytes, 0};
    wb_endbr(&code);
    wb_ret(&code);
    refused = wb_code_seal(&block, (size_t)(code.at - block.base));
    if (!refused) ((void (*)(void))(uintptr_t)block.base)();
    wb_code_close(&block);
    return refused;
}

#else

int wb_code_open(wb_code_block *block, size_t bytes) {
    (void)bytes;
    *block = (wb_code_block){NULL, 0};
    return ENOSYS;
}

int wb_code_seal(wb_code_block *block, size_t used) {
    (void)block;
    (void)used;
    return ENOSYS;
}

void wb_code_close(wb_code_block *block) { *block = (wb_code_block){NULL, 0}; }

int wb_code_probe(void) { return ENOSYS; }

#endif
