/* study/synthetic_returns/report.c - the report: a section a task with its curves, its arms and,
 * where synthetic returns were learned, where they spike. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "study/sr_trace.h"
#include "study/synthetic_returns/sr.h"

enum { MOST = STOA_SETTING_ITEMS };
enum { COLOURS = 6 }; /* curves in one figure; arms after these are in the table alone */

static bool is_sr(stoa_srs_arm_id arm) {
    const char *const *set = stoa_srs_arms[arm].set;
    for (; *set; set++)
        if (strcmp(*set, "objectives=synthetic-returns") == 0)
            return true;
    return false;
}

static void add_row(stoa_table *t, const stoa_srs_study *study, stoa_srs_arm_id arm) {
    double x[MOST], sep[MOST], rate[MOST];
    int64_t n = stoa_arm_numbers(&study->runs, arm, "score", x);
    int64_t separated = is_sr(arm) ? stoa_srs_separations(study, arm, sep) : 0;
    if (n == 0)
        return;
    stoa_summary s = stoa_stat_summary(x, n);
    int64_t timed = stoa_arm_numbers(&study->runs, arm, "steps_per_second", rate);
    stoa_table_row(t, arm == SRS_SR);
    stoa_table_text(t, stoa_srs_arms[arm].title);
    stoa_table_interval(t, stoa_stat_mean(x, n, 0.95));
    stoa_table_number(t, s.least);
    stoa_table_number(t, s.most);
    stoa_table_interval(t, stoa_stat_mean(sep, separated, 0.95));
    stoa_table_number(t, stoa_stat_median(rate, timed));
    stoa_table_number(t, (double)n);
}

static stoa_table *arms_table(const stoa_srs_study *study, stoa_srs_task_id task) {
    char id[64];
    snprintf(id, sizeof id, "arms-%s", stoa_srs_tasks[task].name);
    stoa_table *t = stoa_table_new(id, "Trained agents");
    stoa_table_text_column(t, "agent");
    stoa_table_column(t, stoa_srs_tasks[task].score, (stoa_format){STOA_FORMAT_FIXED, 3, NULL});
    stoa_table_column(t, "least", (stoa_format){STOA_FORMAT_FIXED, 3, NULL});
    stoa_table_column(t, "most", (stoa_format){STOA_FORMAT_FIXED, 3, NULL});
    stoa_table_column(t, "separation of c", (stoa_format){STOA_FORMAT_FIXED, 3, NULL});
    stoa_table_column(t, "steps/s", (stoa_format){STOA_FORMAT_COUNT, 0, NULL});
    stoa_table_column(t, "seeds", (stoa_format){STOA_FORMAT_WHOLE, 0, NULL});
    for (int arm = 0; arm < SRS_ARM_COUNT; arm++)
        if (stoa_srs_arms[arm].task == task)
            add_row(t, study, (stoa_srs_arm_id)arm);
    stoa_table_caption(t, "Scores of evaluation episodes after training: mean over seeds with its "
                          "95 % interval, worst and best seed. Separation: mean contribution of "
                          "the states that matter minus that of the others, at the end of "
                          "training.");
    return t;
}

static void add_trace(stoa_report *report, const stoa_srs_study *study, stoa_srs_arm_id arm) {
    const stoa_int_list *seeds = stoa_srs_seeds(study, arm);
    char dir[4096], id[64];
    stoa_error why = {0};
    if (seeds->count == 0)
        return;
    stoa_arm_point p = {arm, seeds->item[0]};
    if (!stoa_srs_run_dir(study, &p, dir, sizeof dir))
        return;
    stoa_sr_trace *trace = stoa_alloc(sizeof *trace);
    if (!trace)
        return;
    if (stoa_sr_trace_play(trace, dir, study->settings.trace_episodes, 1000, &why) == STOA_OK) {
        snprintf(id, sizeof id, "trace-%s", stoa_srs_arms[arm].name);
        stoa_report_figure(report,
                           stoa_sr_trace_figure(trace, id, "Synthetic returns, one episode"));
        snprintf(id, sizeof id, "kinds-%s", stoa_srs_arms[arm].name);
        stoa_report_table(report, stoa_sr_trace_table(trace, id, "Contributions by kind of state"));
    } else { /* weights may have been cleared away since; the rest stands without them */
        stoa_log_write(STOA_LOG_WARN, "no look into %s: %s", dir, why.message);
    }
    stoa_sr_trace_deinit(trace);
    stoa_free(trace);
}

