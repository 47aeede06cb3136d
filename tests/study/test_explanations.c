/* The explanations study: its tables fit together, and a tiny run of it ends in a report. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "study/explanations/ex.h"
#include "study/explanations/study.h"

static char folder[] = "/tmp/stoa-ex-XXXXXX";

static int make_folder(void **state) {
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state) {
    (void)state;
    return stoa_remove_tree(folder, NULL) == STOA_OK ? 0 : -1;
}

static const stoa_study_options smoke = {.scale = STOA_SCALE_SMOKE};

static void load_settings(stoa_exs_study *study) {
    stoa_error err = {0};
    *study = (stoa_exs_study){.options = &smoke};
    if (stoa_exs_settings_load(&smoke, &study->settings, &err) != STOA_OK)
        fail_msg("%s", err.message);
}

static void every_arm_is_named_in_its_place_and_accepted(void **state) {
    (void)state;
    stoa_exs_study study;
    load_settings(&study);
    for (int arm = 0; arm < EXS_ARM_COUNT; arm++) {
        const stoa_arm_point point = {arm, 1};
        stoa_agent_settings s;
        stoa_error err = {0};
        assert_string_equal(stoa_exs_arm_names[arm], stoa_exs_arms[arm].name);
        if (stoa_exs_agent(&study, &point, 1, &s, &err) != STOA_OK)
            fail_msg("%s: %s", stoa_exs_arms[arm].name, err.message);
    }
    assert_null(stoa_exs_arm_names[EXS_ARM_COUNT]);
}

/* Figures are looked up by name: a misspelt one would be silently missing. */
static void every_arms_world_has_the_metrics_that_are_looked_at(void **state) {
    (void)state;
    static const char *const wanted[][4] = {
        [EXS_BASIC] = {"correct_color", "correct_texture", "correct_shape", NULL},
        [EXS_AMBIGUOUS] = {"correct", NULL},
        [EXS_EXPERIMENTS] = {"experiment1", "experiment3", "changed", NULL},
    };
    stoa_exs_study study;
    load_settings(&study);
    for (int arm = 0; arm < EXS_ARM_COUNT; arm++) {
        const stoa_arm_point point = {arm, 1};
        stoa_agent_settings s;
        stoa_env *env;
        assert_int_equal(stoa_exs_agent(&study, &point, 1, &s, NULL), STOA_OK);
        assert_int_equal(stoa_agent_settings_env(&s, 1, 1, &env, NULL), STOA_OK);
        const stoa_env_spec *spec = stoa_env_spec_of(env);
        const stoa_exs_task *task = &stoa_exs_tasks[stoa_exs_arms[arm].task];
        for (const char *const *name = wanted[task->kind]; *name; name++) {
            int found = 0;
            for (int m = 0; m < spec->metric_count; m++)
                found += strcmp(spec->metrics[m], *name) == 0;
            if (found != 1)
                fail_msg("%s has no metric %s", stoa_exs_arms[arm].name, *name);
        }
        stoa_env_free(env);
    }
}

static void weights_of_explanations_are_left_to_arms_that_explain(void **state) {
    (void)state;
    const char *list[EXS_SETS];
    int weights[2] = {0};
    const stoa_exs_arm_id arms[2] = {EXS_ROOM_NONE, EXS_ROOM_FULL};
    for (int a = 0; a < 2; a++)
        for (int i = stoa_exs_sets(arms[a], list) - 1; i >= 0; i--)
            weights[a] += strncmp(list[i], "explanations.", 13) == 0;
    assert_int_equal(weights[0], 0);
    assert_true(weights[1] > 0);
}

static void a_task_says_what_its_last_list_sets(void **state) {
    (void)state;
    assert_string_equal(stoa_exs_says(EXS_TASK_CHOICE, "env.colors"), "8");
    assert_string_equal(stoa_exs_says(EXS_TASK_FAITHFUL, "env.colors"), "19");
    assert_string_equal(stoa_exs_says(EXS_TASK_ROOM_CONFOUNDED, "env.level"), "confounded");
    assert_null(stoa_exs_says(EXS_TASK_ROOM, "env.color"));
    /* only the reward tells what an experiment came to; in the room it would tell the verdict */
    assert_string_equal(stoa_exs_says(EXS_TASK_ROOM, "agent.last_reward"), "false");
    assert_string_equal(stoa_exs_says(EXS_TASK_META, "agent.last_reward"), "true");
    assert_string_equal(stoa_exs_says(EXS_TASK_FAITHFUL_META, "agent.last_reward"), "true");
}

