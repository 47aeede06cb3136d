/*
 * stoa/model.h - whole networks: the decoder-only language model, dense or with depth routing,
 * agents, and the classifier of in-context learning.
 */
#ifndef STOA_MODEL_H
#define STOA_MODEL_H

#include "stoa/env.h"
#include "stoa/nn.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum stoa_position_kind { STOA_POSITION_ROPE, STOA_POSITION_LEARNED } stoa_position_kind;
/* Which blocks are routed. ODD is the paper's "every other": 1, 3, 5, ... counted from 0, so that
 * the first block is dense. */
typedef enum stoa_route_pattern {
    STOA_PATTERN_NONE,
    STOA_PATTERN_ODD,
    STOA_PATTERN_ALL,
    STOA_PATTERN_LIST
} stoa_route_pattern;
/* MoDE: staged, routed blocks hold experts; integrated, the pattern's blocks stay dense in
 * attention and their experts include no-ops. */
typedef enum stoa_experts_kind {
    STOA_EXPERTS_NONE,
    STOA_EXPERTS_STAGED,
    STOA_EXPERTS_INTEGRATED
} stoa_experts_kind;

enum { STOA_MAX_LAYERS = 64 };

typedef struct stoa_lm_options {
    int64_t vocab, context, layers, width, heads, kv_heads, mlp_width;
    int norm;       /* stoa_norm_kind */
    int activation; /* stoa_activation */
    int position;   /* stoa_position_kind */
    double rope_base;
    bool tied, bias;
    double dropout, init_scale;
    int pattern;                /* stoa_route_pattern */
    stoa_int_list routed;       /* STOA_PATTERN_LIST */
    stoa_router_options router; /* width is set from the model's */
    int experts_kind;           /* stoa_experts_kind */
    stoa_expert_options experts;
} stoa_lm_options;

/* Fills what is derived (0 means: choose): kv_heads = heads, mlp_width = 4 N (GELU) or 8/3 N
 * rounded up to 32 (SwiGLU), predictor_width = N / 4 within 32 to 128, and checks the rest. Errors
 * name the setting to change. */
STOA_API stoa_status stoa_lm_options_check(stoa_lm_options *options, stoa_error *err);
/* Whether block i takes part in routing (by depth, or by experts when integrated). */
STOA_API bool stoa_lm_routes(const stoa_lm_options *options, int64_t layer);

typedef struct stoa_lm {
    stoa_lm_options options;
    stoa_params *params;
    stoa_tensor *embed;    /* (V, N) */
    stoa_tensor *position; /* (context, N), or NULL with RoPE */
    stoa_block blocks[STOA_MAX_LAYERS];
    stoa_router routers[STOA_MAX_LAYERS]; /* where depth_routed */
    bool depth_routed[STOA_MAX_LAYERS];
    stoa_norm_layer norm;
    stoa_tensor *head; /* (V, N); embed when tied */
} stoa_lm;

/* options must have passed the check. on_meta: shapes only. */
STOA_API stoa_status stoa_lm_new(stoa_lm **out, const stoa_lm_options *options, uint64_t seed,
                                 bool with_grads, bool on_meta, stoa_error *err);
STOA_API void stoa_lm_free(stoa_lm *lm);

typedef struct stoa_lm_output {
    stoa_tensor *logits;                /* (B, T, V) */
    stoa_tensor *losses;                /* (B, T) nats; 0 where the target is negative */
    stoa_tensor *loss;                  /* mean over targets that count */
    stoa_tensor *router_loss;           /* sum over routed blocks, or NULL */
    stoa_tensor *balance_loss;          /* of experts, or NULL */
    stoa_route routes[STOA_MAX_LAYERS]; /* where depth_routed */
} stoa_lm_output;

/* ids (B, T) I32 in [0, V), T <= context. targets (B, T) I32 or NULL (then no losses). */
STOA_API void stoa_lm_forward(stoa_ctx *ctx, const stoa_lm *lm, stoa_tensor *ids,
                              stoa_tensor *targets, stoa_route_by by, stoa_lm_output *out);

