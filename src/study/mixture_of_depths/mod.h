/*
 * study/mixture_of_depths/mod.h - what the files of this study share.
 *
 * Words: a *point* is one training run, fully described (arm, size, budget, seed). An *arm* is a
 * kind of model. Points are computed once and kept in the study's run store.
 *
 * Two kinds of points never mix. Those of the sweep's seed *choose*: rates and sizes, by their
 * loss on the validation text; they never read the test text. Those of the other seeds *judge*:
 * every claim is decided by their figures on the test text.
 */
#ifndef STOA_STUDY_MOD_H
#define STOA_STUDY_MOD_H

#include "stoa/study.h"
#include "stoa/train.h"

typedef struct stoa_mod_settings {
    int64_t context, batch, eval_tokens;
    int64_t jobs;
    stoa_float_list rates; /* at width 64; one: nothing to choose */
    int64_t tune_width, tune_layers;
    double tune_budget, init_gain;
    stoa_float_list budgets;
    stoa_int_list dense_widths, dense_layers, routed_widths, routed_layers;
    double capacity;
    int64_t sweep_seed;
    stoa_int_list seeds;         /* of ablations */
    stoa_int_list confirm_seeds; /* of the best against the best */
    int64_t ablation_width, ablation_layers;
    double ablation_budget;
    stoa_int_list control_seeds; /* of learned against Gaussian routing */
    double control_budget;       /* of it, of every other against every block, of causal routing */
    int64_t speed_width, speed_layers, speed_repeats;
} stoa_mod_settings;

stoa_status stoa_mod_settings_load(const stoa_study_options *options, stoa_mod_settings *out,
                                   stoa_error *err);

/* ORDER stoa_mod_arms in points.c */
typedef enum stoa_mod_arm {
    MOD_DENSE,
    MOD_ROUTED,
    MOD_SIGMOID,
    MOD_AUXILIARY,
    MOD_GAUSSIAN,
    MOD_EVERY,
    MOD_CAPACITY_25,
    MOD_CAPACITY_50,
    MOD_CAPACITY_75,
    MOD_CAPACITY_95,
    MOD_NORMALIZED,
    MOD_MOE,
    MOD_STAGED,
    MOD_INTEGRATED,
    MOD_ARM_COUNT
} stoa_mod_arm;

typedef struct stoa_mod_arm_row {
    const char *name; /* as in --arm and keys */
    const char *title;
    int pattern;     /* stoa_route_pattern */
    double capacity; /* 0: the study's */
    stoa_router_kind router;
    stoa_gate gate;
    stoa_cure cure;
    double loss_weight; /* of the cure */
    bool normalize;
    int experts; /* stoa_experts_kind */
    int64_t noops;
} stoa_mod_arm_row;
extern const stoa_mod_arm_row stoa_mod_arms[MOD_ARM_COUNT];
extern const char *const stoa_mod_arm_names[MOD_ARM_COUNT + 1];

typedef struct stoa_mod_point {
    stoa_mod_arm arm;
    int64_t width, layers, seed;
    double budget; /* training FLOPs */
    double rate;   /* at width 64; 0: the chosen one */
} stoa_mod_point;
/* Points in the order they are to be run. Zero-initialise; a shortage of memory is remembered. */
typedef struct stoa_mod_list {
    stoa_mod_point *item;
    int64_t count, room;
    bool failed;
} stoa_mod_list;
void stoa_mod_list_add(stoa_mod_list *list, stoa_mod_point point); /* once */
void stoa_mod_list_deinit(stoa_mod_list *list);

/* What a model does with a text. NaN when it did not read it. */
typedef struct stoa_mod_figures {
    double loss;       /* nats a token, routed causally: the study's figure */
    double loss_top_k; /* sees the future */
    double accuracy, precision, recall, routed;
} stoa_mod_figures;

/* A finished point. */
typedef struct stoa_mod_result {
    stoa_mod_point point;
    stoa_mod_figures valid; /* chooses */
    stoa_mod_figures test;  /* judges; NaN in the points that choose */
    double parameters, forward_flops, steps, seconds;
} stoa_mod_result;

typedef struct stoa_mod_text {
    char path[4096];
    char id[96]; /* name, size and hash: part of what decides a result */
} stoa_mod_text;

typedef struct stoa_mod_study {
    const stoa_study_options *options;
    stoa_mod_settings settings;
    stoa_mod_text train, valid, test;
    int jobs, threads; /* runs side by side; threads of each */
    double rate[2];    /* chosen, at width 64: dense, routed */
    stoa_mod_result *results;
    int64_t count, room;
    int64_t planned, done;            /* points, for the log */
    double planned_flops, done_flops; /* for the progress line */
    double seconds;                   /* spent training, over all results */
} stoa_mod_study;

/* Finds the three texts, or cuts them; they never overlap. */
stoa_status stoa_mod_find_texts(stoa_mod_study *study, stoa_error *err);

/* Whether a point's seed judges; else it chooses. */
bool stoa_mod_judges(const stoa_mod_study *study, const stoa_mod_point *point);
bool stoa_mod_same_point(const stoa_mod_point *a, const stoa_mod_point *b);
/* Trains the point in this process and keeps its result in the run store. A stopped one goes on
 * from where it was. share: nullable, 0..1. */
stoa_status stoa_mod_train(const stoa_mod_study *study, const stoa_mod_point *point, double *share,
                           stoa_error *err);
