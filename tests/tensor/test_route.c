/*
 * tests/tensor/test_route.c - top_k and route_choice against their definitions: a stable sort, ties
 * and odd values written out, and the same answer for any number of threads. Also that a residual's
 * gradient buffer changes hands without changing values.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "stoa/tensor.h"

static stoa_ctx *open_ctx(stoa_pool *pool) {
    stoa_ctx *ctx = stoa_ctx_new(stoa_backend_cpu(), pool, 0);
    assert_non_null(ctx);
    return ctx;
}

typedef struct ranked {
    float score;
    int32_t at;
} ranked;

/* Descending, NaN last, then by position. */
static int by_rank(const void *a_, const void *b_) {
    const ranked *a = a_, *b = b_;
    if (isnan(a->score) != isnan(b->score))
        return isnan(a->score) ? 1 : -1;
    if (!isnan(a->score) && a->score != b->score)
        return a->score > b->score ? -1 : 1;
    return a->at < b->at ? -1 : 1;
}

static int by_position(const void *a, const void *b) {
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

/* The definition, by sorting. */
static void sorted_top_k(const float *scores, int64_t s, int64_t k, int32_t *out) {
    ranked *all = malloc((size_t)(s + 1) * sizeof *all);
    assert_non_null(all);
    for (int64_t i = 0; i < s; i++)
        all[i] = (ranked){scores[i], (int32_t)i};
    qsort(all, (size_t)s, sizeof *all, by_rank);
    for (int64_t i = 0; i < k; i++)
        out[i] = all[i].at;
    qsort(out, (size_t)k, sizeof *out, by_position);
    free(all);
}

static void check_row(const float *scores, int64_t s, int64_t k) {
    int32_t expected[512];
    assert_true(k <= 512);
    sorted_top_k(scores, s, k, expected);
    stoa_ctx *ctx = open_ctx(NULL);
    stoa_tensor *x = stoa_from(ctx, STOA_F32, STOA_SHAPE(1, s), scores);
    const stoa_tensor *y = stoa_top_k(ctx, x, k);
    assert_int_equal(stoa_ctx_status(ctx, NULL), STOA_OK);
    assert_int_equal(y->shape[1], k);
    if (k > 0)
        assert_memory_equal(y->data, expected, (size_t)k * sizeof *expected);
    stoa_ctx_free(ctx);
}

/* Few distinct values, so that the threshold is tied almost always; odd values among them. */
static void top_k_equals_a_stable_sort(void **state) {
    (void)state;
    static const float odd[] = {0.0f, -0.0f, 1.0f, -1.0f, 1e-40f, -1e-40f, 3e38f, -3e38f};
    float scores[512];
    stoa_rng rng = stoa_rng_stream(1, "top_k", 0);
    for (int round = 0; round < 600; round++) {
        int64_t s = 1 + stoa_rng_below(&rng, round % 8 ? 40 : 512), k = stoa_rng_below(&rng, s + 1);
        int64_t kinds = 1 + stoa_rng_below(&rng, 12);
        for (int64_t i = 0; i < s; i++) {
            int64_t kind = stoa_rng_below(&rng, kinds);
            scores[i] = kind < 8 ? odd[kind] : (float)stoa_rng_normal(&rng);
            if (kinds > 9 && kind == 9)
                scores[i] = NAN;
            else if (kinds > 10 && kind >= 10)
                scores[i] = kind == 10 ? INFINITY : -INFINITY;
        }
        check_row(scores, s, k);
    }
}

static void top_k_gives_ties_to_the_lowest_position(void **state) {
    (void)state;
    const float scores[] = {1, 2, -0.0f, 2, 0.0f, 2, NAN, -INFINITY};
    static const int32_t expected[][8] = {{0},
                                          {1},
                                          {1, 3},
                                          {1, 3, 5},
                                          {0, 1, 3, 5},
                                          {0, 1, 2, 3, 5},
                                          {0, 1, 2, 3, 4, 5},
                                          {0, 1, 2, 3, 4, 5, 7}};
    stoa_ctx *ctx = open_ctx(NULL);
    stoa_tensor *x = stoa_from(ctx, STOA_F32, STOA_SHAPE(1, 8), scores);
    for (int64_t k = 1; k < 8; k++)
        assert_memory_equal(stoa_top_k(ctx, x, k)->data, expected[k], (size_t)k * sizeof(int32_t));
    stoa_ctx_free(ctx);
}

static void top_k_of_only_nan_takes_the_first(void **state) {
    (void)state;
    const float scores[] = {NAN, -NAN, NAN, NAN};
    check_row(scores, 4, 2);
    check_row(scores, 4, 4);
}

static void routing_is_the_same_for_any_number_of_threads(void **state) {
    (void)state;
    enum { B = 37, S = 1500, E = 5 };
    float *scores = malloc((size_t)B * S * E * sizeof *scores);
    assert_non_null(scores);
    stoa_rng rng = stoa_rng_stream(2, "scores", 0);
    for (int i = 0; i < B * S * E; i++)
        scores[i] = (float)(stoa_rng_below(&rng, 200) - 100);
    int32_t *kept[2] = {0};
    size_t bytes[2] = {0};
    for (int threads = 1; threads <= 4; threads++) {
        stoa_pool *pool = stoa_pool_new(threads);
        stoa_ctx *ctx = open_ctx(pool);
        const stoa_tensor *found[] = {
            stoa_top_k(ctx, stoa_from(ctx, STOA_F32, STOA_SHAPE(B, S * E), scores), 200),
            stoa_route_choice(ctx, stoa_from(ctx, STOA_F32, STOA_SHAPE(B, S, E), scores), 4, 300)};
        for (int i = 0; i < 2; i++) {
            bytes[i] = stoa_nbytes(found[i]);
            if (threads == 1) {
                kept[i] = malloc(bytes[i]);
                memcpy(kept[i], found[i]->data, bytes[i]);
            }
            assert_memory_equal(found[i]->data, kept[i], bytes[i]);
        }
        stoa_ctx_free(ctx);
        stoa_pool_free(pool);
    }
    free(kept[0]);
    free(kept[1]);
    free(scores);
}

/* Experts 0 and 1 are real, 2 does nothing; NaN never wins; ties go to the lowest expert. */
static void experts_take_their_first_tokens_in_order(void **state) {
    (void)state;
    const float scores[][3] = {{1, 0, 0},     {0, 1, 0}, {0, 0, 1},       {5, 5, 5},
                               {NAN, 2, NAN}, {3, 1, 2}, {NAN, NAN, NAN}, {0, 9, 1}};
    const int32_t expected[] = {0, 3, 5, 1, 4, 7};
    const int32_t wide[] = {0, 3, 5, 6, -1, 1, 4, 7, -1, -1};
    stoa_ctx *ctx = open_ctx(NULL);
    stoa_tensor *x = stoa_from(ctx, STOA_F32, STOA_SHAPE(1, 8, 3), scores);
    assert_memory_equal(stoa_route_choice(ctx, x, 2, 3)->data, expected, sizeof expected);
    assert_memory_equal(stoa_route_choice(ctx, x, 2, 5)->data, wide, sizeof wide);
    stoa_ctx_free(ctx);
}

/* y = scatter(x, ...), twice in a row; kept: gradients of the middle are asked for, so that the
 * buffer may not change hands. Both ways give the same gradients. */
static void a_residual_gradient_passes_through_unchanged(void **state) {
    (void)state;
    enum { B = 2, S = 4, N = 5, C = 2 };
    float values[B * S * N], gradient[2][B * S * N];
    for (int i = 0; i < B * S * N; i++)
        values[i] = (float)i / 7;
    const int32_t rows[] = {1, 3, 0, 2};
    for (int kept = 0; kept < 2; kept++) {
        stoa_ctx *ctx = open_ctx(NULL);
        stoa_ctx_set_grad(ctx, true);
        stoa_tensor *x = stoa_from(ctx, STOA_F32, STOA_SHAPE(B, S, N), values);
        x->requires_grad = true;
        stoa_keep_grad(ctx, x);
        stoa_tensor *index = stoa_from(ctx, STOA_I32, STOA_SHAPE(B, C), rows);
        stoa_tensor *a = stoa_scatter_rows(ctx, x, index, stoa_gather_rows(ctx, x, index), NULL);
        stoa_tensor *b = stoa_scatter_rows(ctx, a, index, stoa_gather_rows(ctx, a, index), NULL);
        if (kept) {
            stoa_keep_grad(ctx, a);
            stoa_keep_grad(ctx, b);
        }
        stoa_tensor *seed = stoa_from(ctx, STOA_F32, STOA_SHAPE(B, S, N), values);
        stoa_backward(ctx, b, seed);
        assert_int_equal(stoa_ctx_status(ctx, NULL), STOA_OK);
        memcpy(gradient[kept], x->grad, sizeof gradient[kept]);
        if (kept)
            assert_memory_equal(b->grad, values, sizeof values);
        stoa_ctx_free(ctx);
    }
    assert_memory_equal(gradient[0], gradient[1], sizeof gradient[0]);
    for (int i = 0; i < B * S * N; i++) {
        int row = i / N % S, b = i / N / S;
        bool chosen = row == rows[b * C] || row == rows[b * C + 1];
        assert_true(gradient[0][i] == (chosen ? 4 : 1) * values[i]);
    }
}

static void a_rounded_sum_is_the_sums_rounding_and_passes_no_gradient(void **state) {
    (void)state;
    enum { ROWS = 300, N = 129 };
    stoa_pool *pool = stoa_pool_new(2);
    stoa_ctx *ctx = open_ctx(pool);
    stoa_ctx_set_grad(ctx, true);
    stoa_ctx_set_seed(ctx, 5, 0);
    stoa_tensor *x = stoa_normal(ctx, STOA_SHAPE(ROWS, N)), *rounded;
    stoa_tensor *delta = stoa_cast(ctx, stoa_normal(ctx, STOA_SHAPE(ROWS, N)), STOA_BF16);
    x->requires_grad = delta->requires_grad = true;
    stoa_keep_grad(ctx, x);
    stoa_tensor *sum = stoa_add_rounded(ctx, x, delta, STOA_BF16, &rounded);
    stoa_tensor *plain = stoa_add(ctx, x, delta);
    assert_true(sum->requires_grad && !rounded->requires_grad);
    assert_memory_equal(sum->data, plain->data, stoa_nbytes(plain));
    stoa_tensor *cast = stoa_cast(ctx, plain, STOA_BF16);
    assert_memory_equal(rounded->data, cast->data, stoa_nbytes(cast));
    stoa_tensor *read = stoa_add(ctx, sum, rounded);
    stoa_backward(ctx, stoa_sum(ctx, read, STOA_ALL), NULL);
    assert_int_equal(stoa_ctx_status(ctx, NULL), STOA_OK);
    for (int i = 0; i < ROWS * N; i++)
        assert_true(((float *)x->grad)[i] == 1.0f);
    stoa_ctx_free(ctx);
    stoa_pool_free(pool);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(top_k_equals_a_stable_sort),
        cmocka_unit_test(top_k_gives_ties_to_the_lowest_position),
        cmocka_unit_test(top_k_of_only_nan_takes_the_first),
        cmocka_unit_test(routing_is_the_same_for_any_number_of_threads),
        cmocka_unit_test(experts_take_their_first_tokens_in_order),
        cmocka_unit_test(a_residual_gradient_passes_through_unchanged),
        cmocka_unit_test(a_rounded_sum_is_the_sums_rounding_and_passes_no_gradient),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
