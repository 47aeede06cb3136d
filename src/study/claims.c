/*
 * Claims: from a threshold fixed before the run and a measurement to a verdict.
 *
 * A verdict other than "undecided" needs a measurement, at the scale and with the seeds that the
 * claim asks for. By interval, a claim is decided only when the whole 95 % interval lies on one
 * side of its threshold.
 */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "study/format.h"

static const char *const scale_names[] = {[STOA_SCALE_SMOKE] = "smoke",
                                          [STOA_SCALE_DEMO] = "demo",
                                          [STOA_SCALE_CPU] = "cpu",
                                          [STOA_SCALE_GPU] = "gpu"};
_Static_assert(sizeof scale_names / sizeof *scale_names == STOA_SCALE_COUNT, "one name a scale");

static const char *const verdict_names[] = {[STOA_VERDICT_UNDECIDED] = "undecided",
                                            [STOA_VERDICT_HELD] = "held",
                                            [STOA_VERDICT_FAILED] = "failed"};
_Static_assert(sizeof verdict_names / sizeof *verdict_names == STOA_VERDICT_COUNT,
               "one name a verdict");

static const char *const bound_words[] = {[STOA_AT_LEAST] = "at least",
                                          [STOA_AT_MOST] = "at most",
                                          [STOA_ABOVE] = "above",
                                          [STOA_BELOW] = "below",
                                          [STOA_BETWEEN] = "from"};

const char *stoa_scale_name(stoa_scale scale) {
    assert(scale < STOA_SCALE_COUNT);
    return scale_names[scale];
}

stoa_status stoa_scale_parse(const char *name, stoa_scale *out, stoa_error *err) {
    for (int i = 0; i < STOA_SCALE_COUNT; i++)
        if (strcmp(name, scale_names[i]) == 0) {
            *out = (stoa_scale)i;
            return STOA_OK;
        }
    return stoa_fail(err, STOA_ERR_USAGE, "there is no scale '%s'; it is smoke, cpu or gpu", name);
}

const char *stoa_verdict_name(stoa_verdict verdict) {
    assert(verdict < STOA_VERDICT_COUNT);
    return verdict_names[verdict];
}

static bool satisfies(const stoa_claim *claim, double x) {
    switch (claim->bound) {
    case STOA_AT_LEAST:
        return x >= claim->threshold;
    case STOA_AT_MOST:
        return x <= claim->threshold;
    case STOA_ABOVE:
        return x > claim->threshold;
    case STOA_BELOW:
        return x < claim->threshold;
    case STOA_BETWEEN:
        return x >= claim->threshold && x <= claim->threshold_high;
    }
    return false;
}

// Whether the whole interval violates the claim. For a range both ends may do so while the middle
// does not, so both must lie on the same side.
static bool violates(const stoa_claim *claim, stoa_interval v) {
    if (claim->bound == STOA_BETWEEN)
        return v.high < claim->threshold || v.low > claim->threshold_high;
    return !satisfies(claim, v.low) && !satisfies(claim, v.high);
}

stoa_verdict stoa_claim_verdict(const stoa_claim *claim, const stoa_finding *finding,
                                stoa_scale scale, char *why, size_t n) {
    char unused[128];
    if (!why) {
        why = unused;
        n = sizeof unused;
    }
    snprintf(why, n, "%s", "");
    stoa_interval v = finding->value;
    if (isnan(v.value))
        snprintf(why, n, "not measured");
    else if (scale < claim->least_scale)
        snprintf(why, n, "judged at scale %s and above", stoa_scale_name(claim->least_scale));
    else if (finding->seeds < claim->seeds)
        snprintf(why, n, "%lld of %lld seeds", (long long)finding->seeds, (long long)claim->seeds);
    else if (claim->rule == STOA_BY_VALUE)
        return satisfies(claim, v.value) ? STOA_VERDICT_HELD : STOA_VERDICT_FAILED;
    else if (isnan(v.low) || isnan(v.high))
        snprintf(why, n, "no interval");
    else if (satisfies(claim, v.low) && satisfies(claim, v.high))
        return STOA_VERDICT_HELD;
    else if (violates(claim, v))
        return STOA_VERDICT_FAILED;
    else
        snprintf(why, n, "the interval holds the threshold");
    return STOA_VERDICT_UNDECIDED;
}

// A threshold is an exact number: "97 %", not "97.0 %".
static const char *exact(stoa_format format, double value, bool with_unit, char *out, size_t n) {
    stoa_format_bare(format, value, out, n);
    bool fraction = format.kind == STOA_FORMAT_FIXED || format.kind == STOA_FORMAT_PERCENT;
    size_t len = strlen(out);
    if (fraction && strchr(out, '.')) {
        while (len > 0 && out[len - 1] == '0')
            len--;
        len -= len > 0 && out[len - 1] == '.';
        out[len] = '\0';
    }
    const char *unit = stoa_format_unit(format);
    if (with_unit && *unit)
        snprintf(out + len, n - len, " %s", unit);
    return out;
}

const char *stoa_claim_threshold(const stoa_claim *claim, char *out, size_t n) {
    char low[96], high[96];
    assert((size_t)claim->bound < sizeof bound_words / sizeof *bound_words);
    exact(claim->format, claim->threshold, claim->bound != STOA_BETWEEN, low, sizeof low);
    if (claim->bound == STOA_BETWEEN)
        snprintf(out, n, "%s %s to %s", bound_words[claim->bound], low,
                 exact(claim->format, claim->threshold_high, true, high, sizeof high));
    else
        snprintf(out, n, "%s %s", bound_words[claim->bound], low);
    return out;
}
