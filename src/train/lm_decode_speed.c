/* train/lm_decode_speed.c - how fast a model decodes. */
#include <stdlib.h>

#include "stoa/train.h"

enum { CALIBRATION_ROWS = 4 };

static int ascending(const void *a, const void *b) {
    float x = *(const float *)a, y = *(const float *)b;
    return x < y ? -1 : x > y;
}

/* The bias that puts the largest `capacity` share of logits above zero. */
static void shift_bias(const stoa_router *router, const stoa_tensor *logits, float *sorted) {
    int64_t n = stoa_numel(logits);
    for (int64_t i = 0; i < n; i++)
        sorted[i] = (float)stoa_get(logits, i);
    qsort(sorted, (size_t)n, sizeof *sorted, ascending);
    int64_t below = n - stoa_route_capacity(router->options.capacity, n);
    float least = below > 0 && below < n ? (sorted[below - 1] + sorted[below]) / 2 : sorted[0];
    stoa_set(router->fc2.bias, 0, stoa_get(router->fc2.bias, 0) - (double)least);
    router->fc2.bias->version++;
}

stoa_status stoa_lm_calibrate_routing(stoa_ctx *ctx, stoa_lm *lm, stoa_error *err) {
    int64_t n = CALIBRATION_ROWS * lm->options.context;
    int32_t *ids = stoa_alloc((size_t)n * sizeof *ids);
    float *sorted = stoa_alloc((size_t)n * sizeof *sorted);
    stoa_status status =
        ids && sorted ? STOA_OK : stoa_fail(err, STOA_ERR_MEMORY, "out of memory to calibrate");
    stoa_rng rng = stoa_rng_stream(1, "calibrate", 0);
    for (int64_t i = 0; status == STOA_OK && i < n; i++)
        ids[i] = (int32_t)stoa_rng_below(&rng, lm->options.vocab);
    /* block by block: shifting one changes what later ones see only in causal routing, not here */
    if (status == STOA_OK) {
        stoa_lm_output out;
        stoa_ctx_reset(ctx);
        stoa_tensor *in =
            stoa_from(ctx, STOA_I32, STOA_SHAPE(CALIBRATION_ROWS, lm->options.context), ids);
        stoa_lm_forward(ctx, lm, in, NULL, STOA_ROUTE_TOP_K, &out);
        status = stoa_ctx_status(ctx, err);
        for (int64_t i = 0; status == STOA_OK && i < lm->options.layers; i++)
            if (lm->depth_routed[i] && lm->routers[i].fc2.bias)
                shift_bias(&lm->routers[i], out.routes[i].logits, sorted);
    }
    stoa_free(ids);
    stoa_free(sorted);
    return status;
}

stoa_status stoa_lm_time_decode(const stoa_lm_settings *s, stoa_pool *pool, int64_t tokens,
                                double *seconds, size_t *cache_bytes, stoa_error *err) {
    stoa_lm *lm;
    STOA_TRY(stoa_lm_new(&lm, &s->model, 1, false, false, err));
    stoa_ctx *ctx = stoa_ctx_new(stoa_backend_cpu(), pool, 0);
    stoa_status status = ctx ? STOA_OK : stoa_fail(err, STOA_ERR_MEMORY, "out of memory");
    stoa_generate_result r = {0};
    int32_t prompt = 1;
    /* drawn, not greedy: an untrained model's most probable token repeats itself */
    stoa_generate_options g = {
        .batch = 1, .tokens = tokens, .seed = 1, .sampler = {.temperature = 1, .top_p = 1}};
    if (status == STOA_OK) {
        stoa_ctx_set_compute(ctx, s->precision == STOA_PRECISION_BF16 ? STOA_BF16 : STOA_F32);
        status = stoa_lm_calibrate_routing(ctx, lm, err);
    }
    for (int pass = 0; pass < 2 && status == STOA_OK; pass++) /* the first fills caches */
        status = stoa_generate(ctx, lm, &prompt, 1, &g, &r, err);
    if (status == STOA_OK) {
        *seconds = (r.seconds - r.prefill_seconds) / (double)(r.tokens - 1);
        *cache_bytes = r.cache_bytes;
    }
    stoa_ctx_free(ctx);
    stoa_lm_free(lm);
    return status;
}
