/* train/objective.c - every objective is one row here and one file beside it. */
#include "train/objective.h"

#include <assert.h>
#include <string.h>

#include "train/explanations.h"
#include "train/reconstruction.h"
#include "train/synthetic_returns.h"
#include "train/value_transport.h"

/* In the order `stoa list settings` shows. */
static const stoa_objective_class *const classes[] = {
    &stoa_objective_synthetic_returns,
    &stoa_objective_value_transport,
    &stoa_objective_explanations,
    &stoa_objective_reconstruction,
};

enum { COUNT = sizeof classes / sizeof *classes };

int stoa_objective_class_count(void) {
    return COUNT;
}

const stoa_objective_class *stoa_objective_class_at(int i) {
    assert(i >= 0 && i < COUNT);
    return classes[i];
}

const char *stoa_objective_class_name(const stoa_objective_class *class_) {
    return class_->name;
}

const char *stoa_objective_class_summary(const stoa_objective_class *class_) {
    return class_->summary;
}

stoa_settings_table stoa_objective_class_settings(const stoa_objective_class *class_) {
    return class_->settings();
}

const stoa_objective_class *stoa_objective_find(const char *name, stoa_error *err) {
    const char *names[COUNT];
    for (int i = 0; i < COUNT; i++) {
        names[i] = classes[i]->name;
        if (strcmp(name, names[i]) == 0)
            return classes[i];
    }
    const char *near = stoa_nearest(name, names, COUNT);
    stoa_fail(err, STOA_ERR_USAGE, "objectives: there is no '%s'%s%s%s", name,
              near ? "; did you mean '" : "; `stoa list objectives` names them", near ? near : "",
              near ? "'?" : "");
    return NULL;
}

/* The next name in a list separated by commas, spaces around it dropped; false at the end. */
static bool next_name(const char **list, char *name, size_t n) {
    *list += strspn(*list, ", ");
    size_t len = strcspn(*list, ",");
    if (len == 0)
        return false;
    size_t kept = len < n ? len : n - 1;
    while (kept > 0 && (*list)[kept - 1] == ' ')
        kept--;
    memcpy(name, *list, kept);
    name[kept] = 0;
    *list += len;
    return true;
}

stoa_status stoa_objective_list(const char *names, const stoa_objective_class **out, int *count,
                                stoa_error *err) {
    char name[64];
    for (*count = 0; next_name(&names, name, sizeof name); ++*count) {
        if (*count == STOA_OBJECTIVES)
            return stoa_fail(err, STOA_ERR_USAGE, "objectives: at most %d", STOA_OBJECTIVES);
        if (!(out[*count] = stoa_objective_find(name, err)))
            return STOA_ERR_USAGE;
        for (int i = 0; i < *count; i++)
            if (out[i] == out[*count])
                return stoa_fail(err, STOA_ERR_USAGE, "objectives: '%s' is listed twice", name);
    }
    return STOA_OK;
}
