/*
 * tensor/cpu/attention_cached.c - attention of new tokens to a cache, and appending them to it.
 *
 * All new keys and values are written first; then every token attends to what was before it and
 * itself. A run of tokens of one sequence (prefill) is attention with an offset and goes through
 * the engines of whole sequences; single tokens (decode) stream the cache once: keys against the
 * query, softmax, values. A call too small to be worth waking the pool runs where it is.
 */
#include <assert.h>

#include "tensor/cpu/attention.h"
#include "tensor/cpu/attention_decode.h"
#include "tensor/cpu/kernels.h"
#include "tensor/cpu/simd.h"

enum {
    RUN = 8,             // tokens of one sequence from which on a run is prefill
    WORTH_WAKING = 65536 // cache elements read from which on threads are used
};

typedef struct job {
    stoa_attn a; // sides q, k, v: columns of the new tokens' rows; batch 1
    stoa_kv_cache *cache;
    const int32_t *sequence; // (n)
    int32_t *slot;           // (n): place in the sequence's cache
    const int64_t *rows;     // decode: the tokens to do
    int heads_a_task;
    char *scratch;
    size_t scratch_bytes; // a thread
} job;

/* A sequence's keys or values. */
static void *held(const stoa_kv_cache *cache, void *memory, int64_t sequence) {
    return (char *)memory +
           (size_t)(sequence * cache->capacity * cache->width) * stoa_dtype_size(cache->dtype);
}

/* ---- append ---------------------------------------------------------------------------------- */

static stoa_status assign_slots(stoa_ctx *ctx, job *j, int64_t n) {
    stoa_kv_cache *cache = j->cache;
    for (int64_t r = 0; r < n; r++) {
        int32_t s = j->sequence[r];
        assert(s >= 0 && s < cache->batch);
        if (cache->lengths[s] >= cache->capacity) {
            while (r-- > 0)
                cache->lengths[j->sequence[r]]--;
            stoa_ctx_fail(ctx, STOA_ERR_USAGE,
                          "the cache of sequence %d is full at %lld tokens; make it longer or stop "
                          "the sequence earlier",
                          (int)s, (long long)cache->capacity);
            return STOA_ERR_USAGE;
        }
        j->slot[r] = cache->lengths[s]++;
    }
    return STOA_OK;
}

static void append(void *arg, int64_t begin, int64_t end, int thread) {
    const job *j = arg;
    const stoa_kv_cache *cache = j->cache;
    int width = j->a.width;
    float *row = (float *)(j->scratch + (size_t)thread * j->scratch_bytes);
    for (int64_t r = begin; r < end; r++)
        for (int g = 0; g < j->a.kv_heads; g++) {
            int64_t at = j->slot[r] * cache->width + (int64_t)g * width;
            stoa_attn_gather(&j->a.k, width, 0, g, r, 1, row, width);
            stoa_row_put(held(cache, cache->keys, j->sequence[r]), cache->dtype, at, row, width);
            stoa_attn_gather(&j->a.v, width, 0, g, r, 1, row, width);
            stoa_row_put(held(cache, cache->values, j->sequence[r]), cache->dtype, at, row, width);
        }
}

/* ---- decode ---------------------------------------------------------------------------------- */

/* Heads [h, h + count) of token r, all of one key/value head. */
static void decode_row(const job *j, int64_t r, int h, int count, float *scratch) {
    const stoa_attn *a = &j->a;
    int64_t padded = stoa_decode_padded(a->width);
    float *query = scratch, *result = query + padded, *rest = result + padded;
    stoa_decode d = {.keys = held(j->cache, j->cache->keys, j->sequence[r]),
                     .values = held(j->cache, j->cache->values, j->sequence[r]),
                     .dtype = j->cache->dtype,
                     .first = (int64_t)(h / a->group) * a->width,
                     .stride = j->cache->width,
                     .tokens = j->slot[r] + 1,
                     .width = a->width,
                     .scale = a->scale};
    for (int i = h; i < h + count; i++) {
        stoa_attn_gather(&a->q, a->width, 0, i, r, 1, query, padded);
        stoa_attn_decode(&d, query, result, rest);
        stoa_attn_scatter(&a->out, a->width, 0, i, r, 1, result, padded);
    }
}

static void decode(void *arg, int64_t begin, int64_t end, int thread) {
    const job *j = arg;
    int64_t tasks = j->a.heads / j->heads_a_task; // a row
    float *scratch = (float *)(j->scratch + (size_t)thread * j->scratch_bytes);
    for (int64_t i = begin; i < end; i++)
        decode_row(j, j->rows[i / tasks], (int)(i % tasks) * j->heads_a_task, j->heads_a_task,
                   scratch);
}

/* ---- prefill --------------------------------------------------------------------------------- */

