/* model/agent_cache.c - keys and values kept while acting; see agent_cache.h. */
#include "model/agent_cache.h"

#include <assert.h>

#include "model/agent.h"

stoa_status stoa_agent_cache_init(stoa_agent_cache *cache, const stoa_agent *agent,
                                  stoa_dtype dtype, int64_t batch, stoa_error *err) {
    const stoa_agent_options *o = &agent->options;
    *cache = (stoa_agent_cache){.batch = batch};
    if (o->core != STOA_CORE_TRANSFORMER)
        return STOA_OK;
    cache->each = stoa_alloc((size_t)o->core_layers * sizeof *cache->each);
    cache->made = stoa_alloc((size_t)batch * sizeof *cache->made);
    if (!cache->each || !cache->made)
        return stoa_fail(err, STOA_ERR_MEMORY, "out of memory for the agent's keys and values");
    while (cache->blocks < o->core_layers)
        STOA_TRY(stoa_kv_ring_init(&cache->each[cache->blocks++], dtype, batch, o->core_memory,
                                   (int)o->core_heads, (int)(o->core_width / o->core_heads), err));
    return STOA_OK;
}

void stoa_agent_cache_deinit(stoa_agent_cache *cache) {
    for (int i = 0; i < cache->blocks; i++)
        stoa_kv_ring_deinit(&cache->each[i]);
    stoa_free(cache->each);
    stoa_free(cache->made);
    *cache = (stoa_agent_cache){0};
}

void stoa_agent_cache_open(stoa_ctx *ctx, stoa_agent_window *w) {
    const stoa_agent_cache *cache = w->state->cache;
    if (!cache || cache->blocks == 0 || w->steps != 1 || stoa_ctx_grad(ctx) ||
        !stoa_ctx_computes(ctx) || stoa_ctx_compute(ctx) != cache->each[0].dtype)
        return;
    assert(w->state->cache_first + w->batch <= cache->batch);
    w->cache = cache;
    w->cache_first = w->state->cache_first;
}

bool stoa_agent_cache_is_of(const stoa_agent_window *w, uint64_t version) {
    const uint64_t *made = w->cache->made + w->cache_first;
    for (int64_t b = 0; b < w->batch; b++)
        if (made[b] != version + 1)
            return false;
    return true;
}

void stoa_agent_cache_mark(stoa_ctx *ctx, const stoa_agent_window *w, uint64_t version) {
    if (stoa_ctx_status(ctx, NULL) != STOA_OK)
        return;
    for (int64_t b = 0; b < w->batch; b++)
        w->cache->made[w->cache_first + b] = version + 1;
}

static stoa_kv_ring ring_of(const stoa_agent_window *w, int64_t block) {
    return stoa_kv_ring_part(&w->cache->each[block], w->cache_first, w->batch);
}

void stoa_agent_cache_fill(stoa_ctx *ctx, const stoa_agent_window *w, int64_t block,
                           const stoa_tensor *kv, const stoa_tensor *through) {
    const stoa_kv_ring ring = ring_of(w, block);
    stoa_tensor *place, *held;
    stoa_agent_window_now(ctx, w, &place, &held);
    stoa_kv_ring_fill(ctx, &ring, kv, place, through);
}

stoa_tensor *stoa_agent_cache_look(stoa_ctx *ctx, const stoa_agent_window *w, int64_t block,
                                   stoa_tensor *distance, stoa_tensor *q, stoa_tensor *now,
                                   stoa_tensor *through) {
    const stoa_kv_ring ring = ring_of(w, block);
    int64_t m = w->width;
    stoa_tensor *place, *held;
    stoa_agent_window_now(ctx, w, &place, &held);
    stoa_tensor *y = stoa_attention_ring(ctx, stoa_reshape(ctx, q, STOA_SHAPE(w->batch, m)),
                                         stoa_reshape(ctx, now, STOA_SHAPE(w->batch, 2 * m)),
                                         distance, place, held, through, &ring);
    return stoa_reshape(ctx, y, STOA_SHAPE(w->batch, 1, m));
}
