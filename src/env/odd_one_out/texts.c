/* env/odd_one_out/texts.c - what is said: 66 words, explanations and instructions. */
#include <string.h>

#include "env/odd_one_out/room.h"

/* Ids of the words that are no values. */
enum {
    THIS = 3,
    IS,
    A,
    CORRECT,
    IT,
    UNIQUELY,
    INCORRECT,
    OTHER,
    OBJECTS,
    ARE,
    OR,
    THE,
    CONCEPT,
    AND,
    DIMENSION,
    COLOR = DIMENSION + STOA_ODD_LOOKS,
    TEXTURE = COLOR + STOA_ODD_COLORS,
    SHAPE = TEXTURE + STOA_ODD_TEXTURES,
    PLACE = SHAPE + STOA_ODD_SHAPES,
    MAKE = PLACE + STOA_ODD_PLACES,
    AN,
    ODD,
    ONE,
    OUT,
    FIND,
    WORDS
};

_Static_assert((int)WORDS == (int)STOA_ODD_VOCABULARY, "every word has an id");

const char *const stoa_odd_words[STOA_ODD_VOCABULARY] = {
    "<pad>", "<begin>", "<end>", "This", "is", "a", "Correct", "it", "uniquely", "Incorrect",
    "other", "objects", "are", "or", "the", "concept", "and",
    /* dimensions */
    "color", "texture", "shape",
    /* colours */
    "red", "green", "blue", "purple", "orange", "yellow", "brown", "pink", "cyan", "dark_green",
    "dark_red", "dark_blue", "olive", "teal", "lavender", "peach", "rose", "light_green",
    "light_yellow",
    /* textures */
    "solid", "horizontal_stripes", "vertical_stripes", "checker", "grid", "noise",
    /* shapes */
    "triangle", "plus", "inverse_plus", "ex", "inverse_ex", "circle", "tee", "upside_down_tee", "h",
    "u", "upside_down_u",
    /* positions */
    "in_corner", "against_wall_x", "against_wall_y", "in_center",
    /* instructions */
    "Make", "an", "odd", "one", "out", "Find"};

static const uint8_t first_value[STOA_ODD_DIMENSIONS] = {COLOR, TEXTURE, SHAPE, PLACE};

/* A text in the making. */
typedef struct writer {
    uint8_t *words;
    int count;
} writer;

static void say(writer *w, int word) {
    w->words[w->count++] = (uint8_t)word;
}

static void say_all(writer *w, const uint8_t *words, size_t n) {
    memcpy(w->words + w->count, words, n);
    w->count += (int)n;
}

#define SAY(w, ...) say_all(w, (const uint8_t[]){__VA_ARGS__}, sizeof((uint8_t[]){__VA_ARGS__}))

static void say_value(writer *w, const stoa_odd_room *room, int object, int dimension) {
    say(w, first_value[dimension] + room->scene.value[object][dimension]);
}

static writer begin(stoa_odd_room *room) {
    memset(room->said, STOA_ODD_PAD, sizeof room->said);
    return (writer){room->said, 0};
}

/* Where the agent stands, true and beside the point: thirds of the room as position classes. */
static void say_place(stoa_odd_room *room, const stoa_odd_config *c) {
    bool middle_row = (room->player_row - 1) * 3 / c->interior == 1;
    bool middle_col = (room->player_col - 1) * 3 / c->interior == 1;
    writer w = begin(room);
    SAY(&w, THIS, IS, A, (uint8_t)(PLACE + 2 * middle_row + middle_col));
}

void stoa_odd_say_properties(stoa_odd_room *room, const stoa_odd_config *c, int object) {
    if (!(c->explanations & STOA_ODD_EXPLAIN_PROPERTIES))
        return;
    if (c->irrelevant) {
        say_place(room, c);
        return;
    }
    bool one = c->level == STOA_ODD_LEVEL_CONFOUNDED || c->level == STOA_ODD_LEVEL_DECONFOUNDED;
    bool place = c->level == STOA_ODD_LEVEL_BASIC && c->placement == STOA_ODD_CLASSES;
    writer w = begin(room);
    SAY(&w, THIS, IS, A);
    if (one) {
        say_value(&w, room, object, room->scene.concept);
        return;
    }
    for (int d = 0; d < STOA_ODD_LOOKS + place; d++)
        say_value(&w, room, object, d);
}

/* "Incorrect other objects are C T S or P" */
static void say_all_values(writer *w, const stoa_odd_room *room, const stoa_odd_config *c,
                           int object) {
    int last = STOA_ODD_LOOKS - (c->placement != STOA_ODD_CLASSES);
    SAY(w, INCORRECT, OTHER, OBJECTS, ARE);
    for (int d = 0; d <= last; d++) {
        if (d == last)
            say(w, OR);
        say_value(w, room, object, d);
    }
}

void stoa_odd_say_verdict(stoa_odd_room *room, const stoa_odd_config *c, int object) {
    bool right = room->worth >> object & 1;
    int concept = room->scene.concept;
    writer w = begin(room);
    if (!(c->explanations & STOA_ODD_EXPLAIN_REWARD))
        return;
    if (c->irrelevant) {
        say_place(room, c);
    } else if (stoa_odd_meta(c)) {
        SAY(&w, right ? CORRECT : INCORRECT, THE, CONCEPT, IS, (uint8_t)(DIMENSION + concept), AND);
        if (right)
            SAY(&w, IT, IS, UNIQUELY);
        else
            SAY(&w, OTHER, OBJECTS, ARE);
        say_value(&w, room, object, concept);
    } else if (right) {
        SAY(&w, CORRECT, IT, IS, UNIQUELY);
        say_value(&w, room, object, concept);
    } else if (c->level == STOA_ODD_LEVEL_BASIC) {
        say_all_values(&w, room, c, object);
    } else {
        SAY(&w, INCORRECT, OTHER, OBJECTS, ARE);
        say_value(&w, room, object, concept);
    }
}

void stoa_odd_instruction(const stoa_odd_room *room, const stoa_odd_config *c,
                          uint8_t out[STOA_ODD_ORDER]) {
    static const uint8_t make[STOA_ODD_ORDER] = {MAKE, AN, ODD, ONE, OUT},
                         find[STOA_ODD_ORDER] = {FIND, THE, ODD, ONE, OUT};
    bool test = room->trial + 1 == stoa_odd_trials(c);
    if (room->countdown != STOA_ODD_QUIET)
        memset(out, STOA_ODD_PAD, STOA_ODD_ORDER);
    else
        memcpy(out, test ? find : make, STOA_ODD_ORDER);
}

void stoa_odd_print_words(const uint8_t *words, int count, stoa_buffer *out) {
    for (int i = 0; i < count && words[i] != STOA_ODD_PAD; i++)
        stoa_buffer_printf(out, "%s%s", i ? " " : "", stoa_odd_words[words[i]]);
}
