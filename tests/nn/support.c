/* What the tests of this folder share. */
#include "support.h"

#include <dirent.h>
#include <stdlib.h>

void make_folder(char *out, size_t n) {
    const char *base = getenv("TMPDIR");
    snprintf(out, n, "%s/stoa-nn-XXXXXX", base ? base : "/tmp");
    assert_non_null(mkdtemp(out));
}

void remove_folder(const char *path) {
    assert_int_equal(stoa_remove_tree(path, NULL), STOA_OK);
}

int count_names(const char *folder, const char *part) {
    int count = 0;
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            count += strstr(entry->d_name, part) != NULL;
    closedir(dir);
    return count;
}

size_t build_file(unsigned char *out, const char *header, size_t data) {
    size_t length = strlen(header);
    for (int i = 0; i < 8; i++)
        out[i] = (unsigned char)(length >> (8 * i));
    memcpy(out + 8, header, length);
    for (size_t i = 0; i < data; i++)
        out[8 + length + i] = (unsigned char)i;
    return 8 + length + data;
}
