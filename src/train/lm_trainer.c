/*
 * train/lm_trainer.c - training a language model: one step, evaluation, saving.
 *
 * The batch of step s and its dropout are pure functions of (seed, s), so the trainer's whole state
 * is weights, moments and a few counters, and a resumed run continues bit for bit.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include <jansson.h>

#include "train/lm_trainer.h"

static stoa_status open_data(stoa_lm_trainer *t, stoa_error *err) {
    stoa_lm_settings *s = &t->settings;
    char builtin[4096], train[4096], valid[4096];
    STOA_TRY(stoa_lm_open_tokenizer(s->tokenizer, &t->tokenizer, err));
    s->model.vocab = stoa_tokenizer_vocab(t->tokenizer);
    const char *text = s->text;
    if (strcmp(text, "builtin") == 0) {
        STOA_TRY(stoa_builtin_text(builtin, sizeof builtin, err));
        text = builtin;
    }
    STOA_TRY(stoa_lm_prepare_text(t->tokenizer, text, train, sizeof train, err));
    const char *train_path = train, *valid_path = valid;
    stoa_corpus_options options = {.train = &train_path,
                                   .train_count = 1,
                                   .valid_fraction = s->valid_fraction,
                                   .tokenizer = t->tokenizer};
    if (s->valid_text[0]) {
        STOA_TRY(stoa_lm_prepare_text(t->tokenizer, s->valid_text, valid, sizeof valid, err));
        options.valid = &valid_path;
        options.valid_count = 1;
    }
    STOA_TRY(stoa_corpus_open(&t->corpus, &options, err));
    int64_t need = s->model.context + 1;
    if (stoa_corpus_tokens(t->corpus, STOA_SPLIT_TRAIN) < need ||
        stoa_corpus_tokens(t->corpus, STOA_SPLIT_VALID) < need)
        return stoa_fail(err, STOA_ERR_USAGE,
                         "%s: training has %" PRId64 " and validation %" PRId64
                         " tokens; both need more than model.context (%" PRId64
                         "). Use more text, a larger data.valid_fraction or a shorter context",
                         text, stoa_corpus_tokens(t->corpus, STOA_SPLIT_TRAIN),
                         stoa_corpus_tokens(t->corpus, STOA_SPLIT_VALID), s->model.context);
    return STOA_OK;
}

static stoa_status build(stoa_lm_trainer *t, stoa_error *err) {
    stoa_lm_settings *s = &t->settings;
    STOA_TRY(stoa_lm_options_check(&s->model, err));
    STOA_TRY(stoa_lm_plan_make(s, &t->plan, err));
    STOA_TRY(stoa_lm_plan_fits(&t->plan, err));
    STOA_TRY(stoa_lm_new(&t->lm, &s->model, (uint64_t)s->seed, true, false, err));
    t->optimizer = stoa_optimizer_new(t->lm->params, &s->optimizer, err);
    if (!t->optimizer)
        return err ? err->status : STOA_ERR_MEMORY;
    t->pool = stoa_pool_new((int)s->threads);
    size_t n = (size_t)(s->batch * s->model.context);
    t->inputs = stoa_alloc(n * sizeof *t->inputs);
    t->targets = stoa_alloc(n * sizeof *t->targets);
    t->ctx = stoa_ctx_new(stoa_backend_cpu(), t->pool, t->plan.activation_bytes);
    t->eval_ctx = stoa_ctx_new(stoa_backend_cpu(), t->pool, 0);
    if (!t->pool || !t->inputs || !t->targets || !t->ctx || !t->eval_ctx) {
        char need[32];
        return stoa_fail(err, STOA_ERR_MEMORY,
                         "out of memory: activations need %s; use a smaller train.batch or "
                         "model.context",
                         stoa_human_bytes((double)t->plan.activation_bytes, need, sizeof need));
    }
    stoa_dtype compute = s->precision == STOA_PRECISION_BF16 ? STOA_BF16 : STOA_F32;
    stoa_ctx_set_compute(t->ctx, compute);
    stoa_ctx_set_compute(t->eval_ctx, compute);
    stoa_ctx_set_grad(t->ctx, true);
    stoa_ctx_set_training(t->ctx, true);
    t->best_loss = HUGE_VAL;
    t->evaluated_step = -1;
    return STOA_OK;
}

stoa_status stoa_lm_trainer_new(stoa_lm_trainer **out, const stoa_lm_settings *settings,
                                stoa_error *err) {
    *out = NULL;
    stoa_lm_trainer *t = stoa_alloc(sizeof *t);
    if (!t)
        return stoa_fail(err, STOA_ERR_MEMORY, "out of memory for the trainer");
    t->settings = *settings;
    stoa_status status = open_data(t, err);
    if (status == STOA_OK)
        status = build(t, err);
    if (status != STOA_OK) {
        stoa_lm_trainer_free(t);
        return status;
    }
    *out = t;
    return STOA_OK;
}

void stoa_lm_trainer_free(stoa_lm_trainer *t) {
    if (!t)
        return;
    stoa_ctx_free(t->ctx);
    stoa_ctx_free(t->eval_ctx);
    stoa_optimizer_free(t->optimizer);
    stoa_lm_free(t->lm);
    stoa_pool_free(t->pool);
    stoa_corpus_close(t->corpus);
    stoa_tokenizer_free(t->tokenizer);
    stoa_free(t->inputs);
    stoa_free(t->targets);
    stoa_free(t);
}

/* How the routers behave, from the last micro-batch. */
static void routing_statistics(const stoa_lm_trainer *t, const stoa_lm_output *out,
                               stoa_lm_step *r) {
    const stoa_lm *lm = t->lm;
    int64_t tokens = t->settings.batch * t->settings.model.context, blocks = 0, never = 0;
    double sum = 0, most = 0;
    for (int64_t i = 0; i < lm->options.layers; i++) {
        if (!lm->depth_routed[i])
            continue;
        blocks++;
        const float *scores = out->routes[i].scores->data;
        for (int64_t j = 0; j < tokens; j++) {
            double size = fabs((double)scores[j]);
            sum += size;
            most = size > most ? size : most;
        }
    }
    for (int64_t j = 0; blocks && j < tokens; j++) {
        bool taken = false;
        for (int64_t i = 0; i < lm->options.layers && !taken; i++)
            taken = lm->depth_routed[i] && ((float *)out->routes[i].member->data)[j] > 0;
        never += !taken;
    }
    if (!blocks)
        return;
    r->score_mean = sum / (double)(blocks * tokens);
    r->score_max = most;
    r->never_routed = (double)never / (double)tokens;
}

