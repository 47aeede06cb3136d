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
    const stoa_arm_runs *r = &study->runs;
    int64_t n = 0;
    for (int64_t i = 0; i < r->count && n < STOA_SETTING_ITEMS; i++) {
        if (r->points[i].arm != (int)arm || !r->runs[i])
            continue;
        double value = pick_of(r->runs[i], series, pick);
        if (isnan(value))
            continue;
        if (seeds)
            seeds[n] = r->points[i].seed;
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
