/*
 * env/catch.c - Catch with delayed reward: catch falling balls, be told how many only at the end.
 *
 * A ball falls one row a step from a random column; the paddle on the bottom row moves left, stays
 * or moves right. A drop takes `rows` steps: rows - 1 falls, and one step that begins at the
 * landing frame (so a catch can be seen for one step) and puts the next ball on top. An episode is
 * `drops` drops. With `reward: delayed` their catches are paid as one sum on the episode's last
 * step; with `immediate` each one as it lands. After Raposo et al. 2021 (synthetic returns); the
 * sizes are ours.
 *
 * A step is three passes over the instances: arithmetic in vectors; new balls and ended episodes,
 * one instance at a time, if there are any; observations.
 */
#include "env/catch.h"

#include <math.h>
#include <string.h>

#include "env/env.h"

enum {
    CHUNK = 64,      /* cells written at once where a board is no larger */
    RENDER_CELL = 16 /* pixels of a cell's side in render_rgb */
};

static const char *const rewards[] = {"delayed", "immediate", NULL};
static const char *const observations[] = {"board", "image", NULL};

#define AT(field) offsetof(stoa_catch_config, field)
static const stoa_setting rows[] = {
    {"rows", STOA_SET_INT, AT(rows), "10", 2, 64, NULL,
     "Rows of the board; a drop takes as many "
     "steps."},
    {"columns", STOA_SET_INT, AT(columns), "5", 2, 64, NULL, "Columns of the board."},
    {"drops", STOA_SET_INT, AT(drops), "20", 1, 1000, NULL, "Balls of an episode."},
    {"reward", STOA_SET_CHOICE, AT(reward), "delayed", 0, 0, rewards,
     "Pay the sum of catches on the last step, or each catch as the ball lands."},
    {"observation", STOA_SET_CHOICE, AT(observation), "board", 0, 0, observations,
     "See the board as cells of 0 and 1, or as an RGB image."},
    {"cell", STOA_SET_INT, AT(cell), "4", 1, 32, NULL, "Pixels of a cell's side in the image."},
    {"time", STOA_SET_BOOL, AT(time), "true", 0, 0, NULL,
     "Observe the elapsed share of the episode and whether this step is the last."},
};

static stoa_settings_table settings(void) {
    return (stoa_settings_table){rows, sizeof rows / sizeof *rows};
}

static void describe(const void *config, stoa_env_spec *spec) {
    static const char *const moves[] = {"left", "stay", "right"};
    const stoa_catch_config *c = config;
    if (c->observation == STOA_CATCH_IMAGE) {
        stoa_space_add(spec->observations, &spec->observation_count, "image", STOA_SPACE_IMAGE,
                       STOA_U8, STOA_SHAPE(c->rows * c->cell, c->columns * c->cell, 3));
    } else {
        stoa_space *board =
            stoa_space_add(spec->observations, &spec->observation_count, "board", STOA_SPACE_BOX,
                           STOA_U8, STOA_SHAPE(c->rows, c->columns));
        board->high = 1;
    }
    if (c->time) {
        stoa_space *time = stoa_space_add(spec->observations, &spec->observation_count, "time",
                                          STOA_SPACE_BOX, STOA_F32, STOA_SHAPE(2));
        time->high = 1;
    }
    stoa_space *move = stoa_space_add(spec->actions, &spec->action_count, "move",
                                      STOA_SPACE_CATEGORIES, STOA_I32, 0, NULL);
    move->categories = 3;
    move->labels = moves;
    snprintf(spec->metrics[spec->metric_count++], STOA_ENV_NAME, "catch_rate");
    snprintf(spec->events[spec->event_count++], STOA_ENV_NAME, "catch");
    snprintf(spec->events[spec->event_count++], STOA_ENV_NAME, "miss");
    spec->max_steps = c->rows * c->drops;
    spec->reward_low = 0;
    spec->reward_high = c->reward == STOA_CATCH_DELAYED ? (double)c->drops : 1;
    spec->chance = 1 / (double)c->columns; /* the ball's column is drawn without regard to play */
    /* any column is in reach while a ball falls; on a flat, wide board not every one is */
    spec->ceiling = c->rows >= c->columns ? 1 : NAN;
    spec->render_height = (int)c->rows * RENDER_CELL;
    spec->render_width = (int)c->columns * RENDER_CELL;
}

/* ---- state ----------------------------------------------------------------------------------- */

/* Arrays over instances, one behind the other. */
typedef struct state {
    uint16_t *step, *caught;      /* steps taken, balls caught in this episode */
    uint8_t *row, *ball, *paddle; /* the ball's row; its and the paddle's column */
} state;

