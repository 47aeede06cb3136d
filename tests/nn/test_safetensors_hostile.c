/* Hostile safetensors files: one defect each, cuts, flipped bits, number bombs. No case may crash
 * or allocate out of proportion; each names the place of its defect. */
#include "support.h"

#include <stdlib.h>

enum { DATA = 16 };
#define T(rest) "{\"t\":{" rest "}}"
#define GOOD    "\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16]"

typedef struct defect {
    const char *label, *header;
    const char *part; /* of the message */
    stoa_status expected;
    size_t data; /* 0: 16 bytes; else that many plus one */
} defect;

static const defect defects[] = {
    {"no brace", "[1]", "byte 8", STOA_ERR_FORMAT, 0},
    {"leading space", " {}", "byte 8", STOA_ERR_FORMAT, 0},
    {"empty header", "", "byte 8", STOA_ERR_FORMAT, 0},
    {"one byte", "{", "byte 8", STOA_ERR_FORMAT, 0},
    {"unclosed", "{\"t\":{", "byte 14", STOA_ERR_FORMAT, 0},
    {"unmatched", "{}}", "byte 10", STOA_ERR_FORMAT, 0},
    {"text after the object", "{} x", "byte 12", STOA_ERR_FORMAT, 0},
    {"two objects", "{}{}", "byte 11", STOA_ERR_FORMAT, 0},
    {"nested too deep", "{\"t\":{\"shape\":[[1]]}}", "byte 23: nested", STOA_ERR_FORMAT, 0},
    {"trailing comma", T(GOOD ","), "byte 6", STOA_ERR_FORMAT, 0},
    {"bad escape", "{\"\\q\":1}", "byte 1", STOA_ERR_FORMAT, 0},
    {"NUL in a name", "{\"a\\u0000b\":{" GOOD "}}", "byte ", STOA_ERR_FORMAT, 0},
    {"name not UTF-8", "{\"\xff\":{" GOOD "}}", "byte 10", STOA_ERR_FORMAT, 0},
    {"lone surrogate", "{\"\\ud800\":{" GOOD "}}", "byte ", STOA_ERR_FORMAT, 0},
    {"control character", "{\"a\nb\":{" GOOD "}}", "byte ", STOA_ERR_FORMAT, 0},
    {"repeated tensor", "{\"t\":{" GOOD "},\"t\":{" GOOD "}}", "duplicate", STOA_ERR_FORMAT, 0},
    {"repeated key", T("\"dtype\":\"U8\"," GOOD), "duplicate", STOA_ERR_FORMAT, 0},
    {"repeated by escape", "{\"t\":{" GOOD "},\"\\u0074\":{" GOOD "}}", "duplicate",
     STOA_ERR_FORMAT, 0},
    {"not an object", "{\"t\":7}", "\"t\"", STOA_ERR_FORMAT, 0},
    {"null tensor", "{\"t\":null}", "\"t\"", STOA_ERR_FORMAT, 0},
    {"no dtype", T("\"shape\":[2,2],\"data_offsets\":[0,16]"), "\"t\"", STOA_ERR_FORMAT, 0},
    {"no shape", T("\"dtype\":\"F32\",\"data_offsets\":[0,16]"), "\"t\"", STOA_ERR_FORMAT, 0},
    {"no offsets", T("\"dtype\":\"F32\",\"shape\":[2,2]"), "\"t\"", STOA_ERR_FORMAT, 0},
    {"a fourth key", T(GOOD ",\"more\":1"), "exactly", STOA_ERR_FORMAT, 0},
    {"unknown dtype", T("\"dtype\":\"F33\",\"shape\":[2,2],\"data_offsets\":[0,16]"), "dtype F33",
     STOA_ERR_FORMAT, 0},
    {"dtype in lower case", T("\"dtype\":\"f32\",\"shape\":[2,2],\"data_offsets\":[0,16]"),
     "dtype f32", STOA_ERR_FORMAT, 0},
    {"dtype a number", T("\"dtype\":0,\"shape\":[2,2],\"data_offsets\":[0,16]"), "dtype",
     STOA_ERR_FORMAT, 0},
    {"dtype we lack", T("\"dtype\":\"F8_E5M2\",\"shape\":[16],\"data_offsets\":[0,16]"), "F8_E5M2",
     STOA_ERR_UNSUPPORTED, 0},
    {"shape a number", T("\"dtype\":\"F32\",\"shape\":4,\"data_offsets\":[0,16]"), "shape",
     STOA_ERR_FORMAT, 0},
    {"nine dimensions",
     T("\"dtype\":\"F32\",\"shape\":[4,1,1,1,1,1,1,1,1],\"data_offsets\":[0,16]"), "shape",
     STOA_ERR_FORMAT, 0},
    {"fractional size", T("\"dtype\":\"F32\",\"shape\":[2,2.0],\"data_offsets\":[0,16]"),
     "shape[1]", STOA_ERR_FORMAT, 0},
    {"size a string", T("\"dtype\":\"F32\",\"shape\":[2,\"2\"],\"data_offsets\":[0,16]"),
     "shape[1]", STOA_ERR_FORMAT, 0},
    {"size true", T("\"dtype\":\"F32\",\"shape\":[true,4],\"data_offsets\":[0,16]"), "shape[0]",
     STOA_ERR_FORMAT, 0},
    {"negative sizes", T("\"dtype\":\"F32\",\"shape\":[-2,-2],\"data_offsets\":[0,16]"), "shape[0]",
     STOA_ERR_FORMAT, 0},
    {"shape larger than place", T("\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,16]"),
     "span 16 bytes", STOA_ERR_FORMAT, 0},
    {"shape smaller than place", T("\"dtype\":\"F32\",\"shape\":[2,1],\"data_offsets\":[0,16]"),
     "span 16 bytes", STOA_ERR_FORMAT, 0},
    {"one offset", T("\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[16]"), "pair",
     STOA_ERR_FORMAT, 0},
    {"three offsets", T("\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,16,16]"), "pair",
     STOA_ERR_FORMAT, 0},
    {"offsets an object", T("\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":{}"), "pair",
     STOA_ERR_FORMAT, 0},
    {"negative begin", T("\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[-1,15]"), "pair",
     STOA_ERR_FORMAT, 0},
    {"offset 1e1", T("\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,1.6e1]"), "pair",
     STOA_ERR_FORMAT, 0},
    {"end before begin", T("\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[16,0]"), "leave",
     STOA_ERR_FORMAT, 0},
    {"beyond the end", T("\"dtype\":\"F32\",\"shape\":[2,4],\"data_offsets\":[0,32]"), "leave",
     STOA_ERR_FORMAT, 0},
    {"hole at the front", T("\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[4,16]"), "hole",
     STOA_ERR_FORMAT, 0},
    {"hole inside",
     "{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},"
     "\"b\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[8,16]}}",
     "\"b\": begins at data byte 8", STOA_ERR_FORMAT, 0},
    {"overlap",
     "{\"a\":{\"dtype\":\"U8\",\"shape\":[9],\"data_offsets\":[0,9]},"
     "\"b\":{\"dtype\":\"U8\",\"shape\":[8],\"data_offsets\":[8,16]}}",
     "overlap", STOA_ERR_FORMAT, 0},
    {"same place twice",
     "{\"a\":{\"dtype\":\"U8\",\"shape\":[16],\"data_offsets\":[0,16]},"
     "\"b\":{\"dtype\":\"U8\",\"shape\":[16],\"data_offsets\":[0,16]}}",
     "overlap", STOA_ERR_FORMAT, 0},
    {"empty tensor inside another",
     "{\"a\":{\"dtype\":\"U8\",\"shape\":[16],\"data_offsets\":[0,16]},"
     "\"z\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[4,4]}}",
     "overlap", STOA_ERR_FORMAT, 0},
    {"empty tensor beyond the end", T("\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[17,17]"),
     "leave", STOA_ERR_FORMAT, 0},
    {"bytes after the last tensor", T(GOOD), "1 bytes after", STOA_ERR_FORMAT, DATA},
    {"data but no tensor", "{}", "16 bytes after", STOA_ERR_FORMAT, 0},
    {"metadata a list", "{\"__metadata__\":[],\"t\":{" GOOD "}}", "__metadata__", STOA_ERR_FORMAT,
     0},
    {"metadata null", "{\"__metadata__\":null,\"t\":{" GOOD "}}", "__metadata__", STOA_ERR_FORMAT,
     0},
    {"metadata a number", "{\"__metadata__\":{\"k\":1},\"t\":{" GOOD "}}", "\"k\"", STOA_ERR_FORMAT,
     0},
};

static void each_defect_is_refused_by_name(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof defects / sizeof defects[0]; i++) {
        const defect *d = &defects[i];
        unsigned char *bytes = malloc(8 + strlen(d->header) + DATA + 1);
        size_t size = build_file(bytes, d->header, d->data ? d->data + 1 : DATA);
        unsigned char *exact = malloc(size); // so that a read past the end is seen
        memcpy(exact, bytes, size);
        stoa_safetensors *file;
        stoa_error err = {0};
        stoa_status status = stoa_safetensors_parse(&file, "mem", exact, size, &err);
        if (status != d->expected || !strstr(err.message, d->part) ||
            strncmp(err.message, "mem: ", 5) != 0)
            fail_msg("%s: status %s, message \"%s\" without \"%s\"", d->label,
                     stoa_status_name(status), err.message, d->part);
        assert_null(file);
        free(exact);
        free(bytes);
    }
}

