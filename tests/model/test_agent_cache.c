/*
 * tests/model/test_agent_cache.c - a transformer core that acts with kept keys and values, against
 * the plain ways: the unroll taken at once, and steps that make them anew each time.
 */
#include <math.h>
#include <string.h>

#include "agent_fixture.h"

enum { UNROLLS = 5, BATCH = 6 };

static const agent_variant cores[] = {
    {.name = "dense", .core = STOA_CORE_TRANSFORMER},
    {.name = "memory of one step", .core = STOA_CORE_TRANSFORMER, .memory = 1},
    {.name = "longer memory than an unroll", .core = STOA_CORE_TRANSFORMER, .memory = 21},
    {.name = "routed", .core = STOA_CORE_TRANSFORMER, .capacity = 0.5},
    {.name = "routed, longer", .core = STOA_CORE_TRANSFORMER, .capacity = 0.5, .memory = 21},
};
enum { CORES = sizeof cores / sizeof *cores };

typedef struct bed {
    stoa_env_spec spec;
    stoa_agent_options options;
    agent_case c;
    stoa_agent_cache cache;
    agent_episode unrolls[UNROLLS];
    stoa_ctx *ctx;
} bed;

/* Each second unroll has no beginnings of episodes inside, so that memories fill. */
static void bed_open(bed *b, const agent_variant *v, stoa_dtype compute) {
    stoa_error err = {0};
    b->spec = agent_spec(v);
    b->options = agent_options(v);
    b->options.core_layers = 3;
    agent_case_open(&b->c, &b->spec, &b->options, BATCH, 31);
    for (int i = 0; i < UNROLLS; i++) {
        agent_episode_init(&b->unrolls[i], &b->spec, AGENT_STEPS, BATCH, 32 + (uint64_t)i);
        if (i % 2 == 1)
            b->unrolls[i].input.reset = NULL;
    }
    if (stoa_agent_cache_init(&b->cache, b->c.agent, compute, BATCH, &err) != STOA_OK)
        fail_msg("%s", err.message);
    b->ctx = agent_ctx("cpu", compute);
}

static void bed_close(bed *b) {
    stoa_ctx_free(b->ctx);
    stoa_agent_cache_deinit(&b->cache);
    for (int i = 0; i < UNROLLS; i++)
        agent_episode_deinit(&b->unrolls[i]);
    agent_case_close(&b->c);
}

/* An update of every weight. */
static void learn(bed *b, uint64_t seed) {
    size_t floats;
    float *values = stoa_params_values(b->c.params, &floats);
    stoa_rng rng = stoa_rng_stream(seed, "update", 0);
    for (size_t i = 0; i < floats; i++)
        values[i] += 0.05f * (float)stoa_rng_normal(&rng);
    stoa_params_touch(b->c.params);
}

/* Step t of an unroll; the state moves on. Values (B) and logits (B, A). */
static void act(bed *b, stoa_agent_state *state, int unroll, int64_t t, float *values,
                float *logits) {
    stoa_agent_output out;
    stoa_agent_input now = agent_part(&b->unrolls[unroll], &b->spec, t, 1);
    if (!b->unrolls[unroll].input.reset)
        now.reset = NULL;
    stoa_ctx_reset(b->ctx);
    stoa_agent_forward(b->ctx, b->c.agent, &now, state, state, &out);
    agent_check_ok(b->ctx);
    memcpy(values, out.value->data, stoa_nbytes(out.value));
    memcpy(logits, out.logits[0]->data, stoa_nbytes(out.logits[0]));
}

enum { ACTIONS = 3, ROWS = AGENT_STEPS * BATCH };

typedef struct record {
    float values[ROWS], logits[ROWS * ACTIONS];
} record;

static void act_unroll(bed *b, stoa_agent_state *state, int unroll, record *r) {
    for (int64_t t = 0; t < AGENT_STEPS; t++)
        act(b, state, unroll, t, r->values + t * BATCH, r->logits + t * BATCH * ACTIONS);
}

static void copy_state(stoa_agent_state *to, const stoa_agent_state *from) {
    memcpy(to->data, from->data, (size_t)(from->batch * from->width) * sizeof *to->data);
}

