/* The emergent-icl study: its tables fit together, figures of runs are what was put into them, and
 * a tiny run of it ends in a report. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <cmocka.h>

#include "study/emergent_icl/icls.h"
#include "study/emergent_icl/study.h"

static char folder[] = "/tmp/stoa-icls-XXXXXX";

static int make_folder(void **state) {
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state) {
    (void)state;
    return stoa_remove_tree(folder, NULL) == STOA_OK ? 0 : -1;
}

static stoa_icls_study *make_study(const stoa_study_options *options) {
    stoa_icls_study *study = stoa_alloc(sizeof *study);
    assert_non_null(study);
    study->options = options;
    assert_int_equal(stoa_icls_settings_load(options, &study->settings, NULL), STOA_OK);
    return study;
}

static void every_arms_settings_are_accepted(void **state) {
    (void)state;
    static const char *const set[] = {"omniglot=somewhere"};
    const stoa_study_options options = {.scale = STOA_SCALE_GPU, .set = set, .set_count = 1};
    stoa_icls_study *study = make_study(&options);
    for (int arm = 0; arm < ICLS_ARM_COUNT; arm++) {
        stoa_icl_settings s;
        stoa_error err = {0};
        stoa_arm_point point = {arm, 1};
        assert_true(stoa_icls_seeds(study, (stoa_icls_arm_id)arm)->count > 0);
        if (stoa_icls_train_settings(study, &point, 1, &s, &err) != STOA_OK)
            fail_msg("%s: %s", stoa_icls_arms[arm].name, err.message);
        assert_true(s.steps > 0 && s.eval_every > 0 && s.steps / s.eval_every < STOA_ARM_CURVE - 2);
        if (stoa_icls_families[stoa_icls_arms[arm].family].omniglot)
            continue; /* more would need the drawings */
        stoa_sequences *data;
        if (stoa_sequences_open(&data, &s.data, &err) != STOA_OK)
            fail_msg("%s: %s", stoa_icls_arms[arm].name, err.message);
        stoa_sequences_close(data);
    }
    stoa_free(study);
}

/* The quantity an arm stands at in a figure is the one it is trained with. */
static void sweeps_are_in_order_and_say_what_their_arms_do(void **state) {
    (void)state;
    static const stoa_icls_sweep *const sweeps[] = {&stoa_icls_by_burst, &stoa_icls_by_burst_lstm,
                                                    &stoa_icls_by_burst_rnn, &stoa_icls_by_classes,
                                                    &stoa_icls_by_zipf};
    const stoa_study_options options = {.scale = STOA_SCALE_CPU};
    stoa_icls_study *study = make_study(&options);
    for (int i = 0; i < 5; i++)
        for (int k = 0; k < sweeps[i]->count; k++) {
            stoa_icl_settings s;
            stoa_arm_point point = {sweeps[i]->at[k].arm, 1};
            assert_int_equal(stoa_icls_train_settings(study, &point, 1, &s, NULL), STOA_OK);
            double x = i < 3    ? s.data.bursty
                       : i == 3 ? (double)s.data.classes.trained
                                : s.data.zipf;
            assert_true(x == sweeps[i]->at[k].x);
            assert_int_equal(s.data.classes.trained, i < 3    ? 2048
                                                     : i == 3 ? s.data.classes.trained
                                                              : 4096);
            assert_int_equal(s.model.core, i == 1   ? STOA_ICL_LSTM
                                           : i == 2 ? STOA_ICL_RNN
                                                    : STOA_ICL_TRANSFORMER);
            assert_true(k == 0 || x > sweeps[i]->at[k - 1].x);
        }
    stoa_free(study);
}

static void omniglot_is_left_out_without_a_folder(void **state) {
    (void)state;
    const stoa_study_options options = {.scale = STOA_SCALE_CPU};
    stoa_icls_study *study = make_study(&options);
    stoa_finding findings[ICLS_CLAIM_COUNT];
    assert_int_equal(stoa_icls_seeds(study, ICLS_ARM_OMNI_90)->count, 0);
    assert_int_equal(stoa_icls_seeds(study, ICLS_ARM_FULL_0)->count, 0);
    assert_int_equal(stoa_icls_seeds(study, ICLS_ARM_BURST_0)->count, 5);
    stoa_icls_findings(study, findings);
    assert_non_null(strstr(findings[ICLS_CLAIM_OMNIGLOT].note, "omniglot=FOLDER"));
    for (int i = 0; i < ICLS_CLAIM_COUNT; i++)
        assert_int_equal(
            stoa_claim_verdict(&stoa_icls_claims[i], &findings[i], STOA_SCALE_CPU, NULL, 0),
            STOA_VERDICT_UNDECIDED);
    stoa_free(study);
}

