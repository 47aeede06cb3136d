/*
 * stoa/tensor.h - tensors, operations on a tape, backends.
 *
 * Eager: an operation computes at once through the context's backend and, when a gradient is
 * wanted, stays on the tape as a node; stoa_backward walks the tape. Tensors, nodes and gradients
 * live in the context's arena until stoa_ctx_reset, so a step that repeats its shapes allocates
 * nothing.
 *
 * Letters: B batch, T time or positions, S sequence, C capacity (or channels, where said), D head
 * width, H heads, G key/value heads, K and N inner and outer widths of a matrix, V vocabulary.
 *
 * Shapes are the program's own: a mismatch is a broken contract and asserts. What can fail at run
 * time (memory, an operation the backend lacks) is kept in the context: the operation still returns
 * a tensor of the right shape, later operations do nothing, and stoa_ctx_status tells at the end of
 * the step. So model code reads as mathematics, without an error check per line.
 */
#ifndef STOA_TENSOR_H
#define STOA_TENSOR_H

#include "stoa/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- tensors --------------------------------------------------------------------------------- */

typedef enum stoa_dtype {
    STOA_F32,
    STOA_BF16, /* upper half of a float32; matmul operands and activations */
    STOA_F64,  /* the reference backend's */
    STOA_I32,
    STOA_U8,
    STOA_DTYPE_COUNT
} stoa_dtype;

STOA_API size_t stoa_dtype_size(stoa_dtype dtype);
STOA_API const char *stoa_dtype_name(stoa_dtype dtype); /* "f32", "bf16", ... */

enum { STOA_MAX_DIMS = 6 };

/* Dense, row-major, 64-byte aligned. Fields are read freely; only stoa_* functions write them.
 * `data` is not to be dereferenced on the meta backend. */
typedef struct stoa_tensor {
    stoa_dtype dtype;
    int ndim;
    int64_t shape[STOA_MAX_DIMS];
    void *data;
    void *grad;                  /* same shape; dtype f32 for f32, bf16 for bf16 */
    bool requires_grad;          /* a gradient is to flow into it */
    bool grad_written;           /* grad holds a value: further contributions add to it */
    bool is_param;               /* outlives the step; grad is preallocated by its owner */
    bool keep_grad;              /* stoa_keep_grad was asked for */
    struct stoa_tensor *view_of; /* a reshape: gradients go to the root */
    struct stoa_packed *packed;  /* backend's rearranged copies of a parameter (owned by backend) */
    stoa_arena **packed_home; /* where they lie: made on first use, freed by the parameter's owner
                                 after them; NULL: in memory of their own */
    uint64_t version;         /* of a parameter's values: bump after changing them in place */
} stoa_tensor;

STOA_API int64_t stoa_numel(const stoa_tensor *t);
STOA_API size_t stoa_nbytes(const stoa_tensor *t);
/* One element as a double, of any type, by flat index. Host backends only; for small tensors. */
STOA_API double stoa_get(const stoa_tensor *t, int64_t i);
STOA_API void stoa_set(stoa_tensor *t, int64_t i, double value);
STOA_API int64_t stoa_rows(const stoa_tensor *t); /* product of all dimensions but the last */
STOA_API int64_t stoa_cols(const stoa_tensor *t); /* last dimension (1 for a scalar, ndim 0) */
/* A tensor around memory of the caller's (f32 parameter, input buffer). Not on any arena. */
STOA_API stoa_tensor stoa_tensor_wrap(stoa_dtype dtype, int ndim, const int64_t *shape, void *data);
/* Frees a parameter's `packed`: for its owner, before the parameter goes. */
STOA_API void stoa_packed_free(stoa_tensor *param);

/* ---- contexts and backends ------------------------------------------------------------------- */

typedef struct stoa_backend stoa_backend;

/* The machine's processors: oneDNN for matrix products, own loops for the rest. */
STOA_API const stoa_backend *stoa_backend_cpu(void);
/* Computes nothing; shapes, FLOPs and bytes only. Plans are model code run on this. */
STOA_API const stoa_backend *stoa_backend_meta(void);
/* Plain double-precision loops, forward only: what the others are tested against. All tensors F64
 * (indices I32). */
