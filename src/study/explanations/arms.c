/*
 * study/explanations/arms.c - the arms, as settings of `stoa train`.
 *
 * Agent and learner are those of the dossier's section 6, tier A: layers of 64-64 for each picture,
 * all four side by side into 256-256, a choice and a value; episodes of one step, so V-trace is
 * REINFORCE with a value as baseline; Adam at 3e-4 on batches of 256 episodes. Explanations weigh
 * 0.3. Matrix products in bf16. Eight colours, six textures, eight shapes.
 */
#include "study/explanations/ex.h"

#define SETS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define EXPLAIN   "objectives=explanations"

const char *const stoa_exs_dimensions[EXS_DIMENSIONS + 1] = {"color", "texture", "shape", NULL};

const char *const stoa_exs_common[] = {
    "env.name=odd-one-out-choice",
    "env.instances=32",
    "env.colors=8",
    "env.textures=6",
    "env.shapes=8",
    "precision=bf16",
    "agent.object_width=64",
    "agent.object_layers=2",
    "agent.encoder_width=256",
    "agent.encoder_layers=2",
    "train.learner=vtrace",
    "train.unroll=8",
    "train.discount=0",
    "train.mean_loss=true",
    "train.entropy_weight=0.01",
    "train.rate=3e-4",
    "train.eps=1e-8",
    "train.clip=0",
    "train.window=8192",
    NULL,
};

/* ORDER stoa_exs_arm_id */
const stoa_exs_arm stoa_exs_arms[EXS_ARM_COUNT] = {
    [EXS_NONE] = {"none", "none", EXS_CHOICE, SETS("objectives=")},
    [EXS_PROPERTIES] = {"properties", "properties", EXS_CHOICE,
                        SETS(EXPLAIN, "explanations.kinds=properties")},
    [EXS_REWARD] = {"reward", "reward", EXS_CHOICE, SETS(EXPLAIN, "explanations.kinds=reward")},
    [EXS_FULL] = {"full", "properties and reward", EXS_CHOICE, SETS(EXPLAIN)},
    [EXS_SHUFFLED] = {"shuffled", "both, shuffled", EXS_CHOICE,
                      SETS(EXPLAIN, "explanations.shuffled=true")},
    [EXS_IRRELEVANT] = {"irrelevant", "both, irrelevant", EXS_CHOICE,
                        SETS(EXPLAIN, "env.irrelevant=true")},
    [EXS_RECONSTRUCTION] = {"reconstruction", "pictures told again", EXS_CHOICE,
                            SETS("objectives=reconstruction")},
    [EXS_CONFOUNDED_NONE] = {"confounded-none", "none", EXS_CONFOUNDED,
                             SETS("objectives=", "env.level=confounded")},
    [EXS_CONFOUNDED_COLOR] = {"confounded-color", "of the colour", EXS_CONFOUNDED,
                              SETS(EXPLAIN, "env.level=confounded", "env.concept=color")},
    [EXS_CONFOUNDED_TEXTURE] = {"confounded-texture", "of the texture", EXS_CONFOUNDED,
                                SETS(EXPLAIN, "env.level=confounded", "env.concept=texture")},
    [EXS_CONFOUNDED_SHAPE] = {"confounded-shape", "of the shape", EXS_CONFOUNDED,
                              SETS(EXPLAIN, "env.level=confounded", "env.concept=shape")},
};

const char *const stoa_exs_arm_names[EXS_ARM_COUNT + 1] = {
    "none",
    "properties",
    "reward",
    "full",
    "shuffled",
    "irrelevant",
    "reconstruction",
    "confounded-none",
    "confounded-color",
    "confounded-texture",
    "confounded-shape",
    NULL,
};
