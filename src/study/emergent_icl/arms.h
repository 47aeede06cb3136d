/*
 * study/emergent_icl/arms.h - every arm, one row: what is trained, in which family, with which
 * seeds, and what it sets over its family's settings.
 *
 * Families hold what their arms share (arms.c); claims name arms, figures line them up (sweeps.c).
 * CLAIMED arms are compared by claims and get the study's seeds, MORE arms the fewer ones; so do
 * those of tasks and of the minimal model, although claims compare them, to keep the study short.
 */
#ifndef STOA_STUDY_EMERGENT_ICL_ARMS_H
#define STOA_STUDY_EMERGENT_ICL_ARMS_H

#define ICLS_K(n) "data.classes=" #n
#define ICLS_P(p) "data.bursty=" #p
#define ICLS_A(a) ICLS_K(4096), "data.zipf=" #a

/* clang-format off */
#define ICLS_ARMS(X)                                                                               \
    /* share of bursty sequences; K 2,048. p_b 0.9 is also the middle of other sweeps */           \
    X(BURST_0,    "burst-0",    "p_b 0",    MINI, CLAIMED, ICLS_P(0))                              \
    X(BURST_25,   "burst-0.25", "p_b 0.25", MINI, CLAIMED, ICLS_P(0.25))                           \
    X(BURST_50,   "burst-0.5",  "p_b 0.5",  MINI, CLAIMED, ICLS_P(0.5))                            \
    X(BURST_75,   "burst-0.75", "p_b 0.75", MINI, CLAIMED, ICLS_P(0.75))                           \
    X(BURST_90,   "burst-0.9",  "p_b 0.9",  MINI, CLAIMED, ICLS_P(0.9))                            \
    X(BURST_95,   "burst-0.95", "p_b 0.95", MINI, CLAIMED, ICLS_P(0.95))                           \
    X(BURST_100,  "burst-1",    "p_b 1",    MINI, CLAIMED, ICLS_P(1))                              \
    X(LSTM_0,     "lstm-0",     "LSTM, p_b 0",    LSTM, CLAIMED, ICLS_P(0))                        \
    X(LSTM_25,    "lstm-0.25",  "LSTM, p_b 0.25", LSTM, CLAIMED, ICLS_P(0.25))                     \
    X(LSTM_50,    "lstm-0.5",   "LSTM, p_b 0.5",  LSTM, CLAIMED, ICLS_P(0.5))                      \
    X(LSTM_75,    "lstm-0.75",  "LSTM, p_b 0.75", LSTM, CLAIMED, ICLS_P(0.75))                     \
    X(LSTM_90,    "lstm-0.9",   "LSTM, p_b 0.9",  LSTM, CLAIMED, ICLS_P(0.9))                      \
    X(LSTM_95,    "lstm-0.95",  "LSTM, p_b 0.95", LSTM, CLAIMED, ICLS_P(0.95))                     \
    X(LSTM_100,   "lstm-1",     "LSTM, p_b 1",    LSTM, CLAIMED, ICLS_P(1))                        \
    X(RNN_0,      "rnn-0",      "RNN, p_b 0",     RNN, CLAIMED, ICLS_P(0))                         \
    X(RNN_25,     "rnn-0.25",   "RNN, p_b 0.25",  RNN, CLAIMED, ICLS_P(0.25))                      \
    X(RNN_50,     "rnn-0.5",    "RNN, p_b 0.5",   RNN, CLAIMED, ICLS_P(0.5))                       \
    X(RNN_75,     "rnn-0.75",   "RNN, p_b 0.75",  RNN, CLAIMED, ICLS_P(0.75))                      \
    X(RNN_90,     "rnn-0.9",    "RNN, p_b 0.9",   RNN, CLAIMED, ICLS_P(0.9))                       \
    X(RNN_95,     "rnn-0.95",   "RNN, p_b 0.95",  RNN, CLAIMED, ICLS_P(0.95))                      \
    X(RNN_100,    "rnn-1",      "RNN, p_b 1",     RNN, CLAIMED, ICLS_P(1))                         \
    /* number of classes; p_b 0.9 */                                                               \
    X(CLASSES_128,  "classes-128",  "128 classes",   MINI, MORE,    ICLS_K(128))                   \
    X(CLASSES_512,  "classes-512",  "512 classes",   MINI, CLAIMED, ICLS_K(512))                   \
    X(CLASSES_1024, "classes-1024", "1,024 classes", MINI, CLAIMED, ICLS_K(1024))                  \
    X(CLASSES_4096, "classes-4096", "4,096 classes", MINI, CLAIMED, ICLS_K(4096))                  \
    X(CLASSES_8192, "classes-8192", "8,192 classes", MINI, MORE,    ICLS_K(8192))                  \
    /* Zipf's exponent; K 4,096, p_b 0.9 */                                                        \
    X(ZIPF_05, "zipf-0.5", "alpha 0.5", MINI, MORE,    ICLS_A(0.5))                                \
    X(ZIPF_1,  "zipf-1",   "alpha 1",   MINI, CLAIMED, ICLS_A(1))                                  \
    X(ZIPF_15, "zipf-1.5", "alpha 1.5", MINI, MORE,    ICLS_A(1.5))                                \
    X(ZIPF_2,  "zipf-2",   "alpha 2",   MINI, CLAIMED, ICLS_A(2))                                  \
    X(ZIPF_3,  "zipf-3",   "alpha 3",   MINI, MORE,    ICLS_A(3))                                  \
    /* labels a class, variation within one, exact copies; K 1,024, p_b 0.9 */                     \
    X(LABELS_2,  "labels-2",   "2 labels a class", MINI, MORE,                                     \
      ICLS_K(1024), "data.labels_per_class=2")                                                     \
    X(LABELS_4,  "labels-4",   "4 labels a class", MINI, CLAIMED,                                  \
      ICLS_K(1024), "data.labels_per_class=4")                                                     \
    X(SPREAD_0,  "spread-0",   "variation 0",   MINI, MORE,    ICLS_K(1024), "data.spread=0")      \
    X(SPREAD_05, "spread-0.5", "variation 0.5", MINI, CLAIMED, ICLS_K(1024), "data.spread=0.5")    \
    X(COPIES_CONTEXT, "copies-context", "variation 0.5, copies in the context", MINI, CLAIMED,     \
      ICLS_K(1024), "data.spread=0.5", "data.copies=context")                                      \
    X(COPIES_QUERY, "copies-query", "variation 0.5, the query a copy too", MINI, MORE,             \
      ICLS_K(1024), "data.spread=0.5", "data.copies=query")                                        \
    /* weight decay; K 2,048, p_b 0.9 */                                                           \
    X(DECAY_02, "decay-0.2", "weight decay 0.2", MINI, CLAIMED, "train.weight_decay=0.2")          \
    X(DECAY_1,  "decay-1",   "weight decay 1",   MINI, MORE,    "train.weight_decay=1")            \
    /* other models and data; K 2,048, p_b 0.9 unless said */                                      \
    X(ONE_HEAD, "one-head", "one head a layer", MINI, CLAIMED, "model.heads=1")                    \
    X(FRESH,    "fresh-0.1", "p_b 0, 10 % of sequences of fresh classes", MINI, MORE,              \
      ICLS_P(0), "data.fresh=0.1")                                                                 \
    X(DEEP_90,     "deep-0.9",     "3 layers, p_b 0.9",             DEEP, CLAIMED, ICLS_P(0.9))    \
    X(ROUTED_0,    "routed-0",     "3 layers, one routed, p_b 0",   DEEP, CLAIMED,                 \
      ICLS_P(0), "model.capacity=0.5")                                                             \
    X(ROUTED_90,   "routed-0.9",   "3 layers, one routed, p_b 0.9", DEEP, CLAIMED,                 \
      ICLS_P(0.9), "model.capacity=0.5")                                                           \
    X(ROUTED_100,  "routed-1",     "3 layers, one routed, p_b 1",   DEEP, MORE,                    \
      ICLS_P(1), "model.capacity=0.5")                                                             \
    X(ROUTED_ZIPF, "routed-zipf-1", "3 layers, one routed, alpha 1", DEEP, MORE,                   \
      ICLS_A(1), "model.capacity=0.5")                                                             \
    X(RULES_0,   "rules-0", "compounds, p_b 0", RULES, CLAIMED, ICLS_P(0))                         \
    X(RULES_100, "rules-1", "compounds, p_b 1", RULES, CLAIMED, ICLS_P(1))                         \
    /* pictures on 14 x 14 dots, linear embedder */                                                \
    X(GLYPHS_0,   "glyphs-0",   "glyphs, p_b 0",   GLYPHS, CLAIMED, ICLS_P(0))                     \
    X(GLYPHS_90,  "glyphs-0.9", "glyphs, p_b 0.9", GLYPHS, CLAIMED, ICLS_P(0.9))                   \
    X(GLYPHS_100, "glyphs-1",   "glyphs, p_b 1",   GLYPHS, MORE,    ICLS_P(1))                     \
    X(OMNI_0,     "omni-0",     "Omniglot, p_b 0",   OMNI, MORE,    ICLS_P(0))                     \
    X(OMNI_90,    "omni-0.9",   "Omniglot, p_b 0.9", OMNI, CLAIMED, ICLS_P(0.9))                   \
    /* linear regression: how many tasks there are to train on */                                  \
    X(TASKS_1,    "tasks-1",    "1 task",        TASKS, MORE, ICLS_K(1))                           \
    X(TASKS_4,    "tasks-4",    "4 tasks",       TASKS, MORE, ICLS_K(4))                           \
    X(TASKS_16,   "tasks-16",   "16 tasks",      TASKS, MORE, ICLS_K(16))                          \
    X(TASKS_64,   "tasks-64",   "64 tasks",      TASKS, MORE, ICLS_K(64))                          \
    X(TASKS_256,  "tasks-256",  "256 tasks",     TASKS, MORE, ICLS_K(256))                         \
    X(TASKS_1024, "tasks-1024", "1,024 tasks",   TASKS, MORE, ICLS_K(1024))                        \
    X(TASKS_4096, "tasks-4096", "4,096 tasks",   TASKS, MORE, ICLS_K(4096))                        \
    X(TASKS_ALL,  "tasks-all",  "endless tasks", TASKS, MORE, "data.fresh=1")                      \
    /* Reddy's minimal model: K classes, B copies of each in a sequence */                         \
    X(LEAST_MANY,  "minimal-4096",   "4,096 classes, B 4", MINIMAL, MORE, ICLS_K(4096), ICLS_B4)    \
    X(LEAST_EVEN,  "minimal-even",   "4,096 classes, nothing bursty", MINIMAL, MORE,               \
      ICLS_K(4096), ICLS_B4, ICLS_P(0))                                                            \
    X(LEAST_SOME,  "minimal-512",    "512 classes, B 4", MINIMAL, MORE, ICLS_K(512), ICLS_B4)       \
    X(LEAST_FEW,   "minimal-512-b2", "512 classes, B 2", MINIMAL, MORE, ICLS_K(512), ICLS_B2)       \
    X(LEAST_FRESH, "minimal-fresh",  "512 classes, B 2, half of the sequences of fresh classes",   \
      MINIMAL, MORE, ICLS_K(512), ICLS_B2, "data.fresh=0.5")                                       \
    /* the paper's own model on Omniglot */                                                        \
    X(FULL_0,      "full-0",      "1,600 classes, p_b 0",          FULL, CLAIMED, ICLS_P(0))       \
    X(FULL_90,     "full-0.9",    "1,600 classes, p_b 0.9",        FULL, CLAIMED, ICLS_P(0.9))     \
    X(FULL_100,    "full-1",      "1,600 classes, p_b 1",          FULL, MORE,    ICLS_P(1))       \
    X(FULL_LSTM,   "full-lstm",   "LSTM, 1,600 classes, p_b 0.9",  FULL, CLAIMED,                  \
      "model.core=lstm", "model.mlp=none", "model.final_norm=false")                               \
    X(FULL_ZIPF_0, "full-zipf-0", "12,800 classes, alpha 0",       FULL, CLAIMED, ICLS_MULTIPLIED(0)) \
    X(FULL_ZIPF_1, "full-zipf-1", "12,800 classes, alpha 1",       FULL, CLAIMED, ICLS_MULTIPLIED(1)) \
    X(FULL_ZIPF_2, "full-zipf-2", "12,800 classes, alpha 2",       FULL, MORE,    ICLS_MULTIPLIED(2))
