/* cli/train.c - `stoa train`: a language model from a settings file. */
#include <math.h>
#include <string.h>

#include "cli/cli.h"

typedef struct options {
    cli_settings settings;
    bool resume, fresh, json, quiet;
    char from_run[4096]; /* settings.yaml of the run's folder, when one was given */
} options;

static const cli_option rows[] = {
    {"set", 's', "KEY=VALUE", "Change one setting, e.g. --set model.layers=8", CLI_SETTINGS,
     CLI_AT(options, settings, cli_settings), 0, 0},
    {"resume", 'r', NULL, "Go on from the run's last checkpoint (settings or the run's folder)",
     CLI_FLAG, CLI_AT(options, resume, bool), 0, 0},
    {"fresh", 'f', NULL, "Start over: the run's folder is emptied first", CLI_FLAG,
     CLI_AT(options, fresh, bool), 0, 0},
    {"json", 'j', NULL, "Print the result as JSON", CLI_FLAG, CLI_AT(options, json, bool), 0, 0},
    {"quiet", 'q', NULL, "No progress", CLI_FLAG, CLI_AT(options, quiet, bool), 0, 0},
    {0},
};

static const cli_parser parser = {
    .options = rows,
    .words = {CLI_AT(options, settings.path, const char *)},
    .words_count = 1,
    .arguments = "[SETTINGS.yaml]\n--resume RUN",
    .doc = "Train a language model; without settings, a small one on the built-in text.\v"
           "The run goes to <out>/<name>-<seed>/: settings.yaml, metrics.jsonl, TensorBoard events "
           "and checkpoints. Ctrl-C saves and says how to go on. `stoa list settings` explains "
           "every key; `stoa plan` takes the same settings and tells what a run will cost.",
};

/* Keys that may change when a run is resumed: they do not touch what was learned. */
static const char *const free_keys[] = {
    "name",           "threads",          "out",
    "train.steps",    "train.eval_every", "train.eval_tokens",
    "train.keep",     "train.log_every",  "train.checkpoint_every",
    "train.patience", "train.flops",      "train.checkpoint_minutes",
};

static bool may_change(const char *key) {
    for (size_t i = 0; i < sizeof free_keys / sizeof free_keys[0]; i++)
        if (strcmp(key, free_keys[i]) == 0)
            return true;
    return false;
}

/* The value of one setting as YAML. */
static const char *value_of(const stoa_setting *row, const void *settings, stoa_buffer *out) {
    stoa_settings_dump((stoa_settings_table){row, 1}, settings, false, out);
    if (out->failed || out->len == 0)
        return "";
    out->data[out->len - 1] = 0; /* the last line's end */
    const char *last = strrchr(out->data, '\n');
    const char *colon = strchr(last ? last : out->data, ':');
    return colon ? colon + 2 : out->data;
}

/* Appends "model.width: 128 then, 64 now" for each setting that differs and must not. */
static void compare(const stoa_lm_settings *then, const stoa_lm_settings *now, stoa_buffer *out) {
    stoa_settings_table table = stoa_lm_settings_table();
    for (size_t i = 0; i < table.count; i++) {
        stoa_buffer a = {0}, b = {0};
        const char *was = value_of(&table.rows[i], then, &a);
        const char *is = value_of(&table.rows[i], now, &b);
        if (strcmp(was, is) != 0 && !may_change(table.rows[i].key))
            stoa_buffer_printf(out, "%s%s: %s then, %s now", out->len ? "; " : "",
                               table.rows[i].key, was, is);
        stoa_buffer_deinit(&a);
        stoa_buffer_deinit(&b);
    }
}

