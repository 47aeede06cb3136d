/* env/chain.h - Chain's settings, and its exact value for tests. */
#ifndef STOA_ENV_CHAIN_H
#define STOA_ENV_CHAIN_H

#include "stoa/env.h"

typedef struct stoa_chain_config {
    int64_t length, trigger, walk, steps;
    bool time;
} stoa_chain_config;

/* Expected return of the policy that goes left with probability p_left at every position. */
double stoa_chain_value(const stoa_chain_config *config, double p_left);

#endif /* STOA_ENV_CHAIN_H */
