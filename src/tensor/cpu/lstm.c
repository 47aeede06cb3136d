/*
 * tensor/cpu/lstm.c - LSTM, all steps in one call.
 *
 * Every thread walks through time with its own rows of the batch and never waits for another. It
 * takes BLOCK rows at a time: the sums for their gates stay in the cache between the two products
 * that make them and the pass that turns them into cell and output (lstm_gates.h). Backward walks
 * the other way, and the weights' gradients are products over all steps at the end.
 */
#include "tensor/cpu/grain.h"
#include "tensor/cpu/kernels.h"
#include "tensor/cpu/linear.h"
#include "tensor/cpu/lstm_gates.h"
#include "tensor/cpu/lstm_tiles.h"
#include "tensor/cpu/product.h"
#include "tensor/cpu/recurrent.h"
#include "tensor/cpu/rows.h"

enum { BLOCK = 32 };

typedef struct walk {
    const stoa_node *node;
    const void *x; /* (T, B, K) of the operands' type */
    stoa_recurrent_matrix weight_x, weight_h;
    float *z;               /* (threads, BLOCK, 4N): the sums of a block */
    float *h, *c;           /* (B, N): the state; h only at the end where products take: */
    uint16_t *narrow;       /* (B, N): h in bf16, or NULL */
    void *dz;               /* (T, B, 4N) of the operands' type */
    float *dh, *dc;         /* (B, N): gradients of the state */
    float *zeroes;          /* (N) */
    stoa_grad_ref dout, dx; /* dx: where it is made on the way, else data NULL */
} walk;

/* Zeroes the rows of n elements where an episode begins. */
static void forget(const stoa_tensor *reset, int64_t t, int64_t begin, int64_t end, void *state,
                   stoa_dtype dtype, int64_t n) {
    const uint8_t *flags = reset ? (const uint8_t *)reset->data + t * reset->shape[1] : NULL;
    for (int64_t r = begin; flags && r < end; r++)
        if (flags[r])
            memset(stoa_at(state, dtype, r * n), 0, (size_t)n * stoa_dtype_size(dtype));
}

/* ---- forward --------------------------------------------------------------------------------- */

/* What the products of rows [begin, end) in step t read, for the weights' gradients. h: of all
 * rows. */
static void keep_operands(const walk *w, int64_t t, int64_t begin, int64_t end, const void *h,
                          stoa_dtype operand) {
    const stoa_tensor *x = w->node->in[0], *both = w->node->save[2];
    int64_t n = w->node->out[0]->shape[2], k = x->shape[2];
    for (int64_t r = begin; both && r < end; r++) {
        int64_t at = t * x->shape[1] + r;
        memcpy(stoa_at(both->data, both->dtype, at * (k + n)), stoa_at(x->data, x->dtype, at * k),
               (size_t)k * stoa_dtype_size(x->dtype));
        stoa_row_write(both->dtype, stoa_at(both->data, both->dtype, at * (k + n) + k), operand,
                       stoa_at(h, operand, r * n), n, false);
    }
}

/* Gates, cells and outputs of rows [begin, end) in step t, from their sums. */
STOA_INLINE void pass_forward(const walk *w, stoa_dtype dtype, int64_t t, int64_t begin,
                              int64_t end, const float *z) {
    const stoa_tensor *y = w->node->out[0], *gates = w->node->save[0], *cells = w->node->save[1];
    int64_t n = y->shape[2];
    bool wide = !w->narrow || t == y->shape[0] - 1;
    for (int64_t r = begin; r < end; r++, z += 4 * n) {
        int64_t at = t * y->shape[1] + r;
        const stoa_lstm_row row = {
            .n = n,
            .bias = w->node->in[3]->data,
            .c = w->c + r * n,
            .y = stoa_at(y->data, dtype, at * n),
            .gates = gates ? stoa_at(gates->data, dtype, at * 4 * n) : NULL,
            .cells = cells ? (float *)cells->data + at * n : NULL,
            .h = wide ? w->h + r * n : NULL,
            .narrow = w->narrow ? w->narrow + r * n : NULL,
        };
        stoa_lstm_forward_row(&row, dtype, z);
    }
}

static void forward_step(const walk *w, int64_t t, int64_t begin, int64_t end, int thread) {
    const stoa_tensor *x = w->node->in[0], *reset = w->node->in[6], *y = w->node->out[0];
    int64_t n = y->shape[2];
    stoa_dtype operand = w->weight_h.operand;
    float *z = w->z + thread * BLOCK * 4 * n;
    void *h = w->narrow ? (void *)w->narrow : (void *)w->h;
    forget(reset, t, begin, end, h, operand, n);
    forget(reset, t, begin, end, w->c, STOA_F32, n);
    keep_operands(w, t, begin, end, h, operand);
    stoa_recurrent_multiply(&w->weight_x,
                            stoa_at(w->x, operand, (t * x->shape[1] + begin) * x->shape[2]),
                            end - begin, z, false, false, thread);
    if (t > 0 || w->node->in[4])
        stoa_recurrent_multiply(&w->weight_h, stoa_at(h, operand, begin * n), end - begin, z, false,
                                true, thread);
    if (y->dtype == STOA_BF16)
        pass_forward(w, STOA_BF16, t, begin, end, z);
    else
        pass_forward(w, STOA_F32, t, begin, end, z);
}

