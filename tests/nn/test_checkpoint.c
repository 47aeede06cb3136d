/* Checkpoints: exact resume, fallback, pruning, mismatches, stale folders. */
#include "support.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[256];
static int warnings;

static void count_warnings(void *user, stoa_log_level level, const char *line) {
    (void)user;
    (void)line;
    warnings += level == STOA_LOG_WARN;
}

static int setup(void **state) {
    (void)state;
    make_folder(folder, sizeof folder);
    warnings = 0;
    stoa_log_set(count_warnings, NULL, STOA_LOG_WARN);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    stoa_log_set(NULL, NULL, STOA_LOG_ERROR);
    remove_folder(folder);
    return 0;
}

static stoa_status save_step(stoa_params *params, stoa_optimizer *optimizer, int64_t step, int keep,
                             bool best) {
    stoa_checkpoint_info info = {.step = step};
    snprintf(info.state, sizeof info.state, "{\"tokens\": %lld, \"note\": \"\\\"\xc3\xa9</\"}",
             (long long)step * 10);
    stoa_error err;
    stoa_status status = stoa_checkpoint_save(folder, params, optimizer, &info, keep, best, &err);
    if (status != STOA_OK)
        print_message("%s\n", err.message);
    return status;
}

static void resume_continues_bit_for_bit(void **state) {
    (void)state;
    for (int kind = STOA_ADAMW; kind <= STOA_SGD; kind++) {
        stoa_params *a = small_model(), *b = small_model();
        stoa_optimizer *oa = small_optimizer(a, kind), *ob = small_optimizer(b, kind);
        for (int step = 0; step < 7; step++)
            train_step(a, oa, step);
        assert_int_equal(save_step(a, oa, 7, 2, false), STOA_OK);
        stoa_checkpoint_info info;
        uint64_t version = stoa_params_at(b, 0)->tensor.version;
        assert_int_equal(stoa_checkpoint_load(folder, "latest", b, ob, &info, NULL), STOA_OK);
        assert_true(stoa_params_at(b, 0)->tensor.version > version);
        assert_int_equal(info.step, 7);
        assert_string_equal(info.state, "{\"tokens\": 70, \"note\": \"\\\"\xc3\xa9</\"}");
        assert_int_equal(stoa_optimizer_steps(ob), 7);
        for (int step = 7; step < 12; step++) {
            train_step(a, oa, step);
            train_step(b, ob, step);
        }
        size_t floats;
        const float *x = stoa_params_values(a, &floats), *y = stoa_params_values(b, &floats);
        assert_memory_equal(x, y, floats * sizeof(float));
        stoa_optimizer_free(oa);
        stoa_optimizer_free(ob);
        stoa_params_free(a);
        stoa_params_free(b);
    }
    assert_int_equal(warnings, 0);
}

static void old_ones_are_pruned_but_not_the_best(void **state) {
    (void)state;
    stoa_params *params = small_model();
    assert_false(stoa_checkpoint_exists(folder));
    for (int step = 1; step <= 6; step++) {
        stamp(params, step);
        assert_int_equal(save_step(params, NULL, step, 2, step == 2), STOA_OK);
    }
    assert_true(stoa_checkpoint_exists(folder));
    assert_int_equal(count_names(folder, "step_"), 3);
    assert_int_equal(count_names(folder, "step_00000002"), 1);
    assert_int_equal(count_names(folder, "step_00000005"), 1);
    assert_int_equal(count_names(folder, "step_00000006"), 1);
    assert_int_equal(count_names(folder, "tmp"), 0);
    static const struct {
        const char *which;
        int64_t step;
    } rows[] = {{"latest", 6}, {"best", 2}, {"step_00000005", 5}};
    for (int i = 0; i < 3; i++) {
        stoa_checkpoint_info info;
        assert_int_equal(stoa_checkpoint_load(folder, rows[i].which, params, NULL, &info, NULL),
                         STOA_OK);
        assert_int_equal(info.step, rows[i].step);
        assert_true(is_stamped(params, rows[i].step));
    }
    stoa_params_free(params);
}

