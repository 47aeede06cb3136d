/*
 * tensor/cpu/matmul.c - batched products of activations, and their gradients, which are such
 * products too. bfloat16 goes to the tiles, all else to oneDNN.
 */
#include <string.h>

#include "tensor/cpu/amx_matrix.h"
#include "tensor/cpu/grain.h"
#include "tensor/cpu/kernels.h"
#include "tensor/cpu/product.h"
#include "tensor/cpu/state.h"

/* A dense batch of matrices; turned: stored as the transpose. */
typedef struct operand {
    const void *data;
    bool turned;
} operand;

/* C (m, n) = scale * A (m, k) B (k, n), or C += it, `batch` times; all of one type. */
typedef struct product {
    int64_t batch, m, n, k;
    operand a, b;
    void *c;
    stoa_dtype dtype;
    bool add;
    float scale;
} product;

#if STOA_HAVE_AMX

typedef struct job {
    product p;
    int64_t steps;         /* of 32 inner elements */
    size_t a_room, b_room; /* elements of a packed A (0: read in place) and B */
    size_t scratch_bytes;  /* a thread, beside the packed operands */
    char *scratch;
    uint16_t *packed; /* (threads or 1, a_room + b_room) */
    int64_t at;       /* the matrix that all threads work on, when they share one */
} job;

static const uint16_t *matrix_at(const void *data, int64_t b, int64_t size) {
    return (const uint16_t *)data + b * size;
}

/* Panels [p0, p1) of an operand, rows or columns of 32. */
static void pack(const void *data, bool inner_first, stoa_amx_pack by_outer, stoa_amx_pack by_inner,
                 int64_t count, int64_t k, int64_t p0, int64_t p1, uint16_t *to) {
    int64_t steps = (k + STOA_AMX_STEP - 1) / STOA_AMX_STEP;
    stoa_amx_matrix m = {data, STOA_BF16, inner_first ? count : k, inner_first ? k : count,
                         inner_first ? count : k};
    for (int64_t p = p0; p < p1; p++)
        for (int64_t s = 0; s < steps; s++)
            (inner_first ? by_outer : by_inner)(&m, p, s, to + (p * steps + s) * STOA_AMX_BLOCK);
}

static void pack_a(const job *w, int64_t b, int64_t p0, int64_t p1, uint16_t *to) {
    pack(matrix_at(w->p.a.data, b, w->p.m * w->p.k), true, stoa_amx_tiles_outer,
         stoa_amx_tiles_inner, w->p.m, w->p.k, p0, p1, to);
}

static void pack_b(const job *w, int64_t b, int64_t p0, int64_t p1, uint16_t *to) {
    pack(matrix_at(w->p.b.data, b, w->p.k * w->p.n), !w->p.b.turned, stoa_amx_panels_outer,
         stoa_amx_panels_inner, w->p.n, w->p.k, p0, p1, to);
}

static stoa_amx_product tile_product(const job *w, int64_t b, const uint16_t *tiles,
                                     const uint16_t *panels) {
    const product *p = &w->p;
    return (stoa_amx_product){
        .m = p->m,
        .n = p->n,
        .k = p->k,
        .a = w->a_room ? NULL : matrix_at(p->a.data, b, p->m * p->k),
        .tiles = w->a_room ? tiles : NULL,
        .a_stride = p->k,
        .panels = panels,
        .c = (uint16_t *)p->c + b * p->m * p->n,
        .c_dtype = STOA_BF16,
        .c_stride = p->n,
        .add = p->add,
        .scale = p->scale,
    };
}

/* Whole matrices [begin, end), each on one thread. */
static void each(void *arg, int64_t begin, int64_t end, int thread) {
    const job *w = arg;
    uint16_t *tiles = w->packed + (size_t)thread * (w->a_room + w->b_room);
    uint16_t *panels = tiles + w->a_room;
    for (int64_t b = begin; b < end; b++) {
        if (w->a_room)
            pack_a(w, b, 0, (w->p.m + 31) / 32, tiles);
        pack_b(w, b, 0, (w->p.n + 31) / 32, panels);
        stoa_amx_product p = tile_product(w, b, tiles, panels);
        stoa_amx_multiply(&p, 0, p.m, 0, p.n, w->scratch + (size_t)thread * w->scratch_bytes);
    }
}

static void share_pack_a(void *arg, int64_t begin, int64_t end, int thread) {
    const job *w = arg;
    (void)thread;
    pack_a(w, w->at, begin, end, w->packed);
}

static void share_pack_b(void *arg, int64_t begin, int64_t end, int thread) {
    const job *w = arg;
    (void)thread;
    pack_b(w, w->at, begin, end, w->packed + w->a_room);
}

/* Rows [begin, end) of one matrix, in units of 32. */
static void share(void *arg, int64_t begin, int64_t end, int thread) {
    const job *w = arg;
    stoa_amx_product p = tile_product(w, w->at, w->packed, w->packed + w->a_room);
    int64_t last = end * 32 < p.m ? end * 32 : p.m;
    stoa_amx_multiply(&p, begin * 32, last, 0, p.n, w->scratch + (size_t)thread * w->scratch_bytes);
}

