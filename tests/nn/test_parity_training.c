/*
 * tests/nn/test_parity_training.c - ten AdamW steps of a small transformer and of an LSTM, written
 * with operations alone, against PyTorch's losses and final weights
 * (tests/fixtures, made by scripts/make_fixtures.py).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "stoa/nn.h"

enum { HEADS = 4, LAYERS = 2 };
static const double LOSS_TOLERANCE = 1e-5, WEIGHT_TOLERANCE = 5e-6;

typedef struct training {
    stoa_safetensors *file;
    stoa_params *params;
    stoa_ctx *ctx;
    int64_t step;
} training;

static const stoa_entry *entry_of(const training *t, const char *name) {
    const stoa_entry *entry = stoa_safetensors_find(t->file, name);
    if (!entry)
        fail_msg("the fixture has no %s", name);
    return entry;
}

static stoa_tensor *weight(const training *t, const char *name) {
    stoa_param *param = stoa_params_find(t->params, name);
    if (!param)
        fail_msg("no parameter %s", name);
    return &param->tensor;
}

/* The part of a recorded batch (STEPS, ...) that belongs to this step. */
static stoa_tensor *batch(const training *t, const char *name) {
    const stoa_entry *entry = entry_of(t, name);
    size_t bytes = entry->bytes / (size_t)entry->shape[0];
    return stoa_from(t->ctx, entry->dtype, entry->ndim - 1, entry->shape + 1,
                     (const char *)entry->data + bytes * (size_t)t->step);
}

/* ---- the two networks ------------------------------------------------------------------------ */

static stoa_tensor *layer_weight(const training *t, int layer, const char *name) {
    char full[64];
    snprintf(full, sizeof full, "%d.%s", layer, name);
    return weight(t, full);
}

static stoa_tensor *dense(stoa_ctx *ctx, stoa_tensor *x, stoa_tensor *w) {
    return stoa_linear(ctx, x, w, NULL, STOA_F32);
}

static stoa_tensor *block(const training *t, int layer, stoa_tensor *x) {
    stoa_ctx *ctx = t->ctx;
    int64_t width = x->shape[2];
    const stoa_attention_options options = {.heads = HEADS,
                                            .kv_heads = HEADS,
                                            .head_width = (int)(width / HEADS),
                                            .k_column = width,
                                            .v_column = 2 * width,
                                            .causal = true,
                                            .rope_base = 10000.0};
    stoa_tensor *h = stoa_rms_norm(ctx, x, layer_weight(t, layer, "norm1"), 1e-5, STOA_F32);
    stoa_tensor *qkv = dense(ctx, h, layer_weight(t, layer, "qkv"));
    h = stoa_attention(ctx, qkv, qkv, qkv, &options);
    x = stoa_add(ctx, x, dense(ctx, h, layer_weight(t, layer, "out")));
    h = stoa_rms_norm(ctx, x, layer_weight(t, layer, "norm2"), 1e-5, STOA_F32);
    h = stoa_gelu(ctx, dense(ctx, h, layer_weight(t, layer, "up")), false);
    return stoa_add(ctx, x, dense(ctx, h, layer_weight(t, layer, "down")));
}

static stoa_tensor *gpt_loss(const training *t) {
    stoa_ctx *ctx = t->ctx;
    stoa_tensor *tokens = batch(t, "tokens"); // (B, T + 1)
    int64_t length = tokens->shape[1] - 1;
    stoa_tensor *ids = stoa_slice(ctx, tokens, 1, 0, length);
    stoa_tensor *targets = stoa_slice(ctx, tokens, 1, 1, length + 1);
    stoa_tensor *x = stoa_embedding(ctx, weight(t, "embedding"), ids, STOA_F32); // (B, T, N)
    for (int layer = 0; layer < LAYERS; layer++)
        x = block(t, layer, x);
    x = stoa_rms_norm(ctx, x, weight(t, "norm"), 1e-5, STOA_F32);
    stoa_tensor *logits = dense(ctx, x, weight(t, "head")); // (B, T, V)
    return stoa_mean(ctx, stoa_cross_entropy(ctx, logits, targets), STOA_ALL);
}

static stoa_tensor *lstm_loss(const training *t) {
    stoa_ctx *ctx = t->ctx;
    stoa_tensor *x = batch(t, "x"), *labels = batch(t, "labels"), *h; // (T, B, K), (B)
    stoa_lstm(ctx, x, weight(t, "weight_x"), weight(t, "weight_h"), weight(t, "bias"), NULL, NULL,
              NULL, &h, NULL);
    stoa_tensor *logits = stoa_linear(ctx, h, weight(t, "head"), weight(t, "head_bias"), STOA_F32);
    return stoa_mean(ctx, stoa_cross_entropy(ctx, logits, labels), STOA_ALL);
}

