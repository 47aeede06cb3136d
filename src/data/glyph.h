/* data/glyph.h - made-up characters: strokes, how a hand varies them, and pixels. */
#ifndef STOA_DATA_GLYPH_H
#define STOA_DATA_GLYPH_H

#include "stoa/data.h"

enum {
    STOA_GLYPH_STROKES = 5,
    STOA_GLYPH_CURVES = 4,                         /* cubic curves a stroke has at most */
    STOA_GLYPH_POINTS = 3 * STOA_GLYPH_CURVES + 1, /* control points */
};

typedef struct stoa_point {
    float x, y; /* the canvas is [0, 1] x [0, 1], y downwards */
} stoa_point;

typedef struct stoa_stroke {
    int curves;
    stoa_point point[STOA_GLYPH_POINTS]; /* curve i has points 3 i .. 3 i + 3 */
} stoa_stroke;

typedef struct stoa_glyph {
    int strokes;
    float width; /* of the pen */
    stoa_stroke stroke[STOA_GLYPH_STROKES];
} stoa_glyph;

/* The character that a class is: a pure function of (key, number). */
void stoa_glyph_design(const uint32_t key[2], uint64_t number, stoa_glyph *out);
/* As some hand writes it, of (key, hand): moved points and strokes, a small affine map, another
 * pen. variation 0 changes nothing, 1 is about what 20 people do. */
void stoa_glyph_vary(stoa_glyph *g, const uint32_t key[2], uint64_t hand, double variation);
/* Ink levels 0..255, anti-aliased: out (side, side). */
void stoa_glyph_draw(const stoa_glyph *g, int side, uint8_t *out);

#endif /* STOA_DATA_GLYPH_H */