/* Past tokens of a batch of sequences. */
typedef struct stoa_lm_cache {
    stoa_kv_cache blocks[STOA_MAX_LAYERS];
    int64_t layers, batch, capacity;
    int64_t tokens;                  /* rows decoded so far */
    int64_t routed[STOA_MAX_LAYERS]; /* of them through each depth-routed block */
} stoa_lm_cache;
STOA_API stoa_status stoa_lm_cache_init(stoa_lm_cache *cache, const stoa_lm *lm, stoa_dtype dtype,
                                        int64_t batch, int64_t capacity, stoa_error *err);
STOA_API void stoa_lm_cache_deinit(stoa_lm_cache *cache);
STOA_API void stoa_lm_cache_clear(stoa_lm_cache *cache);
/* Keys and values held now, in bytes. */
STOA_API size_t stoa_lm_cache_bytes(const stoa_lm_cache *cache);
/* n new tokens (prompt or one a sequence): ids, sequence, position (n) I32; rows of one sequence in
 * order. Logits (n, V) of every row, or with last_only those of each sequence's last row of this
 * call in order of sequence. Routed by the cure: equals the causal forward pass. */
STOA_API stoa_tensor *stoa_lm_decode(stoa_ctx *ctx, const stoa_lm *lm, stoa_lm_cache *cache,
                                     stoa_tensor *ids, stoa_tensor *sequence, stoa_tensor *position,
                                     bool last_only);

/* ---- agents ---------------------------------------------------------------------------------- */

/* One network from an environment's spec: an encoder for each observation space, whose outputs are
 * joined into the encoding x; a core over time; a head for each action space and one for the value.
 * Letters: T steps, B environment instances, N width of the encoding, M width of the core. */

typedef enum stoa_core_kind {
    STOA_CORE_NONE,
    STOA_CORE_LSTM,
    STOA_CORE_TRANSFORMER,
    STOA_CORE_MEMORY /* an LSTM that writes rows and reads them by content (Hung et al. 2019) */
} stoa_core_kind;
/* How images are read: as plain numbers; by two 2x2 convolutions of 32 and 64 channels (small
 * windows); by IMPALA's three residual stages of 16, 32, 32 channels; by a small ResNet. */
typedef enum stoa_image_encoder {
    STOA_IMAGE_FLAT,
    STOA_IMAGE_SMALL,
    STOA_IMAGE_IMPALA,
    STOA_IMAGE_RESNET
} stoa_image_encoder;

typedef struct stoa_agent_options {
    int64_t encoder_width;  /* N */
    int64_t encoder_layers; /* ReLU layers from the joined observations to x */
    int image;              /* stoa_image_encoder */
    /* boxes of two and more dimensions are lists of objects (shape[0] of them), each read by the
     * same ReLU layers; 0 wide: they are numbers like all others */
    int64_t object_width, object_layers;
    int core;                                     /* stoa_core_kind */
    int64_t core_width;                           /* M of the LSTM or the transformer's stream */
    int64_t core_layers, core_heads, core_memory; /* transformer; memory: past steps it sees */
    double core_capacity; /* transformer: share of steps that odd blocks take; 1: no routing */
    int64_t memory_rows, memory_width; /* memory: rows of the episode it keeps, and their width */
    int64_t read_heads, read_top_k;    /* memory: reads a step, rows that each mixes */
    bool last_action, last_reward;     /* the core also reads the previous action and reward */
    int64_t head_width;                /* hidden ReLU layer before each head; 0: linear heads */
} stoa_agent_options;

typedef struct stoa_agent stoa_agent;

/* A transformer core's keys and values of the steps that a state holds, so that acting need not
 * make them again at every step. Not part of the state, and never saved: the state keeps what they
 * are made of. The first step with changed weights makes them all anew with those weights, as
 * learning from the unroll that begins there will. */
typedef struct stoa_agent_cache {
    int64_t batch;
    int blocks;         /* 0: the core has no use for one */
    stoa_kv_ring *each; /* (blocks) */
    uint64_t *made;     /* (batch) version of the weights they were made with, plus 1 */
} stoa_agent_cache;

