/*
 * train/lm_plan.c - what a run will cost. The trainer's own step runs on the meta backend, so
 * shapes, FLOPs and activation bytes are those of the run; the rest is arithmetic on the
 * parameters.
 */
#include <math.h>
#include <string.h>

#include "stoa/train.h"

void stoa_lm_micro_step(stoa_ctx *ctx, const stoa_lm *lm, const stoa_lm_settings *s,
                        const int32_t *inputs, const int32_t *targets, double scale,
                        stoa_lm_output *out) {
    int64_t batch = s->batch, length = s->model.context;
    stoa_tensor *ids = stoa_from(ctx, STOA_I32, STOA_SHAPE(batch, length), inputs);
    stoa_tensor *wanted = stoa_from(ctx, STOA_I32, STOA_SHAPE(batch, length), targets);
    stoa_lm_forward(ctx, lm, ids, wanted, STOA_ROUTE_TOP_K, out);
    stoa_tensor *total = out->loss;
    if (out->router_loss)
        total = stoa_add(ctx, total, stoa_affine(ctx, out->router_loss, s->router_weight, 0));
    if (out->balance_loss)
        total = stoa_add(ctx, total, stoa_affine(ctx, out->balance_loss, s->balance_weight, 0));
    if (scale != 1)
        total = stoa_affine(ctx, total, scale, 0);
    if (stoa_ctx_grad(ctx))
        stoa_backward(ctx, total, NULL);
}

static stoa_dtype compute_of(const stoa_lm_settings *s) {
    return s->precision == STOA_PRECISION_BF16 ? STOA_BF16 : STOA_F32;
}

/* Forward FLOPs of each block alone, from the difference of two models' totals would need two
 * models; running the blocks one by one on meta gives them directly. */
static void block_costs(stoa_ctx *ctx, const stoa_lm *lm, const stoa_lm_settings *s,
                        stoa_lm_plan *plan) {
    int64_t batch = s->batch, length = s->model.context, width = s->model.width;
    double tokens = (double)(batch * length), blocks = 0;
    stoa_ctx_set_grad(ctx, false);
    for (int64_t i = 0; i < s->model.layers; i++) {
        stoa_ctx_reset(ctx);
        stoa_stream stream = {.x = stoa_new(ctx, STOA_F32, STOA_SHAPE(batch, length, width))};
        stoa_tensor *balance = NULL;
        stoa_route route;
        if (lm->depth_routed[i])
            stoa_routed_block_apply(ctx, &lm->blocks[i], &lm->routers[i], stream, NULL,
                                    STOA_ROUTE_TOP_K, &route, &balance);
        else
            stoa_block_apply(ctx, &lm->blocks[i], stream, NULL, &balance);
        plan->block_flops[i] = stoa_ctx_statistics(ctx).flops / tokens;
        blocks += plan->block_flops[i];
    }
    plan->other_flops = plan->forward_flops - blocks;
}

static void parameter_costs(const stoa_lm *lm, const stoa_lm_settings *s, stoa_lm_plan *plan) {
    int64_t matrices = 0;
    for (int64_t i = 0; i < stoa_params_count(lm->params); i++) {
        const stoa_param *p = stoa_params_at(lm->params, i);
        bool table =
            strcmp(p->name, "embed.weight") == 0 || strcmp(p->name, "position.weight") == 0;
        if (table)
            plan->embedding_parameters += stoa_numel(&p->tensor);
        if (p->tensor.ndim == 2 && (!table || s->model.tied))
            matrices += stoa_numel(&p->tensor);
    }
    size_t floats;
    stoa_params_values(lm->params, &floats);
    plan->parameters = stoa_params_numel(lm->params);
    plan->weight_bytes = plan->gradient_bytes = floats * sizeof(float);
    plan->optimizer_bytes =
        stoa_optimizer_bytes(lm->params, (stoa_optimizer_kind)s->optimizer.kind);
    /* one copy for the product forward, one for the product back to the input */
    plan->packed_bytes = compute_of(s) == STOA_BF16 ? (size_t)matrices * 2 * 2 : 0;
    /* a routed block keeps the keys and values of its share of the tokens */
    double held = 0;
    for (int64_t i = 0; i < s->model.layers; i++)
        held += lm->depth_routed[i] ? s->model.router.capacity : 1.0;
    plan->cache_bytes = (size_t)(held * (double)s->model.context * 2 *
                                 (double)(s->model.kv_heads * (s->model.width / s->model.heads)) *
                                 (double)stoa_dtype_size(compute_of(s)));
}

stoa_status stoa_lm_plan_make(const stoa_lm_settings *s, stoa_lm_plan *plan, stoa_error *err) {
    *plan = (stoa_lm_plan){0};
    stoa_lm *lm;
    STOA_TRY(stoa_lm_new(&lm, &s->model, (uint64_t)s->seed, true, true, err));
    stoa_ctx *ctx = stoa_ctx_new(stoa_backend_meta(), NULL, 0);
    if (!ctx) {
        stoa_lm_free(lm);
        return stoa_fail(err, STOA_ERR_MEMORY, "out of memory for the plan");
    }
    stoa_ctx_set_compute(ctx, compute_of(s));
    stoa_ctx_set_grad(ctx, true);
    stoa_ctx_set_training(ctx, true);
    stoa_lm_output out;
    stoa_lm_micro_step(ctx, lm, s, NULL, NULL, 1.0 / (double)s->accumulate, &out);
    stoa_status status = stoa_ctx_status(ctx, err);
    stoa_ctx_stats stats = stoa_ctx_statistics(ctx);
    double tokens = (double)(s->batch * s->model.context);
    plan->forward_flops = stats.flops / tokens;
    plan->training_flops = (stats.flops + stats.backward_flops) / tokens;
    plan->activation_bytes = stats.arena_peak;
    plan->step_flops = plan->training_flops * tokens * (double)s->accumulate;
    plan->steps = s->flops > 0 ? (int64_t)llround(s->flops / plan->step_flops) : s->steps;
    plan->steps = plan->steps < 1 ? 1 : plan->steps;
    plan->total_flops = plan->step_flops * (double)plan->steps;
    block_costs(ctx, lm, s, plan);
    parameter_costs(lm, s, plan);
    stoa_ctx_free(ctx);
    stoa_lm_free(lm);
    return status;
}

double stoa_lm_plan_memory(const stoa_lm_plan *p) {
    return (double)p->weight_bytes + (double)p->gradient_bytes + (double)p->optimizer_bytes +
           (double)p->packed_bytes + (double)p->activation_bytes;
}

stoa_status stoa_lm_plan_fits(const stoa_lm_plan *p, stoa_error *err) {
    double need = stoa_lm_plan_memory(p), room = stoa_memory_available();
    double activations = (double)p->activation_bytes;
    if (need <= room)
        return STOA_OK;
    char all[32], some[32], rest[32], there[32];
    return stoa_fail(
        err, STOA_ERR_MEMORY,
        "this run needs %s of memory (activations %s, weights and optimiser %s) and "
        "%s are available; use a smaller %s",
        stoa_human_bytes(need, all, sizeof all), stoa_human_bytes(activations, some, sizeof some),
        stoa_human_bytes(need - activations, rest, sizeof rest),
        stoa_human_bytes(room, there, sizeof there),
        activations > need / 2 ? "train.batch (and more train.accumulate) or model.context"
                               : "model.width or model.layers");
}
