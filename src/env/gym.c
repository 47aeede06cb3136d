/*
 * env/gym.c - Gymnasium environments: settings, opening and closing the workers.
 *
 * The instances are split over the workers by number alone, and each is seeded from its own
 * stream, so the worlds do not depend on how many workers there are. What the workers load (the
 * environments, their emulators, their licences) stays in their processes.
 */
#include "env/gym.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define AT(field) offsetof(stoa_gym_config, field)
static const stoa_setting rows[] = {
    {"id", STOA_SET_STRING, AT(id), "", 0, 0, NULL,
     "The environment's id in Gymnasium; \"module:Name-v0\" imports the module first."},
    {"python", STOA_SET_STRING, AT(python), "", 0, 0, NULL,
     "The Python that has gymnasium; empty: $STOA_PYTHON, else python3."},
    {"worker", STOA_SET_STRING, AT(worker), "", 0, 0, NULL,
     "A program of your own that speaks the workers' protocol (docs/environments/gymnasium.md); "
     "empty: the bundled one, for Gymnasium."},
    {"kwargs", STOA_SET_STRING, AT(kwargs), "", 0, 0, NULL,
     "Arguments of the environment, as a JSON object."},
    {"workers", STOA_SET_INT, AT(workers), "0", 0, STOA_GYM_WORKERS, NULL,
     "Processes that share the instances; 0: one a CPU."},
    {"timeout", STOA_SET_FLOAT, AT(timeout), "60", 0.05, 86400, NULL,
     "Seconds after which a worker that does not answer is started anew."},
    {"render", STOA_SET_BOOL, AT(render), "false", 0, 0, NULL,
     "Have the environment draw itself on demand (render_mode rgb_array)."},
    {"preprocess", STOA_SET_BOOL, AT(preprocess), "true", 0, 0, NULL,
     "Atari games (ids ALE/...): the usual pre-processing below; false: as Gymnasium makes them."},
    {"frame_skip", STOA_SET_INT, AT(frame_skip), "4", 1, 64, NULL,
     "Atari: frames an action is repeated for; the last two are merged by their maximum."},
    {"frame_size", STOA_SET_INT, AT(frame_size), "84", 8, 210, NULL,
     "Atari: height and width of the grey picture."},
    {"frame_stack", STOA_SET_INT, AT(frame_stack), "4", 1, 16, NULL,
     "Atari: pictures an observation holds, as channels, the newest last."},
    {"noop_max", STOA_SET_INT, AT(noop_max), "30", 0, 1000, NULL,
     "Atari: an episode begins with 1 to this many frames without action; 0: none."},
    {"max_frames", STOA_SET_INT, AT(max_frames), "108000", 1, 1000000000, NULL,
     "Atari: frames after which an episode is truncated."},
    {"episodic_life", STOA_SET_BOOL, AT(episodic_life), "false", 0, 0, NULL,
     "Atari: a lost life ends the episode."},
    {"fire_reset", STOA_SET_BOOL, AT(fire_reset), "false", 0, 0, NULL,
     "Atari: press fire once at the beginning, where the game has it."},
    {"clip_reward", STOA_SET_BOOL, AT(clip_reward), "false", 0, 0, NULL,
     "Atari: rewards become -1, 0 or 1; the metric `return` stays as it is."},
};

static stoa_settings_table settings(void) {
    return (stoa_settings_table){rows, sizeof rows / sizeof *rows};
}

static stoa_status check(const void *config, stoa_error *err) {
    const stoa_gym_config *c = config;
    if (!*c->id)
        return stoa_fail(err, STOA_ERR_USAGE, "no id; name it as in gym:CartPole-v1");
    if (*c->kwargs) {
        json_t *object = json_loads(c->kwargs, JSON_REJECT_DUPLICATES, NULL);
        bool fits = json_is_object(object);
        json_decref(object);
        if (!fits)
            return stoa_fail(err, STOA_ERR_USAGE,
                             "kwargs must be a JSON object, as in {\"mode\": 1}, not '%s'",
                             c->kwargs);
    }
    return STOA_OK;
}

/* ---- opening --------------------------------------------------------------------------------- */

/* The C packet of one worker; NULL when memory is short. */
static char *introduction(const stoa_gym_config *c, const stoa_gym_child *child) {
    json_t *kwargs = *c->kwargs ? json_loads(c->kwargs, 0, NULL) : json_object();
    json_t *json =
        json_pack("{si ss so sI sI sb sb sI sI sI sI sI sb sb sb}", "protocol", 1, "id", c->id,
                  "kwargs", kwargs, "first", (json_int_t)child->begin, "count",
                  (json_int_t)(child->end - child->begin), "render", c->render, "preprocess",
                  c->preprocess, "frame_skip", (json_int_t)c->frame_skip, "frame_size",
                  (json_int_t)c->frame_size, "frame_stack", (json_int_t)c->frame_stack, "noop_max",
                  (json_int_t)c->noop_max, "max_frames", (json_int_t)c->max_frames, "episodic_life",
                  c->episodic_life, "fire_reset", c->fire_reset, "clip_reward", c->clip_reward);
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    json_decref(json);
    return text;
}

stoa_status stoa_gym_greet(stoa_gym *g, const stoa_gym_config *config, stoa_gym_child *child,
                           stoa_error *err) {
    STOA_TRY(stoa_gym_child_start(child, config, g->memory.fd, err));
    char *text = introduction(config, child);
    stoa_buffer packet = {0};
    stoa_buffer_printf(&packet, "C%s", text ? text : "");
    free(text);
    if (!text || packet.failed) {
        stoa_buffer_deinit(&packet);
        return stoa_fail(err, STOA_ERR_MEMORY, "no memory to start a worker");
    }
    stoa_gym_post(child, packet.data, packet.len);
    stoa_buffer_deinit(&packet);
    return STOA_OK;
}

