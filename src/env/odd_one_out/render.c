/* env/odd_one_out/render.c - the whole room for people, as text and as pixels. */
#include <string.h>

#include "env/odd_one_out/room.h"

enum { SIDE = STOA_ODD_SIDE };

/* The object on a cell, or NONE. */
static int object_at(const stoa_odd_room *room, int row, int col) {
    for (int i = 0; i < STOA_ODD_OBJECTS; i++)
        if (room->row[i] == row && room->col[i] == col)
            return i;
    return STOA_ODD_NONE;
}

static bool is_wall(const stoa_odd_config *c, int row, int col) {
    return row == 0 || col == 0 || row > c->interior || col > c->interior;
}

static char letter(const stoa_odd_room *room, const stoa_odd_config *c, int row, int col) {
    int object = object_at(room, row, col);
    return is_wall(c, row, col)                                 ? '#'
           : row == room->player_row && col == room->player_col ? '@'
           : object != STOA_ODD_NONE                            ? (char)('1' + object)
                                                                : ' ';
}

static void list_object(const stoa_odd_room *room, const stoa_odd_config *c, int i,
                        stoa_buffer *out) {
    stoa_buffer_printf(out, "%d", i + 1);
    for (int d = 0; d < STOA_ODD_LOOKS + (c->placement == STOA_ODD_CLASSES); d++)
        stoa_buffer_printf(out, " %s",
                           stoa_odd_value_name((stoa_odd_dimension)d, room->scene.value[i][d]));
    bool here = room->row[i] == room->player_row && room->col[i] == room->player_col;
    stoa_buffer_printf(out, "%s%s\n", room->chosen == i ? ", chosen" : "", here ? ", here" : "");
}

void stoa_odd_render_text(const stoa_odd_room *room, const stoa_odd_config *c, int64_t limit,
                          stoa_buffer *out) {
    uint8_t order[STOA_ODD_ORDER];
    for (int row = 0; row < c->interior + 2; row++) {
        for (int col = 0; col < c->interior + 2; col++)
            stoa_buffer_printf(out, "%c", letter(room, c, row, col));
        stoa_buffer_printf(out, "\n");
    }
    for (int i = 0; i < STOA_ODD_OBJECTS; i++)
        list_object(room, c, i, out);
    if (stoa_odd_meta(c)) {
        stoa_odd_instruction(room, c, order);
        stoa_buffer_printf(out, "trial %d of %d: ", room->trial + 1, stoa_odd_trials(c));
        stoa_odd_print_words(order, STOA_ODD_ORDER, out);
        stoa_buffer_printf(out, "\n");
    }
    stoa_buffer_printf(out, "says: ");
    stoa_odd_print_words(room->said, STOA_ODD_WORDS, out);
    stoa_buffer_printf(out, "\nstep %d of %lld\n", room->step, (long long)limit);
}

void stoa_odd_render_rgb(const stoa_odd_room *room, const stoa_odd_config *c, int scale,
                         uint8_t *out) {
    int size = ((int)c->interior + 2) * SIDE;
    stoa_odd_picture pictures[STOA_ODD_OBJECTS];
    for (int i = 0; i < STOA_ODD_OBJECTS; i++)
        stoa_odd_paint(pictures[i], room->scene.value[i], room->scene.noise[i]);
    for (int y = 0; y < size * scale; y++)
        for (int x = 0; x < size * scale; x++, out += 3) {
            int py = y / scale, px = x / scale, row = py / SIDE, col = px / SIDE;
            int object = object_at(room, row, col);
            bool agent = row == room->player_row && col == room->player_col;
            if (object != STOA_ODD_NONE)
                memcpy(out, &pictures[object][py % SIDE][3 * (px % SIDE)], 3);
            else
                memset(out, is_wall(c, row, col) ? STOA_ODD_SHADE : agent ? 255 : 0, 3);
        }
}
