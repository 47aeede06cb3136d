/*
 * test_metrics.c - metrics.jsonl and the bytes of TensorBoard event files.
 */
#include "temp.h"

#include <dirent.h>
#include <jansson.h>
#include <math.h>
#include <string.h>

#include "base/tfevents.h"

static void crc32c_gives_the_known_answer(void **state) {
    (void)state;
    assert_int_equal(stoa_crc32c("123456789", 9), 0xe3069283);
    assert_int_equal(stoa_crc32c("", 0), 0);
    static const unsigned char zeros[32] = {0}; // RFC 3720, B.4
    assert_int_equal(stoa_crc32c(zeros, 32), 0x8a9136aa);
}

static void assert_hex(const stoa_buffer *b, const char *hex) {
    assert_int_equal(b->len * 2, strlen(hex));
    for (size_t i = 0; i < b->len; i++) {
        char byte[3];
        snprintf(byte, sizeof byte, "%02x", (unsigned char)b->data[i]);
        assert_memory_equal(byte, hex + 2 * i, 2);
    }
}

static void records_have_the_golden_bytes(void **state) {
    (void)state;
    stoa_buffer b = {0};
    stoa_tf_version(&b, 1.0);
    assert_hex(&b,
               "1800000000000000a37f4b2209000000000000f03f1a0d627261696e2e4576656e743a3286bf577a");
    b.len = 0;
    stoa_tf_scalars(&b, 2.0, 3, &(stoa_metric){"loss", 0.5}, 1);
    assert_hex(&b, "1a00000000000000129bd82d09000000000000004010032a0d0a0b0a046c6f737315"
                   "0000003fbac36b94");
    stoa_buffer_deinit(&b);
}

static void a_histogram_counts_every_finite_value(void **state) {
    (void)state;
    stoa_tf_histogram h;
    float values[1000];
    for (int i = 0; i < 1000; i++)
        values[i] = (float)i / 999;
    values[500] = NAN;
    values[501] = INFINITY;
    assert_true(stoa_tf_histogram_of(&h, values, 1000));
    assert_int_equal(h.bins, STOA_TF_BINS);
    double total = 0;
    for (int i = 0; i < h.bins; i++) {
        total += h.in_bin[i];
        assert_true(h.in_bin[i] >= 30 && h.in_bin[i] <= 34);
        assert_true(i == 0 || h.limit[i] > h.limit[i - 1]);
    }
    assert_true(total == 998 && h.count == 998);
    assert_true(h.min == 0 && h.max == 1 && h.limit[h.bins - 1] == 1);
    values[0] = -3;
    assert_true(stoa_tf_histogram_of(&h, values, 1));
    assert_int_equal(h.bins, 1);
    assert_true(h.in_bin[0] == 1 && h.limit[0] == -3);
    assert_false(stoa_tf_histogram_of(&h, values + 500, 2));
    assert_false(stoa_tf_histogram_of(&h, values, 0));
    float wide[2] = {-3.4e38f, 3.4e38f};
    assert_true(stoa_tf_histogram_of(&h, wide, 2));
    assert_true(h.in_bin[0] == 1 && h.in_bin[30] == 1);
}

/* Writes one line a step for steps [from, to). */
static void write_steps(void **state, int64_t from_step, int64_t from, int64_t to, double value) {
    stoa_metrics *m = NULL;
    stoa_error err = {.message = ""};
    if (stoa_metrics_open(&m, *state, from_step, &err) != STOA_OK)
        fail_msg("%s", err.message);
    for (int64_t s = from; s < to; s++) {
        stoa_metric items[] = {{"train/loss", value}, {"lr", 0.1}};
        assert_int_equal(stoa_metrics_write(m, s, items, 2, NULL), STOA_OK);
    }
    stoa_metrics_close(m);
}

static char *lines_of(void **state) {
    char *text;
    size_t size;
    assert_int_equal(stoa_file_read(inside(state, "metrics.jsonl"), 1 << 20, &text, &size, NULL),
                     STOA_OK);
    return text;
}

/* Checks that the file is exactly the steps 0..count-1, each valid JSON, and frees text. */
static void assert_steps(char *text, int64_t count) {
    char *line = text;
    for (int64_t s = 0; s < count; s++) {
        char *end = strchr(line, '\n');
        assert_non_null(end);
        json_t *object = json_loadb(line, (size_t)(end - line), JSON_REJECT_DUPLICATES, NULL);
        assert_non_null(object);
        assert_int_equal(json_integer_value(json_object_get(object, "step")), s);
        assert_true(json_real_value(json_object_get(object, "time")) > 1e9);
        assert_true(json_is_number(json_object_get(object, "train/loss")));
        json_decref(object);
        line = end + 1;
    }
    assert_int_equal(*line, 0);
    stoa_free(text);
}

static void each_step_is_a_line_of_json(void **state) {
    write_steps(state, -1, 0, 5, 0.125);
    char *text = lines_of(state);
    assert_non_null(strstr(text, ",\"train/loss\":0.125,\"lr\":0.1}\n"));
    assert_steps(text, 5);
}

