/*
 * program.h - runs the built program as a user would: arguments in, exit code and text out.
 *
 * Every test starts in a fresh folder of its own (enter_folder), so runs, settings and texts are
 * plain relative names. A program that hangs is ended by an alarm.
 */
#ifndef STOA_TESTS_CLI_PROGRAM_H
#define STOA_TESTS_CLI_PROGRAM_H

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include <cmocka.h>
#include <jansson.h>

#include "stoa/base.h"

/* What a finished program left. */
typedef struct finished {
    int code;         /* exit code; 1000 + n: ended by signal n */
    char *out, *text; /* stdout; stderr */
} finished;

/* cmocka set-up and tear-down: a fresh folder that is the current one. */
int enter_folder(void **state);
int leave_folder(void **state);

/* The words after "stoa", ended by NULL. */
#define RUN(...) run_program(NULL, (const char *[]){__VA_ARGS__, NULL})
/* With text on stdin. */
#define RUN_WITH(input, ...) run_program(input, (const char *[]){__VA_ARGS__, NULL})
finished run_program(const char *input, const char *const *words);
/* Another program of the build folder, e.g. "examples/train_and_sample". */
finished run_other(const char *name);

/* In the background; ended with finish. */
pid_t start_program(const char *const *words);
/* The same with stdout and stderr on the terminal of that name. */
pid_t start_on_terminal(const char *terminal, const char *const *words);
/* And stdin: a person sits there. */
pid_t start_at_terminal(const char *terminal, const char *const *words);
finished finish_program(pid_t pid);

void drop(finished *f);
/* Runs, checks the exit code (showing both texts when it differs) and drops. */
#define EXPECT(exit_code, ...)                                                                     \
    expect(exit_code, (const char *[]){__VA_ARGS__, NULL}, __FILE__, __LINE__)
void expect(int code, const char *const *words, const char *file, int line);
/* Runs WORDS(...); fails unless the exit code is right, stdout is empty and stderr holds every one
 * of the other strings. */
#define WORDS(...) ((const char *[]){__VA_ARGS__, NULL})
#define REFUSED(exit_code, words, ...)                                                             \
    check_refused(exit_code, run_program(NULL, words), WORDS(__VA_ARGS__), __FILE__, __LINE__)
void check_refused(int code, finished f, const char *const *needed, const char *file, int line);
/* Runs, expects success and parses stdout. */
#define JSON(...) run_json((const char *[]){__VA_ARGS__, NULL}, __FILE__, __LINE__)
json_t *run_json(const char *const *words, const char *file, int line);
/* Fails unless the object has each of the NULL-terminated fields. */
#define HAS_FIELDS(object, ...) has_fields(object, (const char *[]){__VA_ARGS__, NULL})
void has_fields(const json_t *object, const char *const *fields);

/* Files of the current folder. */
void write_text(const char *path, const char *text);
void write_story(const char *path, int64_t bytes); /* made-up sentences, always the same */
char *read_text(const char *path);                 /* free() it */
bool same_bytes(const char *a, const char *b);

/* A model that trains in an instant, as words of a command line. */
#define TINY                                                                                       \
    "--set", "data.text=story.txt", "--set", "model.layers=2", "--set", "model.width=16", "--set", \
        "model.heads=2", "--set", "model.context=32", "--set", "train.batch=4", "--set",           \
        "train.eval_tokens=512", "--set", "threads=1"

#endif /* STOA_TESTS_CLI_PROGRAM_H */
