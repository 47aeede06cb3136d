/*
 * tensor/cpu/onednn_conv.c - convolutions by oneDNN.
 *
 * Threads share out the batch. Tensors are row-major outside; oneDNN chooses its own layouts, and a
 * thread copies its images in and out of them through scratch. Weight gradients are made for each
 * thread's images and summed over threads in order.
 */
#include <assert.h>
#include <stdatomic.h>
#include <string.h>

#include "tensor/cpu/grain.h"
#include "tensor/cpu/onednn_core.h"
#include "tensor/cpu/simd.h"

/* ---- building -------------------------------------------------------------------------------- */

/* The numbers of a key. */
enum {
    BATCH,
    CHANNELS,
    HEIGHT,
    WIDTH,
    OUTPUTS,
    ROWS,
    COLUMNS,
    OUT_HEIGHT,
    OUT_WIDTH,
    STRIDE,
    TOP,
    LEFT,
    BOTTOM,
    RIGHT,
    TYPE,
    WITH_BIAS
};

/* Row-major descriptions (plain) and such as oneDNN may choose (any). */
typedef struct shapes {
    dnnl_memory_desc_t plain_x, plain_w, plain_y, any_x, any_w, any_y, bias;
    dnnl_dims_t strides, before, after;
} shapes;

static dnnl_status_t both(dnnl_memory_desc_t *plain, dnnl_memory_desc_t *any,
                          dnnl_data_type_t outer, dnnl_data_type_t inner, int64_t a, int64_t b,
                          int64_t c, int64_t d) {
    dnnl_dims_t dims = {a, b, c, d};
    dnnl_status_t status = dnnl_memory_desc_init_by_tag(plain, 4, dims, outer, dnnl_abcd);
    if (status == dnnl_success)
        status = dnnl_memory_desc_init_by_tag(any, 4, dims, inner, dnnl_format_tag_any);
    return status;
}

/* weight: the type oneDNN is to use for it. */
static dnnl_status_t describe(const stoa_dnn_key *key, dnnl_data_type_t weight, shapes *s) {
    const int64_t *v = key->number;
    dnnl_data_type_t type = stoa_dnn_type((stoa_dtype)v[TYPE]);
    memset(s, 0, sizeof *s);
    dnnl_status_t status =
        both(&s->plain_x, &s->any_x, type, type, v[BATCH], v[CHANNELS], v[HEIGHT], v[WIDTH]);
    if (status == dnnl_success)
        status = both(&s->plain_w, &s->any_w, dnnl_f32, weight, v[OUTPUTS], v[CHANNELS], v[ROWS],
                      v[COLUMNS]);
    if (status == dnnl_success)
        status = both(&s->plain_y, &s->any_y, type, type, v[BATCH], v[OUTPUTS], v[OUT_HEIGHT],
                      v[OUT_WIDTH]);
    dnnl_dims_t outputs = {v[OUTPUTS]};
    if (status == dnnl_success)
        status = dnnl_memory_desc_init_by_tag(&s->bias, 1, outputs, dnnl_f32, dnnl_a);
    s->strides[0] = s->strides[1] = v[STRIDE];
    s->before[0] = v[TOP], s->before[1] = v[LEFT];
    s->after[0] = v[BOTTOM], s->after[1] = v[RIGHT];
    return status;
}

static dnnl_status_t design_from(stoa_onednn *o, const_dnnl_op_desc_t desc,
                                 const_dnnl_primitive_desc_t hint, stoa_dnn_design *d) {
    dnnl_primitive_attr_t attr;
    dnnl_status_t status = stoa_dnn_user_scratch(&attr);
    if (status != dnnl_success)
        return status;
    status = dnnl_primitive_desc_create(&d->primitive, desc, attr, o->engine, hint);
    dnnl_primitive_attr_destroy(attr);
    return status;
}

static void argument(stoa_dnn_design *d, int id, const dnnl_memory_desc_t *plain, bool outward) {
    d->ids[d->args] = id;
    d->plain[d->args] = *plain;
    d->outward[d->args] = outward;
    d->args++;
}

static dnnl_status_t forward_desc(const stoa_dnn_key *key, const shapes *s,
                                  dnnl_convolution_desc_t *desc) {
    return dnnl_convolution_forward_desc_init(
        desc, dnnl_forward_training, dnnl_convolution_direct, &s->any_x, &s->any_w,
        key->number[WITH_BIAS] ? &s->bias : NULL, &s->any_y, s->strides, s->before, s->after);
}

