/*
 * test_tokenizer_hostile.c - tokenizer files that are broken or built to harm: each gives a typed
 * error with its place, or a tokenizer that works; none crashes, and memory shortage anywhere is an
 * error too.
 */
#include "support.h"

#define MODEL(rest) "\"model\": {\"type\": \"BPE\", " rest "}"
#define AB          "\"vocab\": {\"a\": 0, \"b\": 1, \"ab\": 2}"

static void one_defect_files_are_refused_with_their_place(void **state) {
    (void)state;
    static const struct {
        const char *json, *message;
        stoa_status status;
    } rows[] = {
        {"", "line 1", STOA_ERR_FORMAT},
        {"{", "line 1", STOA_ERR_FORMAT},
        {"[]", "expected an object", STOA_ERR_FORMAT},
        {"{}", "not a tokenizer.json", STOA_ERR_FORMAT},
        {"{\"a\": 1, \"a\": 2}", "duplicate", STOA_ERR_FORMAT},
        {"{\n\n  \"a\": \"\xff\"}", "line 3", STOA_ERR_FORMAT},
        {"{\"a\": \"\\ud800\"}", "line 1", STOA_ERR_FORMAT},
        {"{\"a\": 1e999}", "line 1", STOA_ERR_FORMAT},
        {"{\"a\": 99999999999999999999}", "line 1", STOA_ERR_FORMAT},
        {"{\"model\": 3}", "f: model: expected an object", STOA_ERR_FORMAT},
        {"{\"model\": {\"type\": \"Unigram\"}}", "\"Unigram\" is not supported",
         STOA_ERR_UNSUPPORTED},
        {"{\"model\": {\"type\": \"WordPiece\"}}", "WordPiece", STOA_ERR_UNSUPPORTED},
        {"{\"model\": {\"type\": 7}}", "model.type: wrong type", STOA_ERR_FORMAT},
        {"{\"model\": {\"type\": \"BPE\"}}", "model.vocab: expected", STOA_ERR_FORMAT},
        {"{" MODEL("\"vocab\": []") "}", "model.vocab: expected", STOA_ERR_FORMAT},
        {"{" MODEL("\"vocab\": {}, \"merges\": []") "}", "vocabulary is empty", STOA_ERR_FORMAT},
        {"{" MODEL("\"vocab\": {\"a\": -1}") "}", "model.vocab.a: expected an id", STOA_ERR_FORMAT},
        {"{" MODEL("\"vocab\": {\"a\": 1048576}") "}", "model.vocab.a", STOA_ERR_FORMAT},
        {"{" MODEL("\"vocab\": {\"a\": 2147483648}") "}", "model.vocab.a", STOA_ERR_FORMAT},
        {"{" MODEL("\"vocab\": {\"a\": 4294967296}") "}", "model.vocab.a", STOA_ERR_FORMAT},
        {"{" MODEL("\"vocab\": {\"a\": 1.5}") "}", "model.vocab.a", STOA_ERR_FORMAT},
        {"{" MODEL("\"vocab\": {\"a\": \"0\"}") "}", "model.vocab.a", STOA_ERR_FORMAT},
        {"{" MODEL("\"vocab\": {\"a\": 0, \"b\": 0}") "}", "two tokens have", STOA_ERR_FORMAT},
        {"{" MODEL(AB) "}", "model.merges: missing", STOA_ERR_FORMAT},
        {"{" MODEL(AB ", \"merges\": {}") "}", "model.merges: wrong type", STOA_ERR_FORMAT},
        {"{" MODEL(AB ", \"merges\": [\"ab\"]") "}", "model.merges[0]: expected", STOA_ERR_FORMAT},
        {"{" MODEL(AB ", \"merges\": [\"a b\", \"a b b\"]") "}", "merges[1]", STOA_ERR_FORMAT},
        {"{" MODEL(AB ", \"merges\": [[\"a\"]]") "}", "merges[0]", STOA_ERR_FORMAT},
        {"{" MODEL(AB ", \"merges\": [[\"a\", 1]]") "}", "merges[0]", STOA_ERR_FORMAT},
        {"{" MODEL(AB ", \"merges\": [\"a c\"]") "}", "\"c\" is not in the vocabulary",
         STOA_ERR_FORMAT},
        {"{" MODEL(AB ", \"merges\": [\"b a\"]") "}", "merged token", STOA_ERR_FORMAT},
        {"{" MODEL(AB ", \"merges\": [], \"unk_token\": \"?\"") "}", "unk_token", STOA_ERR_FORMAT},
        {"{" MODEL(AB ", \"merges\": [], \"dropout\": 0.1") "}", "dropout", STOA_ERR_UNSUPPORTED},
        {"{" MODEL(AB ", \"merges\": [], \"end_of_word_suffix\": \"</w>\"") "}",
         "end_of_word_suffix: is not supported", STOA_ERR_UNSUPPORTED},
        {"{" MODEL(AB ", \"merges\": [], \"continuing_subword_prefix\": \"##\"") "}",
         "continuing_subword_prefix", STOA_ERR_UNSUPPORTED},
        {"{" MODEL(AB ", \"merges\": [], \"byte_fallback\": 1") "}", "byte_fallback",
         STOA_ERR_FORMAT},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        stoa_tokenizer *t;
        stoa_error err = {0};
        stoa_status status = stoa_tokenizer_parse(&t, "f", stoa_view_of(rows[i].json), &err);
        if (status != rows[i].status)
            fail_msg("%s gave \"%s\" (%s)", rows[i].json, stoa_status_name(status), err.message);
        check_message(&err, "f: ");
        check_message(&err, rows[i].message);
        assert_null(t);
    }
}

