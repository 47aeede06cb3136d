/*
 * tests/model/test_agent.c - agents: against the reference backend, acting against learning, and
 * the laws that a step must keep.
 */
#include <math.h>
#include <string.h>

#include "agent_fixture.h"

static void forward(stoa_ctx *ctx, agent_case *c, const stoa_agent_input *input,
                    stoa_agent_output *out) {
    stoa_ctx_reset(ctx);
    stoa_agent_forward(ctx, c->agent, input, &c->state, &c->next, out);
}

static void compare_outputs(const stoa_env_spec *spec, const stoa_agent_output *a,
                            const stoa_agent_output *b, double tolerance) {
    agent_assert_close(a->encoding, 0, b->encoding, 0, stoa_numel(b->encoding), tolerance,
                       "encoding");
    agent_assert_close(a->features, 0, b->features, 0, stoa_numel(b->features), tolerance,
                       "features");
    agent_assert_close(a->value, 0, b->value, 0, stoa_numel(b->value), tolerance, "value");
    for (int i = 0; i < spec->action_count; i++)
        agent_assert_close(a->logits[i], 0, b->logits[i], 0, stoa_numel(b->logits[i]), tolerance,
                           spec->actions[i].name);
}

static void outputs_equal_the_reference(void **state) {
    (void)state;
    for (int k = 0; k < agent_variant_count; k++) {
        stoa_env_spec spec = agent_spec(&agent_variants[k]);
        stoa_agent_options o = agent_options(&agent_variants[k]);
        agent_case c, wide;
        agent_case_open(&c, &spec, &o, AGENT_BATCH, 3);
        agent_case_open_wide(&wide, &spec, &o, AGENT_BATCH, 3);
        agent_episode e;
        agent_episode_init(&e, &spec, AGENT_STEPS, AGENT_BATCH, 4);
        stoa_ctx *cpu = agent_ctx("cpu", STOA_F32), *ref = agent_ctx("ref", STOA_F64);
        stoa_agent_output a, b;
        forward(cpu, &c, &e.input, &a);
        forward(ref, &wide, &e.input, &b);
        agent_check_ok(cpu), agent_check_ok(ref);
        compare_outputs(&spec, &a, &b, 2e-5);
        for (int64_t i = 0; i < c.next.batch * c.next.width; i++)
            assert_true(fabsf(c.next.data[i] - wide.next.data[i]) < 1e-4f);
        stoa_ctx_set_compute(cpu, STOA_BF16);
        forward(cpu, &c, &e.input, &a);
        agent_check_ok(cpu);
        assert_int_equal(a.value->dtype, STOA_F32);
        assert_int_equal(a.logits[0]->dtype, STOA_F32);
        agent_assert_near(a.features, b.features, 3e-2, agent_variants[k].name);
        agent_assert_near(a.value, b.value, 4e-2, agent_variants[k].name);
        agent_episode_deinit(&e);
        stoa_ctx_free(cpu), stoa_ctx_free(ref);
        agent_case_close(&c), agent_case_close_wide(&wide);
    }
}

static void acting_step_by_step_equals_the_unroll(void **state) {
    (void)state;
    for (int k = 0; k < agent_variant_count; k++) {
        stoa_env_spec spec = agent_spec(&agent_variants[k]);
        stoa_agent_options o = agent_options(&agent_variants[k]);
        agent_case all, step;
        agent_case_open(&all, &spec, &o, AGENT_BATCH, 5);
        agent_case_open(&step, &spec, &o, AGENT_BATCH, 5);
        stoa_ctx *a = agent_ctx("cpu", STOA_F32), *b = agent_ctx("cpu", STOA_F32);
        stoa_ctx_set_grad(a, true); /* as the learner runs it */
        /* three unrolls, the state carried over */
        for (uint64_t unroll = 0; unroll < 3; unroll++) {
            agent_episode e;
            agent_episode_init(&e, &spec, AGENT_STEPS, AGENT_BATCH, 6 + unroll);
            stoa_agent_output whole, part;
            forward(a, &all, &e.input, &whole);
            agent_check_ok(a);
            for (int64_t t = 0; t < AGENT_STEPS; t++) {
                stoa_agent_input now = agent_part(&e, &spec, t, 1);
                stoa_ctx_reset(b);
                stoa_agent_forward(b, step.agent, &now, &step.state, &step.state, &part);
                agent_check_ok(b);
                int64_t n = AGENT_BATCH;
                agent_assert_close(part.value, 0, whole.value, t * n, n, 1e-4, "value");
                for (int i = 0; i < spec.action_count; i++) {
                    int64_t m = stoa_numel(part.logits[i]);
                    agent_assert_close(part.logits[i], 0, whole.logits[i], t * m, m, 1e-4,
                                       spec.actions[i].name);
                }
            }
            for (int64_t i = 0; i < step.state.batch * step.state.width; i++)
                assert_true(fabsf(step.state.data[i] - all.next.data[i]) < 1e-4f);
            stoa_agent_state swap = all.state;
            all.state = all.next, all.next = swap;
            agent_episode_deinit(&e);
        }
        stoa_ctx_free(a), stoa_ctx_free(b);
        agent_case_close(&all), agent_case_close(&step);
    }
}

