/* tensor/ops_attention.c - front ends of attention, and the cache of keys and values. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "tensor/node.h"

/* ---- attention over whole sequences ---------------------------------------------------------- */

static void check_positions(const stoa_tensor *positions, int64_t batch, int64_t time) {
    assert(!positions || (positions->dtype == STOA_I32 && positions->ndim == 2 &&
                          positions->shape[0] == batch && positions->shape[1] == time));
    (void)positions, (void)batch, (void)time;
}

/* Heads [column, column + heads * width) lie inside a source's rows. */
static void check_columns(const stoa_tensor *source, int64_t column, int64_t width) {
    assert(source->ndim == 3 && column >= 0 && column + width <= source->shape[2]);
    (void)source, (void)column, (void)width;
}

/* Sources that share memory must be the same matrix of rows: their gradients are written to
 * columns of it. */
static void check_shared(const stoa_tensor *a, const stoa_tensor *b) {
    assert(a->data != b->data || !a->data || stoa_numel(a) == 0 ||
           (a->shape[1] == b->shape[1] && a->shape[2] == b->shape[2]));
    (void)a, (void)b;
}

stoa_tensor *stoa_attention(stoa_ctx *ctx, stoa_tensor *q_src, stoa_tensor *k_src,
                            stoa_tensor *v_src, const stoa_attention_options *o) {
    int64_t width = o->head_width, heads = o->heads, kv_heads = o->kv_heads;
    assert(heads >= 1 && kv_heads >= 1 && heads % kv_heads == 0 && width >= 1);
    assert(o->scale >= 0);
    assert(o->rope_base == 0 || width % 2 == 0);
    check_columns(q_src, o->q_column, heads * width);
    check_columns(k_src, o->k_column, kv_heads * width);
    check_columns(v_src, o->v_column, kv_heads * width);
    check_shared(q_src, k_src), check_shared(q_src, v_src), check_shared(k_src, v_src);
    int64_t batch = q_src->shape[0], tq = q_src->shape[1], tk = k_src->shape[1];
    assert(k_src->shape[0] == batch && v_src->shape[0] == batch && v_src->shape[1] == tk);
    assert(!o->causal || tq == tk);
    check_positions(o->q_positions, batch, tq);
    check_positions(o->k_positions, batch, tk);
    assert(!o->key_lengths ||
           (o->key_lengths->dtype == STOA_I32 && stoa_numel(o->key_lengths) == batch));
    stoa_node node = {
        .op = STOA_OP_ATTENTION,
        .in = {q_src, k_src, v_src, o->q_positions, o->k_positions, o->key_lengths},
        .out = {stoa_new(ctx, q_src->dtype, STOA_SHAPE(batch, tq, heads * width))},
        .p.attention =
            {
                .heads = o->heads,
                .kv_heads = o->kv_heads,
                .head_width = o->head_width,
                .q_column = o->q_column,
                .k_column = o->k_column,
                .v_column = o->v_column,
                .causal = o->causal,
                .scale = o->scale != 0 ? o->scale : 1 / sqrt((double)width),
                .rope_base = o->rope_base,
            },
    };
    if (stoa_node_wants_grad(ctx, &node)) // log of the sum of exponentials, a number a query
        node.save[0] = stoa_new(ctx, stoa_ctx_full(ctx), STOA_SHAPE(batch, heads, tq));
    return stoa_node_run(ctx, &node);
}

/* ---- cached attention ------------------------------------------------------------------------ */

stoa_status stoa_kv_cache_init(stoa_kv_cache *cache, stoa_dtype dtype, int64_t batch,
                               int64_t capacity, int64_t width, stoa_error *err) {
    assert(dtype == STOA_F32 || dtype == STOA_BF16 || dtype == STOA_F64);
    assert(batch >= 0 && capacity >= 0 && width >= 0);
    *cache = (stoa_kv_cache){.dtype = dtype, .batch = batch, .capacity = capacity, .width = width};
    size_t bytes = stoa_dtype_size(dtype);
    if (stoa_size_mul(bytes, (size_t)batch, &bytes) &&
        stoa_size_mul(bytes, (size_t)capacity, &bytes) &&
        stoa_size_mul(bytes, (size_t)width, &bytes)) {
        cache->keys = stoa_alloc(bytes);
        cache->values = stoa_alloc(bytes);
        cache->lengths = stoa_alloc((size_t)batch * sizeof *cache->lengths);
    }
    if (cache->keys && cache->values && cache->lengths)
        return STOA_OK;
    stoa_kv_cache_deinit(cache);
    return stoa_fail(err, STOA_ERR_MEMORY,
                     "out of memory: a cache of %lld sequences of %lld tokens did not fit; use "
                     "fewer sequences or a shorter context",
                     (long long)batch, (long long)capacity);
}

void stoa_kv_cache_deinit(stoa_kv_cache *cache) {
    stoa_free(cache->keys);
    stoa_free(cache->values);
    stoa_free(cache->lengths);
    *cache = (stoa_kv_cache){0};
}

stoa_tensor *stoa_attention_cached(stoa_ctx *ctx, stoa_tensor *qkv, stoa_tensor *sequence,
                                   stoa_tensor *position, stoa_kv_cache *cache, int heads,
                                   int kv_heads, int head_width, double rope_base) {
    assert(heads >= 1 && kv_heads >= 1 && heads % kv_heads == 0 && head_width >= 1);
    assert(rope_base == 0 || head_width % 2 == 0);
    int64_t n = qkv->shape[0], width = head_width;
    assert(qkv->ndim == 2 && qkv->shape[1] == (heads + 2 * kv_heads) * width);
    assert(sequence->dtype == STOA_I32 && stoa_numel(sequence) == n);
    assert(position->dtype == STOA_I32 && stoa_numel(position) == n);
    assert(cache->width == kv_heads * width);
    stoa_node node = {
        .op = STOA_OP_ATTENTION_CACHED,
        .in = {qkv, sequence, position},
        .out = {stoa_new(ctx, qkv->dtype, STOA_SHAPE(n, heads * width))},
        .p.attention =
            {
                .heads = heads,
                .kv_heads = kv_heads,
                .head_width = head_width,
                .k_column = heads * width,
                .v_column = (heads + kv_heads) * width,
                .causal = true,
                .scale = 1 / sqrt((double)width),
                .rope_base = rope_base,
                .cache = cache,
            },
    };
    return stoa_node_run(ctx, &node);
}
