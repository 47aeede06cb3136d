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
    ROWS = 67,      /* instances of the widest side: two ranges of threads and an odd rest */
    FEW_ROWS = 37,  /* of a middle one */
    EPISODES = 16,  /* episodes an instance that chance is measured on */
    BEGINNINGS = 32 /* resets that first observations are compared with */
};

typedef struct side {
    stoa_env *env;
    stoa_env_memory memory;
    stoa_pool *pool; /* borrowed, nullable */
    uint8_t poison;
} side;

typedef struct checker {
    const stoa_env_class *class_;
    const stoa_env_options *options;
    stoa_env_spec spec;
    int64_t steps, count; /* count: instances of the widest side */
    bool elsewhere;
    side *wide;       /* an open side of `count` instances, for every law to use from a reset on */
    bool chance;      /* whether instances under equal actions ever differed */
    int64_t episodes; /* seen by the play law */
    double mean, deviation; /* of the first metric: mean over episodes, and of that mean */
    int64_t measured;       /* episodes behind them */
    float *lows, *highs;    /* of every element of a first observation, all spaces in a row */
} checker;

/* ---- sides ----------------------------------------------------------------------------------- */

static stoa_status side_open(side *s, const checker *c, int64_t count, uint64_t seed,
                             uint8_t poison, stoa_error *err) {
    stoa_env_options options = *c->options;
    options.count = count;
    options.seed = seed;
    *s = (side){.poison = poison};
    STOA_TRY(stoa_env_new_of(&s->env, c->class_, &options, err));
    return stoa_env_memory_init(&s->memory, s->env, err);
}

static void side_close(side *s) {
    stoa_env_memory_deinit(&s->memory);
    stoa_env_free(s->env);
    *s = (side){0};
}

static void poison(side *s) {
    const stoa_env_spec *spec = &s->env->spec;
    stoa_env_buffers *b = &s->memory.buffers;
    size_t n = (size_t)s->env->count;
    for (int o = 0; o < spec->observation_count; o++) {
        size_t bytes = n * stoa_space_bytes(&spec->observations[o]);
        memset(b->observations[o], s->poison, bytes);
        if (b->final_observations[o])
            memset(b->final_observations[o], s->poison, bytes);
    }
    memset(b->rewards, s->poison, n * sizeof(float));
    memset(b->terminated, s->poison, n);
    memset(b->truncated, s->poison, n);
    if (b->metrics)
        memset(b->metrics, s->poison, n * (size_t)spec->metric_count * sizeof(float));
    if (b->events)
        memset(b->events, s->poison, n);
}

static stoa_status side_reset(side *s, stoa_error *err) {
    poison(s);
    return stoa_env_reset(s->env, s->pool, &s->memory.buffers, err);
}

static stoa_status side_step(side *s, stoa_error *err) {
    poison(s);
    return stoa_env_step(s->env, s->pool, &s->memory.buffers, err);
}

static bool ended(const side *s, int64_t i) {
    return s->memory.buffers.terminated[i] || s->memory.buffers.truncated[i];
}

/* The first rows' actions of one side become another's. */
static void copy_actions(side *to, const side *from) {
    const stoa_env_spec *spec = &to->env->spec;
    for (int a = 0; a < spec->action_count; a++)
        memcpy(to->memory.actions[a], from->memory.actions[a],
               (size_t)to->env->count * stoa_space_bytes(&spec->actions[a]));
}

/* ---- comparing ------------------------------------------------------------------------------- */

static stoa_status differ(const char *what, int64_t row, stoa_error *err) {
    return stoa_fail(err, STOA_ERR_FORMAT, "%s of instance %lld", what, (long long)row);
}

static bool same(const void *a, const void *b, int64_t row, size_t bytes) {
    size_t at = (size_t)row * bytes;
    return memcmp((const char *)a + at, (const char *)b + at, bytes) == 0;
}