STOA_API const stoa_backend *stoa_backend_ref(void);
/* By name ("cpu", "meta", "ref"; "cuda" where built in), or NULL. */
STOA_API const stoa_backend *stoa_backend_find(const char *name);
STOA_API const char *stoa_backend_name(const stoa_backend *backend);

/* What the cpu backend found: whether this process may use bf16 matrix tiles (AMX), and the matrix
 * library with its version, "oneDNN 2.6.3". */
STOA_API bool stoa_cpu_has_tiles(void);
STOA_API const char *stoa_cpu_library(void);

typedef struct stoa_ctx stoa_ctx;

/* pool: borrowed, may be NULL (one thread). arena_bytes: first block of the step arena (0: small).
 */
STOA_API stoa_ctx *stoa_ctx_new(const stoa_backend *backend, stoa_pool *pool, size_t arena_bytes);
STOA_API void stoa_ctx_free(stoa_ctx *ctx);
STOA_API stoa_pool *stoa_ctx_pool(const stoa_ctx *ctx); /* borrowed; may be NULL */
/* Forgets the tape and gives the arena back: the end of a step. Clears a failure. */
STOA_API void stoa_ctx_reset(stoa_ctx *ctx);
/* STOA_OK, or the first failure since the last reset. */
STOA_API stoa_status stoa_ctx_status(const stoa_ctx *ctx, stoa_error *err);

/* False on meta: there is no data behind the tensors. */
STOA_API bool stoa_ctx_computes(const stoa_ctx *ctx);

/* Recording for gradients; off at first. */
STOA_API void stoa_ctx_set_grad(stoa_ctx *ctx, bool on);
STOA_API bool stoa_ctx_grad(const stoa_ctx *ctx);
/* Dropout active (training) or not; off at first. */
STOA_API void stoa_ctx_set_training(stoa_ctx *ctx, bool on);
STOA_API bool stoa_ctx_training(const stoa_ctx *ctx);
/* Type of activations and matmul operands: STOA_F32 (the reference mode) or STOA_BF16; on the ref
 * backend STOA_F64. */
STOA_API void stoa_ctx_set_compute(stoa_ctx *ctx, stoa_dtype dtype);
STOA_API stoa_dtype stoa_ctx_compute(const stoa_ctx *ctx);
/* Type of states that stay in full precision (residual stream, scores, losses): F32; F64 on ref. */
STOA_API stoa_dtype stoa_ctx_full(const stoa_ctx *ctx);
/* Random operations (dropout) draw from (seed, step, number of the op in the step). */
STOA_API void stoa_ctx_set_seed(stoa_ctx *ctx, uint64_t seed, uint64_t step);

typedef struct stoa_ctx_stats {
    double flops;          /* of matrix products since the last reset, multiply-add = 2; attention
                              counted without causal halving (the field's convention) */
    double backward_flops; /* same, of the backward pass */
    size_t arena_used, arena_peak;
    int64_t nodes;
} stoa_ctx_stats;
STOA_API stoa_ctx_stats stoa_ctx_statistics(const stoa_ctx *ctx);
/* FLOPs by op kind since the last reset; flops[STOA_OP_COUNT]. */
STOA_API const double *stoa_ctx_flops_by_op(const stoa_ctx *ctx);

/* New tensor in the arena, contents undefined / zero / copied from host memory of the same layout.
 */
STOA_API stoa_tensor *stoa_new(stoa_ctx *ctx, stoa_dtype dtype, int ndim, const int64_t *shape);
STOA_API stoa_tensor *stoa_zeros(stoa_ctx *ctx, stoa_dtype dtype, int ndim, const int64_t *shape);
STOA_API stoa_tensor *stoa_from(stoa_ctx *ctx, stoa_dtype dtype, int ndim, const int64_t *shape,
                                const void *host);
/* Full-precision draws from N(0, 1) by (seed, step, number of the op in the step); constant. */
STOA_API stoa_tensor *stoa_normal(stoa_ctx *ctx, int ndim, const int64_t *shape);
/* Shape literal: STOA_SHAPE(B, T, C) expands to `3, (const int64_t[]){B, T, C}`. */
#define STOA_NARGS_(a, b, c, d, e, f, n, ...) n
#define STOA_SHAPE(...)                                                                            \
    STOA_NARGS_(__VA_ARGS__, 6, 5, 4, 3, 2, 1, 0), (const int64_t[]) {                             \
        __VA_ARGS__                                                                                \
    }

