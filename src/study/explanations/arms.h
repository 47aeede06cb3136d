/*
 * study/explanations/arms.h - every arm, one row: its task, and what it sets over the task's
 * settings. Tasks hold what their arms share (tasks.c).
 */
#ifndef STOA_STUDY_EXPLANATIONS_ARMS_H
#define STOA_STUDY_EXPLANATIONS_ARMS_H

#include "stoa/study.h"

#define EXS_SILENT  "objectives="
#define EXS_EXPLAIN "objectives=explanations"

/* clang-format off */
#define EXS_ARMS(X)                                                                                \
    /* a single choice */                                                                          \
    X(NONE,           "none",           "none",                  CHOICE, EXS_SILENT)               \
    X(PROPERTIES,     "properties",     "properties",            CHOICE,                           \
      EXS_EXPLAIN, "explanations.kinds=properties")                                                \
    X(REWARD,         "reward",         "reward",                CHOICE,                           \
      EXS_EXPLAIN, "explanations.kinds=reward")                                                    \
    X(FULL,           "full",           "properties and reward", CHOICE, EXS_EXPLAIN)              \
    X(SHUFFLED,       "shuffled",       "both, shuffled",        CHOICE,                           \
      EXS_EXPLAIN, "explanations.shuffled=true")                                                   \
    X(IRRELEVANT,     "irrelevant",     "both, irrelevant",      CHOICE,                           \
      EXS_EXPLAIN, "env.irrelevant=true")                                                          \
    X(RECONSTRUCTION, "reconstruction", "pictures told again",   CHOICE,                           \
      "objectives=reconstruction")                                                                 \
    X(CONFOUNDED_NONE,    "confounded-none",    "none",           CONFOUNDED, EXS_SILENT)          \
    X(CONFOUNDED_COLOR,   "confounded-color",   "of the colour",  CONFOUNDED,                      \
      EXS_EXPLAIN, "env.concept=color")                                                            \
    X(CONFOUNDED_TEXTURE, "confounded-texture", "of the texture", CONFOUNDED,                      \
      EXS_EXPLAIN, "env.concept=texture")                                                          \
    X(CONFOUNDED_SHAPE,   "confounded-shape",   "of the shape",   CONFOUNDED,                      \
      EXS_EXPLAIN, "env.concept=shape")                                                            \
    /* the small room: properties are told before the choice, rewards after it */                  \
    X(ROOM_NONE,           "room-none",           "none",                  ROOM, EXS_SILENT)       \
    X(ROOM_FULL,           "room-full",           "properties and reward", ROOM, EXS_EXPLAIN)      \
    X(ROOM_PROPERTIES,     "room-properties",     "properties",            ROOM_MORE,              \
      EXS_EXPLAIN, "explanations.kinds=properties")                                                \
    X(ROOM_REWARD,         "room-reward",         "reward",                ROOM_MORE,              \
      EXS_EXPLAIN, "explanations.kinds=reward")                                                    \
    X(ROOM_SHUFFLED,       "room-shuffled",       "both, shuffled",        ROOM_MORE,              \
      EXS_EXPLAIN, "explanations.shuffled=true")                                                   \
    X(ROOM_IRRELEVANT,     "room-irrelevant",     "both, irrelevant",      ROOM_MORE,              \
      EXS_EXPLAIN, "env.irrelevant=true")                                                          \
    X(ROOM_RECONSTRUCTION, "room-reconstruction", "observation told again", ROOM_MORE,             \
      "objectives=reconstruction")                                                                 \
    X(ROOM_HEARD,          "room-heard",          "both, heard, not said", ROOM_MORE,              \
      EXS_SILENT, "env.heard=true")                                                                \
    X(ROOM_CONFOUNDED_NONE,    "room-confounded-none",    "none",           ROOM_CONFOUNDED,       \
      EXS_SILENT)                                                                                  \
    X(ROOM_CONFOUNDED_COLOR,   "room-confounded-color",   "of the colour",  ROOM_CONFOUNDED,       \
      EXS_EXPLAIN, "env.concept=color")                                                            \
    X(ROOM_CONFOUNDED_TEXTURE, "room-confounded-texture", "of the texture", ROOM_CONFOUNDED,       \
      EXS_EXPLAIN, "env.concept=texture")                                                          \
    X(ROOM_CONFOUNDED_SHAPE,   "room-confounded-shape",   "of the shape",   ROOM_CONFOUNDED,       \
      EXS_EXPLAIN, "env.concept=shape")                                                            \
    X(META_EASY_NONE, "meta-easy-none", "easy, none",  META, EXS_SILENT,  "env.level=meta_easy")   \
    X(META_EASY,      "meta-easy",      "easy, both",  META, EXS_EXPLAIN, "env.level=meta_easy")   \
    X(META_HARD1,     "meta-hard1",     "hard 1, both", META, EXS_EXPLAIN, "env.level=meta_hard1") \
    X(META_HARD2,     "meta-hard2",     "hard 2, both", META, EXS_EXPLAIN, "env.level=meta_hard2") \
    X(META_HARD3,     "meta-hard3",     "hard 3, both", META, EXS_EXPLAIN, "env.level=meta_hard3") \
    /* the published room */                                                                       \
    X(FAITHFUL_NONE,           "faithful-none",           "none",                  FAITHFUL,       \
      EXS_SILENT)                                                                                  \
    X(FAITHFUL_FULL,           "faithful-full",           "properties and reward", FAITHFUL,       \
      EXS_EXPLAIN)                                                                                 \
    X(FAITHFUL_PROPERTIES,     "faithful-properties",     "properties",            FAITHFUL,       \
      EXS_EXPLAIN, "explanations.kinds=properties")                                                \
    X(FAITHFUL_REWARD,         "faithful-reward",         "reward",                FAITHFUL,       \
      EXS_EXPLAIN, "explanations.kinds=reward")                                                    \
    X(FAITHFUL_SHUFFLED,       "faithful-shuffled",       "both, shuffled",        FAITHFUL,       \
      EXS_EXPLAIN, "explanations.shuffled=true")                                                   \
    X(FAITHFUL_IRRELEVANT,     "faithful-irrelevant",     "both, irrelevant",      FAITHFUL,       \
      EXS_EXPLAIN, "env.irrelevant=true")                                                          \
    X(FAITHFUL_RECONSTRUCTION, "faithful-reconstruction", "observation told again", FAITHFUL,      \
      "objectives=reconstruction")                                                                 \
    X(FAITHFUL_TRANSFORMER,    "faithful-transformer",    "both, transformer",     FAITHFUL,       \
      EXS_EXPLAIN, "agent.core=transformer", "agent.core_layers=2", "agent.core_heads=4",          \
      "agent.core_memory=128")                                                                     \
    X(FAITHFUL_CONFOUNDED_NONE,    "faithful-confounded-none",    "none",                          \
      FAITHFUL_CONFOUNDED, EXS_SILENT)                                                             \
    X(FAITHFUL_CONFOUNDED_COLOR,   "faithful-confounded-color",   "of the colour",                 \
      FAITHFUL_CONFOUNDED, EXS_EXPLAIN, "env.concept=color")                                       \
    X(FAITHFUL_CONFOUNDED_TEXTURE, "faithful-confounded-texture", "of the texture",                \
      FAITHFUL_CONFOUNDED, EXS_EXPLAIN, "env.concept=texture")                                     \
    X(FAITHFUL_CONFOUNDED_SHAPE,   "faithful-confounded-shape",   "of the shape",                  \
      FAITHFUL_CONFOUNDED, EXS_EXPLAIN, "env.concept=shape")                                       \
    X(FAITHFUL_META_EASY_NONE, "faithful-meta-easy-none", "easy, none",   FAITHFUL_META,           \
      EXS_SILENT, "env.level=meta_easy")                                                           \
    X(FAITHFUL_META_EASY,      "faithful-meta-easy",      "easy, both",   FAITHFUL_META,           \
      EXS_EXPLAIN, "env.level=meta_easy")                                                          \
    X(FAITHFUL_META_HARD1,     "faithful-meta-hard1",     "hard 1, both", FAITHFUL_META,           \
      EXS_EXPLAIN, "env.level=meta_hard1")                                                         \
    X(FAITHFUL_META_HARD2,     "faithful-meta-hard2",     "hard 2, both", FAITHFUL_META,           \
      EXS_EXPLAIN, "env.level=meta_hard2")                                                         \
    X(FAITHFUL_META_HARD3,     "faithful-meta-hard3",     "hard 3, both", FAITHFUL_META,           \
      EXS_EXPLAIN, "env.level=meta_hard3")
