/*
 * tests/tensor/test_attention.c - cached attention against attention over whole sequences, the
 * cache's limits, and results that must not depend on threads.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "stoa/tensor.h"

typedef struct shape {
    int64_t batch, time;
    int heads, kv_heads, width;
} shape;

static int64_t row_width(shape s) {
    return (int64_t)(s.heads + 2 * s.kv_heads) * s.width;
}

/* qkv (B, T, (H + 2G) D) and positions (B, T), ascending with gaps as routed tokens have them. */
static stoa_tensor *random_qkv(stoa_ctx *ctx, shape s, stoa_dtype type) {
    stoa_tensor *t = stoa_new(ctx, type, STOA_SHAPE(s.batch, s.time, row_width(s)));
    stoa_rng rng = stoa_rng_stream(3, "qkv", 0);
    for (int64_t i = 0; i < stoa_numel(t); i++)
        stoa_set(t, i, stoa_rng_normal(&rng));
    return t;
}

static stoa_tensor *gapped_positions(stoa_ctx *ctx, shape s) {
    stoa_tensor *t = stoa_new(ctx, STOA_I32, STOA_SHAPE(s.batch, s.time));
    stoa_rng rng = stoa_rng_stream(4, "positions", 0);
    for (int64_t b = 0; b < s.batch; b++)
        for (int64_t i = 0, at = 0; i < s.time; i++)
            ((int32_t *)t->data)[b * s.time + i] = (int32_t)(at += 1 + stoa_rng_below(&rng, 9));
    return t;
}

static stoa_tensor *whole(stoa_ctx *ctx, shape s, stoa_tensor *qkv, stoa_tensor *positions) {
    stoa_attention_options how = {
        .heads = s.heads,
        .kv_heads = s.kv_heads,
        .head_width = s.width,
        .k_column = (int64_t)s.heads * s.width,
        .v_column = (int64_t)(s.heads + s.kv_heads) * s.width,
        .causal = true,
        .rope_base = 10000,
        .q_positions = positions,
        .k_positions = positions,
    };
    return stoa_attention(ctx, qkv, qkv, qkv, &how);
}

/* One call of cached attention for the tokens whose flat numbers (b T + t) are given; compares
 * with the same rows of `expected`. */
static void feed(stoa_ctx *ctx, shape s, stoa_kv_cache *cache, const stoa_tensor *qkv,
                 const stoa_tensor *positions, const stoa_tensor *expected, const int64_t *tokens,
                 int64_t n, double tolerance) {
    size_t row = (size_t)row_width(s) * stoa_dtype_size(qkv->dtype);
    stoa_tensor *some = stoa_new(ctx, qkv->dtype, STOA_SHAPE(n, row_width(s)));
    stoa_tensor *sequence = stoa_new(ctx, STOA_I32, STOA_SHAPE(n));
    stoa_tensor *position = stoa_new(ctx, STOA_I32, STOA_SHAPE(n));
    for (int64_t i = 0; i < n; i++) {
        memcpy((char *)some->data + (size_t)i * row,
               (const char *)qkv->data + (size_t)tokens[i] * row, row);
        ((int32_t *)sequence->data)[i] = (int32_t)(tokens[i] / s.time);
        ((int32_t *)position->data)[i] = ((const int32_t *)positions->data)[tokens[i]];
    }
    stoa_tensor *out = stoa_attention_cached(ctx, some, sequence, position, cache, s.heads,
                                             s.kv_heads, s.width, 10000);
    assert_int_equal(stoa_ctx_status(ctx, NULL), STOA_OK);
    int64_t columns = (int64_t)s.heads * s.width;
    for (int64_t i = 0; i < n * columns; i++) {
        double got = stoa_get(out, i);
        double want = stoa_get(expected, tokens[i / columns] * columns + i % columns);
        if (!(fabs(got - want) <= tolerance))
            fail_msg("token %d, column %d: %g, expected %g", (int)tokens[i / columns],
                     (int)(i % columns), got, want);
    }
}

/* Feeds all tokens in an order that respects each sequence's: calls of random size, of tokens of
 * random sequences, a long prefill now and then. */
