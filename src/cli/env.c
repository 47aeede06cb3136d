/* cli/env.c - `stoa env`: how fast an environment is, and whether it keeps the interface's laws. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

typedef struct options {
    const char *action, *name;
    cli_settings set;
    int64_t batch, threads, steps, seed;
    double seconds;
    bool json;
} options;

static const cli_option rows[] = {
    {"set", 'x', "KEY=VALUE", "Change a setting of the environment; may be repeated", CLI_SETTINGS,
     CLI_AT(options, set, cli_settings), 0, 0},
    {"seed", 'S', "N", "Seed of the environment (default 1)", CLI_INT,
     CLI_AT(options, seed, int64_t), 0, 1e18},
    {"batch", 'b', "N", "bench: instances stepped together (default 256)", CLI_INT,
     CLI_AT(options, batch, int64_t), 1, 1 << 24},
    {"threads", 'T', "N", "bench: CPU threads of the second figure (default: all)", CLI_INT,
     CLI_AT(options, threads, int64_t), 0, 1024},
    {"seconds", 's', "X", "bench: time a figure may take (default 1)", CLI_FLOAT,
     CLI_AT(options, seconds, double), 0.01, 600},
    {"steps", 'n', "N", "check: random steps a law is tried for (default 1000)", CLI_INT,
     CLI_AT(options, steps, int64_t), 1, 1e9},
    {"json", 'j', NULL, "Print as JSON", CLI_FLAG, CLI_AT(options, json, bool), 0, 0},
    {0},
};

static error_t parse_end(int key, char *arg, struct argp_state *state) {
    const options *o = state->input;
    (void)arg;
    if (key != ARGP_KEY_END)
        return ARGP_ERR_UNKNOWN;
    if (!o->action || !o->name)
        argp_error(state, "say `bench ENVIRONMENT` or `check ENVIRONMENT`");
    return 0;
}

static const cli_parser parser = {
    .options = rows,
    .words = {CLI_AT(options, action, const char *), CLI_AT(options, name, const char *)},
    .words_count = 2,
    .own = parse_end,
    .arguments = "bench ENVIRONMENT\ncheck ENVIRONMENT",
    .doc = "Measure an environment's speed, or try whether it keeps the laws of the interface.\v"
           "bench  steps a second of all instances together, on one thread and on all; random "
           "actions are drawn beforehand, every observation is written\n"
           "check  plays at random and tries each law: observations inside their spaces, rewards "
           "within their bounds, equal seeds giving equal bytes in any batch and on any threads, "
           "saved states going on as if never interrupted, ... Exit code 3 means that one is "
           "broken.\n"
           "`stoa list environments` names them; gym:ID is a Gymnasium environment.",
};

/* ---- bench ----------------------------------------------------------------------------------- */

static size_t bytes_of(const stoa_space *spaces, int count) {
    size_t sum = 0;
    for (int i = 0; i < count; i++)
        sum += stoa_space_bytes(&spaces[i]);
    return sum;
}

static stoa_status measure(stoa_env *env, const options *o, stoa_pool *pool, stoa_error *err) {
    const stoa_env_spec *spec = stoa_env_spec_of(env);
    size_t bytes = bytes_of(spec->observations, spec->observation_count);
    double one, all;
    STOA_TRY(stoa_env_speed(env, NULL, o->seconds, &one, err));
    STOA_TRY(stoa_env_speed(env, pool, o->seconds, &all, err));
    if (stoa_stop_requested())
        return stoa_fail(err, STOA_ERR_INTERRUPTED, "stopped");
    int threads = stoa_pool_threads(pool);
    char a[32], b[32];
    if (o->json)
        cli_print_json(json_pack("{s:s, s:I, s:I, s:i, s:f, s:f}", "environment", spec->name,
                                 "batch", (json_int_t)o->batch, "observation_bytes",
                                 (json_int_t)bytes, "threads", threads,
                                 "steps_per_second_one_thread", one, "steps_per_second", all));
    else
        printf("%s, batch %lld, %zu bytes observed a step: %s steps/s on one thread, %s on %d\n",
               spec->name, (long long)o->batch, bytes, stoa_human_count(one, a, sizeof a),
               stoa_human_count(all, b, sizeof b), threads);
    return STOA_OK;
}

static int bench(const options *o, stoa_env_options *made) {
    stoa_error err = {0};
    stoa_env *env;
    made->count = o->batch;
    if (stoa_env_new(&env, made, &err) != STOA_OK)
        return cli_fail(&err);
    stoa_pool *pool = stoa_pool_new((int)o->threads);
    stoa_status status = pool ? measure(env, o, pool, &err)
                              : stoa_fail(&err, STOA_ERR_MEMORY, "cannot start threads");
    stoa_pool_free(pool);
    stoa_env_free(env);
    return status == STOA_OK ? EXIT_OK : cli_fail(&err);
}

/* ---- check ----------------------------------------------------------------------------------- */

/* Whether the environment can be made at all; what the check says is then about its laws. */
static stoa_status makes(const stoa_env_options *made, stoa_error *err) {
    stoa_env *env;
    stoa_status status = stoa_env_new(&env, made, err);
    stoa_env_free(env);
    return status;
}

static int check(const options *o, stoa_env_options *made) {
    stoa_error err = {0};
    stoa_buffer report = {0};
    made->count = 2; /* of an environment elsewhere; others are tried with many */
    if (makes(made, &err) != STOA_OK)
        return cli_fail(&err);
    stoa_status status = stoa_env_check(made, o->steps, &report, &err);
    bool broken = status == STOA_ERR_FORMAT;
    if (o->json && (status == STOA_OK || broken))
        cli_print_json(json_pack("{s:s, s:b, s:s, s:s}", "environment", made->name, "holds",
                                 status == STOA_OK, "report", report.data ? report.data : "",
                                 "broken", err.message));
    else
        printf("%s", report.data ? report.data : "");
    stoa_buffer_deinit(&report);
    if (status == STOA_OK)
        return EXIT_OK;
    int code = cli_fail(&err);
    return broken ? EXIT_CLAIM : code;
}

int verb_env(int argc, char **argv) {
    static const struct {
        const char *name;
        int (*run)(const options *o, stoa_env_options *made);
    } actions[] = {{"bench", bench}, {"check", check}};
    options o = {.batch = 256, .seconds = 1, .steps = 1000, .seed = 1};
    cli_parse(&parser, argc, argv, &o);
    stoa_env_options made = {
        .name = o.name, .set = o.set.sets, .set_count = o.set.count, .seed = (uint64_t)o.seed};
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
        if (strcmp(o.action, actions[i].name) == 0)
            return actions[i].run(&o, &made);
    fprintf(stderr, "stoa env: there is no '%s'; say bench or check\n", o.action);
    return EXIT_USAGE;
}
