/* tests/base/test_curve.c - the little picture of a series that stands under a progress bar. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "stoa/base.h"

static void a_rising_line_rises(void **state) {
    (void)state;
    const double values[] = {0, 1, 2, 3};
    stoa_buffer out = {0};
    stoa_curve_text(values, 4, 4, 4, false, &out);
    assert_string_equal(out.data, "        3    *\n"
                                  "            * \n"
                                  "           *  \n"
                                  "        0 *   \n");
    stoa_buffer_deinit(&out);
}

static void braille_has_eight_dots_a_letter(void **state) {
    (void)state;
    const double values[] = {0, 1};
    stoa_buffer out = {0};
    stoa_curve_text(values, 2, 1, 2, true, &out);
    /* the second dot column joins the bottom to the top: 4 + 3 dots, the lowest one is the first's
     */
    assert_string_equal(out.data, "        1 \xe2\xa2\xb8\n"
                                  "        0 \xe2\xa1\xb8\n");
    stoa_buffer_deinit(&out);
}

static void gaps_and_constant_series_are_drawn(void **state) {
    (void)state;
    const double gap[] = {1, NAN, INFINITY, 0}, flat[] = {5, 5, 5};
    stoa_buffer out = {0};
    stoa_curve_text(gap, 4, 4, 2, false, &out);
    assert_string_equal(out.data, "        1 *   \n        0    *\n");
    stoa_buffer_deinit(&out);
    stoa_curve_text(flat, 3, 3, 2, false, &out);
    assert_non_null(strstr(out.data, "***"));
    stoa_buffer_deinit(&out);
}

static void nothing_to_draw_draws_nothing(void **state) {
    (void)state;
    const double none[] = {NAN, INFINITY};
    stoa_buffer out = {0};
    stoa_curve_text(none, 2, 10, 4, true, &out);
    stoa_curve_text(NULL, 0, 10, 4, true, &out);
    assert_int_equal(out.len, 0);
}

static void any_size_is_kept_within_bounds(void **state) {
    (void)state;
    double values[3000];
    for (int i = 0; i < 3000; i++)
        values[i] = sin(i * 0.01);
    for (int columns = -1; columns < 400; columns += 57)
        for (int rows = -1; rows < 20; rows += 3)
            for (int64_t n = 1; n <= 3000; n += 1499) {
                stoa_buffer out = {0};
                stoa_curve_text(values, n, columns, rows, n % 2, &out);
                assert_true(out.len > 0 && out.data[out.len - 1] == '\n');
                stoa_buffer_deinit(&out);
            }
}

static void the_locale_decides_about_utf8(void **state) {
    (void)state;
    setenv("LC_ALL", "C", 1);
    assert_false(stoa_terminal_is_utf8());
    setenv("LC_ALL", "de_DE.UTF-8", 1);
    assert_true(stoa_terminal_is_utf8());
    unsetenv("LC_ALL");
    unsetenv("LC_CTYPE");
    setenv("LANG", "en_GB.utf8", 1);
    assert_true(stoa_terminal_is_utf8());
    unsetenv("LANG");
    assert_false(stoa_terminal_is_utf8());
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rising_line_rises),
        cmocka_unit_test(braille_has_eight_dots_a_letter),
        cmocka_unit_test(gaps_and_constant_series_are_drawn),
        cmocka_unit_test(nothing_to_draw_draws_nothing),
        cmocka_unit_test(any_size_is_kept_within_bounds),
        cmocka_unit_test(the_locale_decides_about_utf8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
