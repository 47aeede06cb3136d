/* program.c - child processes, their texts, and the folder they work in. */
#include "program.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST_WORDS = 96, SECONDS = 600, KILLED = 1000 };

/* ---- folders and files ---- */

int enter_folder(void **state) {
    char *path = strdup("/tmp/stoa-cli-XXXXXX");
    *state = path;
    if (!path || !mkdtemp(path) || chdir(path) != 0)
        return -1;
    /* whatever is cached stays here */
    setenv("XDG_CACHE_HOME", path, 1);
    write_story("story.txt", 20000);
    return 0;
}

int leave_folder(void **state) {
    stoa_status status = chdir("/") == 0 ? stoa_remove_tree(*state, NULL) : STOA_ERR_IO;
    free(*state);
    return status == STOA_OK ? 0 : -1;
}

void write_text(const char *path, const char *text) {
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

void write_story(const char *path, int64_t bytes) {
    static const char *const words[] = {"the",  "ship", "sails", "over", "a",    "grey", "sea",
                                        "and",  "no",   "gull",  "sees", "what", "it",   "carries",
                                        "home", "for",  "us",    "who",  "wait", "here"};
    stoa_rng rng = stoa_rng_stream(1, "story", 0);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    for (int64_t written = 0, n = 0; written < bytes; n++) {
        const char *word = words[stoa_rng_below(&rng, sizeof words / sizeof words[0])];
        written += fprintf(f, "%s%s", word, n % 8 == 7 ? ".\n" : " ");
    }
    assert_int_equal(fclose(f), 0);
}

char *read_text(const char *path) {
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    char *text = NULL;
    size_t room = 0;
    if (getdelim(&text, &room, '\0', f) < 0 && text)
        text[0] = '\0';
    fclose(f);
    return text ? text : strdup("");
}

bool same_bytes(const char *a, const char *b) {
    stoa_map first, second;
    assert_int_equal(stoa_map_open(&first, a, NULL), STOA_OK);
    assert_int_equal(stoa_map_open(&second, b, NULL), STOA_OK);
    bool same = first.size == second.size && memcmp(first.data, second.data, first.size) == 0;
    stoa_map_close(&first);
    stoa_map_close(&second);
    return same;
}

/* ---- programs ---- */

/* build/tests/cli/test_x -> build/<name> */
static void built(const char *name, char *out, size_t n) {
    char self[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
    assert_true(len > 0);
    self[len] = '\0';
    for (int i = 0; i < 3; i++)
        *strrchr(self, '/') = '\0';
    assert_true((size_t)snprintf(out, n, "%s/%s", self, name) < n);
}

static void redirect(int fd, const char *path, int flags) {
    int file = open(path, flags, 0600);
    if (file < 0 || dup2(file, fd) < 0)
        _exit(126);
}

/* terminal: takes stdout and stderr, or NULL: they go to files; typed: gives stdin too. */
static pid_t start(const char *path, const char *name, const char *const *words, const char *input,
                   const char *terminal, bool typed) {
    char *argv[MOST_WORDS + 2] = {(char *)(uintptr_t)name};
    for (int i = 0; words[i]; i++) {
        assert_true(i < MOST_WORDS);
        argv[i + 1] = (char *)(uintptr_t)words[i];
    }
    write_text(".in", input ? input : "");
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        const char *from = typed ? terminal : input ? ".in" : "/dev/null";
        redirect(STDIN_FILENO, from, O_RDONLY | O_NOCTTY);
        int how = terminal ? O_RDWR | O_NOCTTY : O_WRONLY | O_CREAT | O_TRUNC;
        redirect(STDOUT_FILENO, terminal ? terminal : ".out", how);
        redirect(STDERR_FILENO, terminal ? terminal : ".err", how);
        alarm(SECONDS);
        execv(path, argv);
        _exit(127);
    }
    assert_true(pid > 0);
    return pid;
}

static pid_t start_stoa(const char *input, const char *const *words, const char *terminal,
                        bool typed) {
    char path[PATH_MAX];
    const char *given = getenv("STOA_PROGRAM");
    built("stoa", path, sizeof path);
    return start(given ? given : path, "stoa", words, input, terminal, typed);
}

finished finish_program(pid_t pid) {
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return (finished){
        .code = WIFEXITED(status) ? WEXITSTATUS(status) : KILLED + WTERMSIG(status),
        .out = read_text(".out"),
        .text = read_text(".err"),
    };
}

pid_t start_program(const char *const *words) {
    return start_stoa(NULL, words, NULL, false);
}

pid_t start_on_terminal(const char *terminal, const char *const *words) {
    write_text(".out", "");
    write_text(".err", "");
    return start_stoa(NULL, words, terminal, false);
}

pid_t start_at_terminal(const char *terminal, const char *const *words) {
    write_text(".out", "");
    write_text(".err", "");
    return start_stoa(NULL, words, terminal, true);
}

finished run_program(const char *input, const char *const *words) {
    return finish_program(start_stoa(input, words, NULL, false));
}

finished run_other(const char *name) {
    char path[PATH_MAX];
    built(name, path, sizeof path);
    return finish_program(start(path, name, (const char *[]){NULL}, NULL, NULL, false));
}

void drop(finished *f) {
    free(f->out);
    free(f->text);
    *f = (finished){0};
}

/* ---- expectations ---- */

static void show(const finished *f, const char *file, int line) {
    print_error("%s:%d: exit code %d\n---- stdout\n%s---- stderr\n%s----\n", file, line, f->code,
                f->out, f->text);
}

void expect(int code, const char *const *words, const char *file, int line) {
    finished f = run_program(NULL, words);
    if (f.code != code)
        show(&f, file, line);
    assert_int_equal(f.code, code);
    drop(&f);
}

void check_refused(int code, finished f, const char *const *needed, const char *file, int line) {
    bool good = f.code == code && f.out[0] == '\0';
    for (int i = 0; needed[i]; i++)
        if (!strstr(f.text, needed[i])) {
            print_error("stderr does not say: %s\n", needed[i]);
            good = false;
        }
    if (!good)
        show(&f, file, line);
    assert_true(good);
    drop(&f);
}

json_t *run_json(const char *const *words, const char *file, int line) {
    finished f = run_program(NULL, words);
    json_error_t where;
    json_t *object = json_loads(f.out, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &where);
    if (f.code != 0 || !object)
        show(&f, file, line);
    assert_int_equal(f.code, 0);
    assert_non_null(object);
    drop(&f);
    return object;
}

void has_fields(const json_t *object, const char *const *fields) {
    for (int i = 0; fields[i]; i++)
        if (!json_object_get(object, fields[i]))
            fail_msg("no field \"%s\"", fields[i]);
}
