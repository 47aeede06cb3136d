/*
 * stoa/train.h - training: settings, objectives, loops. Language models, agents, in-context
 * learning.
 */
#ifndef STOA_TRAIN_H
#define STOA_TRAIN_H

#include "stoa/data.h"
#include "stoa/model.h"
#include "stoa/text.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum stoa_precision {
    STOA_PRECISION_AUTO,
    STOA_PRECISION_F32,
    STOA_PRECISION_BF16
} stoa_precision;

/* Everything that decides a language-model run: one YAML file (stoa_lm_settings_table). */
typedef struct stoa_lm_settings {
    char name[STOA_SETTING_TEXT], out[STOA_SETTING_TEXT]; /* runs go to <out>/<name>-<seed>/ */
    int64_t seed, threads;
    int precision; /* stoa_precision; auto: bf16 where the machine multiplies it fast */

    stoa_lm_options model;

    char tokenizer[STOA_SETTING_TEXT];  /* "bytes", or a tokenizer.json */
    char text[STOA_SETTING_TEXT];       /* training text or .tok file; "builtin" */
    char valid_text[STOA_SETTING_TEXT]; /* held-out file; empty: the end of text */
    double valid_fraction;
    int order; /* stoa_window_order */

    int64_t steps;
    double flops; /* training FLOPs to spend instead of steps; 0: steps decide */
    int64_t batch, accumulate;
    double rate;
    int schedule; /* stoa_schedule_kind */
    int64_t warmup;
    double floor;
    stoa_optimizer_options optimizer;
    double router_weight, balance_weight;
    int64_t eval_every, eval_tokens, log_every, checkpoint_every, keep, patience;
    double checkpoint_minutes;
} stoa_lm_settings;

STOA_API stoa_settings_table stoa_lm_settings_table(void);
/* Zeroes the struct and fills every row's default. */
STOA_API stoa_status stoa_lm_settings_init(stoa_lm_settings *settings, stoa_error *err);
/* Fills derived settings and checks the whole; errors name the setting. */
STOA_API stoa_status stoa_lm_settings_check(stoa_lm_settings *settings, stoa_error *err);
/* The tokenizer that data.tokenizer names: "bytes", or a tokenizer.json. */
STOA_API stoa_status stoa_lm_open_tokenizer(const char *name, stoa_tokenizer **out,
                                            stoa_error *err);
/* Whether this machine multiplies bf16 faster than f32. */
STOA_API bool stoa_machine_has_bf16(void);

/* ---- plan ------------------------------------------------------------------------------------ */

/* What a run will cost, from the model code on the meta backend. Bytes are what the run then uses.
 */
typedef struct stoa_lm_plan {
    int64_t parameters, embedding_parameters;
    double forward_flops;  /* a token, routed by top-k, multiply-add = 2, attention not halved */
    double training_flops; /* a token: forward and backward */
    double step_flops;     /* one optimiser step */
    double block_flops[STOA_MAX_LAYERS]; /* forward, a token of the sequence */
    double other_flops;                  /* embedding and head */
    size_t weight_bytes, gradient_bytes, optimizer_bytes;
    size_t packed_bytes;     /* bf16 copies of matrices, 0 in f32 */
    size_t activation_bytes; /* peak of the step arena: activations and their gradients */
    size_t cache_bytes;      /* keys and values of one full-context sequence, expected */
    int64_t steps;
    double total_flops;
} stoa_lm_plan;
/* Forward, losses and (with gradients on) backward of one micro-batch: what a plan and a run share.
 * inputs, targets: (B, T) host memory; scale: factor on the whole loss. */
STOA_API void stoa_lm_micro_step(stoa_ctx *ctx, const stoa_lm *lm, const stoa_lm_settings *settings,
                                 const int32_t *inputs, const int32_t *targets, double scale,
                                 stoa_lm_output *out);
STOA_API stoa_status stoa_lm_plan_make(const stoa_lm_settings *settings, stoa_lm_plan *plan,
                                       stoa_error *err);

/* Bytes of tensors that a run of this plan holds at its peak. The program, its libraries and the
 * evaluations add about 100 MiB. */
STOA_API double stoa_lm_plan_memory(const stoa_lm_plan *plan);
/* STOA_ERR_MEMORY, saying what needs how much and what to change, when that is more than this
 * process may take. */
STOA_API stoa_status stoa_lm_plan_fits(const stoa_lm_plan *plan, stoa_error *err);

/* Shortest of at least three optimiser steps (micro-batch and update) of a fresh model on random
 * tokens, repeated for `patience` seconds; a first step, which fills caches, is not counted. */
STOA_API stoa_status stoa_lm_time_step(const stoa_lm_settings *settings, stoa_pool *pool,
                                       double patience, double *seconds, stoa_error *err);
/* Where the time of a step goes: seconds a step of each kind of kernel, forward and backward, of
 * the optimiser, and in all. */
typedef struct stoa_lm_profile {
    double seconds[STOA_OP_COUNT][2];
    double optimizer, step;
} stoa_lm_profile;
STOA_API stoa_status stoa_lm_profile_step(const stoa_lm_settings *settings, stoa_pool *pool,
                                          double patience, stoa_lm_profile *profile,
                                          stoa_error *err);
