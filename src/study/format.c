/*
 * Numbers as people read them in tables, claims and axes.
 */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "study/format.h"

typedef void (*format_fn)(double value, int digits, char *out, size_t n);

static void format_fixed(double value, int digits, char *out, size_t n) {
    snprintf(out, n, "%.*f", digits, value);
    // no "-0.00"
    if (out[0] == '-' && strspn(out + 1, "0.") == strlen(out + 1))
        memmove(out, out + 1, strlen(out));
}

static void format_significant(double value, int digits, char *out, size_t n) {
    snprintf(out, n, "%.*g", digits > 0 ? digits : 1, value);
}

static void format_percent(double value, int digits, char *out, size_t n) {
    format_fixed(100.0 * value, digits, out, n);
}

static void format_count(double value, int digits, char *out, size_t n) {
    (void)digits;
    stoa_human_count(value, out, n);
}

static void format_bytes(double value, int digits, char *out, size_t n) {
    (void)digits;
    stoa_human_bytes(value, out, n);
}

static void format_time(double value, int digits, char *out, size_t n) {
    (void)digits;
    stoa_human_time(value, out, n);
}

// 12345678 -> "12,345,678"
static void format_whole(double value, int digits, char *out, size_t n) {
    (void)digits;
    char plain[352], grouped[480];
    snprintf(plain, sizeof plain, "%.0f", fabs(value));
    size_t len = strlen(plain), used = 0;
    if (value <= -0.5)
        grouped[used++] = '-';
    for (size_t i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            grouped[used++] = ',';
        grouped[used++] = plain[i];
    }
    grouped[used] = '\0';
    snprintf(out, n, "%s", grouped);
}

static const format_fn formatters[] = {
    [STOA_FORMAT_FIXED] = format_fixed,     [STOA_FORMAT_SIGNIFICANT] = format_significant,
    [STOA_FORMAT_PERCENT] = format_percent, [STOA_FORMAT_COUNT] = format_count,
    [STOA_FORMAT_WHOLE] = format_whole,     [STOA_FORMAT_BYTES] = format_bytes,
    [STOA_FORMAT_TIME] = format_time,
};

const char *stoa_format_bare(stoa_format format, double value, char *out, size_t n) {
    assert(n >= 32 && (size_t)format.kind < sizeof formatters / sizeof *formatters);
    if (isnan(value))
        snprintf(out, n, "-");
    else if (isinf(value))
        snprintf(out, n, value > 0 ? "infinite" : "-infinite");
    else
        formatters[format.kind](value, format.digits, out, n);
    return out;
}

const char *stoa_format_unit(stoa_format format) {
    if (format.kind == STOA_FORMAT_PERCENT)
        return "%";
    return format.unit ? format.unit : "";
}

const char *stoa_format_number(stoa_format format, double value, char *out, size_t n) {
    stoa_format_bare(format, value, out, n);
    const char *unit = stoa_format_unit(format);
    size_t used = strlen(out);
    if (*unit && isfinite(value))
        snprintf(out + used, n - used, " %s", unit);
    return out;
}

const char *stoa_format_interval(stoa_format format, stoa_interval value, char *out, size_t n) {
    char low[64], high[64];
    stoa_format_number(format, value.value, out, n);
    if (isnan(value.value) || isnan(value.low) || isnan(value.high))
        return out;
    size_t used = strlen(out);
    snprintf(out + used, n - used, " [%s, %s]",
             stoa_format_bare(format, value.low, low, sizeof low),
             stoa_format_bare(format, value.high, high, sizeof high));
    return out;
}
