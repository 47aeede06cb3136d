/* tensor/ctx.c - the context of a step: arenas, modes, failure, statistics. */
#include <assert.h>
#include <string.h>

#include "tensor/node.h"

stoa_ctx *stoa_ctx_new(const stoa_backend *backend, stoa_pool *pool, size_t arena_bytes) {
    stoa_ctx *ctx = stoa_alloc(sizeof *ctx);
    if (!ctx)
        return NULL;
    ctx->backend = backend;
    ctx->pool = pool;
    ctx->threads = pool ? stoa_pool_threads(pool) : 1;
    ctx->compute = backend->full;
    ctx->heads = stoa_arena_new(0);
    ctx->data = backend->computes ? stoa_arena_new(arena_bytes) : stoa_arena_new_counting();
    ctx->scratch = stoa_arena_new(0);
    ctx->emergency = stoa_alloc(STOA_EMERGENCY * sizeof *ctx->emergency);
    bool ok = ctx->heads && ctx->data && ctx->scratch && ctx->emergency;
    if (ok && backend->open)
        ok = backend->open(ctx, &ctx->state) == STOA_OK;
    if (!ok) {
        stoa_ctx_free(ctx);
        return NULL;
    }
    return ctx;
}

stoa_pool *stoa_ctx_pool(const stoa_ctx *ctx) {
    return ctx->pool;
}

void stoa_ctx_free(stoa_ctx *ctx) {
    if (!ctx)
        return;
    if (ctx->backend->close && ctx->state)
        ctx->backend->close(ctx->state);
    stoa_arena_free(ctx->heads);
    stoa_arena_free(ctx->data);
    stoa_arena_free(ctx->scratch);
    stoa_free(ctx->emergency);
    stoa_free(ctx);
}

void stoa_ctx_reset(stoa_ctx *ctx) {
    stoa_arena_reset(ctx->heads);
    stoa_arena_reset(ctx->data);
    stoa_arena_reset(ctx->scratch);
    ctx->tape = NULL;
    ctx->nodes = 0;
    ctx->spare_count = 0;
    ctx->random_ops = 0;
    ctx->flops = ctx->backward_flops = 0;
    memset(ctx->flops_by_op, 0, sizeof ctx->flops_by_op);
    ctx->failure.status = STOA_OK;
}

void stoa_ctx_fail(stoa_ctx *ctx, stoa_status status, const char *fmt, ...) {
    if (ctx->failure.status != STOA_OK)
        return;
    char text[sizeof ctx->failure.message];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    stoa_fail(&ctx->failure, status, "%s", text);
}

stoa_status stoa_ctx_status(const stoa_ctx *ctx, stoa_error *err) {
    if (ctx->failure.status != STOA_OK && err)
        *err = ctx->failure;
    return ctx->failure.status;
}

bool stoa_ctx_computes(const stoa_ctx *ctx) {
    return ctx->backend->computes;
}

void stoa_ctx_set_grad(stoa_ctx *ctx, bool on) {
    ctx->grad = on;
}

bool stoa_ctx_grad(const stoa_ctx *ctx) {
    return ctx->grad;
}

void stoa_ctx_set_training(stoa_ctx *ctx, bool on) {
    ctx->training = on;
}

bool stoa_ctx_training(const stoa_ctx *ctx) {
    return ctx->training;
}

void stoa_ctx_set_compute(stoa_ctx *ctx, stoa_dtype dtype) {
    assert(dtype == STOA_F32 || dtype == STOA_BF16 || dtype == STOA_F64);
    ctx->compute = ctx->backend->full == STOA_F64 ? STOA_F64 : dtype;
}

stoa_dtype stoa_ctx_compute(const stoa_ctx *ctx) {
    return ctx->compute;
}

stoa_dtype stoa_ctx_full(const stoa_ctx *ctx) {
    return ctx->backend->full;
}

void stoa_ctx_set_seed(stoa_ctx *ctx, uint64_t seed, uint64_t step) {
    ctx->seed = seed;
    ctx->step = step;
    ctx->random_ops = 0;
}

stoa_ctx_stats stoa_ctx_statistics(const stoa_ctx *ctx) {
    return (stoa_ctx_stats){
        .flops = ctx->flops,
        .backward_flops = ctx->backward_flops,
        .arena_used = stoa_arena_used(ctx->data),
        .arena_peak = stoa_arena_peak(ctx->data),
        .nodes = ctx->nodes,
    };
}

const double *stoa_ctx_flops_by_op(const stoa_ctx *ctx) {
    return ctx->flops_by_op;
}

void stoa_ctx_set_profile(stoa_ctx *ctx, bool on) {
    ctx->profile = on;
    if (on)
        memset(ctx->seconds, 0, sizeof ctx->seconds);
}

double stoa_ctx_seconds(const stoa_ctx *ctx, stoa_op op, bool backward) {
    return ctx->seconds[op][backward];
}

void *stoa_scratch(stoa_ctx *ctx, size_t bytes) {
    return stoa_arena_alloc(ctx->scratch, bytes);
}

void stoa_parallel(stoa_ctx *ctx, int64_t n, int64_t grain, stoa_range_fn fn, void *arg) {
    stoa_pool_run(ctx->pool, n, grain, fn, arg);
}
