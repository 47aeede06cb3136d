/*
 * env/odd_one_out/room.c - the environment odd-one-out: settings, spaces, episodes.
 *
 * An instance is one stoa_odd_room; with images, the pictures of its four objects stand behind all
 * rooms. What the agent sees and what is said are apart: the explanation is a target to learn from,
 * not an observation, unless `heard` makes it one.
 */
#include "env/odd_one_out/room.h"

#include <assert.h>
#include <math.h>
#include <string.h>

typedef stoa_odd_config config;
typedef stoa_odd_room room;

_Static_assert(sizeof(room) == 134, "a room has no padding: equal states are equal bytes");

/* ---- settings -------------------------------------------------------------------------------- */

#define AT(field) offsetof(config, field)
static const char *const level_names[] = {"basic",      "confounded", "deconfounded", "meta_easy",
                                          "meta_hard1", "meta_hard2", "meta_hard3",   NULL};
static const char *const concept_names[] = {"color", "texture", "shape", "position", "any", NULL};
static const char *const explanation_names[] = {"none", "properties", "reward", "full", NULL};
static const char *const observation_names[] = {"symbols", "image",    "both",
                                                "list",    "pictures", NULL};
static const char *const placement_names[] = {"classes", "cells", NULL};
static const stoa_setting rows[] = {
    {"level", STOA_SET_CHOICE, AT(level), "basic", 0, 0, level_names,
     "One odd dimension; all odd on one object; each odd on another object; or trials in which "
     "objects can be changed before the test."},
    {"concept", STOA_SET_CHOICE, AT(concept), "any", 0, 0, concept_names,
     "The dimension that counts; any: drawn for each episode."},
    {"explanations", STOA_SET_CHOICE, AT(explanations), "full", 0, 0, explanation_names,
     "What is said: nothing, what an object beside the agent is like, whether the choice was right "
     "and why, or both."},
    {"irrelevant", STOA_SET_BOOL, AT(irrelevant), "false", 0, 0, NULL,
     "A control: what is said tells where in the room the agent stands instead."},
    {"strict", STOA_SET_BOOL, AT(strict), "false", 0, 0, NULL,
     "What was said beside an object ends when the agent walks away; else it stays until something "
     "else is said."},
    {"heard", STOA_SET_BOOL, AT(heard), "false", 0, 0, NULL,
     "The agent reads the explanation; else it is a target only."},
    {"observation", STOA_SET_CHOICE, AT(observation), "symbols", 0, 0, observation_names,
     "The cells around the agent as numbers, as pixels, or both; or only what is on them: a list "
     "of "
     "places and values, or places and pictures."},
    {"view", STOA_SET_INT, AT(view), "11", 3, STOA_ODD_VIEW, NULL,
     "Cells seen across, an odd number, the agent in the middle."},
    {"interior", STOA_SET_INT, AT(interior), "9", 3, STOA_ODD_INTERIOR, NULL,
     "Cells of the room across, within its wall."},
    {"placement", STOA_SET_CHOICE, AT(placement), "classes", 0, 0, placement_names,
     "Objects on cells of position classes (corner, walls, centre), or on any cells."},
    {"steps", STOA_SET_INT, AT(steps), "128", 1, 10000, NULL,
     "Longest episode; of meta levels, times the number of trials."},
    {"phase", STOA_SET_INT, AT(phase), "16", 2, 250, NULL,
     "Length of the time after the choice, in which the reward is explained."},
    {"experiments", STOA_SET_INT, AT(experiments), "3", 1, STOA_ODD_TRIALS, NULL,
     "Trials before the test, in meta levels."},
    {"colors", STOA_SET_INT, AT(colors), "19", 2, STOA_ODD_COLORS, NULL,
     "Colours in use, the first of the list."},
    {"textures", STOA_SET_INT, AT(textures), "6", 2, STOA_ODD_TEXTURES, NULL, "Textures in use."},
    {"shapes", STOA_SET_INT, AT(shapes), "11", 2, STOA_ODD_SHAPES, NULL, "Shapes in use."},
};

static stoa_settings_table settings(void) {
    return (stoa_settings_table){rows, sizeof rows / sizeof *rows};
}

