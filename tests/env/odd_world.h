/* odd_world.h - rooms of odd-one-out laid out by hand: what its tests share. */
#ifndef STOA_TESTS_ENV_ODD_WORLD_H
#define STOA_TESTS_ENV_ODD_WORLD_H

#include "env/odd_one_out/room.h"
#include "world.h"

enum { ODD_N, ODD_NE, ODD_E, ODD_SE, ODD_S, ODD_SW, ODD_W, ODD_NW };

/* One instance with these settings, of this seed. */
world odd_open(const char *const *set, int count, int64_t instances, uint64_t seed);
#define ODD_OPEN(...)                                                                              \
    odd_open((const char *const[]){__VA_ARGS__},                                                   \
             (int)(sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)), 1, 3)
stoa_odd_room *odd_room(world *w);
/* The usual room: objects red solid triangles on (1,1), (1,9), (9,1), (9,9), of which the last is
 * green; the agent in the middle; the concept is the colour. */
void odd_lay_out(world *w);
/* Places the agent and lets the room say what it then says. */
void odd_stand(world *w, int row, int col);
void odd_go(world *w, int action);
/* What the explanation (or the instruction) of the first instance says, as text of static life
 * until the next call. */
const char *odd_hears(const world *w);
const char *odd_reads(const world *w, const char *space);
/* The observation space's index; fails the test when there is none. */
int odd_space(const world *w, const char *name);
#define odd_assert_hears(w, text) assert_string_equal(odd_hears(w), text)

#endif /* STOA_TESTS_ENV_ODD_WORLD_H */
