/*
 * tests/tensor/test_parity.c - operations against values and gradients recorded from PyTorch
 * (tests/fixtures/ops.safetensors, made by scripts/make_fixtures.py, which describes the names).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "stoa/nn.h"

enum { INPUTS = 6 };
static const char FIXTURE[] = "tests/fixtures/ops.safetensors";
static const double TOLERANCE = 5e-6; /* largest difference over largest value (at least 1) */

typedef stoa_tensor *(*build_fn)(stoa_ctx *ctx, stoa_tensor **in);

typedef struct parity_case {
    const char *name;
    build_fn build;
    const char *inputs[INPUTS + 1]; /* in the order build expects them */
} parity_case;

/* ---- the same calls as in the script --------------------------------------------------------- */

static stoa_tensor *linear(stoa_ctx *ctx, stoa_tensor **in) {
    return stoa_linear(ctx, in[0], in[1], in[2], STOA_F32);
}

static stoa_tensor *layer_norm(stoa_ctx *ctx, stoa_tensor **in) {
    return stoa_layer_norm(ctx, in[0], in[1], in[2], 1e-5, STOA_F32);
}

static stoa_tensor *rms_norm(stoa_ctx *ctx, stoa_tensor **in) {
    return stoa_rms_norm(ctx, in[0], in[1], 1e-5, STOA_F32);
}

static stoa_tensor *gelu_exact(stoa_ctx *ctx, stoa_tensor **in) {
    return stoa_gelu(ctx, in[0], true);
}

static stoa_tensor *gelu_tanh(stoa_ctx *ctx, stoa_tensor **in) {
    return stoa_gelu(ctx, in[0], false);
}

static stoa_tensor *silu(stoa_ctx *ctx, stoa_tensor **in) {
    return stoa_silu(ctx, in[0]);
}

static stoa_tensor *swiglu(stoa_ctx *ctx, stoa_tensor **in) {
    return stoa_swiglu(ctx, in[0]);
}

static stoa_tensor *softplus(stoa_ctx *ctx, stoa_tensor **in) {
    return stoa_softplus(ctx, in[0]);
}

static stoa_tensor *log_softmax(stoa_ctx *ctx, stoa_tensor **in) {
    return stoa_log_softmax(ctx, in[0]);
}

static stoa_tensor *cross_entropy(stoa_ctx *ctx, stoa_tensor **in) {
    return stoa_cross_entropy(ctx, in[0], in[1]);
}

static stoa_tensor *binary_cross_entropy(stoa_ctx *ctx, stoa_tensor **in) {
    in[1]->requires_grad = false;
    return stoa_binary_cross_entropy(ctx, in[0], in[1]);
}

static stoa_tensor *attend(stoa_ctx *ctx, stoa_tensor *qkv, int kv_heads, double rope_base) {
    const stoa_attention_options options = {.heads = 4,
                                            .kv_heads = kv_heads,
                                            .head_width = 8,
                                            .k_column = 32,
                                            .v_column = 32 + 8 * kv_heads,
                                            .causal = true,
                                            .rope_base = rope_base};
    return stoa_attention(ctx, qkv, qkv, qkv, &options);
}

static stoa_tensor *attention(stoa_ctx *ctx, stoa_tensor **in) {
    return attend(ctx, in[0], 4, 0);
}

static stoa_tensor *attention_grouped_rope(stoa_ctx *ctx, stoa_tensor **in) {
    return attend(ctx, in[0], 2, 10000.0);
}

static stoa_tensor *conv2d(stoa_ctx *ctx, stoa_tensor **in) {
    return stoa_conv2d(ctx, in[0], in[1], in[2], (stoa_conv_options){.stride = 1});
}

static stoa_tensor *conv2d_stride(stoa_ctx *ctx, stoa_tensor **in) {
    const stoa_conv_options options = {
        .stride = 2, .pad_top = 1, .pad_left = 0, .pad_bottom = 2, .pad_right = 1};
    return stoa_conv2d(ctx, in[0], in[1], in[2], options);
}

static stoa_tensor *batch_norm(stoa_ctx *ctx, stoa_tensor **in) {
    stoa_ctx_set_training(ctx, true);
    return stoa_batch_norm(ctx, in[0], in[1], in[2], in[3], in[4], 0.9, 1e-5);
}

