/* study/synthetic_returns/settings.c - the study's settings:
 * studies/synthetic-returns.<scale>.yaml.
 */
#include <string.h>

#include "study/settings.h"
#include "study/synthetic_returns/sr.h"

#define AT(field) offsetof(stoa_srs_settings, field)
#define STEPS(name, task)                                                                          \
    {                                                                                              \
        "steps." name, STOA_SET_INT, AT(steps) + (task) * sizeof(int64_t), "0", 0, 1e15, NULL,     \
            "Environment steps of a run of this task; 0 leaves it out."                            \
    }

static const stoa_setting rows[] = {
    STEPS("chain", SRS_CHAIN),
    STEPS("catch-1", SRS_CATCH_1),
    STEPS("catch-5", SRS_CATCH_5),
    STEPS("catch-10", SRS_CATCH_10),
    STEPS("catch-20", SRS_CATCH_20),
    STEPS("catch-40", SRS_CATCH_40),
    STEPS("key-to-door", SRS_KEY),
    STEPS("key-to-door-memory", SRS_KEY_MEMORY),
    STEPS("slalom", SRS_SLALOM),
    STEPS("skiing", SRS_SKIING),
    {"eval_episodes", STOA_SET_INT, AT(eval_episodes), "200", 1, 1e6, NULL,
     "Episodes that a trained agent is scored on."},
    {"trace_episodes", STOA_SET_INT, AT(trace_episodes), "20", 1, 1e4, NULL,
     "Episodes whose contributions are looked into."},
    {"jobs", STOA_SET_INT, AT(jobs), "2", 1, 256, NULL,
     "Runs side by side, which share the threads."},
    {"seeds", STOA_SET_INTS, AT(seeds), "[1, 2, 3, 4, 5]", 0, 1e9, NULL,
     "Seeds of the arms that claims compare."},
    {"ablation_seeds", STOA_SET_INTS, AT(ablations), "[1, 2, 3]", 0, 1e9, NULL,
     "Seeds of the other arms."},
};

stoa_status stoa_srs_settings_load(const stoa_study_options *o, stoa_srs_settings *out,
                                   stoa_error *err) {
    stoa_settings_table table = {rows, sizeof rows / sizeof rows[0]};
    memset(out, 0, sizeof *out);
    return stoa_study_arm_settings_load(table, out, "synthetic-returns", o, &out->seeds,
                                        &out->ablations, &out->jobs, err);
}
