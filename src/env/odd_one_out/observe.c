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
        int y = room->row[i] - room->player_row + radius;
        int x = room->col[i] - room->player_col + radius;
        if (y < 0 || y >= view || x < 0 || x >= view)
            continue;
        const uint8_t *value = room->scene.value[i];
        const uint8_t cell[STOA_ODD_FEATURES] = {
            STOA_ODD_OBJECT, (uint8_t)(value[STOA_ODD_COLOR] + 1),
            (uint8_t)(value[STOA_ODD_TEXTURE] + 1), (uint8_t)(value[STOA_ODD_SHAPE] + 1)};
        memcpy(out + (y * view + x) * STOA_ODD_FEATURES, cell, sizeof cell);
    }
}
