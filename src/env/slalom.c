/*
 * env/slalom.c - Slalom: ski down through gates; what a missed gate costs is charged at the finish.
 *
 * The reward structure of Atari Skiing (Raposo et al. 2021), played natively: the clock is charged
 * as it runs, a unit a centisecond, and every missed gate costs five seconds, but all of them in
 * one lump after the finish, hundreds of steps after they were missed. A learner that cannot look
 * back that far learns to go straight down.
 *
 * The skier has a heading and a speed. Steering turns by 9 degrees a step; speed follows the
 * heading with some lag, down to 0.3 of full speed, so nobody stops and every run ends. All
 * arithmetic is in integers (lengths in 1/1024 of a unit), so runs are equal on every machine.
 *
 * The frame behind the finish is seen for one step, and the step from it pays the penalties: a
 * learner can see that the lump is due.
 */
#include "env/slalom.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "env/env.h"

typedef stoa_slalom_config config;

enum {
    MOST_GATES = 64,
    WIDTH = 160,    /* units */
    MARGIN = 24,    /* from the edge to the middle of the outermost gates */
    UNIT = 1024,    /* parts */
    FULL_SPEED = 3, /* units a step */
    STEP_TIME = 5,  /* centiseconds a step */
    TURNS = 8,      /* headings to either side of the fall line, 9 degrees each */
    LAG = 8         /* steps in which speed makes up most of a difference */
};

#define AT(field) offsetof(config, field)
static const char *const observation_names[] = {"vector", "image", NULL};
static const stoa_setting rows[] = {
    {"gates", STOA_SET_INT, AT(gates), "20", 1, MOST_GATES, NULL, "Gates of the course."},
    {"gap", STOA_SET_INT, AT(gap), "90", 10, 1000, NULL,
     "Units down from gate to gate; full speed is 3 units a step."},
    {"gate_width", STOA_SET_INT, AT(gate_width), "24", 2, 100, NULL,
     "Units between the poles of a gate; the slope is 160 wide."},
    {"shift", STOA_SET_INT, AT(shift), "44", 0, WIDTH - 2 * MARGIN, NULL,
     "Most units that a gate lies left or right of the one before."},
    {"limit", STOA_SET_INT, AT(limit), "3000", 2, 65535, NULL,
     "Most steps of a run; gates not reached by then are missed."},
    {"penalty", STOA_SET_INT, AT(penalty), "500", 0, 100000, NULL,
     "Centiseconds charged for a missed gate."},
    {"reward_scale", STOA_SET_FLOAT, AT(reward_scale), "0.001", 1e-9, 1000, NULL,
     "Reward for a centisecond less."},
    {"observation", STOA_SET_CHOICE, AT(observation), "vector", 0, 0, observation_names,
     "Nine numbers, or a picture of the slope."},
    {"time", STOA_SET_BOOL, AT(time), "true", 0, 0, NULL,
     "Observe the elapsed share of the limit and whether this step is the last."},
};

static stoa_settings_table settings(void) {
    return (stoa_settings_table){rows, sizeof rows / sizeof *rows};
}

/* ---- spaces ---------------------------------------------------------------------------------- */

enum { EVENT_NONE, EVENT_PASSED, EVENT_MISSED };

enum { SIDE = 42, SKIER_ROW = 6, SCALE = 4 }; /* pixels of the picture; pixels a pixel when drawn */

/* Share of the gates that random play passes under default settings, over 40,000 runs. */
#define CHANCE 0.0723

static int64_t finish_of(const config *c) {
    return (c->gates + 1) * c->gap;
}

/* Whether every course of these settings can be run without a miss; the test's scripted skier does
 * it at the border of this region. Outside it, nothing is promised. */
static bool can_be_mastered(const config *c) {
    return 2 * c->shift <= c->gap && c->gap >= 60 && c->gate_width >= 16 &&
           c->limit >= 2 * finish_of(c) / FULL_SPEED + 50;
}

static bool is_default(const config *c) {
    config usual = {0};
    return stoa_settings_defaults(settings(), &usual, NULL) == STOA_OK && c->gates == usual.gates &&
           c->gap == usual.gap && c->gate_width == usual.gate_width && c->shift == usual.shift &&
           c->limit == usual.limit;
}

