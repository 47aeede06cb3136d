/* cli/bench.c - `stoa bench`: this machine on training and sampling. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

typedef struct options {
    int64_t threads;
    double seconds;
    bool json, ops;
    const char *size, *precision; /* NULL: all (but the largest size) */
} options;

static const cli_option rows[] = {
    {"threads", 'T', "N", "CPU threads (default: all)", CLI_INT, CLI_AT(options, threads, int64_t),
     0, 1024},
    {"seconds", 's', "X", "Time a measurement may take (default 1)", CLI_FLOAT,
     CLI_AT(options, seconds, double), 0.01, 600},
    {"size", 'z', "SIZE", "Only this size: 1.2M, 10M or 124M (needs 4 GB; not in the default)",
     CLI_TEXT, CLI_AT(options, size, const char *), 0, 0},
    {"precision", 'p', "KIND", "Only f32 or bf16", CLI_OWN, 0, 0, 0},
    {"ops", 'o', NULL, "Where the time of a training step goes, by operation", CLI_FLAG,
     CLI_AT(options, ops, bool), 0, 0},
    {"json", 'j', NULL, "Print as JSON", CLI_FLAG, CLI_AT(options, json, bool), 0, 0},
    {0},
};

static error_t parse_precision(int key, char *arg, struct argp_state *state) {
    options *o = state->input;
    if (key != 'p')
        return ARGP_ERR_UNKNOWN;
    if (strcmp(arg, "f32") != 0 && strcmp(arg, "bf16") != 0)
        argp_error(state, "--precision is f32 or bf16, not '%s'", arg);
    o->precision = arg;
    return 0;
}

static const cli_parser parser = {
    .options = rows,
    .own = parse_precision,
    .doc = "Training and sampling speed of language models of three sizes, dense and with "
           "Mixture-of-Depths routing (12.5 %, every other block). bench/ in the source tree "
           "compares with PyTorch.",
};

static const struct size {
    const char *name;
    int64_t layers, width, heads, context, batch, vocab;
} sizes[] = {
    {"1.2M", 6, 128, 4, 256, 8, 256},
    {"10M", 6, 384, 6, 256, 8, 256},
    {"124M", 12, 768, 12, 1024, 4, 50304},
};

/* Milliseconds a step of each operation. */
static stoa_status print_ops(const stoa_lm_settings *s, const options *o, stoa_pool *pool,
                             stoa_error *err) {
    stoa_lm_profile p;
    STOA_TRY(stoa_lm_profile_step(s, pool, o->seconds, &p, err));
    double known = p.optimizer;
    printf("\n  %-22s %9s %9s   of %.2f ms a step\n", "milliseconds", "forward", "backward",
           1e3 * p.step);
    for (int op = 0; op < STOA_OP_COUNT; op++) {
        double forward = p.seconds[op][0], backward = p.seconds[op][1];
        known += forward + backward;
        if (forward + backward > 0)
            printf("  %-22s %9.3f %9.3f   %4.1f %%\n", stoa_op_name((stoa_op)op), 1e3 * forward,
                   1e3 * backward, 100 * (forward + backward) / p.step);
    }
    printf("  %-22s %9.3f %9s   %4.1f %%\n", "optimiser", 1e3 * p.optimizer, "",
           100 * p.optimizer / p.step);
    printf("  %-22s %9.3f %9s   %4.1f %%\n", "rest", 1e3 * (p.step - known), "",
           100 * (p.step - known) / p.step);
    return STOA_OK;
}

