/*
 * train/explanation_heads.c - the networks that say what is said.
 *
 * Only rows at which something is told are worth computing: they are gathered to the front first,
 * unless all are. Gradients go through to the agent.
 */
#include <math.h>
#include <stdio.h>

#include "train/explanations.h"

enum { EMBEDDING = 32 }; /* of a word that the GRU has just said */

static const char *const names[] = {"objects", "choice", "text"};

/* ---- declaring ------------------------------------------------------------------------------- */

static stoa_tensor *param(stoa_params *params, const char *name, int ndim, const int64_t *shape,
                          double scale) {
    stoa_param *p = stoa_params_add(params, name, ndim, shape,
                                    scale > 0 ? STOA_INIT_NORMAL : STOA_INIT_ZERO, scale, ndim > 1);
    return p ? &p->tensor : NULL;
}

static stoa_linear_layer linear(stoa_params *params, stoa_expl_source source, const char *name,
                                int64_t in, int64_t out, double scale) {
    char prefix[64];
    snprintf(prefix, sizeof prefix, "explanations.%s.%s", names[source], name);
    return stoa_linear_new(params, prefix, in, out, true, scale / sqrt((double)in));
}

/* What joins the state with the choice: a hidden layer on both side by side. */
static int64_t declare_choice(stoa_expl_head *h, const stoa_objective_place *place, int64_t in,
                              int64_t width) {
    char name[STOA_ENV_NAME + 64];
    const double scale = sqrt(2.0 / (double)(in + 1));
    h->hidden = linear(place->params, STOA_EXPL_CHOICE, "hidden", in, width, sqrt(2.0));
    for (int a = 0; a < place->spec->action_count; a++) {
        const stoa_space *s = &place->spec->actions[a];
        snprintf(name, sizeof name, "explanations.choice.action.%s", s->name);
        h->actions[a] =
            param(place->params, name, STOA_SHAPE(stoa_space_numel(s) * s->categories, width),
                  sqrt((double)in) * scale);
    }
    return width;
}

static int64_t declare_gru(stoa_expl_head *h, stoa_params *params, int64_t in, int64_t width,
                           int64_t words) {
    const double across = 1 / sqrt((double)EMBEDDING), on = 1 / sqrt((double)width);
    h->hidden = linear(params, STOA_EXPL_TEXT, "begin", in, width, 1);
    h->words = param(params, "explanations.text.words", STOA_SHAPE(words, EMBEDDING), 1);
    h->gru[0] =
        param(params, "explanations.text.gru.weight_x", STOA_SHAPE(3 * width, EMBEDDING), across);
    h->gru[1] = param(params, "explanations.text.gru.weight_h", STOA_SHAPE(3 * width, width), on);
    h->gru[2] = param(params, "explanations.text.gru.bias_x", STOA_SHAPE(3 * width), 0);
    h->gru[3] = param(params, "explanations.text.gru.bias_h", STOA_SHAPE(3 * width), 0);
    return width;
}

void stoa_expl_head_declare(stoa_expl *e, stoa_expl_source source,
                            const stoa_objective_place *place) {
    const stoa_expl_config *c = e->config;
    const stoa_space *s = &place->spec->observations[e->space[source]];
    stoa_expl_head *h = &e->heads[source];
    int64_t in = stoa_agent_feature_width(place->agent), out = e->targets[source].elements;
    switch (source) {
    case STOA_EXPL_OBJECTS:
        in = stoa_agent_object_width(place->agent);
        out /= s->shape[0];
        break;
    case STOA_EXPL_CHOICE:
        in = declare_choice(h, place, in, c->width);
        break;
    default:
        if (c->decoder == STOA_EXPL_GRU) {
            in = declare_gru(h, place->params, in, c->width, s->categories);
            out = 1;
        }
    }
    h->out = linear(place->params, source, "out", in, out * s->categories, 1);
}

/* ---- running --------------------------------------------------------------------------------- */

/* The first T steps of x (T + 1, B, ...) as rows (T * B, N). */
static stoa_tensor *rows_of(const stoa_expl *e, stoa_ctx *ctx, stoa_tensor *x) {
    stoa_tensor *y = stoa_slice(ctx, x, 0, 0, e->steps);
    int64_t n = e->steps * e->batch;
    return stoa_reshape(ctx, y, STOA_SHAPE(n, stoa_numel(y) / n));
}

/* x (T * B, N) -> (C, N): the listed rows, then rows of zeros. */
static stoa_tensor *gather(stoa_ctx *ctx, const stoa_expl_targets *t, stoa_tensor *x) {
    if (t->told == t->rows)
        return x;
    int64_t laid = stoa_expl_targets_laid(t), n = x->shape[1];
    stoa_tensor *index = stoa_new(ctx, STOA_I32, STOA_SHAPE(1, laid));
    for (int64_t i = 0; stoa_ctx_status(ctx, NULL) == STOA_OK && i < laid; i++)
        ((int32_t *)index->data)[i] = i < t->told ? t->row[i] : -1;
    x = stoa_gather_rows(ctx, stoa_reshape(ctx, x, STOA_SHAPE(1, t->rows, n)), index);
    return stoa_reshape(ctx, x, STOA_SHAPE(laid, n));
}

