/* env/odd_one_out/figures.c - what an episode is summed up by: right or wrong, in which dimension.
 */
#include <math.h>
#include <stdio.h>

#include "env/odd_one_out/odd.h"

void stoa_odd_put(stoa_odd_figures *f, const char *name, float value) {
    f->name[f->count] = name;
    f->value[f->count++] = value;
}

void stoa_odd_put_concepts(stoa_odd_figures *f, int concepts, const stoa_odd_scene *scene,
                           float correct) {
    static const char *const names[STOA_ODD_DIMENSIONS] = {"correct_color", "correct_texture",
                                                           "correct_shape", "correct_position"};
    for (int d = 0; d < concepts; d++)
        stoa_odd_put(f, names[d], scene->concept == d ? correct : NAN);
}

void stoa_odd_put_picked(stoa_odd_figures *f, const stoa_odd_scene *scene, int chosen) {
    static const char *const names[STOA_ODD_LOOKS] = {"picked_color", "picked_texture",
                                                      "picked_shape"};
    bool any = chosen != STOA_ODD_NONE, odd = false;
    for (int d = 0; d < STOA_ODD_LOOKS; d++) {
        bool this = any && scene->odd[d] == chosen;
        stoa_odd_put(f, names[d], this);
        odd = odd || this;
    }
    stoa_odd_put(f, "picked_none", any && !odd);
}

void stoa_odd_name_metrics(const stoa_odd_figures *f, stoa_env_spec *spec) {
    for (int m = 0; m < f->count; m++)
        snprintf(spec->metrics[spec->metric_count++], STOA_ENV_NAME, "%s", f->name[m]);
}