/* Central differences in double precision through the reference backend. */
static void gradients_equal_finite_differences(void **state) {
    (void)state;
    for (int k = 0; k < agent_variant_count; k++) {
        if (agent_variants[k].core == STOA_CORE_MEMORY) /* rows are written without a gradient, */
            continue;                                   /* see test_agent_memory.c */
        stoa_env_spec spec = agent_spec(&agent_variants[k]);
        stoa_agent_options o = agent_options(&agent_variants[k]);
        agent_case c, wide;
        agent_case_open(&c, &spec, &o, 2, 7);
        agent_case_open_wide(&wide, &spec, &o, 2, 7);
        agent_episode e;
        bool large = agent_variants[k].pixels;
        agent_episode_init(&e, &spec, large ? 2 : 5, 2, 8);
        stoa_ctx *cpu = agent_ctx("cpu", STOA_F32), *ref = agent_ctx("ref", STOA_F64);
        stoa_ctx_set_grad(cpu, true), stoa_ctx_set_grad(ref, true);
        stoa_agent_output out;
        forward(cpu, &c, &e.input, &out);
        stoa_backward(cpu, agent_loss(cpu, &spec, &out, true), NULL);
        agent_check_ok(cpu);
        stoa_rng pick = stoa_rng_stream(1, "pick", (uint64_t)k);
        for (int64_t p = 0; p < stoa_params_count(c.params); p++) {
            const stoa_param *param = stoa_params_at(c.params, p);
            stoa_tensor *t = &stoa_params_at(wide.params, p)->tensor;
            assert_true(param->tensor.grad_written);
            bool foresees = strstr(param->name, ".predictor.") != NULL;
            for (int n = 0; n < (large ? 2 : 4); n++) {
                int64_t i = stoa_rng_below(&pick, stoa_numel(t));
                double *x = (double *)t->data + i, kept = *x, loss[2];
                for (int side = 0; side < 2; side++) {
                    *x = kept + (side ? -1e-5 : 1e-5);
                    forward(ref, &wide, &e.input, &out);
                    loss[side] = stoa_get(agent_loss(ref, &spec, &out, foresees), 0);
                }
                *x = kept;
                double got = (double)((float *)param->tensor.grad)[i];
                double want = (loss[0] - loss[1]) / 2e-5;
                if (fabs(got - want) > 1e-4 + 1e-3 * fabs(want))
                    fail_msg("%s: %s[%lld]: %.8g against %.8g", agent_variants[k].name, param->name,
                             (long long)i, got, want);
            }
        }
        agent_episode_deinit(&e);
        stoa_ctx_free(cpu), stoa_ctx_free(ref);
        agent_case_close(&c), agent_case_close_wide(&wide);
    }
}

