/* train/play.c - an agent at play, without learning. */
#include "train/play.h"

#include <string.h>

stoa_status stoa_player_init(stoa_player *p, const stoa_agent *agent, stoa_env *env,
                             stoa_pool *pool, stoa_dtype compute, stoa_error *err) {
    size_t count = (size_t)stoa_env_count(env);
    *p = (stoa_player){.agent = agent, .spec = stoa_env_spec_of(env), .env = env, .pool = pool};
    p->ctx = stoa_ctx_new(stoa_backend_cpu(), pool, 0);
    p->reset = stoa_alloc(count);
    p->over = stoa_alloc(count);
    p->last_rewards = stoa_alloc(count * sizeof *p->last_rewards);
    p->values = stoa_alloc(count * sizeof *p->values);
    if (!p->ctx || !p->reset || !p->over || !p->last_rewards || !p->values)
        return stoa_fail(err, STOA_ERR_MEMORY, "out of memory for playing");
    stoa_ctx_set_compute(p->ctx, compute);
    STOA_TRY(stoa_env_memory_init(&p->memory, env, err));
    STOA_TRY(stoa_agent_state_init(&p->state, agent, (int64_t)count, err));
    STOA_TRY(stoa_agent_cache_init(&p->cache, agent, compute, (int64_t)count, err));
    p->state.cache = &p->cache;
    return STOA_OK;
}

void stoa_player_deinit(stoa_player *p) {
    stoa_agent_state_deinit(&p->state);
    stoa_agent_cache_deinit(&p->cache);
    stoa_env_memory_deinit(&p->memory);
    stoa_free(p->reset);
    stoa_free(p->over);
    stoa_free(p->last_rewards);
    stoa_free(p->values);
    stoa_ctx_free(p->ctx);
    *p = (stoa_player){0};
}

stoa_status stoa_player_begin(stoa_player *p, uint64_t seed, bool greedy, stoa_error *err) {
    size_t count = (size_t)stoa_env_count(p->env);
    p->draw = stoa_draw_of(seed, "play", greedy);
    memset(p->reset, 1, count);
    memset(p->last_rewards, 0, count * sizeof *p->last_rewards);
    stoa_env_seed(p->env, seed);
    return stoa_env_reset(p->env, p->pool, &p->memory.buffers, err);
}

stoa_status stoa_player_decide(stoa_player *p, stoa_error *err) {
    stoa_agent_input in = {.steps = 1,
                           .batch = stoa_env_count(p->env),
                           .last_rewards = p->last_rewards,
                           .reset = p->reset};
    memcpy(in.observations, p->memory.buffers.observations, sizeof in.observations);
    memcpy(in.last_actions, p->memory.actions, sizeof in.last_actions);
    STOA_TRY(stoa_act(p->ctx, p->agent, p->spec, &in, &p->state, &p->draw, p->memory.actions, NULL,
                      p->values, &p->out, err));
    p->draw.step++;
    return STOA_OK;
}

stoa_status stoa_player_move(stoa_player *p, stoa_error *err) {
    const stoa_env_buffers *b = &p->memory.buffers;
    STOA_TRY(stoa_env_step(p->env, p->pool, b, err));
    for (int64_t i = 0; i < stoa_env_count(p->env); i++)
        p->reset[i] = p->over[i] = b->terminated[i] | b->truncated[i];
    memcpy(p->last_rewards, b->rewards, (size_t)stoa_env_count(p->env) * sizeof(float));
    return STOA_OK;
}

/* ---- scores ---------------------------------------------------------------------------------- */

/* Episodes that instance i plays. */
static int64_t quota(int64_t episodes, int64_t count, int64_t i) {
    return episodes / count + (i < episodes % count);
}

/* Hides the ends of episodes beyond an instance's quota; returns how many it let pass. */
static int64_t admit(uint8_t *over, int64_t *played, int64_t episodes, int64_t count) {
    int64_t passed = 0;
    for (int64_t i = 0; i < count; i++) {
        over[i] = over[i] && played[i] < quota(episodes, count, i);
        played[i] += over[i];
        passed += over[i];
    }
    return passed;
}

static stoa_status play_out(stoa_player *p, stoa_episodes *e, int64_t *played, int64_t episodes,
                            stoa_error *err) {
    const stoa_env_buffers *b = &p->memory.buffers;
    int64_t count = stoa_env_count(p->env), left = episodes;
    while (left > 0) {
        if (stoa_stop_requested())
            return stoa_fail(err, STOA_ERR_INTERRUPTED, "stopped");
        STOA_TRY(stoa_player_decide(p, err));
        STOA_TRY(stoa_player_move(p, err));
        left -= admit(p->over, played, episodes, count);
        stoa_episodes_add(e, b->rewards, p->over, b->metrics);
    }
    return STOA_OK;
}

stoa_status stoa_player_scores(stoa_player *p, int64_t episodes, stoa_agent_scores *result,
                               stoa_error *err) {
    int64_t count = stoa_env_count(p->env);
    stoa_episodes e;
    int64_t *played = stoa_alloc((size_t)count * sizeof *played);
    *result = (stoa_agent_scores){0};
    stoa_status status = stoa_episodes_init(&e, p->spec, count, episodes, err);
    if (!played && status == STOA_OK)
        status = stoa_fail(err, STOA_ERR_MEMORY, "out of memory for playing");
    if (status == STOA_OK)
        status = play_out(p, &e, played, episodes, err);
    if (status == STOA_OK)
        *result = stoa_episodes_scores(&e);
    stoa_free(played);
    stoa_episodes_deinit(&e);
    return status;
}
