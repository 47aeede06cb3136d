/* train/agent_pilot.c - an agent that acts where somebody else steps the environment. */
#include <string.h>

#include "train/agent_bundle.h"
#include "train/speech.h"

struct stoa_agent_pilot {
    const stoa_agent_bundle *bundle;
    stoa_ctx *ctx;
    stoa_agent_state state;
    stoa_agent_cache cache; /* the state's */
    stoa_agent_output out;  /* of the last choice, until the next */
    stoa_speech speech;
    stoa_draw draw;
    int64_t count;
    uint8_t *reset; /* (count) */
    float *nothing; /* (count) zeros: rewards before the first step */
};

stoa_status stoa_agent_pilot_new(stoa_agent_pilot **out, const stoa_agent_bundle *bundle,
                                 int64_t count, uint64_t seed, bool greedy, stoa_error *err) {
    *out = NULL;
    stoa_agent_pilot *p = stoa_alloc(sizeof *p);
    if (!p)
        return stoa_fail(err, STOA_ERR_MEMORY, "out of memory for the agent");
    *p = (stoa_agent_pilot){
        .bundle = bundle, .count = count, .draw = stoa_draw_of(seed, "play", greedy)};
    p->ctx = stoa_ctx_new(stoa_backend_cpu(), NULL, 0);
    p->reset = stoa_alloc((size_t)count);
    p->nothing = stoa_alloc((size_t)count * sizeof *p->nothing);
    stoa_dtype compute = stoa_agent_bundle_compute(bundle);
    stoa_status status = stoa_agent_state_init(&p->state, bundle->net.agent, count, err);
    if (status == STOA_OK)
        status = stoa_agent_cache_init(&p->cache, bundle->net.agent, compute, count, err);
    if (status == STOA_OK && (!p->ctx || !p->reset || !p->nothing))
        status = stoa_fail(err, STOA_ERR_MEMORY, "out of memory for the agent");
    if (status == STOA_OK)
        status = stoa_speech_init(&p->speech, bundle->net.objectives, bundle->net.objective_count,
                                  count, err);
    if (status != STOA_OK) {
        stoa_agent_pilot_free(p);
        return status;
    }
    stoa_ctx_set_compute(p->ctx, compute);
    p->state.cache = &p->cache;
    *out = p;
    return STOA_OK;
}

void stoa_agent_pilot_free(stoa_agent_pilot *p) {
    if (!p)
        return;
    stoa_speech_deinit(&p->speech);
    stoa_agent_state_deinit(&p->state);
    stoa_agent_cache_deinit(&p->cache);
    stoa_ctx_free(p->ctx);
    stoa_free(p->reset);
    stoa_free(p->nothing);
    stoa_free(p);
}

stoa_status stoa_agent_pilot_choose(stoa_agent_pilot *p, const stoa_env_buffers *seen,
                                    void *const *actions, stoa_error *err) {
    bool first = p->draw.step == 0;
    for (int64_t i = 0; i < p->count; i++)
        p->reset[i] = first || seen->terminated[i] || seen->truncated[i];
    stoa_agent_input in = {.steps = 1,
                           .batch = p->count,
                           .last_rewards = first ? p->nothing : seen->rewards,
                           .reset = p->reset};
    memcpy(in.observations, seen->observations, sizeof in.observations);
    memcpy(in.last_actions, actions, sizeof in.last_actions);
    STOA_TRY(stoa_act(p->ctx, p->bundle->net.agent, &p->bundle->spec, &in, &p->state, &p->draw,
                      actions, NULL, NULL, &p->out, err));
    p->draw.step++;
    return STOA_OK;
}

bool stoa_agent_pilot_speaks(const stoa_agent_pilot *p) {
    return p->speech.expl != NULL;
}

stoa_status stoa_agent_pilot_speak(stoa_agent_pilot *p, void *const *actions, stoa_error *err) {
    const void *chosen[STOA_ENV_SPACES];
    memcpy(chosen, actions, sizeof chosen);
    return stoa_speech_say(&p->speech, p->ctx, &p->out, chosen, err);
}

int stoa_agent_pilot_remarks(const stoa_agent_pilot *p, const stoa_env_buffers *seen,
                             int64_t instance, bool of_choice, stoa_agent_remark *out, int most) {
    return stoa_speech_remarks(&p->speech, seen, instance, of_choice, out, most);
}
