/*
 * Least-squares fits of a line and of a parabola.
 *
 * x is shifted to its mean and scaled to its spread first, and the parabola is expanded in
 * polynomials orthogonal over the sample, so that a narrow range far from zero (log10 of parameter
 * counts) loses no digits.
 */
#include <assert.h>

#include "eval/stats.h"

// Mean and root mean square deviation of x; fails on a value that is not finite.
static stoa_status centre(const double *x, const double *y, int64_t n, double *mean, double *spread,
                          stoa_error *err) {
    for (int64_t i = 0; i < n; i++)
        if (!isfinite(x[i]) || !isfinite(y[i]))
            return stoa_fail(err, STOA_ERR_NUMERIC, "fit: point %lld is not finite", (long long)i);
    stoa_summary s = stoa_stat_summary(x, n);
    *mean = s.mean;
    *spread = n < 2 ? 0.0 : s.sd;
    return STOA_OK;
}

static double share_explained(double residual, const double *y, int64_t n) {
    stoa_summary s = stoa_stat_summary(y, n);
    double total = n < 2 ? 0.0 : s.sd * s.sd * (double)(n - 1);
    return total > 0.0 ? 1.0 - residual / total : STOA_NAN;
}

stoa_status stoa_stat_line(const double *x, const double *y, int64_t n, double confidence,
                           stoa_line *out, stoa_error *err) {
    assert(n >= 0 && confidence > 0.0 && confidence < 1.0);
    double mean = 0.0, spread = 0.0;
    STOA_TRY(centre(x, y, n, &mean, &spread, err));
    if (!(spread > 0.0))
        return stoa_fail(err, STOA_ERR_NUMERIC, "a line needs two distinct x; there are fewer");
    double mean_y = stoa_stat_summary(y, n).mean, uu = 0.0, uy = 0.0;
    for (int64_t i = 0; i < n; i++) {
        double u = (x[i] - mean) / spread;
        uu += u * u;
        uy += u * (y[i] - mean_y);
    }
    double slope = uy / uu, residual = 0.0; // in units of the scaled x
    for (int64_t i = 0; i < n; i++) {
        double r = y[i] - mean_y - slope * (x[i] - mean) / spread;
        residual += r * r;
    }
    *out = (stoa_line){.intercept = mean_y - slope / spread * mean,
                       .slope = slope / spread,
                       .slope_low = STOA_NAN,
                       .slope_high = STOA_NAN,
                       .r2 = share_explained(residual, y, n)};
    if (n > 2) {
        double reach = stoa_stat_t_quantile(0.5 + 0.5 * confidence, (double)(n - 2)) *
                       sqrt(residual / (double)(n - 2) / uu) / spread;
        out->slope_low = out->slope - reach;
        out->slope_high = out->slope + reach;
    }
    return STOA_OK;
}

stoa_status stoa_stat_parabola(const double *x, const double *y, int64_t n, stoa_parabola *out,
                               stoa_error *err) {
    assert(n >= 0);
    double mean = 0.0, spread = 0.0;
    STOA_TRY(centre(x, y, n, &mean, &spread, err));
    // moments of the scaled x: sums of u^2, u^3, u^4 (the sum of u is zero)
    double u2 = 0.0, u3 = 0.0, u4 = 0.0;
    for (int64_t i = 0; i < n && spread > 0.0; i++) {
        double u = (x[i] - mean) / spread;
        u2 += u * u;
        u3 += u * u * u;
        u4 += u * u * u * u;
    }
    // q(u) = u^2 - tilt u - level is orthogonal to 1 and to u over the sample
    double tilt = u2 > 0.0 ? u3 / u2 : 0.0, level = n > 0 ? u2 / (double)n : 0.0;
    double qq = u4 - tilt * u3 - level * u2;
    if (!(spread > 0.0) || !(qq > 1e-12 * u4))
        return stoa_fail(err, STOA_ERR_NUMERIC,
                         "a parabola needs three distinct x; there are fewer");
    double mean_y = stoa_stat_summary(y, n).mean, uy = 0.0, qy = 0.0;
    for (int64_t i = 0; i < n; i++) {
        double u = (x[i] - mean) / spread;
        uy += u * (y[i] - mean_y);
        qy += (u * u - tilt * u - level) * (y[i] - mean_y);
    }
    // y = p0 + p1 u + p2 u^2
    double p2 = qy / qq, p1 = uy / u2 - p2 * tilt, p0 = mean_y - p2 * level, residual = 0.0;
    double least = x[0], most = x[0];
    for (int64_t i = 0; i < n; i++) {
        double u = (x[i] - mean) / spread, r = y[i] - p0 - p1 * u - p2 * u * u;
        residual += r * r;
        least = fmin(least, x[i]);
        most = fmax(most, x[i]);
    }
    double c = p2 / (spread * spread), b = p1 / spread - 2.0 * c * mean;
    *out = (stoa_parabola){.a = p0 - p1 / spread * mean + c * mean * mean,
                           .b = b,
                           .c = c,
                           .has_minimum = c > 0.0,
                           .min_x = STOA_NAN,
                           .min_y = STOA_NAN,
                           .residual = n > 3 ? sqrt(residual / (double)(n - 3)) : STOA_NAN,
                           .r2 = share_explained(residual, y, n)};
    if (out->has_minimum) {
        double u = -0.5 * p1 / p2;
        out->min_x = mean + spread * u;
        out->min_y = p0 + 0.5 * p1 * u;
        out->inside = out->min_x >= least && out->min_x <= most;
    }
    return STOA_OK;
}
