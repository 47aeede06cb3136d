/*
 * model/icl_transformer.c - the transformer core: plain or depth-routed blocks, and a last block
 * that runs for the query alone when nobody asks for more.
 *
 * With the loss at the query, what the last block computes for other tokens reaches nothing, and
 * not even their keys and values need be made. A head's score of token j is q . (K h_j + b), where
 * q . b is the same for all j and leaves the softmax alone: it is (K^T q) . h_j. What it takes from
 * the tokens is sum of p_j (V h_j + b) = V (sum of p_j h_j) + b. So the heads' queries meet the
 * tokens themselves, and two maps of every token become two of one token a sequence.
 */
#include <math.h>
#include <stdio.h>

#include "model/icl.h"

/* ---- declaring ------------------------------------------------------------------------------- */

static bool has_mlp(const stoa_icl_options *o, int64_t layer) {
    return o->mlp == STOA_ICL_MLP_ALL || (o->mlp == STOA_ICL_MLP_LAST && layer == o->layers - 1);
}

static void declare_last(stoa_icl *icl, const char *prefix, bool mlp) {
    const stoa_icl_options *o = &icl->options;
    stoa_params *p = icl->params;
    stoa_icl_last *last = &icl->last;
    char name[64];
#define NAMED(part) (snprintf(name, sizeof name, "%s.%s", prefix, part), name)
    last->norm1 = stoa_norm_new(p, NAMED("norm1"), STOA_NORM_LAYER, o->width, true);
    last->q = stoa_linear_new(p, NAMED("attention.q"), o->width, o->width, true, 1);
    last->k = stoa_linear_new(p, NAMED("attention.k"), o->width, o->width, true, 1);
    last->v = stoa_linear_new(p, NAMED("attention.v"), o->width, o->width, true, 1);
    last->proj = stoa_linear_new(p, NAMED("attention.proj"), o->width, o->width, true, 1);
    if (!mlp)
        return;
    last->norm2 = stoa_norm_new(p, NAMED("norm2"), STOA_NORM_LAYER, o->width, true);
    last->up = stoa_linear_new(p, NAMED("mlp.up"), o->width, o->mlp_width, true, 1);
    last->down = stoa_linear_new(p, NAMED("mlp.down"), o->mlp_width, o->width, true, 1);
#undef NAMED
}

void stoa_icl_transformer_declare(stoa_icl *icl) {
    const stoa_icl_options *o = &icl->options;
    char prefix[32];
    icl->has_last = !(o->capacity < 1 && o->layers % 2 == 0);
    for (int64_t i = 0; i < o->layers; i++) {
        snprintf(prefix, sizeof prefix, "blocks.%d", (int)i);
        if (i == o->layers - 1 && icl->has_last) {
            declare_last(icl, prefix, has_mlp(o, i));
            return;
        }
        stoa_block_options block = {
            .width = o->width,
            .heads = o->heads,
            .kv_heads = o->heads,
            .mlp_width = has_mlp(o, i) ? o->mlp_width : 0,
            .norm = STOA_NORM_LAYER,
            .activation = STOA_ACTIVATION_GELU,
            .bias = true,
            .init_scale = 1,
            .residual_scale = 1,
        };
        stoa_block_init(&icl->blocks[i], icl->params, prefix, &block);
        icl->routed[i] = o->capacity < 1 && i % 2 == 1;
        if (!icl->routed[i])
            continue;
        /* the sequence is complete when it is read, so its best tokens may always be chosen: the
         * score itself serves as the cure, whose loss nobody takes */
        stoa_router_options router = {
            .width = o->width,
            .capacity = o->capacity,
            .kind = STOA_ROUTER_LEARNED,
            .gate = STOA_GATE_RAW,
            .cure = STOA_CURE_AUXILIARY,
            .init_scale = 1,
        };
        snprintf(prefix, sizeof prefix, "blocks.%d.router", (int)i);
        stoa_router_init(&icl->routers[i], icl->params, prefix, &router);
    }
}

