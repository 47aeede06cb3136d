/* Optimisers against plain double-precision formulas; clipping, flags, padding, determinism. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "stoa/nn.h"

static const stoa_optimizer_options adamw = {
    .kind = STOA_ADAMW, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8, .weight_decay = 0.1};
static const stoa_optimizer_options rmsprop = {.kind = STOA_RMSPROP, .decay = 0.99, .eps = 0.1};

/* A decayed matrix of n values, an undecayed vector of 5, a buffer of 3. */
static stoa_params *model(int64_t n) {
    stoa_params *params = stoa_params_new();
    stoa_params_add(params, "weight", STOA_SHAPE(n), STOA_INIT_NORMAL, 1, true);
    stoa_params_add(params, "bias", STOA_SHAPE(5), STOA_INIT_ONE, 0, false);
    stoa_params_add(params, "buffer", STOA_SHAPE(3), STOA_INIT_ONE, 0, true)->trained = false;
    assert_int_equal(stoa_params_allocate(params, 11, true, false, NULL), STOA_OK);
    return params;
}

/* Gradients of every trained parameter, the same at each call with the same step. */
static void write_gradients(stoa_params *params, int step) {
    for (int64_t i = 0; i < stoa_params_count(params); i++) {
        stoa_param *param = stoa_params_at(params, i);
        if (!param->trained)
            continue;
        float *grad = param->tensor.grad;
        stoa_rng rng = stoa_rng_stream(5, param->name, (uint64_t)step);
        for (int64_t j = 0; j < stoa_numel(&param->tensor); j++)
            grad[j] = (float)stoa_rng_normal(&rng);
        param->tensor.grad_written = true;
    }
}

static void adamw_follows_its_formula(void **state) {
    (void)state;
    enum { N = 37 };
    stoa_params *params = model(N);
    stoa_optimizer *optimizer = stoa_optimizer_new(params, &adamw, NULL);
    assert_non_null(optimizer);
    const stoa_param *tested[2] = {stoa_params_at(params, 0), stoa_params_at(params, 1)};
    double p[2][N], m[2][N] = {0}, v[2][N] = {0};
    for (int k = 0; k < 2; k++)
        for (int64_t i = 0; i < stoa_numel(&tested[k]->tensor); i++)
            p[k][i] = (double)((float *)tested[k]->tensor.data)[i];
    for (int t = 1; t <= 20; t++) {
        write_gradients(params, t);
        double squares = 0, norm, rate = 0.01 * t;
        for (int k = 0; k < 2; k++)
            for (int64_t i = 0; i < stoa_numel(&tested[k]->tensor); i++) {
                double g = (double)((float *)tested[k]->tensor.grad)[i];
                squares += g * g;
                m[k][i] = 0.9 * m[k][i] + 0.1 * g;
                v[k][i] = 0.999 * v[k][i] + 0.001 * g * g;
                double mean = m[k][i] / (1 - pow(0.9, t)), square = v[k][i] / (1 - pow(0.999, t));
                p[k][i] -= rate * (k == 0 ? 0.1 : 0) * p[k][i];
                p[k][i] -= rate * mean / (sqrt(square) + 1e-8);
            }
        uint64_t version = tested[0]->tensor.version;
        uint64_t allocations = stoa_alloc_statistics().allocations;
        assert_int_equal(stoa_optimizer_step(optimizer, NULL, rate, &norm, NULL), STOA_OK);
        assert_int_equal(stoa_alloc_statistics().allocations, allocations);
        assert_true(fabs(norm / sqrt(squares) - 1) < 1e-12);
        assert_true(tested[0]->tensor.version > version && !tested[0]->tensor.grad_written);
        assert_int_equal(stoa_optimizer_steps(optimizer), t);
        for (int k = 0; k < 2; k++)
            for (int64_t i = 0; i < stoa_numel(&tested[k]->tensor); i++)
                assert_true(fabs((double)((float *)tested[k]->tensor.data)[i] - p[k][i]) < 2e-6);
    }
    const float *buffer = stoa_params_at(params, 2)->tensor.data;
    assert_true(buffer[0] == 1 && buffer[1] == 1 && buffer[2] == 1);
    size_t floats;
    const float *values = stoa_params_values(params, &floats);
    assert_true(values[37] == 0 && values[47] == 0 && values[48 + 5] == 0);
    stoa_optimizer_free(optimizer);
    stoa_params_free(params);
}

