/*
 * env/maze.c - Maze: find the way from the upper left to the lower right.
 *
 * Squares are wall or floor; those with odd row and column are cells, joined by a random spanning
 * tree (depth-first) with `loops` more openings. A move into a wall leaves the walker where it is.
 * Every step costs `step_cost`; the goal pays 1 and terminates; `steps` steps truncate. The length
 * of the shortest way is found when an episode begins, so its score, shortest way over steps taken,
 * is 1 for perfect play and 0 for never arriving.
 *
 * `layout: 0` builds a new maze each episode from the instance's stream; another number is the same
 * maze in every episode, instance and run.
 */
#include "env/maze.h"

#include <math.h>
#include <string.h>

#include "env/env.h"

enum {
    LONGEST_SIDE = 31,
    MOST_SQUARES = LONGEST_SIDE * LONGEST_SIDE,
    RENDER_SQUARE = 8 /* pixels of a square's side */
};

static const char *const observations[] = {"map", "text", NULL};

#define AT(field) offsetof(stoa_maze_config, field)
static const stoa_setting rows[] = {
    {"height", STOA_SET_INT, AT(height), "9", 5, LONGEST_SIDE, NULL,
     "Squares from top to bottom, outer walls included; odd."},
    {"width", STOA_SET_INT, AT(width), "9", 5, LONGEST_SIDE, NULL,
     "Squares from left to right, outer walls included; odd."},
    {"loops", STOA_SET_INT, AT(loops), "2", 0, 1000, NULL,
     "Inner walls opened beyond the one way between any two cells."},
    {"layout", STOA_SET_INT, AT(layout), "0", 0, 1e9, NULL,
     "0: a new maze each episode; else the maze of this number, always."},
    {"steps", STOA_SET_INT, AT(steps), "200", 1, 1000000, NULL,
     "Steps after which an episode is cut off."},
    {"step_cost", STOA_SET_FLOAT, AT(step_cost), "0.01", 0, 1, NULL, "Taken off for each step."},
    {"observation", STOA_SET_CHOICE, AT(observation), "map", 0, 0, observations,
     "See the maze as squares of four kinds, or as text."},
};

static stoa_settings_table settings(void) {
    return (stoa_settings_table){rows, sizeof rows / sizeof *rows};
}

static stoa_status check(const void *config, stoa_error *err) {
    const stoa_maze_config *c = config;
    if (c->height % 2 == 0 || c->width % 2 == 0)
        return stoa_fail(err, STOA_ERR_USAGE,
                         "height (%lld) and width (%lld) must be odd: walls lie between cells",
                         (long long)c->height, (long long)c->width);
    return STOA_OK;
}

static void describe(const void *config, stoa_env_spec *spec) {
    static const char *const moves[] = {"north", "east", "south", "west"};
    static const char *const squares[] = {"wall", "floor", "goal", "self"};
    const stoa_maze_config *c = config;
    if (c->observation == STOA_MAZE_TEXT) {
        stoa_space_add(spec->observations, &spec->observation_count, "map", STOA_SPACE_TEXT,
                       STOA_U8, STOA_SHAPE(c->height * (c->width + 1)));
    } else {
        stoa_space *map =
            stoa_space_add(spec->observations, &spec->observation_count, "map",
                           STOA_SPACE_CATEGORIES, STOA_U8, STOA_SHAPE(c->height, c->width));
        map->categories = 4;
        map->labels = squares;
    }
    stoa_space *move = stoa_space_add(spec->actions, &spec->action_count, "move",
                                      STOA_SPACE_CATEGORIES, STOA_I32, 0, NULL);
    move->categories = 4;
    move->labels = moves;
    snprintf(spec->metrics[spec->metric_count++], STOA_ENV_NAME, "optimality");
    snprintf(spec->metrics[spec->metric_count++], STOA_ENV_NAME, "solved");
    snprintf(spec->metrics[spec->metric_count++], STOA_ENV_NAME, "shortest");
    spec->max_steps = c->steps;
    spec->reward_low = -(double)(float)c->step_cost;
    spec->reward_high = 1;
    /* the longest shortest way visits half the squares; within `steps` it can be walked */
    spec->ceiling = c->steps >= c->height * c->width / 2 ? 1 : NAN;
    spec->render_height = (int)c->height * RENDER_SQUARE;
    spec->render_width = (int)c->width * RENDER_SQUARE;
}

/* ---- state ----------------------------------------------------------------------------------- */

/* One instance; its map, (height, width) walls and floors, lies in an array of their own. */
typedef struct walker {
    int32_t step;
    uint16_t at, shortest; /* square it stands on; length of the shortest way */
} walker;

