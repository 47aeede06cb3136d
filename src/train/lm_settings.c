/* train/lm_settings.c - the settings of a language-model run: one row a key. */
#include <string.h>

#include "stoa/train.h"

static const char *const precisions[] = {"auto", "f32", "bf16", NULL};
static const char *const norms[] = {"layernorm", "rmsnorm", NULL};
static const char *const activations[] = {"gelu", "swiglu", NULL};
static const char *const positions[] = {"rope", "learned", NULL};
static const char *const patterns[] = {"none", "odd", "all", "list", NULL};
static const char *const gates[] = {"raw", "sigmoid", NULL};
static const char *const routers[] = {"learned", "gaussian", NULL};
static const char *const cures[] = {"predictor", "auxiliary", NULL};
static const char *const experts[] = {"none", "staged", "integrated", NULL};
static const char *const orders[] = {"random", "epoch", "documents", NULL};
static const char *const schedules[] = {"constant", "cosine", "linear", NULL};
static const char *const optimizers[] = {"adamw", "rmsprop", NULL};

#define AT(field) offsetof(stoa_lm_settings, field)
#define ROW_INT(key, field, initial, least, most, help)                                            \
    { key, STOA_SET_INT, AT(field), initial, least, most, NULL, help }
#define ROW_FLOAT(key, field, initial, least, most, help)                                          \
    { key, STOA_SET_FLOAT, AT(field), initial, least, most, NULL, help }
#define ROW_BOOL(key, field, initial, help)                                                        \
    { key, STOA_SET_BOOL, AT(field), initial, 0, 0, NULL, help }
#define ROW_STRING(key, field, initial, help)                                                      \
    { key, STOA_SET_STRING, AT(field), initial, 0, 0, NULL, help }
#define ROW_CHOICE(key, field, initial, choices, help)                                             \
    { key, STOA_SET_CHOICE, AT(field), initial, 0, 0, choices, help }

