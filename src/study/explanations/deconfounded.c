/*
 * study/explanations/deconfounded.c - a trained agent where colour, texture and shape are odd on
 * three different objects: what it picks tells what it has learned. Nothing is learned here.
 */
#include <string.h>

#include "study/explanations/ex.h"

enum { INSTANCES = 256 };

static const char *const picks[] = {"picked_color", "picked_texture", "picked_shape",
                                    "picked_none"};
enum { PICKS = sizeof picks / sizeof *picks };

/* What is counted: of every instance as many episodes, so that short ones do not count more. */
typedef struct tally {
    int64_t each, left;        /* episodes an instance; still to come, of all */
    int64_t played[INSTANCES]; /* of each instance */
    double sums[PICKS];
} tally;

/* The environment of training but for its level. */
static stoa_status open_env(const char *run_dir, stoa_env **out, stoa_error *err) {
    static const char *const set[] = {"env.level=deconfounded", "env.concept=any",
                                      "env.explanations=none"};
    char path[4096];
    stoa_agent_settings s;
    if (!stoa_path_join(path, sizeof path, run_dir, "settings.yaml"))
        return stoa_fail(err, STOA_ERR_USAGE, "%s: path too long", run_dir);
    STOA_TRY(stoa_agent_settings_load(&s, path, set, 3, err));
    return stoa_agent_settings_env(&s, INSTANCES, 7919, out, err);
}

static int metric_of(const stoa_env_spec *spec, const char *name) {
    for (int i = 0; i < spec->metric_count; i++)
        if (strcmp(spec->metrics[i], name) == 0)
            return i;
    return -1;
}

static void count(tally *t, const stoa_env_spec *spec, const stoa_env_buffers *b) {
    for (int64_t i = 0; i < INSTANCES; i++) {
        if (!(b->terminated[i] || b->truncated[i]) || t->played[i] == t->each)
            continue;
        t->played[i]++;
        t->left--;
        for (int k = 0; k < PICKS; k++)
            t->sums[k] += (double)b->metrics[i * spec->metric_count + metric_of(spec, picks[k])];
    }
}

static stoa_status play(stoa_agent_pilot *pilot, stoa_env *env, stoa_env_memory *memory, tally *t,
                        stoa_error *err) {
    STOA_TRY(stoa_env_reset(env, NULL, &memory->buffers, err));
    while (t->left > 0) {
        if (stoa_stop_requested())
            return stoa_fail(err, STOA_ERR_INTERRUPTED, "stopped");
        STOA_TRY(stoa_agent_pilot_choose(pilot, &memory->buffers, memory->actions, err));
        STOA_TRY(stoa_env_step(env, NULL, &memory->buffers, err));
        count(t, stoa_env_spec_of(env), &memory->buffers);
    }
    return STOA_OK;
}

stoa_status stoa_exs_test_deconfounded(const char *run_dir, int64_t episodes, stoa_run *run,
                                       stoa_error *err) {
    stoa_agent_bundle *bundle = NULL;
    stoa_agent_pilot *pilot = NULL;
    stoa_env *env = NULL;
    stoa_env_memory memory = {0};
    int64_t each = (episodes + INSTANCES - 1) / INSTANCES;
    tally t = {.each = each, .left = each * INSTANCES};
    stoa_status status = stoa_agent_bundle_open(&bundle, run_dir, "latest", err);
    if (status == STOA_OK)
        status = open_env(run_dir, &env, err);
    if (status == STOA_OK)
        status = stoa_env_memory_init(&memory, env, err);
    if (status == STOA_OK)
        status = stoa_agent_pilot_new(&pilot, bundle, INSTANCES, 1, false, err);
    if (status == STOA_OK)
        status = play(pilot, env, &memory, &t, err);
    for (int k = 0; k < PICKS && status == STOA_OK; k++)
        stoa_run_number(run, picks[k], t.sums[k] / (double)(each * INSTANCES));
    stoa_agent_pilot_free(pilot);
    stoa_env_memory_deinit(&memory);
    stoa_env_free(env);
    stoa_agent_bundle_close(bundle);
    return status;
}
