/*
 * test_gymnasium.c - the Python package keeps Gymnasium's laws, and Gymnasium's environments come
 * through the workers as they are.
 *
 * The laws are in check_*.py beside this file; Gymnasium's own checker is one of them. Needs a
 * Python with numpy and gymnasium, for Atari ale-py and opencv-python-headless too: $STOA_PYTHON,
 * else python3. Skipped without one.
 */
#include "python.h"

static void one_environment_passes_gymnasiums_checker(void **state) {
    (void)state;
    skip_under_sanitizers();
    need_python("numpy, gymnasium");
    assert_int_equal(run_python("check_single.py", ""), 0);
}

static void many_environments_behave_as_gymnasiums_own_vector_does(void **state) {
    (void)state;
    skip_under_sanitizers();
    need_python("numpy, gymnasium");
    assert_int_equal(run_python("check_vector.py", ""), 0);
}

static void gymnasiums_environments_come_in_unchanged(void **state) {
    (void)state;
    skip_under_sanitizers();
    need_python("numpy, gymnasium");
    assert_int_equal(run_python("check_bridge.py", ""), 0);
}

static void atari_games_are_preprocessed_to_the_pixel(void **state) {
    (void)state;
    skip_under_sanitizers();
    need_python("numpy, gymnasium, ale_py, cv2");
    assert_int_equal(run_python("check_atari.py", ""), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_environment_passes_gymnasiums_checker),
        cmocka_unit_test(many_environments_behave_as_gymnasiums_own_vector_does),
        cmocka_unit_test(gymnasiums_environments_come_in_unchanged),
        cmocka_unit_test(atari_games_are_preprocessed_to_the_pixel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
