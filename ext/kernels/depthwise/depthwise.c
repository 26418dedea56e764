/* Depthwise convolution; contract in depthwise.h. */
#include "kernels/depthwise/depthwise.h"

#include "simd/epilogue.h"
#include "core/fetch.h"
#include "core/share.h"

/* Vectors of a plane from which threads share rows rather than channels. */
enum { SINGLES = 4, WB_TALL = 12, WB_TALL_ROWS = 4 };

/* Columns are as high as keeps this much of an image in L1, where the next column finds
 * it; rows of all channels that lie together are done so many at a time. */
enum { WB_ROLL_FLOATS = 2048, TOGETHER = 14 };

WB_INLINE wb_v16 load_lanes(const float *p, int pace) {
    if (pace == 1) return wb_load(p);
    return wb_unzip2(wb_load(p), wb_load(p + 16)).even;
}

/* Up to four vectors at once, so that sums do not wait for each other. */
static void plain(const wb_depthwise *a, float *arena, int64_t c, int64_t vector,
                  int count) {
    const float *base = arena + a->place.src + c * a->in_cs;
    const float *w = a->weights + c * a->taps;
    const float *p[SINGLES];
    wb_v16 sum[SINGLES];
    for (int i = 0; i < SINGLES; i++) {
        p[i] = base + a->place.in[vector + (i < count ? i : 0)];
        sum[i] = wb_set1(a->bias[c]);
    }
    for (int32_t t = 0; t < a->taps; t++) {
        const wb_v16 weight = wb_set1(w[t]);
        const ptrdiff_t at = a->offsets[t];
        for (int i = 0; i < SINGLES; i++)
            sum[i] = wb_fma(weight, load_lanes(p[i] + at, a->pace), sum[i]);
    }
    for (int i = 0; i < count; i++)
        wb_finish(&a->place, arena, vector + i, c * a->place.out_cs, sum[i]);
}

/* The vectors of the `size` taps of a filter row, two floats from lane to lane: two
 * loads serve all of them. `middle` is lane 0 of the middle tap. */
WB_INLINE void load_paced(const float *middle, wb_v16 *value, const int size) {
    const wb_pair pair = wb_unzip2(wb_load(middle), wb_load(middle + 16));
    wb_v16 *const v = value + size / 2;
    v[0] = pair.even;
    v[1] = pair.odd;
    v[-1] = wb_shift_up(pair.odd, wb_set1(middle[-1]));
    if (size == 3) return;
    v[2] = wb_shift_down(pair.even, wb_set1(middle[32]));
    v[-2] = wb_shift_up(pair.even, wb_set1(middle[-2]));
}

/* The vectors of the `size` neighbouring taps of a filter row. Where a vector is as long
 * as a cache line, one load and shifts: most loads beside it would touch two lines. */
WB_INLINE void load_near(const float *middle, wb_v16 *value, const int size) {
    wb_v16 *const v = value + size / 2;
    v[0] = wb_load(middle);
    for (int x = 1; x <= size / 2; x++) {
        if (WB_VECTOR_IS_LINE) {
            v[x] = wb_shift_down(v[x - 1], wb_set1(middle[15 + x]));
            v[-x] = wb_shift_up(v[1 - x], wb_set1(middle[-x]));
        } else {
            v[x] = wb_load(middle + x);
            v[-x] = wb_load(middle - x);
        }
    }
}

/* The same at the edge of the image: lanes outside of it are zero. */
WB_INLINE void load_paced_in(const float *middle, wb_v16 *value, const int size,
                             const wb_lanes *inside) {
    const wb_v16 low = wb_load(middle), high = wb_load(middle + 16);
    const wb_lanes *const in = inside + size / 2;
    const wb_pair pair = wb_unzip2_in(low, high, in[0], in[1]);
    wb_v16 *const v = value + size / 2;
    v[0] = pair.even;
    v[1] = pair.odd;
    v[-1] = wb_shift_up_in(pair.odd, wb_set1(middle[-1]), in[-1]);
    if (size == 3) return;
    v[2] = wb_shift_down_in(pair.even, wb_set1(middle[32]), in[2]);
    v[-2] = wb_shift_up_in(pair.even, wb_set1(middle[-2]), in[-2]);
}

/* Multiply-adds that can leave lanes out do so: these stay as they are. */
WB_INLINE void load_near_in(const float *middle, wb_v16 *value, const int size,
                            const wb_lanes *inside) {
    if (WB_FMA_LEAVES_LANES) {
        load_near(middle, value, size);
        return;
    }
#pragma GCC unroll 5
    for (int x = 0; x < size; x++)
        value[x] = wb_load_in(middle + x - size / 2, inside[x]);
}