static const stoa_setting rows[] = {
    ROW_STRING("name", name, "lm", "Name of the run; its folder is <out>/<name>-<seed>."),
    ROW_STRING("out", out, "runs", "Folder for runs."),
    ROW_INT("seed", seed, "1", 0, 9e15, "Seed of weights, data order and dropout."),
    ROW_INT("threads", threads, "0", 0, 1024, "CPU threads; 0: all this process may use."),
    ROW_CHOICE("precision", precision, "auto", precisions,
               "Matrix products in bf16 or f32; auto: bf16 where the machine has units for it."),

    ROW_INT("model.layers", model.layers, "6", 1, STOA_MAX_LAYERS, "Transformer blocks."),
    ROW_INT("model.width", model.width, "128", 1, 65536, "Width of the residual stream."),
    ROW_INT("model.heads", model.heads, "4", 1, 1024, "Attention heads."),
    ROW_INT("model.kv_heads", model.kv_heads, "0", 0, 1024,
            "Key/value heads that groups of heads share; 0: one a head."),
    ROW_INT("model.mlp_width", model.mlp_width, "0", 0, 1048576,
            "Hidden width of the MLP; 0: 4 x width (8/3 for swiglu)."),
    ROW_INT("model.context", model.context, "256", 1, 1048576, "Longest sequence, in tokens."),
    ROW_CHOICE("model.norm", model.norm, "rmsnorm", norms, "Normalisation."),
    ROW_CHOICE("model.activation", model.activation, "gelu", activations, "MLP activation."),
    ROW_CHOICE("model.position", model.position, "rope", positions, "Position code."),
    ROW_FLOAT("model.rope_base", model.rope_base, "10000", 1, 1e12, "Base of rotary angles."),
    ROW_BOOL("model.tied", model.tied, "false", "Share the embedding with the output head."),
    ROW_BOOL("model.bias", model.bias, "false", "Biases in linear layers and norms."),
    ROW_FLOAT("model.dropout", model.dropout, "0", 0, 0.99, "Dropout probability."),
    ROW_FLOAT("model.init_scale", model.init_scale, "0.02", 0, 10,
              "Standard deviation of initial matrices."),

    ROW_CHOICE("routing.pattern", model.pattern, "none", patterns,
               "Which blocks route by depth: none, odd (every other), all, or a list."),
    {"routing.blocks", STOA_SET_INTS, AT(model.routed), "[]", 0, STOA_MAX_LAYERS - 1, NULL,
     "Routed blocks, counted from 0, for pattern: list."},
    ROW_FLOAT("routing.capacity", model.router.capacity, "0.125", 1e-6, 1,
              "Share of a sequence's tokens that go through a routed block."),
    ROW_CHOICE("routing.router", model.router.kind, "learned", routers,
               "Learned scores, or the Gaussian control."),
    ROW_CHOICE("routing.gate", model.router.gate, "raw", gates,
               "What scales a routed block's output: the raw score or its sigmoid."),
    ROW_CHOICE("routing.cure", model.router.cure, "predictor", cures,
               "How tokens are chosen causally: a stop-gradient predictor, or an auxiliary loss on "
               "the router."),
    ROW_INT("routing.predictor_width", model.router.predictor_width, "0", 0, 65536,
            "Hidden width of the predictor; 0: a quarter of the width, within 32 to 128."),
    ROW_BOOL("routing.normalize", model.router.normalize, "false",
             "The router reads the normalised residual stream."),
    ROW_FLOAT("routing.init_scale", model.router.init_scale, "0.02", 0, 10,
              "Standard deviation of the router's initial vector."),
    ROW_FLOAT("routing.loss_weight", router_weight, "1", 0, 1000,
              "Weight of the cure's loss; about 0.01 suits cure: auxiliary."),

    ROW_CHOICE("experts.kind", model.experts_kind, "none", experts,
               "Mixture of experts in the pattern's blocks: staged behind depth routing, or "
               "integrated with no-op experts."),
    ROW_INT("experts.count", model.experts.count, "4", 1, STOA_MAX_EXPERTS, "Experts."),
    ROW_INT("experts.noops", model.experts.noops, "1", 0, 64, "No-op experts (integrated)."),
    ROW_FLOAT("experts.capacity_factor", model.experts.capacity_factor, "1.25", 0.01, 64,
              "Room of an expert relative to an even share of the tokens, in training."),
    ROW_FLOAT("experts.balance_weight", balance_weight, "0.01", 0, 1000,
              "Weight of the load-balancing loss."),

    ROW_STRING("data.tokenizer", tokenizer, "bytes", "bytes, or the path of a tokenizer.json."),
    ROW_STRING("data.text", text, "builtin",
               "Training text (any file), a .tok file, or builtin: text from a Debian package."),
    ROW_STRING("data.valid_text", valid_text, "", "Held-out file; empty: the end of data.text."),
    ROW_FLOAT("data.valid_fraction", valid_fraction, "0.1", 0, 0.9,
              "Share of data.text held out at its end."),
    ROW_CHOICE("data.order", order, "random", orders,
               "Windows at random offsets, once an epoch, or packed from whole documents."),

    ROW_INT("train.steps", steps, "2000", 0, 1e12, "Optimiser steps."),
    ROW_FLOAT("train.flops", flops, "0", 0, 1e30,
              "Spend this many training FLOPs instead of train.steps; 0: off."),
    ROW_INT("train.batch", batch, "8", 1, 65536, "Sequences a micro-batch."),
    ROW_INT("train.accumulate", accumulate, "1", 1, 65536, "Micro-batches a step."),
    ROW_FLOAT("train.rate", rate, "1e-3", 0, 10, "Peak learning rate."),
    ROW_CHOICE("train.schedule", schedule, "cosine", schedules, "Learning rate after warm-up."),
    ROW_INT("train.warmup", warmup, "100", 0, 1e9, "Steps of linear warm-up."),
    ROW_FLOAT("train.floor", floor, "0.1", 0, 1, "Final learning rate as a share of the peak."),
    ROW_CHOICE("train.optimizer", optimizer.kind, "adamw", optimizers, "Optimiser."),
    ROW_FLOAT("train.beta1", optimizer.beta1, "0.9", 0, 0.999999, "AdamW's first decay."),
    ROW_FLOAT("train.beta2", optimizer.beta2, "0.99", 0, 0.999999, "AdamW's second decay."),
    ROW_FLOAT("train.eps", optimizer.eps, "1e-8", 0, 1, "Added to the root of the second moment."),
    ROW_FLOAT("train.weight_decay", optimizer.weight_decay, "0.1", 0, 10,
              "Decoupled decay of matrices."),
    ROW_FLOAT("train.rmsprop_decay", optimizer.decay, "0.99", 0, 0.999999, "RMSProp's decay."),
    ROW_FLOAT("train.momentum", optimizer.momentum, "0", 0, 0.999999, "RMSProp's momentum."),
    ROW_FLOAT("train.clip", optimizer.clip, "1", 0, 1e9, "Largest gradient norm; 0: no clipping."),
    ROW_INT("train.eval_every", eval_every, "250", 0, 1e12,
            "Steps between evaluations; 0: at the end."),
    ROW_INT("train.eval_tokens", eval_tokens, "65536", 0, 1e15,
            "Held-out tokens an evaluation reads; 0: all."),
    ROW_INT("train.log_every", log_every, "10", 1, 1e9, "Steps between lines of metrics."),
    ROW_INT("train.checkpoint_every", checkpoint_every, "1000", 0, 1e12,
            "Steps between checkpoints; 0: only by time and at the end."),
    ROW_FLOAT("train.checkpoint_minutes", checkpoint_minutes, "10", 0, 1e6,
              "Minutes between checkpoints; 0: off."),
    ROW_INT("train.keep", keep, "2", 1, 1000, "Checkpoints kept besides the best."),
    ROW_INT("train.patience", patience, "0", 0, 1e9,
            "Stop after this many evaluations without a better loss; 0: never."),
};

