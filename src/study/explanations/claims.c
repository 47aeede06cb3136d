/*
 * study/explanations/claims.c - what must hold, written before the runs, and what was found.
 *
 * Thresholds are those of the dossier's section 6, tier A, from a prototype's runs at the same
 * number of episodes. None was moved after a run of this study.
 */
#include <math.h>
#include <stdio.h>

#include "study/explanations/ex.h"

enum { MOST = STOA_SETTING_ITEMS };

#define RATE                                                                                       \
    { STOA_FORMAT_FIXED, 3, NULL }
#define CLAIM(id, text, paper, bound, threshold)                                                   \
    { id, text, paper, bound, threshold, 0, STOA_BY_VALUE, RATE, 3, STOA_SCALE_CPU }

/* ORDER EXS_CLAIM_SHAPE ... */
const stoa_claim stoa_exs_claims[EXS_CLAIM_COUNT] = {
    [EXS_CLAIM_SHAPE] = CLAIM("A1", "Saying what things are like teaches shapes: worst seed",
                              "learned", STOA_AT_LEAST, 0.85),
    [EXS_CLAIM_MEAN] =
        CLAIM("A2", "And all dimensions on average: worst seed", "above 0.90", STOA_AT_LEAST, 0.88),
    [EXS_CLAIM_NONE_SHAPE] = CLAIM("A3", "Reward alone does not teach shapes: mean over seeds",
                                   "near chance", STOA_AT_MOST, 0.45),
    [EXS_CLAIM_NONE_COLOR] = CLAIM("A4", "But colours, the easy feature: mean over seeds",
                                   "fixates on easy features", STOA_AT_LEAST, 0.90),
    [EXS_CLAIM_SHUFFLED] = CLAIM("A5",
                                 "Wrong words are worse than none: what no words reach on "
                                 "average beyond shuffled ones",
                                 "no help", STOA_ABOVE, 0),
    [EXS_CLAIM_BIAS] =
        CLAIM("B1", "Confounded training without words: the odd colour is picked, worst seed",
              "picks colour", STOA_AT_LEAST, 0.75),
    [EXS_CLAIM_COLOR] = CLAIM("B2", "With words about the colour: the odd colour, worst seed",
                              "about 0.85 or more", STOA_AT_LEAST, 0.75),
    [EXS_CLAIM_TEXTURE] = CLAIM("B3", "About the texture: the odd texture, worst seed",
                                "about 0.85 or more", STOA_AT_LEAST, 0.75),
    [EXS_CLAIM_SHAPE_PICKED] = CLAIM("B4", "About the shape: the odd shape, worst seed",
                                     "about 0.85 or more", STOA_AT_LEAST, 0.75),
};

static stoa_finding mean_of(const stoa_exs_study *study, stoa_exs_arm_id arm, const char *figure) {
    double x[MOST];
    int64_t n = stoa_exs_figures(study, arm, figure, x);
    return (stoa_finding){.value = stoa_stat_mean(x, n, 0.95), .seeds = n};
}

static stoa_finding worst_of(const stoa_exs_study *study, stoa_exs_arm_id arm, const char *figure) {
    double x[MOST];
    int64_t n = stoa_exs_figures(study, arm, figure, x);
    stoa_finding f = {.value = {stoa_stat_summary(x, n).least, NAN, NAN}, .seeds = n};
    snprintf(f.note, sizeof f.note, "worst of %lld seeds", (long long)n);
    return f;
}

/* Of each seed, the score without words minus that with shuffled ones. */
static stoa_finding loss_by_shuffling(const stoa_exs_study *study) {
    double none[MOST], shuffled[MOST];
    int64_t n = stoa_exs_figures(study, EXS_NONE, "score/correct", none);
    int64_t m = stoa_exs_figures(study, EXS_SHUFFLED, "score/correct", shuffled);
    for (int64_t i = 0; i < n && n == m; i++)
        none[i] -= shuffled[i];
    n = n == m ? n : 0;
    return (stoa_finding){.value = stoa_stat_mean(none, n, 0.95), .seeds = n};
}

void stoa_exs_findings(const stoa_exs_study *study, stoa_finding f[EXS_CLAIM_COUNT]) {
    f[EXS_CLAIM_SHAPE] = worst_of(study, EXS_PROPERTIES, "score/correct_shape");
    f[EXS_CLAIM_MEAN] = worst_of(study, EXS_PROPERTIES, "score/correct");
    f[EXS_CLAIM_NONE_SHAPE] = mean_of(study, EXS_NONE, "score/correct_shape");
    f[EXS_CLAIM_NONE_COLOR] = mean_of(study, EXS_NONE, "score/correct_color");
    f[EXS_CLAIM_SHUFFLED] = loss_by_shuffling(study);
    f[EXS_CLAIM_BIAS] = worst_of(study, EXS_CONFOUNDED_NONE, "picked_color");
    f[EXS_CLAIM_COLOR] = worst_of(study, EXS_CONFOUNDED_COLOR, "picked_color");
    f[EXS_CLAIM_TEXTURE] = worst_of(study, EXS_CONFOUNDED_TEXTURE, "picked_texture");
    f[EXS_CLAIM_SHAPE_PICKED] = worst_of(study, EXS_CONFOUNDED_SHAPE, "picked_shape");
}
