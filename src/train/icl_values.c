/*
 * train/icl_values.c - evaluating a model of numbers: its error on tasks of the pool and on new
 * ones, beside the errors of the two best guesses, and its distance from each (Raventos et al.
 * 2023, arXiv 2306.15063).
 */
#include <math.h>

#include "train/icl.h"

static stoa_icl_guesses *guesses_of(stoa_icl_trainer *t, int kind) {
    return &t->guesses[kind == STOA_SEQUENCES_TASK_NEW];
}

void stoa_icl_guesses_free(stoa_icl_trainer *t) {
    for (int i = 0; i < 2; i++) {
        stoa_free(t->guesses[i].ridge);
        stoa_free(t->guesses[i].best);
    }
    stoa_free(t->said);
}

/* Room for those of as many rows as an evaluation reads. */
static stoa_status make_room(stoa_icl_trainer *t, stoa_icl_guesses *g, stoa_error *err) {
    size_t numbers = (size_t)t->settings.model.pairs + 1;
    size_t rows = (size_t)t->settings.eval_sequences;
    if (!g->ridge)
        g->ridge = stoa_alloc(rows * numbers * sizeof *g->ridge);
    if (!g->best)
        g->best = stoa_alloc(rows * numbers * sizeof *g->best);
    if (!t->said)
        t->said = stoa_alloc(2 * (size_t)t->settings.batch * numbers * sizeof *t->said);
    g->rows = t->settings.eval_sequences;
    return g->ridge && g->best && t->said
               ? STOA_OK
               : stoa_fail(err, STOA_ERR_MEMORY, "out of memory for the guesses");
}

/* The guesses of rows first.. of a kind, which the batch holds. */
static stoa_status look_up(stoa_icl_trainer *t, int kind, int64_t first, int64_t rows,
                           const float **ridge, const float **best, stoa_error *err) {
    stoa_icl_guesses *g = guesses_of(t, kind);
    int64_t numbers = t->settings.model.pairs + 1;
    STOA_TRY(make_room(t, g, err));
    bool kept = first + rows <= g->rows && first <= g->made;
    float *to_ridge = kept ? g->ridge + first * numbers : t->said;
    float *to_best = kept ? g->best + first * numbers : t->said + t->settings.batch * numbers;
    *ridge = to_ridge;
    *best = to_best;
    if (kept && first + rows <= g->made)
        return STOA_OK;
    STOA_TRY(stoa_sequences_guess(t->data, t->pool, rows, t->batch.items, t->batch.values, to_ridge,
                                  to_best, err));
    if (kept)
        g->made = first + rows;
    return STOA_OK;
}

static double square(double x) {
    return x * x;
}

stoa_status stoa_icl_score_values(stoa_icl_trainer *t, int kind, int64_t first, int64_t sequences,
                                  stoa_icl_score *r, stoa_error *err) {
    stoa_icl_score sum = {0};
    int64_t numbers = t->settings.model.pairs + 1;
    for (int64_t at = 0; at < sequences; at += t->settings.batch) {
        if (stoa_stop_requested())
            return stoa_fail(err, STOA_ERR_INTERRUPTED, "the evaluation was stopped");
        int64_t rows = sequences - at < t->settings.batch ? sequences - at : t->settings.batch;
        const float *ridge, *best;
        stoa_sequences_eval(t->data, t->pool, kind, first + at, rows, &t->batch);
        STOA_TRY(look_up(t, kind, first + at, rows, &ridge, &best, err));
        stoa_ctx_reset(t->eval_ctx);
        stoa_icl_input in = stoa_icl_batch_input(t, kind, first + at, rows);
        stoa_tensor *out = stoa_icl_forward(t->eval_ctx, t->icl, &in, STOA_ICL_ITEMS);
        STOA_TRY(stoa_ctx_status(t->eval_ctx, err));
        for (int64_t i = 0; i < rows * numbers; i++) {
            double y = (double)t->batch.values[i], said = (double)((const float *)out->data)[i];
            sum.loss += square(said - y);
            sum.ridge += square((double)ridge[i] - y);
            sum.best += square((double)best[i] - y);
            sum.from_ridge += square(said - (double)ridge[i]);
            sum.from_best += square(said - (double)best[i]);
            sum.apart += square((double)ridge[i] - (double)best[i]);
        }
        sum.sequences += rows;
    }
    double n = (double)(sum.sequences * numbers);
    *r = (stoa_icl_score){.sequences = sum.sequences,
                          .open = (double)NAN,
                          .closed = (double)NAN,
                          .context = (double)NAN,
                          .loss = sum.loss / n,
                          .ridge = sum.ridge / n,
                          .best = sum.best / n,
                          .from_ridge = sum.from_ridge / n,
                          .from_best = sum.from_best / n,
                          .apart = sum.apart / n};
    return STOA_OK;
}
