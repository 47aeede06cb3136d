/*
 * human.c - numbers as people read them: three significant digits and a unit.
 */
#include "stoa/base.h"

#include <math.h>
#include <string.h>

/* Three significant digits of |v| < 1000; whole numbers without a point. */
static int digits_after_point(double v) {
    v = fabs(v);
    return v >= 99.95 ? 0 : v >= 9.995 ? 1 : 2;
}

static bool not_finite(double v, char *out, size_t n) {
    if (isfinite(v))
        return false;
    snprintf(out, n, "%s", isnan(v) ? "nan" : v > 0 ? "inf" : "-inf");
    return true;
}

const char *stoa_human_count(double value, char *out, size_t n) {
    static const char *const units[] = {"", "k", "M", "G", "T", "P", "E"};
    if (not_finite(value, out, n))
        return out;
    size_t u = 0;
    while (fabs(value) >= (u == 0 ? 1000.0 : 999.5) && u + 1 < sizeof units / sizeof *units) {
        value /= 1000;
        u++;
    }
    if (u == 0 && value == floor(value))
        snprintf(out, n, "%.0f", value);
    else
        snprintf(out, n, "%.*f%s", digits_after_point(value), value, units[u]);
    return out;
}

const char *stoa_human_unit(double value, const char *unit, char *out, size_t n) {
    char text[64];
    stoa_human_count(value, text, sizeof text);
    size_t digits = strspn(text, "-+.0123456789");
    if (not_finite(value, out, n))
        digits = strlen(text);
    snprintf(out, n, "%.*s %s%s", (int)digits, text, text + digits, unit);
    return out;
}

const char *stoa_human_bytes(double bytes, char *out, size_t n) {
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    if (not_finite(bytes, out, n))
        return out;
    size_t u = 0;
    while (fabs(bytes) >= (u == 0 ? 1024.0 : 1023.5) && u + 1 < sizeof units / sizeof *units) {
        bytes /= 1024;
        u++;
    }
    snprintf(out, n, "%.*f %s", u == 0 || fabs(bytes) >= 99.95 ? 0 : 1, bytes, units[u]);
    return out;
}

const char *stoa_human_time(double seconds, char *out, size_t n) {
    if (not_finite(seconds, out, n))
        return out;
    const char *sign = seconds < 0 ? "-" : "";
    double s = fabs(seconds);
    if (s < 1e-6)
        snprintf(out, n, "%s%.0f ns", sign, s * 1e9);
    else if (s < 1e-3)
        snprintf(out, n, "%s%.0f us", sign, s * 1e6);
    else if (s < 0.9995)
        snprintf(out, n, "%s%.0f ms", sign, s * 1e3);
    else if (s < 59.95)
        snprintf(out, n, "%s%.1f s", sign, s);
    else if (s < 3599.5)
        snprintf(out, n, "%s%d m %02d s", sign, (int)(s + 0.5) / 60, (int)(s + 0.5) % 60);
    else if (s < 86370)
        snprintf(out, n, "%s%d h %02d m", sign, (int)(s + 30) / 3600, (int)(s + 30) / 60 % 60);
    else
        snprintf(out, n, "%s%.0f d %02d h", sign, floor((s + 1800) / 86400),
                 (int)(fmod(s + 1800, 86400) / 3600));
    return out;
}
