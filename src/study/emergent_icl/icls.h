/*
 * study/emergent_icl/icls.h - what the files of this study share.
 *
 * Words: an *arm* is a model with its data (arms.h); a *point* is an arm with a seed: one training
 * run, computed once and kept in the study's run store with its whole curves. ICL: labelling from
 * the context, closed accuracy on held-out classes. IWL: labelling from the weights, open accuracy
 * where the context does not show the label.
 */
#ifndef STOA_STUDY_ICLS_H
#define STOA_STUDY_ICLS_H

#include "stoa/study.h"
#include "stoa/train.h"
#include "study/arms.h"
#include "study/emergent_icl/arms.h"

typedef struct stoa_icls_settings {
    int64_t steps[ICLS_FAMILIES]; /* of a run; 0: the family is left out */
    int64_t evaluations;          /* at most, of a run */
    int64_t eval_sequences, jobs;
    char omniglot[STOA_SETTING_TEXT]; /* folder; empty: families that need it are left out */
    stoa_int_list seeds, more_seeds;  /* of ICLS_CLAIMED and of ICLS_MORE */
} stoa_icls_settings;
stoa_status stoa_icls_settings_load(const stoa_study_options *options, stoa_icls_settings *out,
                                    stoa_error *err);

typedef struct stoa_icls_study {
    const stoa_study_options *options;
    stoa_icls_settings settings;
    stoa_arm_runs runs;
} stoa_icls_study;

/* The seeds of an arm: none when it or its family is left out. */
const stoa_int_list *stoa_icls_seeds(const stoa_icls_study *study, stoa_icls_arm_id arm);
/* The settings of a run, checked. */
stoa_status stoa_icls_train_settings(const stoa_icls_study *study, const stoa_arm_point *p,
                                     int threads, stoa_icl_settings *s, stoa_error *err);
/* Trains every point that is not in the store, then loads all. */
stoa_status stoa_icls_run(stoa_icls_study *study, stoa_error *err);

/* ---- what a run keeps (curves.c) ------------------------------------------------------------- */

/* Of each evaluation, the untrained model's first; series of the run, all of one length:
 *   steps, train/loss, train/accuracy (means since the evaluation before),
 *   <kind>/open, closed, context, loss (stoa_sequences_kind_name),
 *   of tasks instead <kind>/loss, ridge, best, from_ridge, from_best (stoa_icl_score) and to_ridge,
 *   over_ridge, over_best (curves.c),
 *   circuit/previous, circuit/match (the best head's), circuit/previous/<l>.<h>, circuit/match/...
 * and of one in-context episode before and after training, where there are maps:
 *   maps/before, maps/after (layers, heads, T, T), maps/labels (P), maps/classes (P + 1),
 *   maps/answers: target, said before, said after. */
typedef struct stoa_icls_curves stoa_icls_curves;
stoa_icls_curves *stoa_icls_curves_new(const stoa_icl_trainer *trainer); /* NULL: out of memory */
void stoa_icls_curves_free(stoa_icls_curves *curves);
void stoa_icls_curves_step(stoa_icls_curves *curves, const stoa_icl_step *step);
void stoa_icls_curves_add(stoa_icls_curves *curves, const stoa_icl_trainer *trainer,
                          const stoa_icl_eval *eval);
stoa_status stoa_icls_curves_look(stoa_icls_curves *curves, stoa_icl_trainer *trainer, bool after,
                                  stoa_error *err);
void stoa_icls_curves_keep(const stoa_icls_curves *curves, stoa_run *run);

/* ---- figures of runs over seeds (measure.c) -------------------------------------------------- */

typedef enum stoa_icls_pick {
    ICLS_FINAL,
    ICLS_HIGHEST,     /* of all evaluations */
    ICLS_FALL,        /* highest less final */
    ICLS_AT_ICL_PEAK, /* where in-context accuracy is highest */
    ICLS_SINCE_PEAK,  /* final less that */
} stoa_icls_pick;

/* One value a finished seed, in the order of seeds; at most STOA_SETTING_ITEMS. Missing ones are
 * left out; seeds (nullable) receives whose they are. */
int64_t stoa_icls_values(const stoa_icls_study *study, stoa_icls_arm_id arm, const char *series,
                         stoa_icls_pick pick, double *out, int64_t *seeds);
/* Their mean with its 95 % interval. */
stoa_interval stoa_icls_mean(const stoa_icls_study *study, stoa_icls_arm_id arm, const char *series,
                             stoa_icls_pick pick, int64_t *n);
/* Of a less b, seed by seed. */
stoa_interval stoa_icls_gain(const stoa_icls_study *study, stoa_icls_arm_id a, stoa_icls_arm_id b,
                             const char *series, stoa_icls_pick pick, int64_t *n);

/* ---- claims, figures, report ----------------------------------------------------------------- */

#include "study/emergent_icl/claim_ids.h"

extern const stoa_claim stoa_icls_claims[ICLS_CLAIM_COUNT];
void stoa_icls_findings(const stoa_icls_study *study, stoa_finding findings[ICLS_CLAIM_COUNT]);

/* A row of arms along a quantity. */
typedef struct stoa_icls_sweep {
    const char *id, *title, *quantity; /* of the figure; of its x axis */
    bool logarithmic;
    int count;
    struct {
        double x;
        stoa_icls_arm_id arm;
    } at[8];
} stoa_icls_sweep;
extern const stoa_icls_sweep stoa_icls_by_burst, stoa_icls_by_burst_lstm, stoa_icls_by_burst_rnn,
    stoa_icls_by_classes, stoa_icls_by_zipf;

/* Each appends figures and tables to the section begun last, nothing when its arms were not run. */
void stoa_icls_show_sweep(stoa_report *report, const stoa_icls_study *study,
                          const stoa_icls_sweep *sweep, const char *caption);
void stoa_icls_show_zipf(stoa_report *report, const stoa_icls_study *study);
void stoa_icls_show_cores(stoa_report *report, const stoa_icls_study *study);
/* A series over training, a line an arm (NULL name in title places: the arms' own). */
typedef struct stoa_icls_line {
    stoa_icls_arm_id arm;
    const char *series, *name; /* name NULL: the arm's title */
    bool dashed;
} stoa_icls_line;
void stoa_icls_show_lines(stoa_report *report, const stoa_icls_study *study, const char *id,
                          const char *title, const char *axis, const stoa_icls_line *lines,
                          int count, const char *caption);
/* In-context and in-weights accuracy of arms that are not along one quantity. */
void stoa_icls_show_bars(stoa_report *report, const stoa_icls_study *study, const char *id,
                         const char *title, const stoa_icls_arm_id *arms, int count,
                         const char *caption);
void stoa_icls_show_heads(stoa_report *report, const stoa_icls_study *study, stoa_icls_arm_id arm);
void stoa_icls_show_maps(stoa_report *report, const stoa_icls_study *study, stoa_icls_arm_id arm);
void stoa_icls_show_table(stoa_report *report, const stoa_icls_study *study, const char *id,
                          const char *title, const stoa_icls_arm_id *arms, int count);

/* Whole sections, nothing when their arms were not run. */
void stoa_icls_add_tasks(stoa_report *report, const stoa_icls_study *study);
void stoa_icls_add_minimal(stoa_report *report, const stoa_icls_study *study);

stoa_status stoa_icls_report(const stoa_icls_study *study, stoa_tally *tally, stoa_error *err);

#endif /* STOA_STUDY_ICLS_H */
