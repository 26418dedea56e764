/* Sparse convolution with aligned loads only; contract in conv_sparse.h.
 *
 * A tap one pixel to the left or right would load across two cache lines. Taps are
 * grouped by dx instead, and the sums move one lane between the groups: two shifts a row
 * and chunk. Strips are whole image rows, surrounded by zeros, so what enters at the
 * ends of a row is zero or lands in a pad. Rows that follow each other in memory need
 * one pointer, which leaves registers for longer strips.
 */
#include "kernels/conv_sparse/conv_sparse_body.h"

#define SHIFT 1
#define INDEX uint16_t
#define UNIT 16

#define CONTIGUOUS 0
#define MOST WB_TILE(3, 6, 8)
#define PREFIX rows_
#include "kernels/conv_sparse/conv_sparse_sizes.inc"
#undef CONTIGUOUS
#undef MOST
#undef PREFIX

#define CONTIGUOUS 1
#define MOST WB_TILE(3, 6, 14)
#define PREFIX plane_
#include "kernels/conv_sparse/conv_sparse_sizes.inc"

/* Image rows of 8 floats: whole ymm registers, but halves of a zmm, which would load
 * across cache lines. AVX-512 machines use the AVX2 build for these. */
#if defined(WB_ISA_AVX512)
#define PLANE8 NULL
#else
#undef UNIT
#undef PREFIX
#define UNIT 8
#define PREFIX plane8_
#include "kernels/conv_sparse/conv_sparse_sizes.inc"
static const wb_strip_fn PLANE8_TABLE[] = {WB_TILE(WB_TABLE3, WB_TABLE6, )(plane8_)};
#define PLANE8 PLANE8_TABLE
#endif

WB_DEFINE(conv_sparse_shift, 1x48, 1x96, 1x224) {
    static const wb_strip_fn rows[] = {WB_TILE(WB_TABLE3, WB_TABLE6, WB_TABLE8)(rows_)};
    static const wb_strip_fn plane[] = {
        WB_TILE(WB_TABLE3, WB_TABLE6, WB_TABLE14)(plane_)};
    const wb_conv_sparse *a = args;
    run_share(a, arena, a->unit == 8 ? PLANE8 : plane, rows, tid, nthreads);
}
