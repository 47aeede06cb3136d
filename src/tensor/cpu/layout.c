/*
 * tensor/cpu/layout.c - concat, slice, transpose: values move, nothing is computed. Forward moves
 * any type by size; backward moves or adds floats.
 */
#include "tensor/cpu/kernels.h"
#include "tensor/cpu/rows.h"

/* ---- blocks with strides --------------------------------------------------------------------- */

/* (rows, width) elements of one type between two places with row strides. */
typedef struct block {
    stoa_dtype type;
    char *dst;
    const char *src; /* NULL: zeroes */
    int64_t rows, width, dst_stride, src_stride;
    bool add;
} block;

static void move_range(void *arg, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const block *m = arg;
    int64_t size = (int64_t)stoa_dtype_size(m->type);
    for (int64_t i = begin, n; i < end; i += n) {
        int64_t row = i / m->width, col = i % m->width;
        n = m->width - col < end - i ? m->width - col : end - i;
        char *dst = m->dst + (row * m->dst_stride + col) * size;
        const char *src = m->src ? m->src + (row * m->src_stride + col) * size : NULL;
        if (!src)
            memset(dst, 0, (size_t)(n * size));
        else if (m->add)
            stoa_row_write(m->type, dst, m->type, src, n, true);
        else
            memcpy(dst, src, (size_t)(n * size));
    }
}

static void move(stoa_ctx *ctx, block m) {
    if (!m.src && m.add) // adding nothing
        return;
    stoa_parallel(ctx, m.rows * m.width, STOA_ROW_GRAIN, move_range, &m);
}

static char *offset(void *base, stoa_dtype type, int64_t elements) {
    return base ? (char *)base + (size_t)elements * stoa_dtype_size(type) : NULL;
}

stoa_status stoa_cpu_concat(stoa_ctx *ctx, stoa_node *node) {
    stoa_dtype type = node->out[0]->dtype;
    int64_t inner = node->p.axis.inner, stride = node->p.axis.length * inner, at = 0;
    for (int i = 0; i < STOA_NODE_IN && node->in[i]; i++) {
        int64_t width = node->in[i]->shape[node->p.axis.axis] * inner;
        move(ctx, (block){.type = type,
                          .dst = offset(node->out[0]->data, type, at),
                          .src = node->in[i]->data,
                          .rows = node->p.axis.outer,
                          .width = width,
                          .dst_stride = stride,
                          .src_stride = width});
        at += width;
    }
    return STOA_OK;
}

stoa_status stoa_cpu_concat_backward(stoa_ctx *ctx, stoa_node *node) {
    stoa_grad_ref out = stoa_grad_out(node, 0);
    int64_t inner = node->p.axis.inner, stride = node->p.axis.length * inner, at = 0;
    for (int i = 0; i < STOA_NODE_IN && node->in[i]; i++) {
        int64_t width = node->in[i]->shape[node->p.axis.axis] * inner;
        stoa_grad_ref in = stoa_grad_take(node, i);
        if (in.data)
            move(ctx, (block){.type = in.dtype,
                              .dst = in.data,
                              .src = offset(out.data, in.dtype, at),
                              .rows = node->p.axis.outer,
                              .width = width,
                              .dst_stride = width,
                              .src_stride = stride,
                              .add = in.add});
        at += width;
    }
    return STOA_OK;
}

stoa_status stoa_cpu_slice(stoa_ctx *ctx, stoa_node *node) {
    stoa_dtype type = node->in[0]->dtype;
    int64_t inner = node->p.axis.inner;
    int64_t width = node->out[0]->shape[node->p.axis.axis] * inner;
    move(ctx, (block){.type = type,
                      .dst = node->out[0]->data,
                      .src = offset(node->in[0]->data, type, node->p.axis.begin * inner),
                      .rows = node->p.axis.outer,
                      .width = width,
                      .dst_stride = width,
                      .src_stride = node->p.axis.length * inner});
    return STOA_OK;
}

stoa_status stoa_cpu_slice_backward(stoa_ctx *ctx, stoa_node *node) {
    stoa_grad_ref out = stoa_grad_out(node, 0), in = stoa_grad_take(node, 0);
    if (!in.data)
        return STOA_OK;
    int64_t inner = node->p.axis.inner, stride = node->p.axis.length * inner;
    int64_t width = node->out[0]->shape[node->p.axis.axis] * inner;
    int64_t before = node->p.axis.begin * inner, after = stride - before - width;
    block m = {.type = in.dtype, .rows = node->p.axis.outer, .dst_stride = stride, .add = in.add};
    m.dst = in.data, m.width = before;
    move(ctx, m);
    m.dst = offset(in.data, in.dtype, before + width), m.width = after;
    move(ctx, m);
    m.dst = offset(in.data, in.dtype, before), m.width = width;
    m.src = out.data, m.src_stride = width;
    move(ctx, m);
    return STOA_OK;
}

/* ---- transpose ------------------------------------------------------------------------------- */

/* src (outer, a, mid, b, inner) -> dst (outer, b, mid, a, inner) */
typedef struct swap {
    stoa_dtype type;
    char *dst;
    const char *src;
    int64_t a, mid, b, inner;
    bool add;
} swap;

