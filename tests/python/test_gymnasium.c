/*
 * test_gymnasium.c - the Python package keeps Gymnasium's laws.
 *
 * The laws are in check_*.py beside this file; Gymnasium's own checker is one of them. Needs a
 * Python with numpy and gymnasium: $STOA_PYTHON, else python3. Skipped without one.
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_environment_passes_gymnasiums_checker),
        cmocka_unit_test(many_environments_behave_as_gymnasiums_own_vector_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
