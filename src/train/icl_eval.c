/*
 * train/icl_eval.c - evaluating the classifier of in-context learning: each kind of test sequences,
 * open and closed, and the heads of an induction circuit.
 *
 * Open: the best of all labels. Closed: the better of the episode's two, which is the paper's
 * figure. An in-weights answer is right when it is any label of the query's class.
 */
#include <math.h>

#include "train/icl.h"

typedef struct tally {
    int64_t rows, open, closed, choices, context;
    double loss;
} tally;

static bool by_weights(int kind) {
    return kind == STOA_SEQUENCES_IWL || kind == STOA_SEQUENCES_IWL_COMMON ||
           kind == STOA_SEQUENCES_IWL_RARE;
}

static int64_t best_of(const float *x, int64_t n) {
    int64_t best = 0;
    for (int64_t i = 1; i < n; i++)
        if (x[i] > x[best])
            best = i;
    return best;
}

/* -log softmax(x)[target] */
static double nats(const float *x, int64_t n, int64_t target) {
    double top = (double)x[best_of(x, n)], sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += exp((double)x[i] - top);
    return log(sum) + top - (double)x[target];
}

/* Row r of the batch, with its logits. */
static void count(const stoa_icl_trainer *t, int kind, int64_t r, const float *logits, tally *sum) {
    int64_t labels = t->settings.model.labels, pairs = t->settings.model.pairs;
    const stoa_sequences_batch *b = &t->batch;
    int32_t target = b->target[r], class_ = b->classes[r * (pairs + 1) + pairs];
    int32_t said = (int32_t)best_of(logits, labels);
    sum->rows++;
    sum->open += by_weights(kind) ? stoa_sequences_accepts(t->data, class_, said) : said == target;
    bool shown = false;
    for (int64_t p = 0; p < pairs; p++)
        shown = shown || b->labels[r * pairs + p] == said;
    sum->context += shown;
    sum->loss += nats(logits, labels, target);
    const int32_t *choice = b->choices + 2 * r;
    if (choice[0] < 0)
        return;
    sum->choices++;
    /* a tie is no answer */
    int32_t other = choice[0] == target ? choice[1] : choice[0];
    sum->closed += logits[target] > logits[other];
}

stoa_status stoa_icl_trainer_score(stoa_icl_trainer *t, int kind, int64_t first, int64_t sequences,
                                   stoa_icl_score *r, stoa_error *err) {
    tally sum = {0};
    *r = (stoa_icl_score){.closed = (double)NAN};
    if (!stoa_sequences_has(t->data, kind))
        return STOA_OK;
    if (t->settings.model.valued)
        return stoa_icl_score_values(t, kind, first, sequences, r, err);
    for (int64_t at = 0; at < sequences; at += t->settings.batch) {
        if (stoa_stop_requested())
            return stoa_fail(err, STOA_ERR_INTERRUPTED, "the evaluation was stopped");
        int64_t rows = sequences - at < t->settings.batch ? sequences - at : t->settings.batch;
        stoa_sequences_eval(t->data, t->pool, kind, first + at, rows, &t->batch);
        stoa_ctx_reset(t->eval_ctx);
        stoa_icl_input in = stoa_icl_batch_input(t, kind, first + at, rows);
        stoa_tensor *logits = stoa_icl_forward(t->eval_ctx, t->icl, &in, STOA_ICL_QUERY);
        STOA_TRY(stoa_ctx_status(t->eval_ctx, err));
        for (int64_t i = 0; i < rows; i++)
            count(t, kind, i, (const float *)logits->data + i * t->settings.model.labels, &sum);
    }
    double n = (double)sum.rows;
    *r = (stoa_icl_score){
        .sequences = sum.rows,
        .open = (double)sum.open / n,
        .closed = sum.choices > 0 ? (double)sum.closed / (double)sum.choices : (double)NAN,
        .context = (double)sum.context / n,
        .loss = sum.loss / n,
    };
    return STOA_OK;
}

static double largest(const double *x, int64_t n) {
    double most = x[0];
    for (int64_t i = 1; i < n; i++)
        most = fmax(most, x[i]);
    return most;
}

/* The heads, on the first in-context episodes. */
static stoa_status measure_circuit(stoa_icl_trainer *t, stoa_icl_eval *r, stoa_error *err) {
    if (!t->maps)
        return STOA_OK;
    int64_t rows = t->settings.batch < STOA_ICL_CIRCUIT_EPISODES ? t->settings.batch
                                                                 : STOA_ICL_CIRCUIT_EPISODES;
    int64_t heads = t->settings.model.layers * t->settings.model.heads;
    stoa_sequences_eval(t->data, t->pool, STOA_SEQUENCES_ICL, 0, rows, &t->batch);
    stoa_ctx_reset(t->eval_ctx);
    stoa_icl_input in = stoa_icl_batch_input(t, STOA_SEQUENCES_ICL, 0, rows);
    stoa_icl_attention(t->eval_ctx, t->icl, &in, t->maps);
    STOA_TRY(stoa_ctx_status(t->eval_ctx, err));
    stoa_icl_circuit(t->icl, rows, t->maps, t->batch.classes, t->circuit, t->circuit + heads);
    r->previous = t->circuit;
    r->match = t->circuit + heads;
    r->best_previous = largest(r->previous, heads);
    r->best_match = largest(r->match, heads);
    return STOA_OK;
}

stoa_status stoa_icl_trainer_evaluate(stoa_icl_trainer *t, int64_t sequences, stoa_icl_eval *r,
                                      stoa_error *err) {
    *r = (stoa_icl_eval){0};
    for (int kind = 0; kind < STOA_SEQUENCES_KINDS; kind++)
        STOA_TRY(stoa_icl_trainer_score(t, kind, 0, sequences, &r->kinds[kind], err));
    return measure_circuit(t, r, err);
}

stoa_status stoa_icl_trainer_episode(stoa_icl_trainer *t, int kind, int64_t row,
                                     const stoa_icl_episode *out, stoa_error *err) {
    const stoa_icl_options *o = &t->settings.model;
    if (!stoa_sequences_has(t->data, kind))
        return stoa_fail(err, STOA_ERR_USAGE, "these data have no sequences of kind %s",
                         stoa_sequences_kind_name(kind));
    stoa_sequences_eval(t->data, t->pool, kind, row, 1, &t->batch);
    stoa_ctx_reset(t->eval_ctx);
    stoa_icl_input in = stoa_icl_batch_input(t, kind, row, 1);
    bool maps = out->maps && stoa_icl_attends(o);
    stoa_tensor *logits = maps ? stoa_icl_attention(t->eval_ctx, t->icl, &in, out->maps)
                               : stoa_icl_forward(t->eval_ctx, t->icl, &in, STOA_ICL_QUERY);
    STOA_TRY(stoa_ctx_status(t->eval_ctx, err));
    for (int64_t i = 0; out->logits && i < o->labels; i++)
        out->logits[i] = ((const float *)logits->data)[i];
    for (int64_t i = 0; out->classes && i <= o->pairs; i++)
        out->classes[i] = t->batch.classes[i];
    for (int64_t i = 0; out->labels && i < o->pairs; i++)
        out->labels[i] = t->batch.labels[i];
    if (out->target)
        *out->target = *t->batch.target;
    return STOA_OK;
}
