/*
 * Finished runs on disk, so that a study that was stopped continues where it was.
 *
 * runs/<key>.json holds the settings it was made with and their hash, the build, and the results.
 * JSON knows neither NaN nor infinities: those are written as the strings "nan", "inf", "-inf".
 * A file that cannot be used (other settings, damaged) is as good as absent: the run is made again
 * and replaces it.
 */
#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <math.h>
#include <string.h>
#include <xxhash.h>

#include "base/text.h"
#include "stoa/study.h"
#include "study/writer.h"

enum { MOST_BYTES = 256 << 20, HASH_TEXT = 33, MOST_KEY = 200 };

typedef enum entry_kind { ENTRY_NUMBER, ENTRY_SERIES, ENTRY_TEXT, ENTRY_KIND_COUNT } entry_kind;

// What the three kinds are called in the file.
static const char *const groups[] = {
    [ENTRY_NUMBER] = "numbers", [ENTRY_SERIES] = "series", [ENTRY_TEXT] = "texts"};
_Static_assert(sizeof groups / sizeof *groups == ENTRY_KIND_COUNT, "one name a kind");

typedef struct entry {
    entry_kind kind;
    char *name;
    double number;
    double *values;
    int64_t n;
    char *text;
    struct entry *next;
} entry;

struct stoa_run {
    entry *entries, **end;
    bool failed;
};

stoa_run *stoa_run_new(void) {
    stoa_run *run = stoa_alloc(sizeof *run);
    if (run)
        run->end = &run->entries;
    return run;
}

static void clear(entry *e) {
    stoa_free(e->values);
    stoa_free(e->text);
    e->values = NULL;
    e->text = NULL;
    e->n = 0;
}

void stoa_run_free(stoa_run *run) {
    for (entry *e = run ? run->entries : NULL, *next; e; e = next) {
        next = e->next;
        clear(e);
        stoa_free(e->name);
        stoa_free(e);
    }
    stoa_free(run);
}

static entry *find(const stoa_run *run, entry_kind kind, const char *name) {
    for (entry *e = run ? run->entries : NULL; e; e = e->next)
        if (e->kind == kind && strcmp(e->name, name) == 0)
            return e;
    return NULL;
}

// The entry of that name, emptied, or a new one. NULL when memory is short.
static entry *fresh(stoa_run *run, entry_kind kind, const char *name) {
    if (!run)
        return NULL;
    entry *e = find(run, kind, name);
    if (e) {
        clear(e);
        return e;
    }
    e = stoa_alloc(sizeof *e);
    char *copy = stoa_strdup(name);
    if (!e || !copy) {
        stoa_free(e);
        stoa_free(copy);
        run->failed = true;
        return NULL;
    }
    *e = (entry){.kind = kind, .name = copy};
    *run->end = e;
    run->end = &e->next;
    return e;
}

void stoa_run_number(stoa_run *run, const char *name, double value) {
    entry *e = fresh(run, ENTRY_NUMBER, name);
    if (e)
        e->number = value;
}

void stoa_run_series(stoa_run *run, const char *name, const double *values, int64_t n) {
    entry *e = fresh(run, ENTRY_SERIES, name);
    if (!e)
        return;
    e->values = stoa_alloc((size_t)(n > 0 ? n : 1) * sizeof *values);
    if (!e->values) {
        run->failed = true;
        return;
    }
    if (n > 0)
        memcpy(e->values, values, (size_t)n * sizeof *values);
    e->n = n;
}

void stoa_run_text(stoa_run *run, const char *name, const char *text) {
    entry *e = fresh(run, ENTRY_TEXT, name);
    if (!e)
        return;
    e->text = stoa_strdup(text);
    run->failed = run->failed || !e->text;
}

double stoa_run_get_number(const stoa_run *run, const char *name) {
    const entry *e = find(run, ENTRY_NUMBER, name);
    return e ? e->number : (double)NAN;
}

const double *stoa_run_get_series(const stoa_run *run, const char *name, int64_t *n) {
    const entry *e = find(run, ENTRY_SERIES, name);
    *n = e ? e->n : 0;
    return e ? e->values : NULL;
}

const char *stoa_run_get_text(const stoa_run *run, const char *name) {
    const entry *e = find(run, ENTRY_TEXT, name);
    return e ? e->text : NULL;
}

// ---- files --------------------------------------------------------------------------------------

static void hash_text(const char *settings, char out[HASH_TEXT]) {
    XXH128_hash_t hash = XXH3_128bits(settings, strlen(settings));
    snprintf(out, HASH_TEXT, "%016llx%016llx", (unsigned long long)hash.high64,
             (unsigned long long)hash.low64);
}

static stoa_status run_path(const char *folder, const char *key, char *dir, char *path,
                            stoa_error *err) {
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.+";
    size_t len = strlen(key);
    if (len == 0 || len > MOST_KEY || key[0] == '.' || strspn(key, allowed) != len)
        return stoa_fail(err, STOA_ERR_USAGE,
                         "'%.200s' cannot name a run; use letters, digits, '-', '_', '.', '+'",
                         key);
    char name[MOST_KEY + 8];
    snprintf(name, sizeof name, "%s.json", key);
    if (!stoa_path_join(dir, PATH_MAX, folder, "runs") ||
        !stoa_path_join(path, PATH_MAX, dir, name))
        return stoa_fail(err, STOA_ERR_USAGE, "%s: the path is too long", folder);
    return STOA_OK;
}

static void write_number(stoa_writer *j, double value) {
    char text[64];
    if (isfinite(value))
        stoa_write_number(j, value);
    else
        stoa_write_string(j, stoa_format_double(value, text, sizeof text));
}

