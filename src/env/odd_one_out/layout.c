/* env/odd_one_out/layout.c - begins episodes and trials: scenes, places, the agent's start. */
#include <string.h>

#include "env/odd_one_out/room.h"

enum { OBJECTS = STOA_ODD_OBJECTS };

/* The cells of each position class, in the room of 9 by 9 cells. */
static const struct {
    int count;
    uint8_t cell[9][2]; /* row, column */
} places[STOA_ODD_PLACES] = {
    {4, {{1, 1}, {1, 9}, {9, 1}, {9, 9}}},                                         /* in_corner */
    {6, {{1, 4}, {1, 5}, {1, 6}, {9, 4}, {9, 5}, {9, 6}}},                         /* wall_x */
    {6, {{4, 1}, {5, 1}, {6, 1}, {4, 9}, {5, 9}, {6, 9}}},                         /* wall_y */
    {9, {{4, 4}, {4, 5}, {4, 6}, {5, 4}, {5, 5}, {5, 6}, {6, 4}, {6, 5}, {6, 6}}}, /* in_center */
};

/* Of the level's trials: kind, and how many dimensions are 2-2 in its experiments. */
static const struct {
    stoa_odd_kind kind;
    int hard;
} levels[STOA_ODD_LEVELS] = {
    [STOA_ODD_LEVEL_BASIC] = {STOA_ODD_BASIC, 0},
    [STOA_ODD_LEVEL_CONFOUNDED] = {STOA_ODD_CONFOUNDED, 0},
    [STOA_ODD_LEVEL_DECONFOUNDED] = {STOA_ODD_DECONFOUNDED, 0},
    [STOA_ODD_LEVEL_META_EASY] = {STOA_ODD_EXPERIMENT, 0},
    [STOA_ODD_LEVEL_META_HARD1] = {STOA_ODD_EXPERIMENT, 1},
    [STOA_ODD_LEVEL_META_HARD2] = {STOA_ODD_EXPERIMENT, 2},
    [STOA_ODD_LEVEL_META_HARD3] = {STOA_ODD_EXPERIMENT, 3},
};

bool stoa_odd_meta(const stoa_odd_config *c) {
    return levels[c->level].kind == STOA_ODD_EXPERIMENT;
}

int stoa_odd_concepts(const stoa_odd_config *c) {
    bool position = c->level == STOA_ODD_LEVEL_BASIC && c->placement == STOA_ODD_CLASSES &&
                    !c->irrelevant; /* words about the place would be about the concept */
    return STOA_ODD_LOOKS + position;
}

int stoa_odd_trials(const stoa_odd_config *c) {
    return stoa_odd_meta(c) ? (int)c->experiments + 1 : 1;
}

static bool taken(const stoa_odd_room *room, int objects, uint8_t row, uint8_t col) {
    for (int i = 0; i < objects; i++)
        if (room->row[i] == row && room->col[i] == col)
            return true;
    return false;
}

static void draw_cell(const stoa_odd_room *room, const stoa_odd_config *c, int objects,
                      stoa_rng *rng, uint8_t *row, uint8_t *col) {
    do {
        int64_t cell = stoa_rng_below(rng, c->interior * c->interior);
        *row = (uint8_t)(1 + cell / c->interior);
        *col = (uint8_t)(1 + cell % c->interior);
    } while (taken(room, objects, *row, *col));
}

static void draw_places(stoa_odd_room *room, const stoa_odd_config *c, stoa_rng *rng) {
    for (int i = 0; i < OBJECTS; i++) {
        if (c->placement == STOA_ODD_CELLS) {
            draw_cell(room, c, i, rng, &room->row[i], &room->col[i]);
            continue;
        }
        int place = room->scene.value[i][STOA_ODD_POSITION];
        const uint8_t *cell;
        do
            cell = places[place].cell[stoa_rng_below(rng, places[place].count)];
        while (taken(room, i, cell[0], cell[1]));
        room->row[i] = cell[0];
        room->col[i] = cell[1];
    }
}

void stoa_odd_settle(stoa_odd_room *room, const stoa_odd_config *c) {
    bool experiment = room->trial + 1 < stoa_odd_trials(c);
    stoa_odd_outcome unused = {0};
    room->worth = room->scene.target == STOA_ODD_NONE ? 0 : (uint8_t)(1u << room->scene.target);
    room->chosen = STOA_ODD_NONE;
    room->countdown = STOA_ODD_QUIET;
    room->changes = experiment;
    memset(room->said, STOA_ODD_PAD, sizeof room->said);
    stoa_odd_look(room, c, -1, &unused);
}

void stoa_odd_begin_trial(stoa_odd_room *room, const stoa_odd_config *c, stoa_rng *rng) {
    bool test = stoa_odd_meta(c) && room->trial + 1 == stoa_odd_trials(c);
    const stoa_odd_rules rules = {
        .kind = test ? STOA_ODD_DECONFOUNDED : levels[c->level].kind,
        .hard = levels[c->level].hard,
        .places = c->placement == STOA_ODD_CLASSES,
        .counts = {(int)c->colors, (int)c->textures, (int)c->shapes, STOA_ODD_PLACES},
    };
    stoa_odd_draw_scene(&room->scene, &rules, room->scene.concept, rng);
    draw_places(room, c, rng);
    draw_cell(room, c, OBJECTS, rng, &room->player_row, &room->player_col);
    stoa_odd_settle(room, c);
}

void stoa_odd_begin_episode(stoa_odd_room *room, const stoa_odd_config *c, stoa_rng *rng) {
    memset(room, 0, sizeof *room);
    room->scene.concept =
        (uint8_t)(c->concept == STOA_ODD_ANY ? stoa_rng_below(rng, stoa_odd_concepts(c))
                                             : c->concept);
    stoa_odd_begin_trial(room, c, rng);
}
