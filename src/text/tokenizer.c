/*
 * tokenizer.c - the tokenizer object: made from parts, asked about its tokens, freed.
 */
#include "text/tokenizer.h"

#include "text/unicode.h"

#include <string.h>
#include <xxhash.h>

const char *const stoa_part_names[STOA_PART_COUNT] = {"normalizer", "pre_tokenizer",
                                                      "post_processor", "decoder"};

stoa_tokenizer *stoa_tokenizer_new(void) {
    stoa_tokenizer *t = stoa_alloc(sizeof *t);
    if (t) {
        t->bpe.unknown = -1;
        t->end_of_text = -1;
        t->join_with_spaces = true;
    }
    return t;
}

stoa_tokenizer *stoa_tokenizer_new_bytes(void) {
    stoa_tokenizer *t = stoa_tokenizer_new();
    bool ok = t != NULL;
    stoa_buffer name = {0};
    for (int i = 0; ok && i < 256; i++) {
        char byte = (char)i;
        name.len = 0;
        stoa_byte_alphabet_append(&name, (stoa_view){&byte, 1});
        ok = !name.failed && stoa_strings_insert(&t->bpe.text, (stoa_view){name.data, name.len},
                                                 i) == STOA_INSERT_DONE;
    }
    stoa_buffer_deinit(&name);
    ok = ok && stoa_tokenizer_set_byte_level(t, NULL, NULL) == STOA_OK &&
         stoa_tokenizer_finish(t, NULL) == STOA_OK;
    if (!ok) {
        stoa_tokenizer_free(t);
        return NULL;
    }
    return t;
}

void stoa_decode_stage_deinit(stoa_decode_stage *s) {
    stoa_pattern_deinit(&s->pattern);
    stoa_free(s->content);
    *s = (stoa_decode_stage){0};
}

void stoa_tokenizer_free(stoa_tokenizer *t) {
    if (!t)
        return;
    stoa_bpe_deinit(&t->bpe);
    stoa_added_deinit(&t->added);
    for (size_t i = 0; i < t->normalizer_count; i++)
        stoa_normalizer_deinit(&t->normalizer[i]);
    for (size_t i = 0; i < t->splitter_count; i++)
        stoa_splitter_deinit(&t->splitter[i]);
    for (size_t i = 0; i < t->decoder_count; i++)
        stoa_decode_stage_deinit(&t->decoder[i]);
    for (int i = 0; i < STOA_PART_COUNT; i++)
        stoa_free(t->part[i]);
    stoa_ids_deinit(&t->prefix);
    stoa_ids_deinit(&t->suffix);
    stoa_free(t->merge_list);
    stoa_free(t);
}

/* ---- building ---- */

stoa_status stoa_tokenizer_add_merge(stoa_tokenizer *t, stoa_view left, stoa_view right,
                                     stoa_error *err) {
    if (t->merge_count >= STOA_TOKENIZER_MERGES_MAX)
        return stoa_fail(err, STOA_ERR_FORMAT, "more than %d merges", STOA_TOKENIZER_MERGES_MAX);
    stoa_buffer joined = {0};
    stoa_buffer_append(&joined, left.ptr, left.len);
    stoa_buffer_append(&joined, right.ptr, right.len);
    int32_t a = stoa_strings_find(&t->bpe.text, left), b = stoa_strings_find(&t->bpe.text, right);
    int32_t ab =
        joined.failed ? -1 : stoa_strings_find(&t->bpe.text, (stoa_view){joined.data, joined.len});
    bool memory = joined.failed;
    stoa_buffer_deinit(&joined);
    if (!memory && (a < 0 || b < 0 || ab < 0)) {
        stoa_view lacking = a < 0 ? left : right;
        return stoa_fail(err, STOA_ERR_FORMAT, "%s \"%.*s\" is not in the vocabulary",
                         a < 0 || b < 0 ? "token" : "the merged token that ends in",
                         (int)(lacking.len < 60 ? lacking.len : 60), lacking.ptr);
    }
    if (!memory && t->merge_count == t->merge_cap) {
        int32_t cap = t->merge_cap ? t->merge_cap * 2 : 1024;
        void *grown = stoa_realloc(t->merge_list, (size_t)t->merge_cap * sizeof *t->merge_list,
                                   (size_t)cap * sizeof *t->merge_list);
        memory = grown == NULL;
        if (grown) {
            t->merge_list = grown;
            t->merge_cap = cap;
        }
    }
    stoa_insert r =
        memory ? STOA_INSERT_MEMORY : stoa_merges_insert(&t->bpe.merges, a, b, t->merge_count, ab);
    if (r != STOA_INSERT_DONE)
        return stoa_fail(err, r == STOA_INSERT_MEMORY ? STOA_ERR_MEMORY : STOA_ERR_FORMAT,
                         "cannot add a merge: %s", stoa_insert_name(r));
    t->merge_list[t->merge_count++] = (struct stoa_merge_pair){a, b};
    return STOA_OK;
}

