/*
 * env/chain.c - Chain: walk on a line, and be paid much later for having touched one state early.
 *
 * States 0..length-1, start in the middle, actions left and right, `steps` steps an episode. In the
 * first `walk` steps the position is seen; then the walker is in a corridor, where it stands still
 * and the position is hidden. The last step pays +1 if the trigger state was visited, else -1.
 * After Raposo et al. 2021 (synthetic returns); the sizes are ours.
 *
 * The walk has no chance in it. Its value under any policy that looks at the position is computed
 * exactly (stoa_chain_value), which tests use.
 */
#include "env/chain.h"

#include "env/env.h"

#define AT(field) offsetof(stoa_chain_config, field)
static const stoa_setting rows[] = {
    {"length", STOA_SET_INT, AT(length), "21", 3, 255, NULL, "States on the line."},
    {"trigger", STOA_SET_INT, AT(trigger), "5", 0, 254, NULL, "The state to visit."},
    {"walk", STOA_SET_INT, AT(walk), "15", 1, 65534, NULL, "Steps before the corridor."},
    {"steps", STOA_SET_INT, AT(steps), "30", 2, 65535, NULL, "Steps of an episode."},
    {"time", STOA_SET_BOOL, AT(time), "true", 0, 0, NULL,
     "Observe the elapsed share of the episode and whether this step is the last."},
};

static stoa_settings_table settings(void) {
    return (stoa_settings_table){rows, sizeof rows / sizeof *rows};
}

static stoa_status check(const void *config, stoa_error *err) {
    const stoa_chain_config *c = config;
    if (c->trigger >= c->length)
        return stoa_fail(err, STOA_ERR_USAGE, "trigger %lld lies beyond the line of length %lld",
                         (long long)c->trigger, (long long)c->length);
    if (c->walk >= c->steps)
        return stoa_fail(err, STOA_ERR_USAGE, "walk (%lld) must be less than steps (%lld)",
                         (long long)c->walk, (long long)c->steps);
    return STOA_OK;
}

double stoa_chain_value(const stoa_chain_config *c, double p_left) {
    double mass[256] = {0}, reached = 0; /* of walkers that have not been at the trigger */
    mass[c->length / 2] = 1;
    for (int64_t t = 0; t < c->walk; t++) {
        reached += mass[c->trigger];
        mass[c->trigger] = 0;
        double next[256] = {0};
        for (int64_t s = 0; s < c->length; s++) {
            next[s > 0 ? s - 1 : 0] += p_left * mass[s];
            next[s + 1 < c->length ? s + 1 : s] += (1 - p_left) * mass[s];
        }
        for (int64_t s = 0; s < c->length; s++)
            mass[s] = next[s];
    }
    return 2 * (reached + mass[c->trigger]) - 1;
}

static void describe(const void *config, stoa_env_spec *spec) {
    static const char *const moves[] = {"left", "right"};
    const stoa_chain_config *c = config;
    stoa_space *position = stoa_space_add(spec->observations, &spec->observation_count, "position",
                                          STOA_SPACE_CATEGORIES, STOA_U8, STOA_SHAPE(1));
    position->categories = c->length + 1; /* the last one is the corridor */
    if (c->time) {
        stoa_space *time = stoa_space_add(spec->observations, &spec->observation_count, "time",
                                          STOA_SPACE_BOX, STOA_F32, STOA_SHAPE(2));
        time->high = 1;
    }
    stoa_space *move = stoa_space_add(spec->actions, &spec->action_count, "move",
                                      STOA_SPACE_CATEGORIES, STOA_I32, 0, NULL);
    move->categories = 2;
    move->labels = moves;
    snprintf(spec->metrics[spec->metric_count++], STOA_ENV_NAME, "visited");
    snprintf(spec->events[spec->event_count++], STOA_ENV_NAME, "trigger");
    spec->max_steps = c->steps;
    spec->reward_low = -1;
    spec->reward_high = 1;
    spec->chance = (stoa_chain_value(c, 0.5) + 1) / 2;
    int64_t distance = c->length / 2 - c->trigger;
    spec->ceiling = (distance < 0 ? -distance : distance) <= c->walk;
}

