/*
 * test_corpus.c - corpora and batches: what is covered, that a batch depends on nothing but the
 * plan and the step, shuffled documents, evaluation windows, the built-in text.
 */
#include "support.h"

#include <stdio.h>
#include <sys/stat.h>

enum { T = 7, B = 3 };

/* A file of n tokens of the given tokenizer: token i of the file is (first + i) % vocab. */
static void write_tokens(const char *path, const stoa_tokenizer *t, int32_t first, int n,
                         int32_t end_of_text) {
    stoa_token_writer *w;
    assert_int_equal(stoa_token_writer_open(&w, path, t, end_of_text, NULL), STOA_OK);
    for (int i = 0; i < n; i++) {
        int32_t id = (first + i) % stoa_tokenizer_vocab(t);
        assert_int_equal(stoa_token_writer_write(w, &id, 1, NULL), STOA_OK);
    }
    assert_int_equal(stoa_token_writer_close(w, NULL), STOA_OK);
}

/* Big enough that every token of a small corpus has an id of its own. */
static stoa_tokenizer *numbers(void) {
    return small_tokenizer((small){.more = ", \"last\": 999"});
}

static stoa_corpus *open_corpus(const char *const *train, size_t trains, const char *const *valid,
                                size_t valids, double fraction) {
    stoa_corpus_options options = {train, trains, valid, valids, fraction, NULL};
    stoa_corpus *c;
    stoa_error err = {0};
    if (stoa_corpus_open(&c, &options, &err) != STOA_OK)
        fail_msg("%s", err.message);
    return c;
}

/* A corpus of tokens 0..n-1, laid over three files. */
static stoa_corpus *counting_corpus(void **state, int n, double fraction) {
    stoa_tokenizer *t = numbers();
    const char *paths[] = {inside(state, "a"), inside(state, "b"), inside(state, "c")};
    write_tokens(paths[0], t, 0, n / 2, -1);
    write_tokens(paths[1], t, n / 2, 1, -1);
    write_tokens(paths[2], t, n / 2 + 1, n - n / 2 - 1, -1);
    stoa_tokenizer_free(t);
    return open_corpus(paths, 3, NULL, 0, fraction);
}

static void files_form_one_stream(void **state) {
    stoa_corpus *c = counting_corpus(state, 100, 0);
    int32_t ids[100];
    assert_int_equal(stoa_corpus_tokens(c, STOA_SPLIT_TRAIN), 100);
    assert_int_equal(stoa_corpus_tokens(c, STOA_SPLIT_VALID), 0);
    assert_int_equal(stoa_corpus_vocab(c), 1000);
    for (int begin = 0; begin <= 100; begin++)
        for (int n = 0; n <= 100 - begin; n += 1 + n / 3) {
            assert_int_equal(stoa_corpus_read(c, STOA_SPLIT_TRAIN, begin, n, ids, NULL), STOA_OK);
            for (int i = 0; i < n; i++)
                assert_int_equal(ids[i], begin + i);
        }
    assert_int_equal(stoa_corpus_read(c, STOA_SPLIT_TRAIN, 99, 2, ids, NULL), STOA_ERR_USAGE);
    assert_int_equal(stoa_corpus_read(c, STOA_SPLIT_TRAIN, -1, 1, ids, NULL), STOA_ERR_USAGE);
    assert_int_equal(stoa_corpus_read(c, STOA_SPLIT_TRAIN, INT64_MAX, 1, ids, NULL),
                     STOA_ERR_USAGE);
    stoa_corpus_close(c);
}

