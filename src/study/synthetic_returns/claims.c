/*
 * study/synthetic_returns/claims.c - what must hold, written before the runs, and what was found.
 *
 * Thresholds are those of the dossier's section 6: on delayed Catch and Chain from a prototype's
 * runs, on Key-to-Door and Slalom set beforehand without any, but for those of value transport (H3,
 * H4), which followed a few trials with another seed. None was moved after a run of this study.
 */
#include <math.h>
#include <stdio.h>

#include "study/synthetic_returns/sr.h"

enum { MOST = STOA_SETTING_ITEMS };

#define RATE                                                                                       \
    { STOA_FORMAT_FIXED, 3, NULL }

/* ORDER SRS_CLAIM_SOUND ... */
const stoa_claim stoa_srs_claims[SRS_CLAIM_COUNT] = {
    [SRS_CLAIM_SOUND] = {"A", "The learner alone is sound: Catch with an immediate reward",
                         "not given", STOA_AT_LEAST, 0.93, 0, STOA_BY_VALUE, RATE, 3,
                         STOA_SCALE_CPU},
    [SRS_CLAIM_LEARNER] = {"B1",
                           "It fails when 20 catches are paid together: catch rate, discount 0.97",
                           "TD alone fails", STOA_AT_MOST, 0.25, 0, STOA_BY_VALUE, RATE, 3,
                           STOA_SCALE_CPU},
    [SRS_CLAIM_LEARNER_99] = {"B2", "And with discount 0.99", "TD alone fails", STOA_AT_MOST, 0.25,
                              0, STOA_BY_VALUE, RATE, 3, STOA_SCALE_CPU},
    [SRS_CLAIM_LEARNER_NEAR_1] = {"B3", "And with a discount near 1 (0.998)", "TD alone fails",
                                  STOA_AT_MOST, 0.25, 0, STOA_BY_VALUE, RATE, 3, STOA_SCALE_CPU},
    [SRS_CLAIM_SR] = {"C1", "With synthetic returns it learns: median catch rate", "learned",
                      STOA_AT_LEAST, 0.95, 0, STOA_BY_VALUE, RATE, 3, STOA_SCALE_CPU},
    [SRS_CLAIM_SR_WORST] = {"C2", "With every seed: worst catch rate", "variance told",
                            STOA_AT_LEAST, 0.90, 0, STOA_BY_VALUE, RATE, 3, STOA_SCALE_CPU},
    [SRS_CLAIM_SR_BETA_1] = {"C3", "Also with the delayed sum left in the reward (beta 1)",
                             "learned", STOA_AT_LEAST, 0.45, 0, STOA_BY_VALUE, RATE, 3,
                             STOA_SCALE_CPU},
    [SRS_CLAIM_SEPARATION] = {"D",
                              "Synthetic returns spike where credit is due: mean contribution of "
                              "catches minus that of misses",
                              "spikes after critical actions", STOA_AT_LEAST, 0.5, 0, STOA_BY_VALUE,
                              RATE, 3, STOA_SCALE_CPU},
    [SRS_CLAIM_GATE] = {"E", "The gate is needed: with it fixed to 1 the catch rate stays low",
                        "delicate", STOA_AT_MOST, 0.30, 0, STOA_BY_VALUE, RATE, 3, STOA_SCALE_CPU},
    [SRS_CLAIM_CATCH_40] = {"F", "40 catches paid together are learned too", "not given",
                            STOA_AT_LEAST, 0.95, 0, STOA_BY_VALUE, RATE, 3, STOA_SCALE_CPU},
    [SRS_CLAIM_CHAIN] = {"G", "Chain: the trigger is visited, as the optimum does", "learned",
                         STOA_AT_LEAST, 0.95, 0, STOA_BY_VALUE, RATE, 3, STOA_SCALE_CPU},
    [SRS_CLAIM_KEY] = {"H1", "Key-to-Door: median reward of the last phase, of 10",
                       "learned (TVT: 10)", STOA_AT_LEAST, 8, 0, STOA_BY_VALUE, RATE, 3,
                       STOA_SCALE_CPU},
    [SRS_CLAIM_KEY_LEARNER] = {"H2", "Which the learner alone does not get", "TD alone fails",
                               STOA_AT_MOST, 3, 0, STOA_BY_VALUE, RATE, 3, STOA_SCALE_CPU},
    [SRS_CLAIM_KEY_TVT] = {"H3",
                           "Temporal value transport, its rival, learns it too: median reward of "
                           "the last phase",
                           "10 in all replicas", STOA_AT_LEAST, 8, 0, STOA_BY_VALUE, RATE, 3,
                           STOA_SCALE_CPU},
    [SRS_CLAIM_KEY_TVT_OFF] = {"H4", "And not when nothing is transported", "low", STOA_AT_MOST, 3,
                               0, STOA_BY_VALUE, RATE, 3, STOA_SCALE_CPU},
    [SRS_CLAIM_SLALOM] = {"I1", "Slalom: share of gates passed, best seed", "Skiing solved",
                          STOA_AT_LEAST, 0.90, 0, STOA_BY_VALUE, RATE, 3, STOA_SCALE_CPU},
    [SRS_CLAIM_SLALOM_LEARNER] = {"I2",
                                  "The learner alone goes fast and misses gates: share passed",
                                  "TD alone fails", STOA_AT_MOST, 0.50, 0, STOA_BY_VALUE, RATE, 3,
                                  STOA_SCALE_CPU},
};

