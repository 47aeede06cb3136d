/* study/explanations/figures.c - figures and tables of tasks that are looked at in the same way. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "study/explanations/ex.h"

enum { BARS = 12, COLUMNS = 8, COLOURS = 8 };

static bool is_shown(const stoa_exs_study *study, unsigned tasks, int arm) {
    return tasks & EXS_BIT(stoa_exs_arms[arm].task) && stoa_arm_first(&study->runs, arm);
}

bool stoa_exs_any(const stoa_exs_study *study, unsigned tasks) {
    for (int arm = 0; arm < EXS_ARM_COUNT; arm++)
        if (is_shown(study, tasks, arm))
            return true;
    return false;
}

/* The first of the tasks: they are alike in what is asked of it here. */
static const stoa_exs_task *first_of(unsigned tasks) {
    int task = 0;
    while (!(tasks & EXS_BIT(task)))
        task++;
    return &stoa_exs_tasks[task];
}

/* Arms that claims compare: every seed of theirs is drawn. */
static bool is_claimed(int arm) {
    static const stoa_exs_arm_id list[] = {EXS_NONE,      EXS_PROPERTIES,    EXS_ROOM_NONE,
                                           EXS_ROOM_FULL, EXS_FAITHFUL_NONE, EXS_FAITHFUL_FULL};
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        if ((int)list[i] == arm)
            return true;
    return false;
}

/* ---- over training --------------------------------------------------------------------------- */

static void add_axes(stoa_figure *f, const stoa_exs_task *task) {
    stoa_figure_mark(f, STOA_AXIS_Y, 0.25, "chance");
    stoa_figure_range(f, STOA_AXIS_Y, 0, 1);
    stoa_figure_axis(f, STOA_AXIS_X, task->steps, false, STOA_TICKS_COUNT);
    stoa_figure_axis(f, STOA_AXIS_Y, "right", false, STOA_TICKS_PLAIN);
}

/* A line an arm, each in a colour of its own; the claimed ones with every seed. */
static void add_curves(stoa_figure *f, const stoa_exs_study *study, unsigned tasks,
                       const char *series, int style) {
    stoa_arm_curve *c = stoa_alloc(sizeof *c);
    for (int arm = 0, colour = 0; arm < EXS_ARM_COUNT && c; arm++) {
        if (!(tasks & EXS_BIT(stoa_exs_arms[arm].task)) || ++colour > COLOURS)
            continue;
        stoa_arm_curve_of(&study->runs, arm, "curve/steps", series, c);
        stoa_arm_curve_draw(f, c, stoa_exs_arms[arm].title, colour,
                            is_claimed(arm) ? STOA_ARM_EACH : style);
    }
    stoa_free(c);
}

void stoa_exs_show_curves(stoa_report *report, const stoa_exs_study *study, unsigned tasks,
                          const char *id) {
    const stoa_exs_task *task = first_of(tasks);
    for (int d = 0; d < task->dimensions && stoa_exs_any(study, tasks); d++) {
        char name[64], title[64], series[64];
        snprintf(name, sizeof name, "%scurves-%s", id, stoa_exs_dimensions[d]);
        snprintf(title, sizeof title, "Odd in %s", stoa_exs_dimensions[d]);
        snprintf(series, sizeof series, "curve/correct_%s", stoa_exs_dimensions[d]);
        stoa_figure *f = stoa_figure_new(name, title);
        add_curves(f, study, tasks, series, STOA_ARM_MEAN);
        add_axes(f, task);
        stoa_figure_caption(f, "Training episodes whose odd dimension is this one. Solid: mean "
                               "over seeds; dashed: each seed of the arms that claims compare.");
        stoa_report_figure(report, f);
    }
}

/* ---- bars ------------------------------------------------------------------------------------ */

typedef struct column {
    const char *name, *figure;
} column;