/* A run as a training would have left it. */
static void put(stoa_icls_study *study, stoa_icls_arm_id arm, int64_t seed, const double *icl,
                const double *loss, int64_t n) {
    stoa_run *run = stoa_run_new();
    double steps[8];
    for (int64_t i = 0; i < n; i++)
        steps[i] = (double)(100 * i);
    stoa_run_series(run, "steps", steps, n);
    stoa_run_series(run, "icl/closed", icl, n);
    stoa_run_series(run, "trained_like/loss", loss, n);
    stoa_arm_runs *r = &study->runs;
    size_t n_before = (size_t)r->count, n_now = n_before + 1;
    r->points = stoa_realloc(r->points, n_before * sizeof *r->points, n_now * sizeof *r->points);
    r->runs = stoa_realloc(r->runs, n_before * sizeof(stoa_run *), n_now * sizeof(stoa_run *));
    r->points[r->count] = (stoa_arm_point){(int)arm, seed};
    r->runs[r->count++] = run;
}

static void figures_of_runs_are_picked_from_their_curves(void **state) {
    (void)state;
    const stoa_study_options options = {.scale = STOA_SCALE_CPU};
    stoa_icls_study *study = make_study(&options);
    put(study, ICLS_ARM_BURST_90, 1, (double[]){0.5, 0.9, 0.7}, (double[]){3, 2, 1}, 3);
    put(study, ICLS_ARM_BURST_90, 2, (double[]){0.5, 0.8, 0.8}, (double[]){3, 1.5, 1}, 3);
    put(study, ICLS_ARM_DECAY_02, 2, (double[]){0.5, 0.9, 0.9}, (double[]){3, 2, 2}, 3);
    double x[STOA_SETTING_ITEMS];
    int64_t seeds[STOA_SETTING_ITEMS], n;
    n = stoa_icls_values(study, ICLS_ARM_BURST_90, "icl/closed", ICLS_HIGHEST, x, seeds);
    assert_int_equal(n, 2);
    assert_true(x[0] == 0.9 && x[1] == 0.8 && seeds[0] == 1 && seeds[1] == 2);
    stoa_icls_values(study, ICLS_ARM_BURST_90, "icl/closed", ICLS_FALL, x, NULL);
    assert_float_equal(x[0], 0.2, 1e-12);
    assert_float_equal(x[1], 0, 1e-12);
    stoa_icls_values(study, ICLS_ARM_BURST_90, "trained_like/loss", ICLS_SINCE_PEAK, x, NULL);
    assert_true(x[0] == -1 && x[1] == -0.5); /* the first of equal peaks */
    stoa_interval mean = stoa_icls_mean(study, ICLS_ARM_BURST_90, "icl/closed", ICLS_FINAL, &n);
    assert_float_equal(mean.value, 0.75, 1e-12);
    /* seeds are paired: only the second is in both */
    stoa_interval gain =
        stoa_icls_gain(study, ICLS_ARM_DECAY_02, ICLS_ARM_BURST_90, "icl/closed", ICLS_FINAL, &n);
    assert_int_equal(n, 1);
    assert_float_equal(gain.value, 0.1, 1e-12);
    stoa_arm_curve *curve = stoa_alloc(sizeof *curve);
    stoa_arm_curve_of(&study->runs, ICLS_ARM_BURST_90, "steps", "icl/closed", curve);
    assert_int_equal(curve->n, 3);
    assert_int_equal(curve->seeds, 2);
    assert_float_equal(curve->mean[1], 0.85, 1e-12);
    assert_int_equal(stoa_icls_values(study, ICLS_ARM_BURST_0, "icl/closed", ICLS_FINAL, x, NULL),
                     0);
    stoa_free(curve);
    stoa_arm_runs_deinit(&study->runs);
    stoa_free(study);
}

