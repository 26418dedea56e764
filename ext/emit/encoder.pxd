# What Cython needs to know of encoder.h.
from libc.stdint cimport int32_t, uint8_t

cdef extern from "emit/encoder.h" nogil:
    ctypedef struct wb_code_t:
        uint8_t *at
        uint8_t *end
        int overflow
    ctypedef int wb_gpr_t
    ctypedef int wb_width_t
    ctypedef int wb_op_t
    ctypedef struct wb_vector_t:
        wb_op_t op
        wb_width_t width
        int dst
        int src
        int mask
        int zero
        int broadcast
        int imm
    ctypedef struct wb_op_info_t:
        const char *name
        const char *mnemonic
        int sources
        int has_imm
        int vex
        int evex
    const int WB_OP_COUNT
    wb_op_info_t wb_op_info(int op)
    void wb_evex_mem(wb_code_t *code, wb_vector_t v, wb_gpr_t base, int32_t disp)
    void wb_vex_mem(wb_code_t *code, wb_vector_t v, wb_gpr_t base, int32_t disp)
    void wb_evex_reg(wb_code_t *code, wb_vector_t v, int last)
    void wb_vex_reg(wb_code_t *code, wb_vector_t v, int last)
    void wb_kmov_gpr(wb_code_t *code, int mask, wb_gpr_t src)
    void wb_kmov_mem(wb_code_t *code, int mask, wb_gpr_t base, int32_t disp)
    void wb_mov_load(wb_code_t *code, wb_gpr_t dst, wb_gpr_t base, int32_t disp)
    void wb_mov_imm(wb_code_t *code, wb_gpr_t dst, int32_t value)
    void wb_add_imm(wb_code_t *code, wb_gpr_t dst, int32_t value)
    void wb_test(wb_code_t *code, wb_gpr_t reg)
    uint8_t *wb_jnz_forward(wb_code_t *code)
    void wb_land(wb_code_t *code, uint8_t *jump)
    void wb_vzeroupper(wb_code_t *code)
    void wb_endbr(wb_code_t *code)
    void wb_ret(wb_code_t *code)
    void wb_align(wb_code_t *code, int boundary)
