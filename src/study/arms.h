/*
 * study/arms.h - arms x seeds: the list of runs of a study in which every run is an arm with a
 * seed.
 *
 * An *arm* is a way to train, known by its place in a list of names; a *point* is an arm with a
 * seed: one training run, computed once and kept in the run store as <arm>-s<seed>.
 */
#ifndef STOA_STUDY_ARMS_H
#define STOA_STUDY_ARMS_H

#include "stoa/study.h"

typedef struct stoa_arm_point {
    int arm;
    int64_t seed;
} stoa_arm_point;

typedef struct stoa_arms {
    const stoa_study_options *options;
    const char *const *names; /* NULL-terminated: as in --arm and keys */
    int jobs;                 /* side by side; they share the options' threads */
    void *user;
    /* The seeds of an arm; none when it is left out. */
    const stoa_int_list *(*seeds)(void *user, int arm);
    /* These four as in points.h. */
    stoa_status (*settings)(void *user, const stoa_arm_point *point, stoa_buffer *out,
                            stoa_error *err);
    stoa_status (*compute)(void *user, const stoa_arm_point *point, int threads, FILE *progress,
                           stoa_run *run, double *share, stoa_error *err);
    double (*cost)(void *user, const stoa_arm_point *point);
    void (*tell)(void *user, const stoa_arm_point *point, const stoa_run *run, char *out, size_t n);
} stoa_arms;

/* All points of a study with what they came to. */
typedef struct stoa_arm_runs {
    stoa_arm_point *points; /* (count) */
    stoa_run **runs;        /* (count) finished ones, else NULL; owned */
    int64_t count;
} stoa_arm_runs;

/* Computes every point that is not in the store, seed by seed, so that a study stopped early has
 * something of every arm; then loads all. *out is to be deinited whatever is returned. */
stoa_status stoa_arms_run(const stoa_arms *arms, stoa_arm_runs *out, stoa_error *err);
void stoa_arm_runs_deinit(stoa_arm_runs *runs);

/* ---- figures of finished runs ---------------------------------------------------------------- */

/* A number of all finished runs of an arm, by seed; returns how many, at most STOA_SETTING_ITEMS.
 * Missing numbers are left out. */
int64_t stoa_arm_numbers(const stoa_arm_runs *runs, int arm, const char *name, double *out);
/* Their mean with its 95 % interval; n (nullable): how many. */
stoa_interval stoa_arm_mean(const stoa_arm_runs *runs, int arm, const char *name, int64_t *n);
/* The run of the first finished seed; NULL: none. */
const stoa_run *stoa_arm_first(const stoa_arm_runs *runs, int arm);
/* Sum of a number over all finished runs. */
double stoa_arm_sum(const stoa_arm_runs *runs, const char *name);

/* A series over training: mean over seeds with its 95 % interval at each point, and every seed. */
enum { STOA_ARM_CURVE = 256 }; /* points, at most */
typedef struct stoa_arm_curve {
    const double *x, *seed[STOA_SETTING_ITEMS]; /* (n) each; borrowed from the runs */
    double mean[STOA_ARM_CURVE], low[STOA_ARM_CURVE], high[STOA_ARM_CURVE];
    int64_t n, seeds; /* 0: there is nothing */
} stoa_arm_curve;
void stoa_arm_curve_of(const stoa_arm_runs *runs, int arm, const char *x, const char *y,
                       stoa_arm_curve *out);
/* How a curve is drawn beside its mean; bits. */
enum {
    STOA_ARM_MEAN = 0,
    STOA_ARM_BAND = 1, /* the interval, of several seeds */
    STOA_ARM_EACH = 2  /* every seed as a thin line: variance is part of the result */
};
void stoa_arm_curve_draw(stoa_figure *figure, const stoa_arm_curve *curve, const char *name,
                         int colour, int style);

#endif /* STOA_STUDY_ARMS_H */
