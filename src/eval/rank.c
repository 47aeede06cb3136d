/*
 * Rank correlation. Ranks are one-based; equal values share the mean of the ranks they span.
 */
#include <assert.h>
#include <stdlib.h>

#include "eval/stats.h"

typedef struct ranked {
    double value;
    int64_t index;
} ranked;

static int by_value(const void *a, const void *b) {
    return stoa_compare_doubles(&((const ranked *)a)->value, &((const ranked *)b)->value);
}

static void rank_values(const double *x, int64_t n, ranked *work, double *rank) {
    for (int64_t i = 0; i < n; i++)
        work[i] = (ranked){x[i], i};
    qsort(work, (size_t)n, sizeof *work, by_value);
    for (int64_t begin = 0, end; begin < n; begin = end) {
        for (end = begin + 1; end < n && work[end].value == work[begin].value;)
            end++;
        for (int64_t i = begin; i < end; i++)
            rank[work[i].index] = 0.5 * (double)(begin + 1 + end);
    }
}

static double pearson(const double *x, const double *y, int64_t n) {
    double mean_x = 0.0, mean_y = 0.0;
    for (int64_t i = 0; i < n; i++) {
        mean_x += x[i];
        mean_y += y[i];
    }
    mean_x /= (double)n;
    mean_y /= (double)n;
    double xx = 0.0, yy = 0.0, xy = 0.0;
    for (int64_t i = 0; i < n; i++) {
        double dx = x[i] - mean_x, dy = y[i] - mean_y;
        xx += dx * dx;
        yy += dy * dy;
        xy += dx * dy;
    }
    if (!(xx > 0.0 && yy > 0.0))
        return STOA_NAN;
    return fmax(-1.0, fmin(1.0, xy / sqrt(xx * yy)));
}

stoa_status stoa_stat_spearman(const double *x, const double *y, int64_t n, double confidence,
                               stoa_interval *out, stoa_error *err) {
    assert(n >= 0 && confidence > 0.0 && confidence < 1.0);
    *out = (stoa_interval){STOA_NAN, STOA_NAN, STOA_NAN};
    for (int64_t i = 0; i < n; i++)
        if (isnan(x[i]) || isnan(y[i]))
            return stoa_fail(err, STOA_ERR_NUMERIC, "rank correlation: item %lld is not a number",
                             (long long)i);
    if (n < 2)
        return STOA_OK;
    ranked *work = stoa_alloc((size_t)n * sizeof *work);
    double *ranks = stoa_alloc((size_t)n * 2 * sizeof *ranks);
    if (!work || !ranks) {
        stoa_free(work);
        stoa_free(ranks);
        return stoa_fail(err, STOA_ERR_MEMORY, "no memory to rank %lld items", (long long)n);
    }
    rank_values(x, n, work, ranks);
    rank_values(y, n, work, ranks + n);
    double rho = pearson(ranks, ranks + n, n);
    out->value = rho;
    if (n > 3 && !isnan(rho)) {
        double z = stoa_stat_normal_quantile(0.5 + 0.5 * confidence);
        double reach = z * sqrt((1.0 + 0.5 * rho * rho) / (double)(n - 3));
        out->low = tanh(atanh(rho) - reach); // atanh(+-1) is infinite, and tanh brings it back
        out->high = tanh(atanh(rho) + reach);
    }
    stoa_free(work);
    stoa_free(ranks);
    return STOA_OK;
}

double stoa_stat_auc(const double *positive, int64_t n, const double *negative, int64_t m) {
    assert(n >= 0 && m >= 0);
    if (n == 0 || m == 0)
        return STOA_NAN;
    double *all = stoa_alloc((size_t)(n + m) * 2 * sizeof *all), *rank = all + n + m, sum = 0.0;
    ranked *work = stoa_alloc((size_t)(n + m) * sizeof *work);
    if (all && work) {
        for (int64_t i = 0; i < n; i++)
            all[i] = positive[i];
        for (int64_t i = 0; i < m; i++)
            all[n + i] = negative[i];
        rank_values(all, n + m, work, rank);
        for (int64_t i = 0; i < n; i++)
            sum += rank[i];
    } else {
        sum = STOA_NAN;
    }
    stoa_free(all);
    stoa_free(work);
    return (sum - (double)n * ((double)n + 1) / 2) / ((double)n * (double)m);
}