static stoa_status check(const void *c_, stoa_error *err) {
    const config *c = c_;
    if (c->view % 2 == 0)
        return stoa_fail(err, STOA_ERR_USAGE,
                         "view is %lld; it must be odd, with the agent in the middle",
                         (long long)c->view);
    if (c->placement == STOA_ODD_CLASSES && c->interior != STOA_ODD_INTERIOR)
        return stoa_fail(err, STOA_ERR_USAGE,
                         "position classes are those of a room of %d cells across, not %lld; set "
                         "placement=cells",
                         STOA_ODD_INTERIOR, (long long)c->interior);
    if (c->concept == STOA_ODD_POSITION && stoa_odd_concepts(c) <= STOA_ODD_POSITION)
        return stoa_fail(err, STOA_ERR_USAGE,
                         "position is a concept only of level=basic with placement=classes and "
                         "without irrelevant");
    return STOA_OK;
}

/* ---- spaces ---------------------------------------------------------------------------------- */

enum { EVENT_NONE, EVENT_ADJACENT, EVENT_RIGHT, EVENT_WRONG };

/* Of the room's episode; the values are of no use when it is blank. */
static void figure(stoa_odd_figures *f, const config *c, const room *r) {
    static const char *const experiments[] = {"experiment1", "experiment2", "experiment3"};
    int trials = stoa_odd_trials(c), changed = 0;
    float correct = (float)(r->right >> (trials - 1) & 1);
    f->count = 0;
    stoa_odd_put(f, "correct", correct);
    if (c->concept == STOA_ODD_ANY)
        stoa_odd_put_concepts(f, stoa_odd_concepts(c), &r->scene, correct);
    if (c->level == STOA_ODD_LEVEL_DECONFOUNDED) {
        stoa_odd_put_picked(f, &r->scene, r->chosen);
    } else if (stoa_odd_meta(c)) {
        for (int t = 0; t < STOA_ODD_TRIALS && t + 1 < trials; t++) {
            stoa_odd_put(f, experiments[t], (float)(r->right >> t & 1));
            changed += r->changed >> t & 1;
        }
        stoa_odd_put(f, "changed", (float)changed / (float)(trials - 1));
    } else {
        stoa_odd_put(f, "chosen", r->chosen != STOA_ODD_NONE);
    }
}

static int64_t most(int64_t a, int64_t b) {
    return a > b ? a : b;
}

static void describe_observations(const config *c, stoa_env_spec *spec) {
    stoa_space *list = spec->observations;
    int *count = &spec->observation_count;
    unsigned shown = stoa_odd_shown(c);
    int64_t values = most(most(c->colors, c->textures), c->shapes) + 1;
    int64_t cells = most(c->view * c->view + 1, (c->interior + 1) * (c->interior + 1));
    if (shown & STOA_ODD_SYMBOLS)
        stoa_space_add(list, count, "symbols", STOA_SPACE_CATEGORIES, STOA_U8,
                       STOA_SHAPE(c->view, c->view, STOA_ODD_FEATURES))
            ->categories = most(values, STOA_ODD_OBJECT + 1);
    if (shown & STOA_ODD_LIST)
        stoa_space_add(list, count, "list", STOA_SPACE_CATEGORIES, STOA_U8,
                       STOA_SHAPE(STOA_ODD_LISTED))
            ->categories = most(values, cells);
    if (shown & STOA_ODD_PICTURES) {
        stoa_space_add(list, count, "places", STOA_SPACE_CATEGORIES, STOA_U8,
                       STOA_SHAPE(STOA_ODD_PLACED))
            ->categories = cells;
        stoa_space_add(list, count, "pictures", STOA_SPACE_BOX, STOA_U8,
                       STOA_SHAPE(STOA_ODD_OBJECTS, STOA_ODD_SIDE, STOA_ODD_SIDE, 3))
            ->high = 255;
    }
    if (shown & STOA_ODD_IMAGE)
        stoa_space_add(list, count, "image", STOA_SPACE_IMAGE, STOA_U8,
                       STOA_SHAPE(c->view * STOA_ODD_SIDE, c->view * STOA_ODD_SIDE, 3));
    if (stoa_odd_meta(c)) {
        stoa_space *order = stoa_space_add(list, count, "instruction", STOA_SPACE_CATEGORIES,
                                           STOA_U8, STOA_SHAPE(STOA_ODD_ORDER));
        order->categories = STOA_ODD_VOCABULARY;
        order->labels = stoa_odd_words;
    }
    stoa_space *said = stoa_space_add(list, count, "explanation", STOA_SPACE_CATEGORIES, STOA_U8,
                                      STOA_SHAPE(STOA_ODD_WORDS));
    said->categories = STOA_ODD_VOCABULARY;
    said->labels = stoa_odd_words;
    said->target = !c->heard;
}

