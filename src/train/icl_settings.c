/*
 * train/icl_settings.c - the settings of a run of in-context learning: one row a key, joined with
 * those of its data, and the presets that stand below what a file says.
 */
#include <string.h>

#include "train/icl.h"

static const char *const precisions[] = {"auto", "f32", "bf16", NULL};
static const char *const embedders[] = {"linear", "conv", "resnet", NULL};
static const char *const cores[] = {"transformer", "lstm", "rnn", "minimal", NULL};
static const char *const mlps[] = {"all", "last", "none", NULL};
static const char *const positions[] = {"sinusoid", "learned", "none", NULL};
static const char *const inits[] = {"truncated", "normal", NULL};
static const char *const schedules[] = {"constant", "cosine", "linear", "inverse-root", NULL};
static const char *const optimizers[] = {"adamw", "rmsprop", "sgd", NULL};

#define AT(field) offsetof(stoa_icl_settings, field)
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

static const stoa_setting before[] = {
    ROW_STRING("name", name, "icl", "Name of the run; its folder is <out>/<name>-<seed>."),
    ROW_STRING("out", out, "runs", "Folder for runs."),
    ROW_CHOICE("preset", preset, "mini", stoa_icl_preset_names,
               "What keys that are not given are taken from: docs/icl.md."),
    ROW_INT("seed", seed, "1", 0, 9e15, "Seed of weights and data."),
    ROW_INT("threads", threads, "1", 0, 1024, "CPU threads; 0: all this process may use."),
    ROW_CHOICE("precision", precision, "f32", precisions,
               "Matrix products in bf16 or f32; auto: bf16 where the machine has units for it."),
};

static const stoa_setting after[] = {
    ROW_CHOICE("model.embedder", model.embedder, "linear", embedders,
               "How an item becomes a token: a linear map, four convolutions, or the paper's "
               "ResNet."),
    ROW_CHOICE("model.core", model.core, "transformer", cores, "What reads the tokens."),
    ROW_INT("model.layers", model.layers, "2", 1, STOA_MAX_LAYERS, "Its layers."),
    ROW_INT("model.width", model.width, "64", 1, 65536, "Width of tokens and layers."),
    ROW_INT("model.heads", model.heads, "4", 1, 1024, "Attention heads of a layer."),
    ROW_CHOICE(
        "model.mlp", model.mlp, "last", mlps,
        "Which layers have an MLP; a recurrent core has one behind its last layer, or none."),
    ROW_INT("model.mlp_width", model.mlp_width, "256", 0, 1048576,
            "Hidden width of an MLP; 0: 4 x width."),
    ROW_FLOAT("model.capacity", model.capacity, "1", 1e-6, 1,
              "Share of the tokens that every other layer takes (depth routing); 1: all."),
    ROW_CHOICE("model.position", model.position, "sinusoid", positions,
               "Position code, added to tokens."),
    ROW_FLOAT("model.position_base", model.position_base, "30", 1, 1e12,
              "Base of the sinusoids' wave lengths."),
    ROW_BOOL("model.final_norm", model.final_norm, "true",
             "A norm before the logits; the released recurrent models have none."),
    ROW_CHOICE("model.init", model.init, "normal", inits,
               "Initial weights of deviation 1 / root of the inputs: normal, or within two "
               "deviations."),
    ROW_FLOAT("model.item_scale", model.item_scale, "1", 0, 1000,
              "Deviation of the linear embedder's initial weights; 0: as all others."),
    ROW_FLOAT("model.label_scale", model.label_scale, "1", 0, 1000,
              "Deviation of the label table's initial values."),

    ROW_INT("train.steps", steps, "8000", 0, 1e12, "Optimiser steps."),
    ROW_INT("train.batch", batch, "64", 1, 65536, "Sequences a step."),
    ROW_FLOAT("train.rate", rate, "2e-3", 0, 10, "Peak learning rate."),
    ROW_CHOICE("train.schedule", schedule, "constant", schedules,
               "Learning rate after warm-up; inverse-root: the root of warmup / step."),
    ROW_INT("train.warmup", warmup, "500", 0, 1e9, "Steps of linear warm-up."),
    ROW_FLOAT("train.floor", floor, "0.1", 0, 1,
              "Final learning rate as a share of the peak: cosine and linear."),
    ROW_CHOICE("train.optimizer", optimizer.kind, "adamw", optimizers, "Optimiser."),
    ROW_FLOAT("train.beta1", optimizer.beta1, "0.9", 0, 0.999999, "AdamW's first decay."),
    ROW_FLOAT("train.beta2", optimizer.beta2, "0.999", 0, 0.999999, "AdamW's second decay."),
    ROW_FLOAT("train.eps", optimizer.eps, "1e-8", 0, 1, "Added to the root of the second moment."),
    ROW_FLOAT("train.weight_decay", optimizer.weight_decay, "0", 0, 10,
              "Decoupled decay of matrices and tables."),
    ROW_FLOAT("train.rmsprop_decay", optimizer.decay, "0.99", 0, 0.999999, "RMSProp's decay."),
    ROW_FLOAT("train.momentum", optimizer.momentum, "0", 0, 0.999999, "RMSProp's momentum."),
    ROW_FLOAT("train.clip", optimizer.clip, "1", 0, 1e9, "Largest gradient norm; 0: no clipping."),
    ROW_FLOAT("train.interim", interim, "0", 0, 0.999,
              "Share of the loss that is taken at the context's items, predicting their labels."),
    ROW_INT("train.eval_every", eval_every, "1000", 0, 1e12,
            "Steps between evaluations; 0: at the end."),
    ROW_INT("train.eval_sequences", eval_sequences, "1000", 1, 1e9,
            "Sequences of each kind an evaluation reads."),
    ROW_BOOL("train.circuit", circuit, "true",
             "Evaluations measure previous-token and label-match attention."),
    ROW_INT("train.log_every", log_every, "50", 1, 1e9, "Steps between lines of metrics."),
    ROW_INT("train.checkpoint_every", checkpoint_every, "0", 0, 1e12,
            "Steps between checkpoints; 0: only by time and at the end."),
    ROW_FLOAT("train.checkpoint_minutes", checkpoint_minutes, "10", 0, 1e6,
              "Minutes between checkpoints; 0: off."),
    ROW_INT("train.keep", keep, "2", 1, 1000, "Checkpoints kept besides the best."),
};

