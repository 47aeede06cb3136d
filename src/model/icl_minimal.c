/*
 * model/icl_minimal.c - the least model in which in-context learning comes abruptly (Reddy 2023,
 * arXiv 2312.03002): layers of one attention head each, without norms, biases or output maps, then
 * a net of three ReLU layers on the query token.
 *
 * Nothing is embedded. A token is an item's D numbers, or a label's fixed ones, and beside them its
 * position as one of N - D; where a sequence begins among the positions is drawn for each anew, so
 * only distances can be learned. As in icl_transformer.c, the last layer runs for the query alone:
 * its head's query meets the tokens themselves.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "model/icl.h"

enum { T_OF_PAIR = 2, WIDTH_MOST = 8192 };

int64_t stoa_icl_places(const stoa_icl_options *o) {
    return o->core == STOA_ICL_MINIMAL ? o->width - o->item[0] - T_OF_PAIR * o->pairs : 0;
}

stoa_status stoa_icl_minimal_check(const stoa_icl_options *o, stoa_error *err) {
    if (o->item[1] > 0 || o->valued || o->embedder != STOA_ICL_LINEAR)
        return stoa_fail(err, STOA_ERR_USAGE,
                         "model.core: minimal reads plain numbers with labels: data.source: "
                         "gaussian or compounds, model.embedder: linear");
    if (stoa_icl_places(o) < 1)
        return stoa_fail(
            err, STOA_ERR_USAGE,
            "model.core: minimal has its %lld positions beside an item's %lld numbers; "
            "model.width must be at least %lld",
            (long long)(T_OF_PAIR * o->pairs + 1), (long long)o->item[0],
            (long long)(o->item[0] + T_OF_PAIR * o->pairs + 1));
    if (o->width > WIDTH_MOST)
        return stoa_fail(err, STOA_ERR_USAGE,
                         "model.width is %lld; the minimal core has at most %d",
                         (long long)o->width, WIDTH_MOST);
    if (o->heads != 1 || o->final_norm || o->capacity < 1)
        return stoa_fail(err, STOA_ERR_USAGE,
                         "model.core: minimal has one head a layer, no norms and no routing: "
                         "model.heads: 1, model.final_norm: false, model.capacity: 1");
    return STOA_OK;
}

static stoa_tensor *tensor_of(stoa_param *p) {
    return p ? &p->tensor : NULL;
}

void stoa_icl_minimal_declare(stoa_icl *icl) {
    const stoa_icl_options *o = &icl->options;
    char prefix[32];
    stoa_param *label =
        stoa_icl_weight(icl, "label", "weight", STOA_SHAPE(o->labels, o->item[0]), 1);
    if (label)
        label->trained = false;
    icl->label = tensor_of(label);
    for (int64_t i = 0; i < o->layers; i++) {
        stoa_icl_head *h = &icl->heads[i];
        snprintf(prefix, sizeof prefix, "heads.%d", (int)i);
        const int64_t shape[] = {o->width, o->width};
        h->q = tensor_of(stoa_icl_weight(icl, prefix, "q", 2, shape, STOA_ICL_HEAD_GAIN));
        h->k = tensor_of(stoa_icl_weight(icl, prefix, "k", 2, shape, STOA_ICL_HEAD_GAIN));
        h->v = tensor_of(stoa_icl_weight(icl, prefix, "v", 2, shape, STOA_ICL_HEAD_GAIN));
    }
    for (int i = 0; i < STOA_ICL_NET; i++) {
        snprintf(prefix, sizeof prefix, "net.%d", i);
        icl->net[i] = stoa_linear_new(icl->params, prefix, o->width, o->width, true, sqrt(2));
    }
}

/* ---- running --------------------------------------------------------------------------------- */

/* Token t of a sequence into out (N), which is zero. */
static void write_token(const stoa_icl *icl, const stoa_icl_input *in, int64_t b, int64_t t,
                        float *out) {
    const stoa_icl_options *o = &icl->options;
    int64_t pairs = o->pairs, pair = t / T_OF_PAIR, d = o->item[0];
    if (t % T_OF_PAIR == 0)
        memcpy(out, in->items + (b * (pairs + 1) + pair) * d, (size_t)d * sizeof *out);
    else
        for (int64_t i = 0; i < d; i++)
            out[i] = (float)stoa_get(icl->label, in->labels[b * pairs + pair] * d + i);
    out[d + (in->offsets ? in->offsets[b] : 0) + t] = 1;
}