/* Known vectors of both forms: from w = 1, gradients 0.5, -1, 2, rate 0.0006, decay 0.99. */
static void rmsprop_matches_the_known_vectors(void **state) {
    (void)state;
    static const struct {
        bool outside;
        double eps, expected[3];
    } rows[] = {
        {false, 0.1, {0.99971298, 1.000287, 0.99915444}},
        {true, 0.01, {0.995, 0.9999305, 0.99490541}},
    };
    for (int k = 0; k < 2; k++) {
        stoa_params *params = stoa_params_new();
        stoa_param *w = stoa_params_add(params, "w", STOA_SHAPE(1), STOA_INIT_ONE, 0, false);
        stoa_params_allocate(params, 1, true, false, NULL);
        stoa_optimizer_options options = {
            .kind = STOA_RMSPROP, .decay = 0.99, .eps = rows[k].eps, .outside = rows[k].outside};
        stoa_optimizer *optimizer = stoa_optimizer_new(params, &options, NULL);
        const float grads[3] = {0.5f, -1, 2};
        for (int i = 0; i < 3; i++) {
            *(float *)w->tensor.grad = grads[i];
            w->tensor.grad_written = true;
            assert_int_equal(stoa_optimizer_step(optimizer, NULL, 0.0006, NULL, NULL), STOA_OK);
            assert_true(fabs((double)*(float *)w->tensor.data - rows[k].expected[i]) < 2e-7);
        }
        stoa_optimizer_free(optimizer);
        stoa_params_free(params);
    }
}

static void rmsprop_with_momentum_follows_its_formulas(void **state) {
    (void)state;
    for (int outside = 0; outside < 2; outside++) {
        stoa_optimizer_options options = rmsprop;
        options.momentum = 0.9;
        options.outside = outside;
        stoa_params *params = model(20);
        stoa_optimizer *optimizer = stoa_optimizer_new(params, &options, NULL);
        const stoa_param *weight = stoa_params_at(params, 0);
        double p[20], square[20], velocity[20] = {0};
        for (int i = 0; i < 20; i++) {
            p[i] = (double)((float *)weight->tensor.data)[i];
            square[i] = !outside;
        }
        for (int t = 1; t <= 10; t++) {
            write_gradients(params, t);
            for (int i = 0; i < 20; i++) {
                double g = (double)((float *)weight->tensor.grad)[i];
                square[i] = 0.99 * square[i] + 0.01 * g * g;
                double move = outside ? g / (sqrt(square[i]) + 0.1) : g / sqrt(square[i] + 0.1);
                velocity[i] = 0.9 * velocity[i] + (outside ? move : 0.05 * move);
                p[i] -= outside ? 0.05 * velocity[i] : velocity[i];
            }
            assert_int_equal(stoa_optimizer_step(optimizer, NULL, 0.05, NULL, NULL), STOA_OK);
            for (int i = 0; i < 20; i++)
                assert_true(fabs((double)((float *)weight->tensor.data)[i] - p[i]) < 2e-5);
        }
        stoa_optimizer_free(optimizer);
        stoa_params_free(params);
    }
}

static void clipping_scales_the_gradient_to_the_bound(void **state) {
    (void)state;
    // RMSProp with a fixed mean square is linear in the gradient: the move shows the scale
    stoa_optimizer_options options = {.kind = STOA_RMSPROP, .decay = 0, .eps = 1e12, .clip = 0.5};
    stoa_params *params = model(100);
    stoa_optimizer *optimizer = stoa_optimizer_new(params, &options, NULL);
    write_gradients(params, 1);
    float *value = stoa_params_at(params, 0)->tensor.data;
    const float *grad = stoa_params_at(params, 0)->tensor.grad;
    double before = (double)value[3], norm, g = (double)grad[3];
    assert_int_equal(stoa_optimizer_step(optimizer, NULL, 1e6, &norm, NULL), STOA_OK);
    assert_true(norm > 5);
    assert_true(fabs(before - (double)value[3] - g * 0.5 / norm) < 1e-6);
    stoa_optimizer_free(optimizer);
    stoa_params_free(params);
}

static void an_unwritten_gradient_counts_as_zero(void **state) {
    (void)state;
    stoa_params *params = model(16);
    stoa_optimizer *optimizer = stoa_optimizer_new(params, &rmsprop, NULL);
    stoa_tensor *weight = &stoa_params_at(params, 0)->tensor;
    float *grad = weight->grad, first = *(float *)weight->data;
    for (int i = 0; i < 16; i++)
        grad[i] = 1e9f; // left from an earlier step
    double norm;
    assert_int_equal(stoa_optimizer_step(optimizer, NULL, 1, &norm, NULL), STOA_OK);
    assert_true(norm == 0 && *(float *)weight->data == first);
    stoa_optimizer_free(optimizer);
    stoa_params_free(params);
}

