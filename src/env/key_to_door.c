/*
 * env/key_to_door.c - Key-to-Door: take a key, eat apples for a long while, open a door.
 *
 * Three rooms, one after the other, each for a fixed number of steps. In the first a key may be
 * taken, unrewarded; in the second apples are worth a varying reward; in the third a door pays
 * once, but lets through only who took the key. The noise of the apples hides what the key is
 * worth. After Hung et al. 2019 (temporal value transport), the grid version; rules and order of
 * events are those of its public code, frame for frame (docs/environments/key-to-door.md).
 *
 * Each instance has its board as bytes, padded so that the 5x5 window never leaves it.
 */
#include "env/key_to_door.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "env/env.h"

typedef stoa_key_to_door_config config;
typedef stoa_key_to_door_layout layout;

#define AT(field) offsetof(config, field)
static const char *const observation_names[] = {"window", "cells", NULL};
static const stoa_setting rows[] = {
    {"explore", STOA_SET_INT, AT(explore), "15", 1, 10000, NULL,
     "Steps of the first phase, with the key."},
    {"distractor", STOA_SET_INT, AT(distractor), "90", 0, 10000, NULL,
     "Steps of the second phase, with the apples; 0 leaves it out."},
    {"reward", STOA_SET_INT, AT(reward), "15", 1, 10000, NULL,
     "Steps of the third phase, with the door."},
    {"apples", STOA_SET_INT, AT(apples), "10", 0, STOA_KEY_TO_DOOR_APPLE_CELLS, NULL,
     "Apples, on as many of the 22 places."},
    {"apple_respawn", STOA_SET_INT, AT(apple_respawn), "20", 0, 30000, NULL,
     "Steps an eaten apple stays away; 0: for good."},
    {"apple_low", STOA_SET_FLOAT, AT(apple_low), "1", -1000, 1000, NULL,
     "Least reward for an apple."},
    {"apple_high", STOA_SET_FLOAT, AT(apple_high), "10", -1000, 1000, NULL,
     "Highest reward for an apple."},
    {"apple_fixed", STOA_SET_BOOL, AT(apple_fixed), "true", 0, 0, NULL,
     "One reward for all apples of an episode, either apple_low or apple_high; else each apple's "
     "is drawn between them."},
    {"door_reward", STOA_SET_FLOAT, AT(door_reward), "10", 0, 1000, NULL,
     "Reward for opening the door."},
    {"observation", STOA_SET_CHOICE, AT(observation), "window", 0, 0, observation_names,
     "Pixels of the 5x5 window around the player, or its cells as categories."},
    {"time", STOA_SET_BOOL, AT(time), "false", 0, 0, NULL,
     "Observe the elapsed share of the episode and whether this step is the last."},
};

static stoa_settings_table settings(void) {
    return (stoa_settings_table){rows, sizeof rows / sizeof *rows};
}

static stoa_status check(const void *c_, stoa_error *err) {
    const config *c = c_;
    if (c->apple_low > c->apple_high)
        return stoa_fail(err, STOA_ERR_USAGE, "apple_low (%g) lies above apple_high (%g)",
                         c->apple_low, c->apple_high);
    return STOA_OK;
}

/* ---- the three boards ------------------------------------------------------------------------ */

enum {
    FLOOR = STOA_KEY_TO_DOOR_FLOOR,
    WALL = STOA_KEY_TO_DOOR_WALL,
    PLAYER = STOA_KEY_TO_DOOR_PLAYER,
    KEY = STOA_KEY_TO_DOOR_KEY,
    DOOR = STOA_KEY_TO_DOOR_DOOR,
    APPLE = STOA_KEY_TO_DOOR_APPLE,
    INDICATOR = STOA_KEY_TO_DOOR_INDICATOR,
    OUTSIDE = STOA_KEY_TO_DOOR_CELL_KINDS, /* looks like floor, cannot be entered */

    HEIGHT = 7,
    WIDTH = 11,
    SIGHT = 2, /* cells seen in each direction */
    WINDOW = 2 * SIGHT + 1,
    STRIDE = 16, /* at least WIDTH + 2 * SIGHT */
    BOARD = (HEIGHT + 2 * SIGHT) * STRIDE,
    RING = 32, /* eaten apples at once, a power of two of at least 22 */
    SCALE = 8  /* pixels a cell when drawn */
};

typedef enum phase { EXPLORE, DISTRACTOR, REWARD, PHASES } phase;

