/* tests/tensor/op_env.c - inputs by name, the same numbers on every backend. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "op_env.h"

enum { ARENA = 1 << 20 };

static float round_bf16(double x) {
    float f = (float)x;
    uint32_t u;
    memcpy(&u, &f, sizeof u);
    u = (u + 0x7fffu + ((u >> 16) & 1u)) & 0xffff0000u;
    memcpy(&f, &u, sizeof f);
    return f;
}

double op_value(const stoa_tensor *t, const void *data, int64_t i) {
    uint32_t u;
    float f;
    switch (t->dtype) {
    case STOA_F64:
        return ((const double *)data)[i];
    case STOA_BF16:
        u = (uint32_t)((const uint16_t *)data)[i] << 16;
        memcpy(&f, &u, sizeof f);
        return (double)f;
    case STOA_I32:
        return ((const int32_t *)data)[i];
    case STOA_U8:
        return ((const uint8_t *)data)[i];
    default:
        return (double)((const float *)data)[i];
    }
}

void op_set_value(stoa_dtype dtype, void *data, int64_t i, double value) {
    float f;
    uint32_t u;
    switch (dtype) {
    case STOA_F64:
        ((double *)data)[i] = value;
        break;
    case STOA_BF16:
        f = isnan(value) ? NAN : round_bf16(value);
        memcpy(&u, &f, sizeof u);
        ((uint16_t *)data)[i] = (uint16_t)(u >> 16);
        break;
    default:
        ((float *)data)[i] = (float)value;
    }
}

bool op_wants_grad(op_role role) {
    return role != OP_CONST && role != OP_FIXED;
}

op_env *op_env_open(const stoa_backend *backend, stoa_pool *pool, stoa_dtype rounded) {
    op_env *e = stoa_alloc(sizeof *e);
    assert(e);
    e->ctx = stoa_ctx_new(backend, pool, ARENA);
    assert(e->ctx);
    e->rounded = rounded;
    e->refill = true;
    stoa_ctx_set_compute(e->ctx, rounded);
    return e;
}

void op_env_close(op_env *e) {
    for (int i = 0; i < e->count; i++) {
        stoa_packed_free(&e->slots[i].tensor);
        stoa_free(e->slots[i].tensor.data);
        stoa_free(e->slots[i].tensor.grad);
        stoa_free(e->slots[i].values);
    }
    stoa_ctx_free(e->ctx);
    stoa_free(e);
}

void op_env_poison(op_env *e) {
    stoa_ctx_reset(e->ctx);
    stoa_tensor *all = stoa_new(e->ctx, STOA_U8, STOA_SHAPE(ARENA - 4096));
    memset(all->data, 0xff, stoa_nbytes(all));
    stoa_ctx_reset(e->ctx);
}

stoa_tensor *op_env_build(op_env *e, const op_case *c, const int64_t *dims) {
    stoa_ctx_reset(e->ctx);
    stoa_ctx_set_training(e->ctx, false);
    stoa_ctx_set_seed(e->ctx, 1234, 5);
    e->extra_count = 0;
    stoa_tensor *out = c->build(e, dims);
    assert(e->extra_count == c->extra_output);
    return out;
}

void op_also(op_env *e, stoa_tensor *t) {
    assert(e->extra_count < OP_EXTRAS);
    e->extras[e->extra_count++] = t;
}

stoa_ctx *op_ctx(op_env *e) {
    return e->ctx;
}

stoa_dtype op_act(op_env *e) {
    return stoa_ctx_compute(e->ctx);
}

stoa_dtype op_full(op_env *e) {
    return stoa_ctx_full(e->ctx);
}

static op_slot *find(op_env *e, const char *name) {
    for (int i = 0; i < e->count; i++)
        if (strcmp(e->slots[i].name, name) == 0)
            return &e->slots[i];
    return NULL;
}

/* A new slot with memory for its tensor. */
static op_slot *add(op_env *e, const char *name, stoa_dtype dtype, int ndim, const int64_t *shape) {
    assert(e->count < OP_SLOTS && strlen(name) < OP_NAME);
    op_slot *s = &e->slots[e->count++];
    strcpy(s->name, name);
    s->tensor = stoa_tensor_wrap(dtype, ndim, shape, NULL);
    s->tensor.data = stoa_alloc(stoa_nbytes(&s->tensor) + 64);
    assert(s->tensor.data);
    return s;
}

