/* What an agent says of its own accord: as the objective judges it, beside what is told, and on a
 * sheet of pictures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <png.h>

#include "train/agent_trainer.h"
#include "train/speech.h"

#define CHOICE                                                                                     \
    "env.name=odd-one-out-choice", "env.colors=3", "env.textures=2", "env.shapes=2",               \
        "agent.object_width=16", "train.unroll=4", "env.instances=16"
#define ROOM                                                                                       \
    "env.name=odd-one-out", "env.interior=5", "env.placement=cells", "env.observation=list",       \
        "env.colors=2", "env.textures=2", "env.shapes=2", "env.steps=24", "env.phase=4",           \
        "agent.core=lstm", "agent.core_width=32", "env.instances=32", "train.unroll=12"

static stoa_agent_settings settings_of(const char *const *sets, int count) {
    static const char *const small[] = {"agent.encoder_width=48",
                                        "train.mean_loss=true",
                                        "train.eval_episodes=0",
                                        "train.rate=3e-3",
                                        "threads=1",
                                        "precision=f32",
                                        "objectives=explanations"};
    enum { SMALL = sizeof small / sizeof *small };
    const char *all[SMALL + 24];
    stoa_agent_settings s;
    stoa_error err = {0};
    memcpy(all, small, sizeof small);
    memcpy(all + SMALL, sets, (size_t)count * sizeof *sets);
    if (stoa_agent_settings_load(&s, NULL, all, SMALL + count, &err) != STOA_OK ||
        stoa_agent_settings_check(&s, &err) != STOA_OK)
        fail_msg("%s", err.message);
    return s;
}

#define SETTINGS(...)                                                                              \
    settings_of((const char *[]){__VA_ARGS__},                                                     \
                sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *))

/* ---- as the objective judges it -------------------------------------------------------------- */

/* The last unroll through the agent, and the objective's figures of it with the weights as they
 * are: told words heard, where they are heard. */
static stoa_expl *judged(stoa_agent_trainer *t, stoa_agent_output *out) {
    const stoa_unroll *u = &t->unrolls[0];
    stoa_agent_input in = stoa_unroll_input(&t->layout, &t->spec, u, 0, u->steps + 1);
    stoa_ctx_reset(t->learner.ctx);
    stoa_params_touch(t->net.params);
    stoa_agent_forward(t->learner.ctx, t->net.agent, &in, &u->state, NULL, out);
    stoa_objective *o = &t->net.objectives[0];
    assert_non_null(o->class_->loss(o, t->learner.ctx, u, out));
    return o->self;
}

/* Step k of an output over many. */
static stoa_agent_output step_of(stoa_ctx *ctx, const stoa_agent_output *all, int objects,
                                 int64_t k) {
    stoa_agent_output one = {.features = stoa_slice(ctx, all->features, 0, k, k + 1)};
    if (all->objects[objects])
        one.objects[objects] = stoa_slice(ctx, all->objects[objects], 0, k, k + 1);
    return one;
}

/* Rows of the unroll at which all that is told is said freely. */
static int64_t said_exactly(stoa_agent_trainer *t, stoa_expl *e, int source,
                            const stoa_agent_output *all) {
    const stoa_unroll *u = &t->unrolls[0];
    const stoa_expl_targets *targets = &e->targets[source];
    const int64_t n = stoa_space_numel(&t->spec.observations[e->space[source]]);
    int32_t *words = stoa_alloc((size_t)(u->steps * u->batch * n) * sizeof *words);
    int64_t exact = 0;
    for (int64_t k = 0; k < u->steps; k++) {
        stoa_agent_output one =
            step_of(t->learner.ctx, all, source == STOA_EXPL_OBJECTS ? e->objects : 0, k);
        const void *actions[STOA_ENV_SPACES] = {(const int32_t *)u->actions[0] +
                                                (k + 1) * u->batch};
        assert_int_equal(stoa_expl_say(e, (stoa_expl_source)source, t->learner.ctx, &one, actions,
                                       words + k * u->batch * n, NULL),
                         STOA_OK);
    }
    for (int64_t i = 0; i < targets->told; i++) {
        bool right = true;
        for (int64_t k = 0; k < n; k++) {
            int32_t target = targets->target[i * targets->elements + k];
            int32_t said = words[targets->row[i] * n + k];
            right = right && (target >= 0 ? said == target : source != STOA_EXPL_TEXT || said == 0);
        }
        exact += right;
    }
    stoa_free(words);
    return exact;
}