static stoa_finding mean_of(const double *x, int64_t n) {
    return (stoa_finding){.value = stoa_stat_mean(x, n, 0.95), .seeds = n};
}

static stoa_finding mean_score(const stoa_srs_study *study, stoa_srs_arm_id arm) {
    double x[MOST];
    return mean_of(x, stoa_arm_numbers(&study->runs, arm, "score", x));
}

/* A value without an interval: a median, a best or a worst of the seeds. */
static stoa_finding value_of(double value, int64_t n, const char *note) {
    stoa_finding f = {.value = {value, NAN, NAN}, .seeds = n};
    snprintf(f.note, sizeof f.note, "%s of %lld seeds", note, (long long)n);
    return f;
}

static stoa_finding median_score(const stoa_srs_study *study, stoa_srs_arm_id arm) {
    double x[MOST];
    int64_t n = stoa_arm_numbers(&study->runs, arm, "score", x);
    return value_of(stoa_stat_median(x, n), n, "median");
}

static stoa_finding extreme_score(const stoa_srs_study *study, stoa_srs_arm_id arm, bool best) {
    double x[MOST];
    int64_t n = stoa_arm_numbers(&study->runs, arm, "score", x);
    stoa_summary s = stoa_stat_summary(x, n);
    return value_of(best ? s.most : s.least, n, best ? "best" : "worst");
}

void stoa_srs_findings(const stoa_srs_study *study, stoa_finding f[SRS_CLAIM_COUNT]) {
    static const struct {
        int claim;
        stoa_srs_arm_id arm;
    } means[] = {
        {SRS_CLAIM_SOUND, SRS_CATCH_1_LEARNER},
        {SRS_CLAIM_LEARNER, SRS_LEARNER},
        {SRS_CLAIM_LEARNER_99, SRS_LEARNER_99},
        {SRS_CLAIM_LEARNER_NEAR_1, SRS_LEARNER_NEAR_1},
        {SRS_CLAIM_SR_BETA_1, SRS_SR_BETA_1},
        {SRS_CLAIM_GATE, SRS_SR_GATE_ONE},
        {SRS_CLAIM_CATCH_40, SRS_CATCH_40_SR},
        {SRS_CLAIM_CHAIN, SRS_CHAIN_SR},
        {SRS_CLAIM_KEY_LEARNER, SRS_KEY_LEARNER},
        {SRS_CLAIM_KEY_TVT_OFF, SRS_KEY_TVT_OFF},
        {SRS_CLAIM_SLALOM_LEARNER, SRS_SLALOM_LEARNER},
    };
    double x[MOST];
    for (size_t i = 0; i < sizeof means / sizeof *means; i++)
        f[means[i].claim] = mean_score(study, means[i].arm);
    f[SRS_CLAIM_SR] = median_score(study, SRS_SR);
    f[SRS_CLAIM_SR_WORST] = extreme_score(study, SRS_SR, false);
    f[SRS_CLAIM_SEPARATION] = mean_of(x, stoa_srs_separations(study, SRS_SR, x));
    f[SRS_CLAIM_KEY] = median_score(study, SRS_KEY_SR);
    f[SRS_CLAIM_KEY_TVT] = median_score(study, SRS_KEY_TVT);
    f[SRS_CLAIM_SLALOM] = extreme_score(study, SRS_SLALOM_SR, true);
}
