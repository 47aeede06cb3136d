/*
 * corpus.c - token files joined into a training and a validation stream.
 */
#include "text/corpus.h"

#include <string.h>

static stoa_status open_file(stoa_corpus *c, const char *path, const stoa_corpus_options *o,
                             stoa_error *err) {
    stoa_token_file *f = &c->file[c->files];
    if (stoa_token_file_detect(path))
        STOA_TRY(stoa_token_file_open(f, path, err));
    else
        STOA_TRY(stoa_token_file_open_bytes(f, path, err));
    c->files++;
    if (c->files == 1) {
        c->vocab = f->vocab;
        c->end_of_text = f->end_of_text;
    }
    bool bytes = f->id_bytes == 1;
    if (o->tokenizer && bytes && stoa_tokenizer_vocab(o->tokenizer) != 256)
        return stoa_fail(err, STOA_ERR_USAGE,
                         "%s: is plain text, but the tokenizer is not the byte tokenizer; encode "
                         "the text into a token file first",
                         path);
    if (o->tokenizer && !bytes && f->tokenizer_hash != stoa_tokenizer_hash(o->tokenizer))
        return stoa_fail(err, STOA_ERR_USAGE,
                         "%s: was encoded with another tokenizer (hash %016llx, not %016llx); set "
                         "data.tokenizer to that one, or encode the text again",
                         path, (unsigned long long)f->tokenizer_hash,
                         (unsigned long long)stoa_tokenizer_hash(o->tokenizer));
    const stoa_token_file *first = &c->file[0];
    if (bytes != (first->id_bytes == 1) || f->tokenizer_hash != first->tokenizer_hash ||
        f->vocab != first->vocab || f->end_of_text != first->end_of_text)
        return stoa_fail(err, STOA_ERR_USAGE, "%s: was encoded with another tokenizer than %s",
                         path, first->path);
    return STOA_OK;
}

static stoa_status open_all(stoa_corpus *c, const stoa_corpus_options *o, stoa_error *err) {
    size_t files = o->train_count + o->valid_count;
    c->file = stoa_alloc((files + 1) * sizeof *c->file);
    c->start = stoa_alloc((files + 1) * sizeof *c->start);
    if (!c->file || !c->start)
        return stoa_fail(err, STOA_ERR_MEMORY, "no memory for a corpus of %zu files", files);
    c->train_files = o->train_count;
    for (size_t i = 0; i < files; i++) {
        STOA_TRY(
            open_file(c, i < o->train_count ? o->train[i] : o->valid[i - o->train_count], o, err));
        c->start[i + 1] = c->start[i] + c->file[i].count;
        if (c->start[i + 1] > INT64_MAX || c->start[i + 1] < c->start[i])
            return stoa_fail(err, STOA_ERR_USAGE, "the corpus has too many tokens");
    }
    uint64_t train = c->start[o->train_count];
    c->end[STOA_SPLIT_TRAIN] = train;
    c->begin[STOA_SPLIT_VALID] = train;
    c->end[STOA_SPLIT_VALID] = c->start[files];
    if (o->valid_count == 0) {
        uint64_t cut = (uint64_t)((double)train * (1 - o->valid_fraction));
        cut = cut < train ? cut : train;
        c->end[STOA_SPLIT_TRAIN] = c->begin[STOA_SPLIT_VALID] = cut;
    }
    return STOA_OK;
}

stoa_status stoa_corpus_open(stoa_corpus **out, const stoa_corpus_options *options,
                             stoa_error *err) {
    *out = NULL;
    if (options->train_count == 0)
        return stoa_fail(err, STOA_ERR_USAGE, "a corpus needs at least one training file");
    if (options->valid_count == 0 && !(options->valid_fraction >= 0 && options->valid_fraction < 1))
        return stoa_fail(err, STOA_ERR_USAGE,
                         "a validation fraction of %g: choose one from 0 up to below 1",
                         options->valid_fraction);
    stoa_corpus *c = stoa_alloc(sizeof *c);
    if (!c)
        return stoa_fail(err, STOA_ERR_MEMORY, "no memory for a corpus");
    c->order.epoch = -1;
    stoa_status status = open_all(c, options, err);
    if (status != STOA_OK) {
        stoa_corpus_close(c);
        c = NULL;
    }
    *out = c;
    return status;
}

