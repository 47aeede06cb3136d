/* tests/tensor/op_cases_attention.c - cases of attention: whole, cached, to a ring. */
#include "op_cases.h"

/* One fused projection holds queries, keys and values, and is covered by them: {B, T, H, G, D}. */
static stoa_tensor *fused(op_env *e, const int64_t *d, stoa_attention_options how) {
    int64_t heads = d[2], groups = d[3], width = d[4];
    stoa_tensor *qkv =
        op_input(e, "qkv", OP_ACT, STOA_SHAPE(d[0], d[1], (heads + 2 * groups) * width));
    how.heads = (int)heads, how.kv_heads = (int)groups, how.head_width = (int)width;
    how.k_column = heads * width;
    how.v_column = (heads + groups) * width;
    return stoa_attention(op_ctx(e), qkv, qkv, qkv, &how);
}

static stoa_tensor *attention_causal(op_env *e, const int64_t *d) {
    return fused(e, d, (stoa_attention_options){.causal = true, .rope_base = 10000});
}

static stoa_tensor *attention_plain(op_env *e, const int64_t *d) {
    return fused(e, d, (stoa_attention_options){.scale = 0.3});
}

/* Positions of routed tokens: ascending with gaps. */
static stoa_tensor *attention_routed(op_env *e, const int64_t *d) {
    stoa_tensor *positions = op_index(e, "positions", 0, 8 * d[1], STOA_SHAPE(d[0], d[1]));
    return fused(e, d,
                 (stoa_attention_options){.causal = true,
                                          .rope_base = 10000,
                                          .q_positions = positions,
                                          .k_positions = positions});
}

/* Positions too large and too odd for a table by position. */
static stoa_tensor *attention_far(op_env *e, const int64_t *d) {
    return fused(e, d,
                 (stoa_attention_options){
                     .rope_base = 500,
                     .q_positions = op_index(e, "q at", -5, 100000, STOA_SHAPE(d[0], d[1])),
                     .k_positions = op_index(e, "k at", -5, 100000, STOA_SHAPE(d[0], d[1]))});
}

/* Lengths from 0 (no visible key: zeros) to more than there are. */
static stoa_tensor *attention_lengths(op_env *e, const int64_t *d) {
    int32_t lengths[8];
    for (int64_t b = 0; b < d[0]; b++)
        lengths[b] = (int32_t)(b == 0 ? 0 : b == 1 ? d[1] + 3 : b * d[1] / d[0]);
    return fused(
        e, d, (stoa_attention_options){.key_lengths = op_index_from(e, lengths, STOA_SHAPE(d[0]))});
}

static stoa_tensor *attention_causal_lengths(op_env *e, const int64_t *d) {
    int32_t lengths[8];
    for (int64_t b = 0; b < d[0]; b++)
        lengths[b] = (int32_t)((b + 1) * d[1] / d[0]);
    return fused(
        e, d,
        (stoa_attention_options){.causal = true,
                                 .rope_base = 100,
                                 .key_lengths = op_index_from(e, lengths, STOA_SHAPE(d[0]))});
}

/* Queries of one sequence, keys and values of another, with columns nobody reads:
 * {B, Tq, H, G, D, Tk}. */
static stoa_tensor *attention_cross(op_env *e, const int64_t *d) {
    stoa_tensor *q = op_input(e, "q", OP_ACT, STOA_SHAPE(d[0], d[1], d[2] * d[4] + 3));
    stoa_tensor *kv = op_input(e, "kv", OP_ACT, STOA_SHAPE(d[0], d[5], 2 * d[3] * d[4] + 5));
    stoa_attention_options how = {.heads = (int)d[2],
                                  .kv_heads = (int)d[3],
                                  .head_width = (int)d[4],
                                  .q_column = 3,
                                  .k_column = d[3] * d[4] + 5,
                                  .rope_base = 1000};
    return stoa_attention(op_ctx(e), q, kv, kv, &how);
}