/* What happened before a reset, and what the last action was, must not reach past it. */
static void nothing_passes_a_reset(void **state) {
    (void)state;
    for (int k = 0; k < agent_variant_count; k++) {
        stoa_env_spec spec = agent_spec(&agent_variants[k]);
        stoa_agent_options o = agent_options(&agent_variants[k]);
        agent_case c;
        agent_case_open(&c, &spec, &o, AGENT_BATCH, 9);
        agent_episode one, other;
        agent_episode_init(&one, &spec, AGENT_STEPS, AGENT_BATCH, 10);
        agent_episode_init(&other, &spec, AGENT_STEPS, AGENT_BATCH, 11);
        int64_t from = 4;
        /* equal observations from `from` on, equal actions and rewards after it */
        stoa_agent_input a = agent_part(&one, &spec, from, 1),
                         b = agent_part(&other, &spec, from, 1);
        int64_t rows = (AGENT_STEPS - from) * AGENT_BATCH, later = rows - AGENT_BATCH;
        for (int i = 0; i < spec.observation_count; i++)
            memcpy((void *)(uintptr_t)b.observations[i], a.observations[i],
                   (size_t)rows * stoa_space_bytes(&spec.observations[i]));
        for (int i = 0; i < spec.action_count; i++) {
            size_t bytes = stoa_space_bytes(&spec.actions[i]);
            memcpy((char *)(uintptr_t)b.last_actions[i] + AGENT_BATCH * bytes,
                   (const char *)a.last_actions[i] + AGENT_BATCH * bytes, (size_t)later * bytes);
        }
        memcpy((float *)(uintptr_t)b.last_rewards + AGENT_BATCH, a.last_rewards + AGENT_BATCH,
               (size_t)later * sizeof(float));
        memcpy((uint8_t *)(uintptr_t)b.reset, a.reset, (size_t)rows);
        memset((uint8_t *)(uintptr_t)a.reset, 1, AGENT_BATCH);
        memset((uint8_t *)(uintptr_t)b.reset, 1, AGENT_BATCH);
        stoa_ctx *x = agent_ctx("cpu", STOA_F32), *y = agent_ctx("cpu", STOA_F32);
        stoa_agent_output p, q;
        forward(x, &c, &one.input, &p);
        forward(y, &c, &other.input, &q);
        agent_check_ok(x), agent_check_ok(y);
        for (int64_t r = 0; r < AGENT_STEPS * AGENT_BATCH; r++) {
            double gap = fabs(stoa_get(p.value, r) - stoa_get(q.value, r));
            if (r >= from * AGENT_BATCH)
                assert_true(gap == 0);
        }
        assert_true(fabs(stoa_get(p.value, 0) - stoa_get(q.value, 0)) > 1e-6);
        agent_episode_deinit(&one), agent_episode_deinit(&other);
        stoa_ctx_free(x), stoa_ctx_free(y);
        agent_case_close(&c);
    }
}

/* One block, no resets: what happened at step 0 matters for `memory` further steps. */
static void a_transformer_sees_as_far_as_its_memory(void **state) {
    (void)state;
    agent_variant v = {.core = STOA_CORE_TRANSFORMER, .memory = 3};
    stoa_env_spec spec = agent_spec(&v);
    stoa_agent_options o = agent_options(&v);
    o.core_layers = 1;
    agent_case c;
    agent_case_open(&c, &spec, &o, AGENT_BATCH, 18);
    agent_episode e;
    agent_episode_init(&e, &spec, AGENT_STEPS, AGENT_BATCH, 19);
    e.input.reset = NULL;
    stoa_ctx *a = agent_ctx("cpu", STOA_F32), *b = agent_ctx("cpu", STOA_F32);
    stoa_agent_output p, q;
    forward(a, &c, &e.input, &p);
    memset(e.memory[1], 0, AGENT_BATCH * stoa_space_bytes(&spec.observations[1]));
    forward(b, &c, &e.input, &q);
    for (int64_t t = 0; t < AGENT_STEPS; t++) {
        double gap = 0;
        for (int64_t i = 0; i < AGENT_BATCH; i++)
            gap = fmax(gap, fabs(stoa_get(p.value, t * AGENT_BATCH + i) -
                                 stoa_get(q.value, t * AGENT_BATCH + i)));
        assert_true(t <= v.memory ? gap > 1e-7 : gap == 0);
    }
    agent_episode_deinit(&e);
    stoa_ctx_free(a), stoa_ctx_free(b);
    agent_case_close(&c);
}

