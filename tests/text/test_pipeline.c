/*
 * test_pipeline.c - every normalizer, pre-tokenizer, decoder and post-processor on small
 * tokenizers whose results are worked out by hand from what the parts are documented to do.
 */
#include "support.h"

/* One row: a part, a text and its tokens with '|' after each. */
typedef struct row {
    const char *part, *text, *expected;
} row;

static void check_normalizer(row r) {
    stoa_tokenizer *t = small_tokenizer((small){.normalizer = r.part});
    check_pieces(t, r.text, 0, r.expected);
    stoa_tokenizer_free(t);
}

static void normalizers_rewrite_the_text(void **state) {
    (void)state;
    static const row rows[] = {
        {"{\"type\": \"NFC\"}", "e\u0301e", "\u00e9|e|"},
        {"{\"type\": \"NFC\"}", "\u00e9", "\u00e9|"},
        {"{\"type\": \"NFD\"}", "\u00e9", "e|"}, // the accent is not in the vocabulary
        {"{\"type\": \"NFKC\"}", "\u2460\ufb01\u212b", "1|f|i|"},
        {"{\"type\": \"NFKD\"}", "\u00e9\uff11", "e|1|"},
        {"{\"type\": \"NFC\"}", "\ufb01", ""}, // a compatibility character stays
        {"{\"type\": \"Lowercase\"}", "AB\u0130", "a|b|i|"},
        {"{\"type\": \"Strip\", \"strip_left\": true, \"strip_right\": false}", " \u3000a ",
         "a| |"},
        {"{\"type\": \"Strip\", \"strip_left\": false, \"strip_right\": true}", " a \n", " |a|"},
        {"{\"type\": \"StripAccents\"}", "e\u0301\u00e9", "e|\u00e9|"},
        {"{\"type\": \"Sequence\", \"normalizers\": [{\"type\": \"NFD\"}, {\"type\": "
         "\"StripAccents\"}, {\"type\": \"Lowercase\"}]}",
         "\u00c9A", "e|a|"},
        {"{\"type\": \"Replace\", \"pattern\": {\"String\": \" \"}, \"content\": \"\u2581\"}",
         "a  b", "a|\u2581|\u2581|b|"},
        {"{\"type\": \"Replace\", \"pattern\": {\"Regex\": \" +\"}, \"content\": \"-\"}", "a  b c",
         "a|-|b|-|c|"},
        {"{\"type\": \"Prepend\", \"prepend\": \"\u2581\"}", "ab", "\u2581|a|b|"},
        {"{\"type\": \"Prepend\", \"prepend\": \"\u2581\"}", "", ""},
        {"{\"type\": \"ByteLevel\"}", "a\u0131",
         "a|"}, // U+0131 is bytes C4 B1: not in the vocabulary
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        check_normalizer(rows[i]);
}

static void normal_forms_order_long_runs_of_marks(void **state) {
    (void)state;
    // 1,000 pairs of an acute above (class 230) and a cedilla (202): cedillas come first
    stoa_buffer text = {0};
    stoa_buffer_append(&text, "x", 1);
    for (int i = 0; i < 1000; i++)
        stoa_buffer_append(&text, "\u0301\u0327", 4);
    stoa_tokenizer *t = small_tokenizer(
        (small){.normalizer = "{\"type\": \"NFD\"}", .more = ", \"\u0301\": 36, \"\u0327\": 37"});
    stoa_ids ids = encode(t, text.data, 0);
    assert_int_equal(ids.len, 2001);
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(ids.data[1 + i], 37);
        assert_int_equal(ids.data[1001 + i], 36);
    }
    stoa_ids_deinit(&ids);
    stoa_buffer_deinit(&text);
    stoa_tokenizer_free(t);
}

/* Shows where a pre-tokenizer cuts: every expected piece is one token, and ignore_merges takes a
 * piece that is a token whole, so a piece cut otherwise comes out as other tokens. */
