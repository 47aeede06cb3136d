/* train/agent_run.c - a whole run of an agent: updates, evaluations, metrics, checkpoints, curve.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "train/agent_trainer.h"
#include "train/run_files.h"

enum { NAME = STOA_ENV_NAME + 16, CURVE = 512, CURVE_ROWS = 4 };

/* Returns over the run, for the picture: when it is full, every two neighbours become one. */
typedef struct history {
    double values[CURVE];
    int64_t count, stride, pending;
    double sum;
} history;

typedef struct run {
    stoa_agent_trainer *t;
    const stoa_agent_run_options *options;
    stoa_agent_run_result *result;
    stoa_metrics *metrics;
    stoa_progress progress;
    double train_seconds, last_save;
    double window; /* seconds of the updates since the last line of metrics */
    int64_t window_updates, saved_update;
    char names[2][STOA_AGENT_FIGURES][NAME], margins[STOA_AGENT_FIGURES][NAME];
    history returns;
    double last_curve;
    stoa_buffer curve;
    bool utf8, evaluated_here;
} run;

static void remember(history *h, double value) {
    h->stride = h->stride ? h->stride : 1;
    h->sum += value;
    if (++h->pending < h->stride)
        return;
    h->values[h->count++] = h->sum / (double)h->pending;
    h->sum = 0;
    h->pending = 0;
    if (h->count < CURVE)
        return;
    for (int i = 0; i < CURVE / 2; i++)
        h->values[i] = (h->values[2 * i] + h->values[2 * i + 1]) / 2;
    h->count = CURVE / 2;
    h->stride *= 2;
}

/* ---- files ----------------------------------------------------------------------------------- */

static stoa_status write_settings(const run *r, stoa_error *err) {
    stoa_agent_view view;
    STOA_TRY(stoa_agent_view_open(&view, &r->t->settings, err));
    stoa_status status = stoa_run_settings_write(r->options->run_dir, view.table, view.target, err);
    stoa_agent_view_close(&view);
    return status;
}

static stoa_status save(run *r, bool best, stoa_error *err) {
    if (!r->options->run_dir)
        return STOA_OK;
    STOA_TRY(stoa_agent_trainer_save(r->t, r->options->run_dir, best, err));
    r->last_save = stoa_clock();
    r->saved_update = r->t->update;
    const stoa_agent_run_options *o = r->options;
    return o->saved ? o->saved(o->user, r->t, r->train_seconds, err) : STOA_OK;
}

static void name_figures(run *r) {
    static const char *const kinds[] = {"episode", "eval"};
    for (int k = 0; k < r->t->spec.metric_count + 2; k++) {
        const char *figure = stoa_agent_figure_name(&r->t->spec, k);
        for (int kind = 0; kind < 2; kind++)
            snprintf(r->names[kind][k], NAME, "%s/%s", kinds[kind], figure);
        snprintf(r->margins[k], NAME, "eval/%s_margin", figure);
    }
}

static int64_t env_steps(const run *r) {
    return stoa_agent_trainer_env_steps(r->t);
}

/* ---- what is due ----------------------------------------------------------------------------- */

static stoa_status write_evaluation(run *r, const stoa_agent_scores *s, stoa_error *err) {
    stoa_metric items[2 * STOA_AGENT_FIGURES + 1];
    size_t count = 0;
    for (int k = 0; k < s->figures; k++) {
        if (stoa_agent_figure_again(&r->t->spec, k))
            continue;
        items[count++] = (stoa_metric){r->names[1][k], s->mean[k]};
        items[count++] = (stoa_metric){r->margins[k], s->margin[k]};
    }
    items[count++] = (stoa_metric){"eval/best_score", r->t->best_score};
    return stoa_metrics_write(r->metrics, env_steps(r), items, count, err);
}

static stoa_status evaluate(run *r, stoa_error *err) {
    stoa_agent_trainer *t = r->t;
    stoa_agent_scores s;
    STOA_TRY(stoa_agent_trainer_evaluate(t, t->settings.eval_episodes, &s, err));
    r->result->evaluation = s;
    r->evaluated_here = true;
    if (t->evaluated_update == t->update || s.episodes == 0)
        return STOA_OK; /* a finished run, looked at again */
    t->evaluated_update = t->update;
    bool better = stoa_agent_score(&s) > t->best_score;
    if (better) {
        t->best_score = stoa_agent_score(&s);
        t->best_update = t->update;
    }
    if (r->metrics)
        STOA_TRY(write_evaluation(r, &s, err));
    if (r->options->evaluated)
        r->options->evaluated(r->options->user, t, &s);
    return better ? save(r, true, err) : STOA_OK;
}