static void a_routed_block_takes_some_steps_and_leaves_others(void **state) {
    (void)state;
    agent_variant v = {.core = STOA_CORE_TRANSFORMER, .capacity = 0.5};
    stoa_env_spec spec = agent_spec(&v);
    stoa_agent_options o = agent_options(&v);
    agent_case c;
    agent_case_open(&c, &spec, &o, AGENT_BATCH, 7);
    agent_episode e;
    agent_episode_init(&e, &spec, AGENT_STEPS, AGENT_BATCH, 8);
    stoa_ctx *ctx = agent_ctx("cpu", STOA_F32);
    stoa_agent_output out;
    forward(ctx, &c, &e.input, &out);
    agent_check_ok(ctx);
    assert_null(out.router_loss); /* nothing is recorded */
    /* the last number of a slot of the state tells whether the step went through the block */
    int64_t taken[2] = {0};
    for (int64_t b = 0; b < AGENT_BATCH; b++)
        for (int64_t i = 0; i < 2 * o.core_memory; i++)
            taken[i / o.core_memory] +=
                c.next.data[b * c.next.width + 2 + (i + 1) * (o.core_width + 1) - 1] != 0;
    int64_t slots = AGENT_BATCH * o.core_memory;
    assert_int_equal(taken[0], slots);
    assert_true(taken[1] > 0 && taken[1] < slots);
    agent_episode_deinit(&e);
    stoa_ctx_free(ctx);
    agent_case_close(&c);
}

static void learn(stoa_ctx *ctx, agent_case *c, const stoa_env_spec *spec, const agent_episode *e) {
    stoa_agent_output out;
    stoa_params_clear_grads(c->params);
    stoa_ctx_set_grad(ctx, true);
    forward(ctx, c, &e->input, &out);
    stoa_backward(ctx, agent_loss(ctx, spec, &out, true), NULL);
    agent_check_ok(ctx);
}

static void act(stoa_ctx *ctx, agent_case *c, const stoa_env_spec *spec, const agent_episode *e) {
    stoa_agent_output out;
    stoa_agent_input now = agent_part(e, spec, 0, 1);
    stoa_ctx_set_grad(ctx, false);
    forward(ctx, c, &now, &out);
    agent_check_ok(ctx);
}

static void a_step_after_the_first_ones_allocates_nothing(void **state) {
    (void)state;
    for (int k = 0; k < agent_variant_count; k++)
        for (int narrow = 0; narrow < 2; narrow++) {
            stoa_env_spec spec = agent_spec(&agent_variants[k]);
            stoa_agent_options o = agent_options(&agent_variants[k]);
            agent_case c;
            agent_case_open(&c, &spec, &o, AGENT_BATCH, 12);
            agent_episode e;
            agent_episode_init(&e, &spec, AGENT_STEPS, AGENT_BATCH, 13);
            stoa_ctx *acting = agent_ctx("cpu", narrow ? STOA_BF16 : STOA_F32);
            stoa_ctx *learning = agent_ctx("cpu", narrow ? STOA_BF16 : STOA_F32);
            uint64_t before = 0;
            for (int round = 0; round < 5; round++) {
                if (round == 3)
                    before = stoa_alloc_statistics().allocations;
                act(acting, &c, &spec, &e);
                learn(learning, &c, &spec, &e);
                stoa_params_touch(c.params);
            }
            stoa_ctx_reset(acting), stoa_ctx_reset(learning);
            assert_int_equal(stoa_alloc_statistics().allocations, before);
            agent_episode_deinit(&e);
            stoa_ctx_free(acting), stoa_ctx_free(learning);
            agent_case_close(&c);
        }
}

static void equal_threads_give_equal_bits(void **state) {
    (void)state;
    enum { BATCH = 70 };
    for (int k = 0; k < agent_variant_count; k++)
        for (int narrow = 0; narrow < 2; narrow++) {
            stoa_env_spec spec = agent_spec(&agent_variants[k]);
            stoa_agent_options o = agent_options(&agent_variants[k]);
            agent_case c;
            agent_case_open(&c, &spec, &o, BATCH, 14);
            agent_episode e;
            agent_episode_init(&e, &spec, AGENT_STEPS, BATCH, 15);
            stoa_pool *pool = stoa_pool_new(2);
            size_t floats;
            float *grads = stoa_params_grads(c.params, &floats);
            float *kept = stoa_alloc(floats * sizeof *kept);
            for (int round = 0; round < 3; round++) {
                stoa_ctx *ctx = stoa_ctx_new(stoa_backend_cpu(), pool, 0);
                stoa_ctx_set_compute(ctx, narrow ? STOA_BF16 : STOA_F32);
                learn(ctx, &c, &spec, &e);
                if (round > 0)
                    assert_memory_equal(kept, grads, floats * sizeof *kept);
                memcpy(kept, grads, floats * sizeof *kept);
                stoa_ctx_free(ctx);
            }
            stoa_free(kept);
            stoa_pool_free(pool);
            agent_episode_deinit(&e);
            agent_case_close(&c);
        }
}

