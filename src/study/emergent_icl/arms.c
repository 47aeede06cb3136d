/*
 * study/emergent_icl/arms.c - families and arms, as settings of `stoa train`.
 *
 * All but the paper's own model are small: the preset mini on Gaussian classes, two layers, every
 * figure of the paper in seconds a run. What differs from it is said here and nowhere else.
 */
#include "study/emergent_icl/icls.h"

#define SETS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define NONE      ((const char *const[]){NULL})

/* 14 x 14 dots, a linear embedder, 32 labels, MLPs in both layers. */
#define PICTURES                                                                                   \
    "data.side=14", "data.classes=1500", "data.holdout=123", "model.heads=8", "model.mlp=all",     \
        "model.item_scale=0", "train.batch=32", "train.rate=1e-3"

const stoa_icls_family stoa_icls_families[ICLS_FAMILIES] = {
    [ICLS_MINI] = {"mini", "transformer", 32, false, true, 2.0, NONE},
    /* two layers of 64 units, the same MLP and head; the forget gate's bias begins at 1 */
    [ICLS_LSTM] = {"lstm", "LSTM", 12, false, true, 4.3, SETS("model.core=lstm")},
    [ICLS_RNN] = {"rnn", "RNN", 12, false, true, 1.6, SETS("model.core=rnn", "train.rate=1e-3")},
    /* the block in the middle may be routed: the first and the last see every token */
    [ICLS_DEEP] = {"deep", "three layers", 16, false, true, 3.0, SETS("model.layers=3")},
    [ICLS_RULES] = {"rules", "compounds", 16, false, true, 2.0,
                    SETS("data.source=compounds", "data.label_rule=feature", "data.classes=1536",
                         "data.holdout=512")},
    [ICLS_GLYPHS] = {"glyphs", "glyphs", 16, false, true, 2.4,
                     SETS("data.source=glyphs", PICTURES)},
    [ICLS_TASKS] = {"tasks", "linear regression", 16, false, true, 7.5, SETS("preset=tasks")},
    /* ten times the published rate, for a tenth of the steps: calibrated with seed 101 */
    [ICLS_MINIMAL] = {"minimal", "minimal model", 24, false, true, 3.4,
                      SETS("preset=minimal", "train.rate=0.1")},
    [ICLS_OMNI] = {"omniglot", "Omniglot, small", 24, true, true, 2.4,
                   SETS("data.source=omniglot", PICTURES, "data.mean=0.0805", "data.sd=0.196")},
    [ICLS_FULL] = {"full", "the paper's model", 50, true, false, 300,
                   SETS("preset=full", "data.source=omniglot", "data.side=105", "data.ink=paper",
                        "data.classes=1613", "data.holdout=10")},
};

#define ROW(id, name, title, family, seeds, ...)                                                   \
    [ICLS_ARM_##id] = {name, title, ICLS_##family, ICLS_##seeds, SETS(__VA_ARGS__)},
const stoa_icls_arm stoa_icls_arms[ICLS_ARM_COUNT] = {ICLS_ARMS(ROW)};

#define NAME(id, name, title, family, seeds, ...) name,
const char *const stoa_icls_arm_names[ICLS_ARM_COUNT + 1] = {ICLS_ARMS(NAME) NULL};
