/*
 * load.c - tokenizers from files: tokenizer.json, or vocab.json with merges.txt.
 */
#include "text/parts.h"

#include <limits.h>
#include <string.h>
#include <sys/stat.h>

/* ---- vocabulary and merges ---- */

static stoa_status read_vocab(stoa_tokenizer *t, json_t *vocab, const stoa_place *place,
                              stoa_error *err) {
    if (!json_is_object(vocab))
        return stoa_place_fail(place, err, STOA_ERR_FORMAT, "expected an object of token: id");
    if (json_object_size(vocab) > STOA_TOKENIZER_VOCAB_MAX)
        return stoa_place_fail(place, err, STOA_ERR_FORMAT, "more than %d tokens",
                               STOA_TOKENIZER_VOCAB_MAX);
    const char *key;
    json_t *value;
    json_object_foreach(vocab, key, value) {
        json_int_t id = json_integer_value(value);
        stoa_place here = {place, key, 0};
        if (!json_is_integer(value) || id < 0 || id >= STOA_TOKENIZER_VOCAB_MAX)
            return stoa_place_fail(&here, err, STOA_ERR_FORMAT, "expected an id from 0 to %d",
                                   STOA_TOKENIZER_VOCAB_MAX - 1);
        stoa_insert r = stoa_strings_insert(&t->bpe.text, stoa_view_of(key), (int32_t)id);
        if (r != STOA_INSERT_DONE)
            return stoa_place_fail(
                &here, err, r == STOA_INSERT_MEMORY ? STOA_ERR_MEMORY : STOA_ERR_FORMAT,
                "cannot take this token as id %d: %s", (int)id, stoa_insert_name(r));
    }
    return STOA_OK;
}

/* Splits "a b" at its only space. */
static bool split_pair(stoa_view line, stoa_view *left, stoa_view *right) {
    const char *space = memchr(line.ptr, ' ', line.len);
    if (!space || memchr(space + 1, ' ', line.len - (size_t)(space + 1 - line.ptr)))
        return false;
    *left = (stoa_view){line.ptr, (size_t)(space - line.ptr)};
    *right = (stoa_view){space + 1, line.len - left->len - 1};
    return true;
}

/* Items are "a b" or ["a", "b"]. */
static stoa_status read_merges(stoa_tokenizer *t, const json_t *merges, const stoa_place *place,
                               stoa_error *err) {
    for (size_t i = 0; i < json_array_size(merges); i++) {
        const json_t *item = json_array_get(merges, i);
        stoa_place here = {place, NULL, i};
        stoa_view left, right;
        const json_t *a = json_array_get(item, 0), *b = json_array_get(item, 1);
        bool pair = json_array_size(item) == 2 && json_is_string(a) && json_is_string(b);
        if (pair) {
            left = stoa_json_view(a);
            right = stoa_json_view(b);
        } else if (!json_is_string(item) || !split_pair(stoa_json_view(item), &left, &right)) {
            return stoa_place_fail(&here, err, STOA_ERR_FORMAT,
                                   "expected \"left right\" or [\"left\", \"right\"]");
        }
        stoa_error why;
        stoa_status status = stoa_tokenizer_add_merge(t, left, right, &why);
        if (status != STOA_OK)
            return stoa_place_fail(&here, err, status, "%s", why.message);
    }
    return STOA_OK;
}

/* An affix that BPE can glue to word parts: "" means none, others are not supported. */
static stoa_status no_affix(const json_t *model, const char *key, const stoa_place *place,
                            stoa_error *err) {
    stoa_view affix = {0};
    STOA_TRY(stoa_json_string(model, key, false, place, &affix, err));
    if (affix.len == 0)
        return STOA_OK;
    stoa_place here = {place, key, 0};
    return stoa_place_fail(&here, err, STOA_ERR_UNSUPPORTED, "is not supported");
}

