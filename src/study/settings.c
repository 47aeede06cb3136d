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
