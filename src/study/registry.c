/*
 * The registry: every study is one row, and one file of this folder that defines it.
 */
#include <assert.h>
#include <string.h>

#include "stoa/study.h"
#include "study/emergent_icl/study.h"
#include "study/explanations/study.h"
#include "study/mixture_of_depths/study.h"
#include "study/synthetic_returns/study.h"

/* One row a study; NULL ends the table. */
static const stoa_study *const studies[] = {
    &stoa_study_mixture_of_depths,
    &stoa_study_synthetic_returns,
    &stoa_study_explanations,
    &stoa_study_emergent_icl,
    NULL,
};

int stoa_study_count(void) {
    return (int)(sizeof studies / sizeof *studies) - 1;
}

const stoa_study *stoa_study_at(int i) {
    assert(i >= 0 && i < stoa_study_count());
    return studies[i];
}

const stoa_study *stoa_study_find(const char *name, stoa_error *err) {
    const char *names[sizeof studies / sizeof *studies] = {NULL};
    for (int i = 0; i < stoa_study_count(); i++) {
        names[i] = studies[i]->name;
        if (strcmp(name, names[i]) == 0)
            return studies[i];
    }
    const char *near = stoa_nearest(name, names, (size_t)stoa_study_count());
    stoa_fail(err, STOA_ERR_USAGE, "there is no study '%s'%s%s%s", name,
              near ? "; did you mean '" : "; `stoa list studies` names them", near ? near : "",
              near ? "'?" : "");
    return NULL;
}

bool stoa_study_wants(const stoa_study_options *options, const char *arm) {
    for (int i = 0; i < options->arms_count; i++)
        if (strcmp(options->arms[i], arm) == 0)
            return true;
    return options->arms_count == 0;
}

stoa_status stoa_study_check(const stoa_study *study, const stoa_study_options *options,
                             stoa_error *err) {
    size_t known = 0;
    while (study->arms && study->arms[known])
        known++;
    for (int i = 0; i < options->arms_count; i++) {
        bool found = false;
        for (size_t k = 0; k < known; k++)
            found = found || strcmp(options->arms[i], study->arms[k]) == 0;
        if (found)
            continue;
        const char *near = known > 0 ? stoa_nearest(options->arms[i], study->arms, known) : NULL;
        return stoa_fail(err, STOA_ERR_USAGE, "study %s has no arm '%s'%s%s%s", study->name,
                         options->arms[i], near ? "; did you mean '" : "", near ? near : "",
                         near ? "'?" : "");
    }
    if (!options->out || !*options->out)
        return stoa_fail(err, STOA_ERR_USAGE, "study %s needs a folder to write to", study->name);
    return stoa_mkdirs(options->out, err);
}