static void check_splitter(row r) {
    stoa_buffer more = {0};
    stoa_buffer_append(&more, "", 0);
    int32_t id = 36;
    const char *at = r.expected;
    for (const char *bar; (bar = strchr(at, '|')); at = bar + 1) {
        char piece[64];
        snprintf(piece, sizeof piece, "%.*s", (int)(bar - at), at);
        // the piece may be in the vocabulary, or come twice
        bool seen =
            (strlen(piece) == 1 && strstr(small_letters, piece)) || strcmp(piece, "\u2581") == 0;
        for (const char *p = r.expected; p < at && !seen; p = strchr(p, '|') + 1)
            seen = strncmp(p, at, (size_t)(bar - at) + 1) == 0;
        if (seen)
            continue;
        stoa_buffer_printf(&more, ", ");
        stoa_buffer_json_string(&more, piece);
        stoa_buffer_printf(&more, ": %d", id++);
    }
    stoa_tokenizer *t = small_tokenizer(
        (small){.pre_tokenizer = r.part, .more = more.data, .flags = ", \"ignore_merges\": true"});
    check_pieces(t, r.text, 0, r.expected);
    stoa_tokenizer_free(t);
    stoa_buffer_deinit(&more);
}

#define SPLIT(pattern, behavior, invert)                                                           \
    "{\"type\": \"Split\", \"pattern\": " pattern ", \"behavior\": \"" behavior                    \
    "\", \"invert\": " invert "}"
#define DASH "{\"String\": \"-\"}"

