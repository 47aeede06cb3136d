/* study/explanations/report.c - the report: learning curves by dimension, the arms, what is picked
 * after confounded training. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "study/explanations/ex.h"

enum { MOST = STOA_SETTING_ITEMS };

static const stoa_format rate = {STOA_FORMAT_FIXED, 3, NULL};

/* Mean over seeds, and every seed as a thin line: variance is part of the result. */
static void add_curves(stoa_figure *f, const stoa_exs_study *study, stoa_exs_arm_id arm,
                       const char *name, int colour) {
    double mean[EXS_CURVE];
    const double *steps = NULL, *score[MOST];
    int64_t points = 0, seeds = 0;
    for (int64_t i = 0; i < study->count && seeds < MOST; i++) {
        int64_t n, m;
        if (study->points[i].arm != arm || !study->runs[i])
            continue;
        steps = stoa_run_get_series(study->runs[i], "curve/steps", &n);
        score[seeds] = stoa_run_get_series(study->runs[i], name, &m);
        if (!steps || !score[seeds] || n != m || n > EXS_CURVE || (points && n != points))
            continue;
        points = n;
        seeds++;
    }
    for (int64_t k = 0; k < points; k++) {
        double x[MOST];
        for (int64_t s = 0; s < seeds; s++)
            x[s] = score[s][k];
        mean[k] = stoa_stat_mean(x, seeds, 0.95).value;
    }
    if (seeds == 0)
        return;
    stoa_figure_add(f, &(stoa_series){.name = stoa_exs_arms[arm].title,
                                      .kind = STOA_SERIES_LINE,
                                      .x = steps,
                                      .y = mean,
                                      .n = points,
                                      .colour = colour});
    for (int64_t s = 0; s < seeds && seeds > 1; s++)
        stoa_figure_add(f, &(stoa_series){.kind = STOA_SERIES_LINE,
                                          .x = steps,
                                          .y = score[s],
                                          .n = points,
                                          .colour = colour,
                                          .dashed = true});
}

static void add_dimension(stoa_report *report, const stoa_exs_study *study, const char *dimension) {
    char id[64], title[96], name[64];
    snprintf(id, sizeof id, "curves-%s", dimension);
    snprintf(title, sizeof title, "Odd in %s", dimension);
    snprintf(name, sizeof name, "curve/correct_%s", dimension);
    stoa_figure *f = stoa_figure_new(id, title);
    for (int arm = EXS_NONE; arm <= EXS_SHUFFLED; arm++)
        add_curves(f, study, (stoa_exs_arm_id)arm, name, arm + 1);
    stoa_figure_mark(f, STOA_AXIS_Y, 0.25, "chance");
    stoa_figure_range(f, STOA_AXIS_Y, 0.2, 1);
    stoa_figure_axis(f, STOA_AXIS_X, "episodes", false, STOA_TICKS_COUNT);
    stoa_figure_axis(f, STOA_AXIS_Y, "right", false, STOA_TICKS_PLAIN);
    stoa_figure_caption(f, "Training episodes whose odd dimension is this one. Solid: mean over "
                           "seeds; dashed: each seed.");
    stoa_report_figure(report, f);
}

static void mean_cell(stoa_table *t, const stoa_exs_study *study, stoa_exs_arm_id arm,
                      const char *name) {
    double x[MOST];
    int64_t n = stoa_exs_figures(study, arm, name, x);
    stoa_table_interval(t, stoa_stat_mean(x, n, 0.95));
}

/* The arms of a task with these figures of theirs. */
static void add_table(stoa_report *report, const stoa_exs_study *study, stoa_exs_task task,
                      const char *id, const char *title, const char *const (*columns)[2], int count,
                      const char *caption) {
    stoa_table *t = stoa_table_new(id, title);
    stoa_table_text_column(t, "explanations");
    for (int i = 0; i < count; i++)
        stoa_table_column(t, columns[i][0], rate);
    stoa_table_column(t, "episodes/s", (stoa_format){STOA_FORMAT_COUNT, 0, NULL});
    stoa_table_column(t, "seeds", (stoa_format){STOA_FORMAT_WHOLE, 0, NULL});
    for (int arm = 0; arm < EXS_ARM_COUNT; arm++) {
        double x[MOST];
        int64_t n = stoa_exs_figures(study, (stoa_exs_arm_id)arm, "steps_per_second", x);
        if (stoa_exs_arms[arm].task != task || n == 0)
            continue;
        stoa_table_row(t, arm == EXS_PROPERTIES);
        stoa_table_text(t, stoa_exs_arms[arm].title);
        for (int i = 0; i < count; i++)
            mean_cell(t, study, (stoa_exs_arm_id)arm, columns[i][1]);
        stoa_table_number(t, stoa_stat_median(x, n));
        stoa_table_number(t, (double)n);
    }
    stoa_table_caption(t, caption);
    stoa_report_table(report, t);
}

