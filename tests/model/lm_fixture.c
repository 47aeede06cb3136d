/* tests/model/lm_fixture.c - small language models for tests. */
#include "lm_fixture.h"

stoa_lm_options small_options(int pattern) {
    stoa_lm_options o = {
        .vocab = VOCAB,
        .context = CONTEXT,
        .layers = 4,
        .width = 16,
        .heads = 2,
        .norm = STOA_NORM_RMS,
        .activation = STOA_ACTIVATION_GELU,
        .position = STOA_POSITION_ROPE,
        .rope_base = 10000,
        .init_scale = 0.3, /* large, so that every path matters */
        .pattern = pattern,
        .router = {.capacity = 0.34,
                   .kind = STOA_ROUTER_LEARNED,
                   .gate = STOA_GATE_RAW,
                   .cure = STOA_CURE_PREDICTOR,
                   .predictor_width = 8,
                   .init_scale = 0.5},
    };
    assert_int_equal(stoa_lm_options_check(&o, NULL), STOA_OK);
    return o;
}

stoa_lm *make_lm(const stoa_lm_options *options, uint64_t seed) {
    stoa_lm *lm = NULL;
    stoa_error err = {0};
    assert_int_equal(stoa_lm_new(&lm, options, seed, true, false, &err), STOA_OK);
    return lm;
}

stoa_lm *make_reference(const stoa_lm_options *options, uint64_t seed) {
    stoa_lm *lm = make_lm(options, seed);
    for (int64_t i = 0; i < stoa_params_count(lm->params); i++) {
        stoa_tensor *t = &stoa_params_at(lm->params, i)->tensor;
        double *wide = stoa_alloc((size_t)stoa_numel(t) * sizeof *wide);
        for (int64_t j = 0; j < stoa_numel(t); j++)
            wide[j] = stoa_get(t, j);
        t->data = wide;
        t->dtype = STOA_F64;
        t->requires_grad = false;
    }
    return lm;
}

void free_reference(stoa_lm *lm) {
    for (int64_t i = 0; i < stoa_params_count(lm->params); i++)
        stoa_free(stoa_params_at(lm->params, i)->tensor.data);
    stoa_lm_free(lm);
}

stoa_ctx *make_ctx(const char *backend) {
    stoa_ctx *ctx = stoa_ctx_new(stoa_backend_find(backend), NULL, 0);
    assert_non_null(ctx);
    stoa_ctx_set_seed(ctx, 7, 0);
    return ctx;
}

void random_ids(int32_t *ids, int64_t n, uint64_t seed) {
    stoa_rng rng = stoa_rng_stream(seed, "ids", 0);
    for (int64_t i = 0; i < n; i++)
        ids[i] = (int32_t)stoa_rng_below(&rng, VOCAB);
}

stoa_tensor *ids_tensor(stoa_ctx *ctx, int64_t rows, int64_t length, const int32_t *ids) {
    return stoa_from(ctx, STOA_I32, STOA_SHAPE(rows, length), ids);
}
