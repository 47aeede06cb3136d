/*
 * tensor/cpu/attention_ring.c - one token of every sequence against the ring of its last tokens.
 *
 * A head's keys, values too, are one stream of P + 1 rows, the token at hand last: scores, what
 * distances add, softmax, mix. In bf16 every number is rounded where attention put together from
 * products, sums and a softmax would round it, so that steps taken one at a time and steps taken
 * together agree to the order of the sums.
 */
#include <math.h>
#include <string.h>

#include "tensor/cpu/attention_decode.h"
#include "tensor/cpu/attention_softmax.h"
#include "tensor/cpu/grain.h"
#include "tensor/cpu/kernels.h"
#include "tensor/cpu/rows.h"

typedef struct job {
    const stoa_kv_ring *ring;
    stoa_dtype dtype;
    const void *q, *kv; // (B, H, D), (B, 2, H, D)
    void *out;          // (B, H, D)
    const int32_t *place, *held;
    const uint8_t *takes; // (B) or NULL
    float *bias;          // (H, 2P + 1): of distances P ... 1 twice, then of 0
    float scale;
    char *scratch;
    size_t scratch_bytes; // a thread
} job;

/* Where the slot's token stands behind place: slot s's number is row[P - place + s], whatever the
 * place. table (P + 1, H) */
static void lay_out_bias(float *bias, const float *table, int64_t slots, int64_t heads) {
    for (int64_t h = 0; h < heads; h++) {
        float *row = bias + h * (2 * slots + 1);
        for (int64_t i = 0; i < slots; i++)
            row[i] = row[slots + i] = table[(slots - i) * heads + h];
        row[2 * slots] = table[h];
    }
}

/* What is added to scores of slots that the token cannot see: minus infinity. */
static void hide(const job *j, int64_t b, float *mask) {
    int64_t slots = j->ring->slots;
    int32_t place = j->place[b], held = j->held[b];
    const uint8_t *taken = j->ring->taken + b * slots;
    for (int64_t s = 0; s < slots; s++) {
        int64_t back = place - s + (s < place ? 0 : slots);
        mask[s] = back <= held && taken[s] ? 0 : -INFINITY;
    }
}

STOA_INLINE float rounded(stoa_dtype dtype, float x) {
    return dtype == STOA_BF16 ? stoa_bf16_to_f32(stoa_f32_to_bf16(x)) : x;
}

/* Scores of P slots and of the token itself become weights. */
STOA_INLINE void weigh(stoa_dtype dtype, float *restrict scores, const float *restrict bias,
                       const float *restrict mask, float now, int64_t slots, float scale) {
#pragma omp simd
    for (int64_t s = 0; s < slots; s++)
        scores[s] = rounded(dtype, rounded(dtype, scores[s] * scale) + bias[s]) + mask[s];
    scores[slots] = rounded(dtype, rounded(dtype, scores[slots] * scale) + now);
    float top, inverse = 1 / stoa_attn_soften(scores, slots + 1, 1, &top);
#pragma omp simd
    for (int64_t s = 0; s <= slots; s++)
        scores[s] = rounded(dtype, scores[s] * inverse);
}

/* Moves a head's key or value, D elements. */
static void put(const job *j, void *rows, int64_t head, int64_t slot, const void *from,
                int64_t at) {
    int64_t width = j->ring->head_width;
    memcpy(stoa_at(rows, j->dtype, (head * (j->ring->slots + 1) + slot) * width),
           stoa_at(from, j->dtype, at), (size_t)width * stoa_dtype_size(j->dtype));
}

