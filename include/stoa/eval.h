/*
 * stoa/eval.h - measuring what was learned: statistics.
 *
 * Everything here works in double on the caller's arrays, allocates little and prints nothing. A
 * number that does not exist (the spread of one value, a precision without positives) is NaN, never
 * a made-up zero.
 */
#ifndef STOA_EVAL_H
#define STOA_EVAL_H

#include "stoa/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- estimates ------------------------------------------------------------------------------- */

/* An estimate with the ends of its confidence interval; NaN ends where there are too few values. */
typedef struct stoa_interval {
    double value, low, high;
} stoa_interval;

typedef struct stoa_summary {
    int64_t n;
    double mean;
    double sd;          /* sample standard deviation (n - 1); NaN for n < 2 */
    double error;       /* standard error of the mean, sd / sqrt(n) */
    double least, most; /* NaN for n = 0 */
} stoa_summary;

STOA_API stoa_summary stoa_stat_summary(const double *x, int64_t n);

/* The p-quantile (0 <= p <= 1) with linear interpolation between order statistics (the usual "type
 * 7"); x is sorted ascending. NaN for n = 0. */
STOA_API double stoa_stat_quantile_sorted(const double *x, int64_t n, double p);
/* Median of an unsorted array; NaN for n = 0 or when memory is short. */
STOA_API double stoa_stat_median(const double *x, int64_t n);

/* Mean with its Student interval: mean +- t(n - 1) sd / sqrt(n). confidence: 0.95. */
STOA_API stoa_interval stoa_stat_mean(const double *x, int64_t n, double confidence);

/* A difference of two means and how sure it is. */
typedef struct stoa_difference {
    stoa_interval interval; /* mean(a) - mean(b) */
    double t, df;           /* Student's t and its degrees of freedom */
    double p;               /* two-sided p-value of "no difference" */
} stoa_difference;

/* a[i] and b[i] belong together (same seed, same item): the interval of the mean of a - b. */
STOA_API stoa_difference stoa_stat_paired(const double *a, const double *b, int64_t n,
                                          double confidence);
/* Independent samples of unequal variance (Welch 1947). */
STOA_API stoa_difference stoa_stat_welch(const double *a, int64_t n_a, const double *b, int64_t n_b,
                                         double confidence);

/* A proportion with its Wilson (1927) interval: hits of n. NaN for n = 0. */
STOA_API stoa_interval stoa_stat_proportion(int64_t hits, int64_t n, double confidence);

/* Spearman's rank correlation (ties share their mean rank). Interval by Fisher's z with the
 * variance of Bonett and Wright (2000), so NaN ends for n < 4; value NaN when either side is
 * constant. */
STOA_API stoa_status stoa_stat_spearman(const double *x, const double *y, int64_t n,
                                        double confidence, stoa_interval *out, stoa_error *err);

/* The area under the ROC curve: the probability that a positive item's value is above a negative
 * one's, ties counting half (Mann and Whitney's U). NaN when either side is empty or when memory is
 * short. */
STOA_API double stoa_stat_auc(const double *positive, int64_t n, const double *negative, int64_t m);

/* ---- distributions --------------------------------------------------------------------------- */

STOA_API double stoa_stat_normal_cdf(double z);
STOA_API double stoa_stat_normal_quantile(double p); /* p in [0, 1]; +-infinity at the ends */
/* Student's t with df > 0 degrees of freedom (not necessarily whole). */
STOA_API double stoa_stat_t_cdf(double t, double df);
STOA_API double stoa_stat_t_quantile(double p, double df);

/* ---- bootstrap ------------------------------------------------------------------------------- */

/* A statistic of the items whose indices are pick[0..n). Returns NaN when it does not exist. */
typedef double (*stoa_statistic_fn)(void *arg, const int64_t *pick, int64_t n);

/* Bias-corrected and accelerated bootstrap interval (Efron 1987) of a statistic of n items: it
 * draws `resamples` samples with replacement from the stream (seed, "bootstrap"). Same seed, same
 * interval. Resamples whose statistic is NaN are left out. */
STOA_API stoa_status stoa_stat_bootstrap(int64_t n, stoa_statistic_fn statistic, void *arg,
                                         int64_t resamples, double confidence, uint64_t seed,
                                         stoa_interval *out, stoa_error *err);
/* The same for the mean of x. */
STOA_API stoa_status stoa_stat_bootstrap_mean(const double *x, int64_t n, int64_t resamples,
                                              double confidence, uint64_t seed, stoa_interval *out,
                                              stoa_error *err);

/* ---- fits ------------------------------------------------------------------------------------ */

/* y = intercept + slope x by least squares. */
typedef struct stoa_line {
    double intercept, slope;
    double slope_low, slope_high; /* NaN for n < 3 */
    double r2;                    /* share of y's variance explained */
} stoa_line;

/* STOA_ERR_NUMERIC for fewer than two distinct x or a value that is not finite. */
STOA_API stoa_status stoa_stat_line(const double *x, const double *y, int64_t n, double confidence,
                                    stoa_line *out, stoa_error *err);

/* y = a + b x + c x^2 by least squares, as an isoFLOP sweep wants it: x = log of the parameters,
 * y = loss. */
typedef struct stoa_parabola {
    double a, b, c;
    bool has_minimum;    /* c > 0 */
    bool inside;         /* the minimum lies between the least and the greatest x */
    double min_x, min_y; /* the minimum; NaN unless has_minimum */
    double residual;     /* standard deviation of the residuals (n - 3); NaN for n < 4 */
    double r2;
} stoa_parabola;

/* STOA_ERR_NUMERIC for fewer than three distinct x or a value that is not finite. */
STOA_API stoa_status stoa_stat_parabola(const double *x, const double *y, int64_t n,
                                        stoa_parabola *out, stoa_error *err);

/* ---- counts ---------------------------------------------------------------------------------- */

/* Yes/no predictions against the truth. Zero-initialise. */
typedef struct stoa_confusion {
    int64_t true_yes, false_yes, true_no, false_no;
} stoa_confusion;

typedef struct stoa_confusion_rates {
    double accuracy, precision, recall, f1;
    double predicted; /* share of items predicted yes */
} stoa_confusion_rates;

STOA_API void stoa_confusion_add(stoa_confusion *c, bool predicted, bool actual);
/* NaN for a rate whose denominator is zero. */
STOA_API stoa_confusion_rates stoa_confusion_rate(const stoa_confusion *c);

/* Counts in `bins` equal bins over [least, most]; the last bin includes its upper end. The caller
 * owns count[bins] and zeroes it before the first add. */
typedef struct stoa_histogram {
    double least, most;
    int64_t bins;
    int64_t *count;
    int64_t below, above, invalid; /* outside the range; NaN */
} stoa_histogram;

STOA_API void stoa_histogram_add(stoa_histogram *h, const double *x, int64_t n);
/* Lower edge of bin i; edge(bins) is `most`. */
STOA_API double stoa_histogram_edge(const stoa_histogram *h, int64_t i);

#ifdef __cplusplus
}
#endif

#endif /* STOA_EVAL_H */