static void a_gradient_that_is_not_finite_changes_nothing(void **state) {
    (void)state;
    const float bad[] = {(float)NAN, (float)HUGE_VAL, (float)-HUGE_VAL};
    for (int i = 0; i < 3; i++) {
        stoa_params *params = model(64);
        stoa_optimizer *optimizer = stoa_optimizer_new(params, &adamw, NULL);
        write_gradients(params, 1);
        assert_int_equal(stoa_optimizer_step(optimizer, NULL, 0.1, NULL, NULL), STOA_OK);
        size_t floats;
        const float *values = stoa_params_values(params, &floats);
        float kept[112];
        assert_int_equal(floats, 64 + 16 + 16);
        memcpy(kept, values, floats * sizeof *kept);
        write_gradients(params, 2);
        ((float *)stoa_params_at(params, 1)->tensor.grad)[2] = bad[i];
        stoa_error err;
        assert_int_equal(stoa_optimizer_step(optimizer, NULL, 0.1, NULL, &err), STOA_ERR_NUMERIC);
        assert_non_null(strstr(err.message, "step 2"));
        assert_memory_equal(kept, values, floats * sizeof *kept);
        assert_int_equal(stoa_optimizer_steps(optimizer), 1);
        stoa_optimizer_free(optimizer);
        stoa_params_free(params);
    }
}

static void results_do_not_depend_on_the_thread_count(void **state) {
    (void)state;
    enum { N = 100003 };
    stoa_params *one = model(N), *many = model(N);
    stoa_optimizer_options options = adamw;
    options.clip = 1;
    stoa_optimizer *a = stoa_optimizer_new(one, &options, NULL);
    stoa_optimizer *b = stoa_optimizer_new(many, &options, NULL);
    stoa_pool *pool = stoa_pool_new(3);
    assert_non_null(pool);
    for (int t = 1; t <= 3; t++) {
        double norm_a, norm_b;
        write_gradients(one, t);
        write_gradients(many, t);
        stoa_optimizer_step(a, NULL, 0.01, &norm_a, NULL);
        stoa_optimizer_step(b, pool, 0.01, &norm_b, NULL);
        assert_true(norm_a == norm_b);
    }
    size_t floats;
    const float *x = stoa_params_values(one, &floats), *y = stoa_params_values(many, &floats);
    assert_memory_equal(x, y, floats * sizeof(float));
    stoa_pool_free(pool);
    stoa_optimizer_free(a);
    stoa_optimizer_free(b);
    stoa_params_free(one);
    stoa_params_free(many);
}

static void options_out_of_range_are_named(void **state) {
    (void)state;
    stoa_params *params = model(4);
    stoa_optimizer_options bad[4] = {adamw, adamw, adamw, rmsprop};
    bad[0].beta2 = 1;
    bad[1].eps = 0;
    bad[2].clip = (double)NAN;
    bad[3].momentum = -0.1;
    const char *names[4] = {"beta2", "eps", "clip", "momentum"};
    for (int i = 0; i < 4; i++) {
        stoa_error err;
        assert_null(stoa_optimizer_new(params, &bad[i], &err));
        assert_int_equal(err.status, STOA_ERR_USAGE);
        assert_non_null(strstr(err.message, names[i]));
    }
    stoa_params_free(params);
}

static void failed_allocations_are_reported_and_leak_nothing(void **state) {
    (void)state;
    stoa_params *params = model(4);
    uint64_t live = stoa_alloc_statistics().live;
    stoa_optimizer *optimizer = NULL;
    uint64_t n = 0;
    while (!optimizer) {
        assert_int_equal(stoa_alloc_statistics().live, live);
        stoa_error err;
        stoa_alloc_fail_after(++n, false);
        optimizer = stoa_optimizer_new(params, &adamw, &err);
        stoa_alloc_fail_after(0, false);
        assert_true(optimizer || err.status == STOA_ERR_MEMORY);
    }
    assert_int_equal(n, 6); // five allocations
    stoa_optimizer_free(optimizer);
    stoa_params_free(params);
}