/* Of random play in the published room, measured over 245,760 episodes (meta: 61,440): less than a
 * quarter, because some choose nothing in time. NaN for other rooms. */
static double chance(const config *c) {
    enum { STEPS = 128, PHASE = 16 };
    const double looks = 0.231, position = 0.26, confounding = 0.224, meta = 0.216;
    if (c->placement != STOA_ODD_CLASSES || c->steps != STEPS)
        return NAN;
    if (stoa_odd_meta(c))
        return c->experiments == STOA_ODD_TRIALS && c->phase == PHASE ? meta : (double)NAN;
    if (c->level != STOA_ODD_LEVEL_BASIC)
        return confounding;
    if (c->concept == STOA_ODD_ANY && stoa_odd_concepts(c) > STOA_ODD_LOOKS)
        return (STOA_ODD_LOOKS * looks + position) / STOA_ODD_DIMENSIONS;
    return c->concept == STOA_ODD_POSITION ? position : looks;
}

static void describe(const void *c_, stoa_env_spec *spec) {
    static const char *const action_names[] = {
        "north", "northeast", "east",         "southeast",      "south",       "southwest",
        "west",  "northwest", "change_color", "change_texture", "change_shape"};
    static const char *const events[] = {"adjacent", "right", "wrong"};
    const config *c = c_;
    const room blank = {0};
    stoa_odd_figures f;
    describe_observations(c, spec);
    stoa_space *move = stoa_space_add(spec->actions, &spec->action_count, "move",
                                      STOA_SPACE_CATEGORIES, STOA_I32, 0, NULL);
    move->categories = stoa_odd_meta(c) ? 11 : 8;
    move->labels = action_names;
    figure(&f, c, &blank);
    stoa_odd_name_metrics(&f, spec);
    for (int e = 0; e < 3; e++)
        snprintf(spec->events[spec->event_count++], STOA_ENV_NAME, "%s", events[e]);
    spec->max_steps = c->steps * stoa_odd_trials(c);
    spec->reward_low = 0;
    spec->reward_high = stoa_odd_meta(c) ? 10 : 1;
    spec->chance = chance(c);
    if (c->steps >= 2 * STOA_ODD_INTERIOR)
        spec->ceiling = 1;
    spec->render_height = spec->render_width =
        ((int)c->interior + 2) * STOA_ODD_SIDE * STOA_ODD_SCALE;
}

/* ---- state ----------------------------------------------------------------------------------- */

static bool pictured(const config *c) {
    return stoa_odd_shown(c) & (STOA_ODD_IMAGE | STOA_ODD_PICTURES);
}

static size_t state_bytes(const void *c_, int64_t count) {
    size_t pictures = pictured(c_) ? STOA_ODD_OBJECTS * sizeof(stoa_odd_picture) : 0;
    return (size_t)count * (sizeof(room) + pictures);
}

static room *rooms_of(const stoa_env *env) {
    return env->state;
}

/* (4) of one instance; NULL without images. */
static stoa_odd_picture *pictures_of(const stoa_env *env, int64_t i) {
    if (!pictured(env->config))
        return NULL;
    uint8_t *first = (uint8_t *)env->state + (size_t)env->count * sizeof(room);
    return (stoa_odd_picture *)first + i * STOA_ODD_OBJECTS;
}

/* which: a bit an object */
static void repaint(const stoa_env *env, int64_t i, int which) {
    const stoa_odd_scene *s = &rooms_of(env)[i].scene;
    stoa_odd_picture *pictures = pictures_of(env, i);
    for (int k = 0; pictures && k < STOA_ODD_OBJECTS; k++)
        if (which >> k & 1)
            stoa_odd_paint(pictures[k], s->value[k], s->noise[k]);
}

enum { EVERY = (1 << STOA_ODD_OBJECTS) - 1 };

stoa_odd_room *stoa_odd_room_of(stoa_env *env, int64_t i) {
    return &rooms_of(env)[i];
}

void stoa_odd_room_changed(stoa_env *env, int64_t i) {
    stoa_odd_settle(&rooms_of(env)[i], env->config);
    repaint(env, i, EVERY);
}

/* ---- stepping -------------------------------------------------------------------------------- */

static void *row_of(const stoa_env *env, void *const *observations, int space, int64_t i) {
    return observations[space] ? (uint8_t *)observations[space] +
                                     (size_t)i * stoa_space_bytes(&env->spec.observations[space])
                               : NULL;
}

