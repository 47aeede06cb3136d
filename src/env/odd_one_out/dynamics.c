/*
 * env/odd_one_out/dynamics.c - one step in the room, in the order of the public program: the agent
 * moves or changes objects beside it, the time after a choice runs, then each object looks in turn
 * whether the agent stands on it or beside it.
 */
#include <stdlib.h>
#include <string.h>

#include "env/odd_one_out/room.h"

enum { MOVES = 8, TEST_WORTH = 10 };

/* North, then clockwise. */
static const int8_t moves[MOVES][2] = {{-1, 0}, {-1, 1}, {0, 1},  {1, 1},
                                       {1, 0},  {1, -1}, {0, -1}, {-1, -1}};

static void walk(stoa_odd_room *room, const stoa_odd_config *c, int action) {
    int row = room->player_row + moves[action][0], col = room->player_col + moves[action][1];
    if (row < 1 || row > c->interior || col < 1 || col > c->interior)
        return;
    room->player_row = (uint8_t)row;
    room->player_col = (uint8_t)col;
}

/* The agent stands on the object. */
static void touch(stoa_odd_room *room, const stoa_odd_config *c, int object,
                  stoa_odd_outcome *out) {
    if (room->countdown != STOA_ODD_QUIET) {
        out->over = room->countdown < c->phase - 2;
        return;
    }
    bool right = room->worth >> object & 1;
    bool test = stoa_odd_meta(c) && room->trial + 1 == stoa_odd_trials(c);
    out->reward = right ? test ? TEST_WORTH : 1 : 0;
    out->touched = true;
    room->right |= (uint8_t)(right << room->trial);
    room->chosen = (uint8_t)object;
    room->countdown = (uint8_t)c->phase;
    stoa_odd_say_verdict(room, c, object);
}

/* The agent stands beside the object. What an object is worth is looked at then only, one object
 * after the other, so of two that change together the first is judged beside the unchanged second.
 */
static void neighbour(stoa_odd_room *room, const stoa_odd_config *c, int object, int change,
                      stoa_odd_outcome *out) {
    if (change >= 0) {
        uint8_t *value = &room->scene.value[object][change];
        const uint8_t *pair = room->scene.pair[change];
        *value = *value == pair[0] ? pair[1] : pair[0];
        out->repaint |= 1 << object;
    }
    if (stoa_odd_meta(c)) {
        unsigned bit = 1u << object;
        bool unique = stoa_odd_unique(&room->scene, object, room->scene.concept);
        room->worth = (uint8_t)(unique ? room->worth | bit : room->worth & ~bit);
    }
    if (room->countdown == STOA_ODD_QUIET)
        stoa_odd_say_properties(room, c, object);
}

void stoa_odd_look(stoa_odd_room *room, const stoa_odd_config *c, int change,
                   stoa_odd_outcome *out) {
    room->near = 0;
    for (int i = 0; i < STOA_ODD_OBJECTS && !out->over; i++) {
        int down = abs(room->row[i] - room->player_row),
            side = abs(room->col[i] - room->player_col);
        if (down + side == 0) {
            touch(room, c, i, out);
        } else if (down <= 1 && side <= 1) {
            neighbour(room, c, i, change, out);
            room->near = 1;
        }
    }
    if (room->countdown != STOA_ODD_QUIET)
        room->near = 0;
    else if (c->strict && !room->near)
        memset(room->said, STOA_ODD_PAD, sizeof room->said);
}

stoa_odd_outcome stoa_odd_move(stoa_odd_room *room, const stoa_odd_config *c, int action) {
    stoa_odd_outcome out = {0};
    int change = -1;
    if (action < MOVES) {
        walk(room, c, action);
    } else if (room->changes > 0) {
        room->changes--;
        room->changed |= (uint8_t)(1u << room->trial);
        change = action - MOVES;
    }
    room->step++;
    if (room->countdown == 0)
        out.over = true;
    else if (room->countdown != STOA_ODD_QUIET)
        room->countdown--;
    stoa_odd_look(room, c, change, &out);
    return out;
}