/* Shifts the predictors' (or routers') output biases so that `capacity` of random tokens would go
 * through each routed block: an untrained model then decodes at a trained one's speed. The
 * auxiliary cure has no bias to shift and is left alone. */
STOA_API stoa_status stoa_lm_calibrate_routing(stoa_ctx *ctx, stoa_lm *lm, stoa_error *err);
/* Batch-1 decoding of `tokens` tokens by a fresh, calibrated model: seconds a token after the
 * first, and the cache's bytes at the end. */
STOA_API stoa_status stoa_lm_time_decode(const stoa_lm_settings *settings, stoa_pool *pool,
                                         int64_t tokens, double *seconds, size_t *cache_bytes,
                                         stoa_error *err);
/* Tokens a second this machine will train at, from timing blocks of the settings' shapes for about
 * a second: steps of models with one dense block, two, and one of each kind, of which the run's
 * step is a linear combination. */
STOA_API stoa_status stoa_lm_predict_speed(const stoa_lm_settings *settings,
                                           double *tokens_per_second, stoa_error *err);

/* ---- trainer --------------------------------------------------------------------------------- */

typedef struct stoa_lm_eval {
    double loss_causal; /* nats a token, routed by the cure: the honest figure */
    double loss_top_k;  /* routed by the k largest, which sees the future; equal for dense models */
    /* of the cure against the top k, over all routed blocks */
    double accuracy, precision, recall, routed;
    int64_t tokens;
} stoa_lm_eval;

typedef struct stoa_lm_step {
    double loss, router_loss, balance_loss, grad_norm, rate;
    /* over the routed blocks of the last micro-batch: |r| on average and at most, and the share of
     * tokens that no routed block took (watch them: routers drift and collapse late) */
    double score_mean, score_max, never_routed;
} stoa_lm_step;

typedef struct stoa_lm_trainer {
    stoa_lm_settings settings;
    stoa_lm_plan plan;
    stoa_pool *pool; /* owned */
    stoa_ctx *ctx;
    stoa_ctx *eval_ctx;
    stoa_lm *lm;
    stoa_optimizer *optimizer;
    stoa_tokenizer *tokenizer;
    stoa_corpus *corpus;
    int32_t *inputs, *targets; /* (batch, T) */
    int64_t step;              /* optimiser steps done */
    double best_loss;          /* best evaluation so far */
    int64_t best_step, evals_without_gain;
    int64_t evaluated_step; /* of the last evaluation */
} stoa_lm_trainer;

/* Opens data, builds model and optimiser. settings must have passed the check; vocab is set from
 * the tokenizer. */
STOA_API stoa_status stoa_lm_trainer_new(stoa_lm_trainer **out, const stoa_lm_settings *settings,
                                         stoa_error *err);
STOA_API void stoa_lm_trainer_free(stoa_lm_trainer *trainer);
/* One optimiser step over accumulate micro-batches. */
STOA_API stoa_status stoa_lm_trainer_step(stoa_lm_trainer *trainer, stoa_lm_step *result,
                                          stoa_error *err);
/* Over `tokens` held-out tokens (0: all of them). STOA_ERR_INTERRUPTED on a stop request. */
STOA_API stoa_status stoa_lm_trainer_evaluate(stoa_lm_trainer *trainer, int64_t tokens,
                                              stoa_lm_eval *result, stoa_error *err);
/* The same over a split of another corpus of the same tokenizer: a test text. */
STOA_API stoa_status stoa_lm_trainer_evaluate_on(stoa_lm_trainer *trainer,
                                                 const stoa_corpus *corpus, stoa_split split,
                                                 int64_t tokens, stoa_lm_eval *result,
                                                 stoa_error *err);
STOA_API stoa_status stoa_lm_trainer_save(stoa_lm_trainer *trainer, const char *run_dir, bool best,
                                          stoa_error *err);
STOA_API stoa_status stoa_lm_trainer_load(stoa_lm_trainer *trainer, const char *run_dir,
                                          const char *which, stoa_error *err);

typedef struct stoa_lm_run_options {
    const char *run_dir; /* NULL: nothing is written */
    bool resume;         /* from run_dir's latest checkpoint when there is one */
    FILE *progress;      /* NULL: silent */
    /* called after each evaluation; nullable */
    void (*evaluated)(void *user, const stoa_lm_trainer *trainer, const stoa_lm_eval *eval);
    /* called after each step; nullable */
    void (*stepped)(void *user, const stoa_lm_trainer *trainer);
    void *user;
} stoa_lm_run_options;
typedef struct stoa_lm_run_result {
    stoa_lm_eval final_eval;
    double best_loss, seconds, tokens_per_second, flops_per_second;
    int64_t steps;
    bool stopped_early;
} stoa_lm_run_result;
/* The whole run: steps, evaluations, metrics, checkpoints. A stop request (Ctrl-C) saves and
 * returns STOA_ERR_INTERRUPTED. */
STOA_API stoa_status stoa_lm_run(stoa_lm_trainer *trainer, const stoa_lm_run_options *options,
                                 stoa_lm_run_result *result, stoa_error *err);

