/*
 * bench/overlay.c - 50 steps of a small language model, with all that PyTorch needs to repeat them:
 * initial weights, batches, losses. bench/overlay_pytorch.py runs it and compares.
 *
 *   overlay TEXT FOLDER [f32|bf16]
 */
#include <stdlib.h>
#include <string.h>

#include "stoa/stoa.h"

enum { STEPS = 50 };

static stoa_status save_weights(const stoa_params *params, const char *path, stoa_error *err) {
    size_t count = (size_t)stoa_params_count(params);
    stoa_entry *entries = stoa_alloc(count * sizeof *entries);
    if (!entries)
        return stoa_fail(err, STOA_ERR_MEMORY, "out of memory");
    for (size_t i = 0; i < count; i++) {
        const stoa_param *p = stoa_params_at(params, (int64_t)i);
        entries[i] = (stoa_entry){.name = p->name,
                                  .dtype = STOA_F32,
                                  .ndim = p->tensor.ndim,
                                  .data = p->tensor.data,
                                  .bytes = stoa_nbytes(&p->tensor)};
        memcpy(entries[i].shape, p->tensor.shape, sizeof p->tensor.shape);
    }
    stoa_status status = stoa_safetensors_save(path, entries, count, NULL, err);
    stoa_free(entries);
    return status;
}

static stoa_status run(const char *text, const char *folder, const char *precision,
                       stoa_error *err) {
    stoa_lm_settings s;
    stoa_settings_table table = stoa_lm_settings_table();
    char path[4096], setting[4200];
    STOA_TRY(stoa_lm_settings_init(&s, err));
    snprintf(setting, sizeof setting, "data.text=%s", text);
    STOA_TRY(stoa_settings_set(table, &s, setting, NULL, err));
    snprintf(setting, sizeof setting, "precision=%s", precision);
    STOA_TRY(stoa_settings_set(table, &s, setting, NULL, err));
    s.model.layers = 4;
    s.steps = STEPS;
    s.warmup = 10;
    s.eval_every = 0;
    STOA_TRY(stoa_lm_settings_check(&s, err));
    STOA_TRY(stoa_mkdirs(folder, err));
    stoa_lm_trainer *t;
    STOA_TRY(stoa_lm_trainer_new(&t, &s, err));
    stoa_path_join(path, sizeof path, folder, "weights.safetensors");
    stoa_status status = save_weights(t->lm->params, path, err);
    stoa_buffer batches = {0};
    size_t bytes = (size_t)(s.batch * s.model.context) * sizeof(int32_t);
    for (int i = 0; i < STEPS && status == STOA_OK; i++) {
        stoa_lm_step step;
        status = stoa_lm_trainer_step(t, &step, err);
        stoa_buffer_append(&batches, t->inputs, bytes);
        stoa_buffer_append(&batches, t->targets, bytes);
        printf("%.9g %.9g\n", step.loss, step.rate);
    }
    stoa_path_join(path, sizeof path, folder, "batches.i32");
    if (status == STOA_OK)
        status = stoa_file_write(path, batches.data, batches.len, err);
    stoa_buffer_deinit(&batches);
    stoa_lm_trainer_free(t);
    return status;
}

int main(int argc, char **argv) {
    stoa_error err = {0};
    if (argc < 3) {
        fprintf(stderr, "usage: overlay TEXT FOLDER [f32|bf16]\n");
        return 2;
    }
    if (run(argv[1], argv[2], argc > 3 ? argv[3] : "f32", &err) != STOA_OK) {
        fprintf(stderr, "overlay: %s\n", err.message);
        return 1;
    }
    return 0;
}
