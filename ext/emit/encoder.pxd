# What Cython needs to know of encoder.h.
from libc.stdint cimport int32_t, uint8_t

cdef extern from "emit/encoder.h" nogil:
    ctypedef struct wb_code:
        uint8_t *at
        uint8_t *end
        int overflow
    ctypedef int wb_gpr
    ctypedef int wb_width
    ctypedef int wb_op
    ctypedef struct wb_vector:
        wb_op op
        wb_width width
        int dst
        int src
        int mask
        int zero
        int broadcast
        int imm
    ctypedef struct wb_op_facts:
        const char *name
        const char *mnemonic
        int sources
        int has_imm
        int vex
        int evex
    const int WB_OP_COUNT
    wb_op_facts wb_op_info(int op)
    void wb_evex_mem(wb_code *code, wb_vector v, wb_gpr base, int32_t disp)
    void wb_vex_mem(wb_code *code, wb_vector v, wb_gpr base, int32_t disp)
    void wb_evex_reg(wb_code *code, wb_vector v, int last)
    void wb_vex_reg(wb_code *code, wb_vector v, int last)
    void wb_kmov_gpr(wb_code *code, int mask, wb_gpr src)
    void wb_kmov_mem(wb_code *code, int mask, wb_gpr base, int32_t disp)
    void wb_mov_load(wb_code *code, wb_gpr dst, wb_gpr base, int32_t disp)
    void wb_mov_imm(wb_code *code, wb_gpr dst, int32_t value)
    void wb_add_imm(wb_code *code, wb_gpr dst, int32_t value)
    void wb_test(wb_code *code, wb_gpr reg)
    uint8_t *wb_jnz_forward(wb_code *code)
    void wb_land(wb_code *code, uint8_t *jump)
    void wb_vzeroupper(wb_code *code)
    void wb_endbr(wb_code *code)
    void wb_ret(wb_code *code)
    void wb_align(wb_code *code, int boundary)
