/*
 * cli/train.c - `stoa train`: which kind of run the settings describe, where it goes, and whether
 * what lies there allows it.
 */
#include <string.h>

#include "cli/train.h"

static const cli_option rows[] = {
    {"set", 's', "KEY=VALUE", "Change one setting, e.g. --set model.layers=8", CLI_SETTINGS,
     CLI_AT(cli_train, settings, cli_settings), 0, 0},
    {"resume", 'r', NULL, "Go on from the run's last checkpoint (settings or the run's folder)",
     CLI_FLAG, CLI_AT(cli_train, resume, bool), 0, 0},
    {"fresh", 'f', NULL, "Start over: the run's folder is emptied first", CLI_FLAG,
     CLI_AT(cli_train, fresh, bool), 0, 0},
    {"json", 'j', NULL, "Print the result as JSON", CLI_FLAG, CLI_AT(cli_train, json, bool), 0, 0},
    {"quiet", 'q', NULL, "No progress", CLI_FLAG, CLI_AT(cli_train, quiet, bool), 0, 0},
    {0},
};

static const cli_parser parser = {
    .options = rows,
    .words = {CLI_AT(cli_train, settings.path, const char *)},
    .words_count = 1,
    .arguments = "[SETTINGS.yaml]\n--resume RUN",
    .doc = "Train a language model, an agent when the settings name an environment (env.name), or "
           "in-context learning when they name a preset or data.source; without settings, a small "
           "language model on the built-in text.\v"
           "The run goes to <out>/<name>-<seed>/: settings.yaml, metrics.jsonl, TensorBoard events "
           "and checkpoints. Ctrl-C saves and says how to go on. `stoa list settings` explains "
           "every key; `stoa plan` takes a language model's settings and tells what a run will "
           "cost.",
};

/* ---- may this run go there? ------------------------------------------------------------------ */

/* Keys that may change when a run is resumed do not touch what was learned. */
static bool may_change(const cli_run *r, const char *key) {
    for (const char *const *free = r->kind->free_keys; *free; free++)
        if (strcmp(key, *free) == 0)
            return true;
    return false;
}

/* The value of one setting as YAML; "nothing" when the run has no such setting. */
static const char *value_of(const cli_run *r, const char *key, stoa_buffer *out) {
    for (size_t i = 0; i < r->table.count; i++)
        if (strcmp(r->table.rows[i].key, key) == 0) {
            stoa_setting_write(&r->table.rows[i], r->target, out);
            return out->data ? out->data : "";
        }
    return "nothing";
}

/* Appends "model.width: 128 then, 64 now" for each setting that differs and must not. */
static void compare(const cli_run *then, const cli_run *now, stoa_buffer *out) {
    for (size_t i = 0; i < now->table.count; i++) {
        const char *key = now->table.rows[i].key;
        stoa_buffer a = {0}, b = {0};
        const char *was = value_of(then, key, &a), *is = value_of(now, key, &b);
        if (strcmp(was, is) != 0 && !may_change(now, key))
            stoa_buffer_printf(out, "%s%s: %s then, %s now", out->len ? "; " : "", key, was, is);
        stoa_buffer_deinit(&a);
        stoa_buffer_deinit(&b);
    }
}

static stoa_status open_run(cli_run *r, const char *path, const char *const *sets, int count,
                            stoa_error *err) {
    bool agent, icl;
    STOA_TRY(stoa_agent_settings_detect(path, sets, count, &agent, err));
    STOA_TRY(stoa_icl_settings_detect(path, sets, count, &icl, err));
    if (agent && icl)
        return stoa_fail(
            err, STOA_ERR_USAGE,
            "the settings name an environment (env.name) as well as sequences (preset, "
            "data.source); a run is about one of them");
    *r = (cli_run){.kind = agent ? &cli_train_agent : icl ? &cli_train_icl : &cli_train_lm};
    return r->kind->open(r, path, sets, count, err);
}

static stoa_status check_same(const char *dir, const cli_run *now, stoa_error *err) {
    char path[4096];
    stoa_path_join(path, sizeof path, dir, "settings.yaml");
    cli_run *then = stoa_alloc(sizeof *then);
    if (!then)
        return stoa_fail(err, STOA_ERR_MEMORY, "out of memory for the settings");
    stoa_status status = open_run(then, path, NULL, 0, err);
    stoa_buffer changed = {0};
    if (status == STOA_OK) {
        if (then->kind == now->kind)
            compare(then, now, &changed);
        else
            stoa_buffer_printf(&changed, "another kind of run");
        then->kind->close(then);
    }
    stoa_free(then);
    if (changed.len > 0)
        status = stoa_fail(err, STOA_ERR_USAGE,
                           "%s began with other settings (%s). Its own settings go on with: stoa "
                           "train --resume %s; another run starts with --set name=...",
                           dir, changed.data, dir);
    stoa_buffer_deinit(&changed);
    return status;
}

/* Whether what lies in dir allows the run. */
static stoa_status check_dir(const cli_train *o, const cli_run *r, const char *dir,
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
    return check_same(dir, r, err);
}

stoa_status cli_train_clear(const cli_train *o, const char *dir, stoa_error *err) {
    return o->fresh && stoa_file_exists(dir) ? stoa_remove_tree(dir, err) : STOA_OK;
}

/* ---- where does it go? ----------------------------------------------------------------------- */

/* A run's folder stands for the settings in it, and is then where the run goes on, wherever it was
 * moved. dir: the folder, or empty when settings are a file or defaults. */
static stoa_status settings_of_run(cli_train *o, char *dir, size_t n, stoa_error *err) {
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

static stoa_status choose_dir(const cli_run *r, char *dir, size_t n, stoa_error *err) {
    char name[STOA_SETTING_TEXT + 32];
    snprintf(name, sizeof name, "%s-%lld", r->name, (long long)r->seed);
    if (!stoa_path_join(dir, n, r->out, name))
        return stoa_fail(err, STOA_ERR_USAGE, "out: path too long");
    return STOA_OK;
}

static stoa_status train(cli_train *o, cli_run *r, stoa_error *err) {
    char dir[4096];
    STOA_TRY(settings_of_run(o, dir, sizeof dir, err));
    STOA_TRY(open_run(r, o->settings.path, o->settings.sets, o->settings.count, err));
    stoa_status status = STOA_OK;
    if (!dir[0] || !o->resume)
        status = choose_dir(r, dir, sizeof dir, err);
    if (status == STOA_OK)
        status = check_dir(o, r, dir, err);
    if (status == STOA_OK)
        status = r->kind->train(o, r, dir, err);
    r->kind->close(r);
    return status;
}

int verb_train(int argc, char **argv) {
    cli_train o = {0};
    stoa_error err = {0};
    cli_parse(&parser, argc, argv, &o);
    if (o.resume && o.fresh) {
        stoa_fail(&err, STOA_ERR_USAGE, "--resume goes on and --fresh starts over: give one");
        return cli_fail(&err);
    }
    cli_run *r = stoa_alloc(sizeof *r);
    if (!r)
        stoa_fail(&err, STOA_ERR_MEMORY, "out of memory for the settings");
    int code = r && train(&o, r, &err) == STOA_OK ? EXIT_OK : cli_fail(&err);
    stoa_free(r);
    return code;
}
