/*
 * nn/routing.c - depth routing: a block that only k tokens of each sequence go through.
 *
 * Raposo et al. 2024 (arXiv 2404.02258): the router's scalar r_i = w . x_i picks the k largest of
 * the sequence and scales the block's output, which is the router's only gradient. Chosen tokens
 * keep their order, so a plain causal mask is right, and their original positions, so rotations
 * are. Scores, gates and losses stay in full precision: ties in bf16 would change the chosen set.
 */
#include <assert.h>
#include <math.h>
#include <stdio.h>

#include "stoa/nn.h"

static const double unit_eps = 1e-6;

int64_t stoa_route_capacity(double capacity, int64_t length) {
    int64_t k = (int64_t)lround(capacity * (double)length);
    return k < 1 ? 1 : k > length ? length : k;
}

void stoa_router_init(stoa_router *router, stoa_params *params, const char *prefix,
                      const stoa_router_options *o) {
    char name[128];
    *router = (stoa_router){.options = *o};
    /* no weight decay: the vector's size is the gate's size */
    snprintf(name, sizeof name, "%s.score.weight", prefix);
    stoa_param *score = stoa_params_add(params, name, STOA_SHAPE(1, o->width), STOA_INIT_NORMAL,
                                        o->init_scale, false);
    router->score.weight = score ? &score->tensor : NULL;
    if (o->normalize) {
        snprintf(name, sizeof name, "%s.unit", prefix);
        stoa_param *unit =
            stoa_params_add(params, name, STOA_SHAPE(o->width), STOA_INIT_ONE, 0, false);
        if (unit)
            unit->trained = false;
        router->unit = unit ? &unit->tensor : NULL;
    }
    if (o->cure == STOA_CURE_PREDICTOR) {
        double scale = 1.0 / sqrt((double)o->width);
        snprintf(name, sizeof name, "%s.predictor.fc1", prefix);
        router->fc1 = stoa_linear_new(params, name, o->width, o->predictor_width, true, scale);
        snprintf(name, sizeof name, "%s.predictor.fc2", prefix);
        router->fc2 = stoa_linear_new(params, name, o->predictor_width, 1, true,
                                      1.0 / sqrt((double)o->predictor_width));
    }
}

/* What the router and its predictor read: x or x / rms(x), (B, S, N). */
static stoa_tensor *router_input(stoa_ctx *ctx, const stoa_router *router, stoa_tensor *x) {
    if (!router->options.normalize)
        return x;
    return stoa_rms_norm(ctx, x, router->unit, unit_eps, stoa_ctx_full(ctx));
}

/* (B, S, 1) -> (B, S) */
static stoa_tensor *drop_last(stoa_ctx *ctx, stoa_tensor *x) {
    return stoa_reshape(ctx, x, STOA_SHAPE(x->shape[0], x->shape[1]));
}

/* r (B, S). The Gaussian control draws anew in every pass. */
static stoa_tensor *scores_of(stoa_ctx *ctx, const stoa_router *router, stoa_tensor *input) {
    if (router->options.kind == STOA_ROUTER_GAUSSIAN)
        return stoa_normal(ctx, STOA_SHAPE(input->shape[0], input->shape[1]));
    return drop_last(ctx, stoa_linear_apply(ctx, &router->score, input, stoa_ctx_full(ctx)));
}

/* The cure's logit (B, S): positive means "goes through". coarse (nullable): input in compute type,
 * without a gradient. */
static stoa_tensor *cure_logits(stoa_ctx *ctx, const stoa_router *router, stoa_tensor *input,
                                stoa_tensor *coarse, stoa_tensor *scores) {
    if (router->options.cure == STOA_CURE_AUXILIARY)
        return scores;
    /* its hidden layer may be coarse; its verdict is not */
    stoa_dtype compute = stoa_ctx_compute(ctx);
    stoa_tensor *x = coarse;
    if (!x)
        x = stoa_cast(ctx, stoa_stop_gradient(ctx, input), compute);
    stoa_tensor *h = stoa_relu(ctx, stoa_linear_apply(ctx, &router->fc1, x, compute));
    return drop_last(ctx, stoa_linear_apply(ctx, &router->fc2, h, stoa_ctx_full(ctx)));
}