/* Arms of a settings name are what that name says. */
static void arms_of_later_work_are_what_their_names_say(void **state) {
    (void)state;
    static const struct {
        stoa_icls_arm_id arm;
        int64_t classes;
        double fresh;
    } rows[] = {{ICLS_ARM_TASKS_1, 1, 0},       {ICLS_ARM_TASKS_256, 256, 0},
                {ICLS_ARM_TASKS_4096, 4096, 0}, {ICLS_ARM_TASKS_ALL, 2048, 1},
                {ICLS_ARM_LEAST_MANY, 4096, 0}, {ICLS_ARM_LEAST_FRESH, 512, 0.5}};
    const stoa_study_options options = {.scale = STOA_SCALE_CPU};
    stoa_icls_study *study = make_study(&options);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        stoa_icl_settings s;
        stoa_arm_point point = {(int)rows[i].arm, 1};
        bool tasks = stoa_icls_arms[rows[i].arm].family == ICLS_TASKS;
        assert_int_equal(stoa_icls_train_settings(study, &point, 1, &s, NULL), STOA_OK);
        assert_int_equal(s.data.classes.trained, rows[i].classes);
        assert_true(s.data.fresh == rows[i].fresh);
        assert_int_equal(s.data.classes.source, tasks ? STOA_CLASSES_TASKS : STOA_CLASSES_GAUSSIAN);
        assert_int_equal(s.model.core, tasks ? STOA_ICL_TRANSFORMER : STOA_ICL_MINIMAL);
        assert_int_equal(stoa_icls_seeds(study, rows[i].arm)->count, 3);
        assert_true(tasks || s.data.ways * s.data.shots == s.data.pairs);
    }
    stoa_free(study);
}

static stoa_status run_tiny(stoa_tally *tally, stoa_error *err) {
    static const char *const arms[] = {"burst-1",   "burst-0.9",   "lstm-0.9",   "routed-0.9",
                                       "zipf-1",    "rules-0",     "glyphs-0.9", "tasks-4",
                                       "tasks-all", "minimal-4096"};
    const stoa_study_options options = {.scale = STOA_SCALE_SMOKE,
                                        .out = folder,
                                        .threads = 1,
                                        .arms = arms,
                                        .arms_count = sizeof arms / sizeof *arms};
    return stoa_study_emergent_icl.run(&options, tally, err);
}

/* A finished run's file, and when it was written. */
static char *finished(const char *key, struct timespec *when) {
    char path[256];
    char *text;
    size_t size;
    struct stat st;
    snprintf(path, sizeof path, "%s/runs/%s.json", folder, key);
    assert_int_equal(stoa_file_read(path, 1 << 22, &text, &size, NULL), STOA_OK);
    assert_int_equal(stat(path, &st), 0);
    *when = st.st_mtim;
    return text;
}

static void a_tiny_run_ends_in_a_report_and_is_not_repeated(void **state) {
    (void)state;
    static const char *const kept[] = {"\"steps\"",         "icl/open",    "iwl_common/open",
                                       "flip/closed",       "icl/context", "train/loss",
                                       "circuit/match/1.3", "maps/before"};
    stoa_tally tally;
    stoa_error err = {0};
    struct timespec first, second;
    char path[256];
    if (run_tiny(&tally, &err) != STOA_OK)
        fail_msg("%s", err.message);
    assert_int_equal(tally.held + tally.failed, 0); /* this scale decides nothing */
    assert_int_equal(tally.undecided, ICLS_CLAIM_COUNT);
    char *text = finished("burst-1-s1", &first);
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        if (!strstr(text, kept[i]))
            fail_msg("%s is not kept", kept[i]);
    stoa_free(text);
    text = finished("tasks-4-s1", &second);
    assert_non_null(strstr(text, "task_new/to_ridge"));
    assert_non_null(strstr(text, "task_pool/over_best"));
    assert_null(strstr(text, "icl/closed"));
    stoa_free(text);
    text = finished("minimal-4096-s1", &second);
    assert_non_null(strstr(text, "circuit/match/1.0"));
    stoa_free(text);
    snprintf(path, sizeof path, "%s/report.html", folder);
    assert_true(stoa_file_exists(path));
    assert_int_equal(run_tiny(&tally, NULL), STOA_OK);
    stoa_free(finished("burst-1-s1", &second));
    assert_memory_equal(&first, &second, sizeof first); /* taken from the store */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_arms_settings_are_accepted),
        cmocka_unit_test(sweeps_are_in_order_and_say_what_their_arms_do),
        cmocka_unit_test(omniglot_is_left_out_without_a_folder),
        cmocka_unit_test(figures_of_runs_are_picked_from_their_curves),
        cmocka_unit_test(arms_of_later_work_are_what_their_names_say),
        cmocka_unit_test(a_tiny_run_ends_in_a_report_and_is_not_repeated),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