/* clang-format on */

/* ORDER stoa_exs_tasks in tasks.c */
typedef enum stoa_exs_task_id {
    EXS_TASK_CHOICE,
    EXS_TASK_CONFOUNDED,
    EXS_TASK_ROOM,
    EXS_TASK_ROOM_MORE, /* the same room: arms with seeds and steps of their own */
    EXS_TASK_ROOM_CONFOUNDED,
    EXS_TASK_META,
    EXS_TASK_FAITHFUL,
    EXS_TASK_FAITHFUL_CONFOUNDED,
    EXS_TASK_FAITHFUL_META,
    EXS_TASK_COUNT
} stoa_exs_task_id;

/* What is looked at after training. */
typedef enum stoa_exs_kind {
    EXS_BASIC,      /* right by dimension */
    EXS_AMBIGUOUS,  /* what is picked where the dimensions disagree */
    EXS_EXPERIMENTS /* right in experiments and in the test behind them */
} stoa_exs_kind;

enum { EXS_DIMENSIONS = 4, EXS_LOOKS = 3, EXS_BASES = 3 };
extern const char *const stoa_exs_dimensions[EXS_DIMENSIONS]; /* "color" */

typedef struct stoa_exs_task {
    const char *name; /* as in steps.<name> */
    stoa_exs_kind kind;
    int dimensions;                     /* that are odd in turn: the first so many */
    bool more;                          /* its arms get more_seeds */
    bool published;                     /* the published room, seen as the study's settings say */
    double step_cost;                   /* relative, for the progress bar */
    const char *steps;                  /* what its steps are: "episodes" */
    const char *const *base[EXS_BASES]; /* "key=value" lists, in order; each NULL-terminated */
} stoa_exs_task;
extern const stoa_exs_task stoa_exs_tasks[EXS_TASK_COUNT];

#define EXS_ARM_ID(id, name, title, task, ...) EXS_##id,
typedef enum stoa_exs_arm_id { EXS_ARMS(EXS_ARM_ID) EXS_ARM_COUNT } stoa_exs_arm_id;
#undef EXS_ARM_ID

typedef struct stoa_exs_arm {
    const char *name, *title; /* as in --arm and keys; as in tables */
    stoa_exs_task_id task;
    const char *const *set; /* over the task's settings; NULL-terminated */
} stoa_exs_arm;
extern const stoa_exs_arm stoa_exs_arms[EXS_ARM_COUNT];
extern const char *const stoa_exs_arm_names[EXS_ARM_COUNT + 1];

enum { EXS_SETS = 96 };
/* All settings of an arm, in order; returns how many of at most EXS_SETS. Those of the objective
 * `explanations` are left out where the arm does not have it. */
int stoa_exs_sets(stoa_exs_arm_id arm, const char **list);
/* What the task's settings say of a key ("env.colors"); NULL: nothing. */
const char *stoa_exs_says(stoa_exs_task_id task, const char *key);

#endif /* STOA_STUDY_EXPLANATIONS_ARMS_H */
