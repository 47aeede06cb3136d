/*
 * env/pong.c - Pong: return the ball until the opponent does not; a game to 21.
 *
 * Ordinary rewards, unlike the other games here: each point pays at once, 1 or -1. The agent has
 * the right paddle, a scripted opponent the left one. Where on a paddle the ball lands sets the
 * angle at which it leaves, so whoever places it well can outrun the opponent, whose speed and
 * reaction are limited by `skill`.
 *
 * A step: the paddles move, then the ball, along a straight line that walls reflect. Where that
 * line touches a paddle the step ends, so a return is seen as a frame. A ball that left the court
 * is seen for one step and then served from the middle. All arithmetic is in integers (lengths in
 * 1/1024 of a unit), so games are equal on every machine.
 */
#include "env/pong.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "env/env.h"

typedef stoa_pong_config config;
typedef stoa_pong_court court;

enum {
    UNIT = STOA_PONG_UNIT,
    END = STOA_PONG_SIDE * UNIT,
    MIDDLE = END / 2,
    WALL = STOA_PONG_BALL * UNIT / 2, /* the ball's middle when it touches the upper wall */
    HALF_PADDLE = STOA_PONG_PADDLE * UNIT / 2,
    REACH = STOA_PONG_REACH * UNIT,
    MOST_AIM = 10 * UNIT /* from the middle of its paddle the opponent wants the ball */
};

enum { EVENT_NONE, EVENT_RETURNED, EVENT_SCORED, EVENT_LOST };
enum { SIDE = 42, PIXEL = STOA_PONG_SIDE / SIDE * UNIT }; /* of the picture; parts of a pixel */
enum { METRICS = 5 };

#define AT(field) offsetof(config, field)
static const char *const observation_names[] = {"vector", "image", NULL};
static const stoa_setting rows[] = {
    {"points", STOA_SET_INT, AT(points), "21", 1, 100, NULL, "Points that win a game."},
    {"skill", STOA_SET_FLOAT, AT(skill), "0.5", 0, 1, NULL,
     "Of the opponent: share of the agent's speed, and how soon it reacts (1: at once)."},
    {"ball_speed", STOA_SET_FLOAT, AT(ball_speed), "3", 0.5, 16, NULL,
     "Units a step along the court after a serve; the court is 168 long."},
    {"ball_growth", STOA_SET_FLOAT, AT(ball_growth), "0.25", 0, 16, NULL,
     "Units a step by which every return is faster."},
    {"top_speed", STOA_SET_FLOAT, AT(top_speed), "6", 0.5, 16, NULL,
     "Units a step along the court at most."},
    {"max_steps", STOA_SET_INT, AT(max_steps), "10000", 2, 10000000, NULL,
     "Steps after which a game is cut off."},
    {"observation", STOA_SET_CHOICE, AT(observation), "vector", 0, 0, observation_names,
     "Eight numbers, or a picture of the court."},
    {"time", STOA_SET_BOOL, AT(time), "false", 0, 0, NULL,
     "Observe the elapsed share of max_steps and whether this step is the last of them."},
};

static stoa_settings_table settings(void) {
    return (stoa_settings_table){rows, sizeof rows / sizeof *rows};
}

static stoa_status check(const void *config_, stoa_error *err) {
    const config *c = config_;
    if (c->top_speed < c->ball_speed)
        return stoa_fail(err, STOA_ERR_USAGE,
                         "top_speed (%g) is below ball_speed (%g); raise one or lower the other",
                         c->top_speed, c->ball_speed);
    return STOA_OK;
}

/* ---- spaces ---------------------------------------------------------------------------------- */

/* Share of the points that random play wins under default settings, over 40,000 games. */
#define CHANCE 0.0315

/* What chance and ceiling were measured for; what is seen of the game does not matter. The test's
 * scripted player loses no point. */
static bool is_default(const config *c) {
    config usual = {0};
    return stoa_settings_defaults(settings(), &usual, NULL) == STOA_OK &&
           c->points == usual.points && c->skill == usual.skill &&
           c->ball_speed == usual.ball_speed && c->ball_growth == usual.ball_growth &&
           c->top_speed == usual.top_speed && c->max_steps >= usual.max_steps;
}

