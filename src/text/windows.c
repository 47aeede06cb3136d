/*
 * windows.c - which tokens a batch holds: a pure function of the plan and the step.
 *
 * Nothing is remembered from step to step but the order of documents of one epoch, and that only to
 * save computing it again.
 */
#include "text/corpus.h"

#include <assert.h>
#include <string.h>

/* ---- permutations ---- */

/* One round of mixing `bits` bits. */
static uint64_t mix(const uint32_t key[2], uint64_t epoch, unsigned round, uint64_t half,
                    unsigned bits) {
    uint32_t block[4];
    stoa_philox(key, epoch, half * 8 + round, block);
    return block[0] & (((uint64_t)1 << bits) - 1);
}

/* A balanced Feistel network over the smallest even number of bits that holds n, walked until it
 * lands below n: a bijection of 0..n-1 (Black and Rogaway 2002, "Ciphers with arbitrary finite
 * domains"). Fewer than four steps are expected. */
int64_t stoa_permute(uint64_t seed, uint64_t epoch, int64_t n, int64_t index) {
    enum { ROUNDS = 6 };
    unsigned bits = 1;
    while (bits < 31 && ((int64_t)1 << 2 * bits) < n)
        bits++;
    const stoa_rng rng = stoa_rng_stream(seed, "text/epoch", 0);
    uint64_t x = (uint64_t)index, mask = ((uint64_t)1 << bits) - 1;
    do {
        uint64_t left = x >> bits, right = x & mask;
        for (unsigned round = 0; round < ROUNDS; round++) {
            uint64_t next = left ^ mix(rng.key, epoch, round, right, bits);
            left = right;
            right = next;
        }
        x = left << bits | right;
    } while (x >= (uint64_t)n);
    return (int64_t)x;
}

/* ---- shuffled documents ---- */

static stoa_status order_documents(stoa_corpus *c, const stoa_window_plan *plan, int64_t epoch,
                                   stoa_error *err) {
    stoa_document_order *o = &c->order;
    if (o->epoch == epoch && o->split == plan->split && o->seed == plan->seed)
        return STOA_OK;
    STOA_TRY(stoa_corpus_index(c, plan->split, err));
    int64_t n = c->documents[plan->split];
    const int64_t *boundary = c->boundary[plan->split];
    if (o->epoch < 0 || o->split != plan->split) {
        stoa_free(o->document);
        stoa_free(o->begin);
        o->document = stoa_alloc((size_t)n * sizeof *o->document);
        o->begin = stoa_alloc(((size_t)n + 1) * sizeof *o->begin);
    }
    if (!o->document || !o->begin) {
        o->epoch = -1;
        return stoa_fail(err, STOA_ERR_MEMORY, "no memory to shuffle %lld documents", (long long)n);
    }
    *o = (stoa_document_order){plan->split, plan->seed, epoch, o->document, o->begin};
    for (int64_t i = 0; i < n; i++)
        o->document[i] = i;
    stoa_rng rng = stoa_rng_stream(plan->seed, "text/documents", (uint64_t)epoch);
    stoa_rng_shuffle(&rng, o->document, n);
    o->begin[0] = 0;
    for (int64_t i = 0; i < n; i++) {
        int64_t d = o->document[i];
        o->begin[i + 1] = o->begin[i] + boundary[d + 1] - boundary[d];
    }
    return STOA_OK;
}

stoa_status stoa_corpus_read_shuffled(stoa_corpus *c, const stoa_window_plan *plan, int64_t epoch,
                                      int64_t begin, int64_t n, int32_t *out, stoa_error *err) {
    STOA_TRY(order_documents(c, plan, epoch, err));
    const stoa_document_order *o = &c->order;
    int64_t low = 0, high = c->documents[plan->split]; // the document that holds `begin`
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        if (o->begin[middle] <= begin)
            low = middle;
        else
            high = middle;
    }
    for (int64_t i = low; n > 0; i++) {
        int64_t inside = begin - o->begin[i];
        int64_t here = o->begin[i + 1] - begin < n ? o->begin[i + 1] - begin : n;
        STOA_TRY(stoa_corpus_read(c, plan->split, c->boundary[plan->split][o->document[i]] + inside,
                                  here, out, err));
        out += here;
        begin += here;
        n -= here;
    }
    return STOA_OK;
}

/* ---- batches ---- */

static int64_t windows_of(const stoa_corpus *c, stoa_split split, int64_t window) {
    int64_t tokens = stoa_corpus_tokens(c, split);
    return window > 0 && tokens > window ? (tokens - 1) / window : 0;
}

int64_t stoa_corpus_windows(const stoa_corpus *c, const stoa_window_plan *plan) {
    return windows_of(c, plan->split, plan->window);
}

