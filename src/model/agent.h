/*
 * model/agent.h - what an agent is made of; private to the files agent*.c.
 *
 * Letters as in model.h: T steps, B instances, N encoding, M core; R = T * B rows, K inputs of a
 * layer, A numbers that tell the last action.
 */
#ifndef STOA_MODEL_AGENT_H
#define STOA_MODEL_AGENT_H

#include "stoa/model.h"

enum {
    STOA_AGENT_LAYERS = 16,
    STOA_AGENT_CONVS = 20,
    STOA_AGENT_BLOCKS = 16,
    STOA_AGENT_OBJECT_LAYERS = 8
};

/* One observation space's way into the first joint layer, where it has one of its own. */
typedef struct stoa_agent_encoder {
    stoa_tensor *table;  /* categories: (elements * categories, N); text: (256, embedding) */
    int64_t features;    /* F of an image, a text or objects */
    stoa_tensor *weight; /* (N, F) */
    stoa_linear_layer convs[STOA_AGENT_CONVS]; /* weight (O, C, R, S), bias (O), in order of use */
    int conv_count;
    stoa_tensor *gru[4]; /* weight_x, weight_h, bias_x, bias_h */
    stoa_linear_layer objects[STOA_AGENT_OBJECT_LAYERS];
} stoa_agent_encoder;

/* A pre-norm transformer block over a sliding window; P past steps, H heads. */
typedef struct stoa_agent_block {
    stoa_norm_layer norm1, norm2;
    stoa_linear_layer q, kv, proj, up, down;
    stoa_tensor *distance; /* (P + 1, H): what is added to scores of keys so many steps back */
    bool routed;
    stoa_router router;
} stoa_agent_block;

typedef struct stoa_agent_core {
    int64_t inputs;                          /* K = N + A + 1, less what is switched off */
    stoa_tensor *weight_x, *weight_h, *bias; /* LSTM, a memory's too */
    stoa_linear_layer in;                    /* transformer: (M, K) */
    /* memory: (2W, K), (2W, M + R * W), (W, 2W), (R * (W + 1), M) */
    stoa_linear_layer code_in, code_past, code_out, read;
    stoa_agent_block blocks[STOA_AGENT_BLOCKS];
    stoa_norm_layer norm;
} stoa_agent_core;

typedef struct stoa_agent_head {
    stoa_linear_layer hidden; /* (W, M); without: NULL tensors */
    stoa_linear_layer out;
    stoa_tensor *log_std; /* (elements) of a box, else NULL */
} stoa_agent_head;

struct stoa_agent {
    stoa_agent_options options;
    stoa_env_spec spec;
    stoa_agent_encoder encoders[STOA_ENV_SPACES];
    stoa_tensor *numbers;                        /* (N, K) of all boxes side by side, or NULL */
    stoa_tensor *joint_bias;                     /* (N) of the first joint layer */
    stoa_linear_layer layers[STOA_AGENT_LAYERS]; /* the joint layers after the first */
    int64_t action_numbers;                      /* A, or 0 when the core does not read it */
    int64_t features;                            /* M, or what takes its place without a core */
    stoa_agent_core core;
    stoa_agent_head heads[STOA_ENV_SPACES], value;
};

/* Each part declares its parameters; what it cannot serve gives STOA_ERR_UNSUPPORTED. */
stoa_status stoa_agent_encoder_declare(stoa_agent *agent, stoa_params *params, stoa_error *err);
stoa_status stoa_agent_core_declare(stoa_agent *agent, stoa_params *params, stoa_error *err);
stoa_status stoa_agent_heads_declare(stoa_agent *agent, stoa_params *params, stoa_error *err);

/* -> x (T, B, N) of the compute type. Fills out->objects. */
stoa_tensor *stoa_agent_encode(stoa_ctx *ctx, const stoa_agent *agent,
                               const stoa_agent_input *input, stoa_agent_output *out);
/* x (T, B, N) -> (T, B, M); state before, next after (nullable). Fills what the core tells in out.
 */
