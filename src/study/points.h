/*
 * study/points.h - the runs of a study as a list: each is computed once, one after the other or
 * side by side in child processes, and leaves its result in the run store.
 */
#ifndef STOA_STUDY_POINTS_H
#define STOA_STUDY_POINTS_H

#include "stoa/study.h"

typedef struct stoa_points {
    const stoa_study_options *options;
    int64_t count; /* points 0..count-1, begun in this order */
    int jobs;      /* side by side; they share the options' threads */
    void *user;
    /* Its name in the store: letters, digits, "-_.+"; unique. */
    void (*key)(void *user, int64_t point, char *out, size_t n);
    /* The text of everything that determines its result. */
    stoa_status (*settings)(void *user, int64_t point, stoa_buffer *out, stoa_error *err);
    /* Computes it with this many threads and fills `run`. *share (0..1) is shown as progress. In a
     * child process when there are several jobs. */
    stoa_status (*compute)(void *user, int64_t point, int threads, FILE *progress, stoa_run *run,
                           double *share, stoa_error *err);
    /* Relative cost, for the progress bar; and a few words on a finished one ("score 0.93"). */
    double (*cost)(void *user, int64_t point);
    void (*tell)(void *user, int64_t point, const stoa_run *run, char *out, size_t n);
} stoa_points;

/* Computes what is not in the store yet (everything with options->fresh). A stop request saves what
 * is finished and returns STOA_ERR_INTERRUPTED. */
stoa_status stoa_points_run(const stoa_points *points, stoa_error *err);
/* *out: the finished run, or NULL when there is none. */
stoa_status stoa_points_load(const stoa_points *points, int64_t point, stoa_run **out,
                             stoa_error *err);

#endif /* STOA_STUDY_POINTS_H */