static void write_entry(stoa_writer *j, const entry *e) {
    stoa_write_key(j, e->name);
    if (e->kind == ENTRY_NUMBER) {
        write_number(j, e->number);
    } else if (e->kind == ENTRY_TEXT) {
        stoa_write_string(j, e->text);
    } else {
        stoa_write_begin(j, '[');
        j->compact++;
        for (int64_t i = 0; i < e->n; i++)
            write_number(j, e->values[i]);
        stoa_write_end(j, '[');
        j->compact--;
    }
}

stoa_status stoa_run_save(const stoa_run *run, const char *folder, const char *key,
                          const char *settings, stoa_error *err) {
    char dir[PATH_MAX], path[PATH_MAX], hash[HASH_TEXT];
    STOA_TRY(run_path(folder, key, dir, path, err));
    if (!run || run->failed)
        return stoa_fail(err, STOA_ERR_MEMORY, "%s: no memory for the run's results", path);
    STOA_TRY(stoa_mkdirs(dir, err));
    hash_text(settings, hash);
    stoa_buffer text = {0};
    stoa_writer writer = {.out = &text}, *j = &writer;
    stoa_write_begin(j, '{');
    stoa_write_pair_string(j, "run", key);
    stoa_write_pair_string(j, "settings_hash", hash);
    stoa_write_pair_string(j, "build", stoa_build());
    for (int kind = 0; kind < ENTRY_KIND_COUNT; kind++) {
        stoa_write_key(j, groups[kind]);
        stoa_write_begin(j, '{');
        for (const entry *e = run->entries; e; e = e->next)
            if ((int)e->kind == kind)
                write_entry(j, e);
        stoa_write_end(j, '{');
    }
    stoa_write_pair_string(j, "settings", settings);
    stoa_write_end(j, '{');
    stoa_status status = text.failed
                             ? stoa_fail(err, STOA_ERR_MEMORY, "%s: no memory to write it", path)
                             : stoa_file_write(path, text.data, text.len, err);
    stoa_buffer_deinit(&text);
    return status;
}

// A number or one of the three strings; false for anything else.
static bool read_number(const json_t *value, double *out) {
    if (json_is_real(value)) {
        *out = json_real_value(value);
        return true;
    }
    static const struct {
        const char *text;
        double value;
    } table[] = {{"nan", (double)NAN}, {"inf", (double)INFINITY}, {"-inf", -(double)INFINITY}};
    for (size_t i = 0; json_is_string(value) && i < sizeof table / sizeof *table; i++)
        if (strcmp(json_string_value(value), table[i].text) == 0) {
            *out = table[i].value;
            return true;
        }
    return false;
}

static bool read_series(stoa_run *run, const char *name, const json_t *list) {
    if (!json_is_array(list))
        return false;
    size_t n = json_array_size(list);
    double *values = stoa_alloc((n > 0 ? n : 1) * sizeof *values);
    bool good = values != NULL;
    for (size_t i = 0; good && i < n; i++)
        good = read_number(json_array_get(list, i), &values[i]);
    if (good)
        stoa_run_series(run, name, values, (int64_t)n);
    stoa_free(values);
    return good;
}

static bool read_entry(stoa_run *run, entry_kind kind, const char *name, const json_t *value) {
    double number;
    switch (kind) {
    case ENTRY_NUMBER:
        if (!read_number(value, &number))
            return false;
        stoa_run_number(run, name, number);
        return true;
    case ENTRY_SERIES:
        return read_series(run, name, value);
    case ENTRY_TEXT:
        if (!json_is_string(value))
            return false;
        stoa_run_text(run, name, json_string_value(value));
        return true;
    case ENTRY_KIND_COUNT:
        break;
    }
    return false;
}

// Why the file cannot be used, or NULL with *out set.
static const char *read_run(stoa_run **out, const json_t *root, const char *settings) {
    char hash[HASH_TEXT];
    hash_text(settings, hash);
    const char *found = json_string_value(json_object_get(root, "settings_hash"));
    if (!found)
        return "it has no settings_hash";
    if (strcmp(found, hash) != 0)
        return "it was made with other settings";
    stoa_run *run = stoa_run_new();
    bool good = run != NULL;
    for (int kind = 0; good && kind < ENTRY_KIND_COUNT; kind++) {
        json_t *group = json_object_get(root, groups[kind]), *value;
        const char *name;
        good = json_is_object(group);
        if (good)
            json_object_foreach(group, name, value) {
                good = good && read_entry(run, (entry_kind)kind, name, value);
            }
    }
    if (good && !run->failed) {
        *out = run;
        return NULL;
    }
    stoa_run_free(run);
    return "its results are damaged";
}

stoa_status stoa_run_load(stoa_run **out, const char *folder, const char *key, const char *settings,
                          stoa_error *err) {
    char dir[PATH_MAX], path[PATH_MAX];
    *out = NULL;
    STOA_TRY(run_path(folder, key, dir, path, err));
    if (!stoa_file_exists(path))
        return STOA_OK;
    char *data = NULL;
    size_t size = 0;
    stoa_error trouble = {0};
    if (stoa_file_read(path, MOST_BYTES, &data, &size, &trouble) != STOA_OK) {
        stoa_log_write(STOA_LOG_WARN, "%s; the run is made again", trouble.message);
        return STOA_OK;
    }
    json_error_t where;
    json_t *root = json_loadb(data, size, JSON_DECODE_INT_AS_REAL | JSON_REJECT_DUPLICATES, &where);
    stoa_free(data);
    const char *wrong = root ? read_run(out, root, settings) : where.text;
    if (wrong)
        stoa_log_write(STOA_LOG_WARN, "%s: %s; the run is made again", path, wrong);
    json_decref(root);
    return STOA_OK;
}