static size_t squares_of(const stoa_maze_config *c) {
    return (size_t)(c->height * c->width);
}

static size_t state_bytes(const void *config, int64_t count) {
    return (size_t)count * (sizeof(walker) + squares_of(config));
}

static walker *walkers(const stoa_env *env) {
    return env->state;
}

static uint8_t *map_of(const stoa_env *env, int64_t i) {
    return (uint8_t *)(walkers(env) + env->count) + (size_t)i * squares_of(env->config);
}

static int first_square(const stoa_maze_config *c) {
    return (int)c->width + 1;
}

static int goal_square(const stoa_maze_config *c) {
    return (int)(squares_of(c) - (size_t)c->width - 2);
}

/* ---- building -------------------------------------------------------------------------------- */

/* Joins all cells into one tree: from the newest cell on the path to a random unvisited neighbour,
 * or back. */
static void carve_tree(const stoa_maze_config *c, stoa_rng *rng, uint8_t *map) {
    uint16_t path[MOST_SQUARES];
    int64_t depth = 0, width = c->width;
    path[depth++] = (uint16_t)first_square(c);
    map[path[0]] = STOA_MAZE_FLOOR;
    while (depth > 0) {
        int64_t here = path[depth - 1], y = here / width, x = here % width, open[4];
        int count = 0;
        if (y > 1 && map[here - 2 * width] == STOA_MAZE_WALL)
            open[count++] = -width;
        if (x < width - 2 && map[here + 2] == STOA_MAZE_WALL)
            open[count++] = 1;
        if (y < c->height - 2 && map[here + 2 * width] == STOA_MAZE_WALL)
            open[count++] = width;
        if (x > 1 && map[here - 2] == STOA_MAZE_WALL)
            open[count++] = -1;
        if (count == 0) {
            depth--;
            continue;
        }
        int64_t way = open[count == 1 ? 0 : stoa_rng_below(rng, count)];
        map[here + way] = map[here + 2 * way] = STOA_MAZE_FLOOR;
        path[depth++] = (uint16_t)(here + 2 * way);
    }
}

/* Opens random walls between cells; one that is open already counts too. */
static void open_loops(const stoa_maze_config *c, stoa_rng *rng, uint8_t *map) {
    int64_t high = (c->height - 1) / 2, wide = (c->width - 1) / 2; /* cells */
    int64_t level = high * (wide - 1), walls = level + (high - 1) * wide;
    for (int64_t k = 0; k < c->loops; k++) {
        int64_t wall = stoa_rng_below(rng, walls), y, x;
        if (wall < level) { /* between neighbours of a row */
            y = 2 * (wall / (wide - 1)) + 1;
            x = 2 * (wall % (wide - 1)) + 2;
        } else {
            y = 2 * ((wall - level) / wide) + 2;
            x = 2 * ((wall - level) % wide) + 1;
        }
        map[y * c->width + x] = STOA_MAZE_FLOOR;
    }
}

/* Steps from the first square to the goal, breadth first. */
static int shortest_way(const stoa_maze_config *c, const uint8_t *map) {
    uint16_t queue[MOST_SQUARES], steps[MOST_SQUARES];
    const int ways[4] = {-(int)c->width, 1, (int)c->width, -1};
    int head = 0, tail = 0, goal = goal_square(c);
    memset(steps, 0xFF, squares_of(c) * sizeof *steps);
    queue[tail++] = (uint16_t)first_square(c);
    steps[first_square(c)] = 0;
    while (head < tail && steps[goal] == UINT16_MAX) {
        int here = queue[head++];
        for (int k = 0; k < 4; k++) {
            int next = here + ways[k];
            if (map[next] == STOA_MAZE_WALL || steps[next] != UINT16_MAX)
                continue;
            steps[next] = (uint16_t)(steps[here] + 1);
            queue[tail++] = (uint16_t)next;
        }
    }
    return steps[goal];
}

static void begin_episode(stoa_env *env, int64_t i) {
    const stoa_maze_config *c = env->config;
    stoa_rng fixed = stoa_rng_stream((uint64_t)c->layout, "maze", 0);
    stoa_rng *rng = c->layout ? &fixed : &env->rngs[i];
    uint8_t *map = map_of(env, i);
    memset(map, STOA_MAZE_WALL, squares_of(c));
    carve_tree(c, rng, map);
    open_loops(c, rng, map);
    walkers(env)[i] = (walker){0, (uint16_t)first_square(c), (uint16_t)shortest_way(c, map)};
}

