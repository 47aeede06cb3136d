/*
 * train/icl_trainer.c - training the classifier of in-context learning: one step, saving.
 *
 * The batch of step s is a pure function of (seed, s), so the trainer's whole state is weights, the
 * embedder's running averages, moments and a few counters: a resumed run continues bit for bit.
 */
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include <jansson.h>

#include "train/icl.h"

/* ---- construction ---------------------------------------------------------------------------- */

static stoa_status open_data(stoa_icl_trainer *t, stoa_error *err) {
    stoa_icl_settings *s = &t->settings;
    STOA_TRY(stoa_sequences_open(&t->data, &s->data, err));
    s->data = *stoa_sequences_options_of(t->data);
    int64_t shape[3] = {0};
    int ndim = stoa_sequences_shape(t->data, shape);
    for (int i = 0; i < 3; i++)
        s->model.item[i] = i < ndim ? shape[i] : 0;
    s->model.labels = stoa_sequences_labels(t->data);
    s->model.pairs = stoa_sequences_pairs(t->data);
    s->model.valued = stoa_sequences_valued(t->data);
    if (s->model.valued && s->interim > 0)
        return stoa_fail(err, STOA_ERR_USAGE,
                         "train.interim is for labels; numbers count alike wherever they are");
    return stoa_icl_options_check(&s->model, err);
}

/* Host memory of a batch, one block. */
static bool make_batch(stoa_icl_trainer *t) {
    const stoa_icl_settings *s = &t->settings;
    size_t b = (size_t)s->batch, pairs = (size_t)s->model.pairs;
    size_t items = b * (pairs + 1) * (size_t)stoa_sequences_item(t->data);
    size_t values = s->model.valued ? b * (pairs + 1) : 0;
    size_t ints = b * pairs + b + b * (pairs + 1) + 2 * b;
    t->block = stoa_alloc((items + values) * sizeof(float) + ints * sizeof(int32_t));
    t->wanted = stoa_alloc(b * (pairs + 1) * sizeof *t->wanted);
    if (stoa_icl_places(&s->model) > 0 && !(t->offsets = stoa_alloc(b * sizeof *t->offsets)))
        return false;
    if (!t->block || !t->wanted)
        return false;
    int32_t *at = (int32_t *)(void *)((float *)t->block + items + values);
    t->batch.items = t->block;
    t->batch.values = values ? t->batch.items + items : NULL;
    t->batch.labels = at;
    t->batch.target = at += b * pairs;
    t->batch.classes = at += b;
    t->batch.choices = at + b * (pairs + 1);
    return true;
}

/* Room for attention maps of the episodes that are measured. */
static bool make_circuit(stoa_icl_trainer *t) {
    const stoa_icl_options *o = &t->settings.model;
    if (!t->settings.circuit || !stoa_icl_attends(o) ||
        !stoa_sequences_has(t->data, STOA_SEQUENCES_ICL))
        return true;
    int64_t rows = t->settings.batch < STOA_ICL_CIRCUIT_EPISODES ? t->settings.batch
                                                                 : STOA_ICL_CIRCUIT_EPISODES;
    int64_t tokens = 2 * o->pairs + 1, heads = o->layers * o->heads;
    t->maps = stoa_alloc((size_t)(rows * heads * tokens * tokens) * sizeof *t->maps);
    t->circuit = stoa_alloc((size_t)(2 * heads) * sizeof *t->circuit);
    return t->maps && t->circuit;
}

static stoa_status build(stoa_icl_trainer *t, stoa_error *err) {
    const stoa_icl_settings *s = &t->settings;
    STOA_TRY(stoa_icl_new(&t->icl, &s->model, (uint64_t)s->seed, true, false, err));
    t->optimizer = stoa_optimizer_new(stoa_icl_params(t->icl), &s->optimizer, err);
    if (!t->optimizer)
        return err ? err->status : STOA_ERR_MEMORY;
    t->pool = stoa_pool_new((int)s->threads);
    t->ctx = stoa_ctx_new(stoa_backend_cpu(), t->pool, 0);
    t->eval_ctx = stoa_ctx_new(stoa_backend_cpu(), t->pool, 0);
    if (!t->pool || !t->ctx || !t->eval_ctx || !make_batch(t) || !make_circuit(t))
        return stoa_fail(
            err, STOA_ERR_MEMORY,
            "out of memory for a batch; use a smaller train.batch or fewer data.pairs");
    stoa_dtype compute = s->precision == STOA_PRECISION_BF16 ? STOA_BF16 : STOA_F32;
    stoa_ctx_set_compute(t->ctx, compute);
    stoa_ctx_set_compute(t->eval_ctx, compute);
    stoa_ctx_set_grad(t->ctx, true);
    stoa_ctx_set_training(t->ctx, true);
    t->best_icl = -1;
    t->evaluated_step = -1;
    return STOA_OK;
}

