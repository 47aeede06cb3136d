/* nn/checkpoint_contents.c - the tensors of a model's and an optimiser's file, and their match. */
#include "nn/checkpoint.h"

#include <string.h>

static stoa_status out_of_memory(stoa_ck_contents *contents, stoa_error *err) {
    stoa_ck_contents_deinit(contents);
    return stoa_fail(err, STOA_ERR_MEMORY, "out of memory: a checkpoint's list of tensors");
}

stoa_status stoa_ck_model_contents(stoa_ck_contents *contents, const stoa_params *params,
                                   stoa_error *err) {
    *contents = (stoa_ck_contents){0};
    contents->slots = stoa_alloc(((size_t)params->count + 1) * sizeof *contents->slots);
    if (!contents->slots)
        return out_of_memory(contents, err);
    for (int64_t i = 0; i < params->count; i++) {
        const stoa_param *param = params->items[i];
        contents->slots[contents->count++] =
            (stoa_ck_slot){param->name, &param->tensor, params->values + param->offset};
    }
    return STOA_OK;
}

/* "<parameter>.<moment>", all first moments, then all second ones. */
stoa_status stoa_ck_optimizer_contents(stoa_ck_contents *contents, const stoa_optimizer *optimizer,
                                       stoa_error *err) {
    enum { NAME = sizeof((stoa_param *)0)->name + 32 };
    const stoa_params *params = optimizer->params;
    size_t most = (size_t)params->count * STOA_MOMENTS;
    *contents = (stoa_ck_contents){0};
    contents->slots = stoa_alloc((most + 1) * sizeof *contents->slots);
    contents->names = stoa_alloc((most + 1) * NAME);
    if (!contents->slots || !contents->names)
        return out_of_memory(contents, err);
    for (int k = 0; k < STOA_MOMENTS; k++)
        for (int64_t i = 0; optimizer->moment[k] && i < params->count; i++) {
            const stoa_param *param = params->items[i];
            if (!param->trained)
                continue;
            char *name = contents->names + contents->count * NAME;
            snprintf(name, NAME, "%s.%s", param->name, stoa_optimizer_moment_name(optimizer, k));
            contents->slots[contents->count++] =
                (stoa_ck_slot){name, &param->tensor, optimizer->moment[k] + param->offset};
        }
    return STOA_OK;
}

void stoa_ck_contents_deinit(stoa_ck_contents *contents) {
    stoa_free(contents->slots);
    stoa_free(contents->names);
    *contents = (stoa_ck_contents){0};
}

size_t stoa_ck_contents_bytes(const stoa_ck_contents *contents) {
    size_t bytes = 0;
    for (size_t i = 0; i < contents->count; i++)
        bytes += stoa_nbytes(contents->slots[i].shape);
    return bytes;
}

/* ---- matching ---- */

static void put_shape(stoa_buffer *text, int ndim, const int64_t *shape) {
    stoa_buffer_append(text, "(", 1);
    for (int i = 0; i < ndim; i++)
        stoa_buffer_printf(text, i ? ", %lld" : "%lld", (long long)shape[i]);
    stoa_buffer_append(text, ")", 1);
}

static bool same_shape(const stoa_entry *entry, const stoa_tensor *t) {
    return entry->ndim == t->ndim &&
           memcmp(entry->shape, t->shape, (size_t)t->ndim * sizeof *t->shape) == 0;
}

static bool has_slot(const stoa_ck_contents *contents, const char *name) {
    for (size_t i = 0; i < contents->count; i++)
        if (strcmp(contents->slots[i].name, name) == 0)
            return true;
    return false;
}

/* Separates differences in text. */
static stoa_buffer *next(stoa_buffer *text, size_t *differences) {
    if ((*differences)++ > 0)
        stoa_buffer_append(text, "; ", 2);
    return text;
}

static size_t find_differences(const stoa_ck_contents *contents, const stoa_safetensors *file,
                               stoa_buffer *text) {
    size_t differences = 0, found = 0;
    for (size_t i = 0; i < contents->count; i++) {
        const stoa_ck_slot *slot = &contents->slots[i];
        const stoa_entry *entry = stoa_safetensors_find(file, slot->name);
        found += entry != NULL;
        if (!entry) {
            stoa_buffer_printf(next(text, &differences), "\"%s\" is missing", slot->name);
        } else if (entry->dtype != STOA_F32 || !same_shape(entry, slot->shape)) {
            stoa_buffer_printf(next(text, &differences), "\"%s\" is %s ", slot->name,
                               stoa_dtype_name(entry->dtype));
            put_shape(text, entry->ndim, entry->shape);
            stoa_buffer_printf(text, ", not f32 ");
            put_shape(text, slot->shape->ndim, slot->shape->shape);
        }
    }
    for (size_t i = 0; found < stoa_safetensors_count(file) && i < stoa_safetensors_count(file);
         i++) {
        const char *name = stoa_safetensors_at(file, i)->name;
        if (!has_slot(contents, name))
            stoa_buffer_printf(next(text, &differences), "\"%s\" is not in the model", name);
    }
    return differences;
}

stoa_status stoa_ck_match(const stoa_ck_contents *contents, const stoa_safetensors *file,
                          const char *path, stoa_error *err) {
    stoa_buffer text = {0};
    size_t differences = find_differences(contents, file, &text);
    stoa_status status = STOA_OK;
    if (text.failed)
        status = stoa_fail(err, STOA_ERR_MEMORY, "%s: no memory to list the differences", path);
    else if (differences > 0) {
        // a message has an end, the log has none
        stoa_log_write(STOA_LOG_ERROR, "%s differs from the model: %s", path, text.data);
        status = stoa_fail(err, STOA_ERR_USAGE,
                           "%s: %zu differences from the model of these settings: %s", path,
                           differences, text.data);
    }
    stoa_buffer_deinit(&text);
    return status;
}

void stoa_ck_copy(const stoa_ck_contents *contents, const stoa_safetensors *file) {
    for (size_t i = 0; i < contents->count; i++) {
        const stoa_entry *entry = stoa_safetensors_find(file, contents->slots[i].name);
        if (entry->bytes > 0)
            memcpy(contents->slots[i].values, entry->data, entry->bytes);
    }
}