static void attend(const job *j, int64_t b, const float *mask, float *scratch) {
    const stoa_kv_ring *r = j->ring;
    int64_t width = r->head_width, slots = r->slots, padded = stoa_decode_padded((int)width);
    float *query = scratch, *result = query + padded, *scores = result + padded;
    for (int64_t h = 0; h < r->heads; h++) {
        int64_t head = b * r->heads + h, key = (2 * b * r->heads + h) * width;
        int64_t value = key + r->heads * width;
        const float *bias = j->bias + h * (2 * slots + 1);
        stoa_decode d = {.keys = r->keys,
                         .values = r->values,
                         .dtype = j->dtype,
                         .first = head * (slots + 1) * width,
                         .stride = width,
                         .tokens = slots + 1,
                         .width = (int)width};
        put(j, r->keys, head, slots, j->kv, key);
        put(j, r->values, head, slots, j->kv, value);
        memset(query, 0, (size_t)padded * sizeof *query);
        stoa_row_write(STOA_F32, query, j->dtype, stoa_at(j->q, j->dtype, head * width), width,
                       false);
        stoa_attn_decode_scores(&d, query, scores);
        if (j->dtype == STOA_BF16)
            weigh(STOA_BF16, scores, bias + slots - j->place[b], mask, bias[2 * slots], slots,
                  j->scale);
        else
            weigh(STOA_F32, scores, bias + slots - j->place[b], mask, bias[2 * slots], slots,
                  j->scale);
        stoa_attn_decode_mix(&d, scores, result);
        stoa_row_write(j->dtype, stoa_at(j->out, j->dtype, head * width), STOA_F32, result, width,
                       false);
        put(j, r->keys, head, j->place[b], j->kv, key);
        put(j, r->values, head, j->place[b], j->kv, value);
    }
}

/* Sequences [begin, end). */
static void step(void *arg, int64_t begin, int64_t end, int thread) {
    const job *j = arg;
    const stoa_kv_ring *r = j->ring;
    int64_t row = (int64_t)r->heads * r->head_width;
    float *mask = (float *)(j->scratch + (size_t)thread * j->scratch_bytes);
    for (int64_t b = begin; b < end; b++) {
        bool goes = !j->takes || j->takes[b];
        hide(j, b, mask);
        if (goes)
            attend(j, b, mask, mask + stoa_decode_scratch(r->slots));
        else
            memset(stoa_at(j->out, j->dtype, b * row), 0, (size_t)row * stoa_dtype_size(j->dtype));
        r->taken[b * r->slots + j->place[b]] = goes;
    }
}

stoa_status stoa_cpu_attention_ring(stoa_ctx *ctx, stoa_node *node) {
    const stoa_kv_ring *r = node->p.attention.ring;
    const stoa_tensor *table = node->in[2]; // (P + 1, H)
    if (!stoa_is_float(r->dtype) || table->dtype != STOA_F32)
        return STOA_ERR_UNSUPPORTED;
    job j = {.ring = r,
             .dtype = r->dtype,
             .q = node->in[0]->data,
             .kv = node->in[1]->data,
             .out = node->out[0]->data,
             .place = node->in[3]->data,
             .held = node->in[4]->data,
             .takes = node->in[5] ? node->in[5]->data : NULL,
             .scale = (float)node->p.attention.scale};
    int64_t floats = stoa_decode_scratch(r->slots) + stoa_decode_scratch(r->slots + 1) +
                     2 * stoa_decode_padded(r->head_width);
    j.scratch_bytes = (size_t)floats * sizeof(float);
    j.bias = stoa_scratch(ctx, (size_t)(r->heads * (2 * r->slots + 1)) * sizeof(float));
    j.scratch = stoa_scratch(ctx, (size_t)ctx->threads * j.scratch_bytes);
    if (!j.bias || !j.scratch)
        return STOA_ERR_MEMORY;
    lay_out_bias(j.bias, table->data, r->slots, r->heads);
    double bytes = 2.0 * (double)(r->batch * (r->slots + 1)) * (double)(r->heads * r->head_width) *
                   (double)stoa_dtype_size(r->dtype);
    stoa_parallel(ctx, r->batch, stoa_grain_bytes(bytes, r->batch), step, &j);
    return STOA_OK;
}