static void the_end_of_the_stream_is_held_out(void **state) {
    stoa_corpus *c = counting_corpus(state, 101, 0.1); // floor(101 * 0.9) train
    int32_t id;
    assert_int_equal(stoa_corpus_tokens(c, STOA_SPLIT_TRAIN), 90);
    assert_int_equal(stoa_corpus_tokens(c, STOA_SPLIT_VALID), 11);
    assert_int_equal(stoa_corpus_read(c, STOA_SPLIT_VALID, 0, 1, &id, NULL), STOA_OK);
    assert_int_equal(id, 90);
    assert_int_equal(stoa_corpus_read(c, STOA_SPLIT_TRAIN, 90, 1, &id, NULL), STOA_ERR_USAGE);
    stoa_corpus_close(c);
    stoa_tokenizer *t = numbers();
    const char *train = inside(state, "train"), *valid = inside(state, "valid");
    write_tokens(train, t, 0, 20, -1);
    write_tokens(valid, t, 500, 30, -1);
    c = open_corpus(&train, 1, &valid, 1, 0.5); // the fraction does not matter
    assert_int_equal(stoa_corpus_tokens(c, STOA_SPLIT_TRAIN), 20);
    assert_int_equal(stoa_corpus_tokens(c, STOA_SPLIT_VALID), 30);
    assert_int_equal(stoa_corpus_read(c, STOA_SPLIT_VALID, 0, 1, &id, NULL), STOA_OK);
    assert_int_equal(id, 500);
    stoa_corpus_close(c);
    stoa_tokenizer_free(t);
}

