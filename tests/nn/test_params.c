/* Parameters: layout, streams, lookup, failures remembered until allocation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "stoa/nn.h"

static stoa_params *three(void) {
    stoa_params *params = stoa_params_new();
    assert_non_null(params);
    assert_non_null(
        stoa_params_add(params, "a.weight", STOA_SHAPE(3, 5), STOA_INIT_NORMAL, 0.5, true));
    assert_non_null(stoa_params_add(params, "a.bias", STOA_SHAPE(3), STOA_INIT_ONE, 0, false));
    stoa_param *mean =
        stoa_params_add(params, "a.mean", STOA_SHAPE(17), STOA_INIT_UNIFORM, 0.25, false);
    mean->trained = false;
    return params;
}

static void slices_are_aligned_and_padding_is_zero(void **state) {
    (void)state;
    stoa_params *params = three();
    assert_int_equal(stoa_params_allocate(params, 1, true, false, NULL), STOA_OK);
    size_t floats;
    float *values = stoa_params_values(params, &floats);
    assert_int_equal(floats, 16 + 16 + 32);
    assert_int_equal((uintptr_t)values % 64, 0);
    assert_true(values[15] == 0 && values[16 + 3] == 0 && values[32 + 17] == 0);
    const float *grads = stoa_params_grads(params, &floats);
    for (int64_t i = 0; i < stoa_params_count(params); i++) {
        const stoa_param *param = stoa_params_at(params, i);
        assert_int_equal(param->offset % 16, 0);
        assert_ptr_equal(param->tensor.data, values + param->offset);
        assert_true(param->tensor.is_param && !param->tensor.grad_written);
        if (param->trained)
            assert_ptr_equal(param->tensor.grad, grads + param->offset);
        assert_int_equal(param->tensor.requires_grad, param->trained);
    }
    assert_int_equal(stoa_params_numel(params), 15 + 3); // the buffer is not trained
    for (int i = 0; i < 3; i++)
        assert_true(values[16 + i] == 1);
    for (int i = 0; i < 17; i++)
        assert_true(fabsf(values[32 + i]) <= 0.25f);
    stoa_params_free(params);
}

static void a_parameter_keeps_its_values_when_others_are_added(void **state) {
    (void)state;
    stoa_params *params = three();
    stoa_params *wider = stoa_params_new();
    stoa_params_add(wider, "new", STOA_SHAPE(100), STOA_INIT_NORMAL, 1, true);
    stoa_params_add(wider, "a.weight", STOA_SHAPE(3, 5), STOA_INIT_NORMAL, 0.5, true);
    stoa_params_allocate(params, 7, false, false, NULL);
    stoa_params_allocate(wider, 7, false, false, NULL);
    const stoa_param *a = stoa_params_find(params, "a.weight");
    const stoa_param *b = stoa_params_find(wider, "a.weight");
    assert_memory_equal(a->tensor.data, b->tensor.data, 15 * sizeof(float));
    const float *x = a->tensor.data;
    assert_true(x[0] != x[1]);
    assert_false(a->tensor.requires_grad);
    stoa_params_free(params);
    stoa_params_free(wider);
}

static void normal_values_have_the_asked_deviation(void **state) {
    (void)state;
    stoa_params *params = stoa_params_new();
    const int64_t n = 100000;
    stoa_params_add(params, "w", STOA_SHAPE(n), STOA_INIT_NORMAL, 0.02, true);
    stoa_params_allocate(params, 3, false, false, NULL);
    const float *x = stoa_params_at(params, 0)->tensor.data;
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < n; i++) {
        sum += (double)x[i];
        squares += (double)x[i] * (double)x[i];
    }
    assert_true(fabs(sum / (double)n) < 5 * 0.02 / sqrt((double)n));
    assert_true(fabs(sqrt(squares / (double)n) / 0.02 - 1) < 0.02);
    stoa_params_free(params);
}

static void values_come_from_the_parameters_own_philox_stream(void **state) {
    (void)state;
    stoa_params *params = stoa_params_new();
    stoa_params_add(params, "u", STOA_SHAPE(300), STOA_INIT_UNIFORM, 0.5, false);
    stoa_params_add(params, "n", STOA_SHAPE(300), STOA_INIT_NORMAL, 2, false);
    stoa_params_allocate(params, 42, false, false, NULL);
    const float *u = stoa_params_at(params, 0)->tensor.data;
    const float *n = stoa_params_at(params, 1)->tensor.data;
    stoa_rng ru = stoa_rng_stream(42, "u", 0), rn = stoa_rng_stream(42, "n", 0);
    for (int i = 0; i < 300; i++) {
        uint32_t a[4], b[4];
        int word = i / 64 % 4;
        uint64_t block = (uint64_t)(i / 256 * 64 + i % 64);
        stoa_philox(ru.key, 0, block, a);
        stoa_philox(rn.key, 0, block, b);
        assert_true(u[i] == 0.5f * ((float)(a[word] >> 8) * 0x1p-23f - 1));
        double x = (double)((b[word & 2] >> 8) + 1) * 0x1p-24;
        double turn = (double)(b[word | 1] >> 8) * 0x1p-24 * 2 * 3.14159265358979323846;
        double expected = 2 * sqrt(-2 * log(x)) * (word & 1 ? sin(turn) : cos(turn));
        assert_true(fabs((double)n[i] - expected) < 1e-5);
    }
    stoa_params_free(params);
}

static void meta_allocates_nothing_and_knows_the_sizes(void **state) {
    (void)state;
    stoa_params *params = stoa_params_new();
    stoa_params_add(params, "huge", STOA_SHAPE(1 << 20, 1 << 20), STOA_INIT_NORMAL, 1, true);
    uint64_t before = stoa_alloc_statistics().allocations;
    assert_int_equal(stoa_params_allocate(params, 1, true, true, NULL), STOA_OK);
    assert_int_equal(stoa_alloc_statistics().allocations, before);
    assert_int_equal(stoa_params_numel(params), (int64_t)1 << 40);
    assert_true(stoa_optimizer_bytes(params, STOA_ADAMW) == (size_t)8 << 40);
    assert_null(stoa_params_at(params, 0)->tensor.data);
    assert_true(stoa_params_at(params, 0)->tensor.requires_grad);
    stoa_params_free(params);
}

static void a_bad_declaration_is_told_by_allocate(void **state) {
    (void)state;
    char long_name[200];
    memset(long_name, 'x', sizeof long_name - 1);
    long_name[199] = '\0';
    const struct {
        const char *name;
        int64_t rows;
        const char *part;
    } rows[] = {
        {"a.weight", 1, "taken"},
        {long_name, 1, "too long"},
        {"", 1, "empty"},
        {"big", INT64_MAX / 8, "larger than any memory"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        stoa_params *params = three();
        assert_null(stoa_params_add(params, rows[i].name, STOA_SHAPE(rows[i].rows, 16),
                                    STOA_INIT_ZERO, 0, false));
        stoa_error err;
        assert_int_equal(stoa_params_allocate(params, 1, true, false, &err), STOA_ERR_USAGE);
        assert_non_null(strstr(err.message, rows[i].part));
        stoa_params_free(params);
    }
}

static void thousands_of_names_are_found(void **state) {
    (void)state;
    stoa_params *params = stoa_params_new();
    char name[64];
    stoa_param *first = NULL;
    for (int i = 0; i < 5000; i++) {
        snprintf(name, sizeof name, "blocks.%d.weight", i);
        stoa_param *p = stoa_params_add(params, name, STOA_SHAPE(1), STOA_INIT_ZERO, 0, false);
        first = first ? first : p;
    }
    for (int i = 0; i < 5000; i++) {
        snprintf(name, sizeof name, "blocks.%d.weight", i);
        assert_ptr_equal(stoa_params_find(params, name), stoa_params_at(params, i));
    }
    assert_ptr_equal(first, stoa_params_at(params, 0)); // addresses are stable
    assert_null(stoa_params_find(params, "blocks.5000.weight"));
    stoa_params_free(params);
}

static void failed_allocations_are_reported_and_leak_nothing(void **state) {
    (void)state;
    uint64_t live = stoa_alloc_statistics().live;
    bool done = false;
    for (uint64_t n = 1; !done; n++) {
        stoa_alloc_fail_after(n, false);
        stoa_params *params = stoa_params_new();
        if (params) {
            for (int i = 0; i < 200; i++) {
                char name[32];
                snprintf(name, sizeof name, "p%d", i);
                stoa_params_add(params, name, STOA_SHAPE(4), STOA_INIT_NORMAL, 1, true);
            }
            stoa_status status = stoa_params_allocate(params, 1, true, false, NULL);
            assert_true(status == STOA_OK || status == STOA_ERR_MEMORY);
            done = status == STOA_OK;
        }
        stoa_alloc_fail_after(0, false);
        stoa_params_free(params);
        assert_int_equal(stoa_alloc_statistics().live, live);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slices_are_aligned_and_padding_is_zero),
        cmocka_unit_test(a_parameter_keeps_its_values_when_others_are_added),
        cmocka_unit_test(normal_values_have_the_asked_deviation),
        cmocka_unit_test(values_come_from_the_parameters_own_philox_stream),
        cmocka_unit_test(meta_allocates_nothing_and_knows_the_sizes),
        cmocka_unit_test(a_bad_declaration_is_told_by_allocate),
        cmocka_unit_test(thousands_of_names_are_found),
        cmocka_unit_test(failed_allocations_are_reported_and_leak_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