/* ---- using a trained model ------------------------------------------------------------------- */

/* A run directory opened for use: settings, tokenizer, weights of a checkpoint. */
typedef struct stoa_lm_bundle {
    stoa_lm_settings settings;
    stoa_tokenizer *tokenizer;
    stoa_lm *lm;
    int64_t step;
} stoa_lm_bundle;
/* which: "best" falls back to "latest" when there is no best. */
STOA_API stoa_status stoa_lm_bundle_open(stoa_lm_bundle *bundle, const char *run_dir,
                                         const char *which, stoa_error *err);
STOA_API void stoa_lm_bundle_close(stoa_lm_bundle *bundle);

typedef struct stoa_generate_options {
    int64_t batch, tokens; /* sequences, new tokens each */
    stoa_sampler sampler;
    uint64_t seed;
    bool stop_at_end;    /* at the token end_of_text */
    int32_t end_of_text; /* of the tokenizer; -1: none */
    /* called for each new token; false stops. nullable */
    bool (*token)(void *user, int64_t sequence, int32_t id);
    void *user;
} stoa_generate_options;
typedef struct stoa_generate_result {
    double prefill_seconds, seconds; /* until the first token; in all */
    int64_t tokens;                  /* made, over all sequences */
    size_t cache_bytes;
    double routed; /* share of (token, routed block) pairs that went through */
} stoa_generate_result;
/* Continues prompt (n ids, n >= 1) in `batch` sequences. Past the model's context the oldest half
 * of the text is dropped and the cache is filled anew. */
STOA_API stoa_status stoa_generate(stoa_ctx *ctx, const stoa_lm *lm, const int32_t *prompt,
                                   int64_t n, const stoa_generate_options *options,
                                   stoa_generate_result *result, stoa_error *err);

/* ==== agents ================================================================================== */

/* ---- V-trace (Espeholt et al. 2018) ---------------------------------------------------------- */

typedef struct stoa_vtrace_options {
    double rho_clip;    /* of the value targets' importance weights */
    double pg_rho_clip; /* of the policy gradient's */
    double lambda;      /* multiplies c; 1: the paper's */
} stoa_vtrace_options;
/* All arrays (T, B), time-major; bootstrap (B) is the value after the last step. log_rho: log of
 * learner's over behaviour's probability of the action taken. discounts: gamma, or 0 where the
 * episode ended. targets: v_t; advantages: min(pg_rho_clip, rho_t) (r_t + d_t v_{t+1} - V_t). */
STOA_API void stoa_vtrace(const stoa_vtrace_options *options, int64_t steps, int64_t batch,
                          const float *log_rho, const float *discounts, const float *rewards,
                          const float *values, const float *bootstrap, float *targets,
                          float *advantages);
/* Generalised advantage estimation (Schulman et al. 2016), same layout. */
STOA_API void stoa_gae(double lambda, int64_t steps, int64_t batch, const float *discounts,
                       const float *rewards, const float *values, const float *bootstrap,
                       float *targets, float *advantages);

/* ---- unrolls --------------------------------------------------------------------------------- */

/* T steps of B instances, time-major. Row t of actions, rewards, flags and metrics belongs to the
 * step that LED to observation t (row 0 repeats the last row of the unroll before), so the action
 * taken at observation t is row t + 1. */
typedef struct stoa_unroll {
    int64_t steps, batch;                /* T, B */
    void *observations[STOA_ENV_SPACES]; /* (T + 1, B, shape...) */
    void *actions[STOA_ENV_SPACES];      /* (T + 1, B, shape...) */
    float *rewards;                      /* (T + 1, B) as the environment paid them */
    uint8_t *terminated, *truncated;     /* (T + 1, B) */
    uint8_t *reset;                      /* (T + 1, B) observation t begins an episode */
    float *log_probs;                    /* (T, B) of the action taken at t, when it was taken */
    float *values;                       /* (T + 1, B) of observation t then; row T: PPO only */
    float *final_values;                 /* (T + 1, B) value of the last state where truncated */
    float *metrics;                      /* (T + 1, B, metric_count) where an episode ended */
    uint8_t *events;                     /* (T + 1, B) of observation t */
    stoa_agent_state state;              /* before observation 0 */
    void *block;                         /* all of the above but the state */
} stoa_unroll;

/* ---- synthetic returns (Raposo et al. 2021) -------------------------------------------------- */

/* The state-associative regression of one unroll, without the networks. Of instance b, the rows of
 * memory (oldest first, all of one episode) are followed by the unroll's T rows. With the
 * contributions c of all of them and the gates g and biases b of the new rows, the reward r_t that
 * follows the action taken in row t is predicted as
 *     p_t = g_t * (sum of c over the last `capacity` rows of the same episode before t) + b_t
 * and the loss is sum_t (p_t - r_t)^2 / 2. Running sums make it O(rows), where evaluating every
 * memory at every step is O(T * rows). */
