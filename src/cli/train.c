/* cli/train.c - `stoa train`: a language model from a settings file. */
#include <math.h>
#include <string.h>

#include "cli/cli.h"

typedef struct options {
    cli_settings settings;
    bool resume, fresh, json, quiet;
} options;

static const struct argp_option rows[] = {
    {"set", 's', "KEY=VALUE", 0, "Change one setting, e.g. --set model.layers=8", 0},
    {"resume", 'r', 0, 0, "Go on from the run's last checkpoint (settings or the run's folder)", 0},
    {"fresh", 'f', 0, 0, "Start over: the run's folder is emptied first", 0},
    {"json", 'j', 0, 0, "Print the result as JSON", 0},
    {"quiet", 'q', 0, 0, "No progress", 0},
    {0},
};

static error_t parse(int key, char *arg, struct argp_state *state) {
    options *o = state->input;
    switch (key) {
    case 's':
        cli_settings_add(&o->settings, arg, state);
        return 0;
    case 'r':
        o->resume = true;
        return 0;
    case 'f':
        o->fresh = true;
        return 0;
    case 'j':
        o->json = true;
        return 0;
    case 'q':
        o->quiet = true;
        return 0;
    case ARGP_KEY_ARG:
        if (state->arg_num > 0)
            return ARGP_ERR_UNKNOWN;
        o->settings.path = arg;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp parser = {
    .options = rows,
    .parser = parse,
    .args_doc = "[SETTINGS.yaml]\n--resume RUN",
    .doc = "Train a language model; without settings, a small one on the built-in text.\v"
           "The run goes to <out>/<name>-<seed>/: settings.yaml, metrics.jsonl, TensorBoard events "
           "and checkpoints. Ctrl-C saves and says how to go on. `stoa list settings` explains "
           "every key.",
};

/* Keys that may change when a run is resumed: they do not touch what was learned. */
static const char *const free_keys[] = {
    "threads:",     "out:",    "  steps:",    "  eval_every:",       "  eval_tokens:",
    "  log_every:", "  keep:", "  patience:", "  checkpoint_every:", "  checkpoint_minutes:",
};

static bool may_change(const char *line) {
    for (size_t i = 0; i < sizeof free_keys / sizeof free_keys[0]; i++)
        if (strncmp(line, free_keys[i], strlen(free_keys[i])) == 0)
            return true;
    return false;
}

/* Both dumps list every key in the same order, so they differ line by line. */
static stoa_status compare_dumps(const char *dir, char *then, char *now, stoa_error *err) {
    char *rest_then, *rest_now;
    char *a = strtok_r(then, "\n", &rest_then), *b = strtok_r(now, "\n", &rest_now);
    for (; a && b; a = strtok_r(NULL, "\n", &rest_then), b = strtok_r(NULL, "\n", &rest_now))
        if (strcmp(a, b) != 0 && !may_change(a))
            return stoa_fail(
                err, STOA_ERR_USAGE,
                "%s was trained with '%s', not '%s'; resume with the same settings, or "
                "start another run with --set name=...",
                dir, a + strspn(a, " "), b + strspn(b, " "));
    return STOA_OK;
}

static stoa_status check_same(const char *dir, const stoa_lm_settings *now, stoa_error *err) {
    stoa_lm_settings then;
    char path[4096];
    stoa_settings_table table = stoa_lm_settings_table();
    STOA_TRY(stoa_lm_settings_init(&then, err));
    stoa_path_join(path, sizeof path, dir, "settings.yaml");
    STOA_TRY(stoa_settings_load(table, &then, path, NULL, err));
    STOA_TRY(stoa_lm_settings_check(&then, err));
    stoa_buffer a = {0}, b = {0};
    stoa_settings_dump(table, &then, false, &a);
    stoa_settings_dump(table, now, false, &b);
    stoa_status status = a.failed || b.failed ? stoa_fail(err, STOA_ERR_MEMORY, "out of memory")
                                              : compare_dumps(dir, a.data, b.data, err);
    stoa_buffer_deinit(&a);
    stoa_buffer_deinit(&b);
    return status;
}

static stoa_status prepare_dir(const options *o, const stoa_lm_settings *s, const char *dir,
                               stoa_error *err) {
    char checkpoints[4096];
    if (!stoa_path_join(checkpoints, sizeof checkpoints, dir, "checkpoints"))
        return stoa_fail(err, STOA_ERR_USAGE, "%s: path too long", dir);
    if (o->fresh && stoa_file_exists(dir))
        return stoa_remove_tree(dir, err);
    if (!stoa_checkpoint_exists(checkpoints))
        return STOA_OK;
    if (!o->resume)
        return stoa_fail(err, STOA_ERR_USAGE,
                         "%s already holds a run. Go on with it: stoa train --resume; start over: "
                         "--fresh; keep both: --set name=... or --set seed=...",
                         dir);
    return check_same(dir, s, err);
}

static void evaluated(void *user, const stoa_lm_trainer *t, const stoa_lm_eval *e) {
    (void)user;
    if (e->accuracy > 0)
        stoa_log_write(STOA_LOG_INFO,
                       "step %lld: valid loss %.4f (top-k %.4f), predictor accuracy %.3f precision "
                       "%.3f recall %.3f, routed %.3f",
                       (long long)t->step, e->loss_causal, e->loss_top_k, e->accuracy, e->precision,
                       e->recall, e->routed);
    else
        stoa_log_write(STOA_LOG_INFO, "step %lld: valid loss %.4f", (long long)t->step,
                       e->loss_causal);
}

static void print_result(const options *o, const stoa_lm_trainer *t, const char *dir,
                         const stoa_lm_run_result *r) {
    char speed[32], flops[32], time[32];
    if (o->json) {
        cli_print_json(
            json_pack("{s:s, s:I, s:f, s:f, s:f, s:f, s:f, s:f, s:b}", "run", dir, "steps",
                      (json_int_t)r->steps, "valid_loss", r->final_eval.loss_causal,
                      "valid_loss_top_k", r->final_eval.loss_top_k, "best_loss", r->best_loss,
                      "seconds", r->seconds, "tokens_per_second", r->tokens_per_second,
                      "flops_per_second", r->flops_per_second, "stopped_early", r->stopped_early));
        return;
    }
    printf("%s: %lld steps in %s, %s tokens/s, %sFLOP/s\n", dir, (long long)r->steps,
           stoa_human_time(r->seconds, time, sizeof time),
           stoa_human_count(r->tokens_per_second, speed, sizeof speed),
           stoa_human_count(r->flops_per_second, flops, sizeof flops));
    printf("validation loss %.4f nats a token (best %.4f at step %lld)", r->final_eval.loss_causal,
           r->best_loss, (long long)t->best_step);
    if (strcmp(t->settings.tokenizer, "bytes") == 0)
        printf(", %.3f bits a byte", r->final_eval.loss_causal / log(2.0));
    printf("\nNext: stoa sample %s \"...\"   or   tensorboard --logdir %s\n", dir, t->settings.out);
}

/* A run's folder stands for the settings in it. */
static void settings_of_run(options *o, char *path, size_t n) {
    if (o->settings.path && stoa_path_join(path, n, o->settings.path, "settings.yaml") &&
        stoa_file_exists(path))
        o->settings.path = path;
}

static stoa_status train(options *o, stoa_error *err) {
    stoa_lm_settings s;
    char from_run[4096];
    settings_of_run(o, from_run, sizeof from_run);
    char name[STOA_SETTING_TEXT + 32], dir[2 * STOA_SETTING_TEXT + 64];
    STOA_TRY(cli_settings_load(&o->settings, &s, err));
    snprintf(name, sizeof name, "%s-%lld", s.name, (long long)s.seed);
    if (!stoa_path_join(dir, sizeof dir, s.out, name))
        return stoa_fail(err, STOA_ERR_USAGE, "out: path too long");
    STOA_TRY(prepare_dir(o, &s, dir, err));
    stoa_lm_trainer *t;
    STOA_TRY(stoa_lm_trainer_new(&t, &s, err));
    char parameters[32], flops[32];
    stoa_log_write(
        STOA_LOG_INFO, "%s: %s parameters, %sFLOP a token forward, %lld steps, %s, %d threads", dir,
        stoa_human_count((double)t->plan.parameters, parameters, sizeof parameters),
        stoa_human_count(t->plan.forward_flops, flops, sizeof flops), (long long)t->plan.steps,
        s.precision == STOA_PRECISION_BF16 ? "bf16" : "f32", stoa_pool_threads(t->pool));
    stoa_lm_run_options run = {.run_dir = dir,
                               .resume = o->resume,
                               .progress = o->quiet ? NULL : stderr,
                               .evaluated = o->quiet ? NULL : evaluated};
    stoa_lm_run_result result;
    stoa_status status = stoa_lm_run(t, &run, &result, err);
    if (status == STOA_OK)
        print_result(o, t, dir, &result);
    else if (status == STOA_ERR_INTERRUPTED)
        stoa_fail(err, status,
                  "stopped at step %lld of %lld and saved. Go on with: stoa train --resume %s",
                  (long long)t->step, (long long)t->plan.steps, dir);
    stoa_lm_trainer_free(t);
    return status;
}

int verb_train(int argc, char **argv) {
    options o = {0};
    stoa_error err = {0};
    argp_parse(&parser, argc, argv, 0, NULL, &o);
    return train(&o, &err) == STOA_OK ? EXIT_OK : cli_fail(&err);
}
