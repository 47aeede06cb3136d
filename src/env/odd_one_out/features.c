/* env/odd_one_out/features.c - colours, textures and shapes: their names and pixels, as published.
 */
#include "env/odd_one_out/odd.h"

#include <assert.h>
#include <string.h>

static const char *const dimension_names[STOA_ODD_DIMENSIONS] = {"color", "texture", "shape",
                                                                 "position"};
static const char *const color_names[STOA_ODD_COLORS] = {
    "red",      "green", "blue",       "purple",      "orange",      "yellow", "brown",
    "pink",     "cyan",  "dark_green", "dark_red",    "dark_blue",   "olive",  "teal",
    "lavender", "peach", "rose",       "light_green", "light_yellow"};
static const char *const texture_names[STOA_ODD_TEXTURES] = {
    "solid", "horizontal_stripes", "vertical_stripes", "checker", "grid", "noise"};
static const char *const shape_names[STOA_ODD_SHAPES] = {
    "triangle", "plus", "inverse_plus", "ex", "inverse_ex", "circle", "tee", "upside_down_tee",
    "h",        "u",    "upside_down_u"};
static const char *const place_names[STOA_ODD_PLACES] = {"in_corner", "against_wall_x",
                                                         "against_wall_y", "in_center"};

static const struct {
    const char *const *names;
    int count;
} values[STOA_ODD_DIMENSIONS] = {
    [STOA_ODD_COLOR] = {color_names, STOA_ODD_COLORS},
    [STOA_ODD_TEXTURE] = {texture_names, STOA_ODD_TEXTURES},
    [STOA_ODD_SHAPE] = {shape_names, STOA_ODD_SHAPES},
    [STOA_ODD_POSITION] = {place_names, STOA_ODD_PLACES},
};

const uint8_t stoa_odd_rgb[STOA_ODD_COLORS][3] = {
    {255, 0, 0},     {0, 255, 0},     {0, 0, 255},     {128, 0, 128},   {255, 165, 0},
    {255, 255, 0},   {128, 64, 0},    {255, 64, 255},  {0, 255, 255},   {0, 100, 0},
    {100, 0, 0},     {0, 0, 100},     {100, 100, 0},   {0, 100, 100},   {215, 200, 255},
    {255, 210, 170}, {255, 205, 230}, {200, 255, 200}, {255, 255, 200},
};

/* Bit j of entry i: whether column j of row i is on. */
static const stoa_odd_pattern textures[STOA_ODD_TEXTURES - 1] = {
    {0x1ff, 0x1ff, 0x1ff, 0x1ff, 0x1ff, 0x1ff, 0x1ff, 0x1ff, 0x1ff}, /* solid */
    {0x1ff, 0x000, 0x1ff, 0x000, 0x1ff, 0x000, 0x1ff, 0x000, 0x1ff}, /* horizontal_stripes */
    {0x155, 0x155, 0x155, 0x155, 0x155, 0x155, 0x155, 0x155, 0x155}, /* vertical_stripes */
    {0x155, 0x0aa, 0x155, 0x0aa, 0x155, 0x0aa, 0x155, 0x0aa, 0x155}, /* checker */
    {0x0aa, 0x1ff, 0x0aa, 0x1ff, 0x0aa, 0x1ff, 0x0aa, 0x1ff, 0x0aa}, /* grid */
};

static const stoa_odd_pattern shapes[STOA_ODD_SHAPES] = {
    {0x010, 0x010, 0x038, 0x038, 0x07c, 0x07c, 0x0fe, 0x0fe, 0x1ff}, /* triangle */
    {0x038, 0x038, 0x038, 0x1ff, 0x1ff, 0x1ff, 0x038, 0x038, 0x038}, /* plus */
    {0x1c7, 0x1c7, 0x1c7, 0x000, 0x000, 0x000, 0x1c7, 0x1c7, 0x1c7}, /* inverse_plus */
    {0x183, 0x1c7, 0x0ee, 0x07c, 0x038, 0x07c, 0x0ee, 0x1c7, 0x183}, /* ex */
    {0x07c, 0x038, 0x111, 0x183, 0x1c7, 0x183, 0x111, 0x038, 0x07c}, /* inverse_ex */
    {0x010, 0x07c, 0x0fe, 0x0fe, 0x1ff, 0x0fe, 0x0fe, 0x07c, 0x010}, /* circle */
    {0x1ff, 0x1ff, 0x1ff, 0x038, 0x038, 0x038, 0x038, 0x038, 0x038}, /* tee */
    {0x038, 0x038, 0x038, 0x038, 0x038, 0x038, 0x1ff, 0x1ff, 0x1ff}, /* upside_down_tee */
    {0x1c7, 0x1c7, 0x1c7, 0x1ff, 0x1ff, 0x1ff, 0x1c7, 0x1c7, 0x1c7}, /* h */
    {0x1c7, 0x1c7, 0x1c7, 0x1c7, 0x1c7, 0x1c7, 0x1ff, 0x1ff, 0x1ff}, /* u */
    {0x1ff, 0x1ff, 0x1ff, 0x1c7, 0x1c7, 0x1c7, 0x1c7, 0x1c7, 0x1c7}, /* upside_down_u */
};

int stoa_odd_value_count(stoa_odd_dimension d) {
    return values[d].count;
}

const char *stoa_odd_dimension_name(stoa_odd_dimension d) {
    return dimension_names[d];
}

const char *stoa_odd_value_name(stoa_odd_dimension d, int value) {
    assert(value >= 0 && value < values[d].count);
    return values[d].names[value];
}

uint16_t stoa_odd_mask(int texture, int shape, const stoa_odd_pattern noise, int row) {
    return shapes[shape][row] & (texture == STOA_ODD_NOISE ? noise : textures[texture])[row];
}

/* Byte k of a row belongs to column k / 3. */
enum { ROW = STOA_ODD_SIDE * 3, WIDE = 32 };
static const uint16_t column[WIDE] = {1,    1,    1,    2,    2,    2,    4,     4,     4,
                                      8,    8,    8,    0x10, 0x10, 0x10, 0x20,  0x20,  0x20,
                                      0x40, 0x40, 0x40, 0x80, 0x80, 0x80, 0x100, 0x100, 0x100};

static inline void paint_row(uint8_t *restrict out, unsigned on, const uint8_t *ink, int bytes) {
#pragma omp simd
    for (int k = 0; k < bytes; k++)
        out[k] = (uint16_t)on & column[k] ? ink[k] : 0;
}

/* Rows are 27 bytes, but all except the last are written as the 32 of one register: what is too
 * much falls on the next row, which is written after it. */
void stoa_odd_paint(stoa_odd_picture out, const uint8_t value[STOA_ODD_DIMENSIONS],
                    const stoa_odd_pattern noise) {
    const uint8_t *rgb = stoa_odd_rgb[value[STOA_ODD_COLOR]];
    const uint16_t *shape = shapes[value[STOA_ODD_SHAPE]];
    const uint16_t *texture =
        value[STOA_ODD_TEXTURE] == STOA_ODD_NOISE ? noise : textures[value[STOA_ODD_TEXTURE]];
    uint8_t ink[WIDE] = {0}, *row = out[0];
    for (int k = 0; k < ROW; k += 3)
        memcpy(ink + k, rgb, 3);
    for (int i = 0; i + 1 < STOA_ODD_SIDE; i++, row += ROW)
        paint_row(row, shape[i] & texture[i], ink, WIDE);
    paint_row(row, shape[STOA_ODD_SIDE - 1] & texture[STOA_ODD_SIDE - 1], ink, ROW);
}
