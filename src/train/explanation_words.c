/*
 * train/explanation_words.c - an agent speaks: the heads of the objective `explanations` used
 * freely, one step at a time.
 *
 * In training a head is asked only where something is told, and the GRU hears what it should have
 * said. Here it hears what it said.
 */
#include <string.h>

#include "train/explanations.h"

/* Most probable categories of logits (n, V). */
static void most_probable(const stoa_tensor *logits, int32_t *out) {
    int64_t n = logits->shape[0], words = logits->shape[1];
    for (int64_t i = 0; i < n; i++) {
        const float *row = (const float *)logits->data + i * words;
        int32_t best = 0;
        for (int32_t w = 1; w < words; w++)
            best = row[w] > row[best] ? w : best;
        out[i] = best;
    }
}

/* x (R, K) -> logits (R * elements, V) */
static stoa_tensor *logits_of(const stoa_expl *e, stoa_expl_source source, stoa_ctx *ctx,
                              stoa_tensor *x) {
    int64_t words = e->spec->observations[e->space[source]].categories;
    stoa_tensor *y = stoa_linear_apply(ctx, &e->heads[source].out, x, stoa_ctx_full(ctx));
    return stoa_reshape(ctx, y, STOA_SHAPE(stoa_numel(y) / words, words));
}

/* All elements at once; a text's rows have one more, its end, and what lies behind is dropped. */
static stoa_status say_at_once(const stoa_expl *e, stoa_expl_source source, stoa_ctx *ctx,
                               stoa_tensor *x, int64_t batch, int32_t *words, stoa_error *err) {
    int64_t n = stoa_space_numel(&e->spec->observations[e->space[source]]);
    stoa_tensor *logits = logits_of(e, source, ctx, x);
    STOA_TRY(stoa_ctx_status(ctx, err));
    int64_t elements = logits->shape[0] / batch;
    stoa_tensor *all = stoa_new(ctx, STOA_I32, STOA_SHAPE(batch, elements));
    STOA_TRY(stoa_ctx_status(ctx, err));
    most_probable(logits, all->data);
    for (int64_t b = 0; b < batch; b++) {
        const int32_t *row = (const int32_t *)all->data + b * elements;
        int64_t length = 0;
        while (length < n && (source != STOA_EXPL_TEXT || row[length] > 0))
            length++;
        memset(words + b * n, 0, (size_t)n * sizeof *words);
        memcpy(words + b * n, row, (size_t)length * sizeof *words);
    }
    return STOA_OK;
}

static stoa_status say_word_by_word(const stoa_expl *e, stoa_ctx *ctx, stoa_tensor *x,
                                    int64_t batch, int32_t *words, stoa_error *err) {
    int64_t n = stoa_space_numel(&e->spec->observations[e->space[STOA_EXPL_TEXT]]);
    stoa_tensor *state = stoa_expl_begin(e, ctx, x);
    stoa_tensor *last = stoa_zeros(ctx, STOA_I32, STOA_SHAPE(1, batch));
    memset(words, 0, (size_t)(batch * n) * sizeof *words);
    for (int64_t k = 0; k < n; k++) {
        stoa_tensor *y = stoa_expl_hear(e, ctx, last, state, &state);
        y = stoa_reshape(ctx, y, STOA_SHAPE(batch, stoa_cols(y)));
        stoa_tensor *logits = logits_of(e, STOA_EXPL_TEXT, ctx, y);
        last = stoa_new(ctx, STOA_I32, STOA_SHAPE(1, batch));
        STOA_TRY(stoa_ctx_status(ctx, err));
        most_probable(logits, last->data);
        for (int64_t b = 0; b < batch; b++)
            if (k == 0 || words[b * n + k - 1] > 0)
                words[b * n + k] = ((const int32_t *)last->data)[b];
    }
    return STOA_OK;
}

stoa_status stoa_expl_say(const stoa_expl *e, stoa_expl_source source, stoa_ctx *ctx,
                          const stoa_agent_output *output, const void *const *actions,
                          int32_t *words, stoa_error *err) {
    int64_t batch = output->features->shape[1], width = stoa_cols(output->features);
    stoa_tensor *x = source == STOA_EXPL_OBJECTS
                         ? output->objects[e->objects]
                         : stoa_reshape(ctx, output->features, STOA_SHAPE(batch, width));
    if (source == STOA_EXPL_OBJECTS)
        x = stoa_reshape(ctx, x, STOA_SHAPE(stoa_numel(x) / stoa_cols(x), stoa_cols(x)));
    if (source == STOA_EXPL_CHOICE)
        x = stoa_expl_join(e, ctx, actions, x);
    if (source == STOA_EXPL_TEXT && e->config->decoder == STOA_EXPL_GRU)
        return say_word_by_word(e, ctx, x, batch, words, err);
    return say_at_once(e, source, ctx, x, batch, words, err);
}
