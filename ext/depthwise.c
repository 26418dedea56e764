/* Depthwise convolution; contract in depthwise.h. */
#include "depthwise.h"

#include "epilogue.h"
#include "fetch.h"
#include "share.h"

/* Vectors of a plane from which threads share rows rather than channels. */
enum { SINGLES = 4, WB_TALL = 12, WB_TALL_ROWS = 4 };

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

/* What stands for rows outside of the image: two floats before a row are read too. */
static const float NOTHING[64] __attribute__((aligned(64)));
enum { BEFORE_NOTHING = 16 };

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

WB_INLINE void load_near_in(const float *middle, wb_v16 *value, const int size,
                            const wb_lanes *inside) {
    const wb_lanes *const in = inside + size / 2;
    wb_v16 *const v = value + size / 2;
    v[0] = wb_load_in(middle, in[0]);
    for (int x = 1; x <= size / 2; x++) {
        if (WB_VECTOR_IS_LINE) {
            v[x] = wb_shift_down_in(v[x - 1], wb_set1(middle[15 + x]), in[x]);
            v[-x] = wb_shift_up_in(v[1 - x], wb_set1(middle[-x]), in[-x]);
        } else {
            v[x] = wb_load_in(middle + x, in[x]);
            v[-x] = wb_load_in(middle - x, in[-x]);
        }
    }
}

/* `row` if it is one of the image, else zeros. Without a branch. */
WB_INLINE const float *row_or_nothing(const wb_depthwise *a, const float *row,
                                      int64_t y) {
    const uintptr_t nothing = (uintptr_t)(NOTHING + BEFORE_NOTHING);
    const uintptr_t inside = -(uintptr_t)((uint64_t)y < (uint64_t)a->height);
    return (const float *)(nothing + (((uintptr_t)row - nothing) & inside));
}

/* What one channel needs: its filter, its bias, and where its image and its plane are. */
typedef struct {
    wb_v16 weight[25];
    wb_v16 bias;
    ptrdiff_t offset[25]; /* of a tap; the same for every channel */
    const float *from;
    int64_t to;        /* floats from place.dst */
} wb_channel;

/* Add filter rows first, first + step, ... of `size` taps to n rows of sums. At the edge
 * of the image, `inside` says which lanes of each tap lie in it; else it is NULL. `row`
 * is the image row of the first of the filter rows. */
WB_INLINE void add_rows(const wb_depthwise *a, const wb_channel *channel, int64_t in,
                        wb_v16 *sum, const int n, const int size, const int first,
                        const int step, const int pace, const wb_lanes *inside,
                        int64_t row) {
    const int taps = (size - first + step - 1) / step;
    const float *at = channel->from + in;
    const int64_t stride = a->row_stride;
    ptrdiff_t offset[5];
    for (int x = 0; x < size; x++) offset[x] = channel->offset[first * size + x];
#pragma GCC unroll 16
    for (int y = 0; y < n + taps - 1; y++, at += stride) {
        wb_v16 value[5];
        const float *middle = at + offset[size / 2];
        if (inside != NULL) {
            const int place = first + y * step, rows = step * (n - 1) + size;
            if (place < size / 2 || place >= rows - size / 2)
                middle = row_or_nothing(a, middle, row + y * step);
            if (pace == 2) load_paced_in(middle, value, size, inside);
            else load_near_in(middle, value, size, inside);
        } else if (pace == 2) {
            load_paced(middle, value, size);
        } else if (step == 1) {
            load_near(middle, value, size);
        }
#pragma GCC unroll 8
        for (int x = 0; x < size; x++) {
            if (pace == 1 && step == 2) value[x] = wb_load(at + offset[x]);
#pragma GCC unroll 8
            for (int i = 0; i < n; i++) {
                const int row = first + (y - i) * step;
                if (y >= i && y - i < taps)
                    sum[i] = wb_fma(channel->weight[row * size + x], value[x], sum[i]);
            }
        }
    }
}

/* How sums are stored: in any way, or clipped and in one or two segments; in one, the
 * vectors of a column store the same lanes. */
enum { ANY = 0, IN_ONE = 1, IN_TWO = 2 };