static stoa_status check_same(const char *dir, const stoa_lm_settings *now, stoa_error *err) {
    stoa_lm_settings then;
    char path[4096];
    STOA_TRY(stoa_lm_settings_init(&then, err));
    stoa_path_join(path, sizeof path, dir, "settings.yaml");
    STOA_TRY(stoa_settings_load(stoa_lm_settings_table(), &then, path, NULL, err));
    STOA_TRY(stoa_lm_settings_check(&then, err));
    stoa_buffer changed = {0};
    compare(&then, now, &changed);
    stoa_status status = STOA_OK;
    if (changed.len > 0)
        status = stoa_fail(err, STOA_ERR_USAGE,
                           "%s began with other settings (%s). Its own settings go on with: stoa "
                           "train --resume %s; another run starts with --set name=...",
                           dir, changed.data, dir);
    stoa_buffer_deinit(&changed);
    return status;
}

/* Whether what lies in dir allows the run. */
static stoa_status check_dir(const options *o, const stoa_lm_settings *s, const char *dir,
                             stoa_error *err) {
    char checkpoints[4096];
    if (!stoa_path_join(checkpoints, sizeof checkpoints, dir, "checkpoints"))
        return stoa_fail(err, STOA_ERR_USAGE, "%s: path too long", dir);
    if (o->fresh)
        return STOA_OK;
    if (!stoa_checkpoint_exists(checkpoints)) {
        if (o->resume)
            stoa_log_write(STOA_LOG_WARN, "%s: no checkpoint yet, starting at step 0", dir);
        return STOA_OK;
    }
    if (!o->resume)
        return stoa_fail(err, STOA_ERR_USAGE,
                         "%s already holds a run. Go on with it: stoa train --resume %s; start "
                         "over: --fresh; keep both: --set name=... or --set seed=...",
                         dir, dir);
    return check_same(dir, s, err);
}

static void evaluated(void *user, const stoa_lm_trainer *t, const stoa_lm_eval *e) {
    (void)user;
    if (e->accuracy > 0)
        stoa_log_write(STOA_LOG_INFO,
                       "step %lld: valid loss %.4f (top-k %.4f), routing %.1f %% right, %.1f %% of "
                       "tokens routed",
                       (long long)t->step, e->loss_causal, e->loss_top_k, 100 * e->accuracy,
                       100 * e->routed);
    else
        stoa_log_write(STOA_LOG_INFO, "step %lld: valid loss %.4f", (long long)t->step,
                       e->loss_causal);
}

static void print_json(const char *dir, const stoa_lm_run_result *r) {
    cli_print_json(json_pack(
        "{s:s, s:I, s:f, s:f, s:f, s:f, s:f, s:f, s:b}", "run", dir, "steps", (json_int_t)r->steps,
        "valid_loss", r->final_eval.loss_causal, "valid_loss_top_k", r->final_eval.loss_top_k,
        "best_loss", r->best_loss, "seconds", r->seconds, "tokens_per_second", r->tokens_per_second,
        "flops_per_second", r->flops_per_second, "stopped_early", r->stopped_early));
}

static void print_text(const stoa_lm_trainer *t, const char *dir, const stoa_lm_run_result *r) {
    char speed[32], flops[32], time[32];
    if (r->seconds > 0)
        printf("%s: step %lld%s, trained for %s at %s tokens/s, %s\n", dir, (long long)r->steps,
               r->stopped_early ? " (stopped early: the loss no longer fell)" : "",
               stoa_human_time(r->seconds, time, sizeof time),
               stoa_human_count(r->tokens_per_second, speed, sizeof speed),
               stoa_human_unit(r->flops_per_second, "FLOP/s", flops, sizeof flops));
    else
        printf("%s: was complete at step %lld; --set train.steps=N trains on\n", dir,
               (long long)r->steps);
    printf("validation loss %.4f nats a token (best %.4f at step %lld)", r->final_eval.loss_causal,
           r->best_loss, (long long)t->best_step);
    if (strcmp(t->settings.tokenizer, "bytes") == 0)
        printf(", %.3f bits a byte", r->final_eval.loss_causal / log(2.0));
    printf("\n\nNext:\n  stoa sample %s \"Once upon a time\"\n  tensorboard --logdir %s\n", dir,
           dir);
}

/* A run's folder stands for the settings in it, and is then where the run goes on, wherever it was
 * moved. dir: the folder, or empty when settings are a file or defaults. */
