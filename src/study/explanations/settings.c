/* study/explanations/settings.c - the study's settings: studies/explanations.<scale>.yaml. */
#include <string.h>

#include "study/explanations/ex.h"
#include "study/settings.h"

#define AT(field) offsetof(stoa_exs_settings, field)

static const stoa_setting rows[] = {
    {"steps.choice", STOA_SET_INT, AT(steps) + EXS_CHOICE * sizeof(int64_t), "0", 0, 1e15, NULL,
     "Episodes of a run of the single choice; 0 leaves it out."},
    {"steps.confounded", STOA_SET_INT, AT(steps) + EXS_CONFOUNDED * sizeof(int64_t), "0", 0, 1e15,
     NULL, "And of the confounded one."},
    {"eval_episodes", STOA_SET_INT, AT(eval_episodes), "8192", 1, 1e7, NULL,
     "Episodes that a trained agent is scored on."},
    {"jobs", STOA_SET_INT, AT(jobs), "2", 1, 256, NULL,
     "Runs side by side, which share the threads."},
    {"seeds", STOA_SET_INTS, AT(seeds), "[1, 2, 3]", 0, 1e9, NULL, "Seeds of every arm."},
};

stoa_status stoa_exs_settings_load(const stoa_study_options *o, stoa_exs_settings *out,
                                   stoa_error *err) {
    stoa_settings_table table = {rows, sizeof rows / sizeof rows[0]};
    char name[STOA_STUDY_NAME];
    memset(out, 0, sizeof *out);
    STOA_TRY(stoa_study_settings_load(table, out, "explanations", o, name, err));
    if (o->seeds_count > 0)
        out->seeds.count = o->seeds_count;
    for (int i = 0; i < o->seeds_count; i++)
        out->seeds.item[i] = o->seeds[i];
    if (o->jobs > 0)
        out->jobs = o->jobs;
    if (out->seeds.count < 1)
        return stoa_fail(err, STOA_ERR_USAGE, "%s: seeds must not be empty", name);
    return STOA_OK;
}
