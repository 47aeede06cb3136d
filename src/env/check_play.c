/*
 * env/check_play.c - the law that takes one look at every value: many random steps in which
 * observations, rewards, flags, events and metrics must be what the spec promises, episodes must
 * end in time, and what follows must look like a beginning. Measures chance on the way.
 */
#include <math.h>
#include <string.h>

#include "env/check.h"

enum {
    EPISODES = 16,  /* episodes an instance that chance is measured on */
    BEGINNINGS = 32 /* resets that first observations are compared with */
};

static stoa_status check_observations(const stoa_checker *c, stoa_side *s, stoa_error *err) {
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
static stoa_status learn_beginnings(stoa_checker *c, stoa_error *err) {
    int64_t total = elements(&c->spec);
    for (int64_t e = 0; e < total; e++) {
        c->lows[e] = INFINITY;
        c->highs[e] = -INFINITY;
    }
    for (int k = 0; k < BEGINNINGS; k++) {
        STOA_TRY(stoa_side_reset(c->wide, err));
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
 * again to either side. Targets may tell of the step before. */
static bool like_a_beginning(const stoa_checker *c, const stoa_side *s, int64_t i) {
    int64_t at = 0;
    for (int o = 0; o < c->spec.observation_count; o++) {
        const stoa_space *space = &c->spec.observations[o];
        int64_t per = stoa_space_numel(space);
        for (int64_t e = 0; e < per; e++) {
            float v = element(space, s->memory.buffers.observations[o], i * per + e);
            float low = c->lows[at + e], high = c->highs[at + e], margin = high - low;
            if (!space->target && (v < low - margin || v > high + margin))
                return false;
        }
        at += per;
    }
    return true;
}

static stoa_status check_flags(const stoa_checker *c, const stoa_side *s, int64_t i,
                               stoa_error *err) {
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
static stoa_status check_ending(const stoa_checker *c, const stoa_side *s, int64_t i,
                                stoa_error *err) {
    const stoa_env_buffers *b = &s->memory.buffers;
    size_t metrics = (size_t)c->spec.metric_count * sizeof(float);
    for (int o = 0; o < c->spec.observation_count; o++) {
        const stoa_space *space = &c->spec.observations[o];
        size_t bytes = stoa_space_bytes(space);
        const char *row = (const char *)b->final_observations[o] + (size_t)i * bytes;
        if (stoa_side_ended(s, i))
            STOA_TRY(stoa_space_check_values(space, row, 1, err));
        else if (!all_poison(b->final_observations[o], i, bytes, s->poison))
            return stoa_fail(err, STOA_ERR_FORMAT,
                             "final_observations of instance %lld written, though its episode goes "
                             "on",
                             (long long)i);
    }
    if (!stoa_side_ended(s, i) && !all_poison(b->metrics, i, metrics, s->poison))
        return stoa_fail(err, STOA_ERR_FORMAT,
                         "metrics of instance %lld written, though its episode goes on",
                         (long long)i);
    for (int m = 0; stoa_side_ended(s, i) && m < c->spec.metric_count; m++)
        if (isinf(b->metrics[i * c->spec.metric_count + m]) ||
            (m == 0 && isnan(b->metrics[i * c->spec.metric_count])))
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
static void measure_chance(stoa_checker *c, const history *h) {
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

static stoa_status end_episode(stoa_checker *c, history *h, int64_t i, int64_t *strange,
                               stoa_error *err) {
    const stoa_side *s = c->wide;
    if (c->spec.max_steps && h->length[i] > c->spec.max_steps)
        return stoa_fail(err, STOA_ERR_FORMAT,
                         "an episode of instance %lld took %lld steps; %lld are the most",
                         (long long)i, (long long)h->length[i], (long long)c->spec.max_steps);
    if (!stoa_side_ended(s, i))
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

static stoa_status play(stoa_checker *c, history *h, stoa_error *err) {
    stoa_rng rng = stoa_rng_stream(5, "check", 0);
    int64_t strange = 0;
    stoa_side *s = c->wide;
    STOA_TRY(learn_beginnings(c, err));
    for (int64_t t = 0; t < c->steps; t++) {
        stoa_env_random_actions(s->env, &rng, s->memory.actions);
        STOA_TRY(stoa_env_check_actions(s->env, &s->memory.buffers, err));
        STOA_TRY(stoa_side_step(s, err));
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

stoa_status stoa_law_values(stoa_checker *c, stoa_error *err) {
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