static void add_bars(stoa_figure *f, const stoa_exs_study *study, const int *arms, int count,
                     const column *what, int colour) {
    double x[BARS], y[BARS], low[BARS], high[BARS];
    for (int i = 0; i < count; i++) {
        stoa_interval v = stoa_arm_mean(&study->runs, arms[i], what->figure, NULL);
        x[i] = i, y[i] = v.value;
        low[i] = isnan(v.low) ? v.value : fmax(v.low, 0);
        high[i] = isnan(v.high) ? v.value : fmin(v.high, 1);
    }
    stoa_figure_add(f, &(stoa_series){.name = what->name,
                                      .kind = STOA_SERIES_BARS,
                                      .x = x,
                                      .y = y,
                                      .low = low,
                                      .high = high,
                                      .n = count,
                                      .colour = colour});
}

/* Bars of these figures for every arm that was run; NULL: none was. */
static stoa_figure *bars_of(const stoa_exs_study *study, unsigned tasks, const char *id,
                            const char *title, const column *what, int count) {
    int arms[BARS], n = 0;
    const char *names[BARS];
    for (int arm = 0; arm < EXS_ARM_COUNT && n < BARS; arm++)
        if (is_shown(study, tasks, arm)) {
            names[n] = stoa_exs_arms[arm].title;
            arms[n++] = arm;
        }
    if (n == 0)
        return NULL;
    stoa_figure *f = stoa_figure_new(id, title);
    for (int i = 0; i < count; i++)
        add_bars(f, study, arms, n, &what[i], i + 1);
    stoa_figure_names(f, STOA_AXIS_X, names, n);
    stoa_figure_axis(f, STOA_AXIS_Y, "share of episodes", false, STOA_TICKS_PLAIN);
    stoa_figure_range(f, STOA_AXIS_Y, 0, 1);
    stoa_figure_mark(f, STOA_AXIS_Y, 0.25, "chance");
    return f;
}

static const column picks[] = {{"odd colour", "picked_color"},
                               {"odd texture", "picked_texture"},
                               {"odd shape", "picked_shape"},
                               {"none of them", "picked_none"},
                               {"right in training", "score/correct"}};

void stoa_exs_show_picks(stoa_report *report, const stoa_exs_study *study, unsigned tasks,
                         const char *id) {
    char name[64];
    snprintf(name, sizeof name, "%spicked", id);
    stoa_figure *f = bars_of(study, tasks, name, "Picked where the dimensions disagree", picks, 4);
    if (!f)
        return;
    stoa_figure_axis(f, STOA_AXIS_X, "words in training", false, STOA_TICKS_PLAIN);
    stoa_figure_caption(f, "After confounded training, without learning. Mean over seeds with its "
                           "95 % interval; what is missing to 1 chose nothing in time.");
    stoa_report_figure(report, f);
}

static const column trials[] = {{"1st experiment", "score/experiment1"},
                                {"2nd", "score/experiment2"},
                                {"3rd", "score/experiment3"},
                                {"test", "score/correct"},
                                {"changed", "score/changed"}};

void stoa_exs_show_trials(stoa_report *report, const stoa_exs_study *study, unsigned tasks,
                          const char *id) {
    char name[64];
    snprintf(name, sizeof name, "%strials", id);
    stoa_figure *f = bars_of(study, tasks, name, "Experiments and test", trials, 5);
    if (!f)
        return;
    stoa_figure_axis(f, STOA_AXIS_X, "level and words", false, STOA_TICKS_PLAIN);
    stoa_figure_caption(f, "Episodes in which a trial paid, and experiments in which something was "
                           "changed. Mean over seeds with its 95 % interval.");
    stoa_report_figure(report, f);
    snprintf(name, sizeof name, "%stest-curves", id);
    f = stoa_figure_new(name, "The test, over training");
    add_curves(f, study, tasks, "curve/correct", STOA_ARM_EACH);
    add_axes(f, first_of(tasks));
    stoa_figure_caption(f, "Training episodes. Solid: mean over seeds; dashed: each seed.");
    stoa_report_figure(report, f);
}

/* ---- tables ---------------------------------------------------------------------------------- */

