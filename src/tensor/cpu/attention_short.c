/*
 * tensor/cpu/attention_short.c - the attention engine for short sequences: sixteen of them side by
 * side, one a lane.
 *
 * A sequence of a few dozen tokens and a narrow head fill no vector of their own: seventeen keys
 * are two vectors, of which one is nearly empty. Across sequences every lane works, the causal half
 * is all that is computed, and sums and softmax need nothing from other lanes. The price is turning
 * rows into lanes and back, 16 x 16 numbers at a time.
 */
#include <string.h>

#include "tensor/cpu/attention.h"
#include "tensor/cpu/lanes_math.h"

enum {
    LANES = STOA_LANES,
    PART = 8,       // columns of a head that are worked on at once
    MOST_TIME = 64, // tokens
    MOST_WIDTH = 64,
    AHEAD = 3, // tokens
};

bool stoa_attn_is_short(const stoa_attn *a) {
    return a->batch >= PART && a->width <= MOST_WIDTH && a->q.time > 0 && a->k.time > 0 &&
           a->q.time <= MOST_TIME && a->k.time <= MOST_TIME && !a->key_lengths &&
           !a->q.rope.table && !a->k.rope.table;
}

/* ---- rows to lanes --------------------------------------------------------------------------- */

/* Of every four lanes: the lower two of a and b in turn, the upper two, and the same by pairs.
 * Then, of each vector's four quarters: the even ones of a and b, the odd ones. Each is one
 * instruction of AVX-512 that needs no table. */
#define LOWER(a, b)                                                                                \
    __builtin_shufflevector(a, b, 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29)
#define UPPER(a, b)                                                                                \
    __builtin_shufflevector(a, b, 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31)
#define LOWER_PAIRS(a, b)                                                                          \
    __builtin_shufflevector(a, b, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29)
#define UPPER_PAIRS(a, b)                                                                          \
    __builtin_shufflevector(a, b, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31)
#define EVEN_QUARTERS(a, b)                                                                        \
    __builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27)
#define ODD_QUARTERS(a, b)                                                                         \
    __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31)

/* Lane i of v[j] and lane j of v[i] change places. */
STOA_INLINE void transpose(stoa_lanes v[LANES]) {
#pragma GCC unroll 4
    for (int i = 0; i < LANES; i += 4) { // 4 x 4 numbers within four rows
        stoa_lanes a = LOWER(v[i], v[i + 1]), b = UPPER(v[i], v[i + 1]);
        stoa_lanes c = LOWER(v[i + 2], v[i + 3]), d = UPPER(v[i + 2], v[i + 3]);
        v[i] = LOWER_PAIRS(a, c), v[i + 1] = UPPER_PAIRS(a, c);
        v[i + 2] = LOWER_PAIRS(b, d), v[i + 3] = UPPER_PAIRS(b, d);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) { // 4 x 4 quarters
        stoa_lanes a = EVEN_QUARTERS(v[i], v[i + 4]), b = ODD_QUARTERS(v[i], v[i + 4]);
        stoa_lanes c = EVEN_QUARTERS(v[i + 8], v[i + 12]), d = ODD_QUARTERS(v[i + 8], v[i + 12]);
        v[i] = EVEN_QUARTERS(a, c), v[i + 8] = ODD_QUARTERS(a, c);
        v[i + 4] = EVEN_QUARTERS(b, d), v[i + 12] = ODD_QUARTERS(b, d);
    }
}

/* Asks for a head's columns of the token AHEAD of t: short pieces far apart, which the processor
 * does not foresee. */
STOA_INLINE void ask(const stoa_attn_side *side, int64_t b, int64_t n, int head, int width,
                     int64_t t) {
    size_t size = stoa_dtype_size(side->dtype);
    int64_t at = (b * side->time + t + AHEAD) * side->stride + head * width;
    const char *from = (const char *)side->data + (size_t)at * size;
    for (int64_t s = 0; s < n; s++)
        __builtin_prefetch(from + (size_t)(s * side->time * side->stride) * size);
}

/* Columns [d, d + LANES) of a head, or as many as there are, of token t of sequences [b, b + n),
 * one a row; missing ones are 0. */
STOA_INLINE void load(const stoa_attn_side *side, int width, int64_t b, int64_t n, int head,
                      int64_t t, int d, stoa_lanes v[LANES]) {
    int64_t columns = width - d < LANES ? width - d : LANES, step = side->time * side->stride;
    int64_t at = (b * side->time + t) * side->stride + head * width + d;
    if (n == LANES && columns == LANES && side->dtype == STOA_F32) {
#pragma GCC unroll 16
        for (int64_t s = 0; s < LANES; s++)
            v[s] = stoa_lanes_load((const float *)side->data + at + s * step);
        return;
    }
    for (int64_t s = 0; s < LANES; s++)
        v[s] = s < n ? stoa_lanes_get(side->data, side->dtype, at + s * step, columns)
                     : (stoa_lanes){0};
}

