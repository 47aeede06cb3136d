/* study/sr_trace.h - synthetic returns of a trained agent over episodes, for pictures. */
#ifndef STOA_STUDY_SR_TRACE_H
#define STOA_STUDY_SR_TRACE_H

#include "stoa/study.h"
#include "stoa/train.h"

enum { STOA_SR_TRACE = 4096 }; /* steps of the first episode that are kept */

typedef struct stoa_sr_trace {
    /* the first episode, step by step */
    double step[STOA_SR_TRACE], c[STOA_SR_TRACE], reward[STOA_SR_TRACE];
    int event[STOA_SR_TRACE];
    int64_t steps;
    /* all episodes, by kind of state; kind 0: none of the events */
    char kind[STOA_ENV_EVENTS + 1][STOA_ENV_NAME];
    int kinds;
    double *values[STOA_ENV_EVENTS + 1]; /* contributions; owned */
    int64_t count[STOA_ENV_EVENTS + 1], room[STOA_ENV_EVENTS + 1];
    bool failed; /* memory was short */
    stoa_agent_scores scores;
} stoa_sr_trace;

/* Plays episodes with the agent of a run's folder. STOA_ERR_USAGE when it was not trained with
 * synthetic returns. deinit is safe after a failure. */
stoa_status stoa_sr_trace_play(stoa_sr_trace *trace, const char *run_dir, int64_t episodes,
                               uint64_t seed, stoa_error *err);
void stoa_sr_trace_deinit(stoa_sr_trace *trace);
/* Mean contribution of a kind of state; NaN when there was none. */
double stoa_sr_trace_mean(const stoa_sr_trace *trace, int kind);
/* How well c tells states of this kind from all others: area under the ROC curve, 0.5 = not. */
double stoa_sr_trace_auc(const stoa_sr_trace *trace, int kind);
/* The first episode: c over time, events marked. id as of stoa_figure_new. */
stoa_figure *stoa_sr_trace_figure(const stoa_sr_trace *trace, const char *id, const char *title);
/* Mean, count and AUC of each kind of state. */
stoa_table *stoa_sr_trace_table(const stoa_sr_trace *trace, const char *id, const char *title);

#endif /* STOA_STUDY_SR_TRACE_H */
