/*
 * nn/params.c - named parameters in two flat blocks, values and gradients.
 *
 * Declaring only counts floats, so a plan can declare a model far larger than memory. Slices begin
 * at multiples of 16 floats; the padding between them is zero and stays zero. A declaration that
 * fails is remembered and told by stoa_params_allocate: model code needs no check per layer.
 */
#include "nn/params.h"

#include <assert.h>
#include <string.h>
#include <xxhash.h>

/* ---- the hash table of names ---- */

/* The slot that holds name, or the empty one where it belongs. */
static size_t slot_of(const stoa_params *params, const char *name) {
    size_t mask = params->slot_count - 1;
    size_t i = (size_t)XXH3_64bits(name, strlen(name)) & mask;
    while (params->slots[i] && strcmp(params->items[params->slots[i] - 1]->name, name) != 0)
        i = (i + 1) & mask;
    return i;
}

static bool grow_slots(stoa_params *params) {
    size_t wider = params->slot_count ? 2 * params->slot_count : 256;
    int32_t *slots = stoa_alloc(wider * sizeof *slots);
    if (!slots)
        return false;
    stoa_free(params->slots);
    params->slots = slots;
    params->slot_count = wider;
    for (int64_t i = 0; i < params->count; i++)
        params->slots[slot_of(params, params->items[i]->name)] = (int32_t)i + 1;
    return true;
}

static bool grow_items(stoa_params *params) {
    size_t old = (size_t)params->capacity * sizeof *params->items;
    int64_t wider = params->capacity ? 2 * params->capacity : 64;
    stoa_param **items = stoa_realloc(params->items, old, (size_t)wider * sizeof *params->items);
    if (!items)
        return false;
    params->items = items;
    params->capacity = wider;
    return true;
}

/* ---- declaring ---- */

stoa_params *stoa_params_new(void) {
    return stoa_alloc(sizeof(stoa_params));
}

void stoa_params_free(stoa_params *params) {
    if (!params)
        return;
    for (int64_t i = 0; i < params->count; i++) {
        stoa_packed_free(&params->items[i]->tensor);
        stoa_free(params->items[i]);
    }
    stoa_arena_free(params->packed);
    stoa_free(params->items);
    stoa_free(params->slots);
    stoa_free(params->values);
    stoa_free(params->grads);
    stoa_free(params);
}

/* Floats a slice of this shape takes, padded; false when that exceeds any memory. */
static bool padded_floats(int ndim, const int64_t *shape, size_t *out) {
    size_t n = 1;
    for (int i = 0; i < ndim; i++)
        if (!stoa_size_mul(n, (size_t)shape[i], &n))
            return false;
    if (!stoa_size_add(n, STOA_PARAM_ALIGN - 1, &n))
        return false;
    *out = n / STOA_PARAM_ALIGN * STOA_PARAM_ALIGN;
    return true;
}

static stoa_param *declaration_failed(stoa_params *params, stoa_status status, const char *name,
                                      const char *why) {
    if (params->failure.status == STOA_OK)
        stoa_fail(&params->failure, status, "parameter \"%.128s\": %s", name, why);
    return NULL;
}