static void the_rest_of_a_runs_state_is_kept_too(void **state) {
    (void)state;
    stoa_params *params = small_model();
    char worlds[5] = "abcd", memory[3] = "xy";
    const stoa_checkpoint_part parts[] = {
        {"worlds", worlds, sizeof worlds}, {"memory", memory, sizeof memory}, {"empty", NULL, 0}};
    const stoa_checkpoint_info info = {.step = 3};
    stoa_checkpoint_info got;
    stoa_error err = {0};
    assert_int_equal(
        stoa_checkpoint_save_all(folder, params, NULL, parts, 3, &info, 2, false, &err), STOA_OK);
    memset(worlds, 0, sizeof worlds);
    memset(memory, 0, sizeof memory);
    assert_int_equal(stoa_checkpoint_load(folder, "latest", params, NULL, &got, &err), STOA_OK);
    assert_int_equal(worlds[0], 0); /* not asked for */
    assert_int_equal(stoa_checkpoint_load_all(folder, "latest", params, NULL, parts, 3, &got, &err),
                     STOA_OK);
    assert_int_equal(got.step, 3);
    assert_string_equal(worlds, "abcd");
    assert_string_equal(memory, "xy");

    /* names, sizes and number must be the same, and then nothing is overwritten */
    const stoa_checkpoint_part other[][3] = {
        {{"worlds", worlds, 5}, {"memories", memory, 3}, {"empty", NULL, 0}},
        {{"worlds", worlds, 4}, {"memory", memory, 3}, {"empty", NULL, 0}},
        {{"worlds", worlds, 5}, {"memory", memory, 3}, {"memory", memory, 3}},
    };
    const char *const needed[] = {"\"memories\" is missing", "5 bytes of u8, not 4", "this run"};
    for (int i = 0; i < 3; i++) {
        size_t count = i == 2 ? 2 : 3;
        worlds[0] = 'Z';
        assert_int_equal(
            stoa_checkpoint_load_all(folder, "latest", params, NULL, other[i], count, &got, &err),
            STOA_ERR_USAGE);
        assert_non_null(strstr(err.message, needed[i]));
        assert_int_equal(worlds[0], 'Z');
    }
    /* a checkpoint without state cannot be trained further */
    assert_int_equal(save_step(params, NULL, 4, 2, false), STOA_OK);
    assert_int_equal(stoa_checkpoint_load_all(folder, "latest", params, NULL, parts, 3, &got, &err),
                     STOA_ERR_USAGE);
    assert_non_null(strstr(err.message, "not trained further"));
    stoa_params_free(params);
}

static void saving_a_step_again_replaces_it(void **state) {
    (void)state;
    stoa_params *params = small_model();
    stamp(params, 1);
    assert_int_equal(save_step(params, NULL, 5, 2, false), STOA_OK);
    stamp(params, 2);
    assert_int_equal(save_step(params, NULL, 5, 2, false), STOA_OK);
    stamp(params, 3);
    assert_int_equal(stoa_checkpoint_load(folder, "latest", params, NULL, NULL, NULL), STOA_OK);
    assert_true(is_stamped(params, 2));
    assert_int_equal(count_names(folder, ""), 2); // the step and `latest`
    stoa_params_free(params);
}

static void write_bytes(const char *path, const char *bytes, size_t size) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

/* Loads "latest", whose newest checkpoint is damaged: must get step 1 and say so. */
static void expect_fallback(stoa_params *params, stoa_optimizer *optimizer) {
    stoa_checkpoint_info info;
    stoa_error err;
    warnings = 0;
    stoa_status direct =
        stoa_checkpoint_load(folder, "step_00000002", params, optimizer, &info, &err);
    assert_true(direct == STOA_ERR_FORMAT || direct == STOA_ERR_IO);
    assert_int_equal(stoa_checkpoint_load(folder, "latest", params, optimizer, &info, &err),
                     STOA_OK);
    assert_int_equal(info.step, 1);
    assert_true(is_stamped(params, 1));
    assert_true(warnings == 1);
}

static void any_damaged_byte_sends_the_load_to_the_previous_one(void **state) {
    (void)state;
    static const char *const files[] = {"manifest.json", "model.safetensors",
                                        "optimizer.safetensors"};
    stoa_params *params = small_model();
    stoa_optimizer *optimizer = small_optimizer(params, STOA_ADAMW);
    for (int step = 1; step <= 2; step++) {
        stamp(params, step);
        assert_int_equal(save_step(params, optimizer, step, 2, false), STOA_OK);
    }
    for (int f = 0; f < 3; f++) {
        char path[512], *bytes;
        size_t size;
        snprintf(path, sizeof path, "%s/step_00000002/%s", folder, files[f]);
        assert_int_equal(stoa_file_read(path, 1 << 20, &bytes, &size, NULL), STOA_OK);
        for (size_t i = 0; i < size; i++) {
            bytes[i] ^= (char)(1 << i % 8);
            write_bytes(path, bytes, size);
            bytes[i] ^= (char)(1 << i % 8);
            expect_fallback(params, optimizer);
        }
        for (size_t cut = 0; cut < size; cut += 7) {
            write_bytes(path, bytes, cut);
            expect_fallback(params, optimizer);
        }
        unlink(path);
        expect_fallback(params, optimizer);
        write_bytes(path, bytes, size);
        stoa_free(bytes);
        assert_int_equal(stoa_checkpoint_load(folder, "latest", params, optimizer, NULL, NULL),
                         STOA_OK);
        assert_true(is_stamped(params, 2));
    }
    stoa_optimizer_free(optimizer);
    stoa_params_free(params);
}

