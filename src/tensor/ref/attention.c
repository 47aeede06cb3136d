/* tensor/ref/attention.c - attention as it is written: one query at a time, in double precision. */
#include <math.h>
#include <string.h>

#include "tensor/ref/kernels.h"

/* Half-split rotary embedding: (x[i], x[i + D/2]) turn by position * base^(-2i/D). */
static void rotate(double *to, const double *x, int width, double base, int32_t position) {
    memcpy(to, x, (size_t)width * sizeof *to);
    if (base == 0)
        return;
    for (int i = 0; i < width / 2; i++) {
        double angle = position * pow(base, -2.0 * i / width);
        double a = x[i], b = x[i + width / 2];
        to[i] = a * cos(angle) - b * sin(angle);
        to[i + width / 2] = a * sin(angle) + b * cos(angle);
    }
}

/* Keys or values of one head: row j begins at data + j * stride. */
typedef struct rows {
    const double *data;
    int64_t stride;
} rows;

/* One query against n keys, all rotated. weights: n numbers of scratch. Returns the log of the sum
 * of exponentials. */
static double attend(double *out, double *weights, const double *query, rows keys, rows values,
                     int64_t n, int width, double scale) {
    double most = -(double)INFINITY, sum = 0;
    for (int64_t j = 0; j < n; j++) {
        weights[j] = 0;
        for (int d = 0; d < width; d++)
            weights[j] += scale * query[d] * keys.data[j * keys.stride + d];
        most = fmax(most, weights[j]);
    }
    for (int64_t j = 0; j < n; j++)
        sum += weights[j] = exp(weights[j] - most);
    for (int d = 0; d < width; d++)
        out[d] = 0;
    for (int64_t j = 0; j < n; j++)
        for (int d = 0; d < width; d++)
            out[d] += weights[j] / sum * values.data[j * values.stride + d];
    return most + log(sum);
}

static int32_t position_of(const stoa_tensor *positions, int64_t batch, int64_t t) {
    return positions ? ((const int32_t *)positions->data)[batch * positions->shape[1] + t]
                     : (int32_t)t;
}

stoa_status stoa_ref_attention(stoa_ctx *ctx, stoa_node *node) {
    const stoa_tensor *q = node->in[0], *k = node->in[1], *v = node->in[2]; // (B, T, *)
    const stoa_tensor *lengths = node->in[5];
    int width = node->p.attention.head_width, heads = node->p.attention.heads;
    int group = heads / node->p.attention.kv_heads;
    double base = node->p.attention.rope_base, *out = node->out[0]->data;
    int64_t tq = q->shape[1], tk = k->shape[1];
    double *keys = stoa_scratch(ctx, (size_t)(tk * width) * sizeof(double)); // (Tk, D), rotated
    double *weights = stoa_scratch(ctx, (size_t)tk * sizeof(double));
    double *query = stoa_scratch(ctx, (size_t)width * sizeof(double));
    if (!keys || !weights || !query)
        return STOA_ERR_MEMORY;
    for (int64_t b = 0; b < q->shape[0]; b++)
        for (int h = 0; h < heads; h++) {
            int64_t head = h / group * width;
            for (int64_t j = 0; j < tk; j++)
                rotate(keys + j * width,
                       (const double *)k->data + (b * tk + j) * k->shape[2] +
                           node->p.attention.k_column + head,
                       width, base, position_of(node->in[4], b, j));
            rows values = {(const double *)v->data + b * tk * v->shape[2] +
                               node->p.attention.v_column + head,
                           v->shape[2]};
            for (int64_t i = 0; i < tq; i++) {
                int64_t n = lengths ? ((const int32_t *)lengths->data)[b] : tk;
                n = n < tk ? n : tk;
                n = node->p.attention.causal && i + 1 < n ? i + 1 : n;
                rotate(query,
                       (const double *)q->data + (b * tq + i) * q->shape[2] +
                           node->p.attention.q_column + h * width,
                       width, base, position_of(node->in[3], b, i));
                double lse = attend(out + ((b * tq + i) * heads + h) * width, weights, query,
                                    (rows){keys, width}, values, n, width, node->p.attention.scale);
                if (node->save[0])
                    ((double *)node->save[0]->data)[(b * heads + h) * tq + i] = lse;
            }
        }
    return STOA_OK;
}

