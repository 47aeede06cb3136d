/*
 * study/synthetic_returns/arms.c - tasks and arms, as settings of `stoa train`.
 *
 * Agent and learner are those of the prototype in the dossier's section 6: an encoder of 64, an
 * LSTM of 64 that also reads the last action and reward, V-trace over 50 steps of 16 instances with
 * Adam at 1e-3, and networks c, g and b of 64-64. Matrix products in bf16, as when the rate was
 * chosen.
 */
#include "study/synthetic_returns/sr.h"

#define SETS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define NONE      "objectives="
/* c, g and b of 64-64 */
#define SR "objectives=synthetic-returns", "synthetic-returns.width=64"

/* Every run's, before its task's and its arm's. */
const char *const stoa_srs_common[] = {
    "env.instances=16",       "train.unroll=50",
    "train.rate=1e-3",        "precision=bf16",
    "agent.encoder_width=64", "agent.core=lstm",
    "agent.core_width=64",    "agent.last_action=true",
    "agent.last_reward=true", "train.learner=vtrace",
    "train.discount=0.97",    "train.entropy_weight=0.01",
    "train.clip=40",          NULL,
};

/* ORDER stoa_srs_task_id */
const stoa_srs_task stoa_srs_tasks[SRS_TASK_COUNT] = {
    [SRS_CHAIN] = {"chain", "Chain", SETS("env.name=chain"), "trigger visited", "trigger", NULL},
    [SRS_CATCH_1] = {"catch-1", "Catch, 1 drop an episode", SETS("env.name=catch", "env.drops=1"),
                     "catch rate", "catch", "miss"},
    [SRS_CATCH_5] = {"catch-5", "Catch, 5 drops an episode", SETS("env.name=catch", "env.drops=5"),
                     "catch rate", "catch", "miss"},
    [SRS_CATCH_10] = {"catch-10", "Catch, 10 drops an episode",
                      SETS("env.name=catch", "env.drops=10"), "catch rate", "catch", "miss"},
    [SRS_CATCH_20] = {"catch-20", "Catch, 20 drops an episode",
                      SETS("env.name=catch", "env.drops=20"), "catch rate", "catch", "miss"},
    [SRS_CATCH_40] = {"catch-40", "Catch, 40 drops an episode",
                      SETS("env.name=catch", "env.drops=40"), "catch rate", "catch", "miss"},
    /* Four times the instances: at first one episode in seven has a key. */
    [SRS_KEY] = {"key-to-door", "Key-to-Door",
                 SETS("env.name=key-to-door", "env.observation=cells", "env.instances=64",
                      "train.unroll=60", "train.stagger=true", "train.rate=5e-4",
                      "train.reward_scale=0.1"),
                 "last phase's reward", "key", NULL},
    /* The agent of temporal value transport (Hung et al. 2019), which reads its memory by content,
     * with their learner's settings but for four times the instances, and a rate that falls from
     * five times theirs to 0. An unroll is an episode, as value is carried within one. */
    [SRS_KEY_MEMORY] = {"key-to-door-memory", "Key-to-Door, agents with an external memory",
                        SETS("env.name=key-to-door", "env.observation=cells", "env.instances=64",
                             "agent.core=memory", "agent.encoder_width=128", "agent.core_width=128",
                             "agent.head_width=128", "agent.memory_rows=120", "train.unroll=120",
                             "train.discount=0.92", "train.lambda=0.92", "train.value_weight=0.4",
                             "train.entropy_weight=0.05", "train.rate=1e-3",
                             "train.schedule=linear", "train.beta1=0", "train.beta2=0.95",
                             "train.eps=1e-6", "train.clip=0",
                             "objectives=temporal-value-transport"),
                        "last phase's reward", NULL, NULL},
    /* A run is a thousand steps: long unrolls, so that few states are read again each update. */
    [SRS_SLALOM] = {"slalom", "Slalom",
                    SETS("env.name=slalom", "env.instances=32", "train.unroll=240",
                         "train.stagger=true", "train.schedule=linear"),
                    "gates passed", "passed", "missed"},
    /* a missed gate costs 500 at the end, a step 3 to 7: scaled as Slalom is */
    [SRS_SKIING] = {"skiing", "Atari Skiing",
                    SETS("env.name=gym:ALE/Skiing-v5", "env.instances=16", "agent.image=impala",
                         "train.reward_scale=0.001", "train.schedule=linear"),
                    "return", NULL, NULL},
};

/* Key-to-Door: the gate is held open, which makes the regression linear in c: a gate that is
 * learned closes under the apples before the key's share is found. c must then be paid for at each
 * of the hundred steps behind it, so it is small, and alpha large. Read after the core, the bias
 * knows what an apple is worth in this episode. */
#define KEY_SR         SR, "train.discount=0.9", "synthetic-returns.alpha=100", "synthetic-returns.unit=0.1"
#define KEY_OPEN       "synthetic-returns.gate=one"
#define KEY_CENTER     "synthetic-returns.center=true"
#define KEY_AFTER_CORE "synthetic-returns.after_core=true"