static void near(const char *what, const float *a, const float *b, int64_t n, double tolerance) {
    for (int64_t i = 0; i < n; i++)
        if (!(fabs((double)(a[i] - b[i])) <= tolerance * (1 + fabs((double)b[i]))))
            fail_msg("%s[%lld]: %.9g against %.9g", what, (long long)i, (double)a[i], (double)b[i]);
}

/* With weights that change between unrolls: what acts is what learning from the unroll sees. */
static void steps_equal_the_unroll_that_is_learned_from(void **state) {
    (void)state;
    for (int k = 0; k < CORES; k++)
        for (int narrow = 0; narrow < 2; narrow++) {
            const double tolerance = narrow ? 3e-2 : 1e-5;
            bed b;
            bed_open(&b, &cores[k], narrow ? STOA_BF16 : STOA_F32);
            b.c.state.cache = &b.cache;
            stoa_agent_state before;
            assert_int_equal(stoa_agent_state_init(&before, b.c.agent, BATCH, NULL), STOA_OK);
            for (int u = 0; u < UNROLLS; u++) {
                record acted;
                stoa_agent_output out;
                copy_state(&before, &b.c.state);
                act_unroll(&b, &b.c.state, u, &acted);
                stoa_ctx_reset(b.ctx);
                stoa_ctx_set_grad(b.ctx, true);
                stoa_agent_forward(b.ctx, b.c.agent, &b.unrolls[u].input, &before, &b.c.next, &out);
                stoa_ctx_set_grad(b.ctx, false);
                agent_check_ok(b.ctx);
                near(cores[k].name, acted.values, out.value->data, ROWS, tolerance);
                near(cores[k].name, acted.logits, out.logits[0]->data, ROWS * ACTIONS, tolerance);
                near("state", b.c.state.data, b.c.next.data, BATCH * b.c.state.width, tolerance);
                learn(&b, (uint64_t)u);
            }
            stoa_agent_state_deinit(&before);
            bed_close(&b);
        }
}

/* The same steps with and without. The reference goes on from the same states, or differences of
 * rounding would add up. */
static void steps_equal_plain_steps(void **state) {
    (void)state;
    for (int k = 0; k < CORES; k++) {
        bed b;
        bed_open(&b, &cores[k], STOA_F32);
        b.c.state.cache = &b.cache;
        for (int u = 0; u < UNROLLS; u++) {
            record kept, plain;
            copy_state(&b.c.next, &b.c.state);
            act_unroll(&b, &b.c.state, u, &kept);
            act_unroll(&b, &b.c.next, u, &plain);
            near(cores[k].name, kept.values, plain.values, ROWS, 1e-5);
            near(cores[k].name, kept.logits, plain.logits, ROWS * ACTIONS, 1e-5);
            learn(&b, (uint64_t)u);
        }
        bed_close(&b);
    }
}

/* A cache holds nothing that the state and the weights do not tell: a new one, as after resuming,
 * goes on with the same bits once the weights have changed. */
static void a_new_cache_gives_the_same_bits(void **state) {
    (void)state;
    for (int k = 0; k < CORES; k++)
        for (int narrow = 0; narrow < 2; narrow++) {
            stoa_dtype compute = narrow ? STOA_BF16 : STOA_F32;
            bed b;
            bed_open(&b, &cores[k], compute);
            b.c.state.cache = &b.cache;
            record x, y;
            for (int u = 0; u < 3; u++) {
                act_unroll(&b, &b.c.state, u, &x);
                learn(&b, (uint64_t)u);
            }
            stoa_agent_cache other;
            assert_int_equal(stoa_agent_cache_init(&other, b.c.agent, compute, BATCH, NULL),
                             STOA_OK);
            copy_state(&b.c.next, &b.c.state);
            b.c.next.cache = &other;
            act_unroll(&b, &b.c.state, 3, &x);
            act_unroll(&b, &b.c.next, 3, &y);
            assert_memory_equal(&x, &y, sizeof x);
            assert_memory_equal(b.c.state.data, b.c.next.data,
                                (size_t)(BATCH * b.c.state.width) * sizeof(float));
            stoa_agent_cache_deinit(&other);
            bed_close(&b);
        }
}

