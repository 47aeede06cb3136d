/* study/settings.h - the YAML files of studies/, carried inside the program. */
#ifndef STOA_STUDY_SETTINGS_H
#define STOA_STUDY_SETTINGS_H

#include "stoa/study.h"

/* The text of studies/<name>.yaml, or NULL. */
const char *stoa_study_settings(const char *name);
/* Fills target, a struct described by table: defaults, then studies/<study>.<scale>.yaml, then
 * options->set. name: room for "<study>.<scale>", what messages call the file. */
enum { STOA_STUDY_NAME = 64 };
stoa_status stoa_study_settings_load(stoa_settings_table table, void *target, const char *study,
                                     const stoa_study_options *options, char name[STOA_STUDY_NAME],
                                     stoa_error *err);
/* The seeds of the command line, if it names any, take the place of the list. */
void stoa_study_take_seeds(const stoa_study_options *options, stoa_int_list *seeds);
/* The same for a study of arms. Seeds of the command line take the place of both lists, its jobs
 * that of jobs; all three lie within target. An empty list is an error. */
stoa_status stoa_study_arm_settings_load(stoa_settings_table table, void *target, const char *study,
                                         const stoa_study_options *options, stoa_int_list *seeds,
                                         stoa_int_list *more_seeds, int64_t *jobs, stoa_error *err);

#endif /* STOA_STUDY_SETTINGS_H */
