/*
 * nn/block.c - a pre-norm transformer block: attention, then an MLP, a mixture of experts, or
 * nothing.
 *
 * The block is written once as its branch, f(x) = a + MLP(norm2(x + a)), a = Attention(norm1(x)),
 * because a routed block needs f apart from the outer residual.
 */
#include <assert.h>
#include <math.h>
#include <stdio.h>

#include "stoa/nn.h"

static const char *named(char *out, size_t n, const char *prefix, const char *part) {
    snprintf(out, n, "%s.%s", prefix, part);
    return out;
}

static stoa_mlp mlp_new(stoa_params *params, const char *prefix, const stoa_block_options *o) {
    char name[128];
    int64_t hidden = o->activation == STOA_ACTIVATION_SWIGLU ? 2 * o->mlp_width : o->mlp_width;
    return (stoa_mlp){
        .up = stoa_linear_new(params, named(name, sizeof name, prefix, "up"), o->width, hidden,
                              o->bias, o->init_scale),
        .down = stoa_linear_new(params, named(name, sizeof name, prefix, "down"), o->mlp_width,
                                o->width, o->bias, o->init_scale * o->residual_scale),
    };
}

void stoa_block_init(stoa_block *b, stoa_params *params, const char *prefix,
                     const stoa_block_options *o) {
    char name[128];
    assert(o->width % o->heads == 0 && o->heads % o->kv_heads == 0);
    assert(o->experts.count <= STOA_MAX_EXPERTS);
    *b = (stoa_block){.options = *o};
    int64_t head = o->width / o->heads;
    b->norm1 = stoa_norm_new(params, named(name, sizeof name, prefix, "norm1"), o->norm, o->width,
                             o->bias);
    b->qkv = stoa_linear_new(params, named(name, sizeof name, prefix, "attention.qkv"), o->width,
                             (o->heads + 2 * o->kv_heads) * head, o->bias, o->init_scale);
    b->proj = stoa_linear_new(params, named(name, sizeof name, prefix, "attention.proj"), o->width,
                              o->width, o->bias, o->init_scale * o->residual_scale);
    if (o->mlp_width == 0 && o->experts.count == 0)
        return;
    b->norm2 = stoa_norm_new(params, named(name, sizeof name, prefix, "norm2"), o->norm, o->width,
                             o->bias);
    if (o->experts.count == 0) {
        b->mlp = mlp_new(params, named(name, sizeof name, prefix, "mlp"), o);
        return;
    }
    b->choice =
        stoa_linear_new(params, named(name, sizeof name, prefix, "experts.choice"), o->width,
                        o->experts.count + o->experts.noops, false, o->init_scale);
    for (int64_t e = 0; e < o->experts.count; e++) {
        char part[32];
        snprintf(part, sizeof part, "experts.%d", (int)e);
        b->experts[e] = mlp_new(params, named(name, sizeof name, prefix, part), o);
    }
}

static stoa_tensor *mlp_apply(stoa_ctx *ctx, const stoa_mlp *mlp, stoa_activation activation,
                              stoa_tensor *h) {
    stoa_dtype compute = stoa_ctx_compute(ctx);
    stoa_tensor *u = stoa_linear_apply(ctx, &mlp->up, h, compute); // (..., F) or (..., 2F)
    u = activation == STOA_ACTIVATION_SWIGLU ? stoa_swiglu(ctx, u) : stoa_gelu(ctx, u, false);
    return stoa_linear_apply(ctx, &mlp->down, u, compute); // (..., N)
}

/* E sum_e f_e P_e over all choices: f_e the share of tokens whose best choice is e, P_e the mean
 * probability; smallest when both are even. */
