/* The table of kernels, and which instruction sets this machine may run.
 *
 * Compiled once, for the baseline. CPUID says what the processor has, XGETBV what the
 * operating system saves on a context switch: both must hold.
 */
#include "core/wb.h"

#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#define WB_PICK(scalar, avx2, avx512) {scalar, avx2, avx512}
#else
#define WB_PICK(scalar, avx2, avx512) {scalar, NULL, NULL}
#endif

#define WB_KERNEL(op, t0, t1, t2)                                                        \
    {#op,                                                                                \
     {"wb_f32_" #op "_" #t0 "__scalar", "wb_f32_" #op "_" #t1 "__avx2",                  \
      "wb_f32_" #op "_" #t2 "__avx512"},                                                 \
     WB_PICK(wb_f32_##op##_##t0##__scalar, wb_f32_##op##_##t1##__avx2,                   \
             wb_f32_##op##_##t2##__avx512)},
static const wb_kernel TABLE[] = {
#include "core/kernel_list.def"
    {NULL, {NULL, NULL, NULL}, {NULL, NULL, NULL}}};
#undef WB_KERNEL

const wb_kernel *wb_kernel_at(int index) {
    return TABLE[index].op == NULL ? NULL : &TABLE[index];
}

const wb_kernel *wb_find_kernel(const char *op) {
    for (const wb_kernel *k = TABLE; k->op != NULL; k++)
        if (strcmp(k->op, op) == 0) return k;
    return NULL;
}

int32_t wb_curve_of(const char *kind) {
#define WB_CURVE(code, name)                                                             \
    if (strcmp(kind, #name) == 0) return WB_##code;
#include "core/curve_list.def"
#undef WB_CURVE
    return WB_LINEAR;
}

const char *wb_isa_name(int isa) {
    static const char *const names[WB_ISAS] = {"scalar", "avx2", "avx512"};
    return names[isa];
}

const char *wb_compiler(void) {
#if defined(__clang__)
    return "clang " __clang_version__;
#else
    return "gcc " __VERSION__;
#endif
}

#if defined(__x86_64__)

static uint64_t saved_state(void) {
    uint32_t low, high;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

int wb_isa_available(int isa) {
    enum { YMM = 0x6, ZMM = 0xe6 };
    unsigned a, b, c, d;
    if (isa == WB_SCALAR) return 1;
    if (!__get_cpuid(1, &a, &b, &c, &d)) return 0;
    if (!(c & bit_OSXSAVE) || !(c & bit_AVX) || !(c & bit_FMA)) return 0;
    const uint64_t state = saved_state();
    if ((state & YMM) != YMM) return 0;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return 0;
    if (!(b & bit_AVX2)) return 0;
    if (isa == WB_AVX2) return 1;
    const unsigned wide = bit_AVX512F | bit_AVX512BW | bit_AVX512VL | bit_AVX512DQ;
    return (b & wide) == wide && (state & ZMM) == ZMM;
}

#else

int wb_isa_available(int isa) { return isa == WB_SCALAR; }

#endif
