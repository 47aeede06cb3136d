/* tensor/cpu/attention_decode.h - one query against one head of a sequence's cache. */
#ifndef STOA_TENSOR_CPU_ATTENTION_DECODE_H
#define STOA_TENSOR_CPU_ATTENTION_DECODE_H

#include "stoa/tensor.h"

/* Token t's key begins at element first + t * stride of `keys`, its value likewise. */
typedef struct stoa_decode {
    const void *keys, *values;
    stoa_dtype dtype;
    int64_t first, stride, tokens; // tokens >= 1
    int width;
    float scale;
} stoa_decode;

/* Floats of scratch for stoa_attn_decode, and of its result. */
int64_t stoa_decode_scratch(int64_t tokens);
int64_t stoa_decode_padded(int width);

/* out = softmax(scale * query . keys) values. query and out: stoa_decode_padded floats, the query's
 * padding 0. */
void stoa_attn_decode(const stoa_decode *d, const float *query, float *out, float *scratch);

/* Its two halves: scores = query . keys, without the scale, and out = the sum of weights * values.
 * Scores and weights are rows of stoa_decode_scratch floats; mixing overwrites the second half. */
void stoa_attn_decode_scores(const stoa_decode *d, const float *query, float *scores);
void stoa_attn_decode_mix(const stoa_decode *d, float *weights, float *out);

#endif /* STOA_TENSOR_CPU_ATTENTION_DECODE_H */