/* A sentence is said freely where each of its words is the most probable after those before it, and
 * nowhere else. So both counts agree, whichever the decoder. */
static void check_speech(stoa_agent_settings s, int updates) {
    stoa_agent_trainer *t;
    stoa_agent_step r;
    stoa_agent_output out;
    stoa_error err = {0};
    int64_t sum = 0, told = 0, free_ = 0;
    if (stoa_agent_trainer_new(&t, &s, &err) != STOA_OK)
        fail_msg("%s", err.message);
    for (int i = 0; i < updates; i++)
        assert_int_equal(stoa_agent_trainer_step(t, &r, &err), STOA_OK);
    stoa_expl *e = judged(t, &out);
    for (int k = 0; k < STOA_EXPL_KINDS; k++) {
        sum += e->figures[k].exact;
        told += e->figures[k].told;
    }
    for (int source = 0; source < STOA_EXPL_SOURCES; source++)
        if (e->space[source] >= 0)
            free_ += said_exactly(t, e, source, &out);
    assert_int_equal(free_, sum);
    assert_true(sum > told / 20 && sum < told); /* some are right, some are not */
    stoa_agent_trainer_free(t);
}

static void sentences_said_at_once_are_those_the_objective_counts(void **state) {
    (void)state;
    check_speech(SETTINGS(ROOM), 250);
}

static void sentences_said_word_by_word_are_those_the_objective_counts(void **state) {
    (void)state;
    check_speech(SETTINGS(ROOM, "explanations.decoder=gru"), 200);
}

static void words_about_objects_and_choices_are_those_the_objective_counts(void **state) {
    (void)state;
    check_speech(SETTINGS(CHOICE), 60);
}

/* ---- beside what is told --------------------------------------------------------------------- */

typedef struct stage {
    char dir[32];
    stoa_agent_bundle *bundle;
    stoa_agent_pilot *pilot;
    stoa_env *env;
    stoa_env_memory memory;
} stage;

static void open_stage(stage *g, stoa_agent_settings s, uint64_t seed) {
    stoa_agent_trainer *t;
    stoa_agent_run_result result;
    stoa_error err = {0};
    memcpy(g->dir, "/tmp/stoa-speech-XXXXXX", 24);
    assert_non_null(mkdtemp(g->dir));
    if (stoa_agent_trainer_new(&t, &s, &err) != STOA_OK ||
        stoa_agent_run(t, &(stoa_agent_run_options){.run_dir = g->dir}, &result, &err) != STOA_OK ||
        stoa_agent_bundle_open(&g->bundle, g->dir, "latest", &err) != STOA_OK ||
        stoa_agent_pilot_new(&g->pilot, g->bundle, 1, seed, false, &err) != STOA_OK ||
        stoa_agent_settings_env(&s, 1, seed, &g->env, &err) != STOA_OK ||
        stoa_env_memory_init(&g->memory, g->env, &err) != STOA_OK)
        fail_msg("%s", err.message);
    stoa_agent_trainer_free(t);
}

static void close_stage(stage *g) {
    stoa_env_memory_deinit(&g->memory);
    stoa_env_free(g->env);
    stoa_agent_pilot_free(g->pilot);
    stoa_agent_bundle_close(g->bundle);
    assert_int_equal(stoa_remove_tree(g->dir, NULL), STOA_OK);
}

/* One step; the remarks on what is seen, and on the choice. */
static void step(stage *g, stoa_agent_remark *seen, int *seen_count, stoa_agent_remark *choice,
                 int *choice_count) {
    const stoa_env_buffers *b = &g->memory.buffers;
    assert_int_equal(stoa_agent_pilot_choose(g->pilot, b, g->memory.actions, NULL), STOA_OK);
    assert_int_equal(stoa_agent_pilot_speak(g->pilot, g->memory.actions, NULL), STOA_OK);
    *seen_count = stoa_agent_pilot_remarks(g->pilot, b, 0, false, seen, STOA_AGENT_REMARKS);
    assert_int_equal(stoa_env_step(g->env, NULL, b, NULL), STOA_OK);
    *choice_count = stoa_agent_pilot_remarks(g->pilot, b, 0, true, choice, STOA_AGENT_REMARKS);
}