stoa_status stoa_icl_trainer_new(stoa_icl_trainer **out, const stoa_icl_settings *settings,
                                 stoa_error *err) {
    *out = NULL;
    stoa_icl_trainer *t = stoa_alloc(sizeof *t);
    if (!t)
        return stoa_fail(err, STOA_ERR_MEMORY, "out of memory for the trainer");
    t->settings = *settings;
    stoa_status status = open_data(t, err);
    if (status == STOA_OK)
        status = build(t, err);
    if (status != STOA_OK) {
        stoa_icl_trainer_free(t);
        return status;
    }
    *out = t;
    return STOA_OK;
}

void stoa_icl_trainer_free(stoa_icl_trainer *t) {
    if (!t)
        return;
    stoa_ctx_free(t->ctx);
    stoa_ctx_free(t->eval_ctx);
    stoa_optimizer_free(t->optimizer);
    stoa_icl_free(t->icl);
    stoa_pool_free(t->pool);
    stoa_sequences_close(t->data);
    stoa_free(t->block);
    stoa_free(t->wanted);
    stoa_free(t->offsets);
    stoa_icl_guesses_free(t);
    stoa_free(t->maps);
    stoa_free(t->circuit);
    stoa_free(t);
}

const stoa_icl_settings *stoa_icl_trainer_settings(const stoa_icl_trainer *t) {
    return &t->settings;
}

stoa_icl *stoa_icl_trainer_model(const stoa_icl_trainer *t) {
    return t->icl;
}

const stoa_sequences *stoa_icl_trainer_data(const stoa_icl_trainer *t) {
    return t->data;
}

int64_t stoa_icl_trainer_steps(const stoa_icl_trainer *t) {
    return t->step;
}

int stoa_icl_trainer_threads(const stoa_icl_trainer *t) {
    return stoa_pool_threads(t->pool);
}

/* ---- one step -------------------------------------------------------------------------------- */

stoa_icl_input stoa_icl_batch_input(stoa_icl_trainer *t, int kind, int64_t first, int64_t rows) {
    const int64_t places = stoa_icl_places(&t->settings.model);
    for (int64_t i = 0; i < rows && t->offsets; i++) {
        stoa_rng rng = stoa_rng_stream((uint64_t)t->settings.seed, "train/icl/offset",
                                       ((uint64_t)(kind + 1) << 56) + (uint64_t)(first + i));
        t->offsets[i] = (int32_t)stoa_rng_below(&rng, places);
    }
    return (stoa_icl_input){rows, t->batch.items, t->batch.labels, t->batch.values, t->offsets};
}

/* The loss at the query: logits (B, L). */
static stoa_tensor *query_loss(stoa_icl_trainer *t, stoa_tensor *logits) {
    stoa_tensor *target =
        stoa_from(t->ctx, STOA_I32, STOA_SHAPE(logits->shape[0]), t->batch.target);
    return stoa_mean(t->ctx, stoa_cross_entropy(t->ctx, logits, target), STOA_ALL);
}

/* With a share w for the context's items, as the released code has it: w of their mean and 1 - w of
 * the query's. logits (B, P + 1, L); *query receives the latter. */
static stoa_tensor *interim_loss(stoa_icl_trainer *t, stoa_tensor *logits, stoa_tensor **query) {
    int64_t b = logits->shape[0], pairs = logits->shape[1] - 1;
    for (int64_t i = 0; i < b; i++) {
        for (int64_t p = 0; p < pairs; p++)
            t->wanted[i * (pairs + 1) + p] = t->batch.labels[i * pairs + p];
        t->wanted[i * (pairs + 1) + pairs] = t->batch.target[i];
    }
    stoa_tensor *wanted = stoa_from(t->ctx, STOA_I32, STOA_SHAPE(b, pairs + 1), t->wanted);
    stoa_tensor *losses = stoa_cross_entropy(t->ctx, logits, wanted); // (B, P + 1)
    stoa_tensor *shown = stoa_mean(t->ctx, stoa_slice(t->ctx, losses, 1, 0, pairs), STOA_ALL);
    *query = stoa_mean(t->ctx, stoa_slice(t->ctx, losses, 1, pairs, pairs + 1), STOA_ALL);
    double w = t->settings.interim;
    return stoa_add(t->ctx, stoa_affine(t->ctx, *query, 1 - w, 0),
                    stoa_affine(t->ctx, shown, w, 0));
}

/* The mean square of what every number is missed by: out (B, P + 1, 1). */
static stoa_tensor *value_loss(stoa_icl_trainer *t, stoa_tensor *out) {
    stoa_tensor *wanted =
        stoa_from(t->ctx, STOA_F32, STOA_SHAPE(out->shape[0], out->shape[1], 1), t->batch.values);
    stoa_tensor *half = stoa_mean(t->ctx, stoa_squared_error(t->ctx, out, wanted), STOA_ALL);
    return stoa_affine(t->ctx, half, 2, 0);
}

/* Share of rows whose largest logit is the target's; rows `pitch` floats apart. */
static double accuracy_of(const float *logits, int64_t pitch, int64_t rows, int64_t labels,
                          const int32_t *target) {
    int64_t hits = 0;
    for (int64_t i = 0; i < rows; i++) {
        const float *row = logits + i * pitch;
        float best = row[target[i]];
        bool first = true;
        for (int64_t k = 0; k < labels; k++)
            first = first && (row[k] < best || k == target[i]);
        hits += first;
    }
    return (double)hits / (double)rows;
}

