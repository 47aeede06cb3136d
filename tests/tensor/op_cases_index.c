/* tests/tensor/op_cases_index.c - cases of the operations that choose or move. */
#include <assert.h>

#include "op_cases.h"

static int64_t gcd(int64_t a, int64_t b) {
    return b ? gcd(b, a % b) : a;
}

/* index (B, C) of distinct positions below s, out of order; with holes, every third is -1. */
static stoa_tensor *distinct(op_env *e, int64_t batch, int64_t s, int64_t c, bool holes) {
    assert(c <= s || s == 0);
    int64_t step = s / 2 + 1;
    while (s > 0 && gcd(step, s) != 1)
        step++;
    int32_t *values = stoa_alloc((size_t)(batch * c + 1) * sizeof *values);
    assert(values);
    for (int64_t b = 0; b < batch; b++)
        for (int64_t i = 0; i < c; i++)
            values[b * c + i] = holes && i % 3 == 2 ? -1 : (int32_t)((i * step + b) % s);
    stoa_tensor *index = op_index_from(e, values, STOA_SHAPE(batch, c));
    stoa_free(values);
    return index;
}

/* ---- embedding, pick ------------------------------------------------------------------------- */

/* d: V, N, R */
static const int64_t embedding_dims[][8] = {{5, 3, 4},      {1, 1, 6},    {6, 17, 10},    {4, 8, 0},
                                            {100, 65, 333}, {3, 300, 90}, {512, 256, 512}};

static stoa_tensor *embedding(op_env *e, const int64_t *d) {
    stoa_tensor *table = op_input(e, "table", OP_PARAM, STOA_SHAPE(d[0], d[1]));
    return stoa_embedding(op_ctx(e), table, op_index(e, "ids", 0, d[0], STOA_SHAPE(d[2])),
                          op_act(e));
}

static stoa_tensor *embedding_full(op_env *e, const int64_t *d) {
    stoa_tensor *table = op_input(e, "table", OP_PARAM, STOA_SHAPE(d[0], d[1]));
    stoa_tensor *ids = op_index(e, "ids", 0, d[0], STOA_SHAPE(1, d[2]));
    return stoa_embedding(op_ctx(e), table, ids, op_full(e));
}

/* Two uses of one table: the second gradient adds to the first. */
static stoa_tensor *embedding_twice(op_env *e, const int64_t *d) {
    stoa_tensor *table = op_input(e, "table", OP_PARAM, STOA_SHAPE(d[0], d[1]));
    stoa_tensor *a = op_index(e, "ids", 0, d[0], STOA_SHAPE(d[2]));
    stoa_tensor *b = op_index(e, "more ids", 0, d[0], STOA_SHAPE(d[2]));
    stoa_tensor *parts[] = {stoa_embedding(op_ctx(e), table, a, op_act(e)),
                            stoa_embedding(op_ctx(e), table, b, op_act(e))};
    return stoa_concat(op_ctx(e), parts, 2, 0);
}

/* d: R, E, V, N */
static const int64_t one_hot_dims[][8] = {{3, 2, 3, 4},   {1, 1, 1, 1},    {0, 2, 3, 4},
                                          {70, 5, 4, 65}, {90, 3, 7, 130}, {600, 25, 10, 128}};

static stoa_tensor *one_hots(op_env *e, const int64_t *d, stoa_tensor *base, stoa_dtype out) {
    stoa_tensor *table = op_input(e, "table", OP_PARAM, STOA_SHAPE(d[1] * d[2], d[3]));
    stoa_tensor *ids = op_index(e, "ids", 0, d[2], STOA_SHAPE(d[0], d[1]));
    return stoa_embedding_sum(op_ctx(e), table, ids, base, out);
}

static stoa_tensor *one_hot_bias(op_env *e, const int64_t *d) {
    return one_hots(e, d, op_input(e, "bias", OP_PARAM, STOA_SHAPE(d[3])), op_act(e));
}

static stoa_tensor *one_hot_base(op_env *e, const int64_t *d) {
    return one_hots(e, d, op_input(e, "base", OP_ACT, STOA_SHAPE(d[0], d[3])), op_act(e));
}

