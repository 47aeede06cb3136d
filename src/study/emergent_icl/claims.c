/*
 * study/emergent_icl/claims.c - what must hold, written before the runs, and what was found.
 *
 * Claims 1 to 10 and their thresholds are the dossier's table 6.4, from a pilot program's runs with
 * other seeds; it judges means over seeds. Those of the follow-up work (T, C, M, I, X), of glyphs
 * (G) and of depth routing (R), which nobody has tried, were set beforehand without any run. Those
 * of task diversity (D) and of the minimal model (Y) were added later, before any run of their
 * arms, after a few runs with seed 101 that docs/studies/emergent-icl.md lists. None was moved
 * after a run of this study.
 */
#include <math.h>
#include <stdio.h>

#include "study/emergent_icl/icls.h"

#define SHARE                                                                                      \
    { STOA_FORMAT_FIXED, 3, NULL }
#define CLAIM(id, text, paper, bound, threshold)                                                   \
    { id, text, paper, bound, threshold, 0, STOA_BY_VALUE, SHARE, 3, STOA_SCALE_CPU }
/* Differences between arms: the whole interval must lie there. */
#define SURELY(id, text, paper, bound, threshold)                                                  \
    { id, text, paper, bound, threshold, 0, STOA_BY_INTERVAL, SHARE, 3, STOA_SCALE_CPU }
#define FULL(id, text, paper, bound, threshold, high)                                              \
    { id, text, paper, bound, threshold, high, STOA_BY_VALUE, SHARE, 3, STOA_SCALE_GPU }