/* Runs the tape backwards from a scalar loss (any number of elements when seed_grad is given, of
 * the loss's shape and type). Gradients reach every tensor with requires_grad; a parameter's adds
 * to what it holds when grad_written, else overwrites. Activations' gradients are recycled as soon
 * as they were used: read one only if kept with stoa_keep_grad before. */
STOA_API void stoa_backward(stoa_ctx *ctx, stoa_tensor *loss, const stoa_tensor *seed_grad);
STOA_API void stoa_keep_grad(stoa_ctx *ctx, stoa_tensor *t);

/* ---- operations ------------------------------------------------------------------------------ */

/* ORDER OP: op_table.c, the backends' kernel tables and tests/tensor/op_cases.c follow this list.
 */
/* clang-format off */
#define STOA_OPS(X) \
    /* elementwise with broadcasting */ \
    X(ADD, add) X(SUB, sub) X(MUL, mul) X(DIV, div) X(MAXIMUM, maximum) X(MINIMUM, minimum) \
    /* elementwise */ \
    X(AFFINE, affine) X(CLAMP, clamp) X(RELU, relu) X(GELU, gelu) X(SILU, silu) X(TANH, tanh) \
    X(SIGMOID, sigmoid) X(SOFTPLUS, softplus) X(EXP, exp) X(LOG, log) X(SQRT, sqrt) \
    X(SQUARE, square) X(SWIGLU, swiglu) X(DROPOUT, dropout) X(CAST, cast) \
    X(STOP_GRADIENT, stop_gradient) \
    /* reductions */ \
    X(SUM, sum) X(MEAN, mean) X(MAX, max) X(ARGMAX, argmax) \
    /* softmax and losses */ \
    X(SOFTMAX, softmax) X(LOG_SOFTMAX, log_softmax) X(CROSS_ENTROPY, cross_entropy) \
    X(BINARY_CROSS_ENTROPY, binary_cross_entropy) X(SQUARED_ERROR, squared_error) \
    /* norms */ \
    X(LAYER_NORM, layer_norm) X(RMS_NORM, rms_norm) X(RESIDUAL_NORM, residual_norm) \
    X(BATCH_NORM, batch_norm) X(L2_NORMALIZE, l2_normalize) \
    /* shape and index */ \
    X(EMBEDDING, embedding) X(EMBEDDING_SUM, embedding_sum) X(PICK, pick) \
    X(GATHER_ROWS, gather_rows) X(SCATTER_ROWS, scatter_rows) X(TOP_K, top_k) X(ROUTE_CHOICE, route_choice) \
    X(CONCAT, concat) X(SLICE, slice) X(TRANSPOSE, transpose) \
    /* matrix products */ \
    X(LINEAR, linear) X(MATMUL, matmul) X(CONV2D, conv2d) X(MAX_POOL, max_pool) \
    X(AVG_POOL, avg_pool) X(CONV_NORM_POOL, conv_norm_pool) \
    /* sequence */ \
    X(ATTENTION, attention) X(ATTENTION_CACHED, attention_cached) \
    X(ATTENTION_RING, attention_ring) X(LSTM, lstm) X(GRU, gru)
/* clang-format on */

typedef enum stoa_op {
#define STOA_OP_ENUM(upper, lower) STOA_OP_##upper,
    STOA_OPS(STOA_OP_ENUM)
#undef STOA_OP_ENUM
        STOA_OP_COUNT
} stoa_op;

STOA_API const char *stoa_op_name(stoa_op op);
/* Timing of kernels by kind, summed since it was last switched on; off at first. */
STOA_API void stoa_ctx_set_profile(stoa_ctx *ctx, bool on);
STOA_API double stoa_ctx_seconds(const stoa_ctx *ctx, stoa_op op, bool backward);
/* Whether a backend has the op forward / backward. */
STOA_API bool stoa_backend_supports(const stoa_backend *backend, stoa_op op, bool backward);

