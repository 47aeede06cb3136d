/*
 * tests/tensor/test_matmul.c - what the cases of matrix products cannot see: the engines agree,
 * packed weights follow their parameter, a repeated step allocates nothing, lack of memory is
 * reported.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tensor/cpu/state.h"

enum { THREADS = 2 };

static void fill(stoa_tensor *t, const char *name) {
    stoa_rng rng = stoa_rng_stream(3, name, 0);
    for (int64_t i = 0; i < stoa_numel(t); i++)
        stoa_set(t, i, stoa_rng_normal(&rng));
}

/* A parameter with memory for its gradient. */
static stoa_tensor param(const char *name, int ndim, const int64_t *shape) {
    stoa_tensor t = stoa_tensor_wrap(STOA_F32, ndim, shape, NULL);
    t.data = stoa_alloc(stoa_nbytes(&t) + 64);
    t.grad = stoa_alloc(stoa_nbytes(&t) + 64);
    assert_true(t.data && t.grad);
    t.is_param = t.requires_grad = true;
    fill(&t, name);
    return t;
}

static void param_free(stoa_tensor *t) {
    stoa_packed_free(t);
    stoa_free(t->data);
    stoa_free(t->grad);
}

/* A small network of everything in the family; the loss is the sum of its output. */
typedef struct net {
    stoa_tensor kernel, w1, b1, w2;
    stoa_tensor *x, *out;
} net;

static void net_init(net *n) {
    n->kernel = param("kernel", STOA_SHAPE(6, 3, 3, 3));
    n->w1 = param("w1", STOA_SHAPE(70, 24));
    n->b1 = param("b1", STOA_SHAPE(70));
    n->w2 = param("w2", STOA_SHAPE(40, 70));
}

static void net_deinit(net *n) {
    param_free(&n->kernel);
    param_free(&n->w1);
    param_free(&n->b1);
    param_free(&n->w2);
}

static void net_step(net *n, stoa_ctx *ctx) {
    stoa_conv_options same = {1, 1, 1, 1, 1}, half = {.stride = 2};
    stoa_tensor *params[] = {&n->kernel, &n->w1, &n->b1, &n->w2};
    for (int i = 0; i < 4; i++)
        params[i]->grad_written = false;
    stoa_ctx_reset(ctx);
    n->x = stoa_new(ctx, stoa_ctx_compute(ctx), STOA_SHAPE(50, 3, 4, 4));
    if (!n->x->data)
        return;
    fill(n->x, "x");
    stoa_tensor *h = stoa_conv2d(ctx, n->x, &n->kernel, NULL, same); // (50, 6, 4, 4)
    h = stoa_avg_pool(ctx, stoa_max_pool(ctx, h, 2, (stoa_conv_options){.stride = 1}), 1, half);
    h = stoa_reshape(ctx, h, STOA_SHAPE(50, 24));
    h = stoa_linear(ctx, h, &n->w1, &n->b1, stoa_ctx_compute(ctx));
    stoa_tensor *square = stoa_matmul(ctx, h, false, h, true, 0.01); // (50, 50)
    h = stoa_matmul(ctx, square, false, h, false, 0.01);             // (50, 70)
    n->out = stoa_linear(ctx, h, &n->w2, NULL, stoa_ctx_full(ctx));  // (50, 40)
    stoa_backward(ctx, stoa_sum(ctx, n->out, STOA_ALL), NULL);
}

static stoa_ctx *open_ctx(stoa_pool *pool, stoa_dtype dtype, bool tiles) {
    stoa_ctx *ctx = stoa_ctx_new(stoa_backend_cpu(), pool, 0);
    if (!ctx)
        return NULL;
    stoa_ctx_set_grad(ctx, true);
    stoa_ctx_set_compute(ctx, dtype);
    if (!tiles)
        stoa_cpu(ctx)->amx = false;
    return ctx;
}

/* Largest difference over largest value, of count floats. */
static double difference(const float *a, const float *b, int64_t count) {
    double worst = 0, most = 1e-12;
    for (int64_t i = 0; i < count; i++) {
        worst = fmax(worst, fabs((double)a[i] - (double)b[i]));
        most = fmax(most, fabs((double)b[i]));
    }
    return worst / most;
}

