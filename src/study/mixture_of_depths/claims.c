/*
 * study/mixture_of_depths/claims.c - what must hold, written before the runs, and what was found.
 *
 * Thresholds come from the paper and from pilot runs on other data; none was set or moved after a
 * run of this study. Rates and sizes are chosen by the sweep's seed on the validation text; claims
 * are decided by other seeds on the test text.
 */
#include <math.h>
#include <stdio.h>

#include "study/mixture_of_depths/mod.h"

enum { MOST = STOA_SETTING_ITEMS };

#define NATS                                                                                       \
    { STOA_FORMAT_FIXED, 3, "nats" }
#define SHARE                                                                                      \
    { STOA_FORMAT_PERCENT, 1, NULL }
#define FINE_SHARE                                                                                 \
    { STOA_FORMAT_PERCENT, 2, NULL }
#define TIMES                                                                                      \
    { STOA_FORMAT_FIXED, 2, "x" }

/* ORDER mod claims */
const stoa_claim stoa_mod_claims[MOD_CLAIM_COUNT] = {
    [MOD_CLAIM_ACCURACY] = {"A1", "The causal predictor agrees with the top-k choice",
                            "97 % early in training, then 99 %", STOA_AT_LEAST, 0.97, 0,
                            STOA_BY_VALUE, SHARE, 3, STOA_SCALE_CPU},
    [MOD_CLAIM_RECALL] = {"A2",
                          "It does so on chosen tokens too: the lower of precision and recall",
                          "not given", STOA_AT_LEAST, 0.80, 0, STOA_BY_VALUE, SHARE, 3,
                          STOA_SCALE_CPU},
    [MOD_CLAIM_FRACTION] = {"A3", "Routed causally, about the capacity of 12.5 % goes through",
                            "12.5 %", STOA_BETWEEN, 0.11, 0.14, STOA_BY_VALUE, SHARE, 3,
                            STOA_SCALE_CPU},
    [MOD_CLAIM_CAUSAL_GAP] = {"B", "Routing causally instead of by top-k costs almost nothing",
                              "almost nothing", STOA_AT_MOST, 0.003, 0, STOA_BY_VALUE, FINE_SHARE,
                              3, STOA_SCALE_CPU},
    [MOD_CLAIM_AUXILIARY] = {"B2", "The auxiliary loss costs little against the predictor",
                             "0.2-0.3 %", STOA_AT_MOST, 0.01, 0, STOA_BY_VALUE, FINE_SHARE, 3,
                             STOA_SCALE_CPU},
    [MOD_CLAIM_GAUSSIAN] = {"C", "Learned routing beats Gaussian routing (loss difference)",
                            "drastically", STOA_ABOVE, 0, 0, STOA_BY_INTERVAL, NATS, 5,
                            STOA_SCALE_CPU},
    [MOD_CLAIM_ALTERNATE] = {"D", "Routing every other block beats routing every block", "crucial",
                             STOA_AT_LEAST, 0.05, 0, STOA_BY_VALUE, NATS, 3, STOA_SCALE_CPU},
    [MOD_CLAIM_CAPACITY] = {"D2", "Capacity 12.5 % beats 50 % at equal FLOPs",
                            "lower capacity helps down to 12.5 %", STOA_ABOVE, 0, 0, STOA_BY_VALUE,
                            NATS, 3, STOA_SCALE_CPU},
    [MOD_CLAIM_STEP] = {"E", "A routed step is as fast as its FLOPs say: time ratio / FLOP ratio",
                        "equal wall-clock time", STOA_AT_MOST, 1.15, 0, STOA_BY_VALUE, TIMES, 1,
                        STOA_SCALE_CPU},
    [MOD_CLAIM_DECODE] = {"F", "Decoding at batch 1 is faster than the dense model of equal shape",
                          "upwards of 1.5x", STOA_AT_LEAST, 1.4, 0, STOA_BY_VALUE, TIMES, 1,
                          STOA_SCALE_CPU},
    [MOD_CLAIM_CACHE] = {"F2", "Its key/value cache is smaller", "expected, not measured",
                         STOA_BETWEEN, 0.53, 0.60, STOA_BY_VALUE, SHARE, 3, STOA_SCALE_CPU},
    [MOD_CLAIM_HEADLINE] = {"G1",
                            "At equal training FLOPs the best MoD is at least as good as the best "
                            "dense model (dense loss - MoD loss)",
                            "up to 1.5 % better", STOA_AT_LEAST, 0, 0, STOA_BY_INTERVAL, NATS, 3,
                            STOA_SCALE_CPU},
    [MOD_CLAIM_CHEAP] =
        {"G2",
         "A MoD with at most 70 % of the best dense model's forward FLOPs is within "
         "0.5 % of its loss",
         "parity with upwards of 50 % fewer FLOPs", STOA_AT_MOST, 0.005, 0, STOA_BY_VALUE,
         FINE_SHARE, 3, STOA_SCALE_CPU},
    [MOD_CLAIM_MODE] = {"H", "Depth routing and experts add up: staged MoDE beats MoD alone",
                        "gains compound", STOA_ABOVE, 0, 0, STOA_BY_VALUE, NATS, 3, STOA_SCALE_CPU},
    [MOD_CLAIM_MODE_MOE] = {"H2", "And staged MoDE beats the mixture of experts alone",
                            "gains compound", STOA_ABOVE, 0, 0, STOA_BY_VALUE, NATS, 3,
                            STOA_SCALE_CPU},
    [MOD_CLAIM_ENTROPY] = {"I",
                           "Tokens that engage more routed blocks have more uncertain outputs "
                           "(rank correlation)",
                           "correlated, preliminary",
                           STOA_ABOVE,
                           0,
                           0,
                           STOA_BY_INTERVAL,
                           {STOA_FORMAT_FIXED, 3, NULL},
                           3,
                           STOA_SCALE_CPU},
};