/* ---- running --------------------------------------------------------------------------------- */

/* norm(x + delta); *sum is x + delta. */
static stoa_tensor *norm_stream(stoa_ctx *ctx, const stoa_norm_layer *norm, stoa_stream s,
                                stoa_tensor **sum) {
    stoa_dtype compute = stoa_ctx_compute(ctx);
    *sum = s.x;
    return s.delta ? stoa_norm_residual(ctx, norm, s.x, s.delta, compute, sum)
                   : stoa_norm_apply(ctx, norm, s.x, compute);
}

/* Row T - 1 of x (B, T, N): (B, 1, N). */
static stoa_tensor *query_of(stoa_ctx *ctx, stoa_tensor *x) {
    return x->shape[1] == 1 ? x : stoa_slice(ctx, x, 1, x->shape[1] - 1, x->shape[1]);
}

/* A weight (N, N) as the maps of its heads, (H, D, N), in compute type. */
static stoa_tensor *maps_of(stoa_ctx *ctx, const stoa_icl_options *o, stoa_tensor *weight) {
    stoa_tensor *w = stoa_cast(ctx, weight, stoa_ctx_compute(ctx));
    return stoa_reshape(ctx, w, STOA_SHAPE(o->heads, o->width / o->heads, o->width));
}

/* What the query takes from the tokens h (B, T, N), already normed: (B, 1, N). */
static stoa_tensor *attend_query(stoa_ctx *ctx, const stoa_icl *icl, stoa_tensor *h) {
    const stoa_icl_options *o = &icl->options;
    const stoa_icl_last *last = &icl->last;
    stoa_dtype compute = stoa_ctx_compute(ctx);
    int64_t b = h->shape[0], heads = o->heads, n = o->width, depth = n / heads;
    stoa_tensor *q = stoa_linear_apply(ctx, &last->q, query_of(ctx, h), compute); // (B, 1, N)
    q = stoa_transpose(ctx, stoa_reshape(ctx, q, STOA_SHAPE(b, heads, depth)), 0, 1);
    q = stoa_matmul(ctx, q, false, maps_of(ctx, o, last->k.weight), false, 1); // (H, B, N)
    q = stoa_reshape(ctx, stoa_transpose(ctx, q, 0, 1), STOA_SHAPE(b, 1, heads * n));
    stoa_attention_options how = {
        .heads = (int)heads, .kv_heads = 1, .head_width = (int)n, .scale = 1 / sqrt((double)depth)};
    stoa_tensor *taken = stoa_attention(ctx, q, h, h, &how); // (B, 1, H * N)
    taken = stoa_transpose(ctx, stoa_reshape(ctx, taken, STOA_SHAPE(b, heads, n)), 0, 1);
    stoa_tensor *v =
        stoa_matmul(ctx, taken, false, maps_of(ctx, o, last->v.weight), true, 1); // (H, B, D)
    v = stoa_reshape(ctx, stoa_transpose(ctx, v, 0, 1), STOA_SHAPE(b, 1, n));
    return stoa_add(ctx, v, last->v.bias);
}

/* The same for every token: (B, T, N). */
static stoa_tensor *attend_all(stoa_ctx *ctx, const stoa_icl *icl, stoa_tensor *h, float *map) {
    const stoa_icl_last *last = &icl->last;
    stoa_dtype compute = stoa_ctx_compute(ctx);
    stoa_tensor *q = stoa_linear_apply(ctx, &last->q, h, compute);
    stoa_tensor *k = stoa_linear_apply(ctx, &last->k, h, compute);
    stoa_tensor *v = stoa_linear_apply(ctx, &last->v, h, compute);
    int heads = (int)icl->options.heads;
    stoa_attention_options how = {.heads = heads,
                                  .kv_heads = heads,
                                  .head_width = (int)icl->options.width / heads,
                                  .causal = true};
    if (map)
        stoa_icl_map(icl, q, 0, k, 0, NULL, map);
    return stoa_attention(ctx, q, k, v, &how);
}

