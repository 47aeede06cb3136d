/*
 * test_tokenizer.c - the model and the object: merges, unknown characters, added tokens, round
 * trips of arbitrary bytes, saving and loading, training.
 */
#include "support.h"

/* ---- merging ---- */

static void the_lowest_rank_is_merged_first_and_the_leftmost_of_equals(void **state) {
    (void)state;
    stoa_tokenizer *t = small_tokenizer(
        (small){.more = ", \"ab\": 36, \"bc\": 37, \"abc\": 38, \"aa\": 39, \"aaa\": 40",
                .merges = "\"b c\", [\"a\", \"b\"], \"a bc\", \"a a\", \"aa a\""});
    check_pieces(t, "abc", 0, "abc|"); // b c first, then a bc
    check_pieces(t, "ab", 0, "ab|");
    check_pieces(t, "aaaa", 0, "aa|aa|"); // leftmost pairs first
    check_pieces(t, "aaa", 0, "aaa|");
    check_pieces(t, "aab", 0, "a|ab|"); // a b has the lower rank
    stoa_tokenizer_free(t);
}

static void a_merge_given_twice_takes_its_last_rank(void **state) {
    (void)state;
    stoa_tokenizer *t = small_tokenizer(
        (small){.more = ", \"ab\": 36, \"bc\": 37", .merges = "\"a b\", \"b c\", \"a b\""});
    check_pieces(t, "abc", 0, "a|bc|");
    stoa_tokenizer_free(t);
}

static void ignore_merges_takes_whole_pieces(void **state) {
    (void)state;
    small s = {.more = ", \"ab\": 36, \"abc\": 37", .merges = "\"a b\""};
    stoa_tokenizer *t = small_tokenizer(s);
    check_pieces(t, "abc", 0, "ab|c|");
    check_pieces(t, "abc", 0, "ab|c|"); // again: what was learned about whole tokens must hold
    stoa_tokenizer_free(t);
    s.flags = ", \"ignore_merges\": true";
    t = small_tokenizer(s);
    check_pieces(t, "abc", 0, "abc|");
    stoa_tokenizer_free(t);
}