const stoa_claim stoa_icls_claims[ICLS_CLAIM_COUNT] = {
    [ICLS_CLAIM_EVEN_ICL] =
        CLAIM("1a", "Nothing bursty (p_b 0, K 2,048): ICL stays at chance, highest of any moment",
              "about 0.5", STOA_AT_MOST, 0.55),
    [ICLS_CLAIM_EVEN_IWL] =
        CLAIM("1b", "And classes are learned by heart: IWL", "high", STOA_AT_LEAST, 0.95),
    [ICLS_CLAIM_BURSTY_ICL] = CLAIM("2a", "All bursty (p_b 1): ICL", "high", STOA_AT_LEAST, 0.97),
    [ICLS_CLAIM_BURSTY_IWL] =
        CLAIM("2b", "And nothing is learned by heart: IWL", "low", STOA_AT_MOST, 0.10),
    [ICLS_CLAIM_ORDERED] =
        CLAIM("3a", "More bursts, more ICL: least step of the mean from p_b 0 to 0.5, 0.9, 1",
              "rises", STOA_AT_LEAST, -0.03),
    [ICLS_CLAIM_PEAK] = CLAIM("3b", "p_b 0.9: highest ICL of a run", "high", STOA_AT_LEAST, 0.95),
    [ICLS_CLAIM_FEW_ICL] =
        CLAIM("4a", "Few classes (512, p_b 0.9): ICL", "low", STOA_AT_MOST, 0.60),
    [ICLS_CLAIM_FEW_IWL] = CLAIM("4b", "And IWL", "high", STOA_AT_LEAST, 0.97),
    [ICLS_CLAIM_MANY_ICL] =
        CLAIM("4c", "Many classes (4,096, p_b 0.9): ICL", "high", STOA_AT_LEAST, 0.97),
    [ICLS_CLAIM_MANY_IWL] = CLAIM("4d", "And IWL", "low", STOA_AT_MOST, 0.60),
    [ICLS_CLAIM_ZIPF_ICL] =
        CLAIM("5a", "The sweet spot (alpha 1, K 4,096): ICL", "high", STOA_AT_LEAST, 0.95),
    [ICLS_CLAIM_ZIPF_IWL] =
        CLAIM("5b", "And, in one model, IWL of the 10 commonest", "high", STOA_AT_LEAST, 0.95),
    [ICLS_CLAIM_ZIPF_RARE] = CLAIM("5c", "But not of the rarer half", "chance", STOA_AT_MOST, 0.25),
    [ICLS_CLAIM_FLAT_ICL] =
        CLAIM("6a", "Even frequencies (alpha 0): ICL", "high", STOA_AT_LEAST, 0.95),
    [ICLS_CLAIM_FLAT_IWL] = CLAIM("6b", "And IWL", "low", STOA_AT_MOST, 0.60),
    [ICLS_CLAIM_STEEP_ICL] =
        CLAIM("6c", "Steep frequencies (alpha 2): ICL", "chance", STOA_AT_MOST, 0.65),
    [ICLS_CLAIM_STEEP_IWL] =
        CLAIM("6d", "And IWL of the 10 commonest", "high", STOA_AT_LEAST, 0.97),
    [ICLS_CLAIM_LABELS] =
        CLAIM("7", "Changing meanings: ICL with 4 labels a class less ICL with 1 (K 1,024)",
              "rises", STOA_AT_LEAST, 0.25),
    [ICLS_CLAIM_FALL] = CLAIM("8a", "ICL comes and goes (p_b 0.9): highest less final, closed",
                              "goes (Singh et al.)", STOA_AT_LEAST, 0.05),
    [ICLS_CLAIM_FALL_OPEN] =
        CLAIM("8b", "Highest less final, open", "goes (Singh et al.)", STOA_AT_LEAST, 0.25),
    [ICLS_CLAIM_FALL_LOSS] = SURELY(
        "8c", "While the loss on sequences as in training falls: final less that at the peak",
        "falls (Singh et al.)", STOA_BELOW, 0),
    [ICLS_CLAIM_DECAY] = CLAIM("8d", "Weight decay 0.2 keeps it: final ICL", "kept (Singh et al.)",
                               STOA_AT_LEAST, 0.95),
    [ICLS_CLAIM_LSTM] = CLAIM("9a", "LSTM, p_b 0.9: ICL stays at chance, highest of any moment",
                              "never above chance", STOA_AT_MOST, 0.57),
    [ICLS_CLAIM_RNN] =
        CLAIM("9b", "RNN, p_b 0.9: the same", "never above chance", STOA_AT_MOST, 0.57),
    [ICLS_CLAIM_RECURRENT] = CLAIM("9c", "Nor at any burstiness: the highest final mean of both",
                                   "never above chance", STOA_AT_MOST, 0.57),
    [ICLS_CLAIM_OMNIGLOT] =
        CLAIM("10", "Omniglot on 14 x 14 dots, p_b 0.9: ICL", "high", STOA_AT_LEAST, 0.85),

    [ICLS_CLAIM_GLYPHS] =
        CLAIM("G", "Made-up characters, p_b 0.9: ICL", "not given", STOA_AT_LEAST, 0.85),
    [ICLS_CLAIM_FLIP] =
        CLAIM("T",
              "Where context and weights disagree the weights win at last (p_b 0.9): share of "
              "answers by the context, highest less final",
              "goes (Singh et al.)", STOA_AT_LEAST, 0.25),
    [ICLS_CLAIM_COPIES] =
        SURELY("C1", "Exact copies in the context help: ICL with less ICL without (variation 0.5)",
               "higher (Bratulic et al.)", STOA_ABOVE, 0),
    [ICLS_CLAIM_COPIES_FALL] =
        SURELY("C2", "And lessen transience: fall of ICL with less fall without",
               "less (Bratulic et al.)", STOA_BELOW, 0),
    [ICLS_CLAIM_ONE_HEAD] = CLAIM("M", "One head a layer is enough (p_b 0.9): highest ICL of a run",
                                  "enough (Reddy)", STOA_AT_LEAST, 0.95),
    [ICLS_CLAIM_CIRCUIT_PREVIOUS] =
        CLAIM("I1", "An induction circuit (p_b 1): best head's attention of labels to their items",
              "forms (Reddy; Singh et al.)", STOA_AT_LEAST, 0.5),
    [ICLS_CLAIM_CIRCUIT_MATCH] =
        CLAIM("I2", "And of the query to labels of its class, less all others",
              "forms (Reddy; Singh et al.)", STOA_AT_LEAST, 0.5),
    [ICLS_CLAIM_CIRCUIT_NONE] = CLAIM("I3", "Without bursts (p_b 0) there is none: the latter",
                                      "none (Reddy)", STOA_AT_MOST, 0.15),
    [ICLS_CLAIM_RULE_IWL] =
        CLAIM("X1", "From weights by rule (p_b 0): an untrained compound called by its feature",
              "by rule (Chan et al. b)", STOA_AT_LEAST, 0.70),
    [ICLS_CLAIM_RULE_ICL] =
        CLAIM("X2", "From context by exemplars (p_b 1): the same in the context",
              "by exemplars (Chan et al. b)", STOA_AT_MOST, 0.60),
    [ICLS_CLAIM_ROUTED] =
        CLAIM("R1", "Depth routing, half the tokens (p_b 0.9): highest ICL of a run", "not tried",
              STOA_AT_LEAST, 0.95),
    [ICLS_CLAIM_ROUTED_EVEN] =
        CLAIM("R2", "Depth routing, p_b 0: ICL stays at chance, highest of any moment", "not tried",
              STOA_AT_MOST, 0.55),

    [ICLS_CLAIM_TASKS_FEW] =
        CLAIM("D1",
              "Linear regression, 4 tasks to train on: on new tasks the model leans to the guess "
              "that knows those alone (0), not to ridge (1)",
              "dMMSE (Raventos et al.)", STOA_AT_MOST, 0.5),
    [ICLS_CLAIM_TASKS_FEW_POOL] =
        CLAIM("D2", "And on tasks of the pool its error is below ridge's, as a share of that",
              "below (Raventos et al.)", STOA_AT_MOST, -0.2),
    [ICLS_CLAIM_TASKS_MANY] = CLAIM("D3", "256 tasks: on new ones it leans to ridge (1)",
                                    "ridge (Raventos et al.)", STOA_AT_LEAST, 0.5),
    [ICLS_CLAIM_TASKS_BEYOND] = SURELY(
        "D4",
        "And its error there is below that of the best guess for what it was trained on, as a "
        "share of that",
        "below (Raventos et al.)", STOA_BELOW, 0),
    [ICLS_CLAIM_TASKS_ENDLESS] =
        CLAIM("D5", "Endless tasks: error on new ones above ridge's, as a share of that",
              "ridge (Garg et al.)", STOA_AT_MOST, 0.10),
    [ICLS_CLAIM_TASKS_ORDERED] = CLAIM(
        "D6", "More tasks, more ridge: least step of the lean from 1 to 4, 16, 64, 256, 1,024",
        "rises (Raventos et al.)", STOA_AT_LEAST, -0.03),
    [ICLS_CLAIM_LEAST_MANY_ICL] =
        CLAIM("Y1", "Reddy's minimal model, 4,096 classes, four copies of two: ICL", "high (Reddy)",
              STOA_AT_LEAST, 0.90),
    [ICLS_CLAIM_LEAST_MANY_IWL] = CLAIM("Y2", "And IWL", "low (Reddy)", STOA_AT_MOST, 0.10),
    [ICLS_CLAIM_LEAST_EVEN] =
        CLAIM("Y3", "The same with nothing bursty: ICL stays at chance, highest of any moment",
              "chance (Reddy)", STOA_AT_MOST, 0.57),
    [ICLS_CLAIM_LEAST_FEW_ICL] =
        CLAIM("Y4", "512 classes, two copies of four: ICL", "low (Reddy)", STOA_AT_MOST, 0.60),
    [ICLS_CLAIM_LEAST_FEW_IWL] = CLAIM("Y5", "And IWL", "high (Reddy)", STOA_AT_LEAST, 0.50),
    [ICLS_CLAIM_LEAST_FRESH] =
        CLAIM("Y6", "There, half of the sequences of fresh classes: ICL with less ICL without",
              "rises (Reddy)", STOA_AT_LEAST, 0.25),

    [ICLS_CLAIM_FULL_EVEN] = FULL("F1", "The paper's model, p_b 0: ICL at chance", "about 0.5",
                                  STOA_BETWEEN, 0.47, 0.53),
    [ICLS_CLAIM_FULL_MANY] =
        FULL("F2", "12,800 classes, p_b 0.9: ICL", "high", STOA_AT_LEAST, 0.75, 0),
    [ICLS_CLAIM_FULL_ZIPF_ICL] =
        FULL("F3a", "12,800 classes, alpha 1: ICL", "high", STOA_AT_LEAST, 0.7, 0),
    [ICLS_CLAIM_FULL_ZIPF_IWL] =
        FULL("F3b", "And IWL of the 10 commonest", "high", STOA_AT_LEAST, 0.7, 0),
    [ICLS_CLAIM_FULL_LSTM] =
        FULL("F4", "LSTM, 1,600 classes: ICL at chance", "about 0.5", STOA_BETWEEN, 0.47, 0.53),
};

