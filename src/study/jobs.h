/*
 * study/jobs.h - runs tasks side by side, each in a child process.
 *
 * Small models keep several threads of one run half busy; one thread each for several runs keeps
 * them all at work. A task leaves its result in files; what comes back here is how it ended.
 */
#ifndef STOA_STUDY_JOBS_H
#define STOA_STUDY_JOBS_H

#include "stoa/base.h"

/* How far a running task is. */
typedef struct stoa_job_view {
    int64_t task;
    double share; /* 0..1 */
} stoa_job_view;

typedef struct stoa_jobs {
    int64_t count; /* tasks 0..count-1, begun in this order */
    int at_once;   /* >= 1 */
    void *user;
    /* The task, in its child process. *share (0..1) is seen by the parent. On a stop request it
     * saves what it has and returns STOA_ERR_INTERRUPTED. */
    stoa_status (*run)(void *user, int64_t task, double *share, stoa_error *err);
    /* What an error calls it; writes into out and returns it. */
    const char *(*name)(void *user, int64_t task, char *out, size_t n);
    /* In the calling process, when a task has ended well. Nullable. */
    stoa_status (*finished)(void *user, int64_t task, stoa_error *err);
    /* In the calling process, some ten times a second. Nullable. */
    void (*watch)(void *user, const stoa_job_view *running, int n);
    /* Ends the process that calls it, at once: the program's _exit. The library itself ends no
     * process, so whoever lets it start children says how they end. Does not return. */
    void (*end)(int code);
} stoa_jobs;

/* Runs all tasks. The first that fails stops the others (they save and end) and names itself in the
 * error. A stop request is passed on to the children once; STOA_ERR_INTERRUPTED when they have
 * ended. The calling process must have no other threads: pools freed, none started. Children log
 * nothing, and do not outlive this process. */
stoa_status stoa_jobs_run(const stoa_jobs *jobs, stoa_error *err);

#endif /* STOA_STUDY_JOBS_H */
