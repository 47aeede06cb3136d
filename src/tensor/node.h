/*
 * tensor/node.h - what operations, backends and the tape share. Private to the tensor room.
 *
 * An operation is three pieces: a front end (ops_*.c: checks shapes, allocates outputs, fills a
 * node, calls stoa_node_run), a row in op_table.c, and kernels in each backend (cpu/, ref/). A
 * kernel sees only the node. Forward kernels write out[] and save[]; backward kernels read the
 * gradients of out[] and add into those of in[], which the tape has allocated.
 */
#ifndef STOA_TENSOR_NODE_H
#define STOA_TENSOR_NODE_H

#include "stoa/tensor.h"

enum { STOA_NODE_IN = 8, STOA_NODE_OUT = 3, STOA_NODE_SAVE = 4 };

/* Options of an operation, by family. */
typedef union stoa_op_params {
    struct {
        double scale, shift;
    } affine;
    struct {
        double least, most;
    } clamp;
    struct {
        bool exact;
    } gelu;
    struct {
        double p;
        uint32_t key[2];
        uint64_t stream;
    } dropout;
    struct { /* the axis's length and the products of the dimensions before and after it */
        int64_t outer, length, inner;
        int64_t begin; /* slice */
        int axis;
    } axis;
    struct {
        double eps, decay;
        bool layer;    /* residual_norm: layer norm, else RMS */
        bool training; /* batch_norm */
    } norm;
    struct {
        int64_t k;              /* top_k */
        int64_t keep, capacity; /* route_choice */
    } route;
    struct {
        bool into; /* scatter_rows: out is a view of x, gate belongs to the rows of src */
    } scatter;
    struct {
        int axis_a, axis_b;
    } transpose;
    struct {
        bool transpose_a, transpose_b;
        int64_t batch, m, n, k;
        double alpha;
    } matmul;
    struct {
        stoa_conv_options options;
        int size; /* pools */
    } conv;
    struct {
        stoa_conv_norm_pool_options options;
        bool training;
    } stem; /* conv_norm_pool */
    struct {
        int heads, kv_heads, head_width;
        int64_t q_column, k_column, v_column;
        bool causal;
        double scale, rope_base;
        stoa_kv_cache *cache;     /* attention_cached */
        const stoa_kv_ring *ring; /* attention_ring */
    } attention;
    struct {
        int64_t known; /* lstm: steps whose results are there already */
    } recurrent;
} stoa_op_params;

typedef struct stoa_node {
    stoa_op op;
    stoa_tensor *in[STOA_NODE_IN];     /* NULL where an optional input is absent */
    stoa_tensor *out[STOA_NODE_OUT];   /* results the caller sees; NULL where absent */
    stoa_tensor *save[STOA_NODE_SAVE]; /* what forward leaves for backward */
    stoa_op_params p;
    struct stoa_node *previous; /* on the tape */
} stoa_node;

/* STOA_ERR_UNSUPPORTED for a combination of types the kernel lacks; STOA_ERR_MEMORY. */
typedef stoa_status (*stoa_kernel)(stoa_ctx *ctx, stoa_node *node);

typedef struct stoa_kernel_pair {
    stoa_kernel forward, backward;
} stoa_kernel_pair;

struct stoa_backend {
    const char *name;
    bool computes;   /* false: no data behind the tensors (meta) */
    stoa_dtype full; /* of full-precision states */
    stoa_kernel_pair kernels[STOA_OP_COUNT];
    /* Per-context state (primitive caches); both optional. */
    stoa_status (*open)(stoa_ctx *ctx, void **state);
    void (*close)(void *state);
};

typedef struct stoa_op_row {
    stoa_op op;
    const char *name;
    bool differentiable;
    /* FLOPs of matrix products, forward; backward counts twice that. NULL: none. */
    double (*flops)(const stoa_node *node);
} stoa_op_row;
extern const stoa_op_row stoa_op_table[STOA_OP_COUNT];