stoa_status stoa_tokenizer_add_token(stoa_tokenizer *t, const stoa_added_token *token,
                                     stoa_error *err) {
    stoa_added *added = &t->added;
    stoa_view content = {token->content, token->len};
    if (token->len == 0 || token->len > STOA_TOKENIZER_TOKEN_MAX)
        return stoa_fail(err, STOA_ERR_FORMAT, "an added token of %zu bytes (1 to %d are allowed)",
                         token->len, STOA_TOKENIZER_TOKEN_MAX);
    int32_t known = stoa_strings_find(&t->bpe.text, content);
    stoa_insert r = STOA_INSERT_DONE;
    if (known >= 0 && known != token->id)
        r = STOA_INSERT_TWICE_TEXT;
    else if (known < 0 && stoa_strings_text(&t->bpe.text, token->id).ptr)
        r = STOA_INSERT_TWICE_ID;
    else if (known < 0)
        r = stoa_strings_insert(&added->outside, content, token->id);
    // the array grows at powers of two
    if (r == STOA_INSERT_DONE && (added->count & (added->count - 1)) == 0) {
        size_t cap = added->count ? added->count * 2 : 1;
        void *grown = stoa_realloc(added->token, added->count * sizeof *added->token,
                                   cap * sizeof *added->token);
        if (grown)
            added->token = grown;
        else
            r = STOA_INSERT_MEMORY;
    }
    char *copy = r == STOA_INSERT_DONE ? stoa_alloc(token->len + 1) : NULL;
    if (r == STOA_INSERT_DONE && !copy)
        r = STOA_INSERT_MEMORY;
    if (r != STOA_INSERT_DONE)
        return stoa_fail(err, r == STOA_INSERT_MEMORY ? STOA_ERR_MEMORY : STOA_ERR_FORMAT,
                         "cannot add the token \"%.*s\" as id %d: %s",
                         (int)(token->len < 60 ? token->len : 60), token->content, token->id,
                         stoa_insert_name(r));
    memcpy(copy, token->content, token->len);
    added->token[added->count] = *token;
    added->token[added->count++].content = copy;
    return STOA_OK;
}

/* Fills the tries and the table of special ids. */
static stoa_status finish_added(stoa_tokenizer *t, stoa_error *err) {
    stoa_added *a = &t->added;
    a->special_count = t->vocab;
    a->special = stoa_alloc((size_t)t->vocab + 1);
    if (!a->special)
        return stoa_fail(err, STOA_ERR_MEMORY, "no memory for the added tokens");
    stoa_buffer buffers[2] = {0};
    stoa_status status = STOA_OK;
    for (size_t i = 0; i < a->count && status == STOA_OK; i++) {
        const stoa_added_token *token = &a->token[i];
        if (token->special)
            a->special[token->id] = 1;
        stoa_view text = {token->content, token->len};
        if (token->normalized)
            status = stoa_normalize(t->normalizer, t->normalizer_count, text, false, buffers, &text,
                                    err);
        if (status != STOA_OK)
            break;
        stoa_insert r =
            stoa_trie_add(token->normalized ? &a->normalized : &a->raw, text, (int32_t)i);
        if (r != STOA_INSERT_DONE)
            status = stoa_fail(err, r == STOA_INSERT_MEMORY ? STOA_ERR_MEMORY : STOA_ERR_FORMAT,
                               "added tokens: %s", stoa_insert_name(r));
    }
    stoa_buffer_deinit(&buffers[0]);
    stoa_buffer_deinit(&buffers[1]);
    return status;
}

