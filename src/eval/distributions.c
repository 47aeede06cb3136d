/*
 * Normal and Student's t: distribution functions and their inverses.
 *
 * The t distribution is the regularised incomplete beta function, summed as a continued fraction
 * (Lentz). Quantiles are found by Newton steps inside a bracket that shrinks at every step, so they
 * converge whatever the starting point; to 1e-12 relative for up to 1e5 degrees of freedom, 1e-8
 * beyond.
 */
#include <assert.h>

#include "eval/stats.h"

static const double half_ln_2pi = 0.91893853320467274178; // ln(2 pi) / 2
static const double half_ln_pi = 0.57236494292470008707;  // ln(pi) / 2

double stoa_stat_normal_cdf(double z) {
    return 0.5 * erfc(-z * M_SQRT1_2);
}

// The continued fraction (without its front factor) of the incomplete beta function; converges fast
// for x < (a+1)/(a+b+2).
static double beta_fraction(double a, double b, double x) {
    const double tiny = 1e-300;
    double c = 1.0, d = 1.0 - (a + b) * x / (a + 1.0);
    d = 1.0 / (fabs(d) < tiny ? tiny : d);
    double h = d;
    for (int m = 1; m <= 500; m++) {
        double step = 1.0;
        for (int odd = 0; odd < 2; odd++) {
            double term = odd == 0
                              ? m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m))
                              : -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
            d = 1.0 + term * d;
            c = 1.0 + term / c;
            d = 1.0 / (fabs(d) < tiny ? tiny : d);
            c = fabs(c) < tiny ? tiny : c;
            step = c * d;
            h *= step;
        }
        if (fabs(step - 1.0) < 1e-15)
            break;
    }
    return h;
}

// ln(Gamma(a + 1/2) / Gamma(a)). For large a both logarithms are huge and nearly equal, so their
// difference is taken from its asymptotic series instead.
static double log_gamma_step(double a) {
    if (a > 50.0) {
        double inverse = 1.0 / a, square = inverse * inverse;
        return 0.5 * log(a) -
               inverse * (1.0 / 8.0 - square * (1.0 / 192.0 - square * (1.0 / 640.0)));
    }
    int sign; // plain lgamma writes a global
    return lgamma_r(a + 0.5, &sign) - lgamma_r(a, &sign);
}

// I_x(a, 1/2), the regularised incomplete beta function; complement = 1 - x, given for precision.
static double incomplete_beta(double a, double x, double complement) {
    const double b = 0.5;
    if (x <= 0.0)
        return 0.0;
    if (complement <= 0.0)
        return 1.0;
    double front = exp(log_gamma_step(a) - half_ln_pi + a * log(x) + b * log(complement));
    if (x < (a + 1.0) / (a + b + 2.0))
        return front * beta_fraction(a, b, x) / a;
    return 1.0 - front * beta_fraction(b, a, complement) / b;
}

double stoa_stat_t_cdf(double t, double df) {
    assert(df > 0.0);
    if (isnan(t) || isinf(t))
        return isnan(t) ? STOA_NAN : t > 0.0 ? 1.0 : 0.0;
    double tail = 0.5 * incomplete_beta(0.5 * df, df / (df + t * t), t * t / (df + t * t));
    return t > 0.0 ? 1.0 - tail : tail;
}

// ---- inversion ----------------------------------------------------------------------------------

// Upper tail and log density of a symmetric distribution; df is infinite for the normal.
static double upper_tail(double x, double df) {
    return isinf(df) ? stoa_stat_normal_cdf(-x) : stoa_stat_t_cdf(-x, df);
}

static double log_density(double x, double df) {
    if (isinf(df))
        return -0.5 * x * x - half_ln_2pi;
    return log_gamma_step(0.5 * df) - 0.5 * log(df) - half_ln_pi -
           0.5 * (df + 1.0) * log1p(x * x / df);
}

// The x >= 0 whose upper tail is `tail`, 0 < tail <= 0.5. Newton on the logarithm of the tail,
// which is nearly straight far out; a step that leaves the bracket is replaced by bisection.
static double invert_tail(double tail, double df) {
    double low = 0.0, high = 1.0;
    while (upper_tail(high, df) > tail && high < 1e300) {
        low = high;
        high *= 2.0;
    }
    double x = 0.5 * (low + high);
    for (int i = 0; i < 200; i++) {
        double here = upper_tail(x, df);
        if (here > tail)
            low = x;
        else
            high = x;
        double next = x + log(here / tail) * here / exp(log_density(x, df));
        if (!(next > low && next < high))
            next = 0.5 * (low + high);
        if (fabs(next - x) <= 1e-14 * fabs(x))
            return next;
        x = next;
    }
    return x;
}

static double quantile(double p, double df) {
    if (!(p >= 0.0 && p <= 1.0))
        return STOA_NAN;
    if (p == 0.0 || p == 1.0)
        return p == 0.0 ? -STOA_INFINITY : STOA_INFINITY;
    if (p == 0.5)
        return 0.0;
    return p < 0.5 ? -invert_tail(p, df) : invert_tail(1.0 - p, df);
}

double stoa_stat_normal_quantile(double p) {
    return quantile(p, STOA_INFINITY);
}

double stoa_stat_t_quantile(double p, double df) {
    assert(df > 0.0);
    return quantile(p, df);
}
