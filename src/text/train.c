/*
 * train.c - learning a byte-level BPE from text.
 *
 * The text is reduced to distinct pieces with counts; then pairs are merged one after the other. A
 * pair knows its count and the pieces it occurs in, so that a merge touches only those, and a heap
 * gives the most frequent pair. Entries of the heap may be stale: a popped entry whose count is no
 * longer right goes back with the right one.
 */
#include "text/train.h"
#include "text/reader.h"
#include "text/tokenizer.h"
#include "text/unicode.h"

#include <string.h>

enum {
    PIECE_MAX = 4096,    // longer pieces do not vote
    PROGRESS_STEP = 256, // merges between two reports
};

/* ---- options ---- */

static const char *const default_specials[] = {"<|endoftext|>"};

static stoa_status check(stoa_tokenizer_training *o, stoa_error *err) {
    if (!o->specials) {
        o->specials = default_specials;
        o->special_count = 1;
    }
    if (o->least_count == 0)
        o->least_count = 2;
    int64_t least = 256 + (int64_t)o->special_count;
    if (o->vocab < least || o->vocab > STOA_TOKENIZER_VOCAB_MAX)
        return stoa_fail(
            err, STOA_ERR_USAGE,
            "a vocabulary of %lld tokens: choose %lld (bytes and special tokens) to %d",
            (long long)o->vocab, (long long)least, STOA_TOKENIZER_VOCAB_MAX);
    if (o->least_count < 1 || o->token_bytes < 0 || (unsigned)o->pieces >= STOA_PIECES_COUNT)
        return stoa_fail(err, STOA_ERR_USAGE, "tokenizer training: a setting is out of range");
    if (o->path_count == 0 && o->text_count == 0)
        return stoa_fail(err, STOA_ERR_USAGE, "tokenizer training: no text was given");
    return STOA_OK;
}

/* ---- counting pieces ---- */

/* Cuts text into pieces, as the finished tokenizer will, and counts them. */
static stoa_status count_text(stoa_piece_counts *counts, const stoa_tokenizer *t,
                              stoa_piece_list *list, stoa_view text, stoa_error *err) {
    stoa_section_walk walk = {.added = &t->added, .trie = &t->added.raw, .text = text};
    for (stoa_section s; stoa_section_next(&walk, &s);) {
        if (s.id >= 0)
            continue; // special tokens are never learned across
        STOA_TRY(stoa_split_text(t->splitter, t->splitter_count,
                                 (stoa_view){text.ptr + s.begin, s.end - s.begin}, false, false,
                                 true, list, err));
        for (size_t i = 0; i < list->count; i++) {
            stoa_piece p = list->item[i];
            if (p.end - p.begin <= PIECE_MAX &&
                !stoa_piece_counts_add(counts,
                                       (stoa_view){list->text.ptr + p.begin, p.end - p.begin}))
                return stoa_fail(err, STOA_ERR_MEMORY,
                                 "no memory for the distinct pieces of the text");
        }
    }
    return STOA_OK;
}

static bool report(const stoa_tokenizer_training *o, const char *stage, uint64_t done,
                   uint64_t total) {
    return !o->progress || o->progress(o->user, stage, done, total);
}

static stoa_status stopped(stoa_error *err) {
    return stoa_fail(err, STOA_ERR_INTERRUPTED, "tokenizer training was stopped");
}

static stoa_status count_file(stoa_piece_counts *counts, const stoa_tokenizer *t,
                              stoa_piece_list *list, const stoa_tokenizer_training *o,
                              const char *path, uint64_t *done, uint64_t total, stoa_error *err) {
    stoa_text_reader reader;
    STOA_TRY(stoa_text_reader_open(&reader, path, NULL, 0, err));
    stoa_status status;
    stoa_text_part part;
    bool more = true;
    while ((status = stoa_text_reader_next(&reader, &part, &more, err)) == STOA_OK && more) {
        status = count_text(counts, t, list, part.text, err);
        *done += part.text.len;
        if (status == STOA_OK && !report(o, "reading", *done, total))
            status = stopped(err);
        if (status != STOA_OK)
            break;
    }
    stoa_text_reader_close(&reader);
    return status;
}