static void describe(const void *config_, stoa_env_spec *spec) {
    static const char *const steers[] = {"left", "straight", "right"};
    const config *c = config_;
    stoa_space *list = spec->observations;
    if (c->observation == STOA_SLALOM_VECTOR) {
        stoa_space *skier = stoa_space_add(list, &spec->observation_count, "skier", STOA_SPACE_BOX,
                                           STOA_F32, STOA_SHAPE(STOA_SLALOM_NUMBERS));
        skier->low = -1;
        skier->high = 1;
    } else {
        stoa_space_add(list, &spec->observation_count, "slope", STOA_SPACE_IMAGE, STOA_U8,
                       STOA_SHAPE(SIDE, SIDE, 1));
    }
    if (c->time) {
        stoa_space *time = stoa_space_add(list, &spec->observation_count, "time", STOA_SPACE_BOX,
                                          STOA_F32, STOA_SHAPE(2));
        time->high = 1;
    }
    stoa_space *steer = stoa_space_add(spec->actions, &spec->action_count, "steer",
                                       STOA_SPACE_CATEGORIES, STOA_I32, 0, NULL);
    steer->categories = 3;
    steer->labels = steers;
    static const char *const metrics[] = {"passed", "missed", "seconds", "return"};
    for (int m = 0; m < 4; m++)
        snprintf(spec->metrics[spec->metric_count++], STOA_ENV_NAME, "%s", metrics[m]);
    snprintf(spec->events[spec->event_count++], STOA_ENV_NAME, "passed");
    snprintf(spec->events[spec->event_count++], STOA_ENV_NAME, "missed");
    spec->max_steps = c->limit;
    spec->reward_high = 0;
    spec->reward_low =
        -(double)(float)(c->reward_scale * fmax(STEP_TIME, (double)(c->gates * c->penalty)));
    spec->chance = is_default(c) ? CHANCE : (double)NAN;
    spec->ceiling = can_be_mastered(c) ? 1 : (double)NAN;
    spec->render_height = spec->render_width = SIDE * SCALE;
}

/* ---- state ----------------------------------------------------------------------------------- */

/* Arrays over instances, one behind the other. */
typedef struct state {
    int32_t *x, *y, *speed;        /* parts; y down from the start; speed a step */
    int16_t (*gate)[MOST_GATES];   /* units from the left edge to the middle */
    uint16_t *step;                /* taken */
    int8_t *heading;               /* -TURNS..TURNS, right positive */
    uint8_t *next, *missed, *over; /* gates behind the skier; of them missed; run is over */
} state;

enum { INSTANCE = 3 * 4 + 2 * MOST_GATES + 2 + 4 };

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
    s.x = cut(&at, n * sizeof *s.x);
    s.y = cut(&at, n * sizeof *s.y);
    s.speed = cut(&at, n * sizeof *s.speed);
    s.gate = cut(&at, n * sizeof *s.gate);
    s.step = cut(&at, n * sizeof *s.step);
    s.heading = cut(&at, n);
    s.next = cut(&at, n);
    s.missed = cut(&at, n);
    s.over = cut(&at, n);
    return s;
}

int stoa_slalom_gate_x(const stoa_env *env, int64_t i, int gate) {
    return state_of(env).gate[i][gate];
}

/* Parts from the start down to a gate. */
static int32_t gate_y(const config *c, int gate) {
    return (int32_t)((gate + 1) * c->gap * UNIT);
}

/* ---- physics --------------------------------------------------------------------------------- */

/* Sine and cosine of 0, 9, ..., 72 degrees, in 1/32768. */
static const int32_t sines[] = {0, 5126, 10126, 14876, 19261, 23170, 26510, 29197, 31164};
static const int32_t cosines[] = {32768, 32365, 31164, 29197, 26510, 23170, 19261, 14876, 10126};

/* Turns, speeds up or down, slides on. What lies beyond the edge of the slope is too steep. */
static void slide(const state *s, int64_t i, int steer) {
    int heading = s->heading[i] + steer;
    heading = heading < -TURNS ? -TURNS : heading > TURNS ? TURNS : heading;
    int side = heading < 0 ? -heading : heading;
    int32_t target = FULL_SPEED * UNIT * cosines[side] / 32768;
    s->speed[i] += (target - s->speed[i]) / LAG;
    int32_t across = s->speed[i] * sines[side] / 32768, down = s->speed[i] * cosines[side] / 32768;
    int32_t x = s->x[i] + (heading < 0 ? -across : across);
    s->x[i] = x < 0 ? 0 : x > WIDTH * UNIT ? WIDTH * UNIT : x;
    s->y[i] += down;
    s->heading[i] = (int8_t)heading;
}

/* Whether the way from (x0, y0) to the skier went through the next gate, if it went by it. */
static unsigned cross(const config *c, const state *s, int64_t i, int32_t x0, int32_t y0) {
    int gate = s->next[i];
    if (gate == c->gates || s->y[i] < gate_y(c, gate))
        return EVENT_NONE;
    int64_t part = gate_y(c, gate) - y0, whole = s->y[i] - y0;
    int64_t x = x0 + (s->x[i] - x0) * part / whole;
    bool through = llabs(x - (int64_t)s->gate[i][gate] * UNIT) * 2 <= c->gate_width * UNIT;
    s->next[i]++;
    s->missed[i] += !through;
    return through ? EVENT_PASSED : EVENT_MISSED;
}

