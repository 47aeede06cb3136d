/* tests/tensor/op_speed.c - how fast the cases run: a table on standard output, nothing asserted.
 */
#include <assert.h>
#include <string.h>

#include "op_env.h"

static const double LEAST_SECONDS = 0.15, BATCH_SECONDS = 5e-4;

typedef struct speed {
    double forward, both; /* seconds of one run, without and with backward */
    double bytes;         /* of inputs and results */
    double flops, backward_flops;
} speed;

/* One step: build, and backward when there is a gradient to start from. */
static stoa_tensor *step(op_env *e, const op_case *c, const int64_t *dims,
                         const stoa_tensor *seed) {
    stoa_tensor *out = op_env_build(e, c, dims);
    if (seed) {
        for (int i = 0; i < e->count; i++)
            e->slots[i].tensor.grad_written = false;
        stoa_backward(e->ctx, out, seed);
    }
    return out;
}

/* Seconds of one step: the best of many short batches, which a busy machine disturbs least. */
static double time_of(op_env *e, const op_case *c, const int64_t *dims, const stoa_tensor *seed) {
    step(e, c, dims, seed);
    double began = stoa_clock(), best = 1e9;
    step(e, c, dims, seed);
    int runs = 1 + (int)(BATCH_SECONDS / (stoa_clock() - began));
    while (stoa_clock() - began < LEAST_SECONDS) {
        double start = stoa_clock();
        for (int i = 0; i < runs; i++)
            step(e, c, dims, seed);
        double mean = (stoa_clock() - start) / runs;
        best = mean < best ? mean : best;
    }
    return best;
}

static speed measure(const op_case *c, const int64_t *dims, stoa_dtype type, stoa_pool *pool) {
    op_env *e = op_env_open(stoa_backend_cpu(), pool, type);
    bool backward = stoa_backend_supports(stoa_backend_cpu(), c->op, true) && !c->index_output;
    speed s = {0};
    e->refill = false;
    s.forward = time_of(e, c, dims, NULL);
    stoa_tensor *out = step(e, c, dims, NULL);
    s.bytes = (double)stoa_nbytes(out);
    for (int i = 0; i < e->count; i++)
        s.bytes += (double)stoa_nbytes(&e->slots[i].tensor);
    if (backward) {
        stoa_ctx_set_grad(e->ctx, true);
        stoa_tensor seed = *out;
        seed.data = stoa_alloc(stoa_nbytes(out) + 64);
        assert(seed.data);
        for (int64_t i = 0; i < stoa_numel(out); i++)
            op_set_value(seed.dtype, seed.data, i, 1);
        s.both = time_of(e, c, dims, &seed);
        stoa_free(seed.data);
    }
    stoa_ctx_stats stats = stoa_ctx_statistics(e->ctx);
    s.flops = stats.flops;
    s.backward_flops = stats.backward_flops;
    if (stoa_ctx_status(e->ctx, NULL) != STOA_OK)
        s.forward = 0;
    op_env_close(e);
    return s;
}

static void print_speed(const op_case *c, const int64_t *dims, stoa_dtype type, stoa_pool *pool) {
    speed s = measure(c, dims, type, pool);
    char shape[100];
    int used = 0;
    for (int i = 0; i < 8 && dims[i]; i++)
        used += snprintf(shape + used, sizeof shape - (size_t)used, "%s%lld", i ? "," : "",
                         (long long)dims[i]);
    printf("%-20s %-22.22s %-22.22s %-5s", stoa_op_name(c->op), c->label, used ? shape : "0",
           stoa_dtype_name(type));
    if (s.forward == 0) {
        printf("  not supported\n");
        return;
    }
    printf(" %10.1f us %7.1f GB/s", s.forward * 1e6, s.bytes / s.forward * 1e-9);
    if (s.flops > 0)
        printf(" %8.1f GFLOP/s", s.flops / s.forward * 1e-9);
    if (s.both > 0) {
        double back = s.both - s.forward;
        printf("   back %10.1f us", back * 1e6);
        if (s.backward_flops > 0)
            printf(" %8.1f GFLOP/s", s.backward_flops / back * 1e-9);
    }
    printf("\n");
}

void op_print_speeds(const char *only, const int64_t *dims) {
    stoa_pool *pools[2] = {NULL, stoa_pool_new(0)};
    assert(pools[1]);
    for (int p = 0; p < 2; p++) {
        printf("%d thread%s\n", p ? stoa_pool_threads(pools[1]) : 1, p ? "s" : "");
        for (int f = 0; f < op_families_count; f++)
            for (int i = 0; i < *op_families[f].count; i++) {
                const op_case *c = &op_families[f].cases[i];
                if (only && strcmp(only, stoa_op_name(c->op)) != 0)
                    continue;
                const int64_t *d = dims ? dims : c->dims[c->dims_count - 1];
                print_speed(c, d, STOA_F32, pools[p]);
                if (!c->no_bf16)
                    print_speed(c, d, STOA_BF16, pools[p]);
            }
    }
    stoa_pool_free(pools[1]);
}
