/*
 * study/explanations/tasks.c - the tasks: worlds, agents and learners, as settings of `stoa train`.
 *
 * The single choice is the dossier's section 6, tier A: layers of 64-64 for each picture, all four
 * side by side into 256-256, a choice and a value; episodes of one step, so V-trace is REINFORCE
 * with a value as baseline; Adam at 3e-4 on batches of 256 episodes. The small room is its tier B:
 * a room of 5 x 5 cells, an LSTM of 128. The published room is its tier C.
 */
#include <string.h>

#include "study/explanations/ex.h"

#define SETS(...) ((const char *const[]){__VA_ARGS__, NULL})

const char *const stoa_exs_dimensions[EXS_DIMENSIONS] = {"color", "texture", "shape", "position"};

static const char *const choice[] = {
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

/* What was found by trying, on seed 101 alone (docs/studies/explanations.md, "The room"), for every
 * task in a room; rows `explanations.*` count where that objective is. Small batches, as it is the
 * number of updates that limits; small weights, as words with large ones take all of Adam's scale;
 * no reward to read, which would tell the verdict. */
const char *const stoa_exs_room[] = {
    "env.name=odd-one-out",
    "env.instances=32",
    "env.interior=5",
    "env.placement=cells",
    "env.steps=48",
    "env.phase=2",
    "env.colors=8",
    "env.textures=6",
    "env.shapes=8",
    "env.observation=pictures",
    "precision=bf16",
    "agent.object_width=64",
    "agent.object_layers=2",
    "agent.encoder_width=256",
    "agent.encoder_layers=3",
    "agent.core=lstm",
    "agent.core_width=128",
    "agent.last_action=true",
    "agent.last_reward=false",
    "train.learner=vtrace",
    "train.unroll=32",
    "train.discount=0.8",
    "train.mean_loss=true",
    "train.entropy_weight=0.01",
    "train.rate=5e-4",
    "train.schedule=linear",
    "train.eps=1e-5",
    "train.clip=40",
    "train.window=8192",
    "train.log_every=400",
    "explanations.property_weight=0.005",
    "explanations.reward_weight=0.005",
    NULL,
};

/* Four trials an episode. What an experiment came to is told by its reward alone, so here it is
 * read. The test pays ten, which would hurry the agent past its experiments: no more than one.
 * Words about things weigh less than those about the outcome, which teach to remember it
 * (docs/studies/explanations.md, "Experiments in the room"). */
static const char *const meta[] = {
    "agent.last_reward=true",
    "train.reward_clip=1",
    "explanations.property_weight=0.001",
    NULL,
};

/* As published: 11 x 11 cells with the wall, all values, objects by position classes. */
static const char *const faithful[] = {
    "env.interior=9",      "env.placement=classes",
    "env.steps=128",       "env.phase=16",
    "env.colors=19",       "env.textures=6",
    "env.shapes=11",       "agent.image=small",
    "train.discount=0.95", NULL,
};

static const char *const confounded[] = {"env.level=confounded", NULL};

/* ORDER stoa_exs_task_id */
const stoa_exs_task stoa_exs_tasks[EXS_TASK_COUNT] = {
    [EXS_TASK_CHOICE] = {.name = "choice",
                         .kind = EXS_BASIC,
                         .dimensions = EXS_LOOKS,
                         .step_cost = 1,
                         .steps = "episodes",
                         .base = {choice}},
    [EXS_TASK_CONFOUNDED] = {.name = "confounded",
                             .kind = EXS_AMBIGUOUS,
                             .step_cost = 1,
                             .steps = "episodes",
                             .base = {choice, confounded}},
    [EXS_TASK_ROOM] = {.name = "room",
                       .kind = EXS_BASIC,
                       .dimensions = EXS_LOOKS,
                       .step_cost = 4,
                       .steps = "environment steps",
                       .base = {stoa_exs_room}},
    [EXS_TASK_ROOM_MORE] = {.name = "room-more",
                            .kind = EXS_BASIC,
                            .dimensions = EXS_LOOKS,
                            .more = true,
                            .step_cost = 4,
                            .steps = "environment steps",
                            .base = {stoa_exs_room}},
    [EXS_TASK_ROOM_CONFOUNDED] = {.name = "room-confounded",
                                  .kind = EXS_AMBIGUOUS,
                                  .more = true,
                                  .step_cost = 4,
                                  .steps = "environment steps",
                                  .base = {stoa_exs_room, confounded}},
    [EXS_TASK_META] = {.name = "meta",
                       .kind = EXS_EXPERIMENTS,
                       .more = true,
                       .step_cost = 4,
                       .steps = "environment steps",
                       .base = {stoa_exs_room, meta}},
    [EXS_TASK_FAITHFUL] = {.name = "faithful",
                           .kind = EXS_BASIC,
                           .dimensions = EXS_DIMENSIONS,
                           .published = true,
                           .step_cost = 40,
                           .steps = "environment steps",
                           .base = {stoa_exs_room, faithful}},
    [EXS_TASK_FAITHFUL_CONFOUNDED] = {.name = "faithful-confounded",
                                      .kind = EXS_AMBIGUOUS,
                                      .published = true,
                                      .step_cost = 40,
                                      .steps = "environment steps",
                                      .base = {stoa_exs_room, faithful, confounded}},
    [EXS_TASK_FAITHFUL_META] = {.name = "faithful-meta",
                                .kind = EXS_EXPERIMENTS,
                                .published = true,
                                .step_cost = 40,
                                .steps = "environment steps",
                                .base = {stoa_exs_room, faithful, meta}},
};

#define ROW(id, name, title, task, ...)                                                            \
    [EXS_##id] = {name, title, EXS_TASK_##task, SETS(__VA_ARGS__)},
const stoa_exs_arm stoa_exs_arms[EXS_ARM_COUNT] = {EXS_ARMS(ROW)};
#undef ROW

#define NAME(id, name, title, task, ...) name,
const char *const stoa_exs_arm_names[EXS_ARM_COUNT + 1] = {EXS_ARMS(NAME) NULL};
#undef NAME

/* ---- settings of an arm ---------------------------------------------------------------------- */

static bool explains(stoa_exs_arm_id arm) {
    for (const char *const *set = stoa_exs_arms[arm].set; *set; set++)
        if (strcmp(*set, EXS_EXPLAIN) == 0)
            return true;
    return false;
}

static int add_sets(const char **list, int count, const char *const *more, bool explaining) {
    for (; more && *more && count < EXS_SETS; more++)
        if (explaining || strncmp(*more, "explanations.", 13) != 0)
            list[count++] = *more;
    return count;
}

int stoa_exs_sets(stoa_exs_arm_id arm, const char **list) {
    const stoa_exs_task *task = &stoa_exs_tasks[stoa_exs_arms[arm].task];
    bool explaining = explains(arm);
    int count = 0;
    for (int i = 0; i < EXS_BASES; i++)
        count = add_sets(list, count, task->base[i], explaining);
    return add_sets(list, count, stoa_exs_arms[arm].set, explaining);
}

const char *stoa_exs_says(stoa_exs_task_id task, const char *key) {
    size_t n = strlen(key);
    const char *found = NULL;
    for (int i = 0; i < EXS_BASES; i++)
        for (const char *const *set = stoa_exs_tasks[task].base[i]; set && *set; set++)
            if (strncmp(*set, key, n) == 0 && (*set)[n] == '=')
                found = *set + n + 1;
    return found;
}