static stoa_status failure(const stoa_gym *g, const stoa_gym_config *config, stoa_error *err) {
    for (int i = 0; i < g->child_count; i++)
        if (g->children[i].state == STOA_GYM_FAILED)
            return stoa_fail(err, STOA_ERR_UNSUPPORTED, "%s (%s)", g->children[i].reason,
                             *config->worker ? config->worker : config->python);
    return STOA_OK;
}

/* All workers agree on the spaces, and know where everything lies. */
static stoa_status agree(stoa_env *env, stoa_gym *g, stoa_error *err) {
    const stoa_gym_config *config = env->config;
    stoa_gym_wait(g->children, g->child_count, "H", config->timeout);
    STOA_TRY(failure(g, config, err));
    g->hello = g->children[0].answer;
    g->children[0].answer = NULL;
    if (!g->hello)
        return stoa_fail(err, STOA_ERR_MEMORY, "no memory for the worker's answer");
    for (int i = 1; i < g->child_count; i++)
        if (!g->children[i].answer || strcmp(g->children[i].answer, g->hello) != 0)
            return stoa_fail(err, STOA_ERR_FORMAT,
                             "two workers describe different spaces for the same environment");
    STOA_TRY(stoa_gym_spec(g->hello, &env->spec, &g->labels, err));
    STOA_TRY(stoa_gym_memory_map(&g->memory, &env->spec, env->count, err));
    stoa_buffer layout = {0};
    stoa_gym_memory_describe(&g->memory, &env->spec, &layout);
    g->layout = layout.data;
    if (layout.failed)
        return stoa_fail(err, STOA_ERR_MEMORY, "no memory to describe the memory");
    for (int i = 0; i < g->child_count; i++)
        stoa_gym_post(&g->children[i], g->layout, strlen(g->layout));
    stoa_gym_wait(g->children, g->child_count, "D", config->timeout);
    return failure(g, config, err);
}

static stoa_status make(stoa_env *env, stoa_gym *g, stoa_error *err) {
    stoa_gym_config *config = env->config;
    const char *python = getenv("STOA_PYTHON");
    if (!*config->python)
        snprintf(config->python, sizeof config->python, "%s",
                 python && *python ? python : "python3");
    int64_t workers = config->workers > 0 ? config->workers : stoa_cpu_count();
    if (workers > STOA_GYM_WORKERS)
        workers = STOA_GYM_WORKERS;
    g->child_count = (int)(workers < env->count ? workers : env->count);
    g->children = stoa_alloc((size_t)g->child_count * sizeof *g->children);
    g->returns = stoa_alloc((size_t)env->count * sizeof *g->returns);
    g->lengths = stoa_alloc((size_t)env->count * sizeof *g->lengths);
    for (int i = 0; g->children && i < g->child_count; i++)
        g->children[i] = (stoa_gym_child){.socket = -1,
                                          .said = -1,
                                          .life = -1,
                                          .begin = env->count * i / g->child_count,
                                          .end = env->count * (i + 1) / g->child_count};
    if (!g->children || !g->returns || !g->lengths)
        return stoa_fail(err, STOA_ERR_MEMORY, "no memory for %lld instances",
                         (long long)env->count);
    g->memory.fd = memfd_create("stoa-gym", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (!stoa_gym_lift(&g->memory.fd))
        return stoa_fail(err, STOA_ERR_IO, "cannot make shared memory: %s", strerror(errno));
    for (int i = 0; i < g->child_count; i++)
        STOA_TRY(stoa_gym_greet(g, config, &g->children[i], err));
    return agree(env, g, err);
}

static stoa_status open_workers(stoa_env *env, uint64_t seed, stoa_error *err) {
    (void)seed; /* the streams are set already */
    stoa_gym *g = env->handle = stoa_alloc(sizeof *g);
    if (!g)
        return stoa_fail(err, STOA_ERR_MEMORY, "environment %s: out of memory", env->spec.name);
    g->memory.fd = -1;
    stoa_status status = make(env, g, err);
    if (status != STOA_OK)
        stoa_fail_context(err, status, "environment %s", env->spec.name);
    return status;
}

static void close_workers(stoa_env *env) {
    stoa_gym *g = env->handle;
    if (!g)
        return;
    if (g->children)
        stoa_gym_end(g->children, g->child_count, true);
    stoa_gym_memory_unmap(&g->memory);
    stoa_gym_labels_free(&g->labels);
    stoa_free(g->children);
    stoa_free(g->returns);
    stoa_free(g->lengths);
    stoa_free(g->hello);
    stoa_free(g->layout);
    stoa_free(g);
    env->handle = NULL;
}

int64_t stoa_env_restarts(const stoa_env *env) {
    return env->class_ == &stoa_env_gym ? ((const stoa_gym *)env->handle)->restarts : 0;
}

const stoa_env_class stoa_env_gym = {
    .name = "gym",
    .summary = "Any Gymnasium environment, in worker processes: gym:CartPole-v1, gym:ALE/Pong-v5.",
    .config_bytes = sizeof(stoa_gym_config),
    .settings = settings,
    .check = check,
    .render_rgb = stoa_gym_render,
    .open = open_workers,
    .close = close_workers,
    .reset_all = stoa_gym_reset,
    .step_all = stoa_gym_step,
};
