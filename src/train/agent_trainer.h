/* train/agent_trainer.h - the inside of an agent's trainer. Private to the train room. */
#ifndef STOA_TRAIN_AGENT_TRAINER_H
#define STOA_TRAIN_AGENT_TRAINER_H

#include "train/agent.h"
#include "train/play.h"
#include "train/policy.h"

/* An agent, its objectives, and the parameters that all of them declared. */
typedef struct stoa_agent_net {
    stoa_params *params;
    stoa_agent *agent;
    stoa_objective objectives[STOA_OBJECTIVES];
    int objective_count;
} stoa_agent_net;
/* with_objectives false: the agent alone, whose parameters are then a prefix of the whole's. */
stoa_status stoa_agent_net_init(stoa_agent_net *net, const stoa_agent_settings *settings,
                                const stoa_env_spec *spec, bool with_objectives, bool with_grads,
                                stoa_error *err);
void stoa_agent_net_deinit(stoa_agent_net *net);

/* The learner's arrays (T, B): constants of the loss. */
typedef struct stoa_learner {
    stoa_ctx *ctx;
    float *rewards, *discounts, *log_rho, *targets, *advantages;
    float *part_targets, *part_advantages; /* of a minibatch */
    stoa_unroll part;                      /* PPO: a minibatch */
    int64_t *order;                        /* (B) instances, shuffled */
    stoa_env_spec spec;
    void *block;
} stoa_learner;

struct stoa_agent_trainer {
    stoa_agent_settings settings;
    stoa_env_spec spec;
    stoa_agent_net net;
    stoa_optimizer *optimizer;
    stoa_pool *pool; /* the learner's; the actors' too without the pipeline */
    stoa_unroll_layout layout;
    /* V-trace in turn: what acting leaves for learning with the same weights */
    stoa_agent_trace trace;
    stoa_unroll unrolls[2]; /* the second one: pipeline only */
    int front;              /* the unroll that is learned from next (pipeline), or was last */
    stoa_actor actor;
    stoa_learner learner;
    /* pipeline: the actors' own threads, and the weights they act with */
    stoa_pool *actor_pool;
    stoa_agent_net behind;
    bool started; /* the first unroll was begun */
    bool waiting; /* unrolls[front] was collected and not yet learned from */
    int64_t update, updates;
    /* evaluation */
    stoa_env *eval_env;
    stoa_player player;
    double best_score;
    int64_t best_update, evaluated_update;
};

/* learn.c: one update from an unroll. */
stoa_status stoa_learner_init(stoa_learner *l, const stoa_agent_settings *settings,
                              const stoa_unroll_layout *layout, const stoa_agent *agent,
                              const stoa_env_spec *spec, stoa_pool *pool, stoa_error *err);
void stoa_learner_deinit(stoa_learner *l);
stoa_status stoa_learner_update(stoa_agent_trainer *t, const stoa_unroll *u, stoa_agent_step *r,
                                stoa_error *err);

#endif /* STOA_TRAIN_AGENT_TRAINER_H */