void stoa_corpus_close(stoa_corpus *c) {
    if (!c)
        return;
    for (size_t i = 0; i < c->files; i++)
        stoa_token_file_close(&c->file[i]);
    for (int split = 0; split < STOA_SPLIT_COUNT; split++)
        stoa_free(c->boundary[split]);
    stoa_free(c->order.document);
    stoa_free(c->order.begin);
    stoa_free(c->file);
    stoa_free(c->start);
    stoa_free(c);
}

int64_t stoa_corpus_tokens(const stoa_corpus *c, stoa_split split) {
    return (int64_t)(c->end[split] - c->begin[split]);
}

int32_t stoa_corpus_vocab(const stoa_corpus *c) {
    return c->vocab;
}

int32_t stoa_corpus_end_of_text(const stoa_corpus *c) {
    return c->end_of_text;
}

stoa_status stoa_corpus_read(const stoa_corpus *c, stoa_split split, int64_t begin, int64_t n,
                             int32_t *out, stoa_error *err) {
    int64_t tokens = stoa_corpus_tokens(c, split);
    if (begin < 0 || n < 0 || begin > tokens || n > tokens - begin)
        return stoa_fail(err, STOA_ERR_USAGE,
                         "%lld tokens from %lld on were asked for, of a split of %lld",
                         (long long)n, (long long)begin, (long long)tokens);
    uint64_t at = c->begin[split] + (uint64_t)begin, left = (uint64_t)n;
    size_t low = 0, high = c->files; // the last file that starts at or before `at`
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (c->start[middle] <= at)
            low = middle;
        else
            high = middle;
    }
    for (size_t i = low; left > 0; i++) {
        uint64_t here = c->start[i + 1] - at;
        here = here < left ? here : left;
        STOA_TRY(stoa_token_file_read(&c->file[i], at - c->start[i], (size_t)here, out, err));
        out += here;
        at += here;
        left -= here;
    }
    return STOA_OK;
}

/* ---- documents ---- */

/* Records that a document ends before offset `end`. */
static bool add_boundary(stoa_corpus *c, stoa_split split, int64_t *cap, int64_t end) {
    int64_t n = c->documents[split] + 2; // boundaries after this one
    if (n > *cap) {
        int64_t wider = *cap ? *cap * 2 : 1024;
        void *grown = stoa_realloc(c->boundary[split], (size_t)*cap * sizeof(int64_t),
                                   (size_t)wider * sizeof(int64_t));
        if (!grown)
            return false;
        c->boundary[split] = grown;
        *cap = wider;
    }
    c->boundary[split][++c->documents[split]] = end;
    return true;
}

stoa_status stoa_corpus_index(stoa_corpus *c, stoa_split split, stoa_error *err) {
    if (c->boundary[split])
        return STOA_OK;
    if (c->end_of_text < 0)
        return stoa_fail(err, STOA_ERR_USAGE,
                         "the corpus does not mark where documents end; encode its text with an "
                         "end-of-text token");
    enum { CHUNK = 1 << 14 };
    int64_t tokens = stoa_corpus_tokens(c, split), cap = 0;
    int32_t *ids = stoa_alloc(CHUNK * sizeof *ids);
    stoa_status status = ids ? STOA_OK : STOA_ERR_MEMORY;
    for (int64_t at = 0; at < tokens && status == STOA_OK; at += CHUNK) {
        int64_t n = tokens - at < CHUNK ? tokens - at : CHUNK;
        status = stoa_corpus_read(c, split, at, n, ids, err);
        for (int64_t i = 0; i < n && status == STOA_OK; i++)
            if ((ids[i] == c->end_of_text || at + i + 1 == tokens) &&
                !add_boundary(c, split, &cap, at + i + 1))
                status = STOA_ERR_MEMORY;
    }
    stoa_free(ids);
    if (status == STOA_OK)
        return STOA_OK;
    stoa_free(c->boundary[split]);
    c->boundary[split] = NULL;
    c->documents[split] = 0;
    return status == STOA_ERR_MEMORY
               ? stoa_fail(err, STOA_ERR_MEMORY, "no memory for the documents of the corpus")
               : status;
}
