/* data/zipf.h - classes by frequency: class k of n with weight (k + 1)^-alpha. */
#ifndef STOA_DATA_ZIPF_H
#define STOA_DATA_ZIPF_H

#include "stoa/base.h"

/* Alias table (Walker 1977, built as in Vose 1991): a draw is two words and one look. */
typedef struct stoa_zipf {
    int64_t n;
    uint32_t *keep; /* (n), the share of cell i that is i's own, in 2^-32 */
    int32_t *other; /* (n), whose the rest is */
} stoa_zipf;

/* n in 1..2^31-1. STOA_ERR_MEMORY. deinit is fine after a failure. */
stoa_status stoa_zipf_init(stoa_zipf *z, int64_t n, double alpha, stoa_error *err);
void stoa_zipf_deinit(stoa_zipf *z);

static inline int32_t stoa_zipf_draw(const stoa_zipf *z, stoa_rng *rng) {
    uint64_t cell = (uint64_t)stoa_rng_u32(rng) * (uint64_t)z->n >> 32;
    return stoa_rng_u32(rng) <= z->keep[cell] ? (int32_t)cell : z->other[cell];
}

#endif /* STOA_DATA_ZIPF_H */
