/*
 * env/odd_one_out/choice.c - the environment odd-one-out-choice: the odd one out without a room.
 *
 * Four pictures are seen at once, one is chosen, and that is the episode. So little time passes in
 * it that a whole learning curve takes minutes, yet the difference that explanations make is there.
 * The words are ids of values, not sentences: what each object is like belongs to the pictures; the
 * verdict on a choice comes with the pictures after it, those of the next episode.
 */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "env/odd_one_out/choice.h"

typedef stoa_odd_choice_config config;
typedef stoa_odd_choice choice;

enum {
    OBJECTS = STOA_ODD_OBJECTS,
    LOOKS = STOA_ODD_LOOKS,
    SIDE = STOA_ODD_SIDE,
    ANY = LOOKS,
    PROPERTIES = 1, /* bits of explanations */
    REWARD = 2,
    PICTURES = OBJECTS * sizeof(stoa_odd_picture),
    SCALE = 8, /* pixels a pixel when drawn for people */
    GAP = 1    /* pixels between two pictures */
};

_Static_assert(sizeof(choice) == 122, "a choice has no padding: equal states are equal bytes");

/* ---- settings -------------------------------------------------------------------------------- */

#define AT(field) offsetof(config, field)
static const char *const level_names[] = {"basic", "confounded", "deconfounded", NULL};
static const char *const concept_names[] = {"color", "texture", "shape", "any", NULL};
static const char *const explanation_names[] = {"none", "properties", "reward", "full", NULL};
static const stoa_setting rows[] = {
    {"level", STOA_SET_CHOICE, AT(level), "basic", 0, 0, level_names,
     "One odd dimension; all odd on one object; or each odd on another object."},
    {"concept", STOA_SET_CHOICE, AT(concept), "any", 0, 0, concept_names,
     "The dimension that counts; any: drawn for each episode."},
    {"explanations", STOA_SET_CHOICE, AT(explanations), "full", 0, 0, explanation_names,
     "What is told: nothing, what each object is like, whether the choice was right and why, or "
     "both."},
    {"irrelevant", STOA_SET_BOOL, AT(irrelevant), "false", 0, 0, NULL,
     "A control: values and verdicts that are told are drawn at random."},
    {"colors", STOA_SET_INT, AT(colors), "8", 2, STOA_ODD_COLORS, NULL,
     "Colours in use, the first of the list."},
    {"textures", STOA_SET_INT, AT(textures), "6", 2, STOA_ODD_TEXTURES, NULL, "Textures in use."},
    {"shapes", STOA_SET_INT, AT(shapes), "8", 2, STOA_ODD_SHAPES, NULL, "Shapes in use."},
};

static stoa_settings_table settings(void) {
    return (stoa_settings_table){rows, sizeof rows / sizeof *rows};
}

/* ---- spaces ---------------------------------------------------------------------------------- */

/* Of the episode of scene in which `chosen` was taken. */
static void figure(stoa_odd_figures *f, const config *c, const stoa_odd_scene *scene, int chosen) {
    float correct = chosen == scene->target;
    f->count = 0;
    stoa_odd_put(f, "correct", correct);
    if (c->concept == ANY)
        stoa_odd_put_concepts(f, LOOKS, scene, correct);
    if (c->level == STOA_ODD_DECONFOUNDED)
        stoa_odd_put_picked(f, scene, chosen);
}

/* Values are told counted from 1. */
static const char *value_word(int d, int64_t told) {
    bool is_one = told >= 1 && told <= stoa_odd_value_count((stoa_odd_dimension)d);
    return is_one ? stoa_odd_value_name((stoa_odd_dimension)d, (int)told - 1) : NULL;
}

static const char *property_word(int64_t element, int64_t told) {
    return value_word((int)(element % LOOKS), told);
}

static const char *verdict_word(int64_t element, int64_t told) {
    if (element == 0)
        return told == STOA_ODD_SAID_RIGHT ? "right" : told == STOA_ODD_SAID_WRONG ? "wrong" : NULL;
    if (element == 1)
        return told >= 1 && told <= LOOKS ? stoa_odd_dimension_name((stoa_odd_dimension)(told - 1))
                                          : NULL;
    return value_word((int)element - 2, told);
}

