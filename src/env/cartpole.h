/* env/cartpole.h - CartPole's settings. */
#ifndef STOA_ENV_CARTPOLE_H
#define STOA_ENV_CARTPOLE_H

#include "stoa/env.h"

typedef struct stoa_cartpole_config {
    int64_t steps;
} stoa_cartpole_config;

#endif /* STOA_ENV_CARTPOLE_H */
