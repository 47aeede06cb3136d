/*
 * study/explanations/ex.h - what the files of this study share.
 *
 * An *arm* is an agent in a *task* (arms.h): the single choice of the odd one out, a small room in
 * which the agent walks up to it, the published room; each also confounded (colour, texture and
 * shape are odd together), after which the agent is tested where they are not; rooms also with
 * experiments before the choice. A *point* is an arm with a seed: one training run.
 */
#ifndef STOA_STUDY_EX_H
#define STOA_STUDY_EX_H

#include "stoa/study.h"
#include "stoa/train.h"
#include "study/arms.h"
#include "study/explanations/arms.h"

extern const char *const stoa_exs_room[]; /* tasks.c: the room's settings, NULL-terminated */

typedef struct stoa_exs_settings {
    int64_t steps[EXS_TASK_COUNT]; /* of a run; 0: the task is left out */
    int64_t eval_episodes, jobs;
    int observation;                 /* of the published room */
    stoa_int_list seeds, more_seeds; /* of most tasks; of those with `more` */
} stoa_exs_settings;
stoa_status stoa_exs_settings_load(const stoa_study_options *options, stoa_exs_settings *out,
                                   stoa_error *err);
extern const char *const stoa_exs_observations[]; /* "image"; NULL-terminated */

typedef struct stoa_exs_study {
    const stoa_study_options *options;
    stoa_exs_settings settings;
    stoa_arm_runs runs;
} stoa_exs_study;

/* Trains and tests every point that is not in the store, then loads all. */
stoa_status stoa_exs_run(stoa_exs_study *study, stoa_error *err);
/* The settings of a run, checked. */
stoa_status stoa_exs_agent(const stoa_exs_study *study, const stoa_arm_point *p, int threads,
                           stoa_agent_settings *s, stoa_error *err);

/* deconfounded.c: what the trained agent of a run picks where the dimensions disagree, as numbers
 * "picked_color" and so on of `run`. */
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
    EXS_CLAIM_ROOM_FULL,
    EXS_CLAIM_ROOM_NONE,
    EXS_CLAIM_ROOM_WORDS,
    EXS_CLAIM_FAITHFUL,
    EXS_CLAIM_FAITHFUL_COLOR,
    EXS_CLAIM_FAITHFUL_TEXTURE,
    EXS_CLAIM_FAITHFUL_SHAPE,
    EXS_CLAIM_META,
    EXS_CLAIM_META_NONE,
    EXS_CLAIM_COUNT
};
extern const stoa_claim stoa_exs_claims[EXS_CLAIM_COUNT];
void stoa_exs_findings(const stoa_exs_study *study, stoa_finding findings[EXS_CLAIM_COUNT]);

/* Each appends to the section begun last, nothing where no arm of the tasks was run. Tasks are
 * given as bits: EXS_BIT(EXS_TASK_ROOM). */
#define EXS_BIT(task) (1u << (task))
bool stoa_exs_any(const stoa_exs_study *study, unsigned tasks);
void stoa_exs_show_curves(stoa_report *report, const stoa_exs_study *study, unsigned tasks,
                          const char *id);
void stoa_exs_show_picks(stoa_report *report, const stoa_exs_study *study, unsigned tasks,
                         const char *id);
void stoa_exs_show_trials(stoa_report *report, const stoa_exs_study *study, unsigned tasks,
                          const char *id);
/* Means over seeds, and every run folded away below them; columns by what the tasks look at. */
void stoa_exs_show_tables(stoa_report *report, const stoa_exs_study *study, unsigned tasks,
                          const char *id);

stoa_status stoa_exs_report(const stoa_exs_study *study, stoa_tally *tally, stoa_error *err);

#endif /* STOA_STUDY_EX_H */
