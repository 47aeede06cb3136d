/* train/lm_speed.c - how fast this machine will train a model, by timing parts of it. */
#include <string.h>

#include "stoa/train.h"

enum { MOST_TOKENS = 4096, REPEATS = 3 };

typedef struct probe {
    stoa_lm *lm;
    stoa_optimizer *optimizer;
    stoa_pool *pool;
    stoa_ctx *ctx;
    int32_t *ids;
} probe;

static void probe_deinit(probe *p) {
    stoa_ctx_free(p->ctx);
    stoa_optimizer_free(p->optimizer);
    stoa_lm_free(p->lm);
    stoa_free(p->ids);
}

static stoa_status probe_init(probe *p, const stoa_lm_settings *s, stoa_pool *pool,
                              stoa_error *err) {
    size_t n = (size_t)(s->batch * s->model.context) + 1;
    *p = (probe){.pool = pool};
    STOA_TRY(stoa_lm_new(&p->lm, &s->model, 1, true, false, err));
    p->optimizer = stoa_optimizer_new(p->lm->params, &s->optimizer, err);
    p->ctx = stoa_ctx_new(stoa_backend_cpu(), pool, 0);
    p->ids = stoa_alloc(n * sizeof *p->ids);
    if (!p->optimizer || !p->ctx || !p->ids)
        return stoa_fail(err, STOA_ERR_MEMORY, "out of memory to time a step");
    stoa_rng rng = stoa_rng_stream(1, "probe", 0);
    for (size_t i = 0; i < n; i++)
        p->ids[i] = (int32_t)stoa_rng_below(&rng, s->model.vocab);
    stoa_ctx_set_compute(p->ctx, s->precision == STOA_PRECISION_BF16 ? STOA_BF16 : STOA_F32);
    stoa_ctx_set_grad(p->ctx, true);
    stoa_ctx_set_training(p->ctx, true);
    return STOA_OK;
}

/* optimizer (nullable): seconds of the update are added. */
static stoa_status probe_step(probe *p, const stoa_lm_settings *s, double *optimizer,
                              stoa_error *err) {
    stoa_lm_output out;
    stoa_ctx_reset(p->ctx);
    stoa_ctx_set_seed(p->ctx, 1, 1);
    stoa_lm_micro_step(p->ctx, p->lm, s, p->ids, p->ids + 1, 1, &out);
    STOA_TRY(stoa_ctx_status(p->ctx, err));
    double before = stoa_clock();
    stoa_status status = stoa_optimizer_step(p->optimizer, p->pool, 1e-4, NULL, err);
    if (optimizer)
        *optimizer += stoa_clock() - before;
    return status;
}

/* One step that is not counted: it fills caches and merges the arena's blocks. */
static stoa_status probe_open(probe *p, const stoa_lm_settings *s, stoa_pool *pool,
                              stoa_error *err) {
    stoa_status status = probe_init(p, s, pool, err);
    for (int i = 0; i < 2 && status == STOA_OK; i++)
        status = probe_step(p, s, NULL, err);
    if (status != STOA_OK)
        probe_deinit(p);
    return status;
}

stoa_status stoa_lm_time_step(const stoa_lm_settings *s, stoa_pool *pool, double patience,
                              double *seconds, stoa_error *err) {
    probe p;
    STOA_TRY(probe_open(&p, s, pool, err));
    double start = stoa_clock(), best = 0;
    stoa_status status = STOA_OK;
    for (int i = 0; status == STOA_OK && (i < REPEATS || stoa_clock() - start < patience); i++) {
        double before = stoa_clock();
        status = probe_step(&p, s, NULL, err);
        double took = stoa_clock() - before;
        best = i == 0 || took < best ? took : best;
    }
    *seconds = best;
    probe_deinit(&p);
    return status;
}

stoa_status stoa_lm_profile_step(const stoa_lm_settings *s, stoa_pool *pool, double patience,
                                 stoa_lm_profile *out, stoa_error *err) {
    probe p;
    *out = (stoa_lm_profile){0};
    STOA_TRY(probe_open(&p, s, pool, err));
    stoa_ctx_set_profile(p.ctx, true);
    double start = stoa_clock();
    stoa_status status = STOA_OK;
    int64_t steps = 0;
    while (status == STOA_OK && (steps < REPEATS || stoa_clock() - start < patience)) {
        status = probe_step(&p, s, &out->optimizer, err);
        steps++;
    }
    double n = (double)steps;
    out->step = (stoa_clock() - start) / n;
    out->optimizer /= n;
    for (int op = 0; op < STOA_OP_COUNT; op++)
        for (int backward = 0; backward < 2; backward++)
            out->seconds[op][backward] = stoa_ctx_seconds(p.ctx, (stoa_op)op, backward) / n;
    probe_deinit(&p);
    return status;
}

stoa_status stoa_lm_predict_speed(const stoa_lm_settings *settings, double *tokens_per_second,
                                  stoa_error *err) {
    stoa_lm_settings s = *settings;
    int64_t routed = 0;
    for (int64_t i = 0; i < s.model.layers; i++)
        routed += stoa_lm_routes(&s.model, i);
    int64_t dense = s.model.layers - routed;
    while (s.batch > 1 && s.batch * s.model.context > MOST_TOKENS)
        s.batch = (s.batch + 1) / 2;
    stoa_pool *pool = stoa_pool_new((int)s.threads);
    if (!pool)
        return stoa_fail(err, STOA_ERR_MEMORY, "cannot start threads");
    double one, two, mixed = 0;
    s.model.pattern = STOA_PATTERN_NONE;
    s.model.experts_kind = STOA_EXPERTS_NONE;
    s.model.layers = 1;
    stoa_status status = stoa_lm_time_step(&s, pool, 0.3, &one, err);
    s.model.layers = 2;
    if (status == STOA_OK)
        status = stoa_lm_time_step(&s, pool, 0.3, &two, err);
    if (status == STOA_OK && routed > 0) {
        s.model.pattern = STOA_PATTERN_ODD;
        s.model.experts_kind = settings->model.experts_kind;
        status = stoa_lm_time_step(&s, pool, 0.3, &mixed, err);
    }
    stoa_pool_free(pool);
    STOA_TRY(status);
    /* a shared machine can time the larger model as the faster one */
    double block = two > one ? two - one : one / 2;
    double rest = one > block ? one - block : 0;
    double routed_block = routed == 0 ? 0 : mixed > one ? mixed - one : block / 4;
    double step = rest + (double)dense * block + (double)routed * routed_block;
    *tokens_per_second = (double)(s.batch * s.model.context) / step;
    return STOA_OK;
}