/* A run of a room's arm, as the store would give it. */
static void put_run(stoa_exs_study *study, stoa_exs_arm_id arm, int64_t seed, double color,
                    double texture, double shape) {
    stoa_run *run = stoa_run_new();
    stoa_run_number(run, "score/correct_color", color);
    stoa_run_number(run, "score/correct_texture", texture);
    stoa_run_number(run, "score/correct_shape", shape);
    stoa_run_number(run, "explanations/property_exact", 0.96);
    study->runs.points[study->runs.count] = (stoa_arm_point){arm, seed};
    study->runs.runs[study->runs.count++] = run;
}

static void the_worst_dimension_is_that_of_the_least_mean_over_seeds(void **state) {
    (void)state;
    stoa_exs_study study;
    stoa_finding f[EXS_CLAIM_COUNT];
    load_settings(&study);
    study.runs.points = stoa_alloc(4 * sizeof *study.runs.points);
    study.runs.runs = stoa_alloc(4 * sizeof(stoa_run *));
    put_run(&study, EXS_ROOM_FULL, 1, 0.99, 0.90, 0.80);
    put_run(&study, EXS_ROOM_FULL, 2, 0.99, 0.86, 0.98);
    put_run(&study, EXS_ROOM_NONE, 1, 0.99, 0.60, 0.40);
    stoa_exs_findings(&study, f);
    assert_float_equal(f[EXS_CLAIM_ROOM_FULL].value.value, 0.88, 1e-9);
    assert_string_equal(f[EXS_CLAIM_ROOM_FULL].note, "texture");
    assert_int_equal(f[EXS_CLAIM_ROOM_FULL].seeds, 2);
    assert_float_equal(f[EXS_CLAIM_ROOM_NONE].value.value, 0.40, 1e-9);
    assert_float_equal(f[EXS_CLAIM_ROOM_WORDS].value.value, 0.96, 1e-9);
    assert_int_equal(f[EXS_CLAIM_FAITHFUL].seeds, 0);
    stoa_arm_runs_deinit(&study.runs);
}

/* Of two seeds with equal series, and of one whose series is of another length. */
static void a_curve_is_the_mean_of_the_seeds_that_fit(void **state) {
    (void)state;
    const double steps[] = {10, 20, 30}, y[2][3] = {{0, 1, 2}, {2, 3, 4}};
    stoa_exs_study study;
    stoa_arm_curve *curve = stoa_alloc(sizeof *curve);
    load_settings(&study);
    study.runs.points = stoa_alloc(4 * sizeof *study.runs.points);
    study.runs.runs = stoa_alloc(4 * sizeof(stoa_run *));
    for (int s = 0; s < 3; s++) {
        put_run(&study, EXS_ROOM_FULL, s, 1, 1, 1);
        stoa_run_series(study.runs.runs[s], "curve/steps", steps, 3 - s / 2);
        stoa_run_series(study.runs.runs[s], "curve/correct", y[s % 2], 3 - s / 2);
    }
    stoa_arm_curve_of(&study.runs, EXS_ROOM_FULL, "curve/steps", "curve/correct", curve);
    assert_int_equal(curve->n, 3);
    assert_int_equal(curve->seeds, 2);
    assert_float_equal(curve->mean[2], 3, 1e-12);
    assert_float_equal(curve->x[1], 20, 0);
    stoa_arm_curve_of(&study.runs, EXS_ROOM_NONE, "curve/steps", "curve/correct", curve);
    assert_int_equal(curve->n, 0);
    stoa_free(curve);
    stoa_arm_runs_deinit(&study.runs);
}