/* ---- observations ---------------------------------------------------------------------------- */

static float within(double value) {
    return (float)(value < -1 ? -1 : value > 1 ? 1 : value);
}

static void write_numbers(const config *c, const state *s, int64_t i, float *out) {
    out[STOA_SLALOM_X] = within((double)s->x[i] * 2 / (WIDTH * UNIT) - 1);
    out[STOA_SLALOM_HEADING] = (float)s->heading[i] / TURNS;
    out[STOA_SLALOM_SPEED] = (float)s->speed[i] / (FULL_SPEED * UNIT);
    /* the gate just gone by too, as in the picture: only it tells how that went */
    for (int k = 0; k < 3; k++) {
        int gate = s->next[i] + k - 1;
        double across = 0, down = gate < 0 ? -1 : 1;
        if (gate >= 0 && gate < c->gates) {
            across =
                ((double)s->gate[i][gate] - (double)s->x[i] / UNIT) / (2 * (double)c->gate_width);
            down = (double)(gate_y(c, gate) - s->y[i]) / (double)(2 * c->gap * UNIT);
        }
        out[STOA_SLALOM_LAST_X + 2 * k] = within(across);
        out[STOA_SLALOM_LAST_Y + 2 * k] = within(down);
    }
}

enum { SNOW = 0, FINISH = 85, POLE = 170, SKIER = 255 };

static void dot(uint8_t *picture, int row, int col, uint8_t shade) {
    if (row >= 0 && row < SIDE && col >= 0 && col < SIDE)
        picture[row * SIDE + col] = shade;
}

/* Pixels per slope width are the same across and down. */
static int pixels(int64_t parts) {
    return (int)((parts * SIDE + (parts < 0 ? 1 - WIDTH * UNIT : 0)) / (WIDTH * UNIT));
}

static void draw(const config *c, const state *s, int64_t i, uint8_t *picture) {
    memset(picture, SNOW, SIDE * SIDE);
    int finish = SKIER_ROW + pixels(finish_of(c) * UNIT - s->y[i]);
    if (finish >= 0 && finish < SIDE)
        memset(picture + finish * SIDE, FINISH, SIDE);
    int first = s->next[i] > 1 ? s->next[i] - 1 : 0;
    for (int gate = first; gate < c->gates; gate++) {
        int row = SKIER_ROW + pixels(gate_y(c, gate) - s->y[i]);
        if (row >= SIDE)
            break;
        for (int side = -1; side <= 1; side += 2) {
            int64_t pole = (int64_t)s->gate[i][gate] * UNIT + side * c->gate_width * UNIT / 2;
            dot(picture, row, pixels(pole), POLE);
            dot(picture, row - 1, pixels(pole), POLE);
        }
    }
    int col = s->x[i] == WIDTH * UNIT ? SIDE - 1 : pixels(s->x[i]);
    int heading = (int)s->heading[i];
    int lean = abs(heading) < 2 ? 0 : abs(heading) < 6 ? 1 : 2; /* the tips of the skis */
    dot(picture, SKIER_ROW + (lean < 2), col + (heading < 0 ? -lean : lean), SKIER);
    dot(picture, SKIER_ROW, col, SKIER);
    dot(picture, SKIER_ROW - 1, col, SKIER);
}

static void observe(const stoa_env *env, const state *s, void *const *observations, int64_t i) {
    const config *c = env->config;
    if (observations[0]) {
        if (c->observation == STOA_SLALOM_VECTOR)
            write_numbers(c, s, i, (float *)observations[0] + STOA_SLALOM_NUMBERS * i);
        else
            draw(c, s, i, (uint8_t *)observations[0] + SIDE * SIDE * i);
    }
    if (c->time && observations[1]) {
        float *time = (float *)observations[1] + 2 * i;
        time[0] = (float)s->step[i] / (float)c->limit;
        time[1] = s->over[i];
    }
}

/* ---- stepping -------------------------------------------------------------------------------- */

static void begin_run(const stoa_env *env, const state *s, int64_t i) {
    const config *c = env->config;
    int64_t at = WIDTH / 2;
    for (int gate = 0; gate < c->gates; gate++) {
        int64_t low = at - c->shift, high = at + c->shift;
        low = low < MARGIN ? MARGIN : low;
        high = high > WIDTH - MARGIN ? WIDTH - MARGIN : high;
        at = low + stoa_rng_below(&env->rngs[i], high - low + 1);
        s->gate[i][gate] = (int16_t)at;
    }
    s->x[i] = WIDTH / 2 * UNIT;
    s->y[i] = s->speed[i] = 0;
    s->step[i] = 0;
    s->heading[i] = 0;
    s->next[i] = s->missed[i] = s->over[i] = 0;
}