static const char *const valid =
    "{\"__metadata__\":{\"k\":\"v\"},\"a\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":"
    "[0,16]},\"h\":{\"dtype\":\"F16\",\"shape\":[3],\"data_offsets\":[16,22]},"
    "\"z\":{\"dtype\":\"I64\",\"shape\":[0],\"data_offsets\":[22,22]},"
    "\"s\":{\"dtype\":\"BOOL\",\"shape\":[],\"data_offsets\":[22,23]}}  ";

/* Reads everything an accepted file offers. */
static void use(const stoa_safetensors *file) {
    volatile unsigned sum = 0;
    for (size_t i = 0; i < stoa_safetensors_count(file); i++) {
        const stoa_entry *e = stoa_safetensors_at(file, i);
        assert_ptr_equal(stoa_safetensors_find(file, e->name), e);
        size_t bytes = stoa_dtype_size(e->dtype);
        for (int k = 0; k < e->ndim; k++)
            bytes *= (size_t)e->shape[k];
        assert_int_equal(bytes, e->bytes);
        for (size_t b = 0; b < e->bytes; b++)
            sum += ((const unsigned char *)e->data)[b];
    }
    (void)sum;
    stoa_safetensors_metadata(file, "k");
}

static stoa_status parse_exact(const unsigned char *bytes, size_t size) {
    unsigned char *exact = malloc(size ? size : 1);
    memcpy(exact, bytes, size);
    stoa_safetensors *file;
    stoa_error err = {0};
    stoa_status status = stoa_safetensors_parse(&file, "mem", exact, size, &err);
    if (status == STOA_OK) {
        use(file);
        stoa_safetensors_close(file);
    } else {
        assert_true(status == STOA_ERR_FORMAT || status == STOA_ERR_UNSUPPORTED);
        assert_int_equal(err.status, status);
    }
    free(exact);
    return status;
}

