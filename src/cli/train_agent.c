/* cli/train_agent.c - `stoa train` of an agent. */
#include <math.h>
#include <string.h>

#include "cli/train.h"

static const char *const free_keys[] = {
    "name",
    "threads",
    "out",
    "train.steps",
    "train.eval_every",
    "train.eval_episodes",
    "train.eval_greedy",
    "train.stop_score",
    "train.keep",
    "train.log_every",
    "train.checkpoint_every",
    "train.checkpoint_minutes",
    NULL,
};

static stoa_status open_settings(cli_run *r, const char *path, const char *const *sets, int count,
                                 stoa_error *err) {
    STOA_TRY(stoa_agent_settings_load(&r->agent, path, sets, count, err));
    STOA_TRY(stoa_agent_settings_check(&r->agent, err));
    STOA_TRY(stoa_agent_view_open(&r->view, &r->agent, err));
    r->table = r->view.table;
    r->target = r->view.target;
    r->name = r->agent.name;
    r->out = r->agent.out;
    r->seed = r->agent.seed;
    return STOA_OK;
}

static void close_settings(cli_run *r) {
    stoa_agent_view_close(&r->view);
}

/* "return 0.97 +- 0.02, length 30, visited 0.985 +- 0.01" */
static void describe(const stoa_env_spec *spec, const stoa_agent_scores *s, stoa_buffer *out) {
    for (int k = 0; k < s->figures; k++) {
        if (isnan(s->mean[k]) || /* of no episode in the window */
            stoa_agent_figure_again(spec, k))
            continue;
        stoa_buffer_printf(out, "%s%s %.4g", k ? ", " : "", stoa_agent_figure_name(spec, k),
                           s->mean[k]);
        if (s->margin[k] > 0)
            stoa_buffer_printf(out, " +- %.2g", s->margin[k]);
    }
}

static void evaluated(void *user, const stoa_agent_trainer *t, const stoa_agent_scores *s) {
    (void)user;
    stoa_buffer text = {0};
    describe(stoa_agent_trainer_spec(t), s, &text);
    stoa_log_write(STOA_LOG_INFO, "step %lld: %s over %lld episodes",
                   (long long)stoa_agent_trainer_env_steps(t), text.data ? text.data : "",
                   (long long)s->episodes);
    stoa_buffer_deinit(&text);
}

static json_t *scores_json(const stoa_env_spec *spec, const stoa_agent_scores *s) {
    json_t *out = json_pack("{s:I}", "episodes", (json_int_t)s->episodes);
    for (int k = 0; k < s->figures && s->episodes > 0; k++)
        json_object_set_new(out, stoa_agent_figure_name(spec, k),
                            isnan(s->mean[k]) ? json_null()
                                              : json_pack("{s:f, s:f}", "mean", s->mean[k],
                                                          "margin", s->margin[k]));
    return out;
}

static void print_json(const stoa_env_spec *spec, const char *dir, const stoa_agent_run_result *r) {
    json_t *out = json_pack("{s:s, s:I, s:I, s:I, s:f, s:f, s:f, s:b}", "run", dir, "steps",
                            (json_int_t)r->env_steps, "updates", (json_int_t)r->updates, "episodes",
                            (json_int_t)r->episodes, "seconds", r->seconds, "steps_per_second",
                            r->steps_per_second, "env_share", r->env_share, "stopped_early",
                            r->stopped_early);
    json_object_set_new(out, "training", scores_json(spec, &r->training));
    json_object_set_new(out, "evaluation", scores_json(spec, &r->evaluation));
    if (r->best_score > -1e300)
        json_object_set_new(out, "best_score", json_real(r->best_score));
    cli_print_json(out);
}

static void print_text(const stoa_agent_trainer *t, const char *dir,
                       const stoa_agent_run_result *r) {
    const stoa_env_spec *spec = stoa_agent_trainer_spec(t);
    const stoa_agent_scores *s = r->evaluation.episodes > 0 ? &r->evaluation : &r->training;
    char steps[32], speed[32], time[32];
    stoa_human_count((double)r->env_steps, steps, sizeof steps);
    if (r->seconds > 0)
        printf("%s: %s steps in %lld episodes%s, trained for %s at %s steps/s\n", dir, steps,
               (long long)r->episodes,
               r->stopped_early ? " (stopped early: the score is there)" : "",
               stoa_human_time(r->seconds, time, sizeof time),
               stoa_human_count(r->steps_per_second, speed, sizeof speed));
    else
        printf("%s: was complete at %s steps; --set train.steps=N trains on\n", dir, steps);
    if (s->episodes > 0) {
        stoa_buffer text = {0};
        describe(spec, s, &text);
        printf("%s: %s over %lld episodes", s == &r->evaluation ? "evaluation" : "last of training",
               text.data ? text.data : "", (long long)s->episodes);
        stoa_buffer_deinit(&text);
        if (spec->chance == spec->chance)
            printf(" (chance %.3g", spec->chance);
        if (spec->ceiling == spec->ceiling)
            printf("%s %.3g", spec->chance == spec->chance ? ", perfect" : " (perfect",
                   spec->ceiling);
        printf("%s\n", spec->chance == spec->chance || spec->ceiling == spec->ceiling ? ")" : "");
    }
    printf("\nNext:\n  stoa play %s --agent %s\n  tensorboard --logdir %s\n", spec->name, dir, dir);
}

static void announce(const stoa_agent_trainer *t, const char *dir) {
    const stoa_agent_settings *s = stoa_agent_trainer_settings(t);
    char parameters[32], steps[32];
    stoa_log_write(
        STOA_LOG_INFO, "%s: %s, %s parameters, %s steps, %lld instances, %s, threads: %d", dir,
        s->env,
        stoa_human_count((double)stoa_params_numel(stoa_agent_trainer_params(t)), parameters,
                         sizeof parameters),
        stoa_human_count((double)(stoa_agent_trainer_updates(t) * s->unroll * s->instances), steps,
                         sizeof steps),
        (long long)s->instances, s->precision == STOA_PRECISION_BF16 ? "bf16" : "f32",
        stoa_agent_trainer_threads(t));
}

static stoa_status train(const cli_train *o, cli_run *r, const char *dir, stoa_error *err) {
    stoa_agent_trainer *t;
    STOA_TRY(stoa_agent_trainer_new(&t, &r->agent, err));
    stoa_status status = cli_train_clear(o, dir, err);
    if (status == STOA_OK && !o->quiet)
        announce(t, dir);
    stoa_agent_run_options run = {.run_dir = dir,
                                  .resume = o->resume,
                                  .progress = o->quiet ? NULL : stderr,
                                  .evaluated = o->quiet ? NULL : evaluated};
    stoa_agent_run_result result;
    if (status == STOA_OK)
        status = stoa_agent_run(t, &run, &result, err);
    if (status == STOA_OK && o->json)
        print_json(stoa_agent_trainer_spec(t), dir, &result);
    else if (status == STOA_OK)
        print_text(t, dir, &result);
    else if (status == STOA_ERR_INTERRUPTED)
        stoa_fail(err, status,
                  "stopped at update %lld of %lld and saved. Go on with: stoa train --resume %s",
                  (long long)stoa_agent_trainer_update(t), (long long)stoa_agent_trainer_updates(t),
                  dir);
    stoa_agent_trainer_free(t);
    return status;
}

const cli_train_kind cli_train_agent = {
    .free_keys = free_keys,
    .open = open_settings,
    .close = close_settings,
    .train = train,
};