/* What one channel needs: its filter, its bias, and where its image and its plane are. */
typedef struct {
    wb_v16 weight[25];
    wb_v16 bias;
    ptrdiff_t offset[25]; /* of a tap; the same for every channel */
    const float *from;
    int64_t to; /* floats from place.dst */
} one_channel;

/* The vectors of the taps of filter row `phase`, which is the first of those that meet in
 * an image row. `at` is that row of the channel's image, where output lane 0 stands. */
WB_INLINE void load_row(const one_channel *channel, const float *at, wb_v16 *value,
                        const int phase, const int size, const int step, const int pace,
                        const wb_lanes *inside) {
    const ptrdiff_t *offset = channel->offset + phase * size;
    if (pace == 2) {
        if (inside != NULL) load_paced_in(at + offset[size / 2], value, size, inside);
        else load_paced(at + offset[size / 2], value, size);
    } else if (step == 1) {
        if (inside != NULL) load_near_in(at + offset[size / 2], value, size, inside);
        else load_near(at + offset[size / 2], value, size);
    } else {
#pragma GCC unroll 5
        for (int x = 0; x < size; x++) value[x] = wb_load(at + offset[x]);
    }
}

/* sum + a row of the filter. */
WB_INLINE wb_v16 add_taps(const wb_v16 *weight, const wb_v16 *value, wb_v16 sum,
                          const int size, const int pace, const wb_lanes *inside) {
#pragma GCC unroll 5
    for (int x = 0; x < size; x++)
        sum = WB_FMA_LEAVES_LANES && pace == 1 && inside != NULL
                  ? wb_fma_in(weight[x], value[x], sum, inside[x])
                  : wb_fma(weight[x], value[x], sum);
    return sum;
}

/* How sums are stored: in any way, or clipped and in one or two segments; in one, the
 * vectors of a column store the same lanes. */
enum { ANY = 0, IN_ONE = 1, IN_TWO = 2 };

/* A column of vectors that stand below each other, from the top down. */
typedef struct {
    const one_channel *channel;
    const wb_lanes *inside; /* of each tap, at the edge of the image; else NULL */
    const float *at;        /* see load_row */
    int64_t vector;         /* the next one to store */
    int64_t row;            /* of the image: the one that the first filter row meets */
    unsigned mask;          /* of every vector, where they are the same */
} one_column;

/* Image rows of one output row further down. sum[q] is of the output row that began q
 * steps ago; those from `youngest` to `oldest` take part. The last one is finished by the
 * first of the image rows, `rows` of which are wanted; with `edge` some may lie outside of
 * the image. */
WB_INLINE void advance(const wb_depthwise *a, one_column *column, wb_v16 *sum,
                       const int youngest, const int oldest, const int rows,
                       const int edge, const int size, const int step, const int pace) {
    const int most = (size - 1) / step;
#pragma GCC unroll 4
    for (int q = oldest; q > youngest; q--) sum[q] = sum[q - 1];
    if (youngest == 0) sum[0] = column->channel->bias;
    else sum[youngest] = sum[youngest - 1];
#pragma GCC unroll 2
    for (int phase = 0; phase < rows; phase++) {
        wb_v16 value[5];
        const int64_t below = column->row + phase;
        /* What is outside of an image without borders is zero. */
        if (edge && a->lanes != NULL && (uint64_t)below >= (uint64_t)a->height) continue;
        load_row(column->channel, column->at, value, phase, size, step, pace,
                 column->inside);
#pragma GCC unroll 5
        for (int q = most; q >= 0; q--) {
            const int row = phase + q * step;
            if (q < youngest || q > oldest || row >= size) continue;
            sum[q] = add_taps(column->channel->weight + row * size, value, sum[q], size,
                              pace, column->inside);
        }
    }
    column->at += a->row_stride;
    column->row += step;
    /* One pointer that moves, not one for each row of a loop that was unrolled. */
    __asm__("" : "+r"(column->at));
}

/* Store the next vector of a column. */
WB_INLINE void finish(const wb_depthwise *a, float *arena, one_column *column,
                      wb_v16 value, const int store) {
    const wb_place *place = &a->place;
    const int64_t at = column->vector * (store == IN_TWO ? 2 : 1);
    const int64_t *out = place->out + at;
    const uint16_t *mask = place->mask + at;
    float *to = arena + place->dst + column->channel->to;
    if (store == ANY) {
        wb_finish(place, arena, column->vector, column->channel->to, value);
    } else {
        value = wb_min(wb_set1(place->act.hi), wb_max(wb_set1(place->act.lo), value));
        wb_store_mask(to + out[0], value, store == IN_ONE ? column->mask : mask[0]);
        if (store == IN_TWO) wb_store_mask(to + out[1], value, mask[1]);
    }
    column->vector += a->columns;
}

