/*
 * env/odd_one_out/observe.c - the field around a room, and what the agent sees of it as symbols.
 *
 * The agent stands in the middle of its view. Walls and floor are a crop of the field; the agent
 * and the objects in sight are put upon it, objects above the agent.
 */
#include <string.h>

#include "env/odd_one_out/room.h"

enum { PIXELS = STOA_ODD_SIDE * 3 };

void stoa_odd_field_init(stoa_odd_field *f, const stoa_odd_config *c) {
    int size = (int)c->interior + 2, radius = (int)c->view / 2;
    memset(f, 0, sizeof *f);
    f->view = (int)c->view;
    f->radius = radius;
    f->interior = (int)c->interior;
    for (int i = 0; i < size; i++) {
        int last = radius + size - 1, at = radius + i;
        f->cells[radius][at][0] = f->cells[last][at][0] = STOA_ODD_WALL;
        f->cells[at][radius][0] = f->cells[at][last][0] = STOA_ODD_WALL;
        memset(&f->lines[2][at * PIXELS], STOA_ODD_SHADE, PIXELS);
    }
    memset(&f->lines[1][radius * PIXELS], STOA_ODD_SHADE, PIXELS);
    memset(&f->lines[1][(radius + size - 1) * PIXELS], STOA_ODD_SHADE, PIXELS);
}

unsigned stoa_odd_shown(const stoa_odd_config *c) {
    static const uint8_t shown[] = {STOA_ODD_SYMBOLS, STOA_ODD_IMAGE,
                                    STOA_ODD_SYMBOLS | STOA_ODD_IMAGE, STOA_ODD_LIST,
                                    STOA_ODD_PICTURES};
    return shown[c->observation];
}

/* Where in the view an object is; false: out of sight. */
static bool in_sight(const stoa_odd_field *f, const stoa_odd_room *room, int object, int *y,
                     int *x) {
    *y = room->row[object] - room->player_row + f->radius;
    *x = room->col[object] - room->player_col + f->radius;
    return *y >= 0 && *y < f->view && *x >= 0 && *x < f->view;
}

/* Inlined with the usual view, so that the crop's rows are copied without calls. */
static inline void crop(const stoa_odd_field *f, int row, int col, uint8_t *out, int view) {
    for (int y = 0; y < view; y++)
        memcpy(out + y * view * STOA_ODD_FEATURES, f->cells[row + y][col],
               (size_t)view * STOA_ODD_FEATURES);
}

void stoa_odd_symbols(const stoa_odd_field *f, const stoa_odd_room *room, uint8_t *out) {
    int view = f->view, radius = f->radius;
    if (view == STOA_ODD_VIEW)
        crop(f, room->player_row, room->player_col, out, STOA_ODD_VIEW);
    else
        crop(f, room->player_row, room->player_col, out, view);
    out[(radius * view + radius) * STOA_ODD_FEATURES] = STOA_ODD_AGENT;
    for (int i = 0; i < STOA_ODD_OBJECTS; i++) {
        int y, x;
        if (!in_sight(f, room, i, &y, &x))
            continue;
        const uint8_t *value = room->scene.value[i];
        const uint8_t cell[STOA_ODD_FEATURES] = {
            STOA_ODD_OBJECT, (uint8_t)(value[STOA_ODD_COLOR] + 1),
            (uint8_t)(value[STOA_ODD_TEXTURE] + 1), (uint8_t)(value[STOA_ODD_SHAPE] + 1)};
        memcpy(out + (y * view + x) * STOA_ODD_FEATURES, cell, sizeof cell);
    }
}

/* A row or column of the agent, or 0 when both walls across it are out of sight. */
static int known(const stoa_odd_field *f, int at) {
    return at <= f->radius || f->interior + 1 - at <= f->radius ? at : 0;
}

void stoa_odd_places(const stoa_odd_field *f, const stoa_odd_room *room, uint8_t *out) {
    *out++ = (uint8_t)(known(f, room->player_row) * (f->interior + 1) + known(f, room->player_col));
    for (int i = 0; i < STOA_ODD_OBJECTS; i++) {
        int y, x;
        *out++ = (uint8_t)(in_sight(f, room, i, &y, &x) ? 1 + y * f->view + x : 0);
    }
}

void stoa_odd_list(const stoa_odd_field *f, const stoa_odd_room *room, uint8_t *out) {
    uint8_t places[STOA_ODD_PLACED];
    stoa_odd_places(f, room, places);
    *out++ = places[0];
    for (int i = 0; i < STOA_ODD_OBJECTS; i++) {
        *out++ = places[1 + i];
        for (int d = 0; d < STOA_ODD_LOOKS; d++)
            *out++ = places[1 + i] ? room->scene.value[i][d] + 1 : 0;
    }
}

void stoa_odd_pictures(const stoa_odd_field *f, const stoa_odd_room *room,
                       const stoa_odd_picture *pictures, stoa_odd_picture *out) {
    for (int i = 0; i < STOA_ODD_OBJECTS; i++) {
        int y, x;
        if (in_sight(f, room, i, &y, &x))
            memcpy(out[i], pictures[i], sizeof out[i]);
        else
            memset(out[i], 0, sizeof out[i]);
    }
}
