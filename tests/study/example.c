/* The example report: what a study of depth routing could look like. Nothing in it was measured. */
#include "example.h"

#include <math.h>
#include <string.h>

static const stoa_claim claims[] = {
    {.id = "A",
     .text = "The causal predictor agrees with top-k routing.",
     .paper = "97 %, early in training",
     .bound = STOA_AT_LEAST,
     .threshold = 0.97,
     .rule = STOA_BY_VALUE,
     .format = {STOA_FORMAT_PERCENT, 1, NULL},
     .seeds = 3,
     .least_scale = STOA_SCALE_CPU},
    {.id = "B",
     .text = "Causal sampling costs next to nothing: causal loss minus top-k loss, as a share.",
     .paper = "almost nothing",
     .bound = STOA_AT_MOST,
     .threshold = 0.003,
     .rule = STOA_BY_INTERVAL,
     .format = {STOA_FORMAT_PERCENT, 2, NULL},
     .seeds = 3,
     .least_scale = STOA_SCALE_CPU},
    {.id = "C",
     .text = "Learned routing beats Gaussian routing at equal FLOPs: difference of the losses.",
     .paper = "drastically better",
     .bound = STOA_BELOW,
     .threshold = 0.0,
     .rule = STOA_BY_INTERVAL,
     .format = {STOA_FORMAT_FIXED, 3, "nats"},
     .seeds = 5,
     .least_scale = STOA_SCALE_CPU},
    {.id = "E",
     .text = "A routed step takes the time its FLOPs ask for: step time over FLOP ratio.",
     .paper = "66 % faster steps",
     .bound = STOA_AT_MOST,
     .threshold = 1.15,
     .rule = STOA_BY_INTERVAL,
     .format = {STOA_FORMAT_FIXED, 2, "times"},
     .seeds = 3,
     .least_scale = STOA_SCALE_CPU},
    {.id = "F",
     .text = "Cached key-value memory against dense.",
     .paper = "not measured",
     .bound = STOA_BETWEEN,
     .threshold = 0.53,
     .threshold_high = 0.60,
     .rule = STOA_BY_INTERVAL,
     .format = {STOA_FORMAT_PERCENT, 1, NULL},
     .seeds = 1,
     .least_scale = STOA_SCALE_CPU},
    {.id = "G",
     .text =
         "At the largest budget the best routed model is at least as good as the best dense one.",
     .paper = "1.5 % better log-probability",
     .bound = STOA_AT_MOST,
     .threshold = 0.0,
     .rule = STOA_BY_INTERVAL,
     .format = {STOA_FORMAT_PERCENT, 2, NULL},
     .seeds = 3,
     .least_scale = STOA_SCALE_GPU},
};

static const stoa_finding findings[] = {
    {{0.976, 0.971, 0.981}, 3, ""},
    {{0.0011, 0.0002, 0.0020}, 3, ""},
    {{-0.012, -0.034, 0.010}, 5, "At 10^14 FLOPs; the gap grows with the budget."},
    {{1.27, 1.22, 1.32}, 3, ""},
    {{0.5625, 0.5610, 0.5640}, 3, ""},
    {{-0.0042, -0.0100, 0.0016}, 3, ""},
};

enum { SIZES = 5, CURVE = 60, BLOCKS = 8, POSITIONS = 256 };