/* Chance and the most that can be had, as thin lines. */
static void mark_limits(stoa_figure *f, stoa_srs_task_id task) {
    stoa_agent_settings s;
    stoa_env *env;
    const char *list[32];
    int count = 0;
    for (const char *const *set = stoa_srs_tasks[task].set; *set && count < 32; set++)
        list[count++] = *set;
    if (stoa_agent_settings_load(&s, NULL, list, count, NULL) != STOA_OK ||
        stoa_agent_settings_env(&s, 1, 1, &env, NULL) != STOA_OK)
        return;
    const stoa_env_spec *spec = stoa_env_spec_of(env);
    if (!isnan(spec->chance))
        stoa_figure_mark(f, STOA_AXIS_Y, spec->chance, "chance");
    if (!isnan(spec->ceiling))
        stoa_figure_mark(f, STOA_AXIS_Y, spec->ceiling, "perfect");
    stoa_env_free(env);
}

static void add_task(stoa_report *report, const stoa_srs_study *study, stoa_srs_task_id task) {
    char id[64];
    int colour = 1;
    int64_t shown = 0;
    for (int arm = 0; arm < SRS_ARM_COUNT; arm++)
        if (stoa_srs_arms[arm].task == task)
            shown += stoa_srs_seeds(study, (stoa_srs_arm_id)arm)->count;
    if (shown == 0)
        return;
    snprintf(id, sizeof id, "curves-%s", stoa_srs_tasks[task].name);
    stoa_figure *f = stoa_figure_new(id, stoa_srs_tasks[task].title);
    stoa_arm_curve *c = stoa_alloc(sizeof *c);
    for (int arm = 0; arm < SRS_ARM_COUNT && c; arm++) {
        if (stoa_srs_arms[arm].task != task || colour > COLOURS)
            continue;
        stoa_arm_curve_of(&study->runs, arm, "curve/steps", "curve/score", c);
        stoa_arm_curve_draw(f, c, stoa_srs_arms[arm].title, colour++,
                            STOA_ARM_BAND | STOA_ARM_EACH);
    }
    stoa_free(c);
    mark_limits(f, task);
    stoa_figure_axis(f, STOA_AXIS_X, "environment steps", false, STOA_TICKS_COUNT);
    stoa_figure_axis(f, STOA_AXIS_Y, stoa_srs_tasks[task].score, false, STOA_TICKS_PLAIN);
    stoa_figure_caption(f, "Training episodes. Thick: mean over seeds with its 95 % interval; "
                           "dashed: each seed.");
    stoa_report_section(report, stoa_srs_tasks[task].title);
    stoa_report_figure(report, f);
    stoa_report_table(report, arms_table(study, task));
    for (int arm = 0; arm < SRS_ARM_COUNT; arm++)
        if (stoa_srs_arms[arm].task == task && is_sr((stoa_srs_arm_id)arm)) {
            add_trace(report, study, (stoa_srs_arm_id)arm);
            break; /* the task's first such arm; `stoa plot` shows the others */
        }
}

stoa_status stoa_srs_report(const stoa_srs_study *study, stoa_tally *tally, stoa_error *err) {
    char kicker[96];
    stoa_finding findings[SRS_CLAIM_COUNT];
    snprintf(kicker, sizeof kicker, "Study of arXiv 2102.12425, %s scale",
             stoa_scale_name(study->options->scale));
    stoa_report *report =
        stoa_report_new("synthetic-returns", "Synthetic returns", kicker, study->options->scale);
    stoa_report_lead(report,
                     "A learner that moves credit one step at a time is lost when a reward comes "
                     "long after the deed. Regressing the reward on the states seen before it "
                     "tells which of them mattered; paying the agent for reaching those states "
                     "lets the same learner succeed.");
    stoa_srs_findings(study, findings);
    for (int i = 0; i < SRS_CLAIM_COUNT; i++)
        stoa_report_claim(report, &stoa_srs_claims[i], &findings[i]);
    for (int task = 0; task < SRS_TASK_COUNT; task++)
        add_task(report, study, (stoa_srs_task_id)task);
    stoa_report_cost(report, stoa_arm_sum(&study->runs, "seconds"), study->options->threads);
    *tally = stoa_report_tally(report);
    stoa_status status = stoa_report_write(report, study->options->out, err);
    stoa_report_free(report);
    return status;
}