static void remarks_hold_what_is_told_of_things_and_choices_in_words(void **state) {
    (void)state;
    stage g;
    stoa_agent_remark seen[STOA_AGENT_REMARKS], choice[STOA_AGENT_REMARKS];
    stoa_agent_said sum = {0};
    int n, m;
    open_stage(&g, SETTINGS(CHOICE, "train.steps=640"), 7);
    assert_true(stoa_agent_pilot_speaks(g.pilot));
    assert_int_equal(stoa_env_reset(g.env, NULL, &g.memory.buffers, NULL), STOA_OK);
    for (int i = 0; i < 20; i++) {
        uint8_t before[12];
        memcpy(before, g.memory.buffers.observations[1], sizeof before);
        step(&g, seen, &n, choice, &m);
        assert_true(n == 4 && m == 1);
        stoa_agent_said_add(&sum, seen, n);
        stoa_agent_said_add(&sum, choice, m);
        for (int k = 0; k < n; k++) {
            stoa_buffer told = {0}, said = {0};
            bool same = true;
            for (int d = 0; d < 3; d++) {
                assert_int_equal(seen[k].told[d], before[3 * k + d]);
                same = same && seen[k].told[d] == seen[k].said[d];
            }
            assert_true(seen[k].part == k && !seen[k].verdict && seen[k].learned);
            assert_int_equal(seen[k].right, same);
            stoa_agent_remark_print(&seen[k], seen[k].told, &told);
            stoa_agent_remark_print(&seen[k], seen[k].said, &said);
            assert_int_equal(!strcmp(told.data, said.data), same);
            assert_non_null(strchr(told.data, ' '));
            stoa_buffer_deinit(&told), stoa_buffer_deinit(&said);
        }
        stoa_buffer told = {0};
        stoa_agent_remark_print(&choice[0], choice[0].told, &told);
        assert_true(choice[0].verdict);
        const char *verdict = g.memory.buffers.rewards[0] > 0 ? "right " : "wrong ";
        assert_memory_equal(told.data, verdict, strlen(verdict));
        stoa_buffer_deinit(&told);
    }
    assert_true(sum.told[0] == 80 && sum.told[1] == 20);
    close_stage(&g);
}

static void kinds_that_were_not_learned_are_never_right(void **state) {
    (void)state;
    stage g;
    stoa_agent_remark seen[STOA_AGENT_REMARKS], choice[STOA_AGENT_REMARKS];
    int n, m, verdicts = 0;
    open_stage(&g, SETTINGS(ROOM, "explanations.kinds=properties", "train.steps=384"), 7);
    assert_int_equal(stoa_env_reset(g.env, NULL, &g.memory.buffers, NULL), STOA_OK);
    for (int i = 0; i < 200; i++) {
        step(&g, seen, &n, choice, &m);
        assert_true(n <= 1 && m == 0);
        if (n == 1)
            assert_int_equal(seen[0].learned, !seen[0].verdict);
        if (n == 1 && seen[0].verdict) {
            assert_false(seen[0].right);
            verdicts++;
        }
    }
    assert_true(verdicts > 5);
    close_stage(&g);
}

static void agents_without_the_objective_say_nothing(void **state) {
    (void)state;
    stage g;
    stoa_agent_remark seen[STOA_AGENT_REMARKS], choice[STOA_AGENT_REMARKS];
    int n, m;
    open_stage(&g, SETTINGS(CHOICE, "objectives=", "train.steps=64"), 7);
    assert_false(stoa_agent_pilot_speaks(g.pilot));
    assert_int_equal(stoa_env_reset(g.env, NULL, &g.memory.buffers, NULL), STOA_OK);
    step(&g, seen, &n, choice, &m);
    assert_true(n == 0 && m == 0);
    close_stage(&g);
}

/* ---- the sheet ------------------------------------------------------------------------------- */

/* The picture in a file: (height, width, 3), to be freed. */
static uint8_t *read_png(const char *path, int64_t *width, int64_t *height) {
    png_image image = {.version = PNG_IMAGE_VERSION};
    assert_true(png_image_begin_read_from_file(&image, path));
    image.format = PNG_FORMAT_RGB;
    uint8_t *pixels = stoa_alloc(PNG_IMAGE_SIZE(image));
    assert_true(png_image_finish_read(&image, NULL, pixels, 0, NULL));
    *width = image.width;
    *height = image.height;
    return pixels;
}

static bool is_frame(const uint8_t *p) {
    static const uint8_t colours[3][3] = {{0, 114, 178}, {203, 80, 0}, {170, 170, 170}};
    for (int i = 0; i < 3; i++)
        if (memcmp(p, colours[i], 3) == 0)
            return true;
    return false;
}