/* Elementwise, numpy broadcasting (shapes aligned at the right; 1 stretches). Result type: that of
 * a; b may be of another float type. */
STOA_API stoa_tensor *stoa_add(stoa_ctx *ctx, stoa_tensor *a, stoa_tensor *b);
/* The same in one pass with *rounded, the sum in another float type; no gradient goes through it.
 */
STOA_API stoa_tensor *stoa_add_rounded(stoa_ctx *ctx, stoa_tensor *a, stoa_tensor *b,
                                       stoa_dtype dtype, stoa_tensor **rounded);
STOA_API stoa_tensor *stoa_sub(stoa_ctx *ctx, stoa_tensor *a, stoa_tensor *b);
STOA_API stoa_tensor *stoa_mul(stoa_ctx *ctx, stoa_tensor *a, stoa_tensor *b);
STOA_API stoa_tensor *stoa_div(stoa_ctx *ctx, stoa_tensor *a, stoa_tensor *b);
STOA_API stoa_tensor *stoa_maximum(stoa_ctx *ctx, stoa_tensor *a, stoa_tensor *b); /* ties: to a */
STOA_API stoa_tensor *stoa_minimum(stoa_ctx *ctx, stoa_tensor *a, stoa_tensor *b); /* ties: to a */

STOA_API stoa_tensor *stoa_affine(stoa_ctx *ctx, stoa_tensor *x, double scale, double shift);
/* Gradient 1 inside [least, most], 0 outside. */
STOA_API stoa_tensor *stoa_clamp(stoa_ctx *ctx, stoa_tensor *x, double least, double most);
STOA_API stoa_tensor *stoa_relu(stoa_ctx *ctx, stoa_tensor *x);
STOA_API stoa_tensor *stoa_gelu(stoa_ctx *ctx, stoa_tensor *x,
                                bool exact); /* erf, else tanh form */
STOA_API stoa_tensor *stoa_silu(stoa_ctx *ctx, stoa_tensor *x);
STOA_API stoa_tensor *stoa_tanh(stoa_ctx *ctx, stoa_tensor *x);
STOA_API stoa_tensor *stoa_sigmoid(stoa_ctx *ctx, stoa_tensor *x);
STOA_API stoa_tensor *stoa_softplus(stoa_ctx *ctx, stoa_tensor *x);
STOA_API stoa_tensor *stoa_exp(stoa_ctx *ctx, stoa_tensor *x);
STOA_API stoa_tensor *stoa_log(stoa_ctx *ctx, stoa_tensor *x);
STOA_API stoa_tensor *stoa_sqrt(stoa_ctx *ctx, stoa_tensor *x);
STOA_API stoa_tensor *stoa_square(stoa_ctx *ctx, stoa_tensor *x);
/* silu(gate) * up of x = gate|up in its last dimension: (..., 2N) -> (..., N). */
STOA_API stoa_tensor *stoa_swiglu(stoa_ctx *ctx, stoa_tensor *x);
/* Zeroes with probability p and scales the rest by 1/(1-p) while training; else x itself. */
STOA_API stoa_tensor *stoa_dropout(stoa_ctx *ctx, stoa_tensor *x, double p);
STOA_API stoa_tensor *stoa_cast(stoa_ctx *ctx, stoa_tensor *x, stoa_dtype dtype);
/* scale x as another type, in one pass: pixels as numbers of one size. */
STOA_API stoa_tensor *stoa_cast_scaled(stoa_ctx *ctx, stoa_tensor *x, stoa_dtype dtype,
                                       double scale);
/* The same values, no gradient. */
STOA_API stoa_tensor *stoa_stop_gradient(stoa_ctx *ctx, stoa_tensor *x);

/* Over one axis (negative counts from the end), or over everything with STOA_ALL. The axis is
 * dropped. Result f32 for sums of bf16. argmax: I32, lowest index on ties. */
enum { STOA_ALL = -1000 };
STOA_API stoa_tensor *stoa_sum(stoa_ctx *ctx, stoa_tensor *x, int axis);
STOA_API stoa_tensor *stoa_mean(stoa_ctx *ctx, stoa_tensor *x, int axis);
STOA_API stoa_tensor *stoa_max(stoa_ctx *ctx, stoa_tensor *x, int axis);
STOA_API stoa_tensor *stoa_argmax(stoa_ctx *ctx, stoa_tensor *x, int axis);