static stoa_status multiply_tiles(stoa_ctx *ctx, const product *p) {
    job w = {.p = *p};
    bool many = p->batch >= ctx->threads;
    w.a_room = p->a.turned ? stoa_amx_packed(p->m, p->k) : 0;
    w.b_room = stoa_amx_packed(p->n, p->k);
    stoa_amx_product shape = tile_product(&w, 0, NULL, NULL);
    w.scratch_bytes = stoa_amx_multiply_scratch(&shape);
    w.scratch = stoa_scratch(ctx, w.scratch_bytes * (size_t)ctx->threads);
    w.packed = stoa_scratch(ctx, (w.a_room + w.b_room) * sizeof *w.packed *
                                     (size_t)(many ? ctx->threads : 1));
    if (!w.scratch || !w.packed)
        return STOA_ERR_MEMORY;
    double flops = 2.0 * (double)(p->batch * p->m) * (double)(p->n * p->k);
    double us = flops / 1e6 + 2.0 * (double)(p->batch * p->k) * (double)p->n / 2e4;
    if (many) {
        stoa_parallel(ctx, p->batch, stoa_grain(us, p->batch), each, &w);
        return STOA_OK;
    }
    int64_t rows = (p->m + 31) / 32, columns = (p->n + 31) / 32;
    us /= (double)p->batch;
    for (w.at = 0; w.at < p->batch; w.at++) {
        if (w.a_room)
            stoa_parallel(ctx, rows, stoa_grain(us / 4, rows), share_pack_a, &w);
        stoa_parallel(ctx, columns, stoa_grain(us / 4, columns), share_pack_b, &w);
        stoa_parallel(ctx, rows, stoa_grain(us, rows), share, &w);
    }
    return STOA_OK;
}

#else

static stoa_status multiply_tiles(stoa_ctx *ctx, const product *p) {
    (void)ctx, (void)p;
    return STOA_ERR_UNSUPPORTED;
}

#endif

static stoa_status multiply(stoa_ctx *ctx, const product *p) {
    if (p->batch == 0 || p->m == 0 || p->n == 0)
        return STOA_OK;
    if (p->k == 0) {
        if (!p->add)
            memset(p->c, 0, (size_t)(p->batch * p->m * p->n) * stoa_dtype_size(p->dtype));
        return STOA_OK;
    }
    if (p->dtype == STOA_BF16 && stoa_cpu(ctx)->amx)
        return multiply_tiles(ctx, p);
    int64_t mk = p->m * p->k, kn = p->k * p->n;
    stoa_onednn_product general = {
        .batch = p->batch,
        .m = p->m,
        .n = p->n,
        .k = p->k,
        .a = stoa_operand(p->a.data, p->dtype, mk, p->a.turned ? 1 : p->k, p->a.turned ? p->m : 1),
        .b = stoa_operand(p->b.data, p->dtype, kn, p->b.turned ? 1 : p->n, p->b.turned ? p->k : 1),
        .c = stoa_operand(p->c, p->dtype, p->m * p->n, p->n, 1),
        .scale = p->scale,
        .add = p->add,
    };
    return stoa_product(ctx, &general);
}

static bool types_known(const stoa_node *node) {
    stoa_dtype t = node->in[0]->dtype;
    return (t == STOA_F32 || t == STOA_BF16) && node->in[1]->dtype == t && node->out[0]->dtype == t;
}

stoa_status stoa_cpu_matmul(stoa_ctx *ctx, stoa_node *node) {
    if (!types_known(node))
        return STOA_ERR_UNSUPPORTED;
    product p = {
        .batch = node->p.matmul.batch,
        .m = node->p.matmul.m,
        .n = node->p.matmul.n,
        .k = node->p.matmul.k,
        .a = {node->in[0]->data, node->p.matmul.transpose_a},
        .b = {node->in[1]->data, node->p.matmul.transpose_b},
        .c = node->out[0]->data,
        .dtype = node->out[0]->dtype,
        .scale = (float)node->p.matmul.alpha,
    };
    return multiply(ctx, &p);
}

/* With op(a) (m, k), op(b) (k, n) and dc (m, n): d op(a) = dc op(b)^T, d op(b) = op(a)^T dc; the
 * gradient of a transpose is the transposed product. */
stoa_status stoa_cpu_matmul_backward(stoa_ctx *ctx, stoa_node *node) {
    if (!types_known(node))
        return STOA_ERR_UNSUPPORTED;
    int64_t m = node->p.matmul.m, n = node->p.matmul.n, k = node->p.matmul.k;
    bool ta = node->p.matmul.transpose_a, tb = node->p.matmul.transpose_b;
    const void *dc = stoa_grad_out(node, 0).data;
    operand a = {node->in[0]->data, ta}, b = {node->in[1]->data, tb};
    product base = {.batch = node->p.matmul.batch,
                    .dtype = node->out[0]->dtype,
                    .scale = (float)node->p.matmul.alpha};
    stoa_grad_ref da = stoa_grad_take(node, 0);
    if (da.data) {
        product p = base;
        p.m = ta ? k : m, p.n = ta ? m : k, p.k = n;
        p.a = ta ? b : (operand){dc, false};
        p.b = ta ? (operand){dc, true} : (operand){b.data, !tb};
        p.c = da.data;
        p.add = da.add;
        STOA_TRY(multiply(ctx, &p));
    }
    stoa_grad_ref db = stoa_grad_take(node, 1);
    if (!db.data)
        return STOA_OK;
    product p = base;
    p.m = tb ? n : k, p.n = tb ? k : n, p.k = m;
    p.a = tb ? (operand){dc, true} : (operand){a.data, !ta};
    p.b = tb ? a : (operand){dc, false};
    p.c = db.data;
    p.add = db.add;
    return multiply(ctx, &p);
}