/* Looks ahead without moving on, whole unrolls and other precisions neither read nor change it. */
static void what_does_not_move_the_state_leaves_the_cache_alone(void **state) {
    (void)state;
    bed b;
    bed_open(&b, &cores[4], STOA_F32);
    record plain, disturbed;
    stoa_agent_cache other;
    assert_int_equal(stoa_agent_cache_init(&other, b.c.agent, STOA_F32, BATCH, NULL), STOA_OK);
    copy_state(&b.c.next, &b.c.state);
    b.c.state.cache = &b.cache;
    b.c.next.cache = &other;
    stoa_ctx *narrow = agent_ctx("cpu", STOA_BF16);
    for (int u = 0; u < 3; u++) {
        stoa_agent_output out;
        act_unroll(&b, &b.c.state, u, &plain);
        for (int64_t t = 0; t < AGENT_STEPS; t++) {
            stoa_agent_input now = agent_part(&b.unrolls[0], &b.spec, t, 1);
            stoa_ctx_reset(b.ctx);
            stoa_agent_forward(b.ctx, b.c.agent, &now, &b.c.next, NULL, &out);
            stoa_agent_forward(b.ctx, b.c.agent, &b.unrolls[u].input, &b.c.next, NULL, &out);
            stoa_ctx_reset(narrow);
            stoa_agent_forward(narrow, b.c.agent, &now, &b.c.next, NULL, &out);
            agent_check_ok(b.ctx), agent_check_ok(narrow);
            act(&b, &b.c.next, u, t, disturbed.values + t * BATCH,
                disturbed.logits + t * BATCH * ACTIONS);
        }
        assert_memory_equal(&plain, &disturbed, sizeof plain);
    }
    stoa_ctx_free(narrow);
    stoa_agent_cache_deinit(&other);
    bed_close(&b);
}

static void acting_allocates_nothing_after_the_first_unroll(void **state) {
    (void)state;
    for (int k = 0; k < CORES; k++) {
        bed b;
        bed_open(&b, &cores[k], STOA_F32);
        b.c.state.cache = &b.cache;
        record r;
        uint64_t before = 0;
        for (int round = 0; round < 4; round++) {
            if (round == 2)
                before = stoa_alloc_statistics().allocations;
            act_unroll(&b, &b.c.state, round, &r);
            stoa_params_touch(b.c.params);
        }
        assert_int_equal(stoa_alloc_statistics().allocations, before);
        bed_close(&b);
    }
}

static void other_cores_have_none(void **state) {
    (void)state;
    const agent_variant v = {.core = STOA_CORE_LSTM};
    bed b;
    bed_open(&b, &v, STOA_F32);
    assert_int_equal(b.cache.blocks, 0);
    assert_null(b.cache.each);
    b.c.state.cache = &b.cache;
    record r;
    act_unroll(&b, &b.c.state, 0, &r);
    bed_close(&b);
}

/* Counts of a state that came from a file are no indices before they were looked at. */
static void a_forged_state_stays_inside(void **state) {
    (void)state;
    static const float forged[] = {-5, 1e30f, NAN, 0.5f, 22, -INFINITY};
    for (int kept = 0; kept < 2; kept++) {
        bed b;
        bed_open(&b, &cores[2], STOA_F32);
        b.c.state.cache = kept ? &b.cache : NULL;
        for (int64_t i = 0; i < BATCH; i++)
            b.c.state.data[i * b.c.state.width] = b.c.state.data[i * b.c.state.width + 1] =
                forged[i];
        record r;
        act_unroll(&b, &b.c.state, 1, &r);
        for (int64_t i = 0; i < ROWS; i++)
            assert_true(isfinite(r.values[i]));
        bed_close(&b);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_equal_the_unroll_that_is_learned_from),
        cmocka_unit_test(steps_equal_plain_steps),
        cmocka_unit_test(a_new_cache_gives_the_same_bits),
        cmocka_unit_test(what_does_not_move_the_state_leaves_the_cache_alone),
        cmocka_unit_test(acting_allocates_nothing_after_the_first_unroll),
        cmocka_unit_test(other_cores_have_none),
        cmocka_unit_test(a_forged_state_stays_inside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
