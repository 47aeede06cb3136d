/* cli/plan.c - `stoa plan`: what a run will cost. */
#include <math.h>
#include <string.h>

#include "cli/cli.h"

typedef struct options {
    cli_settings settings;
    bool json, no_speed;
} options;

static const cli_option rows[] = {
    {"set", 's', "KEY=VALUE", "Change one setting, e.g. --set model.layers=8", CLI_SETTINGS,
     CLI_AT(options, settings, cli_settings), 0, 0},
    {"no-speed", 'n', NULL, "Do not time this machine", CLI_FLAG, CLI_AT(options, no_speed, bool),
     0, 0},
    {"json", 'j', NULL, "Print as JSON", CLI_FLAG, CLI_AT(options, json, bool), 0, 0},
    {0},
};

static const cli_parser parser = {
    .options = rows,
    .words = {CLI_AT(options, settings.path, const char *)},
    .words_count = 1,
    .arguments = "[SETTINGS.yaml]",
    .doc =
        "Parameters, memory, FLOPs and expected speed of a run, before it runs. The figures come "
        "from the model's own code on a backend that computes nothing, so they are the run's.",
};

static void print_json(const stoa_lm_settings *s, const stoa_lm_plan *p, double speed) {
    double need = stoa_lm_plan_memory(p), room = stoa_memory_available();
    json_t *blocks = json_array();
    for (int64_t i = 0; i < s->model.layers; i++)
        json_array_append_new(blocks,
                              json_pack("{s:b, s:f}", "routed", stoa_lm_routes(&s->model, i),
                                        "forward_flops_per_token", p->block_flops[i]));
    cli_print_json(json_pack(
        "{s:I, s:I, s:f, s:f, s:f, s:f, s:I, s:f, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:f, s:f, "
        "s:b, "
        "s:f}",
        "parameters", (json_int_t)p->parameters, "embedding_parameters",
        (json_int_t)p->embedding_parameters, "forward_flops_per_token", p->forward_flops,
        "training_flops_per_token", p->training_flops, "step_flops", p->step_flops, "head_flops",
        p->other_flops, "steps", (json_int_t)p->steps, "total_flops", p->total_flops, "blocks",
        blocks, "weight_bytes", (json_int_t)p->weight_bytes, "gradient_bytes",
        (json_int_t)p->gradient_bytes, "optimizer_bytes", (json_int_t)p->optimizer_bytes,
        "packed_bytes", (json_int_t)p->packed_bytes, "activation_bytes",
        (json_int_t)p->activation_bytes, "cache_bytes", (json_int_t)p->cache_bytes, "memory_bytes",
        need, "memory_available_bytes", isfinite(room) ? room : 0, "fits", need <= room,
        "predicted_tokens_per_second", speed));
}

/* Texts of one printf at a time. */
static const char *count(double value) {
    static _Thread_local char text[8][32];
    static _Thread_local int next;
    next = (next + 1) % 8;
    return stoa_human_count(value, text[next], sizeof text[next]);
}

static const char *flop(double value) {
    static _Thread_local char text[8][32];
    static _Thread_local int next;
    next = (next + 1) % 8;
    return stoa_human_unit(value, "FLOP", text[next], sizeof text[next]);
}

static const char *bytes(double value) {
    static _Thread_local char text[8][32];
    static _Thread_local int next;
    next = (next + 1) % 8;
    return stoa_human_bytes(value, text[next], sizeof text[next]);
}

