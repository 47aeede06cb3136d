/*
 * tests/model/test_agent_parity.c - an LSTM agent with resets, forward and backward, against
 * PyTorch (tests/fixtures, made by scripts/make_fixtures.py).
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "agent_fixture.h"

enum { STEPS = 7, BATCH = 4, CORE = 16 };

static stoa_safetensors *file;

static const stoa_entry *entry_of(const char *group, const char *name) {
    char full[160];
    snprintf(full, sizeof full, "%s%s", group, name);
    const stoa_entry *entry = stoa_safetensors_find(file, full);
    if (!entry)
        fail_msg("the fixture has no %s", full);
    return entry;
}

static stoa_env_spec spec_of(void) {
    stoa_env_spec spec = {.name = "recorded", .observation_count = 2, .action_count = 1};
    spec.observations[0] = (stoa_space){.name = "cells",
                                        .kind = STOA_SPACE_CATEGORIES,
                                        .dtype = STOA_U8,
                                        .ndim = 1,
                                        .shape = {5},
                                        .categories = 3};
    spec.observations[1] = (stoa_space){
        .name = "time", .kind = STOA_SPACE_BOX, .dtype = STOA_F32, .ndim = 1, .shape = {2}};
    spec.actions[0] = (stoa_space){
        .name = "move", .kind = STOA_SPACE_CATEGORIES, .dtype = STOA_I32, .categories = 3};
    return spec;
}

/* n floats of the file against ours, to 1e-5. */
static void compare(const char *group, const char *name, const float *ours, int64_t n) {
    const stoa_entry *entry = entry_of(group, name);
    assert_int_equal(entry->bytes, (size_t)n * sizeof(float));
    for (int64_t i = 0; i < n; i++) {
        float theirs;
        memcpy(&theirs, (const char *)entry->data + (size_t)i * sizeof theirs, sizeof theirs);
        if (!(fabsf(ours[i] - theirs) <= 1e-5f * (1 + fabsf(theirs))))
            fail_msg("%s%s[%lld]: %.9g against %.9g", group, name, (long long)i, (double)ours[i],
                     (double)theirs);
    }
}

static stoa_tensor *recorded(stoa_ctx *ctx, const char *name) {
    const stoa_entry *entry = entry_of("", name);
    return stoa_from(ctx, STOA_F32, entry->ndim, entry->shape, entry->data);
}

static void an_lstm_agent_equals_pytorch(void **state) {
    (void)state;
    stoa_error err = {0};
    if (stoa_safetensors_open(&file, "tests/fixtures/agent.safetensors", &err) != STOA_OK)
        fail_msg("%s", err.message);
    stoa_env_spec spec = spec_of();
    stoa_agent_options o = {.encoder_width = 12,
                            .encoder_layers = 2,
                            .core = STOA_CORE_LSTM,
                            .core_width = CORE,
                            .last_action = true,
                            .last_reward = true};
    agent_case c;
    agent_case_open(&c, &spec, &o, BATCH, 1);
    for (int64_t i = 0; i < stoa_params_count(c.params); i++) {
        stoa_param *p = stoa_params_at(c.params, i);
        const stoa_entry *entry = entry_of("weight/", p->name);
        assert_int_equal(entry->bytes, stoa_nbytes(&p->tensor));
        memcpy(p->tensor.data, entry->data, entry->bytes);
    }
    stoa_params_touch(c.params);
    const stoa_entry *first = entry_of("input/", "state");
    assert_int_equal(first->bytes, (size_t)(BATCH * c.state.width) * sizeof(float));
    memcpy(c.state.data, first->data, first->bytes);
    stoa_ctx *ctx = agent_ctx("cpu", STOA_F32);
    /* the file's data need not be aligned */
    stoa_tensor *move =
        stoa_from(ctx, STOA_I32, STOA_SHAPE(STEPS, BATCH), entry_of("input/", "move")->data);
    stoa_tensor *reward =
        stoa_from(ctx, STOA_F32, STOA_SHAPE(STEPS, BATCH), entry_of("input/", "reward")->data);
    stoa_agent_input input = {
        .steps = STEPS,
        .batch = BATCH,
        .observations = {entry_of("input/", "cells")->data, entry_of("input/", "time")->data},
        .last_actions = {move->data},
        .last_rewards = reward->data,
        .reset = entry_of("input/", "reset")->data};
    stoa_ctx_set_grad(ctx, true);
    stoa_agent_output out;
    stoa_agent_forward(ctx, c.agent, &input, &c.state, NULL, &out);
    agent_check_ok(ctx);
    compare("", "logits", out.logits[0]->data, STEPS * BATCH * 3);
    compare("", "value", out.value->data, STEPS * BATCH);
    stoa_tensor *loss = stoa_add(
        ctx, stoa_sum(ctx, stoa_mul(ctx, out.logits[0], recorded(ctx, "d_logits")), STOA_ALL),
        stoa_sum(ctx, stoa_mul(ctx, out.value, recorded(ctx, "d_value")), STOA_ALL));
    stoa_backward(ctx, loss, NULL);
    agent_check_ok(ctx);
    for (int64_t i = 0; i < stoa_params_count(c.params); i++) {
        stoa_param *p = stoa_params_at(c.params, i);
        compare("gradient/", p->name, p->tensor.grad, stoa_numel(&p->tensor));
    }
    stoa_ctx_free(ctx);
    agent_case_close(&c);
    stoa_safetensors_close(file);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(an_lstm_agent_equals_pytorch)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