/* n rows of a column. Each image row is loaded once and added to the sums that wait for
 * it; only these are kept. */
WB_INLINE void roll(const wb_depthwise *a, float *arena, one_column column, int64_t n,
                    const int size, const int step, const int pace, const int store) {
    const int most = (size - 1) / step;
    wb_v16 sum[5];
    int64_t i = 0;
    if (n < most) {
#pragma GCC unroll 5
        for (int q = 0; q <= most; q++) sum[q] = column.channel->bias;
        for (; i < n + most; i++) {
            const int rows = i < n + most - 1 ? step : 1;
            advance(a, &column, sum, 0, most, rows, 1, size, step, pace);
            if (i >= most) finish(a, arena, &column, sum[most], store);
        }
        return;
    }
#pragma GCC unroll 4
    for (int old = 0; old < most; old++)
        advance(a, &column, sum, 0, old, step, 1, size, step, pace);
    /* Rows that need no look at where the image ends. */
    int64_t safe = n - most;
    if (a->lanes != NULL) {
        const int64_t left = (a->height - column.row) / step;
        safe = column.row < 0 ? 0 : left < safe ? left : safe;
    }
#pragma GCC unroll 2
    for (; i < safe; i++) {
        advance(a, &column, sum, 0, most, step, 0, size, step, pace);
        finish(a, arena, &column, sum[most], store);
    }
    for (; i < n - most; i++) {
        advance(a, &column, sum, 0, most, step, 1, size, step, pace);
        finish(a, arena, &column, sum[most], store);
    }
#pragma GCC unroll 4
    for (int young = 1; young <= most; young++) {
        const int rows = young < most ? step : 1;
        advance(a, &column, sum, young, most, rows, 1, size, step, pace);
        finish(a, arena, &column, sum[most], store);
    }
}

/* Channels [range[0], range[1]) of rows [range[2], range[3]). */
WB_INLINE void bands(const wb_depthwise *shared, float *arena, wb_ahead *ahead,
                     const int64_t range[4], const int size, const int step,
                     const int pace, const int store) {
    /* Own copies: no store can change them, so they stay in registers. */
    const wb_depthwise own = *shared, *a = &own;
    const int64_t stop = range[1], first = range[2], end = range[3];
    const int64_t before =
        a->lanes == NULL ? 0 : (a->place.in[0] - a->origin) / a->row_stride;
    const int64_t few = WB_ROLL_FLOATS / (16 * step * step * a->columns);
    const int64_t most = few > size ? few : size;
    for (int64_t c = range[0]; c < stop; c++) {
        one_channel channel = {.bias = wb_set1(a->bias[c]),
                               .from = arena + a->place.src + c * a->in_cs,
                               .to = c * a->place.out_cs};
#pragma GCC unroll 25
        for (int t = 0; t < size * size; t++) {
            channel.weight[t] = wb_set1(a->weights[c * size * size + t]);
            channel.offset[t] = a->offsets[t];
        }
        wb_ahead_go(ahead);
        for (int64_t row = first; row < end; row += most) {
            const int64_t n = end - row < most ? end - row : most;
            for (int32_t j = 0; j < a->columns; j++) {
                const int64_t vector = row * a->columns + j;
                const float *at = channel.from + a->place.in[vector];
                one_column column = {&channel,
                                     NULL,
                                     at,
                                     vector,
                                     step * (before + row) - a->top,
                                     a->place.mask[vector]};
                wb_lanes inside[5];
                if (pace == step && a->lanes != NULL &&
                    (j < a->inner[0] || j >= a->inner[1])) {
#pragma GCC unroll 5
                    for (int x = 0; x < size; x++)
                        inside[x] = wb_lanes_of(a->lanes[j * size + x]);
                    column.inside = inside;
                    roll(a, arena, column, n, size, step, pace, store);
                } else {
                    roll(a, arena, column, n, size, step, pace, store);
                }
            }
        }
    }
}

#define BANDS(size, step, pace, store)                                                   \
    static __attribute__((noinline)) void bands_##size##_##step##_##pace##_##store(      \
        const wb_depthwise *a, float *arena, wb_ahead *ahead, const int64_t range[4]) {  \
        bands(a, arena, ahead, range, size, step, pace, store);                          \
    }