stoa_tensor *stoa_agent_remember(stoa_ctx *ctx, const stoa_agent *agent,
                                 const stoa_agent_input *input, stoa_tensor *x,
                                 const stoa_agent_state *state, stoa_agent_state *next,
                                 stoa_agent_output *out);
/* An LSTM of m cells that reads k numbers: core's weight_x, weight_h and bias. */
void stoa_agent_lstm_declare(stoa_agent_core *core, stoa_params *params, int64_t k, int64_t m);
stoa_status stoa_agent_transformer_declare(stoa_agent *agent, stoa_params *params, stoa_error *err);
stoa_tensor *stoa_agent_transformer(stoa_ctx *ctx, const stoa_agent *agent,
                                    const stoa_agent_input *input, stoa_tensor *x,
                                    const stoa_agent_state *state, stoa_agent_state *next,
                                    stoa_tensor **router_loss);
/* agent_memory.c; also sets agent->features. */
stoa_status stoa_agent_memory_declare(stoa_agent *agent, stoa_params *params, stoa_error *err);
int64_t stoa_agent_memory_state(const stoa_agent_options *options);
stoa_tensor *stoa_agent_memory(stoa_ctx *ctx, const stoa_agent *agent,
                               const stoa_agent_input *input, stoa_tensor *x,
                               const stoa_agent_state *state, stoa_agent_state *next,
                               stoa_agent_reads *reads);
/* Fills logits and value from out->features. */
void stoa_agent_decide(stoa_ctx *ctx, const stoa_agent *agent, stoa_agent_output *out);

/* The last action and reward as numbers, (T, B, A + 1) of the compute type, zero where an episode
 * begins; NULL when the agent reads neither. */
stoa_tensor *stoa_agent_memories(stoa_ctx *ctx, const stoa_agent *agent,
                                 const stoa_agent_input *input);

/* Parts of the encoder: declaring returns the features F (0: too small a picture), running gives
 * (R, F) of the compute type from host memory. */
int64_t stoa_agent_image_declare(stoa_agent_encoder *e, stoa_params *params,
                                 const stoa_space *space, int kind);
stoa_tensor *stoa_agent_image(stoa_ctx *ctx, const stoa_agent_encoder *e, const stoa_space *space,
                              int kind, int64_t rows, const void *host);
int64_t stoa_agent_text_declare(stoa_agent_encoder *e, stoa_params *params,
                                const stoa_space *space);
stoa_tensor *stoa_agent_text(stoa_ctx *ctx, const stoa_agent_encoder *e, const stoa_space *space,
                             int64_t rows, const void *host);

/* Whether a space is read object by object. */
bool stoa_agent_reads_objects(const stoa_agent *agent, const stoa_space *space);
int64_t stoa_agent_objects_declare(stoa_agent_encoder *e, stoa_params *params,
                                   const stoa_space *space, const stoa_agent_options *options);
/* numbers (R, K) -> (R * O, W) */
stoa_tensor *stoa_agent_objects_apply(stoa_ctx *ctx, const stoa_agent_encoder *e,
                                      const stoa_space *space, const stoa_agent_options *options,
                                      stoa_tensor *numbers);

/* Floats of an instance's state. */
int64_t stoa_agent_state_width(const stoa_agent *agent);
/* Columns [begin, begin + n) of the state as a tensor (B, n) in full precision, and back. */
stoa_tensor *stoa_agent_state_read(stoa_ctx *ctx, const stoa_agent_state *state, int64_t begin,
                                   int64_t n);
void stoa_agent_state_write(stoa_ctx *ctx, stoa_agent_state *state, int64_t begin,
                            const stoa_tensor *from);

/* The rows of an input's trace; false: it has none. */
bool stoa_agent_trace_rows(const stoa_agent_input *input, stoa_lstm_trace *rows);

/* "<prefix>.<name>.<leaf>" as a parameter; parts may be NULL. */
stoa_tensor *stoa_agent_param(stoa_params *params, const char *prefix, const char *name,
                              const char *leaf, int ndim, const int64_t *shape, stoa_init init,
                              double scale, bool decay);

#endif /* STOA_MODEL_AGENT_H */