static void unknown_characters_are_dropped_named_fused_or_spelled_in_bytes(void **state) {
    (void)state;
    static const struct {
        const char *flags, *expected;
    } rows[] = {
        {NULL, "a|b|"},
        {", \"unk_token\": \"?\"", "a|?|?|b|?|"},
        {", \"unk_token\": \"?\", \"fuse_unk\": true", "a|?|b|?|"},
        {", \"byte_fallback\": true", "a|<0xC3>|<0xBF>|b|"}, // the others lack a byte
        {", \"byte_fallback\": true, \"unk_token\": \"?\"", "a|<0xC3>|<0xBF>|?|b|?|"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        stoa_tokenizer *t = small_tokenizer(
            (small){.more = ", \"?\": 36, \"<0xC3>\": 37, \"<0xBF>\": 38", .flags = rows[i].flags});
        check_pieces(t, "a\u00ff\u4f60b\u4f60", 0, rows[i].expected);
        stoa_tokenizer_free(t);
    }
}

static void a_byte_that_is_no_character_falls_back_alone(void **state) {
    (void)state;
    stoa_tokenizer *t =
        small_tokenizer((small){.more = ", \"<0xC3>\": 36", .flags = ", \"byte_fallback\": true"});
    check_pieces(t, "a\xc3z", 0, "a|<0xC3>|z|");
    stoa_tokenizer_free(t);
}

/* The definition, by rescanning: an oracle for long pieces. */
static size_t merge_slowly(const int32_t (*merges)[3], size_t count, int32_t *ids, size_t n) {
    for (;;) {
        size_t best = count, at = 0;
        for (size_t i = 0; i + 1 < n; i++)
            for (size_t m = 0; m < best; m++)
                if (merges[m][0] == ids[i] && merges[m][1] == ids[i + 1]) {
                    best = m;
                    at = i;
                }
        if (best == count)
            return n;
        ids[at] = merges[best][2];
        memmove(ids + at + 1, ids + at + 2, (n - at - 2) * sizeof *ids);
        n--;
    }
}

static void long_pieces_merge_as_the_definition_says(void **state) {
    (void)state;
    static const int32_t merges[][3] = {{1, 0, 36},   {0, 0, 37},  {37, 37, 38}, {0, 1, 39},
                                        {39, 36, 40}, {38, 0, 41}, {36, 36, 42}};
    stoa_tokenizer *t = small_tokenizer((small){
        .more = ", \"ba\": 36, \"aa\": 37, \"aaaa\": 38, \"ab\": 39, \"abba\": 40, "
                "\"aaaaa\": 41, \"baba\": 42",
        .merges = "\"b a\", \"a a\", \"aa aa\", \"a b\", \"ab ba\", \"aaaa a\", \"ba ba\""});
    stoa_rng rng = stoa_rng_stream(3, "long", 0);
    for (int round = 0; round < 400; round++) {
        char text[160] = {0};
        int32_t ids[160];
        size_t n = (size_t)stoa_rng_below(&rng, 150);
        for (size_t i = 0; i < n; i++) {
            ids[i] = stoa_rng_below(&rng, 3) == 0;
            text[i] = (char)('a' + ids[i]);
        }
        n = merge_slowly(merges, sizeof merges / sizeof *merges, ids, n);
        stoa_ids got = encode(t, text, 0);
        check_ids(&got, ids, n);
        stoa_ids_deinit(&got);
    }
    stoa_tokenizer_free(t);
}

/* A megabyte without piece pattern: quadratic merging would take hours. */
static void a_whole_document_as_one_piece_is_merged(void **state) {
    (void)state;
    stoa_tokenizer *t = small_tokenizer(
        (small){.more = ", \"aa\": 36, \"aaaa\": 37", .merges = "\"a a\", \"aa aa\""});
    size_t n = 1 << 20;
    char *text = stoa_alloc(n + 1);
    memset(text, 'a', n);
    stoa_ids ids = encode(t, text, 0);
    assert_int_equal(ids.len, n / 4);
    stoa_ids_deinit(&ids);
    stoa_free(text);
    stoa_tokenizer_free(t);
}

/* ---- added tokens ---- */

#define TOKEN(id, content, flags) "{\"id\": " id ", \"content\": \"" content "\"" flags "}"

static void added_tokens_are_found_leftmost_and_longest(void **state) {
    (void)state;
    stoa_tokenizer *t = small_tokenizer((small){
        .added = TOKEN("40", "<a", "") ", " TOKEN("41", "<ab", "") ", " TOKEN("42", "b<", "")});
    check_pieces(t, "x<abc", 0, "x|<ab|c|");
    check_pieces(t, "b<ab", 0, "b<|a|b|");
    check_pieces(t, "<a<", 0, "<a|");
    stoa_tokenizer_free(t);
}

static void flags_of_added_tokens_are_obeyed(void **state) {
    (void)state;
    static const struct {
        const char *flags, *text, *expected;
    } rows[] = {
        {", \"single_word\": true", "ab foo, foob foo", "a|b| |foo| |f|o|o|b| |foo|"},
        {", \"single_word\": true", "\u00e9foo foo", "\u00e9|f|o|o| |foo|"},
        {", \"lstrip\": true", "a  foo b", "a|foo| |b|"},
        {", \"rstrip\": true", "a foo \n b", "a| |foo|b|"},
        {", \"lstrip\": true, \"rstrip\": true", " foo  foo ", "foo|foo|"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char added[200];
        snprintf(added, sizeof added, TOKEN("40", "foo", "%s"), rows[i].flags);
        stoa_tokenizer *t = small_tokenizer((small){.added = added});
        check_pieces(t, rows[i].text, 0, rows[i].expected);
        stoa_tokenizer_free(t);
    }
}

static void normalized_tokens_are_found_in_normalised_text_only(void **state) {
    (void)state;
    stoa_tokenizer *t =
        small_tokenizer((small){.normalizer = "{\"type\": \"Lowercase\"}",
                                .added = TOKEN("40", "AB", ", \"normalized\": true") ", " TOKEN(
                                    "41", "BA", ", \"normalized\": false")});
    check_pieces(t, "ab", 0, "AB|");
    check_pieces(t, "aB", 0, "AB|");
    check_pieces(t, "ba", 0, "b|a|");
    check_pieces(t, "BA", 0, "BA|");
    stoa_tokenizer_free(t);
}

static void special_tokens_in_text_can_be_plain_text(void **state) {
    (void)state;
    stoa_tokenizer *t = small_tokenizer((small){.added = TOKEN("40", "ab", ", \"special\": true")});
    check_pieces(t, "abc", 0, "ab|c|");
    check_pieces(t, "abc", STOA_ENCODE_NO_SPECIAL, "a|b|c|");
    assert_true(stoa_tokenizer_is_special(t, 40));
    assert_false(stoa_tokenizer_is_special(t, 0));
    assert_false(stoa_tokenizer_is_special(t, -1));
    assert_int_equal(stoa_tokenizer_find(t, stoa_view_of("ab")), 40);
    assert_int_equal(stoa_tokenizer_vocab(t), 41);
    assert_null(stoa_tokenizer_text(t, 38).ptr); // a hole
    stoa_tokenizer_free(t);
}

static void thousands_of_added_tokens_are_searched_at_once(void **state) {
    (void)state;
    stoa_buffer added = {0};
    for (int i = 0; i < 6000; i++)
        stoa_buffer_printf(&added, "%s{\"id\": %d, \"content\": \"<unused%d>\"}", i ? ", " : "",
                           100 + i, i);
    stoa_tokenizer *t = small_tokenizer((small){.added = added.data});
    check_pieces(t, "a<unused5999><unused59>b", 0, "a|<unused5999>|<unused59>|b|");
    stoa_buffer_deinit(&added);
    stoa_tokenizer_free(t);
}

/* ---- round trips ---- */

static void bytes_are_the_identity(void **state) {
    (void)state;
    stoa_tokenizer *t = stoa_tokenizer_new_bytes();
    assert_int_equal(stoa_tokenizer_vocab(t), 256);
    assert_int_equal(stoa_tokenizer_end_of_text(t), -1);
    char all[256];
    int32_t ids[256];
    for (int i = 0; i < 256; i++) {
        all[i] = (char)i;
        ids[i] = i;
    }
    stoa_ids got = {0};
    assert_int_equal(stoa_tokenizer_encode(t, (stoa_view){all, 256}, 0, &got, NULL), STOA_OK);
    check_ids(&got, ids, 256);
    stoa_buffer back = {0};
    assert_int_equal(stoa_tokenizer_decode(t, got.data, got.len, 0, &back, NULL), STOA_OK);
    assert_int_equal(back.len, 256);
    assert_memory_equal(back.data, all, 256);
    stoa_buffer_deinit(&back);
    stoa_ids_deinit(&got);
    stoa_tokenizer_free(t);
}

static void arbitrary_bytes_survive_encoding_and_decoding(void **state) {
    (void)state;
    for (int pieces = 0; pieces < STOA_PIECES_COUNT; pieces++) {
        stoa_tokenizer *t = learned(400, (stoa_pieces)pieces);
        stoa_rng rng = stoa_rng_stream(5, "round trip", (uint64_t)pieces);
        for (int round = 0; round < 1200; round++) {
            char text[200];
            size_t n = random_text(&rng, round % 2, text, sizeof text);
            stoa_ids ids = {0};
            stoa_buffer back = {0}, lossy = {0}, streamed = {0};
            assert_int_equal(stoa_tokenizer_encode(t, (stoa_view){text, n}, 0, &ids, NULL),
                             STOA_OK);
            assert_int_equal(stoa_tokenizer_decode(t, ids.data, ids.len, 0, &back, NULL), STOA_OK);
            assert_int_equal(back.len, n);
            if (n > 0)
                assert_memory_equal(back.data, text, n);
            // token by token gives what decoding at once gives, and both are valid UTF-8
            assert_int_equal(
                stoa_tokenizer_decode(t, ids.data, ids.len, STOA_DECODE_LOSSY, &lossy, NULL),
                STOA_OK);
            stoa_decoder *d = stoa_decoder_new(t, 0);
            for (size_t i = 0; i < ids.len; i++)
                assert_int_equal(stoa_decoder_push(d, ids.data[i], &streamed, NULL), STOA_OK);
            assert_int_equal(stoa_decoder_finish(d, &streamed, NULL), STOA_OK);
            assert_int_equal(streamed.len, lossy.len);
            if (lossy.len > 0)
                assert_memory_equal(streamed.data, lossy.data, lossy.len);
            stoa_decoder_free(d);
            stoa_buffer_deinit(&back);
            stoa_buffer_deinit(&lossy);
            stoa_buffer_deinit(&streamed);
            stoa_ids_deinit(&ids);
        }
        stoa_tokenizer_free(t);
    }
}

typedef struct shared_work {
    const stoa_tokenizer *t;
    const stoa_ids *expected;
    int differ[8];
} shared_work;

static void encode_range(void *arg, int64_t begin, int64_t end, int thread) {
    shared_work *w = arg;
    for (int64_t i = begin; i < end; i++) {
        stoa_ids ids = {0};
        stoa_tokenizer_encode(w->t, stoa_view_of(sample_text), 0, &ids, NULL);
        w->differ[thread] += ids.len != w->expected->len ||
                             memcmp(ids.data, w->expected->data, ids.len * sizeof *ids.data) != 0;
        stoa_ids_deinit(&ids);
    }
}

static void threads_share_a_tokenizer(void **state) {
    (void)state;
    stoa_tokenizer *once = learned(400, STOA_PIECES_GPT2), *t = learned(400, STOA_PIECES_GPT2);
    stoa_ids expected = encode(once, sample_text, 0);
    shared_work w = {.t = t, .expected = &expected};
    stoa_pool *pool = stoa_pool_new(4);
    stoa_pool_run(pool, 200, 1, encode_range, &w);
    stoa_pool_free(pool);
    for (int i = 0; i < 8; i++)
        assert_int_equal(w.differ[i], 0);
    stoa_ids_deinit(&expected);
    stoa_tokenizer_free(once);
    stoa_tokenizer_free(t);
}

static void a_character_waits_for_its_last_byte(void **state) {
    (void)state;
    stoa_tokenizer *t = stoa_tokenizer_new_bytes();
    stoa_decoder *d = stoa_decoder_new(t, 0);
    static const char smile[] = "\U0001F642";
    stoa_buffer out = {0};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(out.len, 0);
        assert_int_equal(stoa_decoder_push(d, (unsigned char)smile[i], &out, NULL), STOA_OK);
    }
    assert_string_equal(out.data, smile);
    // beginnings without end, many of them: each is given up as soon as the next begins
    for (int i = 0; i < 100; i++)
        assert_int_equal(stoa_decoder_push(d, 0xf0, &out, NULL), STOA_OK);
    assert_int_equal(out.len, 4 + 99 * 3);
    assert_int_equal(stoa_decoder_finish(d, &out, NULL), STOA_OK);
    assert_int_equal(out.len, 4 + 100 * 3);
    stoa_buffer_deinit(&out);
    stoa_decoder_free(d);
    stoa_tokenizer_free(t);
}

/* ---- files ---- */

static stoa_buffer dump(const stoa_tokenizer *t) {
    stoa_buffer out = {0};
    assert_int_equal(stoa_tokenizer_dump(t, &out, NULL), STOA_OK);
    return out;
}

static void check_same(const stoa_tokenizer *a, const stoa_tokenizer *b) {
    stoa_buffer x = dump(a), y = dump(b);
    assert_int_equal(x.len, y.len);
    assert_memory_equal(x.data, y.data, x.len);
    assert_true(stoa_tokenizer_hash(a) == stoa_tokenizer_hash(b));
    stoa_buffer_deinit(&x);
    stoa_buffer_deinit(&y);
}

static void a_saved_tokenizer_loads_equal(void **state) {
    const char *path = inside(state, "tokenizer.json");
    stoa_tokenizer *made[] = {learned(300, STOA_PIECES_GPT2), learned(320, STOA_PIECES_LLAMA3),
                              learned(290, STOA_PIECES_QWEN), stoa_tokenizer_new_bytes()};
    for (size_t i = 0; i < 4; i++) {
        stoa_tokenizer *loaded;
        assert_int_equal(stoa_tokenizer_save(made[i], path, NULL), STOA_OK);
        assert_int_equal(stoa_tokenizer_load(&loaded, path, NULL), STOA_OK);
        check_same(made[i], loaded);
        stoa_ids a = encode(made[i], sample_text, 0), b = encode(loaded, sample_text, 0);
        check_ids(&a, b.data, b.len);
        stoa_ids_deinit(&a);
        stoa_ids_deinit(&b);
        stoa_tokenizer_free(loaded);
        assert_int_equal(stoa_tokenizer_load(&loaded, *state, NULL), STOA_OK); // by its folder
        check_same(made[i], loaded);
        stoa_tokenizer_free(loaded);
    }
    assert_true(stoa_tokenizer_hash(made[0]) != stoa_tokenizer_hash(made[3]));
    for (size_t i = 0; i < sizeof made / sizeof *made; i++)
        stoa_tokenizer_free(made[i]);
}

static void merges_with_spaces_are_written_as_pairs(void **state) {
    const char *path = inside(state, "tokenizer.json");
    stoa_tokenizer *t =
        small_tokenizer((small){.more = ", \"a \": 36, \"a b\": 37, \"\\\"\\n\": 38",
                                .merges = "[\"a\", \" \"], [\"a \", \"b\"]"});
    stoa_tokenizer *loaded;
    assert_int_equal(stoa_tokenizer_save(t, path, NULL), STOA_OK);
    assert_int_equal(stoa_tokenizer_load(&loaded, path, NULL), STOA_OK);
    check_same(t, loaded);
    check_pieces(loaded, "a b", 0, "a b|");
    stoa_tokenizer_free(loaded);
    stoa_tokenizer_free(t);
}

static void the_older_pair_of_files_is_read(void **state) {
    stoa_buffer vocab = {0};
    stoa_buffer_printf(&vocab, "{\"<|endoftext|>\": 258, \"ab\": 256, \"\u0120ab\": 257");
    stoa_tokenizer *bytes = stoa_tokenizer_new_bytes();
    for (int i = 0; i < 256; i++) {
        stoa_buffer_printf(&vocab, ", ");
        stoa_buffer_json_string(&vocab, stoa_tokenizer_text(bytes, i).ptr);
        stoa_buffer_printf(&vocab, ": %d", i);
    }
    stoa_buffer_printf(&vocab, "}");
    write_text(inside(state, "vocab.json"), vocab.data);
    write_text(inside(state, "merges.txt"), "#version: 0.2\na b\r\n\u0120 ab\n");
    stoa_tokenizer *t;
    assert_int_equal(stoa_tokenizer_load(&t, *state, NULL), STOA_OK);
    check_pieces(t, "ab ab<|endoftext|>", 0, "ab|\u0120ab|<|endoftext|>|");
    assert_int_equal(stoa_tokenizer_end_of_text(t), 258);
    stoa_tokenizer_free(t);
    stoa_error err = {0};
    write_text(inside(state, "merges.txt"), "#version: 0.2\na b\na z b\n");
    assert_int_equal(stoa_tokenizer_load(&t, *state, &err), STOA_ERR_FORMAT);
    check_message(&err, "merges.txt: line 3: ");
    write_text(inside(state, "merges.txt"), "a b\n\u4f60 b\n");
    assert_int_equal(stoa_tokenizer_load(&t, *state, &err), STOA_ERR_FORMAT);
    check_message(&err, "merges.txt: line 2: ");
    check_message(&err, "not in the vocabulary");
    stoa_tokenizer_free(bytes);
    stoa_buffer_deinit(&vocab);
}

/* ---- training ---- */

static stoa_status train(stoa_tokenizer **t, const char *text, int64_t vocab, stoa_error *err) {
    stoa_view view = stoa_view_of(text);
    stoa_tokenizer_training training = {.texts = &view, .text_count = 1, .vocab = vocab};
    return stoa_tokenizer_train(t, &training, err);
}

static void the_most_frequent_pair_is_merged_first(void **state) {
    (void)state;
    stoa_tokenizer *t;
    // "ab" 4 times, "bc" 3, "xy" twice, "yz" once
    assert_int_equal(train(&t, "abc abc abc ab xy xy yz", 270, NULL), STOA_OK);
    assert_int_equal(stoa_tokenizer_find(t, stoa_view_of("<|endoftext|>")), 0);
    assert_int_equal(stoa_tokenizer_find(t, stoa_view_of("!")), 1);
    assert_int_equal(stoa_tokenizer_find(t, stoa_view_of("ab")), 257);
    // (space, ab) and (ab, c) are both seen three times: the ids of the first are smaller
    assert_int_equal(stoa_tokenizer_find(t, stoa_view_of("\u0120ab")), 258);
    assert_int_equal(stoa_tokenizer_find(t, stoa_view_of("yz")), -1); // seen once only
    stoa_tokenizer_free(t);
}

static void training_stops_when_the_text_has_no_more_pairs(void **state) {
    (void)state;
    stoa_tokenizer *t;
    assert_int_equal(train(&t, "aaaa aaaa", 1000, NULL), STOA_OK);
    assert_true(stoa_tokenizer_vocab(t) < 265);
    check_pieces(t, "aaaa", 0, "aaaa|");
    stoa_tokenizer_free(t);
    assert_int_equal(train(&t, "", 300, NULL), STOA_OK);
    assert_int_equal(stoa_tokenizer_vocab(t), 257);
    stoa_tokenizer_free(t);
}

static void special_tokens_are_never_learned_across(void **state) {
    (void)state;
    stoa_view view = stoa_view_of("aXYb aXYb aXYb XY XY");
    static const char *const specials[] = {"XY", "<pad>"};
    stoa_tokenizer_training training = {
        .texts = &view, .text_count = 1, .vocab = 300, .specials = specials, .special_count = 2};
    stoa_tokenizer *t;
    assert_int_equal(stoa_tokenizer_train(&t, &training, NULL), STOA_OK);
    check_pieces(t, "aXYb", 0, "a|XY|b|");
    check_pieces(t, "aXYb", STOA_ENCODE_NO_SPECIAL, "a|X|Y|b|");
    assert_int_equal(stoa_tokenizer_find(t, stoa_view_of("<pad>")), 1);
    stoa_tokenizer_free(t);
}

static void tokens_can_be_kept_short(void **state) {
    (void)state;
    stoa_view view = stoa_view_of("abcdefgh abcdefgh abcdefgh");
    stoa_tokenizer_training training = {
        .texts = &view, .text_count = 1, .vocab = 1000, .token_bytes = 3};
    stoa_tokenizer *t;
    assert_int_equal(stoa_tokenizer_train(&t, &training, NULL), STOA_OK);
    assert_true(stoa_tokenizer_vocab(t) > 258);
    for (int32_t id = 1; id < stoa_tokenizer_vocab(t); id++) {
        stoa_buffer text = {0};
        assert_int_equal(stoa_tokenizer_decode(t, &id, 1, 0, &text, NULL), STOA_OK);
        assert_true(text.len <= 3);
        stoa_buffer_deinit(&text);
    }
    stoa_tokenizer_free(t);
}

typedef struct watcher {
    int calls, stop_after;
    uint64_t last;
} watcher;

static bool watch(void *user, const char *stage, uint64_t done, uint64_t total) {
    watcher *w = user;
    assert_true(done <= total);
    (void)stage;
    w->last = done;
    return ++w->calls != w->stop_after;
}

static void files_train_as_their_text_does_and_can_be_stopped(void **state) {
    const char *path = inside(state, "text");
    write_text(path, sample_text);
    stoa_view view = stoa_view_of(sample_text);
    watcher w = {0};
    const char *paths[] = {path};
    stoa_tokenizer_training from_file = {
        .paths = paths, .path_count = 1, .vocab = 300, .progress = watch, .user = &w};
    stoa_tokenizer_training from_text = {.texts = &view, .text_count = 1, .vocab = 300};
    stoa_tokenizer *a, *b;
    stoa_error err = {0};
    assert_int_equal(stoa_tokenizer_train(&a, &from_file, NULL), STOA_OK);
    assert_int_equal(stoa_tokenizer_train(&b, &from_text, NULL), STOA_OK);
    check_same(a, b);
    stoa_tokenizer_free(a);
    stoa_tokenizer_free(b);
    assert_true(w.calls >= 2);
    for (int stop = 1; stop < w.calls; stop++) {
        watcher stopping = {.stop_after = stop};
        from_file.user = &stopping;
        assert_int_equal(stoa_tokenizer_train(&a, &from_file, &err), STOA_ERR_INTERRUPTED);
        assert_null(a);
    }
}

static void senseless_training_settings_are_refused(void **state) {
    (void)state;
    stoa_view view = stoa_view_of("abc");
    static const char *const twice[] = {"<s>", "<s>"}, *const short_one[] = {"a"};
    stoa_tokenizer_training rows[] = {
        {.texts = &view, .text_count = 1, .vocab = 256},
        {.texts = &view, .text_count = 1, .vocab = STOA_TOKENIZER_VOCAB_MAX + 1},
        {.vocab = 300},
        {.texts = &view, .text_count = 1, .vocab = 300, .least_count = -1},
        {.texts = &view, .text_count = 1, .vocab = 300, .pieces = STOA_PIECES_COUNT},
        {.texts = &view, .text_count = 1, .vocab = 300, .specials = twice, .special_count = 2},
        {.texts = &view, .text_count = 1, .vocab = 300, .specials = short_one, .special_count = 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        stoa_tokenizer *t;
        assert_int_equal(stoa_tokenizer_train(&t, &rows[i], NULL), STOA_ERR_USAGE);
        assert_null(t);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_lowest_rank_is_merged_first_and_the_leftmost_of_equals),
        cmocka_unit_test(a_merge_given_twice_takes_its_last_rank),
        cmocka_unit_test(ignore_merges_takes_whole_pieces),
        cmocka_unit_test(unknown_characters_are_dropped_named_fused_or_spelled_in_bytes),
        cmocka_unit_test(a_byte_that_is_no_character_falls_back_alone),
        cmocka_unit_test(long_pieces_merge_as_the_definition_says),
        cmocka_unit_test(a_whole_document_as_one_piece_is_merged),
        cmocka_unit_test(added_tokens_are_found_leftmost_and_longest),
        cmocka_unit_test(flags_of_added_tokens_are_obeyed),
        cmocka_unit_test(normalized_tokens_are_found_in_normalised_text_only),
        cmocka_unit_test(special_tokens_in_text_can_be_plain_text),
        cmocka_unit_test(thousands_of_added_tokens_are_searched_at_once),
        cmocka_unit_test(bytes_are_the_identity),
        cmocka_unit_test(arbitrary_bytes_survive_encoding_and_decoding),
        cmocka_unit_test(threads_share_a_tokenizer),
        cmocka_unit_test(a_character_waits_for_its_last_byte),
        cmocka_unit_test_setup_teardown(a_saved_tokenizer_loads_equal, make_folder, drop_folder),
        cmocka_unit_test_setup_teardown(merges_with_spaces_are_written_as_pairs, make_folder,
                                        drop_folder),
        cmocka_unit_test_setup_teardown(the_older_pair_of_files_is_read, make_folder, drop_folder),
        cmocka_unit_test(the_most_frequent_pair_is_merged_first),
        cmocka_unit_test(training_stops_when_the_text_has_no_more_pairs),
        cmocka_unit_test(special_tokens_are_never_learned_across),
        cmocka_unit_test(tokens_can_be_kept_short),
        cmocka_unit_test_setup_teardown(files_train_as_their_text_does_and_can_be_stopped,
                                        make_folder, drop_folder),
        cmocka_unit_test(senseless_training_settings_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
