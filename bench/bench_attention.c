/*
 * bench/bench_attention.c - speed of attention: forward, backward, and decoding with a cache.
 *
 *   bench_attention                     a table of usual shapes
 *   bench_attention B T H G D [f32]     one causal shape with RoPE: seconds forward, backward
 *
 * The least of several rounds is shown; GFLOP/s count all query-key pairs, masked ones too.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stoa/tensor.h"

typedef struct shape {
    int64_t batch, time, heads, kv_heads, width;
} shape;

typedef struct timing {
    double forward, backward; // seconds
} timing;

static const double ROUND_SECONDS = 0.4; // spent on a shape

static void fill(stoa_tensor *t) {
    stoa_rng rng = stoa_rng_stream(1, "bench", 0);
    for (int64_t i = 0; i < stoa_numel(t); i++)
        stoa_set(t, i, 2 * stoa_rng_uniform(&rng) - 1);
}

static timing measure(stoa_pool *pool, shape s, stoa_dtype type, double rope_base) {
    int64_t row = (s.heads + 2 * s.kv_heads) * s.width, numbers = s.batch * s.time * row;
    stoa_ctx *ctx = stoa_ctx_new(stoa_backend_cpu(), pool, 64u << 20);
    size_t bytes = (size_t)numbers * stoa_dtype_size(type);
    stoa_tensor qkv = stoa_tensor_wrap(type, STOA_SHAPE(s.batch, s.time, row), stoa_alloc(bytes));
    qkv.grad = stoa_alloc(bytes);
    qkv.requires_grad = qkv.is_param = true;
    fill(&qkv);
    stoa_attention_options how = {
        .heads = (int)s.heads,
        .kv_heads = (int)s.kv_heads,
        .head_width = (int)s.width,
        .k_column = s.heads * s.width,
        .v_column = (s.heads + s.kv_heads) * s.width,
        .causal = true,
        .rope_base = rope_base,
    };
    stoa_ctx_set_grad(ctx, true);
    stoa_ctx_set_compute(ctx, type);
    timing best = {1e9, 1e9};
    stoa_tensor seed = {0};
    for (double begin = stoa_clock(); stoa_clock() - begin < ROUND_SECONDS;) {
        stoa_ctx_reset(ctx);
        qkv.grad_written = false;
        double t0 = stoa_clock();
        stoa_tensor *out = stoa_attention(ctx, &qkv, &qkv, &qkv, &how);
        double t1 = stoa_clock();
        if (!seed.data) {
            seed = stoa_tensor_wrap(type, out->ndim, out->shape, stoa_alloc(stoa_nbytes(out)));
            fill(&seed);
        }
        double t2 = stoa_clock();
        stoa_backward(ctx, out, &seed);
        double t3 = stoa_clock();
        best.forward = t1 - t0 < best.forward ? t1 - t0 : best.forward;
        best.backward = t3 - t2 < best.backward ? t3 - t2 : best.backward;
    }
    stoa_error err;
    if (stoa_ctx_status(ctx, &err) != STOA_OK)
        fprintf(stderr, "%s\n", err.message);
    stoa_free(seed.data);
    stoa_free(qkv.data);
    stoa_free(qkv.grad);
    stoa_ctx_free(ctx);
    return best;
}

/* Seconds a token of one sequence at the given length of its cache. */
static double decode(stoa_pool *pool, shape s, stoa_dtype type) {
    int64_t row = (s.heads + 2 * s.kv_heads) * s.width;
    stoa_ctx *ctx = stoa_ctx_new(stoa_backend_cpu(), pool, 1u << 20);
    stoa_kv_cache cache;
    stoa_kv_cache_init(&cache, type, s.batch, s.time, s.kv_heads * s.width, NULL);
    double best = 1e9;
    for (double begin = stoa_clock(); stoa_clock() - begin < ROUND_SECONDS;) {
        stoa_ctx_reset(ctx);
        stoa_tensor *qkv = stoa_zeros(ctx, type, STOA_SHAPE(s.batch, row));
        stoa_tensor *sequence = stoa_new(ctx, STOA_I32, STOA_SHAPE(s.batch));
        stoa_tensor *position = stoa_new(ctx, STOA_I32, STOA_SHAPE(s.batch));
        for (int64_t b = 0; b < s.batch; b++) {
            ((int32_t *)sequence->data)[b] = (int32_t)b;
            ((int32_t *)position->data)[b] = cache.lengths[b] = (int32_t)s.time - 1;
        }
        double t0 = stoa_clock();
        stoa_attention_cached(ctx, qkv, sequence, position, &cache, (int)s.heads, (int)s.kv_heads,
                              (int)s.width, 10000);
        double t1 = stoa_clock();
        best = t1 - t0 < best ? t1 - t0 : best;
    }
    stoa_kv_cache_deinit(&cache);
    stoa_ctx_free(ctx);
    return best;
}

int main(int argc, char **argv) {
    static const shape shapes[] = {{32, 256, 4, 4, 32}, {32, 256, 4, 4, 64}, {8, 1024, 4, 4, 64},
                                   {32, 32, 4, 4, 32},  {32, 32, 4, 4, 64},  {8, 256, 8, 2, 64},
                                   {1, 1024, 8, 8, 64}};
    static const shape caches[] = {{1, 256, 4, 4, 64}, {1, 2048, 8, 8, 64}, {32, 512, 4, 4, 64}};
    stoa_pool *pool = stoa_pool_new(0);
    if (argc >= 6) {
        shape s = {atoll(argv[1]), atoll(argv[2]), atoll(argv[3]), atoll(argv[4]), atoll(argv[5])};
        bool f32 = argc > 6 && strcmp(argv[6], "f32") == 0;
        timing t = measure(pool, s, f32 ? STOA_F32 : STOA_BF16, 10000);
        printf("%.9f %.9f\n", t.forward, t.backward);
        stoa_pool_free(pool);
        return 0;
    }
    printf("%d threads, causal, RoPE\n", stoa_pool_threads(pool));
    printf("%-22s %5s %10s %10s %10s %10s\n", "B T H G D", "", "fwd ms", "bwd ms", "fwd GF/s",
           "bwd GF/s");
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        for (int half = 0; half < 2; half++) {
            shape s = shapes[i];
            timing t = measure(pool, s, half ? STOA_BF16 : STOA_F32, 10000);
            double flops = 4.0 * (double)(s.batch * s.heads * s.time * s.time * s.width);
            printf("%3lld %4lld %2lld %2lld %3lld      %5s %10.3f %10.3f %10.0f %10.0f\n",
                   (long long)s.batch, (long long)s.time, (long long)s.heads, (long long)s.kv_heads,
                   (long long)s.width, half ? "bf16" : "f32", t.forward * 1e3, t.backward * 1e3,
                   flops / t.forward * 1e-9, 2.5 * flops / t.backward * 1e-9);
        }
    printf("decoding a token a sequence, us\n");
    for (size_t i = 0; i < sizeof caches / sizeof caches[0]; i++)
        printf("%3lld sequences of %4lld, %lld heads of %lld: f32 %.1f, bf16 %.1f\n",
               (long long)caches[i].batch, (long long)caches[i].time, (long long)caches[i].heads,
               (long long)caches[i].width, decode(pool, caches[i], STOA_F32) * 1e6,
               decode(pool, caches[i], STOA_BF16) * 1e6);
    stoa_pool_free(pool);
    return 0;
}