static stoa_tensor *balance_loss(stoa_ctx *ctx, stoa_tensor *probs, int64_t choices) {
    int64_t rows = stoa_rows(probs);
    stoa_tensor *flat = stoa_reshape(ctx, probs, STOA_SHAPE(rows, choices));
    stoa_tensor *best = stoa_argmax(ctx, flat, -1); // (rows)
    stoa_tensor *shares = stoa_zeros(ctx, stoa_ctx_full(ctx), STOA_SHAPE(choices));
    if (stoa_ctx_computes(ctx) && shares->data && best->data)
        for (int64_t i = 0; i < rows; i++)
            stoa_set(shares, ((int32_t *)best->data)[i],
                     stoa_get(shares, ((int32_t *)best->data)[i]) + 1.0 / (double)rows);
    stoa_tensor *means = stoa_mean(ctx, flat, 0); // (choices)
    return stoa_affine(ctx, stoa_sum(ctx, stoa_mul(ctx, means, shares), STOA_ALL), (double)choices,
                       0);
}

/* h (B, S, N) -> sum over experts of p_e * MLP_e(h), on the tokens each expert took. */
static stoa_tensor *experts_apply(stoa_ctx *ctx, const stoa_block *b, stoa_tensor *h,
                                  stoa_tensor **balance) {
    const stoa_expert_options *x = &b->options.experts;
    stoa_dtype full = stoa_ctx_full(ctx);
    int64_t batch = h->shape[0], length = h->shape[1], width = h->shape[2];
    int64_t choices = x->count + x->noops;
    int64_t room = (int64_t)ceil(x->capacity_factor * (double)length / (double)choices);
    /* the capacity keeps shapes static in training; nothing is dropped when the model is used */
    if (!stoa_ctx_training(ctx) || room > length)
        room = length;
    stoa_tensor *scores = stoa_linear_apply(ctx, &b->choice, stoa_cast(ctx, h, full), full);
    stoa_tensor *probs = stoa_softmax(ctx, scores);                     // (B, S, E)
    stoa_tensor *index = stoa_route_choice(ctx, probs, x->count, room); // (B, count, room)
    stoa_tensor *out = stoa_zeros(ctx, full, STOA_SHAPE(batch, length, width));
    for (int64_t e = 0; e < x->count; e++) {
        stoa_tensor *mine = stoa_reshape(ctx, stoa_slice(ctx, index, 1, e, e + 1),
                                         STOA_SHAPE(batch, room)); // (B, room)
        stoa_tensor *gate = stoa_reshape(ctx, stoa_slice(ctx, probs, 2, e, e + 1),
                                         STOA_SHAPE(batch, length)); // (B, S)
        stoa_tensor *y = mlp_apply(ctx, &b->experts[e], b->options.activation,
                                   stoa_gather_rows(ctx, h, mine)); // (B, room, N)
        out = stoa_scatter_rows(ctx, out, mine, y, gate);
    }
    if (balance) {
        stoa_tensor *loss = balance_loss(ctx, probs, choices);
        *balance = *balance ? stoa_add(ctx, *balance, loss) : loss;
    }
    return stoa_cast(ctx, out, stoa_ctx_compute(ctx));
}

static stoa_tensor *second_half(stoa_ctx *ctx, const stoa_block *b, stoa_tensor *h,
                                stoa_tensor **balance) {
    stoa_tensor *m = b->options.experts.count ? experts_apply(ctx, b, h, balance)
                                              : mlp_apply(ctx, &b->mlp, b->options.activation, h);
    return stoa_dropout(ctx, m, b->options.dropout);
}

/* h (B, S, N), already normed -> attention's contribution (B, S, N) */
static stoa_tensor *attend(stoa_ctx *ctx, const stoa_block *b, stoa_tensor *h,
                           stoa_tensor *positions) {
    const stoa_block_options *o = &b->options;
    int64_t head = o->width / o->heads;
    stoa_tensor *qkv = stoa_linear_apply(ctx, &b->qkv, h, stoa_ctx_compute(ctx));
    stoa_attention_options how = {
        .heads = (int)o->heads,
        .kv_heads = (int)o->kv_heads,
        .head_width = (int)head,
        .k_column = o->heads * head,
        .v_column = (o->heads + o->kv_heads) * head,
        .causal = true,
        .rope_base = o->rope_base,
        .q_positions = positions,
        .k_positions = positions,
    };
    stoa_tensor *y = stoa_attention(ctx, qkv, qkv, qkv, &how);
    y = stoa_linear_apply(ctx, &b->proj, y, stoa_ctx_compute(ctx));
    return stoa_dropout(ctx, y, o->dropout);
}