static void a_missing_or_senseless_latest_is_survived(void **state) {
    (void)state;
    stoa_params *params = small_model();
    for (int step = 1; step <= 2; step++) {
        stamp(params, step);
        assert_int_equal(save_step(params, NULL, step, 2, false), STOA_OK);
    }
    static const char *const texts[] = {
        "",     "step_00000009\n",   "../../etc",     "step_2\n",
        "best", "step_00000002\n\n", "step_-0000001", "step_00000002/../step_00000001"};
    char path[512];
    snprintf(path, sizeof path, "%s/latest", folder);
    for (size_t i = 0; i <= sizeof texts / sizeof texts[0]; i++) {
        if (i == 0)
            unlink(path);
        else
            write_bytes(path, texts[i - 1], strlen(texts[i - 1]));
        stoa_checkpoint_info info;
        warnings = 0;
        assert_int_equal(stoa_checkpoint_load(folder, "latest", params, NULL, &info, NULL),
                         STOA_OK);
        assert_int_equal(info.step, 2);
        assert_int_equal(warnings, 1);
    }
    stoa_params_free(params);
}

static void nothing_to_load_is_an_error_that_says_so(void **state) {
    (void)state;
    stoa_params *params = small_model();
    stoa_error err;
    assert_int_equal(stoa_checkpoint_load(folder, "latest", params, NULL, NULL, &err), STOA_ERR_IO);
    assert_non_null(strstr(err.message, "no checkpoint"));
    assert_int_equal(stoa_checkpoint_load("/nowhere", "latest", params, NULL, NULL, &err),
                     STOA_ERR_IO);
    assert_int_equal(stoa_checkpoint_load(folder, "best", params, NULL, NULL, &err), STOA_ERR_IO);
    assert_int_equal(stoa_checkpoint_load(folder, "lattest", params, NULL, NULL, &err),
                     STOA_ERR_USAGE);
    assert_non_null(strstr(err.message, "lattest"));
    stoa_params_free(params);
}

static void every_difference_from_the_model_is_named(void **state) {
    (void)state;
    stoa_params *params = small_model();
    stamp(params, 1);
    assert_int_equal(save_step(params, NULL, 1, 2, false), STOA_OK);
    stoa_params *other = stoa_params_new();
    stoa_params_add(other, "a.weight", STOA_SHAPE(5, 7), STOA_INIT_ONE, 0, true);
    stoa_params_add(other, "a.bias", STOA_SHAPE(5), STOA_INIT_ONE, 0, false);
    stoa_params_add(other, "scale", STOA_SHAPE(1), STOA_INIT_ONE, 0, false);
    stoa_params_add(other, "b.weight", STOA_SHAPE(2), STOA_INIT_ONE, 0, true);
    stoa_params_allocate(other, 1, true, false, NULL);
    stoa_error err;
    assert_int_equal(stoa_checkpoint_load(folder, "latest", other, NULL, NULL, &err),
                     STOA_ERR_USAGE);
    static const char *const parts[] = {
        "5 differences",       "\"a.weight\" is f32 (7, 5), not f32 (5, 7)",
        "\"scale\" is f32 ()", "\"b.weight\" is missing",
        "\"empty\" is not in", "\"mean\" is not in",
    };
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        assert_non_null(strstr(err.message, parts[i]));
    const float *value = stoa_params_at(other, 0)->tensor.data;
    assert_true(value[0] == 1 && value[34] == 1); // nothing was loaded
    stoa_params_free(other);
    stoa_params_free(params);
}

static void an_optimizer_of_another_kind_is_refused(void **state) {
    (void)state;
    stoa_params *params = small_model();
    stoa_optimizer *adamw = small_optimizer(params, STOA_ADAMW);
    stoa_optimizer *rmsprop = small_optimizer(params, STOA_RMSPROP);
    stoa_error err;
    assert_int_equal(save_step(params, adamw, 1, 2, false), STOA_OK);
    assert_int_equal(stoa_checkpoint_load(folder, "latest", params, rmsprop, NULL, &err),
                     STOA_ERR_USAGE);
    assert_non_null(strstr(err.message, "adamw"));
    assert_int_equal(stoa_checkpoint_load(folder, "latest", params, NULL, NULL, &err), STOA_OK);
    assert_int_equal(save_step(params, NULL, 2, 2, false), STOA_OK);
    assert_int_equal(stoa_checkpoint_load(folder, "latest", params, adamw, NULL, &err),
                     STOA_ERR_USAGE);
    assert_non_null(strstr(err.message, "no optimiser state"));
    stoa_optimizer_free(adamw);
    stoa_optimizer_free(rmsprop);
    stoa_params_free(params);
}