static stoa_figure *isoflop(stoa_rng *rng) {
    // 10^13, 3 x 10^13, 10^14 in superscripts
    static const char *const budgets[] = {"10\xc2\xb9\xc2\xb3",
                                          ("3\xc2\xb7"
                                           "10\xc2\xb9\xc2\xb3"),
                                          "10\xc2\xb9\xe2\x81\xb4"};
    stoa_figure *f = stoa_figure_new("isoflop", "Loss against size at equal training FLOPs");
    stoa_figure_axis(f, STOA_AXIS_X, "parameters", true, STOA_TICKS_COUNT);
    stoa_figure_axis(f, STOA_AXIS_Y, "validation loss (nats per character)", false,
                     STOA_TICKS_PLAIN);
    for (int budget = 0; budget < 3; budget++)
        for (int routed = 0; routed < 2; routed++) {
            double x[SIZES], y[SIZES], low[SIZES], high[SIZES], fit_x[CURVE], fit_y[CURVE];
            double first = 12.2 + 0.8 * budget, middle = 13.3 + 0.8 * budget + 0.3 * routed;
            double best = 1.7 - 0.12 * budget - 0.02 * routed;
            for (int i = 0; i < SIZES; i++) {
                double at = first + 0.6 * i;
                x[i] = exp(at);
                y[i] = best + 0.05 * (at - middle) * (at - middle) + 0.004 * stoa_rng_normal(rng);
                low[i] = y[i] - 0.012;
                high[i] = y[i] + 0.012;
            }
            for (int i = 0; i < CURVE; i++) {
                double at = first + 2.4 * i / (CURVE - 1);
                fit_x[i] = exp(at);
                fit_y[i] = best + 0.05 * (at - middle) * (at - middle);
            }
            char name[64];
            snprintf(name, sizeof name, "%s, %s FLOPs", routed ? "routed" : "dense",
                     budgets[budget]);
            stoa_figure_add(f, &(stoa_series){.kind = STOA_SERIES_LINE,
                                              .x = fit_x,
                                              .y = fit_y,
                                              .n = CURVE,
                                              .colour = budget + 1,
                                              .dashed = !routed});
            stoa_figure_add(f, &(stoa_series){.name = name,
                                              .kind = STOA_SERIES_POINTS,
                                              .x = x,
                                              .y = y,
                                              .low = low,
                                              .high = high,
                                              .n = SIZES,
                                              .colour = budget + 1,
                                              .hollow = !routed});
        }
    stoa_figure_caption(f, "Each point is the mean of three seeds with its 95 % interval; curves "
                           "are parabolas in log parameters. The lowest point of a curve is the "
                           "best model that the budget can buy.");
    return f;
}

static stoa_figure *accuracy(stoa_rng *rng) {
    stoa_figure *f = stoa_figure_new("accuracy", "Predictor accuracy over training");
    stoa_figure_axis(f, STOA_AXIS_X, "step", false, STOA_TICKS_COUNT);
    stoa_figure_axis(f, STOA_AXIS_Y, "tokens routed as top-k does", false, STOA_TICKS_PERCENT);
    stoa_figure_mark(f, STOA_AXIS_Y, 0.875, "always \"no\": 87.5 %");
    for (int arm = 0; arm < 2; arm++) {
        double x[100], y[100], low[100], high[100];
        for (int i = 0; i < 100; i++) {
            x[i] = 40.0 * i;
            y[i] = 0.98 - 0.13 * exp(-i / (8.0 + 8 * arm)) + 0.002 * stoa_rng_normal(rng);
            low[i] = y[i] - 0.008;
            high[i] = y[i] + 0.008;
        }
        stoa_figure_add(f, &(stoa_series){.name = arm ? "10 layers" : "6 layers",
                                          .kind = STOA_SERIES_LINE,
                                          .x = x,
                                          .y = y,
                                          .low = low,
                                          .high = high,
                                          .n = 100});
    }
    stoa_figure_caption(f, "The line to beat is the classifier that never routes: it is right for "
                           "87.5 % of the tokens already.");
    return f;
}

static stoa_figure *routing(stoa_rng *rng) {
    static double share[BLOCKS * POSITIONS];
    const char *names[BLOCKS];
    static char text[BLOCKS][16];
    for (int block = 0; block < BLOCKS; block++) {
        snprintf(text[block], sizeof text[block], "%d", block + 1);
        names[block] = text[block];
        for (int p = 0; p < POSITIONS; p++) {
            double chance = p % 37 == 5 ? 0.9 : 0.1;
            bool in = block % 2 == 0 || stoa_rng_uniform(rng) < chance;
            share[block * POSITIONS + p] = in ? 1.0 : 0.25 * stoa_rng_uniform(rng);
        }
    }
    stoa_figure *f = stoa_figure_new("routing", "Which positions each block takes");
    stoa_figure_axis(f, STOA_AXIS_X, "position in the sequence", false, STOA_TICKS_PLAIN);
    stoa_figure_axis(f, STOA_AXIS_Y, "block", false, STOA_TICKS_PLAIN);
    stoa_figure_names(f, STOA_AXIS_Y, names, BLOCKS);
    stoa_figure_heatmap(f, BLOCKS, POSITIONS, share, 0.0, 1.0, "share of sequences");
    stoa_figure_height(f, 34);
    stoa_figure_caption(f, "Dense blocks take every position. Routed blocks are sparse, with "
                           "upright bands: some tokens engage almost every block.");
    return f;
}

