/* model/agent_state.c - the core's state between steps: one row of floats an instance. */
#include <assert.h>
#include <string.h>

#include "model/agent.h"

stoa_status stoa_agent_state_init(stoa_agent_state *state, const stoa_agent *agent, int64_t batch,
                                  stoa_error *err) {
    *state = (stoa_agent_state){.batch = batch, .width = stoa_agent_state_width(agent)};
    if (state->width == 0)
        return STOA_OK;
    state->data = stoa_alloc((size_t)(batch * state->width) * sizeof *state->data);
    if (!state->data)
        return stoa_fail(err, STOA_ERR_MEMORY, "out of memory for the states of %lld instances",
                         (long long)batch);
    return STOA_OK;
}

void stoa_agent_state_deinit(stoa_agent_state *state) {
    stoa_free(state->data);
    *state = (stoa_agent_state){0};
}

stoa_tensor *stoa_agent_state_read(stoa_ctx *ctx, const stoa_agent_state *state, int64_t begin,
                                   int64_t n) {
    stoa_tensor *t = stoa_new(ctx, stoa_ctx_full(ctx), STOA_SHAPE(state->batch, n));
    if (!stoa_ctx_computes(ctx) || !t->data)
        return t;
    assert(begin >= 0 && begin + n <= state->width);
    for (int64_t b = 0; b < state->batch; b++) {
        const float *from = state->data + b * state->width + begin;
        if (t->dtype == STOA_F32)
            memcpy((float *)t->data + b * n, from, (size_t)n * sizeof *from);
        else
            for (int64_t i = 0; i < n; i++)
                stoa_set(t, b * n + i, (double)from[i]);
    }
    return t;
}

void stoa_agent_state_write(stoa_ctx *ctx, stoa_agent_state *state, int64_t begin,
                            const stoa_tensor *from) {
    if (!stoa_ctx_computes(ctx) || stoa_ctx_status(ctx, NULL) != STOA_OK)
        return;
    int64_t n = from->shape[1]; // from (B, n)
    assert(from->shape[0] == state->batch && begin >= 0 && begin + n <= state->width);
    for (int64_t b = 0; b < state->batch; b++) {
        float *to = state->data + b * state->width + begin;
        if (from->dtype == STOA_F32)
            memcpy(to, (const float *)from->data + b * n, (size_t)n * sizeof *to);
        else
            for (int64_t i = 0; i < n; i++)
                to[i] = (float)stoa_get(from, b * n + i);
    }
}
