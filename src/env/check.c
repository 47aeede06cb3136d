/*
 * env/check.c - the interface's laws, tried on one environment with random play.
 *
 * Most laws are about two or more copies of the environment ("sides") that walk in lock step under
 * the same actions: what one of them writes, the other must write too, whatever the batch size, the
 * threads, or what stood in the buffers before. A side's buffers are filled with its own poison
 * before every step, so a byte that a step forgets differs between two sides, and a row that it
 * must not touch still shows the poison.
 *
 * Environments that live elsewhere (class->open) are opened once and get the laws that can hold:
 * their spec, values, flags and lengths.
 */
#include "env/check.h"

#include <math.h>
#include <string.h>

enum {
    ROWS = 67,    /* instances of the widest side: two ranges of threads and an odd rest */
    FEW_ROWS = 37 /* of a middle one */
};

/* ---- laws: the spec and its actions ------------------------------------------------------------
 */

static stoa_status law_spec(stoa_checker *c, stoa_error *err) {
    return stoa_spec_check(&c->spec, err);
}

static stoa_status law_actions(stoa_checker *c, stoa_error *err) {
    for (int a = 0; a < c->spec.action_count; a++) {
        const stoa_space *s = &c->spec.actions[a];
        stoa_rng rng = stoa_rng_stream(6, "check", 0);
        stoa_env_random_actions(c->wide->env, &rng, c->wide->memory.actions);
        if (s->kind == STOA_SPACE_CATEGORIES)
            *(int32_t *)c->wide->memory.actions[a] = (int32_t)s->categories;
        else if (s->dtype == STOA_F32)
            *(float *)c->wide->memory.actions[a] = NAN;
        else
            continue;
        if (stoa_env_check_actions(c->wide->env, &c->wide->memory.buffers, NULL) == STOA_OK)
            return stoa_fail(err, STOA_ERR_FORMAT, "action %s may leave its space", s->name);
    }
    return STOA_OK;
}

/* ---- laws: equal bytes ----------------------------------------------------------------------- */

/* Sides of any sizes from their resets on: sides[0] is the widest and draws the actions. */
static stoa_status lock_step(stoa_side *const *sides, int count, int64_t steps, stoa_error *err) {
    stoa_rng rng = stoa_rng_stream(11, "check", 0);
    for (int k = 0; k < count; k++)
        STOA_TRY(stoa_side_reset(sides[k], err));
    for (int64_t t = 0; t <= steps; t++) {
        for (int k = 1; k < count; k++)
            if (stoa_side_compare(sides[0], sides[k], sides[k]->env->count, t > 0, err) != STOA_OK)
                return stoa_fail_context(err, STOA_ERR_FORMAT, "after step %lld", (long long)t);
        if (t == steps)
            break;
        stoa_env_random_actions(sides[0]->env, &rng, sides[0]->memory.actions);
        for (int k = 1; k < count; k++)
            stoa_side_copy_actions(sides[k], sides[0]);
        for (int k = 0; k < count; k++)
            STOA_TRY(stoa_side_step(sides[k], err));
    }
    return STOA_OK;
}

static stoa_status law_written(stoa_checker *c, stoa_error *err) {
    stoa_side other;
    stoa_status status = stoa_side_open(&other, c, c->count, c->options->seed, 0xFF, err);
    stoa_env_seed(c->wide->env, c->options->seed);
    if (status == STOA_OK)
        status = lock_step((stoa_side *[]){c->wide, &other}, 2, c->steps, err);
    if (status == STOA_OK && stoa_env_hash(c->wide->env) != stoa_env_hash(other.env))
        status = stoa_fail(err, STOA_ERR_FORMAT, "the hashes of two equal states differ");
    stoa_side_close(&other);
    return status;
}