static void forward_range(void *arg, int64_t begin, int64_t end, int thread) {
    const walk *w = arg;
    int64_t steps = w->node->out[0]->shape[0], n = w->node->out[0]->shape[2];
    if (w->narrow)
        stoa_f32_to_bf16_row(w->narrow + begin * n, w->h + begin * n, (end - begin) * n);
    for (int64_t at = begin; at < end; at += BLOCK)
        for (int64_t t = w->node->p.recurrent.known; t < steps; t++)
            forward_step(w, t, at, at + BLOCK < end ? at + BLOCK : end, thread);
}

#if STOA_HAVE_AMX

typedef struct tiles_job {
    stoa_lstm_tiles tiles;
    char *scratch;
    size_t scratch_bytes; /* a thread */
} tiles_job;

static void tiles_range(void *arg, int64_t begin, int64_t end, int thread) {
    const tiles_job *j = arg;
    stoa_lstm_tiles_walk(&j->tiles, begin, end, j->scratch + (size_t)thread * j->scratch_bytes);
}

static stoa_status walk_in_tiles(stoa_ctx *ctx, const walk *w) {
    const stoa_node *node = w->node;
    const stoa_tensor *x = node->in[0], *y = node->out[0], *reset = node->in[6];
    tiles_job j = {.tiles = {.known = node->p.recurrent.known,
                             .steps = x->shape[0],
                             .batch = x->shape[1],
                             .k = x->shape[2],
                             .n = y->shape[2],
                             .x = w->x,
                             .panels_x = w->weight_x.panels,
                             .panels_h = w->weight_h.panels,
                             .bias = node->in[3]->data,
                             .reset = reset ? reset->data : NULL,
                             .h0 = node->in[4] ? node->in[4]->data : NULL,
                             .c0 = node->in[5] ? node->in[5]->data : NULL,
                             .c = w->c,
                             .h = w->h,
                             .y = y->data,
                             .gates = node->save[0] ? node->save[0]->data : NULL,
                             .cells = node->save[1] ? node->save[1]->data : NULL,
                             .both = node->save[2] ? node->save[2]->data : NULL}};
    j.scratch_bytes = stoa_lstm_tiles_scratch(&j.tiles);
    j.scratch = stoa_scratch(ctx, (size_t)ctx->threads * j.scratch_bytes);
    if (!j.scratch)
        return STOA_ERR_MEMORY;
    stoa_parallel(ctx, x->shape[1], 32, tiles_range, &j);
    return STOA_OK;
}

#endif

/* The state before the first step that is not known. */
static void start(const walk *w) {
    const stoa_node *node = w->node;
    const stoa_tensor *y = node->out[0], *cells = node->save[1];
    int64_t states = stoa_numel(node->out[1]), at = (node->p.recurrent.known - 1) * states;
    if (node->p.recurrent.known > 0) {
        stoa_row_get(w->h, y->data, y->dtype, at, states);
        memcpy(w->c, (const float *)cells->data + at, (size_t)states * sizeof *w->c);
        return;
    }
    stoa_recurrent_start(w->h, node->in[4], states);
    stoa_recurrent_start(w->c, node->in[5], states);
}

/* The walk of the products' own way, or the one in tiles where widths are whole tiles. */
static stoa_status run_forward(stoa_ctx *ctx, walk *w) {
    const stoa_tensor *x = w->node->in[0];
#if STOA_HAVE_AMX
    if (w->weight_x.panels && w->weight_h.panels && w->weight_h.n % 32 == 0 &&
        x->shape[0] > w->node->p.recurrent.known)
        return walk_in_tiles(ctx, w);
#endif
    w->z = stoa_scratch(ctx, (size_t)(ctx->threads * BLOCK * 4 * w->weight_h.n) * sizeof *w->z);
    if (w->weight_h.operand == STOA_BF16)
        w->narrow = stoa_scratch(ctx, (size_t)stoa_numel(w->node->out[1]) * sizeof *w->narrow);
    if (!w->z || (w->weight_h.operand == STOA_BF16 && !w->narrow))
        return STOA_ERR_MEMORY;
    start(w);
    stoa_parallel(ctx, x->shape[1], STOA_RECURRENT_ROWS, forward_range, w);
    return STOA_OK;
}