/* ---- stepping -------------------------------------------------------------------------------- */

static uint8_t square(const stoa_env *env, int64_t i, int64_t at) {
    if (at == walkers(env)[i].at)
        return STOA_MAZE_SELF;
    return at == goal_square(env->config) ? STOA_MAZE_GOAL : map_of(env, i)[at];
}

static const char symbols[] = {'#', ' ', 'G', '@'}; /* of the squares, in text */

static void observe(const stoa_env *env, void *const *arrays, int64_t i) {
    const stoa_maze_config *c = env->config;
    uint8_t *to = arrays[0];
    size_t squares = squares_of(c);
    if (to && c->observation == STOA_MAZE_TEXT) {
        to += (size_t)i * (squares + (size_t)c->height);
        for (size_t at = 0; at < squares; at++) {
            *to++ = (uint8_t)symbols[square(env, i, (int64_t)at)];
            if ((at + 1) % (size_t)c->width == 0)
                *to++ = '\n';
        }
    } else if (to) {
        to += (size_t)i * squares;
        memcpy(to, map_of(env, i), squares);
        to[goal_square(c)] = STOA_MAZE_GOAL;
        to[walkers(env)[i].at] = STOA_MAZE_SELF;
    }
}

static void reset(stoa_env *env, const stoa_env_buffers *b, int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) {
        begin_episode(env, i);
        observe(env, b->observations, i);
        if (b->events)
            b->events[i] = 0;
    }
}

static void end_episode(stoa_env *env, const stoa_env_buffers *b, int64_t i, bool solved) {
    const walker *w = &walkers(env)[i];
    observe(env, b->final_observations, i);
    if (b->metrics) {
        b->metrics[3 * i] = solved ? (float)w->shortest / (float)w->step : 0;
        b->metrics[3 * i + 1] = solved;
        b->metrics[3 * i + 2] = w->shortest;
    }
    begin_episode(env, i);
}

static void step(stoa_env *env, const stoa_env_buffers *b, int64_t begin, int64_t end) {
    const stoa_maze_config *c = env->config;
    const int ways[4] = {-(int)c->width, 1, (int)c->width, -1};
    const int32_t *moves = b->actions[0];
    for (int64_t i = begin; i < end; i++) {
        walker *w = &walkers(env)[i];
        int next = w->at + ways[moves[i]];
        if (map_of(env, i)[next] == STOA_MAZE_FLOOR)
            w->at = (uint16_t)next;
        w->step++;
        bool solved = w->at == goal_square(c), late = w->step >= c->steps;
        b->rewards[i] = solved ? 1 : -(float)c->step_cost;
        b->terminated[i] = solved;
        b->truncated[i] = late && !solved;
        if (b->events)
            b->events[i] = 0;
        if (solved || late)
            end_episode(env, b, i, solved);
        observe(env, b->observations, i);
    }
}

/* ---- drawing --------------------------------------------------------------------------------- */

static void render_text(const stoa_env *env, int64_t i, stoa_buffer *out) {
    const stoa_maze_config *c = env->config;
    for (int64_t y = 0; y < c->height; y++) {
        for (int64_t x = 0; x < c->width; x++)
            stoa_buffer_append(out, &symbols[square(env, i, y * c->width + x)], 1);
        stoa_buffer_append(out, "\n", 1);
    }
    const walker *w = &walkers(env)[i];
    stoa_buffer_printf(out, "step %d of %lld; the shortest way takes %d\n", w->step,
                       (long long)c->steps, w->shortest);
}

static void render_rgb(const stoa_env *env, int64_t i, uint8_t *pixels) {
    static const uint8_t colours[4][3] = {
        {46, 52, 64}, {236, 239, 244}, {163, 190, 140}, {191, 97, 106}}; /* as symbols */
    const stoa_maze_config *c = env->config;
    for (int64_t y = 0; y < c->height * RENDER_SQUARE; y++)
        for (int64_t x = 0; x < c->width * RENDER_SQUARE; x++, pixels += 3)
            memcpy(pixels,
                   colours[square(env, i, y / RENDER_SQUARE * c->width + x / RENDER_SQUARE)], 3);
}

const stoa_env_class stoa_env_maze = {
    .name = "maze",
    .summary = "Find the shortest way through a maze, new each episode or always the same.",
    .config_bytes = sizeof(stoa_maze_config),
    .settings = settings,
    .check = check,
    .describe = describe,
    .state_bytes = state_bytes,
    .grain = 128,
    .reset = reset,
    .step = step,
    .render_text = render_text,
    .render_rgb = render_rgb,
};
