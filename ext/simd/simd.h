/* Sixteen floats as one value, `wb_v16`, for each instruction set.
 *
 * One zmm register, two ymm, or four 4-lane registers (SSE2, NEON, whatever the
 * compiler has). Kernels are written once against these functions and compiled once an
 * instruction set with WB_ISA_AVX512, WB_ISA_AVX2 or neither defined.
 * wb_max(a, b) and wb_min(a, b) return b when either is a NaN; wb_larger(a, b) is the
 * maximum, and a NaN when either is one.
 */
#ifndef WB_SIMD_H
#define WB_SIMD_H

#include "core/wb.h"

#include <string.h>

#define WB_INLINE static inline __attribute__((always_inline))
#define WB_CAT_(a, b) a##b
#define WB_CAT(a, b) WB_CAT_(a, b)

#if defined(WB_ISA_AVX512)
#include "simd/simd_avx512.h"
#elif defined(WB_ISA_AVX2)
#include "simd/simd_avx2.h"
#else
#include "simd/simd_plain.h"
#endif

#define WB_DEFINE_(op, tile, isa)                                                        \
    void wb_f32_##op##_##tile##__##isa(const void *args, float *arena, int tid,          \
                                       int nthreads)
#define WB_DEFINE_ISA(op, tile, isa) WB_DEFINE_(op, tile, isa)
/* WB_DEFINE(op, t0, t1, t2) heads the body of a kernel of kernel_list.def. */
#define WB_DEFINE(op, t0, t1, t2) WB_DEFINE_ISA(op, WB_TILE(t0, t1, t2), WB_ISA_NAME)

#if !defined(WB_ISA_AVX512)
/* Copy n < 16 floats with overlapping moves: no write outside of [to, to + n). */
WB_INLINE void wb_copy_few(float *to, const float *from, int n) {
    if (n >= 8) {
        memcpy(to, from, 32);
        memcpy(to + n - 8, from + n - 8, 32);
    } else if (n >= 4) {
        memcpy(to, from, 16);
        memcpy(to + n - 4, from + n - 4, 16);
    } else {
        for (int i = 0; i < n; i++) to[i] = from[i];
    }
}

/* Store the lanes of v whose bit is set, run by run. */
static inline void wb_store_mask(float *to, wb_v16 v, unsigned mask) {
    if (mask == 0xffff) {
        wb_store(to, v);
        return;
    }
    float lanes[16];
    wb_store(lanes, v);
    while (mask != 0) {
        const int start = __builtin_ctz(mask);
        const int n = __builtin_ctz(~(mask >> start));
        wb_copy_few(to + start, lanes + start, n);
        mask &= ~(((1u << n) - 1) << start);
    }
}
#endif

#endif
