/* model/sample.c - choosing a token from logits. */
#include <math.h>
#include <stdlib.h>

#include "stoa/model.h"

typedef struct candidate {
    float logit;
    int32_t token;
} candidate;

/* Larger logit first; equal ones by token, so the order is the same everywhere. */
static int by_logit(const void *a, const void *b) {
    const candidate *x = a, *y = b;
    if (x->logit != y->logit)
        return x->logit < y->logit ? 1 : -1;
    return x->token < y->token ? -1 : x->token > y->token;
}

int32_t stoa_sample_token(const stoa_sampler *sampler, const float *logits, int64_t vocab,
                          stoa_rng *rng, void *work) {
    int64_t best = 0;
    for (int64_t i = 1; i < vocab; i++)
        if (logits[i] > logits[best])
            best = i;
    if (sampler->temperature <= 0 || sampler->top_k == 1)
        return (int32_t)best;
    candidate *c = work;
    for (int64_t i = 0; i < vocab; i++)
        c[i] = (candidate){logits[i], (int32_t)i};
    int64_t n = vocab;
    bool sorted = (sampler->top_k > 0 && sampler->top_k < vocab) || sampler->top_p < 1;
    if (sorted) {
        qsort(c, (size_t)n, sizeof *c, by_logit);
        if (sampler->top_k > 0 && sampler->top_k < n)
            n = sampler->top_k;
    }
    double total = 0;
    for (int64_t i = 0; i < n; i++) {
        c[i].logit = expf((c[i].logit - logits[best]) / (float)sampler->temperature);
        total += (double)c[i].logit;
    }
    if (sampler->top_p < 1) { /* the smallest set of the most probable that holds top_p */
        double held = 0, want = sampler->top_p * total;
        int64_t m = 0;
        while (m < n && (m == 0 || held < want))
            held += (double)c[m++].logit;
        n = m;
        total = held;
    }
    double at = stoa_rng_uniform(rng) * total;
    for (int64_t i = 0; i < n; i++) {
        at -= (double)c[i].logit;
        if (at < 0)
            return c[i].token;
    }
    return c[n - 1].token;
}
