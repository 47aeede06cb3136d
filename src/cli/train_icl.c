/* cli/train_icl.c - `stoa train` of in-context learning. */
#include <math.h>

#include "cli/train.h"

static const char *const free_keys[] = {
    "name",
    "threads",
    "out",
    "preset",
    "train.steps",
    "train.eval_every",
    "train.eval_sequences",
    "train.circuit",
    "train.keep",
    "train.log_every",
    "train.checkpoint_every",
    "train.checkpoint_minutes",
    NULL,
};

static stoa_status open_settings(cli_run *r, const char *path, const char *const *sets, int count,
                                 stoa_error *err) {
    STOA_TRY(stoa_icl_settings_load(&r->icl, path, sets, count, err));
    STOA_TRY(stoa_icl_settings_check(&r->icl, err));
    STOA_TRY(stoa_icl_settings_table(&r->table, err));
    r->target = &r->icl;
    r->name = r->icl.name;
    r->out = r->icl.out;
    r->seed = r->icl.seed;
    return STOA_OK;
}

static void close_settings(cli_run *r) {
    stoa_settings_join_free(&r->table);
}

static bool is_valued(const stoa_icl_score *s) {
    return isnan(s->open);
}

/* "icl 0.998 (open 0.99), iwl 0.36, ..." */
static void describe(const stoa_icl_eval *e, stoa_buffer *out) {
    for (int k = 0; k < STOA_SEQUENCES_KINDS; k++) {
        const stoa_icl_score *s = &e->kinds[k];
        if (s->sequences == 0)
            continue;
        stoa_buffer_printf(out, "%s%s ", out->len ? ", " : "", stoa_sequences_kind_name(k));
        if (is_valued(s))
            stoa_buffer_printf(out, "%.4f (ridge %.4f, pool's best %.4f; from them %.4f, %.4f)",
                               s->loss, s->ridge, s->best, s->from_ridge, s->from_best);
        else if (isnan(s->closed))
            stoa_buffer_printf(out, "%.3f", s->open);
        else
            stoa_buffer_printf(out, "%.3f (open %.3f)", s->closed, s->open);
    }
}

static void evaluated(void *user, const stoa_icl_trainer *t, const stoa_icl_eval *e) {
    (void)user;
    stoa_buffer text = {0};
    describe(e, &text);
    if (e->previous)
        stoa_buffer_printf(&text, "; previous token %.2f, label match %.2f", e->best_previous,
                           e->best_match);
    stoa_log_write(STOA_LOG_INFO, "step %lld: %s", (long long)stoa_icl_trainer_steps(t),
                   text.data ? text.data : "");
    stoa_buffer_deinit(&text);
}

static void print_json(const char *dir, const stoa_icl_run_result *r) {
    json_t *kinds = json_object();
    for (int k = 0; k < STOA_SEQUENCES_KINDS; k++) {
        const stoa_icl_score *s = &r->final_eval.kinds[k];
        if (s->sequences == 0)
            continue;
        json_t *one =
            is_valued(s)
                ? json_pack("{s:I, s:f, s:f, s:f, s:f, s:f}", "sequences", (json_int_t)s->sequences,
                            "loss", s->loss, "ridge", s->ridge, "best", s->best, "from_ridge",
                            s->from_ridge, "from_best", s->from_best)
                : json_pack("{s:I, s:f, s:f, s:f}", "sequences", (json_int_t)s->sequences, "open",
                            s->open, "context", s->context, "loss", s->loss);
        if (!isnan(s->closed))
            json_object_set_new(one, "closed", json_real(s->closed));
        json_object_set_new(kinds, stoa_sequences_kind_name(k), one);
    }
    cli_print_json(json_pack("{s:s, s:I, s:f, s:f, s:f, s:I, s:f, s:f, s:o}", "run", dir, "steps",
                             (json_int_t)r->steps, "loss", r->loss, "accuracy", r->accuracy,
                             "best_icl", r->best_icl, "best_step", (json_int_t)r->best_step,
                             "seconds", r->seconds, "steps_per_second", r->steps_per_second,
                             "evaluation", kinds));
}

