/*
 * test_token_file.c - token files: written, read, refused when damaged; text encoded in parts.
 */
#include "support.h"

#include <stdio.h>
#include <xxhash.h>

static void write_ids(const char *path, const stoa_tokenizer *t, const int32_t *ids, size_t n,
                      int32_t end_of_text) {
    stoa_token_writer *w;
    assert_int_equal(stoa_token_writer_open(&w, path, t, end_of_text, NULL), STOA_OK);
    assert_int_equal(stoa_token_writer_write(w, ids, n, NULL), STOA_OK);
    assert_int_equal(stoa_token_writer_close(w, NULL), STOA_OK);
}

static void ids_are_read_back_as_they_were_written(void **state) {
    const char *path = inside(state, "a.tok");
    stoa_tokenizer *narrow = learned(300, STOA_PIECES_GPT2);
    stoa_tokenizer *wide = small_tokenizer((small){.more = ", \"zz\": 65536"});
    static int32_t ids[100000], back[100000];
    for (int i = 0; i < 2; i++) {
        const stoa_tokenizer *t = i ? wide : narrow;
        int32_t vocab = stoa_tokenizer_vocab(t);
        for (int k = 0; k < 100000; k++)
            ids[k] = (int32_t)((k * 7919ll) % vocab);
        ids[5] = vocab - 1;
        write_ids(path, t, ids, 100000, -1);
        stoa_token_file f;
        assert_true(stoa_token_file_detect(path));
        assert_int_equal(stoa_token_file_open(&f, path, NULL), STOA_OK);
        assert_int_equal(f.count, 100000);
        assert_int_equal(f.id_bytes, i ? 4 : 2);
        assert_int_equal(f.vocab, vocab);
        assert_int_equal(f.end_of_text, -1);
        assert_int_equal(f.map.size, 64 + 100000 * f.id_bytes);
        assert_true(f.tokenizer_hash == stoa_tokenizer_hash(t));
        assert_int_equal(stoa_token_file_verify(&f, NULL), STOA_OK);
        assert_int_equal(stoa_token_file_read(&f, 0, 100000, back, NULL), STOA_OK);
        assert_memory_equal(back, ids, sizeof ids);
        assert_int_equal(stoa_token_file_read(&f, 99990, 10, back, NULL), STOA_OK);
        assert_memory_equal(back, ids + 99990, 40);
        assert_int_equal(stoa_token_file_read(&f, 100000, 0, back, NULL), STOA_OK);
        assert_int_equal(stoa_token_file_read(&f, 99991, 10, back, NULL), STOA_ERR_USAGE);
        assert_int_equal(stoa_token_file_read(&f, UINT64_MAX, 2, back, NULL), STOA_ERR_USAGE);
        stoa_token_file_close(&f);
    }
    stoa_tokenizer_free(narrow);
    stoa_tokenizer_free(wide);
}

static void an_empty_token_file_is_fine(void **state) {
    const char *path = inside(state, "empty.tok");
    stoa_tokenizer *t = stoa_tokenizer_new_bytes();
    write_ids(path, t, NULL, 0, -1);
    stoa_token_file f;
    assert_int_equal(stoa_token_file_open(&f, path, NULL), STOA_OK);
    assert_int_equal(f.count, 0);
    assert_int_equal(stoa_token_file_verify(&f, NULL), STOA_OK);
    stoa_token_file_close(&f);
    stoa_tokenizer_free(t);
}

