/*
 * tensor/cpu/attention_f32.c - the attention engine in float32, for every machine and type.
 *
 * A block of queries meets all keys it may see at once: scores, softmax, product with the values.
 * No matrix of all queries by all keys exists; backward makes a block's probabilities anew from the
 * saved log of the sum of exponentials.
 */
#include <math.h>
#include <string.h>

#include "tensor/cpu/attention.h"
#include "tensor/cpu/attention_softmax.h"
#include "tensor/cpu/block_gemm.h"
#include "tensor/cpu/simd.h"

enum { BLOCK = 24, LANES = 16 }; // queries at a time; columns are padded to LANES

static int64_t padded(int64_t n) {
    return (n + LANES - 1) / LANES * LANES;
}

/* Carves arrays of floats out of a thread's scratch; with base NULL it only counts. */
typedef struct carver {
    char *base;
    size_t used;
} carver;

static float *carve(carver *c, int64_t floats) {
    float *p = c->base ? (float *)(c->base + c->used) : NULL;
    c->used += (size_t)padded(floats) * sizeof(float);
    return p;
}

/* Scratch of a task; pitches: wide = padded D, long = padded Tk. */
typedef struct work {
    int64_t wide, far;
    float *keys;              // (Tk, wide)
    float *keys_across;       // (wide, far): transposed, so that scores are sums of rows
    float *values;            // (Tk, wide), forward
    float *values_across;     // (wide, far), backward
    float *query;             // (BLOCK, wide)
    float *scores;            // (BLOCK, far): scores, then probabilities
    float *result;            // (BLOCK, wide): output; d_query in backward
    float *d_result;          // (BLOCK, wide)
    float *d_scores;          // (BLOCK, far)
    float *d_keys, *d_values; // (Tk, wide)
    float *delta;             // (Tq)
} work;

static work plan(const stoa_attn *a, bool backward, carver *c) {
    int64_t wide = padded(a->width), far = padded(a->k.time) | LANES; // odd: rows in many sets
    work w = {.wide = wide, .far = far};
    w.keys = carve(c, far * wide);
    w.keys_across = carve(c, far * wide);
    w.query = carve(c, BLOCK * wide);
    w.scores = carve(c, BLOCK * far);
    w.result = carve(c, BLOCK * wide);
    w.values = carve(c, far * wide);
    if (backward) {
        w.values_across = carve(c, far * wide);
        w.d_result = carve(c, BLOCK * wide);
        w.d_scores = carve(c, BLOCK * far);
        w.d_keys = carve(c, far * wide);
        w.d_values = carve(c, far * wide);
        w.delta = carve(c, a->q.time);
    }
    return w;
}

static size_t forward_bytes(const stoa_attn *a) {
    carver c = {0};
    plan(a, false, &c);
    return c.used;
}

static size_t backward_bytes(const stoa_attn *a) {
    carver c = {0};
    plan(a, true, &c);
    return c.used;
}

/* Gathers `n` rows of a head and transposes them; columns n to the next multiple of LANES are 0. */
static void gather_across(const stoa_attn_side *side, int width, int64_t b, int g, int64_t n,
                          float *rows, float *across, int64_t wide, int64_t far) {
    stoa_attn_gather(side, width, b, g, 0, n, rows, wide);
    int64_t full = padded(n);
    memset(rows + n * wide, 0, (size_t)((full - n) * wide) * sizeof *rows);
    for (int64_t t = 0; t < full; t += LANES)
        for (int64_t d = 0; d < wide; d++)
#pragma omp simd
            for (int64_t i = 0; i < LANES; i++)
                across[d * far + t + i] = rows[(t + i) * wide + d];
}

/* Softmax of m rows of scores, without the division; sums[i] = 0 for a blind query. */
static void soften(const stoa_attn *a, const work *w, stoa_attn_task task, int64_t begin, int64_t m,
                   int64_t n, float *sums, float *tops) {
    for (int64_t i = 0; i < m; i++) {
        float *row = w->scores + i * w->far;
        int64_t visible = stoa_attn_visible(a, task.b, begin + i);
        sums[i] = visible ? stoa_attn_soften(row, visible, a->scale, &tops[i]) : 0;
        for (int64_t j = padded(visible); j < n; j++)
            row[j] = 0;
    }
}

/* Queries [begin, begin + m) of head h. */
static void forward_block(const stoa_attn *a, work *w, stoa_attn_task task, int h, int64_t begin,
                          int64_t m) {
    int64_t b = task.b, n = stoa_attn_visible(a, b, begin + m - 1), full = padded(n);
    float sums[BLOCK] = {0}, tops[BLOCK] = {0};
    stoa_attn_gather(&a->q, a->width, b, h, begin, m, w->query, w->wide);
    stoa_block_gemm(m, full, a->width, (stoa_block_matrix){w->query, w->wide, 1}, w->keys_across,
                    w->far, w->scores, w->far, false);
    soften(a, w, task, begin, m, n, sums, tops);
    stoa_block_gemm(m, w->wide, n, (stoa_block_matrix){w->scores, w->far, 1}, w->values, w->wide,
                    w->result, w->wide, false);
    for (int64_t i = 0; i < m; i++) {
        float inverse = sums[i] == 0 ? 0 : 1 / sums[i];
#pragma omp simd
        for (int64_t d = 0; d < w->wide; d++)
            w->result[i * w->wide + d] *= inverse;
    }
    stoa_attn_scatter(&a->out, a->width, b, h, begin, m, w->result, w->wide);
    if (!a->lse)
        return;
#pragma omp simd
    for (int64_t i = 0; i < BLOCK; i++) // infinite: a blind query's probabilities are 0 in backward
        tops[i] = sums[i] == 0 ? INFINITY : tops[i] + stoa_vlog(sums[i]);
    memcpy(a->lse + (b * a->heads + h) * a->q.time + begin, tops, (size_t)m * sizeof *tops);
}