/* The way back, over what is there or onto it. */
STOA_INLINE void store(const stoa_attn_side *side, int width, int64_t b, int64_t n, int head,
                       int64_t t, int d, stoa_lanes v[LANES]) {
    int64_t columns = width - d < LANES ? width - d : LANES, step = side->time * side->stride;
    int64_t at = (b * side->time + t) * side->stride + head * width + d;
    if (n == LANES && columns == LANES && side->dtype == STOA_F32 && !side->add) {
#pragma GCC unroll 16
        for (int64_t s = 0; s < LANES; s++)
            stoa_lanes_store((float *)side->data + at + s * step, v[s]);
        return;
    }
    for (int64_t s = 0; s < n; s++, at += step) {
        if (side->add)
            v[s] += stoa_lanes_get(side->data, side->dtype, at, columns);
        stoa_lanes_put(side->data, side->dtype, at, columns, v[s]);
    }
}

/* A head of sequences [b, b + n), one a lane, `wide` columns a token; both ways. */
STOA_INLINE void gather(const stoa_attn_side *side, int width, int wide, int64_t b, int64_t n,
                        int head, stoa_lanes *to) {
    for (int64_t t = 0; t < side->time; t++)
        for (int d = 0; d < wide; d += LANES) {
            stoa_lanes v[LANES];
            if (t + AHEAD < side->time)
                ask(side, b, n, head, width, t);
            load(side, width, b, n, head, t, d, v);
            transpose(v);
#pragma GCC unroll 16
            for (int c = 0; c < LANES; c++)
                if (d + c < wide)
                    to[t * wide + d + c] = v[c];
        }
}

STOA_INLINE void scatter(const stoa_attn_side *side, int width, int wide, int64_t b, int64_t n,
                         int head, const stoa_lanes *from) {
    for (int64_t t = 0; t < side->time; t++)
        for (int d = 0; d < wide; d += LANES) {
            stoa_lanes v[LANES];
            if (t + AHEAD < side->time)
                ask(side, b, n, head, width, t);
#pragma GCC unroll 16
            for (int c = 0; c < LANES; c++)
                v[c] = d + c < wide ? from[t * wide + d + c] : (stoa_lanes){0};
            transpose(v);
            store(side, width, b, n, head, t, d, v);
        }
}

/* ---- products -------------------------------------------------------------------------------- */

/* s[j] = sum over d of x[d] * y[j][d], j < n; s has room for n rounded up to four, and so has y. */
STOA_INLINE void dots(const stoa_lanes *x, const stoa_lanes *y, int wide, int64_t n,
                      stoa_lanes *s) {
    for (int64_t j = 0; j < n; j += 4) {
        stoa_lanes even[4], odd[4];
        for (int k = 0; k < 4; k++)
            even[k] = odd[k] = (stoa_lanes){0};
        for (int d = 0; d < wide; d += PART)
#pragma GCC unroll 4
            for (int p = 0; p < PART; p += 2)
#pragma GCC unroll 4
                for (int k = 0; k < 4; k++) {
                    even[k] += x[d + p] * y[(j + k) * wide + d + p];
                    odd[k] += x[d + p + 1] * y[(j + k) * wide + d + p + 1];
                }
        for (int k = 0; k < 4; k++)
            s[j + k] = even[k] + odd[k];
    }
}

/* to[d] (+)= sum over j in [begin, end) of w[j * step] * y[j][d] */
STOA_INLINE void mix(const stoa_lanes *w, int64_t step, const stoa_lanes *y, int wide,
                     int64_t begin, int64_t end, bool add, stoa_lanes *to) {
    for (int d = 0; d < wide; d += PART) {
        stoa_lanes sum[PART];
        for (int p = 0; p < PART; p++)
            sum[p] = add ? to[d + p] : (stoa_lanes){0};
        for (int64_t j = begin; j < end; j++)
#pragma GCC unroll 8
            for (int p = 0; p < PART; p++)
                sum[p] += w[j * step] * y[j * wide + d + p];
        for (int p = 0; p < PART; p++)
            to[d + p] = sum[p];
    }
}

/* ---- scratch --------------------------------------------------------------------------------- */

/* Rows of keys and values are padded to four tokens, so that `dots` may run over. */
typedef struct work {
    int64_t far;                         // keys, padded to four
    stoa_lanes *q, *k, *v, *out;         // (T, wide)
    stoa_lanes *p, *d_s;                 // (Tq, far) or (far): probabilities, their gradients
    stoa_lanes *d_out, *d_q, *d_k, *d_v; // (T, wide)
} work;

