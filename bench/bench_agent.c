/*
 * bench/bench_agent.c - speed of agents' networks, without environment and losses: acting (one
 * step), learning (forward and backward over an unroll), the optimiser.
 *
 *   bench_agent [threads] [f32|bf16] [profile]
 *
 * Observations are those of Catch (a 10 x 5 board and two clocks) or of Key-to-Door (25 cells of 10
 * kinds and two clocks; or its 5 x 5 window of pixels). The best of repeated rounds counts.
 * "steps/s" is what training could reach if the rest cost nothing and every operation were shared
 * out to the threads: B * T / (T * act + learn + update). Training itself acts in slices and, with
 * V-trace, does not walk through an LSTM's steps again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stoa/model.h"

enum { BATCH = 256 };
static const double SECONDS = 0.25; /* a measurement */

typedef struct shape {
    const char *name;
    enum { BOARD, CELLS, WINDOW } sees;
    int64_t encoder_width, encoder_layers;
    int core;
    int64_t core_width, unroll;
} shape;

static const shape shapes[] = {
    {"catch MLP 64-64", BOARD, 64, 2, STOA_CORE_NONE, 0, 20},
    {"catch LSTM 64", BOARD, 64, 1, STOA_CORE_LSTM, 64, 20},
    {"catch LSTM 64, T 50", BOARD, 64, 1, STOA_CORE_LSTM, 64, 50},
    {"catch LSTM 128", BOARD, 128, 1, STOA_CORE_LSTM, 128, 20},
    {"catch LSTM 128, T 50", BOARD, 128, 1, STOA_CORE_LSTM, 128, 50},
    {"cells LSTM 128", CELLS, 128, 1, STOA_CORE_LSTM, 128, 20},
    {"window, conv, LSTM 128", WINDOW, 128, 1, STOA_CORE_LSTM, 128, 20},
    {"board transformer 64", BOARD, 64, 1, STOA_CORE_TRANSFORMER, 64, 20},
};

static void space(stoa_space *list, int *count, const char *name, stoa_space_kind kind,
                  stoa_dtype dtype, int64_t elements, int64_t categories) {
    stoa_space *s = &list[(*count)++];
    snprintf(s->name, sizeof s->name, "%s", name);
    s->kind = kind;
    s->dtype = dtype;
    s->ndim = elements > 0;
    s->shape[0] = elements;
    s->categories = categories;
    s->high = 1;
}

static stoa_env_spec spec_of(const shape *s) {
    stoa_env_spec spec = {.name = "made-up"};
    stoa_space *o = spec.observations;
    if (s->sees == CELLS)
        space(o, &spec.observation_count, "cells", STOA_SPACE_CATEGORIES, STOA_U8, 25, 10);
    else if (s->sees == BOARD)
        space(o, &spec.observation_count, "board", STOA_SPACE_BOX, STOA_U8, 50, 0);
    if (s->sees == WINDOW) {
        space(o, &spec.observation_count, "window", STOA_SPACE_IMAGE, STOA_U8, 5, 0);
        o[0].ndim = 3, o[0].shape[1] = 5, o[0].shape[2] = 3;
    }
    space(o, &spec.observation_count, "time", STOA_SPACE_BOX, STOA_F32, 2, 0);
    space(spec.actions, &spec.action_count, "move", STOA_SPACE_CATEGORIES, STOA_I32, 0,
          s->sees == CELLS ? 4 : 3);
    return spec;
}

typedef struct bed {
    stoa_params *params;
    stoa_agent *agent;
    stoa_optimizer *optimizer;
    stoa_agent_state state;
    stoa_agent_cache cache;
    stoa_agent_input input;
    stoa_ctx *act, *learn;
    stoa_pool *pool;
    stoa_tensor logits_grad, value_grad;
    void *memory[8];
} bed;

static void die(const stoa_error *err) {
    fprintf(stderr, "bench_agent: %s\n", err->message);
    exit(1);
}

