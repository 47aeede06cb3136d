/*
 * stoa/nn.h - parts of networks: parameters, layers, depth routing, optimisers, checkpoints.
 *
 * A network is constant while it is used: parameters change only in an optimiser's step or a load.
 * All mutable state (activations, caches) lives in the context or in the caller's structs.
 */
#ifndef STOA_NN_H
#define STOA_NN_H

#include "stoa/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- parameters ------------------------------------------------------------------------------ */

typedef enum stoa_init {
    STOA_INIT_ZERO,
    STOA_INIT_ONE,
    STOA_INIT_NORMAL,
    STOA_INIT_UNIFORM,
    STOA_INIT_FORGET,   /* 1 in the second quarter, else 0: an LSTM's bias, forget gates open */
    STOA_INIT_TRUNCATED /* normal, cut at two deviations of the uncut one, deviation as told */
} stoa_init;

/* A named f32 tensor of a network. Values of all parameters lie in one block, gradients in another,
 * in the order they were added, so optimisers and checkpoints see flat memory. */
typedef struct stoa_param {
    char name[128]; /* "blocks.3.attention.qkv.weight" */
    stoa_tensor tensor;
    stoa_init init;
    double scale;  /* standard deviation (normal, truncated) or bound (uniform) */
    bool decay;    /* weight decay applies: matrices, not biases, norms, routers */
    bool trained;  /* false: a buffer such as a running mean; no gradient */
    size_t offset; /* of the first element in the blocks, in floats; 16-float aligned */
} stoa_param;

typedef struct stoa_params stoa_params;

STOA_API stoa_params *stoa_params_new(void); /* NULL: out of memory */
STOA_API void stoa_params_free(stoa_params *params);
/* Declares a parameter; its address is stable. NULL when out of memory or the name is taken or too
 * long; stoa_params_allocate then fails with the reason, so a model may declare without checking.
 * `name` is copied. Clear `trained` before allocating to make it a buffer. */
STOA_API stoa_param *stoa_params_add(stoa_params *params, const char *name, int ndim,
                                     const int64_t *shape, stoa_init init, double scale,
                                     bool decay);
/* Ends declaring: allocates and initialises. Each parameter draws from its own stream (seed, name),
 * so adding one changes no other. Without grads: inference only. on_meta: no memory at all, shapes
 * only. */
STOA_API stoa_status stoa_params_allocate(stoa_params *params, uint64_t seed, bool with_grads,
                                          bool on_meta, stoa_error *err);
STOA_API int64_t stoa_params_count(const stoa_params *params);
STOA_API stoa_param *stoa_params_at(const stoa_params *params, int64_t i);
STOA_API stoa_param *stoa_params_find(const stoa_params *params, const char *name);
STOA_API int64_t stoa_params_numel(const stoa_params *params); /* trained scalars */
/* The flat blocks: floats, `floats` long (with padding, which stays zero). */
STOA_API float *stoa_params_values(stoa_params *params, size_t *floats);
STOA_API float *stoa_params_grads(stoa_params *params, size_t *floats); /* NULL without grads */
/* Forgets gradients: the next backward overwrites. */
STOA_API void stoa_params_clear_grads(stoa_params *params);
/* Values were changed in place: packed copies are remade before their next use. */
STOA_API void stoa_params_touch(stoa_params *params);

/* ---- optimisers ------------------------------------------------------------------------------ */

typedef enum stoa_optimizer_kind { STOA_ADAMW, STOA_RMSPROP, STOA_SGD } stoa_optimizer_kind;

typedef struct stoa_optimizer_options {
    stoa_optimizer_kind kind;
    double beta1, beta2, eps; /* AdamW (Loshchilov & Hutter 2019) */
    double weight_decay;      /* AdamW, SGD: decoupled, on parameters with decay */
    double decay, momentum;   /* RMSProp: TensorFlow's form (mean square from 1, eps inside the
                                 root, rate inside the momentum) ... */
    bool outside;             /* ... or PyTorch's: mean square from 0, eps and rate outside */
    double clip;              /* global gradient norm; 0: none */
} stoa_optimizer_options;

typedef struct stoa_optimizer stoa_optimizer;
STOA_API stoa_optimizer *stoa_optimizer_new(stoa_params *params,
                                            const stoa_optimizer_options *options, stoa_error *err);
STOA_API void stoa_optimizer_free(stoa_optimizer *optimizer);
/* One update with this learning rate from the gradients in params (a parameter whose gradient was
 * not written counts as zero), then clears them and touches the parameters. grad_norm (nullable):
 * before clipping. STOA_ERR_NUMERIC, with nothing changed, when the norm is not finite. */