/* One line a block, or in a deep model one a kind of block. */
static void print_blocks(const stoa_lm_settings *s, const stoa_lm_plan *p) {
    enum { BAR = 30, SHALLOW = 12 };
    static const char hashes[BAR + 1] = "##############################";
    double most = 0;
    int64_t kinds[2] = {0};
    for (int64_t i = 0; i < s->model.layers; i++) {
        most = p->block_flops[i] > most ? p->block_flops[i] : most;
        kinds[stoa_lm_routes(&s->model, i)]++;
    }
    bool shown[2] = {false};
    for (int64_t i = 0; i < s->model.layers; i++) {
        bool routed = stoa_lm_routes(&s->model, i);
        int bar = most > 0 ? (int)(BAR * p->block_flops[i] / most + 0.5) : 0;
        char name[32];
        if (s->model.layers <= SHALLOW)
            snprintf(name, sizeof name, "block %lld", (long long)i);
        else if (!shown[routed])
            snprintf(name, sizeof name, "%lld blocks", (long long)kinds[routed]);
        else
            continue;
        shown[routed] = true;
        printf("  %-9s %-6s %10s  %.*s\n", name, routed ? "routed" : "dense",
               flop(p->block_flops[i]), bar, hashes);
    }
    printf("  %-9s %-6s %10s\n", "head", "", flop(p->other_flops));
}

static void print_memory(const stoa_lm_settings *s, const stoa_lm_plan *p) {
    double need = stoa_lm_plan_memory(p), room = stoa_memory_available();
    printf("memory            %s at the peak", bytes(need));
    if (isfinite(room))
        printf(", %s available%s", bytes(room), need > room ? ": IT DOES NOT FIT HERE" : "");
    printf("\n  weights         %s\n  gradients       %s\n  optimiser       %s\n",
           bytes((double)p->weight_bytes), bytes((double)p->gradient_bytes),
           bytes((double)p->optimizer_bytes));
    if (p->packed_bytes)
        printf("  bf16 copies     %s\n", bytes((double)p->packed_bytes));
    printf("  activations     %s (batch %lld x %lld tokens)\n", bytes((double)p->activation_bytes),
           (long long)s->batch, (long long)s->model.context);
    printf("key/value cache   %s a sequence of %lld tokens\n", bytes((double)p->cache_bytes),
           (long long)s->model.context);
}

static void print_text(const stoa_lm_settings *s, const stoa_lm_plan *p, double speed) {
    printf("parameters        %s (embeddings %s)\n", count((double)p->parameters),
           count((double)p->embedding_parameters));
    printf("forward           %s a token\n", flop(p->forward_flops));
    print_blocks(s, p);
    printf("training          %s a token, %s a step\n", flop(p->training_flops),
           flop(p->step_flops));
    printf("                  %lld steps, %s in all\n", (long long)p->steps, flop(p->total_flops));
    print_memory(s, p);
    if (speed > 0) {
        char time[32];
        double tokens = (double)p->steps * (double)(s->batch * s->accumulate * s->model.context);
        printf("expected here     %s tokens/s, %s/s, %s in all\n", count(speed),
               flop(speed * p->training_flops), stoa_human_time(tokens / speed, time, sizeof time));
    }
}

static stoa_status plan(const options *o, stoa_error *err) {
    stoa_lm_settings s;
    STOA_TRY(cli_settings_load(&o->settings, &s, err));
    stoa_tokenizer *t;
    STOA_TRY(stoa_lm_open_tokenizer(s.tokenizer, &t, err));
    s.model.vocab = stoa_tokenizer_vocab(t);
    stoa_tokenizer_free(t);
    stoa_lm_plan p;
    double speed = 0;
    STOA_TRY(stoa_lm_plan_make(&s, &p, err));
    /* what does not fit is not worth timing, and might not fit even in parts */
    if (!o->no_speed && stoa_lm_plan_memory(&p) <= stoa_memory_available())
        STOA_TRY(stoa_lm_predict_speed(&s, &speed, err));
    if (o->json)
        print_json(&s, &p, speed);
    else
        print_text(&s, &p, speed);
    return STOA_OK;
}

int verb_plan(int argc, char **argv) {
    options o = {0};
    stoa_error err = {0};
    cli_parse(&parser, argc, argv, &o);
    return plan(&o, &err) == STOA_OK ? EXIT_OK : cli_fail(&err);
}