static void a_file_cut_at_any_byte_is_refused(void **state) {
    (void)state;
    unsigned char bytes[1024];
    size_t size = build_file(bytes, valid, 23);
    assert_int_equal(parse_exact(bytes, size), STOA_OK);
    for (size_t cut = 0; cut < size; cut++)
        assert_int_equal(parse_exact(bytes, cut), STOA_ERR_FORMAT);
}

static void any_flipped_bit_gives_an_error_or_a_consistent_file(void **state) {
    (void)state;
    unsigned char bytes[1024];
    size_t size = build_file(bytes, valid, 23);
    int accepted = 0;
    for (size_t i = 0; i < size; i++)
        for (int bit = 0; bit < 8; bit++) {
            bytes[i] ^= (unsigned char)(1 << bit);
            accepted += parse_exact(bytes, size) == STOA_OK;
            bytes[i] ^= (unsigned char)(1 << bit);
        }
    assert_true(accepted >= 23 * 8); // data are not the parser's business
}

static void numbers_at_the_edges_are_refused_everywhere(void **state) {
    (void)state;
    static const char *const bombs[] = {
        "-1",
        "2147483647",
        "2147483648",
        "4294967295",
        "4294967296",
        "1e400",
        "9223372036854775807",
        "9223372036854775808",
        "-0.0",
        "1e999999",
        "18446744073709551615",
        "18446744073709551616",
        "4611686018427387904",
        "2305843009213693952",
        "-9223372036854775809",
        "0x10",
        "00",
        "NaN",
    };
    static const char *const places[] = {
        "{\"t\":{\"dtype\":\"F32\",\"shape\":[%s,2],\"data_offsets\":[0,16]}}",
        "{\"t\":{\"dtype\":\"F32\",\"shape\":[2,%s],\"data_offsets\":[0,16]}}",
        "{\"t\":{\"dtype\":\"F32\",\"shape\":[4611686018427387904,4,%s],\"data_offsets\":[0,16]}}",
        "{\"t\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[%s,16]}}",
        "{\"t\":{\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,%s]}}",
        ("{\"t\":{\"dtype\":\"U8\",\"shape\":[16],\"data_offsets\":[0,16]},"
         "\"u\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[%s,16]}}"),
    };
    for (size_t p = 0; p < sizeof places / sizeof places[0]; p++)
        for (size_t b = 0; b < sizeof bombs / sizeof bombs[0]; b++) {
            char header[256];
            unsigned char bytes[512];
            // the formats above hold one %s each
            const char *hole = strstr(places[p], "%s");
            snprintf(header, sizeof header, "%.*s%s%s", (int)(hole - places[p]), places[p],
                     bombs[b], hole + 2);
            assert_int_equal(parse_exact(bytes, build_file(bytes, header, DATA)), STOA_ERR_FORMAT);
        }
}