static stoa_figure *arms(void) {
    static const char *const names[] = {"dense", "routed, 12.5 %", "Gaussian", "every block"};
    const double x[] = {0, 1, 2, 3}, topk[] = {2.31, 2.255, 2.276, 2.391};
    const double low[] = {2.29, 2.235, 2.250, 2.372}, high[] = {2.33, 2.275, 2.302, 2.410};
    const double causal[] = {2.31, 2.258, 2.402, 2.369};
    stoa_figure *f = stoa_figure_new("arms", "Loss of every arm at 10\xc2\xb9\xc2\xb3 FLOPs");
    stoa_figure_names(f, STOA_AXIS_X, names, 4);
    stoa_figure_axis(f, STOA_AXIS_Y, "loss (nats per character)", false, STOA_TICKS_PLAIN);
    stoa_figure_add(f, &(stoa_series){.name = "top-k",
                                      .kind = STOA_SERIES_BARS,
                                      .x = x,
                                      .y = topk,
                                      .low = low,
                                      .high = high,
                                      .n = 4});
    stoa_figure_add(
        f, &(stoa_series){.name = "causal", .kind = STOA_SERIES_BARS, .x = x, .y = causal, .n = 4});
    stoa_figure_height(f, 38);
    return f;
}

static stoa_figure *weights(stoa_rng *rng) {
    int64_t learned[40] = {0};
    stoa_histogram h = {.least = 0, .most = 1, .bins = 40, .count = learned};
    for (int i = 0; i < 6000; i++) {
        double v = (i % 8 ? 0.27 : 0.68) + 0.09 * stoa_rng_normal(rng);
        stoa_histogram_add(&h, &v, 1);
    }
    stoa_figure *f = stoa_figure_new("weights", "Router weights after training");
    stoa_figure_axis(f, STOA_AXIS_X, "sigmoid of the router weight", false, STOA_TICKS_PLAIN);
    stoa_figure_axis(f, STOA_AXIS_Y, "share of tokens", false, STOA_TICKS_PERCENT);
    stoa_figure_histogram(f, NULL, &h, true);
    stoa_figure_mark(f, STOA_AXIS_X, 0.5, "0.5");
    stoa_figure_height(f, 38);
    return f;
}

static stoa_table *sizes(void) {
    static const struct {
        const char *model;
        double parameters, flops, steps;
        stoa_interval loss;
        double accuracy;
        bool best;
    } rows[] = {
        {"dense, 2 layers", 0.44e6, 1.07e6, 1527, {2.107, 2.081, 2.133}, (double)NAN, true},
        {"dense, 3 layers", 0.64e6, 1.59e6, 1023, {2.240, 2.214, 2.266}, (double)NAN, false},
        {"dense, 6 layers", 1.23e6, 3.16e6, 514, {2.392, 2.370, 2.414}, (double)NAN, false},
        {"routed, 6 layers", 1.24e6, 1.77e6, 920, {2.258, 2.231, 2.285}, 0.975, false},
        {"routed, 10 layers", 2.03e6, 2.94e6, 554, {2.359, 2.330, 2.388}, 0.964, false},
    };
    stoa_table *t = stoa_table_new("sizes", "Every model at 10\xc2\xb9\xc2\xb3 training FLOPs");
    stoa_table_caption(t, "Loss with the predictor's routing, 95 % interval over three seeds.");
    stoa_table_text_column(t, "Model");
    stoa_table_column(t, "Parameters", (stoa_format){STOA_FORMAT_COUNT, 0, NULL});
    stoa_table_column(t, "Forward FLOPs a token", (stoa_format){STOA_FORMAT_COUNT, 0, NULL});
    stoa_table_column(t, "Steps", (stoa_format){STOA_FORMAT_WHOLE, 0, NULL});
    stoa_table_column(t, "Loss", (stoa_format){STOA_FORMAT_FIXED, 3, "nats"});
    stoa_table_column(t, "Accuracy", (stoa_format){STOA_FORMAT_PERCENT, 1, NULL});
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        stoa_table_row(t, rows[i].best);
        stoa_table_text(t, rows[i].model);
        stoa_table_number(t, rows[i].parameters);
        stoa_table_number(t, rows[i].flops);
        stoa_table_number(t, rows[i].steps);
        stoa_table_interval(t, rows[i].loss);
        stoa_table_number(t, rows[i].accuracy);
    }
    return t;
}