/* '#' wall, ' ' floor, 'k' place for the key, '+' place for the player, 'a' for an apple, 'd' door,
 * '.' outside. 7x11 cells with an edge as wide as the player sees. */
static const char plans[PHASES][BOARD + 1] = {
    "................"
    "................"
    "..  #######  ..."
    "..  #kkkkk#  ..."
    "..  #kkkkk#  ..."
    "..  ##   ##  ..."
    "..  #+++++#  ..."
    "..  #+++++#  ..."
    "..  #######  ..."
    "................"
    "................",

    "................"
    "................"
    "..###########..."
    "..#a a a a a#..."
    "..# a a a a #..."
    "..#a a a a a#..."
    "..# a a a a #..."
    "..#a a + a a#..."
    "..###########..."
    "................"
    "................",

    "................"
    "................"
    "..           ..."
    "..   ##d##   ..."
    "..   #   #   ..."
    "..   # + #   ..."
    "..   #   #   ..."
    "..   #####   ..."
    "..           ..."
    "................"
    "................",
};

static unsigned cell_at(int row, int col) {
    return (unsigned)((row + SIGHT) * STRIDE + col + SIGHT);
}

static int row_of(unsigned cell) {
    return (int)cell / STRIDE - SIGHT;
}

static int col_of(unsigned cell) {
    return (int)cell % STRIDE - SIGHT;
}

/* The k-th place of a kind in a phase's plan, along the rows. */
static unsigned place(phase p, char kind, int64_t k) {
    unsigned cell = 0;
    while (plans[p][cell] != kind || k-- > 0)
        cell++;
    return cell;
}

static void empty_board(phase p, uint8_t board[BOARD]) {
    const char *plan = plans[p];
    for (int i = 0; i < BOARD; i++)
        board[i] = plan[i] == '#' ? WALL : plan[i] == 'd' ? DOOR : plan[i] == '.' ? OUTSIDE : FLOOR;
}

static const int moves[] = {-STRIDE, STRIDE, -1, 1}; /* north, south, west, east */

/* ---- what random and perfect play come to ---------------------------------------------------- */

/* Probability that a uniformly random walk of so many steps is at target at least once. */
static double reaches(const uint8_t board[BOARD], unsigned from, unsigned target, int64_t steps) {
    double mass[BOARD] = {0}, reached = 0; /* of walkers that have not been there */
    mass[from] = 1;
    for (int64_t t = 0; t < steps && reached < 1 - 1e-12; t++) {
        double next[BOARD] = {0};
        for (unsigned cell = 0; cell < BOARD; cell++)
            for (int m = 0; m < 4 && mass[cell] > 0; m++) {
                unsigned to = (unsigned)((int)cell + moves[m]);
                next[board[to] == WALL || board[to] == OUTSIDE ? cell : to] += mass[cell] / 4;
            }
        reached += next[target];
        next[target] = 0;
        memcpy(mass, next, sizeof mass);
    }
    return reached;
}

enum { STARTS = 10, KEYS = 10 }; /* places of the player and of the key */

double stoa_key_to_door_random_key(int64_t steps) {
    uint8_t board[BOARD];
    empty_board(EXPLORE, board);
    double sum = 0;
    for (int s = 0; s < STARTS; s++)
        for (int k = 0; k < KEYS; k++)
            sum += reaches(board, place(EXPLORE, '+', s), place(EXPLORE, 'k', k), steps);
    return sum / (STARTS * KEYS);
}

double stoa_key_to_door_random_door(int64_t steps) {
    uint8_t board[BOARD];
    empty_board(REWARD, board);
    return reaches(board, place(REWARD, '+', 0), place(REWARD, 'd', 0), steps);
}

/* Share of the layouts in which the key can be had within so many steps. */
static double key_within_reach(int64_t steps) {
    int near = 0;
    for (int s = 0; s < STARTS; s++)
        for (int k = 0; k < KEYS; k++) {
            unsigned from = place(EXPLORE, '+', s), to = place(EXPLORE, 'k', k);
            int shortest = HEIGHT * WIDTH;
            for (int gap = 4; gap <= 6; gap++) { /* columns of the opening between the rooms */
                int path =
                    row_of(from) - row_of(to) + abs(col_of(from) - gap) + abs(col_of(to) - gap);
                shortest = path < shortest ? path : shortest;
            }
            near += shortest <= steps;
        }
    return (double)near / (STARTS * KEYS);
}