static stoa_status read_model(stoa_tokenizer *t, const json_t *model, const stoa_place *file,
                              stoa_error *err) {
    stoa_place place = {file, "model", 0};
    stoa_place vocab = {&place, "vocab", 0}, merges = {&place, "merges", 0};
    if (!json_is_object(model))
        return stoa_place_fail(&place, err, STOA_ERR_FORMAT, "expected an object");
    stoa_view type = stoa_view_of("BPE"); // old files leave it out
    STOA_TRY(stoa_json_string(model, "type", false, &place, &type, err));
    if (!stoa_view_equal(type, stoa_view_of("BPE")))
        return stoa_place_fail(&place, err, STOA_ERR_UNSUPPORTED,
                               "the type \"%.*s\" is not supported, only BPE is",
                               (int)(type.len < 80 ? type.len : 80), type.ptr);
    const json_t *dropout = json_object_get(model, "dropout");
    if (json_is_number(dropout) ? json_number_value(dropout) != 0.0
                                : dropout && !json_is_null(dropout))
        return stoa_place_fail(&place, err, STOA_ERR_UNSUPPORTED, "dropout is not supported");
    STOA_TRY(no_affix(model, "continuing_subword_prefix", &place, err));
    STOA_TRY(no_affix(model, "end_of_word_suffix", &place, err));
    STOA_TRY(stoa_json_bool(model, "fuse_unk", false, &place, &t->bpe.fuse_unknown, err));
    STOA_TRY(stoa_json_bool(model, "byte_fallback", false, &place, &t->bpe.byte_fallback, err));
    STOA_TRY(stoa_json_bool(model, "ignore_merges", false, &place, &t->bpe.ignore_merges, err));
    STOA_TRY(read_vocab(t, json_object_get(model, "vocab"), &vocab, err));
    json_t *list;
    STOA_TRY(stoa_json_array(model, "merges", &place, &list, err));
    STOA_TRY(read_merges(t, list, &merges, err));
    stoa_view unknown = {0};
    STOA_TRY(stoa_json_string(model, "unk_token", false, &place, &unknown, err));
    if (!unknown.ptr)
        return STOA_OK;
    t->bpe.unknown = stoa_strings_find(&t->bpe.text, unknown);
    return t->bpe.unknown >= 0 ? STOA_OK
                               : stoa_place_fail(&place, err, STOA_ERR_FORMAT,
                                                 "unk_token is not in the vocabulary");
}

/* ---- added tokens ---- */

static stoa_status read_added(stoa_tokenizer *t, const json_t *list, const stoa_place *file,
                              stoa_error *err) {
    stoa_place place = {file, "added_tokens", 0};
    if (list && !json_is_null(list) && !json_is_array(list))
        return stoa_place_fail(&place, err, STOA_ERR_FORMAT, "expected an array");
    for (size_t i = 0; i < json_array_size(list); i++) {
        stoa_place here = {&place, NULL, i};
        const json_t *o = json_array_get(list, i);
        stoa_added_token token = {0};
        int64_t id;
        stoa_view content;
        STOA_TRY(stoa_json_int(o, "id", true, 0, STOA_TOKENIZER_VOCAB_MAX - 1, &here, &id, err));
        STOA_TRY(stoa_json_string(o, "content", true, &here, &content, err));
        STOA_TRY(stoa_json_bool(o, "special", false, &here, &token.special, err));
        STOA_TRY(stoa_json_bool(o, "single_word", false, &here, &token.single_word, err));
        STOA_TRY(stoa_json_bool(o, "lstrip", false, &here, &token.lstrip, err));
        STOA_TRY(stoa_json_bool(o, "rstrip", false, &here, &token.rstrip, err));
        token.normalized = !token.special;
        STOA_TRY(stoa_json_bool(o, "normalized", false, &here, &token.normalized, err));
        token.id = (int32_t)id;
        token.content = (char *)(uintptr_t)content.ptr; // copied by the call
        token.len = content.len;
        stoa_error why;
        stoa_status status = stoa_tokenizer_add_token(t, &token, &why);
        if (status != STOA_OK)
            return stoa_place_fail(&here, err, status, "%s", why.message);
    }
    return STOA_OK;
}

/* ---- files ---- */

static stoa_status finish(stoa_tokenizer *t, const char *name, stoa_error *err) {
    stoa_status status = stoa_tokenizer_finish(t, err);
    return status == STOA_OK ? STOA_OK : stoa_fail_context(err, status, "%s", name);
}

static stoa_status build(stoa_tokenizer *t, const json_t *root, const char *name, stoa_error *err) {
    stoa_place file = {NULL, name, 0};
    if (!json_is_object(root))
        return stoa_place_fail(&file, err, STOA_ERR_FORMAT, "expected an object");
    if (!json_object_get(root, "model"))
        return stoa_place_fail(&file, err, STOA_ERR_FORMAT,
                               "there is no \"model\": this is not a tokenizer.json");
    STOA_TRY(read_model(t, json_object_get(root, "model"), &file, err));
    for (int i = 0; i < STOA_PART_COUNT; i++)
        STOA_TRY(stoa_part_parse(t, (stoa_part)i, json_object_get(root, stoa_part_names[i]), &file,
                                 err));
    STOA_TRY(read_added(t, json_object_get(root, "added_tokens"), &file, err));
    return finish(t, name, err);
}

/* Gives t to *out, or frees it when status is a failure. */
static stoa_status hand_over(stoa_tokenizer *t, stoa_status status, stoa_tokenizer **out) {
    *out = status == STOA_OK ? t : NULL;
    if (status != STOA_OK)
        stoa_tokenizer_free(t);
    return status;
}