STOA_API stoa_status stoa_optimizer_step(stoa_optimizer *optimizer, stoa_pool *pool, double rate,
                                         double *grad_norm, stoa_error *err);
STOA_API int64_t stoa_optimizer_steps(const stoa_optimizer *optimizer);
/* Of its state (RMSProp: without momentum). */
STOA_API size_t stoa_optimizer_bytes(const stoa_params *params, stoa_optimizer_kind kind);

/* Learning rate as a share of its peak. */
typedef enum stoa_schedule_kind {
    STOA_SCHEDULE_CONSTANT,
    STOA_SCHEDULE_COSINE,
    STOA_SCHEDULE_LINEAR,
    STOA_SCHEDULE_INVERSE_ROOT
} stoa_schedule_kind;
/* Linear warm-up over `warmup` steps, then constant, cosine or linear from 1 to `floor` at `total`,
 * or the root of warmup / steps done. */
STOA_API double stoa_schedule(stoa_schedule_kind kind, int64_t step, int64_t total, int64_t warmup,
                              double floor);

/* ---- safetensors and checkpoints ------------------------------------------------------------- */

typedef struct stoa_entry {
    const char *name;
    stoa_dtype dtype;
    int ndim;
    int64_t shape[8];
    const void *data; /* not necessarily aligned when read */
    size_t bytes;
} stoa_entry;

/* Writes entries in the given order, as durably as stoa_file_write. metadata: NULL or pairs
 * {key, value, ..., NULL}. */
STOA_API stoa_status stoa_safetensors_save(const char *path, const stoa_entry *entries,
                                           size_t count, const char *const *metadata,
                                           stoa_error *err);
typedef struct stoa_safetensors stoa_safetensors;
/* Reads and checks a whole file; hostile input gives STOA_ERR_FORMAT with the byte or tensor. BOOL
 * reads as U8, F16 is widened to F32, I64 narrowed to I32 if every value fits; other types without
 * a stoa_dtype give STOA_ERR_UNSUPPORTED. */
STOA_API stoa_status stoa_safetensors_open(stoa_safetensors **out, const char *path,
                                           stoa_error *err);
/* Same from memory, which must outlive the result; name stands for the path in messages. */
STOA_API stoa_status stoa_safetensors_parse(stoa_safetensors **out, const char *name,
                                            const void *bytes, size_t size, stoa_error *err);
STOA_API void stoa_safetensors_close(stoa_safetensors *file);
STOA_API size_t stoa_safetensors_count(const stoa_safetensors *file);
/* In order of place in the file. */
STOA_API const stoa_entry *stoa_safetensors_at(const stoa_safetensors *file, size_t i);
STOA_API const stoa_entry *stoa_safetensors_find(const stoa_safetensors *file, const char *name);
STOA_API const char *stoa_safetensors_metadata(const stoa_safetensors *file, const char *key);

/* A training run's saved states under `folder`/: step_00001200/{model,optimizer}.safetensors plus
 * manifest.json (sizes and xxh3 hashes of the files, step, counters, settings hash), and `latest`
 * (and `best`) naming one. Protocol: write to step_N.tmp-<pid>, fsync each file, manifest last,
 * fsync folder, rename, fsync parent, then replace `latest`; old ones are pruned only after that. A
 * kill at any moment leaves the previous checkpoint loadable. */
typedef struct stoa_checkpoint_info {
    int64_t step;
    char state[4096]; /* caller's JSON object text: counters, data cursor, best loss; kept verbatim
                       */
} stoa_checkpoint_info;
/* keep: how many besides best stay; mark_best: also becomes `best`. optimizer nullable. */
STOA_API stoa_status stoa_checkpoint_save(const char *folder, const stoa_params *params,
                                          const stoa_optimizer *optimizer,
                                          const stoa_checkpoint_info *info, int keep,
                                          bool mark_best, stoa_error *err);
/* which: "latest", "best", or a step folder's name. "latest" falls back to the newest checkpoint
 * that verifies, with a warning in the log. Shapes and names must match params exactly; every
 * difference is named. optimizer nullable. */
STOA_API stoa_status stoa_checkpoint_load(const char *folder, const char *which,
                                          stoa_params *params, stoa_optimizer *optimizer,
                                          stoa_checkpoint_info *info, stoa_error *err);
STOA_API bool stoa_checkpoint_exists(const char *folder);

/* Memory besides model and optimiser that belongs to a training run's state, as bytes without
 * pointers: environments, unrolls, memories. Kept in a third file, state.safetensors, whose entries
 * must have these names and sizes when it is read. What the bytes mean is the caller's to check. */