stoa_status stoa_ref_attention_cached(stoa_ctx *ctx, stoa_node *node) {
    const stoa_tensor *qkv = node->in[0]; // (n, (H + 2G) D)
    stoa_kv_cache *cache = node->p.attention.cache;
    int width = node->p.attention.head_width, heads = node->p.attention.heads;
    int kv_heads = node->p.attention.kv_heads, group = heads / kv_heads;
    double base = node->p.attention.rope_base, *out = node->out[0]->data;
    double *weights = stoa_scratch(ctx, (size_t)cache->capacity * sizeof(double));
    double *query = stoa_scratch(ctx, (size_t)width * sizeof(double));
    if (!weights || !query)
        return STOA_ERR_MEMORY;
    if (cache->dtype != STOA_F64)
        return STOA_ERR_UNSUPPORTED;
    for (int64_t r = 0; r < qkv->shape[0]; r++) {
        const double *row = (const double *)qkv->data + r * qkv->shape[1];
        int32_t s = ((const int32_t *)node->in[1]->data)[r];
        int32_t position = ((const int32_t *)node->in[2]->data)[r];
        if (cache->lengths[s] >= cache->capacity) {
            stoa_ctx_fail(ctx, STOA_ERR_USAGE, "the cache of sequence %d is full", s);
            return STOA_ERR_USAGE;
        }
        double *keys = (double *)cache->keys + s * cache->capacity * cache->width;
        double *values = (double *)cache->values + s * cache->capacity * cache->width;
        int64_t at = cache->lengths[s]++ * cache->width;
        for (int g = 0; g < kv_heads; g++)
            rotate(keys + at + g * width, row + node->p.attention.k_column + g * width, width, base,
                   position);
        memcpy(values + at, row + node->p.attention.v_column,
               (size_t)cache->width * sizeof(double));
        for (int h = 0; h < heads; h++) {
            rotate(query, row + h * width, width, base, position);
            attend(out + (r * heads + h) * width, weights, query,
                   (rows){keys + h / group * width, cache->width},
                   (rows){values + h / group * width, cache->width}, cache->lengths[s], width,
                   node->p.attention.scale);
        }
    }
    return STOA_OK;
}

stoa_status stoa_ref_attention_ring(stoa_ctx *ctx, stoa_node *node) {
    const double *q = node->in[0]->data, *kv = node->in[1]->data, *table = node->in[2]->data;
    const int32_t *place = node->in[3]->data, *held = node->in[4]->data;
    const uint8_t *takes = node->in[5] ? node->in[5]->data : NULL;
    const stoa_kv_ring *r = node->p.attention.ring;
    int64_t slots = r->slots, heads = r->heads, width = r->head_width, m = heads * width;
    double *out = node->out[0]->data, *weights = stoa_scratch(ctx, (size_t)(slots + 1) * 8);
    if (!weights)
        return STOA_ERR_MEMORY;
    if (r->dtype != STOA_F64)
        return STOA_ERR_UNSUPPORTED;
    memset(out, 0, stoa_nbytes(node->out[0]));
    for (int64_t b = 0; b < r->batch; b++) {
        bool goes = !takes || takes[b];
        for (int64_t h = 0; goes && h < heads; h++) {
            double *keys = (double *)r->keys + (b * heads + h) * (slots + 1) * width, sum = 0;
            double *values = (double *)r->values + (b * heads + h) * (slots + 1) * width;
            const double *query = q + b * m + h * width, *now = kv + 2 * b * m + h * width;
            memcpy(keys + slots * width, now, (size_t)width * sizeof *keys);
            memcpy(values + slots * width, now + m, (size_t)width * sizeof *values);
            for (int64_t back = 0; back <= held[b]; back++) {
                int64_t s = back ? (place[b] + slots - back) % slots : slots;
                weights[back] = 0;
                if (back && !r->taken[b * slots + s])
                    continue;
                double score = table[back * heads + h];
                for (int64_t i = 0; i < width; i++)
                    score += node->p.attention.scale * query[i] * keys[s * width + i];
                sum += weights[back] = exp(score);
            }
            for (int64_t back = 0; back <= held[b]; back++)
                for (int64_t i = 0; i < width; i++)
                    out[b * m + h * width + i] +=
                        weights[back] / sum *
                        values[(back ? (place[b] + slots - back) % slots : slots) * width + i];
            memcpy(keys + place[b] * width, now, (size_t)width * sizeof *keys);
            memcpy(values + place[b] * width, now + m, (size_t)width * sizeof *values);
        }
        r->taken[b * slots + place[b]] = goes;
    }
    return STOA_OK;
}