static stoa_status check_template(const stoa_ids *ids, int32_t vocab, stoa_error *err) {
    for (size_t i = 0; i < ids->len; i++)
        if (ids->data[i] >= vocab)
            return stoa_fail(err, STOA_ERR_FORMAT,
                             "post_processor: id %d is outside the vocabulary of %d tokens",
                             ids->data[i], vocab);
    return STOA_OK;
}

/* Whether encoding comes down to copying bytes. */
static bool is_identity(const stoa_tokenizer *t) {
    bool identity = t->vocab == 256 && t->bpe.takes_bytes && t->merge_count == 0 &&
                    t->added.count == 0 && t->normalizer_count == 0 && t->splitter_count == 1 &&
                    t->splitter[0].prefix == STOA_PREFIX_NEVER && t->prefix.len == 0 &&
                    t->suffix.len == 0 && t->decoder_count == 1 &&
                    t->decoder[0].kind == STOA_DECODE_BYTE_LEVEL;
    for (int i = 0; identity && i < 256; i++)
        identity = t->bpe.byte[i] == i;
    return identity;
}

static const char *const end_names[] = {
    "<|endoftext|>", "<|end_of_text|>", "</s>", "<eos>", "<|eos|>", "[EOS]", "<EOS>",
};

stoa_status stoa_tokenizer_finish(stoa_tokenizer *t, stoa_error *err) {
    int32_t outside = t->added.outside.count;
    t->vocab = outside > t->bpe.text.count ? outside : t->bpe.text.count;
    if (t->vocab == 0)
        return stoa_fail(err, STOA_ERR_FORMAT, "the vocabulary is empty");
    bool byte_level = t->splitter_count > 0 &&
                      t->splitter[t->splitter_count - 1].kind == STOA_SPLITTER_BYTE_LEVEL;
    if (!stoa_bpe_prepare(&t->bpe, byte_level))
        return stoa_fail(err, STOA_ERR_MEMORY, "no memory for the tokenizer's tables");
    STOA_TRY(finish_added(t, err));
    STOA_TRY(check_template(&t->prefix, t->vocab, err));
    STOA_TRY(check_template(&t->suffix, t->vocab, err));
    for (size_t i = 0; i < sizeof end_names / sizeof *end_names && t->end_of_text < 0; i++)
        t->end_of_text = stoa_tokenizer_find(t, stoa_view_of(end_names[i]));
    t->identity = is_identity(t);
    stoa_buffer written = {0};
    stoa_status status = stoa_tokenizer_dump(t, &written, err);
    if (status == STOA_OK)
        t->hash = XXH64(written.data, written.len, 0);
    stoa_buffer_deinit(&written);
    return status;
}

/* ---- questions ---- */

int32_t stoa_tokenizer_vocab(const stoa_tokenizer *t) {
    return t->vocab;
}

stoa_view stoa_tokenizer_text(const stoa_tokenizer *t, int32_t id) {
    stoa_view text = stoa_strings_text(&t->bpe.text, id);
    return text.ptr ? text : stoa_strings_text(&t->added.outside, id);
}

int32_t stoa_tokenizer_find(const stoa_tokenizer *t, stoa_view text) {
    int32_t id = stoa_strings_find(&t->bpe.text, text);
    return id >= 0 ? id : stoa_strings_find(&t->added.outside, text);
}

bool stoa_tokenizer_is_special(const stoa_tokenizer *t, int32_t id) {
    return id >= 0 && id < t->added.special_count && t->added.special[id];
}

int32_t stoa_tokenizer_end_of_text(const stoa_tokenizer *t) {
    return t->end_of_text;
}

uint64_t stoa_tokenizer_hash(const stoa_tokenizer *t) {
    return t->hash;
}