static void describe(const void *config_, stoa_env_spec *spec) {
    static const char *const moves[] = {"stay", "up", "down"};
    static const char *const metrics[METRICS] = {"won", "points_for", "points_against",
                                                 "returns_a_point", "length"};
    static const char *const events[] = {"returned", "scored", "lost"};
    const config *c = config_;
    stoa_space *list = spec->observations;
    if (c->observation == STOA_PONG_VECTOR) {
        stoa_space *numbers =
            stoa_space_add(list, &spec->observation_count, "court", STOA_SPACE_BOX, STOA_F32,
                           STOA_SHAPE(STOA_PONG_NUMBERS));
        numbers->low = -1;
        numbers->high = 1;
    } else {
        stoa_space_add(list, &spec->observation_count, "picture", STOA_SPACE_IMAGE, STOA_U8,
                       STOA_SHAPE(SIDE, SIDE, 1));
    }
    if (c->time) {
        stoa_space *time = stoa_space_add(list, &spec->observation_count, "time", STOA_SPACE_BOX,
                                          STOA_F32, STOA_SHAPE(2));
        time->high = 1;
    }
    stoa_space *move = stoa_space_add(spec->actions, &spec->action_count, "move",
                                      STOA_SPACE_CATEGORIES, STOA_I32, 0, NULL);
    move->categories = 3;
    move->labels = moves;
    for (int m = 0; m < METRICS; m++)
        snprintf(spec->metrics[spec->metric_count++], STOA_ENV_NAME, "%s", metrics[m]);
    for (int e = 0; e < 3; e++)
        snprintf(spec->events[spec->event_count++], STOA_ENV_NAME, "%s", events[e]);
    spec->max_steps = c->max_steps;
    spec->reward_low = -1;
    spec->reward_high = 1;
    if (is_default(c)) {
        spec->chance = CHANCE;
        spec->ceiling = 1;
    }
    spec->render_height = spec->render_width = STOA_PONG_SIDE;
}

/* ---- state ----------------------------------------------------------------------------------- */

/* Arrays over instances, one behind the other; what they hold: stoa_pong_court. */
typedef struct state {
    int32_t *x, *y, *x_speed, *y_speed, *agent, *opponent, *aim;
    uint32_t *step, *returns;
    uint8_t *reaction, *mine, *theirs;
} state;

enum { WORDS = 9, BYTES = 3 };

static size_t state_bytes(const void *config_, int64_t count) {
    (void)config_;
    return (size_t)count * (WORDS * sizeof(int32_t) + BYTES);
}

static state state_of(const stoa_env *env) {
    int64_t n = env->count;
    int32_t *w = env->state;
    uint32_t *u = (uint32_t *)(w + 7 * n);
    uint8_t *b = (uint8_t *)(u + 2 * n);
    return (state){w,         w + n, w + 2 * n, w + 3 * n, w + 4 * n, w + 5 * n,
                   w + 6 * n, u,     u + n,     b,         b + n,     b + 2 * n};
}

court stoa_pong_get(const stoa_env *env, int64_t i) {
    state s = state_of(env);
    return (court){s.x[i],   s.y[i],    s.x_speed[i], s.y_speed[i],  s.agent[i], s.opponent[i],
                   s.aim[i], s.step[i], s.returns[i], s.reaction[i], s.mine[i],  s.theirs[i]};
}

static void put(const state *s, int64_t i, const court *k) {
    s->x[i] = k->x;
    s->y[i] = k->y;
    s->x_speed[i] = k->x_speed;
    s->y_speed[i] = k->y_speed;
    s->agent[i] = k->agent;
    s->opponent[i] = k->opponent;
    s->aim[i] = k->aim;
    s->step[i] = k->step;
    s->returns[i] = k->returns;
    s->reaction[i] = k->reaction;
    s->mine[i] = k->mine;
    s->theirs[i] = k->theirs;
}

void stoa_pong_set(stoa_env *env, int64_t i, const court *k) {
    state s = state_of(env);
    put(&s, i, k);
}

/* ---- physics --------------------------------------------------------------------------------- */

/* Settings in parts and steps. */
typedef struct physics {
    int32_t speed, growth, top, opponent_speed;
    uint8_t reaction;
} physics;

static physics physics_of(const config *c) {
    return (physics){
        .speed = (int32_t)lround(c->ball_speed * UNIT),
        .growth = (int32_t)lround(c->ball_growth * UNIT),
        .top = (int32_t)lround(c->top_speed * UNIT),
        .opponent_speed = (int32_t)lround(c->skill * STOA_PONG_PADDLE_SPEED * UNIT),
        .reaction = (uint8_t)lround((1 - c->skill) * STOA_PONG_SLOWEST_REACTION),
    };
}

