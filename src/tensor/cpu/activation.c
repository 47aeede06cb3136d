/*
 * tensor/cpu/activation.c - GELU, SiLU and sigmoid: elementwise, but dear enough to count in a
 * transformer, so each is one loop from tensor to tensor in full vectors.
 */
#include "tensor/cpu/kernels.h"
#include "tensor/cpu/lanes_math.h"
#include "tensor/cpu/rows.h"

enum { GRAIN = 1 << 13 }; /* elements that make another thread worth its while */

/* ---- functions and slopes -------------------------------------------------------------------- */

/* Tanh form (Hendrycks and Gimpel 2016): 0.5 x (1 + tanh(u)) = x sigmoid(2u), where
 * u = sqrt(2/pi) (x + 0.044715 x^3). */
STOA_INLINE stoa_lanes gelu_2u(stoa_lanes x) {
    return x * (1.5957691216057308f + 0.07135481282670978f * x * x);
}

STOA_INLINE stoa_lanes gelu(stoa_lanes x) {
    return x * stoa_lanes_sigmoid(gelu_2u(x));
}

STOA_INLINE stoa_lanes gelu_slope(stoa_lanes x) {
    stoa_lanes s = stoa_lanes_sigmoid(gelu_2u(x));
    stoa_lanes slope_2u = 1.5957691216057308f + (3 * 0.07135481282670978f) * x * x;
    return s + x * s * (1.0f - s) * slope_2u;
}

/* The normal distribution function and, by the way, its density. Both share one exponential:
 * erfc(z) = erfcx(z) exp(-z^2), z = |x| / sqrt(2). */
STOA_INLINE stoa_lanes normal_below(stoa_lanes x, stoa_lanes *density) {
    stoa_lanes a = stoa_lanes_min(stoa_lanes_abs(x), 14.0f); // the tail there is below 1e-44
    stoa_lanes bell = stoa_lanes_exp_within(-0.5f * a * a);
    stoa_lanes tail = 0.5f * bell * stoa_lanes_erfcx(a * 0.7071067811865476f);
    *density = bell * 0.3989422804014327f;
    return stoa_lanes_by_sign(x, 1.0f - tail, tail);
}

STOA_INLINE stoa_lanes gelu_erf(stoa_lanes x) {
    stoa_lanes density;
    return x * normal_below(x, &density);
}

STOA_INLINE stoa_lanes gelu_erf_slope(stoa_lanes x) {
    stoa_lanes density, below = normal_below(x, &density);
    return below + x * density;
}

STOA_INLINE stoa_lanes silu(stoa_lanes x) {
    return x * stoa_lanes_sigmoid(x);
}

STOA_INLINE stoa_lanes silu_slope(stoa_lanes x) {
    stoa_lanes s = stoa_lanes_sigmoid(x);
    return s + x * s * (1.0f - s);
}

STOA_INLINE stoa_lanes sigmoid(stoa_lanes x) {
    return stoa_lanes_sigmoid(x);
}

/* From the result y. */
STOA_INLINE stoa_lanes sigmoid_slope(stoa_lanes y) {
    return y * (1.0f - y);
}

/* ---- loops ----------------------------------------------------------------------------------- */

/* In forward, in and out are x and y; in backward, in is what the slope is computed from, g the
 * gradient of y and out that of x. */
typedef struct job {
    const void *in, *g;
    void *out;
    stoa_dtype dtype;
    bool add;
} job;

