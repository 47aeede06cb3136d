/*
 * nn/checkpoint_folder.c - the names in a folder of checkpoints.
 *
 * step_00001200            a finished checkpoint: it got this name by one rename
 * step_00001200.tmp-4711   being written, or removed, by process 4711
 * latest, best             text files that name a finished checkpoint
 * latest.4711-*.tmp        such a file being replaced by process 4711
 */
#include "nn/checkpoint.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void stoa_ck_step_name(int64_t step, char out[STOA_CK_NAME]) {
    snprintf(out, STOA_CK_NAME, "step_%08lld", (long long)step);
}

/* Reads digits at *text, at most 18 of them, and moves past. */
static bool read_digits(const char **text, int64_t *out) {
    int64_t value = 0;
    int count = 0;
    while ((*text)[count] >= '0' && (*text)[count] <= '9' && count < 18)
        value = 10 * value + ((*text)[count++] - '0');
    *text += count;
    *out = value;
    return count > 0;
}

bool stoa_ck_step_of(const char *name, int64_t *step) {
    const char *at = name + 5;
    char again[STOA_CK_NAME];
    if (strncmp(name, "step_", 5) != 0 || !read_digits(&at, step) || *at)
        return false;
    stoa_ck_step_name(*step, again); // one name a step: not step_7 beside step_00000007
    return strcmp(name, again) == 0;
}

/* The process that an unfinished name belongs to. */
static bool writer_of(const char *name, int64_t *pid) {
    static const char *const starts[] = {"latest.", "best."};
    for (size_t i = 0; i < 2; i++) {
        size_t length = strlen(starts[i]), whole = strlen(name);
        const char *at = name + length;
        if (strncmp(name, starts[i], length) == 0 && whole > 4 &&
            strcmp(name + whole - 4, ".tmp") == 0)
            return read_digits(&at, pid) && *at == '-';
    }
    const char *at = strstr(name, ".tmp-");
    if (strncmp(name, "step_", 5) != 0 || !at)
        return false;
    at += 5;
    return read_digits(&at, pid) && !*at;
}

/* Calls visit for every name in the folder. */
static stoa_status each_name(const char *folder, bool (*visit)(void *arg, const char *name),
                             void *arg, stoa_error *err) {
    DIR *dir = opendir(folder);
    if (!dir)
        return errno == ENOENT ? STOA_OK
                               : stoa_fail(err, STOA_ERR_IO, "%s: cannot list the folder: %s",
                                           folder, strerror(errno));
    bool more = true;
    for (struct dirent *entry; more && (entry = readdir(dir));)
        more = visit(arg, entry->d_name);
    closedir(dir);
    return more ? STOA_OK
                : stoa_fail(err, STOA_ERR_MEMORY, "%s: no memory to list the folder", folder);
}

typedef struct step_list {
    int64_t *items;
    size_t count, capacity;
} step_list;

static bool add_step(void *arg, const char *name) {
    step_list *list = arg;
    int64_t step;
    if (!stoa_ck_step_of(name, &step))
        return true;
    if (list->count == list->capacity) {
        size_t wider = list->capacity ? 2 * list->capacity : 64;
        int64_t *items =
            stoa_realloc(list->items, list->capacity * sizeof *items, wider * sizeof *items);
        if (!items)
            return false;
        list->items = items;
        list->capacity = wider;
    }
    list->items[list->count++] = step;
    return true;
}

static int newest_first(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x > y ? -1 : x < y;
}

stoa_status stoa_ck_list(const char *folder, int64_t **steps, size_t *count, stoa_error *err) {
    step_list list = {0};
    stoa_status status = each_name(folder, add_step, &list, err);
    if (status != STOA_OK) {
        stoa_free(list.items);
        list = (step_list){0};
    }
    if (list.count > 0)
        qsort(list.items, list.count, sizeof *list.items, newest_first);
    *steps = list.items;
    *count = list.count;
    return status;
}

stoa_status stoa_ck_pointer(const char *folder, const char *which, char out[STOA_CK_NAME],
                            stoa_error *err) {
    char path[PATH_MAX], *text = NULL;
    size_t size;
    if (!stoa_path_join(path, sizeof path, folder, which))
        return stoa_fail(err, STOA_ERR_IO, "%.200s...: the path is too long", folder);
    STOA_TRY(stoa_file_read(path, STOA_CK_NAME, &text, &size, err));
    int64_t step;
    if (size > 0 && text[size - 1] == '\n')
        text[--size] = '\0';
    bool good = size < STOA_CK_NAME && strlen(text) == size && stoa_ck_step_of(text, &step);
    if (good)
        memcpy(out, text, size + 1);
    stoa_free(text);
    return good ? STOA_OK : stoa_fail(err, STOA_ERR_FORMAT, "%s: does not name a checkpoint", path);
}

static bool remove_if_stale(void *arg, const char *name) {
    const char *folder = arg;
    char path[PATH_MAX];
    int64_t pid;
    if (!writer_of(name, &pid) || pid <= 0 || pid > INT_MAX)
        return true;
    // our own number can only be that of an earlier process: we write one at a time
    bool gone = pid == getpid() || (kill((pid_t)pid, 0) != 0 && errno == ESRCH);
    if (gone && stoa_path_join(path, sizeof path, folder, name)) {
        stoa_error err;
        if (stoa_remove_tree(path, &err) != STOA_OK)
            stoa_log_write(STOA_LOG_WARN, "%s", err.message);
    }
    return true;
}

void stoa_ck_remove_stale(const char *folder) {
    char copy[PATH_MAX];
    snprintf(copy, sizeof copy, "%s", folder);
    each_name(folder, remove_if_stale, copy, NULL);
}

/* Renamed first, so that a checkpoint half removed is never taken for a finished one. */
static stoa_status remove_step(const char *folder, const char *name, stoa_error *err) {
    char path[PATH_MAX], aside[PATH_MAX];
    if (!stoa_path_join(path, sizeof path, folder, name) ||
        snprintf(aside, sizeof aside, "%s.tmp-%ld", path, (long)getpid()) >= PATH_MAX)
        return stoa_fail(err, STOA_ERR_IO, "%.200s...: the path is too long", folder);
    if (rename(path, aside) != 0)
        return stoa_fail(err, STOA_ERR_IO, "%s: cannot rename: %s", path, strerror(errno));
    return stoa_remove_tree(aside, err);
}

void stoa_ck_prune(const char *folder, int keep) {
    char latest[STOA_CK_NAME], best[STOA_CK_NAME], name[STOA_CK_NAME];
    int64_t *steps;
    size_t count;
    stoa_error err;
    if (stoa_ck_pointer(folder, "latest", latest, NULL) != STOA_OK ||
        stoa_ck_list(folder, &steps, &count, NULL) != STOA_OK)
        return;
    if (stoa_ck_pointer(folder, "best", best, NULL) != STOA_OK)
        best[0] = '\0';
    int kept = 0;
    for (size_t i = 0; i < count; i++) {
        stoa_ck_step_name(steps[i], name);
        if (strcmp(name, best) == 0)
            continue;
        if (kept < keep || strcmp(name, latest) == 0)
            kept++;
        else if (remove_step(folder, name, &err) != STOA_OK)
            stoa_log_write(STOA_LOG_WARN, "%s", err.message);
    }
    stoa_free(steps);
}