static void nothing_appears_until_the_writer_closes(void **state) {
    const char *path = inside(state, "a.tok");
    stoa_tokenizer *t = stoa_tokenizer_new_bytes();
    stoa_token_writer *w;
    stoa_error err = {0};
    int32_t ids[] = {1, 2, 256};
    assert_int_equal(stoa_token_writer_open(&w, path, t, -1, NULL), STOA_OK);
    assert_int_equal(stoa_token_writer_write(w, ids, 2, NULL), STOA_OK);
    assert_false(stoa_file_exists(path));
    assert_int_equal(stoa_token_writer_write(w, ids, 3, &err), STOA_ERR_USAGE);
    check_message(&err, "id 256");
    stoa_token_writer_abort(w);
    assert_false(stoa_file_exists(path));
    assert_int_equal(stoa_token_writer_open(&w, path, t, 256, NULL), STOA_ERR_USAGE);
    assert_int_equal(stoa_token_writer_open(&w, inside(state, "no/such/a.tok"), t, -1, &err),
                     STOA_ERR_IO);
    check_message(&err, "no/such/a.tok");
    stoa_tokenizer_free(t);
}

/* ---- damaged files ---- */

typedef struct image {
    unsigned char bytes[64 + 8];
} image;

static void put(image *im, size_t at, uint64_t value, size_t n) {
    memcpy(im->bytes + at, &value, n);
}

/* Makes the header's hash right again. */
static void seal(image *im) {
    put(im, 56, XXH3_64bits(im->bytes, 56), 8);
}

static image good_image(void) {
    image im = {0};
    memcpy(im.bytes, "STOATOK\n", 8);
    put(&im, 8, 1, 4);
    put(&im, 12, 2, 4);
    put(&im, 16, 300, 4);
    put(&im, 20, 299, 4);
    put(&im, 24, 4, 8);
    put(&im, 32, 77, 8);
    static const uint16_t ids[] = {1, 299, 0, 7};
    memcpy(im.bytes + 64, ids, 8);
    put(&im, 40, XXH3_64bits(ids, 8), 8);
    seal(&im);
    return im;
}

static stoa_status open_image(void **state, const void *bytes, size_t n, stoa_token_file *f,
                              stoa_error *err) {
    const char *path = inside(state, "image.tok");
    FILE *file = fopen(path, "wb"); // without the flushing to disk that costs time
    assert_int_equal(fwrite(bytes, 1, n, file), n);
    fclose(file);
    return stoa_token_file_open(f, path, err);
}

static void the_format_is_as_documented(void **state) {
    image im = good_image();
    stoa_token_file f;
    assert_int_equal(open_image(state, &im, sizeof im, &f, NULL), STOA_OK);
    assert_int_equal(stoa_token_file_verify(&f, NULL), STOA_OK);
    int32_t ids[4];
    assert_int_equal(stoa_token_file_read(&f, 0, 4, ids, NULL), STOA_OK);
    assert_int_equal(ids[1], 299);
    assert_int_equal(f.end_of_text, 299);
    assert_true(f.tokenizer_hash == 77);
    stoa_token_file_close(&f);
}