/* Over the last dimension. Results in full precision. */
STOA_API stoa_tensor *stoa_softmax(stoa_ctx *ctx, stoa_tensor *x);
STOA_API stoa_tensor *stoa_log_softmax(stoa_ctx *ctx, stoa_tensor *x);
/* Softmax cross-entropy, one value a row in nats (full precision, shape of targets).
 * logits (..., V), targets (...) I32; a negative target gives 0 and no gradient. */
STOA_API stoa_tensor *stoa_cross_entropy(stoa_ctx *ctx, stoa_tensor *logits, stoa_tensor *targets);
/* Elementwise with logits x and targets y in [0, 1] (no gradient to y); full precision. */
STOA_API stoa_tensor *stoa_binary_cross_entropy(stoa_ctx *ctx, stoa_tensor *x, stoa_tensor *y);
/* Elementwise (a - b)^2 / 2 of equal shapes. */
STOA_API stoa_tensor *stoa_squared_error(stoa_ctx *ctx, stoa_tensor *a, stoa_tensor *b);

/* Over the last dimension N; weight, bias (N) parameters, bias may be NULL. out: result type
 * (statistics always in f32). */
STOA_API stoa_tensor *stoa_layer_norm(stoa_ctx *ctx, stoa_tensor *x, stoa_tensor *weight,
                                      stoa_tensor *bias, double eps, stoa_dtype out);
STOA_API stoa_tensor *stoa_rms_norm(stoa_ctx *ctx, stoa_tensor *x, stoa_tensor *weight, double eps,
                                    stoa_dtype out);
/* sum = x + delta; returns norm(sum), the kind chosen by `layer` (else RMS, bias NULL). One pass.
 * x (..., N) full precision, delta (..., N) any float type; *sum has x's type. */
STOA_API stoa_tensor *stoa_residual_norm(stoa_ctx *ctx, stoa_tensor *x, stoa_tensor *delta,
                                         stoa_tensor *weight, stoa_tensor *bias, bool layer,
                                         double eps, stoa_dtype out, stoa_tensor **sum);
/* x (B, C, H, W) channels first, or (B, C). Training: batch statistics (biased variance), and
 * running = decay * running + (1 - decay) * batch; else running statistics. All (C), f32. */
STOA_API stoa_tensor *stoa_batch_norm(stoa_ctx *ctx, stoa_tensor *x, stoa_tensor *weight,
                                      stoa_tensor *bias, stoa_tensor *running_mean,
                                      stoa_tensor *running_var, double decay, double eps);
/* x / max(|x|_2, eps) over the last dimension. */
STOA_API stoa_tensor *stoa_l2_normalize(stoa_ctx *ctx, stoa_tensor *x, double eps);

/* table (V, N) parameter, ids (...) I32 in [0, V) -> (..., N) of type out. */
STOA_API stoa_tensor *stoa_embedding(stoa_ctx *ctx, stoa_tensor *table, stoa_tensor *ids,
                                     stoa_dtype out);
/* A linear layer on E one-hot vectors of V elements side by side: table (E * V, N) parameter, base
 * (R, N) or a parameter (N), ids (R, E) U8 or I32 in [0, V)
 * -> base[r] + sum over e of table[e * V + ids[r, e]], (R, N) of type out. */
STOA_API stoa_tensor *stoa_embedding_sum(stoa_ctx *ctx, stoa_tensor *table, stoa_tensor *ids,
                                         stoa_tensor *base, stoa_dtype out);
/* x (..., V), index (...) I32 -> x[..., index]: the log-probability of an action. */
STOA_API stoa_tensor *stoa_pick(stoa_ctx *ctx, stoa_tensor *x, stoa_tensor *index);
/* x (B, S, N), index (B, C) I32 in [0, S) or -1 -> (B, C, N); a row of zeros for -1. Index must not
 * repeat within a batch row. */
STOA_API stoa_tensor *stoa_gather_rows(stoa_ctx *ctx, stoa_tensor *x, stoa_tensor *index);
/* x (B, S, N), index (B, C), src (B, C, N) float, gate (B, S) or NULL (then 1):
 * out = x; out[b, index[b,c]] += gate[b, index[b,c]] * src[b, c]. Index as above, -1 is skipped. */