static stoa_status log_update(run *r, const stoa_agent_step *step, const stoa_agent_scores *scores,
                              stoa_error *err) {
    const stoa_agent_settings *s = &r->t->settings;
    double per_second =
        (double)(s->unroll * s->instances * r->window_updates) / fmax(r->window, 1e-9);
    r->window = 0;
    r->window_updates = 0;
    if (!r->metrics)
        return STOA_OK;
    stoa_metric items[16 + STOA_AGENT_FIGURES + sizeof step->objectives / sizeof(stoa_metric)] = {
        {"train/policy_loss", step->policy_loss},
        {"train/value_loss", step->value_loss},
        {"train/entropy", step->entropy},
        {"train/divergence", step->divergence},
        {"train/explained_variance", step->explained},
        {"train/reward", step->reward},
        {"train/grad_norm", step->grad_norm},
        {"train/rate", step->rate},
        {"train/updates", (double)r->t->update},
        {"speed/steps_per_second", per_second},
    };
    size_t count = 10;
    for (int k = 0; k < scores->figures && scores->episodes > 0; k++)
        if (!stoa_agent_figure_again(&r->t->spec, k))
            items[count++] = (stoa_metric){r->names[0][k], scores->mean[k]};
    if (scores->episodes > 0)
        items[count++] =
            (stoa_metric){"episode/finished", (double)stoa_agent_trainer_episodes(r->t)};
    for (int i = 0; i < step->objective_count; i++)
        items[count++] = step->objectives[i];
    return stoa_metrics_write(r->metrics, env_steps(r), items, count, err);
}

/* The curve below the bar, ten times a second at most. */
static void draw_curve(run *r) {
    double now = stoa_clock();
    if (!r->progress.terminal || now - r->last_curve < 0.1)
        return;
    r->last_curve = now;
    if (r->curve.data)
        r->curve.data[r->curve.len = 0] = 0;
    int columns = r->progress.width - 12;
    stoa_curve_text(r->returns.values, r->returns.count, columns < 60 ? columns : 60, CURVE_ROWS,
                    r->utf8, &r->curve);
    r->progress.below = r->curve.failed ? NULL : r->curve.data;
}

static void show(run *r, const stoa_agent_scores *scores) {
    bool more = scores->figures > 2 && !stoa_agent_figure_again(&r->t->spec, 2);
    const char *metric = more ? stoa_agent_figure_name(&r->t->spec, 2) : NULL;
    char note[96] = "no episode has ended yet";
    if (scores->episodes > 0 && metric)
        snprintf(note, sizeof note, "return %.4g, %s %.4g", scores->mean[0], metric,
                 scores->mean[2]);
    else if (scores->episodes > 0)
        snprintf(note, sizeof note, "return %.4g", scores->mean[0]);
    if (!r->options->progress)
        return;
    draw_curve(r);
    stoa_progress_update(&r->progress, (double)env_steps(r), "%s", note);
}

static bool due(int64_t update, int64_t every) {
    return every > 0 && update % every == 0;
}

/* One update and what is due after it. */
static stoa_status advance(run *r, stoa_error *err) {
    stoa_agent_trainer *t = r->t;
    const stoa_agent_settings *s = &t->settings;
    stoa_agent_step step;
    double before = stoa_clock();
    STOA_TRY(stoa_agent_trainer_step(t, &step, err));
    double took = stoa_clock() - before;
    r->train_seconds += took;
    r->window += took;
    r->window_updates++;
    const stoa_agent_scores scores = stoa_agent_trainer_scores(t);
    if (scores.episodes > 0)
        remember(&r->returns, scores.mean[0]);
    if (due(t->update, s->log_every) || t->update == t->updates)
        STOA_TRY(log_update(r, &step, &scores, err));
    show(r, &scores);
    if (r->options->stepped)
        r->options->stepped(r->options->user, t, &step);
    if (due(t->update, s->eval_every))
        STOA_TRY(evaluate(r, err));
    bool late =
        s->checkpoint_minutes > 0 && stoa_clock() - r->last_save > 60 * s->checkpoint_minutes;
    if ((due(t->update, s->checkpoint_every) || late) && r->saved_update != t->update)
        STOA_TRY(save(r, false, err));
    return STOA_OK;
}

