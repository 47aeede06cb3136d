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

/* The environment of training but for its level: as many values, which are the defaults. */
static stoa_status open_env(const stoa_agent_settings *trained, stoa_env **out, stoa_error *err) {
    static const char *const level[] = {"level=deconfounded", "concept=any", "explanations=none"};
    const stoa_env_options options = {
        .name = trained->env, .set = level, .set_count = 3, .count = INSTANCES, .seed = 7919};
    return stoa_env_new(out, &options, err);
}

static int metric_of(const stoa_env_spec *spec, const char *name) {
    for (int i = 0; i < spec->metric_count; i++)
        if (strcmp(spec->metrics[i], name) == 0)
            return i;
    return -1;
}

static stoa_status play(stoa_agent_pilot *pilot, stoa_env *env, stoa_env_memory *memory,
                        int64_t episodes, double *sums, int64_t *done, stoa_error *err) {
    const stoa_env_spec *spec = stoa_env_spec_of(env);
    STOA_TRY(stoa_env_reset(env, NULL, &memory->buffers, err));
    for (*done = 0; *done < episodes;) {
        STOA_TRY(stoa_agent_pilot_choose(pilot, &memory->buffers, memory->actions, err));
        STOA_TRY(stoa_env_step(env, NULL, &memory->buffers, err));
        for (int64_t i = 0; i < INSTANCES; i++, ++*done)
            for (int k = 0; k < PICKS; k++)
                sums[k] +=
                    (double)
                        memory->buffers.metrics[i * spec->metric_count + metric_of(spec, picks[k])];
    }
    return STOA_OK;
}

stoa_status stoa_exs_test_deconfounded(const char *run_dir, int64_t episodes, stoa_run *run,
                                       stoa_error *err) {
    stoa_agent_bundle *bundle = NULL;
    stoa_agent_pilot *pilot = NULL;
    stoa_env *env = NULL;
    stoa_env_memory memory = {0};
    double sums[PICKS] = {0};
    int64_t done = 0;
    stoa_status status = stoa_agent_bundle_open(&bundle, run_dir, "latest", err);
    if (status == STOA_OK)
        status = open_env(stoa_agent_bundle_settings(bundle), &env, err);
    if (status == STOA_OK)
        status = stoa_env_memory_init(&memory, env, err);
    if (status == STOA_OK)
        status = stoa_agent_pilot_new(&pilot, bundle, INSTANCES, 1, false, err);
    if (status == STOA_OK)
        status = play(pilot, env, &memory, episodes, sums, &done, err);
    for (int k = 0; k < PICKS && status == STOA_OK; k++)
        stoa_run_number(run, picks[k], sums[k] / (double)done);
    stoa_agent_pilot_free(pilot);
    stoa_env_memory_deinit(&memory);
    stoa_env_free(env);
    stoa_agent_bundle_close(bundle);
    return status;
}
