/*
 * model/icl_attention.c - what heads attend to, for pictures and for the progress of an induction
 * circuit. Plain loops over queries and keys: evaluation only.
 */
#include <math.h>
#include <string.h>

#include "model/icl.h"

/* softmax(q k^T / root D) of one query over the first `visible` rows of keys. */
static void attend(const stoa_tensor *q, int64_t q_at, const stoa_tensor *k, int64_t k_at,
                   int64_t k_pitch, int64_t visible, int64_t depth, double *weight) {
    double top = -HUGE_VAL, sum = 0;
    for (int64_t j = 0; j < visible; j++) {
        double score = 0;
        for (int64_t d = 0; d < depth; d++)
            score += stoa_get(q, q_at + d) * stoa_get(k, k_at + j * k_pitch + d);
        weight[j] = score / sqrt((double)depth);
        top = fmax(top, weight[j]);
    }
    for (int64_t j = 0; j < visible; j++)
        sum += weight[j] = exp(weight[j] - top);
    for (int64_t j = 0; j < visible; j++)
        weight[j] /= sum;
}

void stoa_icl_map(const stoa_icl *icl, const stoa_tensor *q, int64_t q_column, const stoa_tensor *k,
                  int64_t k_column, const stoa_tensor *index, float *map) {
    int64_t heads = icl->options.heads, depth = icl->options.width / heads;
    int64_t tokens = 2 * icl->options.pairs + 1, batch = q->shape[0], rows = q->shape[1];
    memset(map, 0, (size_t)(batch * heads * tokens * tokens) * sizeof *map);
    if (!q->data || !k->data || (index && !index->data))
        return;
    double weight[2 * STOA_ICL_PAIRS + 1];
    const int32_t *at = index ? index->data : NULL;
    for (int64_t b = 0; b < batch; b++)
        for (int64_t h = 0; h < heads; h++)
            for (int64_t i = 0; i < rows; i++) {
                attend(q, (b * rows + i) * q->shape[2] + q_column + h * depth, k,
                       b * rows * k->shape[2] + k_column + h * depth, k->shape[2], i + 1, depth,
                       weight);
                int64_t to = at ? at[b * rows + i] : i;
                float *row = map + ((b * heads + h) * tokens + to) * tokens;
                for (int64_t j = 0; j <= i; j++)
                    row[at ? at[b * rows + j] : j] = (float)weight[j];
            }
}

void stoa_icl_circuit(const stoa_icl *icl, int64_t batch, const float *maps, const int32_t *classes,
                      double *previous, double *match) {
    const stoa_icl_options *o = &icl->options;
    int64_t pairs = o->pairs, tokens = 2 * pairs + 1;
    for (int64_t i = 0; i < o->layers * o->heads; i++) {
        int64_t layer = i / o->heads, head = i % o->heads;
        double before = 0, same = 0;
        for (int64_t b = 0; b < batch; b++) {
            const float *map =
                maps + ((layer * batch + b) * o->heads + head) * tokens * tokens; // (T, T)
            const int32_t *class_ = classes + b * (pairs + 1);
            const float *query = map + (tokens - 1) * tokens;
            for (int64_t p = 0; p < pairs; p++) {
                double seen = (double)query[2 * p + 1];
                before += (double)map[(2 * p + 1) * tokens + 2 * p];
                same += class_[p] == class_[pairs] ? seen : -seen;
            }
        }
        previous[i] = before / (double)(batch * pairs);
        match[i] = same / (double)batch;
    }
}