/* What is looked at in these tasks. */
static int columns_of(const stoa_exs_task *task, column *out) {
    static const column by_dimension[EXS_DIMENSIONS] = {{"colour", "score/correct_color"},
                                                        {"texture", "score/correct_texture"},
                                                        {"shape", "score/correct_shape"},
                                                        {"position", "score/correct_position"}};
    static const column more[] = {{"mean", "score/correct"},
                                  {"words", "explanations/property_accuracy"},
                                  {"sentences", "explanations/property_exact"}};
    if (task->kind == EXS_AMBIGUOUS)
        memcpy(out, picks, sizeof picks);
    if (task->kind == EXS_EXPERIMENTS)
        memcpy(out, trials, sizeof trials);
    if (task->kind != EXS_BASIC)
        return sizeof picks / sizeof *picks;
    memcpy(out, by_dimension, (size_t)task->dimensions * sizeof *out);
    memcpy(out + task->dimensions, more, sizeof more);
    return task->dimensions + (int)(sizeof more / sizeof *more);
}
_Static_assert(sizeof picks == sizeof trials, "as many columns");

static stoa_table *table_of(const char *id, const char *end, const char *title, const char *rows,
                            const column *what, int count) {
    static const stoa_format share = {STOA_FORMAT_FIXED, 3, NULL};
    char name[64];
    snprintf(name, sizeof name, "%s%s", id, end);
    stoa_table *t = stoa_table_new(name, title);
    stoa_table_text_column(t, rows);
    for (int i = 0; i < count; i++)
        stoa_table_column(t, what[i].name, share);
    return t;
}

static void add_mean_row(stoa_table *t, const stoa_exs_study *study, int arm, const column *what,
                         int count) {
    double x[STOA_SETTING_ITEMS];
    int64_t n = stoa_arm_numbers(&study->runs, arm, "steps_per_second", x);
    stoa_table_row(t, is_claimed(arm));
    stoa_table_text(t, stoa_exs_arms[arm].title);
    for (int i = 0; i < count; i++)
        stoa_table_interval(t, stoa_arm_mean(&study->runs, arm, what[i].figure, NULL));
    stoa_table_number(t, stoa_stat_median(x, n));
    stoa_table_number(t, (double)n);
}

/* Every seed apart: which dimension an agent finds first is chance. */
static void add_seed_rows(stoa_table *t, const stoa_exs_study *study, int arm, const column *what,
                          int count) {
    for (int64_t i = 0; i < study->runs.count; i++) {
        const stoa_arm_point *p = &study->runs.points[i];
        char name[128];
        if (p->arm != arm || !study->runs.runs[i])
            continue;
        snprintf(name, sizeof name, "%s, seed %lld", stoa_exs_arms[arm].name, (long long)p->seed);
        stoa_table_row(t, false);
        stoa_table_text(t, name);
        for (int k = 0; k < count; k++)
            stoa_table_number(t, stoa_run_get_number(study->runs.runs[i], what[k].figure));
    }
}

void stoa_exs_show_tables(stoa_report *report, const stoa_exs_study *study, unsigned tasks,
                          const char *id) {
    const stoa_exs_task *task = first_of(tasks);
    column what[COLUMNS];
    int count = columns_of(task, what);
    if (!stoa_exs_any(study, tasks))
        return;
    stoa_table *means = table_of(id, "", "After training", "explanations", what, count);
    stoa_table *seeds = table_of(id, "-seeds", "Each run", "run", what, count);
    stoa_table_column(means, "steps/s", (stoa_format){STOA_FORMAT_COUNT, 0, NULL});
    stoa_table_column(means, "seeds", (stoa_format){STOA_FORMAT_WHOLE, 0, NULL});
    for (int arm = 0; arm < EXS_ARM_COUNT; arm++)
        if (is_shown(study, tasks, arm)) {
            add_mean_row(means, study, arm, what, count);
            add_seed_rows(seeds, study, arm, what, count);
        }
    stoa_table_caption(means,
                       task->kind == EXS_BASIC
                           ? "Evaluation episodes by the dimension that counts, mean over seeds "
                             "with its 95 % interval. Words: properties named right in the last "
                             "tenth of training, before they were learned from; sentences: all of "
                             "them at once."
                           : "Mean over seeds with its 95 % interval; chance is 0.25 of a choice.");
    stoa_report_table(report, means);
    stoa_report_details_begin(report, "Every run");
    stoa_report_table(report, seeds);
    stoa_report_details_end(report);
}