/* The core's state of B instances: plain floats, saved and copied as bytes. */
typedef struct stoa_agent_state {
    float *data; /* (B, width) each instance's state in one row */
    int64_t batch, width;
    /* Nullable, borrowed: of these instances from row cache_first on. Used where one step moves the
     * state itself on; nothing else may change the state in between unless the weights change too.
     */
    const stoa_agent_cache *cache;
    int64_t cache_first;
} stoa_agent_state;

/* What the core's steps left for learning from them, where it is an LSTM: acting fills rows, and
 * learning with the same weights from the same rows need not walk through them again. */
typedef struct stoa_agent_trace {
    stoa_dtype dtype;                    /* compute type */
    int64_t steps, batch, inputs, width; /* T, B, K, M */
    void *block;                         /* NULL: there is none */
} stoa_agent_trace;

/* T steps of B instances, time-major, in host memory. Row t of last_actions and last_rewards is
 * what led to observation t; where reset is 1 an episode begins at t: the state is zeroed there and
 * last action and reward count as none. */
typedef struct stoa_agent_input {
    int64_t steps, batch;
    const void *observations[STOA_ENV_SPACES]; /* (T, B, shape...) */
    const void *last_actions[STOA_ENV_SPACES]; /* (T, B, shape...); NULL: none */
    const float *last_rewards;                 /* (T, B); NULL: none */
    const uint8_t *reset;                      /* (T, B); NULL: no episode begins */
    /* Nullable: rows from trace_row = step * B + instance on are filled (one step at a time) or, of
     * the first trace_known steps, taken as they are. */
    const stoa_agent_trace *trace;
    int64_t trace_row, trace_known;
} stoa_agent_input;

/* What a memory core wrote and read: W wide rows, R heads, K rows a head. */
typedef struct stoa_agent_reads {
    stoa_tensor *code;      /* (T, B, W) z, written after the step; a part of the features */
    stoa_tensor *strengths; /* (T, B, R) */
    stoa_tensor *weights;   /* (T, B, R, K) constant; 0 where there was nothing to read */
    stoa_tensor *steps; /* (T, B, R, K) I32: when the row was written; negative: before step 0 */
} stoa_agent_reads;

typedef struct stoa_agent_output {
    stoa_tensor *encoding; /* (T, B, N) x, before the core */
    stoa_tensor *features; /* (T, B, M) what the heads read */
    /* (T, B, O, W) of an observation that is read object by object; else NULL */
    stoa_tensor *objects[STOA_ENV_SPACES];
    /* full precision. Categories: (T, B, elements * categories). A box of E numbers: (T, B, 2E),
     * mean | logarithm of the standard deviation. */
    stoa_tensor *logits[STOA_ENV_SPACES];
    stoa_tensor *value; /* (T, B), full precision */
    /* of a routed transformer's predictors (scalar, to be added to the loss); NULL without routing
     * or when no gradient is recorded */
    stoa_tensor *router_loss;
    stoa_agent_reads reads; /* of a memory core; else NULLs */
} stoa_agent_output;

/* Declares the parameters in `params` (borrowed; the caller allocates them afterwards, so that
 * objectives can add theirs). STOA_ERR_UNSUPPORTED names a space without an encoder or a head. */
STOA_API stoa_status stoa_agent_new(stoa_agent **out, stoa_params *params,
                                    const stoa_env_spec *spec, const stoa_agent_options *options,
                                    stoa_error *err);
STOA_API void stoa_agent_free(stoa_agent *agent);
STOA_API int64_t stoa_agent_encoding_width(const stoa_agent *agent);
STOA_API int64_t stoa_agent_feature_width(const stoa_agent *agent);
STOA_API int64_t stoa_agent_object_width(const stoa_agent *agent); /* W of objects */
/* O of an observation that is read object by object; else 0. */
STOA_API int64_t stoa_agent_objects(const stoa_agent *agent, int observation);
STOA_API int64_t stoa_agent_read_heads(const stoa_agent *agent);   /* R; 0: no memory core */
STOA_API int64_t stoa_agent_memory_width(const stoa_agent *agent); /* W, likewise */
STOA_API stoa_status stoa_agent_state_init(stoa_agent_state *state, const stoa_agent *agent,
                                           int64_t batch, stoa_error *err);
