/* safetensors: what is written is read back; layout, types, metadata, failures. */
#include "support.h"

#include <math.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[256];

static int setup(void **state) {
    (void)state;
    make_folder(folder, sizeof folder);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    remove_folder(folder);
    return 0;
}

static const char *path_of(const char *name) {
    static char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void a_file_has_the_layout_of_the_format(void **state) {
    (void)state;
    const float values[6] = {1, 2, 3, 4, 5, 6};
    const uint8_t flags[3] = {7, 8, 9};
    const stoa_entry entries[] = {
        {.name = "w", .ndim = 2, .shape = {2, 3}, .data = values, .bytes = 24},
        {.name = "f", .dtype = STOA_U8, .ndim = 1, .shape = {3}, .data = flags, .bytes = 3},
    };
    const char *const metadata[] = {"step", "12", NULL};
    const char *path = path_of("layout");
    assert_int_equal(stoa_safetensors_save(path, entries, 2, metadata, NULL), STOA_OK);
    char *bytes;
    size_t size;
    assert_int_equal(stoa_file_read(path, 4096, &bytes, &size, NULL), STOA_OK);
    const char *header = "{\"__metadata__\":{\"step\":\"12\"},"
                         "\"w\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]},"
                         "\"f\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[24,27]}}";
    size_t data = size - 27;
    assert_int_equal(data % 64, 0);
    assert_int_equal(bytes[0] & 0xff, (data - 8) & 0xff);
    assert_memory_equal(bytes + 8, header, strlen(header));
    for (size_t i = 8 + strlen(header); i < data; i++)
        assert_int_equal(bytes[i], ' ');
    assert_memory_equal(bytes + data, values, 24);
    assert_memory_equal(bytes + data + 24, flags, 3);
    stoa_free(bytes);
    assert_int_equal(count_names(folder, ".tmp"), 0);
}

/* Entries of random types, shapes (with zero-size and scalars), names and values. */
static size_t random_entries(stoa_rng *rng, stoa_entry *entries, char (*names)[64],
                             unsigned char *data) {
    size_t count = (size_t)stoa_rng_below(rng, 9), at = 0;
    for (size_t i = 0; i < count; i++) {
        stoa_entry *e = &entries[i];
        snprintf(names[i], sizeof names[i], "%zu %s", i,
                 stoa_rng_below(rng, 2) ? "plain" : "\"q\\\n\xc3\xa9\x01</script>");
        *e = (stoa_entry){.name = names[i],
                          .dtype = (stoa_dtype)stoa_rng_below(rng, STOA_DTYPE_COUNT),
                          .ndim = (int)stoa_rng_below(rng, 9)};
        e->bytes = stoa_dtype_size(e->dtype);
        for (int k = 0; k < e->ndim; k++) {
            e->shape[k] = stoa_rng_below(rng, 20) ? 1 + stoa_rng_below(rng, 2) : 0;
            e->bytes *= (size_t)e->shape[k];
        }
        e->data = data + at;
        for (size_t b = 0; b < e->bytes; b++)
            data[at++] = (unsigned char)stoa_rng_u32(rng);
    }
    return count;
}

static void what_is_written_is_read_back(void **state) {
    (void)state;
    stoa_rng rng = stoa_rng_stream(2024, "round trip", 0);
    static unsigned char data[1 << 16];
    stoa_entry entries[9];
    char names[9][64];
    for (int round = 0; round < 300; round++) {
        size_t count = random_entries(&rng, entries, names, data);
        const char *const metadata[] = {"a", "\xe2\x98\x83 \"x\"", "b", "", NULL};
        const char *path = path_of("round");
        stoa_error err = {0};
        assert_int_equal(
            stoa_safetensors_save(path, entries, count, round % 2 ? metadata : NULL, &err), 0);
        stoa_safetensors *file;
        assert_int_equal(stoa_safetensors_open(&file, path, &err), STOA_OK);
        assert_int_equal(stoa_safetensors_count(file), count);
        for (size_t i = 0; i < count; i++) {
            const stoa_entry *e = stoa_safetensors_find(file, entries[i].name);
            assert_non_null(e);
            assert_int_equal(e->dtype, entries[i].dtype);
            assert_int_equal(e->ndim, entries[i].ndim);
            assert_memory_equal(e->shape, entries[i].shape, sizeof e->shape);
            assert_int_equal(e->bytes, entries[i].bytes);
            assert_memory_equal(e->data, entries[i].data, e->bytes);
        }
        assert_null(stoa_safetensors_find(file, "absent"));
        const char *a = stoa_safetensors_metadata(file, "a");
        if (round % 2)
            assert_string_equal(a, metadata[1]);
        else
            assert_null(a);
        stoa_safetensors_close(file);
    }
}

static void entries_come_in_order_of_place(void **state) {
    (void)state;
    unsigned char bytes[512];
    size_t size = build_file(bytes,
                             "{\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[3,5]},"
                             "\"z\":{\"dtype\":\"F32\",\"shape\":[0,4],\"data_offsets\":[3,3]},"
                             "\"a\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[0,3]}}",
                             5);
    stoa_safetensors *file;
    assert_int_equal(stoa_safetensors_parse(&file, "mem", bytes, size, NULL), STOA_OK);
    assert_string_equal(stoa_safetensors_at(file, 0)->name, "a");
    assert_string_equal(stoa_safetensors_at(file, 1)->name, "z");
    assert_string_equal(stoa_safetensors_at(file, 2)->name, "b");
    assert_int_equal(((const unsigned char *)stoa_safetensors_at(file, 2)->data)[0], 3);
    stoa_safetensors_close(file);
}

static stoa_status parse_values(stoa_safetensors **file, const char *dtype, size_t count,
                                const void *values, size_t bytes, stoa_error *err) {
    static unsigned char text[1024];
    char header[256];
    snprintf(header, sizeof header,
             "{\"t\":{\"dtype\":\"%s\",\"shape\":[%zu],\"data_offsets\":"
             "[0,%zu]}}",
             dtype, count, bytes);
    size_t size = build_file(text, header, bytes);
    memcpy(text + size - bytes, values, bytes);
    return stoa_safetensors_parse(file, "mem", text, size, err);
}

static void half_floats_are_widened_exactly(void **state) {
    (void)state;
    const uint16_t half[] = {0x0000, 0x8000, 0x3c00, 0xc000, 0x7bff, 0x0001,
                             0x03ff, 0x0400, 0x3555, 0x7c00, 0xfc00, 0x7e00};
    const double expected[] = {0,         -0.0,    1,         -2,       65504,    0x1p-24,
                               0x3ffp-24, 0x1p-14, 0x555p-12, HUGE_VAL, -HUGE_VAL};
    stoa_safetensors *file;
    assert_int_equal(parse_values(&file, "F16", 12, half, sizeof half, NULL), STOA_OK);
    const stoa_entry *e = stoa_safetensors_at(file, 0);
    assert_int_equal(e->dtype, STOA_F32);
    assert_int_equal(e->bytes, 48);
    const float *x = e->data;
    for (int i = 0; i < 11; i++)
        assert_true((double)x[i] == expected[i]);
    assert_true(signbit(x[1]) && isnan(x[11]));
    stoa_safetensors_close(file);
}

static void long_integers_are_narrowed_or_refused(void **state) {
    (void)state;
    const int64_t fits[3] = {INT32_MIN, -1, INT32_MAX}, wide[1] = {(int64_t)INT32_MAX + 1};
    stoa_safetensors *file;
    assert_int_equal(parse_values(&file, "I64", 3, fits, sizeof fits, NULL), STOA_OK);
    const int32_t *x = stoa_safetensors_at(file, 0)->data;
    assert_true(x[0] == INT32_MIN && x[1] == -1 && x[2] == INT32_MAX);
    stoa_safetensors_close(file);
    stoa_error err;
    assert_int_equal(parse_values(&file, "I64", 1, wide, sizeof wide, &err), STOA_ERR_UNSUPPORTED);
    assert_non_null(strstr(err.message, "\"t\""));
    assert_null(file);
}

static void names_the_format_cannot_hold_are_not_written(void **state) {
    (void)state;
    char long_name[514];
    memset(long_name, 'n', 513);
    long_name[513] = '\0';
    const char *const bad[] = {long_name, "__metadata__", "twice"};
    for (int i = 0; i < 3; i++) {
        const stoa_entry entries[2] = {{.name = "twice", .ndim = 1}, {.name = bad[i], .ndim = 1}};
        assert_int_equal(stoa_safetensors_save(path_of("bad"), entries, 2, NULL, NULL),
                         STOA_ERR_USAGE);
        assert_int_equal(count_names(folder, "bad"), 0);
    }
}

static void a_failed_save_keeps_the_old_file(void **state) {
    (void)state;
    const stoa_entry none = {.name = "none", .ndim = 1};
    char path[512];
    snprintf(path, sizeof path, "%s/absent/file", folder);
    stoa_error err;
    assert_int_equal(stoa_safetensors_save(path, &none, 1, NULL, &err), STOA_ERR_IO);
    assert_non_null(strstr(err.message, path));
    assert_int_equal(stoa_safetensors_save(path_of("kept"), &none, 1, NULL, NULL), STOA_OK);
    const stoa_entry twice[2] = {none, none};
    assert_int_equal(stoa_safetensors_save(path_of("kept"), twice, 2, NULL, NULL), STOA_ERR_USAGE);
    stoa_safetensors *file;
    assert_int_equal(stoa_safetensors_open(&file, path_of("kept"), NULL), STOA_OK);
    assert_int_equal(stoa_safetensors_count(file), 1);
    stoa_safetensors_close(file);
}

static void a_missing_file_is_an_io_error(void **state) {
    (void)state;
    stoa_safetensors *file;
    stoa_error err;
    assert_int_equal(stoa_safetensors_open(&file, path_of("absent"), &err), STOA_ERR_IO);
    assert_non_null(strstr(err.message, "absent"));
}

static void failed_allocations_are_reported_and_leak_nothing(void **state) {
    (void)state;
    uint64_t live = stoa_alloc_statistics().live;
    const float values[4] = {1, 2, 3, 4};
    const uint16_t half[2] = {0x3c00, 0x4000};
    static unsigned char bytes[512];
    size_t size =
        build_file(bytes, "{\"h\":{\"dtype\":\"F16\",\"shape\":[2],\"data_offsets\":[0,4]}}", 4);
    memcpy(bytes + size - 4, half, 4);
    const stoa_entry entry = {.name = "w", .ndim = 1, .shape = {4}, .data = values, .bytes = 16};
    bool done = false;
    uint64_t n = 0;
    while (!done) {
        stoa_safetensors *file = NULL, *memory = NULL;
        stoa_alloc_fail_after(++n, false);
        stoa_status saved = stoa_safetensors_save(path_of("oom"), &entry, 1, NULL, NULL);
        stoa_status opened = saved ? saved : stoa_safetensors_open(&file, path_of("oom"), NULL);
        stoa_status parsed =
            opened ? opened : stoa_safetensors_parse(&memory, "mem", bytes, size, NULL);
        stoa_alloc_fail_after(0, false);
        assert_true(parsed == STOA_OK || parsed == STOA_ERR_MEMORY);
        done = parsed == STOA_OK;
        stoa_safetensors_close(file);
        stoa_safetensors_close(memory);
        assert_int_equal(stoa_alloc_statistics().live, live);
        assert_int_equal(count_names(folder, ".tmp"), 0);
    }
    assert_true(n > 8);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_has_the_layout_of_the_format),
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(entries_come_in_order_of_place),
        cmocka_unit_test(half_floats_are_widened_exactly),
        cmocka_unit_test(long_integers_are_narrowed_or_refused),
        cmocka_unit_test(names_the_format_cannot_hold_are_not_written),
        cmocka_unit_test(a_failed_save_keeps_the_old_file),
        cmocka_unit_test(a_missing_file_is_an_io_error),
        cmocka_unit_test(failed_allocations_are_reported_and_leak_nothing),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
