/*
 * tensor/cpu/binary.c - add, sub, mul, div, maximum, minimum with numpy broadcasting.
 *
 * Neighbouring dimensions that broadcast alike are merged, so that equal shapes become one long
 * row, a bias becomes rows with a repeated row, and a column becomes rows with one value each. A
 * row is worked through in tiles of float32. The gradient of a broadcast input is summed in a
 * buffer of that input's size per thread (partial.h).
 */
#include "tensor/cpu/kernels.h"
#include "tensor/cpu/partial.h"
#include "tensor/cpu/rows.h"

enum { GRAIN = 1 << 15 }; /* elements that make another thread worth its while */

/* ---- the arithmetic -------------------------------------------------------------------------- */

/* a and b, or their slopes by a and by b times the gradient g; n elements. */
typedef void (*tile_fn)(float *restrict out, const float *restrict g, const float *restrict a,
                        const float *restrict b, int64_t n);

#define TILE(name, expression)                                                                     \
    static void name(float *restrict out, const float *restrict g, const float *restrict a,        \
                     const float *restrict b, int64_t n) {                                         \
        (void)g, (void)a, (void)b;                                                                 \
        _Pragma("omp simd") for (int64_t i = 0; i < n; i++) out[i] = (expression);                 \
    }
TILE(add_tile, a[i] + b[i])
TILE(slope_of_add, g[i])
TILE(sub_tile, a[i] - b[i])
TILE(slope_of_sub_b, -g[i])
TILE(mul_tile, a[i] * b[i])
TILE(slope_of_mul_a, g[i] * b[i])
TILE(slope_of_mul_b, g[i] * a[i])
TILE(div_tile, a[i] / b[i])
TILE(slope_of_div_a, g[i] / b[i])
TILE(slope_of_div_b, -g[i] * a[i] / (b[i] * b[i]))
TILE(maximum_tile, a[i] >= b[i] || a[i] != a[i] ? a[i] : b[i])
TILE(slope_of_maximum_a, a[i] >= b[i] ? g[i] : 0.0f)
TILE(slope_of_maximum_b, a[i] >= b[i] ? 0.0f : g[i])
TILE(minimum_tile, a[i] <= b[i] || a[i] != a[i] ? a[i] : b[i])
TILE(slope_of_minimum_a, a[i] <= b[i] ? g[i] : 0.0f)
TILE(slope_of_minimum_b, a[i] <= b[i] ? 0.0f : g[i])
#undef TILE

typedef struct binary_row {
    tile_fn forward, slope_a, slope_b;
    bool slope_reads; /* the slopes need a and b */
} binary_row;

static const binary_row rows[] = {
    [STOA_OP_ADD] = {add_tile, slope_of_add, slope_of_add, false},
    [STOA_OP_SUB] = {sub_tile, slope_of_add, slope_of_sub_b, false},
    [STOA_OP_MUL] = {mul_tile, slope_of_mul_a, slope_of_mul_b, true},
    [STOA_OP_DIV] = {div_tile, slope_of_div_a, slope_of_div_b, true},
    [STOA_OP_MAXIMUM] = {maximum_tile, slope_of_maximum_a, slope_of_maximum_b, true},
    [STOA_OP_MINIMUM] = {minimum_tile, slope_of_minimum_a, slope_of_minimum_b, true},
};

/* ---- broadcasting ---------------------------------------------------------------------------- */

/* The merged shape, last dimension apart: outer[...] x inner. Strides are 0 where an input is
 * repeated; of the inner dimension they are 0 or 1. */
typedef struct layout {
    int outer_dims;
    int64_t outer[STOA_MAX_DIMS], stride[2][STOA_MAX_DIMS];
    int64_t inner, inner_stride[2];
    int64_t numel;
} layout;

