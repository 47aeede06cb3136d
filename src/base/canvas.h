/* base/canvas.h - a picture in memory: rectangles, text, other pictures, and a PNG file. */
#ifndef STOA_BASE_CANVAS_H
#define STOA_BASE_CANVAS_H

#include "stoa/base.h"

typedef struct stoa_colour {
    uint8_t r, g, b;
} stoa_colour;

typedef struct stoa_canvas {
    int64_t width, height;
    stoa_colour *pixel; // (height, width)
} stoa_canvas;

enum {
    STOA_SIGN_WIDTH = 6,  /* of a sign at scale 1, with the gap behind it */
    STOA_SIGN_HEIGHT = 7, /* above the line that text stands on */
    STOA_FONT_ROWS = 9,   /* with what hangs below it */
    STOA_FONT_SIGNS = '~' - ' ' + 1
};
extern const uint8_t stoa_font[STOA_FONT_SIGNS][STOA_FONT_ROWS];

stoa_status stoa_canvas_init(stoa_canvas *c, int64_t width, int64_t height, stoa_colour paper,
                             stoa_error *err);
void stoa_canvas_deinit(stoa_canvas *c);
/* What lies outside the canvas is left out. */
void stoa_canvas_fill(stoa_canvas *c, int64_t x, int64_t y, int64_t width, int64_t height,
                      stoa_colour colour);
void stoa_canvas_frame(stoa_canvas *c, int64_t x, int64_t y, int64_t width, int64_t height,
                       int64_t thick, stoa_colour colour);
/* y: its top. What is not printable ASCII is blank. */
void stoa_canvas_text(stoa_canvas *c, int64_t x, int64_t y, int scale, const char *text,
                      stoa_colour colour);
/* rgb (height, width, 3), shown at so many eighths of its size, the nearest pixels taken. */
void stoa_canvas_picture(stoa_canvas *c, int64_t x, int64_t y, int64_t width, int64_t height,
                         const uint8_t *rgb, int eighths);
stoa_status stoa_canvas_save(const stoa_canvas *c, const char *path, stoa_error *err);

#endif /* STOA_BASE_CANVAS_H */