stoa_status stoa_lm_trainer_step(stoa_lm_trainer *t, stoa_lm_step *r, stoa_error *err) {
    const stoa_lm_settings *s = &t->settings;
    stoa_window_plan windows = {.split = STOA_SPLIT_TRAIN,
                                .order = (stoa_window_order)s->order,
                                .seed = (uint64_t)s->seed,
                                .batch = s->batch * s->accumulate,
                                .window = s->model.context};
    *r = (stoa_lm_step){0};
    double share = 1.0 / (double)s->accumulate;
    for (int64_t a = 0; a < s->accumulate; a++) {
        STOA_TRY(stoa_corpus_batch(t->corpus, &windows, t->step, a * s->batch, s->batch, t->inputs,
                                   t->targets, err));
        stoa_ctx_reset(t->ctx);
        stoa_ctx_set_seed(t->ctx, (uint64_t)s->seed, (uint64_t)(t->step * s->accumulate + a));
        stoa_lm_output out;
        stoa_lm_micro_step(t->ctx, t->lm, s, t->inputs, t->targets, share, &out);
        STOA_TRY(stoa_ctx_status(t->ctx, err));
        r->loss += share * stoa_get(out.loss, 0);
        if (out.router_loss)
            r->router_loss += share * stoa_get(out.router_loss, 0);
        if (out.balance_loss)
            r->balance_loss += share * stoa_get(out.balance_loss, 0);
        if (a == s->accumulate - 1)
            routing_statistics(t, &out, r);
    }
    r->rate = s->rate * stoa_schedule((stoa_schedule_kind)s->schedule, t->step, t->plan.steps,
                                      s->warmup, s->floor);
    if (!isfinite(r->loss))
        return stoa_fail(err, STOA_ERR_NUMERIC,
                         "step %" PRId64 ": the loss is not finite; lower train.rate or raise "
                         "train.warmup, and go on from the last checkpoint",
                         t->step);
    STOA_TRY(stoa_optimizer_step(t->optimizer, t->pool, r->rate, &r->grad_norm, err));
    t->step++;
    return STOA_OK;
}