/* Three sources. */
static stoa_tensor *attention_apart(op_env *e, const int64_t *d) {
    stoa_tensor *q = op_input(e, "q", OP_ACT, STOA_SHAPE(d[0], d[1], d[2] * d[4]));
    stoa_tensor *k = op_input(e, "k", OP_ACT, STOA_SHAPE(d[0], d[1], d[3] * d[4]));
    stoa_tensor *v = op_input(e, "v", OP_ACT, STOA_SHAPE(d[0], d[1], d[3] * d[4]));
    stoa_attention_options how = {
        .heads = (int)d[2], .kv_heads = (int)d[3], .head_width = (int)d[4], .causal = true};
    return stoa_attention(op_ctx(e), q, k, v, &how);
}

/* The same columns are queries, keys and values, seen through a view as well. */
static stoa_tensor *attention_tied(op_env *e, const int64_t *d) {
    stoa_tensor *x = op_input(e, "x", OP_ACT, STOA_SHAPE(d[0], d[1], d[2] * d[4]));
    stoa_tensor *view = stoa_reshape(op_ctx(e), x, STOA_SHAPE(d[0], d[1], d[2] * d[4]));
    stoa_attention_options how = {
        .heads = (int)d[2], .kv_heads = (int)d[3], .head_width = (int)d[4], .causal = true};
    return stoa_attention(op_ctx(e), x, view, x, &how);
}

/* Many short sequences, without rotation. */
static stoa_tensor *attention_short(op_env *e, const int64_t *d) {
    return fused(e, d, (stoa_attention_options){.causal = true});
}

/* The last token alone asks: {B, Tq, H, G, D, Tk}. */
static stoa_tensor *attention_last(op_env *e, const int64_t *d) {
    stoa_tensor *q = op_input(e, "q", OP_ACT, STOA_SHAPE(d[0], d[1], d[2] * d[4]));
    stoa_tensor *kv = op_input(e, "kv", OP_ACT, STOA_SHAPE(d[0], d[5], 2 * d[3] * d[4]));
    stoa_attention_options how = {.heads = (int)d[2],
                                  .kv_heads = (int)d[3],
                                  .head_width = (int)d[4],
                                  .v_column = d[3] * d[4]};
    return stoa_attention(op_ctx(e), q, kv, kv, &how);
}

static const int64_t short_dims[][8] = {{8, 3, 2, 1, 4},   {64, 17, 4, 4, 16}, {33, 17, 8, 8, 8},
                                        {17, 18, 2, 1, 5}, {19, 40, 2, 2, 24}, {16, 64, 1, 1, 64},
                                        {9, 1, 1, 1, 1},   {9, 65, 2, 2, 16}};
static const int64_t last_dims[][8] = {
    {9, 1, 2, 2, 4, 5}, {64, 1, 4, 4, 16, 17}, {20, 3, 4, 2, 12, 31}, {31, 2, 3, 1, 20, 1}};
static const int64_t plain_dims[][8] = {{1, 5, 2, 1, 4},   {2, 3, 2, 2, 8},   {0, 4, 2, 2, 8},
                                        {2, 0, 2, 2, 8},   {1, 17, 2, 2, 64}, {1, 40, 3, 1, 80},
                                        {1, 33, 2, 1, 128}};
static const int64_t causal_dims[][8] = {
    {1, 5, 2, 1, 4},   {2, 3, 2, 2, 8},   {1, 1, 1, 1, 16},    {2, 17, 4, 2, 16}, {3, 33, 2, 2, 32},
    {1, 40, 3, 1, 80}, {1, 70, 2, 2, 64}, {1, 131, 2, 1, 128}, {1, 280, 1, 1, 64}};
static const int64_t few_dims[][8] = {{1, 5, 2, 1, 4}, {2, 20, 2, 1, 32}, {1, 50, 2, 2, 64}};
static const int64_t length_dims[][8] = {
    {4, 4, 2, 1, 8}, {3, 40, 2, 2, 16}, {4, 70, 2, 1, 64}, {3, 130, 1, 1, 32}};
static const int64_t cross_dims[][8] = {
    {1, 4, 2, 1, 6, 7},    {2, 3, 1, 1, 8, 0},     {1, 0, 1, 1, 8, 5},     {2, 1, 2, 2, 32, 65},
    {2, 66, 2, 1, 64, 37}, {1, 40, 2, 2, 80, 100}, {1, 200, 1, 1, 64, 40}, {2, 64, 2, 2, 64, 300}};