/* ---- findings -------------------------------------------------------------------------------- */

static const struct {
    int claim;
    stoa_icls_arm_id arm;
    const char *series;
    stoa_icls_pick pick;
} means[] = {
    {ICLS_CLAIM_EVEN_ICL, ICLS_ARM_BURST_0, "icl/closed", ICLS_HIGHEST},
    {ICLS_CLAIM_EVEN_IWL, ICLS_ARM_BURST_0, "iwl/open", ICLS_FINAL},
    {ICLS_CLAIM_BURSTY_ICL, ICLS_ARM_BURST_100, "icl/closed", ICLS_FINAL},
    {ICLS_CLAIM_BURSTY_IWL, ICLS_ARM_BURST_100, "iwl/open", ICLS_FINAL},
    {ICLS_CLAIM_PEAK, ICLS_ARM_BURST_90, "icl/closed", ICLS_HIGHEST},
    {ICLS_CLAIM_FEW_ICL, ICLS_ARM_CLASSES_512, "icl/closed", ICLS_FINAL},
    {ICLS_CLAIM_FEW_IWL, ICLS_ARM_CLASSES_512, "iwl/open", ICLS_FINAL},
    {ICLS_CLAIM_MANY_ICL, ICLS_ARM_CLASSES_4096, "icl/closed", ICLS_FINAL},
    {ICLS_CLAIM_MANY_IWL, ICLS_ARM_CLASSES_4096, "iwl/open", ICLS_FINAL},
    {ICLS_CLAIM_ZIPF_ICL, ICLS_ARM_ZIPF_1, "icl/closed", ICLS_FINAL},
    {ICLS_CLAIM_ZIPF_IWL, ICLS_ARM_ZIPF_1, "iwl_common/open", ICLS_FINAL},
    {ICLS_CLAIM_ZIPF_RARE, ICLS_ARM_ZIPF_1, "iwl_rare/open", ICLS_FINAL},
    {ICLS_CLAIM_FLAT_ICL, ICLS_ARM_CLASSES_4096, "icl/closed", ICLS_FINAL},
    {ICLS_CLAIM_FLAT_IWL, ICLS_ARM_CLASSES_4096, "iwl/open", ICLS_FINAL},
    {ICLS_CLAIM_STEEP_ICL, ICLS_ARM_ZIPF_2, "icl/closed", ICLS_FINAL},
    {ICLS_CLAIM_STEEP_IWL, ICLS_ARM_ZIPF_2, "iwl_common/open", ICLS_FINAL},
    {ICLS_CLAIM_FALL, ICLS_ARM_BURST_90, "icl/closed", ICLS_FALL},
    {ICLS_CLAIM_FALL_OPEN, ICLS_ARM_BURST_90, "icl/open", ICLS_FALL},
    {ICLS_CLAIM_FALL_LOSS, ICLS_ARM_BURST_90, "trained_like/loss", ICLS_SINCE_PEAK},
    {ICLS_CLAIM_DECAY, ICLS_ARM_DECAY_02, "icl/closed", ICLS_FINAL},
    {ICLS_CLAIM_LSTM, ICLS_ARM_LSTM_90, "icl/closed", ICLS_HIGHEST},
    {ICLS_CLAIM_RNN, ICLS_ARM_RNN_90, "icl/closed", ICLS_HIGHEST},
    {ICLS_CLAIM_OMNIGLOT, ICLS_ARM_OMNI_90, "icl/closed", ICLS_FINAL},
    {ICLS_CLAIM_GLYPHS, ICLS_ARM_GLYPHS_90, "icl/closed", ICLS_FINAL},
    {ICLS_CLAIM_FLIP, ICLS_ARM_BURST_90, "flip/closed", ICLS_FALL},
    {ICLS_CLAIM_ONE_HEAD, ICLS_ARM_ONE_HEAD, "icl/closed", ICLS_HIGHEST},
    {ICLS_CLAIM_CIRCUIT_PREVIOUS, ICLS_ARM_BURST_100, "circuit/previous", ICLS_FINAL},
    {ICLS_CLAIM_CIRCUIT_MATCH, ICLS_ARM_BURST_100, "circuit/match", ICLS_FINAL},
    {ICLS_CLAIM_CIRCUIT_NONE, ICLS_ARM_BURST_0, "circuit/match", ICLS_FINAL},
    {ICLS_CLAIM_RULE_IWL, ICLS_ARM_RULES_0, "rule_iwl/closed", ICLS_FINAL},
    {ICLS_CLAIM_RULE_ICL, ICLS_ARM_RULES_100, "rule_icl/closed", ICLS_FINAL},
    {ICLS_CLAIM_ROUTED, ICLS_ARM_ROUTED_90, "icl/closed", ICLS_HIGHEST},
    {ICLS_CLAIM_ROUTED_EVEN, ICLS_ARM_ROUTED_0, "icl/closed", ICLS_HIGHEST},
    {ICLS_CLAIM_TASKS_FEW, ICLS_ARM_TASKS_4, "task_new/to_ridge", ICLS_FINAL},
    {ICLS_CLAIM_TASKS_FEW_POOL, ICLS_ARM_TASKS_4, "task_pool/over_ridge", ICLS_FINAL},
    {ICLS_CLAIM_TASKS_MANY, ICLS_ARM_TASKS_256, "task_new/to_ridge", ICLS_FINAL},
    {ICLS_CLAIM_TASKS_BEYOND, ICLS_ARM_TASKS_256, "task_new/over_best", ICLS_FINAL},
    {ICLS_CLAIM_TASKS_ENDLESS, ICLS_ARM_TASKS_ALL, "task_new/over_ridge", ICLS_FINAL},
    {ICLS_CLAIM_LEAST_MANY_ICL, ICLS_ARM_LEAST_MANY, "icl/closed", ICLS_FINAL},
    {ICLS_CLAIM_LEAST_MANY_IWL, ICLS_ARM_LEAST_MANY, "iwl/open", ICLS_FINAL},
    {ICLS_CLAIM_LEAST_EVEN, ICLS_ARM_LEAST_EVEN, "icl/closed", ICLS_HIGHEST},
    {ICLS_CLAIM_LEAST_FEW_ICL, ICLS_ARM_LEAST_FEW, "icl/closed", ICLS_FINAL},
    {ICLS_CLAIM_LEAST_FEW_IWL, ICLS_ARM_LEAST_FEW, "iwl/open", ICLS_FINAL},
    {ICLS_CLAIM_FULL_EVEN, ICLS_ARM_FULL_0, "icl/closed", ICLS_FINAL},
    {ICLS_CLAIM_FULL_MANY, ICLS_ARM_FULL_ZIPF_0, "icl/closed", ICLS_FINAL},
    {ICLS_CLAIM_FULL_ZIPF_ICL, ICLS_ARM_FULL_ZIPF_1, "icl/closed", ICLS_FINAL},
    {ICLS_CLAIM_FULL_ZIPF_IWL, ICLS_ARM_FULL_ZIPF_1, "iwl_common/open", ICLS_FINAL},
    {ICLS_CLAIM_FULL_LSTM, ICLS_ARM_FULL_LSTM, "icl/closed", ICLS_FINAL},
};