typedef struct stoa_sa_rows {
    int64_t steps, batch;         /* T, B */
    int64_t capacity;             /* rows that count at once */
    int64_t stride;               /* rows of memory laid out for each instance */
    const float *old_c;           /* (B, stride) */
    const int32_t *old_count;     /* (B) rows of memory that are valid, at most capacity, stride */
    const float *c, *gate, *bias; /* (T, B) */
    const float *rewards;         /* (T, B) */
    const uint8_t *reset;         /* (T, B) an episode begins at t */
} stoa_sa_rows;
/* Of the loss; what is NULL is not written. */
typedef struct stoa_sa_gradients {
    float *old_c;      /* (B, stride); 0 beyond old_count */
    float *c;          /* (T, B) */
    float *gate_logit; /* (T, B) of the logit whose sigmoid g is */
    float *bias;       /* (T, B) = p_t - r_t; required */
} stoa_sa_gradients;
/* Returns the loss. */
STOA_API double stoa_sa_loss(const stoa_sa_rows *rows, const stoa_sa_gradients *gradients);
/* Takes from a value for every row, old (B, stride) and fresh (T, B), their mean over the rows that
 * there are. Done to c before the loss and to its gradient after it, the loss is that of centred
 * contributions: their mean only counts steps, which the bias can do, and with hundreds of states
 * in the sum it is the direction in which that moves most. */
STOA_API void stoa_sa_center(const stoa_sa_rows *rows, float *old, float *fresh);

/* ---- objectives ------------------------------------------------------------------------------ */

/* Terms of an agent's loss beside policy and value, each with settings of its own. */
typedef struct stoa_objective_class stoa_objective_class;
STOA_API int stoa_objective_class_count(void);
STOA_API const stoa_objective_class *stoa_objective_class_at(int i);
STOA_API const char *stoa_objective_class_name(const stoa_objective_class *class_);
STOA_API const char *stoa_objective_class_summary(const stoa_objective_class *class_);
STOA_API stoa_settings_table stoa_objective_class_settings(const stoa_objective_class *class_);

/* ---- settings -------------------------------------------------------------------------------- */

typedef enum stoa_learner_kind { STOA_LEARNER_VTRACE, STOA_LEARNER_PPO } stoa_learner_kind;

/* Everything that decides an agent's run: one YAML file. Besides the rows of its table, the keys
 * env.<setting> of the environment that env.name names and <objective>.<setting> of the objectives
 * listed belong to it; `extra` keeps them as text, checked against their own tables. */
typedef struct stoa_agent_settings {
    char name[STOA_SETTING_TEXT], out[STOA_SETTING_TEXT]; /* runs go to <out>/<name>-<seed>/ */
    int64_t seed, threads;
    int precision; /* stoa_precision */

    char env[STOA_SETTING_TEXT];        /* env.name */
    int64_t instances;                  /* B */
    char objectives[STOA_SETTING_TEXT]; /* "synthetic-returns", several by commas; may be empty */
    stoa_agent_options agent;

    int learner;    /* stoa_learner_kind */
    int64_t unroll; /* T */
    int64_t steps;  /* environment steps in all, over all instances */
    double discount;
    stoa_vtrace_options vtrace;
    double value_weight, entropy_weight;
    double reward_scale, reward_clip; /* clip 0: none */
    bool mean_loss;                   /* average over T and B instead of summing */
    double ppo_clip, ppo_value_clip;  /* value clip 0: none */
    double gae_lambda;
    int64_t ppo_epochs, ppo_minibatches;
    bool normalize_advantages; /* PPO: each minibatch's to mean 0, deviation 1 */
    bool pipeline;             /* actors one version behind the learner */
    bool stagger;              /* instances begin at different phases of an episode */

    double rate;
    int schedule; /* stoa_schedule_kind, over updates */
    double floor;
    stoa_optimizer_options optimizer;

    int64_t eval_episodes, eval_every, log_every, checkpoint_every, keep; /* every: in updates */
    bool eval_greedy;  /* the most probable actions instead of drawn ones */
    int64_t window;    /* last episodes that training's figures are means of */
    double stop_score; /* stop when an evaluation's first metric reaches it */
    double checkpoint_minutes;
    char extra[8192]; /* YAML lines "env.drops: 20\n" */
} stoa_agent_settings;

/* The rows of the struct, without those of environments and objectives. */
STOA_API stoa_settings_table stoa_agent_settings_table(void);
/* Zeroes the struct and fills every row's default. */
STOA_API stoa_status stoa_agent_settings_init(stoa_agent_settings *settings, stoa_error *err);
/* Defaults, then the file (path, nullable), then "key=value" assignments in order: all keys, of the
 * environment and the objectives too. Errors name path, line and the nearest key. */
STOA_API stoa_status stoa_agent_settings_load(stoa_agent_settings *settings, const char *path,
                                              const char *const *sets, int set_count,
                                              stoa_error *err);
/* Fills derived settings and checks the whole; errors name the setting. */
STOA_API stoa_status stoa_agent_settings_check(stoa_agent_settings *settings, stoa_error *err);
/* Whether a settings file (nullable) with these assignments is an agent's: it names env.name. */
STOA_API stoa_status stoa_agent_settings_detect(const char *path, const char *const *sets,
                                                int set_count, bool *is_agent, stoa_error *err);

