/*
 * test_oracle.c - the same ids and the same merges as the `tokenizers` Python library.
 *
 * Needs a Python that can import it: $STOA_PYTHON, else python3. Skipped without one.
 */
#include "support.h"

#include <stdio.h>

/* Encodes and decodes each line of a file (texts in hexadecimal) with a tokenizer.json. */
static const char encode_script[] =
    "import sys, tokenizers\n"
    "t = tokenizers.Tokenizer.from_file(sys.argv[1])\n"
    "for line in open(sys.argv[2]):\n"
    "    text = bytes.fromhex(line.strip()).decode()\n"
    "    ids = t.encode(text, add_special_tokens=False).ids\n"
    "    back = t.decode(ids, skip_special_tokens=False)\n"
    "    print(' '.join(map(str, ids)) + '|' + back.encode().hex())\n";

/* Learns a byte-level BPE and prints its merges. */
static const char train_script[] =
    "import sys, json, tokenizers\n"
    "from tokenizers import models, pre_tokenizers, trainers\n"
    "t = tokenizers.Tokenizer(models.BPE())\n"
    "t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)\n"
    "trainer = trainers.BpeTrainer(vocab_size=int(sys.argv[2]), min_frequency=2,\n"
    "    show_progress=False, special_tokens=['<|endoftext|>'],\n"
    "    initial_alphabet=pre_tokenizers.ByteLevel.alphabet())\n"
    "t.train_from_iterator([open(sys.argv[1], newline='').read()], trainer)\n"
    "for a, b in json.loads(t.to_str())['model']['merges']: print(a, b)\n";

static const char *python(void) {
    const char *program = getenv("STOA_PYTHON");
    return program ? program : "python3";
}

/* To be called before anything is allocated: a skipped test goes no further. */
static void need_python(void) {
    char command[4096];
    snprintf(command, sizeof command, "%s -c 'import tokenizers' 2>/dev/null", python());
    if (system(command) != 0)
        skip();
}

static FILE *start(void **state, const char *script, const char *arguments) {
    char command[16384];
    const char *path = inside(state, "script.py");
    write_text(path, script);
    snprintf(command, sizeof command, "%s %s %s", python(), path, arguments);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    return pipe;
}

enum { TEXTS = 400 };
static char texts[TEXTS][160];
static size_t lengths[TEXTS];

/* Characters whose properties differ between Unicode versions would make a false alarm: the texts
 * hold none. */
static void make_texts(const char *path) {
    stoa_buffer hex = {0};
    stoa_rng rng = stoa_rng_stream(2, "oracle", 0);
    for (int i = 0; i < TEXTS; i++) {
        lengths[i] = random_text(&rng, false, texts[i], sizeof texts[i]);
        for (size_t k = 0; k < lengths[i]; k++)
            stoa_buffer_printf(&hex, "%02x", (unsigned char)texts[i][k]);
        stoa_buffer_append(&hex, "\n", 1);
    }
    write_text(path, hex.data);
    stoa_buffer_deinit(&hex);
}

static void check_against_python(void **state, const stoa_tokenizer *t) {
    char json[4096], lines[4096], arguments[8300];
    snprintf(json, sizeof json, "%s/tokenizer.json", (const char *)*state);
    snprintf(lines, sizeof lines, "%s/texts", (const char *)*state);
    snprintf(arguments, sizeof arguments, "%s %s", json, lines);
    assert_int_equal(stoa_tokenizer_save(t, json, NULL), STOA_OK);
    make_texts(lines);
    FILE *pipe = start(state, encode_script, arguments);
    for (int i = 0; i < TEXTS; i++) {
        static char line[1 << 16];
        assert_non_null(fgets(line, sizeof line, pipe));
        stoa_buffer expected = {0};
        stoa_ids ids = {0};
        assert_int_equal(stoa_tokenizer_encode(t, (stoa_view){texts[i], lengths[i]}, 0, &ids, NULL),
                         STOA_OK);
        for (size_t k = 0; k < ids.len; k++)
            stoa_buffer_printf(&expected, "%s%d", k ? " " : "", ids.data[k]);
        stoa_buffer text = {0};
        assert_int_equal(
            stoa_tokenizer_decode(t, ids.data, ids.len, STOA_DECODE_LOSSY, &text, NULL), STOA_OK);
        stoa_buffer_append(&expected, "|", 1);
        for (size_t k = 0; k < text.len; k++)
            stoa_buffer_printf(&expected, "%02x", (unsigned char)text.data[k]);
        line[strcspn(line, "\n")] = '\0';
        assert_string_equal(expected.data, line);
        stoa_buffer_deinit(&text);
        stoa_buffer_deinit(&expected);
        stoa_ids_deinit(&ids);
    }
    assert_int_equal(pclose(pipe), 0);
}

static void learned_tokenizers_encode_like_the_python_library(void **state) {
    need_python();
    for (int pieces = 0; pieces < STOA_PIECES_COUNT; pieces++) {
        stoa_tokenizer *t = learned(420, (stoa_pieces)pieces);
        check_against_python(state, t);
        stoa_tokenizer_free(t);
    }
}

