/*
 * test_gym.c - environments in child processes, against a worker of our own (mock_worker.c): what
 * it sends arrives in the right rows, and nothing it does harms the parent.
 *
 * MOCK_SOAK=seconds keeps the test that kills workers running that long.
 */
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "env/gym.h"
#include "mock_worker.h"

static char self[4096]; /* this program */

typedef struct bench {
    stoa_env *env;
    stoa_env_memory memory;
} bench;

/* set: a NULL-terminated list on top of the mock's settings. */
static stoa_status try_open(bench *b, int64_t count, const char *const *set, stoa_error *err) {
    char worker[4200];
    const char *all[16] = {worker, "timeout=20"};
    int n = 2;
    snprintf(worker, sizeof worker, "worker=%s", self);
    while (set && *set)
        all[n++] = *set++;
    stoa_env_options options = {
        .name = "gym:Mock-v0", .set = all, .set_count = n, .count = count, .seed = 5};
    memset(b, 0, sizeof *b);
    return stoa_env_new(&b->env, &options, err);
}

static void open_bench(bench *b, int64_t count, const char *const *set) {
    stoa_error err = {0};
    if (try_open(b, count, set, &err) != STOA_OK)
        fail_msg("%s", err.message);
    assert_int_equal(stoa_env_memory_init(&b->memory, b->env, &err), STOA_OK);
}

static void close_bench(bench *b) {
    stoa_env_memory_deinit(&b->memory);
    stoa_env_free(b->env);
}

static void reset(bench *b) {
    stoa_error err = {0};
    if (stoa_env_reset(b->env, NULL, &b->memory.buffers, &err) != STOA_OK)
        fail_msg("%s", err.message);
}

/* One step in which instance i does (i + shift) % 4. */
static void step(bench *b, int64_t shift) {
    stoa_error err = {0};
    for (int64_t i = 0; i < b->env->count; i++)
        ((int32_t *)b->memory.actions[0])[i] = (int32_t)((i + shift) % 4);
    if (stoa_env_step(b->env, NULL, &b->memory.buffers, &err) != STOA_OK)
        fail_msg("%s", err.message);
}

static const float *state_of(void *const *observations, int64_t i) {
    return (const float *)observations[0] + 3 * i;
}

static int open_files(void) {
    int n = 0;
    DIR *folder = opendir("/proc/self/fd");
    while (readdir(folder))
        n++;
    closedir(folder);
    return n;
}

/* Whether this process has any child, a zombie included. */
static bool has_children(void) {
    return waitpid(-1, NULL, WNOHANG) >= 0 || errno != ECHILD;
}

static void nap(double seconds) {
    nanosleep(&(struct timespec){.tv_sec = (time_t)seconds,
                                 .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9)},
              NULL);
}

/* ---- the way of the data --------------------------------------------------------------------- */

static void the_worker_tells_the_spaces(void **state) {
    (void)state;
    bench b;
    open_bench(&b, 3, NULL);
    const stoa_env_spec *spec = stoa_env_spec_of(b.env);
    assert_string_equal(spec->name, "gym:Mock-v0");
    assert_int_equal(spec->observation_count, 2);
    assert_string_equal(spec->observations[0].name, "state");
    assert_int_equal(spec->observations[0].kind, STOA_SPACE_BOX);
    assert_int_equal(spec->observations[0].ndim, 1);
    assert_int_equal(spec->observations[0].shape[0], 3);
    assert_int_equal(spec->observations[1].kind, STOA_SPACE_CATEGORIES);
    assert_int_equal(spec->observations[1].categories, 3);
    assert_int_equal(spec->action_count, 1);
    assert_string_equal(spec->actions[0].labels[2], "c");
    assert_int_equal(spec->max_steps, 1000);
    assert_string_equal(spec->metrics[0], "return");
    assert_string_equal(spec->metrics[1], "length");
    assert_false(spec->resumable);
    uint8_t pixels[2 * 3 * 3];
    assert_true(stoa_env_render_rgb(b.env, 2, pixels));
    for (size_t i = 0; i < sizeof pixels; i++)
        assert_int_equal(pixels[i], 2);
    close_bench(&b);
}