/* Of another type than the result, and used again. */
static stoa_tensor *one_hot_full(op_env *e, const int64_t *d) {
    stoa_tensor *base = op_input(e, "base", OP_ACT, STOA_SHAPE(d[0], d[3]));
    return stoa_add(op_ctx(e), one_hots(e, d, base, op_full(e)), base);
}

/* The table has a gradient already, and the categories come as bytes. */
static stoa_tensor *one_hot_bytes(op_env *e, const int64_t *d) {
    stoa_tensor *table = op_input(e, "table", OP_PARAM, STOA_SHAPE(d[1] * d[2], d[3]));
    stoa_tensor *wide = op_index(e, "ids", 0, d[2], STOA_SHAPE(d[0], d[1]));
    stoa_tensor *ids = stoa_new(op_ctx(e), STOA_U8, STOA_SHAPE(d[0], d[1]));
    for (int64_t i = 0; i < d[0] * d[1]; i++)
        stoa_set(ids, i, stoa_get(wide, i));
    stoa_tensor *bias = op_input(e, "bias", OP_PARAM, STOA_SHAPE(d[3]));
    stoa_tensor *once = stoa_embedding_sum(op_ctx(e), table, ids, bias, op_act(e));
    return stoa_embedding_sum(op_ctx(e), table, ids, once, op_act(e));
}

/* d: R, V */
static const int64_t pick_dims[][8] = {{4, 3}, {1, 1}, {0, 5}, {7, 19}, {513, 67}, {512, 256}};

static stoa_tensor *pick(op_env *e, const int64_t *d) {
    stoa_tensor *x = op_input(e, "x", OP_ACT, STOA_SHAPE(d[0], d[1]));
    return stoa_pick(op_ctx(e), x, op_index(e, "index", 0, d[1], STOA_SHAPE(d[0])));
}

/* The same x picked from twice. */
static stoa_tensor *pick_twice(op_env *e, const int64_t *d) {
    stoa_tensor *x = op_input(e, "x", OP_FULL, STOA_SHAPE(1, d[0], d[1]));
    stoa_tensor *index = op_index(e, "index", 0, d[1], STOA_SHAPE(1, d[0]));
    stoa_tensor *parts[] = {stoa_pick(op_ctx(e), x, index), stoa_pick(op_ctx(e), x, index)};
    return stoa_concat(op_ctx(e), parts, 2, 1);
}

/* ---- rows by index --------------------------------------------------------------------------- */

/* d: B, S, N, C */
static const int64_t rows_dims[][8] = {{2, 3, 2, 2},    {1, 4, 3, 4},    {1, 1, 1, 1},
                                       {2, 3, 2, 0},    {0, 4, 3, 2},    {3, 37, 17, 9},
                                       {5, 64, 48, 64}, {2, 300, 33, 7}, {8, 256, 256, 32}};

static stoa_tensor *gather(op_env *e, const int64_t *d) {
    stoa_tensor *x = op_input(e, "x", OP_ACT, STOA_SHAPE(d[0], d[1], d[2]));
    return stoa_gather_rows(op_ctx(e), x, distinct(e, d[0], d[1], d[3], false));
}

static stoa_tensor *gather_holes(op_env *e, const int64_t *d) {
    stoa_tensor *x = op_input(e, "x", OP_FULL, STOA_SHAPE(d[0], d[1], d[2]));
    return stoa_gather_rows(op_ctx(e), x, distinct(e, d[0], d[1], d[3], true));
}

static stoa_tensor *gather_twice(op_env *e, const int64_t *d) {
    stoa_tensor *x = op_input(e, "x", OP_ACT, STOA_SHAPE(d[0], d[1], d[2]));
    stoa_tensor *a = distinct(e, d[0], d[1], d[3], false), *b = distinct(e, d[0], d[1], d[3], true);
    stoa_tensor *parts[] = {stoa_gather_rows(op_ctx(e), x, a), stoa_gather_rows(op_ctx(e), x, b)};
    return stoa_concat(op_ctx(e), parts, 2, 2);
}

