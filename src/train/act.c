/*
 * train/act.c - one step of a policy: forward, then an action for every instance.
 *
 * Each action space takes one 32-bit word of the block that Philox gives for (step, instance), so
 * neither the number of threads nor that of instances changes what an instance draws.
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
} job;

static int64_t largest(const float *logits, int64_t n) {
    int64_t best = 0;
    for (int64_t i = 1; i < n; i++)
        if (logits[i] > logits[best])
            best = i;
    return best;
}

/* The category whose share of the distribution holds `point` in [0, 1), and log of its
 * probability. */
static int64_t pick(const float *logits, int64_t n, bool greedy, float point, float *log_prob) {
    int64_t choice = largest(logits, n);
    float most = logits[choice], sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += expf(logits[i] - most);
    if (!greedy) {
        float left = point * sum;
        int64_t i = 0;
        for (; i < n; i++) {
            left -= expf(logits[i] - most);
            if (left < 0)
                break;
        }
        choice = i < n ? i : choice; /* rounding at the very end */
    }
    *log_prob = logits[choice] - most - logf(sum);
    return choice;
}

static void pick_range(void *arg, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const job *j = arg;
    for (int64_t b = begin; b < end; b++) {
        uint32_t words[STOA_ENV_SPACES];
        float total = 0;
        for (int k = 0; k < STOA_ENV_SPACES / WORDS; k++)
            stoa_philox(j->draw->key, (uint64_t)b,
                        j->draw->step * (STOA_ENV_SPACES / WORDS) + (uint64_t)k, words + k * WORDS);
        for (int a = 0; a < j->spec->action_count; a++) {
            int64_t n = j->spec->actions[a].categories;
            const float *logits = (const float *)j->out->logits[a]->data + b * n; // (1, B, n)
            float log_prob, point = (float)(words[a] >> 8) * 0x1p-24f;
            int64_t choice = pick(logits, n, j->draw->greedy, point, &log_prob);
            ((int32_t *)j->actions[a])[b] = (int32_t)choice;
            total += log_prob;
        }
        if (j->log_probs)
            j->log_probs[b] = total;
    }
}

stoa_status stoa_act(stoa_ctx *ctx, const stoa_agent *agent, const stoa_env_spec *spec,
                     const stoa_agent_input *input, stoa_agent_state *state, const stoa_draw *draw,
                     void *const *actions, float *log_probs, float *values, stoa_agent_output *out,
                     stoa_error *err) {
    stoa_ctx_reset(ctx);
    stoa_agent_forward(ctx, agent, input, state, state, out);
    STOA_TRY(stoa_ctx_status(ctx, err));
    job j = {draw, spec, out, actions, log_probs};
    stoa_pool_run(stoa_ctx_pool(ctx), input->batch, GRAIN, pick_range, &j);
    if (values)
        memcpy(values, out->value->data, (size_t)input->batch * sizeof(float));
    return STOA_OK;
}