static void fill_inputs(bed *b, const shape *s) {
    int64_t rows = (s->unroll + 1) * BATCH;
    stoa_rng rng = stoa_rng_stream(1, "bench", 0);
    uint8_t *cells = b->memory[0] = stoa_alloc((size_t)rows * 75);
    for (int64_t i = 0; i < rows * 75; i++)
        cells[i] =
            (uint8_t)(s->sees == CELLS ? stoa_rng_below(&rng, 10) : stoa_rng_below(&rng, 25) == 0);
    float *time = b->memory[1] = stoa_alloc((size_t)rows * 2 * sizeof *time);
    int32_t *actions = b->memory[2] = stoa_alloc((size_t)rows * sizeof *actions);
    float *rewards = b->memory[3] = stoa_alloc((size_t)rows * sizeof *rewards);
    uint8_t *reset = b->memory[4] = stoa_alloc((size_t)rows);
    for (int64_t r = 0; r < rows; r++) {
        time[2 * r] = (float)stoa_rng_uniform(&rng);
        actions[r] = (int32_t)stoa_rng_below(&rng, 3);
        reset[r] = stoa_rng_below(&rng, 200) == 0;
    }
    b->input = (stoa_agent_input){.batch = BATCH,
                                  .observations = {cells, time},
                                  .last_actions = {actions},
                                  .last_rewards = rewards,
                                  .reset = reset};
    float *weights = b->memory[5] = stoa_alloc((size_t)rows * 4 * sizeof *weights);
    for (int64_t i = 0; i < rows * 4; i++)
        weights[i] = 1e-3f * (float)stoa_rng_normal(&rng);
    b->logits_grad = stoa_tensor_wrap(
        STOA_F32, STOA_SHAPE(s->unroll + 1, BATCH, s->sees == CELLS ? 4 : 3), weights);
    b->value_grad = stoa_tensor_wrap(STOA_F32, STOA_SHAPE(s->unroll + 1, BATCH), weights);
}

static void bed_open(bed *b, const shape *s, stoa_pool *pool, stoa_dtype compute) {
    stoa_error err = {0};
    stoa_env_spec spec = spec_of(s);
    stoa_agent_options o = {.encoder_width = s->encoder_width,
                            .encoder_layers = s->encoder_layers,
                            .image = STOA_IMAGE_SMALL,
                            .core = s->core,
                            .core_width = s->core_width,
                            .core_layers = 2,
                            .core_heads = 4,
                            .core_memory = 32,
                            .core_capacity = 1,
                            .last_action = s->core != STOA_CORE_NONE,
                            .last_reward = s->core != STOA_CORE_NONE};
    stoa_optimizer_options adam = {
        .kind = STOA_ADAMW, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8, .clip = 40};
    *b = (bed){.params = stoa_params_new(), .pool = pool};
    if (stoa_agent_new(&b->agent, b->params, &spec, &o, &err) != STOA_OK ||
        stoa_params_allocate(b->params, 1, true, false, &err) != STOA_OK ||
        stoa_agent_state_init(&b->state, b->agent, BATCH, &err) != STOA_OK ||
        stoa_agent_cache_init(&b->cache, b->agent, compute, BATCH, &err) != STOA_OK ||
        !(b->optimizer = stoa_optimizer_new(b->params, &adam, &err)))
        die(&err);
    b->state.cache = &b->cache;
    b->act = stoa_ctx_new(stoa_backend_cpu(), pool, 0);
    b->learn = stoa_ctx_new(stoa_backend_cpu(), pool, 0);
    stoa_ctx_set_compute(b->act, compute);
    stoa_ctx_set_compute(b->learn, compute);
    stoa_ctx_set_grad(b->learn, true);
    fill_inputs(b, s);
}

static void bed_close(bed *b) {
    stoa_ctx_free(b->act);
    stoa_ctx_free(b->learn);
    stoa_optimizer_free(b->optimizer);
    stoa_agent_state_deinit(&b->state);
    stoa_agent_cache_deinit(&b->cache);
    stoa_agent_free(b->agent);
    stoa_params_free(b->params);
    for (size_t i = 0; i < sizeof b->memory / sizeof *b->memory; i++)
        stoa_free(b->memory[i]);
}

static void act(bed *b, const shape *s) {
    (void)s;
    stoa_agent_output out;
    b->input.steps = 1;
    stoa_ctx_reset(b->act);
    stoa_agent_forward(b->act, b->agent, &b->input, &b->state, &b->state, &out);
}

