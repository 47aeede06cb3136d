/*
 * test_odd_one_out_public.c - the room against the public program: whole episodes recorded from it
 * (bench/record_odd_one_out.py), replayed here from the same layouts with the same actions. Every
 * picture, word, reward and end must be equal. STOA_ODD_ONE_OUT names a longer recording than the
 * one that comes with the tests.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <xxhash.h>

#include "odd_world.h"

enum { OBJECTS = STOA_ODD_OBJECTS, LOOKS = STOA_ODD_LOOKS };

/* A recording being replayed, line by line. */
typedef struct replay {
    world w;
    bool open;
    char level[32];
    int line, episodes, frames, trials, rewards;
} replay;

static void close_world(replay *r) {
    if (r->open)
        world_close(&r->w);
    r->open = false;
}

static void begin_episode(replay *r, const char *rest) {
    char concept[32], explanations[32], set[3][64];
    assert_int_equal(sscanf(rest, "%31s %31s %31s", r->level, concept, explanations), 3);
    snprintf(set[0], 64, "level=%s", r->level);
    snprintf(set[1], 64, "concept=%s", concept);
    snprintf(set[2], 64, "explanations=%s", explanations);
    close_world(r);
    r->w = ODD_OPEN("observation=image", set[0], set[1], set[2]);
    r->open = true;
    r->episodes++;
}

static int integer(const char **rest) {
    char *end;
    long value = strtol(*rest, &end, 10);
    assert_true(end != *rest && value >= -1 && value < 512);
    *rest = end;
    return (int)value;
}

static uint8_t number(const char **rest) {
    int value = integer(rest);
    assert_in_range(value, 0, 255);
    return (uint8_t)value;
}

/* What chance decided in a trial becomes the instance's state. */
static void begin_trial(replay *r, const char *rest) {
    stoa_odd_room *room = odd_room(&r->w);
    room->player_row = number(&rest);
    room->player_col = number(&rest);
    for (int i = 0; i < OBJECTS; i++) {
        room->row[i] = number(&rest);
        room->col[i] = number(&rest);
        for (int d = 0; d < STOA_ODD_DIMENSIONS; d++)
            room->scene.value[i][d] = number(&rest);
    }
    room->scene.target = number(&rest);
    for (int d = 0; d < LOOKS; d++)
        for (int k = 0; k < 2; k++)
            room->scene.pair[d][k] = number(&rest);
    for (int i = 0; i < OBJECTS; i++)
        for (int row = 0; row < STOA_ODD_SIDE; row++)
            room->scene.noise[i][row] = (uint16_t)integer(&rest);
    room->step = 0; /* the public program counts anew in every trial */
    stoa_odd_room_changed(r->w.env, 0);
    r->trials++;
}

static void join_words(const uint8_t *words, int count, char text[256]) {
    stoa_buffer out = {0};
    stoa_odd_print_words(words, count, &out);
    snprintf(text, 256, "%s", out.data ? out.data : "");
    stoa_buffer_deinit(&out);
}

/* The picture as it is now, drawn anew: of the first frame of a trial there is no step. */
static uint64_t hash_of_room(const replay *r) {
    static uint8_t image[99 * 99 * 3];
    stoa_odd_picture pictures[OBJECTS];
    stoa_odd_field field;
    const stoa_odd_room *room = stoa_odd_room_of(r->w.env, 0);
    stoa_odd_field_init(&field, &(stoa_odd_config){.view = 11, .interior = 9});
    for (int i = 0; i < OBJECTS; i++)
        stoa_odd_paint(pictures[i], room->scene.value[i], room->scene.noise[i]);
    stoa_odd_image(&field, room, (const stoa_odd_picture *)pictures, image);
    return XXH64(image, sizeof image, 0);
}