static stoa_tensor *gate_of(stoa_ctx *ctx, const stoa_router *router, stoa_tensor *scores) {
    return router->options.gate == STOA_GATE_SIGMOID ? stoa_sigmoid(ctx, scores) : scores;
}

/* (B, S) with 1 at index (B, k). */
static stoa_tensor *membership(stoa_ctx *ctx, stoa_tensor *index, int64_t length) {
    stoa_dtype full = stoa_ctx_full(ctx);
    int64_t batch = index->shape[0], k = index->shape[1];
    stoa_tensor *none = stoa_zeros(ctx, full, STOA_SHAPE(batch, length, 1));
    stoa_tensor *ones = stoa_affine(ctx, stoa_zeros(ctx, full, STOA_SHAPE(batch, k, 1)), 0, 1);
    return drop_last(ctx, stoa_scatter_rows(ctx, none, index, ones, NULL));
}

/* Positions whose logit is positive, ascending, padded with -1 to the fullest row rounded up to 16
 * (few distinct shapes, so few primitives). On meta: as many as the top-k would take. */
static stoa_tensor *choose_causally(stoa_ctx *ctx, const stoa_router *router, stoa_tensor *logits) {
    int64_t batch = logits->shape[0], length = logits->shape[1];
    if (!stoa_ctx_computes(ctx) || stoa_ctx_status(ctx, NULL) != STOA_OK)
        return stoa_new(ctx, STOA_I32,
                        STOA_SHAPE(batch, stoa_route_capacity(router->options.capacity, length)));
    int64_t fullest = 1;
    for (int64_t b = 0; b < batch; b++) {
        int64_t count = 0;
        for (int64_t i = 0; i < length; i++)
            count += stoa_get(logits, b * length + i) > 0;
        fullest = count > fullest ? count : fullest;
    }
    int64_t room = (fullest + 15) / 16 * 16;
    room = room > length ? length : room;
    stoa_tensor *index = stoa_new(ctx, STOA_I32, STOA_SHAPE(batch, room));
    if (!index->data)
        return index;
    for (int64_t b = 0; b < batch; b++) {
        int32_t *row = (int32_t *)index->data + b * room;
        int64_t count = 0;
        for (int64_t i = 0; i < length; i++)
            if (stoa_get(logits, b * length + i) > 0)
                row[count++] = (int32_t)i;
        while (count < room)
            row[count++] = -1;
    }
    return index;
}

/* Original positions of the chosen tokens, for the rotation: (B, C). Padding keeps position 0. */
static stoa_tensor *positions_of(stoa_ctx *ctx, stoa_tensor *index, stoa_tensor *positions) {
    stoa_tensor *out = stoa_new(ctx, STOA_I32, index->ndim, index->shape);
    if (!stoa_ctx_computes(ctx) || !out->data || !index->data)
        return out;
    int64_t batch = index->shape[0], c = index->shape[1];
    int64_t length = positions ? positions->shape[1] : 0;
    for (int64_t i = 0; i < batch * c; i++) {
        int32_t at = ((int32_t *)index->data)[i];
        at = at < 0 ? 0 : at;
        ((int32_t *)out->data)[i] =
            positions ? ((int32_t *)positions->data)[i / c * length + at] : at;
    }
    return out;
}

/* Whether the block's output may be added in x's own memory: nothing then reads x again but the
 * next block. Products that train on x forbid it: an auxiliary loss on the scores, a predictor that
 * reads x itself for want of a coarser copy; so does a norm of x. */
static bool adds_in_place(const stoa_ctx *ctx, const stoa_router *router, const stoa_tensor *x) {
    const stoa_router_options *o = &router->options;
    return o->kind != STOA_ROUTER_GAUSSIAN && o->cure == STOA_CURE_PREDICTOR && !o->normalize &&
           !x->is_param && stoa_ctx_compute(ctx) != x->dtype;
}

