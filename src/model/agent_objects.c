/*
 * model/agent_objects.c - an observation that is a list of objects: one network for each of them,
 * the same for all, whose results stand side by side.
 *
 * What an object is like can then be learned once, wherever it stands, and be asked of its
 * embedding alone; how objects relate is left to the layers behind.
 */
#include <assert.h>
#include <math.h>
#include <stdio.h>

#include "model/agent.h"

bool stoa_agent_reads_objects(const stoa_agent *agent, const stoa_space *space) {
    return agent->options.object_width > 0 && !space->target && space->kind == STOA_SPACE_BOX &&
           space->ndim >= 2 && space->shape[0] > 0;
}

int64_t stoa_agent_objects_declare(stoa_agent_encoder *e, stoa_params *params,
                                   const stoa_space *space, const stoa_agent_options *o) {
    int64_t count = space->shape[0], k = stoa_space_numel(space) / count, w = o->object_width;
    char prefix[64];
    for (int64_t i = 0; i < o->object_layers; i++, k = w) {
        snprintf(prefix, sizeof prefix, "encoder.%s.%d", space->name, (int)i);
        e->objects[i] = stoa_linear_new(params, prefix, k, w, true, sqrt(2.0 / (double)k));
    }
    return count * w;
}

stoa_tensor *stoa_agent_objects_apply(stoa_ctx *ctx, const stoa_agent_encoder *e,
                                      const stoa_space *space, const stoa_agent_options *o,
                                      stoa_tensor *numbers) {
    int64_t count = space->shape[0], rows = numbers->shape[0] * count;
    stoa_tensor *x = stoa_reshape(ctx, numbers, STOA_SHAPE(rows, numbers->shape[1] / count));
    for (int64_t i = 0; i < o->object_layers; i++) // (R * O, W)
        x = stoa_relu(ctx, stoa_linear_apply(ctx, &e->objects[i], x, stoa_ctx_compute(ctx)));
    return x;
}

int64_t stoa_agent_objects(const stoa_agent *agent, int observation) {
    assert(observation >= 0 && observation < agent->spec.observation_count);
    const stoa_space *s = &agent->spec.observations[observation];
    return stoa_agent_reads_objects(agent, s) ? s->shape[0] : 0;
}

int64_t stoa_agent_object_width(const stoa_agent *agent) {
    return agent->options.object_width;
}
