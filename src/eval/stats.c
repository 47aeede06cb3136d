/*
 * Summaries of samples: means, spreads, differences and proportions with their intervals.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "eval/stats.h"

stoa_summary stoa_stat_summary(const double *x, int64_t n) {
    assert(n >= 0);
    stoa_summary s = {.n = n,
                      .mean = STOA_NAN,
                      .sd = STOA_NAN,
                      .error = STOA_NAN,
                      .least = STOA_NAN,
                      .most = STOA_NAN};
    if (n == 0)
        return s;
    double sum = 0.0;
    s.least = s.most = x[0];
    for (int64_t i = 0; i < n; i++) {
        sum += x[i];
        s.least = fmin(s.least, x[i]);
        s.most = fmax(s.most, x[i]);
    }
    s.mean = sum / (double)n;
    // second pass: the deviations from a rounded mean do not quite cancel, which is corrected here
    double square = 0.0, drift = 0.0;
    for (int64_t i = 0; i < n; i++) {
        double d = x[i] - s.mean;
        square += d * d;
        drift += d;
    }
    s.mean += drift / (double)n;
    if (n < 2)
        return s;
    s.sd = sqrt(fmax(0.0, square - drift * drift / (double)n) / (double)(n - 1));
    s.error = s.sd / sqrt((double)n);
    return s;
}

int stoa_compare_doubles(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double stoa_stat_quantile_sorted(const double *x, int64_t n, double p) {
    if (n == 0 || !(p >= 0.0 && p <= 1.0))
        return STOA_NAN;
    double place = p * (double)(n - 1);
    int64_t below = (int64_t)place;
    if (below >= n - 1)
        return x[n - 1];
    return x[below] + (place - (double)below) * (x[below + 1] - x[below]);
}

double stoa_stat_median(const double *x, int64_t n) {
    assert(n >= 0);
    if (n == 0)
        return STOA_NAN;
    double *sorted = stoa_alloc((size_t)n * sizeof *sorted);
    if (!sorted)
        return STOA_NAN;
    memcpy(sorted, x, (size_t)n * sizeof *sorted);
    qsort(sorted, (size_t)n, sizeof *sorted, stoa_compare_doubles);
    double median = stoa_stat_quantile_sorted(sorted, n, 0.5);
    stoa_free(sorted);
    return median;
}

stoa_interval stoa_stat_mean(const double *x, int64_t n, double confidence) {
    assert(confidence > 0.0 && confidence < 1.0);
    stoa_summary s = stoa_stat_summary(x, n);
    stoa_interval out = {s.mean, STOA_NAN, STOA_NAN};
    if (n < 2)
        return out;
    double reach = s.error * stoa_stat_t_quantile(0.5 + 0.5 * confidence, (double)(n - 1));
    out.low = s.mean - reach;
    out.high = s.mean + reach;
    return out;
}

// The interval of a difference whose standard error and degrees of freedom are known.
static stoa_difference difference(double value, double error, double df, double confidence) {
    assert(confidence > 0.0 && confidence < 1.0);
    stoa_difference d = {
        .interval = {value, STOA_NAN, STOA_NAN}, .t = STOA_NAN, .df = df, .p = STOA_NAN};
    if (!(df > 0.0) || isnan(error))
        return d;
    double reach = error * stoa_stat_t_quantile(0.5 + 0.5 * confidence, df);
    d.interval.low = value - reach;
    d.interval.high = value + reach;
    // no spread at all: equal values are surely equal, others surely not
    d.t = error > 0.0 ? value / error : value == 0.0 ? 0.0 : copysign(STOA_INFINITY, value);
    d.p = 2.0 * stoa_stat_t_cdf(-fabs(d.t), df);
    return d;
}

stoa_difference stoa_stat_paired(const double *a, const double *b, int64_t n, double confidence) {
    assert(n >= 0);
    // one pass of Welford's recurrence, so that no array of differences is needed
    double mean = 0.0, square = 0.0;
    for (int64_t i = 0; i < n; i++) {
        double d = a[i] - b[i], step = d - mean;
        mean += step / (double)(i + 1);
        square += step * (d - mean);
    }
    if (n == 0)
        mean = STOA_NAN;
    double error = n < 2 ? STOA_NAN : sqrt(square / (double)(n - 1) / (double)n);
    return difference(mean, error, (double)(n - 1), confidence);
}

stoa_difference stoa_stat_welch(const double *a, int64_t n_a, const double *b, int64_t n_b,
                                double confidence) {
    stoa_summary x = stoa_stat_summary(a, n_a), y = stoa_stat_summary(b, n_b);
    double var_x = x.error * x.error, var_y = y.error * y.error, var = var_x + var_y;
    double df = var * var / (var_x * var_x / (double)(n_a - 1) + var_y * var_y / (double)(n_b - 1));
    if (var == 0.0) // 0/0 above
        df = (double)(n_a + n_b - 2);
    return difference(x.mean - y.mean, sqrt(var), df, confidence);
}

stoa_interval stoa_stat_proportion(int64_t hits, int64_t n, double confidence) {
    assert(hits >= 0 && n >= 0 && hits <= n);
    if (n == 0)
        return (stoa_interval){STOA_NAN, STOA_NAN, STOA_NAN};
    double z = stoa_stat_normal_quantile(0.5 + 0.5 * confidence), z2 = z * z, m = (double)n;
    double p = (double)hits / m;
    double centre = (p + z2 / (2.0 * m)) / (1.0 + z2 / m);
    double reach = z / (1.0 + z2 / m) * sqrt(p * (1.0 - p) / m + z2 / (4.0 * m * m));
    return (stoa_interval){p, hits == 0 ? 0.0 : fmax(0.0, centre - reach),
                           hits == n ? 1.0 : fmin(1.0, centre + reach)};
}
