/* tensor/dropout.h - which elements dropout zeroes: the one rule for all backends. */
#ifndef STOA_TENSOR_DROPOUT_H
#define STOA_TENSOR_DROPOUT_H

#include <stdint.h>

/* Element e is zeroed when word (e % 64) / 16 of the Philox block at position
 * (e / 64) * 16 + e % 16 is below the threshold. */
enum { STOA_DROPOUT_GROUP = 64 };

static inline uint32_t stoa_dropout_threshold(double p) {
    return (uint32_t)(p * 4294967296.0);
}

#endif /* STOA_TENSOR_DROPOUT_H */