/* ---- spaces ---------------------------------------------------------------------------------- */

enum { EVENT_NONE, EVENT_KEY, EVENT_APPLE, EVENT_DOOR };

static void describe(const void *config_, stoa_env_spec *spec) {
    static const char *const move_names[] = {"north", "south", "west", "east"};
    static const char *const cell_names[] = {"floor", "wall",  "player",   "key",
                                             "door",  "apple", "indicator"};
    const config *c = config_;
    stoa_space *list = spec->observations;
    if (c->observation == STOA_KEY_TO_DOOR_WINDOW) {
        stoa_space_add(list, &spec->observation_count, "window", STOA_SPACE_IMAGE, STOA_U8,
                       STOA_SHAPE(WINDOW, WINDOW, 3));
    } else {
        stoa_space *cells =
            stoa_space_add(list, &spec->observation_count, "cells", STOA_SPACE_CATEGORIES, STOA_U8,
                           STOA_SHAPE(WINDOW * WINDOW));
        cells->categories = STOA_KEY_TO_DOOR_CELL_KINDS;
        cells->labels = cell_names;
    }
    if (c->time) {
        stoa_space *time = stoa_space_add(list, &spec->observation_count, "time", STOA_SPACE_BOX,
                                          STOA_F32, STOA_SHAPE(2));
        time->high = 1;
    }
    stoa_space *move = stoa_space_add(spec->actions, &spec->action_count, "move",
                                      STOA_SPACE_CATEGORIES, STOA_I32, 0, NULL);
    move->categories = 4;
    move->labels = move_names;
    static const char *const metrics[] = {"last_phase_reward", "key", "apples", "return"};
    for (int m = 0; m < 4; m++)
        snprintf(spec->metrics[spec->metric_count++], STOA_ENV_NAME, "%s", metrics[m]);
    static const char *const events[] = {"key", "apple", "door"};
    for (int e = 0; e < 3; e++)
        snprintf(spec->events[spec->event_count++], STOA_ENV_NAME, "%s", events[e]);
    spec->max_steps = c->explore + c->distractor + c->reward;
    spec->reward_low = fmin(0, c->apple_low);
    spec->reward_high = fmax(c->door_reward, c->apple_high);
    spec->chance = c->door_reward * stoa_key_to_door_random_key(c->explore) *
                   stoa_key_to_door_random_door(c->reward);
    spec->ceiling = c->door_reward * key_within_reach(c->explore) * (c->reward >= 2);
    spec->render_height = HEIGHT * SCALE;
    spec->render_width = WIDTH * SCALE;
}

/* ---- state ----------------------------------------------------------------------------------- */

/* Arrays over instances, one behind the other. */
typedef struct state {
    uint8_t (*board)[BOARD];               /* cells as seen, the player left out */
    uint32_t *apples;                      /* candidate cells that bear apples in this episode */
    float *worth;                          /* of an apple, when it is fixed */
    float *total, *door;                   /* return so far; what the door has paid */
    uint16_t (*due)[RING];                 /* steps at which eaten apples are back: a queue */
    uint16_t *step, *count;                /* steps taken, apples eaten */
    uint8_t (*eaten)[RING];                /* the cells of the queue */
    uint8_t *first, *queued;               /* the queue's first entry and length */
    uint8_t *player, *phase, *start, *key; /* start: the player's first cell */
    uint8_t *has_key, *marked;             /* the key was taken; the indicator shows */
} state;

enum {
    SMALL = 8,                                                 /* arrays of one byte an instance */
    INSTANCE = BOARD + 4 * 4 + 2 * RING + 2 * 2 + RING + SMALL /* bytes in all of them */
};

static size_t state_bytes(const void *config_, int64_t count) {
    (void)config_;
    return (size_t)count * INSTANCE;
}

static void *cut(uint8_t **at, size_t bytes) {
    void *piece = *at;
    *at += bytes;
    return piece;
}