stoa_tensor *stoa_expl_join(const stoa_expl *e, stoa_ctx *ctx, const void *const *actions,
                            stoa_tensor *x) {
    const stoa_expl_head *h = &e->heads[STOA_EXPL_CHOICE];
    stoa_dtype compute = stoa_ctx_compute(ctx);
    int64_t rows = x->shape[0];
    x = stoa_linear_apply(ctx, &h->hidden, x, compute);
    for (int a = 0; a < e->spec->action_count; a++) {
        int64_t n = stoa_space_numel(&e->spec->actions[a]);
        stoa_tensor *ids = stoa_from(ctx, STOA_I32, STOA_SHAPE(rows, n), actions[a]);
        x = stoa_embedding_sum(ctx, h->actions[a], ids, x, compute);
    }
    return stoa_relu(ctx, x);
}

stoa_tensor *stoa_expl_begin(const stoa_expl *e, stoa_ctx *ctx, stoa_tensor *x) {
    const stoa_expl_head *h = &e->heads[STOA_EXPL_TEXT];
    return stoa_tanh(ctx, stoa_linear_apply(ctx, &h->hidden, x, stoa_ctx_full(ctx)));
}

stoa_tensor *stoa_expl_hear(const stoa_expl *e, stoa_ctx *ctx, stoa_tensor *ids, stoa_tensor *state,
                            stoa_tensor **after) {
    const stoa_expl_head *h = &e->heads[STOA_EXPL_TEXT];
    stoa_tensor *words = stoa_embedding(ctx, h->words, ids, stoa_ctx_compute(ctx));
    return stoa_gru(ctx, words, h->gru[0], h->gru[1], h->gru[2], h->gru[3], state, NULL, after);
}

/* The words that the GRU hears, (L + 1, C): each one step late, 0 to begin with. */
static stoa_tensor *heard(stoa_ctx *ctx, const stoa_expl_targets *t, int64_t rows) {
    stoa_tensor *ids = stoa_zeros(ctx, STOA_I32, STOA_SHAPE(t->elements, rows));
    for (int64_t k = 1; stoa_ctx_status(ctx, NULL) == STOA_OK && k < t->elements; k++)
        for (int64_t i = 0; i < t->told; i++) {
            int32_t word = t->target[i * t->elements + k - 1];
            ((int32_t *)ids->data)[k * rows + i] = word > 0 ? word : 0;
        }
    return ids;
}

/* x (C, M) -> (C, L + 1, width) */
static stoa_tensor *speak(const stoa_expl *e, stoa_ctx *ctx, stoa_tensor *x) {
    const stoa_expl_targets *t = &e->targets[STOA_EXPL_TEXT];
    stoa_tensor *ids = heard(ctx, t, x->shape[0]);
    return stoa_transpose(ctx, stoa_expl_hear(e, ctx, ids, stoa_expl_begin(e, ctx, x), NULL), 0, 1);
}

/* The actions taken at the first T observations: rows 1 to T of the unroll. */
static void taken(const stoa_expl *e, const stoa_unroll *u, const void **out) {
    for (int a = 0; a < e->spec->action_count; a++)
        out[a] = (const int32_t *)u->actions[a] +
                 e->batch * stoa_space_numel(&e->spec->actions[a]); // (T, B, ...)
}

stoa_tensor *stoa_expl_head_apply(stoa_expl *e, stoa_expl_source source, stoa_ctx *ctx,
                                  const stoa_unroll *unroll, const stoa_agent_output *output) {
    const stoa_expl_head *h = &e->heads[source];
    const stoa_expl_targets *t = &e->targets[source];
    const stoa_space *s = &e->spec->observations[e->space[source]];
    const void *actions[STOA_ENV_SPACES];
    stoa_tensor *x;
    switch (source) {
    case STOA_EXPL_OBJECTS: /* (C, O * W) -> (C * O, W) */
        x = gather(ctx, t, rows_of(e, ctx, output->objects[e->objects]));
        x = stoa_reshape(ctx, x, STOA_SHAPE(x->shape[0] * s->shape[0], x->shape[1] / s->shape[0]));
        break;
    case STOA_EXPL_CHOICE:
        taken(e, unroll, actions);
        x = gather(ctx, t, stoa_expl_join(e, ctx, actions, rows_of(e, ctx, output->features)));
        break;
    default:
        x = gather(ctx, t, rows_of(e, ctx, output->features));
        if (e->config->decoder == STOA_EXPL_GRU)
            x = speak(e, ctx, x);
    }
    stoa_tensor *y = stoa_linear_apply(ctx, &h->out, x, stoa_ctx_full(ctx));
    return stoa_reshape(ctx, y, STOA_SHAPE(stoa_numel(y) / s->categories, s->categories));
}