static size_t state_bytes(const void *config, int64_t count) {
    (void)config;
    return (size_t)count * 7;
}

static state state_of(const stoa_env *env) {
    int64_t n = env->count;
    uint16_t *words = env->state;
    uint8_t *bytes = (uint8_t *)(words + 2 * n);
    return (state){words, words + n, bytes, bytes + n, bytes + 2 * n};
}

static void new_ball(stoa_env *env, state s, int64_t i) {
    const stoa_catch_config *c = env->config;
    s.row[i] = 0;
    s.ball[i] = (uint8_t)stoa_rng_below(&env->rngs[i], c->columns);
}

static void begin_episode(stoa_env *env, state s, int64_t i) {
    const stoa_catch_config *c = env->config;
    s.step[i] = s.caught[i] = 0;
    s.paddle[i] = (uint8_t)(c->columns / 2);
    new_ball(env, s, i);
}

/* ---- observing ------------------------------------------------------------------------------- */

static void put_board(const stoa_catch_config *c, state s, int64_t i, uint8_t *cells) {
    memset(cells, 0, (size_t)(c->rows * c->columns));
    cells[(c->rows - 1) * c->columns + s.paddle[i]] = 1;
    if (s.row[i] < c->rows)
        cells[s.row[i] * c->columns + s.ball[i]] = 1;
}

/* Boards of instances [begin, end) into an array that begins with instance 0's. A small board is
 * one store of CHUNK cells, whose excess the next board overwrites; the last ones, behind which
 * there is no room for it, are written exactly. */
static void put_boards(const stoa_catch_config *c, state s, uint8_t *boards, int64_t begin,
                       int64_t end) {
    int64_t columns = c->columns, cells = c->rows * columns, bottom = cells - columns, i = begin;
    int64_t whole = cells <= CHUNK ? end - (CHUNK - 1) / cells : begin;
    for (; i < whole; i++) {
        uint8_t ball = (uint8_t)(s.row[i] * columns + s.ball[i]);
        uint8_t paddle = (uint8_t)(bottom + s.paddle[i]), chunk[CHUNK];
        for (unsigned k = 0; k < CHUNK; k++)
            chunk[k] = (uint8_t)((uint8_t)k == ball) | (uint8_t)((uint8_t)k == paddle);
        memcpy(boards + i * cells, chunk, CHUNK);
    }
    for (; i < end; i++)
        put_board(c, s, i, boards + i * cells);
}

static void put_times(const stoa_catch_config *c, state s, float *restrict times, int64_t begin,
                      int64_t end) {
    int32_t total = (int32_t)(c->rows * c->drops);
#pragma omp simd
    for (int64_t i = begin; i < end; i++) {
        times[2 * i] = (float)s.step[i] / (float)total;
        times[2 * i + 1] = (float)(s.step[i] + 1 == total);
    }
}

/* One square of a picture whose cells are `size` pixels wide. */
static void put_cell(const stoa_catch_config *c, uint8_t *pixels, int64_t size, int64_t row,
                     int64_t column, const uint8_t colour[3]) {
    for (int64_t y = row * size; y < (row + 1) * size; y++)
        for (int64_t x = column * size; x < (column + 1) * size; x++)
            memcpy(pixels + 3 * (y * c->columns * size + x), colour, 3);
}

static void put_picture(const stoa_env *env, int64_t i, uint8_t *pixels, int64_t size) {
    static const uint8_t ball[3] = {242, 200, 75}, paddle[3] = {88, 166, 255};
    const stoa_catch_config *c = env->config;
    state s = state_of(env);
    memset(pixels, 24, (size_t)(c->rows * size * c->columns * size * 3));
    put_cell(c, pixels, size, c->rows - 1, s.paddle[i], paddle);
    if (s.row[i] < c->rows)
        put_cell(c, pixels, size, s.row[i], s.ball[i], ball);
}

static void observe(const stoa_env *env, state s, void *const *arrays, int64_t begin, int64_t end) {
    const stoa_catch_config *c = env->config;
    int64_t pixels = c->rows * c->cell * c->columns * c->cell * 3;
    if (arrays[0] && c->observation == STOA_CATCH_BOARD)
        put_boards(c, s, arrays[0], begin, end);
    else if (arrays[0])
        for (int64_t i = begin; i < end; i++)
            put_picture(env, i, (uint8_t *)arrays[0] + i * pixels, c->cell);
    if (c->time && arrays[1])
        put_times(c, s, arrays[1], begin, end);
}

/* ---- stepping -------------------------------------------------------------------------------- */