/* All keys of one run as one table over one block of memory: for writing and comparing. */
typedef struct stoa_agent_view {
    stoa_settings_table table;
    void *target;
} stoa_agent_view;
STOA_API stoa_status stoa_agent_view_open(stoa_agent_view *view,
                                          const stoa_agent_settings *settings, stoa_error *err);
STOA_API void stoa_agent_view_close(stoa_agent_view *view);
/* The environment of these settings. */
STOA_API stoa_status stoa_agent_settings_env(const stoa_agent_settings *settings, int64_t count,
                                             uint64_t seed, stoa_env **out, stoa_error *err);

/* ---- trainer --------------------------------------------------------------------------------- */

/* Figures of episodes: 0 is the return, 1 the length in steps, then the environment's metrics. The
 * score is the first metric, or the return where there is none. */
enum { STOA_AGENT_FIGURES = STOA_ENV_METRICS + 2 };
typedef struct stoa_agent_scores {
    int64_t episodes;
    int figures;
    double mean[STOA_AGENT_FIGURES];
    double margin[STOA_AGENT_FIGURES]; /* half the width of the mean's 95 % interval */
} stoa_agent_scores;
STOA_API const char *stoa_agent_figure_name(const stoa_env_spec *spec, int figure);
/* Whether an environment's metric is the return or the length once more, under the same name: where
 * names must be distinct, such a figure is left out. */
STOA_API bool stoa_agent_figure_again(const stoa_env_spec *spec, int figure);
STOA_API double stoa_agent_score(const stoa_agent_scores *scores);

/* What one update did; losses are means over steps and instances, before weights. */
typedef struct stoa_agent_step {
    double policy_loss, value_loss, entropy;
    double divergence; /* estimated KL of the new policy from the one that acted */
    double explained;  /* share of the value targets' variance that the values explain */
    double reward;     /* mean of what policy and value learned from */
    double grad_norm, rate;
    stoa_metric objectives[STOA_AGENT_FIGURES * 4]; /* figures of their own; names borrowed */
    int objective_count;
} stoa_agent_step;

typedef struct stoa_agent_trainer stoa_agent_trainer;
/* Opens the environment, builds agent, objectives and optimiser. settings must have passed the
 * check. */
STOA_API stoa_status stoa_agent_trainer_new(stoa_agent_trainer **out,
                                            const stoa_agent_settings *settings, stoa_error *err);
STOA_API void stoa_agent_trainer_free(stoa_agent_trainer *trainer);
/* One unroll and one update (with PPO, its epochs). */
STOA_API stoa_status stoa_agent_trainer_step(stoa_agent_trainer *trainer, stoa_agent_step *result,
                                             stoa_error *err);
/* `episodes` episodes of instances of its own, the same ones each time. STOA_ERR_INTERRUPTED on a
 * stop request. */
STOA_API stoa_status stoa_agent_trainer_evaluate(stoa_agent_trainer *trainer, int64_t episodes,
                                                 stoa_agent_scores *result, stoa_error *err);
/* Of the last settings.window episodes of training. */
STOA_API stoa_agent_scores stoa_agent_trainer_scores(const stoa_agent_trainer *trainer);
/* Everything: weights, moments, environments, cores' states, objectives' memories, figures. */
STOA_API stoa_status stoa_agent_trainer_save(stoa_agent_trainer *trainer, const char *run_dir,
                                             bool best, stoa_error *err);
STOA_API stoa_status stoa_agent_trainer_load(stoa_agent_trainer *trainer, const char *run_dir,
                                             const char *which, stoa_error *err);
STOA_API const stoa_agent_settings *stoa_agent_trainer_settings(const stoa_agent_trainer *trainer);
STOA_API const stoa_env_spec *stoa_agent_trainer_spec(const stoa_agent_trainer *trainer);
STOA_API stoa_params *stoa_agent_trainer_params(const stoa_agent_trainer *trainer);
STOA_API int64_t stoa_agent_trainer_update(const stoa_agent_trainer *trainer);  /* done */
STOA_API int64_t stoa_agent_trainer_updates(const stoa_agent_trainer *trainer); /* in all */
STOA_API int64_t stoa_agent_trainer_env_steps(const stoa_agent_trainer *trainer);
STOA_API int64_t stoa_agent_trainer_episodes(const stoa_agent_trainer *trainer);
STOA_API int stoa_agent_trainer_threads(const stoa_agent_trainer *trainer);
/* Seconds so far in which environments stepped. */
STOA_API double stoa_agent_trainer_env_seconds(const stoa_agent_trainer *trainer);

