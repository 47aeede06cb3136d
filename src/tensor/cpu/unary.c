/*
 * tensor/cpu/unary.c - elementwise operations of one input, forward and backward; activation.c has
 * those that networks spend time in.
 *
 * A row of the table is two loops over float32 tiles; bf16 tensors pass through tiles on the stack.
 * Backward reads the input or the result, whichever makes the slope cheaper.
 */
#include "tensor/cpu/kernels.h"
#include "tensor/cpu/rows.h"

enum { GRAIN = 1 << 15 }; /* elements that make another thread worth its while */

/* Constants of the operation, as the loops want them. */
typedef struct constants {
    float a, b;
} constants;

/* y from x. */
typedef void (*forward_fn)(float *restrict y, const float *restrict x, constants k, int64_t n);
/* dx from the gradient g and v, which is x or y. */
typedef void (*backward_fn)(float *restrict dx, const float *restrict g, const float *restrict v,
                            constants k, int64_t n);

#define FORWARD(name, expression)                                                                  \
    static void name(float *restrict out, const float *restrict in, constants k, int64_t n) {      \
        (void)k;                                                                                   \
        _Pragma("omp simd") for (int64_t i = 0; i < n; i++) {                                      \
            float x = in[i];                                                                       \
            out[i] = (expression);                                                                 \
        }                                                                                          \
    }
/* The expression is the slope; v is called x or y by what it is. */
#define BACKWARD(name, v, expression)                                                              \
    static void name(float *restrict out, const float *restrict g, const float *restrict in,       \
                     constants k, int64_t n) {                                                     \
        (void)k;                                                                                   \
        _Pragma("omp simd") for (int64_t i = 0; i < n; i++) {                                      \
            float v = in[i];                                                                       \
            (void)v;                                                                               \
            out[i] = g[i] * (expression);                                                          \
        }                                                                                          \
    }

/* ---- the functions --------------------------------------------------------------------------- */

STOA_INLINE float clamped(float x, constants k) {
    float y = x < k.a ? k.a : x;
    return y > k.b ? k.b : y;
}

FORWARD(affine, k.a *x + k.b)
BACKWARD(affine_back, x, k.a)
FORWARD(clamp, clamped(x, k))
BACKWARD(clamp_back, x, x >= k.a && x <= k.b ? 1.0f : 0.0f)
FORWARD(relu, x > 0.0f || x != x ? x : 0.0f)
BACKWARD(relu_back, y, y > 0.0f ? 1.0f : 0.0f)
FORWARD(hyperbolic, stoa_vtanh(x))
BACKWARD(hyperbolic_back, y, 1.0f - y * y)
FORWARD(softplus, stoa_vsoftplus(x))
BACKWARD(softplus_back, x, stoa_vsigmoid(x))
FORWARD(exponential, stoa_vexp(x))
BACKWARD(exponential_back, y, y)
FORWARD(logarithm, stoa_vlog(x))
BACKWARD(logarithm_back, x, 1.0f / x)
FORWARD(root, sqrtf(x))
BACKWARD(root_back, y, 0.5f / y)
FORWARD(square, x *x)
BACKWARD(square_back, x, 2.0f * x)
#undef FORWARD
#undef BACKWARD

typedef struct unary_row {
    forward_fn forward;
    backward_fn backward;
    bool from_result; /* backward reads y, else x */
} unary_row;

static const unary_row rows[] = {
    [STOA_OP_AFFINE] = {affine, affine_back, false},
    [STOA_OP_CLAMP] = {clamp, clamp_back, false},
    [STOA_OP_RELU] = {relu, relu_back, true},
    [STOA_OP_TANH] = {hyperbolic, hyperbolic_back, true},
    [STOA_OP_SOFTPLUS] = {softplus, softplus_back, false},
    [STOA_OP_EXP] = {exponential, exponential_back, true},
    [STOA_OP_LOG] = {logarithm, logarithm_back, false},
    [STOA_OP_SQRT] = {root, root_back, true},
    [STOA_OP_SQUARE] = {square, square_back, false},
};

/* ---- the passes ------------------------------------------------------------------------------ */

typedef struct job {
    const unary_row *row;
    constants k;
    const void *in; /* what backward reads, in backward */
    void *out;
    stoa_dtype dtype;
    stoa_grad_ref g, dx;
} job;

static job job_of(const stoa_node *node) {
    job j = {.row = &rows[node->op], .dtype = node->in[0]->dtype};
    if (node->op == STOA_OP_AFFINE)
        j.k = (constants){(float)node->p.affine.scale, (float)node->p.affine.shift};
    if (node->op == STOA_OP_CLAMP)
        j.k = (constants){(float)node->p.clamp.least, (float)node->p.clamp.most};
    return j;
}

static void forward_range(void *arg, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const job *j = arg;
    if (j->dtype == STOA_F32) {
        j->row->forward((float *)j->out + begin, (const float *)j->in + begin, j->k, end - begin);
        return;
    }
    _Alignas(64) float x[STOA_TILE], y[STOA_TILE];
    for (int64_t at = begin; at < end; at += STOA_TILE) {
        int64_t n = end - at < STOA_TILE ? end - at : STOA_TILE;
        stoa_bf16_to_f32_row(x, (const uint16_t *)j->in + at, n);
        j->row->forward(y, x, j->k, n);
        stoa_f32_to_bf16_row((uint16_t *)j->out + at, y, n);
    }
}

stoa_status stoa_cpu_unary(stoa_ctx *ctx, stoa_node *node) {
    job j = job_of(node);
    if (!stoa_is_float(j.dtype))
        return STOA_ERR_UNSUPPORTED;
    j.in = node->in[0]->data, j.out = node->out[0]->data;
    stoa_parallel(ctx, stoa_numel(node->out[0]), GRAIN, forward_range, &j);
    return STOA_OK;
}

static void backward_range(void *arg, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const job *j = arg;
    _Alignas(64) float v[STOA_TILE], g[STOA_TILE], dx[STOA_TILE];
    for (int64_t at = begin; at < end; at += STOA_TILE) {
        int64_t n = end - at < STOA_TILE ? end - at : STOA_TILE;
        const float *pv = stoa_row_view(v, j->in, j->dtype, at, n);
        const float *pg = stoa_row_view(g, j->g.data, j->dtype, at, n);
        if (j->dtype == STOA_F32 && !j->dx.add) {
            j->row->backward((float *)j->dx.data + at, pg, pv, j->k, n);
        } else {
            j->row->backward(dx, pg, pv, j->k, n);
            stoa_row_grad(j->dx.data, j->dtype, j->dx.add, at, dx, n);
        }
    }
}

stoa_status stoa_cpu_unary_backward(stoa_ctx *ctx, stoa_node *node) {
    job j = job_of(node);
    j.in = j.row->from_result ? node->out[0]->data : node->in[0]->data;
    j.g = stoa_grad_out(node, 0), j.dx = stoa_grad_take(node, 0);
    stoa_parallel(ctx, stoa_numel(node->out[0]), GRAIN, backward_range, &j);
    return STOA_OK;
}
