/* study/emergent_icl/lines.c - figures over training, bars and tables of arms. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "study/emergent_icl/icls.h"

static bool is_accuracy(const char *axis) {
    return strcmp(axis, "accuracy") == 0;
}

void stoa_icls_show_lines(stoa_report *report, const stoa_icls_study *study, const char *id,
                          const char *title, const char *axis, const stoa_icls_line *lines,
                          int count, const char *caption) {
    stoa_figure *f = stoa_figure_new(id, title);
    stoa_arm_curve *c = stoa_alloc(sizeof *c);
    int shown = 0;
    for (int i = 0; i < count && c; i++) {
        stoa_arm_curve_of(&study->runs, lines[i].arm, "steps", lines[i].series, c);
        if (c->n == 0)
            continue;
        shown++;
        stoa_figure_add(f,
                        &(stoa_series){.name = lines[i].name ? lines[i].name
                                                             : stoa_icls_arms[lines[i].arm].title,
                                       .kind = STOA_SERIES_LINE,
                                       .x = c->x,
                                       .y = c->mean,
                                       .low = c->seeds > 1 ? c->low : NULL,
                                       .high = c->seeds > 1 ? c->high : NULL,
                                       .n = c->n,
                                       .colour = i + 1,
                                       .dashed = lines[i].dashed});
    }
    stoa_free(c);
    if (shown == 0) {
        stoa_figure_free(f);
        return;
    }
    stoa_figure_axis(f, STOA_AXIS_X, "training step", false, STOA_TICKS_COUNT);
    stoa_figure_axis(f, STOA_AXIS_Y, axis, false,
                     is_accuracy(axis) ? STOA_TICKS_PERCENT : STOA_TICKS_PLAIN);
    if (is_accuracy(axis)) {
        stoa_figure_range(f, STOA_AXIS_Y, 0, 1.05);
        bool in_weights = strncmp(lines[0].series, "iwl", 3) == 0;
        stoa_figure_mark(f, STOA_AXIS_Y, in_weights ? 1.0 / 32 : 0.5,
                         in_weights ? "guessing" : "guessing from the context");
        stoa_figure_mark(f, STOA_AXIS_Y, 1, "perfect");
    }
    stoa_figure_caption(f, caption);
    stoa_report_figure(report, f);
}

/* ---- bars ------------------------------------------------------------------------------------ */

enum { BARS = 12 };

static void add_bars(stoa_figure *f, const stoa_icls_study *study, const stoa_icls_arm_id *arms,
                     int count, const char *series, const char *name, int colour) {
    double x[BARS], y[BARS], low[BARS], high[BARS];
    for (int i = 0; i < count; i++) {
        stoa_interval v = stoa_icls_mean(study, arms[i], series, ICLS_FINAL, NULL);
        x[i] = i, y[i] = v.value;
        low[i] = isnan(v.low) ? v.value : fmax(v.low, 0);
        high[i] = isnan(v.high) ? v.value : fmin(v.high, 1);
    }
    stoa_figure_add(f, &(stoa_series){.name = name,
                                      .kind = STOA_SERIES_BARS,
                                      .x = x,
                                      .y = y,
                                      .low = low,
                                      .high = high,
                                      .n = count,
                                      .colour = colour});
}

/* Those of the arms that were run. */
static int finished(const stoa_icls_study *study, const stoa_icls_arm_id *arms, int count,
                    stoa_icls_arm_id *out) {
    int n = 0;
    for (int i = 0; i < count; i++)
        if (stoa_arm_first(&study->runs, arms[i]))
            out[n++] = arms[i];
    return n;
}

void stoa_icls_show_bars(stoa_report *report, const stoa_icls_study *study, const char *id,
                         const char *title, const stoa_icls_arm_id *arms, int count,
                         const char *caption) {
    stoa_icls_arm_id shown[BARS];
    const char *names[BARS];
    int n = finished(study, arms, count < BARS ? count : BARS, shown);
    if (n == 0)
        return;
    for (int i = 0; i < n; i++)
        names[i] = stoa_icls_arms[shown[i]].title;
    stoa_figure *f = stoa_figure_new(id, title);
    add_bars(f, study, shown, n, "icl/closed", "in context, new classes", 1);
    add_bars(f, study, shown, n, "iwl/open", "in weights", 2);
    stoa_figure_names(f, STOA_AXIS_X, names, n);
    stoa_figure_axis(f, STOA_AXIS_Y, "accuracy", false, STOA_TICKS_PERCENT);
    stoa_figure_range(f, STOA_AXIS_Y, 0, 1.05);
    stoa_figure_mark(f, STOA_AXIS_Y, 0.5, "guessing from the context");
    stoa_figure_caption(f, caption);
    stoa_report_figure(report, f);
}

/* ---- tables ---------------------------------------------------------------------------------- */

static const struct {
    const char *name, *series;
    stoa_icls_pick pick;
} columns[] = {
    {"ICL", "icl/closed", ICLS_FINAL},
    {"highest", "icl/closed", ICLS_HIGHEST},
    {"open", "icl/open", ICLS_FINAL},
    {"trained classes", "icl_trained/closed", ICLS_FINAL},
    {"IWL", "iwl/open", ICLS_FINAL},
    {"10 commonest", "iwl_common/open", ICLS_FINAL},
    {"rarer half", "iwl_rare/open", ICLS_FINAL},
    {"labels swapped", "flip/closed", ICLS_FINAL},
    {"says context labels", "iwl/context", ICLS_FINAL},
    {"training", "train/accuracy", ICLS_FINAL},
};
enum { COLUMNS = sizeof columns / sizeof *columns };

void stoa_icls_show_table(stoa_report *report, const stoa_icls_study *study, const char *id,
                          const char *title, const stoa_icls_arm_id *arms, int count) {
    stoa_icls_arm_id shown[ICLS_ARM_COUNT];
    int n = finished(study, arms, count, shown);
    if (n == 0)
        return;
    stoa_table *t = stoa_table_new(id, title);
    stoa_table_text_column(t, "arm");
    for (int c = 0; c < COLUMNS; c++)
        stoa_table_column(t, columns[c].name, (stoa_format){STOA_FORMAT_FIXED, 3, NULL});
    stoa_table_column(t, "seeds", (stoa_format){STOA_FORMAT_WHOLE, 0, NULL});
    for (int i = 0; i < n; i++) {
        int64_t seeds = 0;
        stoa_table_row(t, shown[i] == ICLS_ARM_ZIPF_1);
        stoa_table_text(t, stoa_icls_arms[shown[i]].title);
        for (int c = 0; c < COLUMNS; c++)
            stoa_table_interval(t, stoa_icls_mean(study, shown[i], columns[c].series,
                                                  columns[c].pick, c == 0 ? &seeds : NULL));
        stoa_table_number(t, (double)seeds);
    }
    stoa_table_caption(t, "Means over seeds with 95 % intervals, after training. ICL: the better "
                          "of the episode's two labels, two new classes; open: the best of all "
                          "labels; highest: of any evaluation. IWL: by frequency. Labels swapped: "
                          "share of answers by the context where the weights say the other. Says "
                          "context labels: share of answers that are labels of the context, where "
                          "none is right.");
    stoa_report_table(report, t);
}