/* Against what the mock's world is by definition, for any number of workers. */
static void rows_arrive_where_they_belong(void **state) {
    (void)state;
    const char *const workers[] = {"workers=1", "workers=2", "workers=3", "workers=7"};
    enum { COUNT = 7, STEPS = 23, LENGTH = 5 };
    float seeds[COUNT];
    for (int w = 0; w < 4; w++) {
        bench b;
        open_bench(&b, COUNT, (const char *const[]){workers[w], NULL});
        reset(&b);
        stoa_env_buffers *m = &b.memory.buffers;
        double returns[COUNT] = {0};
        int64_t at[COUNT] = {0}, episodes[COUNT] = {0};
        for (int i = 0; i < COUNT; i++) {
            float seed = state_of(m->observations, i)[2];
            assert_true(w == 0 || seed == seeds[i]); /* whoever steps it */
            seeds[i] = seed;
        }
        for (int64_t t = 0; t < STEPS; t++) {
            step(&b, t);
            for (int64_t i = 0; i < COUNT; i++) {
                int64_t move = (i + t) % 4, length = LENGTH + i % 3;
                assert_true(m->rewards[i] == (float)move);
                returns[i] += 2 * (double)move;
                bool over = ++at[i] == length;
                assert_int_equal(m->terminated[i], over && i % 2);
                assert_int_equal(m->truncated[i], over && i % 2 == 0);
                if (over) {
                    const float *last = state_of(m->final_observations, i);
                    assert_true(last[0] == (float)i && last[1] == (float)length);
                    assert_true(m->metrics[2 * i] == (float)returns[i]);
                    assert_true(m->metrics[2 * i + 1] == (float)length);
                    at[i] = 0;
                    returns[i] = 0;
                    episodes[i]++;
                }
                const float *now = state_of(m->observations, i);
                float seed = (float)(((int64_t)seeds[i] + episodes[i]) % 1000);
                assert_true(now[0] == (float)i && now[1] == (float)at[i] && now[2] == seed);
                assert_int_equal(((int32_t *)m->observations[1])[i], at[i] % 3);
            }
        }
        assert_int_equal(stoa_env_restarts(b.env), 0);
        close_bench(&b);
    }
}

static void unwanted_arrays_may_be_left_out(void **state) {
    (void)state;
    bench b;
    open_bench(&b, 2, NULL);
    b.memory.buffers.final_observations[0] = b.memory.buffers.final_observations[1] = NULL;
    b.memory.buffers.metrics = NULL;
    b.memory.buffers.events = NULL;
    reset(&b);
    for (int t = 0; t < 12; t++)
        step(&b, t);
    close_bench(&b);
}

static void a_seed_begins_the_streams_again(void **state) {
    (void)state;
    bench b;
    float first[4], second[4];
    open_bench(&b, 4, NULL);
    reset(&b);
    for (int i = 0; i < 4; i++)
        first[i] = state_of(b.memory.buffers.observations, i)[2];
    reset(&b);
    for (int i = 0; i < 4; i++)
        second[i] = state_of(b.memory.buffers.observations, i)[2];
    assert_memory_not_equal(first, second, sizeof first);
    stoa_env_seed(b.env, 5);
    reset(&b);
    for (int i = 0; i < 4; i++)
        assert_true(state_of(b.memory.buffers.observations, i)[2] == first[i]);
    close_bench(&b);
}

static void the_laws_of_the_interface_hold(void **state) {
    (void)state;
    char worker[4200];
    stoa_error err = {0};
    snprintf(worker, sizeof worker, "worker=%s", self);
    stoa_env_options options = {.name = "gym:Mock-v0",
                                .set = (const char *const[]){worker, "workers=3"},
                                .set_count = 2,
                                .count = 9,
                                .seed = 5};
    if (stoa_env_check(&options, 60, NULL, &err) != STOA_OK)
        fail_msg("%s", err.message);
}