static void coloured_text(stoa_report *r, stoa_rng *rng) {
    static const char text[] =
        "First Citizen:\nBefore we proceed any further, hear me speak.\n\nAll:\nSpeak, speak.\n\n"
        "First Citizen:\nYou are all resolved rather to die than to famish? \xe2\x80\x94 "
        "\"caf\xc3\xa9\"\n";
    static double value[sizeof text];
    for (size_t i = 0; i < sizeof text - 1; i++) {
        bool begins = i == 0 || strchr(" \n", text[i - 1]);
        value[i] = fmax(0.0, (begins ? 5.5 : 1.4) + 1.2 * stoa_rng_normal(rng));
    }
    stoa_report_heat_text(r, "Blocks that each character went through",
                          &(stoa_heat_text){.text = text,
                                            .len = sizeof text - 1,
                                            .value = value,
                                            .pieces = sizeof text - 1,
                                            .least = 0,
                                            .most = 8,
                                            .label = "routed blocks",
                                            .format = {STOA_FORMAT_FIXED, 0, NULL}});
}

stoa_report *example_report(void) {
    static const char sample[] =
        "ROMEO:\nThe world is <not> thy friend & nor the world's law;\nThe world affords no law to "
        "make thee rich.\n";
    stoa_rng rng = stoa_rng_stream(7, "example", 0);
    stoa_report *r =
        stoa_report_new("example", "Mixture-of-Depths transformers",
                        "Example with made-up numbers \xc2\xb7 cpu scale", STOA_SCALE_CPU);
    stoa_report_lead(r, "Some tokens are easy. A transformer whose blocks choose which tokens they "
                        "work on spends its compute where it helps, and takes the same number of "
                        "steps in less time. This page shows how much of that holds here.");
    for (size_t i = 0; i < sizeof claims / sizeof *claims; i++)
        stoa_report_claim(r, &claims[i], &findings[i]);

    stoa_report_section(r, "Equal compute");
    stoa_report_paragraph(r,
                          "Every model below had the same number of training FLOPs; a cheaper "
                          "model therefore took more steps. The routed models have %d blocks, "
                          "every second one routed with `capacity: %.3f`.\n\nHollow marks are "
                          "dense models, full marks are routed ones.",
                          8, 0.125);
    stoa_report_figure(r, isoflop(&rng));
    stoa_report_table(r, sizes());

    stoa_report_section(r, "Routing without the future");
    stoa_report_paragraph(r, "Top-k looks at the whole sequence. At sampling time a small "
                             "predictor decides from the past alone.");
    stoa_report_figure(r, accuracy(&rng));
    stoa_report_figure(r, arms());

    stoa_report_section(r, "What the router learned");
    stoa_report_figure(r, routing(&rng));
    coloured_text(r, &rng);
    stoa_report_figure(r, weights(&rng));
    stoa_report_details_begin(r, "A sample of the best model");
    stoa_report_paragraph(r, "Temperature 0.8, 104 characters, prompt `ROMEO:`.");
    stoa_report_sample(r, "", sample, sizeof sample - 1);
    stoa_report_details_end(r);
    stoa_report_setting(r, "model.width", "128");
    stoa_report_setting(r, "model.layers", "6");
    stoa_report_setting(r, "routing.capacity", "0.125");
    stoa_report_setting(r, "train.flops", "1e13");
    stoa_report_setting(r, "seeds", "1, 2, 3");
    stoa_report_cost(r, 1432.0, 2);
    return r;
}
