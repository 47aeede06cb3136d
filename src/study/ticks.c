/*
 * Axis ranges and labels. Steps are 1, 2 or 5 times a power of ten; a logarithmic axis shows powers
 * of ten when there are enough of them, 1-2-5 when there are few, and a linear axis' labels when it
 * spans less than that.
 */
#include "study/ticks.h"

#include <math.h>
#include <string.h>

static void replace_minus(char *text, size_t n) {
    char plain[32];
    if (text[0] != '-')
        return;
    snprintf(plain, sizeof plain, "%s", text + 1);
    snprintf(text, n, "\xe2\x88\x92%.24s", plain); // U+2212
}

// 1500000 -> "1.5M"
static void count_label(double value, char *out, size_t n) {
    static const char *const suffix[] = {"", "k", "M", "G", "T", "P", "E"};
    size_t s = 0;
    while (fabs(value) >= 999.5 && s + 1 < sizeof suffix / sizeof *suffix) {
        value /= 1000.0;
        s++;
    }
    snprintf(out, n, "%.3g%s", value, suffix[s]);
}

// 3e14 -> "3·10¹⁴"
static void power_label(double value, char *out, size_t n) {
    static const char *const digits[] = {
        "\xe2\x81\xb0", "\xc2\xb9",     "\xc2\xb2",     "\xc2\xb3",     "\xe2\x81\xb4",
        "\xe2\x81\xb5", "\xe2\x81\xb6", "\xe2\x81\xb7", "\xe2\x81\xb8", "\xe2\x81\xb9"};
    int power = (int)floor(log10(value) + 1e-9);
    double mantissa = value / pow(10.0, power);
    size_t used = 0;
    out[0] = '\0';
    if (fabs(mantissa - 1.0) > 1e-6)
        used = (size_t)snprintf(out, n, "%.3g\xc2\xb7", mantissa);
    used += (size_t)snprintf(out + used, n - used, "10%s", power < 0 ? "\xe2\x81\xbb" : "");
    char plain[16];
    snprintf(plain, sizeof plain, "%d", power < 0 ? -power : power);
    for (const char *c = plain; *c && used + 4 < n; c++)
        used += (size_t)snprintf(out + used, n - used, "%s", digits[*c - '0']);
}

// decimals: as many as the step between labels needs
static void label(const stoa_figure_scale *scale, double value, int decimals, char *out, size_t n) {
    if (scale->style == STOA_TICKS_COUNT) {
        count_label(value, out, n);
    } else if (scale->style == STOA_TICKS_POWER && value > 0) {
        power_label(value, out, n);
    } else if (scale->style == STOA_TICKS_PERCENT) {
        int fewer = decimals > 2 ? decimals - 2 : 0;
        snprintf(out, n, "%.*f %%", fewer, value * 100.0);
    } else if (fabs(value) >= 1e6 || decimals > 6) {
        snprintf(out, n, "%.3g", value);
    } else {
        snprintf(out, n, "%.*f", decimals, value);
    }
    replace_minus(out, n);
}

static void add(stoa_ticks *t, const stoa_figure_scale *scale, double value, int decimals) {
    double slack = 1e-9 * fmax(fabs(t->low), fabs(t->high));
    if (t->count >= STOA_MOST_TICKS || value < t->low - slack || value > t->high + slack)
        return;
    t->at[t->count] = value;
    label(scale, value, decimals, t->label[t->count], sizeof t->label[0]);
    t->count++;
}

static int decimals_for(double step) {
    int decimals = (int)-floor(log10(step) + 1e-9);
    return decimals > 0 ? decimals : 0;
}

static void linear_ticks(stoa_ticks *t, const stoa_figure_scale *scale, int about,
                         double least_step) {
    double rough = (t->high - t->low) / about, power = pow(10.0, floor(log10(rough)));
    static const double nice[] = {1.0, 2.0, 5.0, 10.0};
    double step = 10.0 * power;
    for (size_t i = 0; i < sizeof nice / sizeof *nice; i++)
        if (rough <= nice[i] * power * 1.0001) {
            step = nice[i] * power;
            break;
        }
    step = fmax(step, least_step);
    double first = ceil(t->low / step - 1e-9);
    for (int i = 0; i < STOA_MOST_TICKS; i++) {
        double value = (first + i) * step;
        add(t, scale, fabs(value) < 1e-9 * step ? 0.0 : value, decimals_for(step));
    }
}

static void log_ticks(stoa_ticks *t, const stoa_figure_scale *scale, int about) {
    double decades = log10(t->high / t->low);
    if (decades < 0.75) {
        linear_ticks(t, scale, about, 0.0);
        return;
    }
    int first = (int)floor(log10(t->low)), last = (int)ceil(log10(t->high));
    int stride = 1 + (last - first) / (about + 2);
    static const double steps[] = {1.0, 2.0, 5.0};
    size_t each = decades < 2.2 ? 3 : 1;
    for (int p = first; p <= last; p += stride)
        for (size_t i = 0; i < each; i++)
            add(t, scale, steps[i] * pow(10.0, p), p < 0 ? -p : 0);
}

stoa_ticks stoa_ticks_plan(const stoa_figure_scale *scale, double low, double high, bool from_zero,
                           int about, double least_step) {
    bool logarithmic = scale->logarithmic;
    if (isnan(low) || isnan(high)) { // no data: any range will do
        low = logarithmic ? 1.0 : 0.0;
        high = logarithmic ? 10.0 : 1.0;
    }
    bool zero = from_zero && low >= 0.0 && !logarithmic;
    if (zero)
        low = 0.0;
    double air = logarithmic ? log(high / low) : high - low;
    if (!(air > 0.0)) // one value
        air = logarithmic ? 1.0 : fabs(high) > 0.0 ? fabs(high) : 1.0;
    air *= 0.05;
    stoa_ticks t = {.low = logarithmic ? low / exp(air)
                           : zero      ? 0.0
                                       : low - air,
                    .high = logarithmic ? high * exp(air) : high + air};
    t.low = fmax(t.low, logarithmic ? 1e-307 : -1e307); // air must not make a range infinite
    t.high = fmin(t.high, 1e307);
    if (!isnan(scale->least) && (!logarithmic || scale->least > 0.0))
        t.low = scale->least;
    if (!isnan(scale->most) && (!logarithmic || scale->most > 0.0))
        t.high = scale->most;
    if (!(t.low < t.high))
        t.high = logarithmic ? t.low * 10.0 : t.low + 1.0;
    if (logarithmic)
        log_ticks(&t, scale, about);
    else
        linear_ticks(&t, scale, about, least_step);
    return t;
}
