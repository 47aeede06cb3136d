/* train/icl_run.c - a whole run of in-context learning: steps, evaluations, metrics, checkpoints.
 */
#include <inttypes.h>
#include <math.h>

#include "train/icl.h"
#include "train/run_files.h"

typedef struct run {
    stoa_icl_trainer *t;
    const stoa_icl_run_options *options;
    stoa_icl_run_result *result;
    stoa_metrics *metrics;
    stoa_progress progress;
    double train_seconds, last_save;
    double clock; /* seconds of the steps since the last line of metrics */
    int64_t clock_steps, saved_step;
    char note[160]; /* what stands behind the bar */
    char tests[96]; /* of it: the last evaluation */
    bool evaluated_here;
} run;

/* ---- files ----------------------------------------------------------------------------------- */

static stoa_status write_settings(const run *r, stoa_error *err) {
    stoa_settings_table table;
    STOA_TRY(stoa_icl_settings_table(&table, err));
    stoa_status status = stoa_run_settings_write(r->options->run_dir, table, &r->t->settings, err);
    stoa_settings_join_free(&table);
    return status;
}

static stoa_status save(run *r, bool best, stoa_error *err) {
    if (!r->options->run_dir)
        return STOA_OK;
    STOA_TRY(stoa_icl_trainer_save(r->t, r->options->run_dir, best, err));
    r->last_save = stoa_clock();
    r->saved_step = r->t->step;
    return STOA_OK;
}

/* ---- metrics --------------------------------------------------------------------------------- */

enum { NAME = 48, PER_KIND = 5 };

typedef struct lines {
    stoa_metric *items;
    char (*names)[NAME];
    size_t count;
} lines;

STOA_PRINTF(3, 4) static void add(lines *l, double value, const char *fmt, ...) {
    if (!isfinite(value))
        return;
    va_list args;
    va_start(args, fmt);
    vsnprintf(l->names[l->count], NAME, fmt, args);
    va_end(args);
    l->items[l->count] = (stoa_metric){l->names[l->count], value};
    l->count++;
}

static void add_kind(lines *l, const char *kind, const stoa_icl_score *s) {
    if (s->sequences == 0)
        return;
    if (s->ridge > 0) {
        add(l, s->ridge, "%s/ridge", kind);
        add(l, s->best, "%s/best", kind);
        add(l, s->from_ridge, "%s/from_ridge", kind);
        add(l, s->from_best, "%s/from_best", kind);
    }
    add(l, s->open, "%s/open", kind);
    add(l, s->closed, "%s/closed", kind);
    add(l, s->context, "%s/context", kind);
    add(l, s->loss, "%s/loss", kind);
}

static stoa_status write_evaluation(run *r, const stoa_icl_eval *e, stoa_error *err) {
    const stoa_icl_options *o = &r->t->settings.model;
    size_t heads = (size_t)(o->layers * o->heads);
    size_t room = STOA_SEQUENCES_KINDS * PER_KIND + 2 * heads + 2;
    lines l = {stoa_alloc(room * sizeof *l.items), stoa_alloc(room * NAME), 0};
    stoa_status status = STOA_OK;
    if (!l.items || !l.names) {
        status = stoa_fail(err, STOA_ERR_MEMORY, "out of memory for the metrics");
    } else {
        for (int k = 0; k < STOA_SEQUENCES_KINDS; k++)
            add_kind(&l, stoa_sequences_kind_name(k), &e->kinds[k]);
        if (e->previous) {
            add(&l, e->best_previous, "circuit/previous_token");
            add(&l, e->best_match, "circuit/label_match");
            for (int64_t i = 0; i < (int64_t)heads; i++) {
                int layer = (int)(i / o->heads), head = (int)(i % o->heads);
                add(&l, e->previous[i], "circuit/previous_token/%d.%d", layer, head);
                add(&l, e->match[i], "circuit/label_match/%d.%d", layer, head);
            }
        }
        status = stoa_metrics_write(r->metrics, r->t->step, l.items, l.count, err);
    }
    stoa_free(l.items);
    stoa_free(l.names);
    return status;
}

/* ---- what is due ----------------------------------------------------------------------------- */

static void show(run *r, double loss) {
    snprintf(r->note, sizeof r->note, "loss %.3f%s", loss, r->tests);
    if (r->options->progress)
        stoa_progress_update(&r->progress, (double)r->t->step, "%s", r->note);
}

static stoa_status evaluate(run *r, stoa_error *err) {
    stoa_icl_trainer *t = r->t;
    stoa_icl_eval e;
    if (r->options->progress && r->progress.terminal) {
        r->progress.last_drawn = 0; /* now, not at the next tenth of a second */
        stoa_progress_update(&r->progress, (double)t->step, "evaluating");
    }
    STOA_TRY(stoa_icl_trainer_evaluate(t, t->settings.eval_sequences, &e, err));
    const stoa_icl_score *icl = &e.kinds[STOA_SEQUENCES_ICL], *iwl = &e.kinds[STOA_SEQUENCES_IWL];
    if (t->settings.model.valued)
        snprintf(r->tests, sizeof r->tests, ", pool %.3f, new %.3f",
                 e.kinds[STOA_SEQUENCES_TASK_POOL].loss, e.kinds[STOA_SEQUENCES_TASK_NEW].loss);
    else
        snprintf(r->tests, sizeof r->tests, ", ICL %.3f, IWL %.3f", icl->closed, iwl->open);
    r->result->final_eval = e;
    r->result->final_eval.previous = r->result->final_eval.match = NULL;
    r->evaluated_here = true;
    if (t->evaluated_step == t->step) /* a finished run, looked at again */
        return STOA_OK;
    t->evaluated_step = t->step;
    bool better = icl->sequences > 0 && icl->closed > t->best_icl;
    if (better) {
        t->best_icl = icl->closed;
        t->best_step = t->step;
    }
    if (r->metrics)
        STOA_TRY(write_evaluation(r, &e, err));
    if (r->options->evaluated)
        r->options->evaluated(r->options->user, t, &e);
    return better ? save(r, true, err) : STOA_OK;
}