static state state_of(const stoa_env *env) {
    size_t n = (size_t)env->count;
    uint8_t *at = env->state;
    state s;
    s.board = cut(&at, n * sizeof *s.board);
    s.apples = cut(&at, n * sizeof *s.apples);
    s.worth = cut(&at, n * sizeof *s.worth);
    s.total = cut(&at, n * sizeof *s.total);
    s.door = cut(&at, n * sizeof *s.door);
    s.due = cut(&at, n * sizeof *s.due);
    s.step = cut(&at, n * sizeof *s.step);
    s.count = cut(&at, n * sizeof *s.count);
    s.eaten = cut(&at, n * sizeof *s.eaten);
    uint8_t **const small[SMALL] = {&s.first, &s.queued, &s.player,  &s.phase,
                                    &s.start, &s.key,    &s.has_key, &s.marked};
    for (int k = 0; k < SMALL; k++)
        *small[k] = cut(&at, n);
    return s;
}

/* ---- observations ---------------------------------------------------------------------------- */

/* Channels from 0-1000 to bytes, rounded down; red lowest. */
#define RGB(r, g, b) ((r)*255 / 1000 | (g)*255 / 1000 << 8 | (b)*255 / 1000 << 16)
static const uint32_t colours[] = {
    [FLOOR] = RGB(800, 800, 800),        [WALL] = RGB(100, 100, 100),
    [PLAYER] = RGB(898, 584, 430),       [KEY] = RGB(627, 321, 176),
    [DOOR] = RGB(529, 808, 922),         [APPLE] = RGB(550, 700, 0),
    [INDICATOR] = RGB(1000, 1000, 1000), [OUTSIDE] = RGB(800, 800, 800),
};

static void put_colour(uint8_t *pixel, uint32_t colour) {
    for (int channel = 0; channel < 3; channel++)
        pixel[channel] = (uint8_t)(colour >> 8 * channel);
}

/* The door is drawn over the player, who is drawn over everything else. */
static unsigned centre(const uint8_t *board, unsigned player) {
    return board[player] == DOOR ? DOOR : PLAYER;
}

/* The 15 bytes of a row of five cells, as two words that overlap in one byte. */
static void draw_row(const uint8_t *cells, uint8_t *out) {
    uint64_t a = colours[cells[0]], b = colours[cells[1]], c = colours[cells[2]],
             d = colours[cells[3]], e = colours[cells[4]];
    uint64_t left = a | b << 24 | c << 48, right = c >> 8 | d << 16 | e << 40;
    memcpy(out, &left, 8);
    memcpy(out + 7, &right, 8);
}

static void draw_window(const uint8_t *board, unsigned player, uint8_t *out) {
    const uint8_t *corner = board + player - SIGHT * STRIDE - SIGHT;
    for (int y = 0; y < WINDOW; y++)
        draw_row(corner + y * STRIDE, out + 3 * WINDOW * y);
    put_colour(out + 3 * (SIGHT * WINDOW + SIGHT), colours[centre(board, player)]);
}

static void list_cells(const uint8_t *board, unsigned player, uint8_t *out) {
    const uint8_t *corner = board + player - SIGHT * STRIDE - SIGHT;
    for (int y = 0; y < WINDOW; y++)
        for (int x = 0; x < WINDOW; x++) {
            uint8_t cell = corner[y * STRIDE + x];
            out[y * WINDOW + x] = cell == OUTSIDE ? FLOOR : cell;
        }
    out[SIGHT * WINDOW + SIGHT] = (uint8_t)centre(board, player);
}

static void observe(const stoa_env *env, const state *s, void *const *observations, int64_t i) {
    enum { CELLS = WINDOW * WINDOW };
    const config *c = env->config;
    if (observations[0]) {
        if (c->observation == STOA_KEY_TO_DOOR_WINDOW)
            draw_window(s->board[i], s->player[i], (uint8_t *)observations[0] + 3 * CELLS * i);
        else
            list_cells(s->board[i], s->player[i], (uint8_t *)observations[0] + CELLS * i);
    }
    if (c->time && observations[1]) {
        float *time = (float *)observations[1] + 2 * i;
        time[0] = (float)s->step[i] / (float)env->spec.max_steps;
        time[1] = s->step[i] + 1 == env->spec.max_steps;
    }
}

/* ---- episodes -------------------------------------------------------------------------------- */

static void enter(const state *s, phase p, int64_t i) {
    uint8_t *board = s->board[i];
    empty_board(p, board);
    s->phase[i] = (uint8_t)p;
    s->player[i] = p == EXPLORE ? s->start[i] : (uint8_t)place(p, '+', 0);
    s->first[i] = s->queued[i] = s->marked[i] = 0;
    memset(s->due[i], 0, sizeof s->due[i]);
    memset(s->eaten[i], 0, sizeof s->eaten[i]);
    if (p == EXPLORE)
        board[s->key[i]] = KEY;
    uint32_t apples = s->apples[i];
    for (unsigned cell = 0; p == DISTRACTOR && cell < BOARD; cell++)
        if (plans[p][cell] == 'a') {
            board[cell] = apples & 1 ? APPLE : FLOOR;
            apples >>= 1;
        }
}

