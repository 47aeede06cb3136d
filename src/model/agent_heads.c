/*
 * model/agent_heads.c - from features to decisions: logits for categories, mean and logarithm of
 * the standard deviation for boxes, and the value. All in full precision.
 */
#include <math.h>
#include <stdio.h>

#include "model/agent.h"

/* A policy starts near uniform, so that it explores before it prefers. */
static const double policy_scale = 0.01;

static stoa_agent_head declare(const stoa_agent *agent, stoa_params *params, const char *name,
                               int64_t outputs, double scale) {
    int64_t k = agent->features, w = agent->options.head_width;
    char prefix[64];
    stoa_agent_head head = {0};
    if (w > 0) {
        snprintf(prefix, sizeof prefix, "heads.%s.hidden", name);
        head.hidden = stoa_linear_new(params, prefix, k, w, true, sqrt(2.0 / (double)k));
        k = w;
    }
    snprintf(prefix, sizeof prefix, "heads.%s", name);
    head.out = stoa_linear_new(params, prefix, k, outputs, true, scale / sqrt((double)k));
    return head;
}

stoa_status stoa_agent_heads_declare(stoa_agent *agent, stoa_params *params, stoa_error *err) {
    for (int i = 0; i < agent->spec.action_count; i++) {
        const stoa_space *s = &agent->spec.actions[i];
        int64_t n = stoa_space_numel(s);
        char name[STOA_ENV_NAME + 8];
        snprintf(name, sizeof name, "action.%s", s->name);
        if (s->kind == STOA_SPACE_CATEGORIES && s->dtype == STOA_I32 && s->categories > 0) {
            agent->heads[i] = declare(agent, params, name, n * s->categories, policy_scale);
        } else if (s->kind == STOA_SPACE_BOX && s->dtype == STOA_F32) {
            agent->heads[i] = declare(agent, params, name, n, policy_scale);
            agent->heads[i].log_std = stoa_agent_param(params, "heads", name, "log_std",
                                                       STOA_SHAPE(n), STOA_INIT_ZERO, 0, false);
        } else {
            return stoa_fail(err, STOA_ERR_UNSUPPORTED,
                             "no head for action \"%s\": a %s of type %s", s->name,
                             stoa_space_kind_name(s->kind), stoa_dtype_name(s->dtype));
        }
    }
    agent->value = declare(agent, params, "value", 1, 1);
    return STOA_OK;
}

static stoa_tensor *apply(stoa_ctx *ctx, const stoa_agent_head *head, stoa_tensor *x) {
    if (head->hidden.weight)
        x = stoa_relu(ctx, stoa_linear_apply(ctx, &head->hidden, x, stoa_ctx_compute(ctx)));
    return stoa_linear_apply(ctx, &head->out, x, stoa_ctx_full(ctx));
}

/* mean (T, B, E) -> mean | log_std (T, B, 2E) */
static stoa_tensor *with_spread(stoa_ctx *ctx, const stoa_agent_head *head, stoa_tensor *mean) {
    stoa_tensor *zero = stoa_zeros(ctx, mean->dtype, mean->ndim, mean->shape);
    stoa_tensor *spread = stoa_add(ctx, zero, head->log_std);
    return stoa_concat(ctx, (stoa_tensor *[]){mean, spread}, 2, -1);
}

void stoa_agent_decide(stoa_ctx *ctx, const stoa_agent *agent, stoa_agent_output *out) {
    stoa_tensor *x = out->features; // (T, B, M)
    for (int i = 0; i < agent->spec.action_count; i++) {
        const stoa_agent_head *head = &agent->heads[i];
        stoa_tensor *y = apply(ctx, head, x);
        out->logits[i] = head->log_std ? with_spread(ctx, head, y) : y;
    }
    out->value = stoa_reshape(ctx, apply(ctx, &agent->value, x),
                              STOA_SHAPE(x->shape[0], x->shape[1])); // (T, B)
}