typedef struct stoa_agent_run_options {
    const char *run_dir; /* NULL: nothing is written */
    bool resume;         /* from run_dir's latest checkpoint when there is one */
    FILE *progress;      /* NULL: silent */
    /* called after each evaluation; nullable */
    void (*evaluated)(void *user, const stoa_agent_trainer *trainer,
                      const stoa_agent_scores *scores);
    /* called after each update; nullable */
    void (*stepped)(void *user, const stoa_agent_trainer *trainer, const stoa_agent_step *step);
    /* called after each checkpoint, with the seconds trained since the start or the resumption; a
     * failure ends the run; nullable */
    stoa_status (*saved)(void *user, const stoa_agent_trainer *trainer, double seconds,
                         stoa_error *err);
    void *user;
} stoa_agent_run_options;
typedef struct stoa_agent_run_result {
    stoa_agent_scores training;   /* of the last episodes */
    stoa_agent_scores evaluation; /* the last one; no episodes: none was asked for */
    double best_score;
    int64_t best_update, updates, env_steps, episodes;
    double seconds, steps_per_second; /* of training, without evaluations and checkpoints */
    double env_share;                 /* of that time in which environments stepped */
    bool stopped_early;               /* train.stop_score was reached */
} stoa_agent_run_result;
/* The whole run: updates, evaluations, metrics, checkpoints. A stop request (Ctrl-C) saves and
 * returns STOA_ERR_INTERRUPTED. */
STOA_API stoa_status stoa_agent_run(stoa_agent_trainer *trainer,
                                    const stoa_agent_run_options *options,
                                    stoa_agent_run_result *result, stoa_error *err);

/* ---- using a trained agent ------------------------------------------------------------------- */

/* A run directory opened for use: settings, and an agent with the weights of a checkpoint. */
typedef struct stoa_agent_bundle stoa_agent_bundle;
/* which: "best" falls back to "latest" when there is no best. */
STOA_API stoa_status stoa_agent_bundle_open(stoa_agent_bundle **out, const char *run_dir,
                                            const char *which, stoa_error *err);
STOA_API void stoa_agent_bundle_close(stoa_agent_bundle *bundle);
STOA_API const stoa_agent_settings *stoa_agent_bundle_settings(const stoa_agent_bundle *bundle);
STOA_API const stoa_env_spec *stoa_agent_bundle_spec(const stoa_agent_bundle *bundle);
STOA_API int64_t stoa_agent_bundle_update(const stoa_agent_bundle *bundle); /* of the checkpoint */

/* One step of one episode, told after it was taken. Pointers live until the call returns. */
typedef struct stoa_agent_moment {
    int64_t episode, step; /* counted from 0 */
    const stoa_env *env;   /* in `decided` it shows the state that is acted on */
    const void *observations[STOA_ENV_SPACES];
    const void *actions[STOA_ENV_SPACES];
    const float *logits[STOA_ENV_SPACES];
    const float *encoding, *features; /* (N), (M) */
    int64_t encoding_width, feature_width;
    int event;           /* of the observation; 0: none */
    float value, reward; /* reward: paid for the action */
    /* synthetic return c of the observation; NAN when the agent has not learned any */
    float contribution;
    bool terminated, truncated;
    const float *metrics; /* (metric_count) at the end of an episode, else NULL */
} stoa_agent_moment;
typedef struct stoa_agent_play_options {
    int64_t episodes;
    uint64_t seed;
    bool greedy; /* the most probable actions instead of drawn ones */
    /* called before each step is taken, with everything but reward, flags and metrics: to draw the
     * state; false stops. nullable */
    bool (*decided)(void *user, const stoa_agent_moment *moment);
    /* called after it; false stops. nullable */
    bool (*moved)(void *user, const stoa_agent_moment *moment);
    void *user;
} stoa_agent_play_options;
/* Plays episodes in one instance of the run's environment. */
STOA_API stoa_status stoa_agent_play(stoa_agent_bundle *bundle,
                                     const stoa_agent_play_options *options,
                                     stoa_agent_scores *scores, stoa_error *err);
/* Scores of `episodes` episodes in many instances at once. */
STOA_API stoa_status stoa_agent_bundle_evaluate(stoa_agent_bundle *bundle, int64_t episodes,
                                                uint64_t seed, bool greedy,
                                                stoa_agent_scores *scores, stoa_error *err);

/* An agent that is asked for its actions in instances that somebody else steps. */
typedef struct stoa_agent_pilot stoa_agent_pilot;
/* bundle is borrowed. */
STOA_API stoa_status stoa_agent_pilot_new(stoa_agent_pilot **out, const stoa_agent_bundle *bundle,
                                          int64_t count, uint64_t seed, bool greedy,
                                          stoa_error *err);
STOA_API void stoa_agent_pilot_free(stoa_agent_pilot *pilot);
/* seen: the observations, and the rewards and flags of the step that led to them. actions: that
 * step's, and then the ones to take now. At the first call only observations are read. */
STOA_API stoa_status stoa_agent_pilot_choose(stoa_agent_pilot *pilot, const stoa_env_buffers *seen,
                                             void *const *actions, stoa_error *err);

/* ---- what an agent says ---------------------------------------------------------------------- */

/* One thing that the environment tells, and what an agent that learned to explain (the objective
 * `explanations`) says of it: of its own accord, hearing no words but its own. Words are categories
 * of the space; 0: none. */
