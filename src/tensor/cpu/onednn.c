/*
 * tensor/cpu/onednn.c - oneDNN's engine, the plans kept by shape, and matrix products.
 *
 * Plans are made on the calling thread before a range starts and only run inside it. oneDNN's own
 * threads are turned off by telling OpenMP, on every thread that calls it, to use one.
 */
#include "tensor/cpu/onednn_core.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "tensor/cpu/simd.h"

/* From libgomp, which oneDNN is linked with; its header is not on clang's path. */
extern void omp_set_num_threads(int threads);
extern int omp_get_max_threads(void);

int stoa_dnn_enter(void) {
    int before = omp_get_max_threads();
    omp_set_num_threads(1);
    return before;
}

void stoa_dnn_leave(int before) {
    omp_set_num_threads(before);
}

dnnl_data_type_t stoa_dnn_type(stoa_dtype dtype) {
    return dtype == STOA_BF16 ? dnnl_bf16 : dnnl_f32;
}

dnnl_status_t stoa_dnn_user_scratch(dnnl_primitive_attr_t *attr) {
    dnnl_status_t status = dnnl_primitive_attr_create(attr);
    if (status == dnnl_success)
        status = dnnl_primitive_attr_set_scratchpad_mode(*attr, dnnl_scratchpad_mode_user);
    return status;
}

static stoa_status status_of(dnnl_status_t status) {
    if (status == dnnl_success)
        return STOA_OK;
    return status == dnnl_out_of_memory ? STOA_ERR_MEMORY : STOA_ERR_UNSUPPORTED;
}

/* ---- one plan -------------------------------------------------------------------------------- */

static void plan_free(stoa_onednn *o, stoa_dnn_plan *plan) {
    if (!plan)
        return;
    for (int i = 0; plan->memory && i < o->threads * (plan->args + 1); i++)
        dnnl_memory_destroy(plan->memory[i]);
    for (int i = 0; plan->plain && i < o->threads * plan->args; i++)
        dnnl_memory_destroy(plan->plain[i]);
    for (int i = 0; i < plan->args; i++)
        dnnl_primitive_destroy(plan->reorder[i]);
    dnnl_primitive_destroy(plan->primitive);
    stoa_free(plan->memory);
    stoa_free(plan->plain);
    stoa_free(plan);
}

/* Room for the largest scratchpad on every thread. */
static dnnl_status_t reserve_pads(stoa_onednn *o, size_t bytes) {
    if (bytes <= o->pad_bytes)
        return dnnl_success;
    for (int t = 0; t < o->threads; t++) {
        void *pad = stoa_alloc(bytes);
        if (!pad)
            return dnnl_out_of_memory;
        stoa_free(o->pads[t]);
        o->pads[t] = pad;
    }
    o->pad_bytes = bytes;
    return dnnl_success;
}

static dnnl_status_t add_reorder(stoa_onednn *o, stoa_dnn_plan *plan, int i,
                                 const dnnl_memory_desc_t *plain, const dnnl_memory_desc_t *inner) {
    dnnl_primitive_attr_t attr;
    dnnl_status_t status = stoa_dnn_user_scratch(&attr);
    if (status != dnnl_success)
        return status;
    const dnnl_memory_desc_t *from = plan->outward[i] ? inner : plain;
    const dnnl_memory_desc_t *to = plan->outward[i] ? plain : inner;
    dnnl_primitive_desc_t pd = NULL;
    status = dnnl_reorder_primitive_desc_create(&pd, from, o->engine, to, o->engine, attr);
    dnnl_primitive_attr_destroy(attr);
    if (status != dnnl_success)
        return status;
    const dnnl_memory_desc_t *pad = dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0);
    if (pad && dnnl_memory_desc_get_size(pad) > 0)
        status = dnnl_unimplemented;
    if (status == dnnl_success)
        status = dnnl_primitive_create(&plan->reorder[i], pd);
    dnnl_primitive_desc_destroy(pd);
    for (int t = 0; t < o->threads && status == dnnl_success; t++)
        status = dnnl_memory_create(&plan->plain[t * plan->args + i], plain, o->engine,
                                    DNNL_MEMORY_NONE);
    return status;
}