static void bf16_engines_agree_with_f32(void **state) {
    (void)state;
    stoa_pool *pool = stoa_pool_new(THREADS);
    net exact;
    net_init(&exact);
    stoa_ctx *ctx = open_ctx(pool, STOA_F32, false);
    net_step(&exact, ctx);
    assert_int_equal(stoa_ctx_status(ctx, NULL), STOA_OK);
    for (int tiles = 0; tiles < 2; tiles++) {
        net n;
        net_init(&n);
        stoa_ctx *narrow = open_ctx(pool, STOA_BF16, tiles);
        net_step(&n, narrow);
        assert_int_equal(stoa_ctx_status(narrow, NULL), STOA_OK);
        assert_true(difference(n.out->data, exact.out->data, stoa_numel(n.out)) < 0.05);
        assert_true(difference(n.w1.grad, exact.w1.grad, stoa_numel(&n.w1)) < 0.05);
        assert_true(difference(n.b1.grad, exact.b1.grad, stoa_numel(&n.b1)) < 0.05);
        assert_true(difference(n.w2.grad, exact.w2.grad, stoa_numel(&n.w2)) < 0.05);
        assert_true(difference(n.kernel.grad, exact.kernel.grad, stoa_numel(&n.kernel)) < 0.08);
        stoa_ctx_free(narrow);
        net_deinit(&n);
    }
    stoa_ctx_free(ctx);
    net_deinit(&exact);
    stoa_pool_free(pool);
}

static void packed_weights_follow_the_version(void **state) {
    (void)state;
    for (int tiles = 0; tiles < 2; tiles++) {
        stoa_ctx *ctx = open_ctx(NULL, STOA_BF16, tiles);
        stoa_tensor w = param("w", STOA_SHAPE(12, 5));
        for (int round = 0; round < 3; round++) {
            stoa_ctx_reset(ctx);
            for (int64_t i = 0; i < 60; i++)
                stoa_set(&w, i, round + 1);
            w.version++;
            w.grad_written = false;
            stoa_tensor *x = stoa_new(ctx, STOA_BF16, STOA_SHAPE(2, 5));
            x->requires_grad = x->keep_grad = true;
            for (int64_t i = 0; i < 10; i++)
                stoa_set(x, i, 1);
            stoa_tensor *y = stoa_linear(ctx, x, &w, NULL, STOA_F32);
            stoa_backward(ctx, stoa_sum(ctx, y, STOA_ALL), NULL);
            assert_int_equal(stoa_ctx_status(ctx, NULL), STOA_OK);
            assert_true(stoa_get(y, 4) == 5.0 * (round + 1));
            stoa_tensor dx = stoa_tensor_wrap(STOA_BF16, STOA_SHAPE(10), x->grad);
            assert_true(stoa_get(&dx, 7) == 12.0 * (round + 1));
        }
        param_free(&w);
        stoa_ctx_free(ctx);
    }
}

static void a_repeated_step_allocates_nothing(void **state) {
    (void)state;
    stoa_pool *pool = stoa_pool_new(THREADS);
    for (int i = 0; i < 3; i++) {
        net n;
        net_init(&n);
        stoa_ctx *ctx = open_ctx(pool, i == 0 ? STOA_F32 : STOA_BF16, i == 2);
        net_step(&n, ctx);
        net_step(&n, ctx); // arenas merge their blocks at the reset between
        net_step(&n, ctx);
        uint64_t before = stoa_alloc_statistics().allocations;
        n.w1.version++;
        net_step(&n, ctx);
        assert_int_equal(stoa_ctx_status(ctx, NULL), STOA_OK);
        assert_true(stoa_alloc_statistics().allocations == before);
        stoa_ctx_free(ctx);
        net_deinit(&n);
    }
    stoa_pool_free(pool);
}

static void steps_give_the_same_bits(void **state) {
    (void)state;
    stoa_pool *pool = stoa_pool_new(THREADS);
    net n;
    net_init(&n);
    stoa_ctx *ctx = open_ctx(pool, STOA_BF16, true);
    float first[70 * 24];
    for (int i = 0; i < 5; i++) {
        net_step(&n, ctx);
        if (i == 0)
            memcpy(first, n.w1.grad, sizeof first);
        assert_memory_equal(first, n.w1.grad, sizeof first);
    }
    stoa_ctx_free(ctx);
    net_deinit(&n);
    stoa_pool_free(pool);
}

static void lack_of_memory_is_reported(void **state) {
    (void)state;
    for (int i = 0; i < 3; i++) {
        bool done = false;
        for (uint64_t nth = 1; !done; nth++) {
            net n;
            net_init(&n);
            stoa_alloc_fail_after(nth, true);
            stoa_ctx *ctx = open_ctx(NULL, i == 0 ? STOA_F32 : STOA_BF16, i == 2);
            if (ctx) {
                net_step(&n, ctx);
                stoa_status status = stoa_ctx_status(ctx, NULL);
                assert_true(status == STOA_OK || status == STOA_ERR_MEMORY);
                done = status == STOA_OK;
            }
            stoa_alloc_fail_after(0, false);
            stoa_ctx_free(ctx);
            net_deinit(&n);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bf16_engines_agree_with_f32),
        cmocka_unit_test(packed_weights_follow_the_version),
        cmocka_unit_test(a_repeated_step_allocates_nothing),
        cmocka_unit_test(steps_give_the_same_bits),
        cmocka_unit_test(lack_of_memory_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