static void reset(stoa_env *env, const stoa_env_buffers *b, int64_t begin, int64_t end) {
    state s = state_of(env);
    for (int64_t i = begin; i < end; i++) {
        begin_run(env, &s, i);
        observe(env, &s, b->observations, i);
        if (b->events)
            b->events[i] = EVENT_NONE;
    }
}

/* The frame behind the finish was seen: the bill. */
static void end_run(stoa_env *env, const state *s, const stoa_env_buffers *b, int64_t i) {
    const config *c = env->config;
    int64_t lump = s->missed[i] * c->penalty, spent = (int64_t)(s->step[i] - 1) * STEP_TIME;
    b->rewards[i] = (float)(-(double)lump * c->reward_scale);
    observe(env, s, b->final_observations, i);
    if (b->metrics) {
        float *metrics = b->metrics + 4 * i;
        metrics[0] = (float)(c->gates - s->missed[i]) / (float)c->gates;
        metrics[1] = (float)s->missed[i] / (float)c->gates;
        metrics[2] = (float)spent / 100;
        metrics[3] = (float)(-(double)(spent + lump) * c->reward_scale);
    }
    begin_run(env, s, i);
}

static unsigned run_on(const config *c, const state *s, int64_t i, int steer) {
    int32_t x0 = s->x[i], y0 = s->y[i];
    slide(s, i, steer);
    unsigned event = cross(c, s, i, x0, y0);
    s->over[i] = s->y[i] >= finish_of(c) * UNIT || s->step[i] + 1 == c->limit;
    if (s->over[i]) {
        s->missed[i] = (uint8_t)(s->missed[i] + c->gates - s->next[i]);
        s->next[i] = (uint8_t)c->gates;
    }
    return event;
}

static void step(stoa_env *env, const stoa_env_buffers *b, int64_t begin, int64_t end) {
    const config *c = env->config;
    const int32_t *steers = b->actions[0];
    const float clock = (float)(-STEP_TIME * c->reward_scale);
    state s = state_of(env);
    for (int64_t i = begin; i < end; i++) {
        assert(steers[i] >= 0 && steers[i] < 3);
        bool over = s.over[i];
        unsigned event = EVENT_NONE;
        s.step[i]++;
        b->rewards[i] = clock;
        b->terminated[i] = over;
        b->truncated[i] = 0;
        if (over)
            end_run(env, &s, b, i);
        else
            event = run_on(c, &s, i, steers[i] - 1);
        observe(env, &s, b->observations, i);
        if (b->events)
            b->events[i] = (uint8_t)event;
    }
}

/* ---- drawing --------------------------------------------------------------------------------- */

/* Two rows of the picture a line. */
static void render_text(const stoa_env *env, int64_t i, stoa_buffer *out) {
    uint8_t picture[SIDE * SIDE];
    const config *c = env->config;
    state s = state_of(env);
    draw(c, &s, i, picture);
    for (int row = 0; row < SIDE; row += 2) {
        char line[SIDE + 1] = {0};
        for (int col = 0; col < SIDE; col++) {
            uint8_t upper = picture[row * SIDE + col], lower = picture[(row + 1) * SIDE + col];
            uint8_t shade = upper > lower ? upper : lower;
            line[col] = shade == SKIER ? 'o' : shade == POLE ? '|' : shade == FINISH ? '-' : '.';
        }
        stoa_buffer_printf(out, "%s\n", line);
    }
    stoa_buffer_printf(out,
                       "%.2f s, gate %d of %lld, %d missed, speed %.2f, heading %d degrees%s\n",
                       s.step[i] * STEP_TIME / 100.0, s.next[i], (long long)c->gates, s.missed[i],
                       (double)s.speed[i] / UNIT, s.heading[i] * 9, s.over[i] ? ", finished" : "");
}

static void render_rgb(const stoa_env *env, int64_t i, uint8_t *out) {
    static const uint8_t colours[][3] = {
        {245, 248, 252}, {120, 160, 210}, {210, 60, 60}, {30, 40, 60}}; /* by shade / 85 */
    uint8_t picture[SIDE * SIDE];
    state s = state_of(env);
    draw(env->config, &s, i, picture);
    for (int y = 0; y < SIDE * SCALE; y++)
        for (int x = 0; x < SIDE * SCALE; x++, out += 3)
            memcpy(out, colours[picture[y / SCALE * SIDE + x / SCALE] / 85], 3);
}

const stoa_env_class stoa_env_slalom = {
    .name = "slalom",
    .summary = "Ski through gates; what the missed ones cost is charged at the finish.",
    .config_bytes = sizeof(config),
    .settings = settings,
    .describe = describe,
    .state_bytes = state_bytes,
    .reset = reset,
    .step = step,
    .render_text = render_text,
    .render_rgb = render_rgb,
};