static stoa_status settings_of_run(options *o, char *dir, size_t n, stoa_error *err) {
    const char *given = o->settings.path;
    char *path = o->from_run;
    dir[0] = 0;
    if (!given || !stoa_path_join(path, sizeof o->from_run, given, "."))
        return STOA_OK;
    if (!stoa_file_exists(path)) { /* no folder */
        if (o->resume && !stoa_file_exists(given))
            return stoa_fail(err, STOA_ERR_USAGE,
                             "%s: there is no such run. Runs are folders made by `stoa train`, by "
                             "default in runs/",
                             given);
        return STOA_OK;
    }
    if (!stoa_path_join(path, sizeof o->from_run, given, "settings.yaml"))
        return stoa_fail(err, STOA_ERR_USAGE, "%s: path too long", given);
    if (!stoa_file_exists(path))
        return stoa_fail(err, STOA_ERR_USAGE,
                         "%s has no settings.yaml: it is not a run. Runs are made by `stoa train`, "
                         "by default in runs/",
                         given);
    snprintf(dir, n, "%s", given);
    for (size_t len = strlen(dir); len > 1 && dir[len - 1] == '/'; len--)
        dir[len - 1] = 0;
    o->settings.path = path;
    return STOA_OK;
}

static stoa_status choose_dir(const stoa_lm_settings *s, char *dir, size_t n, stoa_error *err) {
    char name[STOA_SETTING_TEXT + 32];
    snprintf(name, sizeof name, "%s-%lld", s->name, (long long)s->seed);
    if (!stoa_path_join(dir, n, s->out, name))
        return stoa_fail(err, STOA_ERR_USAGE, "out: path too long");
    return STOA_OK;
}

static void announce(const stoa_lm_trainer *t, const char *dir) {
    char parameters[32], flops[32], memory[32];
    stoa_log_write(
        STOA_LOG_INFO, "%s: %s parameters, %s a token forward, %lld steps, %s, %s, threads: %d",
        dir, stoa_human_count((double)t->plan.parameters, parameters, sizeof parameters),
        stoa_human_unit(t->plan.forward_flops, "FLOP", flops, sizeof flops),
        (long long)t->plan.steps,
        stoa_human_bytes(stoa_lm_plan_memory(&t->plan), memory, sizeof memory),
        t->settings.precision == STOA_PRECISION_BF16 ? "bf16" : "f32", stoa_pool_threads(t->pool));
}

static stoa_status train(options *o, stoa_error *err) {
    stoa_lm_settings s;
    char dir[4096];
    STOA_TRY(settings_of_run(o, dir, sizeof dir, err));
    STOA_TRY(cli_settings_load(&o->settings, &s, err));
    if (!dir[0] || !o->resume)
        STOA_TRY(choose_dir(&s, dir, sizeof dir, err));
    STOA_TRY(check_dir(o, &s, dir, err));
    stoa_lm_trainer *t;
    STOA_TRY(stoa_lm_trainer_new(&t, &s, err));
    /* only now: a mistake in the settings must not cost the old run */
    stoa_status status = o->fresh && stoa_file_exists(dir) ? stoa_remove_tree(dir, err) : STOA_OK;
    if (status != STOA_OK) {
        stoa_lm_trainer_free(t);
        return status;
    }
    if (!o->quiet)
        announce(t, dir);
    stoa_lm_run_options run = {.run_dir = dir,
                               .resume = o->resume,
                               .progress = o->quiet ? NULL : stderr,
                               .evaluated = o->quiet ? NULL : evaluated};
    stoa_lm_run_result result;
    status = stoa_lm_run(t, &run, &result, err);
    if (status == STOA_OK && o->json)
        print_json(dir, &result);
    else if (status == STOA_OK)
        print_text(t, dir, &result);
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
    cli_parse(&parser, argc, argv, &o);
    if (o.resume && o.fresh) {
        stoa_fail(&err, STOA_ERR_USAGE, "--resume goes on and --fresh starts over: give one");
        return cli_fail(&err);
    }
    return train(&o, &err) == STOA_OK ? EXIT_OK : cli_fail(&err);
}