/* The gradients of logits and value are given, as a fused loss would. */
static void learn(bed *b, const shape *s) {
    stoa_agent_output out;
    b->input.steps = s->unroll + 1;
    stoa_ctx_reset(b->learn);
    stoa_params_clear_grads(b->params);
    stoa_agent_forward(b->learn, b->agent, &b->input, &b->state, NULL, &out);
    stoa_tensor *loss = stoa_add(
        b->learn, stoa_sum(b->learn, stoa_mul(b->learn, out.logits[0], &b->logits_grad), STOA_ALL),
        stoa_sum(b->learn, stoa_mul(b->learn, out.value, &b->value_grad), STOA_ALL));
    stoa_backward(b->learn, loss, NULL);
}

static void update(bed *b, const shape *s) {
    (void)s;
    stoa_error err = {0};
    if (stoa_optimizer_step(b->optimizer, b->pool, 1e-6, NULL, &err) != STOA_OK)
        die(&err);
}

static double seconds_of(void (*work)(bed *, const shape *), bed *b, const shape *s) {
    double best = 1e9, end = stoa_clock() + SECONDS;
    work(b, s), work(b, s);
    do {
        double start = stoa_clock();
        work(b, s);
        double took = stoa_clock() - start;
        best = took < best ? took : best;
    } while (stoa_clock() < end);
    return best;
}

static void print_profile(const char *what, stoa_ctx *ctx, int rounds) {
    printf("  %s, microseconds:", what);
    for (int op = 0; op < STOA_OP_COUNT; op++)
        for (int back = 0; back < 2; back++) {
            double us = 1e6 * stoa_ctx_seconds(ctx, (stoa_op)op, back) / rounds;
            if (us > 0.05)
                printf(" %s%s %.1f", stoa_op_name((stoa_op)op), back ? "'" : "", us);
        }
    printf("\n");
    stoa_ctx_set_profile(ctx, false);
}

static void profile(bed *b, const shape *s) {
    enum { ROUNDS = 20 };
    stoa_ctx_set_profile(b->act, true);
    stoa_ctx_set_profile(b->learn, true);
    for (int i = 0; i < ROUNDS; i++)
        act(b, s);
    for (int i = 0; i < ROUNDS; i++)
        learn(b, s);
    print_profile("act", b->act, ROUNDS);
    print_profile("learn", b->learn, ROUNDS);
}

int main(int argc, char **argv) {
    int threads = argc > 1 ? atoi(argv[1]) : 2;
    stoa_dtype compute = argc > 2 && strcmp(argv[2], "bf16") == 0 ? STOA_BF16 : STOA_F32;
    bool profiled = argc > 3 && strcmp(argv[3], "profile") == 0;
    stoa_pool *pool = stoa_pool_new(threads);
    printf("B %d, %d thread(s), %s\n", BATCH, threads, stoa_dtype_name(compute));
    printf("%-22s %9s %9s %9s %9s %9s %11s\n", "", "act us", "GFLOP/s", "learn ms", "GFLOP/s",
           "update us", "steps/s");
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        const shape *s = &shapes[i];
        bed b;
        bed_open(&b, s, pool, compute);
        double acting = seconds_of(act, &b, s), learning = seconds_of(learn, &b, s);
        double updating = seconds_of(update, &b, s);
        stoa_ctx_stats a = stoa_ctx_statistics(b.act), l = stoa_ctx_statistics(b.learn);
        double all = (double)s->unroll * acting + learning + updating;
        printf("%-22s %9.1f %9.0f %9.2f %9.0f %9.1f %11.0f\n", s->name, 1e6 * acting,
               a.flops / acting * 1e-9, 1e3 * learning,
               (l.flops + l.backward_flops) / learning * 1e-9, 1e6 * updating,
               (double)(BATCH * s->unroll) / all);
        if (profiled)
            profile(&b, s);
        stoa_error err = {0};
        if (stoa_ctx_status(b.act, &err) != STOA_OK || stoa_ctx_status(b.learn, &err) != STOA_OK)
            die(&err);
        bed_close(&b);
    }
    stoa_pool_free(pool);
    return 0;
}