/* Every byte that a reset (stepped: a step) writes into these rows. */
static stoa_status compare(const side *a, const side *b, int64_t rows, bool stepped,
                           stoa_error *err) {
    const stoa_env_spec *spec = &a->env->spec;
    const stoa_env_buffers *p = &a->memory.buffers, *q = &b->memory.buffers;
    size_t metrics = (size_t)spec->metric_count * sizeof(float);
    for (int64_t i = 0; i < rows; i++) {
        for (int o = 0; o < spec->observation_count; o++)
            if (!same(p->observations[o], q->observations[o], i,
                      stoa_space_bytes(&spec->observations[o])))
                return differ(spec->observations[o].name, i, err);
        if (p->events && q->events && p->events[i] != q->events[i])
            return differ("events", i, err);
        if (!stepped)
            continue;
        if (!same(p->rewards, q->rewards, i, sizeof(float)))
            return differ("rewards", i, err);
        if (p->terminated[i] != q->terminated[i] || p->truncated[i] != q->truncated[i])
            return differ("flags", i, err);
        if (!ended(a, i))
            continue;
        for (int o = 0; o < spec->observation_count; o++)
            if (p->final_observations[o] && q->final_observations[o] &&
                !same(p->final_observations[o], q->final_observations[o], i,
                      stoa_space_bytes(&spec->observations[o])))
                return differ("final_observations", i, err);
        if (p->metrics && q->metrics && !same(p->metrics, q->metrics, i, metrics))
            return differ("metrics", i, err);
    }
    return STOA_OK;
}

/* Sides of any sizes from their resets on: sides[0] is the widest and draws the actions. */
static stoa_status lock_step(side *const *sides, int count, int64_t steps, stoa_error *err) {
    stoa_rng rng = stoa_rng_stream(11, "check", 0);
    for (int k = 0; k < count; k++)
        STOA_TRY(side_reset(sides[k], err));
    for (int64_t t = 0; t <= steps; t++) {
        for (int k = 1; k < count; k++)
            if (compare(sides[0], sides[k], sides[k]->env->count, t > 0, err) != STOA_OK)
                return stoa_fail_context(err, STOA_ERR_FORMAT, "after step %lld", (long long)t);
        if (t == steps)
            break;
        stoa_env_random_actions(sides[0]->env, &rng, sides[0]->memory.actions);
        for (int k = 1; k < count; k++)
            copy_actions(sides[k], sides[0]);
        for (int k = 0; k < count; k++)
            STOA_TRY(side_step(sides[k], err));
    }
    return STOA_OK;
}

/* ---- laws: values ---------------------------------------------------------------------------- */

static stoa_status law_spec(checker *c, stoa_error *err) {
    return stoa_spec_check(&c->spec, err);
}

static stoa_status check_observations(const checker *c, side *s, stoa_error *err) {
    for (int o = 0; o < c->spec.observation_count; o++)
        STOA_TRY(stoa_space_check_values(&c->spec.observations[o],
                                         s->memory.buffers.observations[o], s->env->count, err));
    return STOA_OK;
}

/* Value of element e of a space's array; text and images count as bytes. */
static float element(const stoa_space *s, const void *values, int64_t e) {
    return s->dtype == STOA_F32   ? ((const float *)values)[e]
           : s->dtype == STOA_I32 ? (float)((const int32_t *)values)[e]
                                  : (float)((const uint8_t *)values)[e];
}

static int64_t elements(const stoa_env_spec *spec) {
    int64_t n = 0;
    for (int o = 0; o < spec->observation_count; o++)
        n += stoa_space_numel(&spec->observations[o]);
    return n;
}

/* What first observations look like: the range of each element over many resets. */
static stoa_status learn_beginnings(checker *c, stoa_error *err) {
    int64_t total = elements(&c->spec);
    for (int64_t e = 0; e < total; e++) {
        c->lows[e] = INFINITY;
        c->highs[e] = -INFINITY;
    }
    for (int k = 0; k < BEGINNINGS; k++) {
        STOA_TRY(side_reset(c->wide, err));
        STOA_TRY(check_observations(c, c->wide, err));
        int64_t at = 0;
        for (int o = 0; o < c->spec.observation_count; o++) {
            const stoa_space *s = &c->spec.observations[o];
            int64_t per = stoa_space_numel(s);
            for (int64_t e = 0; e < per * c->count; e++) {
                float v = element(s, c->wide->memory.buffers.observations[o], e);
                float *low = &c->lows[at + e % per], *high = &c->highs[at + e % per];
                *low = v < *low ? v : *low;
                *high = v > *high ? v : *high;
            }
            at += per;
        }
    }
    return STOA_OK;
}