/* Sums over evaluation batches. */
typedef struct tally {
    double loss_causal, loss_top_k;
    int64_t tokens;
    int64_t hits, misses, false_alarms, rejections; /* of the cure against the top k */
    int64_t routed, routable;                       /* in the causal pass */
} tally;

static void count_cure(const stoa_lm *lm, const stoa_lm_output *out, tally *sum) {
    for (int64_t i = 0; i < lm->options.layers; i++) {
        if (!lm->depth_routed[i])
            continue;
        const stoa_route *route = &out->routes[i];
        int64_t n = stoa_numel(route->logits);
        for (int64_t j = 0; j < n; j++) {
            bool said = ((float *)route->logits->data)[j] > 0;
            bool is = ((float *)route->member->data)[j] > 0;
            sum->hits += said && is;
            sum->misses += !said && is;
            sum->false_alarms += said && !is;
            sum->rejections += !said && !is;
        }
    }
}

static void count_routed(const stoa_lm *lm, const stoa_lm_output *out, tally *sum) {
    for (int64_t i = 0; i < lm->options.layers; i++) {
        if (!lm->depth_routed[i])
            continue;
        const stoa_tensor *index = out->routes[i].index;
        for (int64_t j = 0; j < stoa_numel(index); j++)
            sum->routed += ((int32_t *)index->data)[j] >= 0;
        sum->routable += stoa_numel(out->routes[i].logits);
    }
}

static double sum_of(const stoa_tensor *losses) {
    double sum = 0;
    for (int64_t i = 0; i < stoa_numel(losses); i++)
        sum += (double)((const float *)losses->data)[i];
    return sum;
}

static stoa_status evaluate_batch(stoa_lm_trainer *t, int64_t rows, tally *sum, stoa_error *err) {
    int64_t length = t->settings.model.context;
    const stoa_lm *lm = t->lm;
    bool routed = false;
    for (int64_t i = 0; i < lm->options.layers; i++)
        routed = routed || lm->depth_routed[i];
    for (int pass = 0; pass < (routed ? 2 : 1); pass++) {
        stoa_route_by by = pass == 0 ? STOA_ROUTE_CAUSAL : STOA_ROUTE_TOP_K;
        stoa_ctx_reset(t->eval_ctx);
        stoa_tensor *ids = stoa_from(t->eval_ctx, STOA_I32, STOA_SHAPE(rows, length), t->inputs);
        stoa_tensor *wanted =
            stoa_from(t->eval_ctx, STOA_I32, STOA_SHAPE(rows, length), t->targets);
        stoa_lm_output out;
        stoa_lm_forward(t->eval_ctx, lm, ids, wanted, by, &out);
        STOA_TRY(stoa_ctx_status(t->eval_ctx, err));
        double loss = sum_of(out.losses);
        if (by == STOA_ROUTE_CAUSAL) {
            sum->loss_causal += loss;
            sum->tokens += rows * length;
            count_routed(lm, &out, sum);
        } else {
            sum->loss_top_k += loss;
            count_cure(lm, &out, sum);
        }
    }
    if (!routed)
        sum->loss_top_k = sum->loss_causal;
    return STOA_OK;
}

static double ratio(int64_t part, int64_t whole) {
    return whole ? (double)part / (double)whole : 0;
}

stoa_status stoa_lm_trainer_evaluate(stoa_lm_trainer *t, int64_t tokens, stoa_lm_eval *r,
                                     stoa_error *err) {
    return stoa_lm_trainer_evaluate_on(t, t->corpus, STOA_SPLIT_VALID, tokens, r, err);
}

