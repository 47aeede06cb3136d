/* study/settings.c - a study's settings at a scale, from its YAML file and the command line. */
#include "study/settings.h"

stoa_status stoa_study_settings_load(stoa_settings_table table, void *target, const char *study,
                                     const stoa_study_options *options, char name[STOA_STUDY_NAME],
                                     stoa_error *err) {
    snprintf(name, STOA_STUDY_NAME, "%s.%s", study, stoa_scale_name(options->scale));
    const char *yaml = stoa_study_settings(name);
    STOA_TRY(stoa_settings_defaults(table, target, err));
    if (yaml)
        STOA_TRY(stoa_settings_parse(table, target, name, stoa_view_of(yaml), NULL, err));
    for (int i = 0; i < options->set_count; i++)
        STOA_TRY(stoa_settings_set(table, target, options->set[i], NULL, err));
    if (options->seeds_count > STOA_SETTING_ITEMS)
        return stoa_fail(err, STOA_ERR_USAGE, "at most %d seeds", STOA_SETTING_ITEMS);
    return STOA_OK;
}

void stoa_study_take_seeds(const stoa_study_options *options, stoa_int_list *seeds) {
    if (options->seeds_count > 0)
        seeds->count = options->seeds_count;
    for (int i = 0; i < options->seeds_count; i++)
        seeds->item[i] = options->seeds[i];
}

stoa_status stoa_study_arm_settings_load(stoa_settings_table table, void *target, const char *study,
                                         const stoa_study_options *options, stoa_int_list *seeds,
                                         stoa_int_list *more_seeds, int64_t *jobs,
                                         stoa_error *err) {
    char name[STOA_STUDY_NAME];
    STOA_TRY(stoa_study_settings_load(table, target, study, options, name, err));
    stoa_study_take_seeds(options, seeds);
    stoa_study_take_seeds(options, more_seeds);
    if (options->jobs > 0)
        *jobs = options->jobs;
    if (seeds->count < 1 || more_seeds->count < 1)
        return stoa_fail(err, STOA_ERR_USAGE, "%s: seeds must not be empty", name);
    return STOA_OK;
}
