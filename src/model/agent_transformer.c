/*
 * model/agent_transformer.c - a transformer as the core of an agent: it attends to its own last P
 * steps, whose block inputs the state keeps (as Transformer-XL does, Dai et al. 2019).
 *
 * Where an odd block is routed (Mixture-of-Depths), a step goes through it when the block's
 * predictor says so, in acting and learning alike: the policy that is corrected must be the policy
 * that acted. A step that goes round writes no key there either. The predictors learn which steps
 * of an unroll score among the best `capacity` of them.
 *
 * Keys and values of the past are always those of the weights at hand. Steps taken together make
 * them from the state's block inputs. Steps taken one at a time may have a cache of them: made
 * from the state once the weights have changed, which they do between unrolls, and moved on by one
 * step's keys and values at a time, in routed blocks by those that go through. Both see the same
 * numbers, so the policy that acts is the one that learning corrects for.
 */
#include <math.h>
#include <stdio.h>

#include "model/agent.h"
#include "model/agent_cache.h"
#include "model/agent_window.h"

static stoa_linear_layer layer(stoa_params *params, const char *prefix, const char *name,
                               int64_t in, int64_t out, double factor) {
    char full[96];
    snprintf(full, sizeof full, "%s.%s", prefix, name);
    return stoa_linear_new(params, full, in, out, false, factor / sqrt((double)in));
}

static stoa_norm_layer norm(stoa_params *params, const char *prefix, const char *name, int64_t n) {
    char full[96];
    snprintf(full, sizeof full, "%s.%s", prefix, name);
    return stoa_norm_new(params, full, STOA_NORM_RMS, n, false);
}

static void declare_block(stoa_agent_block *b, stoa_params *params, int64_t i,
                          const stoa_agent_options *o) {
    char prefix[64], name[96];
    int64_t n = o->core_width;
    double residual = 1 / sqrt(2.0 * (double)o->core_layers);
    snprintf(prefix, sizeof prefix, "core.blocks.%d", (int)i);
    b->norm1 = norm(params, prefix, "norm1", n);
    b->q = layer(params, prefix, "q", n, n, 1);
    b->kv = layer(params, prefix, "kv", n, 2 * n, 1);
    b->proj = layer(params, prefix, "proj", n, n, residual);
    b->distance =
        stoa_agent_param(params, prefix, "distance", NULL,
                         STOA_SHAPE(o->core_memory + 1, o->core_heads), STOA_INIT_ZERO, 0, false);
    b->norm2 = norm(params, prefix, "norm2", n);
    b->up = layer(params, prefix, "up", n, 4 * n, 1);
    b->down = layer(params, prefix, "down", 4 * n, n, residual);
    b->routed = i % 2 == 1 && o->core_capacity < 1;
    if (!b->routed)
        return;
    stoa_router_options router = {.width = n,
                                  .capacity = o->core_capacity,
                                  .predictor_width = n < 128   ? 32
                                                     : n > 512 ? 128
                                                               : n / 4,
                                  .init_scale = 1 / sqrt((double)n)};
    snprintf(name, sizeof name, "%s.router", prefix);
    stoa_router_init(&b->router, params, name, &router);
}

stoa_status stoa_agent_transformer_declare(stoa_agent *agent, stoa_params *params,
                                           stoa_error *err) {
    const stoa_agent_options *o = &agent->options;
    stoa_agent_core *core = &agent->core;
    if (o->core_layers < 1 || o->core_layers > STOA_AGENT_BLOCKS)
        return stoa_fail(err, STOA_ERR_USAGE, "agent.core_layers is %lld; it must be 1 to %d",
                         (long long)o->core_layers, STOA_AGENT_BLOCKS);
    if (o->core_heads < 1 || o->core_width % o->core_heads != 0)
        return stoa_fail(err, STOA_ERR_USAGE,
                         "agent.core_width %lld is not a multiple of agent.core_heads %lld",
                         (long long)o->core_width, (long long)o->core_heads);
    if (o->core_memory < 1)
        return stoa_fail(err, STOA_ERR_USAGE,
                         "agent.core_memory is %lld; a transformer sees at least 1 past step",
                         (long long)o->core_memory);
    if (!(o->core_capacity > 0))
        return stoa_fail(err, STOA_ERR_USAGE,
                         "agent.core_capacity is %g; it is a share of the steps above 0, 1 for all",
                         o->core_capacity);
    core->in = layer(params, "core", "in", core->inputs, o->core_width, 1);
    for (int64_t i = 0; i < o->core_layers; i++)
        declare_block(&core->blocks[i], params, i, o);
    core->norm = norm(params, "core", "norm", o->core_width);
    return STOA_OK;
}

