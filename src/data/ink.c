/* data/ink.c - what grey levels become: standardised, as paper or as ink. */
#include "data/ink.h"

#include <math.h>

static void measure(stoa_classes_options *o, int full, const int64_t counts[STOA_INK_LEVELS]) {
    double n = 0, sum = 0, squares = 0;
    for (int level = 0; level <= full; level++) {
        double ink = (double)level / full;
        n += (double)counts[level];
        sum += ink * (double)counts[level];
        squares += ink * ink * (double)counts[level];
    }
    o->mean = n > 0 ? sum / n : 0;
    o->sd = n > 0 ? sqrt(fmax(squares / n - o->mean * o->mean, 0)) : 0;
    if (o->sd == 0)
        o->sd = 1; // blank images stay what they are
}

void stoa_ink_map_init(stoa_ink_map *map, stoa_classes_options *o, int full,
                       const int64_t counts[STOA_INK_LEVELS]) {
    if (o->ink == STOA_INK_STANDARD && o->sd == 0)
        measure(o, full, counts);
    for (int level = 0; level < STOA_INK_LEVELS; level++) {
        double ink = (double)(level < full ? level : full) / full;
        map->value[level] = (float)(o->ink == STOA_INK_STANDARD ? (ink - o->mean) / o->sd
                                    : o->ink == STOA_INK_PAPER  ? 1 - ink
                                                                : ink);
    }
}
