/*
 * train/explanation_targets.c - which steps of an unroll tell something, and what.
 *
 * Words are categories from 1; 0 is nothing said, and in a text its end. A text of n words is n + 1
 * targets: the end, class 0, is to be said too; what lies behind it is not asked for.
 */
#include <string.h>

#include "train/explanations.h"

stoa_status stoa_expl_targets_init(stoa_expl_targets *t, int64_t rows, int64_t elements,
                                   stoa_error *err) {
    size_t bytes;
    *t = (stoa_expl_targets){.rows = rows, .elements = elements};
    if (stoa_size_mul((size_t)rows, (size_t)elements * sizeof *t->target, &bytes)) {
        t->row = stoa_alloc((size_t)rows * sizeof *t->row);
        t->list = stoa_alloc((size_t)rows * sizeof *t->list);
        t->kind = stoa_alloc((size_t)rows);
        t->target = stoa_alloc(bytes);
        t->spare = stoa_alloc(bytes);
    }
    if (t->row && t->list && t->kind && t->target && t->spare)
        return STOA_OK;
    return stoa_fail(err, STOA_ERR_MEMORY, "explanations: out of memory");
}

void stoa_expl_targets_deinit(stoa_expl_targets *t) {
    stoa_free(t->row);
    stoa_free(t->list);
    stoa_free(t->kind);
    stoa_free(t->target);
    stoa_free(t->spare);
    *t = (stoa_expl_targets){0};
}

static bool is_verdict(const stoa_space *space, int32_t word) {
    static const char *const verdicts[] = {"Correct", "Incorrect"};
    for (int i = 0; i < 2 && space->labels; i++)
        if (strcmp(space->labels[word], verdicts[i]) == 0)
            return true;
    return false;
}

stoa_expl_kind stoa_expl_kind_of(stoa_expl_source source, const stoa_space *space, int32_t word) {
    if (source == STOA_EXPL_TEXT)
        return is_verdict(space, word) ? STOA_EXPL_REWARD : STOA_EXPL_PROPERTY;
    return source == STOA_EXPL_OBJECTS ? STOA_EXPL_PROPERTY : STOA_EXPL_REWARD;
}

int32_t stoa_expl_word_at(const stoa_space *space, const void *host, int64_t i) {
    return space->dtype == STOA_U8 ? ((const uint8_t *)host)[i] : ((const int32_t *)host)[i];
}

/* The n words of a row as targets; whether anything is told. */
static bool read_words(const stoa_space *space, const void *host, int64_t first, int64_t n,
                       int32_t *target) {
    int32_t any = 0;
    for (int64_t k = 0; k < n; k++) {
        int32_t word = stoa_expl_word_at(space, host, first + k);
        target[k] = word > 0 ? word : -1;
        any |= word;
    }
    return any != 0;
}

/* A text's words, then its end. */
static bool read_text(const stoa_space *space, const void *host, int64_t first, int64_t n,
                      int32_t *target) {
    int64_t length = 0;
    while (length < n && stoa_expl_word_at(space, host, first + length) > 0)
        length++;
    for (int64_t k = 0; k <= n; k++)
        target[k] = k < length ? stoa_expl_word_at(space, host, first + k) : k == length ? 0 : -1;
    return length > 0;
}

void stoa_expl_targets_fill(stoa_expl_targets *t, stoa_expl_source source, const stoa_space *space,
                            const void *host, int kinds) {
    int64_t n = stoa_space_numel(space);
    t->told = 0;
    memset(t->kinds, 0, sizeof t->kinds);
    for (int64_t r = 0; r < t->rows; r++) {
        int32_t *target = t->target + t->told * t->elements;
        bool told = source == STOA_EXPL_TEXT ? read_text(space, host, r * n, n, target)
                                             : read_words(space, host, r * n, n, target);
        if (!told)
            continue;
        stoa_expl_kind kind =
            stoa_expl_kind_of(source, space, stoa_expl_word_at(space, host, r * n));
        if (!(kinds >> kind & 1))
            continue;
        t->row[t->told] = (int32_t)r;
        t->kind[t->told++] = (uint8_t)kind;
        t->kinds[kind]++;
    }
}

/* The place, of its kind, of the listed row that `k` takes its words from: `shift` places on among
 * the n of its kind, and further while that is of the same instance. */
static int64_t other(const stoa_expl_targets *t, const int32_t *list, int64_t n, int64_t k,
                     int64_t shift, int64_t batch) {
    int64_t own = t->row[list[k]] % batch, at = (k + shift) % n;
    for (int64_t tries = 0; tries < n; tries++) {
        int64_t place = (at + tries) % n;
        if (t->row[list[place]] % batch != own)
            return place;
    }
    return at;
}

void stoa_expl_targets_shuffle(stoa_expl_targets *t, int64_t batch, stoa_rng *rng) {
    size_t bytes = (size_t)t->elements * sizeof *t->target;
    int32_t *list = t->list;
    memcpy(t->spare, t->target, (size_t)t->told * bytes);
    for (int kind = 0; kind < STOA_EXPL_KINDS; kind++) {
        int64_t n = 0;
        for (int64_t i = 0; i < t->told; i++)
            if (t->kind[i] == kind)
                list[n++] = (int32_t)i;
        if (n < 2)
            continue;
        int64_t shift = 1 + stoa_rng_below(rng, n - 1);
        for (int64_t k = 0; k < n; k++)
            memcpy(t->target + list[k] * t->elements,
                   t->spare + list[other(t, list, n, k, shift, batch)] * t->elements, bytes);
    }
}

int64_t stoa_expl_targets_laid(const stoa_expl_targets *t) {
    enum { SHAPES = 8, LEAST = 16 };
    int64_t unit = t->rows / SHAPES > LEAST ? t->rows / SHAPES : LEAST;
    int64_t laid = (t->told + unit - 1) / unit * unit;
    return laid < t->rows ? laid : t->rows;
}
