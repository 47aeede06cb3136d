/* env/odd_one_out/choice.h - settings and state of odd-one-out-choice. */
#ifndef STOA_ENV_ODD_ONE_OUT_CHOICE_H
#define STOA_ENV_ODD_ONE_OUT_CHOICE_H

#include "env/odd_one_out/odd.h"

typedef struct stoa_odd_choice_config {
    int level, concept, explanations; /* level: a stoa_odd_kind */
    bool irrelevant;
    int64_t colors, textures, shapes;
} stoa_odd_choice_config;

/* The verdict: right or wrong; the dimension that counts, from 1, where right; then colour, texture
 * and shape as they are told, from 1. 0: nothing is said. */
enum { STOA_ODD_VERDICT = 2 + STOA_ODD_LOOKS, STOA_ODD_SAID_WRONG = 1, STOA_ODD_SAID_RIGHT };

/* One instance. No byte of it is padding. */
typedef struct stoa_odd_choice {
    stoa_odd_scene scene;
    uint8_t told[STOA_ODD_OBJECTS][STOA_ODD_LOOKS]; /* values from 1; 0: nothing is said */
    uint8_t verdict[STOA_ODD_VERDICT];              /* on the choice before */
    uint8_t spare;
} stoa_odd_choice;

stoa_odd_choice *stoa_odd_choice_of(stoa_env *env, int64_t instance);

#endif /* STOA_ENV_ODD_ONE_OUT_CHOICE_H */
