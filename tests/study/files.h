/* A folder of its own for each test. */
#ifndef TEST_STUDY_FILES_H
#define TEST_STUDY_FILES_H

/* cmocka set-up and tear-down: *state is the path of a new, empty folder. */
int make_folder(void **state);
int remove_folder(void **state);

/* The whole file folder/name; fails the test when it cannot be read. The caller frees it with
 * stoa_free. */
char *read_text(const char *folder, const char *name);

#endif
