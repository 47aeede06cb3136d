/*
 * study/synthetic_returns/sr.h - what the files of this study share.
 *
 * Words: a *task* is an environment with the settings common to all agents in it; an *arm* is an
 * agent in a task; a *point* is an arm with a seed: one training run. Points are computed once and
 * kept in the study's run store.
 */
#ifndef STOA_STUDY_SR_H
#define STOA_STUDY_SR_H

#include "stoa/study.h"
#include "stoa/train.h"
#include "study/arms.h"

/* ORDER stoa_srs_tasks in arms.c */
typedef enum stoa_srs_task_id {
    SRS_CHAIN,
    SRS_CATCH_1, /* catches an episode, whose rewards are paid together at its end */
    SRS_CATCH_5,
    SRS_CATCH_10,
    SRS_CATCH_20,
    SRS_CATCH_40,
    SRS_KEY,
    SRS_KEY_MEMORY, /* the same task, for agents with an external memory */
    SRS_SLALOM,
    SRS_SKIING, /* Atari's, through Python: only when asked for */
    SRS_TASK_COUNT
} stoa_srs_task_id;

typedef struct stoa_srs_task {
    const char *name, *title;
    const char *const *set; /* "key=value", NULL-terminated: over the common settings */
    const char *score;      /* what the environment's first metric is called in figures */
    const char *event;      /* of the states whose contribution should stand out; NULL: unmarked */
    const char *other;      /* event of the states they are compared with; NULL: all others */
} stoa_srs_task;
extern const stoa_srs_task stoa_srs_tasks[SRS_TASK_COUNT];

/* ORDER stoa_srs_arms in arms.c */
typedef enum stoa_srs_arm_id {
    SRS_CHAIN_LEARNER,
    SRS_CHAIN_SR,
    SRS_CATCH_1_LEARNER,
    SRS_CATCH_5_LEARNER,
    SRS_CATCH_5_SR,
    SRS_CATCH_10_LEARNER,
    SRS_CATCH_10_SR,
    SRS_LEARNER,
    SRS_LEARNER_99,
    SRS_LEARNER_NEAR_1,
    SRS_LEARNER_TUNED,
    SRS_SR,
    SRS_SR_BETA_1,
    SRS_SR_GATE_ONE,
    SRS_SR_BETA_01, /* this and the following: ablations that no claim compares */
    SRS_SR_ALPHA_1,
    SRS_SR_NO_BIAS,
    SRS_SR_NO_TIME,
    SRS_SR_AFTER_CORE,
    SRS_CATCH_40_LEARNER,
    SRS_CATCH_40_SR,
    SRS_KEY_LEARNER,
    SRS_KEY_LEARNER_90,
    SRS_KEY_LEARNER_NEAR_1,
    SRS_KEY_SR,
    SRS_KEY_SR_GATE,
    SRS_KEY_SR_NOT_CENTRED,
    SRS_KEY_SR_BEFORE_CORE,
    SRS_KEY_TVT,
    SRS_KEY_TVT_OFF,
    SRS_SLALOM_LEARNER,
    SRS_SLALOM_LEARNER_99,
    SRS_SLALOM_LEARNER_NEAR_1,
    SRS_SLALOM_SR,
    SRS_SLALOM_SR_GATE_ONE,
    SRS_SLALOM_SR_NO_RIDGE,
    SRS_SLALOM_SR_NOT_CENTRED,
    SRS_SKIING_LEARNER,
    SRS_SKIING_SR,
    SRS_ARM_COUNT
} stoa_srs_arm_id;

typedef struct stoa_srs_arm {
    const char *name, *title; /* as in --arm and keys; as in tables */
    stoa_srs_task_id task;
    const char *const *set; /* over the task's settings */
} stoa_srs_arm;
extern const stoa_srs_arm stoa_srs_arms[SRS_ARM_COUNT];
extern const char *const stoa_srs_arm_names[SRS_ARM_COUNT + 1];
/* Settings of every run, before its task's and its arm's; NULL-terminated. */
extern const char *const stoa_srs_common[];

typedef struct stoa_srs_settings {
    int64_t steps[SRS_TASK_COUNT]; /* environment steps of a run; 0: the task is left out */
    int64_t eval_episodes, trace_episodes, jobs;
    stoa_int_list seeds;     /* of the arms that claims compare */
    stoa_int_list ablations; /* of the others */
} stoa_srs_settings;
stoa_status stoa_srs_settings_load(const stoa_study_options *options, stoa_srs_settings *out,
                                   stoa_error *err);

typedef struct stoa_srs_study {
    const stoa_study_options *options;
    stoa_srs_settings settings;
    stoa_arm_runs runs;
} stoa_srs_study;

/* The seeds of an arm: none when it or its task is left out. */
const stoa_int_list *stoa_srs_seeds(const stoa_srs_study *study, stoa_srs_arm_id arm);
/* Trains every point that is not in the store, then loads all. */
stoa_status stoa_srs_run(stoa_srs_study *study, stoa_error *err);
/* Folder of a point's training run: there when its weights were kept, which those of each arm's
 * first seed are. */
bool stoa_srs_run_dir(const stoa_srs_study *study, const stoa_arm_point *p, char *out, size_t n);

/* Contribution of the arm's task's event minus that of the states it is compared with, by seed;
 * returns how many, at most STOA_SETTING_ITEMS. */
int64_t stoa_srs_separations(const stoa_srs_study *study, stoa_srs_arm_id arm, double *out);

/* ORDER stoa_srs_claims in claims.c */
enum {
    SRS_CLAIM_SOUND,
    SRS_CLAIM_LEARNER,
    SRS_CLAIM_LEARNER_99,
    SRS_CLAIM_LEARNER_NEAR_1,
    SRS_CLAIM_SR,
    SRS_CLAIM_SR_WORST,
    SRS_CLAIM_SR_BETA_1,
    SRS_CLAIM_SEPARATION,
    SRS_CLAIM_GATE,
    SRS_CLAIM_CATCH_40,
    SRS_CLAIM_CHAIN,
    SRS_CLAIM_KEY,
    SRS_CLAIM_KEY_LEARNER,
    SRS_CLAIM_KEY_TVT,
    SRS_CLAIM_KEY_TVT_OFF,
    SRS_CLAIM_SLALOM,
    SRS_CLAIM_SLALOM_LEARNER,
    SRS_CLAIM_COUNT
};
extern const stoa_claim stoa_srs_claims[SRS_CLAIM_COUNT];
void stoa_srs_findings(const stoa_srs_study *study, stoa_finding findings[SRS_CLAIM_COUNT]);

stoa_status stoa_srs_report(const stoa_srs_study *study, stoa_tally *tally, stoa_error *err);

#endif /* STOA_STUDY_SR_H */