dnnl_status_t stoa_dnn_build_conv_forward(stoa_onednn *o, const stoa_dnn_key *key,
                                          stoa_dnn_design *d) {
    shapes s;
    dnnl_convolution_desc_t desc;
    dnnl_status_t status = describe(key, stoa_dnn_type((stoa_dtype)key->number[TYPE]), &s);
    if (status == dnnl_success)
        status = forward_desc(key, &s, &desc);
    argument(d, DNNL_ARG_SRC, &s.plain_x, false);
    argument(d, DNNL_ARG_WEIGHTS, &s.plain_w, false);
    argument(d, DNNL_ARG_DST, &s.plain_y, true);
    if (key->number[WITH_BIAS])
        argument(d, DNNL_ARG_BIAS, &s.bias, false);
    return status == dnnl_success ? design_from(o, &desc, NULL, d) : status;
}

/* Backward primitives want to see the forward one. */
static dnnl_status_t forward_hint(stoa_onednn *o, const stoa_dnn_key *key, stoa_dnn_design *d) {
    shapes s;
    dnnl_convolution_desc_t desc;
    dnnl_status_t status = describe(key, stoa_dnn_type((stoa_dtype)key->number[TYPE]), &s);
    if (status == dnnl_success)
        status = forward_desc(key, &s, &desc);
    return status == dnnl_success ? design_from(o, &desc, NULL, d) : status;
}

dnnl_status_t stoa_dnn_build_conv_input(stoa_onednn *o, const stoa_dnn_key *key,
                                        stoa_dnn_design *d) {
    shapes s;
    dnnl_convolution_desc_t desc;
    stoa_dnn_design hint = {0};
    dnnl_status_t status = describe(key, stoa_dnn_type((stoa_dtype)key->number[TYPE]), &s);
    if (status == dnnl_success)
        status = dnnl_convolution_backward_data_desc_init(&desc, dnnl_convolution_direct, &s.any_x,
                                                          &s.any_w, &s.any_y, s.strides, s.before,
                                                          s.after);
    if (status == dnnl_success)
        status = forward_hint(o, key, &hint);
    argument(d, DNNL_ARG_DIFF_DST, &s.plain_y, false);
    argument(d, DNNL_ARG_WEIGHTS, &s.plain_w, false);
    argument(d, DNNL_ARG_DIFF_SRC, &s.plain_x, true);
    if (status == dnnl_success)
        status = design_from(o, &desc, hint.primitive, d);
    dnnl_primitive_desc_destroy(hint.primitive);
    return status;
}

dnnl_status_t stoa_dnn_build_conv_weight(stoa_onednn *o, const stoa_dnn_key *key,
                                         stoa_dnn_design *d) {
    shapes s;
    dnnl_convolution_desc_t desc;
    stoa_dnn_design hint = {0};
    bool bias = key->number[WITH_BIAS];
    dnnl_status_t status = describe(key, dnnl_f32, &s);
    if (status == dnnl_success)
        status = dnnl_convolution_backward_weights_desc_init(
            &desc, dnnl_convolution_direct, &s.any_x, &s.any_w, bias ? &s.bias : NULL, &s.any_y,
            s.strides, s.before, s.after);
    if (status == dnnl_success)
        status = forward_hint(o, key, &hint);
    argument(d, DNNL_ARG_SRC, &s.plain_x, false);
    argument(d, DNNL_ARG_DIFF_DST, &s.plain_y, false);
    argument(d, DNNL_ARG_DIFF_WEIGHTS, &s.plain_w, true);
    if (bias)
        argument(d, DNNL_ARG_DIFF_BIAS, &s.bias, true);
    if (status == dnnl_success)
        status = design_from(o, &desc, hint.primitive, d);
    dnnl_primitive_desc_destroy(hint.primitive);
    return status;
}

/* ---- running --------------------------------------------------------------------------------- */

/* One convolution over a batch cut into chunks, one a thread. */
typedef struct job {
    stoa_onednn *o;
    int64_t batch, chunk;
    stoa_dnn_plan *whole, *rest;  /* for a full chunk and for the last one */
    char *data[STOA_DNN_ARGS];    /* row-major */
    size_t image[STOA_DNN_ARGS];  /* bytes an image; 0: shared by all */
    bool by_chunk[STOA_DNN_ARGS]; /* data is (chunks, piece): one result a chunk */
    size_t piece[STOA_DNN_ARGS];
    char *room; /* (threads, room_bytes): oneDNN's layouts */
    size_t room_bytes;
    atomic_int status;
} job;