STOA_API void stoa_agent_state_deinit(stoa_agent_state *state);
/* dtype: compute type of the contexts that will act; with others it is left alone. */
STOA_API stoa_status stoa_agent_cache_init(stoa_agent_cache *cache, const stoa_agent *agent,
                                           stoa_dtype dtype, int64_t batch, stoa_error *err);
STOA_API void stoa_agent_cache_deinit(stoa_agent_cache *cache);
/* Of T steps of B instances; no memory for cores that are no LSTM. */
STOA_API stoa_status stoa_agent_trace_init(stoa_agent_trace *trace, const stoa_agent *agent,
                                           stoa_dtype dtype, int64_t steps, int64_t batch,
                                           stoa_error *err);
STOA_API void stoa_agent_trace_deinit(stoa_agent_trace *trace);
/* Acting (T = 1) and learning (T steps) are this one function. state: before the first step; next
 * (nullable, may be state itself): receives it after the last. Slices of the instances may act at
 * the same time, each on a thread and a context of its own without a pool, once one forward pass
 * in the same precision has run since the parameters changed (it packs the weights). */
STOA_API void stoa_agent_forward(stoa_ctx *ctx, const stoa_agent *agent,
                                 const stoa_agent_input *input, const stoa_agent_state *state,
                                 stoa_agent_state *next, stoa_agent_output *out);

/* ---- in-context learning --------------------------------------------------------------------- */

/* The classifier of Chan et al. 2022 (arXiv 2205.05055): P pairs of an item and its label, then an
 * item whose label is asked for. Tokens e(x1), E[l1], ..., e(xP), E[lP], e(xq), T = 2P + 1 of them,
 * N wide; a causal core over them; a norm; logits over L labels. */

typedef enum stoa_icl_embedder {
    STOA_ICL_LINEAR, /* item -> N */
    STOA_ICL_CONV,   /* 3 x 3 convolutions of stride 2 with 16, 32, 32, 64 channels, then linear */
    STOA_ICL_RESNET, /* the paper's: bottleneck blocks and batch norm; N = 64 */
    STOA_ICL_EMBEDDERS
} stoa_icl_embedder;
typedef enum stoa_icl_core {
    STOA_ICL_TRANSFORMER, /* pre-norm, biases everywhere */
    STOA_ICL_LSTM,
    STOA_ICL_RNN,    /* h = tanh(W x + U h + b) */
    STOA_ICL_MINIMAL /* Reddy 2023: bare heads and a ReLU net on plain numbers beside positions */
} stoa_icl_core;
/* Which layers have an MLP behind their attention. A recurrent core has one MLP behind its last
 * layer, or none. */
typedef enum stoa_icl_mlp { STOA_ICL_MLP_ALL, STOA_ICL_MLP_LAST, STOA_ICL_MLP_NONE } stoa_icl_mlp;
typedef enum stoa_icl_position {
    STOA_ICL_SINUSOID, /* sines of t * base^(-2i/N), then cosines, added */
    STOA_ICL_LEARNED,  /* added */
    STOA_ICL_UNPLACED  /* none */
} stoa_icl_position;
/* Initial weights: deviation 1 / root of the inputs, biases 0. */
typedef enum stoa_icl_init {
    STOA_ICL_TRUNCATED, /* normal within two deviations (the paper's) */
    STOA_ICL_NORMAL
} stoa_icl_init;

enum { STOA_ICL_PAIRS = 512 };

