/*
 * The table of claims. Beside each measurement stands a small picture of it: the shaded side of the
 * threshold is where the claim holds, the line is the 95 % interval, the dot the estimate.
 */
#include "study/report.h"

#include <math.h>
#include <string.h>

enum { STRIP_WIDTH = 140, STRIP_HEIGHT = 28 };

static const char *const signs[] = {[STOA_VERDICT_UNDECIDED] = "?",
                                    [STOA_VERDICT_HELD] = "\xe2\x9c\x93",    // check mark
                                    [STOA_VERDICT_FAILED] = "\xe2\x9c\x97"}; // cross
_Static_assert(sizeof signs / sizeof *signs == STOA_VERDICT_COUNT, "one sign a verdict");

static double clamp(double x) {
    return fmax(-1.0, fmin(STRIP_WIDTH + 1.0, x));
}

// The line of numbers on which a claim's threshold and measurement are drawn.
typedef struct ruler {
    double low, high;
} ruler;

static double place(ruler r, double value) {
    return clamp((value - r.low) / (r.high - r.low) * STRIP_WIDTH);
}

static void strip(stoa_buffer *b, const stoa_claim_node *c) {
    const stoa_claim *claim = &c->claim;
    stoa_interval v = c->finding.value;
    double points[] = {claim->threshold,
                       claim->bound == STOA_BETWEEN ? claim->threshold_high : claim->threshold,
                       v.value, v.low, v.high};
    ruler r = {.low = claim->threshold, .high = claim->threshold};
    for (size_t i = 0; i < sizeof points / sizeof *points; i++)
        if (isfinite(points[i])) {
            r.low = fmin(r.low, points[i]);
            r.high = fmax(r.high, points[i]);
        }
    double span = r.high - r.low;
    if (!(span > 0.0))
        span = fabs(r.high) > 0.0 ? fabs(r.high) : 1.0;
    r.low -= 0.22 * span;
    r.high += 0.22 * span;
    double from = 0.0, to = STRIP_WIDTH;
    if (claim->bound == STOA_AT_LEAST || claim->bound == STOA_ABOVE)
        from = place(r, claim->threshold);
    else if (claim->bound == STOA_AT_MOST || claim->bound == STOA_BELOW)
        to = place(r, claim->threshold);
    else {
        from = place(r, claim->threshold);
        to = place(r, claim->threshold_high);
    }
    stoa_buffer_printf(b,
                       "<svg class=\"strip\" viewBox=\"0 0 %d %d\" aria-hidden=\"true\">"
                       "<rect x=\"0\" y=\"6\" width=\"%d\" height=\"16\" rx=\"3\" "
                       "fill=\"var(--wash)\"/>"
                       "<rect x=\"%.1f\" y=\"6\" width=\"%.1f\" height=\"16\" "
                       "fill=\"var(--held-wash)\"/>",
                       STRIP_WIDTH, STRIP_HEIGHT, STRIP_WIDTH, from, fmax(0.0, to - from));
    for (int end = 0; end < 2; end++) {
        double x = end == 0 ? from : to;
        if (x > 0.0 && x < STRIP_WIDTH)
            stoa_buffer_printf(b,
                               "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"3\" y2=\"25\" "
                               "stroke=\"var(--held)\" stroke-width=\"1.2\" "
                               "stroke-dasharray=\"3 2\"/>",
                               x, x);
    }
    const char *name = stoa_verdict_name(c->verdict);
    if (isfinite(v.low) && isfinite(v.high))
        stoa_buffer_printf(b,
                           "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"14\" y2=\"14\" "
                           "stroke=\"var(--%s)\" stroke-width=\"2\" stroke-linecap=\"round\"/>",
                           place(r, v.low), place(r, v.high), name);
    stoa_buffer_printf(b, "<circle cx=\"%.1f\" cy=\"14\" r=\"4\" fill=\"var(--%s)\"/></svg>",
                       place(r, v.value), name);
}

static void verdict(stoa_buffer *b, stoa_verdict v, const char *before) {
    stoa_buffer_printf(b, "<span class=\"verdict %s\">%s %s%s</span>", stoa_verdict_name(v),
                       signs[v], before, stoa_verdict_name(v));
}