static void observe(const stoa_env *env, const stoa_odd_field *field, void *const *observations,
                    int64_t i) {
    const config *c = env->config;
    const room *r = &rooms_of(env)[i];
    unsigned shown = stoa_odd_shown(c);
    int space = 0;
    void *out;
    if (shown & STOA_ODD_SYMBOLS && (out = row_of(env, observations, space++, i)))
        stoa_odd_symbols(field, r, out);
    if (shown & STOA_ODD_LIST && (out = row_of(env, observations, space++, i)))
        stoa_odd_list(field, r, out);
    if (shown & STOA_ODD_PICTURES && (out = row_of(env, observations, space++, i)))
        stoa_odd_places(field, r, out);
    if (shown & STOA_ODD_PICTURES && (out = row_of(env, observations, space++, i)))
        stoa_odd_pictures(field, r, pictures_of(env, i), out);
    if (shown & STOA_ODD_IMAGE && (out = row_of(env, observations, space++, i)))
        stoa_odd_image(field, r, pictures_of(env, i), out);
    if (stoa_odd_meta(c) && (out = row_of(env, observations, space++, i)))
        stoa_odd_instruction(r, c, out);
    if ((out = row_of(env, observations, space, i)))
        memcpy(out, r->said, STOA_ODD_WORDS);
}

static void begin_episode(const stoa_env *env, int64_t i) {
    stoa_odd_begin_episode(&rooms_of(env)[i], env->config, &env->rngs[i]);
    repaint(env, i, EVERY);
}

static void reset(stoa_env *env, const stoa_env_buffers *b, int64_t begin, int64_t end) {
    stoa_odd_field field;
    stoa_odd_field_init(&field, env->config);
    for (int64_t i = begin; i < end; i++) {
        begin_episode(env, i);
        observe(env, &field, b->observations, i);
        if (b->events)
            b->events[i] = rooms_of(env)[i].near ? EVENT_ADJACENT : EVENT_NONE;
    }
}

static void write_metrics(const stoa_env *env, int64_t i, float *out) {
    stoa_odd_figures f;
    figure(&f, env->config, &rooms_of(env)[i]);
    memcpy(out + i * f.count, f.value, (size_t)f.count * sizeof(float));
}

/* One step of one instance, but for its observation. */
static void step_one(stoa_env *env, const stoa_env_buffers *b, const stoa_odd_field *field,
                     int64_t i) {
    const config *c = env->config;
    room *r = &rooms_of(env)[i];
    int32_t action = ((const int32_t *)b->actions[0])[i];
    assert(action >= 0 && action < env->spec.actions[0].categories);
    stoa_odd_outcome out = stoa_odd_move(r, c, action);
    bool last = r->trial + 1 == stoa_odd_trials(c);
    bool terminated = out.over && last, truncated = !terminated && r->step == env->spec.max_steps;
    bool right = out.touched && out.reward > 0;
    int event = out.touched ? right ? EVENT_RIGHT : EVENT_WRONG : EVENT_NONE;
    repaint(env, i, out.repaint);
    b->rewards[i] = out.reward;
    b->terminated[i] = terminated;
    b->truncated[i] = truncated;
    if (out.over && !last) { /* the trial's last state is never seen */
        r->trial++;
        stoa_odd_begin_trial(r, c, &env->rngs[i]);
        repaint(env, i, EVERY);
    }
    if (terminated || truncated) {
        observe(env, field, b->final_observations, i);
        if (b->metrics)
            write_metrics(env, i, b->metrics);
        begin_episode(env, i);
        event = EVENT_NONE;
    }
    if (b->events)
        b->events[i] = (uint8_t)(event == EVENT_NONE && r->near ? EVENT_ADJACENT : event);
}

static void step(stoa_env *env, const stoa_env_buffers *b, int64_t begin, int64_t end) {
    stoa_odd_field field;
    stoa_odd_field_init(&field, env->config);
    for (int64_t i = begin; i < end; i++) {
        step_one(env, b, &field, i);
        observe(env, &field, b->observations, i);
    }
}

/* ---- drawing --------------------------------------------------------------------------------- */

static void render_text(const stoa_env *env, int64_t i, stoa_buffer *out) {
    stoa_odd_render_text(&rooms_of(env)[i], env->config, env->spec.max_steps, out);
}

static void render_rgb(const stoa_env *env, int64_t i, uint8_t *pixels) {
    stoa_odd_render_rgb(&rooms_of(env)[i], env->config, STOA_ODD_SCALE, pixels);
}

const stoa_env_class stoa_env_odd_one_out = {
    .name = "odd-one-out",
    .summary = "Four objects in a room: choose the one that differs; words tell why.",
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
