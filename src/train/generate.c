/*
 * train/generate.c - continuing text with a trained model: prefill, then one token at a time
 * against the cache. Routed blocks are chosen by the cure from the first token on, so a prompt and
 * its continuation see the same caches as a token-by-token run.
 */
#include <assert.h>
#include <string.h>

#include "stoa/train.h"

typedef struct generation {
    stoa_ctx *ctx;
    const stoa_lm *lm;
    stoa_lm_cache cache;
    int64_t batch;
    int32_t *text;   /* (batch, room): everything so far */
    int64_t room;    /* tokens a row of text can hold */
    int64_t *length; /* (batch) tokens in text */
    int64_t *base;   /* (batch) first token of text that the cache's position 0 stands for */
    bool *done;      /* (batch) */
    int32_t *ids, *sequence, *position; /* rows of one call */
    void *work;
    stoa_rng *rng; /* (batch) */
} generation;

static void generation_deinit(generation *g) {
    stoa_lm_cache_deinit(&g->cache);
    stoa_free(g->text);
    stoa_free(g->length);
    stoa_free(g->base);
    stoa_free(g->done);
    stoa_free(g->ids);
    stoa_free(g->sequence);
    stoa_free(g->position);
    stoa_free(g->work);
    stoa_free(g->rng);
}

static stoa_status generation_init(generation *g, stoa_ctx *ctx, const stoa_lm *lm,
                                   const int32_t *prompt, int64_t n, const stoa_generate_options *o,
                                   stoa_error *err) {
    size_t batch = (size_t)o->batch, rows = batch * (size_t)lm->options.context;
    *g = (generation){.ctx = ctx, .lm = lm, .batch = o->batch, .room = n + o->tokens};
    double need = (double)batch * (double)g->room * sizeof *g->text;
    char text[32];
    if (need > stoa_memory_available())
        return stoa_fail(
            err, STOA_ERR_MEMORY, "%lld texts of %lld tokens need %s of memory; ask for fewer",
            (long long)o->batch, (long long)g->room, stoa_human_bytes(need, text, sizeof text));
    STOA_TRY(stoa_lm_cache_init(&g->cache, lm, stoa_ctx_compute(ctx), o->batch, lm->options.context,
                                err));
    g->text = stoa_alloc(batch * (size_t)g->room * sizeof *g->text);
    g->length = stoa_alloc(batch * sizeof *g->length);
    g->base = stoa_alloc(batch * sizeof *g->base);
    g->done = stoa_alloc(batch * sizeof *g->done);
    g->ids = stoa_alloc(rows * sizeof *g->ids);
    g->sequence = stoa_alloc(rows * sizeof *g->sequence);
    g->position = stoa_alloc(rows * sizeof *g->position);
    g->work = stoa_alloc((size_t)lm->options.vocab * 8);
    g->rng = stoa_alloc(batch * sizeof *g->rng);
    if (!g->text || !g->length || !g->base || !g->done || !g->ids || !g->sequence || !g->position ||
        !g->work || !g->rng)
        return stoa_fail(err, STOA_ERR_MEMORY, "out of memory for generation");
    for (int64_t b = 0; b < o->batch; b++) {
        memcpy(g->text + b * g->room, prompt, (size_t)n * sizeof *prompt);
        g->length[b] = n;
        g->base[b] = n > lm->options.context ? n - lm->options.context : 0;
        g->rng[b] = stoa_rng_stream(o->seed, "sample", (uint64_t)b);
    }
    return STOA_OK;
}

/* Decodes text[b][from..length) of every live sequence; logits of their last rows (m, V). */
static stoa_tensor *feed(generation *g, bool whole) {
    int64_t n = 0;
    for (int64_t b = 0; b < g->batch; b++) {
        if (g->done[b])
            continue;
        for (int64_t i = whole ? g->base[b] : g->length[b] - 1; i < g->length[b]; i++) {
            g->ids[n] = g->text[b * g->room + i];
            g->sequence[n] = (int32_t)b;
            g->position[n++] = (int32_t)(i - g->base[b]);
        }
    }
    stoa_ctx_reset(g->ctx);
    stoa_tensor *ids = stoa_from(g->ctx, STOA_I32, STOA_SHAPE(n), g->ids);
    stoa_tensor *sequence = stoa_from(g->ctx, STOA_I32, STOA_SHAPE(n), g->sequence);
    stoa_tensor *position = stoa_from(g->ctx, STOA_I32, STOA_SHAPE(n), g->position);
    return stoa_lm_decode(g->ctx, g->lm, &g->cache, ids, sequence, position, true);
}

/* All live sequences have the same length: when they fill the context, the oldest half goes. */
static bool slide(generation *g) {
    bool full = false;
    for (int64_t b = 0; b < g->batch; b++)
        full = full || (!g->done[b] && g->length[b] - g->base[b] > g->lm->options.context);
    if (!full)
        return false;
    for (int64_t b = 0; b < g->batch; b++)
        g->base[b] = g->length[b] - (g->lm->options.context + 1) / 2;
    stoa_lm_cache_clear(&g->cache);
    return true;
}

static bool choose(generation *g, const stoa_generate_options *o, stoa_tensor *logits,
                   stoa_generate_result *result) {
    int64_t row = 0, vocab = g->lm->options.vocab;
    bool live = false;
    for (int64_t b = 0; b < g->batch; b++) {
        if (g->done[b])
            continue;
        int32_t id = stoa_sample_token(&o->sampler, (float *)logits->data + row++ * vocab, vocab,
                                       &g->rng[b], g->work);
        g->text[b * g->room + g->length[b]++] = id;
        result->tokens++;
        if (o->token && !o->token(o->user, b, id))
            return false;
        g->done[b] = o->stop_at_end && id == o->end_of_text;
        live = live || !g->done[b];
    }
    return live;
}

static stoa_status generate(generation *g, const stoa_generate_options *o,
                            stoa_generate_result *result, stoa_error *err) {
    double start = stoa_clock();
    int64_t tokens = 0, taken = 0, chances = 0;
    for (int64_t made = 0; made < o->tokens && !stoa_stop_requested(); made++) {
        bool whole = made == 0 || slide(g);
        stoa_tensor *logits = feed(g, whole);
        STOA_TRY(stoa_ctx_status(g->ctx, err));
        tokens = g->cache.tokens;
        if (made == 0)
            result->prefill_seconds = stoa_clock() - start;
        if (!choose(g, o, logits, result))
            break;
    }
    for (int64_t i = 0; i < g->cache.layers; i++)
        if (g->lm->depth_routed[i]) {
            taken += g->cache.routed[i];
            chances += tokens;
        }
    result->seconds = stoa_clock() - start;
    result->cache_bytes = stoa_lm_cache_bytes(&g->cache);
    result->routed = chances ? (double)taken / (double)chances : 0;
    return STOA_OK;
}

stoa_status stoa_generate(stoa_ctx *ctx, const stoa_lm *lm, const int32_t *prompt, int64_t n,
                          const stoa_generate_options *o, stoa_generate_result *result,
                          stoa_error *err) {
    assert(n >= 1 && o->batch >= 1);
    *result = (stoa_generate_result){0};
    generation g;
    stoa_status status = generation_init(&g, ctx, lm, prompt, n, o, err);
    if (status == STOA_OK)
        status = generate(&g, o, result, err);
    generation_deinit(&g);
    return status;
}
