/* env/pong.h - Pong's settings, and what its tests look at and set up. */
#ifndef STOA_ENV_PONG_H
#define STOA_ENV_PONG_H

#include "stoa/env.h"

typedef struct stoa_pong_config {
    int64_t points, max_steps;
    double skill, ball_speed, ball_growth, top_speed;
    int observation; /* stoa_pong_observation */
    bool time;
} stoa_pong_config;

typedef enum stoa_pong_observation {
    STOA_PONG_VECTOR, /* STOA_PONG_NUMBERS numbers */
    STOA_PONG_IMAGE   /* 42x42 grey */
} stoa_pong_observation;

/* The vector's elements, all within [-1, 1]. */
enum {
    STOA_PONG_X,       /* of the ball: -1 the opponent's end of the court, 1 the agent's */
    STOA_PONG_Y,       /* -1 the upper wall, 1 the lower one */
    STOA_PONG_X_SPEED, /* 1: top speed */
    STOA_PONG_Y_SPEED,
    STOA_PONG_AGENT,    /* middle of the paddle, on the scale of the ball's y */
    STOA_PONG_OPPONENT, /* the same */
    STOA_PONG_FOR,      /* points made, 1: all that a game needs */
    STOA_PONG_AGAINST,
    STOA_PONG_NUMBERS
};

/* Lengths: a unit is STOA_PONG_UNIT parts. x runs from the opponent's end to the agent's, y from
 * the upper wall down. */
enum {
    STOA_PONG_UNIT = 1024,
    STOA_PONG_SIDE = 168,             /* units of the court, both ways */
    STOA_PONG_PADDLE = 24,            /* units of a paddle's length */
    STOA_PONG_BALL = 4,               /* and of the ball's side */
    STOA_PONG_PADDLE_SPEED = 4,       /* units a step, of the agent's paddle */
    STOA_PONG_OPPONENT_PLANE = 10,    /* units: x of a ball that touches a paddle */
    STOA_PONG_AGENT_PLANE = 168 - 10, /* the same at the other end */
    STOA_PONG_REACH = (24 + 4) / 2,   /* units from a paddle's middle to the ball's, at most */
    STOA_PONG_SLOWEST_REACTION = 20   /* steps, at skill 0 */
};

/* One instance's court, in parts. */
typedef struct stoa_pong_court {
    int32_t x, y, x_speed, y_speed; /* of the ball */
    int32_t agent, opponent;        /* middles of the paddles */
    int32_t aim;      /* where on its paddle, from the middle, the opponent wants the ball */
    uint32_t step;    /* taken */
    uint32_t returns; /* the agent's in this game */
    uint8_t reaction; /* steps until the opponent follows the ball */
    uint8_t mine, theirs;
} stoa_pong_court;

stoa_pong_court stoa_pong_get(const stoa_env *env, int64_t instance);
void stoa_pong_set(stoa_env *env, int64_t instance, const stoa_pong_court *court);

#endif /* STOA_ENV_PONG_H */