static void a_step_before_the_reset_is_refused(void **state) {
    (void)state;
    bench b;
    stoa_error err = {0};
    open_bench(&b, 1, NULL);
    assert_int_equal(stoa_env_step(b.env, NULL, &b.memory.buffers, &err), STOA_ERR_USAGE);
    assert_non_null(strstr(err.message, "reset"));
    close_bench(&b);
}

/* ---- workers that fail ----------------------------------------------------------------------- */

typedef struct heard {
    int lines;
    char text[2048];
} heard;

static void hear(void *user, stoa_log_level level, const char *line) {
    heard *h = user;
    assert_int_equal(level, STOA_LOG_WARN);
    h->lines++;
    snprintf(h->text, sizeof h->text, "%s", line);
}

/* The mock's worker of instances 0 and 1 fails in its third step, once; 2 and 3 go on. */
static void survives(const char *kwargs, const char *timeout, const char *reason) {
    bench b;
    open_bench(&b, 4, (const char *const[]){"workers=2", kwargs, timeout, NULL});
    stoa_env_buffers *m = &b.memory.buffers;
    heard h = {0};
    stoa_log_set(hear, &h, STOA_LOG_WARN);
    reset(&b);
    step(&b, 0);
    step(&b, 0);
    step(&b, 0);
    stoa_log_set(NULL, NULL, STOA_LOG_WARN);
    assert_int_equal(stoa_env_restarts(b.env), 1);
    assert_int_equal(h.lines, 1);
    assert_non_null(strstr(h.text, reason));
    for (int64_t i = 0; i < 2; i++) {
        assert_int_equal(m->truncated[i], 1);
        assert_int_equal(m->terminated[i], 0);
        assert_true(m->rewards[i] == 0);
        const float *last = state_of(m->final_observations, i);
        assert_true(last[0] == (float)i && last[1] == 2); /* the last that was seen whole */
        assert_true(m->metrics[2 * i] == (float)(2 * 2 * i));
        assert_true(m->metrics[2 * i + 1] == 2);
        assert_true(state_of(m->observations, i)[1] == 0); /* the next episode has begun */
    }
    for (int64_t i = 2; i < 4; i++) {
        assert_int_equal(m->truncated[i], 0);
        assert_true(m->rewards[i] == (float)i && state_of(m->observations, i)[1] == 3);
    }
    step(&b, 1);
    assert_true(m->rewards[0] == 1 && state_of(m->observations, 0)[1] == 1);
    close_bench(&b);
}

static void a_worker_that_dies_is_started_anew(void **state) {
    (void)state;
    survives("kwargs={\"die\":3,\"row\":0}", "timeout=20", "my last words");
}

static void a_worker_that_hangs_is_started_anew(void **state) {
    (void)state;
    survives("kwargs={\"hang\":3,\"row\":0}", "timeout=0.5", "did not answer");
}

static void a_worker_that_complains_is_started_anew(void **state) {
    (void)state;
    survives("kwargs={\"complain\":3,\"row\":0}", "timeout=20", "the ball is lost");
}

static void the_log_says_why_episodes_were_truncated(void **state) {
    (void)state;
    heard h = {0};
    bench b;
    open_bench(&b, 2, (const char *const[]){"workers=1", "kwargs={\"die\":2}", NULL});
    stoa_log_set(hear, &h, STOA_LOG_WARN);
    reset(&b);
    step(&b, 0);
    assert_int_equal(h.lines, 0);
    step(&b, 0);
    stoa_log_set(NULL, NULL, STOA_LOG_WARN);
    assert_int_equal(h.lines, 1);
    assert_non_null(strstr(h.text, "instances 0 to 1"));
    assert_non_null(strstr(h.text, "signal 6"));
    assert_non_null(strstr(h.text, "my last words"));
    close_bench(&b);
}