/* ---- attention ------------------------------------------------------------------------------- */

/* Columns [begin, begin + M) of x (B, S, *) by heads: (B, H, S, M / H). */
static stoa_tensor *heads_of(stoa_ctx *ctx, stoa_tensor *x, int64_t begin, int64_t m,
                             int64_t heads) {
    if (x->shape[2] != m)
        x = stoa_slice(ctx, x, 2, begin, begin + m);
    x = stoa_reshape(ctx, x, STOA_SHAPE(x->shape[0], x->shape[1], heads, m / heads));
    return stoa_transpose(ctx, x, 1, 2);
}

/* What distances add to scores: (H, T, P + T). */
static stoa_tensor *distance_bias(stoa_ctx *ctx, const stoa_agent_block *b, stoa_tensor *distance) {
    stoa_tensor *x = stoa_embedding(ctx, b->distance, distance, stoa_ctx_full(ctx));
    return stoa_transpose(ctx, stoa_transpose(ctx, x, 0, 2), 1, 2); // of (T, P + T, H)
}

/* q (B, T, M), kv (B, P + T, 2M) -> (B, T, M) */
static stoa_tensor *attend(stoa_ctx *ctx, const stoa_agent_block *b, const stoa_agent_window *w,
                           stoa_tensor *q, stoa_tensor *kv, stoa_tensor *mask) {
    int64_t m = w->width, h = b->distance->shape[1];
    stoa_tensor *scores =
        stoa_matmul(ctx, heads_of(ctx, q, 0, m, h), false, heads_of(ctx, kv, 0, m, h), true,
                    1 / sqrt((double)(m / h))); // (B, H, T, P + T)
    scores = stoa_add(
        ctx, stoa_add(ctx, scores, distance_bias(ctx, b, stoa_agent_window_distance(ctx, w))),
        mask);
    stoa_tensor *p = stoa_cast(ctx, stoa_softmax(ctx, scores), q->dtype);
    stoa_tensor *y = stoa_matmul(ctx, p, false, heads_of(ctx, kv, m, m, h), false, 1);
    return stoa_reshape(ctx, stoa_transpose(ctx, y, 1, 2), STOA_SHAPE(w->batch, w->steps, m));
}

/* Keys and values of the past (B, P, 2M), oldest first. *through (B, P) U8. */
static stoa_tensor *past_kv(stoa_ctx *ctx, const stoa_agent_block *b, const stoa_agent_window *w,
                            int64_t i, stoa_tensor **through) {
    stoa_dtype compute = stoa_ctx_compute(ctx);
    stoa_tensor *past = stoa_agent_window_rows(ctx, w, i, through); // (B, P, M)
    stoa_tensor *h = stoa_norm_apply(ctx, &b->norm1, past, compute);
    return stoa_linear_apply(ctx, &b->kv, h, compute);
}

/* What the steps' queries q (B, T, M) find in the past and in the steps' own now (B, T, 2M): (B, T,
 * M). through (B, T) U8, or NULL: which steps go through the block. */
static stoa_tensor *look_back(stoa_ctx *ctx, const stoa_agent_block *b, const stoa_agent_window *w,
                              int64_t i, stoa_tensor *q, stoa_tensor *now, stoa_tensor *through) {
    if (w->cache)
        return stoa_agent_cache_look(ctx, w, i, b->distance, q, now, through);
    stoa_tensor *past_through, *past = past_kv(ctx, b, w, i, &past_through);
    stoa_tensor *kv = stoa_concat(ctx, (stoa_tensor *[]){past, now}, 2, 1);
    stoa_tensor *mask = stoa_agent_window_mask(ctx, w, through ? past_through : NULL, through);
    return attend(ctx, b, w, q, kv, mask);
}

/* Before the first step with weights that have changed. */
static void renew_cache(stoa_ctx *ctx, const stoa_agent_core *core, const stoa_agent_window *w) {
    uint64_t version = core->blocks[0].kv.weight->version;
    if (!w->cache || stoa_agent_cache_is_of(w, version))
        return;
    for (int64_t i = 0; i < w->blocks; i++) {
        stoa_tensor *through, *kv = past_kv(ctx, &core->blocks[i], w, i, &through);
        stoa_agent_cache_fill(ctx, w, i, kv, core->blocks[i].routed ? through : NULL);
    }
    stoa_agent_cache_mark(ctx, w, version);
}