/* n vectors that stand below each other. */
WB_INLINE void column(const wb_depthwise *a, float *arena, const wb_channel *channel,
                      int64_t vector, const int n, const int size, const int step,
                      const int pace, const int store, const wb_lanes *inside,
                      int64_t top) {
    const wb_place *place = &a->place;
    const int64_t columns = a->columns, in = place->in[vector];
    wb_v16 sum[WB_CHAIN];
#pragma GCC unroll 8
    for (int i = 0; i < n; i++) sum[i] = channel->bias;
    add_rows(a, channel, in, sum, n, size, 0, step, pace, inside, top);
    if (step == 2) add_rows(a, channel, in, sum, n, size, 1, step, pace, inside, top + 1);
    if (store == ANY) {
        for (int i = 0; i < n; i++)
            wb_finish(place, arena, vector + i * columns, channel->to, sum[i]);
        return;
    }
    const wb_v16 low = wb_set1(place->act.lo), high = wb_set1(place->act.hi);
    const int64_t segments = store;
    float *to = arena + place->dst + channel->to;
    const int64_t *out = place->out + vector * segments;
    const uint16_t *mask = place->mask + vector * segments, one = mask[0];
#pragma GCC unroll 8
    for (int i = 0; i < n; i++) {
        const wb_v16 value = wb_min(high, wb_max(low, sum[i]));
        wb_store_mask(to + out[0], value, store == IN_ONE ? one : mask[0]);
        if (store == IN_TWO) wb_store_mask(to + out[1], value, mask[1]);
        out += columns * segments;
        mask += columns * segments;
    }
}

/* One to seven rows of vectors of a channel; `before` rows of the output are not in this
 * part. */
WB_INLINE void chain(const wb_depthwise *a, float *arena, const wb_channel *channel,
                     int64_t row, int64_t before, const int n, const int size,
                     const int step, const int pace, const int store) {
    const int64_t top = step * (before + row) - a->top;
    const int64_t below = top + step * (n - 1) + size;
    const int32_t columns = a->columns;
    int32_t low = 0, high = columns; /* columns that see no edge of the image */
    if (pace == step && a->lanes != NULL) {
        low = top < 0 || below > a->height ? columns : a->inner[0];
        high = low == columns ? low : a->inner[1];
    }
    for (int32_t j = 0; j < columns; j++) {
        const int64_t vector = row * columns + j;
        if (j >= low && j < high) {
            column(a, arena, channel, vector, n, size, step, pace, store, NULL, 0);
        } else if (pace == step) {
            wb_lanes inside[5];
            const uint16_t *bits = a->lanes + j * size;
            for (int x = 0; x < size; x++) inside[x] = wb_lanes_of(bits[x]);
            column(a, arena, channel, vector, n, size, step, pace, store, inside, top);
        }
    }
}

/* How many of the rows left are made together: more share more loads, until sums and
 * filter fill the registers. Two steps of a filter row keep all sums to the end. */
WB_INLINE int64_t chain_length(int64_t left, const int size, const int step) {
    if (size == 3 && step == 1 && left >= WB_CHAIN && left != 8) return WB_CHAIN;
    return left > 4 ? 4 : left;
}

#define CHAIN(n) chain(a, arena, &channel, row, before, n, size, step, pace, store)

/* Channels [range[0], range[1]) of rows [range[2], range[3]). */
WB_INLINE void bands(const wb_depthwise *shared, float *arena, wb_ahead *ahead,
                     const int64_t range[4], const int size, const int step,
                     const int pace, const int store) {
    /* Own copies: no store can change them, so they stay in registers. */
    const wb_depthwise own = *shared, *a = &own;
    const int64_t stop = range[1], first = range[2], end = range[3];
    const int64_t before =
        a->lanes == NULL ? 0 : (a->place.in[0] - a->origin) / a->row_stride;
    for (int64_t c = range[0]; c < stop; c++) {
        wb_channel channel = {.bias = wb_set1(a->bias[c]),
                              .from = arena + a->place.src + c * a->in_cs,
                              .to = c * a->place.out_cs};
#pragma GCC unroll 25
        for (int t = 0; t < size * size; t++) {
            channel.weight[t] = wb_set1(a->weights[c * size * size + t]);
            channel.offset[t] = a->offsets[t];
        }
        wb_ahead_go(ahead);
        for (int64_t row = first; row < end;) {
            const int64_t n = chain_length(end - row, size, step);
            if (n == WB_CHAIN) CHAIN(WB_CHAIN);
            else if (n == 4) CHAIN(4);
            else if (n == 3) CHAIN(3);
            else if (n == 2) CHAIN(2);
            else CHAIN(1);
            row += n;
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
        const int64_t rows = range[3] - range[2], few = together ? WB_CHAIN : rows;
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
