/* study/mixture_of_depths/report.c - the report: figures, tables, text. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "study/mixture_of_depths/mod.h"

enum { MOST = STOA_SETTING_ITEMS };
static const double unknown = NAN; /* an empty cell */

/* Sweep results of a kind at a budget, by parameters. */
typedef struct curve {
    double parameters[MOST], log_parameters[MOST], forward[MOST], loss[MOST];
    int64_t n;
} curve;

static void curve_of(const stoa_mod_study *study, stoa_mod_arm arm, double budget, curve *c) {
    c->n = 0;
    for (int64_t i = 0; i < study->count && c->n < MOST; i++) {
        const stoa_mod_result *r = &study->results[i];
        if (r->point.arm != arm || r->point.budget != budget || r->point.rate > 0 ||
            stoa_mod_judges(study, &r->point))
            continue;
        int64_t at = c->n++;
        while (at > 0 && c->parameters[at - 1] > r->parameters) {
            c->parameters[at] = c->parameters[at - 1];
            c->forward[at] = c->forward[at - 1];
            c->loss[at] = c->loss[at - 1];
            at--;
        }
        c->parameters[at] = r->parameters;
        c->forward[at] = r->forward_flops;
        c->loss[at] = r->valid.loss;
    }
    for (int64_t i = 0; i < c->n; i++)
        c->log_parameters[i] = log(c->parameters[i]);
}

static void add_curve(stoa_figure *f, const char *name, const double *x, const curve *c, int colour,
                      bool hollow) {
    stoa_series s = {.name = name,
                     .kind = STOA_SERIES_MARKED,
                     .x = x,
                     .y = c->loss,
                     .n = c->n,
                     .colour = colour,
                     .hollow = hollow,
                     .dashed = hollow};
    stoa_figure_add(f, &s);
}

static stoa_figure *isoflop_figure(const stoa_mod_study *study) {
    const stoa_mod_settings *m = &study->settings;
    stoa_figure *f = stoa_figure_new("isoflop", "Loss against size at equal training FLOPs");
    stoa_figure_axis(f, STOA_AXIS_X, "parameters", true, STOA_TICKS_COUNT);
    stoa_figure_axis(f, STOA_AXIS_Y, "validation loss, nats a byte", false, STOA_TICKS_PLAIN);
    for (int64_t b = 0; b < m->budgets.count; b++) {
        char name[64];
        curve c;
        for (int routed = 0; routed < 2; routed++) {
            curve_of(study, routed ? MOD_ROUTED : MOD_DENSE, m->budgets.item[b], &c);
            snprintf(name, sizeof name, "%s, %.0e FLOPs", routed ? "MoD" : "dense",
                     m->budgets.item[b]);
            add_curve(f, name, c.parameters, &c, (int)(b % 4) * 2 + 1 + routed, !routed);
        }
    }
    stoa_figure_caption(f, "Every point is a whole training run of the same cost; its loss on the "
                           "validation text chooses the best size. MoD is routed causally, as it "
                           "would be used. In the paper the MoD curve lies below "
                           "and to the right of the dense one.");
    return f;
}

/* Loss against forward FLOPs relative to the best dense model's. */
static stoa_figure *relative_figure(const stoa_mod_study *study) {
    const stoa_mod_settings *m = &study->settings;
    stoa_figure *f = stoa_figure_new("relative", "Loss against the cost of using the model");
    stoa_figure_axis(f, STOA_AXIS_X, "FLOPs of a forward pass, best dense model = 1", true,
                     STOA_TICKS_PLAIN);
    stoa_figure_axis(f, STOA_AXIS_Y, "validation loss, nats a byte", false, STOA_TICKS_PLAIN);
    for (int64_t b = 0; b < m->budgets.count; b++) {
        stoa_mod_headline h;
        stoa_mod_headline_of(study, m->budgets.item[b], &h);
        if (h.dense.forward_flops <= 0)
            continue;
        for (int routed = 0; routed < 2; routed++) {
            curve c;
            char name[64];
            curve_of(study, routed ? MOD_ROUTED : MOD_DENSE, m->budgets.item[b], &c);
            for (int64_t i = 0; i < c.n; i++)
                c.forward[i] /= h.dense.forward_flops;
            snprintf(name, sizeof name, "%s, %.0e FLOPs", routed ? "MoD" : "dense",
                     m->budgets.item[b]);
            add_curve(f, name, c.forward, &c, (int)(b % 4) * 2 + 1 + routed, !routed);
        }
    }
    stoa_figure_mark(f, STOA_AXIS_X, 1, "best dense");
    stoa_figure_caption(f, "Points left of 1 use less compute a token than the best dense model of "
                           "the same training budget.");
    return f;
}