static void values_that_json_cannot_say_are_null(void **state) {
    write_steps(state, -1, 0, 1, (double)NAN);
    char *text = lines_of(state);
    assert_non_null(strstr(text, "\"train/loss\":null,"));
    stoa_free(text);
}

static void a_resumed_run_rewrites_its_last_steps(void **state) {
    write_steps(state, -1, 0, 8, 1);
    write_steps(state, 5, 5, 7, 2);
    char *text = lines_of(state);
    assert_non_null(strstr(text, "\"train/loss\":2,"));
    assert_steps(text, 7);
    write_steps(state, -1, 7, 9, 3);
    assert_steps(lines_of(state), 9);
    write_steps(state, 0, 0, 2, 4);
    assert_steps(lines_of(state), 2);
}

static void a_torn_last_line_is_dropped(void **state) {
    write_steps(state, -1, 0, 3, 1);
    char *text = lines_of(state);
    size_t size = strlen(text);
    assert_int_equal(stoa_file_write(inside(state, "metrics.jsonl"), text, size - 4, NULL),
                     STOA_OK);
    stoa_free(text);
    write_steps(state, -1, 2, 4, 1);
    assert_steps(lines_of(state), 4);
}

static void lines_that_are_not_ours_stay(void **state) {
    static const char foreign[] = "{\"step\":1,\"time\":1}\n# note\n{\"step\":9,\"time\":1}\n"
                                  "# other\n{\"step\":x,\n{\"step\":2,\"time\":1}\n";
    assert_int_equal(
        stoa_file_write(inside(state, "metrics.jsonl"), foreign, sizeof foreign - 1, NULL),
        STOA_OK);
    write_steps(state, 2, 0, 0, 0);
    char *text = lines_of(state);
    assert_string_equal(text, "{\"step\":1,\"time\":1}\n# note\n# other\n{\"step\":x,\n");
    stoa_free(text);
}

static int event_files(void **state) {
    DIR *d = opendir(*state);
    int count = 0;
    for (struct dirent *e; (e = readdir(d));)
        count += strncmp(e->d_name, "events.out.tfevents.", 20) == 0;
    closedir(d);
    return count;
}

static void every_opening_has_its_own_event_file(void **state) {
    for (int i = 0; i < 3; i++)
        write_steps(state, -1, i, i + 1, 1);
    assert_int_equal(event_files(state), 3);
}

static void a_histogram_has_its_summary_in_json(void **state) {
    stoa_metrics *m;
    float values[] = {1, 2, 6, NAN};
    assert_int_equal(stoa_metrics_open(&m, *state, -1, NULL), STOA_OK);
    assert_int_equal(stoa_metrics_histogram(m, 4, "grad", values, 4, NULL), STOA_OK);
    assert_int_equal(stoa_metrics_histogram(m, 5, "grad", values, 0, NULL), STOA_OK);
    stoa_metrics_close(m);
    stoa_metrics_close(NULL);
    char *text = lines_of(state);
    assert_non_null(
        strstr(text, ",\"grad/mean\":3,\"grad/min\":1,\"grad/max\":6,\"grad/nonfinite\":1}\n"));
    assert_non_null(strstr(text, ",\"grad/mean\":null,\"grad/min\":null,\"grad/max\":null}\n"));
    stoa_free(text);
}

static void a_folder_that_is_not_there_is_an_error(void **state) {
    stoa_metrics *m = NULL;
    stoa_error err;
    uint64_t live = stoa_alloc_statistics().live;
    assert_int_equal(stoa_metrics_open(&m, inside(state, "none"), -1, &err), STOA_ERR_IO);
    assert_null(m);
    assert_int_equal(stoa_alloc_statistics().live, live);
}

static void a_step_allocates_nothing_after_the_first(void **state) {
    stoa_metrics *m;
    stoa_metric item = {"loss", 1.5};
    assert_int_equal(stoa_metrics_open(&m, *state, -1, NULL), STOA_OK);
    assert_int_equal(stoa_metrics_write(m, 0, &item, 1, NULL), STOA_OK);
    uint64_t allocations = stoa_alloc_statistics().allocations;
    for (int s = 1; s < 50; s++)
        assert_int_equal(stoa_metrics_write(m, s, &item, 1, NULL), STOA_OK);
    assert_int_equal(stoa_alloc_statistics().allocations, allocations);
    stoa_metrics_close(m);
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, drop_folder)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crc32c_gives_the_known_answer),
        cmocka_unit_test(records_have_the_golden_bytes),
        cmocka_unit_test(a_histogram_counts_every_finite_value),
        WITH_FOLDER(each_step_is_a_line_of_json),
        WITH_FOLDER(values_that_json_cannot_say_are_null),
        WITH_FOLDER(a_resumed_run_rewrites_its_last_steps),
        WITH_FOLDER(a_torn_last_line_is_dropped),
        WITH_FOLDER(lines_that_are_not_ours_stay),
        WITH_FOLDER(every_opening_has_its_own_event_file),
        WITH_FOLDER(a_histogram_has_its_summary_in_json),
        WITH_FOLDER(a_folder_that_is_not_there_is_an_error),
        WITH_FOLDER(a_step_allocates_nothing_after_the_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
