/* A folder of its own for each test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "files.h"
#include "stoa/base.h"

int make_folder(void **state) {
    const char *tmp = getenv("TMPDIR");
    char path[512];
    snprintf(path, sizeof path, "%s/stoa-test-XXXXXX", tmp ? tmp : "/tmp");
    if (!mkdtemp(path))
        return -1;
    *state = stoa_strdup(path);
    return *state ? 0 : -1;
}

int remove_folder(void **state) {
    stoa_status status = stoa_remove_tree(*state, NULL);
    stoa_free(*state);
    return status == STOA_OK ? 0 : -1;
}

char *read_text(const char *folder, const char *name) {
    char path[1024], *data = NULL;
    size_t size;
    stoa_error err;
    assert_true(stoa_path_join(path, sizeof path, folder, name));
    if (stoa_file_read(path, 64 << 20, &data, &size, &err) != STOA_OK)
        fail_msg("%s", err.message);
    return data;
}