static inline int32_t between(int32_t value, int32_t low, int32_t high) {
    return value < low ? low : value > high ? high : value;
}

static inline bool is_out(int32_t x) {
    return x <= 0 || x >= END;
}

/* The ball was sent towards the opponent, which makes up its mind. */
static void alert(stoa_rng *rng, const physics *p, const state *s, int64_t i) {
    s->reaction[i] = p->reaction;
    s->aim[i] = (int32_t)stoa_rng_below(rng, 2 * MOST_AIM + 1) - MOST_AIM;
}

/* From the middle, to either side, at most half as steep as a return can be. */
static void serve(stoa_rng *rng, const physics *p, const state *s, int64_t i) {
    bool to_agent = stoa_rng_below(rng, 2);
    s->x[i] = s->y[i] = MIDDLE;
    s->x_speed[i] = to_agent ? p->speed : -p->speed;
    s->y_speed[i] = (int32_t)stoa_rng_below(rng, p->speed + 1) - p->speed / 2;
    if (!to_agent)
        alert(rng, p, s, i);
}

/* The opponent follows a ball that comes its way, and else goes back to the middle. */
static inline void move_paddles(const physics *p, const state *s, int64_t i, int32_t action) {
    enum { SPEED = STOA_PONG_PADDLE_SPEED * UNIT, LOW = HALF_PADDLE, HIGH = END - HALF_PADDLE };
    int32_t move = action == 1 ? -SPEED : action == 2 ? SPEED : 0;
    s->agent[i] = between(s->agent[i] + move, LOW, HIGH);
    bool coming = s->x_speed[i] < 0 && !is_out(s->x[i]);
    if (coming && s->reaction[i] > 0) {
        s->reaction[i]--;
        return;
    }
    int32_t wanted = coming ? s->y[i] - s->aim[i] : MIDDLE, at = s->opponent[i];
    at += between(wanted - at, -p->opponent_speed, p->opponent_speed);
    s->opponent[i] = between(at, LOW, HIGH);
}

/* Where a height beyond a wall is reflected to. Steps are shorter than the court is high. */
static inline int32_t reflect(int32_t y) {
    return y < WALL ? 2 * WALL - y : y > END - WALL ? 2 * (END - WALL) - y : y;
}

/* If the ball touches the paddle it comes to in this step: puts it there and sends it back. */
static bool touch(stoa_rng *rng, const physics *p, const state *s, int64_t i) {
    bool right = s->x_speed[i] > 0;
    int32_t plane = (right ? STOA_PONG_AGENT_PLANE : STOA_PONG_OPPONENT_PLANE) * UNIT;
    int32_t way = plane - s->x[i], speed = s->x_speed[i];
    if (right ? way <= 0 || way > speed : way >= 0 || way < speed)
        return false;
    int32_t y = reflect(s->y[i] + s->y_speed[i] * way / speed);
    int32_t place = y - (right ? s->agent[i] : s->opponent[i]);
    if (abs(place) > REACH)
        return false;
    speed = between(abs(speed) + p->growth, 0, p->top);
    s->x[i] = plane;
    s->y[i] = y;
    s->x_speed[i] = right ? -speed : speed;
    s->y_speed[i] = speed * place / REACH;
    if (right) {
        s->returns[i]++;
        alert(rng, p, s, i);
    }
    return true;
}

static unsigned move_ball(stoa_rng *rng, const physics *p, const state *s, int64_t i) {
    bool right = s->x_speed[i] > 0;
    if (touch(rng, p, s, i))
        return right ? EVENT_RETURNED : EVENT_NONE;
    int32_t y = s->y[i] + s->y_speed[i], inside = reflect(y);
    s->y_speed[i] = inside == y ? s->y_speed[i] : -s->y_speed[i];
    s->y[i] = inside;
    s->x[i] += s->x_speed[i];
    return !is_out(s->x[i]) ? EVENT_NONE : right ? EVENT_LOST : EVENT_SCORED;
}

/* ---- observations ---------------------------------------------------------------------------- */

