/* study/explanations/settings.c - the study's settings: studies/explanations.<scale>.yaml. */
#include <string.h>

#include "study/explanations/ex.h"
#include "study/settings.h"

#define AT(field) offsetof(stoa_exs_settings, field)
#define STEPS(name, task, help)                                                                    \
    { "steps." name, STOA_SET_INT, AT(steps) + (task) * sizeof(int64_t), "0", 0, 1e15, NULL, help }

const char *const stoa_exs_observations[] = {"image", "symbols", "list", "pictures", NULL};

static const stoa_setting rows[] = {
    STEPS("choice", EXS_TASK_CHOICE,
          "Episodes of a run of the single choice; 0 leaves it out, here and below."),
    STEPS("confounded", EXS_TASK_CONFOUNDED, "And of the confounded one."),
    STEPS("room", EXS_TASK_ROOM,
          "Environment steps of a run in the small room, without explanations and with both."),
    STEPS("room-more", EXS_TASK_ROOM_MORE, "And with one kind alone, and of the controls."),
    STEPS("room-confounded", EXS_TASK_ROOM_CONFOUNDED, "Of a confounded run in the small room."),
    STEPS("meta", EXS_TASK_META, "Of a run with experiments there."),
    STEPS("faithful", EXS_TASK_FAITHFUL, "Of a run in the published room."),
    STEPS("faithful-confounded", EXS_TASK_FAITHFUL_CONFOUNDED, "Of a confounded run there."),
    STEPS("faithful-meta", EXS_TASK_FAITHFUL_META, "Of a run with experiments there."),
    {"observation", STOA_SET_CHOICE, AT(observation), "image", 0, 0, stoa_exs_observations,
     "What agents see of the published room."},
    {"eval_episodes", STOA_SET_INT, AT(eval_episodes), "8192", 1, 1e7, NULL,
     "Episodes that a trained agent is scored on."},
    {"jobs", STOA_SET_INT, AT(jobs), "2", 1, 256, NULL,
     "Runs side by side, which share the threads."},
    {"seeds", STOA_SET_INTS, AT(seeds), "[1, 2, 3]", 0, 1e9, NULL, "Seeds of every arm but these:"},
    {"more_seeds", STOA_SET_INTS, AT(more_seeds), "[1, 2, 3]", 0, 1e9, NULL,
     "Seeds of the arms of room-more, room-confounded and meta."},
};

stoa_status stoa_exs_settings_load(const stoa_study_options *o, stoa_exs_settings *out,
                                   stoa_error *err) {
    stoa_settings_table table = {rows, sizeof rows / sizeof rows[0]};
    memset(out, 0, sizeof *out);
    return stoa_study_arm_settings_load(table, out, "explanations", o, &out->seeds,
                                        &out->more_seeds, &out->jobs, err);
}