STOA_API stoa_tensor *stoa_scatter_rows(stoa_ctx *ctx, stoa_tensor *x, stoa_tensor *index,
                                        stoa_tensor *src, stoa_tensor *gate);
/* The same in x's own memory, touching the named rows alone; gate (B, C) or NULL belongs to the
 * rows of src. The result is x with its new values, and its gradient is x's. Only where nothing
 * computed from x so far reads x again: gathered or cast copies are safe, a product is not, since
 * its weight's gradient needs x. */
STOA_API stoa_tensor *stoa_scatter_rows_into(stoa_ctx *ctx, stoa_tensor *x, stoa_tensor *index,
                                             stoa_tensor *src, stoa_tensor *gate);
/* scores (B, S) -> (B, k) I32: the positions of the k largest in each row, ascending; ties at the
 * threshold go to the lowest position; NaN counts as lowest. No gradient. Exactly k <= S. */
STOA_API stoa_tensor *stoa_top_k(stoa_ctx *ctx, stoa_tensor *scores, int64_t k);
/* scores (B, S, E): each token goes to its best expert e < keep (E - keep further columns are
 * no-ops; ties to the lowest e); each expert takes at most `capacity` of its tokens, first come
 * first served in sequence order (causal). -> (B, keep, capacity) I32 positions, ascending, padded
 * -1. */
STOA_API stoa_tensor *stoa_route_choice(stoa_ctx *ctx, stoa_tensor *scores, int64_t keep,
                                        int64_t capacity);
/* Along axis; all other dimensions equal. n >= 1 tensors of one type (at most 6). */
STOA_API stoa_tensor *stoa_concat(stoa_ctx *ctx, stoa_tensor *const *parts, int n, int axis);
STOA_API stoa_tensor *stoa_slice(stoa_ctx *ctx, stoa_tensor *x, int axis, int64_t begin,
                                 int64_t end);
/* Swaps two axes (copies). */
STOA_API stoa_tensor *stoa_transpose(stoa_ctx *ctx, stoa_tensor *x, int axis_a, int axis_b);
/* A view: same data, new shape of equal size. Not an op. */
STOA_API stoa_tensor *stoa_reshape(stoa_ctx *ctx, stoa_tensor *x, int ndim, const int64_t *shape);

/* y = x W^T + b: x (..., K), weight (N, K) f32 parameter, bias (N) or NULL -> (..., N) of type out.
 * Runs in bf16 with f32 accumulation when x is bf16, else in f32. */
STOA_API stoa_tensor *stoa_linear(stoa_ctx *ctx, stoa_tensor *x, stoa_tensor *weight,
                                  stoa_tensor *bias, stoa_dtype out);
/* Batched product of activations: a (..., M, K) or its transpose, b (..., K, N) or its transpose,
 * equal leading dimensions, times alpha -> (..., M, N). Types of a and b equal; result that type.
 */
STOA_API stoa_tensor *stoa_matmul(stoa_ctx *ctx, stoa_tensor *a, bool transpose_a, stoa_tensor *b,
                                  bool transpose_b, double alpha);
/* x (B, C, H, W), weight (O, C, R, S) parameter, bias (O) or NULL; zero padding top/left and
 * bottom/right given apart so that SAME of any framework can be had. */
typedef struct stoa_conv_options {
    int stride, pad_top, pad_left, pad_bottom, pad_right;
} stoa_conv_options;
STOA_API stoa_tensor *stoa_conv2d(stoa_ctx *ctx, stoa_tensor *x, stoa_tensor *weight,
                                  stoa_tensor *bias, stoa_conv_options options);
/* Windows of size x size; padding counts as -inf (max) or is excluded (avg). */
STOA_API stoa_tensor *stoa_max_pool(stoa_ctx *ctx, stoa_tensor *x, int size,
                                    stoa_conv_options options);
STOA_API stoa_tensor *stoa_avg_pool(stoa_ctx *ctx, stoa_tensor *x, int size,
                                    stoa_conv_options options);
