/*
 * tensor/cpu/route.c - routing decisions: top_k and route_choice. No gradient flows through them.
 *
 * top_k needs no sort: the k-th largest key is found one bit at a time from the top (a radix
 * select whose counting loop is one compare and add a vector), then a single pass writes the
 * positions above it and fills up with the first ones that equal it. Exactly k, ascending, and
 * the same on every machine.
 */
#include "tensor/cpu/kernels.h"
#include "tensor/cpu/rows.h"

/* Order-preserving: a < b as numbers iff key(a) < key(b). Zeros of both signs are equal; NaN is 0,
 * below minus infinity. Integers only, since threads of the pool take subnormals for 0. */
STOA_INLINE uint32_t order_key(float value) {
    uint32_t bits = stoa_bits(value);
    uint32_t magnitude = bits & 0x7fffffffu;
    uint32_t key = bits >> 31 ? 0x80000000u - magnitude : 0x80000000u + magnitude;
    return magnitude > 0x7f800000u ? 0 : key;
}

static int64_t count_at_least(const uint32_t *keys, int64_t n, uint32_t least) {
    int64_t count = 0;
    for (int64_t i = 0; i < n;) {
        int32_t part = 0; // 32-bit lanes count twice as many a cycle
        int64_t stop = n - i > (1 << 20) ? i + (1 << 20) : n;
#pragma omp simd reduction(+ : part)
        for (int64_t j = i; j < stop; j++)
            part += keys[j] >= least;
        count += part;
        i = stop;
    }
    return count;
}

/* Positions of the k largest keys, ascending; ties to the lowest. */
static void select_row(const uint32_t *keys, int64_t n, int64_t k, int32_t *out) {
    uint32_t threshold = 0; // the largest with count(keys >= threshold) >= k
    int64_t reached = n;    // that count
    for (uint32_t bit = 0x80000000u; bit && reached != k; bit >>= 1) {
        int64_t count = count_at_least(keys, n, threshold | bit);
        if (count >= k) {
            threshold |= bit;
            reached = count;
        }
    }
    // More than k reach the threshold only when its bits are complete: then the surplus equals it.
    int64_t surplus = reached - k, ties = 0;
    if (surplus > 0) {
        int64_t higher = threshold == UINT32_MAX ? 0 : count_at_least(keys, n, threshold + 1);
        ties = k - higher;
    }
    for (int64_t i = 0, filled = 0; filled < k; i++) {
        bool take = keys[i] >= threshold;
        if (surplus > 0 && keys[i] == threshold)
            take = ties-- > 0;
        out[filled] = (int32_t)i;
        filled += take;
    }
}

typedef struct top_k_job {
    const stoa_tensor *scores; /* (B, S) */
    int32_t *out;              /* (B, k) */
    uint32_t *keys;            /* (threads, S) */
    int64_t k;
} top_k_job;

static void top_k_range(void *arg, int64_t begin, int64_t end, int thread) {
    const top_k_job *j = arg;
    int64_t s = j->scores->shape[1];
    uint32_t *keys = j->keys + thread * s;
    for (int64_t b = begin; b < end; b++) {
        if (j->scores->dtype == STOA_F32) {
            const float *row = (const float *)j->scores->data + b * s;
#pragma omp simd
            for (int64_t i = 0; i < s; i++)
                keys[i] = order_key(row[i]);
        } else {
            const uint16_t *row = (const uint16_t *)j->scores->data + b * s;
#pragma omp simd
            for (int64_t i = 0; i < s; i++)
                keys[i] = order_key(stoa_bf16_to_f32(row[i]));
        }
        select_row(keys, s, j->k, j->out + b * j->k);
    }
}

stoa_status stoa_cpu_top_k(stoa_ctx *ctx, stoa_node *node) {
    const stoa_tensor *scores = node->in[0];
    int64_t batch = scores->shape[0], s = scores->shape[1];
    if (!stoa_is_float(scores->dtype))
        return STOA_ERR_UNSUPPORTED;
    top_k_job j = {.scores = scores, .out = node->out[0]->data, .k = node->p.route.k};
    j.keys = stoa_scratch(ctx, (size_t)ctx->threads * (size_t)s * sizeof *j.keys);
    if (!j.keys)
        return STOA_ERR_MEMORY;
    if (j.k > 0)
        stoa_parallel(ctx, batch, stoa_row_grain(8 * s), top_k_range, &j);
    return STOA_OK;
}

typedef struct choice_job {
    const stoa_tensor *scores; /* (B, S, E) */
    int32_t *out;              /* (B, keep, capacity) */
    int64_t keep, capacity;
    int64_t *counts; /* (threads, keep) */
} choice_job;

/* First of the largest; NaN is lowest. */
static int64_t best_of(stoa_dtype type, const void *scores, int64_t at, int64_t experts) {
    int64_t best = 0;
    uint32_t top = order_key(stoa_elem_get(scores, type, at));
    for (int64_t e = 1; e < experts; e++) {
        uint32_t key = order_key(stoa_elem_get(scores, type, at + e));
        if (key > top)
            best = e, top = key;
    }
    return best;
}

static void choice_range(void *arg, int64_t begin, int64_t end, int thread) {
    const choice_job *j = arg;
    int64_t s = j->scores->shape[1], experts = j->scores->shape[2];
    int64_t *counts = j->counts + thread * j->keep;
    for (int64_t b = begin; b < end; b++) {
        int32_t *out = j->out + b * j->keep * j->capacity;
        memset(counts, 0, (size_t)j->keep * sizeof *counts);
        for (int64_t i = 0; i < s; i++) {
            int64_t e = best_of(j->scores->dtype, j->scores->data, (b * s + i) * experts, experts);
            if (e < j->keep && counts[e] < j->capacity)
                out[e * j->capacity + counts[e]++] = (int32_t)i;
        }
        for (int64_t e = 0; e < j->keep; e++)
            for (int64_t i = counts[e]; i < j->capacity; i++)
                out[e * j->capacity + i] = -1;
    }
}

stoa_status stoa_cpu_route_choice(stoa_ctx *ctx, stoa_node *node) {
    const stoa_tensor *scores = node->in[0];
    if (!stoa_is_float(scores->dtype))
        return STOA_ERR_UNSUPPORTED;
    choice_job j = {.scores = scores,
                    .out = node->out[0]->data,
                    .keep = node->p.route.keep,
                    .capacity = node->p.route.capacity};
    j.counts = stoa_scratch(ctx, (size_t)ctx->threads * (size_t)j.keep * sizeof *j.counts);
    if (!j.counts)
        return STOA_ERR_MEMORY;
    if (j.keep > 0)
        stoa_parallel(ctx, scores->shape[0], stoa_row_grain(scores->shape[1] * scores->shape[2]),
                      choice_range, &j);
    return STOA_OK;
}