/* The block's second half: x + a, and the branch MLP(norm2(x + a)). */
static stoa_tensor *second_half(stoa_ctx *ctx, const stoa_agent_block *b, stoa_tensor *x,
                                stoa_tensor *a, stoa_tensor **sum) {
    stoa_dtype compute = stoa_ctx_compute(ctx);
    stoa_tensor *h = stoa_norm_residual(ctx, &b->norm2, x, a, compute, sum);
    h = stoa_gelu(ctx, stoa_linear_apply(ctx, &b->up, h, compute), false);
    return stoa_linear_apply(ctx, &b->down, h, compute);
}

static stoa_tensor *dense(stoa_ctx *ctx, const stoa_agent_block *b, const stoa_agent_window *w,
                          int64_t i, stoa_tensor *x) {
    stoa_dtype compute = stoa_ctx_compute(ctx);
    stoa_tensor *h = stoa_norm_apply(ctx, &b->norm1, x, compute);
    stoa_tensor *now = stoa_linear_apply(ctx, &b->kv, h, compute); // (B, T, 2M)
    stoa_tensor *q = stoa_linear_apply(ctx, &b->q, h, compute);    // (B, T, M)
    stoa_tensor *y = look_back(ctx, b, w, i, q, now, NULL);
    stoa_tensor *sum;
    stoa_tensor *m = second_half(ctx, b, x, stoa_linear_apply(ctx, &b->proj, y, compute), &sum);
    return stoa_add(ctx, sum, m);
}

/* ---- depth routing --------------------------------------------------------------------------- */

/* Rows whose logit is positive, of (1, B * T), padded with -1 to a multiple of 16 (few shapes);
 * *through (B, T) U8 tells the same. On meta: as many as the capacity. */
static stoa_tensor *choose(stoa_ctx *ctx, const stoa_agent_block *b, const stoa_agent_window *w,
                           const stoa_tensor *logits, stoa_tensor **through) {
    int64_t rows = w->batch * w->steps, count = 0;
    *through = stoa_new(ctx, STOA_U8, STOA_SHAPE(w->batch, w->steps));
    bool ready = stoa_ctx_computes(ctx) && stoa_ctx_status(ctx, NULL) == STOA_OK;
    if (!ready)
        count = stoa_route_capacity(b->router.options.capacity, rows);
    for (int64_t r = 0; ready && r < rows; r++) {
        bool goes = stoa_get(logits, r) > 0;
        ((uint8_t *)(*through)->data)[r] = goes;
        count += goes;
    }
    int64_t room = (count + 15) / 16 * 16;
    room = room > rows ? rows : room < 1 ? 1 : room;
    stoa_tensor *index = stoa_new(ctx, STOA_I32, STOA_SHAPE(1, room));
    if (!ready || !index->data)
        return index;
    int32_t *to = index->data;
    int64_t at = 0;
    for (int64_t r = 0; r < rows; r++)
        if (((uint8_t *)(*through)->data)[r])
            to[at++] = (int32_t)r;
    while (at < room)
        to[at++] = -1;
    return index;
}

/* How well the predictor foresees which steps of an instance's unroll score highest. */
static stoa_tensor *foresight(stoa_ctx *ctx, const stoa_agent_block *b, const stoa_agent_window *w,
                              stoa_tensor *scores, stoa_tensor *logits) {
    stoa_dtype full = stoa_ctx_full(ctx);
    int64_t batch = w->batch, steps = w->steps;
    int64_t k = stoa_route_capacity(b->router.options.capacity, steps);
    stoa_tensor *best = stoa_top_k(ctx, stoa_reshape(ctx, scores, STOA_SHAPE(batch, steps)), k);
    stoa_tensor *none = stoa_zeros(ctx, full, STOA_SHAPE(batch, steps, 1));
    stoa_tensor *ones = stoa_affine(ctx, stoa_zeros(ctx, full, STOA_SHAPE(batch, k, 1)), 0, 1);
    stoa_tensor *member = stoa_scatter_rows(ctx, none, best, ones, NULL);
    member = stoa_reshape(ctx, member, STOA_SHAPE(1, batch * steps));
    return stoa_mean(ctx, stoa_binary_cross_entropy(ctx, logits, member), STOA_ALL);
}

