/*
 * test_file.c - reading with a limit, durable replacement, folders, maps.
 */
#include "temp.h"

#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static void assert_message(const stoa_error *err, const char *part) {
    if (!strstr(err->message, part))
        fail_msg("\"%s\" does not contain \"%s\"", err->message, part);
}

static void what_was_written_is_read_back(void **state) {
    const char *path = inside(state, "file");
    static const size_t sizes[] = {0, 1, 4095, 4096, 200000};
    static char content[200000];
    for (size_t i = 0; i < sizeof content; i++)
        content[i] = (char)(i * 7);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        char *data;
        size_t size;
        assert_int_equal(stoa_file_write(path, content, sizes[i], NULL), STOA_OK);
        assert_int_equal(stoa_file_read(path, sizes[i], &data, &size, NULL), STOA_OK);
        assert_int_equal(size, sizes[i]);
        assert_memory_equal(data, content, size);
        assert_int_equal(data[size], 0);
        stoa_free(data);
    }
    assert_int_equal(entries_of(*state), 1); // no temporary file is left
}

static void a_file_above_the_limit_is_refused_without_reading_it(void **state) {
    const char *path = inside(state, "big");
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    assert_int_equal(ftruncate(fd, (off_t)1 << 40), 0); // a terabyte of holes
    close(fd);
    char *data = NULL;
    size_t size;
    stoa_error err;
    assert_int_equal(stoa_file_read(path, 1000, &data, &size, &err), STOA_ERR_FORMAT);
    assert_message(&err, "limit of 1000 bytes");
    assert_null(data);
}

static void a_file_without_a_size_is_read_up_to_the_limit(void **state) {
    (void)state;
    char *data = NULL;
    size_t size = 0;
    stoa_error err;
    assert_int_equal(stoa_file_read("/proc/self/status", 1 << 20, &data, &size, NULL), STOA_OK);
    assert_true(size > 100);
    assert_int_equal(strlen(data), size);
    stoa_free(data);
    data = NULL;
    assert_int_equal(stoa_file_read("/dev/zero", 100000, &data, &size, &err), STOA_ERR_FORMAT);
    assert_int_equal(stoa_file_read("/proc/self/status", 10, &data, &size, &err), STOA_ERR_FORMAT);
    assert_null(data);
}

static void missing_files_and_folders_are_errors_with_the_path(void **state) {
    char *data;
    size_t size;
    stoa_error err;
    assert_int_equal(stoa_file_read(inside(state, "no"), 10, &data, &size, &err), STOA_ERR_IO);
    assert_message(&err, inside(state, "no"));
    assert_message(&err, "check the path");
    assert_int_equal(stoa_file_read(*state, 10, &data, &size, &err), STOA_ERR_IO);
    assert_message(&err, "is a folder");
    assert_int_equal(stoa_file_write(inside(state, "no/file"), "x", 1, &err), STOA_ERR_IO);
    assert_int_equal(stoa_file_write(*state, "x", 1, &err), STOA_ERR_IO);
    char deep[PATH_MAX + 10];
    memset(deep, 'a', sizeof deep - 1);
    deep[sizeof deep - 1] = '\0';
    assert_int_equal(stoa_file_write(deep, "x", 1, &err), STOA_ERR_IO);
    assert_int_equal(stoa_mkdirs(deep, &err), STOA_ERR_IO);
    assert_int_equal(entries_of(*state), 0);
}

static void a_failed_write_keeps_the_old_file_and_leaves_no_trace(void **state) {
    const char *path = inside(state, "file");
    static char wide[100000];
    assert_int_equal(stoa_file_write(path, "old", 3, NULL), STOA_OK);
    struct rlimit before, tight;
    getrlimit(RLIMIT_FSIZE, &before);
    tight = (struct rlimit){1000, before.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &tight);
    stoa_error err;
    stoa_status status = stoa_file_write(path, wide, sizeof wide, &err);
    setrlimit(RLIMIT_FSIZE, &before);
    assert_int_equal(status, STOA_ERR_IO);
    char *data;
    size_t size;
    assert_int_equal(stoa_file_read(path, 10, &data, &size, NULL), STOA_OK);
    assert_string_equal(data, "old");
    stoa_free(data);
    assert_int_equal(entries_of(*state), 1);
}