static void headers_with_one_wrong_field_are_refused(void **state) {
    static const struct {
        size_t at, n;
        uint64_t value;
        const char *message;
    } rows[] = {
        {0, 1, 'X', "not a token file"},
        {8, 4, 2, "version 2"},
        {8, 4, 0, "version 0"},
        {12, 4, 0, "2 or 4 bytes"},
        {12, 4, 1, "2 or 4 bytes"},
        {12, 4, 3, "2 or 4 bytes"},
        {12, 4, 4, "4 ids of 4 bytes"},
        {12, 4, 0xffffffff, "2 or 4 bytes"},
        {16, 4, 0, "byte 16"},
        {16, 4, 299, "byte 20"}, // the end-of-text id is then outside
        {16, 4, 0xffffffff, "byte 16"},
        {16, 4, (1 << 20) + 1, "byte 16"},
        {20, 4, 300, "byte 20"},
        {20, 4, 0xfffffffe, "byte 20"},
        {20, 4, 0x80000000, "byte 20"},
        {24, 8, 3, "3 ids"},
        {24, 8, 5, "5 ids"},
        {24, 8, 0, "0 ids"},
        {24, 8, UINT64_MAX, "ids of 2 bytes"},
        {24, 8, (UINT64_MAX >> 1) + 5, "ids of 2 bytes"}, // wraps to the right size
        {24, 8, INT64_MAX, "ids of 2 bytes"},
        {48, 8, 1, "byte 48"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        image im = good_image();
        stoa_token_file f;
        stoa_error err = {0};
        put(&im, rows[i].at, rows[i].value, rows[i].n);
        seal(&im);
        assert_int_not_equal(open_image(state, &im, sizeof im, &f, &err), STOA_OK);
        check_message(&err, "image.tok: ");
        check_message(&err, rows[i].message);
        assert_null(f.path);
    }
}

static void every_damaged_byte_is_noticed(void **state) {
    image im = good_image();
    for (size_t at = 0; at < sizeof im; at++) {
        im.bytes[at] ^= (unsigned char)(1 << at % 8);
        stoa_token_file f;
        stoa_status status = open_image(state, &im, sizeof im, &f, NULL);
        if (at < 64) {
            assert_int_not_equal(status, STOA_OK);
        } else {
            assert_int_equal(status, STOA_OK);
            assert_int_equal(stoa_token_file_verify(&f, NULL), STOA_ERR_FORMAT);
            stoa_token_file_close(&f);
        }
        im.bytes[at] ^= (unsigned char)(1 << at % 8);
    }
}

static void files_of_another_length_are_refused(void **state) {
    image im = good_image();
    unsigned char longer[sizeof im + 1] = {0};
    memcpy(longer, &im, sizeof im);
    for (size_t n = 0; n <= sizeof longer; n++) {
        stoa_token_file f;
        stoa_status status = open_image(state, longer, n, &f, NULL);
        assert_int_equal(status, n == sizeof im ? STOA_OK : STOA_ERR_FORMAT);
        if (status == STOA_OK)
            stoa_token_file_close(&f);
    }
}

static void ids_outside_the_vocabulary_are_noticed_when_read(void **state) {
    image im = good_image();
    static const uint16_t ids[] = {1, 299, 300, 7};
    memcpy(im.bytes + 64, ids, 8);
    put(&im, 40, XXH3_64bits(ids, 8), 8);
    seal(&im);
    stoa_token_file f;
    stoa_error err = {0};
    int32_t out[4];
    assert_int_equal(open_image(state, &im, sizeof im, &f, NULL), STOA_OK);
    assert_int_equal(stoa_token_file_read(&f, 0, 2, out, NULL), STOA_OK);
    assert_int_equal(stoa_token_file_read(&f, 1, 3, out, &err), STOA_ERR_FORMAT);
    check_message(&err, "id 300 at position 2");
    assert_int_equal(stoa_token_file_verify(&f, NULL), STOA_ERR_FORMAT);
    stoa_token_file_close(&f);
}

static void any_file_can_be_read_as_bytes(void **state) {
    const char *path = inside(state, "text");
    write_text(path, "a\xff\n");
    stoa_token_file f;
    int32_t ids[3];
    assert_false(stoa_token_file_detect(path));
    assert_false(stoa_token_file_detect(inside(state, "absent")));
    assert_int_equal(stoa_token_file_open(&f, path, NULL), STOA_ERR_FORMAT);
    assert_int_equal(stoa_token_file_open_bytes(&f, path, NULL), STOA_OK);
    assert_int_equal(f.count, 3);
    assert_int_equal(stoa_token_file_read(&f, 0, 3, ids, NULL), STOA_OK);
    assert_int_equal(ids[0], 'a');
    assert_int_equal(ids[1], 255);
    assert_int_equal(stoa_token_file_verify(&f, NULL), STOA_OK);
    stoa_token_file_close(&f);
}

/* ---- text files ---- */

static bool stop_after_two(void *user, const char *stage, uint64_t done, uint64_t total) {
    assert_string_equal(stage, "encoding");
    assert_true(done <= total);
    return ++*(int *)user < 3;
}

static void text_in_parts_encodes_like_the_whole(void **state) {
    // more than two parts
    stoa_buffer text = {0};
    stoa_rng rng = stoa_rng_stream(11, "parts", 0);
    while (text.len < 9 << 18) {
        char piece[400];
        size_t n = random_text(&rng, false, piece, sizeof piece);
        stoa_buffer_append(&text, piece, n);
        stoa_buffer_append(&text, sample_text, (size_t)stoa_rng_below(&rng, 40));
    }
    const char *in = inside(state, "text"), *out = inside(state, "text.tok");
    assert_int_equal(stoa_file_write(in, text.data, text.len, NULL), STOA_OK);
    for (int pieces = 0; pieces < STOA_PIECES_COUNT; pieces++) {
        stoa_tokenizer *t = learned(340, (stoa_pieces)pieces);
        uint64_t written = 0;
        stoa_token_encoding encoding = {.paths = &in, .path_count = 1, .end_of_text = 0};
        assert_int_equal(stoa_token_file_encode(t, &encoding, out, &written, NULL), STOA_OK);
        stoa_ids whole = {0};
        assert_int_equal(
            stoa_tokenizer_encode(t, (stoa_view){text.data, text.len}, 0, &whole, NULL), STOA_OK);
        stoa_ids_push(&whole, 0);
        assert_int_equal(written, whole.len);
        int32_t *back = malloc(whole.len * sizeof *back);
        stoa_token_file f;
        assert_int_equal(stoa_token_file_open(&f, out, NULL), STOA_OK);
        assert_int_equal(f.count, whole.len);
        assert_int_equal(stoa_token_file_read(&f, 0, whole.len, back, NULL), STOA_OK);
        check_ids(&whole, back, whole.len);
        stoa_token_file_close(&f);
        free(back);
        stoa_ids_deinit(&whole);
        stoa_tokenizer_free(t);
    }
    stoa_tokenizer *t = stoa_tokenizer_new_bytes();
    int calls = 0;
    stoa_token_encoding stopping = {.paths = &in,
                                    .path_count = 1,
                                    .end_of_text = -1,
                                    .progress = stop_after_two,
                                    .user = &calls};
    const char *stopped = inside(state, "stopped.tok");
    assert_int_equal(stoa_token_file_encode(t, &stopping, stopped, NULL, NULL),
                     STOA_ERR_INTERRUPTED);
    assert_false(stoa_file_exists(stopped));
    stoa_tokenizer_free(t);
    stoa_buffer_deinit(&text);
}

static void documents_end_with_their_mark(void **state) {
    stoa_tokenizer *t = small_tokenizer((small){.more = ", \"<e>\": 36"});
    const char *paths[] = {inside(state, "one"), inside(state, "two")};
    const char *out = inside(state, "all.tok");
    write_text(paths[0], "ab--c----d--");
    write_text(paths[1], "e");
    stoa_token_encoding encoding = {
        .paths = paths, .path_count = 2, .separator = "--", .end_of_text = 36};
    assert_int_equal(stoa_token_file_encode(t, &encoding, out, NULL, NULL), STOA_OK);
    static const int32_t expected[] = {0, 1, 36, 2, 36, 3, 36, 4, 36}; // empty ones have none
    int32_t ids[9];
    stoa_token_file f;
    assert_int_equal(stoa_token_file_open(&f, out, NULL), STOA_OK);
    assert_int_equal(f.count, 9);
    assert_int_equal(f.end_of_text, 36);
    assert_int_equal(stoa_token_file_read(&f, 0, 9, ids, NULL), STOA_OK);
    assert_memory_equal(ids, expected, sizeof expected);
    stoa_token_file_close(&f);
    stoa_tokenizer_free(t);
}

static void prefixes_are_given_once_a_document(void **state) {
    // two documents, the first longer than a part
    stoa_buffer text = {0};
    while (text.len < 5 << 19)
        stoa_buffer_append(&text, "ab ab ", 6);
    size_t words = text.len / 3;
    stoa_buffer_append(&text, "--ab", 4);
    const char *in = inside(state, "text"), *out = inside(state, "text.tok");
    assert_int_equal(stoa_file_write(in, text.data, text.len, NULL), STOA_OK);
    stoa_tokenizer *t = small_tokenizer(
        (small){.normalizer = "{\"type\": \"Sequence\", \"normalizers\": [{\"type\": \"Prepend\", "
                              "\"prepend\": \"\u2581\"}, {\"type\": \"Replace\", \"pattern\": "
                              "{\"String\": \" \"}, \"content\": \"\u2581\"}]}",
                .more = ", \"\u2581a\": 36, \"\u2581ab\": 37",
                .merges = "\"\u2581 a\", \"\u2581a b\""});
    stoa_token_encoding encoding = {
        .paths = &in, .path_count = 1, .separator = "--", .end_of_text = -1};
    uint64_t written;
    assert_int_equal(stoa_token_file_encode(t, &encoding, out, &written, NULL), STOA_OK);
    assert_int_equal(written, words + 1 + 1); // every word one token, the last space, the last word
    stoa_tokenizer_free(t);
    stoa_buffer_deinit(&text);
}

static void prepared_texts_are_made_once(void **state) {
    stoa_tokenizer *t = learned(300, STOA_PIECES_GPT2), *bytes = stoa_tokenizer_new_bytes();
    const char *text = inside(state, "text"), *cache = inside(state, "cache");
    write_text(text, sample_text);
    char path[4096], again[4096];
    stoa_error err = {0};
    assert_int_equal(stoa_text_prepare(bytes, text, cache, path, sizeof path, NULL, NULL, NULL),
                     STOA_OK);
    assert_string_equal(path, text);
    assert_int_equal(stoa_text_prepare(t, text, cache, path, sizeof path, NULL, NULL, NULL),
                     STOA_OK);
    stoa_token_file f;
    assert_int_equal(stoa_token_file_open(&f, path, NULL), STOA_OK);
    assert_int_equal(f.end_of_text, 0);
    stoa_token_file_close(&f);
    int calls = 0; // no second encoding: nothing is reported
    assert_int_equal(
        stoa_text_prepare(t, text, cache, again, sizeof again, stop_after_two, &calls, NULL),
        STOA_OK);
    assert_string_equal(again, path);
    assert_int_equal(calls, 0);
    write_text(text, "other text");
    assert_int_equal(
        stoa_text_prepare(t, text, cache, again, sizeof again, stop_after_two, &calls, NULL),
        STOA_OK);
    assert_string_not_equal(again, path);
    assert_int_equal(calls, 1);
    write_text(again, "damaged"); // is made anew
    assert_int_equal(stoa_text_prepare(t, text, cache, path, sizeof path, NULL, NULL, NULL),
                     STOA_OK);
    assert_true(stoa_token_file_detect(path));
    assert_int_equal(
        stoa_text_prepare(t, inside(state, "absent"), cache, path, sizeof path, NULL, NULL, &err),
        STOA_ERR_IO);
    check_message(&err, "absent");
    stoa_tokenizer_free(t);
    stoa_tokenizer_free(bytes);
}

int main(void) {
#define WITH_FOLDER(name) cmocka_unit_test_setup_teardown(name, make_folder, drop_folder)
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(ids_are_read_back_as_they_were_written),
        WITH_FOLDER(an_empty_token_file_is_fine),
        WITH_FOLDER(nothing_appears_until_the_writer_closes),
        WITH_FOLDER(the_format_is_as_documented),
        WITH_FOLDER(headers_with_one_wrong_field_are_refused),
        WITH_FOLDER(every_damaged_byte_is_noticed),
        WITH_FOLDER(files_of_another_length_are_refused),
        WITH_FOLDER(ids_outside_the_vocabulary_are_noticed_when_read),
        WITH_FOLDER(any_file_can_be_read_as_bytes),
        WITH_FOLDER(text_in_parts_encodes_like_the_whole),
        WITH_FOLDER(documents_end_with_their_mark),
        WITH_FOLDER(prefixes_are_given_once_a_document),
        WITH_FOLDER(prepared_texts_are_made_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
