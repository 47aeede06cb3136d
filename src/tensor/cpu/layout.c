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

static const stoa_tensor *root(const stoa_tensor *t) {
    return t->view_of ? t->view_of : t;
}

static char *offset(void *base, stoa_dtype type, int64_t elements) {
    return base ? (char *)base + (size_t)elements * stoa_dtype_size(type) : NULL;
}

/* ---- concat ---------------------------------------------------------------------------------- */

/* One pass over the rows of the whole, each made of a piece of every part. */
typedef struct joint {
    stoa_dtype type;
    char *whole; /* (outer, stride) */
    struct {
        char *data; /* (outer, width); NULL: left out */
        int64_t start, width;
        bool add;
    } part[STOA_NODE_IN];
    int parts;
    int64_t stride;
    bool backward; /* whole to parts */
} joint;

static void join_piece(const joint *j, int p, int64_t row, int64_t from, int64_t to) {
    size_t size = stoa_dtype_size(j->type), bytes = (size_t)(to - from) * size;
    int64_t at = row * j->part[p].width + from - j->part[p].start;
    char *whole = j->whole + (size_t)(row * j->stride + from) * size;
    char *part = j->part[p].data + (size_t)at * size;
    if (!j->backward)
        memcpy(whole, part, bytes);
    else if (j->part[p].add)
        stoa_row_write(j->type, part, j->type, whole, to - from, true);
    else
        memcpy(part, whole, bytes);
}

static void join_range(void *arg, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const joint *j = arg;
    while (begin < end) {
        int64_t row = begin / j->stride, col = begin % j->stride;
        int64_t stop = col + end - begin < j->stride ? col + end - begin : j->stride;
        for (int p = 0; p < j->parts; p++) {
            int64_t from = j->part[p].start, to = from + j->part[p].width;
            from = from > col ? from : col, to = to < stop ? to : stop;
            if (from < to && j->part[p].data)
                join_piece(j, p, row, from, to);
        }
        begin += stop - col;
    }
}

/* Where the parts lie in the whole; their data are still to be filled in. */
static joint layout_of(const stoa_node *node) {
    int64_t inner = node->p.axis.inner, at = 0;
    joint j = {.type = node->out[0]->dtype, .stride = node->p.axis.length * inner};
    for (; j.parts < STOA_NODE_IN && node->in[j.parts]; j.parts++) {
        j.part[j.parts].start = at;
        j.part[j.parts].width = node->in[j.parts]->shape[node->p.axis.axis] * inner;
        at += j.part[j.parts].width;
    }
    return j;
}

stoa_status stoa_cpu_concat(stoa_ctx *ctx, stoa_node *node) {
    joint j = layout_of(node);
    j.whole = node->out[0]->data;
    for (int p = 0; p < j.parts; p++)
        j.part[p].data = node->in[p]->data;
    stoa_parallel(ctx, stoa_numel(node->out[0]), STOA_ROW_GRAIN, join_range, &j);
    return STOA_OK;
}

stoa_status stoa_cpu_concat_backward(stoa_ctx *ctx, stoa_node *node) {
    joint j = layout_of(node);
    j.backward = true;
    j.whole = stoa_grad_out(node, 0).data;
    bool same = false; // a part that comes twice: its gradients are added, so one after the other
    for (int p = 0; p < j.parts; p++)
        for (int q = 0; q < p; q++)
            same |= root(node->in[p]) == root(node->in[q]);
    joint all = j;
    for (int p = 0; p < j.parts; p++) {
        stoa_grad_ref in = stoa_grad_take(node, p);
        all.part[p].data = in.data, all.part[p].add = in.add;
        if (!same)
            continue;
        joint one = j;
        one.part[p].data = in.data, one.part[p].add = in.add;
        stoa_parallel(ctx, stoa_numel(node->out[0]), STOA_ROW_GRAIN, join_range, &one);
    }
    if (!same)
        stoa_parallel(ctx, stoa_numel(node->out[0]), STOA_ROW_GRAIN, join_range, &all);
    return STOA_OK;
}

/* ---- slice ----------------------------------------------------------------------------------- */

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

/* A tile in registers: 16 vectors of 16 words. Four rounds swap the off-diagonal halves of ever
 * smaller squares, so that word j of vector i becomes word i of vector j. */
typedef uint32_t words __attribute__((vector_size(64)));
typedef uint32_t words_anywhere __attribute__((vector_size(64), aligned(4), may_alias));
typedef uint16_t halves __attribute__((vector_size(32)));
typedef uint16_t halves_anywhere __attribute__((vector_size(32), aligned(2), may_alias));

#define TURN_ROUND(distance, low, high)                                                            \
    for (int i = 0; i < TILE; i++)                                                                 \
        if (!(i & distance)) {                                                                     \
            words a = r[i], b = r[i + distance];                                                   \
            r[i] = __builtin_shufflevector(a, b, low);                                             \
            r[i + distance] = __builtin_shufflevector(a, b, high);                                 \
        }
#define LANES_OF(...) __VA_ARGS__

STOA_INLINE void turn(words r[TILE]) {
    TURN_ROUND(8, LANES_OF(0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23),
               LANES_OF(8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31))
    TURN_ROUND(4, LANES_OF(0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27),
               LANES_OF(4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31))
    TURN_ROUND(2, LANES_OF(0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29),
               LANES_OF(2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31))
    TURN_ROUND(1, LANES_OF(0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30),
               LANES_OF(1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31))
}

static void turn_f32(uint32_t *dst, const uint32_t *src, int64_t dst_stride, int64_t src_stride) {
    words r[TILE];
    for (int i = 0; i < TILE; i++)
        r[i] = *(const words_anywhere *)(src + i * src_stride);
    turn(r);
    for (int i = 0; i < TILE; i++)
        *(words_anywhere *)(dst + i * dst_stride) = r[i];
}

static void turn_bf16(uint16_t *dst, const uint16_t *src, int64_t dst_stride, int64_t src_stride) {
    words r[TILE];
    for (int i = 0; i < TILE; i++)
        r[i] = __builtin_convertvector(*(const halves_anywhere *)(src + i * src_stride), words);
    turn(r);
    for (int i = 0; i < TILE; i++)
        *(halves_anywhere *)(dst + i * dst_stride) = __builtin_convertvector(r[i], halves);
}

/* A tile of any size and type: dst[j][i] = src[i][j]. */
static void turn_any(size_t size, char *dst, const char *src, int64_t rows, int64_t cols,
                     int64_t dst_stride, int64_t src_stride) {
    for (int64_t j = 0; j < cols; j++)
        for (int64_t i = 0; i < rows; i++)
            memcpy(dst + (size_t)(j * dst_stride + i) * size,
                   src + (size_t)(i * src_stride + j) * size, size);
}

static void turn_add(stoa_dtype type, void *dst, const void *src, int64_t rows, int64_t cols,
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
            bool whole = rows == TILE && cols == TILE && !s->add;
            if (whole && s->type == STOA_F32)
                turn_f32((uint32_t *)dst, (const uint32_t *)src, dst_stride, src_stride);
            else if (whole && s->type == STOA_BF16)
                turn_bf16((uint16_t *)dst, (const uint16_t *)src, dst_stride, src_stride);
            else if (s->add)
                turn_add(s->type, dst, src, rows, cols, dst_stride, src_stride);
            else
                turn_any(size, dst, src, rows, cols, dst_stride, src_stride);
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