/* Arrays over instances, one behind the other. */
typedef struct state {
    uint16_t *step;              /* steps taken */
    uint8_t *position, *visited; /* visited: 0 or 1 */
} state;

static size_t state_bytes(const void *config, int64_t count) {
    (void)config;
    return (size_t)count * 4;
}

static state state_of(const stoa_env *env) {
    uint8_t *bytes = (uint8_t *)env->state + 2 * env->count;
    return (state){env->state, bytes, bytes + env->count};
}

static void observe(const stoa_env *env, state s, void *const *observations, int64_t i) {
    const stoa_chain_config *c = env->config;
    if (observations[0])
        ((uint8_t *)observations[0])[i] =
            (uint8_t)(s.step[i] < c->walk ? s.position[i] : c->length);
    if (c->time && observations[1]) {
        float *time = (float *)observations[1] + 2 * i;
        time[0] = (float)s.step[i] / (float)c->steps;
        time[1] = s.step[i] + 1 == c->steps;
    }
}

static void begin_episode(const stoa_env *env, state s, int64_t i) {
    const stoa_chain_config *c = env->config;
    s.step[i] = 0;
    s.position[i] = (uint8_t)(c->length / 2);
    s.visited[i] = s.position[i] == c->trigger;
}

static void reset(stoa_env *env, const stoa_env_buffers *b, int64_t begin, int64_t end) {
    state s = state_of(env);
    for (int64_t i = begin; i < end; i++) {
        begin_episode(env, s, i);
        observe(env, s, b->observations, i);
        if (b->events)
            b->events[i] = s.visited[i];
    }
}

static void step(stoa_env *env, const stoa_env_buffers *b, int64_t begin, int64_t end) {
    const stoa_chain_config *c = env->config;
    const int32_t *moves = b->actions[0];
    state s = state_of(env);
    for (int64_t i = begin; i < end; i++) {
        int walking = s.step[i] < c->walk;
        int next = s.position[i] + (walking ? 2 * moves[i] - 1 : 0);
        next = next < 0 ? 0 : next >= c->length ? (int)c->length - 1 : next;
        int touched = walking && next == c->trigger;
        s.position[i] = (uint8_t)next;
        s.visited[i] |= (uint8_t)touched;
        s.step[i]++;
        int over = s.step[i] == c->steps;
        b->rewards[i] = over ? (s.visited[i] ? 1.0f : -1.0f) : 0.0f;
        b->terminated[i] = (uint8_t)over;
        b->truncated[i] = 0;
        if (b->events)
            b->events[i] = (uint8_t)touched;
        if (over) {
            observe(env, s, b->final_observations, i);
            if (b->metrics)
                b->metrics[i] = s.visited[i];
            begin_episode(env, s, i);
        }
        observe(env, s, b->observations, i);
    }
}

static void render_text(const stoa_env *env, int64_t i, stoa_buffer *out) {
    const stoa_chain_config *c = env->config;
    state s = state_of(env);
    for (int64_t x = 0; x < c->length; x++)
        stoa_buffer_printf(out, "%s",
                           x == s.position[i] && s.step[i] < c->walk ? "@"
                           : x == c->trigger                         ? "*"
                                                                     : ".");
    stoa_buffer_printf(out, "  step %d of %lld%s%s\n", s.step[i], (long long)c->steps,
                       s.step[i] < c->walk ? "" : ", in the corridor",
                       s.visited[i] ? ", trigger visited" : "");
}

const stoa_env_class stoa_env_chain = {
    .name = "chain",
    .summary = "Walk on a line; a state visited early decides the reward much later.",
    .config_bytes = sizeof(stoa_chain_config),
    .settings = settings,
    .check = check,
    .describe = describe,
    .state_bytes = state_bytes,
    .grain = 2048,
    .reset = reset,
    .step = step,
    .render_text = render_text,
};
