/*
 * model/agent_core.c - what an agent remembers: nothing or an LSTM (transformer and memory have
 * files of their own); and how the last action and reward reach it.
 */
#include <math.h>
#include <string.h>

#include "model/agent.h"
#include "model/agent_window.h"

/* Numbers that tell an action: a one-hot vector for each categorical element, a box as it is. */
static int64_t action_numbers(const stoa_env_spec *spec) {
    int64_t n = 0;
    for (int i = 0; i < spec->action_count; i++) {
        const stoa_space *s = &spec->actions[i];
        n += stoa_space_numel(s) * (s->kind == STOA_SPACE_CATEGORIES ? s->categories : 1);
    }
    return n;
}

void stoa_agent_lstm_declare(stoa_agent_core *core, stoa_params *params, int64_t k, int64_t m) {
    core->weight_x = stoa_agent_param(params, "core.weight_x", NULL, NULL, STOA_SHAPE(4 * m, k),
                                      STOA_INIT_NORMAL, 1 / sqrt((double)k), true);
    core->weight_h = stoa_agent_param(params, "core.weight_h", NULL, NULL, STOA_SHAPE(4 * m, m),
                                      STOA_INIT_NORMAL, 1 / sqrt((double)m), true);
    core->bias = stoa_agent_param(params, "core.bias", NULL, NULL, STOA_SHAPE(4 * m),
                                  STOA_INIT_FORGET, 1, false);
}

stoa_status stoa_agent_core_declare(stoa_agent *agent, stoa_params *params, stoa_error *err) {
    const stoa_agent_options *o = &agent->options;
    stoa_agent_core *core = &agent->core;
    agent->action_numbers = o->last_action ? action_numbers(&agent->spec) : 0;
    core->inputs = o->encoder_width + agent->action_numbers + (o->last_reward ? 1 : 0);
    int64_t k = core->inputs, m = o->core_width;
    agent->features = o->core == STOA_CORE_NONE ? k : m;
    switch (o->core) {
    case STOA_CORE_NONE:
        return STOA_OK;
    case STOA_CORE_LSTM:
        stoa_agent_lstm_declare(core, params, k, m);
        return STOA_OK;
    case STOA_CORE_TRANSFORMER:
        return stoa_agent_transformer_declare(agent, params, err);
    case STOA_CORE_MEMORY:
        return stoa_agent_memory_declare(agent, params, err);
    default:
        return stoa_fail(err, STOA_ERR_UNSUPPORTED, "agent.core %d is not a core", o->core);
    }
}

int64_t stoa_agent_state_width(const stoa_agent *agent) {
    const stoa_agent_options *o = &agent->options;
    switch (o->core) {
    case STOA_CORE_LSTM:
        return 2 * o->core_width; /* h | c */
    case STOA_CORE_TRANSFORMER:
        return stoa_agent_window_width(stoa_agent_window_shape_of(o));
    case STOA_CORE_MEMORY:
        return stoa_agent_memory_state(o);
    default:
        return 0;
    }
}

/* ---- the last action and reward -------------------------------------------------------------- */

/* One space's numbers of row r, written at element `at`; returns where the next begin. host NULL:
 * there was no action yet. */
static int64_t tell_action(stoa_tensor *to, int64_t at, const stoa_space *s, const void *host,
                           int64_t r) {
    int64_t elements = stoa_space_numel(s);
    bool categories = s->kind == STOA_SPACE_CATEGORIES;
    int64_t width = categories ? s->categories : 1;
    for (int64_t e = 0; host && e < elements; e++)
        if (categories)
            stoa_set(to, at + e * width + ((const int32_t *)host)[r * elements + e], 1);
        else
            stoa_set(to, at + e, (double)((const float *)host)[r * elements + e]);
    return at + elements * width;
}

stoa_tensor *stoa_agent_memories(stoa_ctx *ctx, const stoa_agent *agent,
                                 const stoa_agent_input *input) {
    int64_t width = agent->core.inputs - agent->options.encoder_width;
    int64_t rows = input->steps * input->batch;
    if (width == 0)
        return NULL;
    stoa_tensor *to =
        stoa_zeros(ctx, stoa_ctx_compute(ctx), STOA_SHAPE(input->steps, input->batch, width));
    if (!stoa_ctx_computes(ctx) || !to->data)
        return to;
    for (int64_t r = 0; r < rows; r++) {
        if (input->reset && input->reset[r])
            continue;
        int64_t at = r * width;
        for (int i = 0; agent->action_numbers > 0 && i < agent->spec.action_count; i++)
            at = tell_action(to, at, &agent->spec.actions[i], input->last_actions[i], r);
        if (agent->options.last_reward && input->last_rewards)
            stoa_set(to, (r + 1) * width - 1, (double)input->last_rewards[r]);
    }
    return to;
}

/* ---- forward --------------------------------------------------------------------------------- */

static stoa_tensor *lstm(stoa_ctx *ctx, const stoa_agent *agent, const stoa_agent_input *input,
                         stoa_tensor *x, const stoa_agent_state *state, stoa_agent_state *next) {
    const stoa_agent_core *core = &agent->core;
    int64_t m = agent->options.core_width;
    stoa_tensor *reset =
        input->reset ? stoa_from(ctx, STOA_U8, STOA_SHAPE(input->steps, input->batch), input->reset)
                     : NULL;
    stoa_tensor *h0 = stoa_agent_state_read(ctx, state, 0, m); // (B, M)
    stoa_tensor *c0 = stoa_agent_state_read(ctx, state, m, m);
    stoa_tensor *h_last, *c_last;
    stoa_lstm_trace rows;
    bool traced = stoa_agent_trace_rows(input, &rows);
    stoa_tensor *h = stoa_lstm_traced(ctx, x, core->weight_x, core->weight_h, core->bias, h0, c0,
                                      reset, &h_last, &c_last, traced ? &rows : NULL); // (T, B, M)
    if (next) {
        stoa_agent_state_write(ctx, next, 0, h_last);
        stoa_agent_state_write(ctx, next, m, c_last);
    }
    return h;
}

stoa_tensor *stoa_agent_remember(stoa_ctx *ctx, const stoa_agent *agent,
                                 const stoa_agent_input *input, stoa_tensor *x,
                                 const stoa_agent_state *state, stoa_agent_state *next,
                                 stoa_agent_output *out) {
    stoa_tensor *memories = stoa_agent_memories(ctx, agent, input);
    if (memories)
        x = stoa_concat(ctx, (stoa_tensor *[]){x, memories}, 2, -1); // (T, B, K)
    switch (agent->options.core) {
    case STOA_CORE_LSTM:
        return lstm(ctx, agent, input, x, state, next);
    case STOA_CORE_TRANSFORMER:
        return stoa_agent_transformer(ctx, agent, input, x, state, next, &out->router_loss);
    case STOA_CORE_MEMORY:
        return stoa_agent_memory(ctx, agent, input, x, state, next, &out->reads);
    default:
        return x;
    }
}