/* Whether row i could be a first observation: every element within what resets showed, and as much
 * again to either side. */
static bool like_a_beginning(const checker *c, const side *s, int64_t i) {
    int64_t at = 0;
    for (int o = 0; o < c->spec.observation_count; o++) {
        const stoa_space *space = &c->spec.observations[o];
        int64_t per = stoa_space_numel(space);
        for (int64_t e = 0; e < per; e++) {
            float v = element(space, s->memory.buffers.observations[o], i * per + e);
            float low = c->lows[at + e], high = c->highs[at + e], margin = high - low;
            if (v < low - margin || v > high + margin)
                return false;
        }
        at += per;
    }
    return true;
}

static stoa_status check_flags(const checker *c, const side *s, int64_t i, stoa_error *err) {
    const stoa_env_buffers *b = &s->memory.buffers;
    if (b->terminated[i] > 1 || b->truncated[i] > 1)
        return stoa_fail(err, STOA_ERR_FORMAT, "a flag of instance %lld is neither 0 nor 1",
                         (long long)i);
    double reward = (double)b->rewards[i];
    if (!(reward >= c->spec.reward_low && reward <= c->spec.reward_high))
        return stoa_fail(err, STOA_ERR_FORMAT, "reward %g of instance %lld; %g to %g was promised",
                         reward, (long long)i, c->spec.reward_low, c->spec.reward_high);
    if (b->events[i] > c->spec.event_count)
        return stoa_fail(err, STOA_ERR_FORMAT, "event %d of instance %lld; there are %d",
                         b->events[i], (long long)i, c->spec.event_count);
    return STOA_OK;
}

static bool all_poison(const void *array, int64_t row, size_t bytes, uint8_t value) {
    const uint8_t *at = (const uint8_t *)array + (size_t)row * bytes;
    for (size_t i = 0; i < bytes; i++)
        if (at[i] != value)
            return false;
    return true;
}

/* What only an ended episode writes. */
static stoa_status check_ending(const checker *c, const side *s, int64_t i, stoa_error *err) {
    const stoa_env_buffers *b = &s->memory.buffers;
    size_t metrics = (size_t)c->spec.metric_count * sizeof(float);
    for (int o = 0; o < c->spec.observation_count; o++) {
        const stoa_space *space = &c->spec.observations[o];
        size_t bytes = stoa_space_bytes(space);
        const char *row = (const char *)b->final_observations[o] + (size_t)i * bytes;
        if (ended(s, i))
            STOA_TRY(stoa_space_check_values(space, row, 1, err));
        else if (!all_poison(b->final_observations[o], i, bytes, s->poison))
            return stoa_fail(err, STOA_ERR_FORMAT,
                             "final_observations of instance %lld written, though its episode goes "
                             "on",
                             (long long)i);
    }
    if (!ended(s, i) && !all_poison(b->metrics, i, metrics, s->poison))
        return stoa_fail(err, STOA_ERR_FORMAT,
                         "metrics of instance %lld written, though its episode goes on",
                         (long long)i);
    for (int m = 0; ended(s, i) && m < c->spec.metric_count; m++)
        if (!isfinite(b->metrics[i * c->spec.metric_count + m]))
            return stoa_fail(err, STOA_ERR_FORMAT, "metric %s of instance %lld is not a number",
                             c->spec.metrics[m], (long long)i);
    return STOA_OK;
}

/* What play leaves behind, one entry an instance. */
typedef struct history {
    int64_t *length, *episodes;
    float *scores; /* (count, EPISODES): first metric of the first episodes */
} history;