static const struct {
    int claim;
    stoa_icls_arm_id with, without;
    stoa_icls_pick pick; /* of in-context accuracy, closed */
} gains[] = {
    {ICLS_CLAIM_LABELS, ICLS_ARM_LABELS_4, ICLS_ARM_CLASSES_1024, ICLS_FINAL},
    {ICLS_CLAIM_COPIES, ICLS_ARM_COPIES_CONTEXT, ICLS_ARM_SPREAD_05, ICLS_FINAL},
    {ICLS_CLAIM_COPIES_FALL, ICLS_ARM_COPIES_CONTEXT, ICLS_ARM_SPREAD_05, ICLS_FALL},
    {ICLS_CLAIM_LEAST_FRESH, ICLS_ARM_LEAST_FRESH, ICLS_ARM_LEAST_FEW, ICLS_FINAL},
};

static void no_folder(const stoa_icls_study *study, stoa_finding *f) {
    if (f->seeds == 0 && !study->settings.omniglot[0])
        snprintf(f->note, sizeof f->note,
                 "needs Omniglot: --set omniglot=FOLDER (stoa data omniglot makes it)");
}

static const stoa_icls_arm_id bursts[] = {ICLS_ARM_BURST_0, ICLS_ARM_BURST_50, ICLS_ARM_BURST_90,
                                          ICLS_ARM_BURST_100};