static void files_of_different_tokenizers_do_not_mix(void **state) {
    stoa_tokenizer *t = numbers(), *other = learned(300, STOA_PIECES_GPT2);
    stoa_tokenizer *bytes = stoa_tokenizer_new_bytes();
    const char *paths[] = {inside(state, "a"), inside(state, "b"), inside(state, "text")};
    write_tokens(paths[0], t, 0, 10, -1);
    write_tokens(paths[1], other, 0, 10, -1);
    write_text(paths[2], "plain text");
    const struct {
        const char *train[2];
        size_t count;
        const stoa_tokenizer *tokenizer;
        const char *message;
    } rows[] = {
        {{paths[0], paths[1]}, 2, NULL, "another tokenizer than"},
        {{paths[0], paths[2]}, 2, NULL, "another tokenizer than"},
        {{paths[0]}, 1, other, "was encoded with another tokenizer (hash"},
        {{paths[2]}, 1, t, "is plain text"},
        {{paths[0]}, 0, NULL, "at least one training file"},
        {{paths[0]}, 1, t, NULL},
        {{paths[2]}, 1, bytes, NULL},
        {{paths[2], paths[2]}, 2, NULL, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        stoa_corpus_options options = {
            .train = rows[i].train, .train_count = rows[i].count, .tokenizer = rows[i].tokenizer};
        stoa_corpus *c;
        stoa_error err = {0};
        stoa_status status = stoa_corpus_open(&c, &options, &err);
        assert_int_equal(status, rows[i].message ? STOA_ERR_USAGE : STOA_OK);
        if (rows[i].message)
            check_message(&err, rows[i].message);
        stoa_corpus_close(c);
    }
    stoa_corpus_options fractions = {.train = paths, .train_count = 1, .valid_fraction = 1};
    stoa_corpus *c;
    assert_int_equal(stoa_corpus_open(&c, &fractions, NULL), STOA_ERR_USAGE);
    fractions.valid_fraction = -0.1;
    assert_int_equal(stoa_corpus_open(&c, &fractions, NULL), STOA_ERR_USAGE);
    stoa_tokenizer_free(t);
    stoa_tokenizer_free(other);
    stoa_tokenizer_free(bytes);
}

/* ---- batches ---- */

static const stoa_window_order orders[] = {STOA_WINDOWS_RANDOM, STOA_WINDOWS_EPOCH,
                                           STOA_WINDOWS_DOCUMENTS};

/* A corpus of `docs` documents; document d is 1 + d % 5 tokens of id d + 1, then the mark 999. */
static stoa_corpus *document_corpus(void **state, int docs) {
    stoa_tokenizer *t = numbers();
    const char *path = inside(state, "documents");
    stoa_token_writer *w;
    assert_int_equal(stoa_token_writer_open(&w, path, t, 999, NULL), STOA_OK);
    for (int32_t d = 0; d < docs; d++) {
        int32_t ids[6];
        int n = 1 + d % 5;
        for (int i = 0; i < n; i++)
            ids[i] = d + 1;
        ids[n] = 999;
        assert_int_equal(stoa_token_writer_write(w, ids, (size_t)n + 1, NULL), STOA_OK);
    }
    assert_int_equal(stoa_token_writer_close(w, NULL), STOA_OK);
    stoa_tokenizer_free(t);
    return open_corpus(&path, 1, NULL, 0, 0);
}

static void targets_are_inputs_one_token_later(void **state) {
    stoa_corpus *c = counting_corpus(state, 200, 0);
    stoa_window_plan plan = {STOA_SPLIT_TRAIN, STOA_WINDOWS_RANDOM, 3, B, T};
    int32_t in[B * T], target[B * T];
    bool seen[200 - T] = {false};
    for (int64_t step = 0; step < 2000; step++) {
        assert_int_equal(stoa_corpus_batch(c, &plan, step, 0, B, in, target, NULL), STOA_OK);
        for (int b = 0; b < B; b++) {
            seen[in[b * T]] = true;
            for (int t = 0; t < T; t++) {
                assert_int_equal(in[b * T + t], in[b * T] + t);
                assert_int_equal(target[b * T + t], in[b * T] + t + 1);
            }
        }
    }
    for (int i = 0; i < 200 - T; i++) // every offset, the last one included, can be drawn
        assert_true(seen[i]);
    stoa_corpus_close(c);
}

static void a_batch_depends_on_plan_and_step_alone(void **state) {
    stoa_corpus *c = document_corpus(state, 60), *again = document_corpus(state, 60);
    for (int o = 0; o < STOA_WINDOWS_COUNT; o++) {
        stoa_window_plan plan = {STOA_SPLIT_TRAIN, orders[o], 3, B, T};
        int32_t in[B * T], target[B * T], in2[B * T], target2[B * T];
        int differ = 0;
        for (int64_t step = 0; step < 50; step++) {
            assert_int_equal(stoa_corpus_batch(c, &plan, step, 0, B, in, target, NULL), STOA_OK);
            // another object, steps in another order, rows one by one
            for (int64_t row = B - 1; row >= 0; row--)
                assert_int_equal(stoa_corpus_batch(again, &plan, step, row, 1, in2 + row * T,
                                                   target2 + row * T, NULL),
                                 STOA_OK);
            assert_memory_equal(in, in2, sizeof in);
            assert_memory_equal(target, target2, sizeof target);
            stoa_window_plan other = plan;
            other.seed = 4;
            assert_int_equal(stoa_corpus_batch(c, &other, step, 0, B, in2, target2, NULL), STOA_OK);
            differ += memcmp(in, in2, sizeof in) != 0;
            assert_int_equal(stoa_corpus_batch(again, &plan, 49 - step, 0, B, in2, target2, NULL),
                             STOA_OK);
        }
        assert_true(differ > 40);
    }
    stoa_corpus_close(c);
    stoa_corpus_close(again);
}

static void an_epoch_covers_every_window_once(void **state) {
    enum { TOKENS = 300, WINDOWS = (TOKENS - 1) / T };
    stoa_corpus *c = counting_corpus(state, TOKENS, 0);
    stoa_window_plan plan = {STOA_SPLIT_TRAIN, STOA_WINDOWS_EPOCH, 9, 1, T};
    assert_int_equal(stoa_corpus_windows(c, &plan), WINDOWS);
    int32_t order[2][WINDOWS];
    for (int64_t epoch = 0; epoch < 2; epoch++) {
        bool seen[WINDOWS] = {false};
        for (int64_t w = 0; w < WINDOWS; w++) {
            int32_t in[T], target[T];
            assert_int_equal(
                stoa_corpus_batch(c, &plan, epoch * WINDOWS + w, 0, 1, in, target, NULL), STOA_OK);
            assert_int_equal(in[0] % T, 0);
            assert_false(seen[in[0] / T]);
            seen[in[0] / T] = true;
            order[epoch][w] = in[0];
        }
    }
    assert_memory_not_equal(order[0], order[1], sizeof order[0]); // shuffled anew
    stoa_corpus_close(c);
}

static void shuffled_documents_are_packed_whole_and_without_waste(void **state) {
    enum { DOCS = 60 };
    stoa_corpus *c = document_corpus(state, DOCS);
    int64_t tokens = stoa_corpus_tokens(c, STOA_SPLIT_TRAIN);
    stoa_window_plan plan = {STOA_SPLIT_TRAIN, STOA_WINDOWS_DOCUMENTS, 1, 1, 1};
    // windows of one token: each token of an epoch but the last is one input
    assert_int_equal(stoa_corpus_windows(c, &plan), tokens - 1);
    int count[1000] = {0};
    for (int64_t w = 0; w < tokens - 1; w++) {
        int32_t in, target;
        assert_int_equal(stoa_corpus_batch(c, &plan, w, 0, 1, &in, &target, NULL), STOA_OK);
        count[in]++;
        // inside a document the target is the same id or the mark, behind it another document's
        if (in != 999)
            assert_true(target == in || target == 999);
        else
            assert_true(target != 999);
    }
    int missing = 0;
    for (int d = 0; d < DOCS; d++)
        missing += 1 + d % 5 - count[d + 1];
    missing += DOCS - count[999];
    assert_int_equal(missing, 1); // the very last token is a target only
    stoa_corpus_close(c);
}

static void the_order_of_documents_changes_with_the_epoch(void **state) {
    stoa_corpus *c = document_corpus(state, 60);
    stoa_window_plan plan = {STOA_SPLIT_TRAIN, STOA_WINDOWS_DOCUMENTS, 1, 1, 200};
    int32_t in[3][200], target[200];
    // one window an epoch
    assert_int_equal(stoa_corpus_windows(c, &plan), 1);
    for (int64_t epoch = 0; epoch < 3; epoch++)
        assert_int_equal(stoa_corpus_batch(c, &plan, epoch % 2, 0, 1, in[epoch], target, NULL),
                         STOA_OK);
    assert_memory_not_equal(in[0], in[1], sizeof in[0]);
    assert_memory_equal(in[0], in[2], sizeof in[0]); // going back gives the first again
    stoa_corpus_close(c);
}

static void impossible_batches_are_refused(void **state) {
    stoa_corpus *c = counting_corpus(state, 20, 0.5);
    int32_t in[64], target[64];
    stoa_error err = {0};
    stoa_window_plan good = {STOA_SPLIT_TRAIN, STOA_WINDOWS_EPOCH, 1, 2, 4};
    stoa_window_plan plan = good;
    assert_int_equal(stoa_corpus_batch(c, &plan, -1, 0, 2, in, target, NULL), STOA_ERR_USAGE);
    assert_int_equal(stoa_corpus_batch(c, &plan, 0, 1, 2, in, target, NULL), STOA_ERR_USAGE);
    assert_int_equal(stoa_corpus_batch(c, &plan, 0, -1, 2, in, target, NULL), STOA_ERR_USAGE);
    assert_int_equal(stoa_corpus_batch(c, &plan, INT64_MAX, 0, 2, in, target, NULL),
                     STOA_ERR_USAGE);
    plan.window = 10; // a split of ten tokens holds no window of ten with its last target
    assert_int_equal(stoa_corpus_batch(c, &plan, 0, 0, 2, in, target, &err), STOA_ERR_USAGE);
    check_message(&err, "10 tokens");
    plan.window = 0;
    assert_int_equal(stoa_corpus_batch(c, &plan, 0, 0, 2, in, target, NULL), STOA_ERR_USAGE);
    assert_int_equal(stoa_corpus_windows(c, &plan), 0);
    plan = good;
    plan.order = STOA_WINDOWS_DOCUMENTS;
    assert_int_equal(stoa_corpus_batch(c, &plan, 0, 0, 2, in, target, &err), STOA_ERR_USAGE);
    check_message(&err, "end-of-text");
    stoa_corpus_close(c);
}

static void evaluation_windows_are_spread_evenly_and_do_not_overlap(void **state) {
    stoa_corpus *c = counting_corpus(state, 400, 0.5);
    assert_int_equal(stoa_corpus_eval_windows(c, STOA_SPLIT_VALID, T, 0), 199 / T);
    assert_int_equal(stoa_corpus_eval_windows(c, STOA_SPLIT_VALID, T, 1000), 199 / T);
    assert_int_equal(stoa_corpus_eval_windows(c, STOA_SPLIT_VALID, T, 50), 8); // 56 tokens
    assert_int_equal(stoa_corpus_eval_windows(c, STOA_SPLIT_VALID, 200, 0), 0);
    for (int64_t count = 1; count <= 199 / T; count++) {
        int32_t in[T], target[T], last = 200 - T, first = 0;
        for (int64_t w = 0; w < count; w++) {
            assert_int_equal(
                stoa_corpus_eval_batch(c, STOA_SPLIT_VALID, T, count, w, 1, in, target, NULL),
                STOA_OK);
            for (int t = 0; t < T; t++) {
                assert_int_equal(in[t], in[0] + t);
                assert_int_equal(target[t], in[0] + t + 1);
            }
            assert_true(in[0] >= last + T);
            first = w == 0 ? in[0] : first;
            last = in[0];
        }
        assert_int_equal(first, 200);
        // the part of the split behind the last window is no longer than one share
        assert_true(400 - last <= 200 / count + 2 * T);
    }
    int32_t in[4 * T], target[4 * T];
    assert_int_equal(stoa_corpus_eval_batch(c, STOA_SPLIT_VALID, T, 8, 6, 2, in, target, NULL),
                     STOA_OK);
    assert_int_equal(stoa_corpus_eval_batch(c, STOA_SPLIT_VALID, T, 8, 6, 3, in, target, NULL),
                     STOA_ERR_USAGE);
    assert_int_equal(stoa_corpus_eval_batch(c, STOA_SPLIT_VALID, T, 29, 0, 1, in, target, NULL),
                     STOA_ERR_USAGE);
    stoa_corpus_close(c);
}

static void batches_take_no_memory_after_the_first(void **state) {
    stoa_corpus *c = document_corpus(state, 60);
    int32_t in[B * T], target[B * T];
    for (int o = 0; o < STOA_WINDOWS_COUNT; o++) {
        stoa_window_plan plan = {STOA_SPLIT_TRAIN, orders[o], 3, B, T};
        assert_int_equal(stoa_corpus_batch(c, &plan, 0, 0, B, in, target, NULL), STOA_OK);
        uint64_t before = stoa_alloc_statistics().allocations;
        for (int64_t step = 1; step < 100; step++)
            assert_int_equal(stoa_corpus_batch(c, &plan, step, 0, B, in, target, NULL), STOA_OK);
        assert_int_equal(stoa_alloc_statistics().allocations, before);
    }
    stoa_corpus_close(c);
}

static void damaged_ids_are_named_by_the_batch(void **state) {
    stoa_tokenizer *t = numbers();
    const char *path = inside(state, "a");
    write_tokens(path, t, 0, 100, -1);
    FILE *file = fopen(path, "r+b");
    assert_int_equal(fseek(file, 64 + 2 * 50, SEEK_SET), 0);
    assert_int_equal(fwrite("\xff\xff", 1, 2, file), 2);
    fclose(file);
    stoa_corpus *c = open_corpus(&path, 1, NULL, 0, 0);
    stoa_window_plan plan = {STOA_SPLIT_TRAIN, STOA_WINDOWS_EPOCH, 1, 1, 99};
    int32_t in[99], target[99];
    stoa_error err = {0};
    assert_int_equal(stoa_corpus_batch(c, &plan, 0, 0, 1, in, target, &err), STOA_ERR_FORMAT);
    check_message(&err, "id 65535 at position 50");
    stoa_corpus_close(c);
    stoa_tokenizer_free(t);
}

/* ---- the built-in text ---- */

static void the_built_in_text_is_prepared_once_or_says_what_to_install(void **state) {
    char path[4096], again[4096];
    stoa_error err = {0};
    char *old_path = strdup(getenv("PATH"));
    setenv("XDG_CACHE_HOME", inside(state, "cache"), 1);
    setenv("PATH", "/nowhere", 1);
    assert_int_equal(stoa_builtin_text(path, sizeof path, &err), STOA_ERR_UNSUPPORTED);
    check_message(&err, "apt-get install " STOA_BUILTIN_TEXT_PACKAGES);
    // a program of that name that is another
    const char *fake = inside(state, "bible");
    write_text(fake, "#!/bin/sh\necho 'Ge1:1 In the beginning'\n");
    assert_int_equal(chmod(fake, 0700), 0);
    setenv("PATH", *state, 1);
    assert_int_equal(stoa_builtin_text(path, sizeof path, &err), STOA_ERR_FORMAT);
    check_message(&err, "1 verses, expected 31102");
    setenv("PATH", old_path, 1);
    free(old_path);
    stoa_status status = stoa_builtin_text(path, sizeof path, &err);
    if (status == STOA_ERR_UNSUPPORTED)
        skip(); // not installed here
    assert_int_equal(status, STOA_OK);
    stoa_corpus *c = open_corpus((const char *[]){path}, 1, NULL, 0, 0.1);
    assert_int_equal(stoa_corpus_vocab(c), 256);
    assert_in_range(stoa_corpus_tokens(c, STOA_SPLIT_TRAIN), 3600000, 3800000);
    static const char start[] = "In the beginning God created the heaven and the earth.\nAnd ";
    int32_t ids[sizeof start - 1];
    assert_int_equal(stoa_corpus_read(c, STOA_SPLIT_TRAIN, 0, sizeof start - 1, ids, NULL),
                     STOA_OK);
    for (size_t i = 0; i < sizeof start - 1; i++)
        assert_int_equal(ids[i], start[i]);
    stoa_corpus_close(c);
    setenv("PATH", "/nowhere", 1); // the second time no program is needed
    assert_int_equal(stoa_builtin_text(again, sizeof again, NULL), STOA_OK);
    assert_string_equal(again, path);
}

int main(void) {
#define WITH_FOLDER(name) cmocka_unit_test_setup_teardown(name, make_folder, drop_folder)
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(files_form_one_stream),
        WITH_FOLDER(the_end_of_the_stream_is_held_out),
        WITH_FOLDER(files_of_different_tokenizers_do_not_mix),
        WITH_FOLDER(targets_are_inputs_one_token_later),
        WITH_FOLDER(a_batch_depends_on_plan_and_step_alone),
        WITH_FOLDER(an_epoch_covers_every_window_once),
        WITH_FOLDER(shuffled_documents_are_packed_whole_and_without_waste),
        WITH_FOLDER(the_order_of_documents_changes_with_the_epoch),
        WITH_FOLDER(impossible_batches_are_refused),
        WITH_FOLDER(evaluation_windows_are_spread_evenly_and_do_not_overlap),
        WITH_FOLDER(batches_take_no_memory_after_the_first),
        WITH_FOLDER(damaged_ids_are_named_by_the_batch),
        WITH_FOLDER(the_built_in_text_is_prepared_once_or_says_what_to_install),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
