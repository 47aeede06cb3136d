/*
 * model/icl.h - what the classifier of in-context learning is made of; private to the files icl*.c.
 *
 * Letters as in model.h: B sequences of P pairs, T = 2P + 1 tokens, N wide, H heads, L labels; R =
 * B * (P + 1) items.
 */
#ifndef STOA_MODEL_ICL_H
#define STOA_MODEL_ICL_H

#include "stoa/model.h"

enum { STOA_ICL_CONVS = 32 };

/* A convolution (weight; bias NULL before a batch norm) and the norm behind it, if any. */
typedef struct stoa_icl_conv {
    stoa_tensor *weight, *bias;              /* (O, C, R, S), (O) */
    stoa_tensor *scale, *shift;              /* (O) */
    stoa_tensor *running_mean, *running_var; /* (O), buffers */
} stoa_icl_conv;

/* The last block of a transformer, its maps apart, so that it can run for the query token alone. */
typedef struct stoa_icl_last {
    stoa_norm_layer norm1, norm2; /* norm2: NULL tensors without an MLP */
    stoa_linear_layer q, k, v, proj, up, down;
} stoa_icl_last;

/* One layer of a recurrent core. */
typedef struct stoa_icl_cell {
    stoa_tensor *weight_x, *weight_h, *bias; /* (G, N), (G, N), (G); G = 4N (LSTM) or N */
} stoa_icl_cell;

/* One layer of the minimal core. */
typedef struct stoa_icl_head {
    stoa_tensor *q, *k, *v; /* (N, N) */
} stoa_icl_head;
enum { STOA_ICL_NET = 3 }; /* its ReLU layers */
#define STOA_ICL_HEAD_GAIN 1.0

struct stoa_icl {
    stoa_icl_options options;
    stoa_params *params;
    stoa_linear_layer item; /* linear, or the one behind the convolutions */
    stoa_icl_conv convs[STOA_ICL_CONVS];
    int conv_count;
    stoa_tensor *label;      /* (L, N); NULL where valued */
    stoa_linear_layer value; /* (N, 1), where valued */
    float *sinusoid;         /* (T, N) */
    stoa_tensor *place;      /* (T, N) learned, or NULL */
    stoa_block blocks[STOA_MAX_LAYERS];
    stoa_router routers[STOA_MAX_LAYERS]; /* where routed */
    bool routed[STOA_MAX_LAYERS];
    bool has_last; /* the last block is `last`, not a routed one */
    stoa_icl_last last;
    stoa_icl_cell cells[STOA_MAX_LAYERS];
    stoa_icl_head heads[STOA_MAX_LAYERS];
    stoa_linear_layer net[STOA_ICL_NET];
    stoa_norm_layer mlp_norm; /* of a recurrent core's MLP */
    stoa_linear_layer up, down;
    stoa_norm_layer norm; /* NULL tensors without final_norm */
    stoa_linear_layer head;
};

/* Until initial values are settled, a weight's scale is its gain: the deviation in units of 1 /
 * root of the inputs. */
stoa_param *stoa_icl_weight(stoa_icl *icl, const char *prefix, const char *leaf, int ndim,
                            const int64_t *shape, double gain);
/* Zero or one at first: biases, norms. */
stoa_param *stoa_icl_vector(stoa_icl *icl, const char *prefix, const char *leaf, int64_t n,
                            stoa_init init);

/* ---- embedders --------------------------------------------------------------------------------
 */

typedef struct stoa_icl_embedder_class {
    const char *name;
    bool picture; /* needs items of height, width, channels */
    void (*declare)(stoa_icl *icl);
    /* items (R, item) in host memory -> (R, N), full precision */
    stoa_tensor *(*apply)(stoa_ctx *ctx, const stoa_icl *icl, int64_t rows, const float *items);
} stoa_icl_embedder_class;
extern const stoa_icl_embedder_class stoa_icl_embedders[STOA_ICL_EMBEDDERS];

void stoa_icl_resnet_declare(stoa_icl *icl);
stoa_tensor *stoa_icl_resnet(stoa_ctx *ctx, const stoa_icl *icl, int64_t rows, const float *items);
/* Host numbers as (R, C, H, W) in compute type. */
stoa_tensor *stoa_icl_picture(stoa_ctx *ctx, const stoa_icl *icl, int64_t rows, const float *items);
/* Zero padding with which a window of `size` gives ceil(length / stride) places, the odd one at the
 * end, for both axes. */
stoa_conv_options stoa_icl_same(const stoa_tensor *x, int size, int stride);

/* ---- cores ------------------------------------------------------------------------------------
 */

void stoa_icl_transformer_declare(stoa_icl *icl);
/* x (B, T, N) -> what the logits are read from: (B, 1, N), the query's, or (B, T, N) with ITEMS.
 * maps: nullable, as in stoa_icl_attention. */
stoa_stream stoa_icl_transformer(stoa_ctx *ctx, const stoa_icl *icl, stoa_tensor *x,
                                 stoa_icl_where where, float *maps);
void stoa_icl_recurrent_declare(stoa_icl *icl);
stoa_stream stoa_icl_recurrent(stoa_ctx *ctx, const stoa_icl *icl, stoa_tensor *x,
                               stoa_icl_where where);
stoa_status stoa_icl_minimal_check(const stoa_icl_options *options, stoa_error *err);
void stoa_icl_minimal_declare(stoa_icl *icl);
/* (B, T, N) in compute type. */
stoa_tensor *stoa_icl_minimal_tokens(stoa_ctx *ctx, const stoa_icl *icl, const stoa_icl_input *in);
stoa_stream stoa_icl_minimal(stoa_ctx *ctx, const stoa_icl *icl, stoa_tensor *x,
                             stoa_icl_where where, float *maps);
/* down(gelu(up(h))) in compute type. */
stoa_tensor *stoa_icl_mlp_apply(stoa_ctx *ctx, const stoa_linear_layer *up,
                                const stoa_linear_layer *down, stoa_tensor *h);

/* ---- attention maps ---------------------------------------------------------------------------
 */

/* Writes one block's map (B, H, T, T) from its queries and keys: rows of width `pitch` in compute
 * type, head h of a query at q + h * D, of its keys at k + h * D. index (B, C) I32: the positions
 * that the C rows of each sequence stand for; NULL: all T. */
void stoa_icl_map(const stoa_icl *icl, const stoa_tensor *q, int64_t q_column, const stoa_tensor *k,
                  int64_t k_column, const stoa_tensor *index, float *map);

#endif /* STOA_MODEL_ICL_H */
