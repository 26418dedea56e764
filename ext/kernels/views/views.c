/* Element by element over views; contract in views.h. */
#include "kernels/views/views.h"

#include "simd/simd.h"

#include <math.h>

enum { TILE = 16, TILE_FLOATS = 256 };

typedef void (*row_fn)(float *out, int64_t so, const float *a, int64_t sa, const float *b,
                       int64_t sb, int64_t n);

/* One row: where strides are known, the compiler makes vectors of the loop. */
#define ROW(NAME, VALUE)                                                                 \
    WB_INLINE void NAME##_loop(float *restrict out, int64_t so, const float *restrict a, \
                               int64_t sa, const float *restrict b, int64_t sb,          \
                               int64_t n) {                                              \
        for (int64_t i = 0; i < n; i++) {                                                \
            const float p = a[i * sa], q = b[i * sb];                                    \
            (void)q;                                                                     \
            out[i * so] = VALUE;                                                         \
        }                                                                                \
    }                                                                                    \
    static void NAME(float *out, int64_t so, const float *a, int64_t sa, const float *b, \
                     int64_t sb, int64_t n) {                                            \
        if (so == 1 && sa == 1 && sb == 1) NAME##_loop(out, 1, a, 1, b, 1, n);           \
        else if (so == 1 && sa == 1 && sb == 0) NAME##_loop(out, 1, a, 1, b, 0, n);      \
        else if (so == 1 && sa == 0 && sb == 1) NAME##_loop(out, 1, a, 0, b, 1, n);      \
        else NAME##_loop(out, so, a, sa, b, sb, n);                                      \
    }

ROW(copy, p)
ROW(add, p + q)
ROW(sub, p - q)
ROW(mul, p *q)
ROW(divide, p / q)
ROW(maximum, p > q || p != p ? p : q)
ROW(minimum, p < q || p != p ? p : q)
ROW(root, sqrtf(p))
ROW(over_root, 1.0f / sqrtf(p))
ROW(over, 1.0f / p)
ROW(square, p *p)
ROW(size, fabsf(p))
ROW(negative, -p)

static const row_fn rows[WB_VIEW_FUNCTIONS] = {
    copy, add,       sub,  mul,    divide, maximum, minimum,
    root, over_root, over, square, size,   negative};

/* A place in the first axes of the space. */
typedef struct {
    int64_t index[WB_AXES], at[3];
} cursor;

static cursor cursor_at(const wb_views *k, int64_t axes, int64_t item) {
    cursor c = {{0}, {k->view[0].base, k->view[1].base, k->view[2].base}};
    for (int64_t d = axes - 1; d >= 0; d--) {
        c.index[d] = item % k->sizes[d];
        item /= k->sizes[d];
        for (int v = 0; v < 3; v++) c.at[v] += c.index[d] * k->view[v].strides[d];
    }
    return c;
}

static void step_on(cursor *c, const wb_views *k, int64_t axes) {
    for (int64_t d = axes - 1; d >= 0; d--) {
        for (int v = 0; v < 3; v++) c->at[v] += k->view[v].strides[d];
        if (++c->index[d] < k->sizes[d]) return;
        c->index[d] = 0;
        for (int v = 0; v < 3; v++) c->at[v] -= k->sizes[d] * k->view[v].strides[d];
    }
}

static int64_t count_of(const wb_views *k, int64_t axes) {
    int64_t n = 1;
    for (int64_t d = 0; d < axes; d++) n *= k->sizes[d];
    return n;
}

/* Rows first..stop of a plane: out[i * so + j] = a[i + j * sa], in tiles of few lines. */
static void turn(float *restrict out, int64_t so, const float *restrict a, int64_t sa,
                 int64_t first, int64_t stop, int64_t n) {
    const int64_t wide = n < TILE ? n : TILE;
    for (int64_t j = 0; j < n; j += wide) {
        const int64_t end = j + wide < n ? j + wide : n;
        for (int64_t i = first; i < stop; i++)
            for (int64_t x = j; x < end; x++) out[i * so + x] = a[i + x * sa];
    }
}

static void run_planes(const wb_views *k, float *arena, const float *a, int tid,
                       int nthreads) {
    const int64_t outer = k->axes - 2, height = k->sizes[outer], n = k->sizes[outer + 1];
    const int64_t so = k->view[0].strides[outer], sa = k->view[1].strides[outer + 1];
    int64_t tall = n < TILE ? TILE_FLOATS / n : TILE;
    const int64_t tiles = (height + tall - 1) / tall;
    const int64_t items = tiles * count_of(k, outer);
    const int64_t stop = wb_share(items, tid + 1, nthreads);
    int64_t item = wb_share(items, tid, nthreads);
    if (item >= stop) return;
    cursor c = cursor_at(k, outer, item / tiles);
    for (int64_t tile = item % tiles; item < stop; item++) {
        const int64_t first = tile * tall;
        const int64_t last = first + tall < height ? first + tall : height;
        turn(arena + c.at[0], so, a + c.at[1], sa, first, last, n);
        if (++tile < tiles) continue;
        tile = 0;
        step_on(&c, k, outer);
    }
}

WB_DEFINE(views, 1x16, 1x16, 1x16) {
    const wb_views *k = args;
    WB_REQUIRE_STEP(k, arena, tid, nthreads);
    WB_REQUIRE_WITHIN(1, k->axes, WB_AXES);
    WB_REQUIRE_WITHIN(0, k->function, WB_VIEW_FUNCTIONS - 1);
    WB_REQUIRE_FLAG(k->plane);
    WB_REQUIRE(k->view[0].fixed == NULL);
    WB_REQUIRE(!k->plane || (k->axes > 1 && k->function == WB_VIEW_COPY));
    WB_REQUIRE(!k->plane || k->view[0].strides[k->axes - 1] == 1);
    WB_REQUIRE(!k->plane || k->view[1].strides[k->axes - 2] == 1);
    const float *a = k->view[1].fixed != NULL ? k->view[1].fixed : arena;
    const float *b = k->view[2].fixed != NULL ? k->view[2].fixed : arena;
    if (k->plane) {
        run_planes(k, arena, a, tid, nthreads);
        return;
    }
    const int64_t outer = k->axes - 1, n = k->sizes[outer], count = count_of(k, outer);
    const int64_t so = k->view[0].strides[outer], sa = k->view[1].strides[outer];
    const int64_t sb = k->view[2].strides[outer];
    const row_fn row = rows[k->function];
    if (count == 1) {
        const int64_t lines = (n + 15) / 16, first = 16 * wb_share(lines, tid, nthreads);
        int64_t stop = 16 * wb_share(lines, tid + 1, nthreads);
        stop = stop < n ? stop : n;
        if (first < stop)
            row(arena + k->view[0].base + first * so, so,
                a + k->view[1].base + first * sa, sa, b + k->view[2].base + first * sb,
                sb, stop - first);
        return;
    }
    const int64_t stop = wb_share(count, tid + 1, nthreads);
    int64_t item = wb_share(count, tid, nthreads);
    cursor c = cursor_at(k, outer, item);
    for (; item < stop; item++, step_on(&c, k, outer))
        row(arena + c.at[0], so, a + c.at[1], sa, b + c.at[2], sb, n);
}
