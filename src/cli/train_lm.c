/* cli/train_lm.c - `stoa train` of a language model. */
#include <math.h>
#include <string.h>

#include "cli/train.h"

/* Keys that may change when a run is resumed: they do not touch what was learned. */
static const char *const free_keys[] = {
    "name",
    "threads",
    "out",
    "train.steps",
    "train.eval_every",
    "train.eval_tokens",
    "train.keep",
    "train.log_every",
    "train.checkpoint_every",
    "train.patience",
    "train.flops",
    "train.checkpoint_minutes",
    NULL,
};

static stoa_status open_settings(cli_run *r, const char *path, const char *const *sets, int count,
                                 stoa_error *err) {
    r->table = stoa_lm_settings_table();
    r->target = &r->lm;
    STOA_TRY(stoa_lm_settings_init(&r->lm, err));
    if (path)
        STOA_TRY(stoa_settings_load(r->table, &r->lm, path, NULL, err));
    for (int i = 0; i < count; i++)
        STOA_TRY(stoa_settings_set(r->table, &r->lm, sets[i], NULL, err));
    STOA_TRY(stoa_lm_settings_check(&r->lm, err));
    r->name = r->lm.name;
    r->out = r->lm.out;
    r->seed = r->lm.seed;
    return STOA_OK;
}

static void close_settings(cli_run *r) {
    (void)r;
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

static stoa_status train(const cli_train *o, cli_run *r, const char *dir, stoa_error *err) {
    stoa_lm_trainer *t;
    STOA_TRY(stoa_lm_trainer_new(&t, &r->lm, err));
    stoa_status status = cli_train_clear(o, dir, err);
    if (status == STOA_OK && !o->quiet)
        announce(t, dir);
    stoa_lm_run_options run = {.run_dir = dir,
                               .resume = o->resume,
                               .progress = o->quiet ? NULL : stderr,
                               .evaluated = o->quiet ? NULL : evaluated};
    stoa_lm_run_result result;
    if (status == STOA_OK)
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

const cli_train_kind cli_train_lm = {
    .free_keys = free_keys,
    .open = open_settings,
    .close = close_settings,
    .train = train,
};
