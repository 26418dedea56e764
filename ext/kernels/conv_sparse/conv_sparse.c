/* Sparse convolution, strips of any vectors; contract in conv_sparse.h.
 *
 * Every vector has a pointer of its own. 8 zmm, 12 ymm or 12 four-lane accumulators
 * leave registers for the weight.
 */
#include "kernels/conv_sparse/conv_sparse_body.h"

#define SHIFT 0
#define CONTIGUOUS 0
#define MOST WB_TILE(3, 6, 8)

#define INDEX uint16_t
#define UNIT 16
#define PREFIX near_
#include "kernels/conv_sparse/conv_sparse_sizes.inc"
#undef INDEX
#undef UNIT
#undef PREFIX

#define INDEX int32_t
#define UNIT 1
#define PREFIX far_
#include "kernels/conv_sparse/conv_sparse_sizes.inc"

WB_DEFINE(conv_sparse, 1x48, 1x96, 1x128) {
    static const wb_strip_fn near[] = {WB_TILE(WB_TABLE3, WB_TABLE6, WB_TABLE8)(near_)};
    static const wb_strip_fn far[] = {WB_TILE(WB_TABLE3, WB_TABLE6, WB_TABLE8)(far_)};
    const wb_conv_sparse *a = args;
    run_share(a, arena, NULL, a->unit == 1 ? far : near, tid, nthreads);
}