static stoa_status law_batches(stoa_checker *c, stoa_error *err) {
    stoa_side one, few = {0};
    stoa_env_seed(c->wide->env, c->options->seed);
    stoa_status status = stoa_side_open(&one, c, 1, c->options->seed, 0x7F, err);
    if (status == STOA_OK)
        status = stoa_side_open(&few, c, FEW_ROWS, c->options->seed, 0x11, err);
    if (status == STOA_OK)
        status = lock_step((stoa_side *[]){c->wide, &few, &one}, 3, c->steps, err);
    stoa_side_close(&one);
    stoa_side_close(&few);
    return status;
}

static stoa_status law_threads(stoa_checker *c, stoa_error *err) {
    stoa_side threaded;
    stoa_pool *pool = stoa_pool_new(2);
    stoa_env_seed(c->wide->env, c->options->seed);
    stoa_status status = stoa_side_open(&threaded, c, c->count, c->options->seed, 0x5A, err);
    threaded.pool = pool;
    if (!pool)
        status = stoa_fail(err, STOA_ERR_MEMORY, "cannot start threads");
    if (status == STOA_OK)
        threaded.env->grain = 1; /* or the batch is too small for two */
    if (status == STOA_OK)
        status = lock_step((stoa_side *[]){c->wide, &threaded}, 2, c->steps, err);
    stoa_side_close(&threaded);
    stoa_pool_free(pool);
    return status;
}

static stoa_status law_optional(stoa_checker *c, stoa_error *err) {
    stoa_side bare;
    stoa_env_seed(c->wide->env, c->options->seed);
    stoa_status status = stoa_side_open(&bare, c, c->count, c->options->seed, 0x33, err);
    if (status == STOA_OK) {
        stoa_env_buffers *b = &bare.memory.buffers;
        b->metrics = NULL;
        b->events = NULL;
        memset(b->final_observations, 0, sizeof b->final_observations);
        status = lock_step((stoa_side *[]){c->wide, &bare}, 2, c->steps, err);
    }
    stoa_side_close(&bare);
    return status;
}

/* ---- laws: seeds ----------------------------------------------------------------------------- */

/* Gives every row the actions of the first. */
static void level_actions(stoa_side *s) {
    for (int a = 0; a < s->env->spec.action_count; a++) {
        size_t bytes = stoa_space_bytes(&s->env->spec.actions[a]);
        for (int64_t i = 1; i < s->env->count; i++)
            memcpy((char *)s->memory.actions[a] + (size_t)i * bytes, s->memory.actions[a], bytes);
    }
}

static bool rows_differ(const stoa_side *s) {
    for (int o = 0; o < s->env->spec.observation_count; o++) {
        size_t bytes = stoa_space_bytes(&s->env->spec.observations[o]);
        const char *rows = s->memory.buffers.observations[o];
        for (int64_t i = 1; i < s->env->count; i++)
            if (memcmp(rows, rows + (size_t)i * bytes, bytes) != 0)
                return true;
    }
    return false;
}

/* Instances differ by their streams alone, so if equal actions ever lead them apart there is chance
 * in the world, and then another seed must make a difference too. */
static stoa_status law_seeds(stoa_checker *c, stoa_error *err) {
    stoa_side other;
    bool apart = false;
    stoa_rng rng = stoa_rng_stream(7, "check", 0);
    stoa_status status = stoa_side_open(&other, c, c->count, c->options->seed + 1, 0, err);
    stoa_env_seed(c->wide->env, c->options->seed);
    if (status == STOA_OK)
        status = stoa_side_reset(c->wide, err);
    if (status == STOA_OK)
        status = stoa_side_reset(&other, err);
    for (int64_t t = 0; status == STOA_OK && t <= c->steps; t++) {
        c->chance = c->chance || rows_differ(c->wide);
        apart = apart || stoa_side_compare(c->wide, &other, c->count, t > 0, NULL) != STOA_OK;
        if (t == c->steps || apart)
            break;
        stoa_env_random_actions(c->wide->env, &rng, c->wide->memory.actions);
        level_actions(c->wide);
        stoa_side_copy_actions(&other, c->wide);
        status = stoa_side_step(c->wide, err);
        if (status == STOA_OK)
            status = stoa_side_step(&other, err);
    }
    if (status == STOA_OK && c->chance && !apart)
        status = stoa_fail(err, STOA_ERR_FORMAT, "two seeds gave the same world");
    stoa_side_close(&other);
    return status;
}