static void header_lengths_at_the_edges_are_refused_before_memory_is_taken(void **state) {
    (void)state;
    static const uint64_t lengths[] = {0,         1,          100000000,      100000001,
                                       INT32_MAX, 1ull << 31, UINT32_MAX,     1ull << 32,
                                       INT64_MAX, 1ull << 63, UINT64_MAX - 7, UINT64_MAX};
    unsigned char bytes[512];
    size_t size = build_file(bytes, valid, 23);
    uint64_t before = stoa_alloc_statistics().allocations;
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        for (int b = 0; b < 8; b++)
            bytes[b] = (unsigned char)(lengths[i] >> (8 * b));
        assert_int_equal(parse_exact(bytes, size), STOA_ERR_FORMAT);
    }
    assert_int_equal(stoa_alloc_statistics().allocations, before);
}

static void a_header_of_countless_values_is_refused_early(void **state) {
    (void)state;
    static const char *const starts[] = {"{\"t\":{\"dtype\":\"F32\",\"shape\":[1", "{\"a\":1",
                                         "{\"__metadata__\":{\"a\":\"\"", "{\"t\":[1"};
    const size_t length = 4 << 20;
    unsigned char *bytes = malloc(8 + length);
    uint64_t before = stoa_alloc_statistics().allocations;
    for (size_t s = 0; s < 4; s++) {
        for (int b = 0; b < 8; b++)
            bytes[b] = (unsigned char)(length >> (8 * b));
        size_t at = 8 + strlen(starts[s]);
        memcpy(bytes + 8, starts[s], strlen(starts[s]));
        for (size_t i = at; i < 8 + length; i++)
            bytes[i] = i % 2 ? ',' : '1';
        stoa_safetensors *file;
        stoa_error err;
        assert_int_equal(stoa_safetensors_parse(&file, "mem", bytes, 8 + length, &err),
                         STOA_ERR_FORMAT);
        assert_non_null(strstr(err.message, "too many"));
    }
    assert_int_equal(stoa_alloc_statistics().allocations, before);
    free(bytes);
}

static void a_name_may_be_as_long_as_the_limit(void **state) {
    (void)state;
    for (int length = 511; length <= 513; length++) {
        char name[520], header[700];
        unsigned char bytes[800];
        memset(name, 'n', (size_t)length);
        name[length] = '\0';
        snprintf(header, sizeof header, "{\"%s\":{" GOOD "}}", name);
        assert_int_equal(parse_exact(bytes, build_file(bytes, header, DATA)),
                         length <= 512 ? STOA_OK : STOA_ERR_FORMAT);
    }
}

static void random_damage_never_breaks_the_reader(void **state) {
    (void)state;
    stoa_rng rng = stoa_rng_stream(77, "damage", 0);
    unsigned char bytes[1024], damaged[1024];
    size_t size = build_file(bytes, valid, 23);
    for (int round = 0; round < 20000; round++) {
        memcpy(damaged, bytes, size);
        for (int k = 1 + (int)stoa_rng_below(&rng, 3); k > 0; k--)
            damaged[stoa_rng_below(&rng, (int64_t)size)] =
                stoa_rng_below(&rng, 2)
                    ? (unsigned char)stoa_rng_u32(&rng)
                    : (unsigned char)"0123456789[]{},:\"-\\e"[stoa_rng_below(&rng, 20)];
        parse_exact(damaged, size);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_defect_is_refused_by_name),
        cmocka_unit_test(a_file_cut_at_any_byte_is_refused),
        cmocka_unit_test(any_flipped_bit_gives_an_error_or_a_consistent_file),
        cmocka_unit_test(numbers_at_the_edges_are_refused_everywhere),
        cmocka_unit_test(header_lengths_at_the_edges_are_refused_before_memory_is_taken),
        cmocka_unit_test(a_header_of_countless_values_is_refused_early),
        cmocka_unit_test(a_name_may_be_as_long_as_the_limit),
        cmocka_unit_test(random_damage_never_breaks_the_reader),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
