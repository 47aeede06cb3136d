/*
 * env/cartpole.c - CartPole-v1: push a cart left or right so that the pole on it stays up.
 *
 * The physics of Barto, Sutton and Anderson 1983 with the constants, the Euler steps of 0.02 s, the
 * limits (12 degrees, 2.4 m) and the rewards (1 a step, the last included) of Gymnasium's
 * CartPole-v1. Falling over terminates; `steps` steps truncate. The state is double, as there, and
 * observed as float.
 *
 * Sine and cosine are series of our own: exact to the last place or two for angles that a standing
 * pole can have, equal on every machine, and fit for vectors.
 */
#include "env/cartpole.h"

#include <math.h>
#include <string.h>

#include "env/env.h"

#define AT(field) offsetof(stoa_cartpole_config, field)
static const stoa_setting rows[] = {
    {"steps", STOA_SET_INT, AT(steps), "500", 1, 1000000, NULL,
     "Steps after which an episode is cut off."},
};

static stoa_settings_table settings(void) {
    return (stoa_settings_table){rows, sizeof rows / sizeof *rows};
}

static void describe(const void *config, stoa_env_spec *spec) {
    static const char *const pushes[] = {"left", "right"};
    const stoa_cartpole_config *c = config;
    stoa_space *state = stoa_space_add(spec->observations, &spec->observation_count, "state",
                                       STOA_SPACE_BOX, STOA_F32, STOA_SHAPE(4));
    state->low = -INFINITY; /* position, its speed, angle, its speed */
    state->high = INFINITY;
    stoa_space *push = stoa_space_add(spec->actions, &spec->action_count, "push",
                                      STOA_SPACE_CATEGORIES, STOA_I32, 0, NULL);
    push->categories = 2;
    push->labels = pushes;
    snprintf(spec->metrics[spec->metric_count++], STOA_ENV_NAME, "steps");
    spec->max_steps = c->steps;
    spec->reward_low = spec->reward_high = 1;
    if (c->steps >= 500)
        spec->chance = 22.24; /* measured over 1.6 million episodes */
    spec->ceiling = (double)c->steps;
    spec->render_height = 80;
    spec->render_width = 120;
}

/* ---- physics --------------------------------------------------------------------------------- */

static const double GRAVITY = 9.8, POLE_MASS = 0.1, TOTAL_MASS = 1.1, HALF_LENGTH = 0.5;
static const double FORCE = 10, TIME_STEP = 0.02, FARTHEST = 2.4;
static const double WIDEST = 12 * 2 * 3.14159265358979323846 / 360;

/* Arrays over instances, one behind the other. */
typedef struct state {
    double *x, *x_speed, *angle, *angle_speed;
    int32_t *step;
} state;

static size_t state_bytes(const void *config, int64_t count) {
    (void)config;
    return (size_t)count * (4 * sizeof(double) + sizeof(int32_t));
}

static state state_of(const stoa_env *env) {
    double *d = env->state;
    int64_t n = env->count;
    return (state){d, d + n, d + 2 * n, d + 3 * n, (int32_t *)(d + 4 * n)};
}

static inline double sine(double a) {
    double s = a * a;
    return a * (1 + s * (-1. / 6 +
                         s * (1. / 120 +
                              s * (-1. / 5040 + s * (1. / 362880 + s * (-1. / 39916800 +
                                                                        s * (1. / 6227020800)))))));
}

static inline double cosine(double a) {
    double s = a * a;
    return 1 +
           s * (-1. / 2 +
                s * (1. / 24 + s * (-1. / 720 + s * (1. / 40320 +
                                                     s * (-1. / 3628800 + s * (1. / 479001600))))));
}

/* One Euler step of every instance. */
static void move(state s, const int32_t *restrict pushes, int64_t begin, int64_t end) {
    double *restrict xs = s.x, *restrict x_speeds = s.x_speed;
    double *restrict angles = s.angle, *restrict angle_speeds = s.angle_speed;
    const double pole = POLE_MASS * HALF_LENGTH;
#pragma omp simd
    for (int64_t i = begin; i < end; i++) {
        double x_speed = x_speeds[i], angle = angles[i], angle_speed = angle_speeds[i];
        double sin_a = sine(angle), cos_a = cosine(angle), force = FORCE * (2 * pushes[i] - 1);
        double thrust = (force + pole * (angle_speed * angle_speed) * sin_a) / TOTAL_MASS;
        double turn = (GRAVITY * sin_a - cos_a * thrust) /
                      (HALF_LENGTH * (4.0 / 3.0 - POLE_MASS * (cos_a * cos_a) / TOTAL_MASS));
        double pull = thrust - pole * turn * cos_a / TOTAL_MASS;
        xs[i] += TIME_STEP * x_speed;
        x_speeds[i] = x_speed + TIME_STEP * pull;
        angles[i] = angle + TIME_STEP * angle_speed;
        angle_speeds[i] = angle_speed + TIME_STEP * turn;
    }
}

