/* env/key_to_door.h - Key-to-Door's settings, and what tests need to lay out an episode. */
#ifndef STOA_ENV_KEY_TO_DOOR_H
#define STOA_ENV_KEY_TO_DOOR_H

#include "stoa/env.h"

typedef struct stoa_key_to_door_config {
    int64_t explore, distractor, reward; /* steps of the three phases */
    int64_t apples, apple_respawn;
    double apple_low, apple_high, door_reward;
    bool apple_fixed;
    int observation; /* stoa_key_to_door_observation */
    bool time;
} stoa_key_to_door_config;

typedef enum stoa_key_to_door_observation {
    STOA_KEY_TO_DOOR_WINDOW, /* 5x5 pixels */
    STOA_KEY_TO_DOOR_CELLS   /* the same 25 cells as categories */
} stoa_key_to_door_observation;

/* What a cell can show; the categories of the `cells` observation. */
enum {
    STOA_KEY_TO_DOOR_FLOOR,
    STOA_KEY_TO_DOOR_WALL,
    STOA_KEY_TO_DOOR_PLAYER,
    STOA_KEY_TO_DOOR_KEY,
    STOA_KEY_TO_DOOR_DOOR,
    STOA_KEY_TO_DOOR_APPLE,
    STOA_KEY_TO_DOOR_INDICATOR,
    STOA_KEY_TO_DOOR_CELL_KINDS
};

enum { STOA_KEY_TO_DOOR_APPLE_CELLS = 22 };

/* All that chance decides in an episode when the apples' worth is fixed. */
typedef struct stoa_key_to_door_layout {
    int player_row, player_col, key_row, key_col; /* on the 7x11 board */
    uint32_t apples;   /* bit k: an apple on candidate cell k, counted along the rows */
    float apple_worth; /* used when apple_fixed */
} stoa_key_to_door_layout;

/* Begins an episode of one instance with this layout, writing nothing. */
void stoa_key_to_door_begin(stoa_env *env, int64_t instance, const stoa_key_to_door_layout *layout);
stoa_key_to_door_layout stoa_key_to_door_layout_of(const stoa_env *env, int64_t instance);

/* Exact probabilities under uniformly random actions. */
double stoa_key_to_door_random_key(int64_t steps);  /* of taking the key while exploring */
double stoa_key_to_door_random_door(int64_t steps); /* of opening the door, with the key */

#endif /* STOA_ENV_KEY_TO_DOOR_H */