/* ---- laws: saving ---------------------------------------------------------------------------- */

/* One side goes on; the other is another seed's world with the first's state loaded. */
static stoa_status go_on(stoa_checker *c, stoa_side *other, const void *bytes, stoa_error *err) {
    size_t size = stoa_env_state_bytes(c->wide->env);
    stoa_rng rng = stoa_rng_stream(8, "check", 0);
    if (stoa_env_load(other->env, bytes, size - 1, NULL) == STOA_OK)
        return stoa_fail(err, STOA_ERR_FORMAT, "a state of the wrong size was loaded");
    STOA_TRY(stoa_side_reset(other, err));
    STOA_TRY(stoa_env_load(other->env, bytes, size, err));
    if (stoa_env_hash(other->env) != stoa_env_hash(c->wide->env))
        return stoa_fail(err, STOA_ERR_FORMAT, "the loaded state's hash is another");
    for (int64_t t = 0; t < c->steps; t++) {
        stoa_env_random_actions(c->wide->env, &rng, c->wide->memory.actions);
        stoa_side_copy_actions(other, c->wide);
        uint64_t before = stoa_env_hash(c->wide->env);
        STOA_TRY(stoa_side_step(c->wide, err));
        STOA_TRY(stoa_side_step(other, err));
        if (stoa_side_compare(c->wide, other, c->count, true, err) != STOA_OK)
            return stoa_fail_context(err, STOA_ERR_FORMAT, "%lld steps after loading",
                                     (long long)t + 1);
        if (stoa_env_hash(c->wide->env) == before)
            return stoa_fail(err, STOA_ERR_FORMAT, "a step left the state's hash as it was");
    }
    return STOA_OK;
}

static stoa_status law_saving(stoa_checker *c, stoa_error *err) {
    if (!c->spec.resumable)
        return STOA_OK;
    stoa_side other;
    void *bytes = stoa_alloc(stoa_env_state_bytes(c->wide->env));
    stoa_rng rng = stoa_rng_stream(9, "check", 0);
    stoa_status status = stoa_side_open(&other, c, c->count, c->options->seed + 1, 0xFF, err);
    if (!bytes)
        status = stoa_fail(err, STOA_ERR_MEMORY, "out of memory");
    if (status == STOA_OK)
        status = stoa_side_reset(c->wide, err);
    for (int64_t t = 0; status == STOA_OK && t < c->steps / 3 + 1; t++) { /* amid an episode */
        stoa_env_random_actions(c->wide->env, &rng, c->wide->memory.actions);
        status = stoa_side_step(c->wide, err);
    }
    if (status == STOA_OK)
        status = stoa_env_save(c->wide->env, bytes, err);
    if (status == STOA_OK)
        status = go_on(c, &other, bytes, err);
    stoa_side_close(&other);
    stoa_free(bytes);
    return status;
}

/* ---- laws: pictures and chance --------------------------------------------------------------- */

static stoa_status law_drawing(stoa_checker *c, stoa_error *err) {
    const stoa_env *env = c->wide->env;
    stoa_buffer text = {0};
    bool drawn = stoa_env_render_text(env, c->count - 1, &text);
    bool empty = drawn && text.len == 0;
    stoa_buffer_deinit(&text);
    if (empty)
        return stoa_fail(err, STOA_ERR_FORMAT, "the text drawing is empty");
    size_t size = (size_t)c->spec.render_height * (size_t)c->spec.render_width * 3;
    if (!size)
        return STOA_OK;
    uint8_t *first = stoa_alloc(size), *second = stoa_alloc(size);
    stoa_status status = STOA_OK;
    if (!first || !second) {
        status = stoa_fail(err, STOA_ERR_MEMORY, "out of memory");
    } else {
        memset(first, 0, size);
        memset(second, 0xFF, size);
        if (!stoa_env_render_rgb(env, 0, first) || !stoa_env_render_rgb(env, 0, second))
            status = stoa_fail(err, STOA_ERR_FORMAT, "pictures are promised but not drawn");
        else if (memcmp(first, second, size) != 0)
            status = stoa_fail(err, STOA_ERR_FORMAT, "a picture leaves pixels out");
    }
    stoa_free(first);
    stoa_free(second);
    return status;
}