static stoa_table *sweep_table(const stoa_mod_study *study) {
    stoa_table *t = stoa_table_new("sweep", "Every run of the sweep");
    stoa_table_text_column(t, "model");
    stoa_table_column(t, "width", (stoa_format){STOA_FORMAT_WHOLE, 0, NULL});
    stoa_table_column(t, "blocks", (stoa_format){STOA_FORMAT_WHOLE, 0, NULL});
    stoa_table_column(t, "parameters", (stoa_format){STOA_FORMAT_COUNT, 0, NULL});
    stoa_table_column(t, "forward FLOPs/token", (stoa_format){STOA_FORMAT_COUNT, 0, NULL});
    stoa_table_column(t, "training FLOPs", (stoa_format){STOA_FORMAT_SIGNIFICANT, 2, NULL});
    stoa_table_column(t, "steps", (stoa_format){STOA_FORMAT_WHOLE, 0, NULL});
    stoa_table_column(t, "validation loss", (stoa_format){STOA_FORMAT_FIXED, 4, NULL});
    stoa_table_column(t, "top-k loss", (stoa_format){STOA_FORMAT_FIXED, 4, NULL});
    stoa_table_column(t, "predictor accuracy", (stoa_format){STOA_FORMAT_PERCENT, 1, NULL});
    stoa_table_column(t, "time", (stoa_format){STOA_FORMAT_TIME, 0, NULL});
    for (int64_t i = 0; i < study->count; i++) {
        const stoa_mod_result *r = &study->results[i];
        if (stoa_mod_judges(study, &r->point) || r->point.rate > 0)
            continue;
        stoa_mod_result best;
        bool routed = r->point.arm == MOD_ROUTED;
        bool strong = stoa_mod_best(study, routed, r->point.budget, &best) &&
                      stoa_mod_same_point(&best.point, &r->point);
        stoa_table_row(t, strong);
        stoa_table_text(t, stoa_mod_arms[r->point.arm].name);
        stoa_table_number(t, (double)r->point.width);
        stoa_table_number(t, (double)r->point.layers);
        stoa_table_number(t, r->parameters);
        stoa_table_number(t, r->forward_flops);
        stoa_table_number(t, r->point.budget);
        stoa_table_number(t, r->steps);
        stoa_table_number(t, r->valid.loss);
        stoa_table_number(t, r->valid.loss_top_k);
        stoa_table_number(t, routed ? r->valid.accuracy : unknown);
        stoa_table_number(t, r->seconds);
    }
    stoa_table_caption(t, "Figures of the validation text. Strong: the best of its kind at its "
                          "budget, which is then repeated with other seeds and judged on the test "
                          "text.");
    return t;
}

static stoa_table *headline_table(const stoa_mod_study *study) {
    stoa_table *t =
        stoa_table_new("headline", "The best of each kind, with fresh seeds, on the test text");
    stoa_table_column(t, "training FLOPs", (stoa_format){STOA_FORMAT_SIGNIFICANT, 2, NULL});
    stoa_table_text_column(t, "model");
    stoa_table_column(t, "forward FLOPs, dense = 1", (stoa_format){STOA_FORMAT_FIXED, 2, NULL});
    stoa_table_column(t, "test loss", (stoa_format){STOA_FORMAT_FIXED, 4, NULL});
    stoa_table_column(t, "seeds", (stoa_format){STOA_FORMAT_WHOLE, 0, NULL});
    for (int64_t b = 0; b < study->settings.budgets.count; b++) {
        stoa_mod_headline h;
        stoa_mod_headline_of(study, study->settings.budgets.item[b], &h);
        const struct {
            const char *kind;
            const stoa_mod_result *r;
            stoa_interval loss;
        } lines[] = {{"dense", &h.dense, h.dense_loss},
                     {"MoD", &h.routed, h.routed_loss},
                     {"MoD, at most 70 % of the FLOPs", &h.cheap, h.cheap_loss}};
        for (int i = 0; i < (h.has_cheap ? 3 : 2); i++) {
            char text[128];
            snprintf(text, sizeof text, "%s, %" PRId64 " wide, %" PRId64 " blocks", lines[i].kind,
                     lines[i].r->point.width, lines[i].r->point.layers);
            stoa_table_row(t, false);
            stoa_table_number(t, h.budget);
            stoa_table_text(t, text);
            stoa_table_number(t, lines[i].r->forward_flops / h.dense.forward_flops);
            stoa_table_interval(t, lines[i].loss);
            stoa_table_number(t, (double)h.seeds);
        }
    }
    return t;
}

