/* data/ink.h - grey levels of stored images and the numbers they become. */
#ifndef STOA_DATA_INK_H
#define STOA_DATA_INK_H

#include "stoa/data.h"

enum { STOA_INK_LEVELS = 256 };

/* value[level] for images stored as levels 0 (paper) .. full (ink). */
typedef struct stoa_ink_map {
    float value[STOA_INK_LEVELS];
} stoa_ink_map;

/* counts: how often each level occurs, for STOA_INK_STANDARD with sd 0. Writes the mean and sd used
 * back into the options. */
void stoa_ink_map_init(stoa_ink_map *map, stoa_classes_options *o, int full,
                       const int64_t counts[STOA_INK_LEVELS]);

static inline void stoa_ink_values(const stoa_ink_map *map, const uint8_t *levels, int64_t n,
                                   float *out) {
    for (int64_t i = 0; i < n; i++)
        out[i] = map->value[levels[i]];
}

#endif /* STOA_DATA_INK_H */
