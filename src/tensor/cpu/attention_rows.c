/*
 * tensor/cpu/attention_rows.c - between the columns of a tensor and float32 rows in scratch.
 *
 * A head's columns are short pieces far apart, which the processor does not foresee: every loop
 * asks for the rows it will want next.
 */
#include <string.h>

#include "tensor/cpu/attention.h"
#include "tensor/cpu/simd.h"

enum { AHEAD = 8, LINE = 64 }; // rows; bytes of a cache line

STOA_INLINE void ask(const stoa_attn_side *side, int64_t row, int64_t column, int width) {
    size_t size = stoa_dtype_size(side->dtype);
    const char *at = (const char *)side->data + (size_t)(row * side->stride + column) * size;
    for (size_t i = 0; i < (size_t)width * size; i += LINE)
        __builtin_prefetch(at + i);
}

static const float *rotation(const stoa_attn_side *side, int width, int64_t b, int64_t t) {
    const stoa_rope *r = &side->rope;
    int64_t row = r->positions ? r->positions[b * side->time + t] : b * r->step + t;
    return r->table + row * width;
}

/* Turns (x[i], x[i + half]) by the angles of a table row, or back. */
STOA_INLINE void turn(float *restrict x, const float *restrict row, int64_t half, float sign) {
#pragma omp simd
    for (int64_t i = 0; i < half; i++) {
        float a = x[i], b = x[half + i], c = row[i], s = sign * row[half + i];
        x[i] = a * c - b * s;
        x[half + i] = a * s + b * c;
    }
}

void stoa_attn_gather(const stoa_attn_side *side, int width, int64_t b, int head, int64_t from,
                      int64_t n, float *to, int64_t pitch) {
    for (int64_t t = from; t < from + n; t++, to += pitch) {
        ask(side, b * side->time + t + AHEAD, head * width, width);
        stoa_row_get(to, side->data, side->dtype,
                     (b * side->time + t) * side->stride + head * width, width);
        if (pitch > width)
            memset(to + width, 0, (size_t)(pitch - width) * sizeof *to);
        if (side->rope.table)
            turn(to, rotation(side, width, b, t), width / 2, 1);
    }
}

void stoa_attn_scatter(const stoa_attn_side *side, int width, int64_t b, int head, int64_t from,
                       int64_t n, float *rows, int64_t pitch) {
    for (int64_t t = from; t < from + n; t++, rows += pitch) {
        ask(side, b * side->time + t + AHEAD, head * width, width);
        if (side->rope.table)
            turn(rows, rotation(side, width, b, t), width / 2, -1);
        stoa_row_grad(side->data, side->dtype, side->add,
                      (b * side->time + t) * side->stride + head * width, rows, width);
    }
}

STOA_INLINE float dot(const void *x, const void *y, stoa_dtype dtype, int64_t at_x, int64_t at_y,
                      int64_t n) {
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < n; i++)
        sum += stoa_elem_get(x, dtype, at_x + i) * stoa_elem_get(y, dtype, at_y + i);
    return sum;
}

void stoa_attn_delta(const stoa_attn *a, int64_t b, int head, float *delta) {
    const stoa_attn_side *o = &a->out, *d = &a->d_out;
    for (int64_t t = 0; t < o->time; t++) {
        int64_t at_o = (b * o->time + t) * o->stride + head * a->width;
        ask(o, b * o->time + t + AHEAD, head * a->width, a->width);
        ask(d, b * d->time + t + AHEAD, head * a->width, a->width);
        int64_t at_d = (b * d->time + t) * d->stride + head * a->width;
        delta[t] = o->dtype == STOA_BF16 ? dot(o->data, d->data, STOA_BF16, at_o, at_d, a->width)
                                         : dot(o->data, d->data, STOA_F32, at_o, at_d, a->width);
    }
}