/* x * n / 2^64: a number below n from 64 random bits. */
static int64_t scale_down(uint64_t x, int64_t n) {
    return (int64_t)((unsigned __int128)x * (uint64_t)n >> 64);
}

/* Where a window lies: in the split as it is, or in its shuffled documents. */
typedef struct place {
    int64_t epoch, offset;
    bool shuffled;
} place;

/* The window of row `row`, counted over all steps. */
static place place_of(const stoa_corpus *c, const stoa_window_plan *plan, int64_t row) {
    if (plan->order == STOA_WINDOWS_RANDOM) {
        const stoa_rng rng = stoa_rng_stream(plan->seed, "text/windows", 0);
        uint32_t block[4];
        stoa_philox(rng.key, rng.stream, (uint64_t)row, block);
        uint64_t bits = (uint64_t)block[0] << 32 | block[1];
        return (place){.offset =
                           scale_down(bits, stoa_corpus_tokens(c, plan->split) - plan->window)};
    }
    int64_t windows = stoa_corpus_windows(c, plan);
    assert(windows > 0);
    int64_t epoch = row / windows;
    int64_t index = stoa_permute(plan->seed, (uint64_t)epoch, windows, row % windows);
    return (place){epoch, index * plan->window, plan->order == STOA_WINDOWS_DOCUMENTS};
}

static stoa_status fetch(stoa_corpus *c, const stoa_window_plan *plan, place at, int64_t from,
                         int64_t n, int32_t *out, stoa_error *err) {
    return at.shuffled ? stoa_corpus_read_shuffled(c, plan, at.epoch, at.offset + from, n, out, err)
                       : stoa_corpus_read(c, plan->split, at.offset + from, n, out, err);
}

stoa_status stoa_corpus_batch(stoa_corpus *c, const stoa_window_plan *plan, int64_t step,
                              int64_t first_row, int64_t rows, int32_t *inputs, int32_t *targets,
                              stoa_error *err) {
    if (plan->batch < 1 || plan->window < 1 || step < 0 || first_row < 0 || rows < 0 ||
        rows > plan->batch || first_row > plan->batch - rows || step > INT64_MAX / plan->batch - 1)
        return stoa_fail(err, STOA_ERR_USAGE,
                         "%lld rows from %lld on, of a batch of %lld at step %lld, do not exist",
                         (long long)rows, (long long)first_row, (long long)plan->batch,
                         (long long)step);
    if (stoa_corpus_windows(c, plan) == 0)
        return stoa_fail(
            err, STOA_ERR_USAGE,
            "the split has %lld tokens, too few for a window of %lld: choose a smaller "
            "window or more text",
            (long long)stoa_corpus_tokens(c, plan->split), (long long)plan->window);
    int64_t T = plan->window;
    for (int64_t r = 0; r < rows; r++) {
        place at = place_of(c, plan, step * plan->batch + first_row + r);
        int32_t *in = inputs + r * T, *target = targets + r * T; // (T)
        STOA_TRY(fetch(c, plan, at, 0, T, in, err));
        memcpy(target, in + 1, (size_t)(T - 1) * sizeof *target);
        STOA_TRY(fetch(c, plan, at, T, 1, target + T - 1, err));
    }
    return STOA_OK;
}

/* ---- evaluation ---- */

int64_t stoa_corpus_eval_windows(const stoa_corpus *c, stoa_split split, int64_t window,
                                 int64_t tokens) {
    if (window < 1)
        return 0;
    int64_t most = windows_of(c, split, window);
    int64_t wanted = tokens <= 0 ? most : tokens / window + (tokens % window != 0);
    return wanted < most ? wanted : most;
}

stoa_status stoa_corpus_eval_batch(const stoa_corpus *c, stoa_split split, int64_t window,
                                   int64_t count, int64_t first, int64_t rows, int32_t *inputs,
                                   int32_t *targets, stoa_error *err) {
    int64_t most = windows_of(c, split, window);
    if (count < 1 || count > most || first < 0 || rows < 0 || rows > count || first > count - rows)
        return stoa_fail(err, STOA_ERR_USAGE,
                         "%lld evaluation windows from %lld on, of %lld, were asked for; the split "
                         "holds %lld",
                         (long long)rows, (long long)first, (long long)count, (long long)most);
    for (int64_t r = 0; r < rows; r++) {
        // every count-th part of the split begins with one window
        int64_t offset = (int64_t)((__int128)(first + r) * most / count) * window;
        int32_t *in = inputs + r * window, *target = targets + r * window;
        STOA_TRY(stoa_corpus_read(c, split, offset, window, in, err));
        STOA_TRY(stoa_corpus_read(c, split, offset + 1, window, target, err));
    }
    return STOA_OK;
}