typedef struct stoa_agent_remark {
    const stoa_space *space;    /* the target that tells it */
    int64_t first, count;       /* its elements [first, first + count) */
    int64_t part, parts;        /* which of so many objects it is about; 1 part: about none */
    const int32_t *told, *said; /* (count), until the pilot's next choice */
    bool text;                  /* its first 0 ends it; else what is not told is not asked for */
    bool verdict;               /* what a choice came to; else what things are like */
    bool learned;               /* explanations.kinds has it; else what is said means nothing */
    bool right;                 /* learned, and all that is told is said */
} stoa_agent_remark;
enum { STOA_AGENT_REMARKS = 32 }; /* room enough for what is told at a step */
/* words: remark->told or remark->said. */
STOA_API void stoa_agent_remark_print(const stoa_agent_remark *remark, const int32_t *words,
                                      stoa_buffer *out);

/* Whether the agent learned to explain anything. */
STOA_API bool stoa_agent_pilot_speaks(const stoa_agent_pilot *pilot);
/* After a choice: says what there is to say of what was seen and chosen. actions: those chosen. */
STOA_API stoa_status stoa_agent_pilot_speak(stoa_agent_pilot *pilot, void *const *actions,
                                            stoa_error *err);
/* What is told in an instance, up to `most`; returns how many. of_choice false: told by the
 * observations `seen` that were chosen at. true: told of the last choice, by the observations
 * `seen` after it. */
STOA_API int stoa_agent_pilot_remarks(const stoa_agent_pilot *pilot, const stoa_env_buffers *seen,
                                      int64_t instance, bool of_choice, stoa_agent_remark *out,
                                      int most);

/* Learned remarks: [0] of things, [1] of choices. */
typedef struct stoa_agent_said {
    int64_t told[2], right[2];
} stoa_agent_said;
STOA_API void stoa_agent_said_add(stoa_agent_said *sum, const stoa_agent_remark *remarks,
                                  int count);

enum { STOA_AGENT_SHEET = 64 }; /* most episodes of a sheet */
typedef struct stoa_agent_sheet_result {
    int64_t episodes, steps, moments; /* moments: pictures on the sheet */
    double mean_return;
    stoa_agent_said said; /* at all steps */
} stoa_agent_sheet_result;
/* A PNG of episodes: of each its first state, the first at which a thing was told anew, the first
 * after its choice, and the last, with the environment's words and the agent's. pilot and env
 * (reset and stepped) are of one instance. title stands above. STOA_ERR_UNSUPPORTED when the
 * environment cannot be drawn in pixels; STOA_ERR_INTERRUPTED on a stop request. */
STOA_API stoa_status stoa_agent_sheet(stoa_agent_pilot *pilot, stoa_env *env, int64_t episodes,
                                      const char *title, const char *path,
                                      stoa_agent_sheet_result *result, stoa_error *err);

/* ==== in-context learning ===================================================================== */

/* Training the classifier of model.h on the sequences of data.h, with the tests that tell labelling
 * from the context (ICL) and labelling from the weights (IWL) apart. */

/* Everything that decides such a run: one YAML file, with the rows `data.*` of the sequences. */
typedef struct stoa_icl_settings {
    char name[STOA_SETTING_TEXT], out[STOA_SETTING_TEXT]; /* runs go to <out>/<name>-<seed>/ */
    int preset; /* what keys that are not given are taken from: stoa_icl_preset_name */
    int64_t seed, threads;
    int precision; /* stoa_precision */

    stoa_sequences_options data; /* its seed is the run's */
    stoa_icl_options model;      /* item, labels and pairs are the data's */

    int64_t steps, batch;
    double rate;
    int schedule; /* stoa_schedule_kind */
    int64_t warmup;
    double floor;
    stoa_optimizer_options optimizer;
    double interim; /* share of the loss that is at the context's items */
    int64_t eval_every, eval_sequences, log_every, checkpoint_every, keep;
    double checkpoint_minutes;
    bool circuit; /* evaluations also measure the heads of an induction circuit */
} stoa_icl_settings;

STOA_API int stoa_icl_preset_count(void);
STOA_API const char *stoa_icl_preset_name(int preset);    /* "mini" */
STOA_API const char *stoa_icl_preset_summary(int preset); /* one sentence */
/* All keys. The table belongs to the caller: stoa_settings_join_free. */
STOA_API stoa_status stoa_icl_settings_table(stoa_settings_table *out, stoa_error *err);
/* The preset, by number, with every key. */
STOA_API stoa_status stoa_icl_settings_init(stoa_icl_settings *settings, int preset,
                                            stoa_error *err);
/* The preset that the file or the assignments name (else the first), then the file (path,
 * nullable), then "key=value" assignments in order. Errors name path, line and the nearest key. */
STOA_API stoa_status stoa_icl_settings_load(stoa_icl_settings *settings, const char *path,
                                            const char *const *sets, int set_count,
                                            stoa_error *err);
/* Fills derived settings and checks the whole; errors name the setting. */
STOA_API stoa_status stoa_icl_settings_check(stoa_icl_settings *settings, stoa_error *err);
/* Whether a settings file (nullable) with these assignments is of this kind: it names a preset or
 * data.source. */
STOA_API stoa_status stoa_icl_settings_detect(const char *path, const char *const *sets,
                                              int set_count, bool *is_icl, stoa_error *err);

typedef struct stoa_icl_step {
    double loss, accuracy; /* at the query, open; of valued data the mean square, and 0 */
    double grad_norm, rate;
} stoa_icl_step;