/* The hot one: residual stream in full precision, block output in the activations' type, gate. */
static stoa_tensor *scatter(op_env *e, const int64_t *d) {
    stoa_tensor *x = op_input(e, "x", OP_FULL, STOA_SHAPE(d[0], d[1], d[2]));
    stoa_tensor *src = op_input(e, "src", OP_ACT, STOA_SHAPE(d[0], d[3], d[2]));
    stoa_tensor *gate = op_input(e, "gate", OP_FULL, STOA_SHAPE(d[0], d[1]));
    return stoa_scatter_rows(op_ctx(e), x, distinct(e, d[0], d[1], d[3], false), src, gate);
}

static stoa_tensor *scatter_plain(op_env *e, const int64_t *d) {
    stoa_tensor *x = op_input(e, "x", OP_ACT, STOA_SHAPE(d[0], d[1], d[2]));
    stoa_tensor *src = op_input(e, "src", OP_ACT, STOA_SHAPE(d[0], d[3], d[2]));
    return stoa_scatter_rows(op_ctx(e), x, distinct(e, d[0], d[1], d[3], true), src, NULL);
}

/* As a depth-routed block uses it: gather, scatter back onto the same stream, stream used again. */
static stoa_tensor *scatter_routed(op_env *e, const int64_t *d) {
    stoa_tensor *x = op_input(e, "x", OP_FULL, STOA_SHAPE(d[0], d[1], d[2]));
    stoa_tensor *gate = op_input(e, "gate", OP_ACT, STOA_SHAPE(d[0], d[1]));
    stoa_tensor *index = distinct(e, d[0], d[1], d[3], true);
    stoa_tensor *rows = stoa_gather_rows(op_ctx(e), x, index);
    stoa_tensor *once = stoa_scatter_rows(op_ctx(e), x, index, rows, gate);
    return stoa_scatter_rows(op_ctx(e), once, index, rows, gate);
}

/* In the memory of a stream made for it, which is used again afterwards. */
static stoa_tensor *scatter_into(op_env *e, const int64_t *d) {
    stoa_tensor *x = op_input(e, "x", OP_FULL, STOA_SHAPE(d[0], d[1], d[2]));
    stoa_tensor *src = op_input(e, "src", OP_ACT, STOA_SHAPE(d[0], d[3], d[2]));
    stoa_tensor *gate = op_input(e, "gate", OP_FULL, STOA_SHAPE(d[0], d[3]));
    stoa_tensor *index = distinct(e, d[0], d[1], d[3], true);
    stoa_tensor *stream = stoa_affine(op_ctx(e), x, 2, 1);
    stoa_tensor *rows = stoa_gather_rows(op_ctx(e), stream, index);
    stream = stoa_scatter_rows_into(op_ctx(e), stream, index, src, gate);
    stream = stoa_scatter_rows_into(op_ctx(e), stream, index, rows, NULL);
    return stoa_affine(op_ctx(e), stream, 0.5, 0);
}

/* ---- routing decisions ----------------------------------------------------------------------- */

/* d: B, S, k */
static const int64_t top_k_dims[][8] = {{2, 3, 2},      {1, 1, 1},    {3, 5, 0},
                                        {2, 7, 7},      {0, 4, 2},    {4, 129, 16},
                                        {3, 1000, 999}, {2, 4097, 1}, {16, 256, 32}};

static stoa_tensor *top_k(op_env *e, const int64_t *d) {
    stoa_tensor *scores = op_input(e, "scores", OP_ACT, STOA_SHAPE(d[0], d[1]));
    return stoa_top_k(op_ctx(e), scores, d[2]);
}

/* d: B, S, E, keep, capacity */
static const int64_t choice_dims[][8] = {{2, 5, 3, 2, 2},    {1, 1, 1, 1, 1},   {1, 4, 2, 2, 9},
                                         {2, 6, 3, 3, 0},    {2, 6, 3, 0, 2},   {0, 6, 3, 2, 2},
                                         {3, 200, 5, 4, 30}, {8, 256, 8, 6, 32}};

static stoa_tensor *choice(op_env *e, const int64_t *d) {
    stoa_tensor *scores = op_input(e, "scores", OP_ACT, STOA_SHAPE(d[0], d[1], d[2]));
    return stoa_route_choice(op_ctx(e), scores, d[3], d[4]);
}

/* ---- concat, slice, transpose ---------------------------------------------------------------- */

