/*
 * tensor/ops_ring.c - a ring of keys and values, and the front end of attention to it.
 *
 * A head's keys lie together, so that a query reads them as one stream, whatever slot is the
 * oldest: softmax does not ask for the order of its terms.
 */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "tensor/node.h"

/* Elements of the keys of one sequence. */
static int64_t sequence_size(const stoa_kv_ring *r) {
    return r->heads * (r->slots + 1) * r->head_width;
}

stoa_status stoa_kv_ring_init(stoa_kv_ring *ring, stoa_dtype dtype, int64_t batch, int64_t slots,
                              int heads, int head_width, stoa_error *err) {
    assert(dtype == STOA_F32 || dtype == STOA_BF16 || dtype == STOA_F64);
    assert(batch >= 0 && slots >= 1 && heads >= 1 && head_width >= 1);
    *ring = (stoa_kv_ring){
        .dtype = dtype, .batch = batch, .slots = slots, .heads = heads, .head_width = head_width};
    size_t bytes = stoa_dtype_size(dtype);
    if (stoa_size_mul(bytes, (size_t)batch, &bytes) &&
        stoa_size_mul(bytes, (size_t)(slots + 1), &bytes) &&
        stoa_size_mul(bytes, (size_t)heads * (size_t)head_width, &bytes)) {
        ring->keys = stoa_alloc(bytes);
        ring->values = stoa_alloc(bytes);
        ring->taken = stoa_alloc((size_t)(batch * slots));
    }
    if (ring->keys && ring->values && ring->taken)
        return STOA_OK;
    stoa_kv_ring_deinit(ring);
    return stoa_fail(err, STOA_ERR_MEMORY,
                     "out of memory: keys and values of %lld sequences' last %lld steps did not "
                     "fit; use fewer sequences or a shorter memory",
                     (long long)batch, (long long)slots);
}

void stoa_kv_ring_deinit(stoa_kv_ring *ring) {
    stoa_free(ring->keys);
    stoa_free(ring->values);
    stoa_free(ring->taken);
    *ring = (stoa_kv_ring){0};
}

stoa_kv_ring stoa_kv_ring_part(const stoa_kv_ring *ring, int64_t first, int64_t count) {
    assert(first >= 0 && count >= 0 && first + count <= ring->batch);
    stoa_kv_ring part = *ring;
    size_t skip = (size_t)(first * sequence_size(ring)) * stoa_dtype_size(ring->dtype);
    part.batch = count;
    part.keys = (char *)ring->keys + skip;
    part.values = (char *)ring->values + skip;
    part.taken = ring->taken + first * ring->slots;
    return part;
}

/* ---- filling --------------------------------------------------------------------------------- */

typedef struct job {
    const stoa_kv_ring *ring;
    const char *kv; // (B, P, 2, H, D)
    const int32_t *place;
    const uint8_t *taken; // (B, P) or NULL
} job;

/* Sequences [begin, end). */
static void fill(void *arg, int64_t begin, int64_t end, int thread) {
    const job *j = arg;
    const stoa_kv_ring *r = j->ring;
    int64_t slots = r->slots;
    size_t head = (size_t)r->head_width * stoa_dtype_size(r->dtype);
    size_t row = (size_t)r->heads * head; // of keys, and of values
    (void)thread;
    for (int64_t b = begin; b < end; b++)
        for (int64_t i = 0; i < slots; i++) {
            int64_t slot = (j->place[b] + i) % slots;
            const char *from = j->kv + (size_t)(b * slots + i) * 2 * row;
            r->taken[b * slots + slot] = !j->taken || j->taken[b * slots + i];
            for (int64_t h = 0; h < r->heads; h++) {
                size_t at = (size_t)((b * r->heads + h) * (slots + 1) + slot) * head;
                memcpy((char *)r->keys + at, from + (size_t)h * head, head);
                memcpy((char *)r->values + at, from + row + (size_t)h * head, head);
            }
        }
}

void stoa_kv_ring_fill(stoa_ctx *ctx, const stoa_kv_ring *ring, const stoa_tensor *kv,
                       const stoa_tensor *place, const stoa_tensor *taken) {
    assert(kv->dtype == ring->dtype && kv->ndim == 3 && kv->shape[0] == ring->batch);
    assert(kv->shape[1] == ring->slots && kv->shape[2] == 2L * ring->heads * ring->head_width);
    assert(place->dtype == STOA_I32 && stoa_numel(place) == ring->batch);
    assert(!taken || stoa_numel(taken) == ring->batch * ring->slots);
    if (!stoa_ctx_computes(ctx) || stoa_ctx_status(ctx, NULL) != STOA_OK)
        return;
    job j = {ring, kv->data, place->data, taken ? taken->data : NULL};
    stoa_pool_run(stoa_ctx_pool(ctx), ring->batch, 4, fill, &j);
}

/* ---- attention ------------------------------------------------------------------------------- */

stoa_tensor *stoa_attention_ring(stoa_ctx *ctx, stoa_tensor *q, stoa_tensor *kv, stoa_tensor *table,
                                 stoa_tensor *place, stoa_tensor *held, stoa_tensor *takes,
                                 const stoa_kv_ring *ring) {
    int64_t n = ring->batch, m = (int64_t)ring->heads * ring->head_width;
    assert(q->ndim == 2 && q->shape[0] == n && q->shape[1] == m);
    assert(kv->ndim == 2 && kv->shape[0] == n && kv->shape[1] == 2 * m);
    assert(q->dtype == ring->dtype && kv->dtype == ring->dtype);
    assert(table->ndim == 2 && table->shape[0] == ring->slots + 1);
    assert(table->shape[1] == ring->heads);
    assert(place->dtype == STOA_I32 && stoa_numel(place) == n);
    assert(held->dtype == STOA_I32 && stoa_numel(held) == n);
    assert(!takes || (takes->dtype == STOA_U8 && stoa_numel(takes) == n));
    stoa_node node = {.op = STOA_OP_ATTENTION_RING,
                      .in = {q, kv, table, place, held, takes},
                      .out = {stoa_new(ctx, q->dtype, STOA_SHAPE(n, m))},
                      .p.attention = {.heads = ring->heads,
                                      .kv_heads = ring->heads,
                                      .head_width = ring->head_width,
                                      .scale = 1 / sqrt((double)ring->head_width),
                                      .ring = ring}};
    return stoa_node_run(ctx, &node);
}