static void begin_with(const state *s, int64_t i, unsigned start, unsigned key, uint32_t apples,
                       float worth) {
    s->start[i] = (uint8_t)start;
    s->key[i] = (uint8_t)key;
    s->apples[i] = apples;
    s->worth[i] = worth;
    s->total[i] = s->door[i] = 0;
    s->step[i] = s->count[i] = 0;
    s->has_key[i] = 0;
    enter(s, EXPLORE, i);
}

/* A uniformly random subset of the given size, as bits (Floyd's algorithm). */
static uint32_t draw_subset(stoa_rng *rng, int of, int size) {
    uint32_t chosen = 0;
    for (int last = of - size; last < of; last++) {
        uint32_t bit = 1u << stoa_rng_below(rng, last + 1);
        chosen |= chosen & bit ? 1u << last : bit;
    }
    return chosen;
}

static void begin_episode(const stoa_env *env, const state *s, int64_t i) {
    const config *c = env->config;
    stoa_rng *rng = &env->rngs[i];
    unsigned start = place(EXPLORE, '+', stoa_rng_below(rng, STARTS));
    unsigned key = place(EXPLORE, 'k', stoa_rng_below(rng, KEYS));
    uint32_t apples = draw_subset(rng, STOA_KEY_TO_DOOR_APPLE_CELLS, (int)c->apples);
    double worth = stoa_rng_below(rng, 2) ? c->apple_high : c->apple_low;
    begin_with(s, i, start, key, apples, (float)worth);
}

void stoa_key_to_door_begin(stoa_env *env, int64_t i, const layout *l) {
    state s = state_of(env);
    begin_with(&s, i, cell_at(l->player_row, l->player_col), cell_at(l->key_row, l->key_col),
               l->apples, l->apple_worth);
}

layout stoa_key_to_door_layout_of(const stoa_env *env, int64_t i) {
    state s = state_of(env);
    return (layout){row_of(s.start[i]), col_of(s.start[i]), row_of(s.key[i]),
                    col_of(s.key[i]),   s.apples[i],        s.worth[i]};
}

static void reset(stoa_env *env, const stoa_env_buffers *b, int64_t begin, int64_t end) {
    state s = state_of(env);
    for (int64_t i = begin; i < end; i++) {
        begin_episode(env, &s, i);
        observe(env, &s, b->observations, i);
        if (b->events)
            b->events[i] = EVENT_NONE;
    }
}

/* ---- one step -------------------------------------------------------------------------------- */

static void move_player(const state *s, int64_t i, int32_t action) {
    const uint8_t *board = s->board[i];
    unsigned to = (unsigned)(s->player[i] + moves[action]);
    unsigned closed = 1u << WALL | 1u << INDICATOR | 1u << OUTSIDE | !s->has_key[i] << DOOR;
    s->player[i] = closed >> board[to] & 1 ? s->player[i] : (uint8_t)to;
}

/* What the player's cell brings, then what grows back: an apple that is due under the player's feet
 * is eaten one step later. */
static unsigned act(const stoa_env *env, const state *s, int64_t i, float *reward) {
    const config *c = env->config;
    const unsigned sign = cell_at(0, 5);
    uint8_t *board = s->board[i], *cell = &board[s->player[i]];
    unsigned event = EVENT_NONE;
    if (s->marked[i]) {
        board[sign] = WALL;
        s->marked[i] = 0;
    }
    if (*cell == KEY) {
        event = EVENT_KEY;
        *cell = FLOOR;
        board[sign] = INDICATOR;
        s->has_key[i] = s->marked[i] = 1;
    } else if (*cell == APPLE) {
        event = EVENT_APPLE;
        *cell = FLOOR;
        *reward = c->apple_fixed ? s->worth[i]
                                 : (float)(c->apple_low + (c->apple_high - c->apple_low) *
                                                              stoa_rng_uniform(&env->rngs[i]));
        s->count[i]++;
        if (c->apple_respawn) {
            unsigned last = (unsigned)(s->first[i] + s->queued[i]++) % RING;
            s->eaten[i][last] = s->player[i];
            s->due[i][last] = (uint16_t)(s->step[i] + c->apple_respawn + 1);
        }
    } else if (*cell == DOOR && s->door[i] == 0 && c->door_reward > 0) {
        event = EVENT_DOOR;
        *reward = s->door[i] = (float)c->door_reward;
    }
    if (s->queued[i] && s->due[i][s->first[i]] == s->step[i]) {
        unsigned first = s->first[i];
        board[s->eaten[i][first]] = APPLE;
        s->eaten[i][first] = 0; /* equal states are equal bytes */
        s->due[i][first] = 0;
        s->first[i] = (uint8_t)((first + 1) % RING);
        s->queued[i]--;
    }
    return event;
}