static layout layout_of(const stoa_tensor *out, const stoa_tensor *const in[2]) {
    int64_t size[STOA_MAX_DIMS + 1], stride[2][STOA_MAX_DIMS + 1], step[2] = {1, 1};
    int n = 0; // dimensions so far, innermost first
    for (int d = 1; d <= out->ndim; d++) {
        int64_t length = out->shape[out->ndim - d], s[2];
        for (int k = 0; k < 2; k++) {
            int64_t own = d <= in[k]->ndim ? in[k]->shape[in[k]->ndim - d] : 1;
            s[k] = own == 1 ? 0 : step[k];
            step[k] *= own;
        }
        if (length == 1)
            continue;
        bool merges = n > 0 && s[0] == stride[0][n - 1] * size[n - 1] &&
                      s[1] == stride[1][n - 1] * size[n - 1];
        if (merges) {
            size[n - 1] *= length;
        } else {
            size[n] = length, stride[0][n] = s[0], stride[1][n] = s[1];
            n++;
        }
    }
    layout l = {.inner = 1, .inner_stride = {1, 1}, .numel = stoa_numel(out)};
    if (n > 0)
        l.inner = size[0], l.inner_stride[0] = stride[0][0], l.inner_stride[1] = stride[1][0];
    l.outer_dims = n > 1 ? n - 1 : 0;
    for (int d = 0; d < l.outer_dims; d++) {
        l.outer[d] = size[d + 1]; // innermost first
        for (int k = 0; k < 2; k++)
            l.stride[k][d] = stride[k][d + 1];
    }
    return l;
}

/* A walk over [begin, end) of the output, a row's tile at a time. */
typedef struct cursor {
    const layout *l;
    int64_t at, end;
    int64_t column;               /* in the row */
    int64_t index[STOA_MAX_DIMS]; /* of the row */
    int64_t base[2];              /* where the row begins in each input */
    int64_t n;                    /* elements of the tile */
} cursor;

static void set_tile(cursor *c) {
    int64_t left = c->end - c->at, in_row = c->l->inner - c->column;
    c->n = left < in_row ? left : in_row;
    if (c->n > STOA_TILE)
        c->n = STOA_TILE;
}

static cursor cursor_at(const layout *l, int64_t begin, int64_t end) {
    cursor c = {.l = l, .at = begin, .end = end, .column = begin % l->inner};
    int64_t row = begin / l->inner;
    for (int d = 0; d < l->outer_dims; d++) {
        c.index[d] = row % l->outer[d];
        row /= l->outer[d];
        for (int k = 0; k < 2; k++)
            c.base[k] += c.index[d] * l->stride[k][d];
    }
    set_tile(&c);
    return c;
}

static void advance(cursor *c) {
    const layout *l = c->l;
    c->at += c->n;
    c->column += c->n;
    if (c->column == l->inner) {
        c->column = 0;
        for (int d = 0; d < l->outer_dims; d++) {
            c->base[0] += l->stride[0][d];
            c->base[1] += l->stride[1][d];
            if (++c->index[d] < l->outer[d])
                break;
            c->index[d] = 0;
            c->base[0] -= l->outer[d] * l->stride[0][d];
            c->base[1] -= l->outer[d] * l->stride[1][d];
        }
    }
    set_tile(c);
}

/* The tile's values of input k. */
static const float *operand(const cursor *c, int k, const stoa_tensor *t, float *buffer) {
    if (c->l->inner_stride[k])
        return stoa_row_view(buffer, t->data, t->dtype, c->base[k] + c->column, c->n);
    float value = stoa_elem_get(t->data, t->dtype, c->base[k]);
    for (int64_t i = 0; i < c->n; i++)
        buffer[i] = value;
    return buffer;
}

/* ---- forward --------------------------------------------------------------------------------- */

typedef struct job {
    layout l;
    const binary_row *row;
    const stoa_tensor *in[2], *out, *rounded; /* the result again in another type, or NULL */
    stoa_grad_ref g, grad[2];
    bool repeated[2]; /* the gradient is a sum, kept in sums */
    stoa_partials sums[2];
} job;

static void forward_range(void *arg, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const job *j = arg;
    _Alignas(64) float a[STOA_TILE], b[STOA_TILE], y[STOA_TILE];
    for (cursor c = cursor_at(&j->l, begin, end); c.at < end; advance(&c)) {
        const float *pa = operand(&c, 0, j->in[0], a), *pb = operand(&c, 1, j->in[1], b);
        bool direct = j->out->dtype == STOA_F32;
        float *to = direct ? (float *)j->out->data + c.at : y;
        j->row->forward(to, NULL, pa, pb, c.n);
        if (!direct)
            stoa_row_put(j->out->data, j->out->dtype, c.at, to, c.n);
        if (j->rounded)
            stoa_row_put(j->rounded->data, j->rounded->dtype, c.at, to, c.n);
    }
}