static stoa_status count_all(stoa_piece_counts *counts, const stoa_tokenizer *t,
                             const stoa_tokenizer_training *o, stoa_error *err) {
    uint64_t done = 0, total = 0;
    for (size_t i = 0; i < o->path_count; i++)
        total += stoa_text_file_size(o->paths[i]);
    for (size_t i = 0; i < o->text_count; i++)
        total += o->texts[i].len;
    stoa_piece_list list = {0};
    stoa_status status = STOA_OK;
    for (size_t i = 0; i < o->path_count && status == STOA_OK; i++)
        status = count_file(counts, t, &list, o, o->paths[i], &done, total, err);
    for (size_t i = 0; i < o->text_count && status == STOA_OK; i++) {
        status = count_text(counts, t, &list, o->texts[i], err);
        done += o->texts[i].len;
        if (status == STOA_OK && !report(o, "reading", done, total))
            status = stopped(err);
    }
    stoa_piece_list_deinit(&list);
    return status;
}

/* ---- the tokenizer before its first merge ---- */

/* Special tokens get the first ids, the bytes follow in the order of their characters. */
static stoa_status add_alphabet(stoa_tokenizer *t, const stoa_tokenizer_training *o,
                                stoa_error *err) {
    for (size_t i = 0; i < o->special_count; i++) {
        stoa_view name = stoa_view_of(o->specials[i]);
        stoa_insert r = name.len < 2 ? STOA_INSERT_TWICE_TEXT
                                     : stoa_strings_insert(&t->bpe.text, name, (int32_t)i);
        if (r == STOA_INSERT_MEMORY)
            return stoa_fail(err, STOA_ERR_MEMORY, "no memory for the special tokens");
        if (r != STOA_INSERT_DONE)
            return stoa_fail(err, STOA_ERR_USAGE,
                             "the special token \"%s\" is shorter than two bytes or given twice",
                             o->specials[i]);
    }
    int32_t id = (int32_t)o->special_count;
    for (uint32_t code = 0; code < 0x144; code++) {
        char utf8[4];
        if (stoa_char_byte(code) < 0)
            continue;
        stoa_insert r = stoa_strings_insert(&t->bpe.text,
                                            (stoa_view){utf8, stoa_char_encode(code, utf8)}, id++);
        if (r != STOA_INSERT_DONE)
            return stoa_fail(err, r == STOA_INSERT_MEMORY ? STOA_ERR_MEMORY : STOA_ERR_USAGE,
                             "tokenizer training: %s", stoa_insert_name(r));
    }
    for (size_t i = 0; i < o->special_count; i++) {
        stoa_added_token token = {.content = (char *)(uintptr_t)o->specials[i],
                                  .len = strlen(o->specials[i]),
                                  .id = (int32_t)i,
                                  .special = true};
        STOA_TRY(stoa_tokenizer_add_token(t, &token, err));
        stoa_insert r = stoa_trie_add(&t->added.raw, stoa_view_of(o->specials[i]), (int32_t)i);
        if (r != STOA_INSERT_DONE)
            return stoa_fail(err, STOA_ERR_MEMORY, "no memory for the special tokens");
    }
    return stoa_tokenizer_set_byte_level(t, stoa_scanners[o->pieces].regex, err);
}

/* ---- merging ---- */

/* Adds the token that the pair makes, if it is new, and the merge. *id receives its id, or -1 when
 * the pair spells one of the special tokens, the ids below `specials`: then nothing is added. */
