/*
 * test_user.c - what the user meets: log lines, progress, stop signals.
 */
#include "temp.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- log ---- */

typedef struct heard {
    int count;
    stoa_log_level level;
    char line[4096];
} heard;

static void listen_to(void *user, stoa_log_level level, const char *line) {
    heard *h = user;
    h->count++;
    h->level = level;
    snprintf(h->line, sizeof h->line, "%s", line);
}

static void the_log_reaches_the_sink_up_to_its_level(void **state) {
    (void)state;
    heard h = {0};
    stoa_log_write(STOA_LOG_ERROR, "nobody listens yet");
    stoa_log_set(listen_to, &h, STOA_LOG_INFO);
    stoa_log_write(STOA_LOG_DEBUG, "too quiet");
    assert_int_equal(h.count, 0);
    stoa_log_write(STOA_LOG_WARN, "%d\n\033[2J", 5);
    assert_int_equal(h.count, 1);
    assert_int_equal(h.level, STOA_LOG_WARN);
    assert_string_equal(h.line, "5\\n\\x1b[2J");
    stoa_log_set(NULL, NULL, STOA_LOG_INFO);
    stoa_log_write(STOA_LOG_ERROR, "dropped");
    assert_int_equal(h.count, 1);
}

static void *chatter(void *unused) {
    (void)unused;
    for (int i = 0; i < 500; i++)
        stoa_log_write(STOA_LOG_INFO, "line %d", i);
    return NULL;
}

static void lines_of_many_threads_are_serialised(void **state) {
    (void)state;
    heard h = {0};
    pthread_t threads[3];
    stoa_log_set(listen_to, &h, STOA_LOG_INFO);
    for (int i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, chatter, NULL);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    stoa_log_set(NULL, NULL, STOA_LOG_INFO);
    assert_int_equal(h.count, 1500);
}

static void the_ready_sink_writes_plain_text_to_a_file(void **state) {
    const char *path = inside(state, "log");
    fflush(stderr);
    int saved = dup(STDERR_FILENO);
    assert_non_null(freopen(path, "w", stderr));
    stoa_log_stderr(NULL, STOA_LOG_ERROR, "broken");
    stoa_log_stderr(NULL, STOA_LOG_INFO, "fine");
    fflush(stderr);
    dup2(saved, STDERR_FILENO);
    close(saved);
    char *text;
    size_t size;
    assert_int_equal(stoa_file_read(path, 1000, &text, &size, NULL), STOA_OK);
    assert_string_equal(text, "error: broken\nfine\n");
    stoa_free(text);
}

/* ---- progress ---- */

static char *written(FILE *f, char *out, size_t n) {
    rewind(f);
    out[fread(out, 1, n - 1, f)] = '\0';
    return out;
}

static void progress_in_a_file_is_a_line_now_and_then(void **state) {
    (void)state;
    char text[2000];
    stoa_progress p;
    FILE *f = tmpfile();
    stoa_progress_begin(&p, f, "train", "steps", 200);
    assert_false(p.terminal);
    for (int i = 0; i <= 100; i++)
        stoa_progress_update(&p, i, "loss %.2f", 2.0);
    assert_string_equal(written(f, text, sizeof text), ""); // ten seconds have not passed
    p.last_drawn -= 11;
    stoa_progress_update(&p, 100, NULL);
    assert_memory_equal(written(f, text, sizeof text), "train: 50%, 100/200 steps", 25);
    assert_non_null(strstr(text, "left, loss 2.00\n"));
    assert_null(strchr(text, '\033'));
    assert_null(strchr(text, '\r'));
    stoa_progress_end(&p);
    assert_non_null(strstr(written(f, text, sizeof text), "took"));
    fclose(f);
}

static void progress_on_a_terminal_fits_its_width(void **state) {
    (void)state;
    for (int width = 20; width <= 200; width += 7) {
        char text[2000];
        stoa_progress p;
        FILE *f = tmpfile();
        stoa_progress_begin(&p, f, "read", "bytes", 1e9);
        p.terminal = true;
        p.width = width;
        p.last_drawn -= 1;
        stoa_progress_update(&p, 2.5e8, "%s", "a note with \n and \033[2J that is rather long");
        written(f, text, sizeof text);
        assert_int_equal(text[0], '\r');
        char *end = strstr(text, "\033[K");
        assert_non_null(end);
        assert_true(end - text - 1 < width);
        assert_null(strstr(text, "\033[2J"));
        if (width > 60)
            assert_non_null(strstr(text, "read  25%"));
        if (width > 120) // there is room for a bar only behind the words
            assert_non_null(strstr(text, "read  25% [##"));
        stoa_progress_end(&p);
        assert_int_equal(written(f, text, sizeof text)[strlen(text) - 1], '\n');
        fclose(f);
    }
}

static void progress_without_a_total_has_no_bar(void **state) {
    (void)state;
    char text[2000];
    stoa_progress p;
    FILE *f = tmpfile();
    stoa_progress_begin(&p, f, "wait", "files", 0);
    stoa_progress_update(&p, 3, NULL);
    stoa_progress_end(&p);
    assert_memory_equal(written(f, text, sizeof text), "wait: 3 files", 13);
    fclose(f);
}

static void a_resumed_run_does_not_count_what_it_skipped(void **state) {
    (void)state;
    stoa_progress p;
    char text[2000];
    FILE *f = tmpfile();
    stoa_progress_begin(&p, f, "train", "steps", 2e6);
    stoa_progress_update(&p, 1e6, NULL);
    p.origin_time -= 10; // as if ten seconds had passed
    p.last_drawn -= 11;
    stoa_progress_update(&p, 1e6 + 100, NULL);
    assert_non_null(strstr(written(f, text, sizeof text), ", 10.0/s, 1 d 04 h left"));
    fclose(f);
}

/* ---- signals ---- */

static void a_signal_asks_to_stop_and_can_be_cleared(void **state) {
    (void)state;
    stoa_signals_install();
    assert_int_equal(stoa_stop_requested(), 0);
    raise(SIGTERM);
    assert_int_equal(stoa_stop_requested(), SIGTERM);
    stoa_stop_clear();
    raise(SIGINT);
    assert_int_equal(stoa_stop_requested(), SIGINT);
    stoa_stop_clear();
    raise(SIGPIPE); // ignored
    assert_int_equal(stoa_stop_requested(), 0);
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
}

static void a_second_signal_kills_at_once(void **state) {
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        stoa_signals_install();
        raise(SIGINT);
        raise(SIGTERM);
        _exit(0); // not reached
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGTERM);
}

static void an_ignored_interrupt_stays_ignored(void **state) {
    (void)state;
    signal(SIGINT, SIG_IGN);
    stoa_signals_install();
    raise(SIGINT);
    assert_int_equal(stoa_stop_requested(), 0);
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_log_reaches_the_sink_up_to_its_level),
        cmocka_unit_test(lines_of_many_threads_are_serialised),
        cmocka_unit_test_setup_teardown(the_ready_sink_writes_plain_text_to_a_file, make_folder,
                                        drop_folder),
        cmocka_unit_test(progress_in_a_file_is_a_line_now_and_then),
        cmocka_unit_test(progress_on_a_terminal_fits_its_width),
        cmocka_unit_test(progress_without_a_total_has_no_bar),
        cmocka_unit_test(a_resumed_run_does_not_count_what_it_skipped),
        cmocka_unit_test(a_signal_asks_to_stop_and_can_be_cleared),
        cmocka_unit_test(a_second_signal_kills_at_once),
        cmocka_unit_test(an_ignored_interrupt_stays_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