static void put_numbers(const config *c, const state *s, float *restrict to, int64_t begin,
                        int64_t end) {
    const float fast = 1 / (float)physics_of(c).top, points = 1 / (float)c->points;
    const float half = 1 / (float)MIDDLE;
#pragma omp simd
    for (int64_t i = begin; i < end; i++) {
        float *v = to + STOA_PONG_NUMBERS * i;
        v[STOA_PONG_X] = (float)(between(s->x[i], 0, END) - MIDDLE) * half;
        v[STOA_PONG_Y] = (float)(s->y[i] - MIDDLE) * half;
        v[STOA_PONG_X_SPEED] = (float)s->x_speed[i] * fast;
        v[STOA_PONG_Y_SPEED] = (float)s->y_speed[i] * fast;
        v[STOA_PONG_AGENT] = (float)(s->agent[i] - MIDDLE) * half;
        v[STOA_PONG_OPPONENT] = (float)(s->opponent[i] - MIDDLE) * half;
        v[STOA_PONG_FOR] = (float)s->mine[i] * points;
        v[STOA_PONG_AGAINST] = (float)s->theirs[i] * points;
    }
}

enum { OPPONENT = 85, AGENT = 170, BALL = 255 }; /* shades */

static void put_paddle(uint8_t *picture, int32_t y, int column, uint8_t shade) {
    uint8_t *top = picture + (y - HALF_PADDLE) / PIXEL * SIDE + column;
    for (int row = 0; row < 2 * HALF_PADDLE / PIXEL; row++)
        top[row * SIDE] = shade;
}

static void put_picture(const state *s, int64_t i, uint8_t *picture) {
    memset(picture, 0, SIDE * SIDE);
    put_paddle(picture, s->opponent[i], 1, OPPONENT);
    put_paddle(picture, s->agent[i], SIDE - 2, AGENT);
    picture[s->y[i] / PIXEL * SIDE + between(s->x[i], 0, END - 1) / PIXEL] = BALL;
}

static void observe(const stoa_env *env, const state *s, void *const *to, int64_t begin,
                    int64_t end) {
    const config *c = env->config;
    if (to[0] && c->observation == STOA_PONG_VECTOR)
        put_numbers(c, s, to[0], begin, end);
    for (int64_t i = begin; to[0] && c->observation == STOA_PONG_IMAGE && i < end; i++)
        put_picture(s, i, (uint8_t *)to[0] + SIDE * SIDE * i);
    for (int64_t i = begin; c->time && to[1] && i < end; i++) {
        float *time = (float *)to[1] + 2 * i;
        time[0] = (float)s->step[i] / (float)c->max_steps;
        time[1] = s->step[i] + 1 == c->max_steps;
    }
}

/* ---- stepping -------------------------------------------------------------------------------- */

static void begin_game(stoa_rng *rng, const physics *p, const state *s, int64_t i) {
    put(s, i, &(court){.agent = MIDDLE, .opponent = MIDDLE});
    serve(rng, p, s, i);
}

static void reset(stoa_env *env, const stoa_env_buffers *b, int64_t begin, int64_t end) {
    physics p = physics_of(env->config);
    state s = state_of(env);
    for (int64_t i = begin; i < end; i++)
        begin_game(&env->rngs[i], &p, &s, i);
    observe(env, &s, b->observations, begin, end);
    if (b->events)
        memset(b->events + begin, EVENT_NONE, (size_t)(end - begin));
}

static void end_game(const stoa_env *env, const state *s, const stoa_env_buffers *b, int64_t i) {
    observe(env, s, b->final_observations, i, i + 1);
    if (!b->metrics)
        return;
    float *metrics = b->metrics + METRICS * i;
    int points = s->mine[i] + s->theirs[i], played = points ? points : 1;
    metrics[0] = (float)s->mine[i] / (float)played;
    metrics[1] = s->mine[i];
    metrics[2] = s->theirs[i];
    metrics[3] = (float)s->returns[i] / (float)played;
    metrics[4] = (float)s->step[i];
}

static void step(stoa_env *env, const stoa_env_buffers *b, int64_t begin, int64_t end) {
    const config *c = env->config;
    const int32_t *actions = b->actions[0];
    physics p = physics_of(c);
    state s = state_of(env);
    for (int64_t i = begin; i < end; i++) {
        assert(actions[i] >= 0 && actions[i] < 3);
        stoa_rng *rng = &env->rngs[i];
        unsigned event = EVENT_NONE;
        bool out = is_out(s.x[i]);
        move_paddles(&p, &s, i, actions[i]);
        if (out)
            serve(rng, &p, &s, i);
        else
            event = move_ball(rng, &p, &s, i);
        s.step[i]++;
        s.mine[i] += event == EVENT_SCORED;
        s.theirs[i] += event == EVENT_LOST;
        bool won = s.mine[i] == c->points || s.theirs[i] == c->points;
        bool late = !won && s.step[i] == c->max_steps;
        b->rewards[i] = (float)((event == EVENT_SCORED) - (event == EVENT_LOST));
        b->terminated[i] = won;
        b->truncated[i] = late;
        if (won || late) {
            end_game(env, &s, b, i);
            begin_game(rng, &p, &s, i);
            event = EVENT_NONE;
        }
        if (b->events)
            b->events[i] = (uint8_t)event;
    }
    observe(env, &s, b->observations, begin, end);
}

