/* study/emergent_icl/measure.c - figures of an arm over its seeds. */
#include <math.h>

#include "study/emergent_icl/icls.h"

/* Index of the first highest value; -1 when none is a number. */
static int64_t highest(const double *x, int64_t n) {
    int64_t best = -1;
    for (int64_t i = 0; i < n; i++)
        if (!isnan(x[i]) && (best < 0 || x[i] > x[best]))
            best = i;
    return best;
}

static double pick_of(const stoa_run *run, const char *series, stoa_icls_pick pick) {
    int64_t n = 0, m = 0;
    const double *x = stoa_run_get_series(run, series, &n);
    if (!x || n == 0)
        return (double)NAN;
    bool by_icl = pick == ICLS_AT_ICL_PEAK || pick == ICLS_SINCE_PEAK;
    const double *icl = by_icl ? stoa_run_get_series(run, "icl/closed", &m) : x;
    if (!icl || (by_icl && m != n))
        return (double)NAN;
    int64_t at = highest(icl, n);
    if (at < 0)
        return (double)NAN;
    switch (pick) {
    case ICLS_HIGHEST:
    case ICLS_AT_ICL_PEAK:
        return x[at];
    case ICLS_FALL:
        return x[at] - x[n - 1];
    case ICLS_SINCE_PEAK:
        return x[n - 1] - x[at];
    default:
        return x[n - 1];
    }
}

int64_t stoa_icls_values(const stoa_icls_study *study, stoa_icls_arm_id arm, const char *series,
                         stoa_icls_pick pick, double *out, int64_t *seeds) {
    int64_t n = 0;
    for (int64_t i = 0; i < study->count && n < STOA_SETTING_ITEMS; i++) {
        if (study->points[i].arm != arm || !study->runs[i])
            continue;
        double value = pick_of(study->runs[i], series, pick);
        if (isnan(value))
            continue;
        if (seeds)
            seeds[n] = study->points[i].seed;
        out[n++] = value;
    }
    return n;
}

stoa_interval stoa_icls_mean(const stoa_icls_study *study, stoa_icls_arm_id arm, const char *series,
                             stoa_icls_pick pick, int64_t *n) {
    double x[STOA_SETTING_ITEMS];
    int64_t count = stoa_icls_values(study, arm, series, pick, x, NULL);
    if (n)
        *n = count;
    return stoa_stat_mean(x, count, 0.95);
}

stoa_interval stoa_icls_gain(const stoa_icls_study *study, stoa_icls_arm_id a, stoa_icls_arm_id b,
                             const char *series, stoa_icls_pick pick, int64_t *n) {
    double x[STOA_SETTING_ITEMS], y[STOA_SETTING_ITEMS], gain[STOA_SETTING_ITEMS];
    int64_t seed_x[STOA_SETTING_ITEMS], seed_y[STOA_SETTING_ITEMS], count = 0;
    int64_t nx = stoa_icls_values(study, a, series, pick, x, seed_x);
    int64_t ny = stoa_icls_values(study, b, series, pick, y, seed_y);
    for (int64_t i = 0; i < nx; i++)
        for (int64_t k = 0; k < ny; k++)
            if (seed_x[i] == seed_y[k])
                gain[count++] = x[i] - y[k];
    *n = count;
    return stoa_stat_mean(gain, count, 0.95);
}

void stoa_icls_curve_of(const stoa_icls_study *study, stoa_icls_arm_id arm, const char *series,
                        stoa_icls_curve *out) {
    const double *y[STOA_SETTING_ITEMS];
    *out = (stoa_icls_curve){0};
    for (int64_t i = 0; i < study->count && out->seeds < STOA_SETTING_ITEMS; i++) {
        int64_t n = 0, m = 0;
        if (study->points[i].arm != arm || !study->runs[i])
            continue;
        const double *steps = stoa_run_get_series(study->runs[i], "steps", &n);
        y[out->seeds] = stoa_run_get_series(study->runs[i], series, &m);
        if (!steps || !y[out->seeds] || n != m || n > ICLS_CURVE || (out->n && n != out->n))
            continue;
        out->n = n;
        for (int64_t k = 0; k < n; k++)
            out->steps[k] = steps[k];
        out->seeds++;
    }
    for (int64_t k = 0; k < out->n; k++) {
        double x[STOA_SETTING_ITEMS];
        for (int64_t s = 0; s < out->seeds; s++)
            x[s] = y[s][k];
        stoa_interval ci = stoa_stat_mean(x, out->seeds, 0.95);
        out->mean[k] = ci.value, out->low[k] = ci.low, out->high[k] = ci.high;
    }
}

const stoa_run *stoa_icls_first(const stoa_icls_study *study, stoa_icls_arm_id arm) {
    for (int64_t i = 0; i < study->count; i++)
        if (study->points[i].arm == arm && study->runs[i])
            return study->runs[i];
    return NULL;
}