typedef struct stoa_icl_options {
    int64_t item[3]; /* (D, 0, 0), or height, width, channels */
    int64_t labels;  /* L */
    int64_t pairs;   /* P */
    bool valued;     /* numbers instead of labels: one output, L = 1 */
    int embedder;    /* stoa_icl_embedder */
    int core;        /* stoa_icl_core */
    int position;    /* stoa_icl_position */
    double position_base;
    int64_t layers, width, heads;
    int64_t mlp_width;  /* 0: 4 N */
    int mlp;            /* stoa_icl_mlp */
    double capacity;    /* share of the tokens that odd blocks take (depth routing); 1: all */
    bool final_norm;    /* before the logits; the released recurrent models have none */
    int init;           /* stoa_icl_init */
    double item_scale;  /* deviation of the linear embedder's weights; 0: as all others */
    double label_scale; /* deviation of E */
} stoa_icl_options;

/* Fills what is derived and checks the rest. Errors name the setting to change. */
STOA_API stoa_status stoa_icl_options_check(stoa_icl_options *options, stoa_error *err);

typedef struct stoa_icl stoa_icl;
/* options must have passed the check. on_meta: shapes only. */
STOA_API stoa_status stoa_icl_new(stoa_icl **out, const stoa_icl_options *options, uint64_t seed,
                                  bool with_grads, bool on_meta, stoa_error *err);
STOA_API void stoa_icl_free(stoa_icl *icl);
STOA_API stoa_params *stoa_icl_params(const stoa_icl *icl); /* borrowed */
STOA_API const stoa_icl_options *stoa_icl_options_of(const stoa_icl *icl);
STOA_API const char *stoa_icl_embedder_name(int embedder); /* "linear" */

/* B sequences in host memory. */
typedef struct stoa_icl_input {
    int64_t batch;
    const float *items;     /* (B, P + 1, item), the query last */
    const int32_t *labels;  /* (B, P); unless valued */
    const float *values;    /* (B, P + 1), of which the query's is not read; where valued */
    const int32_t *offsets; /* (B), below stoa_icl_places: where the minimal core's positions begin;
                               NULL: at 0 */
} stoa_icl_input;

/* Places at which a sequence of the minimal core can begin among its positions; 0 for others. */
STOA_API int64_t stoa_icl_places(const stoa_icl_options *options);

/* Which logits are wanted, and so what of the last layer is computed. */
typedef enum stoa_icl_where {
    STOA_ICL_QUERY,      /* (B, L): the last layer runs for the query alone where that is enough */
    STOA_ICL_QUERY_FULL, /* the same through the whole last layer */
    STOA_ICL_ITEMS       /* (B, P + 1, L), at every item */
} stoa_icl_where;
/* Full precision. In training the ResNet normalises by the batch and moves its running averages. */
STOA_API stoa_tensor *stoa_icl_forward(stoa_ctx *ctx, const stoa_icl *icl,
                                       const stoa_icl_input *input, stoa_icl_where where);

/* What each head of a transformer attends to: maps (layers, B, H, T, T), rows are queries; rows and
 * columns of tokens that depth routing leaves out of a block are zero. On a context without
 * gradients, of a model that attends; the logits are those of STOA_ICL_QUERY. */
STOA_API bool stoa_icl_attends(const stoa_icl_options *options);
STOA_API stoa_tensor *stoa_icl_attention(stoa_ctx *ctx, const stoa_icl *icl,
                                         const stoa_icl_input *input, float *maps);
/* How far the two heads of an induction circuit are there (Olsson et al. 2022), of maps as above:
 * previous: mean attention of a label to the item just before it; match: the query's attention to
 * labels of items of its class less that to all other labels. Both (layers, H), within [-1, 1].
 * classes (B, P + 1). */
STOA_API void stoa_icl_circuit(const stoa_icl *icl, int64_t batch, const float *maps,
                               const int32_t *classes, double *previous, double *match);

/* ---- sampling -------------------------------------------------------------------------------- */

typedef struct stoa_sampler {
    double temperature; /* 0: the most probable token */
    int64_t top_k;      /* 0: all */
    double top_p;       /* 1: all */
} stoa_sampler;
/* One token from logits (V floats); work: V * 8 bytes of caller memory. */
STOA_API int32_t stoa_sample_token(const stoa_sampler *sampler, const float *logits, int64_t vocab,
                                   stoa_rng *rng, void *work);

#ifdef __cplusplus
}
#endif

#endif /* STOA_MODEL_H */
