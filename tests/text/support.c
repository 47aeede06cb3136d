/*
 * support.c - what the tests of the text room share.
 */
#include "support.h"

#include <limits.h>
#include <stdio.h>

int make_folder(void **state) {
    char *path = strdup("/tmp/stoa-test-XXXXXX");
    if (!path || !mkdtemp(path)) {
        free(path);
        return -1;
    }
    *state = path;
    return 0;
}

int drop_folder(void **state) {
    stoa_status status = stoa_remove_tree(*state, NULL);
    free(*state);
    return status == STOA_OK ? 0 : -1;
}

const char *inside(void **state, const char *name) {
    static char paths[4][PATH_MAX];
    static int next;
    char *path = paths[next++ % 4];
    if (!stoa_path_join(path, PATH_MAX, *state, name))
        abort();
    return path;
}

void write_text(const char *path, const char *text) {
    assert_int_equal(stoa_file_write(path, text, strlen(text), NULL), STOA_OK);
}

static const char *or_null(const char *json) {
    return json ? json : "null";
}

static const char *or_nothing(const char *json) {
    return json ? json : "";
}

const char small_letters[] = "abcdefghijklmnopqrstuvwxyz- 12AB.!";

char *small_json(small s) {
    stoa_buffer out = {0};
    stoa_buffer_printf(&out,
                       "{\"version\": \"1.0\", \"added_tokens\": [%s], \"normalizer\": %s, "
                       "\"pre_tokenizer\": %s, \"post_processor\": %s, \"decoder\": %s, "
                       "\"model\": {\"type\": \"BPE\"%s, \"vocab\": {",
                       or_nothing(s.added), or_null(s.normalizer), or_null(s.pre_tokenizer),
                       or_null(s.post_processor), or_null(s.decoder), or_nothing(s.flags));
    for (int i = 0; i < 26; i++)
        stoa_buffer_printf(&out, "\"%c\": %d, ", 'a' + i, i);
    stoa_buffer_printf(&out,
                       "\"-\": 26, \"\u2581\": 27, \" \": 28, \"1\": 29, \"2\": 30, \"A\": 31, "
                       "\"B\": 32, \"\u00e9\": 33, \".\": 34, \"!\": 35%s}, \"merges\": [%s]}}",
                       or_nothing(s.more), or_nothing(s.merges));
    assert_false(out.failed);
    return out.data;
}

stoa_tokenizer *small_tokenizer(small s) {
    char *json = small_json(s);
    stoa_tokenizer *t;
    stoa_error err = {0};
    if (stoa_tokenizer_parse(&t, "small.json", stoa_view_of(json), &err) != STOA_OK)
        fail_msg("%s", err.message);
    stoa_free(json);
    return t;
}

stoa_ids encode(const stoa_tokenizer *t, const char *text, unsigned flags) {
    stoa_ids ids = {0};
    stoa_error err = {0};
    if (stoa_tokenizer_encode(t, stoa_view_of(text), flags, &ids, &err) != STOA_OK)
        fail_msg("%s", err.message);
    return ids;
}

void check_pieces(const stoa_tokenizer *t, const char *text, unsigned flags, const char *expected) {
    stoa_ids ids = encode(t, text, flags);
    stoa_buffer got = {0};
    for (size_t i = 0; i < ids.len; i++) {
        stoa_view token = stoa_tokenizer_text(t, ids.data[i]);
        stoa_buffer_append(&got, token.ptr, token.len);
        stoa_buffer_append(&got, "|", 1);
    }
    stoa_buffer_append(&got, "", 0);
    if (strcmp(got.data, expected) != 0)
        fail_msg("\"%s\" became \"%s\", expected \"%s\"", text, got.data, expected);
    stoa_buffer_deinit(&got);
    stoa_ids_deinit(&ids);
}

