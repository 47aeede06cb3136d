/* data/classes.c - class sources: the table, opening one, an item with its pixel noise. */
#include "data/classes.h"

#include <assert.h>
#include <string.h>

#include "data/normals.h"

extern const stoa_class_kind stoa_classes_compounds;
extern const stoa_class_kind stoa_classes_gaussian;
extern const stoa_class_kind stoa_classes_glyphs;
extern const stoa_class_kind stoa_classes_omniglot;
extern const stoa_class_kind stoa_classes_tasks;

static const stoa_class_kind *const kinds[STOA_CLASSES_COUNT] = {
    [STOA_CLASSES_GAUSSIAN] = &stoa_classes_gaussian,
    [STOA_CLASSES_GLYPHS] = &stoa_classes_glyphs,
    [STOA_CLASSES_OMNIGLOT] = &stoa_classes_omniglot,
    [STOA_CLASSES_COMPOUNDS] = &stoa_classes_compounds,
    [STOA_CLASSES_TASKS] = &stoa_classes_tasks,
};

const char *stoa_class_source_name(int source) {
    assert(source >= 0 && source < STOA_CLASSES_COUNT);
    return kinds[source]->name;
}

const char *stoa_class_source_summary(int source) {
    assert(source >= 0 && source < STOA_CLASSES_COUNT);
    return kinds[source]->summary;
}

/* The finaliser of SplitMix64 (Steele, Lea, Flood 2014), a bijection. */
static uint64_t scramble(uint64_t x) {
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

uint64_t stoa_data_mix(uint64_t a, uint64_t b) {
    return scramble(scramble(a + 0x9e3779b97f4a7c15u) + b);
}

stoa_status stoa_classes_open(stoa_classes **out, const stoa_classes_options *options,
                              stoa_error *err) {
    *out = NULL;
    if (options->source < 0 || options->source >= STOA_CLASSES_COUNT)
        return stoa_fail(err, STOA_ERR_USAGE, "there is no class source %d", options->source);
    if (options->trained < 0 || options->trained >= STOA_CLASS_HOLDOUT || options->holdout < 0 ||
        options->holdout >= STOA_CLASS_HOLDOUT || options->exemplars < -1)
        return stoa_fail(err, STOA_ERR_USAGE, "%lld classes, %lld held out, %lld exemplars",
                         (long long)options->trained, (long long)options->holdout,
                         (long long)options->exemplars);
    stoa_classes *c = stoa_alloc(sizeof *c);
    if (!c)
        return stoa_fail(err, STOA_ERR_MEMORY, "out of memory for classes");
    c->options = *options;
    c->kind = kinds[options->source];
    c->exemplars = options->exemplars >= 0 ? options->exemplars : c->kind->some_exemplars;
    const stoa_rng noise = stoa_rng_stream(options->seed, "data/pixel noise", 0);
    memcpy(c->noise_key, noise.key, sizeof c->noise_key);
    stoa_status status = c->kind->open(c, err);
    if (status != STOA_OK) {
        stoa_classes_close(c);
        return status;
    }
    c->size = 1;
    for (int d = 0; d < c->ndim; d++)
        c->size *= c->shape[d];
    *out = c;
    return STOA_OK;
}

void stoa_classes_close(stoa_classes *c) {
    if (!c)
        return;
    c->kind->close(c);
    stoa_free(c);
}

int64_t stoa_classes_item_size(const stoa_classes *c) {
    return c->size;
}

int stoa_classes_shape(const stoa_classes *c, int64_t shape[3]) {
    memcpy(shape, c->shape, (size_t)c->ndim * sizeof *shape);
    return c->ndim;
}

int64_t stoa_classes_exemplars(const stoa_classes *c) {
    return c->exemplars;
}

bool stoa_classes_endless(const stoa_classes *c) {
    return c->kind->endless;
}

static void add_noise(const stoa_classes *c, uint64_t stream, float *out) {
    enum { PART = 256 };
    const float sd = (float)c->options.pixel_noise;
    float normal[PART];
    for (int64_t at = 0; at < c->size; at += PART) {
        int64_t n = c->size - at < PART ? c->size - at : PART;
        stoa_normals(c->noise_key, stoa_data_mix(stream, (uint64_t)at), normal, n);
        for (int64_t i = 0; i < n; i++)
            out[at + i] += sd * normal[i];
    }
}

void stoa_classes_item(const stoa_classes *c, int64_t number, uint64_t exemplar, uint64_t noise,
                       float *out) {
    if (c->exemplars > 0)
        exemplar %= (uint64_t)c->exemplars;
    c->kind->item(c, number, exemplar, out);
    if (c->options.pixel_noise > 0)
        add_noise(c, stoa_data_mix(stoa_data_mix((uint64_t)number, exemplar), noise), out);
}

bool stoa_classes_valued(const stoa_classes *c) {
    return c->kind->value != NULL;
}

float stoa_classes_value(const stoa_classes *c, int64_t number, uint64_t exemplar,
                         const float *item) {
    assert(c->kind->value);
    if (c->exemplars > 0)
        exemplar %= (uint64_t)c->exemplars;
    return c->kind->value(c, number, exemplar, item);
}
