/* test_terminal.c - what is different when a person looks on: bars, colours, harmless bytes. */
#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

/* Runs with stdout and stderr on a pseudo-terminal; everything that was shown. free() it. */
static char *shown(int code, const char *const *words) {
    int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(master >= 0);
    assert_int_equal(grantpt(master), 0);
    assert_int_equal(unlockpt(master), 0);
    pid_t pid = start_on_terminal(ptsname(master), words);
    stoa_buffer text = {0};
    char chunk[4096];
    ssize_t n;
    /* EIO: the last writer is gone */
    while ((n = read(master, chunk, sizeof chunk)) > 0 || (n < 0 && errno == EINTR))
        if (n > 0)
            stoa_buffer_append(&text, chunk, (size_t)n);
    close(master);
    finished f = finish_program(pid);
    if (f.code != code)
        print_error("%s\n", text.data);
    assert_int_equal(f.code, code);
    drop(&f);
    char *copy = strdup(text.data ? text.data : "");
    stoa_buffer_deinit(&text);
    return copy;
}

/* A warning, evaluations and a bar. */
#define WATCHED                                                                                    \
    "train", "--resume", TINY, "--set", "train.steps=30", "--set", "train.eval_every=10", "--set", \
        "name=watched"

static void a_person_sees_a_bar_that_log_lines_do_not_break(void **state) {
    (void)state;
    setenv("TERM", "xterm", 1);
    setenv("COLUMNS", "100", 1);
    unsetenv("NO_COLOR");
    char *text = shown(0, WORDS(WATCHED));
    assert_non_null(strstr(text, "\033[33mwarning: \033[0m"));
    assert_non_null(strstr(text, "watched 100% "));
    assert_non_null(strstr(text, "30/30 steps"));
    assert_non_null(strstr(text, "tokens/s"));
    /* a log line first wipes the bar that stands there */
    const char *line = strstr(text, "step 10: valid");
    assert_non_null(line);
    assert_memory_equal(line - 4, "\r\033[K", 4);
    free(text);
    assert_int_equal(stoa_remove_tree("runs", NULL), STOA_OK);
}

static void no_color_is_honoured(void **state) {
    (void)state;
    setenv("NO_COLOR", "1", 1);
    char *text = shown(0, WORDS(WATCHED));
    assert_non_null(strstr(text, "warning: "));
    for (const char *at = text; (at = strchr(at, '\033')); at++)
        assert_memory_equal(at, "\033[K", 3); /* wiping a line is no colour */
    free(text);
    unsetenv("NO_COLOR");
}

static void bytes_of_a_wild_model_do_not_steer_the_terminal(void **state) {
    (void)state;
    char *text = shown(0, WORDS("sample", "runs/watched-1", "\033[2Jx", "-n", "400", "-t", "100"));
    assert_true(strlen(text) > 300);
    for (const unsigned char *c = (const unsigned char *)text; *c; c++)
        assert_true(*c >= 0x20 || *c == '\n' || *c == '\r' || *c == '\t');
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_person_sees_a_bar_that_log_lines_do_not_break),
        cmocka_unit_test(no_color_is_honoured),
        cmocka_unit_test(bytes_of_a_wild_model_do_not_steer_the_terminal),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