#define BANDS_STORES(size, step, pace)                                                   \
    BANDS(size, step, pace, 0)                                                           \
    BANDS(size, step, pace, 1)                                                           \
    BANDS(size, step, pace, 2)
BANDS_STORES(3, 1, 1)
BANDS_STORES(3, 2, 1)
BANDS_STORES(3, 2, 2)
BANDS_STORES(5, 1, 1)
BANDS_STORES(5, 2, 1)
BANDS_STORES(5, 2, 2)

typedef void (*bands_fn)(const wb_depthwise *, float *, wb_ahead *, const int64_t[4]);

#define BANDS_FNS(size, step, pace)                                                      \
    {bands_##size##_##step##_##pace##_0, bands_##size##_##step##_##pace##_1,             \
     bands_##size##_##step##_##pace##_2}
/* By size; by grid 1, grid 2 and grid 2 with pace 2; by the way of storing. */
static const bands_fn BANDS_OF[2][3][3] = {
    {BANDS_FNS(3, 1, 1), BANDS_FNS(3, 2, 1), BANDS_FNS(3, 2, 2)},
    {BANDS_FNS(5, 1, 1), BANDS_FNS(5, 2, 1), BANDS_FNS(5, 2, 2)},
};

static int cuts(const void *args, int64_t row) {
    const wb_depthwise *a = args;
    return wb_place_cuts(&a->place, row * a->columns);
}

/* Tall images: threads share rows as the convolutions before and after do, so that what
 * one has written stays in its cache. Low ones: channels. */
static void share(const wb_depthwise *a, int tid, int nthreads, int64_t range[4]) {
    const int64_t rows = a->place.count / a->columns;
    const int tall = a->place.count >= WB_TALL && rows >= WB_TALL_ROWS * nthreads;
    range[0] = tall ? 0 : wb_share(a->channels, tid, nthreads);
    range[1] = tall ? a->channels : wb_share(a->channels, tid + 1, nthreads);
    range[2] = tall ? wb_share_apart(rows, tid, nthreads, cuts, a) : 0;
    range[3] = tall ? wb_share_apart(rows, tid + 1, nthreads, cuts, a) : rows;
}

WB_DEFINE(depthwise, 1x32, 1x64, 1x64) {
    const wb_depthwise *a = args;
    WB_REQUIRE_STEP(a, arena, tid, nthreads);
    WB_REQUIRE_PLACE(&a->place);
    WB_REQUIRE(a->channels >= 1 && a->taps >= 1);
    WB_REQUIRE_WITHIN(0, a->grid, 2);
    WB_REQUIRE_WITHIN(1, a->pace, 2);
    WB_REQUIRE(a->grid == 0 || (a->columns >= 1 && (a->taps == 9 || a->taps == 25)));
    WB_REQUIRE_ARRAY(a->offsets);
    WB_REQUIRE_ARRAY(a->weights);
    WB_REQUIRE_ARRAY(a->bias);
    const wb_place *p = &a->place;
    if (a->grid >= a->pace && p->count % a->columns == 0) {
        const int clipped =
            p->act.curve == WB_LINEAR && p->residual == WB_NONE && !p->unzip;
        const int store = !clipped || p->segments > IN_TWO ? ANY
                          : p->segments == IN_TWO          ? IN_TWO
                          : a->repeats                     ? IN_ONE
                                                           : ANY;
        const bands_fn fn = BANDS_OF[a->taps == 25][a->grid + a->pace - 2][store];
        int64_t range[4];
        share(a, tid, nthreads, range);
        /* Rows of all channels lie together: a few rows of all of them at a time. */
        const int together = a->in_cs < a->row_stride;
        const int64_t rows = range[3] - range[2], few = together ? TOGETHER : rows;
        const int64_t calls = rows > 0 ? (rows + few - 1) / few : 0;
        wb_ahead ahead = wb_ahead_open(arena, calls * (range[1] - range[0]));
        for (int64_t row = range[2]; row < range[3]; row += few) {
            const int64_t stop = row + few < range[3] ? row + few : range[3];
            fn(a, arena, &ahead, (const int64_t[4]){range[0], range[1], row, stop});
        }
        return;
    }
    const int64_t low = wb_share(a->channels, tid, nthreads);
    const int64_t high = wb_share(a->channels, tid + 1, nthreads);
    for (int64_t c = low; c < high; c++)
        for (int64_t v = 0; v < p->count; v += SINGLES) {
            const int64_t left = p->count - v;
            plain(a, arena, c, v, (int)(left < SINGLES ? left : SINGLES));
        }
}