static stoa_dnn_plan *plan_of(stoa_onednn *o, stoa_dnn_kind kind, const stoa_onednn_conv *c,
                              int64_t batch, bool bias) {
    stoa_dnn_key key;
    memset(&key, 0, sizeof key);
    key.kind = kind;
    const int64_t numbers[] = {
        [BATCH] = batch,
        [CHANNELS] = c->channels,
        [HEIGHT] = c->height,
        [WIDTH] = c->width,
        [OUTPUTS] = c->outputs,
        [ROWS] = c->rows,
        [COLUMNS] = c->columns,
        [OUT_HEIGHT] = c->out_height,
        [OUT_WIDTH] = c->out_width,
        [STRIDE] = c->options.stride,
        [TOP] = c->options.pad_top,
        [LEFT] = c->options.pad_left,
        [BOTTOM] = c->options.pad_bottom,
        [RIGHT] = c->options.pad_right,
        [TYPE] = c->dtype,
        [WITH_BIAS] = bias,
    };
    memcpy(key.number, numbers, sizeof numbers);
    return stoa_dnn_find(o, &key);
}

static size_t aligned(size_t bytes) {
    return (bytes + 63) / 64 * 64;
}

/* Copies in, computes, copies out. */
static stoa_status run_chunk(job *w, int64_t chunk, int thread) {
    stoa_dnn_plan *plan = (chunk + 1) * w->chunk <= w->batch ? w->whole : w->rest;
    char *room = w->room + (size_t)thread * w->room_bytes;
    void *plain[STOA_DNN_ARGS] = {0}, *inner[STOA_DNN_ARGS] = {0};
    for (int i = 0; i < plan->args; i++) {
        plain[i] = w->data[i] + (size_t)(chunk * w->chunk) * w->image[i];
        if (w->by_chunk[i])
            plain[i] = w->data[i] + (size_t)chunk * w->piece[i];
        inner[i] = plain[i];
        if (!plan->reorder[i])
            continue;
        inner[i] = room;
        room += aligned(plan->bytes[i]);
        if (!plan->outward[i])
            STOA_TRY(stoa_dnn_reorder(w->o, plan, thread, i, plain[i], inner[i]));
    }
    STOA_TRY(stoa_dnn_run(w->o, plan, thread, inner));
    for (int i = 0; i < plan->args; i++)
        if (plan->reorder[i] && plan->outward[i])
            STOA_TRY(stoa_dnn_reorder(w->o, plan, thread, i, plain[i], inner[i]));
    return STOA_OK;
}

static void run_range(void *arg, int64_t begin, int64_t end, int thread) {
    job *w = arg;
    int before = stoa_dnn_enter();
    for (int64_t i = begin; i < end; i++) {
        stoa_status status = run_chunk(w, i, thread);
        if (status != STOA_OK)
            atomic_store(&w->status, (int)status);
    }
    stoa_dnn_leave(before);
}

static size_t room_of(const stoa_dnn_plan *plan) {
    size_t bytes = 0;
    for (int i = 0; i < plan->args; i++)
        bytes += plan->reorder[i] ? aligned(plan->bytes[i]) : 0;
    return bytes;
}

/* Finds the plans and cuts the batch; returns the number of chunks, 0 after a failure. */
static int64_t prepare(stoa_ctx *ctx, stoa_onednn *o, stoa_dnn_kind kind, const stoa_onednn_conv *c,
                       bool bias, job *w, stoa_status *status) {
    w->o = o;
    w->batch = c->batch;
    int64_t taps = c->channels * c->rows * c->columns;
    double flops =
        2.0 * (double)(c->batch * c->outputs * taps) * (double)(c->out_height * c->out_width);
    int64_t grain = stoa_grain(flops / 1e5, c->batch);
    w->chunk = (c->batch + ctx->threads - 1) / ctx->threads;
    w->chunk = w->chunk < grain ? grain : w->chunk;
    w->chunk = w->chunk > c->batch ? c->batch : w->chunk;
    int64_t chunks = (c->batch + w->chunk - 1) / w->chunk;
    int64_t rest = c->batch - (chunks - 1) * w->chunk;
    // the second look-up may forget the first's plan, so it is looked up again
    w->whole = plan_of(o, kind, c, w->chunk, bias);
    w->rest = plan_of(o, kind, c, rest, bias);
    w->whole = plan_of(o, kind, c, w->chunk, bias);
    *status = w->whole && w->rest ? STOA_OK : STOA_ERR_MEMORY;
    if (*status == STOA_OK && w->whole->status != STOA_OK)
        *status = w->whole->status;
    if (*status == STOA_OK && w->rest->status != STOA_OK)
        *status = w->rest->status;
    if (*status != STOA_OK)
        return 0;
    w->room_bytes = room_of(w->whole);
    if (room_of(w->rest) > w->room_bytes)
        w->room_bytes = room_of(w->rest);
    w->room = stoa_scratch(ctx, w->room_bytes * (size_t)ctx->threads);
    if (!w->room)
        *status = STOA_ERR_MEMORY;
    return *status == STOA_OK ? chunks : 0;
}