/* Slalom: c of what every run has alike, gates that come by for one, may drift without a price, and
 * a skier follows the drift to the edge of the slope before the gates mean anything; the ridge lets
 * it fade. */
#define SLALOM_SR                                                                                  \
    SR, "train.discount=0.99", "train.entropy_weight=0.03", "synthetic-returns.beta=0",            \
        "synthetic-returns.alpha=3", "synthetic-returns.unit=0.1"
#define SLALOM_CENTER "synthetic-returns.center=true"
#define SLALOM_RIDGE  "synthetic-returns.ridge=30"

/* With synthetic returns a terminal sum is best left to them alone (beta 0): it is the variance
 * that they take away. Where ordinary rewards matter too (apples, seconds), beta is 1. */
#define CATCH_SR "synthetic-returns.beta=0"

/* ORDER stoa_srs_arm_id */
const stoa_srs_arm stoa_srs_arms[SRS_ARM_COUNT] = {
    [SRS_CHAIN_LEARNER] = {"chain-learner", "V-trace", SRS_CHAIN, SETS(NONE)},
    [SRS_CHAIN_SR] = {"chain-sr", "V-trace + SR", SRS_CHAIN, SETS(SR, CATCH_SR)},

    [SRS_CATCH_1_LEARNER] = {"catch-1-learner", "V-trace", SRS_CATCH_1, SETS(NONE)},
    [SRS_CATCH_5_LEARNER] = {"catch-5-learner", "V-trace", SRS_CATCH_5, SETS(NONE)},
    [SRS_CATCH_5_SR] = {"catch-5-sr", "V-trace + SR", SRS_CATCH_5, SETS(SR, CATCH_SR)},
    [SRS_CATCH_10_LEARNER] = {"catch-10-learner", "V-trace", SRS_CATCH_10, SETS(NONE)},
    [SRS_CATCH_10_SR] = {"catch-10-sr", "V-trace + SR", SRS_CATCH_10, SETS(SR, CATCH_SR)},

    [SRS_LEARNER] = {"learner", "V-trace, discount 0.97", SRS_CATCH_20, SETS(NONE)},
    [SRS_LEARNER_99] = {"learner-0.99", "V-trace, discount 0.99", SRS_CATCH_20,
                        SETS(NONE, "train.discount=0.99")},
    [SRS_LEARNER_NEAR_1] = {"learner-0.998", "V-trace, discount 0.998", SRS_CATCH_20,
                            SETS(NONE, "train.discount=0.998")},
    /* of 5e-4, 1e-3 and 2e-3 the learner alone does best with the last */
    [SRS_LEARNER_TUNED] = {"learner-0.99-tuned", "V-trace, discount 0.99, its own best rate",
                           SRS_CATCH_20, SETS(NONE, "train.discount=0.99", "train.rate=2e-3")},
    [SRS_SR] = {"sr", "V-trace + SR, beta 0", SRS_CATCH_20, SETS(SR, CATCH_SR)},
    [SRS_SR_BETA_1] = {"sr-beta-1", "beta 1", SRS_CATCH_20, SETS(SR, "synthetic-returns.beta=1")},
    [SRS_SR_GATE_ONE] = {"sr-gate-one", "beta 0, gate fixed to 1", SRS_CATCH_20,
                         SETS(SR, CATCH_SR, "synthetic-returns.gate=one")},
    [SRS_SR_BETA_01] = {"sr-beta-0.1", "beta 0.1", SRS_CATCH_20,
                        SETS(SR, "synthetic-returns.beta=0.1")},
    [SRS_SR_ALPHA_1] = {"sr-alpha-1", "beta 1, alpha 1", SRS_CATCH_20,
                        SETS(SR, "synthetic-returns.beta=1", "synthetic-returns.alpha=1")},
    [SRS_SR_NO_BIAS] = {"sr-no-bias", "beta 0, no bias", SRS_CATCH_20,
                        SETS(SR, CATCH_SR, "synthetic-returns.bias=false")},
    [SRS_SR_NO_TIME] = {"sr-no-time", "beta 0, no time inputs", SRS_CATCH_20,
                        SETS(SR, CATCH_SR, "env.time=false")},
    [SRS_SR_AFTER_CORE] = {"sr-after-core", "beta 0, no time inputs, states after the core",
                           SRS_CATCH_20,
                           SETS(SR, CATCH_SR, "env.time=false",
                                "synthetic-returns.after_core=true")},

    [SRS_CATCH_40_LEARNER] = {"catch-40-learner", "V-trace", SRS_CATCH_40,
                              SETS(NONE, "train.stagger=true")},
    /* The sum of 400 remembered c takes smaller steps; instances apart, so that most updates see a
     * payment. Without either four seeds of five stayed at chance. */
    [SRS_CATCH_40_SR] = {"catch-40-sr", "V-trace + SR", SRS_CATCH_40,
                         SETS(SR, CATCH_SR, "synthetic-returns.unit=0.1", "train.stagger=true")},

    [SRS_KEY_LEARNER] = {"key-learner", "V-trace, discount 0.97", SRS_KEY, SETS(NONE)},
    [SRS_KEY_LEARNER_90] = {"key-learner-0.9", "V-trace, discount 0.9", SRS_KEY,
                            SETS(NONE, "train.discount=0.9")},
    [SRS_KEY_LEARNER_NEAR_1] = {"key-learner-0.998", "V-trace, discount 0.998", SRS_KEY,
                                SETS(NONE, "train.discount=0.998")},
    [SRS_KEY_SR] = {"key-sr", "V-trace + SR, discount 0.9", SRS_KEY,
                    SETS(KEY_SR, KEY_OPEN, KEY_CENTER, KEY_AFTER_CORE)},
    [SRS_KEY_SR_GATE] = {"key-sr-gate", "gate learned, alpha 1", SRS_KEY,
                         SETS(KEY_SR, KEY_CENTER, KEY_AFTER_CORE, "synthetic-returns.alpha=1")},
    [SRS_KEY_SR_NOT_CENTRED] = {"key-sr-not-centred", "c not centred", SRS_KEY,
                                SETS(KEY_SR, KEY_OPEN, KEY_AFTER_CORE)},
    [SRS_KEY_SR_BEFORE_CORE] = {"key-sr-before-core", "states before the core", SRS_KEY,
                                SETS(KEY_SR, KEY_OPEN, KEY_CENTER)},

    [SRS_KEY_TVT] = {"key-tvt", "temporal value transport", SRS_KEY_MEMORY,
                     SETS("temporal-value-transport.alpha=0.9")},
    [SRS_KEY_TVT_OFF] = {"key-tvt-off", "the same agent, nothing transported", SRS_KEY_MEMORY,
                         SETS("temporal-value-transport.alpha=0")},

    [SRS_SLALOM_LEARNER] = {"slalom-learner", "V-trace, discount 0.97", SRS_SLALOM, SETS(NONE)},
    [SRS_SLALOM_LEARNER_99] = {"slalom-learner-0.99", "V-trace, discount 0.99, entropy 0.03",
                               SRS_SLALOM,
                               SETS(NONE, "train.discount=0.99", "train.entropy_weight=0.03")},
    [SRS_SLALOM_LEARNER_NEAR_1] = {"slalom-learner-0.998", "V-trace, discount 0.998", SRS_SLALOM,
                                   SETS(NONE, "train.discount=0.998")},
    [SRS_SLALOM_SR] = {"slalom-sr", "V-trace + SR, discount 0.99", SRS_SLALOM,
                       SETS(SLALOM_SR, SLALOM_CENTER, SLALOM_RIDGE)},
    [SRS_SLALOM_SR_GATE_ONE] = {"slalom-sr-gate-one", "gate fixed to 1", SRS_SLALOM,
                                SETS(SLALOM_SR, SLALOM_CENTER, SLALOM_RIDGE,
                                     "synthetic-returns.gate=one")},
    [SRS_SLALOM_SR_NO_RIDGE] = {"slalom-sr-no-ridge", "no ridge", SRS_SLALOM,
                                SETS(SLALOM_SR, SLALOM_CENTER)},
    [SRS_SLALOM_SR_NOT_CENTRED] = {"slalom-sr-not-centred", "c not centred", SRS_SLALOM,
                                   SETS(SLALOM_SR, SLALOM_RIDGE)},

    [SRS_SKIING_LEARNER] = {"skiing-learner", "V-trace, discount 0.99, entropy 0.03", SRS_SKIING,
                            SETS(NONE, "train.discount=0.99", "train.entropy_weight=0.03")},
    /* as on Slalom; with the gate fixed to 1 and c of the plain size the regression blows up */
    [SRS_SKIING_SR] = {"skiing-sr", "V-trace + SR, discount 0.99", SRS_SKIING,
                       SETS(SLALOM_SR, SLALOM_CENTER, SLALOM_RIDGE,
                            "synthetic-returns.capacity=3000")},
};

const char *const stoa_srs_arm_names[SRS_ARM_COUNT + 1] = {
    "chain-learner",
    "chain-sr",
    "catch-1-learner",
    "catch-5-learner",
    "catch-5-sr",
    "catch-10-learner",
    "catch-10-sr",
    "learner",
    "learner-0.99",
    "learner-0.998",
    "learner-0.99-tuned",
    "sr",
    "sr-beta-1",
    "sr-gate-one",
    "sr-beta-0.1",
    "sr-alpha-1",
    "sr-no-bias",
    "sr-no-time",
    "sr-after-core",
    "catch-40-learner",
    "catch-40-sr",
    "key-learner",
    "key-learner-0.9",
    "key-learner-0.998",
    "key-sr",
    "key-sr-gate",
    "key-sr-not-centred",
    "key-sr-before-core",
    "key-tvt",
    "key-tvt-off",
    "slalom-learner",
    "slalom-learner-0.99",
    "slalom-learner-0.998",
    "slalom-sr",
    "slalom-sr-gate-one",
    "slalom-sr-no-ridge",
    "slalom-sr-not-centred",
    "skiing-learner",
    "skiing-sr",
    NULL,
};
