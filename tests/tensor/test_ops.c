/*
 * tests/tensor/test_ops.c - every operation against the reference.
 *
 *   test_ops                         the tests
 *   test_ops check <op>              the same checks of one operation
 *   test_ops speed [op [dims...]]    a table of speeds
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "op_cases.h"

static void every_operation_has_a_case_and_kernels(void **state) {
    (void)state;
    assert_int_equal(op_check_supports(NULL), 0);
}

static void forward_in_f32_equals_the_reference(void **state) {
    (void)state;
    assert_int_equal(op_check_forward(NULL, STOA_F32), 0);
}

static void forward_in_bf16_is_near_the_reference(void **state) {
    (void)state;
    assert_int_equal(op_check_forward(NULL, STOA_BF16), 0);
}

static void gradients_in_f32_equal_finite_differences(void **state) {
    (void)state;
    assert_int_equal(op_check_gradients(NULL, STOA_F32), 0);
}

static void gradients_in_bf16_are_near_finite_differences(void **state) {
    (void)state;
    assert_int_equal(op_check_gradients(NULL, STOA_BF16), 0);
}

static int check_one(const char *op) {
    int failures = op_check_supports(op);
    const stoa_dtype types[] = {STOA_F32, STOA_BF16};
    for (int i = 0; i < 2; i++)
        failures += op_check_forward(op, types[i]) + op_check_gradients(op, types[i]);
    printf("%s: %d failures\n", op, failures);
    return failures > 0;
}

int main(int argc, char **argv) {
    if (argc >= 2 && strcmp(argv[1], "speed") == 0) {
        int64_t dims[8] = {0};
        for (int i = 3; i < argc && i < 11; i++)
            dims[i - 3] = strtoll(argv[i], NULL, 10);
        op_print_speeds(argc > 2 ? argv[2] : NULL, argc > 3 ? dims : NULL);
        return 0;
    }
    if (argc == 3 && strcmp(argv[1], "check") == 0)
        return check_one(argv[2]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_operation_has_a_case_and_kernels),
        cmocka_unit_test(forward_in_f32_equals_the_reference),
        cmocka_unit_test(forward_in_bf16_is_near_the_reference),
        cmocka_unit_test(gradients_in_f32_equal_finite_differences),
        cmocka_unit_test(gradients_in_bf16_are_near_finite_differences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