stoa_status stoa_cpu_lstm(stoa_ctx *ctx, stoa_node *node) {
    const stoa_tensor *x = node->in[0];
    if (!stoa_recurrent_types(node))
        return STOA_ERR_UNSUPPORTED;
    stoa_dtype operand = stoa_recurrent_operand(ctx, x);
    walk w = {.node = node, .h = node->out[1]->data, .c = node->out[2]->data};
    w.x = stoa_scratch_as(ctx, operand, x->data, x->dtype, stoa_numel(x));
    if (!w.x)
        return STOA_ERR_MEMORY;
    STOA_TRY(stoa_recurrent_prepare(ctx, &w.weight_x, node->in[1], true, operand));
    STOA_TRY(stoa_recurrent_prepare(ctx, &w.weight_h, node->in[2], true, operand));
    return run_forward(ctx, &w);
}

/* ---- backward -------------------------------------------------------------------------------- */

/* The cell that row r of step t began with. */
static const float *cell_before(const walk *w, int64_t t, int64_t r) {
    const stoa_tensor *c0 = w->node->in[5], *reset = w->node->in[6], *cells = w->node->save[1];
    int64_t batch = cells->shape[1], n = cells->shape[2], at = t * batch + r;
    if (reset && ((const uint8_t *)reset->data)[at])
        return w->zeroes;
    if (t > 0)
        return (const float *)cells->data + (at - batch) * n;
    return c0 ? (const float *)c0->data + r * n : w->zeroes;
}

STOA_INLINE void pass_backward(const walk *w, stoa_dtype dtype, stoa_dtype operand, int64_t t,
                               int64_t begin, int64_t end) {
    const stoa_tensor *y = w->node->out[0], *gates = w->node->save[0], *cells = w->node->save[1];
    int64_t n = y->shape[2];
    for (int64_t r = begin; r < end; r++) {
        int64_t at = t * y->shape[1] + r;
        const stoa_lstm_back row = {
            .n = n,
            .gates = stoa_at(gates->data, dtype, at * 4 * n),
            .c = (const float *)cells->data + at * n,
            .c_before = cell_before(w, t, r),
            .dy = w->dout.data ? stoa_at(w->dout.data, dtype, at * n) : NULL,
            .dh = w->dh + r * n,
            .dc = w->dc + r * n,
            .dz = stoa_at(w->dz, operand, at * 4 * n),
        };
        stoa_lstm_backward_row(&row, dtype, operand);
    }
}

static void backward_step(const walk *w, int64_t t, int64_t begin, int64_t end, int thread) {
    const stoa_tensor *reset = w->node->in[6], *y = w->node->out[0];
    int64_t n = y->shape[2];
    stoa_dtype operand = w->weight_h.operand;
    if (y->dtype == STOA_F32)
        pass_backward(w, STOA_F32, STOA_F32, t, begin, end);
    else if (operand == STOA_F32)
        pass_backward(w, STOA_BF16, STOA_F32, t, begin, end);
    else
        pass_backward(w, STOA_BF16, STOA_BF16, t, begin, end);
    const void *dz = stoa_at(w->dz, operand, (t * y->shape[1] + begin) * 4 * n);
    int64_t k = w->weight_x.n, at = (t * y->shape[1] + begin) * k;
    stoa_recurrent_multiply(&w->weight_h, dz, end - begin, w->dh + begin * n, false, false, thread);
    if (w->dx.data)
        stoa_recurrent_multiply(&w->weight_x, dz, end - begin, stoa_at(w->dx.data, operand, at),
                                true, w->dx.add, thread);
    forget(reset, t, begin, end, w->dh, STOA_F32, n);
    forget(reset, t, begin, end, w->dc, STOA_F32, n);
}

static void backward_range(void *arg, int64_t begin, int64_t end, int thread) {
    const walk *w = arg;
    for (int64_t at = begin; at < end; at += BLOCK)
        for (int64_t t = w->node->out[0]->shape[0] - 1; t >= 0; t--)
            backward_step(w, t, at, at + BLOCK < end ? at + BLOCK : end, thread);
}