static stoa_status run_tiny(stoa_tally *tally, stoa_error *err) {
    static const char *const set[] = {"steps.choice=2k", "steps.confounded=2k", "steps.room=4k",
                                      "eval_episodes=100", "seeds=[1, 2]"};
    static const char *const arms[] = {"none",          "full",       "confounded-shape",
                                       "room-full",     "room-heard", "room-confounded-color",
                                       "faithful-none", "meta-easy"};
    stoa_study_options options = {.scale = STOA_SCALE_SMOKE,
                                  .out = folder,
                                  .threads = 1,
                                  .arms = arms,
                                  .arms_count = sizeof arms / sizeof *arms,
                                  .set = set,
                                  .set_count = sizeof set / sizeof *set};
    return stoa_study_explanations.run(&options, tally, err);
}

/* The text of a finished run's file. */
static char *finished(const char *key) {
    char path[256];
    char *text;
    size_t size;
    snprintf(path, sizeof path, "%s/runs/%s.json", folder, key);
    assert_int_equal(stoa_file_read(path, 1 << 20, &text, &size, NULL), STOA_OK);
    return text;
}

static void a_tiny_run_ends_in_a_report(void **state) {
    (void)state;
    static const char *const what[][2] = {
        {"none-s1", "score/correct_shape"},
        {"none-s2", "curve/correct_color"},
        {"full-s1", "explanations/property_accuracy"},
        {"full-s2", "explanations/reward_loss"},
        {"confounded-shape-s1", "picked_shape"},
        {"room-full-s2", "explanations/property_exact"},
        {"room-full-s1", "curve/correct_texture"},
        {"room-heard-s1", "score/correct_shape"},
        {"room-confounded-color-s1", "picked_none"},
        {"faithful-none-s1", "score/correct_position"},
        {"meta-easy-s1", "score/experiment3"},
    };
    stoa_tally tally;
    stoa_error err = {0};
    char path[256];
    if (run_tiny(&tally, &err) != STOA_OK)
        fail_msg("%s", err.message);
    assert_int_equal(tally.held + tally.failed, 0); /* this scale decides nothing */
    assert_int_equal(tally.undecided, EXS_CLAIM_COUNT);
    for (size_t i = 0; i < sizeof what / sizeof *what; i++) {
        char *text = finished(what[i][0]);
        assert_non_null(strstr(text, what[i][1]));
        stoa_free(text);
    }
    snprintf(path, sizeof path, "%s/report.html", folder);
    assert_true(stoa_file_exists(path));
}

/* What the agent of a run picks, tested once more. */
static double sum_of_picks(const char *key) {
    static const char *const picks[] = {"picked_color", "picked_texture", "picked_shape",
                                        "picked_none"};
    char path[256];
    double sum = 0;
    stoa_error err = {0};
    stoa_run *run = stoa_run_new();
    snprintf(path, sizeof path, "%s/models/%s", folder, key);
    if (stoa_exs_test_deconfounded(path, 600, run, &err) != STOA_OK)
        fail_msg("%s", err.message);
    for (int i = 0; i < 4; i++)
        sum += stoa_run_get_number(run, picks[i]);
    stoa_run_free(run);
    return sum;
}

/* Whatever is chosen is one of four; in a room time may run out first. */
static void picks_where_dimensions_disagree_add_up(void **state) {
    (void)state;
    double choice = sum_of_picks("confounded-shape-s1");
    double room = sum_of_picks("room-confounded-color-s1");
    assert_true(choice > 0.9999 && choice < 1.0001);
    assert_true(room > 0.5 && room < 1.0001);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_arm_is_named_in_its_place_and_accepted),
        cmocka_unit_test(every_arms_world_has_the_metrics_that_are_looked_at),
        cmocka_unit_test(weights_of_explanations_are_left_to_arms_that_explain),
        cmocka_unit_test(a_task_says_what_its_last_list_sets),
        cmocka_unit_test(the_worst_dimension_is_that_of_the_least_mean_over_seeds),
        cmocka_unit_test(a_curve_is_the_mean_of_the_seeds_that_fit),
        cmocka_unit_test(a_tiny_run_ends_in_a_report),
        cmocka_unit_test(picks_where_dimensions_disagree_add_up),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