static dnnl_status_t furnish(stoa_onednn *o, stoa_dnn_plan *plan, const stoa_dnn_design *design) {
    dnnl_status_t status = dnnl_primitive_create(&plan->primitive, design->primitive);
    if (status != dnnl_success)
        return status;
    plan->memory = stoa_alloc((size_t)(o->threads * (plan->args + 1)) * sizeof *plan->memory);
    plan->plain = stoa_alloc((size_t)(o->threads * plan->args) * sizeof *plan->plain);
    if (!plan->memory || !plan->plain)
        return dnnl_out_of_memory;
    for (int i = 0; i <= plan->args && status == dnnl_success; i++) {
        int id = i < plan->args ? plan->ids[i] : DNNL_ARG_SCRATCHPAD;
        const dnnl_memory_desc_t *inner =
            dnnl_primitive_desc_query_md(design->primitive, dnnl_query_exec_arg_md, id);
        for (int t = 0; t < o->threads && status == dnnl_success; t++)
            status = dnnl_memory_create(&plan->memory[t * (plan->args + 1) + i], inner, o->engine,
                                        DNNL_MEMORY_NONE);
        size_t bytes = dnnl_memory_desc_get_size(inner);
        if (status == dnnl_success && i == plan->args)
            return reserve_pads(o, bytes);
        plan->bytes[i] = bytes;
        plan->outward[i] = design->outward[i];
        if (status == dnnl_success && !dnnl_memory_desc_equal(&design->plain[i], inner))
            status = add_reorder(o, plan, i, &design->plain[i], inner);
    }
    return status;
}

/* ---- matrix products: building --------------------------------------------------------------- */

/* number: batch, m, n, k, then (type, batch, row, column) of a, b, c, then bias, add,
 * the bits of scale */
enum { OPERANDS = 4, BIAS = 16, ADD = 17, SCALE = 18 };

static dnnl_status_t describe(dnnl_memory_desc_t *md, const int64_t *operand, int64_t batch,
                              int64_t rows, int64_t columns) {
    dnnl_dims_t dims = {batch, rows, columns};
    dnnl_dims_t strides = {operand[1], operand[2], operand[3]};
    bool single = batch == 1;
    return dnnl_memory_desc_init_by_strides(
        md, single ? 2 : 3, dims + single, stoa_dnn_type((stoa_dtype)operand[0]), strides + single);
}

static dnnl_status_t product_attributes(const stoa_dnn_key *key, dnnl_primitive_attr_t *attr) {
    dnnl_status_t status = stoa_dnn_user_scratch(attr);
    float scale = stoa_from_bits((uint32_t)key->number[SCALE]);
    if (status == dnnl_success && scale != 1.0f)
        status = dnnl_primitive_attr_set_output_scales(*attr, 1, 0, &scale);
    if (status != dnnl_success || !key->number[ADD])
        return status;
    dnnl_post_ops_t ops = NULL;
    status = dnnl_post_ops_create(&ops);
    if (status == dnnl_success)
        status = dnnl_post_ops_append_sum(ops, 1.0f);
    if (status == dnnl_success)
        status = dnnl_primitive_attr_set_post_ops(*attr, ops);
    dnnl_post_ops_destroy(ops);
    return status;
}

static dnnl_status_t build_product(stoa_onednn *o, const stoa_dnn_key *key, stoa_dnn_design *d) {
    const int64_t *v = key->number;
    int64_t batch = v[0], m = v[1], n = v[2], k = v[3];
    const int64_t bias_layout[4] = {STOA_F32, n, n, 1};
    dnnl_status_t status = describe(&d->plain[0], v + OPERANDS, batch, m, k);
    if (status == dnnl_success)
        status = describe(&d->plain[1], v + OPERANDS + 4, batch, k, n);
    if (status == dnnl_success)
        status = describe(&d->plain[2], v + OPERANDS + 8, batch, m, n);
    d->ids[0] = DNNL_ARG_SRC, d->ids[1] = DNNL_ARG_WEIGHTS, d->ids[2] = DNNL_ARG_DST;
    d->args = 3;
    if (status == dnnl_success && v[BIAS]) {
        dnnl_dims_t dims = {1, 1, n}, strides = {bias_layout[1], bias_layout[2], 1};
        bool single = batch == 1;
        status = dnnl_memory_desc_init_by_strides(&d->plain[3], single ? 2 : 3, dims + single,
                                                  dnnl_f32, strides + single);
        d->ids[3] = DNNL_ARG_BIAS;
        d->args = 4;
    }
    dnnl_matmul_desc_t desc;
    if (status == dnnl_success)
        status = dnnl_matmul_desc_init(&desc, &d->plain[0], &d->plain[1],
                                       v[BIAS] ? &d->plain[3] : NULL, &d->plain[2]);
    dnnl_primitive_attr_t attr = NULL;
    if (status == dnnl_success)
        status = product_attributes(key, &attr);
    if (status == dnnl_success)
        status = dnnl_primitive_desc_create(&d->primitive, &desc, attr, o->engine, NULL);
    dnnl_primitive_attr_destroy(attr);
    return status;
}