/* Everything the walk back needs, in scratch. */
static stoa_status prepare_backward(stoa_ctx *ctx, stoa_node *node, stoa_dtype operand, walk *w) {
    int64_t rows = stoa_rows(node->out[0]), states = stoa_numel(node->out[1]);
    int64_t n = node->out[0]->shape[2];
    w->zeroes = stoa_scratch(ctx, (size_t)n * sizeof *w->zeroes);
    w->dz = stoa_scratch(ctx, (size_t)(rows * 4 * n) * stoa_dtype_size(operand));
    w->dh = stoa_scratch(ctx, (size_t)states * sizeof *w->dh);
    w->dc = stoa_scratch(ctx, (size_t)states * sizeof *w->dc);
    if (!w->zeroes || !w->dz || !w->dh || !w->dc)
        return STOA_ERR_MEMORY;
    memset(w->zeroes, 0, (size_t)n * sizeof *w->zeroes);
    memset(w->dh, 0, (size_t)states * sizeof *w->dh);
    memset(w->dc, 0, (size_t)states * sizeof *w->dc);
    stoa_recurrent_add(w->dh, stoa_grad_out(node, 1), 0, states);
    stoa_recurrent_add(w->dc, stoa_grad_out(node, 2), 0, states);
    STOA_TRY(stoa_recurrent_prepare(ctx, &w->weight_h, node->in[2], false, operand));
    return w->dx.data ? stoa_recurrent_prepare(ctx, &w->weight_x, node->in[1], false, operand)
                      : STOA_OK;
}

typedef struct split_job {
    const float *both; /* (4N, K + N) */
    int64_t k, n;
    stoa_grad_ref to_x, to_h;
} split_job;

/* Rows [begin, end) of 4N. */
static void split_range(void *arg, int64_t begin, int64_t end, int thread) {
    const split_job *j = arg;
    (void)thread;
    for (int64_t r = begin; r < end; r++) {
        const float *row = j->both + r * (j->k + j->n);
        if (j->to_x.data)
            stoa_row_grad(j->to_x.data, j->to_x.dtype, j->to_x.add, r * j->k, row, j->k);
        if (j->to_h.data)
            stoa_row_grad(j->to_h.data, j->to_h.dtype, j->to_h.add, r * j->n, row + j->k, j->n);
    }
}

/* Both weights' gradients and the bias's by one product: dz is rearranged once. */
static stoa_status weight_gradients(stoa_ctx *ctx, const walk *w, stoa_dtype operand,
                                    stoa_grad_ref to_x, stoa_grad_ref to_h, stoa_grad_ref to_bias) {
    const stoa_node *node = w->node;
    int64_t n = node->out[0]->shape[2], k = node->in[0]->shape[2];
    split_job split = {.k = k, .n = n, .to_x = to_x, .to_h = to_h};
    if (!to_x.data && !to_h.data && !to_bias.data)
        return STOA_OK;
    float *both = stoa_scratch(ctx, (size_t)(4 * n * (k + n)) * sizeof *both);
    if (!both)
        return STOA_ERR_MEMORY;
    const stoa_linear_job job = {.m = stoa_rows(node->save[2]),
                                 .n = 4 * n,
                                 .k = k + n,
                                 .x = node->save[2],
                                 .weight = node->in[1],
                                 .dy = w->dz,
                                 .y_dtype = operand,
                                 .dw = {.data = both, .dtype = STOA_F32},
                                 .db = to_bias};
    STOA_TRY(stoa_linear_backward(ctx, &job));
    split.both = both;
    stoa_parallel(ctx, 4 * n, stoa_grain_bytes((double)(4 * n * (k + n)) * 8, 4 * n), split_range,
                  &split);
    return STOA_OK;
}

stoa_status stoa_cpu_lstm_backward(stoa_ctx *ctx, stoa_node *node) {
    const stoa_tensor *x = node->in[0];
    int64_t n = node->out[0]->shape[2], states = stoa_numel(node->out[1]);
    stoa_dtype operand = stoa_recurrent_operand(ctx, x);
    walk w = {.node = node, .dout = stoa_grad_out(node, 0)};
    stoa_grad_ref to[6];
    for (int i = 0; i < 6; i++)
        to[i] = stoa_grad_take(node, i);
    if (to[0].data && to[0].dtype == operand)
        w.dx = to[0];
    STOA_TRY(prepare_backward(ctx, node, operand, &w));
    stoa_parallel(ctx, x->shape[1], STOA_RECURRENT_ROWS, backward_range, &w);
    if (to[0].data && !w.dx.data) { /* bf16 without tiles */
        const stoa_linear_job inputs = {.m = stoa_rows(x),
                                        .n = 4 * n,
                                        .k = x->shape[2],
                                        .x = x,
                                        .weight = node->in[1],
                                        .dy = w.dz,
                                        .y_dtype = operand,
                                        .dx = to[0]};
        STOA_TRY(stoa_linear_backward(ctx, &inputs));
    }
    STOA_TRY(weight_gradients(ctx, &w, operand, to[1], to[2], to[3]));
    if (to[4].data)
        stoa_row_grad(to[4].data, to[4].dtype, to[4].add, 0, w.dh, states);
    if (to[5].data)
        stoa_row_grad(to[5].data, to[5].dtype, to[5].add, 0, w.dc, states);
    return STOA_OK;
}