stoa_status stoa_lm_trainer_evaluate_on(stoa_lm_trainer *t, const stoa_corpus *corpus,
                                        stoa_split split, int64_t tokens, stoa_lm_eval *r,
                                        stoa_error *err) {
    const stoa_lm_settings *s = &t->settings;
    int64_t length = s->model.context;
    int64_t windows = stoa_corpus_eval_windows(corpus, split, length, tokens);
    tally sum = {0};
    stoa_ctx_set_seed(t->eval_ctx, (uint64_t)s->seed, 0);
    for (int64_t first = 0; first < windows; first += s->batch) {
        if (stoa_stop_requested())
            return stoa_fail(err, STOA_ERR_INTERRUPTED, "the evaluation was stopped");
        int64_t rows = windows - first < s->batch ? windows - first : s->batch;
        STOA_TRY(stoa_corpus_eval_batch(corpus, split, length, windows, first, rows, t->inputs,
                                        t->targets, err));
        STOA_TRY(evaluate_batch(t, rows, &sum, err));
    }
    int64_t judged = sum.hits + sum.misses + sum.false_alarms + sum.rejections;
    *r = (stoa_lm_eval){
        .loss_causal = sum.loss_causal / (double)sum.tokens,
        .loss_top_k = sum.loss_top_k / (double)sum.tokens,
        .accuracy = ratio(sum.hits + sum.rejections, judged),
        .precision = ratio(sum.hits, sum.hits + sum.false_alarms),
        .recall = ratio(sum.hits, sum.hits + sum.misses),
        .routed = ratio(sum.routed, sum.routable),
        .tokens = sum.tokens,
    };
    return STOA_OK;
}

stoa_status stoa_lm_trainer_save(stoa_lm_trainer *t, const char *run_dir, bool best,
                                 stoa_error *err) {
    char folder[4096];
    if (!stoa_path_join(folder, sizeof folder, run_dir, "checkpoints"))
        return stoa_fail(err, STOA_ERR_USAGE, "%s: path too long", run_dir);
    stoa_checkpoint_info info = {.step = t->step};
    json_t *state = json_pack(
        "{s:f, s:I, s:I, s:I}", "best_loss", isfinite(t->best_loss) ? t->best_loss : 1e300,
        "best_step", (json_int_t)t->best_step, "evals_without_gain",
        (json_int_t)t->evals_without_gain, "evaluated_step", (json_int_t)t->evaluated_step);
    char *text = state ? json_dumps(state, JSON_COMPACT | JSON_REAL_PRECISION(17)) : NULL;
    json_decref(state);
    if (!text)
        return stoa_fail(err, STOA_ERR_MEMORY, "out of memory for the checkpoint");
    snprintf(info.state, sizeof info.state, "%s", text);
    free(text);
    return stoa_checkpoint_save(folder, t->lm->params, t->optimizer, &info, (int)t->settings.keep,
                                best, err);
}

stoa_status stoa_lm_trainer_load(stoa_lm_trainer *t, const char *run_dir, const char *which,
                                 stoa_error *err) {
    char folder[4096];
    if (!stoa_path_join(folder, sizeof folder, run_dir, "checkpoints"))
        return stoa_fail(err, STOA_ERR_USAGE, "%s: path too long", run_dir);
    stoa_checkpoint_info info;
    STOA_TRY(stoa_checkpoint_load(folder, which, t->lm->params, t->optimizer, &info, err));
    json_error_t where;
    json_t *state = json_loads(info.state, JSON_REJECT_DUPLICATES, &where);
    double best = 0;
    json_int_t best_step = 0, without = 0, evaluated = info.step;
    int bad = !state ||
              json_unpack(state, "{s:F, s:I, s:I, s?I}", "best_loss", &best, "best_step",
                          &best_step, "evals_without_gain", &without, "evaluated_step", &evaluated);
    json_decref(state);
    if (bad)
        return stoa_fail(err, STOA_ERR_FORMAT,
                         "%s: the checkpoint's state is not a language-model trainer's", folder);
    t->step = info.step;
    t->best_loss = best >= 1e300 ? HUGE_VAL : best;
    t->best_step = best_step;
    t->evals_without_gain = without;
    t->evaluated_step = evaluated;
    return STOA_OK;
}