typedef struct slices {
    const agent_case *c;
    const stoa_agent_input *input;
    const stoa_env_spec *spec;
    stoa_ctx *ctx[2];
    stoa_agent_output out[2];
} slices;

/* A unit is half of the instances. */
static void act_slice(void *arg, int64_t begin, int64_t end, int thread) {
    (void)thread;
    slices *s = arg;
    for (int64_t i = begin; i < end; i++) {
        int64_t half = s->input->batch / 2, from = i * half;
        stoa_agent_input in = *s->input;
        in.batch = half;
        for (int k = 0; k < s->spec->observation_count; k++)
            in.observations[k] = (const char *)in.observations[k] +
                                 (size_t)from * stoa_space_bytes(&s->spec->observations[k]);
        for (int k = 0; k < s->spec->action_count; k++)
            in.last_actions[k] = (const char *)in.last_actions[k] +
                                 (size_t)from * stoa_space_bytes(&s->spec->actions[k]);
        in.last_rewards += from;
        in.reset += from;
        stoa_agent_state state = {.data = s->c->state.data + from * s->c->state.width,
                                  .batch = half,
                                  .width = s->c->state.width};
        stoa_agent_forward(s->ctx[i], s->c->agent, &in, &state, &state, &s->out[i]);
    }
}

/* On threads and contexts of their own. */
static void slices_that_act_at_once_equal_the_whole(void **state) {
    (void)state;
    enum { ALL = 32 };
    for (int k = 0; k < agent_variant_count; k++)
        for (int narrow = 0; narrow < 2; narrow++) {
            stoa_env_spec spec = agent_spec(&agent_variants[k]);
            stoa_agent_options o = agent_options(&agent_variants[k]);
            agent_case c;
            agent_case_open(&c, &spec, &o, ALL, 20);
            agent_episode e;
            agent_episode_init(&e, &spec, 1, ALL, 21);
            stoa_dtype compute = narrow ? STOA_BF16 : STOA_F32;
            stoa_ctx *whole = agent_ctx("cpu", compute);
            stoa_pool *pool = stoa_pool_new(2);
            slices s = {.c = &c,
                        .input = &e.input,
                        .spec = &spec,
                        .ctx = {agent_ctx("cpu", compute), agent_ctx("cpu", compute)}};
            stoa_agent_output out;
            forward(whole, &c, &e.input, &out);
            stoa_pool_run(pool, 2, 1, act_slice, &s);
            for (int i = 0; i < 2; i++) {
                agent_check_ok(s.ctx[i]);
                agent_assert_close(s.out[i].value, 0, out.value, i * ALL / 2, ALL / 2, 1e-5,
                                   agent_variants[k].name);
                stoa_ctx_free(s.ctx[i]);
            }
            for (int64_t i = 0; i < ALL * c.state.width; i++)
                assert_true(fabsf(c.state.data[i] - c.next.data[i]) < 1e-5f);
            stoa_ctx_free(whole);
            stoa_pool_free(pool);
            agent_episode_deinit(&e);
            agent_case_close(&c);
        }
}

static void a_plan_counts_the_flops_of_the_run(void **state) {
    (void)state;
    for (int k = 0; k < agent_variant_count; k++) {
        stoa_env_spec spec = agent_spec(&agent_variants[k]);
        stoa_agent_options o = agent_options(&agent_variants[k]);
        agent_case c;
        agent_case_open(&c, &spec, &o, AGENT_BATCH, 16);
        agent_episode e;
        agent_episode_init(&e, &spec, AGENT_STEPS, AGENT_BATCH, 17);
        stoa_ctx *cpu = agent_ctx("cpu", STOA_F32);
        learn(cpu, &c, &spec, &e);
        stoa_params *params = stoa_params_new();
        stoa_agent *agent;
        assert_int_equal(stoa_agent_new(&agent, params, &spec, &o, NULL), STOA_OK);
        assert_int_equal(stoa_params_allocate(params, 1, true, true, NULL), STOA_OK);
        stoa_ctx *meta = agent_ctx("meta", STOA_F32);
        stoa_ctx_set_grad(meta, true);
        stoa_agent_input nothing = {.steps = AGENT_STEPS, .batch = AGENT_BATCH};
        nothing.reset = e.input.reset;
        stoa_agent_state none = {.batch = AGENT_BATCH}, after = {.batch = AGENT_BATCH};
        stoa_agent_output out;
        stoa_agent_forward(meta, agent, &nothing, &none, &after, &out);
        stoa_tensor *seed = stoa_new(meta, STOA_F32, out.value->ndim, out.value->shape);
        stoa_backward(meta, out.value, seed);
        agent_check_ok(meta);
        if (agent_variants[k].capacity == 0) /* what a predictor lets through is not known ahead */
            assert_true(stoa_ctx_statistics(meta).flops == stoa_ctx_statistics(cpu).flops);
        assert_true(stoa_ctx_statistics(meta).flops > 0);
        stoa_ctx_free(cpu), stoa_ctx_free(meta);
        stoa_agent_free(agent);
        stoa_params_free(params);
        agent_episode_deinit(&e);
        agent_case_close(&c);
    }
}