/* Every seed apart: which dimension an agent finds first is chance. */
static void add_seeds(stoa_report *report, const stoa_exs_study *study) {
    char id[128];
    stoa_table *t = stoa_table_new("seeds", "Each run");
    stoa_table_text_column(t, "run");
    for (int d = 0; d < EXS_DIMENSIONS; d++)
        stoa_table_column(t, stoa_exs_dimensions[d], rate);
    for (int64_t i = 0; i < study->count; i++) {
        const stoa_exs_point *p = &study->points[i];
        bool choice = stoa_exs_arms[p->arm].task == EXS_CHOICE;
        if (!study->runs[i])
            continue;
        snprintf(id, sizeof id, "%s, seed %lld", stoa_exs_arms[p->arm].name, (long long)p->seed);
        stoa_table_row(t, false);
        stoa_table_text(t, id);
        for (int d = 0; d < EXS_DIMENSIONS; d++) {
            char name[64];
            snprintf(name, sizeof name, choice ? "score/correct_%s" : "picked_%s",
                     stoa_exs_dimensions[d]);
            stoa_table_number(t, stoa_run_get_number(study->runs[i], name));
        }
    }
    stoa_table_caption(t, "Of a single choice: right by dimension. Of a confounded one: picked "
                          "where the dimensions disagree.");
    stoa_report_details_begin(report, "Every run");
    stoa_report_table(report, t);
    stoa_report_details_end(report);
}

static void add_choice(stoa_report *report, const stoa_exs_study *study) {
    static const char *const columns[][2] = {{"colour", "score/correct_color"},
                                             {"texture", "score/correct_texture"},
                                             {"shape", "score/correct_shape"},
                                             {"mean", "score/correct"},
                                             {"words", "explanations/property_accuracy"}};
    stoa_report_section(report, "One choice");
    stoa_report_paragraph(report, "Four pictures; one is odd in colour, texture or shape, and the "
                                  "other dimensions are split evenly. Eight colours, six textures, "
                                  "eight shapes.");
    for (int d = 0; d < EXS_DIMENSIONS; d++)
        add_dimension(report, study, stoa_exs_dimensions[d]);
    add_table(report, study, EXS_CHOICE, "choice", "Right after training", columns, 5,
              "Evaluation episodes by the dimension that counts, mean over seeds with its 95 % "
              "interval. Words: properties named right in the last tenth of training.");
}

static void add_confounded(stoa_report *report, const stoa_exs_study *study) {
    static const char *const columns[][2] = {{"odd colour", "picked_color"},
                                             {"odd texture", "picked_texture"},
                                             {"odd shape", "picked_shape"},
                                             {"none", "picked_none"},
                                             {"right in training", "score/correct"}};
    stoa_report_section(report, "Confounded training");
    stoa_report_paragraph(report,
                          "In training one object is odd in colour, texture and shape at once. "
                          "Afterwards each of the three is odd on another object, and what is "
                          "picked tells what was learned; nothing is learned or said then.");
    add_table(report, study, EXS_CONFOUNDED, "confounded", "Picked where the dimensions disagree",
              columns, 5, "Mean over seeds with its 95 % interval; chance is 0.25 each.");
}

stoa_status stoa_exs_report(const stoa_exs_study *study, stoa_tally *tally, stoa_error *err) {
    char kicker[96];
    double seconds = 0;
    stoa_finding findings[EXS_CLAIM_COUNT];
    snprintf(kicker, sizeof kicker, "Study of arXiv 2112.03753, %s scale",
             stoa_scale_name(study->options->scale));
    stoa_report *report =
        stoa_report_new("explanations", "Explanations", kicker, study->options->scale);
    stoa_report_lead(report,
                     "Which of four objects is the odd one is a relation, and reward alone teaches "
                     "an agent the easiest kind of it. An agent that must also say what the "
                     "objects are like learns the others too; and where colour, texture and shape "
                     "cannot be told apart, what it says decides what it takes the task to be.");
    stoa_exs_findings(study, findings);
    for (int i = 0; i < EXS_CLAIM_COUNT; i++)
        stoa_report_claim(report, &stoa_exs_claims[i], &findings[i]);
    if (study->settings.steps[EXS_CHOICE] > 0)
        add_choice(report, study);
    if (study->settings.steps[EXS_CONFOUNDED] > 0)
        add_confounded(report, study);
    add_seeds(report, study);
    for (int64_t i = 0; i < study->count; i++)
        if (study->runs[i])
            seconds += stoa_run_get_number(study->runs[i], "seconds");
    stoa_report_cost(report, seconds, study->options->threads);
    *tally = stoa_report_tally(report);
    stoa_status status = stoa_report_write(report, study->options->out, err);
    stoa_report_free(report);
    return status;
}