/* ---- the table of plans ---------------------------------------------------------------------- */

static const stoa_dnn_builder builders[STOA_DNN_KINDS] = {
    [STOA_DNN_PRODUCT] = build_product,
    [STOA_DNN_CONV_FORWARD] = stoa_dnn_build_conv_forward,
    [STOA_DNN_CONV_INPUT] = stoa_dnn_build_conv_input,
    [STOA_DNN_CONV_WEIGHT] = stoa_dnn_build_conv_weight,
};

/* Shapes that change all the time must not fill the memory: beyond this many, all are forgotten. */
enum { MOST_PLANS = 2048, FIRST_CAPACITY = 64 };

static uint64_t hash(const stoa_dnn_key *key) {
    const unsigned char *bytes = (const unsigned char *)key;
    uint64_t h = 0xcbf29ce484222325u; // FNV-1a
    for (size_t i = 0; i < sizeof *key; i++)
        h = (h ^ bytes[i]) * 0x100000001b3u;
    return h;
}

/* The slot of a key: its plan, or the empty place for it. */
static stoa_dnn_plan **slot_of(stoa_dnn_plan **plans, size_t capacity, const stoa_dnn_key *key) {
    for (size_t i = hash(key);; i++) {
        stoa_dnn_plan **slot = &plans[i & (capacity - 1)];
        if (!*slot || memcmp(&(*slot)->key, key, sizeof *key) == 0)
            return slot;
    }
}

static void forget(stoa_onednn *o) {
    for (size_t i = 0; i < o->capacity; i++) {
        plan_free(o, o->plans[i]);
        o->plans[i] = NULL;
    }
    o->count = 0;
}

static bool make_room(stoa_onednn *o) {
    if (o->count >= MOST_PLANS)
        forget(o);
    if (2 * (o->count + 1) <= o->capacity)
        return true;
    size_t capacity = o->capacity ? 2 * o->capacity : FIRST_CAPACITY;
    stoa_dnn_plan **plans = stoa_alloc(capacity * sizeof *plans);
    if (!plans)
        return false;
    for (size_t i = 0; i < o->capacity; i++)
        if (o->plans[i])
            *slot_of(plans, capacity, &o->plans[i]->key) = o->plans[i];
    stoa_free(o->plans);
    o->plans = plans;
    o->capacity = capacity;
    return true;
}

static stoa_dnn_plan *plan_new(stoa_onednn *o, const stoa_dnn_key *key) {
    stoa_dnn_plan *plan = stoa_alloc(sizeof *plan);
    if (!plan)
        return NULL;
    plan->key = *key;
    stoa_dnn_design design = {0};
    int before = stoa_dnn_enter();
    dnnl_status_t status = builders[key->kind](o, key, &design);
    if (status == dnnl_success) {
        plan->args = design.args;
        memcpy(plan->ids, design.ids, sizeof plan->ids);
        status = furnish(o, plan, &design);
    }
    dnnl_primitive_desc_destroy(design.primitive);
    stoa_dnn_leave(before);
    plan->status = status_of(status);
    return plan;
}

stoa_dnn_plan *stoa_dnn_find(stoa_onednn *o, const stoa_dnn_key *key) {
    if (o->capacity) {
        stoa_dnn_plan *known = *slot_of(o->plans, o->capacity, key);
        if (known)
            return known;
    }
    stoa_dnn_plan *plan = make_room(o) ? plan_new(o, key) : NULL;
    if (plan && plan->status == STOA_ERR_MEMORY) {
        plan_free(o, plan);
        return NULL;
    }
    if (plan) {
        *slot_of(o->plans, o->capacity, key) = plan;
        o->count++;
    }
    return plan;
}

