/* env/odd_one_out/scene.c - draws what the four objects are like, in every kind of level. */
#include "env/odd_one_out/odd.h"

#include <string.h>

enum { OBJECTS = STOA_ODD_OBJECTS, LOOKS = STOA_ODD_LOOKS };

/* All ways to choose two of four, as bits. */
static const uint8_t halves[] = {0x3, 0x5, 0x6, 0x9, 0xa, 0xc};

static unsigned draw_half(stoa_rng *rng) {
    return halves[stoa_rng_below(rng, (int64_t)sizeof halves)];
}

static void draw_order(uint8_t *items, int n, stoa_rng *rng) {
    for (int i = 0; i < n; i++)
        items[i] = (uint8_t)i;
    for (int i = n - 1; i > 0; i--) {
        int j = (int)stoa_rng_below(rng, i + 1);
        uint8_t swap = items[i];
        items[i] = items[j];
        items[j] = swap;
    }
}

/* Which objects have the second value of each dimension: a bit an object. */
static void draw_splits(uint8_t split[STOA_ODD_DIMENSIONS], stoa_odd_scene *s,
                        const stoa_odd_rules *rules, stoa_rng *rng) {
    uint8_t order[OBJECTS];
    memset(split, 0, STOA_ODD_DIMENSIONS);
    s->target = STOA_ODD_NONE;
    if (rules->kind == STOA_ODD_EXPERIMENT) {
        draw_order(order, LOOKS, rng);
        for (int k = 0; k < rules->hard; k++)
            split[order[k]] = (uint8_t)draw_half(rng);
        return;
    }
    draw_order(order, OBJECTS, rng);
    s->target = order[rules->kind == STOA_ODD_DECONFOUNDED ? s->concept : 0];
    for (int d = 0; d < LOOKS + (rules->kind == STOA_ODD_BASIC && rules->places); d++) {
        bool halved = rules->kind == STOA_ODD_BASIC && d != s->concept;
        int odd = rules->kind == STOA_ODD_DECONFOUNDED ? order[d] : s->target;
        split[d] = (uint8_t)(halved ? draw_half(rng) : 1u << odd);
    }
}

static void draw_noise(stoa_odd_pattern out, stoa_rng *rng) {
    enum { ON = 43254, DRAW = 4 }; /* 0.66 of 65536; pixels of one number */
    uint64_t bits = 0;
    for (int p = 0; p < STOA_ODD_SIDE * STOA_ODD_SIDE; p++, bits >>= 16) {
        if (p % DRAW == 0)
            bits = stoa_rng_u64(rng);
        out[p / STOA_ODD_SIDE] |= (uint16_t)(((bits & 0xffff) < ON) << p % STOA_ODD_SIDE);
    }
}

void stoa_odd_draw_scene(stoa_odd_scene *s, const stoa_odd_rules *rules, int concept,
                         stoa_rng *rng) {
    uint8_t split[STOA_ODD_DIMENSIONS];
    memset(s, 0, sizeof *s);
    memset(s->odd, STOA_ODD_NONE, sizeof s->odd);
    s->concept = (uint8_t) concept;
    draw_splits(split, s, rules, rng);
    for (int d = 0; d < LOOKS + rules->places; d++) {
        int64_t first = stoa_rng_below(rng, rules->counts[d]),
                second = stoa_rng_below(rng, rules->counts[d] - 1);
        s->pair[d][0] = (uint8_t)first;
        s->pair[d][1] = (uint8_t)(second + (second >= first));
        for (int i = 0; i < OBJECTS; i++) {
            s->value[i][d] = s->pair[d][split[d] >> i & 1];
            if (split[d] == 1u << i)
                s->odd[d] = (uint8_t)i;
        }
    }
    /* an experiment may turn any object's texture into noise */
    const uint8_t *pair = s->pair[STOA_ODD_TEXTURE];
    bool any = rules->kind == STOA_ODD_EXPERIMENT &&
               (pair[0] == STOA_ODD_NOISE || pair[1] == STOA_ODD_NOISE);
    for (int i = 0; i < OBJECTS; i++)
        if (any || s->value[i][STOA_ODD_TEXTURE] == STOA_ODD_NOISE)
            draw_noise(s->noise[i], rng);
}

bool stoa_odd_unique(const stoa_odd_scene *s, int object, int d) {
    for (int i = 0; i < OBJECTS; i++)
        if (i != object && s->value[i][d] == s->value[object][d])
            return false;
    return true;
}
