/*
 * model/agent.c - an agent from an environment's spec: encoders, core, heads; construction and the
 * one forward pass that serves acting and learning.
 */
#include "model/agent.h"

#include <assert.h>
#include <stdio.h>

stoa_tensor *stoa_agent_param(stoa_params *params, const char *prefix, const char *name,
                              const char *leaf, int ndim, const int64_t *shape, stoa_init init,
                              double scale, bool decay) {
    char full[128];
    snprintf(full, sizeof full, "%s%s%s%s%s", prefix, name ? "." : "", name ? name : "",
             leaf ? "." : "", leaf ? leaf : "");
    stoa_param *p = stoa_params_add(params, full, ndim, shape, init, scale, decay);
    return p ? &p->tensor : NULL;
}

static stoa_status check(const stoa_agent_options *o, stoa_error *err) {
    if (o->encoder_width < 1 || o->encoder_layers < 1 || o->encoder_layers > STOA_AGENT_LAYERS)
        return stoa_fail(err, STOA_ERR_USAGE,
                         "agent.encoder_width (%lld) must be at least 1 and agent.encoder_layers "
                         "(%lld) 1 to %d",
                         (long long)o->encoder_width, (long long)o->encoder_layers,
                         STOA_AGENT_LAYERS);
    if (o->object_width > 0 &&
        (o->object_layers < 1 || o->object_layers > STOA_AGENT_OBJECT_LAYERS))
        return stoa_fail(err, STOA_ERR_USAGE, "agent.object_layers (%lld) must be 1 to %d",
                         (long long)o->object_layers, STOA_AGENT_OBJECT_LAYERS);
    if (o->core != STOA_CORE_NONE && o->core_width < 1)
        return stoa_fail(err, STOA_ERR_USAGE, "agent.core_width is %lld; it must be at least 1",
                         (long long)o->core_width);
    if (o->image < STOA_IMAGE_FLAT || o->image > STOA_IMAGE_RESNET)
        return stoa_fail(err, STOA_ERR_USAGE, "agent.image %d is not an image encoder", o->image);
    if (o->head_width < 0)
        return stoa_fail(err, STOA_ERR_USAGE, "agent.head_width is %lld; 0 means linear heads",
                         (long long)o->head_width);
    return STOA_OK;
}

stoa_status stoa_agent_new(stoa_agent **out, stoa_params *params, const stoa_env_spec *spec,
                           const stoa_agent_options *options, stoa_error *err) {
    *out = NULL;
    STOA_TRY(check(options, err));
    stoa_agent *agent = stoa_alloc(sizeof *agent);
    if (!agent)
        return stoa_fail(err, STOA_ERR_MEMORY, "out of memory for the agent");
    agent->options = *options;
    agent->spec = *spec;
    stoa_status status = stoa_agent_encoder_declare(agent, params, err);
    if (status == STOA_OK)
        status = stoa_agent_core_declare(agent, params, err);
    if (status == STOA_OK)
        status = stoa_agent_heads_declare(agent, params, err);
    if (status != STOA_OK) {
        stoa_agent_free(agent);
        return status;
    }
    *out = agent;
    return STOA_OK;
}

void stoa_agent_free(stoa_agent *agent) {
    stoa_free(agent);
}

int64_t stoa_agent_encoding_width(const stoa_agent *agent) {
    return agent->options.encoder_width;
}

int64_t stoa_agent_feature_width(const stoa_agent *agent) {
    return agent->features;
}

void stoa_agent_forward(stoa_ctx *ctx, const stoa_agent *agent, const stoa_agent_input *input,
                        const stoa_agent_state *state, stoa_agent_state *next,
                        stoa_agent_output *out) {
    assert(input->steps > 0 && input->batch > 0);
    assert(state->batch == input->batch && (!next || next->batch == input->batch));
    *out = (stoa_agent_output){0};
    out->encoding = stoa_agent_encode(ctx, agent, input, out);
    out->features = stoa_agent_remember(ctx, agent, input, out->encoding, state, next, out);
    stoa_agent_decide(ctx, agent, out);
}