static stoa_status add_merge(stoa_tokenizer *t, int32_t left, int32_t right, int32_t specials,
                             int32_t *id, stoa_error *err) {
    stoa_buffer joined = {0};
    stoa_view a = stoa_strings_text(&t->bpe.text, left);
    stoa_buffer_append(&joined, a.ptr, a.len);
    stoa_view b = stoa_strings_text(&t->bpe.text, right);
    stoa_buffer_append(&joined, b.ptr, b.len);
    stoa_view text = {joined.data, joined.len};
    stoa_status status = STOA_OK;
    if (joined.failed)
        status = stoa_fail(err, STOA_ERR_MEMORY, "no memory for the vocabulary");
    *id = status == STOA_OK ? stoa_strings_find(&t->bpe.text, text) : -1;
    bool special = *id >= 0 && *id < specials;
    if (status == STOA_OK && *id < 0) {
        *id = t->bpe.text.count;
        stoa_insert r = stoa_strings_insert(&t->bpe.text, text, *id);
        if (r != STOA_INSERT_DONE)
            status = stoa_fail(err, STOA_ERR_MEMORY, "the vocabulary: %s", stoa_insert_name(r));
    }
    if (special) {
        *id = -1;
    } else if (status == STOA_OK) {
        // the views moved with the insertion
        a = stoa_strings_text(&t->bpe.text, left);
        b = stoa_strings_text(&t->bpe.text, right);
        status = stoa_tokenizer_add_merge(t, a, b, err);
    }
    stoa_buffer_deinit(&joined);
    return status;
}

static stoa_status merge_all(stoa_tokenizer *t, stoa_merger *m, const stoa_tokenizer_training *o,
                             stoa_error *err) {
    int64_t first = t->bpe.text.count;
    for (int64_t done = 0; t->bpe.text.count < o->vocab; done++) {
        if (done % PROGRESS_STEP == 0 &&
            !report(o, "merging", (uint64_t)(t->bpe.text.count - first),
                    (uint64_t)(o->vocab - first)))
            return stopped(err);
        stoa_pair_choice best;
        if (!stoa_merger_best(m, &best) || best.count < o->least_count)
            break;
        int32_t id = best.merged;
        if (id < 0)
            STOA_TRY(add_merge(t, best.left, best.right, (int32_t)o->special_count, &id, err));
        if (id >= 0 && !stoa_merger_apply(m, &best, id))
            return stoa_fail(err, STOA_ERR_MEMORY, "no memory to merge pairs");
    }
    report(o, "merging", (uint64_t)(t->bpe.text.count - first), (uint64_t)(o->vocab - first));
    return STOA_OK;
}

static stoa_status learn(stoa_tokenizer *t, const stoa_tokenizer_training *o, stoa_error *err) {
    STOA_TRY(add_alphabet(t, o, err));
    stoa_piece_counts counts = {0};
    stoa_merger merger = {0};
    stoa_status status = count_all(&counts, t, o, err);
    int32_t byte[256];
    for (int i = 0; i < 256; i++) {
        char utf8[4];
        size_t n = stoa_char_encode(stoa_byte_char((unsigned char)i), utf8);
        byte[i] = stoa_strings_find(&t->bpe.text, (stoa_view){utf8, n});
    }
    if (status == STOA_OK && !stoa_merger_init(&merger, &counts, byte, o->token_bytes))
        status = stoa_fail(err, STOA_ERR_MEMORY, "no memory for the pairs of the text");
    stoa_piece_counts_deinit(&counts);
    if (status == STOA_OK)
        status = merge_all(t, &merger, o, err);
    stoa_merger_deinit(&merger);
    return status;
}

stoa_status stoa_tokenizer_train(stoa_tokenizer **out, const stoa_tokenizer_training *training,
                                 stoa_error *err) {
    *out = NULL;
    stoa_tokenizer_training options = *training;
    STOA_TRY(check(&options, err));
    stoa_tokenizer *t = stoa_tokenizer_new();
    if (!t)
        return stoa_fail(err, STOA_ERR_MEMORY, "no memory for a tokenizer");
    stoa_status status = learn(t, &options, err);
    // the trie was needed early; finish fills it again
    stoa_trie_deinit(&t->added.raw);
    if (status == STOA_OK)
        status = stoa_tokenizer_finish(t, err);
    if (status != STOA_OK) {
        stoa_tokenizer_free(t);
        t = NULL;
    }
    *out = t;
    return status;
}