/* The first m episodes of every instance, m as many as all have ended: taking whatever ended would
 * count short episodes too often. */
static void measure_chance(checker *c, const history *h) {
    int64_t m = EPISODES;
    for (int64_t i = 0; i < c->count; i++)
        m = h->episodes[i] < m ? h->episodes[i] : m;
    double sum = 0, squares = 0, n = (double)(m * c->count);
    c->measured = m * c->count;
    if (c->measured < 2 || c->spec.metric_count == 0)
        return;
    for (int64_t i = 0; i < c->count; i++)
        for (int64_t k = 0; k < m; k++) {
            double score = (double)h->scores[i * EPISODES + k];
            sum += score;
            squares += score * score;
        }
    c->mean = sum / n;
    double variance = (squares - sum * c->mean) / (n - 1);
    c->deviation = sqrt((variance > 0 ? variance : 0) / n);
}

static stoa_status end_episode(checker *c, history *h, int64_t i, int64_t *strange,
                               stoa_error *err) {
    const side *s = c->wide;
    if (c->spec.max_steps && h->length[i] > c->spec.max_steps)
        return stoa_fail(err, STOA_ERR_FORMAT,
                         "an episode of instance %lld took %lld steps; %lld are the most",
                         (long long)i, (long long)h->length[i], (long long)c->spec.max_steps);
    if (!ended(s, i))
        return STOA_OK;
    if (h->episodes[i] < EPISODES && c->spec.metric_count)
        h->scores[i * EPISODES + h->episodes[i]] =
            s->memory.buffers.metrics[i * c->spec.metric_count];
    h->episodes[i]++;
    h->length[i] = 0;
    c->episodes++;
    *strange += !like_a_beginning(c, s, i);
    return STOA_OK;
}

static stoa_status play(checker *c, history *h, stoa_error *err) {
    stoa_rng rng = stoa_rng_stream(5, "check", 0);
    int64_t strange = 0;
    side *s = c->wide;
    STOA_TRY(learn_beginnings(c, err));
    for (int64_t t = 0; t < c->steps; t++) {
        stoa_env_random_actions(s->env, &rng, s->memory.actions);
        STOA_TRY(stoa_env_check_actions(s->env, &s->memory.buffers, err));
        STOA_TRY(side_step(s, err));
        STOA_TRY(check_observations(c, s, err));
        for (int64_t i = 0; i < c->count; i++) {
            h->length[i]++;
            STOA_TRY(check_flags(c, s, i, err));
            STOA_TRY(check_ending(c, s, i, err));
            STOA_TRY(end_episode(c, h, i, &strange, err));
        }
    }
    measure_chance(c, h);
    /* one in ten: some beginnings may be rarer than the resets looked at */
    if (strange * 10 > c->episodes)
        return stoa_fail(err, STOA_ERR_FORMAT,
                         "after %lld of %lld episodes the observation is none that a reset gives",
                         (long long)strange, (long long)c->episodes);
    return STOA_OK;
}

static stoa_status law_values(checker *c, stoa_error *err) {
    size_t n = (size_t)c->count;
    history h = {stoa_alloc(n * sizeof(int64_t)), stoa_alloc(n * sizeof(int64_t)),
                 stoa_alloc(n * EPISODES * sizeof(float))};
    c->lows = stoa_alloc((size_t)elements(&c->spec) * sizeof(float));
    c->highs = stoa_alloc((size_t)elements(&c->spec) * sizeof(float));
    stoa_status status = STOA_OK;
    if (!h.length || !h.episodes || !h.scores || !c->lows || !c->highs)
        status = stoa_fail(err, STOA_ERR_MEMORY, "out of memory");
    if (status == STOA_OK)
        status = play(c, &h, err);
    stoa_free(h.length);
    stoa_free(h.episodes);
    stoa_free(h.scores);
    stoa_free(c->lows);
    stoa_free(c->highs);
    return status;
}