static void fill(op_slot *s) {
    int64_t n = stoa_numel(&s->tensor);
    for (int64_t i = 0; i < n; i++)
        op_set_value(s->tensor.dtype, s->tensor.data, i, s->values[i]);
}

/* How values are drawn: normal, uniform in [least, most], or on a grid of `count` values. */
typedef struct draw {
    enum { NORMAL, UNIFORM, GRID } kind;
    double least, most, spacing;
    int64_t count;
} draw;

/* Four uniform numbers added up are normal enough here, and cheap. */
static double near_normal(stoa_rng *rng) {
    double sum = 0;
    for (int i = 0; i < 4; i++)
        sum += (double)stoa_rng_u32(rng) * 0x1p-32;
    return (sum - 2) * sqrt(3);
}

static double draw_one(const draw *d, stoa_rng *rng) {
    if (d->kind == NORMAL)
        return near_normal(rng);
    if (d->kind == UNIFORM)
        return d->least + (d->most - d->least) * stoa_rng_uniform(rng);
    return d->least + d->spacing * (double)stoa_rng_below(rng, d->count);
}

static stoa_tensor *input(op_env *e, const char *name, op_role role, draw d, int ndim,
                          const int64_t *shape) {
    op_slot *s = find(e, name);
    if (s) {
        if (e->refill)
            fill(s);
        return &s->tensor;
    }
    s = add(e, name, role == OP_ACT || role == OP_FIXED ? op_act(e) : op_full(e), ndim, shape);
    s->role = role;
    s->tensor.is_param = role == OP_PARAM;
    s->tensor.requires_grad = op_wants_grad(role);
    s->tensor.keep_grad = true;
    s->tensor.grad = stoa_alloc(stoa_nbytes(&s->tensor) + 64);
    int64_t n = stoa_numel(&s->tensor);
    s->values = stoa_alloc((size_t)n * sizeof *s->values + 64);
    assert(s->values && s->tensor.grad);
    stoa_rng rng = stoa_rng_stream(7, name, 0);
    bool narrow = (role == OP_ACT || role == OP_FIXED) && e->rounded == STOA_BF16;
    for (int64_t i = 0; i < n; i++) {
        double x = draw_one(&d, &rng);
        s->values[i] = narrow ? (double)round_bf16(x) : (double)(float)x;
    }
    fill(s);
    return &s->tensor;
}

stoa_tensor *op_input(op_env *e, const char *name, op_role role, int ndim, const int64_t *shape) {
    return input(e, name, role, (draw){.kind = NORMAL}, ndim, shape);
}

stoa_tensor *op_input_in(op_env *e, const char *name, op_role role, double least, double most,
                         int ndim, const int64_t *shape) {
    draw d = {.kind = UNIFORM, .least = least, .most = most};
    return input(e, name, role, d, ndim, shape);
}

stoa_tensor *op_input_grid(op_env *e, const char *name, op_role role, double least, double spacing,
                           int64_t count, int ndim, const int64_t *shape) {
    draw d = {.kind = GRID, .least = least, .spacing = spacing, .count = count};
    return input(e, name, role, d, ndim, shape);
}

stoa_tensor *op_index(op_env *e, const char *name, int64_t least, int64_t below, int ndim,
                      const int64_t *shape) {
    op_slot *s = find(e, name);
    if (s)
        return &s->tensor;
    s = add(e, name, STOA_I32, ndim, shape);
    s->role = OP_CONST;
    int64_t n = stoa_numel(&s->tensor);
    stoa_rng rng = stoa_rng_stream(7, name, 0);
    for (int64_t i = 0; i < n; i++)
        ((int32_t *)s->tensor.data)[i] = (int32_t)(least + stoa_rng_below(&rng, below - least));
    return &s->tensor;
}

stoa_tensor *op_index_from(op_env *e, const int32_t *values, int ndim, const int64_t *shape) {
    return stoa_from(e->ctx, STOA_I32, ndim, shape, values);
}

stoa_tensor *op_flags(op_env *e, const char *name, double probability, int ndim,
                      const int64_t *shape) {
    op_slot *s = find(e, name);
    if (s)
        return &s->tensor;
    s = add(e, name, STOA_U8, ndim, shape);
    s->role = OP_CONST;
    int64_t n = stoa_numel(&s->tensor);
    stoa_rng rng = stoa_rng_stream(7, name, 0);
    for (int64_t i = 0; i < n; i++)
        ((uint8_t *)s->tensor.data)[i] = stoa_rng_uniform(&rng) < probability;
    return &s->tensor;
}
