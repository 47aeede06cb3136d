/* model/lm.c - the decoder-only language model: construction and full forward pass. */
#include <assert.h>
#include <math.h>
#include <stdio.h>

#include "stoa/model.h"

static bool listed(const stoa_int_list *list, int64_t value) {
    for (int64_t i = 0; i < list->count; i++)
        if (list->item[i] == value)
            return true;
    return false;
}

bool stoa_lm_routes(const stoa_lm_options *o, int64_t layer) {
    switch (o->pattern) {
    case STOA_PATTERN_ODD:
        return layer % 2 == 1;
    case STOA_PATTERN_ALL:
        return true;
    case STOA_PATTERN_LIST:
        return listed(&o->routed, layer);
    default:
        return false;
    }
}

stoa_status stoa_lm_options_check(stoa_lm_options *o, stoa_error *err) {
    if (o->kv_heads == 0)
        o->kv_heads = o->heads;
    if (o->mlp_width == 0)
        o->mlp_width = o->activation == STOA_ACTIVATION_SWIGLU ? (o->width * 8 / 3 + 31) / 32 * 32
                                                               : 4 * o->width;
    o->router.width = o->width;
    if (o->router.predictor_width == 0)
        o->router.predictor_width = o->width < 128 ? 32 : o->width > 512 ? 128 : o->width / 4;
    if (o->vocab < 2)
        return stoa_fail(err, STOA_ERR_USAGE, "the vocabulary needs at least 2 tokens");
    if (o->layers < 1 || o->layers > STOA_MAX_LAYERS)
        return stoa_fail(err, STOA_ERR_USAGE, "model.layers is %lld; it must be 1 to %d",
                         (long long)o->layers, STOA_MAX_LAYERS);
    if (o->heads < 1 || o->width % o->heads != 0)
        return stoa_fail(err, STOA_ERR_USAGE,
                         "model.width %lld is not a multiple of model.heads %lld",
                         (long long)o->width, (long long)o->heads);
    if (o->heads % o->kv_heads != 0)
        return stoa_fail(err, STOA_ERR_USAGE,
                         "model.heads %lld is not a multiple of model.kv_heads %lld",
                         (long long)o->heads, (long long)o->kv_heads);
    if (o->position == STOA_POSITION_ROPE && o->width / o->heads % 2 != 0)
        return stoa_fail(err, STOA_ERR_USAGE,
                         "rotary positions need an even head width; model.width / model.heads is "
                         "%lld",
                         (long long)(o->width / o->heads));
    if (o->pattern == STOA_PATTERN_LIST)
        for (int64_t i = 0; i < o->routed.count; i++)
            if (o->routed.item[i] < 0 || o->routed.item[i] >= o->layers)
                return stoa_fail(err, STOA_ERR_USAGE,
                                 "routing.blocks names block %lld; blocks are 0 to %lld",
                                 (long long)o->routed.item[i], (long long)o->layers - 1);
    if (o->experts_kind != STOA_EXPERTS_NONE &&
        (o->experts.count < 1 || o->experts.count > STOA_MAX_EXPERTS))
        return stoa_fail(err, STOA_ERR_USAGE, "experts.count is %lld; it must be 1 to %d",
                         (long long)o->experts.count, STOA_MAX_EXPERTS);
    if (o->experts_kind == STOA_EXPERTS_STAGED && o->pattern == STOA_PATTERN_NONE)
        return stoa_fail(err, STOA_ERR_USAGE,
                         "staged experts live in routed blocks; set routing.pattern");
    return STOA_OK;
}

static stoa_tensor *add_tensor(stoa_params *params, const char *name, int ndim,
                               const int64_t *shape, double scale) {
    stoa_param *p = stoa_params_add(params, name, ndim, shape, STOA_INIT_NORMAL, scale, true);
    return p ? &p->tensor : NULL;
}