/* *out is the stored result of the point under the present settings, or *found is false. */
stoa_status stoa_mod_stored(const stoa_mod_study *study, const stoa_mod_point *point,
                            stoa_mod_result *out, bool *found, stoa_error *err);
/* Whether the point is among the results. */
bool stoa_mod_known(const stoa_mod_study *study, const stoa_mod_point *point);
/* Runs the points that are not finished, side by side when the study says so, and adds all of them
 * to the results in the list's order. */
stoa_status stoa_mod_run(stoa_mod_study *study, const stoa_mod_list *list, stoa_error *err);
/* The settings of a point's training run. */
stoa_status stoa_mod_point_settings(const stoa_mod_study *study, const stoa_mod_point *point,
                                    stoa_lm_settings *out, stoa_error *err);
void stoa_mod_point_key(const stoa_mod_point *point, char *out, size_t n);
/* Folder of a point's training run, there when its weights were kept. */
bool stoa_mod_run_dir(const stoa_mod_study *study, const stoa_mod_point *point, char *out,
                      size_t n);

/* Speeds, measured side by side on this machine. */
typedef struct stoa_mod_speed {
    double step_ratio;   /* routed step over dense step, median of repeats, equal shape */
    double flop_ratio;   /* same, in FLOPs */
    double decode_ratio; /* routed tokens/s over dense, batch 1 */
    double dense_tokens, routed_tokens; /* training tokens/s */
    double dense_decode, routed_decode; /* decoding tokens/s */
    double parameters;
} stoa_mod_speed;
stoa_status stoa_mod_measure_speed(stoa_mod_study *study, stoa_mod_speed *out, stoa_error *err);

/* What a trained routed model does with a text. */
enum { MOD_HEAT = 256, MOD_BINS = 60, MOD_SAMPLE = 600 };
typedef struct stoa_mod_routing {
    char text[MOD_HEAT + 1];                  /* held-out text */
    int64_t length, blocks;                   /* positions; routed blocks */
    double routed[STOA_MAX_LAYERS][MOD_HEAT]; /* 1 where a block took the position, by the top k */
    double engaged[MOD_HEAT];                 /* routed blocks that took it */
    double score_least, score_most;
    int64_t bins[MOD_BINS];      /* of router weights */
    double entropy_correlation;  /* Spearman: blocks engaged against output entropy */
    double cache_ratio;          /* key/value bytes of a full context, dense = 1 */
    char sample[MOD_SAMPLE + 1]; /* text the model wrote */
} stoa_mod_routing;
stoa_status stoa_mod_analyse(stoa_mod_study *study, const stoa_mod_point *point,
                             stoa_mod_routing *out, stoa_error *err);

/* The same of every judging seed of a size: the first is shown, all decide. */
typedef struct stoa_mod_looks {
    stoa_mod_routing first;
    double correlation[STOA_SETTING_ITEMS], cache[STOA_SETTING_ITEMS];
    int64_t count;
} stoa_mod_looks;
/* Entropy in nats of softmax(logits[0..n-1]). */
double stoa_mod_entropy(const double *logits, int64_t n);

/* The best point of a kind at a budget, by validation; false when there is none. */
bool stoa_mod_best(const stoa_mod_study *study, bool routed, double budget, stoa_mod_result *out);

/* What the confirmation found at a budget. */
typedef struct stoa_mod_headline {
    double budget;
    stoa_mod_result dense, routed; /* the best of the sweep, each kind */
    stoa_mod_result cheap; /* the best routed one with at most 70 % of dense's forward FLOPs */
    bool has_cheap;
    stoa_interval dense_loss, routed_loss, cheap_loss; /* over confirmation seeds */
    stoa_interval gain;                                /* dense - routed, nats */
    stoa_interval cheap_gap;                           /* (cheap - dense) / dense */
    int64_t seeds;
} stoa_mod_headline;
void stoa_mod_headline_of(const stoa_mod_study *study, double budget, stoa_mod_headline *out);

/* ORDER stoa_mod_claims in claims.c */
enum {
    MOD_CLAIM_ACCURACY,
    MOD_CLAIM_RECALL,
    MOD_CLAIM_FRACTION,
    MOD_CLAIM_CAUSAL_GAP,
    MOD_CLAIM_AUXILIARY,
    MOD_CLAIM_GAUSSIAN,
    MOD_CLAIM_ALTERNATE,
    MOD_CLAIM_CAPACITY,
    MOD_CLAIM_STEP,
    MOD_CLAIM_DECODE,
    MOD_CLAIM_CACHE,
    MOD_CLAIM_HEADLINE,
    MOD_CLAIM_CHEAP,
    MOD_CLAIM_MODE,
    MOD_CLAIM_MODE_MOE,
    MOD_CLAIM_ENTROPY,
    MOD_CLAIM_COUNT
};
extern const stoa_claim stoa_mod_claims[MOD_CLAIM_COUNT];
void stoa_mod_findings(const stoa_mod_study *study, const stoa_mod_speed *speed,
                       const stoa_mod_looks *looks, stoa_finding findings[MOD_CLAIM_COUNT]);

/* The section of the arms at one size. */
void stoa_mod_report_arms(stoa_report *report, const stoa_mod_study *study);
stoa_status stoa_mod_report(const stoa_mod_study *study, const stoa_mod_speed *speed,
                            const stoa_mod_looks *looks, stoa_tally *tally, stoa_error *err);

#endif /* STOA_STUDY_MOD_H */
