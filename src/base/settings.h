/*
 * base/settings.h - what the YAML reader needs of the settings table.
 */
#ifndef STOA_BASE_SETTINGS_H
#define STOA_BASE_SETTINGS_H

#include "stoa/base.h"

/* A value as it was written: one scalar, or the items of a list. */
typedef struct stoa_setting_value {
    bool list;
    bool quoted; // a scalar in quotes: text, never a number
    size_t count;
    stoa_view item[STOA_SETTING_ITEMS];
} stoa_setting_value;

/* Index of the row of key, or table.count. */
size_t stoa_setting_find(stoa_settings_table table, stoa_view key);

/* The first row below section ("model" for "model.width"), or table.count. */
size_t stoa_setting_section(stoa_settings_table table, stoa_view section);

/* Fails with: unknown setting "key"; did you mean "..."? */
stoa_status stoa_setting_unknown(stoa_settings_table table, stoa_view key, stoa_error *err);

/* Checks value and stores it in its field of target. On failure target is unchanged. */
stoa_status stoa_setting_store(const stoa_setting *row, void *target,
                               const stoa_setting_value *value, stoa_error *err);

#endif /* STOA_BASE_SETTINGS_H */
