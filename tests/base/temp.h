/*
 * temp.h - a scratch folder for one test.
 */
#ifndef STOA_TESTS_BASE_TEMP_H
#define STOA_TESTS_BASE_TEMP_H

#include <dirent.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "stoa/base.h"

/* cmocka set-up: *state becomes the path of a fresh folder. */
static inline int make_folder(void **state) {
    char *path = strdup("/tmp/stoa-test-XXXXXX");
    if (!path || !mkdtemp(path)) {
        free(path);
        return -1;
    }
    *state = path;
    return 0;
}

/* cmocka tear-down. */
static inline int drop_folder(void **state) {
    stoa_status status = stoa_remove_tree(*state, NULL);
    free(*state);
    return status == STOA_OK ? 0 : -1;
}

/* "folder/name", in one of a few static buffers. */
static inline const char *inside(void **state, const char *name) {
    static char paths[4][PATH_MAX];
    static int next;
    char *path = paths[next++ % 4];
    if (!stoa_path_join(path, PATH_MAX, *state, name))
        abort();
    return path;
}

/* Number of entries in a folder, "." and ".." not counted; -1 when it is not there. */
static inline int entries_of(const char *folder) {
    DIR *d = opendir(folder);
    int count = -2;
    if (!d)
        return -1;
    while (readdir(d))
        count++;
    closedir(d);
    return count;
}

#endif /* STOA_TESTS_BASE_TEMP_H */