/* clang-format on */

#define ICLS_B2            "data.ways=4", "data.shots=2"
#define ICLS_B4            "data.ways=2", "data.shots=4"
#define ICLS_MULTIPLIED(a) ICLS_K(12800), "data.multiply=true", "data.holdout=80", "data.zipf=" #a

/* ORDER families in arms.c */
typedef enum stoa_icls_family_id {
    ICLS_MINI,
    ICLS_LSTM,
    ICLS_RNN,
    ICLS_DEEP,
    ICLS_RULES,
    ICLS_GLYPHS,
    ICLS_TASKS,
    ICLS_MINIMAL,
    ICLS_OMNI, /* this and the next: only with a folder of Omniglot */
    ICLS_FULL,
    ICLS_FAMILIES
} stoa_icls_family_id;

typedef struct stoa_icls_family {
    const char *name, *title; /* as in steps.<name> */
    int64_t evaluations;      /* during a run, at even distances */
    bool omniglot;            /* needs the folder */
    bool one_thread;          /* small steps: more threads would only wait for each other */
    double step_cost;         /* relative, for the progress bar */
    const char *const *set;   /* "key=value", NULL-terminated */
} stoa_icls_family;
extern const stoa_icls_family stoa_icls_families[ICLS_FAMILIES];

#define ICLS_ARM_ID(id, name, title, family, seeds, ...) ICLS_ARM_##id,
typedef enum stoa_icls_arm_id { ICLS_ARMS(ICLS_ARM_ID) ICLS_ARM_COUNT } stoa_icls_arm_id;
#undef ICLS_ARM_ID

typedef enum stoa_icls_role { ICLS_CLAIMED, ICLS_MORE } stoa_icls_role;

typedef struct stoa_icls_arm {
    const char *name, *title; /* as in --arm and keys; as in tables */
    stoa_icls_family_id family;
    stoa_icls_role seeds;
    const char *const *set; /* over the family's settings */
} stoa_icls_arm;
extern const stoa_icls_arm stoa_icls_arms[ICLS_ARM_COUNT];
extern const char *const stoa_icls_arm_names[ICLS_ARM_COUNT + 1];

#endif /* STOA_STUDY_EMERGENT_ICL_ARMS_H */
