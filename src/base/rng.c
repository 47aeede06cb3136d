/*
 * rng.c - Philox4x32-10 (Salmon, Moraes, Dror, Shaw 2011, "Parallel random numbers: as easy as
 * 1, 2, 3") and the draws made from it.
 *
 * A stream's key is XXH64(name, seed), its low word first; its index fills counter words 2 and 3
 * and the position words 0 and 1. Nothing else enters, so streams of different names or indices
 * never meet and a position can be visited directly.
 */
#include "stoa/base.h"

#include <assert.h>
#include <math.h>
#include <string.h>
#include <xxhash.h>

void stoa_philox(const uint32_t key[2], uint64_t stream, uint64_t position, uint32_t out[4]) {
    uint32_t k0 = key[0], k1 = key[1];
    uint32_t c0 = (uint32_t)position, c1 = (uint32_t)(position >> 32);
    uint32_t c2 = (uint32_t)stream, c3 = (uint32_t)(stream >> 32);
    for (int round = 0; round < 10; round++) {
        uint64_t a = (uint64_t)0xd2511f53u * c0, b = (uint64_t)0xcd9e8d57u * c2;
        c0 = (uint32_t)(b >> 32) ^ c1 ^ k0;
        c2 = (uint32_t)(a >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)b;
        c3 = (uint32_t)a;
        k0 += 0x9e3779b9u;
        k1 += 0xbb67ae85u;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

stoa_rng stoa_rng_stream(uint64_t seed, const char *name, uint64_t index) {
    uint64_t key = XXH64(name, strlen(name), seed);
    return (stoa_rng){.key = {(uint32_t)key, (uint32_t)(key >> 32)}, .stream = index, .used = 4};
}

uint32_t stoa_rng_u32(stoa_rng *rng) {
    if (rng->used >= 4) {
        stoa_philox(rng->key, rng->stream, rng->position++, rng->block);
        rng->used = 0;
    }
    return rng->block[rng->used++];
}

uint64_t stoa_rng_u64(stoa_rng *rng) {
    uint64_t low = stoa_rng_u32(rng);
    return low | (uint64_t)stoa_rng_u32(rng) << 32;
}

double stoa_rng_uniform(stoa_rng *rng) {
    return (double)(stoa_rng_u64(rng) >> 11) * 0x1p-53;
}

/* The sine half of the pair is dropped: a stream then needs no memory besides its position. */
double stoa_rng_normal(stoa_rng *rng) {
    double radius = sqrt(-2 * log(1 - stoa_rng_uniform(rng)));
    return radius * cos(2 * 3.14159265358979323846 * stoa_rng_uniform(rng));
}

/* Multiply and reject (Lemire 2019): the high word of u * n is uniform once the few low words that
 * would favour some results are drawn again. */
int64_t stoa_rng_below(stoa_rng *rng, int64_t n) {
    assert(n >= 1);
    uint64_t range = (uint64_t)n, reject = -range % range;
    unsigned __int128 product;
    do
        product = (unsigned __int128)stoa_rng_u64(rng) * range;
    while ((uint64_t)product < reject);
    return (int64_t)(product >> 64);
}

void stoa_rng_shuffle(stoa_rng *rng, int64_t *items, int64_t n) {
    for (int64_t i = n - 1; i > 0; i--) {
        int64_t j = stoa_rng_below(rng, i + 1), swap = items[i];
        items[i] = items[j];
        items[j] = swap;
    }
}