static void reset(stoa_env *env, const stoa_env_buffers *b, int64_t begin, int64_t end) {
    state s = state_of(env);
    for (int64_t i = begin; i < end; i++)
        begin_episode(env, s, i);
    observe(env, s, b->observations, begin, end);
    if (b->events)
        memset(b->events + begin, 0, (size_t)(end - begin));
}

/* Everything but new balls. Returns whether any ball has fallen off the board, which is the case
 * wherever an episode is over. */
static bool advance(const stoa_env *env, state s, const stoa_env_buffers *b, int64_t begin,
                    int64_t end) {
    const stoa_catch_config *c = env->config;
    const int32_t *restrict moves = b->actions[0];
    uint16_t *restrict steps = s.step, *restrict catches = s.caught;
    uint8_t *restrict ball_rows = s.row, *restrict paddles = s.paddle;
    const uint8_t *restrict ball_columns = s.ball;
    float *restrict paid = b->rewards;
    uint8_t *restrict terminated = b->terminated, *restrict truncated = b->truncated;
    int bottom = (int)c->rows - 1, right = (int)c->columns - 1, total = (int)(c->rows * c->drops);
    int withheld = -(c->reward == STOA_CATCH_DELAYED), fallen = 0; /* withheld: all bits or none */
#pragma omp simd reduction(| : fallen)
    for (int64_t i = begin; i < end; i++) {
        int paddle = paddles[i] + moves[i] - 1;
        paddle = paddle < 0 ? 0 : paddle > right ? right : paddle;
        int row = ball_rows[i] + 1, step = steps[i] + 1;
        int landed = row == bottom, caught = landed & (paddle == ball_columns[i]);
        int sum = catches[i] + caught, over = step == total;
        paddles[i] = (uint8_t)paddle;
        ball_rows[i] = (uint8_t)row;
        steps[i] = (uint16_t)step;
        catches[i] = (uint16_t)sum;
        paid[i] = (float)((sum & -over & withheld) | (caught & ~withheld));
        terminated[i] = (uint8_t)over;
        truncated[i] = 0;
        fallen |= row > bottom;
    }
    return fallen;
}

/* Marks the landing frames: catch or miss. */
static void mark(const stoa_env *env, state s, uint8_t *restrict events, int64_t begin,
                 int64_t end) {
    const stoa_catch_config *c = env->config;
    uint8_t bottom = (uint8_t)(c->rows - 1);
#pragma omp simd
    for (int64_t i = begin; i < end; i++)
        events[i] = s.row[i] == bottom ? (s.paddle[i] == s.ball[i] ? 1 : 2) : 0;
}

static void step(stoa_env *env, const stoa_env_buffers *b, int64_t begin, int64_t end) {
    const stoa_catch_config *c = env->config;
    state s = state_of(env);
    bool fallen = advance(env, s, b, begin, end);
    for (int64_t i = begin; fallen && i < end; i++) {
        if (s.row[i] < c->rows)
            continue;
        if (b->terminated[i]) {
            observe(env, s, b->final_observations, i, i + 1);
            if (b->metrics)
                b->metrics[i] = (float)s.caught[i] / (float)c->drops;
            begin_episode(env, s, i);
        } else {
            new_ball(env, s, i);
        }
    }
    observe(env, s, b->observations, begin, end);
    if (b->events)
        mark(env, s, b->events, begin, end);
}

/* ---- drawing --------------------------------------------------------------------------------- */

static void render_text(const stoa_env *env, int64_t i, stoa_buffer *out) {
    const stoa_catch_config *c = env->config;
    state s = state_of(env);
    for (int64_t y = 0; y < c->rows; y++) {
        for (int64_t x = 0; x < c->columns; x++) {
            bool ball = y == s.row[i] && x == s.ball[i];
            bool paddle = y == c->rows - 1 && x == s.paddle[i];
            stoa_buffer_printf(out, "%s", ball && paddle ? "@" : ball ? "o" : paddle ? "=" : ".");
        }
        stoa_buffer_printf(out, "\n");
    }
    stoa_buffer_printf(out, "drop %lld of %lld, %d caught\n", (long long)(s.step[i] / c->rows + 1),
                       (long long)c->drops, s.caught[i]);
}

static void render_rgb(const stoa_env *env, int64_t i, uint8_t *pixels) {
    put_picture(env, i, pixels, RENDER_CELL);
}

const stoa_env_class stoa_env_catch = {
    .name = "catch",
    .summary = "Catch falling balls; how many is told only at the end of the episode.",
    .config_bytes = sizeof(stoa_catch_config),
    .settings = settings,
    .describe = describe,
    .state_bytes = state_bytes,
    .grain = 2048,
    .reset = reset,
    .step = step,
    .render_text = render_text,
    .render_rgb = render_rgb,
};