static stoa_status law_actions(checker *c, stoa_error *err) {
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

static stoa_status law_written(checker *c, stoa_error *err) {
    side other;
    stoa_status status = side_open(&other, c, c->count, c->options->seed, 0xFF, err);
    stoa_env_seed(c->wide->env, c->options->seed);
    if (status == STOA_OK)
        status = lock_step((side *[]){c->wide, &other}, 2, c->steps, err);
    if (status == STOA_OK && stoa_env_hash(c->wide->env) != stoa_env_hash(other.env))
        status = stoa_fail(err, STOA_ERR_FORMAT, "the hashes of two equal states differ");
    side_close(&other);
    return status;
}

static stoa_status law_batches(checker *c, stoa_error *err) {
    side one, few = {0};
    stoa_env_seed(c->wide->env, c->options->seed);
    stoa_status status = side_open(&one, c, 1, c->options->seed, 0x7F, err);
    if (status == STOA_OK)
        status = side_open(&few, c, FEW_ROWS, c->options->seed, 0x11, err);
    if (status == STOA_OK)
        status = lock_step((side *[]){c->wide, &few, &one}, 3, c->steps, err);
    side_close(&one);
    side_close(&few);
    return status;
}

static stoa_status law_threads(checker *c, stoa_error *err) {
    side threaded;
    stoa_pool *pool = stoa_pool_new(2);
    stoa_env_seed(c->wide->env, c->options->seed);
    stoa_status status = side_open(&threaded, c, c->count, c->options->seed, 0x5A, err);
    threaded.pool = pool;
    if (!pool)
        status = stoa_fail(err, STOA_ERR_MEMORY, "cannot start threads");
    if (status == STOA_OK)
        threaded.env->grain = 1; /* or the batch is too small for two */
    if (status == STOA_OK)
        status = lock_step((side *[]){c->wide, &threaded}, 2, c->steps, err);
    side_close(&threaded);
    stoa_pool_free(pool);
    return status;
}

static stoa_status law_optional(checker *c, stoa_error *err) {
    side bare;
    stoa_env_seed(c->wide->env, c->options->seed);
    stoa_status status = side_open(&bare, c, c->count, c->options->seed, 0x33, err);
    if (status == STOA_OK) {
        stoa_env_buffers *b = &bare.memory.buffers;
        b->metrics = NULL;
        b->events = NULL;
        memset(b->final_observations, 0, sizeof b->final_observations);
        status = lock_step((side *[]){c->wide, &bare}, 2, c->steps, err);
    }
    side_close(&bare);
    return status;
}

/* ---- laws: seeds ----------------------------------------------------------------------------- */

/* Gives every row the actions of the first. */
static void level_actions(side *s) {
    for (int a = 0; a < s->env->spec.action_count; a++) {
        size_t bytes = stoa_space_bytes(&s->env->spec.actions[a]);
        for (int64_t i = 1; i < s->env->count; i++)
            memcpy((char *)s->memory.actions[a] + (size_t)i * bytes, s->memory.actions[a], bytes);
    }
}

static bool rows_differ(const side *s) {
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
static stoa_status law_seeds(checker *c, stoa_error *err) {
    side other;
    bool apart = false;
    stoa_rng rng = stoa_rng_stream(7, "check", 0);
    stoa_status status = side_open(&other, c, c->count, c->options->seed + 1, 0, err);
    stoa_env_seed(c->wide->env, c->options->seed);
    if (status == STOA_OK)
        status = side_reset(c->wide, err);
    if (status == STOA_OK)
        status = side_reset(&other, err);
    for (int64_t t = 0; status == STOA_OK && t <= c->steps; t++) {
        c->chance = c->chance || rows_differ(c->wide);
        apart = apart || compare(c->wide, &other, c->count, t > 0, NULL) != STOA_OK;
        if (t == c->steps || apart)
            break;
        stoa_env_random_actions(c->wide->env, &rng, c->wide->memory.actions);
        level_actions(c->wide);
        copy_actions(&other, c->wide);
        status = side_step(c->wide, err);
        if (status == STOA_OK)
            status = side_step(&other, err);
    }
    if (status == STOA_OK && c->chance && !apart)
        status = stoa_fail(err, STOA_ERR_FORMAT, "two seeds gave the same world");
    side_close(&other);
    return status;
}

/* ---- laws: saving ---------------------------------------------------------------------------- */

/* One side goes on; the other is another seed's world with the first's state loaded. */
static stoa_status go_on(checker *c, side *other, const void *bytes, stoa_error *err) {
    size_t size = stoa_env_state_bytes(c->wide->env);
    stoa_rng rng = stoa_rng_stream(8, "check", 0);
    if (stoa_env_load(other->env, bytes, size - 1, NULL) == STOA_OK)
        return stoa_fail(err, STOA_ERR_FORMAT, "a state of the wrong size was loaded");
    STOA_TRY(side_reset(other, err));
    STOA_TRY(stoa_env_load(other->env, bytes, size, err));
    if (stoa_env_hash(other->env) != stoa_env_hash(c->wide->env))
        return stoa_fail(err, STOA_ERR_FORMAT, "the loaded state's hash is another");
    for (int64_t t = 0; t < c->steps; t++) {
        stoa_env_random_actions(c->wide->env, &rng, c->wide->memory.actions);
        copy_actions(other, c->wide);
        uint64_t before = stoa_env_hash(c->wide->env);
        STOA_TRY(side_step(c->wide, err));
        STOA_TRY(side_step(other, err));
        if (compare(c->wide, other, c->count, true, err) != STOA_OK)
            return stoa_fail_context(err, STOA_ERR_FORMAT, "%lld steps after loading",
                                     (long long)t + 1);
        if (stoa_env_hash(c->wide->env) == before)
            return stoa_fail(err, STOA_ERR_FORMAT, "a step left the state's hash as it was");
    }
    return STOA_OK;
}

static stoa_status law_saving(checker *c, stoa_error *err) {
    if (!c->spec.resumable)
        return STOA_OK;
    side other;
    void *bytes = stoa_alloc(stoa_env_state_bytes(c->wide->env));
    stoa_rng rng = stoa_rng_stream(9, "check", 0);
    stoa_status status = side_open(&other, c, c->count, c->options->seed + 1, 0xFF, err);
    if (!bytes)
        status = stoa_fail(err, STOA_ERR_MEMORY, "out of memory");
    if (status == STOA_OK)
        status = side_reset(c->wide, err);
    for (int64_t t = 0; status == STOA_OK && t < c->steps / 3 + 1; t++) { /* amid an episode */
        stoa_env_random_actions(c->wide->env, &rng, c->wide->memory.actions);
        status = side_step(c->wide, err);
    }
    if (status == STOA_OK)
        status = stoa_env_save(c->wide->env, bytes, err);
    if (status == STOA_OK)
        status = go_on(c, &other, bytes, err);
    side_close(&other);
    stoa_free(bytes);
    return status;
}

/* ---- laws: pictures and chance --------------------------------------------------------------- */

static stoa_status law_drawing(checker *c, stoa_error *err) {
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
static stoa_status law_chance(checker *c, stoa_error *err) {
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
    stoa_status (*holds)(checker *c, stoa_error *err);
} laws[] = {
    {"the spec is well formed", true, law_spec},
    {"values lie in their spaces, episodes end in time and begin anew", true, law_values},
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

static stoa_status run(checker *c, stoa_buffer *report, stoa_error *err) {
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
    side wide;
    checker c = {.class_ = class_, .options = options, .steps = steps, .wide = &wide};
    c.elsewhere = class_->open != NULL;
    c.count = c.elsewhere ? options->count : ROWS;
    stoa_status status = side_open(&wide, &c, c.count, options->seed, 0, err);
    if (status == STOA_OK) {
        c.spec = wide.env->spec;
        status = run(&c, report, err);
    }
    side_close(&wide);
    return status;
}

stoa_status stoa_env_check(const stoa_env_options *options, int64_t steps, stoa_buffer *report,
                           stoa_error *err) {
    const stoa_env_class *class_ = stoa_env_class_find(options->name, err);
    return class_ ? stoa_env_check_class(class_, options, steps, report, err) : STOA_ERR_USAGE;
}
