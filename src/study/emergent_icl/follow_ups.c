/*
 * study/emergent_icl/follow_ups.c - two sections on later work: task diversity in linear regression
 * (Raventos et al. 2023, arXiv 2306.15063) and the minimal model (Reddy 2023, arXiv 2312.03002).
 */
#include <math.h>

#include "study/emergent_icl/icls.h"

#define COUNT(list) ((int)(sizeof(list) / sizeof *(list)))

static bool any(const stoa_icls_study *study, const stoa_icls_arm_id *arms, int count) {
    for (int i = 0; i < count; i++)
        if (stoa_arm_first(&study->runs, arms[i]))
            return true;
    return false;
}

/* ---- tasks ----------------------------------------------------------------------------------- */

static const struct {
    double tasks;
    stoa_icls_arm_id arm;
} pools[] = {{1, ICLS_ARM_TASKS_1},      {4, ICLS_ARM_TASKS_4},     {16, ICLS_ARM_TASKS_16},
             {64, ICLS_ARM_TASKS_64},    {256, ICLS_ARM_TASKS_256}, {1024, ICLS_ARM_TASKS_1024},
             {4096, ICLS_ARM_TASKS_4096}};

/* One line along the pools' sizes. */
static void add_line(stoa_figure *f, const stoa_icls_study *study, const char *series,
                     const char *name, int colour, bool dashed) {
    double x[COUNT(pools)], y[COUNT(pools)], low[COUNT(pools)], high[COUNT(pools)];
    int n = 0;
    for (int i = 0; i < COUNT(pools); i++) {
        int64_t seeds;
        stoa_interval v = stoa_icls_mean(study, pools[i].arm, series, ICLS_FINAL, &seeds);
        if (seeds == 0)
            continue;
        x[n] = pools[i].tasks, y[n] = v.value;
        low[n] = isnan(v.low) ? v.value : fmax(v.low, 0);
        high[n++] = isnan(v.high) ? v.value : v.high;
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
}

static stoa_figure *pool_figure(const char *id, const char *title, const char *axis) {
    stoa_figure *f = stoa_figure_new(id, title);
    stoa_figure_axis(f, STOA_AXIS_X, "tasks trained on", true, STOA_TICKS_COUNT);
    stoa_figure_axis(f, STOA_AXIS_Y, axis, false, STOA_TICKS_PLAIN);
    return f;
}

static void show_errors(stoa_report *report, const stoa_icls_study *study, const char *id,
                        const char *title, const char *const series[3], const char *caption) {
    static const char *const names[] = {"model", "ridge", "best guess of the pool"};
    stoa_figure *f = pool_figure(id, title, "mean squared error");
    for (int i = 0; i < 3; i++)
        add_line(f, study, series[i], names[i], i + 1, i > 0);
    stoa_figure_caption(f, caption);
    stoa_report_figure(report, f);
}

static void show_lean(stoa_report *report, const stoa_icls_study *study) {
    stoa_figure *f =
        pool_figure("tasks-lean", "From the pool's best guess to ridge", "lean to ridge");
    stoa_figure_range(f, STOA_AXIS_Y, 0, 1.05);
    add_line(f, study, "task_new/to_ridge", "on new tasks", 1, false);
    stoa_figure_mark(f, STOA_AXIS_Y, 0.5, "as far from both");
    stoa_figure_caption(f,
                        "The model's mean squared distance from the pool's best guess, as a share "
                        "of its distances from both. With many tasks the two guesses come "
                        "together, and what is left is the model's own error.");
    stoa_report_figure(report, f);
}

static const struct {
    const char *name, *series;
} columns[] = {
    {"pool: model", "task_pool/loss"},
    {"ridge", "task_pool/ridge"},
    {"best guess", "task_pool/best"},
    {"new: model", "task_new/loss"},
    {"ridge", "task_new/ridge"},
    {"best guess", "task_new/best"},
    {"from ridge", "task_new/from_ridge"},
    {"from best guess", "task_new/from_best"},
    {"lean to ridge", "task_new/to_ridge"},
};

static void show_table(stoa_report *report, const stoa_icls_study *study,
                       const stoa_icls_arm_id *arms, int count) {
    stoa_table *t = stoa_table_new("arms-tasks", "By number of tasks");
    stoa_table_text_column(t, "arm");
    for (int c = 0; c < COUNT(columns); c++)
        stoa_table_column(t, columns[c].name, (stoa_format){STOA_FORMAT_FIXED, 3, NULL});
    stoa_table_column(t, "seeds", (stoa_format){STOA_FORMAT_WHOLE, 0, NULL});
    for (int i = 0; i < count; i++) {
        int64_t seeds = 0;
        if (!stoa_arm_first(&study->runs, arms[i]))
            continue;
        stoa_table_row(t, false);
        stoa_table_text(t, stoa_icls_arms[arms[i]].title);
        for (int c = 0; c < COUNT(columns); c++)
            stoa_table_interval(t, stoa_icls_mean(study, arms[i], columns[c].series, ICLS_FINAL,
                                                  c == 0 ? &seeds : NULL));
        stoa_table_number(t, (double)seeds);
    }
    stoa_table_caption(t, "Mean squared errors over the numbers of a sequence, and of the model's "
                          "distance from each guess on new tasks. Means over seeds with 95 % "
                          "intervals, after training.");
    stoa_report_table(report, t);
}

void stoa_icls_add_tasks(stoa_report *report, const stoa_icls_study *study) {
    static const char *const on_new[] = {"task_new/loss", "task_new/ridge", "task_new/best"};
    static const char *const on_pool[] = {"task_pool/loss", "task_pool/ridge", "task_pool/best"};
    stoa_icls_arm_id arms[COUNT(pools) + 1];
    for (int i = 0; i < COUNT(pools); i++)
        arms[i] = pools[i].arm;
    arms[COUNT(pools)] = ICLS_ARM_TASKS_ALL;
    if (!any(study, arms, COUNT(arms)))
        return;
    stoa_report_section(report, "Task diversity: linear regression");
    stoa_report_paragraph(
        report, "Sixteen points of a linear function in four dimensions, with noise; each "
                "number is to be told from the points before it. The pool's best guess "
                "knows which functions are trained on; ridge knows only that they are "
                "normal. What the model is like on functions it never saw tells which of "
                "the two it has learned.");
    if (any(study, arms, COUNT(pools))) {
        show_errors(report, study, "tasks-new", "On new tasks", on_new,
                    "Where the model is below the pool's best guess, it does better than the best "
                    "answer to what it was trained on. Means over seeds with 95 % intervals.");
        show_errors(report, study, "tasks-pool", "On tasks of the pool", on_pool,
                    "Means over seeds with 95 % intervals.");
        show_lean(report, study);
    }
    show_table(report, study, arms, COUNT(arms));
}

/* ---- the minimal model ----------------------------------------------------------------------- */

void stoa_icls_add_minimal(stoa_report *report, const stoa_icls_study *study) {
    static const stoa_icls_line in_context[] = {
        {ICLS_ARM_LEAST_MANY, "icl/closed", NULL, false},
        {ICLS_ARM_LEAST_SOME, "icl/closed", NULL, false},
        {ICLS_ARM_LEAST_FEW, "icl/closed", NULL, false},
        {ICLS_ARM_LEAST_FRESH, "icl/closed", NULL, false},
        {ICLS_ARM_LEAST_EVEN, "icl/closed", NULL, true},
    };
    static const stoa_icls_line forming[] = {
        {ICLS_ARM_LEAST_MANY, "icl/closed", "in-context accuracy", false},
        {ICLS_ARM_LEAST_MANY, "circuit/previous", "labels to their items, best head", false},
        {ICLS_ARM_LEAST_MANY, "circuit/match", "query to right labels, best head", false},
    };
    stoa_icls_arm_id arms[COUNT(in_context)];
    for (int i = 0; i < COUNT(arms); i++)
        arms[i] = in_context[i].arm;
    if (!any(study, arms, COUNT(arms)))
        return;
    stoa_report_section(report, "The minimal model");
    stoa_report_paragraph(report, "Two bare attention heads on plain numbers, labels and one-hot "
                                  "positions, then three ReLU layers; plain gradient steps.");
    stoa_icls_show_lines(
        report, study, "minimal", "In context, over training", "accuracy", in_context,
        COUNT(in_context),
        "New classes. B copies of each class in the context. Means over seeds with "
        "95 % intervals.");
    stoa_icls_show_lines(report, study, "minimal-circuit", "The circuit, 4,096 classes, B 4",
                         "score", forming, COUNT(forming), "Means over seeds.");
    stoa_icls_show_table(report, study, "arms-minimal", "The minimal model", arms, COUNT(arms));
}