/* ---- training -------------------------------------------------------------------------------- */

static const char INIT[] = "init/";

/* Parameters from the fixture's init/NAME; matrices decay. */
static void declare(training *t) {
    for (int filled = 0; filled < 2; filled++) {
        for (size_t i = 0; i < stoa_safetensors_count(t->file); i++) {
            const stoa_entry *entry = stoa_safetensors_at(t->file, i);
            if (strncmp(entry->name, INIT, strlen(INIT)) != 0)
                continue;
            const char *name = entry->name + strlen(INIT);
            if (filled)
                memcpy(weight(t, name)->data, entry->data, entry->bytes);
            else
                assert_non_null(stoa_params_add(t->params, name, entry->ndim, entry->shape,
                                                STOA_INIT_ZERO, 0, entry->ndim >= 2));
        }
        if (!filled)
            assert_int_equal(stoa_params_allocate(t->params, 1, true, false, NULL), STOA_OK);
    }
    stoa_params_touch(t->params);
}

static double largest_difference(const float *got, const stoa_entry *want) {
    double worst = 0;
    for (size_t i = 0; i < want->bytes / sizeof *got; i++) {
        float w;
        memcpy(&w, (const char *)want->data + i * sizeof w, sizeof w);
        double d = fabs((double)got[i] - (double)w);
        worst = d <= worst ? worst : d;
    }
    return worst;
}

static void train_and_compare(const char *fixture, stoa_tensor *(*loss_of)(const training *)) {
    training t = {.params = stoa_params_new(), .ctx = stoa_ctx_new(stoa_backend_cpu(), NULL, 0)};
    stoa_error err;
    assert_non_null(t.params);
    assert_non_null(t.ctx);
    if (stoa_safetensors_open(&t.file, fixture, &err) != STOA_OK)
        fail_msg("%s", err.message);
    declare(&t);
    const stoa_optimizer_options options = {.kind = STOA_ADAMW,
                                            .beta1 = 0.9,
                                            .beta2 = 0.99,
                                            .eps = 1e-8,
                                            .weight_decay = 0.1,
                                            .clip = 1.0};
    stoa_optimizer *optimizer = stoa_optimizer_new(t.params, &options, &err);
    assert_non_null(optimizer);
    const stoa_entry *losses = entry_of(&t, "losses");
    for (; t.step < losses->shape[0]; t.step++) {
        stoa_ctx_set_grad(t.ctx, true);
        stoa_tensor *loss = loss_of(&t);
        stoa_backward(t.ctx, loss, NULL);
        if (stoa_ctx_status(t.ctx, &err) != STOA_OK)
            fail_msg("%s", err.message);
        float want;
        memcpy(&want, (const char *)losses->data + (size_t)t.step * sizeof want, sizeof want);
        assert_float_equal(*(const float *)loss->data, want, (float)LOSS_TOLERANCE);
        if (stoa_optimizer_step(optimizer, NULL, 1e-3, NULL, &err) != STOA_OK)
            fail_msg("%s", err.message);
        stoa_ctx_reset(t.ctx);
    }
    for (int64_t i = 0; i < stoa_params_count(t.params); i++) {
        const stoa_param *param = stoa_params_at(t.params, i);
        char name[160];
        snprintf(name, sizeof name, "final/%s", param->name);
        double difference = largest_difference(param->tensor.data, entry_of(&t, name));
        if (!(difference <= WEIGHT_TOLERANCE))
            fail_msg("%s differs by %.3g", name, difference);
    }
    stoa_optimizer_free(optimizer);
    stoa_params_free(t.params);
    stoa_ctx_free(t.ctx);
    stoa_safetensors_close(t.file);
}

static void ten_steps_of_a_transformer_equal_pytorch(void **state) {
    (void)state;
    train_and_compare("tests/fixtures/gpt.safetensors", gpt_loss);
}

static void ten_steps_of_an_lstm_equal_pytorch(void **state) {
    (void)state;
    train_and_compare("tests/fixtures/lstm.safetensors", lstm_loss);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ten_steps_of_a_transformer_equal_pytorch),
        cmocka_unit_test(ten_steps_of_an_lstm_equal_pytorch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