/* "ACTION REWARD ENDED HASH READ|SAID"; ended: 1 for good, 2 cut off. */
static void frame(replay *r, const char *rest) {
    static const char *const flags[] = {"goes on", "ended", "cut off"};
    int action = integer(&rest), reward = integer(&rest), ended = integer(&rest), now = 0;
    char said[256], read[256] = "", *words;
    uint64_t hash = strtoull(rest, &words, 16), seen;
    assert_true(words != rest && *words == ' ');
    rest = words + 1;
    const stoa_env_buffers *b = &r->w.memory.buffers;
    const char *bar = strchr(rest, '|');
    assert_non_null(bar);
    if (action >= 0) {
        odd_go(&r->w, action);
        now = b->terminated[0] ? 1 : b->truncated[0] ? 2 : 0;
        if (now != ended)
            fail_msg("line %d: %s, but recorded: %s", r->line, flags[now], flags[ended]);
        if (b->rewards[0] != (float)reward)
            fail_msg("line %d: reward %g, but recorded: %d", r->line, (double)b->rewards[0],
                     reward);
        seen = XXH64(now ? b->final_observations[0] : b->observations[0], 99 * 99 * 3, 0);
        r->rewards += reward > 0;
    } else {
        seen = hash_of_room(r);
    }
    if (now) { /* the words of the last frame are with its observation */
        const stoa_env_spec *spec = stoa_env_spec_of(r->w.env);
        join_words(b->final_observations[spec->observation_count - 1], STOA_ODD_WORDS, said);
        if (spec->observation_count == 3)
            join_words(b->final_observations[1], STOA_ODD_ORDER, read);
    } else {
        const stoa_odd_config c = {.level = strncmp(r->level, "meta", 4) == 0
                                                ? STOA_ODD_LEVEL_META_EASY
                                                : STOA_ODD_LEVEL_BASIC,
                                   .experiments = 3};
        uint8_t order[STOA_ODD_ORDER];
        join_words(odd_room(&r->w)->said, STOA_ODD_WORDS, said);
        stoa_odd_instruction(odd_room(&r->w), &c, order);
        if (stoa_odd_meta(&c))
            join_words(order, STOA_ODD_ORDER, read);
    }
    if (strcmp(said, bar + 1) != 0)
        fail_msg("line %d: says '%s', but recorded: '%s'", r->line, said, bar + 1);
    if (strlen(read) != (size_t)(bar - rest) || strncmp(read, rest, (size_t)(bar - rest)) != 0)
        fail_msg("line %d: instruction '%s', but recorded: '%s'", r->line, read, rest);
    if (seen != hash)
        fail_msg("line %d: another picture", r->line);
    r->frames++;
}

/* "ACTION REWARD": the step that ends a trial; a trial of the same episode follows. */
static void end_trial(replay *r, const char *rest) {
    int action = integer(&rest), reward = integer(&rest), before = odd_room(&r->w)->trial;
    odd_go(&r->w, action);
    assert_true(r->w.memory.buffers.rewards[0] == (float)reward);
    if (r->w.memory.buffers.terminated[0] || odd_room(&r->w)->trial != before + 1)
        fail_msg("line %d: the trial should end here, and another begin", r->line);
}

static void replay_line(replay *r, const char *line) {
    static const struct {
        const char *name;
        void (*run)(replay *r, const char *rest);
    } kinds[] = {{"episode ", begin_episode},
                 {"trial ", begin_trial},
                 {"frame ", frame},
                 {"over ", end_trial}};
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
        if (strncmp(line, kinds[k].name, strlen(kinds[k].name)) == 0) {
            kinds[k].run(r, line + strlen(kinds[k].name));
            return;
        }
    fail_msg("line %d is no part of a recording", r->line);
}

static void recorded_episodes_are_replayed_to_the_pixel(void **state) {
    (void)state;
    const char *named = getenv("STOA_ODD_ONE_OUT");
    const char *path = named && *named ? named : "tests/fixtures/odd_one_out_public.txt";
    stoa_error err = {0};
    char *text;
    size_t size;
    replay r = {0};
    if (stoa_file_read(path, 1 << 30, &text, &size, &err) != STOA_OK)
        fail_msg("%s", err.message);
    for (char *line = text, *end; *line; line = end + 1) {
        end = strchr(line, '\n');
        assert_non_null(end);
        *end = '\0';
        r.line++;
        replay_line(&r, line);
    }
    close_world(&r);
    stoa_free(text);
    print_message("%d episodes, %d trials, %d frames, %d rewards\n", r.episodes, r.trials, r.frames,
                  r.rewards);
    assert_true(r.episodes >= 7 && r.frames > 200);
    assert_int_equal(stoa_alloc_statistics().live, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recorded_episodes_are_replayed_to_the_pixel)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