stoa_status stoa_icl_settings_table(stoa_settings_table *out, stoa_error *err) {
    const stoa_settings_part parts[] = {
        {NULL, {before, sizeof before / sizeof *before}, 0},
        {NULL, stoa_sequences_settings_table(), AT(data)},
        {NULL, {after, sizeof after / sizeof *after}, 0},
    };
    return stoa_settings_join(out, parts, sizeof parts / sizeof *parts, err);
}

/* ---- reading --------------------------------------------------------------------------------- */

static stoa_status apply_preset(stoa_settings_table table, stoa_icl_settings *s, int preset,
                                stoa_error *err) {
    memset(s, 0, sizeof *s);
    STOA_TRY(stoa_settings_defaults(table, s, err));
    const stoa_icl_preset *p = &stoa_icl_presets[preset];
    STOA_TRY(stoa_settings_parse(table, s, p->name, stoa_view_of(p->yaml), NULL, err));
    s->preset = preset;
    return STOA_OK;
}

stoa_status stoa_icl_settings_init(stoa_icl_settings *s, int preset, stoa_error *err) {
    stoa_settings_table table;
    STOA_TRY(stoa_icl_settings_table(&table, err));
    stoa_status status = apply_preset(table, s, preset, err);
    stoa_settings_join_free(&table);
    return status;
}

typedef struct outline {
    int preset;
    char source[STOA_SETTING_TEXT];
} outline;

static const stoa_setting outline_rows[] = {
    {"preset", STOA_SET_CHOICE, offsetof(outline, preset), "mini", 0, 0, stoa_icl_preset_names,
     NULL},
    {"data.source", STOA_SET_STRING, offsetof(outline, source), "", 0, 0, NULL, NULL},
};
enum { OUTLINE = sizeof outline_rows / sizeof *outline_rows };

/* What the run is about, before all of it can be read. */
static stoa_status look(const char *path, const char *const *sets, int set_count, outline *out,
                        bool seen[OUTLINE], stoa_error *err) {
    const stoa_settings_table table = {outline_rows, OUTLINE};
    *out = (outline){0};
    memset(seen, 0, OUTLINE * sizeof *seen);
    if (path)
        STOA_TRY(stoa_settings_peek(table, out, path, seen, err));
    for (int i = 0; i < set_count; i++)
        for (int k = 0; k < OUTLINE; k++) {
            const char *word = sets[i] + strspn(sets[i], " \t");
            size_t n = strlen(outline_rows[k].key);
            if (strncmp(word, outline_rows[k].key, n) == 0 && strchr("= \t", word[n]))
                STOA_TRY(stoa_settings_set(table, out, sets[i], seen, err));
        }
    return STOA_OK;
}

stoa_status stoa_icl_settings_detect(const char *path, const char *const *sets, int set_count,
                                     bool *is_icl, stoa_error *err) {
    outline found;
    bool seen[OUTLINE];
    STOA_TRY(look(path, sets, set_count, &found, seen, err));
    *is_icl = seen[0] || seen[1];
    return STOA_OK;
}

stoa_status stoa_icl_settings_load(stoa_icl_settings *s, const char *path, const char *const *sets,
                                   int set_count, stoa_error *err) {
    outline found;
    bool seen[OUTLINE];
    stoa_settings_table table;
    STOA_TRY(look(path, sets, set_count, &found, seen, err));
    STOA_TRY(stoa_icl_settings_table(&table, err));
    stoa_status status = apply_preset(table, s, found.preset, err);
    if (status == STOA_OK && path)
        status = stoa_settings_load(table, s, path, NULL, err);
    for (int i = 0; i < set_count && status == STOA_OK; i++)
        status = stoa_settings_set(table, s, sets[i], NULL, err);
    stoa_settings_join_free(&table);
    return status;
}

stoa_status stoa_icl_settings_check(stoa_icl_settings *s, stoa_error *err) {
    if (s->precision == STOA_PRECISION_AUTO)
        s->precision = stoa_machine_has_bf16() ? STOA_PRECISION_BF16 : STOA_PRECISION_F32;
    if (s->name[0] == 0 || strchr(s->name, '/'))
        return stoa_fail(err, STOA_ERR_USAGE, "name must be non-empty and without '/'");
    s->data.seed = (uint64_t)s->seed;
    if (s->batch * (s->data.pairs + 1) > INT32_MAX / 16)
        return stoa_fail(err, STOA_ERR_USAGE,
                         "train.batch times data.pairs is %lld; use a smaller batch",
                         (long long)(s->batch * s->data.pairs));
    return STOA_OK;
}