static stoa_status go(stoa_ctx *ctx, job *w, int64_t chunks) {
    stoa_parallel(ctx, chunks, 1, run_range, w);
    return (stoa_status)atomic_load(&w->status);
}

/* Bytes of one image of x and of y. */
static size_t x_image(const stoa_onednn_conv *c) {
    return (size_t)(c->channels * c->height * c->width) * stoa_dtype_size(c->dtype);
}

static size_t y_image(const stoa_onednn_conv *c) {
    return (size_t)(c->outputs * c->out_height * c->out_width) * stoa_dtype_size(c->dtype);
}

static char *bytes_of(const void *data) {
    return (char *)(uintptr_t)data; // an operand that is only read, where oneDNN has no const
}

stoa_status stoa_onednn_conv_forward(stoa_ctx *ctx, stoa_onednn *o, const stoa_onednn_conv *c,
                                     const void *x, const float *weight, const float *bias,
                                     void *y) {
    job w = {0};
    stoa_status status;
    int64_t chunks = prepare(ctx, o, STOA_DNN_CONV_FORWARD, c, bias != NULL, &w, &status);
    if (chunks == 0)
        return status;
    w.data[0] = bytes_of(x), w.image[0] = x_image(c);
    w.data[1] = bytes_of(weight);
    w.data[2] = y, w.image[2] = y_image(c);
    w.data[3] = bytes_of(bias);
    return go(ctx, &w, chunks);
}

stoa_status stoa_onednn_conv_input(stoa_ctx *ctx, stoa_onednn *o, const stoa_onednn_conv *c,
                                   const void *dy, const float *weight, void *dx) {
    job w = {0};
    stoa_status status;
    int64_t chunks = prepare(ctx, o, STOA_DNN_CONV_INPUT, c, false, &w, &status);
    if (chunks == 0)
        return status;
    w.data[0] = bytes_of(dy), w.image[0] = y_image(c);
    w.data[1] = bytes_of(weight);
    w.data[2] = dx, w.image[2] = x_image(c);
    return go(ctx, &w, chunks);
}

/* to (+)= the chunks' shares, in order */
static void gather(const char *shares, size_t piece, int64_t chunks, int64_t n, float *to,
                   bool add) {
    for (int64_t j = 0; j < chunks; j++) {
        const float *share = (const float *)(shares + (size_t)j * piece);
        if (j == 0 && !add)
            memcpy(to, share, (size_t)n * sizeof *to);
        else
            for (int64_t i = 0; i < n; i++)
                to[i] += share[i];
    }
}

stoa_status stoa_onednn_conv_weight(stoa_ctx *ctx, stoa_onednn *o, const stoa_onednn_conv *c,
                                    const void *x, const void *dy, float *dw, bool add_dw,
                                    float *db, bool add_db) {
    job w = {0};
    stoa_status status;
    int64_t chunks = prepare(ctx, o, STOA_DNN_CONV_WEIGHT, c, db != NULL, &w, &status);
    if (chunks == 0)
        return status;
    int64_t weights = c->outputs * c->channels * c->rows * c->columns;
    w.piece[2] = aligned((size_t)weights * sizeof *dw);
    w.piece[3] = aligned((size_t)c->outputs * sizeof *db);
    w.data[0] = bytes_of(x), w.image[0] = x_image(c);
    w.data[1] = bytes_of(dy), w.image[1] = y_image(c);
    w.data[2] = stoa_scratch(ctx, (size_t)chunks * w.piece[2]);
    w.data[3] = stoa_scratch(ctx, (size_t)chunks * w.piece[3]);
    w.by_chunk[2] = w.by_chunk[3] = true;
    if (!w.data[2] || !w.data[3])
        return STOA_ERR_MEMORY;
    STOA_TRY(go(ctx, &w, chunks));
    if (dw)
        gather(w.data[2], w.piece[2], chunks, weights, dw, add_dw);
    if (db)
        gather(w.data[3], w.piece[3], chunks, c->outputs, db, add_db);
    return STOA_OK;
}
