/* data/canvas.c - pixels of contact sheets, with a font of the few signs they need. */
#include "data/canvas.h"

#include <png.h>
#include <string.h>

/* Rows from the top, five bits each, the leftmost dot the highest bit. */
static const struct {
    char sign;
    uint8_t rows[STOA_DIGIT_HEIGHT];
} font[] = {
    {'0', {0x0e, 0x11, 0x13, 0x15, 0x19, 0x11, 0x0e}},
    {'1', {0x04, 0x0c, 0x04, 0x04, 0x04, 0x04, 0x0e}},
    {'2', {0x0e, 0x11, 0x01, 0x06, 0x08, 0x10, 0x1f}},
    {'3', {0x0e, 0x11, 0x01, 0x06, 0x01, 0x11, 0x0e}},
    {'4', {0x02, 0x06, 0x0a, 0x12, 0x1f, 0x02, 0x02}},
    {'5', {0x1f, 0x10, 0x1e, 0x01, 0x01, 0x11, 0x0e}},
    {'6', {0x06, 0x08, 0x10, 0x1e, 0x11, 0x11, 0x0e}},
    {'7', {0x1f, 0x01, 0x02, 0x04, 0x08, 0x08, 0x08}},
    {'8', {0x0e, 0x11, 0x11, 0x0e, 0x11, 0x11, 0x0e}},
    {'9', {0x0e, 0x11, 0x11, 0x0f, 0x01, 0x02, 0x0c}},
    {'?', {0x0e, 0x11, 0x01, 0x06, 0x04, 0x00, 0x04}},
    {'>', {0x08, 0x04, 0x02, 0x01, 0x02, 0x04, 0x08}},
    {'-', {0x00, 0x00, 0x00, 0x0e, 0x00, 0x00, 0x00}},
};

stoa_status stoa_canvas_init(stoa_canvas *c, int64_t width, int64_t height, stoa_colour paper,
                             stoa_error *err) {
    enum { MOST = 1 << 15 }; // a side
    *c = (stoa_canvas){0};
    if (width < 1 || height < 1 || width > MOST || height > MOST)
        return stoa_fail(err, STOA_ERR_USAGE,
                         "a picture of %lld x %lld pixels is too large; ask for fewer sequences or "
                         "a smaller data.side",
                         (long long)width, (long long)height);
    c->pixel = stoa_alloc((size_t)(width * height) * sizeof *c->pixel);
    if (!c->pixel)
        return stoa_fail(err, STOA_ERR_MEMORY, "no memory for a picture of %lld x %lld pixels",
                         (long long)width, (long long)height);
    c->width = width;
    c->height = height;
    stoa_canvas_fill(c, 0, 0, width, height, paper);
    return STOA_OK;
}

void stoa_canvas_deinit(stoa_canvas *c) {
    stoa_free(c->pixel);
    *c = (stoa_canvas){0};
}

void stoa_canvas_fill(stoa_canvas *c, int64_t x, int64_t y, int64_t width, int64_t height,
                      stoa_colour colour) {
    int64_t x1 = x + width < c->width ? x + width : c->width;
    int64_t y1 = y + height < c->height ? y + height : c->height;
    for (int64_t at_y = y > 0 ? y : 0; at_y < y1; at_y++)
        for (int64_t at_x = x > 0 ? x : 0; at_x < x1; at_x++)
            c->pixel[at_y * c->width + at_x] = colour;
}

void stoa_canvas_frame(stoa_canvas *c, int64_t x, int64_t y, int64_t width, int64_t height,
                       int64_t thick, stoa_colour colour) {
    stoa_canvas_fill(c, x, y, width, thick, colour);
    stoa_canvas_fill(c, x, y + height - thick, width, thick, colour);
    stoa_canvas_fill(c, x, y, thick, height, colour);
    stoa_canvas_fill(c, x + width - thick, y, thick, height, colour);
}

void stoa_canvas_text(stoa_canvas *c, int64_t x, int64_t y, int scale, const char *text,
                      stoa_colour colour) {
    for (; *text; text++, x += STOA_DIGIT_WIDTH * scale)
        for (size_t i = 0; i < sizeof font / sizeof font[0]; i++) {
            if (font[i].sign != *text)
                continue;
            for (int row = 0; row < STOA_DIGIT_HEIGHT; row++)
                for (int column = 0; column < 5; column++)
                    if (font[i].rows[row] >> (4 - column) & 1)
                        stoa_canvas_fill(c, x + column * scale, y + row * scale, scale, scale,
                                         colour);
        }
}

stoa_status stoa_canvas_save(const stoa_canvas *c, const char *path, stoa_error *err) {
    png_image image = {.version = PNG_IMAGE_VERSION,
                       .width = (png_uint_32)c->width,
                       .height = (png_uint_32)c->height,
                       .format = PNG_FORMAT_RGB};
    png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(image);
    void *file = stoa_alloc(size);
    stoa_status status =
        !file ? stoa_fail(err, STOA_ERR_MEMORY, "%s: no memory to write it", path)
        : !png_image_write_to_memory(&image, file, &size, 0, c->pixel, 0, NULL)
            ? stoa_fail(err, STOA_ERR_IO, "%s: cannot be encoded: %s", path, image.message)
            : stoa_file_write(path, file, size, err);
    stoa_free(file);
    return status;
}
