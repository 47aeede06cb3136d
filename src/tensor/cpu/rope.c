/*
 * tensor/cpu/rope.c - tables of rotary position embeddings (Su et al. 2021, RoFormer).
 *
 * The angle is reduced in double precision to turns in [-1/8, 1/8] around the nearest quarter, so
 * that positions of any size are exact to float32; sine and cosine there are Taylor polynomials
 * (remainder below 3e-8).
 */
#include <math.h>

#include "tensor/cpu/attention.h"
#include "tensor/cpu/simd.h"

typedef struct job {
    float *table;        // (rows, D): cos | sin
    const double *turns; // (D/2): turns a position
    const int32_t *positions;
    int64_t half;
} job;

STOA_INLINE void cos_sin(double turns, float *c, float *s) {
    double x = turns - floor(turns); // [0, 1)
    double quarter = floor(4.0 * x + 0.5);
    float r = (float)((x - 0.25 * quarter) * 6.283185307179586477), z = r * r;
    int32_t n = (int32_t)quarter;
    float sine = 2.7557319e-6f;
    sine = sine * z - 1.98412698e-4f;
    sine = sine * z + 8.3333333e-3f;
    sine = sine * z - 0.166666667f;
    sine = sine * z * r + r;
    float cosine = 2.48015873e-5f;
    cosine = cosine * z - 1.38888889e-3f;
    cosine = cosine * z + 4.16666667e-2f;
    cosine = cosine * z - 0.5f;
    cosine = cosine * z + 1.0f;
    float a = n & 1 ? sine : cosine, b = n & 1 ? cosine : sine;
    *c = (n + 1) & 2 ? -a : a;
    *s = n & 2 ? -b : b;
}

static void fill(void *arg, int64_t begin, int64_t end, int thread) {
    (void)thread;
    const job *j = arg;
    int64_t half = j->half;
    for (int64_t t = begin; t < end; t++) {
        double position = j->positions ? j->positions[t] : (double)t;
        float *restrict row = j->table + t * 2 * half;
        const double *restrict turns = j->turns;
#pragma omp simd
        for (int64_t i = 0; i < half; i++)
            cos_sin(position * turns[i], &row[i], &row[half + i]);
    }
}

float *stoa_rope_table(stoa_ctx *ctx, double base, int width, const int32_t *positions,
                       int64_t rows) {
    int64_t half = width / 2;
    float *table = stoa_scratch(ctx, (size_t)(rows * width + 1) * sizeof *table);
    double *turns = stoa_scratch(ctx, (size_t)half * sizeof *turns);
    if (!table || !turns)
        return NULL;
    double ratio = pow(base, -2.0 / width), turn = 1 / 6.283185307179586477;
    for (int64_t i = 0; i < half; i++, turn *= ratio)
        turns[i] = turn;
    job j = {table, turns, positions, half};
    stoa_parallel(ctx, rows, 64, fill, &j);
    return table;
}
