/*
 * train/act.c - one step of a policy: forward, then an action for every instance.
 *
 * An instance takes its random words, one a category and two a number, from the Philox blocks of
 * (step, instance), so neither the number of threads nor that of instances changes what it draws.
 */
#include <math.h>
#include <string.h>

#include "train/agent.h"

enum { GRAIN = 64, WORDS = 4 };

stoa_draw stoa_draw_of(uint64_t seed, const char *name, bool greedy) {
    stoa_rng rng = stoa_rng_stream(seed, name, 0);
    return (stoa_draw){.key = {rng.key[0], rng.key[1]}, .greedy = greedy};
}

typedef struct job {
    const stoa_draw *draw;
    const stoa_env_spec *spec;
    const stoa_agent_output *out;
    void *const *actions;
    float *log_probs; /* nullable */
    uint64_t blocks;  /* of random words a step */
} job;

/* The random words of one instance in one step. */
typedef struct words {
    const stoa_draw *draw;
    uint64_t stream, position;
    uint32_t block[WORDS];
    int used;
} words;

/* In [0, 1). */
static float next_point(words *w) {
    if (w->used == WORDS) {
        stoa_philox(w->draw->key, w->stream, w->position++, w->block);
        w->used = 0;
    }
    return (float)(w->block[w->used++] >> 8) * 0x1p-24f;
}

static int64_t largest(const float *logits, int64_t n) {
    int64_t best = 0;
    for (int64_t i = 1; i < n; i++)
        if (logits[i] > logits[best])
            best = i;
    return best;
}

/* The category whose share of the distribution holds a random point; adds log of its probability.
 */
static int32_t pick(words *w, const float *logits, int64_t n, float *log_prob) {
    int64_t choice = largest(logits, n);
    float most = logits[choice], sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += expf(logits[i] - most);
    float left = next_point(w) * sum;
    for (int64_t i = 0; !w->draw->greedy && i < n; i++) {
        left -= expf(logits[i] - most);
        if (left < 0) { /* rounding at the very end: the largest */
            choice = i;
            break;
        }
    }
    *log_prob += logits[choice] - most - logf(sum);
    return (int32_t)choice;
}

/* A number near mean, brought into the box; its density counts where it ended up. */
static float place(words *w, const stoa_space *space, float mean, float log_std, float *log_prob) {
    float radius = sqrtf(-2 * logf(1 - next_point(w))), turn = 6.2831853f * next_point(w);
    float noise = w->draw->greedy ? 0 : radius * cosf(turn);
    float x = mean + expf(log_std) * noise;
    x = fminf(fmaxf(x, (float)space->low), (float)space->high);
    float z = (x - mean) * expf(-log_std);
    *log_prob -= 0.5f * z * z + log_std + 0.9189385f;
    return x;
}

static void pick_range(void *arg, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const job *j = arg;
    for (int64_t b = begin; b < end; b++) {
        words w = {j->draw, j->draw->first + (uint64_t)b, j->draw->step * j->blocks, {0}, WORDS};
        float log_prob = 0;
        for (int a = 0; a < j->spec->action_count; a++) {
            const stoa_space *space = &j->spec->actions[a];
            int64_t n = stoa_space_numel(space), c = space->categories;
            const float *logits = j->out->logits[a]->data; // (1, B, E * C) or (1, B, 2 * E)
            for (int64_t e = 0; e < n; e++)
                if (space->kind == STOA_SPACE_CATEGORIES)
                    ((int32_t *)j->actions[a])[b * n + e] =
                        pick(&w, logits + (b * n + e) * c, c, &log_prob);
                else
                    ((float *)j->actions[a])[b * n + e] = place(
                        &w, space, logits[2 * b * n + e], logits[(2 * b + 1) * n + e], &log_prob);
        }
        if (j->log_probs)
            j->log_probs[b] = log_prob;
    }
}

static uint64_t blocks_of(const stoa_env_spec *spec) {
    int64_t count = 0;
    for (int a = 0; a < spec->action_count; a++)
        count += stoa_space_numel(&spec->actions[a]) *
                 (spec->actions[a].kind == STOA_SPACE_CATEGORIES ? 1 : 2);
    return (uint64_t)((count + WORDS - 1) / WORDS);
}

stoa_status stoa_act(stoa_ctx *ctx, const stoa_agent *agent, const stoa_env_spec *spec,
                     const stoa_agent_input *input, stoa_agent_state *state, const stoa_draw *draw,
                     void *const *actions, float *log_probs, float *values, stoa_agent_output *out,
                     stoa_error *err) {
    stoa_ctx_reset(ctx);
    stoa_agent_forward(ctx, agent, input, state, state, out);
    STOA_TRY(stoa_ctx_status(ctx, err));
    job j = {draw, spec, out, actions, log_probs, blocks_of(spec)};
    stoa_pool_run(stoa_ctx_pool(ctx), input->batch, GRAIN, pick_range, &j);
    if (values)
        memcpy(values, out->value->data, (size_t)input->batch * sizeof(float));
    return STOA_OK;
}
