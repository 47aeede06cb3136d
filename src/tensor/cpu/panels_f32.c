/*
 * tensor/cpu/panels_f32.c - packing, and products with what was packed; see panels_f32.h.
 *
 * Panel p holds columns 64 p.. of the right matrix, inner element after inner element, 64 floats
 * each; the last one's missing columns are zeroes that are never read as results.
 */
#include "tensor/cpu/panels_f32.h"

#include "tensor/cpu/block_gemm.h"
#include "tensor/cpu/grain.h"
#include "tensor/cpu/lanes.h"

enum {
    WIDTH = 64,
    DEPTH = 128 /* inner elements of a cut: 32 KiB of a panel */
};

typedef struct shape {
    int64_t columns, inner, panels;
} shape;

static shape shape_of(const stoa_tensor *weight, bool forward) {
    int64_t n = weight->shape[0], k = weight->shape[1];
    int64_t columns = forward ? n : k;
    return (shape){columns, forward ? k : n, (columns + WIDTH - 1) / WIDTH};
}

bool stoa_panels_f32_fit(const stoa_tensor *weight, bool forward) {
    shape s = shape_of(weight, forward);
    return s.columns > 0 && s.inner > 0 && s.columns % STOA_LANES == 0;
}

size_t stoa_panels_f32_floats(const stoa_tensor *weight, bool forward) {
    shape s = shape_of(weight, forward);
    return (size_t)(s.panels * s.inner * WIDTH);
}

typedef struct job {
    const stoa_tensor *weight;
    bool forward;
    float *to;
} job;

/* Panels [begin, end). */
static void pack_range(void *arg, int64_t begin, int64_t end, int thread) {
    const job *w = arg;
    (void)thread;
    const shape s = shape_of(w->weight, w->forward);
    const float *weight = w->weight->data;
    int64_t down = w->forward ? 1 : s.columns, across = w->forward ? s.inner : 1;
    for (int64_t p = begin; p < end; p++) {
        float *to = w->to + p * s.inner * WIDTH;
        int64_t first = p * WIDTH, width = s.columns - first;
        width = width < WIDTH ? width : WIDTH;
        for (int64_t i0 = 0; i0 < s.inner; i0 += STOA_LANES) /* whole cache lines of the weight */
            for (int64_t j = 0; j < WIDTH; j++)
                for (int64_t i = i0; i < s.inner && i < i0 + STOA_LANES; i++)
                    to[i * WIDTH + j] = j < width ? weight[i * down + (first + j) * across] : 0.0f;
    }
}

void stoa_panels_f32_make(stoa_ctx *ctx, const stoa_tensor *weight, bool forward, float *to) {
    const shape s = shape_of(weight, forward);
    job w = {weight, forward, to};
    stoa_parallel(ctx, s.panels, stoa_grain_bytes((double)(s.columns * s.inner) * 24, s.panels),
                  pack_range, &w);
}

void stoa_panels_f32_multiply(int64_t m, int64_t n, int64_t k, const float *a, const float *panels,
                              float *c, bool add) {
    for (int64_t j = 0; j < n; j += WIDTH) {
        const float *panel = panels + j * k;
        int64_t width = n - j < WIDTH ? n - j : WIDTH;
        for (int64_t p = 0; p < k; p += DEPTH) {
            int64_t depth = k - p < DEPTH ? k - p : DEPTH;
            stoa_block_gemm(m, width, depth, (stoa_block_matrix){a + p, k, 1}, panel + p * WIDTH,
                            WIDTH, c + j, n, add || p > 0);
        }
    }
}