stoa_stream stoa_routed_block_apply(stoa_ctx *ctx, const stoa_block *block,
                                    const stoa_router *router, stoa_stream stream,
                                    stoa_tensor *positions, stoa_route_by by, stoa_route *route,
                                    stoa_tensor **balance) {
    bool copies = router->options.cure == STOA_CURE_PREDICTOR && !router->options.normalize;
    stoa_tensor *coarse = NULL;
    stoa_tensor *x = stoa_stream_settle(ctx, stream, copies ? &coarse : NULL); // (B, S, N)
    int64_t length = x->shape[1];
    stoa_tensor *input = router_input(ctx, router, x);
    *route = (stoa_route){.scores = scores_of(ctx, router, input)};
    route->logits = cure_logits(ctx, router, input, coarse, route->scores);
    if (by == STOA_ROUTE_TOP_K) {
        route->index =
            stoa_top_k(ctx, route->scores, stoa_route_capacity(router->options.capacity, length));
        route->member = membership(ctx, route->index, length);
        route->loss =
            stoa_mean(ctx, stoa_binary_cross_entropy(ctx, route->logits, route->member), STOA_ALL);
    } else {
        route->index = choose_causally(ctx, router, route->logits);
    }
    stoa_tensor *chosen = stoa_gather_rows(ctx, x, route->index); // (B, C, N)
    stoa_tensor *f =
        stoa_block_branch(ctx, block, chosen, positions_of(ctx, route->index, positions), balance);
    if (!adds_in_place(ctx, router, x))
        return (stoa_stream){
            .x = stoa_scatter_rows(ctx, x, route->index, f, gate_of(ctx, router, route->scores))};
    /* the chosen tokens' scores again, from their own copies: the same numbers, with a gradient */
    stoa_tensor *gate = gate_of(ctx, router, scores_of(ctx, router, chosen)); // (B, C)
    return (stoa_stream){.x = stoa_scatter_rows_into(ctx, x, route->index, f, gate)};
}

stoa_tensor *stoa_routed_block_cached(stoa_ctx *ctx, const stoa_block *block,
                                      const stoa_router *router, stoa_tensor *x,
                                      stoa_tensor *sequence, stoa_tensor *position,
                                      stoa_kv_cache *cache, int64_t *routed) {
    int64_t n = x->shape[1]; // x (1, n, N)
    stoa_tensor *input = router_input(ctx, router, x);
    stoa_tensor *scores = scores_of(ctx, router, input);
    stoa_tensor *logits = cure_logits(ctx, router, input, NULL, scores);
    int64_t count = 0;
    for (int64_t i = 0; stoa_ctx_computes(ctx) && i < n; i++)
        count += stoa_get(logits, i) > 0;
    if (routed)
        *routed = count;
    if (count == 0)
        return x;
    stoa_tensor *index = stoa_new(ctx, STOA_I32, STOA_SHAPE(1, count));
    stoa_tensor *seq = stoa_new(ctx, STOA_I32, STOA_SHAPE(count));
    stoa_tensor *pos = stoa_new(ctx, STOA_I32, STOA_SHAPE(count));
    if (stoa_ctx_status(ctx, NULL) != STOA_OK)
        return x;
    for (int64_t i = 0, c = 0; i < n; i++)
        if (stoa_get(logits, i) > 0) {
            ((int32_t *)index->data)[c] = (int32_t)i;
            ((int32_t *)seq->data)[c] = ((int32_t *)sequence->data)[i];
            ((int32_t *)pos->data)[c++] = ((int32_t *)position->data)[i];
        }
    stoa_tensor *f =
        stoa_block_branch_cached(ctx, block, stoa_gather_rows(ctx, x, index), seq, pos, cache);
    return stoa_scatter_rows(ctx, x, index, f, gate_of(ctx, router, scores));
}
