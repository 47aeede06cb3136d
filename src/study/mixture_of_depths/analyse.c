/*
 * study/mixture_of_depths/analyse.c - looking into a trained routed model: which tokens each block
 * took, how large the router's weights are, whether blocks engage where the output is uncertain.
 * Routing is causal here: what the model does when it is used.
 */
#include <math.h>
#include <string.h>

#include "study/mixture_of_depths/mod.h"

enum { ROWS = 32 };
static const double score_range = 6; /* router weights beyond +-6 are counted in the end bins */

double stoa_mod_entropy(const double *logits, int64_t n) {
    double most = -HUGE_VAL, sum = 0, weighted = 0;
    for (int64_t i = 0; i < n; i++)
        most = fmax(most, logits[i]);
    for (int64_t i = 0; i < n; i++) {
        double x = logits[i] - most, e = exp(x);
        sum += e;
        weighted += x * e;
    }
    return log(sum) - weighted / sum;
}

static void count_score(stoa_mod_routing *out, double score) {
    double at = (score + score_range) / (2 * score_range) * MOD_BINS;
    int64_t bin = at < 0 ? 0 : at >= MOD_BINS ? MOD_BINS - 1 : (int64_t)at;
    out->bins[bin]++;
}

/* The paper: tokens that engage with more routed blocks tend to have output predictions of higher
 * entropy. So for every token: how many routed blocks took it, and the entropy of the distribution
 * that the model puts on the next one, in ranks. */
static stoa_status correlate(const stoa_tensor *logits, const double *engaged, int64_t n,
                             int64_t vocab, double *correlation, stoa_error *err) {
    double *uncertain = stoa_alloc((size_t)n * sizeof *uncertain);
    double *row = stoa_alloc((size_t)vocab * sizeof *row);
    stoa_interval found;
    stoa_status status =
        uncertain && row ? STOA_OK : stoa_fail(err, STOA_ERR_MEMORY, "out of memory");
    for (int64_t i = 0; status == STOA_OK && i < n; i++) {
        for (int64_t v = 0; v < vocab; v++)
            row[v] = stoa_get(logits, i * vocab + v);
        uncertain[i] = stoa_mod_entropy(row, vocab);
    }
    if (status == STOA_OK)
        status = stoa_stat_spearman(engaged, uncertain, n, 0.95, &found, err);
    if (status == STOA_OK)
        *correlation = found.value;
    stoa_free(uncertain);
    stoa_free(row);
    return status;
}

/* From one forward pass over ROWS windows. */
static stoa_status read_routes(const stoa_lm *lm, const stoa_lm_output *pass, int64_t length,
                               stoa_mod_routing *out, stoa_error *err) {
    int64_t n = ROWS * length, vocab = lm->options.vocab;
    double *engaged = stoa_alloc((size_t)n * sizeof *engaged);
    stoa_status status = engaged ? STOA_OK : stoa_fail(err, STOA_ERR_MEMORY, "out of memory");
    for (int64_t l = 0; status == STOA_OK && l < lm->options.layers; l++) {
        if (!lm->depth_routed[l])
            continue;
        const stoa_tensor *index = pass->routes[l].index; // (ROWS, C), -1 padded
        for (int64_t i = 0; i < stoa_numel(index); i++) {
            int64_t at = (int64_t)stoa_get(index, i), row = i / index->shape[1];
            if (at < 0)
                continue;
            engaged[row * length + at] += 1;
            if (row == 0 && at < MOD_HEAT)
                out->routed[out->blocks][at] = 1;
        }
        for (int64_t i = 0; i < n; i++)
            count_score(out, stoa_get(pass->routes[l].scores, i));
        out->blocks++;
    }
    for (int64_t i = 0; status == STOA_OK && i < out->length; i++)
        out->engaged[i] = engaged[i];
    if (status == STOA_OK)
        status = correlate(pass->logits, engaged, n, vocab, &out->entropy_correlation, err);
    stoa_free(engaged);
    return status;
}

typedef struct writer {
    char *text;
    int64_t length;
} writer;

static bool on_token(void *user, int64_t sequence, int32_t id) {
    writer *w = user;
    (void)sequence;
    if (w->length < MOD_SAMPLE)
        w->text[w->length++] = (char)id;
    return w->length < MOD_SAMPLE;
}