/* ---- drawing --------------------------------------------------------------------------------- */

/* Two rows of the picture a line. */
static void render_text(const stoa_env *env, int64_t i, stoa_buffer *out) {
    uint8_t picture[SIDE * SIDE];
    state s = state_of(env);
    put_picture(&s, i, picture);
    for (int row = 0; row < SIDE; row += 2) {
        char line[SIDE + 1] = {0};
        for (int col = 0; col < SIDE; col++) {
            uint8_t upper = picture[row * SIDE + col], lower = picture[(row + 1) * SIDE + col];
            uint8_t shade = upper > lower ? upper : lower;
            line[col] = shade == BALL ? 'o' : shade ? '|' : '.';
        }
        stoa_buffer_printf(out, "%s\n", line);
    }
    stoa_buffer_printf(out, "opponent %d, agent %d, %u returns, step %u\n", s.theirs[i], s.mine[i],
                       (unsigned)s.returns[i], (unsigned)s.step[i]);
}

/* A rectangle of the drawing, where a pixel is a unit; what lies outside is left out. */
static void rectangle(uint8_t *pixels, int left, int top, int width, int height,
                      const uint8_t colour[3]) {
    for (int y = top < 0 ? 0 : top; y < top + height && y < STOA_PONG_SIDE; y++)
        for (int x = left < 0 ? 0 : left; x < left + width && x < STOA_PONG_SIDE; x++)
            memcpy(pixels + 3 * (y * STOA_PONG_SIDE + x), colour, 3);
}

/* A score in digits of 3 x 5 dots, two digits from `left` on. */
static void put_score(uint8_t *pixels, int left, int score, const uint8_t colour[3]) {
    static const uint16_t digits[10] = {0x7b6f, 0x2c97, 0x73e7, 0x73cf, 0x5bc9,
                                        0x79cf, 0x79ef, 0x7249, 0x7bef, 0x7bcf};
    enum { DOT = 3, TOP = 6 };
    int shown[2] = {score / 10 % 10, score % 10};
    for (int k = score < 10; k < 2; k++)
        for (int bit = 0; bit < 15; bit++)
            if (digits[shown[k]] >> (14 - bit) & 1)
                rectangle(pixels, left + (4 * k + bit % 3) * DOT, TOP + bit / 3 * DOT, DOT, DOT,
                          colour);
}

static void render_rgb(const stoa_env *env, int64_t i, uint8_t *pixels) {
    static const uint8_t floor_[3] = {28, 32, 40}, net[3] = {70, 78, 92}, ball[3] = {240, 240, 240};
    static const uint8_t agent[3] = {92, 186, 92}, opponent[3] = {213, 130, 74};
    enum { MARGIN = 4, WIDTH = 4 }; /* of a paddle: behind it, and its own */
    const int side = STOA_PONG_SIDE, size = STOA_PONG_BALL, length = STOA_PONG_PADDLE;
    court k = stoa_pong_get(env, i);
    rectangle(pixels, 0, 0, side, side, floor_);
    for (int y = 0; y < side; y += 8)
        rectangle(pixels, side / 2 - 1, y, 2, 4, net);
    put_score(pixels, side / 2 - 34, k.theirs, opponent);
    put_score(pixels, side / 2 + 13, k.mine, agent);
    rectangle(pixels, MARGIN, (k.opponent - HALF_PADDLE) / UNIT, WIDTH, length, opponent);
    rectangle(pixels, side - MARGIN - WIDTH, (k.agent - HALF_PADDLE) / UNIT, WIDTH, length, agent);
    rectangle(pixels, k.x / UNIT - size / 2, k.y / UNIT - size / 2, size, size, ball);
}

const stoa_env_class stoa_env_pong = {
    .name = "pong",
    .summary = "Return the ball until the opponent does not; a game to 21, paid by the point.",
    .config_bytes = sizeof(config),
    .settings = settings,
    .check = check,
    .describe = describe,
    .state_bytes = state_bytes,
    .grain = 512,
    .reset = reset,
    .step = step,
    .render_text = render_text,
    .render_rgb = render_rgb,
};
