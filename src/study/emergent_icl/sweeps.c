/*
 * study/emergent_icl/sweeps.c - arms along a quantity: in-context against in-weights accuracy by
 * burstiness, by classes, by Zipf's exponent, and the transformer against recurrent models.
 */
#include <math.h>
#include <stdio.h>

#include "study/emergent_icl/icls.h"

const stoa_icls_sweep stoa_icls_by_burst = {"by-burstiness",
                                            "Bursty data teach it to read labels off the context",
                                            "share of bursty sequences",
                                            false,
                                            7,
                                            {{0, ICLS_ARM_BURST_0},
                                             {0.25, ICLS_ARM_BURST_25},
                                             {0.5, ICLS_ARM_BURST_50},
                                             {0.75, ICLS_ARM_BURST_75},
                                             {0.9, ICLS_ARM_BURST_90},
                                             {0.95, ICLS_ARM_BURST_95},
                                             {1, ICLS_ARM_BURST_100}}};
const stoa_icls_sweep stoa_icls_by_burst_lstm = {"by-burstiness-lstm",
                                                 "The same with an LSTM",
                                                 "share of bursty sequences",
                                                 false,
                                                 7,
                                                 {{0, ICLS_ARM_LSTM_0},
                                                  {0.25, ICLS_ARM_LSTM_25},
                                                  {0.5, ICLS_ARM_LSTM_50},
                                                  {0.75, ICLS_ARM_LSTM_75},
                                                  {0.9, ICLS_ARM_LSTM_90},
                                                  {0.95, ICLS_ARM_LSTM_95},
                                                  {1, ICLS_ARM_LSTM_100}}};
const stoa_icls_sweep stoa_icls_by_burst_rnn = {"by-burstiness-rnn",
                                                "The same with an RNN",
                                                "share of bursty sequences",
                                                false,
                                                7,
                                                {{0, ICLS_ARM_RNN_0},
                                                 {0.25, ICLS_ARM_RNN_25},
                                                 {0.5, ICLS_ARM_RNN_50},
                                                 {0.75, ICLS_ARM_RNN_75},
                                                 {0.9, ICLS_ARM_RNN_90},
                                                 {0.95, ICLS_ARM_RNN_95},
                                                 {1, ICLS_ARM_RNN_100}}};
const stoa_icls_sweep stoa_icls_by_classes = {"by-classes",
                                              "Many classes, each seldom seen, do too",
                                              "classes trained on",
                                              true,
                                              6,
                                              {{128, ICLS_ARM_CLASSES_128},
                                               {512, ICLS_ARM_CLASSES_512},
                                               {1024, ICLS_ARM_CLASSES_1024},
                                               {2048, ICLS_ARM_BURST_90},
                                               {4096, ICLS_ARM_CLASSES_4096},
                                               {8192, ICLS_ARM_CLASSES_8192}}};
const stoa_icls_sweep stoa_icls_by_zipf = {"by-zipf",
                                           "Skewed frequencies give both at once",
                                           "Zipf's exponent",
                                           false,
                                           6,
                                           {{0, ICLS_ARM_CLASSES_4096},
                                            {0.5, ICLS_ARM_ZIPF_05},
                                            {1, ICLS_ARM_ZIPF_1},
                                            {1.5, ICLS_ARM_ZIPF_15},
                                            {2, ICLS_ARM_ZIPF_2},
                                            {3, ICLS_ARM_ZIPF_3}}};

/* ---- drawing --------------------------------------------------------------------------------- */

/* One line: a figure's mean over seeds with whiskers, at each place of the sweep. Returns how many
 * places there were. */
static int add_sweep(stoa_figure *f, const stoa_icls_study *study, const stoa_icls_sweep *sweep,
                     const char *series, const char *name, int colour, bool dashed) {
    double x[8], y[8], low[8], high[8];
    int n = 0;
    for (int i = 0; i < sweep->count; i++) {
        int64_t seeds;
        stoa_interval v = stoa_icls_mean(study, sweep->at[i].arm, series, ICLS_FINAL, &seeds);
        if (seeds == 0)
            continue;
        x[n] = sweep->at[i].x, y[n] = v.value;
        low[n] = isnan(v.low) ? v.value : fmax(v.low, 0);
        high[n++] = isnan(v.high) ? v.value : fmin(v.high, 1);
    }
    if (n > 0)
        stoa_figure_add(f, &(stoa_series){.name = name,
                                          .kind = STOA_SERIES_MARKED,
                                          .x = x,
                                          .y = y,
                                          .low = low,
                                          .high = high,
                                          .n = n,
                                          .colour = colour,
                                          .dashed = dashed});
    return n;
}