static void what_has_no_encoder_or_head_is_named(void **state) {
    (void)state;
    stoa_agent_options o = agent_options(&agent_variants[1]);
    stoa_error err = {0};
    stoa_agent *agent;
    stoa_env_spec spec = agent_spec(&agent_variants[1]);
    spec.observations[1].dtype = STOA_I32;
    stoa_params *params = stoa_params_new();
    assert_int_equal(stoa_agent_new(&agent, params, &spec, &o, &err), STOA_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "\"time\""));
    assert_null(agent);
    stoa_params_free(params);
    spec = agent_spec(&agent_variants[1]);
    spec.actions[0].kind = STOA_SPACE_TEXT;
    params = stoa_params_new();
    assert_int_equal(stoa_agent_new(&agent, params, &spec, &o, &err), STOA_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "\"move\""));
    stoa_params_free(params);
    spec = agent_spec(&agent_variants[1]);
    o.encoder_layers = 0;
    params = stoa_params_new();
    assert_int_equal(stoa_agent_new(&agent, params, &spec, &o, &err), STOA_ERR_USAGE);
    assert_non_null(strstr(err.message, "encoder_layers"));
    stoa_params_free(params);
}

/* The same agent as without it; what stands in its place is never looked at. */
static void a_target_is_not_read(void **state) {
    (void)state;
    for (int k = 0; k < agent_variant_count; k++) {
        stoa_env_spec spec = agent_spec(&agent_variants[k]), told = spec;
        stoa_agent_options o = agent_options(&agent_variants[k]);
        stoa_space *words = &told.observations[told.observation_count++];
        *words = spec.observations[0];
        snprintf(words->name, sizeof words->name, "words");
        words->target = true;
        agent_case plain, other;
        agent_case_open(&plain, &spec, &o, AGENT_BATCH, 3);
        agent_case_open(&other, &told, &o, AGENT_BATCH, 3);
        assert_int_equal(stoa_params_numel(plain.params), stoa_params_numel(other.params));
        agent_episode e;
        agent_episode_init(&e, &spec, AGENT_STEPS, AGENT_BATCH, 4);
        stoa_ctx *one = agent_ctx("cpu", STOA_F32), *two = agent_ctx("cpu", STOA_F32);
        stoa_agent_output a, b;
        forward(one, &plain, &e.input, &a);
        forward(two, &other, &e.input, &b);
        agent_check_ok(one), agent_check_ok(two);
        compare_outputs(&spec, &a, &b, 0);
        agent_episode_deinit(&e);
        stoa_ctx_free(one), stoa_ctx_free(two);
        agent_case_close(&plain), agent_case_close(&other);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outputs_equal_the_reference),
        cmocka_unit_test(acting_step_by_step_equals_the_unroll),
        cmocka_unit_test(gradients_equal_finite_differences),
        cmocka_unit_test(nothing_passes_a_reset),
        cmocka_unit_test(a_transformer_sees_as_far_as_its_memory),
        cmocka_unit_test(a_routed_block_takes_some_steps_and_leaves_others),
        cmocka_unit_test(a_step_after_the_first_ones_allocates_nothing),
        cmocka_unit_test(equal_threads_give_equal_bits),
        cmocka_unit_test(slices_that_act_at_once_equal_the_whole),
        cmocka_unit_test(a_plan_counts_the_flops_of_the_run),
        cmocka_unit_test(what_has_no_encoder_or_head_is_named),
        cmocka_unit_test(a_target_is_not_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