static stoa_stream apply_last(stoa_ctx *ctx, const stoa_icl *icl, stoa_stream s, bool query_only,
                              float *map) {
    const stoa_icl_last *last = &icl->last;
    stoa_dtype compute = stoa_ctx_compute(ctx);
    stoa_tensor *x;
    stoa_tensor *h = norm_stream(ctx, &last->norm1, s, &x); // (B, T, N)
    stoa_tensor *a;
    if (query_only) {
        x = query_of(ctx, x);
        a = attend_query(ctx, icl, h); // (B, 1, N)
    } else {
        a = attend_all(ctx, icl, h, map);
    }
    a = stoa_linear_apply(ctx, &last->proj, a, compute);
    if (!last->norm2.weight)
        return (stoa_stream){x, a};
    h = stoa_norm_residual(ctx, &last->norm2, x, a, compute, &x);
    return (stoa_stream){x, stoa_icl_mlp_apply(ctx, &last->up, &last->down, h)};
}

stoa_tensor *stoa_icl_mlp_apply(stoa_ctx *ctx, const stoa_linear_layer *up,
                                const stoa_linear_layer *down, stoa_tensor *h) {
    stoa_dtype compute = stoa_ctx_compute(ctx);
    stoa_tensor *u = stoa_gelu(ctx, stoa_linear_apply(ctx, up, h, compute), false);
    return stoa_linear_apply(ctx, down, u, compute);
}

/* The queries and keys of a block once more, for its map: x (B, C, N) is what it reads. */
static void map_block(stoa_ctx *ctx, const stoa_icl *icl, const stoa_block *b, stoa_tensor *x,
                      const stoa_tensor *index, float *map) {
    stoa_dtype compute = stoa_ctx_compute(ctx);
    stoa_tensor *h = stoa_norm_apply(ctx, &b->norm1, x, compute);
    stoa_tensor *qkv = stoa_linear_apply(ctx, &b->qkv, h, compute); // (B, C, 3N)
    stoa_icl_map(icl, qkv, 0, qkv, icl->options.width, index, map);
}

stoa_stream stoa_icl_transformer(stoa_ctx *ctx, const stoa_icl *icl, stoa_tensor *x,
                                 stoa_icl_where where, float *maps) {
    const stoa_icl_options *o = &icl->options;
    int64_t map_size = x->shape[0] * o->heads * x->shape[1] * x->shape[1];
    stoa_stream s = {.x = x};
    for (int64_t i = 0; i < o->layers; i++) {
        float *map = maps ? maps + i * map_size : NULL;
        if (i == o->layers - 1 && icl->has_last) {
            s = apply_last(ctx, icl, s, where == STOA_ICL_QUERY, map);
            break;
        }
        const stoa_block *b = &icl->blocks[i];
        if (map) /* maps read what the block reads: settle it first */
            s = (stoa_stream){.x = stoa_stream_settle(ctx, s, NULL)};
        stoa_tensor *before = s.x;
        if (icl->routed[i]) {
            stoa_route route;
            s = stoa_routed_block_apply(ctx, b, &icl->routers[i], s, NULL, STOA_ROUTE_TOP_K, &route,
                                        NULL);
            if (map)
                map_block(ctx, icl, b, stoa_gather_rows(ctx, before, route.index), route.index,
                          map);
            continue;
        }
        s = stoa_block_apply(ctx, b, s, NULL, NULL);
        if (map)
            map_block(ctx, icl, b, before, NULL, map);
    }
    if (where == STOA_ICL_ITEMS)
        return s;
    return (stoa_stream){query_of(ctx, s.x), s.delta ? query_of(ctx, s.delta) : NULL};
}
