/* Along one axis; contract in along.h. */
#include "kernels/along/along.h"

#include "simd/exp.h"

#include <math.h>

enum { WIDE = 64 }; /* columns that are worked on together */

static int gathers(int64_t kind) { return kind >= WB_SUM; }

/* What one more number makes of a sum or extreme. */
WB_INLINE float taken(float so_far, float x, const int64_t kind) {
    if (kind == WB_SUM_OF_SQUARES || kind == WB_LENGTH) return so_far + x * x;
    if (kind == WB_LARGEST) return x > so_far || x != x ? x : so_far;
    if (kind == WB_SMALLEST) return x < so_far || x != x ? x : so_far;
    return so_far + x;
}

WB_INLINE float start_of(const int64_t kind) {
    if (kind == WB_LARGEST) return -INFINITY;
    return kind == WB_SMALLEST ? INFINITY : 0.0f;
}

static float ended(float x, int64_t count, int64_t kind) {
    if (kind == WB_MEAN) return x / (float)count;
    return kind == WB_LENGTH ? sqrtf(x) : x;
}

/* exp of floats in place. */
static void exp_all(float *x, int64_t n) {
    int64_t i = 0;
    for (; i + 16 <= n; i += 16) wb_store(x + i, wb_exp(wb_load(x + i)));
    if (i == n) return;
    float lanes[16] = {0};
    memcpy(lanes, x + i, (size_t)(n - i) * sizeof(float));
    wb_store(lanes, wb_exp(wb_load(lanes)));
    memcpy(x + i, lanes, (size_t)(n - i) * sizeof(float));
}

/* sum of (x - around)^power over a contiguous line, sixteen lanes at a time. */
WB_INLINE float line_sum(const float *x, int64_t n, float around, const int squared) {
    const wb_v16 middle = wb_set1(around);
    wb_v16 sum = wb_zero();
    int64_t i = 0;
    for (; i + 16 <= n; i += 16) {
        const wb_v16 d = wb_sub(wb_load(x + i), middle);
        sum = squared ? wb_fma(d, d, sum) : wb_add(sum, d);
    }
    float total = wb_sum(sum);
    for (; i < n; i++)
        total += squared ? (x[i] - around) * (x[i] - around) : x[i] - around;
    return total;
}

static float line_extreme(const float *x, int64_t n, const int64_t kind) {
    const wb_v16 zero = wb_zero();
    wb_v16 top = wb_set1(-INFINITY);
    int64_t i = 0;
    for (; i + 16 <= n; i += 16) {
        const wb_v16 v = wb_load(x + i);
        top = wb_larger(top, kind == WB_LARGEST ? v : wb_sub(zero, v));
    }
    float lanes[16], result = start_of(kind);
    wb_store(lanes, top);
    for (; i < n; i++) result = taken(result, x[i], kind);
    for (int l = 0; l < 16; l++)
        result = taken(result, kind == WB_LARGEST ? lanes[l] : -lanes[l], kind);
    return result;
}

static float line_result(const wb_along *k, const float *x) {
    const int64_t n = k->count, kind = k->kind;
    if (kind == WB_LARGEST) return line_extreme(x, n, WB_LARGEST);
    if (kind == WB_SMALLEST) return line_extreme(x, n, WB_SMALLEST);
    const int squared = kind == WB_SUM_OF_SQUARES || kind == WB_LENGTH;
    return ended(squared ? line_sum(x, n, 0.0f, 1) : line_sum(x, n, 0.0f, 0), n, kind);
}

static void line_softmax(const wb_along *k, const float *x, float *y) {
    const int64_t n = k->count;
    const float top = line_extreme(x, n, WB_LARGEST);
    for (int64_t i = 0; i < n; i++) y[i] = x[i] - top;
    if (k->kind == WB_LOG_SOFTMAX) {
        float total = 0.0f, some[WIDE];
        for (int64_t i = 0; i < n; i += WIDE) {
            const int64_t m = n - i < WIDE ? n - i : WIDE;
            memcpy(some, y + i, (size_t)m * sizeof(float));
            exp_all(some, m);
            total += line_sum(some, m, 0.0f, 0);
        }
        const float log_of = logf(total);
        for (int64_t i = 0; i < n; i++) y[i] -= log_of;
        return;
    }
    exp_all(y, n);
    const float total = line_sum(y, n, 0.0f, 0);
    for (int64_t i = 0; i < n; i++) y[i] /= total;
}

/* Scale and shift of a stretch that has one number of each. */
WB_INLINE void affine(float *y, const float *x, int64_t n, float mean, float factor,
                      float shift) {
    for (int64_t i = 0; i < n; i++) y[i] = (x[i] - mean) * factor + shift;
}

static void line_norm(const wb_along *k, const float *x, float *y, int64_t line) {
    const int64_t n = k->count, each = k->per_number;
    const float mean = k->centre ? line_sum(x, n, 0.0f, 0) / (float)n : 0.0f;
    const float rate = 1.0f / sqrtf(line_sum(x, n, mean, 1) / (float)n + k->eps);
    const float *scale = k->scale != NULL ? k->scale + line * k->per_line : NULL;
    const float *shift = k->shift != NULL ? k->shift + line * k->per_line : NULL;
    if (each == 1 && scale != NULL && shift != NULL) {
        for (int64_t i = 0; i < n; i++) y[i] = (x[i] - mean) * rate * scale[i] + shift[i];
        return;
    }
    const int64_t step = scale == NULL && shift == NULL ? n : each;
    for (int64_t i = 0, c = 0; i < n; i += step, c++) {
        const float factor = scale != NULL ? rate * scale[c] : rate;
        affine(y + i, x + i, step, mean, factor, shift != NULL ? shift[c] : 0.0f);
    }
}

