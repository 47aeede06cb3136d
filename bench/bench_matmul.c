/*
 * bench/bench_matmul.c - speed of linear layers: forward, gradient of the input, of the weight.
 *
 *   bench_matmul [threads] [f32|bf16]
 *
 * Each shape runs on a ring of activations larger than the second-level cache, as the layers of a
 * model do; the best of repeated rounds counts. GFLOP/s, multiply-add = 2.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/node.h"

enum { RING = 8 };
static const double SECONDS = 0.15; /* a measurement */

static const int64_t shapes[][3] = {
    // M, K, N
    {2048, 128, 384}, {2048, 128, 512},  {2048, 512, 128},   {256, 128, 512},  {2048, 384, 1152},
    {2048, 384, 384}, {2048, 384, 1536}, {2048, 1536, 384},  {256, 384, 1536}, {2048, 768, 2304},
    {2048, 768, 768}, {2048, 768, 3072}, {2048, 3072, 768},  {256, 768, 3072}, {1, 384, 1536},
    {8, 384, 1536},   {1, 768, 3072},    {2048, 768, 16384},
};

typedef struct layer {
    stoa_ctx *ctx;
    stoa_node node[RING];
    stoa_tensor weight, bias;
    int ring;
} layer;

static stoa_tensor *noise(stoa_ctx *ctx, stoa_dtype dtype, int64_t rows, int64_t columns) {
    stoa_tensor *t = stoa_new(ctx, dtype, STOA_SHAPE(rows, columns));
    uint32_t u = 1;
    for (int64_t i = 0; i < rows * columns; i++) {
        u = u * 1664525u + 1013904223u;
        float f = (float)(u >> 8) / (float)(1 << 24) - 0.5f;
        uint32_t bits;
        memcpy(&bits, &f, sizeof bits);
        if (dtype == STOA_F32)
            ((float *)t->data)[i] = f;
        else
            ((uint16_t *)t->data)[i] = (uint16_t)(bits >> 16);
    }
    return t;
}

static void layer_init(layer *l, stoa_ctx *ctx, stoa_dtype dtype, const int64_t *shape) {
    int64_t m = shape[0], k = shape[1], n = shape[2];
    memset(l, 0, sizeof *l);
    l->ctx = ctx;
    l->ring = m * (k + n) > (1 << 24) ? 2 : RING;
    l->weight = *noise(ctx, STOA_F32, n, k);
    l->bias = *noise(ctx, STOA_F32, 1, n);
    l->weight.is_param = l->bias.is_param = true;
    l->weight.grad = noise(ctx, STOA_F32, n, k)->data;
    l->bias.grad = noise(ctx, STOA_F32, 1, n)->data;
    for (int i = 0; i < l->ring; i++) {
        stoa_tensor *x = noise(ctx, dtype, m, k), *y = noise(ctx, dtype, m, n);
        x->grad = noise(ctx, dtype, m, k)->data;
        y->grad = noise(ctx, dtype, m, n)->data;
        y->grad_written = true;
        l->node[i] = (stoa_node){.op = STOA_OP_LINEAR, .in = {x, &l->weight, &l->bias}, .out = {y}};
    }
}

typedef enum what { FORWARD, INPUT, WEIGHT } what;

/* GFLOP/s of one of the three products. */
static double measure(layer *l, what part) {
    const stoa_kernel_pair *kernels = &l->ctx->backend->kernels[STOA_OP_LINEAR];
    double best = 1e30, started = stoa_clock();
    for (int round = 0; round < 3 * l->ring || stoa_clock() - started < SECONDS; round++) {
        stoa_node *node = &l->node[round % l->ring];
        node->in[0]->requires_grad = part == INPUT;
        node->in[1]->requires_grad = node->in[2]->requires_grad = part == WEIGHT;
        for (int i = 0; i < 3; i++)
            node->in[i]->grad_written = false;
        stoa_arena_mark mark = stoa_arena_save(l->ctx->scratch);
        double t = stoa_clock();
        stoa_status status = (part == FORWARD ? kernels->forward : kernels->backward)(l->ctx, node);
        t = stoa_clock() - t;
        stoa_arena_restore(l->ctx->scratch, mark);
        assert(status == STOA_OK);
        (void)status;
        best = t < best ? t : best;
    }
    return stoa_op_table[STOA_OP_LINEAR].flops(&l->node[0]) / best * 1e-9;
}

int main(int argc, char **argv) {
    int threads = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 0;
    stoa_dtype dtype = argc > 2 && strcmp(argv[2], "f32") == 0 ? STOA_F32 : STOA_BF16;
    stoa_pool *pool = stoa_pool_new(threads);
    printf("%d threads, %s, GFLOP/s\n%6s %6s %6s %9s %9s %9s %9s\n", stoa_pool_threads(pool),
           stoa_dtype_name(dtype), "M", "K", "N", "forward", "input", "weight", "all");
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        stoa_ctx *ctx = stoa_ctx_new(stoa_backend_cpu(), pool, 0);
        layer l;
        layer_init(&l, ctx, dtype, shapes[i]);
        double f = measure(&l, FORWARD), x = measure(&l, INPUT), w = measure(&l, WEIGHT);
        printf("%6lld %6lld %6lld %9.0f %9.0f %9.0f %9.0f\n", (long long)shapes[i][0],
               (long long)shapes[i][1], (long long)shapes[i][2], f, x, w,
               3 / (1 / f + 1 / x + 1 / w));
        fflush(stdout);
        stoa_packed_free(&l.weight);
        stoa_ctx_free(ctx);
    }
    stoa_pool_free(pool);
    return 0;
}