static stoa_status measure(const struct size *size, bool routed, int precision, const options *o,
                           stoa_pool *pool, json_t *out, double *step, stoa_error *err) {
    stoa_lm_settings s;
    stoa_lm_plan plan;
    STOA_TRY(stoa_lm_settings_init(&s, err));
    s.model.layers = size->layers;
    s.model.width = size->width;
    s.model.heads = size->heads;
    s.model.context = size->context;
    s.model.vocab = size->vocab;
    s.model.tied = size->vocab > 256;
    s.model.pattern = routed ? STOA_PATTERN_ODD : STOA_PATTERN_NONE;
    s.batch = size->batch;
    s.precision = precision;
    STOA_TRY(stoa_lm_settings_check(&s, err));
    STOA_TRY(stoa_lm_plan_make(&s, &plan, err));
    double decode;
    STOA_TRY(stoa_lm_time_step(&s, pool, o->seconds, step, err));
    size_t cache;
    STOA_TRY(stoa_lm_time_decode(&s, pool, 128, &decode, &cache, err));
    double tokens = (double)(size->batch * size->context) / *step;
    char a[32], b[32], c[32];
    if (out)
        json_array_append_new(
            out,
            json_pack("{s:s, s:b, s:s, s:I, s:f, s:f, s:f, s:f}", "size", size->name, "routed",
                      routed, "precision", precision == STOA_PRECISION_BF16 ? "bf16" : "f32",
                      "threads", (json_int_t)stoa_pool_threads(pool), "training_tokens_per_second",
                      tokens, "flops_per_second", tokens * plan.training_flops, "step_flops",
                      plan.step_flops, "decode_tokens_per_second", 1 / decode));
    else
        printf("%-5s %-5s %-5s  train %5s tokens/s, %12s   decode %5s tokens/s", size->name,
               routed ? "MoD" : "dense", precision == STOA_PRECISION_BF16 ? "bf16" : "f32",
               stoa_human_count(tokens, a, sizeof a),
               stoa_human_unit(tokens * plan.training_flops, "FLOP/s", b, sizeof b),
               stoa_human_count(1 / decode, c, sizeof c));
    return o->ops && !out ? print_ops(&s, o, pool, err) : STOA_OK;
}

/* Dense and routed, one after the other. */
static stoa_status measure_pair(const struct size *size, int precision, const options *o,
                                stoa_pool *pool, json_t *out, stoa_error *err) {
    double dense, routed;
    STOA_TRY(measure(size, false, precision, o, pool, out, &dense, err));
    if (!out)
        printf("\n");
    STOA_TRY(measure(size, true, precision, o, pool, out, &routed, err));
    if (!out)
        printf("   a step takes %.2f of dense\n", routed / dense);
    if (stoa_stop_requested())
        return stoa_fail(err, STOA_ERR_INTERRUPTED, "stopped");
    return STOA_OK;
}

static bool asked_size(const options *o, size_t i) {
    bool last = i + 1 == sizeof sizes / sizeof sizes[0];
    return o->size ? strcmp(o->size, sizes[i].name) == 0 : !last;
}

static bool asked_precision(const options *o, int precision) {
    bool bf16 = precision == STOA_PRECISION_BF16;
    if (!o->precision)
        return !bf16 || stoa_machine_has_bf16();
    return strcmp(o->precision, bf16 ? "bf16" : "f32") == 0;
}

static stoa_status bench(const options *o, stoa_error *err) {
    stoa_pool *pool = stoa_pool_new((int)o->threads);
    if (!pool)
        return stoa_fail(err, STOA_ERR_MEMORY, "cannot start threads");
    json_t *out = o->json ? json_array() : NULL;
    stoa_status status = STOA_OK;
    bool any = false;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        for (int p = STOA_PRECISION_F32; p <= STOA_PRECISION_BF16; p++)
            if (status == STOA_OK && asked_size(o, i) && asked_precision(o, p)) {
                status = measure_pair(&sizes[i], p, o, pool, out, err);
                any = true;
            }
    if (!any)
        status = stoa_fail(err, STOA_ERR_USAGE, "--size is 1.2M, 10M or 124M, not '%s'", o->size);
    stoa_pool_free(pool);
    if (out && status == STOA_OK)
        cli_print_json(out);
    else
        json_decref(out);
    return status;
}

int verb_bench(int argc, char **argv) {
    options o = {.seconds = 1};
    stoa_error err = {0};
    cli_parse(&parser, argc, argv, &o);
    return bench(&o, &err) == STOA_OK ? EXIT_OK : cli_fail(&err);
}