stoa_status stoa_icl_trainer_step(stoa_icl_trainer *t, stoa_icl_step *r, stoa_error *err) {
    const stoa_icl_settings *s = &t->settings;
    int64_t labels = s->model.labels, pairs = s->model.pairs;
    bool valued = s->model.valued, items = valued || s->interim > 0;
    *r = (stoa_icl_step){0};
    stoa_sequences_train(t->data, t->pool, t->step, s->batch, 0, s->batch, &t->batch);
    stoa_ctx_reset(t->ctx);
    stoa_icl_input in = stoa_icl_batch_input(t, -1, t->step * s->batch, s->batch);
    stoa_tensor *logits =
        stoa_icl_forward(t->ctx, t->icl, &in, items ? STOA_ICL_ITEMS : STOA_ICL_QUERY);
    stoa_tensor *query, *loss;
    if (valued)
        loss = query = value_loss(t, logits);
    else if (items)
        loss = interim_loss(t, logits, &query);
    else
        loss = query = query_loss(t, logits);
    stoa_backward(t->ctx, loss, NULL);
    STOA_TRY(stoa_ctx_status(t->ctx, err));
    const float *last = (const float *)logits->data + (items ? pairs * labels : 0);
    r->loss = stoa_get(query, 0);
    if (!valued)
        r->accuracy =
            accuracy_of(last, (items ? pairs + 1 : 1) * labels, s->batch, labels, t->batch.target);
    r->rate = s->rate * stoa_schedule((stoa_schedule_kind)s->schedule, t->step, s->steps, s->warmup,
                                      s->floor);
    if (!isfinite(r->loss))
        return stoa_fail(err, STOA_ERR_NUMERIC,
                         "step %" PRId64 ": the loss is not finite; lower train.rate or raise "
                         "train.warmup, and go on from the last checkpoint",
                         t->step);
    STOA_TRY(stoa_optimizer_step(t->optimizer, t->pool, r->rate, &r->grad_norm, err));
    t->step++;
    t->window.loss += r->loss;
    t->window.hits += r->accuracy;
    t->window.steps++;
    return STOA_OK;
}

/* ---- saving ---------------------------------------------------------------------------------- */

stoa_status stoa_icl_trainer_save(stoa_icl_trainer *t, const char *run_dir, bool best,
                                  stoa_error *err) {
    char folder[4096];
    if (!stoa_path_join(folder, sizeof folder, run_dir, "checkpoints"))
        return stoa_fail(err, STOA_ERR_USAGE, "%s: path too long", run_dir);
    stoa_checkpoint_info info = {.step = t->step};
    json_t *state = json_pack(
        "{s:f, s:I, s:I, s:f, s:f, s:I}", "best_icl", t->best_icl, "best_step",
        (json_int_t)t->best_step, "evaluated_step", (json_int_t)t->evaluated_step, "window_loss",
        t->window.loss, "window_hits", t->window.hits, "window_steps", (json_int_t)t->window.steps);
    char *text = state ? json_dumps(state, JSON_COMPACT | JSON_REAL_PRECISION(17)) : NULL;
    json_decref(state);
    if (!text)
        return stoa_fail(err, STOA_ERR_MEMORY, "out of memory for the checkpoint");
    snprintf(info.state, sizeof info.state, "%s", text);
    free(text);
    return stoa_checkpoint_save(folder, stoa_icl_params(t->icl), t->optimizer, &info,
                                (int)t->settings.keep, best, err);
}

stoa_status stoa_icl_trainer_load(stoa_icl_trainer *t, const char *run_dir, const char *which,
                                  stoa_error *err) {
    char folder[4096];
    if (!stoa_path_join(folder, sizeof folder, run_dir, "checkpoints"))
        return stoa_fail(err, STOA_ERR_USAGE, "%s: path too long", run_dir);
    stoa_checkpoint_info info;
    STOA_TRY(
        stoa_checkpoint_load(folder, which, stoa_icl_params(t->icl), t->optimizer, &info, err));
    json_error_t where;
    json_t *state = json_loads(info.state, JSON_REJECT_DUPLICATES, &where);
    stoa_icl_window window = {0};
    double best = 0;
    json_int_t best_step = 0, evaluated = 0, steps = 0;
    int bad =
        !state || json_unpack(state, "{s:F, s:I, s:I, s:F, s:F, s:I}", "best_icl", &best,
                              "best_step", &best_step, "evaluated_step", &evaluated, "window_loss",
                              &window.loss, "window_hits", &window.hits, "window_steps", &steps);
    json_decref(state);
    if (bad || steps < 0)
        return stoa_fail(err, STOA_ERR_FORMAT,
                         "%s: the checkpoint's state is not that of an in-context-learning run",
                         folder);
    window.steps = steps;
    t->step = info.step;
    t->best_icl = best;
    t->best_step = best_step;
    t->evaluated_step = evaluated;
    t->window = window;
    return STOA_OK;
}