stoa_stream stoa_block_apply(stoa_ctx *ctx, const stoa_block *b, stoa_stream stream,
                             stoa_tensor *positions, stoa_tensor **balance) {
    stoa_dtype compute = stoa_ctx_compute(ctx);
    stoa_tensor *x = stream.x, *h;
    if (stream.delta)
        h = stoa_norm_residual(ctx, &b->norm1, stream.x, stream.delta, compute, &x);
    else
        h = stoa_norm_apply(ctx, &b->norm1, x, compute);
    stoa_tensor *a = attend(ctx, b, h, positions);
    if (!b->norm2.weight)
        return (stoa_stream){x, a};
    h = stoa_norm_residual(ctx, &b->norm2, x, a, compute, &x);
    return (stoa_stream){x, second_half(ctx, b, h, balance)};
}

stoa_tensor *stoa_block_branch(stoa_ctx *ctx, const stoa_block *b, stoa_tensor *x,
                               stoa_tensor *positions, stoa_tensor **balance) {
    stoa_dtype compute = stoa_ctx_compute(ctx);
    stoa_tensor *sum;
    stoa_tensor *a = attend(ctx, b, stoa_norm_apply(ctx, &b->norm1, x, compute), positions);
    if (!b->norm2.weight)
        return a;
    stoa_tensor *h = stoa_norm_residual(ctx, &b->norm2, x, a, compute, &sum);
    return stoa_add(ctx, a, second_half(ctx, b, h, balance));
}

stoa_tensor *stoa_block_branch_cached(stoa_ctx *ctx, const stoa_block *b, stoa_tensor *x,
                                      stoa_tensor *sequence, stoa_tensor *position,
                                      stoa_kv_cache *cache) {
    const stoa_block_options *o = &b->options;
    stoa_dtype compute = stoa_ctx_compute(ctx);
    int64_t n = x->shape[1];
    stoa_tensor *h = stoa_norm_apply(ctx, &b->norm1, x, compute);
    stoa_tensor *qkv = stoa_linear_apply(ctx, &b->qkv, h, compute); // (1, n, (H + 2G) D)
    qkv = stoa_reshape(ctx, qkv, STOA_SHAPE(n, stoa_cols(qkv)));
    stoa_tensor *y = stoa_attention_cached(ctx, qkv, sequence, position, cache, (int)o->heads,
                                           (int)o->kv_heads, (int)(o->width / o->heads),
                                           o->rope_base); // (n, N)
    y = stoa_reshape(ctx, y, STOA_SHAPE(1, n, o->width));
    stoa_tensor *a = stoa_linear_apply(ctx, &b->proj, y, compute);
    if (!b->norm2.weight)
        return a;
    stoa_tensor *sum;
    h = stoa_norm_residual(ctx, &b->norm2, x, a, compute, &sum);
    return stoa_add(ctx, a, second_half(ctx, b, h, NULL));
}

stoa_tensor *stoa_stream_settle(stoa_ctx *ctx, stoa_stream stream, stoa_tensor **coarse) {
    if (coarse)
        *coarse = NULL;
    if (coarse && stream.delta && stoa_ctx_compute(ctx) != stream.x->dtype)
        return stoa_add_rounded(ctx, stream.x, stream.delta, stoa_ctx_compute(ctx), coarse);
    return stream.delta ? stoa_add(ctx, stream.x, stream.delta) : stream.x;
}