stoa_param *stoa_params_add(stoa_params *params, const char *name, int ndim, const int64_t *shape,
                            stoa_init init, double scale, bool decay) {
    assert(!params->allocated && ndim >= 0 && ndim <= STOA_MAX_DIMS);
    stoa_param *param = NULL;
    size_t floats, total, bytes;
    size_t length = strlen(name);
    if (length == 0 || length >= sizeof param->name)
        return declaration_failed(params, STOA_ERR_USAGE, name, "the name is empty or too long");
    if (!padded_floats(ndim, shape, &floats) || !stoa_size_add(params->floats, floats, &total) ||
        !stoa_size_mul(total, sizeof(float), &bytes) || bytes > INT64_MAX)
        return declaration_failed(params, STOA_ERR_USAGE, name,
                                  "the model is larger than any memory; use a smaller one");
    if ((size_t)params->count >= INT32_MAX ||
        (2 * ((size_t)params->count + 1) > params->slot_count && !grow_slots(params)) ||
        (params->count == params->capacity && !grow_items(params)))
        return declaration_failed(params, STOA_ERR_MEMORY, name, "out of memory");
    size_t slot = slot_of(params, name);
    if (params->slots[slot])
        return declaration_failed(params, STOA_ERR_USAGE, name, "the name is taken");
    param = stoa_alloc(sizeof *param);
    if (!param)
        return declaration_failed(params, STOA_ERR_MEMORY, name, "out of memory");

    memcpy(param->name, name, length + 1);
    param->tensor = stoa_tensor_wrap(STOA_F32, ndim, shape, NULL);
    param->tensor.is_param = true;
    param->tensor.packed_home = &params->packed;
    param->init = init;
    param->scale = scale;
    param->decay = decay;
    param->trained = true;
    param->offset = params->floats;
    params->floats = total;
    params->items[params->count++] = param;
    params->slots[slot] = (int32_t)params->count;
    return param;
}

/* ---- values ---- */

stoa_status stoa_params_allocate(stoa_params *params, uint64_t seed, bool with_grads, bool on_meta,
                                 stoa_error *err) {
    assert(!params->allocated);
    if (params->failure.status != STOA_OK)
        return stoa_fail(err, params->failure.status, "%s", params->failure.message);
    if (!on_meta) {
        size_t bytes = params->floats * sizeof(float);
        params->values = stoa_alloc(bytes);
        params->grads = with_grads ? stoa_alloc(bytes) : NULL;
        if (!params->values || (with_grads && !params->grads)) {
            stoa_free(params->values);
            stoa_free(params->grads);
            params->values = params->grads = NULL;
            char text[32];
            return stoa_fail(
                err, STOA_ERR_MEMORY,
                "out of memory: the model's parameters%s need %s; use a smaller model",
                with_grads ? " and gradients" : "",
                stoa_human_bytes((with_grads ? 2.0 : 1.0) * (double)bytes, text, sizeof text));
        }
    }
    for (int64_t i = 0; i < params->count; i++) {
        stoa_param *param = params->items[i];
        param->tensor.requires_grad = param->trained && with_grads;
        if (on_meta)
            continue;
        param->tensor.data = params->values + param->offset;
        if (param->tensor.requires_grad)
            param->tensor.grad = params->grads + param->offset;
        stoa_param_fill(param, seed);
    }
    params->allocated = true;
    return STOA_OK;
}

/* ---- access ---- */

int64_t stoa_params_count(const stoa_params *params) {
    return params->count;
}

stoa_param *stoa_params_at(const stoa_params *params, int64_t i) {
    assert(i >= 0 && i < params->count);
    return params->items[i];
}

stoa_param *stoa_params_find(const stoa_params *params, const char *name) {
    if (params->count == 0)
        return NULL;
    int32_t at = params->slots[slot_of(params, name)];
    return at ? params->items[at - 1] : NULL;
}

int64_t stoa_params_numel(const stoa_params *params) {
    int64_t n = 0;
    for (int64_t i = 0; i < params->count; i++)
        if (params->items[i]->trained)
            n += stoa_numel(&params->items[i]->tensor);
    return n;
}

float *stoa_params_values(stoa_params *params, size_t *floats) {
    *floats = params->floats;
    return params->values;
}

float *stoa_params_grads(stoa_params *params, size_t *floats) {
    *floats = params->floats;
    return params->grads;
}

void stoa_params_clear_grads(stoa_params *params) {
    for (int64_t i = 0; i < params->count; i++)
        params->items[i]->tensor.grad_written = false;
}

void stoa_params_touch(stoa_params *params) {
    for (int64_t i = 0; i < params->count; i++)
        params->items[i]->tensor.version++;
}