/* Tokens [r, r + n), all of one sequence and in neighbouring slots. */
static stoa_status prefill(stoa_ctx *ctx, const job *j, int64_t r, int64_t n) {
    const stoa_kv_cache *cache = j->cache;
    stoa_attn a = j->a;
    size_t size = stoa_dtype_size(a.q.dtype);
    a.offset = j->slot[r];
    a.q.data = (char *)a.q.data + (size_t)(r * a.q.stride) * size;
    a.out.data = (char *)a.out.data + (size_t)(r * a.out.stride) * size;
    if (a.q.rope.table)
        a.q.rope.table += r * a.width;
    a.q.time = a.out.time = n;
    a.k = a.v =
        (stoa_attn_side){.dtype = cache->dtype, .time = j->slot[r] + n, .stride = cache->width};
    a.k.data = held(cache, cache->keys, j->sequence[r]);
    a.v.data = held(cache, cache->values, j->sequence[r]);
    stoa_arena_mark mark = stoa_arena_save(ctx->scratch);
    stoa_status status = stoa_attn_forward(ctx, &a);
    stoa_arena_restore(ctx->scratch, mark);
    return status;
}

/* ---- the kernel ------------------------------------------------------------------------------ */

static stoa_attn_side columns(const stoa_tensor *t, int64_t column) {
    return (stoa_attn_side){.data = (char *)t->data + (size_t)column * stoa_dtype_size(t->dtype),
                            .dtype = t->dtype,
                            .time = t->shape[0],
                            .stride = t->shape[1]};
}

stoa_status stoa_cpu_attention_cached(stoa_ctx *ctx, stoa_node *node) {
    const stoa_tensor *qkv = node->in[0], *out = node->out[0]; // (n, (H + 2G) D), (n, H D)
    stoa_kv_cache *cache = node->p.attention.cache;
    int64_t n = qkv->shape[0];
    if (qkv->dtype == STOA_F64 || cache->dtype == STOA_F64)
        return STOA_ERR_UNSUPPORTED;
    if (n == 0)
        return STOA_OK;
    job j = {.cache = cache, .sequence = node->in[1]->data};
    j.a = (stoa_attn){
        .batch = 1,
        .heads = node->p.attention.heads,
        .kv_heads = node->p.attention.kv_heads,
        .group = node->p.attention.heads / node->p.attention.kv_heads,
        .width = node->p.attention.head_width,
        .causal = true,
        .scale = (float)node->p.attention.scale,
        .q = columns(qkv, 0),
        .k = columns(qkv, node->p.attention.k_column),
        .v = columns(qkv, node->p.attention.v_column),
        .out = columns(out, 0),
        .grain = 1,
    };
    j.slot = stoa_scratch(ctx, (size_t)n * sizeof *j.slot);
    int64_t *rows = stoa_scratch(ctx, (size_t)n * sizeof *rows);
    if (!j.slot || !rows)
        return STOA_ERR_MEMORY;
    if (node->p.attention.rope_base != 0) {
        float *table = stoa_rope_table(ctx, node->p.attention.rope_base, j.a.width,
                                       node->in[2]->data, n); // a row a token
        if (!table)
            return STOA_ERR_MEMORY;
        j.a.q.rope = j.a.k.rope = (stoa_rope){.table = table};
    }
    STOA_TRY(assign_slots(ctx, &j, n));
    int64_t longest = 0, total = 0, singles = 0;
    for (int64_t r = 0; r < n; r++)
        longest = j.slot[r] + 1 > longest ? j.slot[r] + 1 : longest;
    j.scratch_bytes =
        (size_t)(2 * stoa_decode_padded(j.a.width) + stoa_decode_scratch(longest)) * sizeof(float);
    j.scratch = stoa_scratch(ctx, (size_t)ctx->threads * j.scratch_bytes);
    if (!j.scratch)
        return STOA_ERR_MEMORY;
    stoa_parallel(ctx, n, WORTH_WAKING / (2 * cache->width + 1) + 1, append, &j);
    for (int64_t r = 0, end; r < n; r = end) {
        for (end = r + 1; end < n && j.sequence[end] == j.sequence[r]; end++)
            ;
        if (end - r >= RUN)
            STOA_TRY(prefill(ctx, &j, r, end - r));
        else
            for (int64_t i = r; i < end; i++) {
                rows[singles++] = i;
                total += (j.slot[i] + 1) * cache->width;
            }
    }
    j.rows = rows;
    j.heads_a_task = singles * j.a.kv_heads < ctx->threads ? 1 : j.a.group;
    int64_t tasks = singles * (j.a.heads / j.heads_a_task);
    if (tasks > 0)
        stoa_parallel(ctx, tasks, total * j.a.group < WORTH_WAKING ? tasks : 1, decode, &j);
    return STOA_OK;
}
