/* test_env.c - environments from the command line: listed, measured, checked, played. */
#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <termios.h>
#include <unistd.h>

/* ---- listing, measuring, checking -------------------------------------------------------------
 */

static const json_t *row_named(const json_t *rows, const char *name) {
    for (size_t i = 0; i < json_array_size(rows); i++)
        if (strcmp(json_string_value(json_object_get(json_array_get(rows, i), "name")), name) == 0)
            return json_array_get(rows, i);
    fail_msg("no row is called %s", name);
    return NULL;
}

static void environments_are_listed_with_spaces_and_settings(void **state) {
    (void)state;
    json_t *all = JSON("list", "environments", "--json");
    const json_t *catch_ = row_named(json_object_get(all, "environments"), "catch");
    HAS_FIELDS(catch_, "summary", "observations", "actions", "metrics", "events", "max_steps",
               "chance", "ceiling", "settings", "reward_low", "reward_high", "resumable");
    const json_t *board = row_named(json_object_get(catch_, "observations"), "board");
    assert_int_equal(json_integer_value(json_array_get(json_object_get(board, "shape"), 0)), 10);
    const json_t *move = row_named(json_object_get(catch_, "actions"), "move");
    assert_int_equal(json_integer_value(json_object_get(move, "categories")), 3);
    assert_int_equal(json_array_size(json_object_get(move, "labels")), 3);
    json_decref(all);
    finished f = RUN("list", "environments");
    assert_int_equal(f.code, 0);
    assert_non_null(strstr(f.out, "board: box of u8 (10, 5), 0 to 1\n"));
    assert_non_null(strstr(f.out, "move: categories of i32: left, stay, right\n"));
    assert_non_null(strstr(f.out, "  drops          20          Balls of an episode.\n"));
    drop(&f);
    f = RUN("list");
    assert_non_null(strstr(f.out, "  catch "));
    assert_null(strstr(f.out, "left, stay, right"));
    drop(&f);
}

static void the_bench_of_an_environment_gives_steps_a_second(void **state) {
    (void)state;
    json_t *out = JSON("env", "bench", "chain", "--json", "--seconds", "0.01", "--batch", "32",
                       "--threads", "2", "--set", "length=5", "--set", "trigger=1");
    HAS_FIELDS(out, "environment", "batch", "observation_bytes", "threads");
    assert_true(json_real_value(json_object_get(out, "steps_per_second_one_thread")) > 0);
    assert_true(json_real_value(json_object_get(out, "steps_per_second")) > 0);
    assert_int_equal(json_integer_value(json_object_get(out, "observation_bytes")), 9);
    json_decref(out);
}

static void the_check_reports_every_law(void **state) {
    (void)state;
    finished f = RUN("env", "check", "catch", "--steps", "300", "--set", "drops=2");
    assert_int_equal(f.code, 0);
    assert_non_null(strstr(f.out, "holds   threads change nothing\n"));
    assert_non_null(strstr(f.out, "random play: catch_rate 0."));
    assert_null(strstr(f.out, "BROKEN"));
    drop(&f);
    json_t *out = JSON("env", "check", "maze", "--json", "--steps", "50");
    assert_true(json_is_true(json_object_get(out, "holds")));
    json_decref(out);
}

static void mistakes_are_named(void **state) {
    (void)state;
    REFUSED(2, WORDS("env", "bench", "cathc"), "no environment 'cathc'", "'catch'");
    REFUSED(2, WORDS("env", "bench", "catch", "--set", "rws=3"), "rws", "\"rows\"");
    REFUSED(2, WORDS("env", "chekc", "catch"), "bench or check");
    REFUSED(2, WORDS("env", "check"), "check ENVIRONMENT");
    REFUSED(2, WORDS("env", "check", "maze", "--set", "width=8"), "must be odd");
    REFUSED(2, WORDS("play"), "stoa list environments");
    REFUSED(2, WORDS("play", "cathc"), "'catch'");
    REFUSED(2, WORDS("play", "catch", "--set", "drops=0"), "drops");
    REFUSED(2, WORDS("list", "enviroments"), "'environments'");
}