static stoa_lanes *carve(char **at, size_t *used, int64_t count) {
    stoa_lanes *p = *at ? (stoa_lanes *)(void *)(*at + *used) : NULL;
    *used += (size_t)count * sizeof(stoa_lanes);
    return p;
}

/* Columns of a head, padded. */
static int wide_of(const stoa_attn *a) {
    return (a->width + PART - 1) / PART * PART;
}

/* Keys are the values too: gathered once, and their gradients are one. */
static bool is_tied(const stoa_attn *a) {
    return a->k.data == a->v.data;
}

static work plan(const stoa_attn *a, bool backward, char *base, size_t *used) {
    int64_t wide = wide_of(a), far = (a->k.time + 3) / 4 * 4;
    int64_t tq = a->q.time, queries = tq * wide, keys = far * wide;
    work w = {.far = far};
    *used = 0;
    w.q = carve(&base, used, queries);
    w.k = carve(&base, used, keys);
    w.v = is_tied(a) ? w.k : carve(&base, used, keys);
    w.p = carve(&base, used, (backward ? tq : 1) * far);
    if (!backward) {
        w.out = carve(&base, used, queries);
        return w;
    }
    w.d_s = carve(&base, used, tq * far);
    w.d_out = carve(&base, used, queries);
    w.d_q = carve(&base, used, queries);
    w.d_k = carve(&base, used, keys);
    w.d_v = is_tied(a) ? w.d_k : carve(&base, used, keys);
    return w;
}

static size_t forward_bytes(const stoa_attn *a) {
    size_t used;
    plan(a, false, NULL, &used);
    return used;
}

static size_t backward_bytes(const stoa_attn *a) {
    size_t used;
    plan(a, true, NULL, &used);
    return used;
}

static int64_t visible(const stoa_attn *a, int64_t query) {
    int64_t n = a->offset + query + 1;
    return a->causal && n < a->k.time ? n : a->k.time;
}

static int64_t lanes_of(const stoa_attn *a, stoa_attn_task task) {
    return a->batch - task.b < LANES ? a->batch - task.b : LANES;
}

/* Keys and values; the rows that pad them are 0. */
STOA_INLINE void gather_keys(const stoa_attn *a, work *w, stoa_attn_task task, int64_t n,
                             int wide) {
    int64_t rows = a->k.time * wide, pad = (w->far - a->k.time) * wide;
    gather(&a->k, a->width, wide, task.b, n, task.g, w->k);
    memset(w->k + rows, 0, (size_t)pad * sizeof *w->k);
    if (is_tied(a))
        return;
    gather(&a->v, a->width, wide, task.b, n, task.g, w->v);
    memset(w->v + rows, 0, (size_t)pad * sizeof *w->v);
}

/* ---- forward --------------------------------------------------------------------------------- */

STOA_INLINE void forward_head(const stoa_attn *a, work *w, stoa_attn_task task, int h, int64_t n,
                              int wide) {
    gather(&a->q, a->width, wide, task.b, n, h, w->q);
    for (int64_t i = 0; i < a->q.time; i++) {
        int64_t seen = visible(a, i);
        dots(w->q + i * wide, w->k, wide, seen, w->p);
        stoa_lanes top = w->p[0], sum = {0};
        for (int64_t j = 1; j < seen; j++)
            top = stoa_lanes_larger(w->p[j], top);
        top *= a->scale;
        for (int64_t j = 0; j < seen; j++) {
            w->p[j] = stoa_lanes_exp(w->p[j] * a->scale - top);
            sum += w->p[j];
        }
        mix(w->p, 1, w->v, wide, 0, seen, false, w->out + i * wide);
        stoa_lanes inverse = 1.0f / sum;
        for (int d = 0; d < wide; d++)
            w->out[i * wide + d] *= inverse;
        if (!a->lse)
            continue;
        float lse[LANES];
        for (int s = 0; s < LANES; s++)
            lse[s] = top[s] + stoa_vlog(sum[s]);
        for (int64_t s = 0; s < n; s++)
            a->lse[((task.b + s) * a->heads + h) * a->q.time + i] = lse[s];
    }
    scatter(&a->out, a->width, wide, task.b, n, h, w->out);
}

STOA_INLINE void forward_task(const stoa_attn *a, stoa_attn_task task, char *scratch, int wide) {
    size_t used;
    work w = plan(a, false, scratch, &used);
    int64_t n = lanes_of(a, task);
    gather_keys(a, &w, task, n, wide);
    for (int h = task.g * a->group; h < (task.g + 1) * a->group; h++)
        forward_head(a, &w, task, h, n, wide);
}

/* Once for each common width of a head, so that loops over its columns unroll, and once for all. */
static void forward_8(const stoa_attn *a, stoa_attn_task task, char *scratch) {
    forward_task(a, task, scratch, 8);
}

