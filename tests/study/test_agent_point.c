/* One point's agent: what is noted, and that a run which was stopped ends as one that was not. */
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include <cmocka.h>

#include "study/agent_point.h"

static char root[] = "/tmp/stoa-point-XXXXXX";

static int make_folder(void **state) {
    (void)state;
    stoa_signals_install();
    return mkdtemp(root) ? 0 : -1;
}

static int remove_folder(void **state) {
    (void)state;
    return stoa_remove_tree(root, NULL) == STOA_OK ? 0 : -1;
}

static stoa_agent_settings small(void) {
    static const char *const set[] = {"env.name=catch",
                                      "env.instances=8",
                                      "agent.core=lstm",
                                      "agent.core_width=16",
                                      "agent.encoder_width=16",
                                      "objectives=synthetic-returns",
                                      "train.unroll=8",
                                      "train.steps=20000",
                                      "train.eval_episodes=64",
                                      "seed=3",
                                      "threads=1"};
    stoa_agent_settings s;
    stoa_error err = {0};
    if (stoa_agent_settings_load(&s, NULL, set, sizeof set / sizeof *set, &err) != STOA_OK ||
        stoa_agent_settings_check(&s, &err) != STOA_OK)
        fail_msg("%s", err.message);
    return s;
}

static stoa_status train(const char *name, bool fresh, stoa_run *run) {
    char dir[128];
    stoa_agent_settings s = small();
    stoa_error err = {0};
    double share = 0;
    snprintf(dir, sizeof dir, "%s/%s", root, name);
    stoa_status status = stoa_agent_point_train(&s, dir, fresh, NULL, &share, run, &err);
    if (status != STOA_OK && status != STOA_ERR_INTERRUPTED)
        fail_msg("%s", err.message);
    if (status == STOA_OK)
        assert_true(share == 1);
    return status;
}

static stoa_run *trained(const char *name, bool fresh) {
    stoa_run *run = stoa_run_new();
    assert_non_null(run);
    assert_int_equal(train(name, fresh, run), STOA_OK);
    return run;
}

/* The notes that a stopped run left. */
static stoa_run *left(const char *name, const char *dir) {
    stoa_agent_settings s = small();
    stoa_buffer text = {0};
    stoa_run *run = NULL;
    assert_int_equal(stoa_agent_point_settings(&s, &text, NULL), STOA_OK);
    assert_int_equal(stoa_run_load(&run, dir, name, text.data, NULL), STOA_OK);
    stoa_buffer_deinit(&text);
    return run;
}

/* A signal after so long, from the kernel: where it falls is not known, and must not matter. */
static void stop_after(int microseconds) {
    struct itimerval timer = {.it_value = {0, microseconds}};
    assert_int_equal(setitimer(ITIMER_REAL, &timer, NULL), 0);
}

static void on_alarm(int signal) {
    (void)signal;
    raise(SIGINT);
}

/* Stopped and taken up until it ends; how often in its midst. */
static int in_parts(const char *name, stoa_run *run) {
    struct sigaction action = {.sa_handler = on_alarm};
    char dir[128];
    int stops = 0;
    snprintf(dir, sizeof dir, "%s/%s", root, name);
    assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
    for (int wait = 2000;; wait += wait / 2) {
        stop_after(wait < 900000 ? wait : 900000);
        stoa_status status = train(name, false, run);
        stop_after(0);
        stoa_stop_clear();
        if (status == STOA_OK)
            return stops;
        stoa_run *notes = left("notes", dir);
        assert_non_null(notes);
        stops += stoa_run_get_number(notes, "update") > 0;
        stoa_run_free(notes);
    }
}

static void assert_same_series(const stoa_run *a, const stoa_run *b, const char *name) {
    int64_t n, m;
    const double *x = stoa_run_get_series(a, name, &n), *y = stoa_run_get_series(b, name, &m);
    assert_non_null(x);
    assert_non_null(y);
    assert_int_equal(n, m);
    for (int64_t i = 0; i < n; i++)
        if (!(isnan(x[i]) && isnan(y[i])) && x[i] != y[i])
            fail_msg("%s, point %d: %g and %g", name, (int)i, x[i], y[i]);
}

static void assert_same(const stoa_run *a, const stoa_run *b) {
    static const char *const numbers[] = {"score", "training_score", "score/catch_rate",
                                          "synthetic_returns/loss"};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        double x = stoa_run_get_number(a, numbers[i]), y = stoa_run_get_number(b, numbers[i]);
        if (isnan(x) || x != y)
            fail_msg("%s: %.17g and %.17g", numbers[i], x, y);
    }
    assert_same_series(a, b, "curve/steps");
    assert_same_series(a, b, "curve/score");
    assert_same_series(a, b, "curve/catch_rate");
}

static void a_run_that_was_stopped_ends_as_one_that_was_not(void **state) {
    (void)state;
    stoa_run *whole = trained("whole", false), *parts = stoa_run_new();
    assert_true(in_parts("parts", parts) > 0);
    assert_same(whole, parts);
    assert_true(stoa_run_get_number(parts, "seconds") > 0);
    stoa_run_free(whole), stoa_run_free(parts);
}

static void before_an_episode_has_ended_its_figures_are_missing(void **state) {
    (void)state;
    int64_t n;
    stoa_run *run = trained("missing", false);
    const double *score = stoa_run_get_series(run, "curve/score", &n);
    assert_int_equal(n, 100);
    assert_true(isnan(score[0])); /* 3 updates of 8 steps; an episode has more */
    assert_false(isnan(score[99]));
    stoa_run_free(run);
}

/* Notes that are not of the checkpoint, or are no notes: the run begins again. */
static void what_does_not_fit_together_is_not_gone_on_from(void **state) {
    (void)state;
    static const struct {
        const char *name;
        double value;
    } spoilt[] = {
        {"update", 7}, {"points", 1e9}, {"points", -1}, {"figures", 3.5}, {"count.0", NAN}};
    stoa_run *whole = trained("first", false);
    char dir[128];
    snprintf(dir, sizeof dir, "%s/first", root);
    for (size_t i = 0; i < sizeof spoilt / sizeof *spoilt; i++) {
        stoa_agent_settings s = small();
        stoa_buffer text = {0};
        stoa_run *notes = left("notes", dir);
        assert_non_null(notes);
        stoa_run_number(notes, spoilt[i].name, spoilt[i].value);
        assert_int_equal(stoa_agent_point_settings(&s, &text, NULL), STOA_OK);
        assert_int_equal(stoa_run_save(notes, dir, "notes", text.data, NULL), STOA_OK);
        stoa_run *again = trained("first", false);
        assert_same(whole, again);
        stoa_run_free(notes), stoa_run_free(again);
        stoa_buffer_deinit(&text);
    }
    stoa_run *fresh = trained("first", true);
    assert_same(whole, fresh);
    stoa_run_free(whole), stoa_run_free(fresh);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_that_was_stopped_ends_as_one_that_was_not),
        cmocka_unit_test(before_an_episode_has_ended_its_figures_are_missing),
        cmocka_unit_test(what_does_not_fit_together_is_not_gone_on_from),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