/* (B, T, n) from chosen rows (1, C, n); zero elsewhere. */
static stoa_tensor *spread(stoa_ctx *ctx, const stoa_agent_window *w, stoa_tensor *rows,
                           stoa_tensor *index) {
    int64_t n = rows->shape[2], all = w->batch * w->steps;
    stoa_tensor *none = stoa_zeros(ctx, rows->dtype, STOA_SHAPE(1, all, n));
    return stoa_reshape(ctx, stoa_scatter_rows(ctx, none, index, rows, NULL),
                        STOA_SHAPE(w->batch, w->steps, n));
}

static stoa_tensor *routed(stoa_ctx *ctx, const stoa_agent_block *b, const stoa_agent_window *w,
                           int64_t i, stoa_tensor *x, stoa_tensor **through, stoa_tensor **loss) {
    stoa_dtype compute = stoa_ctx_compute(ctx), full = stoa_ctx_full(ctx);
    int64_t rows = w->batch * w->steps, m = w->width;
    stoa_tensor *flat = stoa_reshape(ctx, x, STOA_SHAPE(1, rows, m));
    stoa_tensor *scores = stoa_reshape(ctx, stoa_linear_apply(ctx, &b->router.score, flat, full),
                                       STOA_SHAPE(1, rows));
    stoa_tensor *seen = stoa_cast(ctx, stoa_stop_gradient(ctx, flat), compute);
    stoa_tensor *logits = stoa_relu(ctx, stoa_linear_apply(ctx, &b->router.fc1, seen, compute));
    logits = stoa_reshape(ctx, stoa_linear_apply(ctx, &b->router.fc2, logits, full),
                          STOA_SHAPE(1, rows));
    if (stoa_ctx_grad(ctx)) {
        stoa_tensor *part = foresight(ctx, b, w, scores, logits);
        *loss = *loss ? stoa_add(ctx, *loss, part) : part;
    }
    stoa_tensor *index = choose(ctx, b, w, logits, through); // (1, C)
    stoa_tensor *mine = stoa_gather_rows(ctx, flat, index);  // (1, C, M)
    stoa_tensor *h = stoa_norm_apply(ctx, &b->norm1, mine, compute);
    stoa_tensor *now = spread(ctx, w, stoa_linear_apply(ctx, &b->kv, h, compute), index);
    stoa_tensor *q = spread(ctx, w, stoa_linear_apply(ctx, &b->q, h, compute), index);
    stoa_tensor *y = look_back(ctx, b, w, i, q, now, *through);
    y = stoa_gather_rows(ctx, stoa_reshape(ctx, y, STOA_SHAPE(1, rows, m)), index);
    stoa_tensor *sum, *a = stoa_linear_apply(ctx, &b->proj, y, compute);
    stoa_tensor *f = stoa_add(ctx, a, second_half(ctx, b, mine, a, &sum));
    return stoa_reshape(ctx, stoa_scatter_rows(ctx, flat, index, f, scores),
                        STOA_SHAPE(w->batch, w->steps, m));
}

stoa_tensor *stoa_agent_transformer(stoa_ctx *ctx, const stoa_agent *agent,
                                    const stoa_agent_input *input, stoa_tensor *x,
                                    const stoa_agent_state *state, stoa_agent_state *next,
                                    stoa_tensor **router_loss) {
    const stoa_agent_core *core = &agent->core;
    stoa_agent_window w;
    stoa_agent_window_open(ctx, &w, stoa_agent_window_shape_of(&agent->options), input, state);
    if (next == state)
        stoa_agent_cache_open(ctx, &w);
    renew_cache(ctx, core, &w);
    stoa_tensor *inputs[STOA_AGENT_BLOCKS], *through[STOA_AGENT_BLOCKS] = {NULL};
    x = stoa_linear_apply(ctx, &core->in, x, stoa_ctx_full(ctx)); // (T, B, M)
    x = stoa_transpose(ctx, x, 0, 1);                             // (B, T, M)
    for (int64_t i = 0; i < w.blocks; i++) {
        inputs[i] = x;
        x = core->blocks[i].routed
                ? routed(ctx, &core->blocks[i], &w, i, x, &through[i], router_loss)
                : dense(ctx, &core->blocks[i], &w, i, x);
    }
    if (next)
        stoa_agent_window_keep(ctx, &w, inputs, through, next);
    x = stoa_norm_apply(ctx, &core->norm, x, stoa_ctx_compute(ctx));
    return stoa_transpose(ctx, x, 0, 1); // (T, B, M)
}