/* {n, sequences, H, G, D, tokens a turn}: the first two thirds come as runs, the rest one by one.
 */
static stoa_tensor *cached(op_env *e, const int64_t *d, double rope_base) {
    stoa_ctx *ctx = op_ctx(e);
    int64_t n = d[0], batch = d[1], width = d[3] * d[4], run = d[5];
    stoa_tensor *sequence = stoa_zeros(ctx, STOA_I32, STOA_SHAPE(n));
    stoa_tensor *position = stoa_zeros(ctx, STOA_I32, STOA_SHAPE(n));
    stoa_tensor *held = stoa_zeros(ctx, STOA_U8, STOA_SHAPE(sizeof(stoa_kv_cache)));
    stoa_kv_cache *cache = held->data;
    *cache = (stoa_kv_cache){
        .dtype = op_act(e),
        .batch = batch,
        .capacity = n + 1,
        .width = width,
        .keys = stoa_zeros(ctx, op_act(e), STOA_SHAPE(batch, n + 1, width))->data,
        .values = stoa_zeros(ctx, op_act(e), STOA_SHAPE(batch, n + 1, width))->data,
        .lengths = stoa_zeros(ctx, STOA_I32, STOA_SHAPE(batch))->data,
    };
    for (int64_t r = 0; r < n; r++) {
        ((int32_t *)sequence->data)[r] = (int32_t)((3 * r < 2 * n ? r / run : r) % batch);
        ((int32_t *)position->data)[r] = (int32_t)(2 * r + r % 2);
    }
    stoa_tensor *qkv = op_input(e, "qkv", OP_ACT, STOA_SHAPE(n, d[2] * d[4] + 2 * width));
    return stoa_attention_cached(ctx, qkv, sequence, position, cache, (int)d[2], (int)d[3],
                                 (int)d[4], rope_base);
}

static stoa_tensor *cached_turning(op_env *e, const int64_t *d) {
    return cached(e, d, 10000);
}

static stoa_tensor *cached_plain(op_env *e, const int64_t *d) {
    return cached(e, d, 0);
}

static const int64_t cached_dims[][8] = {
    {5, 2, 2, 1, 4, 2},     {0, 1, 1, 1, 8, 1},     {1, 1, 2, 2, 16, 1},   {40, 3, 4, 2, 8, 9},
    {90, 2, 2, 2, 32, 20},  {64, 5, 3, 1, 80, 40},  {100, 1, 2, 1, 64, 1}, {300, 3, 4, 4, 64, 50},
    {64, 64, 8, 2, 128, 1}, {700, 1, 2, 2, 64, 700}};

/* {B, P, H, D}: two tokens after P that came before; of the first, some go by. */
static stoa_tensor *ring_of(op_env *e, const int64_t *d, bool some) {
    stoa_ctx *ctx = op_ctx(e);
    int64_t batch = d[0], slots = d[1], m = d[2] * d[3];
    stoa_tensor *memory = stoa_zeros(ctx, STOA_U8, STOA_SHAPE(sizeof(stoa_kv_ring)));
    stoa_kv_ring *ring = memory->data;
    *ring = (stoa_kv_ring){
        .dtype = op_act(e),
        .batch = batch,
        .slots = slots,
        .heads = (int)d[2],
        .head_width = (int)d[3],
        .keys = stoa_zeros(ctx, op_act(e), STOA_SHAPE(batch, slots + 1, m))->data,
        .values = stoa_zeros(ctx, op_act(e), STOA_SHAPE(batch, slots + 1, m))->data,
        .taken = stoa_zeros(ctx, STOA_U8, STOA_SHAPE(batch, slots))->data,
    };
    stoa_tensor *place = op_index(e, "place", 0, slots, STOA_SHAPE(batch));
    place = stoa_from(ctx, STOA_I32, STOA_SHAPE(batch), place->data);
    stoa_tensor *held = op_index(e, "held", 0, slots + 1, STOA_SHAPE(batch));
    held = stoa_from(ctx, STOA_I32, STOA_SHAPE(batch), held->data);
    stoa_tensor *taken = some ? op_flags(e, "taken", 0.6, STOA_SHAPE(batch, slots)) : NULL;
    stoa_tensor *takes = some ? op_flags(e, "takes", 0.5, STOA_SHAPE(batch)) : NULL;
    stoa_tensor *table = op_input(e, "table", OP_PARAM, STOA_SHAPE(slots + 1, d[2]));
    stoa_tensor *out[2];
    stoa_kv_ring_fill(ctx, ring, op_input(e, "past", OP_ACT, STOA_SHAPE(batch, slots, 2 * m)),
                      place, taken);
    for (int t = 0; t < 2; t++) {
        stoa_tensor *q = op_input(e, t ? "q2" : "q1", OP_ACT, STOA_SHAPE(batch, m));
        stoa_tensor *kv = op_input(e, t ? "kv2" : "kv1", OP_ACT, STOA_SHAPE(batch, 2 * m));
        out[t] = stoa_attention_ring(ctx, q, kv, table, place, held, t ? NULL : takes, ring);
        for (int64_t b = 0; b < batch; b++) {
            int32_t *p = (int32_t *)place->data + b, *h = (int32_t *)held->data + b;
            *p = (int32_t)((*p + 1) % slots);
            *h += *h < slots;
        }
    }
    op_also(e, out[0]);
    return out[1];
}

