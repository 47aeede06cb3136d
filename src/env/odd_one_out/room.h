/*
 * env/odd_one_out/room.h - the room: settings, state, and the parts that act on it.
 *
 * A room of `interior` by `interior` cells within a wall. Rows and columns count from the wall:
 * the wall is 0 and interior + 1.
 */
#ifndef STOA_ENV_ODD_ONE_OUT_ROOM_H
#define STOA_ENV_ODD_ONE_OUT_ROOM_H

#include "env/odd_one_out/odd.h"

typedef enum stoa_odd_level {
    STOA_ODD_LEVEL_BASIC,
    STOA_ODD_LEVEL_CONFOUNDED,
    STOA_ODD_LEVEL_DECONFOUNDED,
    STOA_ODD_LEVEL_META_EASY,
    STOA_ODD_LEVEL_META_HARD1,
    STOA_ODD_LEVEL_META_HARD2,
    STOA_ODD_LEVEL_META_HARD3,
    STOA_ODD_LEVELS
} stoa_odd_level;

typedef enum stoa_odd_explanations {
    STOA_ODD_EXPLAIN_NONE,
    STOA_ODD_EXPLAIN_PROPERTIES,
    STOA_ODD_EXPLAIN_REWARD,
    STOA_ODD_EXPLAIN_FULL
} stoa_odd_explanations;

enum {
    STOA_ODD_SYMBOLS = 1, /* bits of what is seen */
    STOA_ODD_IMAGE = 2,
    STOA_ODD_LIST = 4,
    STOA_ODD_PICTURES = 8,
    STOA_ODD_CLASSES = 0,              /* placement: all of one position class together */
    STOA_ODD_CELLS,                    /* on any four cells */
    STOA_ODD_ANY = STOA_ODD_DIMENSIONS /* concept: drawn for each episode */
};

typedef struct stoa_odd_config {
    int level, concept, explanations, observation, placement;
    int64_t interior, view, steps, phase, experiments;
    int64_t colors, textures, shapes;
    bool irrelevant, strict, heard;
} stoa_odd_config;

enum {
    STOA_ODD_VIEW = 11,    /* most cells seen across */
    STOA_ODD_INTERIOR = 9, /* most cells of a room across */
    STOA_ODD_TRIALS = 3,   /* most experiments before the test */
    STOA_ODD_WORDS = 10,   /* of the longest explanation */
    STOA_ODD_ORDER = 5,    /* words of an instruction */
    STOA_ODD_QUIET = 255,  /* countdown: nothing was chosen yet */
    STOA_ODD_SCALE = 3     /* pixels a pixel when drawn for people */
};

/* What a cell of the symbols observation begins with; then colour, texture and shape from 1. */
enum { STOA_ODD_FLOOR, STOA_ODD_WALL, STOA_ODD_AGENT, STOA_ODD_OBJECT, STOA_ODD_FEATURES = 4 };

/* One instance. No byte of it is padding. */
typedef struct stoa_odd_room {
    stoa_odd_scene scene;
    uint16_t step; /* of the episode */
    uint8_t row[STOA_ODD_OBJECTS], col[STOA_ODD_OBJECTS];
    uint8_t player_row, player_col;
    uint8_t worth;                /* bit i: touching object i pays, as last looked at */
    uint8_t chosen;               /* the first object touched in this trial, or NONE */
    uint8_t countdown;            /* of the time after the choice; QUIET before it */
    uint8_t trial;                /* from 0; the last of a meta level is the test */
    uint8_t changes;              /* still allowed in this trial */
    uint8_t changed;              /* bit t: a change was made in trial t */
    uint8_t right;                /* bit t: the choice of trial t was right */
    uint8_t near;                 /* 0 or 1: before the choice, beside an object */
    uint8_t said[STOA_ODD_WORDS]; /* the explanation: words, then PAD */
} stoa_odd_room;

/* What a step does besides changing the room. */
typedef struct stoa_odd_outcome {
    float reward;
    bool touched; /* the choice was made */
    bool over;    /* the trial has ended */
    int repaint;  /* bit i: object i looks different */
} stoa_odd_outcome;

bool stoa_odd_meta(const stoa_odd_config *c);
/* Dimensions that can be a concept, from the first on. */
int stoa_odd_concepts(const stoa_odd_config *c);
/* Trials of an episode, the test included. */
int stoa_odd_trials(const stoa_odd_config *c);