static void describe(const void *c_, stoa_env_spec *spec) {
    static const char *const names[OBJECTS] = {"first", "second", "third", "fourth"};
    const config *c = c_;
    const stoa_odd_scene blank = {0};
    stoa_space *list = spec->observations;
    int *count = &spec->observation_count;
    stoa_odd_figures f;
    int64_t most = c->colors > c->textures ? c->colors : c->textures;
    most = c->shapes > most ? c->shapes : most;
    stoa_space *pictures = stoa_space_add(list, count, "pictures", STOA_SPACE_BOX, STOA_U8,
                                          STOA_SHAPE(OBJECTS, SIDE, SIDE, 3));
    pictures->high = 255;
    stoa_space *told = stoa_space_add(list, count, "properties", STOA_SPACE_CATEGORIES, STOA_U8,
                                      STOA_SHAPE(OBJECTS, LOOKS));
    told->categories = most + 1;
    told->target = true;
    told->word = property_word;
    stoa_space *verdict = stoa_space_add(list, count, "verdict", STOA_SPACE_CATEGORIES, STOA_U8,
                                         STOA_SHAPE(STOA_ODD_VERDICT));
    verdict->categories = most + 1 > LOOKS + 1 ? most + 1 : LOOKS + 1;
    verdict->target = true;
    verdict->word = verdict_word;
    stoa_space *choose = stoa_space_add(spec->actions, &spec->action_count, "choose",
                                        STOA_SPACE_CATEGORIES, STOA_I32, 0, NULL);
    choose->categories = OBJECTS;
    choose->labels = names;
    figure(&f, c, &blank, STOA_ODD_NONE);
    stoa_odd_name_metrics(&f, spec);
    spec->max_steps = 1;
    spec->reward_low = 0;
    spec->reward_high = 1;
    spec->chance = 1.0 / OBJECTS;
    spec->ceiling = 1;
    spec->render_height = SIDE * SCALE;
    spec->render_width = (OBJECTS * (SIDE + GAP) - GAP) * SCALE;
}

/* ---- episodes -------------------------------------------------------------------------------- */

static size_t state_bytes(const void *c, int64_t count) {
    (void)c;
    return (size_t)count * sizeof(choice);
}

static choice *choices_of(const stoa_env *env) {
    return env->state;
}

/* Whether words about this dimension are said of the scene. */
static bool told_of(const config *c, const stoa_odd_scene *s, int d) {
    return c->level == STOA_ODD_BASIC || d == s->concept;
}

/* A value as it is told, counted from 1. */
static uint8_t tell(const config *c, uint8_t value, int d, stoa_rng *rng) {
    const int64_t counts[LOOKS] = {c->colors, c->textures, c->shapes};
    return (uint8_t)(1 + (c->irrelevant ? stoa_rng_below(rng, counts[d]) : value));
}

/* Leaves the last verdict as it is. */
static void begin_episode(const stoa_env *env, int64_t i) {
    const config *c = env->config;
    choice *s = &choices_of(env)[i];
    stoa_rng *rng = &env->rngs[i];
    const stoa_odd_rules rules = {.kind = (stoa_odd_kind)c->level,
                                  .counts = {(int)c->colors, (int)c->textures, (int)c->shapes}};
    int64_t concept = c->concept == ANY ? stoa_rng_below(rng, LOOKS) : c->concept;
    stoa_odd_draw_scene(&s->scene, &rules, (int)concept, rng);
    memset(s->told, 0, sizeof s->told);
    for (int k = 0; k < OBJECTS && c->explanations & PROPERTIES; k++)
        for (int d = 0; d < LOOKS; d++)
            if (told_of(c, &s->scene, d))
                s->told[k][d] = tell(c, s->scene.value[k][d], d, rng);
}

/* Right: which dimension counts and the object's value in it; wrong: the values that others have.
 */
static void judge(const stoa_env *env, int64_t i, int chosen) {
    const config *c = env->config;
    choice *s = &choices_of(env)[i];
    stoa_rng *rng = &env->rngs[i];
    bool right = chosen == s->scene.target;
    memset(s->verdict, 0, sizeof s->verdict);
    if (!(c->explanations & REWARD))
        return;
    if (c->irrelevant)
        right = stoa_rng_below(rng, OBJECTS) == 0;
    s->verdict[0] = right ? STOA_ODD_SAID_RIGHT : STOA_ODD_SAID_WRONG;
    s->verdict[1] = right ? s->scene.concept + 1 : 0;
    for (int d = 0; d < LOOKS; d++)
        if (right ? d == s->scene.concept : told_of(c, &s->scene, d))
            s->verdict[2 + d] = tell(c, s->scene.value[chosen][d], d, rng);
}

static void observe(const stoa_env *env, void *const *observations, int64_t i) {
    const choice *s = &choices_of(env)[i];
    if (observations[0]) {
        stoa_odd_picture *out = (stoa_odd_picture *)observations[0] + i * OBJECTS;
        for (int k = 0; k < OBJECTS; k++)
            stoa_odd_paint(out[k], s->scene.value[k], s->scene.noise[k]);
    }
    if (observations[1])
        memcpy((uint8_t *)observations[1] + i * (int64_t)sizeof s->told, s->told, sizeof s->told);
    if (observations[2])
        memcpy((uint8_t *)observations[2] + i * (int64_t)sizeof s->verdict, s->verdict,
               sizeof s->verdict);
}