static void parts_with_one_defect_are_refused_with_their_place(void **state) {
    (void)state;
    static const struct {
        small parts;
        const char *message;
    } rows[] = {
        {{.normalizer = "{\"type\": \"Precompiled\"}"}, "normalizer: the type \"Precompiled\""},
        {{.normalizer = "{\"type\": \"BertNormalizer\"}"}, "BertNormalizer"},
        {{.normalizer = "{}"}, "normalizer.type: missing"},
        {{.normalizer = "3"}, "normalizer: expected an object"},
        {{.normalizer = "{\"type\": \"Sequence\"}"}, "normalizer.normalizers: missing"},
        {{.normalizer = "{\"type\": \"Sequence\", \"normalizers\": [{\"type\": \"NFC\"}, 3]}"},
         "normalizer.normalizers[1]: expected an object"},
        {{.normalizer = "{\"type\": \"Prepend\"}"}, "normalizer.prepend: missing"},
        {{.normalizer = "{\"type\": \"Strip\", \"strip_left\": true}"}, "strip_right: missing"},
        {{.normalizer = "{\"type\": \"Replace\", \"content\": \"\"}"}, "normalizer.pattern"},
        {{.normalizer = "{\"type\": \"Replace\", \"content\": \"\", \"pattern\": {\"String\": "
                        "\"\"}}"},
         "empty pattern"},
        {{.normalizer = "{\"type\": \"Replace\", \"content\": \"\", \"pattern\": {\"String\": "
                        "\"a\", \"Regex\": \"b\"}}"},
         "normalizer.pattern"},
        {{.pre_tokenizer = "{\"type\": \"BertPreTokenizer\"}"}, "BertPreTokenizer"},
        {{.pre_tokenizer = "{\"type\": \"UnicodeScripts\"}"}, "UnicodeScripts"},
        {{.pre_tokenizer = "{\"type\": \"ByteLevel\"}"}, "add_prefix_space: missing"},
        {{.pre_tokenizer = "{\"type\": \"Digits\", \"individual_digits\": \"yes\"}"},
         "individual_digits: wrong type"},
        {{.pre_tokenizer = "{\"type\": \"Split\", \"pattern\": {\"String\": \"a\"}, \"behavior\": "
                           "\"Merged\", \"invert\": false}"},
         "\"MergedWithNext\""},
        {{.pre_tokenizer = "{\"type\": \"Metaspace\", \"replacement\": \"ab\"}"},
         "exactly one character"},
        {{.pre_tokenizer = "{\"type\": \"Metaspace\", \"replacement\": \"\"}"},
         "exactly one character"},
        {{.pre_tokenizer = "{\"type\": \"Metaspace\", \"replacement\": \"_\", \"prepend_scheme\": "
                           "\"always\", \"add_prefix_space\": false}"},
         "contradicts"},
        {{.decoder = "{\"type\": \"WordPiece\"}"}, "decoder: the type \"WordPiece\""},
        {{.decoder = "{\"type\": \"CTC\"}"}, "CTC"},
        {{.decoder = "{\"type\": \"Strip\", \"content\": \"a\", \"start\": -1, \"stop\": 0}"},
         "decoder.start"},
        {{.post_processor = "{\"type\": \"Nothing\"}"}, "post_processor"},
        {{.post_processor = "{\"type\": \"TemplateProcessing\", \"single\": []}"}, "no Sequence A"},
        {{.post_processor = "{\"type\": \"TemplateProcessing\", \"single\": [{\"SpecialToken\": "
                            "{\"id\": \"<s>\"}}]}"},
         "special_tokens lacks"},
        {{.post_processor = "{\"type\": \"RobertaProcessing\", \"sep\": [\"x\", 36], \"cls\": "
                            "[\"x\", 1]}"},
         "outside the vocabulary"},
        {{.post_processor = "{\"type\": \"RobertaProcessing\", \"sep\": [\"x\"], \"cls\": []}"},
         "expected a token id"},
        {{.added = "3"}, "added_tokens[0].id: missing"},
        {{.added = "{\"id\": -1, \"content\": \"x\"}"}, "added_tokens[0].id"},
        {{.added = "{\"id\": 1048576, \"content\": \"x\"}"}, "added_tokens[0].id"},
        {{.added = "{\"id\": 40, \"content\": \"\"}"}, "0 bytes"},
        {{.added = "{\"id\": 40}"}, "content: missing"},
        {{.added = "{\"id\": 40, \"content\": \"a\"}"}, "two ids"},
        {{.added = "{\"id\": 1, \"content\": \"xyz\"}"}, "two tokens have"},
        {{.added = "{\"id\": 40, \"content\": \"xyz\", \"lstrip\": 0}"}, "lstrip: wrong type"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *json = small_json(rows[i].parts);
        stoa_tokenizer *t;
        stoa_error err = {0};
        stoa_status status = stoa_tokenizer_parse(&t, "f", stoa_view_of(json), &err);
        if (status != STOA_ERR_FORMAT && status != STOA_ERR_UNSUPPORTED)
            fail_msg("row %zu (%s) was accepted", i, rows[i].message);
        check_message(&err, "f: ");
        check_message(&err, rows[i].message);
        stoa_free(json);
    }
}

static void too_many_stages_tokens_and_levels_are_refused(void **state) {
    (void)state;
    stoa_buffer part = {0};
    stoa_error err = {0};
    stoa_tokenizer *t;
    stoa_buffer_printf(&part, "{\"type\": \"Sequence\", \"normalizers\": [");
    for (int i = 0; i < 33; i++)
        stoa_buffer_printf(&part, "%s{\"type\": \"NFC\"}", i ? ", " : "");
    stoa_buffer_printf(&part, "]}");
    char *json = small_json((small){.normalizer = part.data});
    assert_int_equal(stoa_tokenizer_parse(&t, "f", stoa_view_of(json), &err), STOA_ERR_UNSUPPORTED);
    check_message(&err, "normalizers[32]: more than 32 stages");
    stoa_free(json);
    part.len = 0;
    for (int i = 0; i < 100000; i++)
        stoa_buffer_append(&part, "[", 1);
    assert_int_equal(stoa_tokenizer_parse(&t, "f", (stoa_view){part.data, part.len}, &err),
                     STOA_ERR_FORMAT);
    check_message(&err, "depth");
    part.len = 0;
    stoa_buffer_printf(&part, "{\"id\": 40, \"content\": \"");
    for (int i = 0; i < 4097; i++)
        stoa_buffer_append(&part, "x", 1);
    stoa_buffer_printf(&part, "\"}");
    json = small_json((small){.added = part.data});
    assert_int_equal(stoa_tokenizer_parse(&t, "f", stoa_view_of(json), &err), STOA_ERR_FORMAT);
    check_message(&err, "4097 bytes");
    stoa_free(json);
    stoa_buffer_deinit(&part);
}

static void paths_that_are_no_tokenizer_are_refused(void **state) {
    stoa_tokenizer *t;
    stoa_error err = {0};
    assert_int_equal(stoa_tokenizer_load(&t, inside(state, "absent.json"), &err), STOA_ERR_IO);
    check_message(&err, "absent.json");
    assert_int_equal(stoa_tokenizer_load(&t, *state, &err), STOA_ERR_IO);
    check_message(&err, "neither tokenizer.json nor vocab.json");
    assert_null(t);
}

/* A file that uses every part, to be broken. */
static char *rich(void) {
    return small_json((small){
        .normalizer = "{\"type\": \"Sequence\", \"normalizers\": [{\"type\": \"NFKC\"}, {\"type\": "
                      "\"Replace\", \"pattern\": {\"Regex\": \" +\"}, \"content\": \" \"}]}",
        .pre_tokenizer =
            "{\"type\": \"Sequence\", \"pretokenizers\": [{\"type\": \"Split\", \"pattern\": "
            "{\"Regex\": \"[a-c]+|\\\\s\"}, \"behavior\": \"MergedWithNext\", \"invert\": false}, "
            "{\"type\": \"Metaspace\", \"replacement\": \"\u2581\", \"prepend_scheme\": "
            "\"first\"}]}",
        .decoder = "{\"type\": \"Sequence\", \"decoders\": [{\"type\": \"ByteFallback\"}, "
                   "{\"type\": \"Metaspace\", \"replacement\": \"\u2581\"}]}",
        .post_processor = "{\"type\": \"BertProcessing\", \"sep\": [\"<s>\", 40], \"cls\": "
                          "[\"<s>\", 40]}",
        .more = ", \"ab\": 36, \"<0xC3>\": 37",
        .merges = "\"a b\"",
        .flags = ", \"byte_fallback\": true, \"unk_token\": \"!\"",
        .added = "{\"id\": 40, \"content\": \"<s>\", \"special\": true, \"lstrip\": true}"});
}

/* Parses, and uses what was accepted. Returns whether it was. */
static bool parse_and_use(const char *json, size_t n) {
    stoa_tokenizer *t;
    stoa_error err = {0};
    if (stoa_tokenizer_parse(&t, "f", (stoa_view){json, n}, &err) != STOA_OK) {
        assert_true(err.status != STOA_OK && err.message[0] != '\0');
        return false;
    }
    stoa_ids ids = {0};
    stoa_buffer text = {0}, again = {0};
    if (stoa_tokenizer_encode(t, stoa_view_of("ab  <s>\u00c3\xff a-1"), STOA_ENCODE_SPECIALS, &ids,
                              NULL) == STOA_OK)
        assert_int_equal(
            stoa_tokenizer_decode(t, ids.data, ids.len, STOA_DECODE_LOSSY, &text, NULL), STOA_OK);
    assert_int_equal(stoa_tokenizer_dump(t, &again, NULL), STOA_OK);
    stoa_ids_deinit(&ids);
    stoa_buffer_deinit(&text);
    stoa_buffer_deinit(&again);
    stoa_tokenizer_free(t);
    return true;
}

static void files_cut_off_anywhere_are_refused(void **state) {
    (void)state;
    char *json = rich();
    size_t n = strlen(json);
    assert_true(parse_and_use(json, n));
    for (size_t cut = 0; cut < n; cut++) {
        char *copy = malloc(cut ? cut : 1); // exactly as long, so that a sanitizer sees overreads
        memcpy(copy, json, cut);
        assert_false(parse_and_use(copy, cut));
        free(copy);
    }
    stoa_free(json);
}

static void files_with_one_damaged_byte_never_crash(void **state) {
    (void)state;
    char *json = rich();
    size_t n = strlen(json);
    static const char swaps[] = "\"0}],x\\";
    for (size_t at = 0; at < n; at++) {
        char kept = json[at];
        json[at] = (char)(kept ^ (1 << at % 8));
        parse_and_use(json, n);
        json[at] = swaps[at % (sizeof swaps - 1)];
        parse_and_use(json, n);
        json[at] = kept;
    }
    stoa_free(json);
}

static void memory_shortage_is_an_error_wherever_it_strikes(void **state) {
    (void)state;
    char *json = rich();
    stoa_view sample = stoa_view_of(sample_text);
    stoa_tokenizer_training training = {.texts = &sample, .text_count = 1, .vocab = 300};
    for (int what = 0; what < 2; what++) {
        for (uint64_t n = 1;; n++) {
            uint64_t live = stoa_alloc_statistics().live;
            stoa_tokenizer *t = NULL;
            stoa_ids ids = {0};
            stoa_buffer text = {0};
            stoa_error err = {0};
            stoa_alloc_fail_after(n, n % 2);
            stoa_status status = what ? stoa_tokenizer_train(&t, &training, &err)
                                      : stoa_tokenizer_parse(&t, "f", stoa_view_of(json), &err);
            if (status == STOA_OK)
                status = stoa_tokenizer_encode(t, sample, 0, &ids, &err);
            if (status == STOA_OK)
                status =
                    stoa_tokenizer_decode(t, ids.data, ids.len, STOA_DECODE_LOSSY, &text, &err);
            stoa_alloc_fail_after(0, false);
            stoa_ids_deinit(&ids);
            stoa_buffer_deinit(&text);
            stoa_tokenizer_free(t);
            if (stoa_alloc_statistics().live != live)
                fail_msg("allocation %llu failing leaks", (unsigned long long)n);
            if (status == STOA_OK)
                break;
            if (status != STOA_ERR_MEMORY)
                fail_msg("allocation %llu failing gave \"%s\"", (unsigned long long)n, err.message);
            assert_true(n < 5000);
        }
    }
    stoa_free(json);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_defect_files_are_refused_with_their_place),
        cmocka_unit_test(parts_with_one_defect_are_refused_with_their_place),
        cmocka_unit_test(too_many_stages_tokens_and_levels_are_refused),
        cmocka_unit_test_setup_teardown(paths_that_are_no_tokenizer_are_refused, make_folder,
                                        drop_folder),
        cmocka_unit_test(files_cut_off_anywhere_are_refused),
        cmocka_unit_test(files_with_one_damaged_byte_never_crash),
        cmocka_unit_test(memory_shortage_is_an_error_wherever_it_strikes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
