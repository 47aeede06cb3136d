/* Finished runs: what is saved comes back bit for bit, and only for the same settings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <float.h>
#include <math.h>
#include <string.h>

#include "files.h"
#include "stoa/study.h"

static const double awkward[] = {0.1,     -0.0, 1e300,       -5e-324,          DBL_MAX,
                                 3.0,     1e18, (double)NAN, (double)INFINITY, -(double)INFINITY,
                                 2.0 / 3, -17.0};
enum { AWKWARD = sizeof awkward / sizeof *awkward };

static stoa_run *sample_run(void) {
    stoa_run *run = stoa_run_new();
    stoa_run_number(run, "loss", 1.0 / 3);
    stoa_run_number(run, "broken", (double)NAN);
    stoa_run_series(run, "curve", awkward, AWKWARD);
    stoa_run_series(run, "empty", NULL, 0);
    stoa_run_text(run, "sample", "two\nlines, \"quotes\", caf\xc3\xa9, \\ and \x01");
    return run;
}

static void same_bits(double a, double b) {
    if (isnan(a) && isnan(b))
        return;
    assert_memory_equal(&a, &b, sizeof a);
}

static void a_saved_run_comes_back_bit_for_bit(void **state) {
    stoa_run *run = sample_run(), *back = NULL;
    assert_int_equal(stoa_run_save(run, *state, "dense-128-s1", "width: 128\n", NULL), STOA_OK);
    assert_int_equal(stoa_run_load(&back, *state, "dense-128-s1", "width: 128\n", NULL), STOA_OK);
    assert_non_null(back);
    same_bits(stoa_run_get_number(back, "loss"), 1.0 / 3);
    assert_true(isnan(stoa_run_get_number(back, "broken")));
    int64_t n;
    const double *curve = stoa_run_get_series(back, "curve", &n);
    assert_int_equal(n, AWKWARD);
    for (int i = 0; i < AWKWARD; i++)
        same_bits(curve[i], awkward[i]);
    assert_non_null(stoa_run_get_series(back, "empty", &n));
    assert_int_equal(n, 0);
    assert_string_equal(stoa_run_get_text(back, "sample"), stoa_run_get_text(run, "sample"));
    stoa_run_free(run);
    stoa_run_free(back);
}

static void what_is_not_there_is_nan_or_null(void **state) {
    (void)state;
    stoa_run *run = sample_run();
    int64_t n = 7;
    assert_true(isnan(stoa_run_get_number(run, "curve")));
    assert_null(stoa_run_get_series(run, "loss", &n));
    assert_int_equal(n, 0);
    assert_null(stoa_run_get_text(run, "none"));
    stoa_run_free(run);
    stoa_run_free(NULL);
}

static void setting_a_name_again_replaces_it(void **state) {
    (void)state;
    stoa_run *run = sample_run();
    int64_t n;
    stoa_run_number(run, "loss", 2.0);
    stoa_run_series(run, "curve", (double[]){4.0}, 1);
    stoa_run_text(run, "sample", "new");
    assert_true(stoa_run_get_number(run, "loss") == 2.0);
    assert_true(stoa_run_get_series(run, "curve", &n)[0] == 4.0 && n == 1);
    assert_string_equal(stoa_run_get_text(run, "sample"), "new");
    stoa_run_free(run);
}

static void a_run_of_other_settings_is_not_loaded(void **state) {
    stoa_run *run = sample_run(), *back = NULL;
    assert_int_equal(stoa_run_save(run, *state, "a", "width: 128\n", NULL), STOA_OK);
    assert_int_equal(stoa_run_load(&back, *state, "a", "width: 256\n", NULL), STOA_OK);
    assert_null(back);
    assert_int_equal(stoa_run_load(&back, *state, "b", "width: 128\n", NULL), STOA_OK);
    assert_null(back);
    stoa_run_free(run);
}

static void a_damaged_file_is_as_good_as_absent(void **state) {
    stoa_run *run = sample_run(), *back = NULL;
    char path[1024];
    assert_int_equal(stoa_run_save(run, *state, "a", "s", NULL), STOA_OK);
    char *text = read_text(*state, "runs/a.json");
    size_t size = strlen(text);
    assert_true(stoa_path_join(path, sizeof path, *state, "runs/a.json"));
    for (size_t cut = 0; cut < size - 1; cut += 7) { // cut off at the end
        assert_int_equal(stoa_file_write(path, text, cut, NULL), STOA_OK);
        assert_int_equal(stoa_run_load(&back, *state, "a", "s", NULL), STOA_OK);
        assert_null(back);
    }
    static const char *const hostile[] = {"[]", "3", "{\"settings_hash\": 4}",
                                          "{\"settings_hash\": \"x\"}", "{\"numbers\": []}"};
    for (size_t i = 0; i < sizeof hostile / sizeof *hostile; i++) {
        assert_int_equal(stoa_file_write(path, hostile[i], strlen(hostile[i]), NULL), STOA_OK);
        assert_int_equal(stoa_run_load(&back, *state, "a", "s", NULL), STOA_OK);
        assert_null(back);
    }
    // the right hash, but a word where a number belongs
    char *third = strstr(text, "0.333");
    assert_non_null(third);
    memcpy(third, "\"no\", ", 6);
    memset(third + 4, ' ', 3);
    assert_int_equal(stoa_file_write(path, text, size, NULL), STOA_OK);
    assert_int_equal(stoa_run_load(&back, *state, "a", "s", NULL), STOA_OK);
    assert_null(back);
    stoa_free(text);
    stoa_run_free(run);
}

static void a_key_cannot_leave_its_folder(void **state) {
    static const char *const bad[] = {"", "../a", "a/b", ".hidden", "a b", "caf\xc3\xa9"};
    stoa_run *run = sample_run(), *back;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(stoa_run_save(run, *state, bad[i], "s", NULL), STOA_ERR_USAGE);
        assert_int_equal(stoa_run_load(&back, *state, bad[i], "s", NULL), STOA_ERR_USAGE);
        assert_null(back);
    }
    stoa_run_free(run);
}

static void every_failed_allocation_is_survived(void **state) {
    assert_int_equal(stoa_alloc_statistics().live > 0, 1); // the folder's name
    uint64_t live = stoa_alloc_statistics().live;
    bool finished = false;
    for (uint64_t n = 1; !finished; n++) {
        stoa_alloc_fail_after(n, true);
        stoa_run *run = sample_run(), *back = NULL;
        stoa_status saved = stoa_run_save(run, *state, "a", "s", NULL);
        stoa_status loaded = stoa_run_load(&back, *state, "a", "s", NULL);
        stoa_alloc_fail_after(0, false);
        assert_true(saved == STOA_OK || saved == STOA_ERR_MEMORY || saved == STOA_ERR_IO);
        assert_int_equal(loaded, STOA_OK);
        finished = saved == STOA_OK && back;
        stoa_run_free(run);
        stoa_run_free(back);
        assert_int_equal(stoa_alloc_statistics().live, live);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_saved_run_comes_back_bit_for_bit, make_folder,
                                        remove_folder),
        cmocka_unit_test(what_is_not_there_is_nan_or_null),
        cmocka_unit_test(setting_a_name_again_replaces_it),
        cmocka_unit_test_setup_teardown(a_run_of_other_settings_is_not_loaded, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(a_damaged_file_is_as_good_as_absent, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(a_key_cannot_leave_its_folder, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(every_failed_allocation_is_survived, make_folder,
                                        remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
