/* train/lm_run.c - a whole run: steps, evaluations, metrics, checkpoints, early stop. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "train/lm_trainer.h"
#include "train/run_files.h"

typedef struct run {
    stoa_lm_trainer *t;
    const stoa_lm_run_options *options;
    stoa_lm_run_result *result;
    stoa_metrics *metrics;
    stoa_progress progress;
    double train_seconds, last_save;
    double window; /* seconds of the steps since the last line of metrics */
    int64_t window_steps;
    char speed[96]; /* of the last such line */
    char note[160]; /* what stands behind the bar */
    int64_t saved_step;
    bool evaluated_here; /* final_eval is of this run */
} run;

static stoa_status write_settings(const run *r, stoa_error *err) {
    const char *dir = r->options->run_dir;
    const stoa_lm_settings *settings = &r->t->settings;
    char path[4096];
    STOA_TRY(stoa_run_settings_write(dir, stoa_lm_settings_table(), settings, err));
    if (strcmp(settings->tokenizer, "bytes") == 0)
        return STOA_OK;
    if (!stoa_path_join(path, sizeof path, dir, "tokenizer.json"))
        return stoa_fail(err, STOA_ERR_USAGE, "%s: path too long", dir);
    return stoa_tokenizer_save(r->t->tokenizer, path, err);
}

static stoa_status save(run *r, bool best, stoa_error *err) {
    if (!r->options->run_dir)
        return STOA_OK;
    STOA_TRY(stoa_lm_trainer_save(r->t, r->options->run_dir, best, err));
    r->last_save = stoa_clock();
    r->saved_step = r->t->step;
    return STOA_OK;
}

static stoa_status evaluate(run *r, stoa_error *err) {
    stoa_lm_trainer *t = r->t;
    stoa_lm_eval eval;
    if (r->options->progress && r->progress.terminal) {
        r->progress.last_drawn = 0; /* now, not at the next tenth of a second */
        stoa_progress_update(&r->progress, (double)t->step, "evaluating");
    }
    STOA_TRY(stoa_lm_trainer_evaluate(t, t->settings.eval_tokens, &eval, err));
    if (r->options->progress)
        stoa_progress_update(&r->progress, (double)t->step, "%s", r->note);
    r->result->final_eval = eval;
    r->evaluated_here = true;
    if (t->evaluated_step == t->step) /* a finished run, looked at again */
        return STOA_OK;
    t->evaluated_step = t->step;
    bool better = eval.loss_causal < t->best_loss;
    if (better) {
        t->best_loss = eval.loss_causal;
        t->best_step = t->step;
        t->evals_without_gain = 0;
    } else {
        t->evals_without_gain++;
    }
    if (r->metrics) {
        stoa_metric items[] = {
            {"valid/loss", eval.loss_causal},         {"valid/loss_top_k", eval.loss_top_k},
            {"valid/best_loss", t->best_loss},        {"routing/accuracy", eval.accuracy},
            {"routing/precision", eval.precision},    {"routing/recall", eval.recall},
            {"routing/routed_fraction", eval.routed},
        };
        size_t count = eval.routed > 0 || eval.accuracy > 0 ? 7 : 3;
        STOA_TRY(stoa_metrics_write(r->metrics, t->step, items, count, err));
    }
    if (r->options->evaluated)
        r->options->evaluated(r->options->user, t, &eval);
    return better ? save(r, true, err) : STOA_OK;
}

static void show(run *r, const stoa_lm_step *step) {
    snprintf(r->note, sizeof r->note, "loss %.3f%s", step->loss, r->speed);
    if (r->options->progress)
        stoa_progress_update(&r->progress, (double)r->t->step, "%s", r->note);
}

static stoa_status log_step(run *r, const stoa_lm_step *step, stoa_error *err) {
    const stoa_lm_trainer *t = r->t;
    double tokens =
        (double)(t->settings.batch * t->settings.accumulate * t->settings.model.context);
    double per_second = tokens * (double)r->window_steps / r->window;
    char flops[32], speed[32];
    stoa_human_unit(per_second * t->plan.training_flops, "FLOP/s", flops, sizeof flops);
    stoa_human_count(per_second, speed, sizeof speed);
    snprintf(r->speed, sizeof r->speed, ", %s tokens/s, %s", speed, flops);
    r->window = 0;
    r->window_steps = 0;
    if (!r->metrics)
        return STOA_OK;
    stoa_metric items[] = {
        {"train/loss", step->loss},
        {"train/rate", step->rate},
        {"train/grad_norm", step->grad_norm},
        {"speed/tokens_per_second", per_second},
        {"speed/flops_per_second", per_second * t->plan.training_flops},
        {"train/router_loss", step->router_loss},
        {"routing/score_mean", step->score_mean},
        {"routing/score_max", step->score_max},
        {"routing/never_routed", step->never_routed},
    };
    return stoa_metrics_write(r->metrics, t->step, items, step->score_max > 0 ? 9 : 5, err);
}