/* ---- playing by lines -------------------------------------------------------------------------
 */

#define SMALL "play", "catch", "--set", "rows=3", "--set", "drops=1", "--seed", "1"

static void lines_of_text_act(void **state) {
    (void)state;
    finished f = RUN_WITH("left\n\n# a remark\n 1 \nstay\n", SMALL);
    assert_int_equal(f.code, 0);
    assert_non_null(strstr(f.out, "\n..=..\ndrop 1 of 1, 0 caught\nstep 0, reward 0, return 0\n"));
    assert_non_null(strstr(f.out, "\n.=...\ndrop 1 of 1, 0 caught\nstep 1, reward 0, return 0\n"));
    assert_non_null(strstr(f.out, "\nepisode 1: 3 steps, return "));
    assert_non_null(strstr(f.out, "\n1 episode, 3 steps; mean return "));
    assert_string_equal(f.text, "");
    drop(&f);
}

static void the_same_lines_and_seed_play_the_same_game(void **state) {
    (void)state;
    char moves[401];
    for (int i = 0; i < 400; i += 2)
        memcpy(moves + i, i % 3 ? "0\n" : "2\n", 3);
    finished a = RUN_WITH(moves, "play", "catch", "--seed", "5");
    finished b = RUN_WITH(moves, "play", "catch", "--seed", "5");
    finished c = RUN_WITH(moves, "play", "catch", "--seed", "6");
    assert_string_equal(a.out, b.out);
    assert_string_not_equal(a.out, c.out);
    drop(&a);
    drop(&b);
    drop(&c);
}

static void finished_episodes_come_as_json(void **state) {
    (void)state;
    finished f = RUN_WITH("1\n1\n1\n1\n1\n1\n1\n", SMALL, "--episodes", "2", "--json");
    assert_int_equal(f.code, 0);
    json_t *out = json_loads(f.out, 0, NULL);
    HAS_FIELDS(out, "environment", "seed", "steps", "episodes");
    assert_int_equal(json_integer_value(json_object_get(out, "steps")), 6);
    assert_int_equal(json_array_size(json_object_get(out, "episodes")), 2);
    const json_t *first = json_array_get(json_object_get(out, "episodes"), 0);
    HAS_FIELDS(first, "steps", "return", "terminated", "truncated", "metrics");
    HAS_FIELDS(json_object_get(first, "metrics"), "catch_rate");
    json_decref(out);
    drop(&f);
}

static void wrong_lines_are_refused_with_their_number(void **state) {
    (void)state;
    static const struct {
        const char *input, *needed;
    } wrong[] = {
        {"stay\nlfet\n",
         "line 2: there is no move 'lfet' (a name, or 0 to 2); did you mean 'left'?"},
        {"3\n", "line 1: there is no move '3'"},
        {"left right\n", "'right' is more than a step's actions"},
        {"-1\n", "there is no move '-1'"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        finished f = RUN_WITH(wrong[i].input, SMALL);
        assert_int_equal(f.code, 2);
        assert_non_null(strstr(f.text, wrong[i].needed));
        drop(&f);
    }
    char *wide = malloc(6001);
    memset(wide, 'x', 6000);
    wide[6000] = '\0';
    finished f = RUN_WITH(wide, SMALL);
    assert_int_equal(f.code, 4);
    assert_non_null(strstr(f.text, "line 1 is too long"));
    drop(&f);
    free(wide);
}

/* ---- playing on a terminal --------------------------------------------------------------------
 */

typedef struct seat {
    int master;
    pid_t pid;
    struct termios before;
    stoa_buffer shown;
} seat;

static seat sit_down(const char *const *words) {
    seat s = {.master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)};
    assert_true(s.master >= 0);
    assert_int_equal(grantpt(s.master), 0);
    assert_int_equal(unlockpt(s.master), 0);
    assert_int_equal(tcgetattr(s.master, &s.before), 0);
    s.pid = start_at_terminal(ptsname(s.master), words);
    return s;
}

