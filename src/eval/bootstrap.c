/*
 * The bootstrap: how much would a statistic move if the items had been drawn anew?
 *
 * The plain percentile interval is corrected for the statistic's bias (z0, from the share of
 * resamples below the estimate) and for a spread that changes with the value (acceleration, from
 * leaving out one item at a time), Efron's BCa.
 */
#include <assert.h>
#include <stdlib.h>

#include "eval/stats.h"

// From the skewness of the leave-one-out values; 0 when they do not exist or do not differ.
static double acceleration(int64_t n, stoa_statistic_fn statistic, void *arg, int64_t *pick,
                           double *values) {
    double mean = 0.0;
    for (int64_t out = 0; out < n; out++) {
        for (int64_t i = 0, k = 0; i < n; i++)
            if (i != out)
                pick[k++] = i;
        values[out] = statistic(arg, pick, n - 1);
        mean += values[out] / (double)n;
    }
    double square = 0.0, cube = 0.0;
    for (int64_t i = 0; i < n; i++) {
        double d = mean - values[i];
        square += d * d;
        cube += d * d * d;
    }
    return square > 0.0 && isfinite(square) ? cube / (6.0 * square * sqrt(square)) : 0.0;
}

stoa_status stoa_stat_bootstrap(int64_t n, stoa_statistic_fn statistic, void *arg,
                                int64_t resamples, double confidence, uint64_t seed,
                                stoa_interval *out, stoa_error *err) {
    assert(n >= 0 && resamples >= 1 && confidence > 0.0 && confidence < 1.0);
    *out = (stoa_interval){STOA_NAN, STOA_NAN, STOA_NAN};
    if (n == 0)
        return STOA_OK;
    int64_t room = resamples > n ? resamples : n;
    int64_t *pick = stoa_alloc((size_t)n * sizeof *pick);
    double *values = stoa_alloc((size_t)room * sizeof *values);
    if (!pick || !values) {
        stoa_free(pick);
        stoa_free(values);
        return stoa_fail(err, STOA_ERR_MEMORY, "no memory for %lld resamples of %lld items",
                         (long long)resamples, (long long)n);
    }
    for (int64_t i = 0; i < n; i++)
        pick[i] = i;
    double estimate = statistic(arg, pick, n);
    out->value = estimate;
    double accel = n > 2 ? acceleration(n, statistic, arg, pick, values) : 0.0;

    stoa_rng rng = stoa_rng_stream(seed, "bootstrap", 0);
    int64_t kept = 0;
    for (int64_t r = 0; r < resamples; r++) {
        for (int64_t i = 0; i < n; i++)
            pick[i] = stoa_rng_below(&rng, n);
        double value = statistic(arg, pick, n);
        if (!isnan(value))
            values[kept++] = value;
    }
    if (n > 1 && kept > 1 && !isnan(estimate)) {
        qsort(values, (size_t)kept, sizeof *values, stoa_compare_doubles);
        double below = 0.0; // ties with the estimate count half
        for (int64_t i = 0; i < kept; i++)
            below += values[i] < estimate ? 1.0 : values[i] == estimate ? 0.5 : 0.0;
        double share = fmax(0.5, fmin((double)kept - 0.5, below)) / (double)kept;
        double z0 = stoa_stat_normal_quantile(share);
        double z = stoa_stat_normal_quantile(0.5 + 0.5 * confidence);
        double at[2];
        for (int side = 0; side < 2; side++) {
            double shifted = z0 + (side == 0 ? -z : z);
            at[side] = stoa_stat_normal_cdf(z0 + shifted / (1.0 - accel * shifted));
        }
        out->low = stoa_stat_quantile_sorted(values, kept, at[0]);
        out->high = stoa_stat_quantile_sorted(values, kept, at[1]);
    }
    stoa_free(pick);
    stoa_free(values);
    return STOA_OK;
}

static double picked_mean(void *arg, const int64_t *pick, int64_t n) {
    const double *x = arg;
    double sum = 0.0;
    for (int64_t i = 0; i < n; i++)
        sum += x[pick[i]];
    return sum / (double)n;
}

stoa_status stoa_stat_bootstrap_mean(const double *x, int64_t n, int64_t resamples,
                                     double confidence, uint64_t seed, stoa_interval *out,
                                     stoa_error *err) {
    return stoa_stat_bootstrap(n, picked_mean, (void *)(uintptr_t)x, resamples, confidence, seed,
                               out, err);
}