stoa_tensor *stoa_icl_minimal_tokens(stoa_ctx *ctx, const stoa_icl *icl, const stoa_icl_input *in) {
    const stoa_icl_options *o = &icl->options;
    int64_t tokens = T_OF_PAIR * o->pairs + 1, n = o->width;
    stoa_tensor *x = stoa_new(ctx, stoa_ctx_full(ctx), STOA_SHAPE(in->batch, tokens, n));
    if (!stoa_ctx_computes(ctx) || !x->data)
        return stoa_cast(ctx, x, stoa_ctx_compute(ctx));
    float *row = x->dtype == STOA_F32 ? x->data : NULL, wide[WIDTH_MOST];
    for (int64_t i = 0; i < in->batch * tokens; i++) {
        float *out = row ? row + i * n : wide;
        memset(out, 0, (size_t)n * sizeof *out);
        write_token(icl, in, i / tokens, i % tokens, out);
        for (int64_t k = 0; !row && k < n; k++) /* the reference's numbers are wider */
            stoa_set(x, i * n + k, (double)out[k]);
    }
    return stoa_cast(ctx, x, stoa_ctx_compute(ctx));
}

static const stoa_attention_options *head_options(const stoa_icl *icl, bool causal,
                                                  stoa_attention_options *out) {
    *out = (stoa_attention_options){.heads = 1,
                                    .kv_heads = 1,
                                    .head_width = (int)icl->options.width,
                                    .causal = causal,
                                    .scale = 1};
    return out;
}

/* What all tokens take: x, (B, T, N). */
static stoa_tensor *attend_all(stoa_ctx *ctx, const stoa_icl *icl, const stoa_icl_head *h,
                               stoa_tensor *x, float *map) {
    stoa_attention_options how;
    stoa_dtype compute = stoa_ctx_compute(ctx);
    stoa_tensor *q = stoa_linear(ctx, x, h->q, NULL, compute);
    stoa_tensor *k = stoa_linear(ctx, x, h->k, NULL, compute);
    stoa_tensor *v = stoa_linear(ctx, x, h->v, NULL, compute);
    if (map) /* maps are made with scores over the root of the width */
        stoa_icl_map(icl, stoa_affine(ctx, q, sqrt((double)icl->options.width), 0), 0, k, 0, NULL,
                     map);
    return stoa_attention(ctx, q, k, v, head_options(icl, true, &how));
}

/* What the query takes: (B, 1, N). */
static stoa_tensor *attend_query(stoa_ctx *ctx, const stoa_icl *icl, const stoa_icl_head *h,
                                 stoa_tensor *x, stoa_tensor *query) {
    stoa_attention_options how;
    stoa_dtype compute = stoa_ctx_compute(ctx);
    int64_t b = query->shape[0], n = icl->options.width;
    stoa_tensor *q = stoa_linear(ctx, query, h->q, NULL, compute); // (B, 1, N)
    q = stoa_matmul(ctx, stoa_reshape(ctx, q, STOA_SHAPE(b, n)), false,
                    stoa_cast(ctx, h->k, compute), false, 1);
    stoa_tensor *taken = stoa_attention(ctx, stoa_reshape(ctx, q, STOA_SHAPE(b, 1, n)), x, x,
                                        head_options(icl, false, &how));
    return stoa_linear(ctx, taken, h->v, NULL, compute);
}

stoa_stream stoa_icl_minimal(stoa_ctx *ctx, const stoa_icl *icl, stoa_tensor *x,
                             stoa_icl_where where, float *maps) {
    const stoa_icl_options *o = &icl->options;
    stoa_dtype compute = stoa_ctx_compute(ctx);
    int64_t tokens = x->shape[1], map_size = x->shape[0] * tokens * tokens;
    for (int64_t i = 0; i < o->layers; i++) {
        const stoa_icl_head *h = &icl->heads[i];
        if (i == o->layers - 1 && where == STOA_ICL_QUERY) {
            stoa_tensor *query = stoa_slice(ctx, x, 1, tokens - 1, tokens);
            x = stoa_add(ctx, query, attend_query(ctx, icl, h, x, query));
            break;
        }
        x = stoa_add(ctx, x, attend_all(ctx, icl, h, x, maps ? maps + i * map_size : NULL));
    }
    if (where == STOA_ICL_QUERY_FULL)
        x = stoa_slice(ctx, x, 1, tokens - 1, tokens);
    for (int i = 0; i < STOA_ICL_NET; i++)
        x = stoa_relu(ctx, stoa_linear_apply(ctx, &icl->net[i], x, compute));
    return (stoa_stream){.x = x};
}