typedef struct stoa_checkpoint_part {
    const char *name;
    void *data;
    size_t bytes;
} stoa_checkpoint_part;
STOA_API stoa_status stoa_checkpoint_save_all(const char *folder, const stoa_params *params,
                                              const stoa_optimizer *optimizer,
                                              const stoa_checkpoint_part *parts, size_t part_count,
                                              const stoa_checkpoint_info *info, int keep,
                                              bool mark_best, stoa_error *err);
/* part_count 0: the state is not asked for. */
STOA_API stoa_status stoa_checkpoint_load_all(const char *folder, const char *which,
                                              stoa_params *params, stoa_optimizer *optimizer,
                                              const stoa_checkpoint_part *parts, size_t part_count,
                                              stoa_checkpoint_info *info, stoa_error *err);

/* ---- layers ---------------------------------------------------------------------------------- */

/* Adds "<prefix>.weight" (out, in), normal with standard deviation `scale` (0: zeros), and, with
 * bias, "<prefix>.bias" (out), zero. */
typedef struct stoa_linear_layer {
    stoa_tensor *weight, *bias;
} stoa_linear_layer;
STOA_API stoa_linear_layer stoa_linear_new(stoa_params *params, const char *prefix, int64_t in,
                                           int64_t out, bool bias, double scale);
STOA_API stoa_tensor *stoa_linear_apply(stoa_ctx *ctx, const stoa_linear_layer *layer,
                                        stoa_tensor *x, stoa_dtype out);

typedef enum stoa_norm_kind { STOA_NORM_LAYER, STOA_NORM_RMS } stoa_norm_kind;
typedef struct stoa_norm_layer {
    stoa_norm_kind kind;
    stoa_tensor *weight, *bias; /* bias NULL for RMS or when biases are off */
} stoa_norm_layer;
STOA_API stoa_norm_layer stoa_norm_new(stoa_params *params, const char *prefix, stoa_norm_kind kind,
                                       int64_t width, bool bias);
STOA_API stoa_tensor *stoa_norm_apply(stoa_ctx *ctx, const stoa_norm_layer *norm, stoa_tensor *x,
                                      stoa_dtype out);
STOA_API stoa_tensor *stoa_norm_residual(stoa_ctx *ctx, const stoa_norm_layer *norm, stoa_tensor *x,
                                         stoa_tensor *delta, stoa_dtype out, stoa_tensor **sum);

/* ---- transformer blocks ---------------------------------------------------------------------- */

typedef enum stoa_activation { STOA_ACTIVATION_GELU, STOA_ACTIVATION_SWIGLU } stoa_activation;

/* A mixture of experts in place of a block's MLP: token-choice top-1 with a capacity, first come
 * first served, so it is causal. No-op experts are choices that do nothing (MoDE, integrated). */
typedef struct stoa_expert_options {
    int64_t count;          /* real experts; 0: a plain MLP */
    int64_t noops;          /* no-op experts */
    double capacity_factor; /* an expert takes at most ceil(factor * S / (count + noops)) tokens */
} stoa_expert_options;

typedef struct stoa_block_options {
    int64_t width, heads, kv_heads;
    int64_t mlp_width; /* 0: attention alone */
    stoa_norm_kind norm;
    stoa_activation activation;
    bool bias;
    double dropout;
    double rope_base;      /* 0: positions come from elsewhere */
    double init_scale;     /* standard deviation of matrices */
    double residual_scale; /* factor on it for matrices that write to the residual stream */
    stoa_expert_options experts;
} stoa_block_options;

enum { STOA_MAX_EXPERTS = 16 };

typedef struct stoa_mlp {
    stoa_linear_layer up, down; /* SwiGLU: up holds gate|up */
} stoa_mlp;

typedef struct stoa_block {
    stoa_block_options options;
    stoa_norm_layer norm1, norm2;
    stoa_linear_layer qkv, proj;
    stoa_mlp mlp;                       /* without experts */
    stoa_linear_layer choice;           /* scores of experts and no-ops */
    stoa_mlp experts[STOA_MAX_EXPERTS]; /* with experts */
} stoa_block;

/* The residual stream x + delta; delta (nullable) waits to be added by whatever reads next, so that
 * the sum and the norm after it are one pass. x full precision (B, S, N), delta compute type. */
typedef struct stoa_stream {
    stoa_tensor *x, *delta;
} stoa_stream;

STOA_API void stoa_block_init(stoa_block *block, stoa_params *params, const char *prefix,
                              const stoa_block_options *options);
