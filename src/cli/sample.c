/* cli/sample.c - `stoa sample`: continue a text with a trained model. */
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

typedef struct options {
    const char *run, *prompt, *which;
    stoa_generate_options generate;
    int64_t seed, threads;
    bool json, stats;
} options;

static const cli_option rows[] = {
    {"tokens", 'n', "N", "New tokens (default 256)", CLI_INT,
     CLI_AT(options, generate.tokens, int64_t), 1, 100000000},
    {"batch", 'b', "N", "Independent continuations (default 1)", CLI_INT,
     CLI_AT(options, generate.batch, int64_t), 1, 4096},
    {"temperature", 't', "X", "0 always takes the most probable token (default 0.8)", CLI_FLOAT,
     CLI_AT(options, generate.sampler.temperature, double), 0, 100},
    {"top-k", 'k', "N", "Only the N most probable tokens (default: all)", CLI_INT,
     CLI_AT(options, generate.sampler.top_k, int64_t), 0, 1 << 24},
    {"top-p", 'p', "X", "Only the most probable tokens that hold this share (default 1)", CLI_FLOAT,
     CLI_AT(options, generate.sampler.top_p, double), 0, 1},
    {"seed", 's', "N", "Same seed, same text (default 1)", CLI_INT, CLI_AT(options, seed, int64_t),
     0, (double)INT64_MAX},
    {"checkpoint", 'c', "NAME", "best (default), latest, or a step_... folder", CLI_TEXT,
     CLI_AT(options, which, const char *), 0, 0},
    {"threads", 'T', "N", "CPU threads (default: all)", CLI_INT, CLI_AT(options, threads, int64_t),
     0, 1024},
    {"stats", 'v', NULL, "Speed, cache and routing to stderr", CLI_FLAG,
     CLI_AT(options, stats, bool), 0, 0},
    {"json", 'j', NULL, "Print texts and figures as JSON", CLI_FLAG, CLI_AT(options, json, bool), 0,
     0},
    {0},
};

static const cli_parser parser = {
    .options = rows,
    .words = {CLI_AT(options, run, const char *), CLI_AT(options, prompt, const char *)},
    .words_count = 2,
    .wanted = "which run? Runs lie in runs/ after `stoa train`",
    .arguments = "RUN [PROMPT]",
    .doc = "Continue PROMPT with the model of a run, e.g. `stoa sample runs/lm-1 \"In the "
           "beginning\"`. Without PROMPT (or with '-') it is read from stdin when that is not a "
           "terminal, else the text starts at a new line.",
};

/* The new text of each sequence; printed as it comes when there is only one. */
typedef struct output {
    stoa_decoder *decoder[4096];
    stoa_buffer text[4096];
    bool live; /* print at once */
} output;

/* A model of bytes may write any: on a terminal its control characters are not obeyed. */
static void print_text(const char *text, size_t n) {
    if (!isatty(STDOUT_FILENO)) {
        fwrite(text, 1, n, stdout);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)text[i];
        bool obeyed = (c < 0x20 && c != '\n' && c != '\t') || c == 0x7f;
        putchar(obeyed ? '?' : c);
    }
}

static void print_new(const output *out, int64_t sequence, size_t before) {
    const stoa_buffer *text = &out->text[sequence];
    if (!out->live || text->len == before)
        return;
    print_text(text->data + before, text->len - before);
    fflush(stdout);
}

static bool on_token(void *user, int64_t sequence, int32_t id) {
    output *out = user;
    stoa_buffer *text = &out->text[sequence];
    size_t before = text->len;
    if (stoa_decoder_push(out->decoder[sequence], id, text, NULL) != STOA_OK)
        return false;
    print_new(out, sequence, before);
    return true;
}

/* A character that stayed incomplete. */
static void finish(output *out, int64_t batch) {
    for (int64_t i = 0; i < batch; i++) {
        size_t before = out->text[i].len;
        if (stoa_decoder_finish(out->decoder[i], &out->text[i], NULL) == STOA_OK)
            print_new(out, i, before);
    }
}

static stoa_status read_prompt(const options *o, stoa_buffer *prompt, stoa_error *err) {
    bool from_stdin = o->prompt ? strcmp(o->prompt, "-") == 0 : !isatty(STDIN_FILENO);
    if (!from_stdin) {
        stoa_buffer_printf(prompt, "%s", o->prompt ? o->prompt : "");
        return STOA_OK;
    }
    char chunk[4096];
    size_t n;
    while ((n = fread(chunk, 1, sizeof chunk, stdin)) > 0) {
        stoa_buffer_append(prompt, chunk, n);
        if (prompt->len > (1u << 20))
            return stoa_fail(err, STOA_ERR_USAGE, "the prompt is longer than 1 MiB");
    }
    return prompt->failed ? stoa_fail(err, STOA_ERR_MEMORY, "out of memory for the prompt")
                          : STOA_OK;
}

static void print_buffer(const stoa_buffer *text) {
    print_text(text->len ? text->data : "", text->len);
}