static bool supported(const stoa_node *node) {
    return stoa_is_float(node->in[0]->dtype) && stoa_is_float(node->in[1]->dtype);
}

stoa_status stoa_cpu_binary(stoa_ctx *ctx, stoa_node *node) {
    if (!supported(node))
        return STOA_ERR_UNSUPPORTED;
    job j = {.row = &rows[node->op], .in = {node->in[0], node->in[1]}, .out = node->out[0]};
    j.rounded = node->out[1];
    j.l = layout_of(j.out, j.in);
    stoa_parallel(ctx, j.l.numel, GRAIN, forward_range, &j);
    return STOA_OK;
}

/* ---- backward -------------------------------------------------------------------------------- */

/* Gives the tile's slope for input k to that input's gradient. */
static void contribute(const job *j, const cursor *c, int k, const float *slope, int thread) {
    const stoa_grad_ref *to = &j->grad[k];
    if (!j->repeated[k]) {
        stoa_row_grad(to->data, to->dtype, to->add, c->at, slope, c->n);
        return;
    }
    float *sum = stoa_partials_of(&j->sums[k], thread) + c->base[k];
    if (j->l.inner_stride[k]) {
        sum += c->column;
#pragma omp simd
        for (int64_t i = 0; i < c->n; i++)
            sum[i] += slope[i];
    } else {
        *sum += stoa_row_sum(slope, c->n);
    }
}

static void backward_range(void *arg, int64_t begin, int64_t end, int thread) {
    const job *j = arg;
    const tile_fn slopes[2] = {j->row->slope_a, j->row->slope_b};
    _Alignas(64) float g[STOA_TILE], a[STOA_TILE], b[STOA_TILE], slope[STOA_TILE];
    for (cursor c = cursor_at(&j->l, begin, end); c.at < end; advance(&c)) {
        const float *pg = stoa_row_view(g, j->g.data, j->g.dtype, c.at, c.n), *pa = a, *pb = b;
        if (j->row->slope_reads)
            pa = operand(&c, 0, j->in[0], a), pb = operand(&c, 1, j->in[1], b);
        for (int k = 1; k >= 0; k--) {
            if (!j->grad[k].data)
                continue;
            const float *d = slope;
            if (slopes[k] == slope_of_add)
                d = pg;
            else
                slopes[k](slope, pg, pa, pb, c.n);
            contribute(j, &c, k, d, thread);
        }
    }
}

stoa_status stoa_cpu_binary_backward(stoa_ctx *ctx, stoa_node *node) {
    job j = {.row = &rows[node->op], .in = {node->in[0], node->in[1]}, .out = node->out[0]};
    j.l = layout_of(j.out, j.in);
    j.g = stoa_grad_out(node, 0);
    j.grad[1] = stoa_grad_take(node, 1);
    // a sum's gradient is its first term's: the buffer itself changes hands once all have read it
    bool passes = node->op == STOA_OP_ADD && stoa_grad_may_pass(node, 0, 0);
    if (!passes)
        j.grad[0] = stoa_grad_take(node, 0);
    for (int k = 0; k < 2; k++) {
        j.repeated[k] = stoa_numel(j.in[k]) != j.l.numel;
        if (j.grad[k].data && j.repeated[k])
            STOA_TRY(stoa_partials_init(ctx, &j.sums[k], stoa_numel(j.in[k])));
    }
    if (j.grad[0].data || j.grad[1].data)
        stoa_parallel(ctx, j.l.numel, GRAIN, backward_range, &j);
    for (int k = 0; k < 2; k++)
        if (j.grad[k].data && j.repeated[k])
            stoa_partials_write(ctx, &j.sums[k], j.grad[k]);
    if (passes)
        stoa_grad_pass(node, 0, 0);
    return STOA_OK;
}