static void cached_equals_whole(shape s, stoa_dtype type, double tolerance) {
    stoa_pool *pool = stoa_pool_new(2);
    stoa_ctx *ctx = stoa_ctx_new(stoa_backend_cpu(), pool, 0);
    stoa_tensor *qkv = random_qkv(ctx, s, type), *positions = gapped_positions(ctx, s);
    stoa_tensor *expected = whole(ctx, s, qkv, positions);
    stoa_kv_cache cache;
    int64_t width = (int64_t)s.kv_heads * s.width;
    assert_int_equal(stoa_kv_cache_init(&cache, type, s.batch, s.time, width, NULL), STOA_OK);
    stoa_rng rng = stoa_rng_stream(5, "order", 0);
    int64_t next[8] = {0}, tokens[64], left = s.batch * s.time;
    while (left > 0) {
        int64_t n = 0, most = 1 + stoa_rng_below(&rng, 40);
        while (left > 0 && n < most) {
            int64_t b = stoa_rng_below(&rng, s.batch);
            int64_t run = stoa_rng_below(&rng, 4) ? 1 : 20;
            for (; run > 0 && n < most && next[b] < s.time; run--, left--)
                tokens[n++] = b * s.time + next[b]++;
        }
        feed(ctx, s, &cache, qkv, positions, expected, tokens, n, tolerance);
    }
    for (int64_t b = 0; b < s.batch; b++)
        assert_int_equal(cache.lengths[b], s.time);
    stoa_kv_cache_deinit(&cache);
    stoa_ctx_free(ctx);
    stoa_pool_free(pool);
}

static void cached_attention_equals_whole_attention(void **state) {
    (void)state;
    static const shape shapes[] = {{3, 70, 4, 2, 16}, {1, 40, 2, 2, 8},   {8, 33, 2, 1, 64},
                                   {2, 50, 3, 3, 80}, {1, 200, 4, 4, 32}, {2, 40, 1, 1, 12}};
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        cached_equals_whole(shapes[i], STOA_F32, 1e-5);
}

static void cached_attention_in_bf16_is_near_whole_attention(void **state) {
    (void)state;
    static const shape shapes[] = {{3, 70, 4, 2, 16}, {8, 33, 2, 1, 64}, {1, 150, 2, 2, 32}};
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        cached_equals_whole(shapes[i], STOA_BF16, 0.03);
}

static void a_full_cache_is_an_error_and_stays_as_it_was(void **state) {
    (void)state;
    shape s = {2, 3, 2, 1, 8};
    stoa_ctx *ctx = stoa_ctx_new(stoa_backend_cpu(), NULL, 0);
    stoa_kv_cache cache;
    assert_int_equal(stoa_kv_cache_init(&cache, STOA_F32, 2, 2, 8, NULL), STOA_OK);
    stoa_tensor *qkv = stoa_zeros(ctx, STOA_F32, STOA_SHAPE(4, row_width(s)));
    stoa_tensor *zeros = stoa_zeros(ctx, STOA_I32, STOA_SHAPE(4));
    int32_t which[] = {1, 0, 0, 0};
    stoa_tensor *sequence = stoa_from(ctx, STOA_I32, STOA_SHAPE(4), which);
    stoa_attention_cached(ctx, qkv, sequence, zeros, &cache, 2, 1, 8, 0);
    stoa_error err;
    assert_int_equal(stoa_ctx_status(ctx, &err), STOA_ERR_USAGE);
    assert_non_null(strstr(err.message, "sequence 0 is full at 2 tokens"));
    assert_int_equal(cache.lengths[0], 0);
    assert_int_equal(cache.lengths[1], 0);
    stoa_kv_cache_deinit(&cache);
    stoa_ctx_free(ctx);
}

static void a_cache_that_does_not_fit_is_refused(void **state) {
    (void)state;
    stoa_kv_cache cache;
    stoa_error err;
    assert_int_equal(stoa_kv_cache_init(&cache, STOA_F32, INT64_MAX / 4, INT64_MAX / 4, 1024, &err),
                     STOA_ERR_MEMORY);
    assert_null(cache.keys);
    stoa_alloc_fail_after(2, false);
    assert_int_equal(stoa_kv_cache_init(&cache, STOA_BF16, 1, 4, 8, &err), STOA_ERR_MEMORY);
    stoa_alloc_fail_after(0, false);
    assert_non_null(strstr(err.message, "1 sequences of 4 tokens"));
    stoa_kv_cache_deinit(&cache); // fine after a failure
}

static void an_empty_call_changes_nothing(void **state) {
    (void)state;
    stoa_ctx *ctx = stoa_ctx_new(stoa_backend_cpu(), NULL, 0);
    stoa_kv_cache cache;
    assert_int_equal(stoa_kv_cache_init(&cache, STOA_F32, 1, 2, 8, NULL), STOA_OK);
    stoa_tensor *none = stoa_zeros(ctx, STOA_I32, STOA_SHAPE(0));
    stoa_tensor *out = stoa_attention_cached(ctx, stoa_zeros(ctx, STOA_F32, STOA_SHAPE(0, 24)),
                                             none, none, &cache, 1, 1, 8, 10000);
    assert_int_equal(stoa_ctx_status(ctx, NULL), STOA_OK);
    assert_int_equal(stoa_numel(out), 0);
    assert_int_equal(cache.lengths[0], 0);
    stoa_kv_cache_deinit(&cache);
    stoa_ctx_free(ctx);
}