static void split_joins_matches_as_its_behavior_says(void **state) {
    (void)state;
    static const char text[] = "The-final--countdown";
    static const row rows[] = {
        {SPLIT(DASH, "Isolated", "false"), text, "The|-|final|-|-|countdown|"},
        {SPLIT(DASH, "Removed", "false"), text, "The|final|countdown|"},
        {SPLIT(DASH, "MergedWithPrevious", "false"), text, "The-|final-|-|countdown|"},
        {SPLIT(DASH, "MergedWithNext", "false"), text, "The|-final|-|-countdown|"},
        {SPLIT(DASH, "Contiguous", "false"), text, "The|-|final|--|countdown|"},
        {SPLIT("{\"Regex\": \"-+\"}", "Isolated", "false"), text, "The|-|final|--|countdown|"},
        {SPLIT(DASH, "Removed", "true"), text, "-|-|-|"},
        {SPLIT("{\"Regex\": \"[a-z]+\"}", "Removed", "true"), text, "he|final|countdown|"},
        {SPLIT(DASH, "Isolated", "false"), "-a-", "-|a|-|"},
        {SPLIT(DASH, "MergedWithPrevious", "false"), "--a", "-|-|a|"},
        {SPLIT(DASH, "MergedWithNext", "false"), "a--", "a|-|-|"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        check_splitter(rows[i]);
}

#define META(scheme, split)                                                                        \
    "{\"type\": \"Metaspace\", \"replacement\": \"\u2581\", \"prepend_scheme\": \"" scheme         \
    "\", \"split\": " split "}"

static void pre_tokenizers_cut_where_they_should(void **state) {
    (void)state;
    static const row rows[] = {
        {"{\"type\": \"Digits\", \"individual_digits\": true}", "ab12c", "ab|1|2|c|"},
        {"{\"type\": \"Digits\", \"individual_digits\": false}", "ab12\u00bdc", "ab|12\u00bd|c|"},
        {"{\"type\": \"Whitespace\"}", "ab!! c_d  e", "ab|!!|c_d|e|"},
        {"{\"type\": \"WhitespaceSplit\"}", "ab!! c\u3000d", "ab!!|c|d|"},
        {"{\"type\": \"Punctuation\"}", "ab!!c", "ab|!|!|c|"},
        {"{\"type\": \"Punctuation\", \"behavior\": \"Contiguous\"}", "ab!!c", "ab|!!|c|"},
        {META("always", "true"), "ab cd", "\u2581ab|\u2581cd|"},
        {META("always", "true"), " ab", "\u2581ab|"},
        {META("never", "true"), "ab  cd", "ab|\u2581|\u2581cd|"},
        {META("first", "true"), "ab cd", "\u2581ab|\u2581cd|"},
        {META("always", "false"), "ab cd", "\u2581ab\u2581cd|"},
        {"{\"type\": \"Metaspace\", \"replacement\": \"\u2581\", \"add_prefix_space\": false}",
         "ab cd", "ab|\u2581cd|"},
        {"{\"type\": \"Sequence\", \"pretokenizers\": [{\"type\": \"WhitespaceSplit\"}, "
         "{\"type\": \"Digits\", \"individual_digits\": true}]}",
         "ab 12 c3", "ab|1|2|c|3|"},
        {"{\"type\": \"ByteLevel\", \"add_prefix_space\": false}", "ab cd\n e",
         "ab|\u0120cd|\u010a|\u0120e|"},
        {"{\"type\": \"ByteLevel\", \"add_prefix_space\": true, \"use_regex\": false}", "ab cd",
         "\u0120ab\u0120cd|"},
        {"{\"type\": \"ByteLevel\", \"add_prefix_space\": false}", "\u00e9", "\u00c3\u00a9|"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        check_splitter(rows[i]);
}

static void a_first_only_prefix_is_not_given_behind_an_added_token(void **state) {
    (void)state;
    static const char added[] = "{\"id\": 40, \"content\": \"<s>\", \"special\": true}";
    stoa_tokenizer *first =
        small_tokenizer((small){.pre_tokenizer = META("first", "false"), .added = added});
    check_pieces(first, "<s>a", 0, "<s>|a|");
    check_pieces(first, "b<s>a", 0, "\u2581|b|<s>|a|");
    check_pieces(first, "b", STOA_ENCODE_CONTINUE, "b|");
    stoa_tokenizer_free(first);
    stoa_tokenizer *always =
        small_tokenizer((small){.pre_tokenizer = META("always", "false"), .added = added});
    check_pieces(always, "b<s>a", 0, "\u2581|b|<s>|\u2581|a|");
    check_pieces(always, "b<s>a", STOA_ENCODE_CONTINUE, "b|<s>|\u2581|a|");
    stoa_tokenizer_free(always);
}

#define BYTE_LEVEL "{\"type\": \"ByteLevel\", \"add_prefix_space\": false, \"use_regex\": false}"
#define SEQUENCE(regex)                                                                            \
    "{\"type\": \"Sequence\", \"pretokenizers\": [" SPLIT("{\"Regex\": " regex "}", "Isolated",    \
                                                          "false") ", " BYTE_LEVEL "]}"
#define LLAMA3                                                                                     \
    "\"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?\\\\p{L}+|\\\\p{N}{1,3}"         \
    "| ?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n]*|\\\\s*[\\\\r\\\\n]+|\\\\s+(?!\\\\S)|\\\\s+\""
#define QWEN                                                                                       \
    "\"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?\\\\p{L}+|\\\\p{N}"              \
    "| ?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n]*|\\\\s*[\\\\r\\\\n]+|\\\\s+(?!\\\\S)|\\\\s+\""
/* The same languages, spelled so that they are not recognised and PCRE2 has to match them. */
#define LLAMA3_SLOWLY                                                                              \
    "\"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\\\r\\\\n\\\\p{L}\\\\p{N}]?\\\\p{L}+|\\\\p{N}{1,3}"         \
    "| ?[^\\\\s\\\\p{L}\\\\p{N}]+[\\\\r\\\\n]*|\\\\s*[\\\\r\\\\n]+|\\\\s+(?!\\\\S)|(?:\\\\s+)\""
#define GPT2_SLOWLY                                                                                \
    "\"'s|'t|'re|'ve|'m|'ll|'d| ?\\\\p{L}+| ?\\\\p{N}+| ?[^\\\\s\\\\p{L}\\\\p{N}]+"                \
    "|\\\\s+(?!\\\\S)|(?:\\\\s+)\""

static void known_piece_patterns_cut_as_their_regexes_say(void **state) {
    (void)state;
    static const char gpt2[] = "{\"type\": \"ByteLevel\", \"add_prefix_space\": false}";
    static const row rows[] = {
        {gpt2, "I'll DON'T", "I|'ll|\u0120DON|'|T|"},
        {gpt2, "x=1234567;", "x|=|1234567|;|"},
        {gpt2, "a  b", "a|\u0120|\u0120b|"},
        {gpt2, "a\n\n  b", "a|\u010a\u010a\u0120|\u0120b|"},
        {gpt2, "a  ", "a|\u0120\u0120|"},
        {SEQUENCE(LLAMA3), "I'LL x=1234567;", "I|'LL|\u0120x|=|123|456|7|;|"},
        {SEQUENCE(LLAMA3), "a.\n\nb", "a|.\u010a\u010a|b|"},
        {SEQUENCE(LLAMA3), "a \n \n  b", "a|\u0120\u010a\u0120\u010a|\u0120|\u0120b|"},
        {SEQUENCE(LLAMA3), "(a", "(a|"},
        {SEQUENCE(LLAMA3), "'\u017fa", "'\u00c5\u00bf|a|"},
        {SEQUENCE(QWEN), "a12", "a|1|2|"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        check_splitter(rows[i]);
}

static void scanners_agree_with_the_regex_engine(void **state) {
    (void)state;
    static const struct {
        const char *fast, *slow;
    } pairs[] = {
        {SEQUENCE(LLAMA3), SEQUENCE(LLAMA3_SLOWLY)},
        {"{\"type\": \"ByteLevel\", \"add_prefix_space\": false}", SEQUENCE(GPT2_SLOWLY)},
    };
    // merges that join nearly everything, so that a wrong cut changes the ids
    stoa_tokenizer *base = learned(700, STOA_PIECES_GPT2);
    stoa_buffer json = {0};
    assert_int_equal(stoa_tokenizer_dump(base, &json, NULL), STOA_OK);
    stoa_buffer_append(&json, "", 0);
    static const char key[] = "\"pre_tokenizer\": ";
    char *part = strstr(json.data, key) + strlen(key), *rest = strchr(part, '\n');
    for (size_t p = 0; p < sizeof pairs / sizeof *pairs; p++) {
        stoa_tokenizer *t[2];
        for (int i = 0; i < 2; i++) {
            stoa_buffer text = {0};
            stoa_error err = {0};
            stoa_buffer_append(&text, json.data, (size_t)(part - json.data));
            stoa_buffer_printf(&text, "%s,%s", i ? pairs[p].slow : pairs[p].fast, rest);
            if (stoa_tokenizer_parse(&t[i], "x", (stoa_view){text.data, text.len}, &err) != STOA_OK)
                fail_msg("%s", err.message);
            stoa_buffer_deinit(&text);
        }
        stoa_rng rng = stoa_rng_stream(1, "scanners", p);
        for (int round = 0; round < 3000; round++) {
            char text[120];
            stoa_view view = {text, random_text(&rng, round % 2, text, sizeof text)};
            stoa_ids a = {0}, b = {0};
            assert_int_equal(stoa_tokenizer_encode(t[0], view, 0, &a, NULL), STOA_OK);
            assert_int_equal(stoa_tokenizer_encode(t[1], view, 0, &b, NULL), STOA_OK);
            // a look-ahead sees the end of the text where invalid bytes follow, so spaces before
            // them may be cut otherwise: only valid text must agree
            if (round % 2 == 0)
                check_ids(&a, b.data, b.len);
            stoa_ids_deinit(&a);
            stoa_ids_deinit(&b);
        }
        stoa_tokenizer_free(t[0]);
        stoa_tokenizer_free(t[1]);
    }
    stoa_buffer_deinit(&json);
    stoa_tokenizer_free(base);
}

static void regexes_are_understood_as_ruby_writes_them(void **state) {
    (void)state;
    static const row rows[] = {
        {SPLIT("{\"Regex\": \"\\\\s\"}", "Removed", "false"),
         "a\xc2\x85"
         "b\u3000c",
         "a|b|c|"},
        {SPLIT("{\"Regex\": \"[\\\\S]\"}", "Removed", "false"),
         "a\xc2\x85"
         "b",
         "\xc2\x85|"},
        {SPLIT("{\"Regex\": \"\\\\h+\"}", "Isolated", "false"), "xfaceg", "x|face|g|"},
        {SPLIT("{\"Regex\": \"\\\\v\"}", "Removed", "false"),
         "a\x0b"
         "b\nc",
         "a|b\nc|"},
        {SPLIT("{\"Regex\": \"^b\"}", "Isolated", "false"), "ab\nbb", "ab\n|b|b|"},
        {SPLIT("{\"Regex\": \"(?m:a.b)\"}", "Isolated", "false"), "ca\nbc", "c|a\nb|c|"},
        {SPLIT("{\"Regex\": \"a{,2}b\"}", "Isolated", "false"), "aaab", "a|aab|"},
        {SPLIT("{\"Regex\": \"\\\\p{Han}\"}", "Removed", "false"), "a\u4f60\u3001b", "a|\u3001b|"},
        {SPLIT("{\"Regex\": \"\\\\u0062|\\\\x{63}\"}", "Removed", "false"), "abcd", "a|d|"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        check_splitter(rows[i]);
}

static void regexes_that_mean_something_else_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *regex, *message;
    } rows[] = {
        {"a*", "nothing at all"},
        {"[a-z&&[aeiou]]", "intersection"},
        {"[a[b]]", "class inside a class"},
        {"(?~a)", "group"},
        {"a(?i)b", "group"},
        {"a{2}+", "repeated repetition"},
        {"(*UCP)a", "verb"},
        {"\\\\Ga", "escape"},
        {"\\\\xff", "byte"},
        {"[a", "class without end"},
        {"(a", "bad pattern"},
        {"", "empty"},
        {"\\\\p{Nonsense}", "bad pattern"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char part[256];
        snprintf(part, sizeof part, SPLIT("{\"Regex\": \"%s\"}", "Isolated", "false"),
                 rows[i].regex);
        char *json = small_json((small){.pre_tokenizer = part});
        stoa_tokenizer *t;
        stoa_error err = {0};
        assert_int_not_equal(stoa_tokenizer_parse(&t, "f.json", stoa_view_of(json), &err), STOA_OK);
        check_message(&err, "f.json: pre_tokenizer.pattern: ");
        check_message(&err, rows[i].message);
        stoa_free(json);
    }
}

static void a_pattern_that_backtracks_without_end_is_stopped(void **state) {
    (void)state;
    stoa_tokenizer *t = small_tokenizer(
        (small){.pre_tokenizer = SPLIT("{\"Regex\": \"(a|aa)+[-.]\"}", "Isolated", "false")});
    char text[201] = {0};
    memset(text, 'a', 200);
    stoa_ids ids = {0};
    stoa_error err = {0};
    assert_int_equal(stoa_tokenizer_encode(t, stoa_view_of(text), 0, &ids, &err),
                     STOA_ERR_UNSUPPORTED);
    check_message(&err, "limit");
    stoa_ids_deinit(&ids);
    stoa_tokenizer_free(t);
}

/* ---- decoders ---- */

#define BYTES                                                                                      \
    ", \"<0xE2>\": 36, \"<0x81>\": 37, \"<0xA8>\": 38, \"\u2581ab\": 39, \"\u00c3\": 40, "         \
    "\"\u00a9\": 41, \"\u0120ab\": 42, \"<s>\": 43"

static void decoders_give_the_text_back(void **state) {
    (void)state;
    static const char llama[] =
        "{\"type\": \"Sequence\", \"decoders\": [{\"type\": \"Replace\", \"pattern\": {\"String\": "
        "\"\u2581\"}, \"content\": \" \"}, {\"type\": \"ByteFallback\"}, {\"type\": \"Fuse\"}, "
        "{\"type\": \"Strip\", \"content\": \" \", \"start\": 1, \"stop\": 0}]}";
    static const char strip_each[] =
        "{\"type\": \"Strip\", \"content\": \"a\", \"start\": 1, \"stop\": 1}";
    static const char metaspace[] =
        "{\"type\": \"Metaspace\", \"replacement\": \"\u2581\", \"prepend_scheme\": \"always\"}";
    static const char metaspace_never[] =
        "{\"type\": \"Metaspace\", \"replacement\": \"\u2581\", \"prepend_scheme\": \"never\"}";
    static const char byte_level[] = "{\"type\": \"ByteLevel\", \"add_prefix_space\": true}";
    static const struct {
        const char *decoder;
        const char *tokens[6];
        const char *expected;
    } rows[] = {
        {llama, {"\u2581ab", "\u2581ab", NULL}, "ab ab"},
        {llama, {"\u2581", "\u2581ab", NULL}, " ab"},
        {llama, {"a", "<0xE2>", "<0x81>", "<0xA8>", "b", NULL}, "a\u2068b"},
        {llama, {"<0xE2>", "a", NULL}, "\ufffda"},
        {llama, {"<0xE2>", "<0x81>", NULL}, "\ufffd\ufffd"},
        {metaspace, {"\u2581ab", "\u2581ab", NULL}, "ab ab"},
        {metaspace_never, {"\u2581ab", "\u2581ab", NULL}, " ab ab"},
        {byte_level, {"a", "\u00c3", "\u00a9", "\u0120ab", NULL}, "a\u00e9 ab"},
        {byte_level, {"\u00c3", "a", NULL}, "\ufffda"},
        {byte_level, {"\u2581ab", "a", NULL}, "\u2581aba"},
        {NULL, {"a", "b", NULL}, "a b"},
        {"{\"type\": \"Fuse\"}", {"a", "b", NULL}, "ab"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        stoa_tokenizer *t = small_tokenizer((small){.decoder = rows[i].decoder, .more = BYTES});
        bool streamable = strcmp(rows[i].expected, "\ufffd\ufffd") != 0; // a broken run differs
        if (streamable)
            check_decoding(t, rows[i].tokens, STOA_DECODE_LOSSY, rows[i].expected);
        stoa_tokenizer_free(t);
    }
    stoa_tokenizer *t = small_tokenizer((small){.decoder = strip_each});
    int32_t ids[] = {0, 1, 0};
    stoa_buffer out = {0};
    assert_int_equal(stoa_tokenizer_decode(t, ids, 3, STOA_DECODE_LOSSY, &out, NULL), STOA_OK);
    assert_string_equal(out.data, "b");
    stoa_buffer_deinit(&out);
    stoa_tokenizer_free(t);
}

static void broken_byte_tokens_become_one_replacement_each(void **state) {
    (void)state;
    stoa_tokenizer *t =
        small_tokenizer((small){.decoder = "{\"type\": \"ByteFallback\"}", .more = BYTES});
    int32_t ids[] = {36, 37, 0};
    stoa_buffer lossy = {0}, raw = {0};
    assert_int_equal(stoa_tokenizer_decode(t, ids, 3, STOA_DECODE_LOSSY, &lossy, NULL), STOA_OK);
    assert_string_equal(lossy.data, "\ufffd\ufffda");
    assert_int_equal(stoa_tokenizer_decode(t, ids, 3, 0, &raw, NULL), STOA_OK);
    assert_string_equal(raw.data, "\xe2\x81"
                                  "a");
    stoa_buffer_deinit(&lossy);
    stoa_buffer_deinit(&raw);
    stoa_tokenizer_free(t);
}

static void special_tokens_can_be_left_out(void **state) {
    (void)state;
    stoa_tokenizer *t =
        small_tokenizer((small){.decoder = "{\"type\": \"Fuse\"}",
                                .more = BYTES,
                                .added = "{\"id\": 43, \"content\": \"<s>\", \"special\": true}"});
    check_decoding(t, (const char *[]){"<s>", "a", "<s>", "b", NULL},
                   STOA_DECODE_LOSSY | STOA_DECODE_SKIP_SPECIAL, "ab");
    check_decoding(t, (const char *[]){"<s>", "a", "<s>", "b", NULL}, STOA_DECODE_LOSSY,
                   "<s>a<s>b");
    stoa_tokenizer_free(t);
}

static void ids_outside_the_vocabulary_are_refused(void **state) {
    (void)state;
    stoa_tokenizer *t = small_tokenizer((small){.decoder = "{\"type\": \"Fuse\"}"});
    stoa_decoder *d = stoa_decoder_new(t, 0);
    stoa_buffer out = {0};
    stoa_error err = {0};
    int32_t bad[] = {-1, 36, INT32_MAX, INT32_MIN};
    for (int i = 0; i < 4; i++) {
        assert_int_equal(stoa_tokenizer_decode(t, &bad[i], 1, 0, &out, &err), STOA_ERR_FORMAT);
        assert_int_equal(stoa_decoder_push(d, bad[i], &out, NULL), STOA_ERR_FORMAT);
    }
    check_message(&err, "vocabulary of 36");
    assert_int_equal(stoa_decoder_push(d, 3, &out, NULL), STOA_OK);
    assert_string_equal(out.data, "d");
    stoa_buffer_deinit(&out);
    stoa_decoder_free(d);
    stoa_tokenizer_free(t);
}

/* ---- post-processors ---- */

static void templates_add_their_tokens_only_when_asked(void **state) {
    (void)state;
    static const char template[] =
        "{\"type\": \"Sequence\", \"processors\": [{\"type\": \"ByteLevel\"}, {\"type\": "
        "\"TemplateProcessing\", \"single\": [{\"SpecialToken\": {\"id\": \"<s>\", \"type_id\": "
        "0}}, {\"Sequence\": {\"id\": \"A\", \"type_id\": 0}}, {\"SpecialToken\": {\"id\": "
        "\"</s>\", \"type_id\": 0}}], \"special_tokens\": {\"<s>\": {\"id\": \"<s>\", \"ids\": "
        "[40]}, \"</s>\": {\"id\": \"</s>\", \"ids\": [41, 40]}}}]}";
    static const char added[] = "{\"id\": 40, \"content\": \"<s>\", \"special\": true}, "
                                "{\"id\": 41, \"content\": \"</s>\", \"special\": true}";
    stoa_tokenizer *t = small_tokenizer((small){.post_processor = template, .added = added});
    check_pieces(t, "ab", 0, "a|b|");
    check_pieces(t, "ab", STOA_ENCODE_SPECIALS, "<s>|a|b|</s>|<s>|");
    assert_int_equal(stoa_tokenizer_end_of_text(t), 41);
    stoa_tokenizer_free(t);
    t = small_tokenizer((small){.post_processor = "{\"type\": \"RobertaProcessing\", \"sep\": "
                                                  "[\"</s>\", 41], \"cls\": [\"<s>\", 40]}",
                                .added = added});
    check_pieces(t, "ab", STOA_ENCODE_SPECIALS, "<s>|a|b|</s>|");
    stoa_tokenizer_free(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(normalizers_rewrite_the_text),
        cmocka_unit_test(normal_forms_order_long_runs_of_marks),
        cmocka_unit_test(split_joins_matches_as_its_behavior_says),
        cmocka_unit_test(pre_tokenizers_cut_where_they_should),
        cmocka_unit_test(a_first_only_prefix_is_not_given_behind_an_added_token),
        cmocka_unit_test(known_piece_patterns_cut_as_their_regexes_say),
        cmocka_unit_test(scanners_agree_with_the_regex_engine),
        cmocka_unit_test(regexes_are_understood_as_ruby_writes_them),
        cmocka_unit_test(regexes_that_mean_something_else_are_refused),
        cmocka_unit_test(a_pattern_that_backtracks_without_end_is_stopped),
        cmocka_unit_test(decoders_give_the_text_back),
        cmocka_unit_test(broken_byte_tokens_become_one_replacement_each),
        cmocka_unit_test(special_tokens_can_be_left_out),
        cmocka_unit_test(ids_outside_the_vocabulary_are_refused),
        cmocka_unit_test(templates_add_their_tokens_only_when_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