static void other_pipelines_encode_like_the_python_library(void **state) {
    need_python();
    static const char fallback_bytes[] =
        ", \"<0xC3>\": 36, \"<0xA9>\": 37, \"<0x0A>\": 38, \"he\": "
        "39, \"the\": 40, \"\u2581the\": 41, \"st\": 42";
    static const char merges[] = "\"h e\", \"t he\", \"\u2581 the\", \"s t\"";
    const small rows[] = {
        {.normalizer = "{\"type\": \"Sequence\", \"normalizers\": [{\"type\": \"Prepend\", "
                       "\"prepend\": \"\u2581\"}, {\"type\": \"Replace\", \"pattern\": "
                       "{\"String\": \" \"}, \"content\": \"\u2581\"}]}",
         .decoder = "{\"type\": \"Sequence\", \"decoders\": [{\"type\": \"Replace\", \"pattern\": "
                    "{\"String\": \"\u2581\"}, \"content\": \" \"}, {\"type\": \"ByteFallback\"}, "
                    "{\"type\": \"Fuse\"}, {\"type\": \"Strip\", \"content\": \" \", \"start\": 1, "
                    "\"stop\": 0}]}",
         .flags = ", \"byte_fallback\": true, \"fuse_unk\": true, \"unk_token\": \"!\"",
         .added = "{\"id\": 43, \"content\": \"<|endoftext|>\", \"single_word\": false, "
                  "\"lstrip\": true, \"rstrip\": false, \"normalized\": false, \"special\": true}"},
        {.normalizer = "{\"type\": \"NFC\"}",
         .pre_tokenizer = "{\"type\": \"Sequence\", \"pretokenizers\": [{\"type\": \"Split\", "
                          "\"pattern\": {\"Regex\": \"\\\\s+|[^\\\\s\\\\w]\"}, \"behavior\": "
                          "\"MergedWithPrevious\", \"invert\": false}, {\"type\": \"Digits\", "
                          "\"individual_digits\": true}]}",
         .decoder = "{\"type\": \"Fuse\"}",
         .flags = ", \"unk_token\": \"-\""},
        {.normalizer =
             "{\"type\": \"Sequence\", \"normalizers\": [{\"type\": \"NFKD\"}, {\"type\": "
             "\"StripAccents\"}, {\"type\": \"Lowercase\"}]}",
         .pre_tokenizer = "{\"type\": \"Metaspace\", \"replacement\": \"\u2581\", "
                          "\"prepend_scheme\": \"always\", \"split\": true}",
         .decoder = "{\"type\": \"Metaspace\", \"replacement\": \"\u2581\", \"prepend_scheme\": "
                    "\"always\", \"split\": true}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        small s = rows[i];
        s.more = fallback_bytes;
        s.merges = merges;
        stoa_tokenizer *t = small_tokenizer(s);
        check_against_python(state, t);
        stoa_tokenizer_free(t);
    }
}

static void training_finds_the_merges_that_the_python_library_finds(void **state) {
    need_python();
    enum { VOCAB = 380 };
    char text[4096], arguments[4200];
    snprintf(text, sizeof text, "%s/text", (const char *)*state);
    snprintf(arguments, sizeof arguments, "%s %d", text, VOCAB);
    write_text(text, sample_text);
    FILE *pipe = start(state, train_script, arguments);
    const char *paths[] = {text};
    stoa_tokenizer_training training = {.paths = paths, .path_count = 1, .vocab = VOCAB};
    stoa_tokenizer *t;
    assert_int_equal(stoa_tokenizer_train(&t, &training, NULL), STOA_OK);
    stoa_buffer written = {0};
    assert_int_equal(stoa_tokenizer_dump(t, &written, NULL), STOA_OK);
    const char *at = strstr(written.data, "\"merges\": [");
    char line[512];
    int merges = 0;
    while (fgets(line, sizeof line, pipe)) {
        line[strcspn(line, "\n")] = '\0';
        stoa_buffer quoted = {0};
        stoa_buffer_json_string(&quoted, line);
        at = strstr(at, "\n      ") + 7;
        if (strncmp(at, quoted.data, quoted.len) != 0)
            fail_msg("merge %d is %.40s, expected %s", merges, at, quoted.data);
        stoa_buffer_deinit(&quoted);
        merges++;
    }
    assert_int_equal(pclose(pipe), 0);
    assert_true(merges > 50);
    assert_int_equal(stoa_tokenizer_vocab(t), 257 + merges);
    stoa_buffer_deinit(&written);
    stoa_tokenizer_free(t);
}

int main(void) {
#define WITH_FOLDER(name) cmocka_unit_test_setup_teardown(name, make_folder, drop_folder)
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(learned_tokenizers_encode_like_the_python_library),
        WITH_FOLDER(other_pipelines_encode_like_the_python_library),
        WITH_FOLDER(training_finds_the_merges_that_the_python_library_finds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
