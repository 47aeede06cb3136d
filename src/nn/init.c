/*
 * nn/init.c - initial values, fast enough that a large model starts in a blink.
 *
 * Element 256c + 64k + i of a parameter comes from word k (normal values: words k and its
 * neighbour) of Philox block 64c + i of the parameter's own stream, so values depend on seed, name
 * and place alone. Normal values: Box-Muller in single precision, both halves used; 24-bit uniforms
 * reach 5.7 standard deviations. A truncated normal value beyond its bounds is drawn again from a
 * stream of its own.
 */
#include <math.h>
#include <string.h>

#include "nn/params.h"
#include "tensor/cpu/simd.h"

enum { BLOCKS = 64, WORDS = 4 };

/* Philox4x32-10 at BLOCKS positions from `position` on; as stoa_philox, many lanes at once. */
static void draw(const stoa_rng *rng, uint64_t position, uint32_t words[WORDS][BLOCKS]) {
#pragma omp simd
    for (int i = 0; i < BLOCKS; i++) {
        uint64_t at = position + (uint64_t)i;
        uint32_t k0 = rng->key[0], k1 = rng->key[1];
        uint32_t c0 = (uint32_t)at, c1 = (uint32_t)(at >> 32);
        uint32_t c2 = (uint32_t)rng->stream, c3 = (uint32_t)(rng->stream >> 32);
        for (int round = 0; round < 10; round++) {
            uint64_t a = (uint64_t)0xd2511f53u * c0, b = (uint64_t)0xcd9e8d57u * c2;
            c0 = (uint32_t)(b >> 32) ^ c1 ^ k0;
            c2 = (uint32_t)(a >> 32) ^ c3 ^ k1;
            c1 = (uint32_t)b;
            c3 = (uint32_t)a;
            k0 += 0x9e3779b9u;
            k1 += 0xbb67ae85u;
        }
        words[0][i] = c0;
        words[1][i] = c1;
        words[2][i] = c2;
        words[3][i] = c3;
    }
}

/* sin(2 pi x), x in [-1/4, 1/4]: a Taylor sum, absolute error below 1e-6. */
static inline float sine_turn(float x) {
    float y = x * 6.28318531f, z = y * y;
    float q = -2.50521084e-8f;
    q = q * z + 2.75573192e-6f;
    q = q * z - 1.98412698e-4f;
    q = q * z + 8.33333333e-3f;
    q = q * z - 1.66666667e-1f;
    return y + y * z * q;
}

/* Folds a turn from [0, 1.25) to where sine_turn holds, with the same sine. */
static inline float fold(float x) {
    float y = x < 0.75f ? x : x - 1; // [-1/4, 3/4)
    return 0.25f - fabsf(y - 0.25f);
}

static void normals(uint32_t words[WORDS][BLOCKS], float scale, float out[WORDS][BLOCKS]) {
    for (int k = 0; k < WORDS; k += 2) {
#pragma omp simd
        for (int i = 0; i < BLOCKS; i++) {
            float u = (float)(int32_t)((words[k][i] >> 8) + 1) * 0x1p-24f; // (0, 1]
            float turn = (float)(int32_t)(words[k + 1][i] >> 8) * 0x1p-24f;
            float radius = scale * sqrtf(-2 * stoa_vlog(u));
            out[k][i] = radius * sine_turn(fold(turn + 0.25f)); // cosine
            out[k + 1][i] = radius * sine_turn(fold(turn));
        }
    }
}

static void uniforms(uint32_t words[WORDS][BLOCKS], float bound, float out[WORDS][BLOCKS]) {
    for (int k = 0; k < WORDS; k++)
        for (int i = 0; i < BLOCKS; i++)
            out[k][i] = bound * ((float)(int32_t)(words[k][i] >> 8) * 0x1p-23f - 1);
}

/* Of a normal variable that is cut at +-2 deviations: its own deviation. */
static const double cut_deviation = 0.87962566103423978;

/* Draws element `at` again until it is within +-2. */
static float within(const char *name, uint64_t seed, size_t at) {
    stoa_rng rng = stoa_rng_stream(seed, name, 1 + at);
    double x;
    do
        x = stoa_rng_normal(&rng);
    while (fabs(x) > 2);
    return (float)x;
}

static void truncate_normals(const stoa_param *param, uint64_t seed, size_t from, size_t count,
                             float *out) {
    float scale = (float)(param->scale / cut_deviation);
    for (size_t i = 0; i < count; i++)
        out[i] = scale * (fabsf(out[i]) <= 2 ? out[i] : within(param->name, seed, from + i));
}

void stoa_param_fill(stoa_param *param, uint64_t seed) {
    float *value = param->tensor.data;
    size_t n = (size_t)stoa_numel(&param->tensor);
    if (param->init == STOA_INIT_ZERO) // memory is zero
        return;
    if (param->init == STOA_INIT_ONE) {
        for (size_t i = 0; i < n; i++)
            value[i] = 1;
        return;
    }
    if (param->init == STOA_INIT_FORGET) {
        for (size_t i = n / 4; i < n / 2; i++)
            value[i] = 1;
        return;
    }
    stoa_rng rng = stoa_rng_stream(seed, param->name, 0);
    uint32_t words[WORDS][BLOCKS];
    float out[WORDS][BLOCKS];
    bool cut = param->init == STOA_INIT_TRUNCATED;
    for (size_t from = 0; from < n; from += BLOCKS * WORDS) {
        size_t count = n - from < BLOCKS * WORDS ? n - from : BLOCKS * WORDS;
        draw(&rng, from / WORDS, words);
        if (param->init == STOA_INIT_UNIFORM)
            uniforms(words, (float)param->scale, out);
        else
            normals(words, cut ? 1 : (float)param->scale, out);
        if (cut)
            truncate_normals(param, seed, from, count, out[0]);
        memcpy(value + from, out, count * sizeof *value);
    }
}
