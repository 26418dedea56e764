/* encoder.c - see encoder.h. Source of the encodings: Intel SDM volume 2, chapter 2
 * (VEX and EVEX prefixes, disp8*N) and the instruction pages. */
#include "emit/encoder.h"

#include <assert.h>
#include <string.h>

typedef struct {
    uint8_t map, prefix, opcode, operands, has_imm, forms;
    const char *name, *mnemonic;
} opcode;

static const opcode OPCODES[WB_OP_COUNT] = {
#define WB_OP_ROW(name, text, map, prefix, opcode, operands, imm, forms)                 \
    {map, prefix, opcode, operands, imm, forms, #name, text},
    WB_VECTOR_OPS(WB_OP_ROW)
#undef WB_OP_ROW
};

enum { LONGEST = 15, FORM_VEX = 1, FORM_EVEX = 2 };

wb_op_facts wb_op_info(int op) {
    const opcode *o = &OPCODES[op];
    return (wb_op_facts){o->name,    o->mnemonic,         o->operands - 1,
                         o->has_imm, o->forms & FORM_VEX, (o->forms & FORM_EVEX) != 0};
}

typedef struct {
    uint8_t bytes[LONGEST];
    int n;
} instruction;

static inline void put(instruction *ins, int byte) {
    ins->bytes[ins->n++] = (uint8_t)byte;
}

static inline void put32(instruction *ins, int32_t value) {
    memcpy(ins->bytes + ins->n, &value, 4);
    ins->n += 4;
}

static inline void append(wb_code *code, const instruction *ins) {
    assert(ins->n <= LONGEST);
    if (code->end - code->at < ins->n) {
        code->overflow = 1;
        return;
    }
    memcpy(code->at, ins->bytes, (size_t)ins->n);
    code->at += ins->n;
}

/* ModRM and displacement of [base + disp]; scale = N of disp8*N (1 outside EVEX). */
static inline void put_address(instruction *ins, int reg, int base, int32_t disp,
                               int scale) {
    assert((base & 7) != 4);
    int field = ((reg & 7) << 3) | (base & 7);
    int32_t step = disp / scale;
    if (disp == 0 && (base & 7) != 5) {
        put(ins, field);
    } else if (disp % scale == 0 && step >= -128 && step <= 127) {
        put(ins, 0x40 | field);
        put(ins, step);
    } else {
        put(ins, 0x80 | field);
        put32(ins, disp);
    }
}

static inline void put_register(instruction *ins, int reg, int last) {
    put(ins, 0xC0 | ((reg & 7) << 3) | (last & 7));
}

/* The four EVEX bytes; b3 and b4 are bits 3 and 4 of the last operand's register. */
static inline void put_evex(instruction *ins, const wb_vector *v, int b3, int b4) {
    const opcode *op = &OPCODES[v->op];
    assert(op->forms & FORM_EVEX);
    assert(v->dst >= 0 && v->dst < 32 && v->src >= 0 && v->src < 32);
    assert(v->mask >= 0 && v->mask < 8 && (op->operands == 3 || v->src == 0));
    put(ins, 0x62);
    put(ins, (v->dst & 8 ? 0 : 0x80) | (b4 ? 0 : 0x40) | (b3 ? 0 : 0x20) |
                 (v->dst & 16 ? 0 : 0x10) | op->map);
    put(ins, ((~v->src & 15) << 3) | 4 | op->prefix);
    put(ins, (v->zero << 7) | ((int)v->width << 5) | (v->broadcast << 4) |
                 (v->src & 16 ? 0 : 8) | v->mask);
    put(ins, op->opcode);
}

/* Nearly all of the code: dst += src * one float at [base + disp], seven bytes at once.
 * 0 when it is not that, or the displacement does not fit a byte. */
static inline int put_product(wb_code *code, const wb_vector *v, int base, int32_t disp) {
    if (v->op != WB_OP_FMADD231 || !v->broadcast || v->mask) return 0;
    if (disp % 4 != 0 || disp < -512 || disp > 508 || disp == 0) return 0;
    if (code->end - code->at < 8) return 0;
    assert((base & 7) != 4);
    assert(v->dst >= 0 && v->dst < 32 && v->src >= 0 && v->src < 32);
    const uint64_t prefix = 0x62 |
                            ((v->dst & 8 ? 0u : 0x80u) | 0x40u | (base & 8 ? 0u : 0x20u) |
                             (v->dst & 16 ? 0u : 0x10u) |
                             2u) << 8 |
                            (((uint32_t)~v->src & 15) << 3 | 5u) << 16;
    const uint64_t rest =
        ((uint32_t)v->width << 5 | 0x10u | (v->src & 16 ? 0u : 8u)) | 0xB8u << 8 |
        (0x40u | (uint32_t)(v->dst & 7) << 3 | (uint32_t)(base & 7)) << 16 |
        (uint32_t)(uint8_t)(disp / 4) << 24;
    const uint64_t bytes = prefix | rest << 24;
    memcpy(code->at, &bytes, sizeof bytes);
    code->at += 7;
    return 1;
}

void wb_evex_mem(wb_code *code, wb_vector v, wb_gpr base, int32_t disp) {
    if (put_product(code, &v, (int)base, disp)) return;
    instruction ins = {.n = 0};
    int scale = v.broadcast || v.op == WB_OP_BROADCAST ? 4 : 16 << v.width;
    put_evex(&ins, &v, base & 8, 0);
    put_address(&ins, v.dst, (int)base, disp, scale);
    if (OPCODES[v.op].has_imm) put(&ins, v.imm);
    append(code, &ins);
}

void wb_evex_reg(wb_code *code, wb_vector v, int last) {
    instruction ins = {.n = 0};
    assert(!v.broadcast && last >= 0 && last < 32);
    put_evex(&ins, &v, last & 8, last & 16);
    put_register(&ins, v.dst, last);
    if (OPCODES[v.op].has_imm) put(&ins, v.imm);
    append(code, &ins);
}

static inline void put_vex(instruction *ins, const wb_vector *v, int b3) {
    const opcode *op = &OPCODES[v->op];
    assert((op->forms & FORM_VEX) && v->width != WB_ZMM);
    assert(v->dst >= 0 && v->dst < 16 && v->src >= 0 && v->src < 16);
    assert(!v->mask && !v->zero && !v->broadcast && (op->operands == 3 || v->src == 0));
    int tail = ((~v->src & 15) << 3) | ((int)v->width << 2) | op->prefix;
    if (op->map == 1 && !b3) {
        put(ins, 0xC5);
        put(ins, (v->dst & 8 ? 0 : 0x80) | tail);
    } else {
        put(ins, 0xC4);
        put(ins, (v->dst & 8 ? 0 : 0x80) | 0x40 | (b3 ? 0 : 0x20) | op->map);
        put(ins, tail);
    }
    put(ins, op->opcode);
}

void wb_vex_mem(wb_code *code, wb_vector v, wb_gpr base, int32_t disp) {
    instruction ins = {.n = 0};
    put_vex(&ins, &v, base & 8);
    put_address(&ins, v.dst, (int)base, disp, 1);
    append(code, &ins);
}

void wb_vex_reg(wb_code *code, wb_vector v, int last) {
    instruction ins = {.n = 0};
    assert(last >= 0 && last < 16);
    put_vex(&ins, &v, last & 8);
    put_register(&ins, v.dst, last);
    append(code, &ins);
}

void wb_kmov_gpr(wb_code *code, int mask, wb_gpr src) {
    instruction ins = {.n = 0};
    assert(mask >= 0 && mask < 8);
    if (src & 8) {
        put(&ins, 0xC4);
        put(&ins, 0xC1);
        put(&ins, 0x78);
    } else {
        put(&ins, 0xC5);
        put(&ins, 0xF8);
    }
    put(&ins, 0x92);
    put_register(&ins, mask, (int)src);
    append(code, &ins);
}

void wb_kmov_mem(wb_code *code, int mask, wb_gpr base, int32_t disp) {
    instruction ins = {.n = 0};
    assert(mask >= 0 && mask < 8);
    if (base & 8) {
        put(&ins, 0xC4);
        put(&ins, 0xC1);
        put(&ins, 0x78);
    } else {
        put(&ins, 0xC5);
        put(&ins, 0xF8);
    }
    put(&ins, 0x90);
    put_address(&ins, mask, (int)base, disp, 1);
    append(code, &ins);
}

void wb_mov_load(wb_code *code, wb_gpr dst, wb_gpr base, int32_t disp) {
    instruction ins = {.n = 0};
    put(&ins, 0x48 | (dst & 8 ? 4 : 0) | (base & 8 ? 1 : 0));
    put(&ins, 0x8B);
    put_address(&ins, (int)dst, (int)base, disp, 1);
    append(code, &ins);
}

void wb_add_imm(wb_code *code, wb_gpr dst, int32_t value) {
    instruction ins = {.n = 0};
    put(&ins, 0x48 | (dst & 8 ? 1 : 0));
    if (value >= -128 && value <= 127) {
        put(&ins, 0x83);
        put_register(&ins, 0, (int)dst);
        put(&ins, value);
    } else {
        put(&ins, 0x81);
        put_register(&ins, 0, (int)dst);
        put32(&ins, value);
    }
    append(code, &ins);
}

void wb_mov_imm(wb_code *code, wb_gpr dst, int32_t value) {
    instruction ins = {.n = 0};
    if (dst & 8) put(&ins, 0x41);
    put(&ins, 0xB8 | (dst & 7));
    put32(&ins, value);
    append(code, &ins);
}

void wb_test(wb_code *code, wb_gpr reg) {
    instruction ins = {.n = 0};
    put(&ins, 0x48 | (reg & 8 ? 5 : 0));
    put(&ins, 0x85);
    put_register(&ins, (int)reg, (int)reg);
    append(code, &ins);
}

uint8_t *wb_jnz_forward(wb_code *code) {
    instruction ins = {.bytes = {0x0F, 0x85}, .n = 2};
    put32(&ins, 0);
    append(code, &ins);
    return code->at;
}

void wb_land(wb_code *code, uint8_t *jump) {
    if (code->overflow) return;
    int32_t distance = (int32_t)(code->at - jump);
    memcpy(jump - 4, &distance, 4);
}

void wb_vzeroupper(wb_code *code) {
    instruction ins = {.bytes = {0xC5, 0xF8, 0x77}, .n = 3};
    append(code, &ins);
}

void wb_endbr(wb_code *code) {
    instruction ins = {.bytes = {0xF3, 0x0F, 0x1E, 0xFA}, .n = 4};
    append(code, &ins);
}

void wb_ret(wb_code *code) {
    instruction ins = {.bytes = {0xC3}, .n = 1};
    append(code, &ins);
}

void wb_align(wb_code *code, int boundary) {
    instruction trap = {.bytes = {0xCC}, .n = 1};
    while (!code->overflow && ((uintptr_t)code->at & (uintptr_t)(boundary - 1)) != 0) {
        append(code, &trap);
    }
}