/* ---- running --------------------------------------------------------------------------------- */

stoa_status stoa_dnn_run(stoa_onednn *o, stoa_dnn_plan *plan, int thread, void *const *data) {
    dnnl_memory_t *memory = plan->memory + thread * (plan->args + 1);
    dnnl_exec_arg_t args[STOA_DNN_ARGS + 1];
    for (int i = 0; i <= plan->args; i++) {
        bool pad = i == plan->args;
        dnnl_status_t status =
            dnnl_memory_set_data_handle(memory[i], pad ? o->pads[thread] : data[i]);
        if (status != dnnl_success)
            return status_of(status);
        args[i] = (dnnl_exec_arg_t){pad ? DNNL_ARG_SCRATCHPAD : plan->ids[i], memory[i]};
    }
    return status_of(
        dnnl_primitive_execute(plan->primitive, o->streams[thread], plan->args + 1, args));
}

stoa_status stoa_dnn_reorder(stoa_onednn *o, stoa_dnn_plan *plan, int thread, int i, void *plain,
                             void *inner) {
    dnnl_memory_t outer = plan->plain[thread * plan->args + i];
    dnnl_memory_t memory = plan->memory[thread * (plan->args + 1) + i];
    dnnl_status_t status = dnnl_memory_set_data_handle(outer, plain);
    if (status == dnnl_success)
        status = dnnl_memory_set_data_handle(memory, inner);
    if (status != dnnl_success)
        return status_of(status);
    dnnl_exec_arg_t args[2] = {{DNNL_ARG_FROM, plan->outward[i] ? memory : outer},
                               {DNNL_ARG_TO, plan->outward[i] ? outer : memory}};
    return status_of(dnnl_primitive_execute(plan->reorder[i], o->streams[thread], 2, args));
}

/* ---- open and close -------------------------------------------------------------------------- */

stoa_onednn *stoa_onednn_new(int threads) {
    stoa_onednn *o = stoa_alloc(sizeof *o);
    if (!o)
        return NULL;
    o->threads = threads;
    o->streams = stoa_alloc((size_t)threads * sizeof *o->streams);
    o->pads = stoa_alloc((size_t)threads * sizeof *o->pads);
    bool ok = o->streams && o->pads && dnnl_engine_create(&o->engine, dnnl_cpu, 0) == dnnl_success;
    for (int t = 0; ok && t < threads; t++)
        ok = dnnl_stream_create(&o->streams[t], o->engine, dnnl_stream_default_flags) ==
             dnnl_success;
    if (!ok) {
        stoa_onednn_free(o);
        return NULL;
    }
    return o;
}

void stoa_onednn_free(stoa_onednn *o) {
    if (!o)
        return;
    forget(o);
    for (int t = 0; t < o->threads; t++) {
        if (o->streams)
            dnnl_stream_destroy(o->streams[t]);
        if (o->pads)
            stoa_free(o->pads[t]);
    }
    dnnl_engine_destroy(o->engine);
    stoa_free(o->streams);
    stoa_free(o->pads);
    stoa_free(o->plans);
    stoa_free(o);
}

/* ---- matrix products: running ---------------------------------------------------------------- */

typedef enum cut_axis { CUT_BATCH, CUT_ROWS, CUT_COLUMNS } cut_axis;

typedef struct job {
    stoa_onednn *o;
    const stoa_onednn_product *p;
    cut_axis axis;
    int64_t length, chunk;       /* of the axis that is cut */
    stoa_dnn_plan *whole, *rest; /* for a full chunk and for the last one */
    atomic_int status;
} job;

static stoa_dnn_plan *plan_of(stoa_onednn *o, const stoa_onednn_product *p, int64_t batch,
                              int64_t m, int64_t n) {
    stoa_dnn_key key;
    memset(&key, 0, sizeof key);
    key.kind = STOA_DNN_PRODUCT;
    const stoa_onednn_matrix *operands[3] = {&p->a, &p->b, &p->c};
    int64_t *v = key.number;
    v[0] = batch, v[1] = m, v[2] = n, v[3] = p->k;
    for (int i = 0; i < 3; i++) {
        v[OPERANDS + 4 * i] = operands[i]->dtype;
        v[OPERANDS + 4 * i + 1] = batch == 1 ? 0 : operands[i]->batch;
        v[OPERANDS + 4 * i + 2] = operands[i]->row;
        v[OPERANDS + 4 * i + 3] = operands[i]->column;
    }
    v[BIAS] = p->bias != NULL;
    v[ADD] = p->add;
    v[SCALE] = stoa_bits(p->scale);
    return stoa_dnn_find(o, &key);
}