static void declare(stoa_lm *lm) {
    const stoa_lm_options *o = &lm->options;
    stoa_params *p = lm->params;
    char prefix[64];
    lm->embed = add_tensor(p, "embed.weight", STOA_SHAPE(o->vocab, o->width), o->init_scale);
    if (o->position == STOA_POSITION_LEARNED)
        lm->position =
            add_tensor(p, "position.weight", STOA_SHAPE(o->context, o->width), o->init_scale);
    stoa_block_options block = {
        .width = o->width,
        .heads = o->heads,
        .kv_heads = o->kv_heads,
        .mlp_width = o->mlp_width,
        .norm = (stoa_norm_kind)o->norm,
        .activation = (stoa_activation)o->activation,
        .bias = o->bias,
        .dropout = o->dropout,
        .rope_base = o->position == STOA_POSITION_ROPE ? o->rope_base : 0,
        .init_scale = o->init_scale,
        .residual_scale = 1.0 / sqrt(2.0 * (double)o->layers),
    };
    for (int64_t i = 0; i < o->layers; i++) {
        bool routed = stoa_lm_routes(o, i);
        lm->depth_routed[i] = routed && o->experts_kind != STOA_EXPERTS_INTEGRATED;
        block.experts = (stoa_expert_options){0};
        if (routed && o->experts_kind != STOA_EXPERTS_NONE)
            block.experts = o->experts;
        if (o->experts_kind == STOA_EXPERTS_STAGED)
            block.experts.noops = 0;
        snprintf(prefix, sizeof prefix, "blocks.%d", (int)i);
        stoa_block_init(&lm->blocks[i], p, prefix, &block);
        if (lm->depth_routed[i]) {
            snprintf(prefix, sizeof prefix, "blocks.%d.router", (int)i);
            stoa_router_init(&lm->routers[i], p, prefix, &o->router);
        }
    }
    lm->norm = stoa_norm_new(p, "norm", (stoa_norm_kind)o->norm, o->width, o->bias);
    lm->head = o->tied
                   ? lm->embed
                   : add_tensor(p, "head.weight", STOA_SHAPE(o->vocab, o->width), o->init_scale);
}

stoa_status stoa_lm_new(stoa_lm **out, const stoa_lm_options *options, uint64_t seed,
                        bool with_grads, bool on_meta, stoa_error *err) {
    *out = NULL;
    stoa_lm *lm = stoa_alloc(sizeof *lm);
    if (!lm || !(lm->params = stoa_params_new())) {
        stoa_lm_free(lm);
        return stoa_fail(err, STOA_ERR_MEMORY, "out of memory for the model");
    }
    lm->options = *options;
    declare(lm);
    stoa_status status = stoa_params_allocate(lm->params, seed, with_grads, on_meta, err);
    if (status != STOA_OK) {
        stoa_lm_free(lm);
        return status;
    }
    *out = lm;
    return STOA_OK;
}

void stoa_lm_free(stoa_lm *lm) {
    if (!lm)
        return;
    stoa_params_free(lm->params);
    stoa_free(lm);
}

/* Logits of a small vocabulary are cheap enough for full precision. */
static stoa_dtype logits_type(stoa_ctx *ctx, const stoa_lm *lm) {
    return lm->options.vocab <= 4096 ? stoa_ctx_full(ctx) : stoa_ctx_compute(ctx);
}

static stoa_tensor *embed(stoa_ctx *ctx, const stoa_lm *lm, stoa_tensor *ids,
                          stoa_tensor *positions) {
    stoa_dtype full = stoa_ctx_full(ctx);
    stoa_tensor *x = stoa_embedding(ctx, lm->embed, ids, full); // (B, T, N)
    if (lm->position)
        x = stoa_add(ctx, x, stoa_embedding(ctx, lm->position, positions, full));
    return stoa_dropout(ctx, x, lm->options.dropout);
}

/* 0, 1, ..., T-1 as (T) */
static stoa_tensor *counting(stoa_ctx *ctx, int64_t n) {
    stoa_tensor *t = stoa_new(ctx, STOA_I32, STOA_SHAPE(n));
    if (stoa_ctx_computes(ctx) && t->data)
        for (int64_t i = 0; i < n; i++)
            ((int32_t *)t->data)[i] = (int32_t)i;
    return t;
}

/* Mean of losses over targets that count: all of them unless some are negative. */
static stoa_tensor *mean_loss(stoa_ctx *ctx, stoa_tensor *losses, stoa_tensor *targets) {
    int64_t n = stoa_numel(targets), counted = n;
    if (stoa_ctx_computes(ctx) && targets->data)
        for (int64_t i = 0; i < n; i++)
            counted -= ((const int32_t *)targets->data)[i] < 0;
    stoa_tensor *mean = stoa_mean(ctx, losses, STOA_ALL);
    if (counted == n || counted == 0)
        return mean;
    return stoa_affine(ctx, mean, (double)n / (double)counted, 0);
}

void stoa_lm_forward(stoa_ctx *ctx, const stoa_lm *lm, stoa_tensor *ids, stoa_tensor *targets,
                     stoa_route_by by, stoa_lm_output *out) {
    const stoa_lm_options *o = &lm->options;
    assert(ids->ndim == 2 && ids->shape[1] <= o->context);
    *out = (stoa_lm_output){0};
    stoa_tensor *positions = lm->position ? counting(ctx, ids->shape[1]) : NULL;
    stoa_stream stream = {.x = embed(ctx, lm, ids, positions)};
    for (int64_t i = 0; i < o->layers; i++) {
        if (!lm->depth_routed[i]) {
            stream = stoa_block_apply(ctx, &lm->blocks[i], stream, NULL, &out->balance_loss);
            continue;
        }
        stream = stoa_routed_block_apply(ctx, &lm->blocks[i], &lm->routers[i], stream, NULL, by,
                                         &out->routes[i], &out->balance_loss);
        stoa_tensor *loss = out->routes[i].loss;
        if (loss)
            out->router_loss = out->router_loss ? stoa_add(ctx, out->router_loss, loss) : loss;
    }
    stoa_dtype compute = stoa_ctx_compute(ctx);
    stoa_tensor *sum;
    stoa_tensor *h = stream.delta
                         ? stoa_norm_residual(ctx, &lm->norm, stream.x, stream.delta, compute, &sum)
                         : stoa_norm_apply(ctx, &lm->norm, stream.x, compute);
    out->logits = stoa_linear(ctx, h, lm->head, NULL, logits_type(ctx, lm)); // (B, T, V)
    if (targets) {
        out->losses = stoa_cross_entropy(ctx, out->logits, targets); // (B, T)
        out->loss = mean_loss(ctx, out->losses, targets);
    }
}

