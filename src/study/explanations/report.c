/* study/explanations/report.c - the report: a section a question, each with its figures and tables.
 */
#include <stdio.h>

#include "study/explanations/ex.h"

/* A setting of the task; without one of its own it has all that there are. */
static const char *says(stoa_exs_task_id task, const char *key) {
    const char *found = stoa_exs_says(task, key);
    return found ? found : "all";
}

static void say_values(stoa_report *report, stoa_exs_task_id task, const char *before) {
    stoa_report_paragraph(report, "%s `%s` colours, `%s` textures, `%s` shapes.", before,
                          says(task, "env.colors"), says(task, "env.textures"),
                          says(task, "env.shapes"));
}

static void add_choice(stoa_report *report, const stoa_exs_study *study) {
    say_values(report, EXS_TASK_CHOICE,
               "Four pictures; one is odd in colour, texture or shape, and the other dimensions "
               "are split evenly.");
    stoa_exs_show_curves(report, study, EXS_BIT(EXS_TASK_CHOICE), "");
    stoa_exs_show_tables(report, study, EXS_BIT(EXS_TASK_CHOICE), "choice");
}

static const char disagree[] =
    "In training one object is odd in colour, texture and shape at once. Afterwards each of the "
    "three is odd on another object, and what is picked tells what was learned; nothing is learned "
    "or said then.";

static void add_confounded(stoa_report *report, const stoa_exs_study *study) {
    stoa_report_paragraph(report, "%s", disagree);
    stoa_exs_show_picks(report, study, EXS_BIT(EXS_TASK_CONFOUNDED), "");
    stoa_exs_show_tables(report, study, EXS_BIT(EXS_TASK_CONFOUNDED), "confounded");
}

static void add_room(stoa_report *report, const stoa_exs_study *study) {
    const unsigned tasks = EXS_BIT(EXS_TASK_ROOM) | EXS_BIT(EXS_TASK_ROOM_MORE);
    stoa_report_paragraph(
        report,
        "A room of `%s` x `%s` cells, seen as `%s`. Properties are told while the "
        "agent stands beside an object, before it chooses; rewards after the "
        "choice. Runs of `%lld` steps without and with both, of `%lld` the "
        "others.",
        says(EXS_TASK_ROOM, "env.interior"), says(EXS_TASK_ROOM, "env.interior"),
        says(EXS_TASK_ROOM, "env.observation"), (long long)study->settings.steps[EXS_TASK_ROOM],
        (long long)study->settings.steps[EXS_TASK_ROOM_MORE]);
    say_values(report, EXS_TASK_ROOM, "In use:");
    stoa_exs_show_curves(report, study, tasks, "room-");
    stoa_exs_show_tables(report, study, tasks, "room");
}

static void add_room_confounded(stoa_report *report, const stoa_exs_study *study) {
    stoa_report_paragraph(report, "%s", disagree);
    stoa_exs_show_picks(report, study, EXS_BIT(EXS_TASK_ROOM_CONFOUNDED), "room-");
    stoa_exs_show_tables(report, study, EXS_BIT(EXS_TASK_ROOM_CONFOUNDED), "room-confounded");
}

static const char experiments[] =
    "Three trials in which an object may be changed to make an odd one out, then a test in which "
    "each dimension is odd on another object; which of them counts is found out in the trials, and "
    "the same in all. Easy: all objects are alike at first; hard 1 to 3: in so many dimensions "
    "they are split evenly.";

static void add_meta(stoa_report *report, const stoa_exs_study *study) {
    stoa_report_paragraph(report, "%s", experiments);
    stoa_exs_show_trials(report, study, EXS_BIT(EXS_TASK_META), "meta-");
    stoa_exs_show_tables(report, study, EXS_BIT(EXS_TASK_META), "meta");
}

static void add_faithful(stoa_report *report, const stoa_exs_study *study) {
    const char *seen = stoa_exs_observations[study->settings.observation];
    stoa_report_paragraph(report, "The published room: 11 x 11 cells with its wall, seen as `%s`.",
                          seen);
    say_values(report, EXS_TASK_FAITHFUL,
               "Objects stand in corners, along walls or in the centre:");
    stoa_exs_show_curves(report, study, EXS_BIT(EXS_TASK_FAITHFUL), "faithful-");
    stoa_exs_show_tables(report, study, EXS_BIT(EXS_TASK_FAITHFUL), "faithful");
}

static void add_faithful_confounded(stoa_report *report, const stoa_exs_study *study) {
    stoa_report_paragraph(report, "%s", disagree);
    stoa_exs_show_picks(report, study, EXS_BIT(EXS_TASK_FAITHFUL_CONFOUNDED), "faithful-");
    stoa_exs_show_tables(report, study, EXS_BIT(EXS_TASK_FAITHFUL_CONFOUNDED),
                         "faithful-confounded");
}

static void add_faithful_meta(stoa_report *report, const stoa_exs_study *study) {
    stoa_report_paragraph(report, "%s", experiments);
    stoa_exs_show_trials(report, study, EXS_BIT(EXS_TASK_FAITHFUL_META), "faithful-meta-");
    stoa_exs_show_tables(report, study, EXS_BIT(EXS_TASK_FAITHFUL_META), "faithful-meta");
}

static const struct {
    unsigned tasks;
    const char *title;
    void (*add)(stoa_report *report, const stoa_exs_study *study);
} sections[] = {
    {EXS_BIT(EXS_TASK_CHOICE), "One choice", add_choice},
    {EXS_BIT(EXS_TASK_CONFOUNDED), "Confounded training", add_confounded},
    {EXS_BIT(EXS_TASK_ROOM) | EXS_BIT(EXS_TASK_ROOM_MORE), "A small room", add_room},
    {EXS_BIT(EXS_TASK_ROOM_CONFOUNDED), "Confounded training in the small room",
     add_room_confounded},
    {EXS_BIT(EXS_TASK_META), "Experiments in the small room", add_meta},
    {EXS_BIT(EXS_TASK_FAITHFUL), "The published room", add_faithful},
    {EXS_BIT(EXS_TASK_FAITHFUL_CONFOUNDED), "Confounded training there", add_faithful_confounded},
    {EXS_BIT(EXS_TASK_FAITHFUL_META), "Experiments there", add_faithful_meta},
};

static void add_settings(stoa_report *report, const stoa_exs_study *study) {
    char key[64], value[64];
    for (int task = 0; task < EXS_TASK_COUNT; task++) {
        snprintf(key, sizeof key, "steps.%s", stoa_exs_tasks[task].name);
        snprintf(value, sizeof value, "%lld", (long long)study->settings.steps[task]);
        stoa_report_setting(report, key, value);
    }
    snprintf(value, sizeof value, "%lld", (long long)study->settings.eval_episodes);
    stoa_report_setting(report, "eval_episodes", value);
}

stoa_status stoa_exs_report(const stoa_exs_study *study, stoa_tally *tally, stoa_error *err) {
    char kicker[96];
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
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++)
        if (stoa_exs_any(study, sections[i].tasks)) {
            stoa_report_section(report, sections[i].title);
            sections[i].add(report, study);
        }
    add_settings(report, study);
    stoa_report_cost(report, stoa_arm_sum(&study->runs, "seconds"), study->options->threads);
    *tally = stoa_report_tally(report);
    stoa_status status = stoa_report_write(report, study->options->out, err);
    stoa_report_free(report);
    return status;
}