static void a_worker_that_fails_again_and_again_is_an_error(void **state) {
    (void)state;
    bench b;
    stoa_error err = {0};
    /* it dies at its first reset: steps are 0 */
    open_bench(&b, 2, (const char *const[]){"workers=1", "kwargs={\"die\":0}", NULL});
    assert_int_equal(stoa_env_reset(b.env, NULL, &b.memory.buffers, &err), STOA_ERR_IO);
    assert_non_null(strstr(err.message, "in a row"));
    assert_non_null(strstr(err.message, "my last words"));
    close_bench(&b);
}

static void what_a_worker_prints_does_not_block_it(void **state) {
    (void)state;
    bench b;
    open_bench(&b, 2, (const char *const[]){"kwargs={\"babble\":2}", NULL});
    reset(&b);
    for (int t = 0; t < 4; t++)
        step(&b, t);
    assert_int_equal(stoa_env_restarts(b.env), 0);
    close_bench(&b);
}

static void a_category_outside_its_space_is_an_error(void **state) {
    (void)state;
    bench b;
    stoa_error err = {0};
    open_bench(&b, 2, (const char *const[]){"workers=1", "kwargs={\"lie\":1}", NULL});
    reset(&b);
    memset(b.memory.actions[0], 0, 2 * sizeof(int32_t));
    assert_int_equal(stoa_env_step(b.env, NULL, &b.memory.buffers, &err), STOA_ERR_FORMAT);
    assert_non_null(strstr(err.message, "phase"));
    close_bench(&b);
}

static void wrong_descriptions_are_refused(void **state) {
    (void)state;
    static const char *const wrong[] = {"empty",     "array",     "cut",     "silent", "huge",
                                        "negative",  "deep",      "unknown", "mixed",  "nameless",
                                        "unbounded", "uncounted", "picture"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        bench b;
        char kwargs[64];
        stoa_error err = {0};
        snprintf(kwargs, sizeof kwargs, "kwargs={\"hello\":\"%s\"}", wrong[i]);
        stoa_status status = try_open(&b, 3, (const char *const[]){kwargs, NULL}, &err);
        if (status != STOA_ERR_FORMAT)
            fail_msg("%s: %s (%s)", wrong[i], stoa_status_name(status), err.message);
        assert_null(b.env);
        assert_non_null(strstr(err.message, "gym:Mock-v0"));
    }
}

static void what_is_missing_is_named(void **state) {
    (void)state;
    bench b;
    stoa_error err = {0};
    assert_int_equal(
        try_open(&b, 1, (const char *const[]){"kwargs={\"hello\":\"complain\"}", NULL}, &err),
        STOA_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "python3 has no gymnasium; install it"));
    assert_int_equal(
        try_open(&b, 1, (const char *const[]){"kwargs={\"hello\":\"die\"}", NULL}, &err),
        STOA_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "status 7"));
    assert_int_equal(
        try_open(&b, 1, (const char *const[]){"worker=/nonexistent/worker", NULL}, &err),
        STOA_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "/nonexistent/worker cannot be started"));
    assert_int_equal(
        try_open(&b, 1, (const char *const[]){"worker=", "python=no-such-python", NULL}, &err),
        STOA_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "install Python 3"));
    assert_int_equal(try_open(&b, 1, (const char *const[]){"kwargs=[1]", NULL}, &err),
                     STOA_ERR_USAGE);
    assert_non_null(strstr(err.message, "JSON object"));
    stoa_env_options bare = {.name = "gym", .count = 1};
    assert_int_equal(stoa_env_new(&b.env, &bare, &err), STOA_ERR_USAGE);
    assert_non_null(strstr(err.message, "gym:CartPole-v1"));
}

/* ---- workers that are killed ----------------------------------------------------------------- */

/* Workers are killed between steps, and fall by themselves within one.
 * Every step of every instance is in some episode's length, the running ones included, but for
 * those whose worker failed in it; and nothing ends that did not begin. */