static void *element(const stoa_onednn_matrix *x, int64_t b, int64_t i, int64_t j) {
    int64_t at = b * x->batch + i * x->row + j * x->column;
    return (char *)x->data + at * (int64_t)stoa_dtype_size(x->dtype);
}

static void multiply_range(void *arg, int64_t begin, int64_t end, int thread) {
    job *w = arg;
    const stoa_onednn_product *p = w->p;
    int before = stoa_dnn_enter();
    for (int64_t i = begin; i < end; i++) {
        int64_t at = i * w->chunk;
        stoa_dnn_plan *plan = at + w->chunk <= w->length ? w->whole : w->rest;
        int64_t b = w->axis == CUT_BATCH ? at : 0, m = w->axis == CUT_ROWS ? at : 0;
        int64_t n = w->axis == CUT_COLUMNS ? at : 0;
        // the bias is only read
        void *data[STOA_DNN_ARGS] = {element(&p->a, b, m, 0), element(&p->b, b, 0, n),
                                     element(&p->c, b, m, n),
                                     p->bias ? (void *)(uintptr_t)(p->bias + n) : NULL};
        stoa_status status = stoa_dnn_run(w->o, plan, thread, data);
        if (status != STOA_OK)
            atomic_store(&w->status, (int)status);
    }
    stoa_dnn_leave(before);
}

/* Which axis to cut into as many chunks as there are threads, or fewer. */
static void cut(const stoa_onednn_product *p, int threads, job *w) {
    enum { SMALL = 200000, UNIT = 16 };
    w->axis = CUT_BATCH;
    w->length = w->chunk = p->batch;
    if (threads == 1 || (double)p->batch * (double)(p->m * p->n) * (double)p->k < SMALL)
        return;
    int64_t unit = 1;
    if (p->batch < threads) {
        w->axis = p->m >= p->n || p->batch > 1 ? CUT_ROWS : CUT_COLUMNS;
        w->length = w->axis == CUT_ROWS ? p->m : p->n;
        unit = UNIT;
    }
    w->chunk = (w->length + threads * unit - 1) / (threads * unit) * unit;
}

static stoa_dnn_plan *plan_of_chunk(const job *w, int64_t length) {
    const stoa_onednn_product *p = w->p;
    return plan_of(w->o, p, w->axis == CUT_BATCH ? length : p->batch,
                   w->axis == CUT_ROWS ? length : p->m, w->axis == CUT_COLUMNS ? length : p->n);
}

stoa_status stoa_onednn_multiply(stoa_ctx *ctx, stoa_onednn *o, const stoa_onednn_product *p) {
    assert(p->batch > 0 && p->m > 0 && p->n > 0 && p->k > 0);
    assert(p->a.dtype == p->b.dtype);
    job w = {.o = o, .p = p};
    cut(p, ctx->threads, &w);
    int64_t items = (w.length + w.chunk - 1) / w.chunk, rest = w.length - (items - 1) * w.chunk;
    // the second look-up may make a plan and forget the first
    w.whole = plan_of_chunk(&w, w.length < w.chunk ? w.length : w.chunk);
    w.rest = rest == w.chunk ? w.whole : plan_of_chunk(&w, rest);
    w.whole = plan_of_chunk(&w, w.length < w.chunk ? w.length : w.chunk);
    if (!w.whole || !w.rest)
        return STOA_ERR_MEMORY;
    if (w.whole->status != STOA_OK || w.rest->status != STOA_OK)
        return w.whole->status != STOA_OK ? w.whole->status : w.rest->status;
    stoa_parallel(ctx, items, 1, multiply_range, &w);
    return (stoa_status)atomic_load(&w.status);
}

const char *stoa_cpu_library(void) {
    static _Thread_local char text[32];
    const dnnl_version_t *v = dnnl_version();
    snprintf(text, sizeof text, "oneDNN %d.%d.%d", v->major, v->minor, v->patch);
    return text;
}
