/* data/canvas.h - a picture in memory: rectangles, numbers, and a PNG file. */
#ifndef STOA_DATA_CANVAS_H
#define STOA_DATA_CANVAS_H

#include "stoa/base.h"

typedef struct stoa_colour {
    uint8_t r, g, b;
} stoa_colour;

typedef struct stoa_canvas {
    int64_t width, height;
    stoa_colour *pixel; // (height, width)
} stoa_canvas;

enum { STOA_DIGIT_WIDTH = 6, STOA_DIGIT_HEIGHT = 7 }; /* at scale 1, with the gap behind it */

stoa_status stoa_canvas_init(stoa_canvas *c, int64_t width, int64_t height, stoa_colour paper,
                             stoa_error *err);
void stoa_canvas_deinit(stoa_canvas *c);
/* What lies outside the canvas is left out. */
void stoa_canvas_fill(stoa_canvas *c, int64_t x, int64_t y, int64_t width, int64_t height,
                      stoa_colour colour);
void stoa_canvas_frame(stoa_canvas *c, int64_t x, int64_t y, int64_t width, int64_t height,
                       int64_t thick, stoa_colour colour);
/* Digits, '?', '>' and '-' of 5 x 7 dots; other characters are blanks. */
void stoa_canvas_text(stoa_canvas *c, int64_t x, int64_t y, int scale, const char *text,
                      stoa_colour colour);
stoa_status stoa_canvas_save(const stoa_canvas *c, const char *path, stoa_error *err);

#endif /* STOA_DATA_CANVAS_H */