static void add_speed(stoa_report *report, const stoa_mod_speed *speed) {
    stoa_table *t = stoa_table_new("speed", "Dense against MoD of equal shape");
    stoa_table_text_column(t, "");
    stoa_table_column(t, "dense", (stoa_format){STOA_FORMAT_COUNT, 0, NULL});
    stoa_table_column(t, "MoD", (stoa_format){STOA_FORMAT_COUNT, 0, NULL});
    stoa_table_column(t, "MoD / dense", (stoa_format){STOA_FORMAT_FIXED, 2, NULL});
    stoa_table_row(t, false);
    stoa_table_text(t, "training, tokens/s");
    stoa_table_number(t, speed->dense_tokens);
    stoa_table_number(t, speed->routed_tokens);
    stoa_table_number(t, speed->routed_tokens / speed->dense_tokens);
    stoa_table_row(t, false);
    stoa_table_text(t, "decoding at batch 1, tokens/s");
    stoa_table_number(t, speed->dense_decode);
    stoa_table_number(t, speed->routed_decode);
    stoa_table_number(t, speed->decode_ratio);
    char caption[256];
    snprintf(
        caption, sizeof caption,
        "%.1fM parameters; medians of alternating runs. Step time %.2f of dense at %.2f of its "
        "FLOPs.",
        speed->parameters / 1e6, speed->step_ratio, speed->flop_ratio);
    stoa_table_caption(t, caption);
    stoa_report_section(report, "Speed");
    stoa_report_table(report, t);
}

static void add_routing(stoa_report *report, const stoa_mod_looks *looks) {
    const stoa_mod_routing *r = &looks->first;
    double *cells = stoa_alloc((size_t)(r->blocks * MOD_HEAT) * sizeof *cells);
    if (!cells)
        return;
    stoa_report_section(report, "Where the compute went");
    stoa_report_paragraph(report,
                          "The best MoD of the largest budget, routed causally on the test text. "
                          "Each character is coloured by how many of the %" PRId64
                          " routed blocks took it.",
                          r->blocks);
    stoa_heat_text heat = {.text = r->text,
                           .len = (size_t)r->length,
                           .value = r->engaged,
                           .pieces = r->length,
                           .least = 0,
                           .most = (double)r->blocks,
                           .label = "routed blocks the character went through",
                           .format = {STOA_FORMAT_WHOLE, 0, NULL}};
    stoa_report_heat_text(report, "Which characters got compute", &heat);
    stoa_figure *f = stoa_figure_new("routing", "Routing decisions: blocks by positions");
    int64_t cols = r->length < 128 ? r->length : 128;
    for (int64_t b = 0; b < r->blocks; b++)
        for (int64_t i = 0; i < cols; i++)
            cells[b * cols + i] = r->routed[b][i];
    stoa_figure_heatmap(f, r->blocks, cols, cells, 0, 1, "went through");
    stoa_figure_axis(f, STOA_AXIS_X, "position", false, STOA_TICKS_PLAIN);
    stoa_figure_axis(f, STOA_AXIS_Y, "routed block", false, STOA_TICKS_PLAIN);
    stoa_free(cells);
    stoa_figure_height(f, 30);
    stoa_figure_caption(f, "Vertical bands are tokens that engage almost every block.");
    stoa_report_figure(report, f);
    f = stoa_figure_new("weights", "Router weights");
    int64_t counts[MOD_BINS];
    memcpy(counts, r->bins, sizeof counts);
    stoa_histogram h = {
        .least = r->score_least, .most = r->score_most, .bins = MOD_BINS, .count = counts};
    stoa_figure_histogram(f, NULL, &h, true);
    stoa_figure_axis(f, STOA_AXIS_X, "router weight r", false, STOA_TICKS_PLAIN);
    stoa_figure_axis(f, STOA_AXIS_Y, "share of tokens", false, STOA_TICKS_PERCENT);
    stoa_figure_caption(f, "Over all routed blocks and 32 windows; the ends collect what lies "
                           "beyond.");
    stoa_report_figure(report, f);
    stoa_report_sample(report, "What it writes (temperature 0.8)", r->sample, strlen(r->sample));
}

