/*
 * tests/model/test_agent_memory.c - the memory core: gradients with the written rows held still,
 * and what it tells about its reads. Laws of all cores are in test_agent.c.
 */
#include <math.h>
#include <string.h>

#include "agent_fixture.h"

enum { STEPS = 6, BATCH = 2, ROWS = 4, WIDTH = 6, HEADS = 2, BEST = 3 };
enum { WINDOW = 2 + ROWS * (WIDTH + 1) }; /* of a state row: the memory */

static const agent_variant variant = {.name = "memory", .core = STOA_CORE_MEMORY};

static double weight_of(int64_t i) {
    return sin(1.7 * (double)i + 0.3);
}

/* Sum of weighted features, step by step; the memory that step t reads is that of rows[t], whatever
 * this agent writes. With `write`, rows are taken instead: of every state before its step. */
static double stepwise(stoa_ctx *ctx, agent_case *c, const stoa_env_spec *spec,
                       const agent_episode *e, float *rows, bool write) {
    double loss = 0;
    size_t bytes = WINDOW * sizeof(float);
    memset(c->next.data, 0, (size_t)(BATCH * c->next.width) * sizeof(float));
    for (int64_t t = 0; t < STEPS; t++) {
        for (int64_t b = 0; b < BATCH; b++) {
            float *own = c->next.data + b * c->next.width, *kept = rows + (t * BATCH + b) * WINDOW;
            memcpy(write ? kept : own, write ? own : kept, bytes);
        }
        stoa_agent_input now = agent_part(e, spec, t, 1);
        stoa_agent_output out;
        stoa_ctx_reset(ctx);
        stoa_agent_forward(ctx, c->agent, &now, &c->next, &c->next, &out);
        agent_check_ok(ctx);
        int64_t n = stoa_numel(out.features);
        for (int64_t i = 0; i < n; i++)
            loss += weight_of(t * n + i) * stoa_get(out.features, i);
    }
    return loss;
}

static void gradients_equal_finite_differences_with_rows_held_still(void **state) {
    (void)state;
    stoa_env_spec spec = agent_spec(&variant);
    stoa_agent_options o = agent_options(&variant);
    agent_case c, wide;
    agent_case_open(&c, &spec, &o, BATCH, 21);
    agent_case_open_wide(&wide, &spec, &o, BATCH, 21);
    agent_episode e;
    agent_episode_init(&e, &spec, STEPS, BATCH, 22);
    stoa_ctx *cpu = agent_ctx("cpu", STOA_F32), *ref = agent_ctx("ref", STOA_F64);
    stoa_ctx_set_grad(cpu, true);
    stoa_agent_output out;
    stoa_agent_forward(cpu, c.agent, &e.input, &c.state, NULL, &out);
    stoa_tensor *weights = stoa_new(cpu, STOA_F32, out.features->ndim, out.features->shape);
    for (int64_t i = 0; i < stoa_numel(weights); i++)
        stoa_set(weights, i, weight_of(i));
    stoa_backward(cpu, stoa_sum(cpu, stoa_mul(cpu, out.features, weights), STOA_ALL), NULL);
    agent_check_ok(cpu);
    float rows[STEPS * BATCH * WINDOW];
    stepwise(ref, &wide, &spec, &e, rows, true);
    stoa_rng pick = stoa_rng_stream(1, "pick", 0);
    int checked = 0;
    for (int64_t p = 0; p < stoa_params_count(c.params); p++) {
        const stoa_param *param = stoa_params_at(c.params, p);
        stoa_tensor *t = &stoa_params_at(wide.params, p)->tensor;
        if (!strncmp(param->name, "heads.", 6)) /* they read the features, which this loss is of */
            continue;
        assert_true(param->tensor.grad_written);
        for (int n = 0; n < 8; n++, checked++) {
            int64_t i = stoa_rng_below(&pick, stoa_numel(t));
            double *x = (double *)t->data + i, kept = *x, loss[2], eps = 1e-3;
            for (int side = 0; side < 2; side++) {
                *x = kept + (side ? -eps : eps);
                loss[side] = stepwise(ref, &wide, &spec, &e, rows, false);
            }
            *x = kept;
            double got = (double)((float *)param->tensor.grad)[i];
            double want = (loss[0] - loss[1]) / (2 * eps);
            if (fabs(got - want) > 1e-3 + 1e-3 * fabs(want)) /* states are carried in f32 */
                fail_msg("%s[%lld]: %.8g against %.8g", param->name, (long long)i, got, want);
        }
    }
    assert_true(checked > 8 * 8);
    agent_episode_deinit(&e);
    stoa_ctx_free(cpu), stoa_ctx_free(ref);
    agent_case_close(&c), agent_case_close_wide(&wide);
}

/* Reads of step t are of steps of its own episode before it, at most ROWS back, and weigh 1. */
static void reads_are_of_the_episodes_last_rows(void **state) {
    (void)state;
    stoa_env_spec spec = agent_spec(&variant);
    stoa_agent_options o = agent_options(&variant);
    agent_case c;
    agent_case_open(&c, &spec, &o, BATCH, 23);
    agent_episode e;
    agent_episode_init(&e, &spec, STEPS, BATCH, 24);
    uint8_t reset[STEPS * BATCH] = {[0] = 1, [1] = 1, [3 * BATCH] = 1};
    e.input.reset = reset;
    stoa_ctx *ctx = agent_ctx("cpu", STOA_F32);
    stoa_agent_output out;
    stoa_agent_forward(ctx, c.agent, &e.input, &c.state, NULL, &out);
    agent_check_ok(ctx);
    assert_int_equal(stoa_agent_read_heads(c.agent), HEADS);
    assert_int_equal(out.reads.weights->shape[3], BEST);
    for (int64_t t = 0; t < STEPS; t++)
        for (int64_t b = 0; b < BATCH; b++)
            for (int64_t h = 0; h < HEADS; h++) {
                int64_t row = (t * BATCH + b) * HEADS + h, begin = b == 0 && t >= 3 ? 3 : 0;
                double sum = 0;
                assert_true(stoa_get(out.reads.strengths, row) > 0);
                for (int64_t k = 0; k < BEST; k++) {
                    double weight = stoa_get(out.reads.weights, row * BEST + k);
                    double step = stoa_get(out.reads.steps, row * BEST + k);
                    if (weight > 0)
                        assert_true(step >= (double)begin && step >= (double)(t - ROWS) &&
                                    step < (double)t);
                    sum += weight;
                }
                assert_true(fabs(sum - (t > begin ? 1 : 0)) < 1e-6);
            }
    agent_episode_deinit(&e);
    stoa_ctx_free(ctx);
    agent_case_close(&c);
}

static void an_empty_memory_is_refused_by_name(void **state) {
    (void)state;
    stoa_env_spec spec = agent_spec(&variant);
    stoa_agent_options o = agent_options(&variant);
    stoa_agent *agent;
    stoa_error err = {0};
    stoa_params *params = stoa_params_new();
    o.memory_rows = 0;
    assert_int_equal(stoa_agent_new(&agent, params, &spec, &o, &err), STOA_ERR_USAGE);
    assert_non_null(strstr(err.message, "agent.memory_rows (0)"));
    stoa_params_free(params);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gradients_equal_finite_differences_with_rows_held_still),
        cmocka_unit_test(reads_are_of_the_episodes_last_rows),
        cmocka_unit_test(an_empty_memory_is_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
