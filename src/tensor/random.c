/* tensor/random.c - random constants of a step. */
#include "tensor/node.h"

stoa_tensor *stoa_normal(stoa_ctx *ctx, int ndim, const int64_t *shape) {
    stoa_tensor *t = stoa_new(ctx, ctx->backend->full, ndim, shape);
    /* one stream a step and op, so that no step repeats another's draws */
    stoa_rng rng =
        stoa_rng_stream(ctx->seed ^ (ctx->step * 0x9e3779b97f4a7c15u), "normal", ctx->random_ops++);
    if (!ctx->backend->computes || !t->data)
        return t;
    int64_t n = stoa_numel(t);
    for (int64_t i = 0; i < n; i++) {
        double draw = stoa_rng_normal(&rng);
        if (t->dtype == STOA_F64)
            ((double *)t->data)[i] = draw;
        else
            ((float *)t->data)[i] = (float)draw;
    }
    return t;
}