/* Every run of the choice of rates. */
static stoa_table *rates_table(const stoa_mod_study *study) {
    stoa_table *t = stoa_table_new("rates", "Learning rates tried, at width 64");
    stoa_table_text_column(t, "model");
    stoa_table_column(t, "rate", (stoa_format){STOA_FORMAT_SIGNIFICANT, 2, NULL});
    stoa_table_column(t, "validation loss", (stoa_format){STOA_FORMAT_FIXED, 4, NULL});
    for (int64_t i = 0; i < study->count; i++) {
        const stoa_mod_result *r = &study->results[i];
        if (r->point.rate <= 0)
            continue;
        stoa_table_row(t, r->point.rate == study->rate[r->point.arm != MOD_DENSE]);
        stoa_table_text(t, stoa_mod_arms[r->point.arm].name);
        stoa_table_number(t, r->point.rate);
        stoa_table_number(t, r->valid.loss);
    }
    char caption[160];
    snprintf(caption, sizeof caption,
             "%" PRId64 " wide, %" PRId64 " blocks, %.3g training FLOPs, seed %" PRId64
             ". Strong: taken, times the root of 64 / width.",
             study->settings.tune_width, study->settings.tune_layers, study->settings.tune_budget,
             study->settings.sweep_seed);
    stoa_table_caption(t, caption);
    return t;
}

static void add_method(stoa_report *report, const stoa_mod_study *study) {
    const stoa_mod_settings *m = &study->settings;
    stoa_report_section(report, "What chooses and what judges");
    stoa_report_paragraph(
        report,
        "Three texts that do not overlap. Every model is trained on the first; seed %" PRId64
        " chooses learning rates and sizes by the loss on the second, from lists fixed before the "
        "run; the other seeds decide every claim by figures on the third, which the choosing runs "
        "never read. The curves and the sweep are of the validation text, all else is of the test "
        "text.",
        m->sweep_seed);
    stoa_report_setting(report, "training text", study->train.id);
    stoa_report_setting(report, "validation text", study->valid.id);
    stoa_report_setting(report, "test text", study->test.id);
    if (m->rates.count > 1)
        stoa_report_table(report, rates_table(study));
}

static void add_settings(stoa_report *report, const stoa_mod_study *study) {
    const stoa_mod_settings *m = &study->settings;
    char text[256];
    const struct {
        const char *key;
        double value;
    } rows[] = {{"context", (double)m->context},
                {"batch", (double)m->batch},
                {"learning rate at width 64, dense", study->rate[0]},
                {"learning rate at width 64, routed", study->rate[1]},
                {"initial standard deviation x root of width", m->init_gain},
                {"capacity", m->capacity},
                {"tokens of validation and of test", (double)m->eval_tokens},
                {"runs side by side", (double)study->jobs},
                {"threads of a run", (double)study->threads}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        snprintf(text, sizeof text, "%.12g", rows[i].value);
        stoa_report_setting(report, rows[i].key, text);
    }
}

stoa_status stoa_mod_report(const stoa_mod_study *study, const stoa_mod_speed *speed,
                            const stoa_mod_looks *looks, stoa_tally *tally, stoa_error *err) {
    char kicker[96];
    stoa_finding findings[MOD_CLAIM_COUNT];
    snprintf(kicker, sizeof kicker, "Study of arXiv 2404.02258, %s scale",
             stoa_scale_name(study->options->scale));
    stoa_report *report = stoa_report_new("mixture-of-depths", "Mixture-of-Depths transformers",
                                          kicker, study->options->scale);
    stoa_report_lead(report,
                     "A transformer in which every other block takes only an eighth of the tokens, "
                     "chosen by a learned router. Is it better than a plain transformer that costs "
                     "the same to train, and cheaper to use?");
    stoa_mod_findings(study, speed, looks, findings);
    for (int i = 0; i < MOD_CLAIM_COUNT; i++)
        stoa_report_claim(report, &stoa_mod_claims[i], &findings[i]);
    add_method(report, study);
    stoa_report_section(report, "Equal training FLOPs");
    stoa_report_figure(report, isoflop_figure(study));
    stoa_report_figure(report, relative_figure(study));
    stoa_report_table(report, headline_table(study));
    stoa_report_details_begin(report, "Every run of the sweep");
    stoa_report_table(report, sweep_table(study));
    stoa_report_details_end(report);
    stoa_mod_report_arms(report, study);
    if (speed)
        add_speed(report, speed);
    if (looks)
        add_routing(report, looks);
    add_settings(report, study);
    stoa_report_cost(report, study->seconds, study->threads);
    if (tally)
        *tally = stoa_report_tally(report);
    stoa_status status = stoa_report_write(report, study->options->out, err);
    stoa_report_free(report);
    return status;
}
