/* env/slalom.h - Slalom's settings, and what its tests look at. */
#ifndef STOA_ENV_SLALOM_H
#define STOA_ENV_SLALOM_H

#include "stoa/env.h"

typedef struct stoa_slalom_config {
    int64_t gates, gap, gate_width, shift, limit, penalty;
    double reward_scale;
    int observation; /* stoa_slalom_observation */
    bool time;
} stoa_slalom_config;

typedef enum stoa_slalom_observation {
    STOA_SLALOM_VECTOR, /* STOA_SLALOM_NUMBERS numbers */
    STOA_SLALOM_IMAGE   /* 42x42 grey */
} stoa_slalom_observation;

/* The vector's elements, all within [-1, 1]. */
enum {
    STOA_SLALOM_X,       /* -1 left edge, 1 right edge */
    STOA_SLALOM_HEADING, /* -1 and 1: 72 degrees off the fall line */
    STOA_SLALOM_SPEED,   /* 1: full speed */
    STOA_SLALOM_LAST_X,  /* to the middle of the gate last gone by, in two gate widths, at most 1 */
    STOA_SLALOM_LAST_Y,  /* down to it, in two gaps: 0 to -1; -1 when there is none */
    STOA_SLALOM_GATE_X,  /* the next gate */
    STOA_SLALOM_GATE_Y,
    STOA_SLALOM_AFTER_X, /* the gate after that; 1 down when there is none */
    STOA_SLALOM_AFTER_Y,
    STOA_SLALOM_NUMBERS
};

/* Middle of a gate on the slope, in units from the left edge. */
int stoa_slalom_gate_x(const stoa_env *env, int64_t instance, int gate);

#endif /* STOA_ENV_SLALOM_H */