/* `width` <= WIDE columns beside each other; rows of them are `inner` floats apart. */
WB_INLINE void columns_result(const wb_along *k, const float *x, float *y,
                              const int64_t width, const int64_t kind) {
    float sums[WIDE];
    for (int64_t c = 0; c < width; c++) sums[c] = start_of(kind);
    for (int64_t j = 0; j < k->count; j++, x += k->inner)
        for (int64_t c = 0; c < width; c++) sums[c] = taken(sums[c], x[c], kind);
    for (int64_t c = 0; c < width; c++) y[c] = ended(sums[c], k->count, k->kind);
}

WB_INLINE void columns_softmax(const wb_along *k, const float *x, float *y,
                               const int64_t width) {
    float top[WIDE], sums[WIDE], some[WIDE];
    const int64_t inner = k->inner;
    columns_result(k, x, top, width, WB_LARGEST);
    for (int64_t c = 0; c < width; c++) sums[c] = 0.0f;
    for (int64_t j = 0; j < k->count; j++) {
        for (int64_t c = 0; c < width; c++) some[c] = x[j * inner + c] - top[c];
        if (k->kind == WB_LOG_SOFTMAX) memcpy(y + j * inner, some, (size_t)width * 4);
        exp_all(some, width);
        for (int64_t c = 0; c < width; c++) sums[c] += some[c];
        if (k->kind == WB_SOFTMAX) memcpy(y + j * inner, some, (size_t)width * 4);
    }
    if (k->kind == WB_LOG_SOFTMAX)
        for (int64_t c = 0; c < width; c++) sums[c] = logf(sums[c]);
    for (int64_t j = 0; j < k->count; j++, y += inner)
        for (int64_t c = 0; c < width; c++)
            y[c] = k->kind == WB_SOFTMAX ? y[c] / sums[c] : y[c] - sums[c];
}

WB_INLINE void columns_norm(const wb_along *k, const float *x, float *y,
                            const int64_t width) {
    float mean[WIDE], rate[WIDE];
    const int64_t inner = k->inner, n = k->count;
    for (int64_t c = 0; c < width; c++) mean[c] = rate[c] = 0.0f;
    if (k->centre) {
        for (int64_t j = 0; j < n; j++)
            for (int64_t c = 0; c < width; c++) mean[c] += x[j * inner + c];
        for (int64_t c = 0; c < width; c++) mean[c] /= (float)n;
    }
    for (int64_t j = 0; j < n; j++)
        for (int64_t c = 0; c < width; c++) {
            const float d = x[j * inner + c] - mean[c];
            rate[c] += d * d;
        }
    for (int64_t c = 0; c < width; c++)
        rate[c] = 1.0f / sqrtf(rate[c] / (float)n + k->eps);
    for (int64_t j = 0; j < n; j++) {
        const float scale = k->scale != NULL ? k->scale[j / k->per_number] : 1.0f;
        const float shift = k->shift != NULL ? k->shift[j / k->per_number] : 0.0f;
        for (int64_t c = 0; c < width; c++)
            y[j * inner + c] = (x[j * inner + c] - mean[c]) * rate[c] * scale + shift;
    }
}

WB_INLINE void columns(const wb_along *k, const float *x, float *y, const int64_t width) {
    switch (k->kind) {
    case WB_SOFTMAX:
    case WB_LOG_SOFTMAX: columns_softmax(k, x, y, width); return;
    case WB_NORM: columns_norm(k, x, y, width); return;
    case WB_LARGEST: columns_result(k, x, y, width, WB_LARGEST); return;
    case WB_SMALLEST: columns_result(k, x, y, width, WB_SMALLEST); return;
    case WB_SUM:
    case WB_MEAN: columns_result(k, x, y, width, WB_SUM); return;
    default: columns_result(k, x, y, width, WB_SUM_OF_SQUARES); return;
    }
}

static void line(const wb_along *k, float *arena, int64_t o) {
    const float *x = arena + k->src + o * k->count;
    if (gathers(k->kind)) arena[k->dst + o] = line_result(k, x);
    else if (k->kind == WB_NORM) line_norm(k, x, arena + k->dst + o * k->count, o);
    else line_softmax(k, x, arena + k->dst + o * k->count);
}

WB_DEFINE(along, 1x16, 1x16, 1x16) {
    const wb_along *k = args;
    WB_REQUIRE_STEP(k, arena, tid, nthreads);
    WB_REQUIRE(k->outer >= 1 && k->count >= 1 && k->inner >= 1);
    WB_REQUIRE_WITHIN(0, k->kind, WB_ALONG_KINDS - 1);
    WB_REQUIRE_FLAG(k->centre);
    WB_REQUIRE(k->src >= 0 && k->dst >= 0);
    WB_REQUIRE(k->per_number >= 1 && k->per_line >= 0);
    WB_REQUIRE(k->inner == 1 || k->per_line == 0);
    const int64_t blocks = k->inner == 1 ? 1 : (k->inner + WIDE - 1) / WIDE;
    const int64_t items = k->outer * blocks;
    const int64_t stop = wb_share(items, tid + 1, nthreads);
    for (int64_t i = wb_share(items, tid, nthreads); i < stop; i++) {
        if (k->inner == 1) {
            line(k, arena, i);
            continue;
        }
        const int64_t o = i / blocks, c = i % blocks * WIDE;
        const float *x = arena + k->src + o * k->count * k->inner + c;
        float *y =
            arena + k->dst + c + o * (gathers(k->kind) ? k->inner : k->count * k->inner);
        if (k->inner - c >= WIDE) columns(k, x, y, WIDE);
        else columns(k, x, y, k->inner - c);
    }
}