stoa_status stoa_tokenizer_parse(stoa_tokenizer **out, const char *name, stoa_view json,
                                 stoa_error *err) {
    *out = NULL;
    if (json.len > STOA_TOKENIZER_FILE_MAX)
        return stoa_fail(err, STOA_ERR_FORMAT, "%s: larger than %zu bytes", name,
                         STOA_TOKENIZER_FILE_MAX);
    json_t *root;
    STOA_TRY(stoa_json_parse(name, json, &root, err));
    stoa_tokenizer *t = stoa_tokenizer_new();
    stoa_status status =
        t ? build(t, root, name, err) : stoa_fail(err, STOA_ERR_MEMORY, "%s: no memory", name);
    json_decref(root);
    return hand_over(t, status, out);
}

static bool is_folder(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

stoa_status stoa_tokenizer_load(stoa_tokenizer **out, const char *path, stoa_error *err) {
    *out = NULL;
    char file[PATH_MAX], merges[PATH_MAX];
    if (is_folder(path)) {
        if (!stoa_path_join(file, sizeof file, path, "tokenizer.json"))
            return stoa_fail(err, STOA_ERR_IO, "%s: the path is too long", path);
        if (!stoa_file_exists(file) && stoa_path_join(file, sizeof file, path, "vocab.json") &&
            stoa_file_exists(file) && stoa_path_join(merges, sizeof merges, path, "merges.txt"))
            return stoa_tokenizer_load_pair(out, file, merges, err);
        if (!stoa_file_exists(file))
            return stoa_fail(err, STOA_ERR_IO,
                             "%s: the folder has neither tokenizer.json nor vocab.json and "
                             "merges.txt",
                             path);
        path = file;
    }
    char *text;
    size_t size;
    STOA_TRY(stoa_file_read(path, STOA_TOKENIZER_FILE_MAX, &text, &size, err));
    stoa_status status = stoa_tokenizer_parse(out, path, (stoa_view){text, size}, err);
    stoa_free(text);
    return status;
}

/* ---- vocab.json + merges.txt ---- */

static stoa_status read_merge_lines(stoa_tokenizer *t, stoa_view text, const char *name,
                                    stoa_error *err) {
    size_t number = 0;
    while (text.len > 0) {
        const char *end = memchr(text.ptr, '\n', text.len);
        stoa_view line = {text.ptr, end ? (size_t)(end - text.ptr) : text.len};
        text.len -= line.len + (end != NULL);
        text.ptr += line.len + (end != NULL);
        if (line.len > 0 && line.ptr[line.len - 1] == '\r')
            line.len--;
        number++;
        bool version = number == 1 && line.len >= 8 && memcmp(line.ptr, "#version", 8) == 0;
        if (version || line.len == 0)
            continue;
        stoa_view left, right;
        if (!split_pair(line, &left, &right))
            return stoa_fail(err, STOA_ERR_FORMAT, "%s: line %zu: expected \"left right\"", name,
                             number);
        stoa_status status = stoa_tokenizer_add_merge(t, left, right, err);
        if (status != STOA_OK)
            return stoa_fail_context(err, status, "%s: line %zu", name, number);
    }
    return STOA_OK;
}

static stoa_status build_pair(stoa_tokenizer *t, const char *vocab_path, const char *merges_path,
                              stoa_error *err) {
    char *text;
    size_t size;
    json_t *vocab;
    STOA_TRY(stoa_file_read(vocab_path, STOA_TOKENIZER_FILE_MAX, &text, &size, err));
    stoa_status status = stoa_json_parse(vocab_path, (stoa_view){text, size}, &vocab, err);
    stoa_free(text);
    if (status != STOA_OK)
        return status;
    stoa_place file = {NULL, vocab_path, 0};
    status = read_vocab(t, vocab, &file, err);
    json_decref(vocab);
    if (status != STOA_OK)
        return status;
    STOA_TRY(stoa_file_read(merges_path, STOA_TOKENIZER_FILE_MAX, &text, &size, err));
    status = read_merge_lines(t, (stoa_view){text, size}, merges_path, err);
    stoa_free(text);
    if (status != STOA_OK)
        return status;
    STOA_TRY(stoa_tokenizer_set_byte_level(t, stoa_scanners[STOA_PIECES_GPT2].regex, err));
    char end[] = "<|endoftext|>";
    stoa_added_token token = {.content = end,
                              .len = strlen(end),
                              .id = stoa_strings_find(&t->bpe.text, stoa_view_of(end)),
                              .special = true};
    if (token.id >= 0)
        STOA_TRY(stoa_tokenizer_add_token(t, &token, err));
    return finish(t, vocab_path, err);
}

stoa_status stoa_tokenizer_load_pair(stoa_tokenizer **out, const char *vocab_path,
                                     const char *merges_path, stoa_error *err) {
    stoa_tokenizer *t = stoa_tokenizer_new();
    stoa_status status = t ? build_pair(t, vocab_path, merges_path, err)
                           : stoa_fail(err, STOA_ERR_MEMORY, "%s: no memory", vocab_path);
    return hand_over(t, status, out);
}