static void reset(stoa_env *env, const stoa_env_buffers *b, int64_t begin, int64_t end) {
    memset(choices_of(env) + begin, 0, (size_t)(end - begin) * sizeof(choice));
    for (int64_t i = begin; i < end; i++) {
        begin_episode(env, i);
        observe(env, b->observations, i);
    }
    if (b->events)
        memset(b->events + begin, 0, (size_t)(end - begin));
}

static void step(stoa_env *env, const stoa_env_buffers *b, int64_t begin, int64_t end) {
    const int32_t *actions = b->actions[0];
    for (int64_t i = begin; i < end; i++) {
        stoa_odd_figures f;
        assert(actions[i] >= 0 && actions[i] < OBJECTS);
        figure(&f, env->config, &choices_of(env)[i].scene, actions[i]);
        b->rewards[i] = f.value[0];
        b->terminated[i] = 1;
        b->truncated[i] = 0;
        if (b->metrics)
            memcpy(b->metrics + i * f.count, f.value, (size_t)f.count * sizeof(float));
        judge(env, i, actions[i]);
        observe(env, b->final_observations, i);
        begin_episode(env, i);
        observe(env, b->observations, i);
    }
    if (b->events)
        memset(b->events + begin, 0, (size_t)(end - begin));
}

/* ---- drawing --------------------------------------------------------------------------------- */

static void print_verdict(const choice *s, stoa_buffer *out) {
    const uint8_t *v = s->verdict;
    stoa_buffer_printf(out, "%s",
                       v[0] == STOA_ODD_SAID_RIGHT   ? "the last choice was right:"
                       : v[0] == STOA_ODD_SAID_WRONG ? "the last choice was wrong; others are"
                                                     : "");
    for (int d = 0; d < LOOKS; d++)
        if (v[2 + d])
            stoa_buffer_printf(out, " %s",
                               stoa_odd_value_name((stoa_odd_dimension)d, v[2 + d] - 1));
    stoa_buffer_printf(out, "\n");
}

static void render_text(const stoa_env *env, int64_t i, stoa_buffer *out) {
    const choice *s = &choices_of(env)[i];
    for (int row = 0; row < SIDE; row++)
        for (int k = 0; k < OBJECTS; k++) {
            const uint8_t *value = s->scene.value[k];
            unsigned on = stoa_odd_mask(value[STOA_ODD_TEXTURE], value[STOA_ODD_SHAPE],
                                        s->scene.noise[k], row);
            for (int col = 0; col < SIDE; col++)
                stoa_buffer_printf(out, "%c", on >> col & 1 ? '#' : '.');
            stoa_buffer_printf(out, k + 1 < OBJECTS ? "  " : "\n");
        }
    for (int k = 0; k < OBJECTS; k++) {
        stoa_buffer_printf(out, "%d", k + 1);
        for (int d = 0; d < LOOKS; d++)
            stoa_buffer_printf(out, " %s",
                               stoa_odd_value_name((stoa_odd_dimension)d, s->scene.value[k][d]));
        stoa_buffer_printf(out, "\n");
    }
    print_verdict(s, out);
}

static void render_rgb(const stoa_env *env, int64_t i, uint8_t *pixels) {
    const choice *s = &choices_of(env)[i];
    stoa_odd_picture pictures[OBJECTS];
    for (int k = 0; k < OBJECTS; k++)
        stoa_odd_paint(pictures[k], s->scene.value[k], s->scene.noise[k]);
    for (int y = 0; y < env->spec.render_height; y++)
        for (int x = 0; x < env->spec.render_width; x++, pixels += 3) {
            int object = x / SCALE / (SIDE + GAP), col = x / SCALE % (SIDE + GAP);
            if (col < SIDE)
                memcpy(pixels, &pictures[object][y / SCALE][3 * col], 3);
            else
                memset(pixels, STOA_ODD_SHADE, 3);
        }
}

stoa_odd_choice *stoa_odd_choice_of(stoa_env *env, int64_t i) {
    return &choices_of(env)[i];
}

const stoa_env_class stoa_env_odd_one_out_choice = {
    .name = "odd-one-out-choice",
    .summary = "The odd one of four pictures, chosen at once; words tell why.",
    .config_bytes = sizeof(config),
    .settings = settings,
    .describe = describe,
    .state_bytes = state_bytes,
    .reset = reset,
    .step = step,
    .render_text = render_text,
    .render_rgb = render_rgb,
};