static void forward_16(const stoa_attn *a, stoa_attn_task task, char *scratch) {
    forward_task(a, task, scratch, 16);
}

static void forward_any(const stoa_attn *a, stoa_attn_task task, char *scratch) {
    forward_task(a, task, scratch, wide_of(a));
}

static void forward(const stoa_attn *a, stoa_attn_task task, char *scratch) {
    int wide = wide_of(a);
    (wide == 8 ? forward_8 : wide == 16 ? forward_16 : forward_any)(a, task, scratch);
}

/* ---- backward -------------------------------------------------------------------------------- */

/* Probabilities and the gradient of scores of all queries. */
STOA_INLINE void scores_backward(const stoa_attn *a, work *w, stoa_attn_task task, int h, int64_t n,
                                 int wide) {
    for (int64_t i = 0; i < a->q.time; i++) {
        int64_t seen = visible(a, i);
        stoa_lanes *p = w->p + i * w->far, *d_s = w->d_s + i * w->far;
        stoa_lanes lse = {0}, sum = {0}, delta = {0};
        for (int64_t s = 0; s < n; s++)
            lse[s] = a->lse[((task.b + s) * a->heads + h) * a->q.time + i];
        dots(w->q + i * wide, w->k, wide, seen, p);
        dots(w->d_out + i * wide, w->v, wide, seen, d_s);
        for (int64_t j = 0; j < seen; j++) {
            p[j] = stoa_lanes_exp(p[j] * a->scale - lse);
            sum += p[j];
            delta += p[j] * d_s[j];
        }
        /* the saved logarithm is rounded: without this a score alone would have a gradient */
        stoa_lanes inverse = 1.0f / sum;
        delta *= inverse;
        for (int64_t j = 0; j < seen; j++) {
            p[j] *= inverse;
            d_s[j] = p[j] * (d_s[j] - delta) * a->scale;
        }
    }
}

/* First query that sees key j. */
static int64_t first_query(const stoa_attn *a, int64_t j) {
    int64_t i = j - a->offset;
    return a->causal && i > 0 ? i : 0;
}

STOA_INLINE void backward_head(const stoa_attn *a, work *w, stoa_attn_task task, int h, int64_t n,
                               int wide) {
    gather(&a->q, a->width, wide, task.b, n, h, w->q);
    gather(&a->d_out, a->width, wide, task.b, n, h, w->d_out);
    scores_backward(a, w, task, h, n, wide);
    if (a->d_q.data) {
        for (int64_t i = 0; i < a->q.time; i++)
            mix(w->d_s + i * w->far, 1, w->k, wide, 0, visible(a, i), false, w->d_q + i * wide);
        scatter(&a->d_q, a->width, wide, task.b, n, h, w->d_q);
    }
    bool first = h == task.g * a->group; // heads of a group add up
    for (int64_t j = 0; j < a->k.time; j++) {
        int64_t from = first_query(a, j);
        mix(w->d_s + j, w->far, w->q, wide, from, a->q.time, !first, w->d_k + j * wide);
        mix(w->p + j, w->far, w->d_out, wide, from, a->q.time, !first || is_tied(a),
            w->d_v + j * wide);
    }
}

STOA_INLINE void backward_task(const stoa_attn *a, stoa_attn_task task, char *scratch, int wide) {
    size_t used;
    work w = plan(a, true, scratch, &used);
    int64_t n = lanes_of(a, task);
    gather_keys(a, &w, task, n, wide);
    for (int h = task.g * a->group; h < (task.g + 1) * a->group; h++)
        backward_head(a, &w, task, h, n, wide);
    if (a->d_k.data)
        scatter(&a->d_k, a->width, wide, task.b, n, task.g, w.d_k);
    if (a->d_v.data && !is_tied(a))
        scatter(&a->d_v, a->width, wide, task.b, n, task.g, w.d_v);
}

static void backward_8(const stoa_attn *a, stoa_attn_task task, char *scratch) {
    backward_task(a, task, scratch, 8);
}

static void backward_16(const stoa_attn *a, stoa_attn_task task, char *scratch) {
    backward_task(a, task, scratch, 16);
}

static void backward_any(const stoa_attn *a, stoa_attn_task task, char *scratch) {
    backward_task(a, task, scratch, wide_of(a));
}

static void backward(const stoa_attn *a, stoa_attn_task task, char *scratch) {
    int wide = wide_of(a);
    (wide == 8 ? backward_8 : wide == 16 ? backward_16 : backward_any)(a, task, scratch);
}

const stoa_attn_engine stoa_attn_short = {
    .together = LANES,
    .forward_bytes = forward_bytes,
    .backward_bytes = backward_bytes,
    .forward = forward,
    .backward = backward,
};