stoa_status stoa_lm_cache_init(stoa_lm_cache *cache, const stoa_lm *lm, stoa_dtype dtype,
                               int64_t batch, int64_t capacity, stoa_error *err) {
    const stoa_lm_options *o = &lm->options;
    *cache = (stoa_lm_cache){.layers = o->layers, .batch = batch, .capacity = capacity};
    for (int64_t i = 0; i < o->layers; i++) {
        stoa_status status = stoa_kv_cache_init(&cache->blocks[i], dtype, batch, capacity,
                                                o->kv_heads * (o->width / o->heads), err);
        if (status != STOA_OK) {
            stoa_lm_cache_deinit(cache);
            return status;
        }
    }
    return STOA_OK;
}

void stoa_lm_cache_deinit(stoa_lm_cache *cache) {
    for (int64_t i = 0; i < cache->layers; i++)
        stoa_kv_cache_deinit(&cache->blocks[i]);
    cache->layers = 0;
}

void stoa_lm_cache_clear(stoa_lm_cache *cache) {
    for (int64_t i = 0; i < cache->layers; i++) {
        for (int64_t b = 0; b < cache->batch; b++)
            cache->blocks[i].lengths[b] = 0;
        cache->routed[i] = 0;
    }
    cache->tokens = 0;
}

size_t stoa_lm_cache_bytes(const stoa_lm_cache *cache) {
    size_t bytes = 0;
    for (int64_t i = 0; i < cache->layers; i++) {
        const stoa_kv_cache *kv = &cache->blocks[i];
        for (int64_t b = 0; b < cache->batch; b++)
            bytes += 2 * (size_t)kv->lengths[b] * (size_t)kv->width * stoa_dtype_size(kv->dtype);
    }
    return bytes;
}

/* Rows of h (1, n, N) that are the last of their sequence in this call -> (1, m, N). */
static stoa_tensor *last_rows(stoa_ctx *ctx, stoa_tensor *h, stoa_tensor *sequence, int64_t batch) {
    int64_t n = h->shape[1], m = 0;
    stoa_tensor *index = stoa_new(ctx, STOA_I32, STOA_SHAPE(1, n < batch ? n : batch));
    if (!index->data || !stoa_ctx_computes(ctx))
        return h;
    const int32_t *seq = sequence->data;
    for (int64_t b = 0; b < batch; b++)
        for (int64_t i = n - 1; i >= 0; i--)
            if (seq[i] == b) {
                ((int32_t *)index->data)[m++] = (int32_t)i;
                break;
            }
    index->shape[1] = m;
    return stoa_gather_rows(ctx, h, index);
}

stoa_tensor *stoa_lm_decode(stoa_ctx *ctx, const stoa_lm *lm, stoa_lm_cache *cache,
                            stoa_tensor *ids, stoa_tensor *sequence, stoa_tensor *position,
                            bool last_only) {
    const stoa_lm_options *o = &lm->options;
    int64_t n = stoa_numel(ids);
    stoa_tensor *x = stoa_reshape(ctx, embed(ctx, lm, ids, position), STOA_SHAPE(1, n, o->width));
    for (int64_t i = 0; i < o->layers; i++) {
        stoa_kv_cache *kv = &cache->blocks[i];
        int64_t routed = 0;
        if (lm->depth_routed[i])
            x = stoa_routed_block_cached(ctx, &lm->blocks[i], &lm->routers[i], x, sequence,
                                         position, kv, &routed);
        else
            x = stoa_add(ctx, x,
                         stoa_block_branch_cached(ctx, &lm->blocks[i], x, sequence, position, kv));
        cache->routed[i] += routed;
    }
    cache->tokens += n;
    if (last_only)
        x = last_rows(ctx, x, sequence, cache->batch);
    stoa_tensor *h = stoa_norm_apply(ctx, &lm->norm, x, stoa_ctx_compute(ctx));
    stoa_tensor *logits = stoa_linear(ctx, h, lm->head, NULL, stoa_ctx_full(ctx)); // (1, m, V)
    return stoa_reshape(ctx, logits, STOA_SHAPE(logits->shape[1], o->vocab));
}
