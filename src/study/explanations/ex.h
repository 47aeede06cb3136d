/*
 * study/explanations/ex.h - what the files of this study share.
 *
 * An *arm* is an agent in one of two *tasks*: the single choice of the odd one out, and the same
 * confounded (colour, texture and shape are odd together), after which the agent is tested where
 * they are not. A *point* is an arm with a seed: one training run.
 */
#ifndef STOA_STUDY_EX_H
#define STOA_STUDY_EX_H

#include "stoa/study.h"
#include "stoa/train.h"

typedef enum stoa_exs_task { EXS_CHOICE, EXS_CONFOUNDED, EXS_TASK_COUNT } stoa_exs_task;

/* ORDER stoa_exs_arms in arms.c */
typedef enum stoa_exs_arm_id {
    EXS_NONE,
    EXS_PROPERTIES,
    EXS_REWARD,
    EXS_FULL,
    EXS_SHUFFLED,
    EXS_IRRELEVANT,
    EXS_RECONSTRUCTION,
    EXS_CONFOUNDED_NONE,
    EXS_CONFOUNDED_COLOR,
    EXS_CONFOUNDED_TEXTURE,
    EXS_CONFOUNDED_SHAPE,
    EXS_ARM_COUNT
} stoa_exs_arm_id;

typedef struct stoa_exs_arm {
    const char *name, *title; /* as in --arm and keys; as in tables */
    stoa_exs_task task;
    const char *const *set; /* over the common settings; NULL-terminated */
} stoa_exs_arm;
extern const stoa_exs_arm stoa_exs_arms[EXS_ARM_COUNT];
extern const char *const stoa_exs_arm_names[EXS_ARM_COUNT + 1];
extern const char *const stoa_exs_common[];

/* Figures of an arm, as the environment calls its metrics. */
enum { EXS_DIMENSIONS = 3, EXS_CURVE = 100 };
extern const char *const stoa_exs_dimensions[EXS_DIMENSIONS + 1]; /* "color" */

typedef struct stoa_exs_settings {
    int64_t steps[EXS_TASK_COUNT]; /* episodes of a run; 0: the task is left out */
    int64_t eval_episodes, jobs;
    stoa_int_list seeds;
} stoa_exs_settings;
stoa_status stoa_exs_settings_load(const stoa_study_options *options, stoa_exs_settings *out,
                                   stoa_error *err);

typedef struct stoa_exs_point {
    stoa_exs_arm_id arm;
    int64_t seed;
} stoa_exs_point;

enum { EXS_POINTS = EXS_ARM_COUNT * STOA_SETTING_ITEMS };

typedef struct stoa_exs_study {
    const stoa_study_options *options;
    stoa_exs_settings settings;
    stoa_exs_point points[EXS_POINTS];
    stoa_run *runs[EXS_POINTS]; /* finished; owned */
    int64_t count;
} stoa_exs_study;

bool stoa_exs_wants(const stoa_exs_study *study, stoa_exs_arm_id arm);
/* Trains and tests every point that is not in the store, then loads all. */
stoa_status stoa_exs_run(stoa_exs_study *study, stoa_error *err);
/* A figure of all finished runs of an arm, by seed: "score/correct_shape". Returns how many. */
int64_t stoa_exs_figures(const stoa_exs_study *study, stoa_exs_arm_id arm, const char *name,
                         double *out);

/* deconfounded.c: what the trained agent of a run picks where the dimensions disagree, as numbers
 * "picked/color" and so on of `run`. */
stoa_status stoa_exs_test_deconfounded(const char *run_dir, int64_t episodes, stoa_run *run,
                                       stoa_error *err);

/* ORDER stoa_exs_claims in claims.c */
enum {
    EXS_CLAIM_SHAPE,
    EXS_CLAIM_MEAN,
    EXS_CLAIM_NONE_SHAPE,
    EXS_CLAIM_NONE_COLOR,
    EXS_CLAIM_SHUFFLED,
    EXS_CLAIM_BIAS,
    EXS_CLAIM_COLOR,
    EXS_CLAIM_TEXTURE,
    EXS_CLAIM_SHAPE_PICKED,
    EXS_CLAIM_COUNT
};
extern const stoa_claim stoa_exs_claims[EXS_CLAIM_COUNT];
void stoa_exs_findings(const stoa_exs_study *study, stoa_finding findings[EXS_CLAIM_COUNT]);

stoa_status stoa_exs_report(const stoa_exs_study *study, stoa_tally *tally, stoa_error *err);

#endif /* STOA_STUDY_EX_H */
