/* train/play.h - an agent at play, without learning: for evaluation, pictures and people. */
#ifndef STOA_TRAIN_PLAY_H
#define STOA_TRAIN_PLAY_H

#include "train/agent.h"

typedef struct stoa_player {
    const stoa_agent *agent; /* borrowed, as env and pool */
    const stoa_env_spec *spec;
    stoa_env *env;
    stoa_pool *pool;
    stoa_ctx *ctx;
    stoa_env_memory memory;
    stoa_agent_state state;
    stoa_agent_cache cache; /* the state's */
    stoa_draw draw;
    uint8_t *reset,
        *over;           /* (B) an episode begins with the observation; ended with the last step */
    float *last_rewards; /* (B) */
    float *values;       /* (B) of the last observation acted on */
    stoa_agent_output out; /* of it, until the next step */
} stoa_player;

stoa_status stoa_player_init(stoa_player *p, const stoa_agent *agent, stoa_env *env,
                             stoa_pool *pool, stoa_dtype compute, stoa_error *err);
void stoa_player_deinit(stoa_player *p);
/* A new episode everywhere. */
stoa_status stoa_player_begin(stoa_player *p, uint64_t seed, bool greedy, stoa_error *err);
/* Looks and decides: memory.actions, values, out. */
stoa_status stoa_player_decide(stoa_player *p, stoa_error *err);
/* Does it: memory.buffers holds the next observations, rewards and flags. */
stoa_status stoa_player_move(stoa_player *p, stoa_error *err);
/* `episodes` episodes, shared out evenly over the instances whatever their lengths, so that short
 * ones do not count more often. STOA_ERR_INTERRUPTED on a stop request. */
stoa_status stoa_player_scores(stoa_player *p, int64_t episodes, stoa_agent_scores *result,
                               stoa_error *err);

#endif /* STOA_TRAIN_PLAY_H */