/* Axes before the last: rows of `inner` elements move whole. A unit is one (outer, b). */
static void swap_rows(void *arg, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const swap *s = arg;
    size_t size = stoa_dtype_size(s->type), bytes = (size_t)s->inner * size;
    for (int64_t unit = begin; unit < end; unit++) {
        int64_t o = unit / s->b, ib = unit % s->b;
        char *dst = s->dst + (size_t)(unit * s->mid * s->a) * bytes;
        for (int64_t m = 0; m < s->mid; m++)
            for (int64_t ia = 0; ia < s->a; ia++, dst += bytes) {
                const char *src =
                    s->src + (size_t)(((o * s->a + ia) * s->mid + m) * s->b + ib) * bytes;
                if (s->add)
                    stoa_row_write(s->type, dst, s->type, src, s->inner, true);
                else
                    memcpy(dst, src, bytes);
            }
    }
}

enum { TILE = 16 };

/* One tile of a matrix: dst[j][i] = src[i][j]. Element sizes are constant when inlined. */
#define DEFINE_TILE(name, type)                                                                    \
    static void name(void *dst_, const void *src_, int64_t rows, int64_t cols, int64_t dst_stride, \
                     int64_t src_stride) {                                                         \
        type *dst = dst_;                                                                          \
        const type *src = src_;                                                                    \
        for (int64_t j = 0; j < cols; j++)                                                         \
            for (int64_t i = 0; i < rows; i++)                                                     \
                dst[j * dst_stride + i] = src[i * src_stride + j];                                 \
    }
DEFINE_TILE(tile8, uint64_t)
DEFINE_TILE(tile4, uint32_t)
DEFINE_TILE(tile2, uint16_t)
DEFINE_TILE(tile1, uint8_t)

static void tile_add(stoa_dtype type, void *dst, const void *src, int64_t rows, int64_t cols,
                     int64_t dst_stride, int64_t src_stride) {
    for (int64_t j = 0; j < cols; j++)
        for (int64_t i = 0; i < rows; i++)
            stoa_elem_put(dst, type, j * dst_stride + i,
                          stoa_elem_get(dst, type, j * dst_stride + i) +
                              stoa_elem_get(src, type, i * src_stride + j));
}

/* The last axis takes part: tiles. A unit is TILE columns b of one (outer, mid). */
static void swap_tiles(void *arg, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const swap *s = arg;
    size_t size = stoa_dtype_size(s->type);
    int64_t tiles = (s->b + TILE - 1) / TILE, src_stride = s->mid * s->b,
            dst_stride = s->mid * s->a;
    for (int64_t unit = begin; unit < end; unit++) {
        int64_t j = unit % tiles * TILE, m = unit / tiles % s->mid, o = unit / tiles / s->mid;
        int64_t cols = s->b - j < TILE ? s->b - j : TILE;
        for (int64_t i = 0; i < s->a; i += TILE) {
            int64_t rows = s->a - i < TILE ? s->a - i : TILE;
            const char *src = s->src + (size_t)(((o * s->a + i) * s->mid + m) * s->b + j) * size;
            char *dst = s->dst + (size_t)(((o * s->b + j) * s->mid + m) * s->a + i) * size;
            if (s->add)
                tile_add(s->type, dst, src, rows, cols, dst_stride, src_stride);
            else if (size == 4)
                tile4(dst, src, rows, cols, dst_stride, src_stride);
            else if (size == 2)
                tile2(dst, src, rows, cols, dst_stride, src_stride);
            else if (size == 8)
                tile8(dst, src, rows, cols, dst_stride, src_stride);
            else
                tile1(dst, src, rows, cols, dst_stride, src_stride);
        }
    }
}

static void transpose(stoa_ctx *ctx, int64_t outer, swap s) {
    if (s.inner > 1)
        stoa_parallel(ctx, outer * s.b, stoa_row_grain(s.mid * s.a * s.inner), swap_rows, &s);
    else if (s.inner == 1 && s.a > 0)
        stoa_parallel(ctx, outer * s.mid * ((s.b + TILE - 1) / TILE), stoa_row_grain(TILE * s.a),
                      swap_tiles, &s);
}

/* Fills a, mid, b, inner from x's shape and the node's axes; returns outer. */
static int64_t split(const stoa_node *node, swap *s) {
    const int64_t *shape = node->in[0]->shape;
    int a = node->p.transpose.axis_a, b = node->p.transpose.axis_b, i = 0;
    int64_t outer = 1;
    s->a = shape[a], s->b = shape[b], s->mid = s->inner = 1;
    for (; i < a; i++)
        outer *= shape[i];
    for (i = a + 1; i < b; i++)
        s->mid *= shape[i];
    for (i = b + 1; i < node->in[0]->ndim; i++)
        s->inner *= shape[i];
    return outer;
}

stoa_status stoa_cpu_transpose(stoa_ctx *ctx, stoa_node *node) {
    swap s = {.type = node->in[0]->dtype, .dst = node->out[0]->data, .src = node->in[0]->data};
    int64_t outer = split(node, &s);
    transpose(ctx, outer, s);
    return STOA_OK;
}

stoa_status stoa_cpu_transpose_backward(stoa_ctx *ctx, stoa_node *node) {
    stoa_grad_ref out = stoa_grad_out(node, 0), in = stoa_grad_take(node, 0);
    if (!in.data || !out.data)
        return STOA_OK;
    swap s = {.type = in.dtype, .dst = in.data, .src = out.data, .add = in.add};
    int64_t outer = split(node, &s), a = s.a;
    s.a = s.b, s.b = a;
    transpose(ctx, outer, s);
    return STOA_OK;
}