static stoa_figure *accuracy_figure(const stoa_icls_sweep *sweep, const char *id,
                                    const char *title) {
    stoa_figure *f = stoa_figure_new(id, title);
    stoa_figure_axis(f, STOA_AXIS_X, sweep->quantity, sweep->logarithmic,
                     sweep->logarithmic ? STOA_TICKS_COUNT : STOA_TICKS_PLAIN);
    stoa_figure_axis(f, STOA_AXIS_Y, "accuracy", false, STOA_TICKS_PERCENT);
    stoa_figure_range(f, STOA_AXIS_Y, 0, 1.05);
    return f;
}

/* Guessing and the most that can be had. */
static void mark_limits(stoa_figure *f, bool in_weights) {
    stoa_figure_mark(f, STOA_AXIS_Y, 0.5, "guessing from the context");
    if (in_weights)
        stoa_figure_mark(f, STOA_AXIS_Y, 1.0 / 32, "guessing from weights");
    stoa_figure_mark(f, STOA_AXIS_Y, 1, "perfect");
}

void stoa_icls_show_sweep(stoa_report *report, const stoa_icls_study *study,
                          const stoa_icls_sweep *sweep, const char *caption) {
    stoa_figure *f = accuracy_figure(sweep, sweep->id, sweep->title);
    int shown = add_sweep(f, study, sweep, "icl/closed", "in context, new classes", 1, false);
    add_sweep(f, study, sweep, "iwl/open", "in weights", 2, false);
    if (shown == 0) {
        stoa_figure_free(f);
        return;
    }
    mark_limits(f, true);
    stoa_figure_caption(f, caption);
    stoa_report_figure(report, f);
}

/* The exponent at which the lesser of the two accuracies is highest; NaN when nothing was run. */
static double sweet_spot(const stoa_icls_study *study, const stoa_icls_sweep *sweep) {
    double best = -1, at = NAN;
    for (int i = 0; i < sweep->count; i++) {
        stoa_icls_arm_id arm = sweep->at[i].arm;
        double both = fmin(stoa_icls_mean(study, arm, "icl/closed", ICLS_FINAL, NULL).value,
                           stoa_icls_mean(study, arm, "iwl/open", ICLS_FINAL, NULL).value);
        if (both > best)
            best = both, at = sweep->at[i].x;
    }
    return at;
}

void stoa_icls_show_zipf(stoa_report *report, const stoa_icls_study *study) {
    const stoa_icls_sweep *sweep = &stoa_icls_by_zipf;
    stoa_figure *f = accuracy_figure(sweep, sweep->id, sweep->title);
    int shown = add_sweep(f, study, sweep, "icl/closed", "in context, new classes", 1, false);
    add_sweep(f, study, sweep, "iwl_common/open", "in weights, 10 commonest", 2, false);
    add_sweep(f, study, sweep, "iwl/open", "in weights, by frequency", 3, false);
    add_sweep(f, study, sweep, "iwl_rare/open", "in weights, rarer half", 4, true);
    if (shown == 0) {
        stoa_figure_free(f);
        return;
    }
    mark_limits(f, true);
    double spot = sweet_spot(study, sweep);
    if (shown > 2 && !isnan(spot))
        stoa_figure_mark(f, STOA_AXIS_X, spot, "sweet spot");
    stoa_figure_caption(
        f, "4,096 classes, nine in ten sequences bursty. Left: every class as often as any other. "
           "Right: a few classes are nearly everything. Marked: where the lesser of accuracy in "
           "context and in weights (by frequency) is highest. Means over seeds, 95 % intervals.");
    stoa_report_figure(report, f);
}

static void show_core_figure(stoa_report *report, const stoa_icls_study *study, const char *id,
                             const char *title, const char *series, bool in_weights) {
    stoa_figure *f = accuracy_figure(&stoa_icls_by_burst, id, title);
    add_sweep(f, study, &stoa_icls_by_burst, series, "transformer", 1, false);
    int shown = add_sweep(f, study, &stoa_icls_by_burst_lstm, series, "LSTM", 2, false) +
                add_sweep(f, study, &stoa_icls_by_burst_rnn, series, "RNN", 3, false);
    if (shown == 0) {
        stoa_figure_free(f);
        return;
    }
    if (in_weights)
        stoa_figure_mark(f, STOA_AXIS_Y, 1.0 / 32, "guessing");
    else
        stoa_figure_mark(f, STOA_AXIS_Y, 0.5, "guessing");
    stoa_figure_mark(f, STOA_AXIS_Y, 1, "perfect");
    stoa_figure_caption(f, "2,048 classes, at the end of each model's run. Means over seeds, 95 % "
                           "intervals.");
    stoa_report_figure(report, f);
}

void stoa_icls_show_cores(stoa_report *report, const stoa_icls_study *study) {
    show_core_figure(report, study, "cores-in-context", "In context: transformer, LSTM and RNN",
                     "icl/closed", false);
    show_core_figure(report, study, "cores-in-weights", "In weights: transformer, LSTM and RNN",
                     "iwl/open", true);
}