/* Whether the upper left corner of a frame around w x h pixels is at a pixel. */
static bool begins_frame(const uint8_t *sheet, int64_t width, int64_t height, int64_t x, int64_t y,
                         int64_t w, int64_t h) {
    const uint8_t *corner = sheet + 3 * (y * width + x);
    if (x + w > width || y + h > height || x < 1 || y < 1 || !is_frame(corner))
        return false;
    if (memcmp(corner - 3, corner, 3) == 0 || memcmp(corner - 3 * width, corner, 3) == 0)
        return false;
    for (int64_t i = 0; i < w; i++)
        if (memcmp(corner + 3 * i, corner, 3) != 0)
            return false;
    for (int64_t i = 0; i < h; i++)
        if (memcmp(corner + 3 * i * width, corner, 3) != 0)
            return false;
    return true;
}

static void a_sheet_shows_moments_as_the_environment_draws_them(void **state) {
    (void)state;
    enum { FRAME = 3, EPISODES = 3 };
    stage g;
    char path[64];
    stoa_error err = {0};
    stoa_agent_sheet_result r;
    stoa_env *fresh;
    int64_t width, height, frames = 0;
    stoa_agent_settings s = SETTINGS(ROOM, "train.steps=384");
    open_stage(&g, s, 5);
    snprintf(path, sizeof path, "%s/sheet.png", g.dir);
    if (stoa_agent_sheet(g.pilot, g.env, EPISODES, "a title", path, &r, &err) != STOA_OK)
        fail_msg("%s", err.message);
    assert_int_equal(r.episodes, EPISODES);
    assert_in_range(r.moments, 2 * EPISODES, 4 * EPISODES);
    assert_true(r.said.told[0] > 0 && r.said.told[1] > 0 && r.said.right[0] <= r.said.told[0]);
    uint8_t *sheet = read_png(path, &width, &height);
    const stoa_env_spec *spec = stoa_env_spec_of(g.env);
    const int64_t w = spec->render_width, h = spec->render_height;
    assert_true(width > 2 * w && height > EPISODES * h);

    /* the first picture is the first state, and no picture is lost */
    uint8_t *pixels = stoa_alloc((size_t)(w * h * 3));
    assert_int_equal(stoa_agent_settings_env(&s, 1, 5, &fresh, &err), STOA_OK);
    assert_int_equal(stoa_env_reset(fresh, NULL, &g.memory.buffers, NULL), STOA_OK);
    assert_true(stoa_env_render_rgb(fresh, 0, pixels));
    for (int64_t y = 0; y < height; y++)
        for (int64_t x = 0; x < width; x++) {
            if (!begins_frame(sheet, width, height, x, y, w + 2 * FRAME, h + 2 * FRAME))
                continue;
            const uint8_t *inside = sheet + 3 * ((y + FRAME) * width + x + FRAME);
            for (int64_t i = 0; frames == 0 && i < h; i++)
                assert_memory_equal(inside + 3 * i * width, pixels + 3 * i * w, (size_t)(3 * w));
            frames++;
        }
    assert_int_equal(frames, r.moments);
    stoa_env_free(fresh);
    stoa_free(pixels), stoa_free(sheet);
    close_stage(&g);
}

static void a_sheet_refuses_what_it_cannot_show(void **state) {
    (void)state;
    stage g;
    stoa_error err = {0};
    stoa_agent_sheet_result r;
    open_stage(&g, SETTINGS(CHOICE, "train.steps=64"), 5);
    assert_int_equal(stoa_agent_sheet(g.pilot, g.env, STOA_AGENT_SHEET + 1, "", "x.png", &r, &err),
                     STOA_ERR_USAGE);
    assert_non_null(strstr(err.message, "1 to 64 episodes"));
    assert_int_equal(stoa_agent_sheet(g.pilot, g.env, 1, "", "/no/such/x.png", &r, &err),
                     STOA_ERR_IO);
    close_stage(&g);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sentences_said_at_once_are_those_the_objective_counts),
        cmocka_unit_test(sentences_said_word_by_word_are_those_the_objective_counts),
        cmocka_unit_test(words_about_objects_and_choices_are_those_the_objective_counts),
        cmocka_unit_test(remarks_hold_what_is_told_of_things_and_choices_in_words),
        cmocka_unit_test(kinds_that_were_not_learned_are_never_right),
        cmocka_unit_test(agents_without_the_objective_say_nothing),
        cmocka_unit_test(a_sheet_shows_moments_as_the_environment_draws_them),
        cmocka_unit_test(a_sheet_refuses_what_it_cannot_show),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