static const stoa_interval nothing = {NAN, NAN, NAN};

static stoa_finding none(const char *why) {
    stoa_finding f = {.value = nothing};
    snprintf(f.note, sizeof f.note, "%s", why);
    return f;
}

static stoa_finding mean_of(const double *x, int64_t n) {
    if (n == 0)
        return none("this arm was not run");
    return (stoa_finding){.value = stoa_stat_mean(x, n, 0.95), .seeds = n};
}

/* The judged results of an arm at the ablations' size and a budget, in the order of seeds. */
static int64_t of_arm(const stoa_mod_study *study, stoa_mod_arm arm, double budget,
                      const stoa_int_list *seeds, stoa_mod_result *out) {
    const stoa_mod_settings *m = &study->settings;
    int64_t n = 0;
    for (int64_t s = 0; s < seeds->count; s++)
        for (int64_t i = 0; i < study->count; i++) {
            const stoa_mod_point *p = &study->results[i].point;
            if (p->arm == arm && p->width == m->ablation_width && p->layers == m->ablation_layers &&
                p->budget == budget && p->rate == 0 && p->seed == seeds->item[s]) {
                out[n++] = study->results[i];
                break;
            }
        }
    return n;
}

/* The loss of a model as it would be used. A Gaussian router's choice looks at no token, so its own
 * routing is as causal as any: it is not judged by a predictor, which cannot foresee noise. */
static double fair_loss(const stoa_mod_result *r) {
    return r->point.arm == MOD_GAUSSIAN ? r->test.loss_top_k : r->test.loss;
}