/* A released gradient buffer, waiting for one of the same size. */
typedef struct stoa_spare {
    size_t bytes;
    void *data;
} stoa_spare;
enum { STOA_SPARES = 512, STOA_EMERGENCY = 4096 };

struct stoa_ctx {
    const stoa_backend *backend;
    void *state; /* the backend's */
    stoa_pool *pool;
    int threads;
    stoa_arena *heads;   /* tensors and nodes: always real memory */
    stoa_arena *data;    /* what tensors hold: a counting arena on meta */
    stoa_arena *scratch; /* a kernel's temporaries, given back when it returns */
    stoa_node *tape;     /* last node */
    int64_t nodes;
    bool grad, training;
    stoa_dtype compute;
    uint64_t seed, step, random_ops;
    double flops, backward_flops;
    double flops_by_op[STOA_OP_COUNT];
    bool profile;
    double seconds[STOA_OP_COUNT][2]; /* of kernels: forward, backward */
    stoa_spare spares[STOA_SPARES];
    int spare_count;
    stoa_error failure;
    stoa_tensor *emergency; /* ring of heads for use after memory ran out */
    int emergency_next;
};

/* ---- for front ends -------------------------------------------------------------------------- */

/* An output or saved tensor of the node's. */
stoa_tensor *stoa_like(stoa_ctx *ctx, const stoa_tensor *t, stoa_dtype dtype);
/* One around memory of the caller's. */
stoa_tensor *stoa_around(stoa_ctx *ctx, stoa_dtype dtype, int ndim, const int64_t *shape,
                         void *data);
/* Runs the forward kernel, decides requires_grad of the outputs, records the node when a gradient
 * will be wanted. Front ends build the node on the stack; it is copied. Returns out[0]. */
stoa_tensor *stoa_node_run(stoa_ctx *ctx, const stoa_node *node);
/* Whether the node would be recorded: a front end may then allocate what backward needs. */
bool stoa_node_wants_grad(const stoa_ctx *ctx, const stoa_node *node);
/* Normalises a negative axis and splits the shape around it. */
void stoa_axis_split(const stoa_tensor *t, int axis, stoa_op_params *p);
/* Records a failure in the context (the first one wins). */
void stoa_ctx_fail(stoa_ctx *ctx, stoa_status status, const char *fmt, ...) STOA_PRINTF(3, 4);

/* ---- for kernels ----------------------------------------------------------------------------- */

/* Temporary memory, 64-byte aligned, unzeroed; gone when the kernel returns. NULL: out of memory.
 */
void *stoa_scratch(stoa_ctx *ctx, size_t bytes);
/* stoa_pool_run on the context's pool. */
void stoa_parallel(stoa_ctx *ctx, int64_t n, int64_t grain, stoa_range_fn fn, void *arg);

typedef struct stoa_grad_ref {
    void *data;       /* NULL: no gradient wanted (inputs) or none arrived (outputs) */
    stoa_dtype dtype; /* F32 or BF16 */
    bool add;         /* add to what is there, else overwrite every element */
} stoa_grad_ref;

/* The gradient that arrived at an output. */
stoa_grad_ref stoa_grad_out(const stoa_node *node, int i);
/* The gradient to write for an input. Taking it is a promise to write all of it: a second take of
 * the same tensor (as in add(x, x)) comes back with add = true. Take in the order of writing. */
stoa_grad_ref stoa_grad_take(stoa_node *node, int i);
/* Where an input's gradient is an output's unchanged (a residual): hands over the output's buffer
 * instead of copying, when nothing has been written to the input's yet. The last thing a kernel
 * does, as the output's gradient is gone. False: not possible, take and write as usual. */
bool stoa_grad_pass(stoa_node *node, int out, int in);
/* Whether stoa_grad_pass would do it now. */
bool stoa_grad_may_pass(const stoa_node *node, int out, int in);

#endif /* STOA_TENSOR_NODE_H */