static bool due(int64_t step, int64_t every) {
    return every > 0 && step % every == 0;
}

/* One step and what is due after it. */
static stoa_status advance(run *r, stoa_error *err) {
    stoa_lm_trainer *t = r->t;
    const stoa_lm_settings *s = &t->settings;
    stoa_lm_step step;
    double before = stoa_clock();
    STOA_TRY(stoa_lm_trainer_step(t, &step, err));
    double took = stoa_clock() - before;
    r->train_seconds += took;
    r->window += took;
    r->window_steps++;
    if (due(t->step, s->log_every) || t->step == t->plan.steps)
        STOA_TRY(log_step(r, &step, err));
    show(r, &step);
    if (r->options->stepped)
        r->options->stepped(r->options->user, t);
    if (due(t->step, s->eval_every))
        STOA_TRY(evaluate(r, err));
    bool late =
        s->checkpoint_minutes > 0 && stoa_clock() - r->last_save > 60 * s->checkpoint_minutes;
    if ((due(t->step, s->checkpoint_every) || late) && r->saved_step != t->step)
        STOA_TRY(save(r, false, err));
    return STOA_OK;
}

static stoa_status loop(run *r, stoa_error *err) {
    stoa_lm_trainer *t = r->t;
    const stoa_lm_settings *s = &t->settings;
    if (r->options->progress)
        stoa_progress_update(&r->progress, (double)t->step, "starting");
    /* a stop in the middle of an evaluation left it undone */
    if (t->step > 0 && due(t->step, s->eval_every) && t->evaluated_step != t->step)
        STOA_TRY(evaluate(r, err));
    while (t->step < t->plan.steps) {
        if (stoa_stop_requested())
            return stoa_fail(err, STOA_ERR_INTERRUPTED, "stopped");
        if (s->patience > 0 && t->evals_without_gain >= s->patience) {
            r->result->stopped_early = true;
            break;
        }
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
                     r->t->step, r->t->plan.steps);
}

stoa_status stoa_lm_run(stoa_lm_trainer *t, const stoa_lm_run_options *options,
                        stoa_lm_run_result *result, stoa_error *err) {
    *result = (stoa_lm_run_result){0};
    run r = {
        .t = t, .options = options, .result = result, .saved_step = -1, .last_save = stoa_clock()};
    char checkpoints[4096];
    if (options->run_dir) {
        if (!stoa_path_join(checkpoints, sizeof checkpoints, options->run_dir, "checkpoints"))
            return stoa_fail(err, STOA_ERR_USAGE, "%s: path too long", options->run_dir);
        if (options->resume && stoa_checkpoint_exists(checkpoints)) {
            STOA_TRY(stoa_lm_trainer_load(t, options->run_dir, "latest", err));
            r.saved_step = t->step;
            stoa_log_write(STOA_LOG_INFO, "%s: going on from step %" PRId64, options->run_dir,
                           t->step);
        }
        STOA_TRY(write_settings(&r, err));
        STOA_TRY(stoa_metrics_open(&r.metrics, options->run_dir, t->step + 1, err));
    }
    int64_t first = t->step;
    if (options->progress)
        stoa_progress_begin(&r.progress, options->progress, t->settings.name, "steps",
                            (double)t->plan.steps);
    stoa_status status = loop(&r, err);
    if (status == STOA_ERR_INTERRUPTED)
        status = keep(&r, err);
    if (options->progress)
        stoa_progress_end(&r.progress);
    stoa_metrics_close(r.metrics);
    double tokens = (double)((t->step - first) * t->settings.batch * t->settings.accumulate *
                             t->settings.model.context);
    result->steps = t->step;
    result->best_loss = t->best_loss;
    result->seconds = r.train_seconds;
    if (r.train_seconds > 0) {
        result->tokens_per_second = tokens / r.train_seconds;
        result->flops_per_second = result->tokens_per_second * t->plan.training_flops;
    }
    return status;
}