/* max_pool(relu(batch_norm(conv2d(x)))) without ever holding what lies between: the first layers of
 * an image network, whose planes are its largest. x gets no gradient. Norm as in stoa_batch_norm:
 * scale, shift, running_mean, running_var (O). O is a multiple of 16; a window of the convolution
 * has at most 64 numbers. */
typedef struct stoa_conv_norm_pool_options {
    stoa_conv_options conv, pool;
    int size; /* of the pool's window, at most 15 */
    double decay, eps;
} stoa_conv_norm_pool_options;
STOA_API stoa_tensor *stoa_conv_norm_pool(stoa_ctx *ctx, stoa_tensor *x, stoa_tensor *weight,
                                          stoa_tensor *scale, stoa_tensor *shift,
                                          stoa_tensor *running_mean, stoa_tensor *running_var,
                                          const stoa_conv_norm_pool_options *options);

/* softmax(scale * q k^T + mask) v per head; query head j reads key/value head j / (H / G).
 * q, k and v are columns of wider tensors, so that one fused projection serves them:
 * q_src (B, Tq, *), k_src and v_src (B, Tk, *), each row holding heads side by side from its
 * *_column on; the three may be the same tensor. Output (B, Tq, H*D) of q_src's type.
 * RoPE: half-split pairs, angle = position * base^(-2i/D), applied to q and k inside; positions
 * (B, T) I32 or NULL for 0..T-1. key_lengths (B) I32 or NULL: keys at or beyond are masked. A query
 * with no visible key gives zeros. */
typedef struct stoa_attention_options {
    int heads, kv_heads, head_width;
    int64_t q_column, k_column, v_column;
    bool causal;              /* query i sees keys 0..i (Tq == Tk) */
    double scale;             /* 0: 1 / sqrt(D) */
    double rope_base;         /* 0: no rotation */
    stoa_tensor *q_positions; /* (B, Tq) I32, or NULL */
    stoa_tensor *k_positions; /* (B, Tk) I32, or NULL */
    stoa_tensor *key_lengths; /* (B) I32, or NULL */
} stoa_attention_options;
STOA_API stoa_tensor *stoa_attention(stoa_ctx *ctx, stoa_tensor *q_src, stoa_tensor *k_src,
                                     stoa_tensor *v_src, const stoa_attention_options *options);

/* Keys and values of past tokens of one block, append-only and ragged: each sequence holds its own
 * count. Memory is reserved for `capacity` tokens a sequence and touched as it fills. */
typedef struct stoa_kv_cache {
    stoa_dtype dtype;
    int64_t batch, capacity, width; /* width = G * D */
    void *keys, *values;            /* (batch, capacity, width), keys after RoPE */
    int32_t *lengths;               /* (batch) */
} stoa_kv_cache;
STOA_API stoa_status stoa_kv_cache_init(stoa_kv_cache *cache, stoa_dtype dtype, int64_t batch,
                                        int64_t capacity, int64_t width, stoa_error *err);
STOA_API void stoa_kv_cache_deinit(stoa_kv_cache *cache);
/* For n new tokens qkv (n, (H + 2G) * D), in order: rotates by position (n) I32, appends key and
 * value to sequence (n) I32's cache, then attends to everything that sequence holds so far.
 * -> (n, H*D). Rows of one sequence must be in order of position. No gradient. */
STOA_API stoa_tensor *stoa_attention_cached(stoa_ctx *ctx, stoa_tensor *qkv, stoa_tensor *sequence,
                                            stoa_tensor *position, stoa_kv_cache *cache, int heads,
                                            int kv_heads, int head_width, double rope_base);

/* Keys and values of the last P tokens of each sequence of one block, where all sequences move on
 * together, a token at a time, and a new token takes the place of the oldest. */
typedef struct stoa_kv_ring {
    stoa_dtype dtype;
    int64_t batch, slots; /* B, P */
    int heads, head_width;
    void *keys, *values; /* (B, H, P + 1, D); the slot behind the P is for the token at hand */
    uint8_t *taken;      /* (B, P): 1 where the slot's token can be seen */
} stoa_kv_ring;
STOA_API stoa_status stoa_kv_ring_init(stoa_kv_ring *ring, stoa_dtype dtype, int64_t batch,
                                       int64_t slots, int heads, int head_width, stoa_error *err);
