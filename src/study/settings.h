/* study/settings.h - the YAML files of studies/, carried inside the program. */
#ifndef STOA_STUDY_SETTINGS_H
#define STOA_STUDY_SETTINGS_H

/* The text of studies/<name>.yaml, or NULL. */
const char *stoa_study_settings(const char *name);

#endif /* STOA_STUDY_SETTINGS_H */
