/* study/emergent_icl/settings.c - the study's settings: studies/emergent-icl.<scale>.yaml. */
#include "study/settings.h"

#include <string.h>

#include "study/emergent_icl/icls.h"

#define AT(field) offsetof(stoa_icls_settings, field)
#define STEPS(name, family)                                                                        \
    {                                                                                              \
        "steps." name, STOA_SET_INT, AT(steps) + (family) * sizeof(int64_t), "0", 0, 1e12, NULL,   \
            "Steps of a run of this family; 0 leaves it out."                                      \
    }

static const stoa_setting rows[] = {
    STEPS("mini", ICLS_MINI),
    STEPS("lstm", ICLS_LSTM),
    STEPS("rnn", ICLS_RNN),
    STEPS("deep", ICLS_DEEP),
    STEPS("rules", ICLS_RULES),
    STEPS("glyphs", ICLS_GLYPHS),
    STEPS("tasks", ICLS_TASKS),
    STEPS("minimal", ICLS_MINIMAL),
    STEPS("omniglot", ICLS_OMNI),
    STEPS("full", ICLS_FULL),
    {"omniglot", STOA_SET_STRING, AT(omniglot), "", 0, 0, NULL,
     "Folder that `stoa data omniglot IMPORT --out FOLDER` made; empty leaves out what needs it."},
    {"evaluations", STOA_SET_INT, AT(evaluations), "200", 1, 200, NULL,
     "Evaluations during a run, at most."},
    {"eval_sequences", STOA_SET_INT, AT(eval_sequences), "1000", 1, 1e7, NULL,
     "Sequences of each kind that an evaluation reads."},
    {"jobs", STOA_SET_INT, AT(jobs), "2", 1, 256, NULL,
     "Runs side by side, which share the threads."},
    {"seeds", STOA_SET_INTS, AT(seeds), "[11, 12, 13, 14, 15]", 0, 1e9, NULL,
     "Seeds of the arms that claims compare."},
    {"more_seeds", STOA_SET_INTS, AT(more_seeds), "[11, 12, 13]", 0, 1e9, NULL,
     "Seeds of the other arms."},
};

stoa_status stoa_icls_settings_load(const stoa_study_options *o, stoa_icls_settings *out,
                                    stoa_error *err) {
    stoa_settings_table table = {rows, sizeof rows / sizeof rows[0]};
    memset(out, 0, sizeof *out);
    return stoa_study_arm_settings_load(table, out, "emergent-icl", o, &out->seeds,
                                        &out->more_seeds, &out->jobs, err);
}