static void killed_workers_lose_no_episode(void **state) {
    (void)state;
    enum { COUNT = 12, WORKERS = 3 };
    const char *soak = getenv("MOCK_SOAK");
    double seconds = soak ? atof(soak) : 1.5, start = stoa_clock();
    bench b;
    open_bench(&b, COUNT,
               (const char *const[]){"workers=3", "timeout=5", "kwargs={\"fragile\":2000}", NULL});
    stoa_env_buffers *m = &b.memory.buffers;
    stoa_gym *g = b.env->handle;
    stoa_rng rng = stoa_rng_stream(1, "killer", 0);
    int64_t kills = 0, steps = 0, lost = 0, counted = 0, ended = 0, cut = 0;
    int files = 0;
    reset(&b);
    while (stoa_clock() - start < seconds || kills < 5) {
        int64_t failures = g->restarts;
        if (stoa_rng_below(&rng, 40) == 0) {
            pid_t victim = g->children[stoa_rng_below(&rng, WORKERS)].pid;
            assert_true(victim > 0);
            kill(victim, SIGKILL);
            kills++;
        }
        step(&b, steps++);
        for (int64_t i = 0; i < COUNT; i++) {
            if (!m->terminated[i] && !m->truncated[i])
                continue;
            int64_t length = (int64_t)m->metrics[2 * i + 1];
            bool whole = length == 5 + i % 3;
            assert_true(whole || m->truncated[i]);
            assert_true(length >= 0 && length <= 5 + i % 3);
            assert_true(state_of(m->final_observations, i)[0] == (float)i);
            assert_true(state_of(m->final_observations, i)[1] == (float)length);
            assert_true(state_of(m->observations, i)[1] == 0);
            counted += length;
            ended++;
            cut += !whole;
        }
        lost += (g->restarts - failures) * (COUNT / WORKERS);
        if (files == 0)
            files = open_files();
        assert_int_equal(open_files(), files);
    }
    for (int64_t i = 0; i < COUNT; i++)
        counted += g->lengths[i];
    assert_true(g->restarts >= kills / 2);
    assert_true(cut <= lost);
    assert_int_equal(counted, steps * COUNT - lost);
    if (soak)
        print_message("%lld steps, %lld kills, %lld restarts, %lld episodes, %lld of them cut\n",
                      (long long)steps, (long long)kills, (long long)g->restarts, (long long)ended,
                      (long long)cut);
    close_bench(&b);
    assert_false(has_children());
}

static void closing_leaves_nothing_behind(void **state) {
    (void)state;
    uint64_t live = stoa_alloc_statistics().live;
    int files = open_files();
    for (int i = 0; i < 4; i++) {
        bench b;
        open_bench(&b, 5, (const char *const[]){"workers=3", NULL});
        if (i) {
            reset(&b);
            step(&b, 0);
        }
        if (i == 2)
            kill(((stoa_gym *)b.env->handle)->children[1].pid, SIGKILL);
        if (i == 3)
            kill(((stoa_gym *)b.env->handle)->children[1].pid, SIGSTOP); /* it cannot be polite */
        close_bench(&b);
        assert_false(has_children());
        assert_int_equal(open_files(), files);
        assert_int_equal(stoa_alloc_statistics().live, live);
    }
}

/* Each allocation on the way fails once: an error or a success, and nothing left over. */
static void short_memory_is_an_error_like_any_other(void **state) {
    (void)state;
    uint64_t live = stoa_alloc_statistics().live;
    int files = open_files(), failures = 0;
    for (uint64_t n = 1;; n++) {
        bench b;
        stoa_error err = {0};
        uint64_t before = stoa_alloc_statistics().allocations;
        stoa_alloc_fail_after(n, false);
        stoa_status status = try_open(&b, 3, (const char *const[]){"workers=2", NULL}, &err);
        if (status == STOA_OK)
            status = stoa_env_memory_init(&b.memory, b.env, &err);
        if (status == STOA_OK)
            status = stoa_env_reset(b.env, NULL, &b.memory.buffers, &err);
        stoa_alloc_fail_after(0, false);
        bool reached = stoa_alloc_statistics().allocations - before >= n;
        if (status != STOA_OK) {
            assert_true(*err.message);
            failures++;
        }
        stoa_env_memory_deinit(&b.memory);
        stoa_env_free(b.env);
        assert_int_equal(stoa_alloc_statistics().live, live);
        assert_int_equal(open_files(), files);
        assert_false(has_children());
        if (!reached)
            break;
    }
    assert_true(failures > 8);
}