/* For constant types: out = call(in), times g and added where said. */
#define LOOP(name, call)                                                                           \
    STOA_INLINE void name##_step(const job *j, stoa_dtype dtype, bool back, bool add, int64_t at,  \
                                 int64_t n) {                                                      \
        stoa_lanes y = call(stoa_lanes_get(j->in, dtype, at, n));                                  \
        if (back)                                                                                  \
            y = y * stoa_lanes_get(j->g, dtype, at, n);                                            \
        if (add)                                                                                   \
            y = y + stoa_lanes_get(j->out, dtype, at, n);                                          \
        stoa_lanes_put(j->out, dtype, at, n, y);                                                   \
    }                                                                                              \
    STOA_INLINE void name##_typed(job j, stoa_dtype dtype, bool back, bool add, int64_t begin,     \
                                  int64_t end) {                                                   \
        int64_t whole = end - (end - begin) % STOA_LANES;                                          \
        for (int64_t at = begin; at < whole; at += STOA_LANES)                                     \
            name##_step(&j, dtype, back, add, at, STOA_LANES);                                     \
        if (whole < end)                                                                           \
            name##_step(&j, dtype, back, add, whole, end - whole);                                 \
    }
#define FORWARD(name)                                                                              \
    LOOP(name, name)                                                                               \
    static void name##_range(void *arg, int64_t begin, int64_t end, int thread) {                  \
        (void)thread;                                                                              \
        const job *j = arg;                                                                        \
        if (j->dtype == STOA_F32)                                                                  \
            name##_typed(*j, STOA_F32, false, false, begin, end);                                  \
        else                                                                                       \
            name##_typed(*j, STOA_BF16, false, false, begin, end);                                 \
    }
#define BACKWARD(name)                                                                             \
    LOOP(name, name)                                                                               \
    static void name##_range(void *arg, int64_t begin, int64_t end, int thread) {                  \
        (void)thread;                                                                              \
        const job *j = arg;                                                                        \
        if (j->dtype == STOA_F32 && j->add)                                                        \
            name##_typed(*j, STOA_F32, true, true, begin, end);                                    \
        else if (j->dtype == STOA_F32)                                                             \
            name##_typed(*j, STOA_F32, true, false, begin, end);                                   \
        else if (j->add)                                                                           \
            name##_typed(*j, STOA_BF16, true, true, begin, end);                                   \
        else                                                                                       \
            name##_typed(*j, STOA_BF16, true, false, begin, end);                                  \
    }
FORWARD(gelu)
BACKWARD(gelu_slope)
FORWARD(gelu_erf)
BACKWARD(gelu_erf_slope)
FORWARD(silu)
BACKWARD(silu_slope)
FORWARD(sigmoid)
BACKWARD(sigmoid_slope)
#undef FORWARD
#undef BACKWARD
#undef LOOP

typedef struct activation_row {
    stoa_range_fn forward, backward;
    bool from_result; /* backward reads y, else x */
} activation_row;

static activation_row row_of(const stoa_node *node) {
    if (node->op == STOA_OP_SIGMOID)
        return (activation_row){sigmoid_range, sigmoid_slope_range, true};
    if (node->op == STOA_OP_SILU)
        return (activation_row){silu_range, silu_slope_range, false};
    if (node->p.gelu.exact)
        return (activation_row){gelu_erf_range, gelu_erf_slope_range, false};
    return (activation_row){gelu_range, gelu_slope_range, false};
}

stoa_status stoa_cpu_activation(stoa_ctx *ctx, stoa_node *node) {
    const stoa_tensor *x = node->in[0];
    if (!stoa_is_float(x->dtype))
        return STOA_ERR_UNSUPPORTED;
    job j = {.in = x->data, .out = node->out[0]->data, .dtype = x->dtype};
    stoa_parallel(ctx, stoa_numel(x), GRAIN, row_of(node).forward, &j);
    return STOA_OK;
}

stoa_status stoa_cpu_activation_backward(stoa_ctx *ctx, stoa_node *node) {
    activation_row row = row_of(node);
    const stoa_tensor *from = row.from_result ? node->out[0] : node->in[0];
    stoa_grad_ref dx = stoa_grad_take(node, 0);
    job j = {.in = from->data,
             .g = stoa_grad_out(node, 0).data,
             .out = dx.data,
             .dtype = from->dtype,
             .add = dx.add};
    stoa_parallel(ctx, stoa_numel(from), GRAIN, row.backward, &j);
    return STOA_OK;
}
