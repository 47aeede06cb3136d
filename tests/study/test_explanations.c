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

static void every_arm_is_named_in_its_place_and_accepted(void **state) {
    (void)state;
    for (int arm = 0; arm < EXS_ARM_COUNT; arm++) {
        stoa_agent_settings s;
        stoa_error err = {0};
        const char *list[48];
        int n = 0;
        assert_string_equal(stoa_exs_arm_names[arm], stoa_exs_arms[arm].name);
        for (const char *const *set = stoa_exs_common; *set; set++)
            list[n++] = *set;
        for (const char *const *set = stoa_exs_arms[arm].set; *set; set++)
            list[n++] = *set;
        if (stoa_agent_settings_load(&s, NULL, list, n, &err) != STOA_OK ||
            stoa_agent_settings_check(&s, &err) != STOA_OK)
            fail_msg("%s: %s", stoa_exs_arms[arm].name, err.message);
    }
    assert_null(stoa_exs_arm_names[EXS_ARM_COUNT]);
}

static stoa_status run_tiny(stoa_tally *tally, stoa_error *err) {
    static const char *const set[] = {"steps.choice=2k", "steps.confounded=2k",
                                      "eval_episodes=300"};
    static const char *const arms[] = {"none", "full", "confounded-shape"};
    stoa_study_options options = {.scale = STOA_SCALE_SMOKE,
                                  .out = folder,
                                  .threads = 1,
                                  .arms = arms,
                                  .arms_count = 3,
                                  .set = set,
                                  .set_count = 3};
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

/* Whatever is picked is one of four. */
static void picks_where_dimensions_disagree_add_up(void **state) {
    (void)state;
    char path[256];
    double sum = 0;
    stoa_error err = {0};
    stoa_run *run = stoa_run_new();
    snprintf(path, sizeof path, "%s/models/confounded-shape-s1", folder);
    if (stoa_exs_test_deconfounded(path, 1000, run, &err) != STOA_OK)
        fail_msg("%s", err.message);
    static const char *const picks[] = {"picked_color", "picked_texture", "picked_shape",
                                        "picked_none"};
    for (int i = 0; i < 4; i++)
        sum += stoa_run_get_number(run, picks[i]);
    assert_true(sum > 0.9999 && sum < 1.0001);
    stoa_run_free(run);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_arm_is_named_in_its_place_and_accepted),
        cmocka_unit_test(a_tiny_run_ends_in_a_report),
        cmocka_unit_test(picks_where_dimensions_disagree_add_up),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