static void schedules_pass_through_their_corners(void **state) {
    (void)state;
    const struct {
        stoa_schedule_kind kind;
        int64_t step, total, warmup;
        double floor, expected;
    } rows[] = {
        {STOA_SCHEDULE_CONSTANT, 0, 100, 10, 0.1, 0.1},
        {STOA_SCHEDULE_COSINE, 4, 100, 10, 0.1, 0.5},
        {STOA_SCHEDULE_LINEAR, 9, 100, 10, 0.1, 1},
        {STOA_SCHEDULE_LINEAR, 10, 100, 10, 0.1, 1},
        {STOA_SCHEDULE_COSINE, 10, 100, 10, 0.1, 1},
        {STOA_SCHEDULE_COSINE, 55, 100, 10, 0.1, 0.55},
        {STOA_SCHEDULE_LINEAR, 55, 100, 10, 0.1, 0.55},
        {STOA_SCHEDULE_LINEAR, 100, 100, 10, 0.1, 0.1},
        {STOA_SCHEDULE_COSINE, 1000, 100, 10, 0.1, 0.1},
        {STOA_SCHEDULE_CONSTANT, 1000, 100, 10, 0.1, 1},
        {STOA_SCHEDULE_LINEAR, 0, 0, 0, 0, 0},
        {STOA_SCHEDULE_COSINE, 5, 5, 5, 0.2, 0.2},
        {STOA_SCHEDULE_INVERSE_ROOT, 4, 100, 10, 0.1, 0.5},
        {STOA_SCHEDULE_INVERSE_ROOT, 9, 100, 10, 0.1, 1},
        {STOA_SCHEDULE_INVERSE_ROOT, 39, 100, 10, 0.1, 0.5},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_true(fabs(stoa_schedule(rows[i].kind, rows[i].step, rows[i].total, rows[i].warmup,
                                       rows[i].floor) -
                         rows[i].expected) < 1e-12);
}

static void plain_steps_follow_the_gradient_and_keep_nothing(void **state) {
    (void)state;
    enum { N = 37 };
    const stoa_optimizer_options sgd = {.kind = STOA_SGD, .weight_decay = 0.25};
    stoa_params *params = model(N);
    stoa_optimizer *optimizer = stoa_optimizer_new(params, &sgd, NULL);
    assert_non_null(optimizer);
    assert_int_equal(stoa_optimizer_bytes(params, STOA_SGD), 0);
    for (int t = 1; t <= 5; t++) {
        float before[2][N];
        for (int k = 0; k < 2; k++)
            memcpy(before[k], stoa_params_at(params, k)->tensor.data,
                   (size_t)stoa_numel(&stoa_params_at(params, k)->tensor) * sizeof(float));
        write_gradients(params, t);
        float gradient[2][N];
        for (int k = 0; k < 2; k++)
            memcpy(gradient[k], stoa_params_at(params, k)->tensor.grad,
                   (size_t)stoa_numel(&stoa_params_at(params, k)->tensor) * sizeof(float));
        assert_int_equal(stoa_optimizer_step(optimizer, NULL, 0.1, NULL, NULL), STOA_OK);
        for (int k = 0; k < 2; k++) {
            const stoa_tensor *x = &stoa_params_at(params, k)->tensor;
            double keep = k == 0 ? 1 - 0.1 * 0.25 : 1; /* the vector does not decay */
            for (int64_t i = 0; i < stoa_numel(x); i++)
                assert_true(fabs((double)((float *)x->data)[i] - keep * (double)before[k][i] +
                                 0.1 * (double)gradient[k][i]) < 1e-6);
        }
    }
    const float *buffer = stoa_params_at(params, 2)->tensor.data;
    assert_true(buffer[0] == 1 && buffer[2] == 1);
    stoa_optimizer_free(optimizer);
    stoa_params_free(params);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(adamw_follows_its_formula),
        cmocka_unit_test(plain_steps_follow_the_gradient_and_keep_nothing),
        cmocka_unit_test(rmsprop_matches_the_known_vectors),
        cmocka_unit_test(rmsprop_with_momentum_follows_its_formulas),
        cmocka_unit_test(clipping_scales_the_gradient_to_the_bound),
        cmocka_unit_test(an_unwritten_gradient_counts_as_zero),
        cmocka_unit_test(a_gradient_that_is_not_finite_changes_nothing),
        cmocka_unit_test(results_do_not_depend_on_the_thread_count),
        cmocka_unit_test(options_out_of_range_are_named),
        cmocka_unit_test(failed_allocations_are_reported_and_leak_nothing),
        cmocka_unit_test(schedules_pass_through_their_corners),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