/* One kind of evaluation sequences. */
typedef struct stoa_icl_score {
    int64_t sequences; /* 0: the data have no such sequences */
    double open;    /* accuracy over all labels; in-weights kinds accept any label of the class */
    double closed;  /* over the episode's two labels; NAN where it has none */
    double context; /* share of the predictions that are labels of the context */
    double loss;
    /* of valued sequences, where the above are NAN but for the loss: means of squares over all
     * numbers of a sequence, a number's own errors (loss: the model's) and distances of guesses */
    double ridge, best;           /* errors of stoa_guess_ridge and stoa_guess_pool */
    double from_ridge, from_best; /* of the model from each of them */
    double apart;                 /* of the two from each other */
} stoa_icl_score;

typedef struct stoa_icl_eval {
    stoa_icl_score kinds[STOA_SEQUENCES_KINDS];
    /* of an induction circuit, by layer and head (stoa_icl_circuit), on in-context episodes; NULL
     * when not measured. Borrowed from the trainer, until its next evaluation. */
    const double *previous, *match; /* (layers, heads) */
    double best_previous, best_match;
} stoa_icl_eval;

typedef struct stoa_icl_trainer stoa_icl_trainer;
/* Opens the data, builds model and optimiser; no files are touched but those of the data. settings
 * must have passed the check. */
STOA_API stoa_status stoa_icl_trainer_new(stoa_icl_trainer **out, const stoa_icl_settings *settings,
                                          stoa_error *err);
STOA_API void stoa_icl_trainer_free(stoa_icl_trainer *trainer);
STOA_API stoa_status stoa_icl_trainer_step(stoa_icl_trainer *trainer, stoa_icl_step *result,
                                           stoa_error *err);
/* `sequences` of each kind that the data have, the same ones each time. STOA_ERR_INTERRUPTED on a
 * stop request. */
STOA_API stoa_status stoa_icl_trainer_evaluate(stoa_icl_trainer *trainer, int64_t sequences,
                                               stoa_icl_eval *result, stoa_error *err);
/* The same of one kind, with rows from `first` on: to look closer. */
STOA_API stoa_status stoa_icl_trainer_score(stoa_icl_trainer *trainer, int kind, int64_t first,
                                            int64_t sequences, stoa_icl_score *result,
                                            stoa_error *err);
/* One evaluation sequence as the model sees it: logits (L), maps (layers, heads, T, T) or NULL
 * without a transformer, classes (P + 1), labels (P), target. Caller's memory; each nullable. */
typedef struct stoa_icl_episode {
    float *logits, *maps;
    int32_t *classes, *labels, *target;
} stoa_icl_episode;
STOA_API stoa_status stoa_icl_trainer_episode(stoa_icl_trainer *trainer, int kind, int64_t row,
                                              const stoa_icl_episode *out, stoa_error *err);
STOA_API const stoa_icl_settings *stoa_icl_trainer_settings(const stoa_icl_trainer *trainer);
STOA_API stoa_icl *stoa_icl_trainer_model(const stoa_icl_trainer *trainer);
STOA_API const stoa_sequences *stoa_icl_trainer_data(const stoa_icl_trainer *trainer);
STOA_API int64_t stoa_icl_trainer_steps(const stoa_icl_trainer *trainer); /* done */
STOA_API int stoa_icl_trainer_threads(const stoa_icl_trainer *trainer);
STOA_API stoa_status stoa_icl_trainer_save(stoa_icl_trainer *trainer, const char *run_dir,
                                           bool best, stoa_error *err);
STOA_API stoa_status stoa_icl_trainer_load(stoa_icl_trainer *trainer, const char *run_dir,
                                           const char *which, stoa_error *err);

typedef struct stoa_icl_run_options {
    const char *run_dir; /* NULL: nothing is written */
    bool resume;         /* from run_dir's latest checkpoint when there is one */
    FILE *progress;      /* NULL: silent */
    /* called after each evaluation; nullable */
    void (*evaluated)(void *user, const stoa_icl_trainer *trainer, const stoa_icl_eval *eval);
    /* called after each step; nullable */
    void (*stepped)(void *user, const stoa_icl_trainer *trainer, const stoa_icl_step *step);
    void *user;
} stoa_icl_run_options;
typedef struct stoa_icl_run_result {
    stoa_icl_eval final_eval; /* without the circuit's borrowed arrays */
    double loss, accuracy;    /* of training, over the last log_every steps */
    double best_icl;          /* closed, of any evaluation */
    int64_t best_step, steps;
    double seconds, steps_per_second; /* of training, without evaluations and checkpoints */
} stoa_icl_run_result;
/* The whole run: steps, evaluations, metrics, checkpoints. A stop request (Ctrl-C) saves and
 * returns STOA_ERR_INTERRUPTED. */
STOA_API stoa_status stoa_icl_run(stoa_icl_trainer *trainer, const stoa_icl_run_options *options,
                                  stoa_icl_run_result *result, stoa_error *err);

#ifdef __cplusplus
}
#endif

#endif /* STOA_TRAIN_H */