/* Windows of the test text: (ROWS, length) bytes. */
static stoa_status test_windows(const stoa_mod_study *study, int64_t length, int32_t *ids,
                                stoa_error *err) {
    const char *path = study->test.path;
    stoa_corpus *corpus;
    stoa_corpus_options options = {.train = &path, .train_count = 1};
    STOA_TRY(stoa_corpus_open(&corpus, &options, err));
    int32_t *targets = stoa_alloc((size_t)(ROWS * length) * sizeof *targets);
    int64_t count =
        stoa_corpus_eval_windows(corpus, STOA_SPLIT_TRAIN, length, study->settings.eval_tokens);
    stoa_status status =
        !targets       ? stoa_fail(err, STOA_ERR_MEMORY, "out of memory")
        : count < ROWS ? stoa_fail(err, STOA_ERR_USAGE,
                                   "%s: the test text is shorter than %d windows", path, ROWS)
                       : stoa_corpus_eval_batch(corpus, STOA_SPLIT_TRAIN, length, count,
                                                count / 2 - ROWS / 2, ROWS, ids, targets, err);
    stoa_free(targets);
    stoa_corpus_close(corpus);
    return status;
}

/* Bytes of the cache after a full context of held-out text, over those of a dense model. */
static stoa_status measure_cache(const stoa_lm *lm, stoa_ctx *ctx, const int32_t *ids,
                                 int64_t length, double *ratio, stoa_error *err) {
    const stoa_lm_options *o = &lm->options;
    stoa_generate_result made;
    stoa_generate_options how = {.batch = 1, .tokens = 1, .sampler = {.top_p = 1}};
    STOA_TRY(stoa_generate(ctx, lm, ids, length, &how, &made, err));
    int64_t row = o->kv_heads * (o->width / o->heads);
    double dense =
        (double)(o->layers * length * 2 * row) * (double)stoa_dtype_size(stoa_ctx_compute(ctx));
    *ratio = (double)made.cache_bytes / dense;
    return STOA_OK;
}

static stoa_status analyse(stoa_mod_study *study, const stoa_lm_bundle *bundle, stoa_ctx *ctx,
                           int32_t *ids, stoa_mod_routing *out, stoa_error *err) {
    int64_t length = study->settings.context;
    stoa_lm_output pass;
    STOA_TRY(test_windows(study, length, ids, err));
    out->length = length < MOD_HEAT ? length : MOD_HEAT;
    for (int64_t i = 0; i < out->length; i++)
        out->text[i] = (char)ids[i];
    stoa_ctx_set_compute(ctx,
                         bundle->settings.precision == STOA_PRECISION_BF16 ? STOA_BF16 : STOA_F32);
    stoa_tensor *in = stoa_from(ctx, STOA_I32, STOA_SHAPE(ROWS, length), ids);
    stoa_lm_forward(ctx, bundle->lm, in, NULL, STOA_ROUTE_CAUSAL, &pass);
    STOA_TRY(stoa_ctx_status(ctx, err));
    out->score_least = -score_range;
    out->score_most = score_range;
    STOA_TRY(read_routes(bundle->lm, &pass, length, out, err));
    STOA_TRY(measure_cache(bundle->lm, ctx, ids, length, &out->cache_ratio, err));
    writer w = {.text = out->sample};
    stoa_generate_result made;
    stoa_generate_options how = {.batch = 1,
                                 .tokens = MOD_SAMPLE,
                                 .seed = 1,
                                 .sampler = {.temperature = 0.8, .top_p = 1},
                                 .token = on_token,
                                 .user = &w};
    return stoa_generate(ctx, bundle->lm, ids, length / 2, &how, &made, err);
}

stoa_status stoa_mod_analyse(stoa_mod_study *study, const stoa_mod_point *point,
                             stoa_mod_routing *out, stoa_error *err) {
    char dir[4096];
    stoa_lm_bundle bundle;
    *out = (stoa_mod_routing){0};
    if (!stoa_mod_run_dir(study, point, dir, sizeof dir))
        return stoa_fail(err, STOA_ERR_USAGE, "%s: path too long", study->options->out);
    STOA_TRY(stoa_lm_bundle_open(&bundle, dir, "latest", err));
    stoa_pool *pool = stoa_pool_new(study->options->threads);
    stoa_ctx *ctx = stoa_ctx_new(stoa_backend_cpu(), pool, 0);
    int32_t *ids = stoa_alloc((size_t)(ROWS * study->settings.context) * sizeof *ids);
    stoa_status status = ctx && ids ? analyse(study, &bundle, ctx, ids, out, err)
                                    : stoa_fail(err, STOA_ERR_MEMORY, "out of memory");
    stoa_free(ids);
    stoa_ctx_free(ctx);
    stoa_pool_free(pool);
    stoa_lm_bundle_close(&bundle);
    return status;
}
