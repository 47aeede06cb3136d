/* Tasks in child processes: all of them, how they fail, how they stop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "files.h"
#include "study/jobs.h"

enum { MOST_TASKS = 8 };

/* What a test's tasks do, and what the parent saw of them. */
typedef struct scene {
    const char *folder;
    int64_t fails, dies; /* this task does; -1: none */
    bool waits;          /* until stopped, then leaves a file */
    int64_t finished[MOST_TASKS], count;
    double most_share;
    bool stopped;
} scene;

static void path_of(const scene *s, int64_t task, char *out, size_t n) {
    snprintf(out, n, "%s/%lld", s->folder, (long long)task);
}

static stoa_status run(void *user, int64_t task, double *share, stoa_error *err) {
    const scene *s = user;
    const struct timespec moment = {.tv_nsec = 1000 * 1000};
    char path[512];
    path_of(s, task, path, sizeof path);
    if (task == s->fails)
        return stoa_fail(err, STOA_ERR_NUMERIC, "the loss is not finite");
    if (task == s->dies)
        raise(SIGKILL);
    *share = 0.5;
    while ((s->waits || s->fails >= 0 || s->dies >= 0) && !stoa_stop_requested())
        nanosleep(&moment, NULL);
    STOA_TRY(stoa_file_write(path, "left", 4, err));
    return stoa_stop_requested() ? stoa_fail(err, STOA_ERR_INTERRUPTED, "stopped") : STOA_OK;
}

static const char *name(void *user, int64_t task, char *out, size_t n) {
    (void)user;
    snprintf(out, n, "task-%lld", (long long)task);
    return out;
}

static stoa_status finished(void *user, int64_t task, stoa_error *err) {
    scene *s = user;
    (void)err;
    s->finished[s->count++] = task;
    return STOA_OK;
}

static void watch(void *user, const stoa_job_view *running, int n) {
    scene *s = user;
    for (int i = 0; i < n; i++)
        s->most_share = running[i].share > s->most_share ? running[i].share : s->most_share;
    if (s->waits && n == 2 && running[0].share > 0 && running[1].share > 0 && !s->stopped) {
        s->stopped = true;
        raise(SIGTERM);
    }
}

static stoa_status run_scene(scene *s, int64_t tasks, int at_once, stoa_error *err) {
    stoa_jobs jobs = {.count = tasks,
                      .at_once = at_once,
                      .user = s,
                      .run = run,
                      .name = name,
                      .finished = finished,
                      .watch = watch,
                      .end = _exit};
    return stoa_jobs_run(&jobs, err);
}

static bool left(const scene *s, int64_t task) {
    char path[512];
    path_of(s, task, path, sizeof path);
    return stoa_file_exists(path);
}

static void every_task_runs_once(void **state) {
    for (int at_once = 1; at_once <= 3; at_once++) {
        scene s = {.folder = *state, .fails = -1, .dies = -1};
        stoa_error err = {0};
        assert_int_equal(run_scene(&s, 7, at_once, &err), STOA_OK);
        assert_int_equal(s.count, 7);
        int64_t seen = 0;
        for (int i = 0; i < 7; i++) {
            seen |= (int64_t)1 << s.finished[i];
            assert_true(left(&s, i));
        }
        assert_int_equal(seen, 127);
    }
    scene none = {.folder = *state, .fails = -1, .dies = -1};
    assert_int_equal(run_scene(&none, 0, 2, NULL), STOA_OK);
}

static void a_task_that_fails_is_named_and_stops_the_others(void **state) {
    scene s = {.folder = *state, .fails = 1, .dies = -1};
    stoa_error err = {0};
    assert_int_equal(run_scene(&s, 5, 2, &err), STOA_ERR_NUMERIC);
    assert_string_equal(err.message, "task-1: the loss is not finite");
    assert_true(left(&s, 0)); /* it ran beside and was let save */
    assert_false(left(&s, 2));
    assert_int_equal(s.count, 0);
}

static void a_task_whose_process_dies_is_named(void **state) {
    scene s = {.folder = *state, .fails = -1, .dies = 0};
    stoa_error err = {0};
    assert_int_equal(run_scene(&s, 2, 2, &err), STOA_ERR_IO);
    assert_non_null(strstr(err.message, "task-0: its process was ended by signal 9"));
}

static void a_stop_is_passed_on_and_every_child_saves(void **state) {
    scene s = {.folder = *state, .fails = -1, .dies = -1, .waits = true};
    stoa_error err = {0};
    stoa_signals_install();
    assert_int_equal(run_scene(&s, 4, 2, &err), STOA_ERR_INTERRUPTED);
    stoa_stop_clear();
    assert_true(s.stopped);
    assert_true(s.most_share == 0.5);
    assert_true(left(&s, 0) && left(&s, 1));
    assert_false(left(&s, 2) || left(&s, 3));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_task_runs_once, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_task_that_fails_is_named_and_stops_the_others,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(a_task_whose_process_dies_is_named, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(a_stop_is_passed_on_and_every_child_saves, make_folder,
                                        remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