static stoa_status log_step(run *r, const stoa_icl_step *step, stoa_error *err) {
    stoa_icl_window *w = &r->t->window;
    double n = (double)(w->steps > 0 ? w->steps : 1);
    double speed = r->clock > 0 ? (double)r->clock_steps / r->clock : 0;
    r->result->loss = w->loss / n;
    r->result->accuracy = w->hits / n;
    *w = (stoa_icl_window){0};
    r->clock = 0;
    r->clock_steps = 0;
    if (!r->metrics)
        return STOA_OK;
    const stoa_metric items[] = {
        {"train/loss", r->result->loss},   {"train/accuracy", r->result->accuracy},
        {"train/rate", step->rate},        {"train/grad_norm", step->grad_norm},
        {"speed/steps_per_second", speed},
    };
    return stoa_metrics_write(r->metrics, r->t->step, items, sizeof items / sizeof *items, err);
}

static bool due(int64_t step, int64_t every) {
    return every > 0 && step % every == 0;
}

/* One step and what is due after it. */
static stoa_status advance(run *r, stoa_error *err) {
    stoa_icl_trainer *t = r->t;
    const stoa_icl_settings *s = &t->settings;
    stoa_icl_step step;
    double before = stoa_clock();
    STOA_TRY(stoa_icl_trainer_step(t, &step, err));
    double took = stoa_clock() - before;
    r->train_seconds += took;
    r->clock += took;
    r->clock_steps++;
    if (due(t->step, s->log_every) || t->step == s->steps)
        STOA_TRY(log_step(r, &step, err));
    show(r, step.loss);
    if (r->options->stepped)
        r->options->stepped(r->options->user, t, &step);
    if (due(t->step, s->eval_every))
        STOA_TRY(evaluate(r, err));
    bool late =
        s->checkpoint_minutes > 0 && stoa_clock() - r->last_save > 60 * s->checkpoint_minutes;
    if ((due(t->step, s->checkpoint_every) || late) && r->saved_step != t->step)
        STOA_TRY(save(r, false, err));
    return STOA_OK;
}

static stoa_status loop(run *r, stoa_error *err) {
    stoa_icl_trainer *t = r->t;
    const stoa_icl_settings *s = &t->settings;
    if (r->options->progress)
        stoa_progress_update(&r->progress, (double)t->step, "starting");
    /* a stop in the middle of an evaluation left it undone */
    if (t->step > 0 && due(t->step, s->eval_every) && t->evaluated_step != t->step)
        STOA_TRY(evaluate(r, err));
    while (t->step < s->steps) {
        if (stoa_stop_requested())
            return stoa_fail(err, STOA_ERR_INTERRUPTED, "stopped");
        STOA_TRY(advance(r, err));
    }
    if (t->evaluated_step != t->step || !r->evaluated_here)
        STOA_TRY(evaluate(r, err));
    return r->saved_step == t->step ? STOA_OK : save(r, false, err);
}

/* Stopped: everything up to the last step is kept. */
static stoa_status keep(run *r, stoa_error *err) {
    if (r->saved_step != r->t->step)
        STOA_TRY(save(r, false, err));
    return stoa_fail(err, STOA_ERR_INTERRUPTED, "stopped at step %" PRId64 " of %" PRId64,
                     r->t->step, r->t->settings.steps);
}

static stoa_status open_run(run *r, stoa_error *err) {
    const stoa_icl_run_options *o = r->options;
    char checkpoints[4096];
    if (!o->run_dir)
        return STOA_OK;
    if (!stoa_path_join(checkpoints, sizeof checkpoints, o->run_dir, "checkpoints"))
        return stoa_fail(err, STOA_ERR_USAGE, "%s: path too long", o->run_dir);
    if (o->resume && stoa_checkpoint_exists(checkpoints)) {
        STOA_TRY(stoa_icl_trainer_load(r->t, o->run_dir, "latest", err));
        r->saved_step = r->t->step;
        stoa_log_write(STOA_LOG_INFO, "%s: going on from step %" PRId64, o->run_dir, r->t->step);
    }
    STOA_TRY(write_settings(r, err));
    return stoa_metrics_open(&r->metrics, o->run_dir, r->t->step + 1, err);
}

stoa_status stoa_icl_run(stoa_icl_trainer *t, const stoa_icl_run_options *options,
                         stoa_icl_run_result *result, stoa_error *err) {
    *result = (stoa_icl_run_result){0};
    run r = {
        .t = t, .options = options, .result = result, .saved_step = -1, .last_save = stoa_clock()};
    stoa_status status = open_run(&r, err);
    int64_t first = t->step;
    if (status == STOA_OK) {
        if (options->progress)
            stoa_progress_begin(&r.progress, options->progress, t->settings.name, "steps",
                                (double)t->settings.steps);
        status = loop(&r, err);
        if (status == STOA_ERR_INTERRUPTED)
            status = keep(&r, err);
        if (options->progress)
            stoa_progress_end(&r.progress);
    }
    stoa_metrics_close(r.metrics);
    result->steps = t->step;
    result->best_icl = t->best_icl;
    result->best_step = t->best_step;
    result->seconds = r.train_seconds;
    if (r.train_seconds > 0)
        result->steps_per_second = (double)(t->step - first) / r.train_seconds;
    return status;
}