static void a_private_file_stays_private(void **state) {
    const char *path = inside(state, "secret");
    close(open(path, O_WRONLY | O_CREAT, 0600));
    assert_int_equal(stoa_file_write(path, "x", 1, NULL), STOA_OK);
    struct stat st;
    stat(path, &st);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void reading_without_memory_fails_cleanly(void **state) {
    const char *path = inside(state, "file");
    assert_int_equal(stoa_file_write(path, "abc", 3, NULL), STOA_OK);
    char *data;
    size_t size;
    stoa_alloc_fail_after(1, true);
    assert_int_equal(stoa_file_read(path, 10, &data, &size, NULL), STOA_ERR_MEMORY);
    stoa_alloc_fail_after(0, false);
}

static void folders_are_made_and_removed_as_trees(void **state) {
    stoa_error err;
    const char *deep = inside(state, "a/b//c/");
    assert_int_equal(stoa_mkdirs(deep, NULL), STOA_OK);
    assert_int_equal(stoa_mkdirs(deep, NULL), STOA_OK);
    assert_true(stoa_file_exists(deep));
    assert_int_equal(stoa_fsync_dir(deep, NULL), STOA_OK);
    assert_int_equal(stoa_fsync_dir(inside(state, "x"), &err), STOA_ERR_IO);
    assert_int_equal(stoa_file_write(inside(state, "a/file"), "x", 1, NULL), STOA_OK);
    assert_int_equal(stoa_mkdirs(inside(state, "a/file/b"), &err), STOA_ERR_IO);
    assert_message(&err, "a/file");
    assert_int_equal(stoa_remove_tree(inside(state, "a"), NULL), STOA_OK);
    assert_false(stoa_file_exists(inside(state, "a")));
    assert_int_equal(stoa_remove_tree(inside(state, "a"), NULL), STOA_OK); // already gone
    assert_int_equal(stoa_mkdirs("", &err), STOA_ERR_IO);
}

static void removing_a_tree_does_not_follow_links(void **state) {
    assert_int_equal(stoa_mkdirs(inside(state, "kept"), NULL), STOA_OK);
    assert_int_equal(stoa_mkdirs(inside(state, "tree/sub"), NULL), STOA_OK);
    assert_int_equal(stoa_file_write(inside(state, "kept/file"), "x", 1, NULL), STOA_OK);
    assert_int_equal(symlink("../../kept", inside(state, "tree/sub/link")), 0);
    assert_int_equal(stoa_remove_tree(inside(state, "tree"), NULL), STOA_OK);
    assert_false(stoa_file_exists(inside(state, "tree")));
    assert_true(stoa_file_exists(inside(state, "kept/file")));
}

static void some_trees_are_never_removed(void **state) {
    (void)state;
    static const char *const refused[] = {"", "/", "//", ".", "./", "..", "../", "/.."};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        assert_int_equal(stoa_remove_tree(refused[i], NULL), STOA_ERR_USAGE);
}

static void paths_are_joined_or_refused(void **state) {
    (void)state;
    char out[8];
    assert_true(stoa_path_join(out, sizeof out, "a", "b"));
    assert_string_equal(out, "a/b");
    assert_true(stoa_path_join(out, sizeof out, "a/", "b"));
    assert_string_equal(out, "a/b");
    assert_true(stoa_path_join(out, sizeof out, "", "b"));
    assert_string_equal(out, "b");
    assert_true(stoa_path_join(out, sizeof out, "a", ""));
    assert_string_equal(out, "a");
    assert_true(stoa_path_join(out, sizeof out, "abc", "def"));
    assert_false(stoa_path_join(out, sizeof out, "abcd", "def"));
}

static void a_map_shows_the_file(void **state) {
    const char *path = inside(state, "file");
    stoa_map map;
    stoa_error err;
    assert_int_equal(stoa_file_write(path, "hello", 5, NULL), STOA_OK);
    assert_int_equal(stoa_map_open(&map, path, NULL), STOA_OK);
    assert_int_equal(map.size, 5);
    assert_memory_equal(map.data, "hello", 5);
    stoa_map_close(&map);
    assert_int_equal(stoa_file_write(path, "", 0, NULL), STOA_OK);
    assert_int_equal(stoa_map_open(&map, path, NULL), STOA_OK);
    assert_int_equal(map.size, 0);
    assert_non_null(map.data);
    stoa_map_close(&map);
    stoa_map_close(&map); // twice is fine
    assert_int_equal(stoa_map_open(&map, *state, &err), STOA_ERR_IO);
    assert_int_equal(mkfifo(inside(state, "pipe"), 0600), 0);
    assert_int_equal(stoa_map_open(&map, inside(state, "pipe"), &err), STOA_ERR_IO);
    assert_message(&err, "not a regular file");
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, drop_folder)

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(what_was_written_is_read_back),
        WITH_FOLDER(a_file_above_the_limit_is_refused_without_reading_it),
        cmocka_unit_test(a_file_without_a_size_is_read_up_to_the_limit),
        WITH_FOLDER(missing_files_and_folders_are_errors_with_the_path),
        WITH_FOLDER(a_failed_write_keeps_the_old_file_and_leaves_no_trace),
        WITH_FOLDER(a_private_file_stays_private),
        WITH_FOLDER(reading_without_memory_fails_cleanly),
        WITH_FOLDER(folders_are_made_and_removed_as_trees),
        WITH_FOLDER(removing_a_tree_does_not_follow_links),
        cmocka_unit_test(some_trees_are_never_removed),
        cmocka_unit_test(paths_are_joined_or_refused),
        WITH_FOLDER(a_map_shows_the_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
