/* base/canvas.c - pixels of contact sheets. */
#include "base/canvas.h"

#include <png.h>
#include <string.h>

stoa_status stoa_canvas_init(stoa_canvas *c, int64_t width, int64_t height, stoa_colour paper,
                             stoa_error *err) {
    enum { MOST = 1 << 15 }; // a side
    *c = (stoa_canvas){0};
    if (width < 1 || height < 1 || width > MOST || height > MOST)
        return stoa_fail(
            err, STOA_ERR_USAGE,
            "a picture of %lld x %lld pixels is too large (at most %d a side): ask for "
            "fewer or smaller parts of it",
            (long long)width, (long long)height, MOST);
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
    for (; *text; text++, x += STOA_SIGN_WIDTH * scale) {
        if (*text < ' ' || *text > '~')
            continue;
        const uint8_t *rows = stoa_font[*text - ' '];
        for (int row = 0; row < STOA_FONT_ROWS; row++)
            for (int column = 0; column < 5; column++)
                if (rows[row] >> (4 - column) & 1)
                    stoa_canvas_fill(c, x + column * scale, y + row * scale, scale, scale, colour);
    }
}

void stoa_canvas_picture(stoa_canvas *c, int64_t x, int64_t y, int64_t width, int64_t height,
                         const uint8_t *rgb, int eighths) {
    for (int64_t i = 0; i < height * eighths / 8; i++)
        for (int64_t j = 0; j < width * eighths / 8; j++) {
            const uint8_t *p = rgb + 3 * (i * 8 / eighths * width + j * 8 / eighths);
            stoa_canvas_fill(c, x + j, y + i, 1, 1, (stoa_colour){p[0], p[1], p[2]});
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
