/* Sparse convolution in blocks; contract in conv_blocks.h.
 *
 * A tile is `height` output channels x a strip of vectors: 24 zmm, 12 ymm or 8 four-lane
 * accumulators, which leaves registers for the vector and the weights.
 */
#include "kernels/conv_blocks/conv_blocks.h"

#include "simd/epilogue.h"
#include "simd/repeat.h"
#include "core/share.h"

/* One call of a tile function. */
typedef struct {
    const float *base[WB_MAX_BLOCK_STRIP]; /* input of each vector at the chunk's base */
    const uint32_t *run, *run_end;
    const void *index;
    const float *values;
    float *part; /* partial sums, [groups * height][vectors][16] */
    int64_t vector; /* first vector of the strip */
    int first, last; /* chunk: start from the bias, finish the sums */
    int simple; /* one segment, no curved activation */
} strip;

typedef void (*tile_fn)(const wb_conv_blocks *a, const strip *s, float *arena);

static __attribute__((noinline)) void finish_rows(const wb_conv_blocks *a, const strip *s,
                                                  float *arena, const float *sums,
                                                  int64_t row, int rows, int count) {
    for (int r = 0; r < rows && row + r < a->outputs; r++)
        for (int v = 0; v < count; v++)
            wb_finish(&a->place, arena, s->vector + v, (row + r) * a->place.out_cs,
                      wb_load(sums + 16 * (r * count + v)));
}

#define INDEX uint16_t
#define UNIT 16
#define PREFIX near_
#include "kernels/conv_blocks/conv_blocks_sizes.inc"
#undef INDEX
#undef UNIT
#undef PREFIX

#define INDEX int32_t
#define UNIT 1
#define PREFIX far_
#include "kernels/conv_blocks/conv_blocks_sizes.inc"

/* Tiles by unit and number of vectors. */
#if defined(WB_ISA_AVX512)
static const tile_fn near_2x[] = {WB_TABLE8(near_2x)}, far_2x[] = {WB_TABLE8(far_2x)};
static const tile_fn near_4x[] = {WB_TABLE6(near_4x)}, far_4x[] = {WB_TABLE6(far_4x)};
static const tile_fn near_8x[] = {WB_TABLE3(near_8x)}, far_8x[] = {WB_TABLE3(far_8x)};
#elif defined(WB_ISA_AVX2)
static const tile_fn near_2x[] = {WB_TABLE3(near_2x)}, far_2x[] = {WB_TABLE3(far_2x)};
static const tile_fn near_4x[] = {NULL, near_4x1}, far_4x[] = {NULL, far_4x1};
#else
static const tile_fn near_2x[] = {NULL, near_2x1}, far_2x[] = {NULL, far_2x1};
#endif

static const tile_fn *tiles_of(const wb_conv_blocks *a) {
    const int near = a->unit != 1;
#if defined(WB_ISA_AVX512)
    if (a->height == 8) return near ? near_8x : far_8x;
#endif
#if defined(WB_ISA_AVX512) || defined(WB_ISA_AVX2)
    if (a->height == 4) return near ? near_4x : far_4x;
#endif
    return near ? near_2x : far_2x;
}

/* Strips of [range[0], range[1]) over the blocks [range[2], range[3]). */
static void run_strips(const wb_conv_blocks *a, float *arena, float *part,
                       const int64_t range[4]) {
    const tile_fn *tiles = tiles_of(a);
    const wb_place *p = &a->place;
    strip s = {.part = part, .simple = p->segments == 1 && p->act.curve == WB_LINEAR};
    int64_t v = range[0];
    while (v < range[1]) {
        const int64_t left = range[1] - v;
        const int64_t strips = (left + a->strip - 1) / a->strip;
        const int64_t count = (left + strips - 1) / strips;
        s.vector = v;
        for (int32_t c = 0; c < a->chunks; c++) {
            const int64_t from = c * (int64_t)a->blocks + range[2];
            const int64_t to = c * (int64_t)a->blocks + range[3];
            for (int64_t i = 0; i < count; i++)
                s.base[i] = arena + p->src + p->in[v + i] + a->chunk_base[c];
            s.run = a->runs + 2 * a->run_at[from];
            s.run_end = a->runs + 2 * a->run_at[to];
            s.index = (const char *)a->index + a->nz_at[from] * (a->unit == 1 ? 4 : 2);
            s.values = a->values + a->nz_at[from] * a->height;
            s.first = c == 0;
            s.last = c == a->chunks - 1;
            tiles[count](a, &s, arena);
        }
        v += count;
    }
}

/* Many strips: threads share vectors; few: blocks of groups of equal work. */
WB_DEFINE(conv_blocks, 2x16, 4x16, 8x48) {
    const wb_conv_blocks *a = args;
    WB_REQUIRE_STEP(a, arena, tid, nthreads);
    WB_REQUIRE_PLACE(&a->place);
    WB_REQUIRE(a->outputs >= 1 && a->chunks >= 1 && a->blocks >= 1 && a->strip >= 1);
    WB_REQUIRE(a->height == 2 || a->height == 4 || a->height == 8);
    WB_REQUIRE(a->unit == 1 || a->unit == 16);
    WB_REQUIRE_ARRAY(a->chunk_base);
    WB_REQUIRE_ARRAY(a->run_at);
    WB_REQUIRE_ARRAY(a->nz_at);
    WB_REQUIRE_ARRAY(a->bias);
    const int64_t count = a->place.count;
    int64_t range[4] = {0, count, 0, a->blocks};
    const int by_vectors = count >= 3 * (int64_t)a->strip * nthreads;
    if (by_vectors || a->blocks < nthreads) {
        range[0] = wb_share_apart(count, tid, nthreads, wb_place_cuts, &a->place);
        range[1] = wb_share_apart(count, tid + 1, nthreads, wb_place_cuts, &a->place);
    } else {
        range[2] = wb_share(a->blocks, tid, nthreads);
        range[3] = wb_share(a->blocks, tid + 1, nthreads);
    }
    run_strips(a, arena, wb_thread_scratch(arena, tid), range);
}