static void forward(const stoa_attn *a, stoa_attn_task task, char *scratch) {
    carver c = {.base = scratch};
    work w = plan(a, false, &c);
    int64_t most = stoa_attn_visible(a, task.b, task.end - 1);
    gather_across(&a->k, a->width, task.b, task.g, most, w.keys, w.keys_across, w.wide, w.far);
    stoa_attn_gather(&a->v, a->width, task.b, task.g, 0, most, w.values, w.wide);
    for (int h = task.g * a->group; h < (task.g + 1) * a->group; h++)
        for (int64_t begin = task.begin; begin < task.end; begin += BLOCK)
            forward_block(a, &w, task, h, begin,
                          task.end - begin < BLOCK ? task.end - begin : BLOCK);
}

/* Probabilities from scores and the saved lse; d_scores from their gradient. Times scale, so that
 * d_query and d_keys need no factor of their own. */
static void soften_backward(float *restrict row, float *restrict d_row, int64_t visible, int64_t n,
                            float scale, float lse, float delta) {
    int64_t full = padded(visible);
    for (int64_t j = visible; j < full; j++)
        row[j] = -INFINITY, d_row[j] = 0;
    for (int64_t j = 0; j < full; j += LANES) {
        stoa_lanes p = stoa_lanes_exp(stoa_lanes_load(row + j) * scale - lse);
        stoa_lanes_store(row + j, p);
        stoa_lanes_store(d_row + j, p * (stoa_lanes_load(d_row + j) - delta) * scale);
    }
    for (int64_t j = full; j < n; j++)
        row[j] = d_row[j] = 0;
}

/* Queries [begin, begin + m) of head h: writes their gradient, adds to those of keys and values. */
static void backward_block(const stoa_attn *a, work *w, int64_t b, int h, int64_t begin,
                           int64_t m) {
    int64_t wide = w->wide, far = w->far, tq = a->q.time;
    int64_t n = stoa_attn_visible(a, b, begin + m - 1), full = padded(n);
    const float *lse = a->lse + (b * a->heads + h) * tq + begin;
    stoa_attn_gather(&a->q, a->width, b, h, begin, m, w->query, wide);
    stoa_attn_gather(&a->d_out, a->width, b, h, begin, m, w->d_result, wide);
    stoa_block_gemm(m, full, a->width, (stoa_block_matrix){w->query, wide, 1}, w->keys_across, far,
                    w->scores, far, false);
    stoa_block_gemm(m, full, a->width, (stoa_block_matrix){w->d_result, wide, 1}, w->values_across,
                    far, w->d_scores, far, false);
    for (int64_t i = 0; i < m; i++)
        soften_backward(w->scores + i * far, w->d_scores + i * far,
                        stoa_attn_visible(a, b, begin + i), n, a->scale, lse[i],
                        w->delta[begin + i]);
    stoa_block_gemm(n, wide, m, (stoa_block_matrix){w->scores, 1, far}, w->d_result, wide,
                    w->d_values, wide, true);
    stoa_block_gemm(n, wide, m, (stoa_block_matrix){w->d_scores, 1, far}, w->query, wide, w->d_keys,
                    wide, true);
    if (a->d_q.data) {
        stoa_block_gemm(m, wide, n, (stoa_block_matrix){w->d_scores, far, 1}, w->keys, wide,
                        w->result, wide, false);
        stoa_attn_scatter(&a->d_q, a->width, b, h, begin, m, w->result, wide);
    }
}

static void backward(const stoa_attn *a, stoa_attn_task task, char *scratch) {
    carver c = {.base = scratch};
    work w = plan(a, true, &c);
    int64_t b = task.b, tk = a->k.time;
    gather_across(&a->k, a->width, b, task.g, tk, w.keys, w.keys_across, w.wide, w.far);
    gather_across(&a->v, a->width, b, task.g, tk, w.values, w.values_across, w.wide, w.far);
    memset(w.d_keys, 0, (size_t)(tk * w.wide) * sizeof *w.d_keys);
    memset(w.d_values, 0, (size_t)(tk * w.wide) * sizeof *w.d_values);
    for (int h = task.g * a->group; h < (task.g + 1) * a->group; h++) {
        stoa_attn_delta(a, b, h, w.delta);
        for (int64_t begin = 0; begin < a->q.time; begin += BLOCK)
            backward_block(a, &w, b, h, begin,
                           a->q.time - begin < BLOCK ? a->q.time - begin : BLOCK);
    }
    if (a->d_k.data)
        stoa_attn_scatter(&a->d_k, a->width, b, task.g, 0, tk, w.d_keys, w.wide);
    if (a->d_v.data)
        stoa_attn_scatter(&a->d_v, a->width, b, task.g, 0, tk, w.d_values, w.wide);
}

const stoa_attn_engine stoa_attn_f32 = {
    .forward_bytes = forward_bytes,
    .backward_bytes = backward_bytes,
    .forward = forward,
    .backward = backward,
};
