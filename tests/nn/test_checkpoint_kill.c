/* Checkpoints while the process is killed, the disk refuses to take more, or the folder cannot be
 * written: what was acknowledged is always there, whole. */
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { KILLS = 300 };

static char folder[256];

static int setup(void **state) {
    (void)state;
    make_folder(folder, sizeof folder);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    remove_folder(folder);
    return 0;
}

static stoa_status save_stamped(stoa_params *params, stoa_optimizer *optimizer, int64_t step,
                                stoa_error *err) {
    stoa_checkpoint_info info = {.step = step};
    snprintf(info.state, sizeof info.state, "{\"step\": %lld}", (long long)step);
    stamp(params, step);
    return stoa_checkpoint_save(folder, params, optimizer, &info, 2, step % 5 == 0, err);
}

/* The latest checkpoint's step; -1 when there is none. What it holds must belong together. */
static int64_t load_and_check(stoa_params *params, stoa_optimizer *optimizer) {
    stoa_checkpoint_info info;
    stoa_error err;
    char text[64];
    if (!stoa_checkpoint_exists(folder))
        return -1;
    stamp(params, -1);
    stoa_status status = stoa_checkpoint_load(folder, "latest", params, optimizer, &info, &err);
    if (status != STOA_OK)
        fail_msg("%s", err.message);
    snprintf(text, sizeof text, "{\"step\": %lld}", (long long)info.step);
    assert_string_equal(info.state, text);
    assert_true(is_stamped(params, info.step));
    return info.step;
}

/* Saves every step three times over, the later ones replacing what was acknowledged, and tells each
 * save that is done. */
static void save_forever(int to, int64_t step) {
    stoa_params *params = small_model();
    stoa_optimizer *optimizer = small_optimizer(params, STOA_ADAMW);
    for (;; step++)
        for (int again = 0; again < 3; again++) {
            if (save_stamped(params, optimizer, step, NULL) != STOA_OK)
                _exit(1);
            if (write(to, &step, sizeof step) != sizeof step)
                _exit(2);
        }
}

/* Reads at most `most` acknowledgements, waiting for each; returns the last one. */
static int64_t acknowledgements(int from, int64_t most, int64_t last) {
    int64_t step;
    while (most-- > 0 && read(from, &step, sizeof step) == sizeof step)
        last = step;
    return last;
}

static void a_kill_at_any_moment_loses_nothing_acknowledged(void **state) {
    (void)state;
    stoa_params *params = small_model();
    stoa_optimizer *optimizer = small_optimizer(params, STOA_ADAMW);
    uint64_t seed = (uint64_t)time(NULL);
    print_message("seed %llu\n", (unsigned long long)seed);
    stoa_rng rng = stoa_rng_stream(seed, "kill", 0);
    int64_t known = -1;
    int unfinished = 0;
    double save_time = 0.01;
    for (int kill_count = 0; kill_count < KILLS; kill_count++) {
        int ends[2];
        assert_int_equal(pipe(ends), 0);
        // half of the time begin with the step that is there: it is then replaced
        int64_t first = known < 0 ? 0 : known + stoa_rng_below(&rng, 2);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            close(ends[0]);
            save_forever(ends[1], first);
        }
        close(ends[1]);
        // a few whole saves first, then some part of one more, by how long the last ones took
        int64_t whole = stoa_rng_below(&rng, 4);
        double began = stoa_clock();
        int64_t acknowledged = acknowledgements(ends[0], whole, known);
        if (whole > 0)
            save_time = (stoa_clock() - began) / (double)whole;
        double pause = stoa_rng_uniform(&rng) * (save_time < 0.05 ? save_time : 0.05);
        struct timespec wait = {0, (long)(1e9 * pause)};
        nanosleep(&wait, NULL);
        assert_int_equal(kill(child, SIGKILL), 0);
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        acknowledged = acknowledgements(ends[0], INT64_MAX, acknowledged);
        close(ends[0]);
        unfinished += count_names(folder, "tmp") > 0;
        int64_t loaded = load_and_check(params, optimizer);
        if (loaded < acknowledged)
            fail_msg("kill %d: step %lld was acknowledged, %lld loaded", kill_count,
                     (long long)acknowledged, (long long)loaded);
        known = loaded;
    }
    print_message("%d kills, %d of them left something unfinished, %lld steps saved\n", KILLS,
                  unfinished, (long long)known);
    assert_true(known > 0);
    assert_true(unfinished > 0); // else the kills never met a save
    stoa_optimizer_free(optimizer);
    stoa_params_free(params);
}

/* Returns the limit before. */
static rlim_t limit_file_size(rlim_t bytes) {
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    rlim_t before = limit.rlim_cur;
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    return before;
}

static void a_write_that_fails_at_any_byte_keeps_the_previous_one(void **state) {
    (void)state;
    stoa_params *params = small_model();
    stoa_optimizer *optimizer = small_optimizer(params, STOA_ADAMW);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(save_stamped(params, optimizer, 1, NULL), STOA_OK);
    rlim_t bytes = 0;
    stoa_status status = STOA_ERR_IO;
    while (status != STOA_OK) {
        stoa_error err = {0};
        rlim_t before = limit_file_size(bytes);
        status = save_stamped(params, optimizer, 2, &err);
        limit_file_size(before);
        if (status != STOA_OK) {
            assert_int_equal(status, STOA_ERR_IO);
            assert_non_null(strstr(err.message, folder));
            assert_int_equal(load_and_check(params, optimizer), 1);
        }
        assert_int_equal(count_names(folder, "tmp"), 0);
        bytes += 13;
    }
    assert_true(bytes > 500);
    assert_int_equal(load_and_check(params, optimizer), 2);
    signal(SIGXFSZ, SIG_DFL);
    stoa_optimizer_free(optimizer);
    stoa_params_free(params);
}

static void a_folder_that_cannot_be_written_keeps_the_previous_one(void **state) {
    (void)state;
    enum { NOBODY = 65534 };
    stoa_params *params = small_model();
    stoa_optimizer *optimizer = small_optimizer(params, STOA_ADAMW);
    assert_int_equal(save_stamped(params, optimizer, 1, NULL), STOA_OK);
    assert_int_equal(chmod(folder, 0555), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) { // permissions do not bind root
        if (geteuid() == 0 && setuid(NOBODY) != 0)
            _exit(2);
        stoa_error err = {0};
        stoa_status status = save_stamped(params, optimizer, 2, &err);
        _exit(status == STOA_ERR_IO && strstr(err.message, folder) ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(chmod(folder, 0755), 0);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_int_equal(count_names(folder, "tmp"), 0);
    assert_int_equal(load_and_check(params, optimizer), 1);
    stoa_optimizer_free(optimizer);
    stoa_params_free(params);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_kill_at_any_moment_loses_nothing_acknowledged),
        TEST(a_write_that_fails_at_any_byte_keeps_the_previous_one),
        TEST(a_folder_that_cannot_be_written_keeps_the_previous_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
