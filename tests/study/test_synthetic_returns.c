/* The synthetic-returns study: its tables fit together, and a tiny run of it ends in a report. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <cmocka.h>

#include "study/synthetic_returns/sr.h"
#include "study/synthetic_returns/study.h"

static char folder[] = "/tmp/stoa-sr-XXXXXX";

static int make_folder(void **state) {
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state) {
    (void)state;
    return stoa_remove_tree(folder, NULL) == STOA_OK ? 0 : -1;
}

static void every_arm_is_named_in_its_place(void **state) {
    (void)state;
    for (int arm = 0; arm < SRS_ARM_COUNT; arm++)
        assert_string_equal(stoa_srs_arm_names[arm], stoa_srs_arms[arm].name);
    assert_null(stoa_srs_arm_names[SRS_ARM_COUNT]);
}

static int join(const char **list, int n, const char *const *more) {
    while (*more)
        list[n++] = *more++;
    return n;
}

static void every_arms_settings_are_accepted(void **state) {
    (void)state;
    for (int arm = 0; arm < SRS_ARM_COUNT; arm++) {
        stoa_agent_settings s;
        stoa_error err = {0};
        const char *list[64];
        int n = join(list, 0, stoa_srs_common);
        n = join(list, n, stoa_srs_tasks[stoa_srs_arms[arm].task].set);
        n = join(list, n, stoa_srs_arms[arm].set);
        if (stoa_srs_arms[arm].task == SRS_SKIING) {
            assert_int_equal(stoa_agent_settings_load(&s, NULL, list, n, &err), STOA_OK);
            continue; /* more would need Python and the game */
        }
        if (stoa_agent_settings_load(&s, NULL, list, n, &err) != STOA_OK ||
            stoa_agent_settings_check(&s, &err) != STOA_OK)
            fail_msg("%s: %s", stoa_srs_arms[arm].name, err.message);
    }
}

/* Whether the environment of a task marks the states that the study compares. */
static void every_tasks_events_exist(void **state) {
    (void)state;
    for (int task = 0; task < SRS_TASK_COUNT; task++) {
        const stoa_srs_task *t = &stoa_srs_tasks[task];
        stoa_agent_settings s;
        stoa_env *env;
        const char *list[16];
        int found = 0;
        if (!t->event)
            continue;
        int n = join(list, 0, t->set);
        assert_int_equal(stoa_agent_settings_load(&s, NULL, list, n, NULL), STOA_OK);
        assert_int_equal(stoa_agent_settings_env(&s, 1, 1, &env, NULL), STOA_OK);
        const stoa_env_spec *spec = stoa_env_spec_of(env);
        for (int e = 0; e < spec->event_count; e++)
            found += strcmp(spec->events[e], t->event) == 0 ||
                     (t->other && strcmp(spec->events[e], t->other) == 0);
        assert_int_equal(found, t->other ? 2 : 1);
        stoa_env_free(env);
    }
}

static stoa_status run_tiny(bool fresh, stoa_tally *tally, stoa_error *err) {
    static const char *const set[] = {"steps.chain=0",
                                      "steps.catch-1=0",
                                      "steps.catch-20=4k",
                                      "steps.key-to-door=0",
                                      "steps.key-to-door-memory=0",
                                      "steps.slalom=0",
                                      "eval_episodes=2",
                                      "trace_episodes=2"};
    static const char *const arms[] = {"learner", "sr"};
    stoa_study_options options = {.scale = STOA_SCALE_SMOKE,
                                  .out = folder,
                                  .threads = 1,
                                  .arms = arms,
                                  .arms_count = 2,
                                  .set = set,
                                  .set_count = 8,
                                  .fresh = fresh};
    return stoa_study_synthetic_returns.run(&options, tally, err);
}

/* A finished run's file, and when it was written. */
static void finished(const char *key, struct timespec *when) {
    char path[256];
    char *text;
    size_t size;
    snprintf(path, sizeof path, "%s/runs/%s.json", folder, key);
    assert_int_equal(stoa_file_read(path, 1 << 20, &text, &size, NULL), STOA_OK);
    assert_non_null(strstr(text, "\"score\""));
    assert_non_null(strstr(text, "curve/score"));
    stoa_free(text);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    *when = st.st_mtim;
}

static void a_tiny_run_ends_in_a_report_and_is_not_repeated(void **state) {
    (void)state;
    stoa_tally tally;
    stoa_error err = {0};
    struct timespec first, second;
    char path[256];
    if (run_tiny(false, &tally, &err) != STOA_OK)
        fail_msg("%s", err.message);
    assert_int_equal(tally.held + tally.failed, 0); /* this scale decides nothing */
    assert_int_equal(tally.undecided, SRS_CLAIM_COUNT);
    finished("learner-s1", &first);
    finished("sr-s2", &first);
    snprintf(path, sizeof path, "%s/report.html", folder);
    assert_true(stoa_file_exists(path));
    assert_int_equal(run_tiny(false, &tally, NULL), STOA_OK);
    finished("sr-s2", &second);
    assert_memory_equal(&first, &second, sizeof first); /* taken from the store */
    stoa_buffer words = {0};
    snprintf(path, sizeof path, "%s/models/sr-1", folder);
    stoa_plot_options plot = {.run = path, .episodes = 2, .seed = 5};
    if (stoa_plot_draw("synthetic-returns", &plot, &words, &err) == STOA_OK)
        assert_non_null(strstr(words.data, "catch"));
    else
        assert_int_equal(err.status, STOA_ERR_UNSUPPORTED); /* no gnuplot on this machine */
    stoa_buffer_deinit(&words);
    snprintf(path, sizeof path, "%s/models/learner-1", folder);
    assert_int_equal(stoa_plot_draw("synthetic-returns", &plot, &words, &err), STOA_ERR_USAGE);
    assert_non_null(strstr(err.message, "synthetic"));
    stoa_buffer_deinit(&words);
}

static void a_plot_that_does_not_exist_names_the_nearest(void **state) {
    (void)state;
    stoa_error err = {0};
    stoa_buffer words = {0};
    stoa_plot_options plot = {.run = folder, .episodes = 1};
    assert_int_equal(stoa_plot_draw("synthetic-return", &plot, &words, &err), STOA_ERR_USAGE);
    assert_non_null(strstr(err.message, "synthetic-returns"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_arm_is_named_in_its_place),
        cmocka_unit_test(every_arms_settings_are_accepted),
        cmocka_unit_test(every_tasks_events_exist),
        cmocka_unit_test(a_tiny_run_ends_in_a_report_and_is_not_repeated),
        cmocka_unit_test(a_plot_that_does_not_exist_names_the_nearest),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