STOA_API void stoa_kv_ring_deinit(stoa_kv_ring *ring);
/* Sequences [first, first + count); borrows the memory. */
STOA_API stoa_kv_ring stoa_kv_ring_part(const stoa_kv_ring *ring, int64_t first, int64_t count);
/* Every slot anew, from kv (B, P, 2 * H*D) of the ring's type, keys then values, oldest token
 * first: that goes to slot place (B) I32. taken (B, P) U8 in the same order, or NULL: all can be
 * seen. */
STOA_API void stoa_kv_ring_fill(stoa_ctx *ctx, const stoa_kv_ring *ring, const stoa_tensor *kv,
                                const stoa_tensor *place, const stoa_tensor *taken);
/* One token of every sequence: q (B, H*D), kv (B, 2 * H*D). Token b attends to itself and to those
 * of the last held[b] tokens that can be seen, with table[d, h] of table (P + 1, H) added to scores
 * of keys d tokens back, then takes slot place[b]; place (B) I32 in [0, P), held (B) I32 in [0, P].
 * takes (B) U8 or NULL: where it is 0 the token attends to nothing (gives zeros) and cannot be seen
 * later. In bf16, scores and weights are rounded to it, as results of stoa_matmul are. -> (B, H*D).
 * No gradient. */
STOA_API stoa_tensor *stoa_attention_ring(stoa_ctx *ctx, stoa_tensor *q, stoa_tensor *kv,
                                          stoa_tensor *table, stoa_tensor *place, stoa_tensor *held,
                                          stoa_tensor *takes, const stoa_kv_ring *ring);

/* One layer over time. x (T, B, K); weight_x (4N, K), weight_h (4N, N), bias (4N), gates in the
 * order input, forget, cell, output; h0, c0 (B, N) or NULL (zeros); reset (T, B) U8 or NULL: state
 * is zeroed before a step where it is 1. Returns h (T, B, N); *h_last, *c_last (B, N). */
STOA_API stoa_tensor *stoa_lstm(stoa_ctx *ctx, stoa_tensor *x, stoa_tensor *weight_x,
                                stoa_tensor *weight_h, stoa_tensor *bias, stoa_tensor *h0,
                                stoa_tensor *c0, stoa_tensor *reset, stoa_tensor **h_last,
                                stoa_tensor **c_last);
/* What a layer's steps leave for the backward pass, in memory of the caller's, so that steps walked
 * one at a time without gradients can be learned from together without walking them again. Rows are
 * those of (T, B); K and N as in stoa_lstm. cpu backend. */
typedef struct stoa_lstm_trace {
    stoa_dtype dtype; /* of x, y and the operands */
    void *y;          /* (T, B, N) */
    void *gates;      /* (T, B, 4N) as wide as dtype, in the backend's own form */
    float *cells;     /* (T, B, N) */
    void *operands;   /* (T, B, K + N) */
    int64_t known; /* steps that an earlier call has filled: their results are taken as they are */
} stoa_lstm_trace;
/* stoa_lstm whose results and whatever backward needs lie in the trace; trace NULL: as stoa_lstm.
 * With `known` steps, x, weights, h0, c0 and reset must be those that filled it. */
STOA_API stoa_tensor *stoa_lstm_traced(stoa_ctx *ctx, stoa_tensor *x, stoa_tensor *weight_x,
                                       stoa_tensor *weight_h, stoa_tensor *bias, stoa_tensor *h0,
                                       stoa_tensor *c0, stoa_tensor *reset, stoa_tensor **h_last,
                                       stoa_tensor **c_last, const stoa_lstm_trace *trace);
/* Gates in the order reset, update, new; bias_x and bias_h (3N) apart, as PyTorch has them. */
STOA_API stoa_tensor *stoa_gru(stoa_ctx *ctx, stoa_tensor *x, stoa_tensor *weight_x,
                               stoa_tensor *weight_h, stoa_tensor *bias_x, stoa_tensor *bias_h,
                               stoa_tensor *h0, stoa_tensor *reset, stoa_tensor **h_last);

#ifdef __cplusplus
}
#endif

#endif /* STOA_TENSOR_H */