/* ---- layout.c ---- */
/* Begins an episode, drawing its concept, and its first trial. */
void stoa_odd_begin_episode(stoa_odd_room *room, const stoa_odd_config *c, stoa_rng *rng);
/* Begins room->trial of the same concept. */
void stoa_odd_begin_trial(stoa_odd_room *room, const stoa_odd_config *c, stoa_rng *rng);
/* What follows from a scene and places laid out by hand or drawn: nothing chosen, first words. */
void stoa_odd_settle(stoa_odd_room *room, const stoa_odd_config *c);

/* ---- dynamics.c ---- */
stoa_odd_outcome stoa_odd_move(stoa_odd_room *room, const stoa_odd_config *c, int action);
/* The objects' part of a step. change: the dimension of objects beside the agent that changes; or
 * -1. */
void stoa_odd_look(stoa_odd_room *room, const stoa_odd_config *c, int change,
                   stoa_odd_outcome *out);

/* ---- texts.c ---- */
enum { STOA_ODD_VOCABULARY = 66, STOA_ODD_PAD = 0 };
extern const char *const stoa_odd_words[STOA_ODD_VOCABULARY];
/* What is said beside an object, and after it was chosen. */
void stoa_odd_say_properties(stoa_odd_room *room, const stoa_odd_config *c, int object);
void stoa_odd_say_verdict(stoa_odd_room *room, const stoa_odd_config *c, int object);
void stoa_odd_instruction(const stoa_odd_room *room, const stoa_odd_config *c,
                          uint8_t out[STOA_ODD_ORDER]);
/* "This is a red ..." for people. */
void stoa_odd_print_words(const uint8_t *words, int count, stoa_buffer *out);

/* ---- observe.c, image.c ---- */
/* A room with as much floor around it as can be seen, in which every view is a crop. */
enum { STOA_ODD_FIELD = STOA_ODD_INTERIOR + 2 + 2 * (STOA_ODD_VIEW / 2) };
typedef struct stoa_odd_field {
    int view, radius;
    uint8_t cells[STOA_ODD_FIELD][STOA_ODD_FIELD][STOA_ODD_FEATURES];
    /* rows of pixels: outside, through the walls left and right, along a wall */
    uint8_t lines[3][STOA_ODD_FIELD * STOA_ODD_SIDE * 3];
    int interior;
} stoa_odd_field;
void stoa_odd_field_init(stoa_odd_field *field, const stoa_odd_config *c);
/* Bits of what the observation setting shows. */
unsigned stoa_odd_shown(const stoa_odd_config *c);
/* out (view, view, FEATURES) */
void stoa_odd_symbols(const stoa_odd_field *field, const stoa_odd_room *room, uint8_t *out);
/* out (LISTED): where the agent is, as far as walls in sight tell: row * (interior + 1) + column, 0
 * in the place of what they do not; then of each object where in the view it is (from 1, along the
 * rows) and its colour, texture and shape (from 1), or zeros when it is out of sight. */
enum {
    STOA_ODD_PLACED = 1 + STOA_ODD_OBJECTS,
    STOA_ODD_LISTED = 1 + STOA_ODD_OBJECTS * STOA_ODD_FEATURES
};
void stoa_odd_list(const stoa_odd_field *field, const stoa_odd_room *room, uint8_t *out);
/* out (PLACED): the places of the list alone. */
void stoa_odd_places(const stoa_odd_field *field, const stoa_odd_room *room, uint8_t *out);
/* out (OBJECTS): the pictures of those in sight, zeros for the others. */
void stoa_odd_pictures(const stoa_odd_field *field, const stoa_odd_room *room,
                       const stoa_odd_picture *pictures, stoa_odd_picture *out);
/* out (view * SIDE, view * SIDE, 3); pictures of the four objects */
void stoa_odd_image(const stoa_odd_field *field, const stoa_odd_room *room,
                    const stoa_odd_picture *pictures, uint8_t *out);

/* ---- render.c ---- */
void stoa_odd_render_text(const stoa_odd_room *room, const stoa_odd_config *c, int64_t limit,
                          stoa_buffer *out);
/* The whole room: out ((interior + 2) * SIDE * scale)^2 pixels. */
void stoa_odd_render_rgb(const stoa_odd_room *room, const stoa_odd_config *c, int scale,
                         uint8_t *out);

/* ---- for tests ---- */
/* The state of an instance; what is written there is its state from then on (call
 * stoa_odd_room_changed). */
stoa_odd_room *stoa_odd_room_of(stoa_env *env, int64_t instance);
void stoa_odd_room_changed(stoa_env *env, int64_t instance);

#endif /* STOA_ENV_ODD_ONE_OUT_ROOM_H */
