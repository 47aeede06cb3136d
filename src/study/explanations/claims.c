/*
 * study/explanations/claims.c - what must hold, written before the runs, and what was found.
 *
 * Thresholds are those of the dossier's section 6. Of the single choice (A, B) they come from a
 * prototype's runs at the same number of episodes; of the small room (C) and the published one (D),
 * of which nobody had run anything, they were set beforehand. None was moved after a run of this
 * study.
 */
#include <math.h>
#include <stdio.h>

#include "study/explanations/ex.h"

#define RATE                                                                                       \
    { STOA_FORMAT_FIXED, 3, NULL }
#define CLAIM(id, text, paper, bound, threshold)                                                   \
    { id, text, paper, bound, threshold, 0, STOA_BY_VALUE, RATE, 3, STOA_SCALE_CPU }
#define LARGE(id, text, paper, bound, threshold)                                                   \
    { id, text, paper, bound, threshold, 0, STOA_BY_VALUE, RATE, 3, STOA_SCALE_GPU }

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
    [EXS_CLAIM_ROOM_FULL] =
        CLAIM("C1", "The small room with explanations: the worst dimension's mean over seeds",
              "above 0.90", STOA_AT_LEAST, 0.85),
    [EXS_CLAIM_ROOM_NONE] = CLAIM("C2", "Reward alone, as many steps: shape, mean over seeds",
                                  "near chance", STOA_AT_MOST, 0.60),
    [EXS_CLAIM_ROOM_WORDS] =
        CLAIM("C3", "Words about an object, all of a sentence right: mean over seeds", "not given",
              STOA_ABOVE, 0.95),
    [EXS_CLAIM_FAITHFUL] =
        LARGE("D1", "The published room with explanations: the worst dimension's mean over seeds",
              "above 0.90", STOA_AT_LEAST, 0.90),
    [EXS_CLAIM_FAITHFUL_COLOR] =
        LARGE("D2", "Confounded there, words about the colour: the odd colour, mean over seeds",
              "about 0.85 or more", STOA_AT_LEAST, 0.80),
    [EXS_CLAIM_FAITHFUL_TEXTURE] = LARGE("D3", "About the texture: the odd texture",
                                         "about 0.85 or more", STOA_AT_LEAST, 0.80),
    [EXS_CLAIM_FAITHFUL_SHAPE] =
        LARGE("D4", "About the shape: the odd shape", "about 0.85 or more", STOA_AT_LEAST, 0.80),
    [EXS_CLAIM_META] =
        LARGE("D5", "Experiments there, easy: the test with explanations, mean over seeds",
              "learns to experiment", STOA_AT_LEAST, 0.60),
    [EXS_CLAIM_META_NONE] = LARGE("D6", "And without", "not above chance", STOA_AT_MOST, 0.35),
};

static stoa_finding mean_of(const stoa_exs_study *study, stoa_exs_arm_id arm, const char *figure) {
    stoa_finding f = {.seeds = 0};
    f.value = stoa_arm_mean(&study->runs, arm, figure, &f.seeds);
    return f;
}

static stoa_finding worst_of(const stoa_exs_study *study, stoa_exs_arm_id arm, const char *figure) {
    double x[STOA_SETTING_ITEMS];
    int64_t n = stoa_arm_numbers(&study->runs, arm, figure, x);
    stoa_finding f = {.value = {stoa_stat_summary(x, n).least, NAN, NAN}, .seeds = n};
    snprintf(f.note, sizeof f.note, "worst of %lld seeds", (long long)n);
    return f;
}

/* Of all dimensions of the arm's task, the one whose mean over seeds is least. */
static stoa_finding worst_dimension(const stoa_exs_study *study, stoa_exs_arm_id arm) {
    stoa_finding worst = {.value = {NAN, NAN, NAN}};
    for (int d = 0; d < stoa_exs_tasks[stoa_exs_arms[arm].task].dimensions; d++) {
        char figure[64];
        snprintf(figure, sizeof figure, "score/correct_%s", stoa_exs_dimensions[d]);
        stoa_finding f = mean_of(study, arm, figure);
        if (d > 0 && !(f.value.value < worst.value.value))
            continue;
        worst = f;
        snprintf(worst.note, sizeof worst.note, "%s", stoa_exs_dimensions[d]);
    }
    return worst;
}

/* Of each seed, the score without words minus that with shuffled ones. */
static stoa_finding loss_by_shuffling(const stoa_exs_study *study) {
    double none[STOA_SETTING_ITEMS], shuffled[STOA_SETTING_ITEMS];
    int64_t n = stoa_arm_numbers(&study->runs, EXS_NONE, "score/correct", none);
    int64_t m = stoa_arm_numbers(&study->runs, EXS_SHUFFLED, "score/correct", shuffled);
    for (int64_t i = 0; i < n && n == m; i++)
        none[i] -= shuffled[i];
    n = n == m ? n : 0;
    return (stoa_finding){.value = stoa_stat_mean(none, n, 0.95), .seeds = n};
}

void stoa_exs_findings(const stoa_exs_study *study, stoa_finding f[EXS_CLAIM_COUNT]) {
    static const struct {
        int claim;
        stoa_exs_arm_id arm;
        const char *figure;
        bool worst; /* of the seeds; else their mean */
    } plain[] = {
        {EXS_CLAIM_SHAPE, EXS_PROPERTIES, "score/correct_shape", true},
        {EXS_CLAIM_MEAN, EXS_PROPERTIES, "score/correct", true},
        {EXS_CLAIM_NONE_SHAPE, EXS_NONE, "score/correct_shape", false},
        {EXS_CLAIM_NONE_COLOR, EXS_NONE, "score/correct_color", false},
        {EXS_CLAIM_BIAS, EXS_CONFOUNDED_NONE, "picked_color", true},
        {EXS_CLAIM_COLOR, EXS_CONFOUNDED_COLOR, "picked_color", true},
        {EXS_CLAIM_TEXTURE, EXS_CONFOUNDED_TEXTURE, "picked_texture", true},
        {EXS_CLAIM_SHAPE_PICKED, EXS_CONFOUNDED_SHAPE, "picked_shape", true},
        {EXS_CLAIM_ROOM_NONE, EXS_ROOM_NONE, "score/correct_shape", false},
        {EXS_CLAIM_ROOM_WORDS, EXS_ROOM_FULL, "explanations/property_exact", false},
        {EXS_CLAIM_FAITHFUL_COLOR, EXS_FAITHFUL_CONFOUNDED_COLOR, "picked_color", false},
        {EXS_CLAIM_FAITHFUL_TEXTURE, EXS_FAITHFUL_CONFOUNDED_TEXTURE, "picked_texture", false},
        {EXS_CLAIM_FAITHFUL_SHAPE, EXS_FAITHFUL_CONFOUNDED_SHAPE, "picked_shape", false},
        {EXS_CLAIM_META, EXS_FAITHFUL_META_EASY, "score/correct", false},
        {EXS_CLAIM_META_NONE, EXS_FAITHFUL_META_EASY_NONE, "score/correct", false},
    };
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        f[plain[i].claim] =
            (plain[i].worst ? worst_of : mean_of)(study, plain[i].arm, plain[i].figure);
    f[EXS_CLAIM_SHUFFLED] = loss_by_shuffling(study);
    f[EXS_CLAIM_ROOM_FULL] = worst_dimension(study, EXS_ROOM_FULL);
    f[EXS_CLAIM_FAITHFUL] = worst_dimension(study, EXS_FAITHFUL_FULL);
}