/* Five standard errors, and half a hundredth for a figure written rounded. */
static stoa_status law_chance(stoa_checker *c, stoa_error *err) {
    if (isnan(c->spec.chance) || c->measured < 32)
        return STOA_OK;
    if (fabs(c->mean - c->spec.chance) > 5 * c->deviation + 0.005)
        return stoa_fail(err, STOA_ERR_FORMAT,
                         "random play gave %s %.4g in %lld episodes; the spec says %.4g",
                         c->spec.metrics[0], c->mean, (long long)c->measured, c->spec.chance);
    return STOA_OK;
}

/* ---- all of them ----------------------------------------------------------------------------- */

static const struct law {
    const char *name;
    bool elsewhere; /* can hold of an environment that lives elsewhere */
    stoa_status (*holds)(stoa_checker *c, stoa_error *err);
} laws[] = {
    {"the spec is well formed", true, law_spec},
    {"values lie in their spaces, episodes end in time and begin anew", true, stoa_law_values},
    {"actions outside their spaces are refused", true, law_actions},
    {"equal seeds and actions write equal bytes, all of them", false, law_written},
    {"the size of the batch changes nothing", false, law_batches},
    {"threads change nothing", false, law_threads},
    {"leaving out optional buffers changes nothing", false, law_optional},
    {"another seed makes another world, where there is chance", false, law_seeds},
    {"a saved state goes on as if never interrupted", false, law_saving},
    {"drawings are whole", true, law_drawing},
    {"random play scores what the spec says", true, law_chance},
};

static stoa_status run(stoa_checker *c, stoa_buffer *report, stoa_error *err) {
    for (size_t i = 0; i < sizeof laws / sizeof *laws; i++) {
        bool skipped = c->elsewhere && !laws[i].elsewhere;
        stoa_status status = skipped ? STOA_OK : laws[i].holds(c, err);
        if (report)
            stoa_buffer_printf(report, "%-7s %s\n",
                               skipped             ? "skipped"
                               : status == STOA_OK ? "holds"
                                                   : "BROKEN",
                               laws[i].name);
        if (status != STOA_OK)
            return stoa_fail_context(err, status, "environment %s, law '%s'", c->spec.name,
                                     laws[i].name);
    }
    if (report)
        stoa_buffer_printf(report, "%lld episodes%s\n", (long long)c->episodes,
                           c->elsewhere ? ""
                           : c->chance  ? ", a world of chance"
                                        : ", no chance");
    if (report && c->measured >= 2 && c->spec.metric_count)
        stoa_buffer_printf(report, "random play: %s %.4g (standard error %.2g)\n",
                           c->spec.metrics[0], c->mean, c->deviation);
    return STOA_OK;
}

stoa_status stoa_env_check_class(const stoa_env_class *class_, const stoa_env_options *options,
                                 int64_t steps, stoa_buffer *report, stoa_error *err) {
    stoa_side wide;
    stoa_checker c = {.class_ = class_, .options = options, .steps = steps, .wide = &wide};
    c.elsewhere = class_->open != NULL;
    c.count = c.elsewhere ? options->count : ROWS;
    stoa_status status = stoa_side_open(&wide, &c, c.count, options->seed, 0, err);
    if (status == STOA_OK) {
        c.spec = wide.env->spec;
        status = run(&c, report, err);
    }
    stoa_side_close(&wide);
    return status;
}

stoa_status stoa_env_check(const stoa_env_options *options, int64_t steps, stoa_buffer *report,
                           stoa_error *err) {
    const stoa_env_class *class_ = stoa_env_class_find(options->name, err);
    return class_ ? stoa_env_check_class(class_, options, steps, report, err) : STOA_ERR_USAGE;
}
