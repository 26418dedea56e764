/* encoder.h - the few x86-64 instructions that generated convolutions are made of.
 *
 * Belongs here: bytes of single instructions. Does not belong here: which
 * instructions a layer needs (generate_*.c) or where code lives (memory.h).
 *
 * Every function appends one instruction at code->at. An instruction that does not
 * fit sets code->overflow and writes nothing, so a full buffer is never overrun.
 * Base registers of memory operands: every general register but rsp and r12.
 */
#ifndef WB_EMIT_ENCODER_H
#define WB_EMIT_ENCODER_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint8_t *at;  /* next byte to write */
    uint8_t *end; /* one past the last byte that may be written */
    int overflow; /* 1 when an instruction was dropped for want of room */
} wb_code;

/* clang-format off: as the encoding counts them */
typedef enum {
    WB_RAX,
    WB_RCX,
    WB_RDX,
    WB_RBX,
    WB_RSP,
    WB_RBP,
    WB_RSI,
    WB_RDI,
    WB_R8,
    WB_R9,
    WB_R10,
    WB_R11,
    WB_R12,
    WB_R13,
    WB_R14,
    WB_R15
} wb_gpr;
/* clang-format on */

typedef enum { WB_XMM, WB_YMM, WB_ZMM } wb_width;

/* name, mnemonic, opcode map (1 0F, 2 0F38, 3 0F3A), prefix (1 = 66), opcode,
 * operands (2 or 3, destination included), has an immediate byte, encodings that it
 * exists in here: 1 VEX (AVX2), 2 EVEX (AVX-512), 3 both. */
#define WB_VECTOR_OPS(X)                                                                 \
    X(LOAD, "vmovups", 1, 0, 0x10, 2, 0, 3)                                              \
    X(STORE, "vmovups", 1, 0, 0x11, 2, 0, 3)                                             \
    X(BROADCAST, "vbroadcastss", 2, 1, 0x18, 2, 0, 3)                                    \
    X(FMADD231, "vfmadd231ps", 2, 1, 0xB8, 3, 0, 3)                                      \
    X(FMADD213, "vfmadd213ps", 2, 1, 0xA8, 3, 0, 3)                                      \
    X(FNMADD231, "vfnmadd231ps", 2, 1, 0xBC, 3, 0, 3)                                    \
    X(ADD, "vaddps", 1, 0, 0x58, 3, 0, 3)                                                \
    X(MUL, "vmulps", 1, 0, 0x59, 3, 0, 3)                                                \
    X(SUB, "vsubps", 1, 0, 0x5C, 3, 0, 3)                                                \
    X(MIN, "vminps", 1, 0, 0x5D, 3, 0, 3)                                                \
    X(DIV, "vdivps", 1, 0, 0x5E, 3, 0, 3)                                                \
    X(MAX, "vmaxps", 1, 0, 0x5F, 3, 0, 3)                                                \
    X(XOR, "vxorps", 1, 0, 0x57, 3, 0, 1)                                                \
    X(XORD, "vpxord", 1, 1, 0xEF, 3, 0, 2)                                               \
    X(ROUNDSCALE, "vrndscaleps", 3, 1, 0x08, 2, 1, 2)                                    \
    X(SCALEF, "vscalefps", 2, 1, 0x2C, 3, 0, 2)                                          \
    X(ALIGN, "valignd", 3, 1, 0x03, 3, 1, 2)                                             \
    X(PERMUTE, "vpermps", 2, 1, 0x16, 3, 0, 2)

typedef enum {
#define WB_OP_NAME(name, ...) WB_OP_##name,
    WB_VECTOR_OPS(WB_OP_NAME)
#undef WB_OP_NAME
        WB_OP_COUNT
} wb_op;

/* What the table says about an operation. */
typedef struct {
    const char *name, *mnemonic;
    int sources; /* operands after the destination; 1 for a store too */
    int has_imm, vex, evex;
} wb_op_facts;
wb_op_facts wb_op_info(int op);

/* One vector instruction: dst, src are registers 0-31 (0-15 with VEX); src is the
 * first source and must be 0 for one-source shapes. mask 1-7 selects lanes (0 = all);
 * zero clears the others; broadcast repeats one float of memory over all lanes. */
typedef struct {
    wb_op op;
    wb_width width;
    int dst, src;
    int mask, zero, broadcast;
    int imm;
} wb_vector;

/* The last operand in memory, [base + disp], disp in bytes. */
void wb_evex_mem(wb_code *code, wb_vector v, wb_gpr base, int32_t disp);
void wb_vex_mem(wb_code *code, wb_vector v, wb_gpr base, int32_t disp);
/* The last operand in a register. */
void wb_evex_reg(wb_code *code, wb_vector v, int last);
void wb_vex_reg(wb_code *code, wb_vector v, int last);

void wb_kmov_gpr(wb_code *code, int mask, wb_gpr src);            /* kmovw k, r32 */
void wb_kmov_mem(wb_code *code, int mask, wb_gpr base, int32_t disp);
void wb_mov_load(wb_code *code, wb_gpr dst, wb_gpr base, int32_t disp);
void wb_add_imm(wb_code *code, wb_gpr dst, int32_t value);        /* 64-bit add */
void wb_mov_imm(wb_code *code, wb_gpr dst, int32_t value); /* mov r32, imm32 */
void wb_test(wb_code *code, wb_gpr reg); /* test r, r */
/* jnz to a place not known yet; wb_land makes it go to code->at. */
uint8_t *wb_jnz_forward(wb_code *code);
void wb_land(wb_code *code, uint8_t *jump);
void wb_vzeroupper(wb_code *code);
void wb_endbr(wb_code *code);
void wb_ret(wb_code *code);
/* int3 up to the next multiple of `boundary` bytes (a power of two). */
void wb_align(wb_code *code, int boundary);

#endif