/* Enters the next phase when this one's time is over; false when it was the last. */
static bool next_phase(const config *c, const state *s, int64_t i, bool *entered) {
    int64_t t = s->step[i];
    *entered = false;
    if (s->phase[i] == EXPLORE && t == c->explore)
        enter(s, c->distractor ? DISTRACTOR : REWARD, i), *entered = true;
    else if (s->phase[i] == DISTRACTOR && t == c->explore + c->distractor)
        enter(s, REWARD, i), *entered = true;
    return t < c->explore + c->distractor + c->reward;
}

static void write_metrics(const state *s, int64_t i, float *out) {
    out[0] = s->door[i];
    out[1] = s->has_key[i];
    out[2] = s->count[i];
    out[3] = s->total[i];
}

static void step(stoa_env *env, const stoa_env_buffers *b, int64_t begin, int64_t end) {
    const config *c = env->config;
    const int32_t *actions = b->actions[0];
    state s = state_of(env);
    for (int64_t i = begin; i < end; i++) {
        float reward = 0;
        bool entered;
        assert(actions[i] >= 0 && actions[i] < 4);
        s.step[i]++;
        move_player(&s, i, actions[i]);
        unsigned event = act(env, &s, i, &reward);
        s.total[i] += reward;
        bool over = !next_phase(c, &s, i, &entered);
        b->rewards[i] = reward;
        b->terminated[i] = over;
        b->truncated[i] = 0;
        if (over) {
            observe(env, &s, b->final_observations, i);
            if (b->metrics)
                write_metrics(&s, i, b->metrics + 4 * i);
            begin_episode(env, &s, i);
        }
        observe(env, &s, b->observations, i);
        if (b->events) /* where a new room is shown, nothing of the event can be seen */
            b->events[i] = over || entered ? EVENT_NONE : (uint8_t)event;
    }
}

/* ---- drawing --------------------------------------------------------------------------------- */

static uint8_t shown(const state *s, int64_t i, int row, int col) {
    unsigned cell = cell_at(row, col);
    const uint8_t *board = s->board[i];
    return cell == s->player[i] ? (uint8_t)centre(board, cell) : board[cell];
}

static void render_text(const stoa_env *env, int64_t i, stoa_buffer *out) {
    static const char letters[] = " #@kdai";
    static const char *const names[PHASES] = {"explore", "distractor", "reward"};
    state s = state_of(env);
    for (int row = 0; row < HEIGHT; row++) {
        for (int col = 0; col < WIDTH; col++)
            stoa_buffer_printf(out, "%c", letters[shown(&s, i, row, col)]);
        stoa_buffer_printf(out, "\n");
    }
    stoa_buffer_printf(out, "step %d of %lld, %s phase%s, %d apples eaten, return %g\n", s.step[i],
                       (long long)env->spec.max_steps, names[s.phase[i]],
                       s.has_key[i] ? ", key taken" : "", s.count[i], (double)s.total[i]);
}

static void render_rgb(const stoa_env *env, int64_t i, uint8_t *pixels) {
    state s = state_of(env);
    for (int y = 0; y < HEIGHT * SCALE; y++)
        for (int x = 0; x < WIDTH * SCALE; x++, pixels += 3)
            put_colour(pixels, colours[shown(&s, i, y / SCALE, x / SCALE)]);
}

const stoa_env_class stoa_env_key_to_door = {
    .name = "key-to-door",
    .summary = "Take a key, eat apples for a long while, open a door with the key.",
    .config_bytes = sizeof(config),
    .settings = settings,
    .check = check,
    .describe = describe,
    .state_bytes = state_bytes,
    .reset = reset,
    .step = step,
    .render_text = render_text,
    .render_rgb = render_rgb,
};