/* Mean of loss(worse) - loss(better) over common seeds. */
static stoa_finding advantage(const stoa_mod_study *study, stoa_mod_arm better, stoa_mod_arm worse,
                              double budget, const stoa_int_list *seeds, bool relative) {
    stoa_mod_result a[MOST], b[MOST];
    double x[MOST], y[MOST];
    int64_t n = of_arm(study, better, budget, seeds, a), m = of_arm(study, worse, budget, seeds, b);
    if (n != m || n == 0)
        return none("the arm was not run");
    for (int64_t i = 0; i < n; i++) {
        double unit = relative ? fair_loss(&a[i]) : 1;
        x[i] = fair_loss(&b[i]) / unit;
        y[i] = fair_loss(&a[i]) / unit;
    }
    stoa_finding f = {.value = stoa_stat_paired(x, y, n, 0.95).interval, .seeds = n};
    snprintf(f.note, sizeof f.note, "at %.3g training FLOPs", budget);
    return f;
}

static void predictor_findings(const stoa_mod_study *study, stoa_finding *f) {
    const stoa_mod_settings *m = &study->settings;
    stoa_mod_result r[MOST];
    double accuracy[MOST] = {0}, lower[MOST] = {0}, routed[MOST] = {0}, gap[MOST] = {0};
    int64_t n = of_arm(study, MOD_ROUTED, m->ablation_budget, &m->seeds, r);
    for (int64_t i = 0; i < n; i++) {
        accuracy[i] = r[i].test.accuracy;
        lower[i] = fmin(r[i].test.precision, r[i].test.recall);
        routed[i] = r[i].test.routed;
    }
    f[MOD_CLAIM_ACCURACY] = mean_of(accuracy, n);
    if (n > 0)
        snprintf(f[MOD_CLAIM_ACCURACY].note, sizeof f->note,
                 "at %.3g training FLOPs; a predictor that always says no has %.1f %%",
                 m->ablation_budget, 100 * (1 - m->capacity));
    f[MOD_CLAIM_RECALL] = mean_of(lower, n);
    f[MOD_CLAIM_FRACTION] = mean_of(routed, n);
    n = of_arm(study, MOD_ROUTED, m->control_budget, &m->control_seeds, r);
    for (int64_t i = 0; i < n; i++)
        gap[i] = (r[i].test.loss - r[i].test.loss_top_k) / r[i].test.loss_top_k;
    f[MOD_CLAIM_CAUSAL_GAP] = mean_of(gap, n);
    if (n > 0)
        snprintf(f[MOD_CLAIM_CAUSAL_GAP].note, sizeof f->note, "at %.3g training FLOPs",
                 m->control_budget);
}

static void speed_findings(const stoa_mod_speed *speed, stoa_finding *f) {
    if (!speed) {
        f[MOD_CLAIM_STEP] = f[MOD_CLAIM_DECODE] = none("not measured");
        return;
    }
    const struct {
        int claim;
        double value;
    } values[] = {
        {MOD_CLAIM_STEP, speed->step_ratio / speed->flop_ratio},
        {MOD_CLAIM_DECODE, speed->decode_ratio},
    };
    for (int i = 0; i < 2; i++)
        f[values[i].claim] = (stoa_finding){.value = {values[i].value, NAN, NAN}, .seeds = 1};
    snprintf(f[MOD_CLAIM_STEP].note, sizeof f->note, "step time %.2f, FLOPs %.2f of dense",
             speed->step_ratio, speed->flop_ratio);
}