static const stoa_icls_arm_id tasks[] = {ICLS_ARM_TASKS_1,   ICLS_ARM_TASKS_4,
                                         ICLS_ARM_TASKS_16,  ICLS_ARM_TASKS_64,
                                         ICLS_ARM_TASKS_256, ICLS_ARM_TASKS_1024};

/* The least step up along arms; slack is the claim's. */
static stoa_finding ordered(const stoa_icls_study *study, const stoa_icls_arm_id *arms,
                            size_t count, const char *series) {
    stoa_finding f = {.value = {NAN, NAN, NAN}, .seeds = INT64_MAX};
    double before = NAN;
    for (size_t i = 0; i < count; i++) {
        int64_t n;
        double now = stoa_icls_mean(study, arms[i], series, ICLS_FINAL, &n).value;
        f.seeds = n < f.seeds ? n : f.seeds;
        if (i > 0 && !(f.value.value <= now - before))
            f.value.value = now - before;
        before = now;
    }
    if (f.seeds == 0)
        f.value.value = NAN;
    return f;
}

static stoa_finding highest_of_recurrent(const stoa_icls_study *study) {
    const stoa_icls_sweep *sweeps[] = {&stoa_icls_by_burst_lstm, &stoa_icls_by_burst_rnn};
    stoa_finding f = {.value = {NAN, NAN, NAN}, .seeds = INT64_MAX};
    for (int s = 0; s < 2; s++)
        for (int i = 0; i < sweeps[s]->count; i++) {
            int64_t n;
            stoa_icls_arm_id arm = sweeps[s]->at[i].arm;
            stoa_interval mean = stoa_icls_mean(study, arm, "icl/closed", ICLS_FINAL, &n);
            f.seeds = n < f.seeds ? n : f.seeds;
            if (n == 0 || f.value.value >= mean.value)
                continue;
            f.value = mean;
            snprintf(f.note, sizeof f.note, "of %s", stoa_icls_arms[arm].title);
        }
    return f;
}

