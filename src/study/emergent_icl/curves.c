/*
 * study/emergent_icl/curves.c - what is noted while a run goes on: every evaluation whole, and the
 * attention of one episode before and after.
 */
#include <assert.h>
#include <math.h>
#include <stdarg.h>

#include "study/emergent_icl/icls.h"

enum { NAME = 64, PER_KIND = 8, OTHERS = 5, ANSWERS = 3 };

typedef struct column {
    char name[NAME];
    double value[STOA_ARM_CURVE];
} column;

struct stoa_icls_curves {
    column *columns;
    int64_t count, room, rows, written; /* written: columns of the row at hand */
    double loss, hits, steps;           /* of training, since the last evaluation */
    int64_t layers, heads, pairs, labels;
    double *maps;   /* before, after: (2, layers, heads, T, T), or NULL */
    float *map;     /* one of them */
    float *logits;  /* (labels) */
    int32_t *shown; /* classes (P + 1), labels (P) */
    int32_t answers[ANSWERS];
    bool looked;
};

static int64_t map_size(const stoa_icls_curves *c) {
    int64_t tokens = 2 * c->pairs + 1;
    return c->layers * c->heads * tokens * tokens;
}

stoa_icls_curves *stoa_icls_curves_new(const stoa_icl_trainer *trainer) {
    const stoa_icl_options *o = &stoa_icl_trainer_settings(trainer)->model;
    stoa_icls_curves *c = stoa_alloc(sizeof *c);
    if (!c)
        return NULL;
    *c = (stoa_icls_curves){
        .layers = o->layers, .heads = o->heads, .pairs = o->pairs, .labels = o->labels};
    c->room = OTHERS + STOA_SEQUENCES_KINDS * PER_KIND + 2 * o->layers * o->heads;
    c->columns = stoa_alloc((size_t)c->room * sizeof *c->columns);
    bool ok = c->columns != NULL;
    if (stoa_icl_attends(o) && !o->valued) {
        c->maps = stoa_alloc(2 * (size_t)map_size(c) * sizeof *c->maps);
        c->map = stoa_alloc((size_t)map_size(c) * sizeof *c->map);
        c->logits = stoa_alloc((size_t)c->labels * sizeof *c->logits);
        c->shown = stoa_alloc((size_t)(2 * c->pairs + 1) * sizeof *c->shown);
        ok = ok && c->maps && c->map && c->logits && c->shown;
    }
    if (ok)
        return c;
    stoa_icls_curves_free(c);
    return NULL;
}

void stoa_icls_curves_free(stoa_icls_curves *c) {
    if (!c)
        return;
    stoa_free(c->columns);
    stoa_free(c->maps);
    stoa_free(c->map);
    stoa_free(c->logits);
    stoa_free(c->shown);
    stoa_free(c);
}

/* ---- evaluations ----------------------------------------------------------------------------- */

/* Columns come in the same order at every evaluation. */
STOA_PRINTF(3, 4)
static void note(stoa_icls_curves *c, double value, const char *fmt, ...) {
    assert(c->written < c->room);
    column *at = &c->columns[c->written++];
    va_list args;
    va_start(args, fmt);
    vsnprintf(at->name, NAME, fmt, args);
    va_end(args);
    at->value[c->rows] = value;
}

/* Of numbers: besides what is scored, which guess the model leans to, 0 the pool's and 1 ridge's,
 * and by what share its error is above theirs. */
static void note_values(stoa_icls_curves *c, const char *kind, const stoa_icl_score *s) {
    note(c, s->loss, "%s/loss", kind);
    note(c, s->ridge, "%s/ridge", kind);
    note(c, s->best, "%s/best", kind);
    note(c, s->from_ridge, "%s/from_ridge", kind);
    note(c, s->from_best, "%s/from_best", kind);
    note(c, s->from_best / (s->from_best + s->from_ridge), "%s/to_ridge", kind);
    note(c, s->loss / s->ridge - 1, "%s/over_ridge", kind);
    note(c, s->loss / s->best - 1, "%s/over_best", kind);
}