/* x + f(x), all positions. positions (B, S) I32 or NULL. balance (nullable): a load-balancing loss
 * of the experts (Fedus et al. 2021, eq. 4) is added to *balance. */
STOA_API stoa_stream stoa_block_apply(stoa_ctx *ctx, const stoa_block *block, stoa_stream stream,
                                      stoa_tensor *positions, stoa_tensor **balance);
/* f(x) alone: a + MLP(norm2(x + a)) with a = Attention(norm1(x)); what a routed block scales. */
STOA_API stoa_tensor *stoa_block_branch(stoa_ctx *ctx, const stoa_block *block, stoa_tensor *x,
                                        stoa_tensor *positions, stoa_tensor **balance);
/* The same for n new tokens against a cache: x (1, n, N); sequence, position (n) I32. */
STOA_API stoa_tensor *stoa_block_branch_cached(stoa_ctx *ctx, const stoa_block *block,
                                               stoa_tensor *x, stoa_tensor *sequence,
                                               stoa_tensor *position, stoa_kv_cache *cache);
/* x + delta. coarse (nullable): wants it in compute type too, where that is made in the same pass
 * (else NULL); no gradient goes through that. */
STOA_API stoa_tensor *stoa_stream_settle(stoa_ctx *ctx, stoa_stream stream, stoa_tensor **coarse);

/* ---- depth routing (Raposo et al. 2024, sections 3.1-3.5) ------------------------------------ */

typedef enum stoa_gate { STOA_GATE_RAW, STOA_GATE_SIGMOID } stoa_gate;
typedef enum stoa_router_kind { STOA_ROUTER_LEARNED, STOA_ROUTER_GAUSSIAN } stoa_router_kind;
/* How tokens are chosen without seeing the future: a predictor behind a stop-gradient, or the
 * router's own score trained with an auxiliary loss. */
typedef enum stoa_cure { STOA_CURE_PREDICTOR, STOA_CURE_AUXILIARY } stoa_cure;
/* Who chooses in a forward pass: the k largest scores of the whole sequence (training; sees the
 * future), or the cure (sampling, honest evaluation). */
typedef enum stoa_route_by { STOA_ROUTE_TOP_K, STOA_ROUTE_CAUSAL } stoa_route_by;

typedef struct stoa_router_options {
    int64_t width;
    double
        capacity; /* share of the sequence: k = max(1, round(capacity * S)), S the actual length */
    stoa_router_kind kind;
    stoa_gate gate;
    stoa_cure cure;
    int64_t predictor_width;
    bool normalize;    /* the router reads x / rms(x) */
    double init_scale; /* standard deviation of the router's vector */
} stoa_router_options;

typedef struct stoa_router {
    stoa_router_options options;
    stoa_linear_layer score;    /* (1, N), no bias */
    stoa_tensor *unit;          /* (N) ones, a buffer: the weight of the router's norm */
    stoa_linear_layer fc1, fc2; /* predictor N -> predictor_width -> 1 */
} stoa_router;

/* What one routed block decided, for losses, statistics and pictures; valid until the context's
 * reset. */
typedef struct stoa_route {
    stoa_tensor *scores; /* (B, S) r */
    stoa_tensor *index;  /* (B, C) I32 positions that went through, -1 padded in causal mode */
    stoa_tensor *logits; /* (B, S) of the cure: predictor's output, or r itself */
    stoa_tensor *member; /* (B, S) 1 where in the top k; NULL in causal mode */
    stoa_tensor *loss;   /* mean binary cross-entropy of logits against member; NULL likewise */
} stoa_route;

STOA_API int64_t stoa_route_capacity(double capacity, int64_t length);
STOA_API void stoa_router_init(stoa_router *router, stoa_params *params, const char *prefix,
                               const stoa_router_options *options);
/* x'_i = x_i + g(r_i) f_i for chosen tokens, x_i for the rest. */
STOA_API stoa_stream stoa_routed_block_apply(stoa_ctx *ctx, const stoa_block *block,
                                             const stoa_router *router, stoa_stream stream,
                                             stoa_tensor *positions, stoa_route_by by,
                                             stoa_route *route, stoa_tensor **balance);
/* n new tokens against a cache, chosen by the cure; *routed (nullable): how many went through. */
STOA_API stoa_tensor *stoa_routed_block_cached(stoa_ctx *ctx, const stoa_block *block,
                                               const stoa_router *router, stoa_tensor *x,
                                               stoa_tensor *sequence, stoa_tensor *position,
                                               stoa_kv_cache *cache, int64_t *routed);

#ifdef __cplusplus
}
#endif

#endif /* STOA_NN_H */
