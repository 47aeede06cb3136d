/*
 * test_rng.c - Philox known answers, stream independence, and the distributions drawn from it.
 */
#include "temp.h"

#include <math.h>
#include <string.h>

/* Random123's kat_vectors for philox4x32 with 10 rounds; recomputed independently in Python. */
static void philox_gives_the_known_answers(void **state) {
    (void)state;
    static const struct {
        uint32_t key[2];
        uint64_t stream, position;
        uint32_t out[4];
    } rows[] = {
        {{0, 0}, 0, 0, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{~0u, ~0u}, ~0ull, ~0ull, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0xa4093822, 0x299f31d0},
         0x0370734413198a2e,
         0x85a308d3243f6a88,
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint32_t out[4];
        stoa_philox(rows[i].key, rows[i].stream, rows[i].position, out);
        assert_memory_equal(out, rows[i].out, sizeof out);
    }
}

static void a_stream_is_the_same_on_every_machine(void **state) {
    (void)state;
    // the documented derivation of the key; this value was computed independently in Python
    const uint64_t key = 0xbe119ec27f1ccec; // XXH64("data", seed 42)
    stoa_rng rng = stoa_rng_stream(42, "data", 3);
    stoa_rng again = stoa_rng_stream(42, "data", 3);
    uint32_t block[4];
    assert_int_equal(rng.key[0], (uint32_t)key);
    assert_int_equal(rng.key[1], key >> 32);
    stoa_philox(rng.key, 3, 0, block);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(stoa_rng_u32(&rng), block[i]);
        assert_int_equal(stoa_rng_u32(&again), block[i]);
    }
    stoa_philox(rng.key, 3, 1, block);
    assert_true(stoa_rng_u64(&rng) == ((uint64_t)block[1] << 32 | block[0]));
}

static void a_saved_stream_continues_where_it_was(void **state) {
    (void)state;
    stoa_rng rng = stoa_rng_stream(1, "x", 0);
    for (int i = 0; i < 7; i++)
        stoa_rng_u32(&rng);
    stoa_rng saved = rng;
    for (int i = 0; i < 100; i++)
        assert_true(stoa_rng_normal(&rng) == stoa_rng_normal(&saved));
}

static void seed_name_and_index_each_make_another_stream(void **state) {
    (void)state;
    stoa_rng base = stoa_rng_stream(1, "env", 0), other[3];
    other[0] = stoa_rng_stream(2, "env", 0);
    other[1] = stoa_rng_stream(1, "data", 0);
    other[2] = stoa_rng_stream(1, "env", 1);
    uint64_t first = stoa_rng_u64(&base);
    for (int i = 0; i < 3; i++)
        assert_true(stoa_rng_u64(&other[i]) != first);
}

static void uniform_numbers_fill_the_unit_interval(void **state) {
    (void)state;
    enum { N = 100000, BINS = 20 };
    int bins[BINS] = {0};
    double sum = 0;
    stoa_rng rng = stoa_rng_stream(7, "uniform", 0);
    for (int i = 0; i < N; i++) {
        double u = stoa_rng_uniform(&rng);
        assert_true(u >= 0 && u < 1);
        bins[(int)(u * BINS)]++;
        sum += u;
    }
    double chi2 = 0, expected = (double)N / BINS;
    for (int i = 0; i < BINS; i++)
        chi2 += (bins[i] - expected) * (bins[i] - expected) / expected;
    assert_true(chi2 < 43.8); // 19 degrees of freedom, p = 0.001; the stream is fixed
    assert_true(fabs(sum / N - 0.5) < 0.005);
}

static void normal_numbers_have_the_right_moments(void **state) {
    (void)state;
    enum { N = 100000 };
    double m1 = 0, m2 = 0, m3 = 0, m4 = 0;
    stoa_rng rng = stoa_rng_stream(7, "normal", 0);
    for (int i = 0; i < N; i++) {
        double z = stoa_rng_normal(&rng);
        assert_true(isfinite(z));
        m1 += z;
        m2 += z * z;
        m3 += z * z * z;
        m4 += z * z * z * z;
    }
    assert_true(fabs(m1 / N) < 0.015);
    assert_true(fabs(m2 / N - 1) < 0.02);
    assert_true(fabs(m3 / N) < 0.05);
    assert_true(fabs(m4 / N - 3) < 0.15);
}

static void bounded_numbers_are_in_range_and_even(void **state) {
    (void)state;
    stoa_rng rng = stoa_rng_stream(7, "below", 0);
    int counts[6] = {0};
    for (int i = 0; i < 60000; i++)
        counts[stoa_rng_below(&rng, 6)]++;
    for (int i = 0; i < 6; i++)
        assert_in_range(counts[i], 9700, 10300);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(stoa_rng_below(&rng, 1), 0);
        int64_t wide = stoa_rng_below(&rng, INT64_MAX);
        assert_true(wide >= 0 && wide < INT64_MAX);
    }
}

static void a_shuffle_is_a_permutation_without_a_favourite(void **state) {
    (void)state;
    stoa_rng rng = stoa_rng_stream(7, "shuffle", 0);
    int orders[6] = {0};
    for (int i = 0; i < 6000; i++) {
        int64_t items[3] = {0, 1, 2};
        stoa_rng_shuffle(&rng, items, 3);
        assert_int_equal(items[0] + items[1] + items[2], 3);
        assert_true(items[0] != items[1] && items[1] != items[2] && items[0] != items[2]);
        orders[items[0] * 2 + (items[1] > items[2])]++;
    }
    for (int i = 0; i < 6; i++)
        assert_in_range(orders[i], 850, 1150);
    stoa_rng_shuffle(&rng, NULL, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(philox_gives_the_known_answers),
        cmocka_unit_test(a_stream_is_the_same_on_every_machine),
        cmocka_unit_test(a_saved_stream_continues_where_it_was),
        cmocka_unit_test(seed_name_and_index_each_make_another_stream),
        cmocka_unit_test(uniform_numbers_fill_the_unit_interval),
        cmocka_unit_test(normal_numbers_have_the_right_moments),
        cmocka_unit_test(bounded_numbers_are_in_range_and_even),
        cmocka_unit_test(a_shuffle_is_a_permutation_without_a_favourite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
