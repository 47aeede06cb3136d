/*
 * tensor/cpu/attention.h - what the attention kernels share.
 *
 * A call is described once (stoa_attn) and cut into tasks, one per sequence and key/value head: a
 * task serves all query heads of its group, so gradients of shared keys and values are summed by
 * one thread in a fixed order. A task gathers its head's columns into the thread's scratch (turning
 * them by RoPE on the way), works on blocks of queries there, and writes the result's columns.
 *
 * Three engines do the work of a task: f32 (attention_f32.c, every machine, every type), amx
 * (attention_amx*.c, bfloat16 tiles) and short (attention_short.c, sixteen short sequences at a
 * time).
 */
#ifndef STOA_TENSOR_CPU_ATTENTION_H
#define STOA_TENSOR_CPU_ATTENTION_H

#include "tensor/node.h"

/* Rotations: a row holds cos (D/2) then sin (D/2). The row of token t of sequence b is
 * positions[b * time + t] where positions are given, else b * step + t. */
typedef struct stoa_rope {
    const float *table; /* NULL: no rotation */
    const int32_t *positions;
    int64_t step;
} stoa_rope;

/* Heads side by side in the rows of a tensor (B, time, stride): head h of a row begins at element
 * h * D behind `data`. */
typedef struct stoa_attn_side {
    void *data;
    stoa_dtype dtype;
    int64_t time, stride;
    stoa_rope rope;
    bool add; /* gradients: add to what is there, else overwrite */
} stoa_attn_side;

typedef struct stoa_attn {
    int64_t batch;
    int heads, kv_heads, group, width; /* group = heads / kv_heads */
    bool causal;
    int64_t offset; /* causal: query i sees keys 0..offset + i */
    float scale;
    const int32_t *key_lengths; /* (B) or NULL */
    stoa_attn_side q, k, v, out;
    float *lse; /* (B, H, Tq): log of the sum of exponentials; NULL: not wanted */

    /* backward */
    stoa_attn_side d_out, d_q, d_k, d_v; /* data NULL: not wanted */

    /* set up by the engine */
    char *scratch;
    size_t scratch_bytes; /* a thread */
    int64_t chunks;       /* forward: how many parts a sequence's queries are cut into */
    int64_t grain;        /* backward: how many neighbouring tasks one thread must do */
} stoa_attn;

/* ---- attention_rows.c ------------------------------------------------------------------------ */

/* Rows [from, from + n) of one head as float32, turned by the side's rotation, padded with zeros to
 * `pitch` columns. */
void stoa_attn_gather(const stoa_attn_side *side, int width, int64_t b, int head, int64_t from,
                      int64_t n, float *to, int64_t pitch);
/* The way back, turned by the inverse rotation (in place in `rows`). */
void stoa_attn_scatter(const stoa_attn_side *side, int width, int64_t b, int head, int64_t from,
                       int64_t n, float *rows, int64_t pitch);
/* sum over the head's columns of out * d_out, a number a query: what softmax's gradient subtracts.
 */
void stoa_attn_delta(const stoa_attn *a, int64_t b, int head, float *delta);

/* How many keys the query may see. */
static inline int64_t stoa_attn_visible(const stoa_attn *a, int64_t b, int64_t query) {
    int64_t n = a->k.time;
    if (a->key_lengths && a->key_lengths[b] < n)
        n = a->key_lengths[b] > 0 ? a->key_lengths[b] : 0;
    if (a->causal && a->offset + query + 1 < n)
        n = a->offset + query + 1;
    return n;
}

/* ---- rope.c ---------------------------------------------------------------------------------- */

/* Builds the table for `rows` positions (NULL: 0, 1, ...) in scratch; NULL when out of memory. */
float *stoa_rope_table(stoa_ctx *ctx, double base, int width, const int32_t *positions,
                       int64_t rows);

/* ---- engines --------------------------------------------------------------------------------- */

/* A task: queries [begin, end) of the group of key/value head g in sequence b, or in as many from b
 * on as the engine takes together. */
typedef struct stoa_attn_task {
    int64_t b;
    int g;
    int64_t begin, end;
} stoa_attn_task;

typedef struct stoa_attn_engine {
    int64_t together;                             /* sequences a task; 0: one */
    size_t (*forward_bytes)(const stoa_attn *a);  /* scratch a thread */
    size_t (*backward_bytes)(const stoa_attn *a); /* the same */
    void (*enter)(void);                          /* before and after a thread's tasks; or NULL */
    void (*leave)(void);
    void (*forward)(const stoa_attn *a, stoa_attn_task task, char *scratch);
    void (*backward)(const stoa_attn *a, stoa_attn_task task, char *scratch);
} stoa_attn_engine;

extern const stoa_attn_engine stoa_attn_f32, stoa_attn_short;
/* Whether a call is one for stoa_attn_short. */
bool stoa_attn_is_short(const stoa_attn *a);
/* NULL where the machine or the types do not allow it. */
const stoa_attn_engine *stoa_attn_amx(const stoa_attn *a);

/* Runs all tasks of a call; used by attention.c and, for prefill, attention_cached.c. */
stoa_status stoa_attn_forward(stoa_ctx *ctx, stoa_attn *a);
stoa_status stoa_attn_backward(stoa_ctx *ctx, stoa_attn *a);

#endif /* STOA_TENSOR_CPU_ATTENTION_H */