static void what_dead_processes_left_is_removed_and_no_more(void **state) {
    (void)state;
    pid_t dead = fork();
    if (dead == 0)
        _exit(0);
    assert_int_equal(waitpid(dead, NULL, 0), dead);
    char path[512];
    const struct {
        const char *format;
        long pid;
        bool stays;
    } rows[] = {
        {"step_00000009.tmp-%ld", dead, false},     {"latest.%ld-00aa00bb.tmp", dead, false},
        {"step_00000008.tmp-%ld", getppid(), true}, {"latest.%ld-00aa00bb.tmp", getppid(), true},
        {"step_00000007.tmp-%ldx", dead, true},     {"other.tmp-%ld", dead, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char name[64];
        const char *hole = strstr(rows[i].format, "%ld");
        snprintf(name, sizeof name, "%.*s%ld%s", (int)(hole - rows[i].format), rows[i].format,
                 rows[i].pid, hole + 3);
        snprintf(path, sizeof path, "%s/%s", folder, name);
        assert_int_equal(mkdir(path, 0777), 0);
    }
    stoa_params *params = small_model();
    assert_int_equal(save_step(params, NULL, 1, 2, false), STOA_OK);
    assert_int_equal(count_names(folder, "00000009"), 0);
    assert_int_equal(count_names(folder, ""), 2 + 4);
    stoa_params_free(params);
}

static void a_state_that_is_no_json_object_is_refused(void **state) {
    (void)state;
    static const char *const bad[] = {"[]", "{", "{\"a\":1,\"a\":2}", "{\"a\":\"\xff\"}", "7"};
    stoa_params *params = small_model();
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        stoa_checkpoint_info info = {.step = 1};
        snprintf(info.state, sizeof info.state, "%s", bad[i]);
        assert_int_equal(stoa_checkpoint_save(folder, params, NULL, &info, 1, false, NULL),
                         STOA_ERR_USAGE);
    }
    assert_int_equal(count_names(folder, ""), 0);
    stoa_params_free(params);
}

static void failed_allocations_are_reported_and_leak_nothing(void **state) {
    (void)state;
    stoa_params *params = small_model();
    stoa_optimizer *optimizer = small_optimizer(params, STOA_ADAMW);
    stoa_checkpoint_info info = {.step = 1};
    stamp(params, 1);
    assert_int_equal(save_step(params, optimizer, 1, 2, false), STOA_OK);
    uint64_t live = stoa_alloc_statistics().live;
    for (int all = 0; all < 2; all++) {
        bool done = false;
        uint64_t n = 0;
        while (!done) {
            stamp(params, 2);
            info.step = 2;
            uint64_t before = stoa_alloc_statistics().allocations;
            stoa_alloc_fail_after(++n, all);
            stoa_status saved =
                stoa_checkpoint_save(folder, params, optimizer, &info, 2, false, NULL);
            stoa_status loaded =
                saved ? saved
                      : stoa_checkpoint_load(folder, "latest", params, optimizer, &info, NULL);
            stoa_alloc_fail_after(0, false);
            assert_true(loaded == STOA_OK || loaded == STOA_ERR_MEMORY);
            // a failed pruning is no failed save: what counts is that every place had its turn
            done = stoa_alloc_statistics().allocations - before < n;
            assert_true(!done || loaded == STOA_OK);
            assert_true(is_stamped(params, 2));
            assert_int_equal(stoa_alloc_statistics().live, live);
            assert_int_equal(count_names(folder, "tmp"), 0);
            assert_int_equal(
                stoa_checkpoint_load(folder, "step_00000001", params, optimizer, NULL, NULL),
                STOA_OK);
            assert_true(is_stamped(params, 1));
        }
        print_message("%d places\n", (int)n - 1);
        assert_true(n > 20);
    }
    stoa_optimizer_free(optimizer);
    stoa_params_free(params);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(resume_continues_bit_for_bit),
        TEST(old_ones_are_pruned_but_not_the_best),
        TEST(the_rest_of_a_runs_state_is_kept_too),
        TEST(saving_a_step_again_replaces_it),
        TEST(any_damaged_byte_sends_the_load_to_the_previous_one),
        TEST(a_missing_or_senseless_latest_is_survived),
        TEST(nothing_to_load_is_an_error_that_says_so),
        TEST(every_difference_from_the_model_is_named),
        TEST(an_optimizer_of_another_kind_is_refused),
        TEST(what_dead_processes_left_is_removed_and_no_more),
        TEST(a_state_that_is_no_json_object_is_refused),
        TEST(failed_allocations_are_reported_and_leak_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