static void note_kind(stoa_icls_curves *c, const char *kind, const stoa_icl_score *s) {
    if (s->sequences == 0)
        return;
    note(c, s->open, "%s/open", kind);
    note(c, s->closed, "%s/closed", kind);
    note(c, s->context, "%s/context", kind);
    note(c, s->loss, "%s/loss", kind);
}

void stoa_icls_curves_step(stoa_icls_curves *c, const stoa_icl_step *step) {
    c->loss += step->loss;
    c->hits += step->accuracy;
    c->steps++;
}

void stoa_icls_curves_add(stoa_icls_curves *c, const stoa_icl_trainer *trainer,
                          const stoa_icl_eval *eval) {
    if (c->rows == STOA_ARM_CURVE)
        return;
    c->written = 0;
    note(c, (double)stoa_icl_trainer_steps(trainer), "steps");
    note(c, c->steps > 0 ? c->loss / c->steps : (double)NAN, "train/loss");
    note(c, c->steps > 0 ? c->hits / c->steps : (double)NAN, "train/accuracy");
    c->loss = c->hits = c->steps = 0;
    bool valued = stoa_icl_trainer_settings(trainer)->model.valued;
    for (int kind = 0; kind < STOA_SEQUENCES_KINDS; kind++)
        if (valued && eval->kinds[kind].sequences > 0)
            note_values(c, stoa_sequences_kind_name(kind), &eval->kinds[kind]);
        else
            note_kind(c, stoa_sequences_kind_name(kind), &eval->kinds[kind]);
    if (eval->previous) {
        note(c, eval->best_previous, "circuit/previous");
        note(c, eval->best_match, "circuit/match");
        for (int64_t i = 0; i < c->layers * c->heads; i++) {
            int layer = (int)(i / c->heads), head = (int)(i % c->heads);
            note(c, eval->previous[i], "circuit/previous/%d.%d", layer, head);
            note(c, eval->match[i], "circuit/match/%d.%d", layer, head);
        }
    }
    c->count = c->written;
    c->rows++;
}

/* ---- one episode ----------------------------------------------------------------------------- */

static int32_t best_of(const float *x, int64_t n) {
    int32_t best = 0;
    for (int64_t i = 1; i < n; i++)
        if (x[i] > x[best])
            best = (int32_t)i;
    return best;
}

stoa_status stoa_icls_curves_look(stoa_icls_curves *c, stoa_icl_trainer *trainer, bool after,
                                  stoa_error *err) {
    if (!c->maps)
        return STOA_OK;
    const stoa_icl_episode episode = {.logits = c->logits,
                                      .maps = c->map,
                                      .classes = c->shown,
                                      .labels = c->shown + c->pairs + 1,
                                      .target = &c->answers[0]};
    STOA_TRY(stoa_icl_trainer_episode(trainer, STOA_SEQUENCES_ICL, 0, &episode, err));
    for (int64_t i = 0; i < map_size(c); i++)
        c->maps[(after ? map_size(c) : 0) + i] = (double)c->map[i];
    c->answers[after ? 2 : 1] = best_of(c->logits, c->labels);
    c->looked = c->looked || after;
    return STOA_OK;
}

/* ---- keeping --------------------------------------------------------------------------------- */

static void keep_ints(stoa_run *run, const char *name, const int32_t *values, int64_t n) {
    double wide[STOA_SEQUENCES_PAIRS_MAX + 1];
    for (int64_t i = 0; i < n; i++)
        wide[i] = (double)values[i];
    stoa_run_series(run, name, wide, n);
}

void stoa_icls_curves_keep(const stoa_icls_curves *c, stoa_run *run) {
    for (int64_t i = 0; i < c->count; i++)
        stoa_run_series(run, c->columns[i].name, c->columns[i].value, c->rows);
    stoa_run_number(run, "layers", (double)c->layers);
    stoa_run_number(run, "heads", (double)c->heads);
    if (!c->looked)
        return;
    stoa_run_series(run, "maps/before", c->maps, map_size(c));
    stoa_run_series(run, "maps/after", c->maps + map_size(c), map_size(c));
    keep_ints(run, "maps/classes", c->shown, c->pairs + 1);
    keep_ints(run, "maps/labels", c->shown + c->pairs + 1, c->pairs);
    keep_ints(run, "maps/answers", c->answers, ANSWERS);
}