static void report(const options *o, const stoa_lm_bundle *b, const stoa_buffer *prompt,
                   const output *out, const stoa_generate_result *r) {
    double after = r->seconds - r->prefill_seconds;
    double rate = after > 0 ? (double)(r->tokens - o->generate.batch) / after : 0;
    if (o->json) {
        json_t *texts = json_array();
        for (int64_t i = 0; i < o->generate.batch; i++)
            json_array_append_new(
                texts, json_stringn(out->text[i].data ? out->text[i].data : "", out->text[i].len));
        cli_print_json(json_pack("{s:s, s:I, s:o, s:I, s:f, s:f, s:I, s:f}", "run", o->run, "step",
                                 (json_int_t)b->step, "texts", texts, "tokens",
                                 (json_int_t)r->tokens, "first_token_seconds", r->prefill_seconds,
                                 "tokens_per_second", rate, "cache_bytes",
                                 (json_int_t)r->cache_bytes, "routed", r->routed));
        return;
    }
    for (int64_t i = 0; i < o->generate.batch && !out->live; i++) {
        printf("--- %lld ---\n", (long long)i + 1);
        print_buffer(prompt);
        print_buffer(&out->text[i]);
        printf("\n");
    }
    if (out->live)
        printf("\n");
    fflush(stdout);
    char cache[32];
    if (o->stats)
        fprintf(stderr,
                "%lld tokens, first after %.0f ms, then %.0f tokens/s; cache %s; %.1f %% of tokens "
                "through routed blocks\n",
                (long long)r->tokens, 1000 * r->prefill_seconds, rate,
                stoa_human_bytes((double)r->cache_bytes, cache, sizeof cache), 100 * r->routed);
}

static stoa_status generate(const options *o, const stoa_lm_bundle *b, const stoa_buffer *prompt,
                            output *out, stoa_error *err) {
    stoa_ids ids = {0};
    stoa_generate_options g = o->generate;
    g.token = on_token;
    g.user = out;
    g.end_of_text = stoa_tokenizer_end_of_text(b->tokenizer);
    g.stop_at_end = g.end_of_text >= 0;
    /* nothing to continue: the text starts at a new line, which is not printed */
    stoa_view start = prompt->len ? (stoa_view){prompt->data, prompt->len} : stoa_view_of("\n");
    stoa_status status = stoa_tokenizer_encode(b->tokenizer, start, 0, &ids, err);
    stoa_pool *pool = stoa_pool_new((int)o->threads);
    stoa_ctx *ctx = stoa_ctx_new(stoa_backend_cpu(), pool, 0);
    if (status == STOA_OK && (!ctx || ids.failed))
        status = stoa_fail(err, STOA_ERR_MEMORY, "out of memory");
    if (status == STOA_OK && ids.len == 0)
        status = stoa_fail(err, STOA_ERR_USAGE, "the prompt encodes to no token");
    stoa_generate_result result;
    if (status == STOA_OK) {
        stoa_ctx_set_compute(ctx,
                             b->settings.precision == STOA_PRECISION_BF16 ? STOA_BF16 : STOA_F32);
        if (out->live)
            print_buffer(prompt);
        status = stoa_generate(ctx, b->lm, ids.data, (int64_t)ids.len, &g, &result, err);
    }
    if (status == STOA_OK) {
        finish(out, o->generate.batch);
        report(o, b, prompt, out, &result);
        if (stoa_stop_requested())
            status = stoa_fail(err, STOA_ERR_INTERRUPTED, "stopped after %lld tokens",
                               (long long)result.tokens);
    }
    stoa_ctx_free(ctx);
    stoa_pool_free(pool);
    stoa_ids_deinit(&ids);
    return status;
}

static stoa_status sample(const options *o, output *out, stoa_error *err) {
    stoa_lm_bundle bundle;
    STOA_TRY(stoa_lm_bundle_open(&bundle, o->run, o->which, err));
    stoa_buffer prompt = {0};
    stoa_status status = read_prompt(o, &prompt, err);
    out->live = o->generate.batch == 1 && !o->json;
    for (int64_t i = 0; i < o->generate.batch && status == STOA_OK; i++)
        if (!(out->decoder[i] = stoa_decoder_new(bundle.tokenizer, STOA_DECODE_SKIP_SPECIAL)))
            status = stoa_fail(err, STOA_ERR_MEMORY, "out of memory");
    if (status == STOA_OK)
        status = generate(o, &bundle, &prompt, out, err);
    for (int64_t i = 0; i < o->generate.batch; i++) {
        stoa_decoder_free(out->decoder[i]);
        stoa_buffer_deinit(&out->text[i]);
    }
    stoa_buffer_deinit(&prompt);
    stoa_lm_bundle_close(&bundle);
    return status;
}

int verb_sample(int argc, char **argv) {
    options o = {
        .which = "best",
        .seed = 1,
        .generate = {.batch = 1, .tokens = 256, .sampler = {.temperature = 0.8, .top_p = 1}},
    };
    stoa_error err = {0};
    cli_parse(&parser, argc, argv, &o);
    o.generate.seed = (uint64_t)o.seed;
    output *out = stoa_alloc(sizeof *out);
    stoa_status status =
        out ? sample(&o, out, &err) : stoa_fail(&err, STOA_ERR_MEMORY, "out of memory");
    stoa_free(out);
    return status == STOA_OK ? EXIT_OK : cli_fail(&err);
}