void stoa_icls_findings(const stoa_icls_study *study, stoa_finding f[ICLS_CLAIM_COUNT]) {
    for (int i = 0; i < ICLS_CLAIM_COUNT; i++)
        f[i] = (stoa_finding){.value = {NAN, NAN, NAN}};
    for (size_t i = 0; i < sizeof means / sizeof *means; i++) {
        stoa_finding *at = &f[means[i].claim];
        at->value = stoa_icls_mean(study, means[i].arm, means[i].series, means[i].pick, &at->seeds);
        if (stoa_icls_families[stoa_icls_arms[means[i].arm].family].omniglot)
            no_folder(study, at);
    }
    for (size_t i = 0; i < sizeof gains / sizeof *gains; i++) {
        stoa_finding *at = &f[gains[i].claim];
        at->value = stoa_icls_gain(study, gains[i].with, gains[i].without, "icl/closed",
                                   gains[i].pick, &at->seeds);
    }
    f[ICLS_CLAIM_ORDERED] = ordered(study, bursts, sizeof bursts / sizeof *bursts, "icl/closed");
    f[ICLS_CLAIM_TASKS_ORDERED] =
        ordered(study, tasks, sizeof tasks / sizeof *tasks, "task_new/to_ridge");
    f[ICLS_CLAIM_RECURRENT] = highest_of_recurrent(study);
}