void stoa_mod_findings(const stoa_mod_study *study, const stoa_mod_speed *speed,
                       const stoa_mod_looks *looks, stoa_finding f[MOD_CLAIM_COUNT]) {
    const stoa_mod_settings *m = &study->settings;
    stoa_mod_headline head;
    predictor_findings(study, f);
    f[MOD_CLAIM_AUXILIARY] =
        advantage(study, MOD_ROUTED, MOD_AUXILIARY, m->ablation_budget, &m->seeds, true);
    f[MOD_CLAIM_GAUSSIAN] =
        advantage(study, MOD_ROUTED, MOD_GAUSSIAN, m->control_budget, &m->control_seeds, false);
    f[MOD_CLAIM_ALTERNATE] =
        advantage(study, MOD_ROUTED, MOD_EVERY, m->control_budget, &m->seeds, false);
    f[MOD_CLAIM_CAPACITY] =
        advantage(study, MOD_ROUTED, MOD_CAPACITY_50, m->ablation_budget, &m->seeds, false);
    f[MOD_CLAIM_MODE] =
        advantage(study, MOD_STAGED, MOD_ROUTED, m->ablation_budget, &m->seeds, false);
    f[MOD_CLAIM_MODE_MOE] =
        advantage(study, MOD_STAGED, MOD_MOE, m->ablation_budget, &m->seeds, false);
    speed_findings(speed, f);
    stoa_mod_headline_of(study, m->budgets.item[m->budgets.count - 1], &head);
    f[MOD_CLAIM_HEADLINE] = (stoa_finding){.value = head.gain, .seeds = head.seeds};
    f[MOD_CLAIM_CHEAP] = head.has_cheap
                             ? (stoa_finding){.value = head.cheap_gap, .seeds = head.seeds}
                             : none("no routed model of the sweep is that cheap");
    f[MOD_CLAIM_CACHE] = f[MOD_CLAIM_ENTROPY] = none("no routed model was kept");
    if (looks) {
        f[MOD_CLAIM_CACHE] = mean_of(looks->cache, looks->count);
        f[MOD_CLAIM_ENTROPY] = mean_of(looks->correlation, looks->count);
    }
}

/* Test losses of one size by confirmation seed; -> count. */
static int64_t confirmed(const stoa_mod_study *study, const stoa_mod_result *r, double *loss) {
    int64_t n = 0;
    for (int64_t s = 0; s < study->settings.confirm_seeds.count; s++)
        for (int64_t i = 0; i < study->count; i++) {
            const stoa_mod_point *p = &study->results[i].point;
            if (p->arm == r->point.arm && p->width == r->point.width &&
                p->layers == r->point.layers && p->budget == r->point.budget && p->rate == 0 &&
                p->seed == study->settings.confirm_seeds.item[s]) {
                loss[n++] = study->results[i].test.loss;
                break;
            }
        }
    return n;
}

void stoa_mod_headline_of(const stoa_mod_study *study, double budget, stoa_mod_headline *h) {
    double dense[MOST], routed[MOST], cheap[MOST], gap[MOST];
    *h = (stoa_mod_headline){.budget = budget,
                             .dense_loss = nothing,
                             .routed_loss = nothing,
                             .cheap_loss = nothing,
                             .gain = nothing,
                             .cheap_gap = nothing};
    if (!stoa_mod_best(study, false, budget, &h->dense) ||
        !stoa_mod_best(study, true, budget, &h->routed))
        return;
    for (int64_t i = 0; i < study->count; i++) {
        const stoa_mod_result *r = &study->results[i];
        if (r->point.arm == MOD_ROUTED && r->point.budget == budget && r->point.rate == 0 &&
            !stoa_mod_judges(study, &r->point) &&
            r->forward_flops <= 0.7 * h->dense.forward_flops &&
            (!h->has_cheap || r->valid.loss < h->cheap.valid.loss)) {
            h->cheap = *r;
            h->has_cheap = true;
        }
    }
    int64_t n = confirmed(study, &h->dense, dense), m = confirmed(study, &h->routed, routed);
    if (n != m || n == 0)
        return;
    h->seeds = n;
    h->dense_loss = stoa_stat_mean(dense, n, 0.95);
    h->routed_loss = stoa_stat_mean(routed, n, 0.95);
    h->gain = stoa_stat_paired(dense, routed, n, 0.95).interval;
    if (!h->has_cheap || confirmed(study, &h->cheap, cheap) != n)
        return;
    h->cheap_loss = stoa_stat_mean(cheap, n, 0.95);
    for (int64_t i = 0; i < n; i++)
        gap[i] = (cheap[i] - dense[i]) / dense[i];
    h->cheap_gap = stoa_stat_mean(gap, n, 0.95);
}