/* Output and gradient of one call, with a pool of the given size; sums of all bytes. */
static void run(int threads, shape s, stoa_dtype type, void *out_copy, void *grad_copy) {
    stoa_pool *pool = stoa_pool_new(threads);
    stoa_ctx *ctx = stoa_ctx_new(stoa_backend_cpu(), pool, 0);
    stoa_ctx_set_grad(ctx, true);
    stoa_tensor *qkv = random_qkv(ctx, s, type);
    qkv->requires_grad = true;
    stoa_keep_grad(ctx, qkv);
    stoa_tensor *out = whole(ctx, s, qkv, NULL);
    stoa_backward(ctx, out, out);
    assert_int_equal(stoa_ctx_status(ctx, NULL), STOA_OK);
    memcpy(out_copy, out->data, stoa_nbytes(out));
    memcpy(grad_copy, qkv->grad, stoa_nbytes(qkv));
    stoa_ctx_free(ctx);
    stoa_pool_free(pool);
}

static void gradients_do_not_depend_on_the_number_of_threads(void **state) {
    (void)state;
    static const shape shapes[] = {{1, 140, 4, 2, 16}, {3, 40, 2, 1, 32}};
    enum { MOST = 1 << 17 };
    static char out[2][MOST], grad[2][MOST];
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        for (int half = 0; half < 2; half++) {
            shape s = shapes[i];
            size_t rows = (size_t)(s.batch * s.time) * (half ? 2 : 4);
            size_t bytes[] = {rows * (size_t)(s.heads * s.width), rows * (size_t)row_width(s)};
            assert_true(bytes[1] <= MOST);
            run(1, s, half ? STOA_BF16 : STOA_F32, out[0], grad[0]);
            run(3, s, half ? STOA_BF16 : STOA_F32, out[1], grad[1]);
            assert_memory_equal(out[0], out[1], bytes[0]);
            assert_memory_equal(grad[0], grad[1], bytes[1]);
        }
}

/* A score may exceed an earlier chunk's by more than float32 exponentials could bear. */
static void scores_that_grow_along_the_sequence_are_rescaled(void **state) {
    (void)state;
    enum { T = 300, D = 32 };
    for (int half = 0; half < 2; half++) {
        stoa_ctx *ctx = stoa_ctx_new(stoa_backend_cpu(), NULL, 0);
        stoa_dtype type = half ? STOA_BF16 : STOA_F32;
        stoa_tensor *qkv = stoa_zeros(ctx, type, STOA_SHAPE(1, T, 3 * D));
        for (int64_t t = 0; t < T; t++) {
            stoa_set(qkv, t * 3 * D, 1);                // query
            stoa_set(qkv, t * 3 * D + D, (double)t);    // key: score t
            stoa_set(qkv, t * 3 * D + 2 * D, t == 255); // value
        }
        stoa_attention_options how = {.heads = 1,
                                      .kv_heads = 1,
                                      .head_width = D,
                                      .k_column = D,
                                      .v_column = 2 * D,
                                      .causal = true,
                                      .scale = 8};
        stoa_tensor *out = stoa_attention(ctx, qkv, qkv, qkv, &how);
        assert_int_equal(stoa_ctx_status(ctx, NULL), STOA_OK);
        assert_true(fabs(stoa_get(out, 254 * D)) < 1e-6); // does not see it
        assert_true(fabs(stoa_get(out, 255 * D) - 1) < 5e-3);
        assert_true(fabs(stoa_get(out, 299 * D)) < 1e-6); // sees larger scores
        stoa_ctx_free(ctx);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cached_attention_equals_whole_attention),
        cmocka_unit_test(cached_attention_in_bf16_is_near_whole_attention),
        cmocka_unit_test(a_full_cache_is_an_error_and_stays_as_it_was),
        cmocka_unit_test(a_cache_that_does_not_fit_is_refused),
        cmocka_unit_test(an_empty_call_changes_nothing),
        cmocka_unit_test(gradients_do_not_depend_on_the_number_of_threads),
        cmocka_unit_test(scores_that_grow_along_the_sequence_are_rescaled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