/* Reads until the text has appeared in what was shown since `from`; where it ends. */
static size_t await(seat *s, size_t from, const char *text) {
    for (;;) {
        const char *found = s->shown.len > from ? strstr(s->shown.data + from, text) : NULL;
        if (found)
            return (size_t)(found - s->shown.data) + strlen(text);
        char chunk[4096];
        ssize_t n = read(s->master, chunk, sizeof chunk);
        if (n < 0 && errno != EINTR)
            fail_msg("'%s' is not in: %s", text, s->shown.data ? s->shown.data : "");
        if (n > 0)
            stoa_buffer_append(&s->shown, chunk, (size_t)n);
    }
}

static void type(const seat *s, const char *keys) {
    assert_int_equal(write(s->master, keys, strlen(keys)), strlen(keys));
}

/* The program is over; the terminal is what it was. */
static void get_up(seat *s, int code) {
    struct termios after;
    finished f = finish_program(s->pid);
    assert_int_equal(f.code, code);
    assert_int_equal(tcgetattr(s->master, &after), 0);
    assert_int_equal(after.c_lflag, s->before.c_lflag);
    assert_memory_equal(after.c_cc, s->before.c_cc, sizeof after.c_cc);
    close(s->master);
    stoa_buffer_deinit(&s->shown);
    drop(&f);
}

static void keys_act_and_q_gives_the_terminal_back(void **state) {
    (void)state;
    seat s = sit_down(WORDS("play", "catch"));
    size_t at = await(&s, 0, "\033[?1049h");
    at = await(&s, at, "..=..");
    at = await(&s, at, "left (left, l)   stay (space, s)   right (right, r)   quit (q)");
    type(&s, "\033[D");
    at = await(&s, at, ".=...");
    type(&s, "l");
    at = await(&s, at, "=....");
    type(&s, "2");
    at = await(&s, at, ".=...");
    type(&s, "x \033[C"); /* no key, stay, right */
    at = await(&s, at, "..=..");
    assert_non_null(strstr(s.shown.data, "step 5, reward 0, return 0"));
    type(&s, "q");
    at = await(&s, at, "\033[?25h\033[?1049l");
    await(&s, at, "0 episodes, 5 steps; return so far 0");
    get_up(&s, 0);
}

static void a_signal_gives_the_terminal_back_too(void **state) {
    (void)state;
    static const int signals[] = {SIGINT, SIGTERM};
    for (int i = 0; i < 2; i++) {
        seat s = sit_down(WORDS("play", "maze"));
        size_t at =
            await(&s, 0, "north (up, n)   east (right, e)   south (down, s)   west (left, w)");
        kill(s.pid, signals[i]);
        await(&s, at, "\033[?1049l");
        get_up(&s, 128 + signals[i]);
    }
}

/* Whether the program has its handler for SIGINT by now. */
static bool catches_signals(pid_t pid) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    char *text = read_text(path), *line = strstr(text, "SigCgt:");
    bool caught = line && strtoull(line + 7, NULL, 16) >> (SIGINT - 1) & 1;
    free(text);
    return caught;
}

static void a_signal_ends_a_game_that_waits_for_lines(void **state) {
    (void)state;
    seat s = sit_down(WORDS("play", "catch", "--json"));
    while (!catches_signals(s.pid))
        usleep(1000);
    kill(s.pid, SIGINT);
    await(&s, 0, "\"episodes\": []");
    get_up(&s, 130);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(environments_are_listed_with_spaces_and_settings),
        cmocka_unit_test(the_bench_of_an_environment_gives_steps_a_second),
        cmocka_unit_test(the_check_reports_every_law),
        cmocka_unit_test(mistakes_are_named),
        cmocka_unit_test(lines_of_text_act),
        cmocka_unit_test(the_same_lines_and_seed_play_the_same_game),
        cmocka_unit_test(finished_episodes_come_as_json),
        cmocka_unit_test(wrong_lines_are_refused_with_their_number),
        cmocka_unit_test(keys_act_and_q_gives_the_terminal_back),
        cmocka_unit_test(a_signal_gives_the_terminal_back_too),
        cmocka_unit_test(a_signal_ends_a_game_that_waits_for_lines),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
