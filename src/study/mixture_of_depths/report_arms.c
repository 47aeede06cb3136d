/* study/mixture_of_depths/report_arms.c - the report's section of arms at one size: the ablations,
 * and the controls at a larger budget. All figures are of the test text. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "study/mixture_of_depths/mod.h"

enum { MOST = STOA_SETTING_ITEMS };
static const double unknown = NAN; /* an empty cell */

/* The judged results of an arm at the ablations' size, one array a figure. */
typedef struct arm_results {
    double loss[MOST], top_k[MOST], accuracy[MOST], precision[MOST], recall[MOST], routed[MOST];
    double forward;
    int64_t n;
} arm_results;

static bool has(const stoa_int_list *list, int64_t value) {
    for (int64_t i = 0; i < list->count; i++)
        if (list->item[i] == value)
            return true;
    return false;
}

static void collect(const stoa_mod_study *study, stoa_mod_arm arm, double budget,
                    const stoa_int_list *seeds, arm_results *a) {
    const stoa_mod_settings *m = &study->settings;
    a->n = 0;
    for (int64_t i = 0; i < study->count && a->n < MOST; i++) {
        const stoa_mod_result *r = &study->results[i];
        if (!has(seeds, r->point.seed) || r->point.arm != arm || r->point.rate > 0 ||
            r->point.width != m->ablation_width || r->point.layers != m->ablation_layers ||
            r->point.budget != budget)
            continue;
        a->loss[a->n] = r->test.loss;
        a->top_k[a->n] = r->test.loss_top_k;
        a->accuracy[a->n] = r->test.accuracy;
        a->precision[a->n] = r->test.precision;
        a->recall[a->n] = r->test.recall;
        a->routed[a->n] = r->test.routed;
        a->forward = r->forward_flops;
        a->n++;
    }
}

static stoa_table *arms_table(const char *id, const char *title) {
    static const char *const shares[] = {"predictor accuracy", "precision", "recall", "routed"};
    stoa_table *t = stoa_table_new(id, title);
    stoa_table_text_column(t, "arm");
    stoa_table_column(t, "forward FLOPs/token", (stoa_format){STOA_FORMAT_COUNT, 0, NULL});
    stoa_table_column(t, "causal loss", (stoa_format){STOA_FORMAT_FIXED, 4, NULL});
    stoa_table_column(t, "top-k loss", (stoa_format){STOA_FORMAT_FIXED, 4, NULL});
    for (int i = 0; i < 4; i++)
        stoa_table_column(t, shares[i], (stoa_format){STOA_FORMAT_PERCENT, 1, NULL});
    stoa_table_column(t, "seeds", (stoa_format){STOA_FORMAT_WHOLE, 0, NULL});
    return t;
}

static void add_row(stoa_table *t, stoa_mod_arm arm, const arm_results *a) {
    const double *shares[] = {a->accuracy, a->precision, a->recall, a->routed};
    bool judged = a->accuracy[0] > 0; /* dense arms have no predictor */
    stoa_table_row(t, arm == MOD_ROUTED);
    stoa_table_text(t, stoa_mod_arms[arm].title);
    stoa_table_number(t, a->forward);
    stoa_table_interval(t, stoa_stat_mean(a->loss, a->n, 0.95));
    stoa_table_interval(t, stoa_stat_mean(a->top_k, a->n, 0.95));
    for (int i = 0; i < 4; i++)
        stoa_table_number(t, judged ? stoa_stat_mean(shares[i], a->n, 0.95).value : unknown);
    stoa_table_number(t, (double)a->n);
}

static void add_ablations(stoa_report *report, const stoa_mod_study *study) {
    const stoa_mod_settings *m = &study->settings;
    stoa_table *t = arms_table("ablations", "Arms at one size and budget");
    stoa_figure *f =
        stoa_figure_new("ablations-figure", "Loss of each arm at equal training FLOPs");
    double x[MOD_ARM_COUNT], y[MOD_ARM_COUNT], low[MOD_ARM_COUNT], high[MOD_ARM_COUNT];
    const char *names[MOD_ARM_COUNT];
    int64_t shown = 0;
    for (int arm = 0; arm < MOD_ARM_COUNT; arm++) {
        arm_results a;
        collect(study, (stoa_mod_arm)arm, m->ablation_budget, &m->seeds, &a);
        if (a.n == 0)
            continue;
        add_row(t, (stoa_mod_arm)arm, &a);
        stoa_interval mean = stoa_stat_mean(a.loss, a.n, 0.95);
        names[shown] = stoa_mod_arms[arm].name;
        x[shown] = (double)shown;
        y[shown] = mean.value;
        low[shown] = mean.low;
        high[shown++] = mean.high;
    }
    stoa_table_caption(t, "Mean over seeds with 95 % intervals, on the test text. Accuracy, "
                          "precision and recall are of the predictor against the top-k choice. "
                          "Capacity arms cost more a token, so they take fewer steps.");
    stoa_series s = {.kind = STOA_SERIES_POINTS,
                     .x = x,
                     .y = y,
                     .low = low,
                     .high = high,
                     .n = shown,
                     .colour = 1};
    stoa_figure_names(f, STOA_AXIS_X, names, (int)shown);
    stoa_figure_axis(f, STOA_AXIS_Y, "test loss, causal, nats a byte", false, STOA_TICKS_PLAIN);
    stoa_figure_add(f, &s);
    stoa_figure_caption(f, "Whiskers are 95 % intervals over seeds.");
    stoa_report_figure(report, f);
    stoa_report_table(report, t);
}

/* What decides claims B, C and D. */
static void add_controls(stoa_report *report, const stoa_mod_study *study) {
    const stoa_mod_settings *m = &study->settings;
    static const stoa_mod_arm arms[] = {MOD_ROUTED, MOD_GAUSSIAN, MOD_EVERY};
    stoa_table *t = arms_table("controls", "Controls at the larger budget");
    for (int i = 0; i < 3; i++) {
        arm_results a;
        collect(study, arms[i], m->control_budget,
                arms[i] == MOD_EVERY ? &m->seeds : &m->control_seeds, &a);
        if (a.n > 0)
            add_row(t, arms[i], &a);
    }
    char caption[256];
    snprintf(caption, sizeof caption,
             "%.3g training FLOPs, on the test text. Gaussian routing looks at no token, so its "
             "own routing (top-k) is the fair figure: a predictor cannot foresee noise and learns "
             "to say no.",
             m->control_budget);
    stoa_table_caption(t, caption);
    stoa_report_table(report, t);
}

void stoa_mod_report_arms(stoa_report *report, const stoa_mod_study *study) {
    const stoa_mod_settings *m = &study->settings;
    stoa_report_section(report, "Ablations");
    stoa_report_paragraph(report,
                          "%" PRId64 " blocks, %" PRId64 " wide, %.0e training FLOPs each. Lower "
                          "is better.",
                          m->ablation_layers, m->ablation_width, m->ablation_budget);
    add_ablations(report, study);
    add_controls(report, study);
}