/* A process that opens workers which hang, tells their numbers, and is killed. */
static void workers_do_not_outlive_a_killed_parent(void **state) {
    (void)state;
    int told[2];
    pid_t pids[3];
    assert_int_equal(pipe(told), 0);
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0); /* orphans come to us */
    fflush(NULL);
    pid_t parent = fork();
    if (parent == 0) {
        bench b;
        const char *const set[] = {"workers=3", "kwargs={\"hang\":1}", NULL};
        if (try_open(&b, 3, set, NULL) != STOA_OK ||
            stoa_env_memory_init(&b.memory, b.env, NULL) != STOA_OK)
            _exit(1);
        stoa_gym *g = b.env->handle;
        for (int i = 0; i < 3; i++)
            pids[i] = g->children[i].pid;
        stoa_env_reset(b.env, NULL, &b.memory.buffers, NULL);
        if (write(told[1], pids, sizeof pids) != sizeof pids)
            _exit(1);
        stoa_env_step(b.env, NULL, &b.memory.buffers, NULL);
        _exit(2);
    }
    assert_int_equal(read(told[0], pids, sizeof pids), sizeof pids);
    nap(0.1); /* into the step that hangs */
    kill(parent, SIGKILL);
    assert_int_equal(waitpid(parent, NULL, 0), parent);
    for (int i = 0; i < 3; i++) {
        int status = 0;
        pid_t got = 0;
        for (int naps = 0; naps < 500 && got == 0; naps++) {
            got = waitpid(pids[i], &status, WNOHANG);
            if (got == 0)
                nap(0.01);
        }
        if (got != pids[i])
            kill(pids[i], SIGKILL);
        assert_int_equal(got, pids[i]);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    }
    prctl(PR_SET_CHILD_SUBREAPER, 0);
    close(told[0]);
    close(told[1]);
}

int main(void) {
    if (getenv("MOCK_WORKER"))
        return mock_worker();
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n <= 0 || setenv("MOCK_WORKER", "1", 1) != 0)
        return 1;
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}); /* of the workers that die */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_worker_tells_the_spaces),
        cmocka_unit_test(rows_arrive_where_they_belong),
        cmocka_unit_test(unwanted_arrays_may_be_left_out),
        cmocka_unit_test(a_seed_begins_the_streams_again),
        cmocka_unit_test(the_laws_of_the_interface_hold),
        cmocka_unit_test(a_step_before_the_reset_is_refused),
        cmocka_unit_test(a_worker_that_dies_is_started_anew),
        cmocka_unit_test(a_worker_that_hangs_is_started_anew),
        cmocka_unit_test(a_worker_that_complains_is_started_anew),
        cmocka_unit_test(the_log_says_why_episodes_were_truncated),
        cmocka_unit_test(a_worker_that_fails_again_and_again_is_an_error),
        cmocka_unit_test(what_a_worker_prints_does_not_block_it),
        cmocka_unit_test(a_category_outside_its_space_is_an_error),
        cmocka_unit_test(wrong_descriptions_are_refused),
        cmocka_unit_test(what_is_missing_is_named),
        cmocka_unit_test(killed_workers_lose_no_episode),
        cmocka_unit_test(closing_leaves_nothing_behind),
        cmocka_unit_test(short_memory_is_an_error_like_any_other),
        cmocka_unit_test(workers_do_not_outlive_a_killed_parent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