/* d: the common dimensions A, B, C, then three lengths along the axis */
static const int64_t concat_dims[][8] = {{2, 3, 2, 1, 2, 3},  {1, 1, 1, 1, 1, 1},
                                         {2, 3, 4, 0, 2, 0},  {0, 3, 4, 1, 2, 3},
                                         {5, 7, 9, 3, 17, 1}, {64, 33, 48, 32, 64, 16}};

static stoa_tensor *concat_axis(op_env *e, const int64_t *d, int axis) {
    static const char *const names[] = {"a", "b", "c"};
    stoa_tensor *parts[3];
    for (int p = 0; p < 3; p++) {
        int64_t shape[] = {d[0], d[1], d[2]};
        shape[axis] = d[3 + p];
        parts[p] = op_input(e, names[p], OP_ACT, 3, shape);
    }
    return stoa_concat(op_ctx(e), parts, 3, axis);
}

static stoa_tensor *concat_first(op_env *e, const int64_t *d) {
    return concat_axis(e, d, 0);
}

static stoa_tensor *concat_middle(op_env *e, const int64_t *d) {
    return concat_axis(e, d, 1);
}

static stoa_tensor *concat_last(op_env *e, const int64_t *d) {
    return concat_axis(e, d, 2);
}

static stoa_tensor *concat_same(op_env *e, const int64_t *d) {
    stoa_tensor *x = op_input(e, "x", OP_ACT, STOA_SHAPE(d[0], d[1], d[2]));
    stoa_tensor *parts[] = {x, x, x, x, x, x};
    return stoa_concat(op_ctx(e), parts, 6, -1);
}

/* d: A, B, C, begin, end (of the axis) */
static const int64_t slice_dims[][8] = {{2, 3, 4, 1, 2}, {3, 3, 3, 0, 3},     {2, 2, 2, 1, 1},
                                        {9, 9, 9, 8, 9}, {33, 40, 65, 7, 30}, {64, 64, 64, 16, 48},
                                        {0, 4, 4, 0, 0}};

static stoa_tensor *slice_middle(op_env *e, const int64_t *d) {
    stoa_tensor *x = op_input(e, "x", OP_ACT, STOA_SHAPE(d[0], d[1], d[2]));
    return stoa_slice(op_ctx(e), x, 1, d[3], d[4]);
}

/* Overlapping slices along the last axis and one along the first: gradients overwrite, then add. */
static stoa_tensor *slice_overlap(op_env *e, const int64_t *d) {
    stoa_tensor *x = op_input(e, "x", OP_FULL, STOA_SHAPE(d[0], d[1], d[2]));
    stoa_tensor *parts[] = {stoa_slice(op_ctx(e), x, -1, d[3], d[4]),
                            stoa_slice(op_ctx(e), x, -1, 0, d[4]),
                            stoa_slice(op_ctx(e), x, -1, d[3], d[2])};
    return stoa_concat(op_ctx(e), parts, 3, 2);
}

/* d: A, B, C, D */
static const int64_t transpose_dims[][8] = {{2, 3, 2, 1},   {1, 1, 1, 1},    {2, 0, 3, 2},
                                            {3, 2, 5, 2},   {5, 19, 33, 17}, {2, 16, 16, 32},
                                            {4, 31, 64, 48}};

static stoa_tensor *swap(op_env *e, const int64_t *d, int a, int b) {
    stoa_tensor *x = op_input(e, "x", OP_ACT, STOA_SHAPE(d[0], d[1], d[2], d[3]));
    return stoa_transpose(op_ctx(e), x, a, b);
}

static stoa_tensor *transpose_last(op_env *e, const int64_t *d) {
    return swap(e, d, -1, -2);
}

static stoa_tensor *transpose_inner(op_env *e, const int64_t *d) {
    return swap(e, d, 1, 2);
}

static stoa_tensor *transpose_ends(op_env *e, const int64_t *d) {
    return swap(e, d, 0, 3);
}

static stoa_tensor *transpose_across(op_env *e, const int64_t *d) {
    return swap(e, d, 0, 2);
}