static void row(stoa_buffer *b, const stoa_claim_node *c) {
    char text[256];
    stoa_buffer_printf(b, "<tr><td class=\"id\">");
    stoa_buffer_html(b, c->claim.id);
    stoa_buffer_printf(b, "</td><td class=\"text\">");
    stoa_buffer_html(b, c->claim.text);
    if (*c->finding.note) {
        stoa_buffer_printf(b, "<small>");
        stoa_buffer_html(b, c->finding.note);
        stoa_buffer_printf(b, "</small>");
    }
    stoa_buffer_printf(b, "</td><td data-label=\"Paper\">");
    stoa_buffer_html(b, c->claim.paper);
    stoa_buffer_printf(b, "</td><td data-label=\"Threshold\">");
    stoa_html_number(b, stoa_claim_threshold(&c->claim, text, sizeof text));
    stoa_buffer_printf(b, "</td><td class=\"ours\" data-label=\"Ours\">");
    if (isnan(c->finding.value.value)) {
        stoa_html_number(b, "-");
    } else {
        stoa_html_number(
            b, stoa_format_number(c->claim.format, c->finding.value.value, text, sizeof text));
        strip(b, c);
        stoa_buffer_printf(b, "<small>");
        if (isfinite(c->finding.value.low) && isfinite(c->finding.value.high)) {
            char low[96], high[96];
            snprintf(text, sizeof text, "%s to %s, ",
                     stoa_format_bare(c->claim.format, c->finding.value.low, low, sizeof low),
                     stoa_format_bare(c->claim.format, c->finding.value.high, high, sizeof high));
            stoa_html_number(b, text);
        }
        stoa_buffer_printf(b, "%lld seed%s</small>", (long long)c->finding.seeds,
                           c->finding.seeds == 1 ? "" : "s");
    }
    stoa_buffer_printf(b, "</td><td>");
    verdict(b, c->verdict, "");
    if (*c->why) {
        stoa_buffer_printf(b, "<small>");
        stoa_buffer_html(b, c->why);
        stoa_buffer_printf(b, "</small>");
    }
    stoa_buffer_printf(b, "</td></tr>\n");
}

void stoa_html_claims(stoa_buffer *b, const stoa_report *report) {
    stoa_buffer_printf(
        b, "<section id=\"claims\"><h2><a href=\"#claims\">Claims</a></h2>\n"
           "<p class=\"note\">Thresholds were fixed before the runs. Ours: the estimate; "
           "its line is the 95 %% interval, the shaded side is where the claim holds.</p>\n"
           "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"Claims\">"
           "<table class=\"claims\"><thead><tr><th></th><th scope=\"col\">Claim</th>"
           "<th scope=\"col\">Paper</th><th scope=\"col\">Threshold</th>"
           "<th scope=\"col\">Ours</th><th scope=\"col\">Verdict</th></tr></thead>\n<tbody>\n");
    for (const stoa_claim_node *c = report->claims; c; c = c->next)
        row(b, c);
    stoa_buffer_printf(b, "</tbody></table></div></section>\n");
}

void stoa_html_tally(stoa_buffer *b, stoa_tally tally) {
    const int counts[] = {[STOA_VERDICT_HELD] = tally.held,
                          [STOA_VERDICT_FAILED] = tally.failed,
                          [STOA_VERDICT_UNDECIDED] = tally.undecided};
    static const stoa_verdict order[] = {STOA_VERDICT_HELD, STOA_VERDICT_FAILED,
                                         STOA_VERDICT_UNDECIDED};
    stoa_buffer_printf(b, "<ul class=\"tally\" aria-label=\"Verdicts\">");
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        char number[32];
        if (counts[order[i]] == 0)
            continue;
        snprintf(number, sizeof number, "%d ", counts[order[i]]);
        stoa_buffer_printf(b, "<li>");
        verdict(b, order[i], number);
        stoa_buffer_printf(b, "</li>");
    }
    stoa_buffer_printf(b, "</ul>\n");
}