static stoa_tensor *ring_whole(op_env *e, const int64_t *d) {
    return ring_of(e, d, false);
}

static stoa_tensor *ring_of_some(op_env *e, const int64_t *d) {
    return ring_of(e, d, true);
}

static const int64_t ring_dims[][8] = {{3, 4, 2, 4},   {0, 3, 1, 8},    {5, 1, 1, 1},
                                       {7, 15, 3, 5},  {40, 16, 2, 32}, {9, 33, 4, 16},
                                       {2, 64, 1, 80}, {64, 64, 4, 32}};

#define ROW(op, label, build, dims, ...)                                                           \
    { STOA_OP_##op, label, build, dims, OP_COUNT(dims), __VA_ARGS__ }

const op_case op_cases_attention[] = {
    ROW(ATTENTION, "whole", attention_plain, plain_dims, .tol_f32 = 2e-5, .tol_bf16 = 2e-2),
    ROW(ATTENTION, "causal", attention_causal, causal_dims, .tol_f32 = 2e-5, .tol_bf16 = 2e-2),
    ROW(ATTENTION, "routed", attention_routed, few_dims, .tol_f32 = 2e-5, .tol_bf16 = 2e-2),
    ROW(ATTENTION, "far", attention_far, few_dims, .tol_f32 = 2e-5, .tol_bf16 = 2e-2),
    ROW(ATTENTION, "lengths", attention_lengths, length_dims, .tol_f32 = 2e-5, .tol_bf16 = 2e-2),
    ROW(ATTENTION, "causal lengths", attention_causal_lengths, length_dims, .tol_f32 = 2e-5,
        .tol_bf16 = 2e-2),
    ROW(ATTENTION, "cross", attention_cross, cross_dims, .tol_f32 = 2e-5, .tol_bf16 = 2e-2),
    ROW(ATTENTION, "apart", attention_apart, few_dims, .tol_f32 = 2e-5, .tol_bf16 = 2e-2),
    ROW(ATTENTION, "tied", attention_tied, few_dims, .tol_f32 = 2e-5, .tol_bf16 = 2e-2),
    ROW(ATTENTION, "short", attention_short, short_dims, .tol_f32 = 2e-5, .tol_bf16 = 2e-2),
    ROW(ATTENTION, "last", attention_last, last_dims, .tol_f32 = 2e-5, .tol_bf16 = 2e-2),
    ROW(ATTENTION_CACHED, "", cached_turning, cached_dims, .tol_f32 = 1e-5, .tol_bf16 = 1e-2),
    ROW(ATTENTION_CACHED, "no rope", cached_plain, cached_dims, .tol_f32 = 1e-5, .tol_bf16 = 1e-2),
    ROW(ATTENTION_RING, "", ring_whole, ring_dims, .tol_f32 = 1e-5, .tol_bf16 = 2e-2,
        .extra_output = 1),
    ROW(ATTENTION_RING, "some", ring_of_some, ring_dims, .tol_f32 = 1e-5, .tol_bf16 = 2e-2,
        .extra_output = 1),
};
const int op_cases_attention_count = OP_COUNT(op_cases_attention);