/* x used in both orders: the second gradient adds to the first. */
static stoa_tensor *transpose_twice(op_env *e, const int64_t *d) {
    stoa_tensor *x = op_input(e, "x", OP_ACT, STOA_SHAPE(d[0], d[1], d[1]));
    stoa_tensor *parts[] = {stoa_transpose(op_ctx(e), x, 1, 2), x,
                            stoa_transpose(op_ctx(e), x, 2, 1)};
    return stoa_concat(op_ctx(e), parts, 3, 0);
}

#define CASE(upper, name, function, rows, f32, bf16, ...)                                          \
    {                                                                                              \
        .op = STOA_OP_##upper, .label = name, .build = function, .dims = rows,                     \
        .dims_count = OP_COUNT(rows), .tol_f32 = f32, .tol_bf16 = bf16, __VA_ARGS__                \
    }

const op_case op_cases_index[] = {
    CASE(EMBEDDING, "", embedding, embedding_dims, 1e-6, 1e-2, ),
    CASE(EMBEDDING, "full precision", embedding_full, embedding_dims, 1e-6, 1e-2, ),
    CASE(EMBEDDING, "used twice", embedding_twice, embedding_dims, 1e-6, 1e-2, ),
    CASE(EMBEDDING_SUM, "bias", one_hot_bias, one_hot_dims, 1e-6, 1e-2, ),
    CASE(EMBEDDING_SUM, "base", one_hot_base, one_hot_dims, 1e-6, 1e-2, ),
    CASE(EMBEDDING_SUM, "full precision", one_hot_full, one_hot_dims, 1e-6, 1e-2, ),
    CASE(EMBEDDING_SUM, "bytes, twice", one_hot_bytes, one_hot_dims, 1e-6, 2e-2, ),
    CASE(PICK, "", pick, pick_dims, 1e-6, 1e-2, ),
    CASE(PICK, "used twice", pick_twice, pick_dims, 1e-6, 1e-2, ),
    CASE(GATHER_ROWS, "", gather, rows_dims, 1e-6, 1e-2, ),
    CASE(GATHER_ROWS, "with holes", gather_holes, rows_dims, 1e-6, 1e-2, ),
    CASE(GATHER_ROWS, "used twice", gather_twice, rows_dims, 1e-6, 1e-2, ),
    CASE(SCATTER_ROWS, "gate", scatter, rows_dims, 1e-6, 1e-2, ),
    CASE(SCATTER_ROWS, "no gate, holes", scatter_plain, rows_dims, 1e-6, 1e-2, ),
    CASE(SCATTER_ROWS, "routed block", scatter_routed, rows_dims, 1e-5, 2e-2, ),
    CASE(SCATTER_ROWS, "into its stream", scatter_into, rows_dims, 1e-5, 2e-2, ),
    CASE(TOP_K, "", top_k, top_k_dims, 1e-9, 1e-9, .index_output = true),
    CASE(ROUTE_CHOICE, "", choice, choice_dims, 1e-9, 1e-9, .index_output = true),
    CASE(CONCAT, "first axis", concat_first, concat_dims, 1e-6, 1e-2, ),
    CASE(CONCAT, "middle axis", concat_middle, concat_dims, 1e-6, 1e-2, ),
    CASE(CONCAT, "last axis", concat_last, concat_dims, 1e-6, 1e-2, ),
    CASE(CONCAT, "same part", concat_same, concat_dims, 1e-6, 2e-2, ),
    CASE(SLICE, "middle axis", slice_middle, slice_dims, 1e-6, 1e-2, ),
    CASE(SLICE, "overlapping", slice_overlap, slice_dims, 1e-6, 1e-2, ),
    CASE(TRANSPOSE, "last axes", transpose_last, transpose_dims, 1e-6, 1e-2, ),
    CASE(TRANSPOSE, "inner axes", transpose_inner, transpose_dims, 1e-6, 1e-2, ),
    CASE(TRANSPOSE, "first and last", transpose_ends, transpose_dims, 1e-6, 1e-2, ),
    CASE(TRANSPOSE, "around one", transpose_across, transpose_dims, 1e-6, 1e-2, ),
    CASE(TRANSPOSE, "used twice", transpose_twice, transpose_dims, 1e-6, 2e-2, ),
};
const int op_cases_index_count = OP_COUNT(op_cases_index);