static stoa_status loop(run *r, stoa_error *err) {
    stoa_agent_trainer *t = r->t;
    const stoa_agent_settings *s = &t->settings;
    if (r->options->progress)
        stoa_progress_update(&r->progress, (double)env_steps(r), "starting");
    /* a stop in the middle of an evaluation left it undone */
    if (t->update > 0 && due(t->update, s->eval_every) && t->evaluated_update != t->update)
        STOA_TRY(evaluate(r, err));
    while (t->update < t->updates) {
        if (stoa_stop_requested())
            return stoa_fail(err, STOA_ERR_INTERRUPTED, "stopped");
        if (t->best_score >= s->stop_score) {
            r->result->stopped_early = true;
            break;
        }
        STOA_TRY(advance(r, err));
    }
    if (t->evaluated_update != t->update || !r->evaluated_here)
        STOA_TRY(evaluate(r, err));
    return r->saved_update == t->update ? STOA_OK : save(r, false, err);
}

/* Stopped: everything up to the last update is kept. */
static stoa_status keep(run *r, stoa_error *err) {
    if (r->saved_update != r->t->update)
        STOA_TRY(save(r, false, err));
    return stoa_fail(err, STOA_ERR_INTERRUPTED, "stopped at update %" PRId64 " of %" PRId64,
                     r->t->update, r->t->updates);
}

static void conclude(const run *r, int64_t first_step, double first_env_seconds) {
    stoa_agent_run_result *result = r->result;
    const stoa_agent_trainer *t = r->t;
    result->training = stoa_agent_trainer_scores(t);
    result->best_score = t->best_score;
    result->best_update = t->best_update;
    result->updates = t->update;
    result->env_steps = env_steps(r);
    result->episodes = stoa_agent_trainer_episodes(t);
    result->seconds = r->train_seconds;
    if (r->train_seconds > 0) {
        result->steps_per_second = (double)(result->env_steps - first_step) / r->train_seconds;
        result->env_share =
            (stoa_agent_trainer_env_seconds(t) - first_env_seconds) / r->train_seconds;
    }
}

static stoa_status open_run(run *r, stoa_error *err) {
    const stoa_agent_run_options *o = r->options;
    char checkpoints[4096];
    if (!o->run_dir)
        return STOA_OK;
    if (!stoa_path_join(checkpoints, sizeof checkpoints, o->run_dir, "checkpoints"))
        return stoa_fail(err, STOA_ERR_USAGE, "%s: path too long", o->run_dir);
    if (o->resume && stoa_checkpoint_exists(checkpoints)) {
        STOA_TRY(stoa_agent_trainer_load(r->t, o->run_dir, "latest", err));
        r->saved_update = r->t->update;
        stoa_log_write(STOA_LOG_INFO, "%s: going on from update %" PRId64, o->run_dir,
                       r->t->update);
    }
    STOA_TRY(write_settings(r, err));
    return stoa_metrics_open(&r->metrics, o->run_dir, env_steps(r) + 1, err);
}

stoa_status stoa_agent_run(stoa_agent_trainer *t, const stoa_agent_run_options *options,
                           stoa_agent_run_result *result, stoa_error *err) {
    *result = (stoa_agent_run_result){0};
    run *r = stoa_alloc(sizeof *r);
    if (!r)
        return stoa_fail(err, STOA_ERR_MEMORY, "out of memory for the run");
    *r = (run){.t = t,
               .options = options,
               .result = result,
               .saved_update = -1,
               .last_save = stoa_clock(),
               .utf8 = stoa_terminal_is_utf8()};
    name_figures(r);
    stoa_status status = open_run(r, err);
    int64_t first_step = env_steps(r);
    double first_env_seconds = stoa_agent_trainer_env_seconds(t);
    if (status == STOA_OK) {
        if (options->progress)
            stoa_progress_begin(&r->progress, options->progress, t->settings.name, "steps",
                                (double)(t->updates * t->settings.unroll * t->settings.instances));
        status = loop(r, err);
        if (status == STOA_ERR_INTERRUPTED)
            status = keep(r, err);
        if (options->progress)
            stoa_progress_end(&r->progress);
    }
    stoa_metrics_close(r->metrics);
    conclude(r, first_step, first_env_seconds);
    stoa_buffer_deinit(&r->curve);
    stoa_free(r);
    return status;
}
