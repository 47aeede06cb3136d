/*
 * env/odd_one_out/image.c - what the agent sees, as pixels.
 *
 * An image is 29 kB, nearly all of it floor, so its cost is that of writing memory: each row of
 * pixels is one copy out of three (outside, through the side walls, along a wall), then at most
 * five cells are put upon it.
 */
#include <string.h>

#include "env/odd_one_out/room.h"

enum { SIDE = STOA_ODD_SIDE, PIXELS = SIDE * 3 };

static inline void background(const stoa_odd_field *f, int row, int col, uint8_t *out, int view) {
    size_t bytes = (size_t)view * PIXELS;
    for (int y = 0; y < view; y++) {
        int r = row + y - f->radius; /* in the room */
        int kind = r < 0 || r > f->interior + 1 ? 0 : r == 0 || r == f->interior + 1 ? 2 : 1;
        const uint8_t *line = f->lines[kind] + col * PIXELS;
        for (int i = 0; i < SIDE; i++, out += bytes)
            memcpy(out, line, bytes);
    }
}

void stoa_odd_image(const stoa_odd_field *f, const stoa_odd_room *room,
                    const stoa_odd_picture *pictures, uint8_t *out) {
    int view = f->view, radius = f->radius;
    size_t stride = (size_t)view * PIXELS;
    if (view == STOA_ODD_VIEW)
        background(f, room->player_row, room->player_col, out, STOA_ODD_VIEW);
    else
        background(f, room->player_row, room->player_col, out, view);
    for (int i = 0; i < SIDE; i++)
        memset(out + (size_t)(radius * SIDE + i) * stride + radius * PIXELS, 255, PIXELS);
    for (int k = 0; k < STOA_ODD_OBJECTS; k++) {
        int y = room->row[k] - room->player_row + radius;
        int x = room->col[k] - room->player_col + radius;
        if (y < 0 || y >= view || x < 0 || x >= view)
            continue;
        for (int i = 0; i < SIDE; i++)
            memcpy(out + (size_t)(y * SIDE + i) * stride + x * PIXELS, pictures[k][i], PIXELS);
    }
}