static const stoa_conv_options POOL = {
    .stride = 2, .pad_top = 1, .pad_left = 1, .pad_bottom = 1, .pad_right = 1};

static stoa_tensor *max_pool(stoa_ctx *ctx, stoa_tensor **in) {
    return stoa_max_pool(ctx, in[0], 3, POOL);
}

static stoa_tensor *avg_pool(stoa_ctx *ctx, stoa_tensor **in) {
    return stoa_avg_pool(ctx, in[0], 3, POOL);
}

static stoa_tensor *embedding(stoa_ctx *ctx, stoa_tensor **in) {
    return stoa_embedding(ctx, in[0], in[1], STOA_F32);
}

static stoa_tensor *gather_rows(stoa_ctx *ctx, stoa_tensor **in) {
    return stoa_gather_rows(ctx, in[0], in[1]);
}

static stoa_tensor *scatter_rows(stoa_ctx *ctx, stoa_tensor **in) {
    return stoa_scatter_rows(ctx, in[0], in[1], in[2], in[3]);
}

static stoa_tensor *lstm(stoa_ctx *ctx, stoa_tensor **in) {
    return stoa_lstm(ctx, in[0], in[1], in[2], in[3], in[4], in[5], NULL, NULL, NULL);
}

static stoa_tensor *gru(stoa_ctx *ctx, stoa_tensor **in) {
    return stoa_gru(ctx, in[0], in[1], in[2], in[3], in[4], in[5], NULL, NULL);
}

static const parity_case cases[] = {
    {"linear", linear, {"x", "weight", "bias"}},
    {"layer_norm", layer_norm, {"x", "weight", "bias"}},
    {"rms_norm", rms_norm, {"x", "weight"}},
    {"gelu_exact", gelu_exact, {"input"}},
    {"gelu_tanh", gelu_tanh, {"input"}},
    {"silu", silu, {"input"}},
    {"swiglu", swiglu, {"input"}},
    {"softplus", softplus, {"input"}},
    {"log_softmax", log_softmax, {"input"}},
    {"cross_entropy", cross_entropy, {"logits", "targets"}},
    {"binary_cross_entropy", binary_cross_entropy, {"x", "labels"}},
    {"attention", attention, {"qkv"}},
    {"attention_grouped_rope", attention_grouped_rope, {"qkv"}},
    {"conv2d", conv2d, {"input", "weight", "bias"}},
    {"conv2d_stride", conv2d_stride, {"input", "weight", "bias"}},
    {"batch_norm", batch_norm, {"x", "weight", "bias", "running_mean", "running_var"}},
    {"max_pool", max_pool, {"input"}},
    {"avg_pool", avg_pool, {"input"}},
    {"embedding", embedding, {"table", "ids"}},
    {"gather_rows", gather_rows, {"x", "index"}},
    {"scatter_rows", scatter_rows, {"x", "index", "src", "gate"}},
    {"lstm", lstm, {"x", "weight_x", "weight_h", "bias", "h0", "c0"}},
    {"gru", gru, {"x", "weight_x", "weight_h", "bias_x", "bias_h", "h0"}},
};
enum { CASES = sizeof cases / sizeof cases[0] };

/* ---- running one ----------------------------------------------------------------------------- */

static const stoa_entry *find(const stoa_safetensors *file, const parity_case *c,
                              const char *prefix, const char *name, const char *suffix) {
    char full[128];
    snprintf(full, sizeof full, "%s/%s%s%s", c->name, prefix, name, suffix);
    return stoa_safetensors_find(file, full);
}

/* Parameters keep their gradient memory; running statistics have none. */
static bool is_parameter(const char *name) {
    static const char *const starts[] = {"weight", "bias", "table", "running"};
    for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++)
        if (strncmp(name, starts[i], strlen(starts[i])) == 0)
            return true;
    return false;
}

static stoa_tensor load(const stoa_entry *entry, const char *name) {
    assert_non_null(entry);
    void *data = stoa_alloc(entry->bytes + 64);
    assert_non_null(data);
    memcpy(data, entry->data, entry->bytes);
    stoa_tensor t = stoa_tensor_wrap(entry->dtype, entry->ndim, entry->shape, data);
    t.requires_grad = entry->dtype == STOA_F32 && strncmp(name, "running", 7) != 0;
    t.is_param = is_parameter(name);
    t.keep_grad = true;
    if (t.requires_grad) {
        t.grad = stoa_alloc(entry->bytes + 64);
        assert_non_null(t.grad);
    }
    return t;
}

