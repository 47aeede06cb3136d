/*
 * env/odd_one_out/odd.h - what the odd-one-out worlds share: features, scenes, the room, words.
 *
 * Four objects, one of which differs from the other three in one dimension. After Lampinen et al.
 * 2022 ("Tell me why! Explanations support learning relational and causal structure"); rules and
 * pictures are those of its public program (docs/environments/odd-one-out.md).
 */
#ifndef STOA_ENV_ODD_ONE_OUT_ODD_H
#define STOA_ENV_ODD_ONE_OUT_ODD_H

#include "env/env.h"

/* ---- features -------------------------------------------------------------------------------- */

typedef enum stoa_odd_dimension {
    STOA_ODD_COLOR,
    STOA_ODD_TEXTURE,
    STOA_ODD_SHAPE,
    STOA_ODD_POSITION,
    STOA_ODD_DIMENSIONS
} stoa_odd_dimension;

enum {
    STOA_ODD_OBJECTS = 4,
    STOA_ODD_LOOKS = 3, /* dimensions that an object's picture shows: all but the position */
    STOA_ODD_COLORS = 19,
    STOA_ODD_TEXTURES = 6,
    STOA_ODD_SHAPES = 11,
    STOA_ODD_PLACES = 4, /* classes of positions */
    STOA_ODD_NOISE = 5,  /* the texture that is drawn anew for every object */
    STOA_ODD_NONE = 4,   /* in the place of an object: none of them */
    STOA_ODD_SIDE = 9,   /* pixels of a cell */
    STOA_ODD_SHADE = 40  /* of walls and gaps */
};

/* One cell's pixels, along the rows, red green blue. */
typedef uint8_t stoa_odd_picture[STOA_ODD_SIDE][STOA_ODD_SIDE * 3];
/* Which pixels a noise texture leaves on: bit j of row i. */
typedef uint16_t stoa_odd_pattern[STOA_ODD_SIDE];

extern const uint8_t stoa_odd_rgb[STOA_ODD_COLORS][3];
int stoa_odd_value_count(stoa_odd_dimension d);
const char *stoa_odd_dimension_name(stoa_odd_dimension d);
const char *stoa_odd_value_name(stoa_odd_dimension d, int value);
/* The pixels of a shape in a texture: bit j of row i. noise: read by that texture only. */
uint16_t stoa_odd_mask(int texture, int shape, const stoa_odd_pattern noise, int row);
void stoa_odd_paint(stoa_odd_picture out, const uint8_t value[STOA_ODD_DIMENSIONS],
                    const stoa_odd_pattern noise);

/* ---- scenes: what the four objects are like ------------------------------------------------- */

typedef enum stoa_odd_kind {
    STOA_ODD_BASIC,        /* the concept 3-1, every other dimension 2-2 */
    STOA_ODD_CONFOUNDED,   /* colour, texture and shape 3-1 on one object */
    STOA_ODD_DECONFOUNDED, /* colour, texture and shape 3-1 on three objects */
    STOA_ODD_EXPERIMENT    /* some looks 2-2, the others all alike; nothing is odd yet */
} stoa_odd_kind;

typedef struct stoa_odd_scene {
    uint8_t value[STOA_ODD_OBJECTS][STOA_ODD_DIMENSIONS]; /* from 0 */
    uint8_t pair[STOA_ODD_DIMENSIONS][2];                 /* the two values in play */
    uint8_t odd[STOA_ODD_DIMENSIONS]; /* which object is odd in it at first; or NONE */
    uint8_t target, concept;          /* target: NONE in an experiment */
    uint8_t spare[2];
    stoa_odd_pattern noise[STOA_ODD_OBJECTS]; /* zeros where no texture can be noise */
} stoa_odd_scene;

/* How scenes are drawn. */
typedef struct stoa_odd_rules {
    stoa_odd_kind kind;
    int hard;                        /* looks that are 2-2 in an experiment */
    bool places;                     /* positions have classes */
    int counts[STOA_ODD_DIMENSIONS]; /* values in use: the first so many */
} stoa_odd_rules;

void stoa_odd_draw_scene(stoa_odd_scene *scene, const stoa_odd_rules *rules, int concept,
                         stoa_rng *rng);
/* Whether the object's value differs from all others'. */
bool stoa_odd_unique(const stoa_odd_scene *scene, int object, int dimension);

/* ---- metrics --------------------------------------------------------------------------------- */

/* An episode's figures in order; which of them there are, the settings say. */
typedef struct stoa_odd_figures {
    const char *name[STOA_ENV_METRICS];
    float value[STOA_ENV_METRICS];
    int count;
} stoa_odd_figures;
void stoa_odd_put(stoa_odd_figures *f, const char *name, float value);
/* correct_color, ... of the first so many concepts: NaN of all but the episode's. */
void stoa_odd_put_concepts(stoa_odd_figures *f, int concepts, const stoa_odd_scene *scene,
                           float correct);
/* picked_color, ..., picked_none: what the chosen object (or NONE) was odd in at first. */
void stoa_odd_put_picked(stoa_odd_figures *f, const stoa_odd_scene *scene, int chosen);
/* Their names become the spec's metrics. */
void stoa_odd_name_metrics(const stoa_odd_figures *f, stoa_env_spec *spec);

#endif /* STOA_ENV_ODD_ONE_OUT_ODD_H */