_Static_assert(sizeof(stoa_gate) == sizeof(int) && sizeof(stoa_cure) == sizeof(int) &&
                   sizeof(stoa_router_kind) == sizeof(int) &&
                   sizeof(stoa_optimizer_kind) == sizeof(int),
               "choices are stored as int");

stoa_settings_table stoa_lm_settings_table(void) {
    return (stoa_settings_table){rows, sizeof rows / sizeof rows[0]};
}

stoa_status stoa_lm_settings_init(stoa_lm_settings *s, stoa_error *err) {
    memset(s, 0, sizeof *s);
    return stoa_settings_defaults(stoa_lm_settings_table(), s, err);
}

stoa_status stoa_lm_settings_check(stoa_lm_settings *s, stoa_error *err) {
    if (s->model.vocab == 0)
        s->model.vocab = 256; /* until the tokenizer says otherwise */
    STOA_TRY(stoa_lm_options_check(&s->model, err));
    if (s->precision == STOA_PRECISION_AUTO)
        s->precision = stoa_machine_has_bf16() ? STOA_PRECISION_BF16 : STOA_PRECISION_F32;
    if (s->steps == 0 && s->flops == 0)
        return stoa_fail(err, STOA_ERR_USAGE, "set train.steps or train.flops above 0");
    if (s->name[0] == 0 || strchr(s->name, '/'))
        return stoa_fail(err, STOA_ERR_USAGE, "name must be non-empty and without '/'");
    return STOA_OK;
}

bool stoa_machine_has_bf16(void) {
#if defined(__x86_64__)
    return __builtin_cpu_supports("avx512bf16");
#else
    return false;
#endif
}