/* ---- stepping -------------------------------------------------------------------------------- */

static void observe(state s, float *restrict to, int64_t begin, int64_t end) {
    for (int64_t i = begin; to && i < end; i++) {
        to[4 * i] = (float)s.x[i];
        to[4 * i + 1] = (float)s.x_speed[i];
        to[4 * i + 2] = (float)s.angle[i];
        to[4 * i + 3] = (float)s.angle_speed[i];
    }
}

static void begin_episode(stoa_env *env, state s, int64_t i) {
    double *parts[] = {&s.x[i], &s.x_speed[i], &s.angle[i], &s.angle_speed[i]};
    for (int k = 0; k < 4; k++)
        *parts[k] = 0.1 * stoa_rng_uniform(&env->rngs[i]) - 0.05;
    s.step[i] = 0;
}

static void reset(stoa_env *env, const stoa_env_buffers *b, int64_t begin, int64_t end) {
    state s = state_of(env);
    for (int64_t i = begin; i < end; i++)
        begin_episode(env, s, i);
    observe(s, b->observations[0], begin, end);
    if (b->events)
        memset(b->events + begin, 0, (size_t)(end - begin));
}

static void step(stoa_env *env, const stoa_env_buffers *b, int64_t begin, int64_t end) {
    const stoa_cartpole_config *c = env->config;
    state s = state_of(env);
    move(s, b->actions[0], begin, end);
    for (int64_t i = begin; i < end; i++) {
        bool fallen = !(fabs(s.x[i]) <= FARTHEST && fabs(s.angle[i]) <= WIDEST);
        bool late = ++s.step[i] >= c->steps;
        b->rewards[i] = 1;
        b->terminated[i] = fallen;
        b->truncated[i] = late;
        if (fallen || late) {
            observe(s, b->final_observations[0], i, i + 1);
            if (b->metrics)
                b->metrics[i] = (float)s.step[i];
            begin_episode(env, s, i);
        }
    }
    observe(s, b->observations[0], begin, end);
    if (b->events)
        memset(b->events + begin, 0, (size_t)(end - begin));
}

/* ---- drawing --------------------------------------------------------------------------------- */

/* Columns of the track on either side of its middle, rows of the pole. */
enum { HALF_TRACK = 24, POLE_ROWS = 6 };

static int column_of(double metres) {
    int at = (int)lround(metres / FARTHEST * HALF_TRACK) + HALF_TRACK;
    return at < 0 ? 0 : at > 2 * HALF_TRACK ? 2 * HALF_TRACK : at;
}

static void render_text(const stoa_env *env, int64_t i, stoa_buffer *out) {
    state s = state_of(env);
    for (int row = POLE_ROWS; row > 0; row--) {
        /* a metre of pole; a row is twice as high as a column is wide */
        double height = 2 * HALF_LENGTH * row / POLE_ROWS;
        stoa_buffer_printf(out, "%*s|\n", column_of(s.x[i] + height * sine(s.angle[i])), "");
    }
    int cart = column_of(s.x[i]);
    for (int k = 0; k <= 2 * HALF_TRACK; k++)
        stoa_buffer_printf(out, "%s", k >= cart - 1 && k <= cart + 1 ? "#" : "-");
    stoa_buffer_printf(out, "\nstep %d, position %+.2f m, angle %+.1f degrees\n", s.step[i], s.x[i],
                       s.angle[i] * 12 / WIDEST);
}

static void render_rgb(const stoa_env *env, int64_t i, uint8_t *pixels) {
    static const uint8_t background[3] = {250, 250, 250}, line[3] = {120, 120, 120};
    static const uint8_t cart[3] = {40, 40, 40}, pole[3] = {202, 152, 101};
    const double pixel = 2 * FARTHEST / 120; /* metres */
    state s = state_of(env);
    for (int row = 0; row < 80; row++)
        for (int column = 0; column < 120; column++) {
            double x = (column - 59.5) * pixel - s.x[i], y = (59.5 - row) * pixel;
            /* along the pole and across it */
            double along = x * sine(s.angle[i]) + y * cosine(s.angle[i]);
            double across = x * cosine(s.angle[i]) - y * sine(s.angle[i]);
            const uint8_t *colour = along >= 0 && along <= 2 * HALF_LENGTH && fabs(across) <= 0.05
                                        ? pole
                                    : fabs(x) <= 0.25 && y <= 0.06 && y >= -0.2 ? cart
                                    : row == 60                                 ? line
                                                                                : background;
            memcpy(pixels + 3 * (row * 120 + column), colour, 3);
        }
}

const stoa_env_class stoa_env_cartpole = {
    .name = "cartpole",
    .summary = "Push a cart so that the pole on it stays up: Gymnasium's CartPole-v1.",
    .config_bytes = sizeof(stoa_cartpole_config),
    .settings = settings,
    .describe = describe,
    .state_bytes = state_bytes,
    .grain = 512,
    .reset = reset,
    .step = step,
    .render_text = render_text,
    .render_rgb = render_rgb,
};