/* Compares with an entry and says what differs. Returns 1 when something does. */
static int differs(const parity_case *c, const char *what, const float *got,
                   const stoa_entry *want) {
    double worst = 0, scale = 1;
    for (size_t i = 0; i < want->bytes / sizeof *got; i++) {
        float w;
        memcpy(&w, (const char *)want->data + i * sizeof w, sizeof w);
        double d = fabs((double)got[i] - (double)w);
        worst = d <= worst ? worst : d; // a NaN gets through
        scale = fmax(scale, fabs((double)w));
    }
    if (worst / scale <= TOLERANCE)
        return 0;
    print_error("    %s: %s differs by %.3g\n", c->name, what, worst / scale);
    return 1;
}

static int run_case(const stoa_safetensors *file, const parity_case *c) {
    stoa_ctx *ctx = stoa_ctx_new(stoa_backend_cpu(), NULL, 0);
    assert_non_null(ctx);
    stoa_ctx_set_grad(ctx, true);
    stoa_tensor inputs[INPUTS], *in[INPUTS];
    int count = 0, failures = 0;
    for (; c->inputs[count]; count++) {
        inputs[count] = load(find(file, c, "", c->inputs[count], ""), c->inputs[count]);
        in[count] = &inputs[count];
    }
    const stoa_entry *want = find(file, c, "", "y", ""), *slope = find(file, c, "", "dy", "");
    assert_non_null(want);
    assert_non_null(slope);
    stoa_tensor *y = c->build(ctx, in);
    assert_int_equal(stoa_nbytes(y), want->bytes);
    for (int i = 0; i < want->ndim; i++)
        assert_int_equal(y->shape[i], want->shape[i]);
    stoa_tensor *dy = stoa_from(ctx, STOA_F32, y->ndim, y->shape, slope->data);
    stoa_backward(ctx, y, dy);
    stoa_error err;
    if (stoa_ctx_status(ctx, &err) != STOA_OK) {
        print_error("    %s: %s\n", c->name, err.message);
        failures++;
    } else {
        failures += differs(c, "y", y->data, want);
    }
    for (int i = 0; i < count; i++) {
        const stoa_entry *d = find(file, c, "d", c->inputs[i], "");
        const stoa_entry *after = find(file, c, "", c->inputs[i], "_after");
        if (d && failures == 0)
            failures += differs(c, c->inputs[i], inputs[i].grad, d);
        if (after && failures == 0)
            failures += differs(c, c->inputs[i], inputs[i].data, after);
        assert_true((d != NULL) == inputs[i].requires_grad);
        stoa_free(inputs[i].data);
        stoa_free(inputs[i].grad);
    }
    stoa_ctx_free(ctx);
    return failures;
}

static stoa_safetensors *open_fixture(void) {
    stoa_safetensors *file = NULL;
    stoa_error err;
    if (stoa_safetensors_open(&file, FIXTURE, &err) != STOA_OK)
        fail_msg("%s", err.message);
    return file;
}

static void operations_and_gradients_equal_pytorch(void **state) {
    (void)state;
    stoa_safetensors *file = open_fixture();
    int failures = 0;
    for (int i = 0; i < CASES; i++)
        failures += run_case(file, &cases[i]);
    stoa_safetensors_close(file);
    assert_int_equal(failures, 0);
}

static void every_recorded_case_is_checked(void **state) {
    (void)state;
    stoa_safetensors *file = open_fixture();
    for (size_t i = 0; i < stoa_safetensors_count(file); i++) {
        const char *name = stoa_safetensors_at(file, i)->name;
        bool known = false;
        for (int c = 0; c < CASES; c++) {
            size_t length = strlen(cases[c].name);
            known |= strncmp(name, cases[c].name, length) == 0 && name[length] == '/';
        }
        if (!known)
            fail_msg("%s belongs to no case", name);
    }
    stoa_safetensors_close(file);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(operations_and_gradients_equal_pytorch),
        cmocka_unit_test(every_recorded_case_is_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