void check_decoding(const stoa_tokenizer *t, const char *const *tokens, unsigned flags,
                    const char *expected) {
    stoa_ids ids = {0};
    for (; *tokens; tokens++) {
        int32_t id = stoa_tokenizer_find(t, stoa_view_of(*tokens));
        if (id < 0)
            fail_msg("no token \"%s\"", *tokens);
        stoa_ids_push(&ids, id);
    }
    stoa_buffer whole = {0}, streamed = {0};
    assert_int_equal(stoa_tokenizer_decode(t, ids.data, ids.len, flags, &whole, NULL), STOA_OK);
    stoa_buffer_append(&whole, "", 0);
    if (strcmp(whole.data, expected) != 0)
        fail_msg("decoded to \"%s\", expected \"%s\"", whole.data, expected);
    stoa_decoder *d = stoa_decoder_new(t, flags & STOA_DECODE_SKIP_SPECIAL);
    for (size_t i = 0; i < ids.len; i++)
        assert_int_equal(stoa_decoder_push(d, ids.data[i], &streamed, NULL), STOA_OK);
    assert_int_equal(stoa_decoder_finish(d, &streamed, NULL), STOA_OK);
    stoa_buffer_append(&streamed, "", 0);
    if (flags & STOA_DECODE_LOSSY && strcmp(streamed.data, expected) != 0)
        fail_msg("streamed to \"%s\", expected \"%s\"", streamed.data, expected);
    stoa_decoder_free(d);
    stoa_buffer_deinit(&whole);
    stoa_buffer_deinit(&streamed);
    stoa_ids_deinit(&ids);
}

void check_ids(const stoa_ids *ids, const int32_t *expected, size_t n) {
    assert_int_equal(ids->len, n);
    for (size_t i = 0; i < n; i++)
        if (ids->data[i] != expected[i])
            fail_msg("id %zu is %d, expected %d", i, ids->data[i], expected[i]);
}

void check_message(const stoa_error *err, const char *part) {
    if (!strstr(err->message, part))
        fail_msg("\"%s\" does not contain \"%s\"", err->message, part);
}

const char sample_text[] =
    "The porch was long, and the people who walked there talked. They'd talk of stones, of rivers "
    "and of what is good; it's said that some didn't stop for 37 days.\n\n"
    "  \"Who walks here?\" asked the keeper. \"We'll see,\" said the people who walked there.\r\n"
    "\tIn 2026 the stones were counted: 12345 stones, 3\u00bd rivers.\n"
    "\u03a3\u03c4\u03bf\u03ac means porch \u2014 na\u00efve caf\u00e9s, \u4f60\u597d\u4e16\u754c, "
    "\ud55c\uad6d\uc5b4, \U0001F642\U0001F642!\u3000\u00a0 the stones, the rivers, the people.\n";

stoa_tokenizer *learned(int64_t vocab, stoa_pieces pieces) {
    stoa_buffer text = {0};
    for (int i = 0; i < 4; i++)
        stoa_buffer_append(&text, sample_text, strlen(sample_text));
    stoa_view view = {text.data, text.len};
    stoa_tokenizer_training training = {
        .texts = &view, .text_count = 1, .vocab = vocab, .pieces = pieces};
    stoa_tokenizer *t;
    stoa_error err = {0};
    if (stoa_tokenizer_train(&t, &training, &err) != STOA_OK)
        fail_msg("%s", err.message);
    stoa_buffer_deinit(&text);
    return t;
}

size_t random_text(stoa_rng *rng, bool invalid, char *out, size_t n) {
    static const char *const parts[] = {
        "a",      "the ",   "stones",     "'ll",      "'S",     " ",      "  ",           "\n",
        "\r\n",   "\t",     "1",          "2026",     "!?",     "-",      "\u00e9",       "e\u0301",
        "\u4f60", "\u3000", "\U0001F642", "\xc2\x85", "\u0130", "\u00bd", "<|endoftext|>"};
    size_t len = 0;
    for (;;) {
        char byte = (char)stoa_rng_below(rng, 256);
        const char *part = parts[stoa_rng_below(rng, (int64_t)(sizeof parts / sizeof *parts))];
        bool raw = invalid && stoa_rng_below(rng, 4) == 0;
        size_t add = raw ? 1 : strlen(part);
        if (len + add > n || stoa_rng_below(rng, 40) == 0)
            return len;
        memcpy(out + len, raw ? &byte : part, add);
        len += add;
    }
}
