/*
 * settings_join.c - several settings tables as one: what a run is made of (a world, a learner, the
 * terms of its loss) brings its own table, and a file is checked against all of them at once.
 */
#include "base/settings.h"

#include <string.h>

/* Bytes of the rows, and of the keys behind them. */
static size_t measure(const stoa_settings_part *parts, size_t count, size_t *rows) {
    size_t text = 0;
    *rows = 0;
    for (size_t p = 0; p < count; p++)
        for (size_t i = 0; i < parts[p].table.count; i++, ++*rows)
            text += strlen(parts[p].table.rows[i].key) + 1 +
                    (parts[p].prefix ? strlen(parts[p].prefix) + 1 : 0);
    return text;
}

stoa_status stoa_settings_join(stoa_settings_table *out, const stoa_settings_part *parts,
                               size_t count, stoa_error *err) {
    size_t rows, text = measure(parts, count, &rows);
    stoa_setting *joined = stoa_alloc(rows * sizeof *joined + text + 1);
    *out = (stoa_settings_table){joined, rows};
    if (!joined)
        return stoa_fail(err, STOA_ERR_MEMORY, "out of memory for the table of settings");
    char *key = (char *)(joined + rows), *end = key + text + 1;
    stoa_setting *row = joined;
    for (size_t p = 0; p < count; p++)
        for (size_t i = 0; i < parts[p].table.count; i++, row++) {
            const char *name = parts[p].table.rows[i].key, *prefix = parts[p].prefix;
            *row = parts[p].table.rows[i];
            row->offset += parts[p].offset;
            row->key = key;
            key += snprintf(key, (size_t)(end - key), "%s%s%s", prefix ? prefix : "",
                            prefix ? "." : "", name) +
                   1;
        }
    return STOA_OK;
}

void stoa_settings_join_free(stoa_settings_table *table) {
    void *rows = (void *)(uintptr_t)table->rows; /* made by join, so not constant */
    stoa_free(rows);
    *table = (stoa_settings_table){0};
}