static void print_text(const stoa_icl_trainer *t, const char *dir, const stoa_icl_run_result *r) {
    const stoa_sequences *data = stoa_icl_trainer_data(t);
    char time[32];
    if (r->seconds > 0)
        printf("%s: step %lld, trained for %s, %.3g ms a step; training loss %.3f, accuracy %.3f\n",
               dir, (long long)r->steps, stoa_human_time(r->seconds, time, sizeof time),
               1e3 / r->steps_per_second, r->loss, r->accuracy);
    else
        printf("%s: was complete at step %lld; --set train.steps=N trains on\n", dir,
               (long long)r->steps);
    for (int k = 0; k < STOA_SEQUENCES_KINDS; k++) {
        const stoa_icl_score *s = &r->final_eval.kinds[k];
        if (s->sequences == 0)
            continue;
        printf("  %-13s", stoa_sequences_kind_name(k));
        if (is_valued(s)) {
            printf("error %.4f, ridge's %.4f, the pool's best guess's %.4f; %.4f and %.4f from "
                   "them\n",
                   s->loss, s->ridge, s->best, s->from_ridge, s->from_best);
            continue;
        }
        if (isnan(s->closed))
            printf("%.3f (chance %.2g)", s->open, stoa_sequences_chance(data, k, false));
        else
            printf("%.3f of two labels, %.3f of all", s->closed, s->open);
        printf("; %.0f %% of answers from the context\n", 100 * s->context);
    }
    if (r->best_icl >= 0)
        printf("in-context accuracy was best at step %lld: %.3f\n", (long long)r->best_step,
               r->best_icl);
    printf("\nNext:\n  tensorboard --logdir %s\n", dir);
}

static void announce(const stoa_icl_trainer *t, const char *dir) {
    const stoa_icl_settings *s = stoa_icl_trainer_settings(t);
    char parameters[32];
    stoa_log_write(
        STOA_LOG_INFO, "%s: %s, %s parameters, %lld steps of %lld, %s, threads: %d", dir,
        stoa_icl_preset_name(s->preset),
        stoa_human_count((double)stoa_params_numel(stoa_icl_params(stoa_icl_trainer_model(t))),
                         parameters, sizeof parameters),
        (long long)s->steps, (long long)s->batch,
        s->precision == STOA_PRECISION_BF16 ? "bf16" : "f32", stoa_icl_trainer_threads(t));
}

static stoa_status train(const cli_train *o, cli_run *r, const char *dir, stoa_error *err) {
    stoa_icl_trainer *t;
    STOA_TRY(stoa_icl_trainer_new(&t, &r->icl, err));
    stoa_status status = cli_train_clear(o, dir, err);
    if (status == STOA_OK && !o->quiet)
        announce(t, dir);
    stoa_icl_run_options run = {.run_dir = dir,
                                .resume = o->resume,
                                .progress = o->quiet ? NULL : stderr,
                                .evaluated = o->quiet ? NULL : evaluated};
    stoa_icl_run_result result;
    if (status == STOA_OK)
        status = stoa_icl_run(t, &run, &result, err);
    if (status == STOA_OK && o->json)
        print_json(dir, &result);
    else if (status == STOA_OK)
        print_text(t, dir, &result);
    else if (status == STOA_ERR_INTERRUPTED)
        stoa_fail(err, status,
                  "stopped at step %lld of %lld and saved. Go on with: stoa train --resume %s",
                  (long long)stoa_icl_trainer_steps(t), (long long)r->icl.steps, dir);
    stoa_icl_trainer_free(t);
    return status;
}

const cli_train_kind cli_train_icl = {
    .free_keys = free_keys,
    .open = open_settings,
    .close = close_settings,
    .train = train,
};
