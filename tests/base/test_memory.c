/*
 * test_memory.c - the counted allocator and the arena.
 */
#include "temp.h"

#include <string.h>

static bool all_zero(const char *p, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (p[i])
            return false;
    return true;
}

static void blocks_are_aligned_zeroed_and_counted(void **state) {
    (void)state;
    static const size_t sizes[] = {0, 1, 63, 64, 65, 4096, (1 << 20) - 1, 1 << 20, 9 << 20};
    stoa_alloc_stats before = stoa_alloc_statistics();
    for (int round = 0; round < 3; round++)
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            char *p = stoa_alloc(sizes[i]);
            assert_non_null(p);
            assert_int_equal((uintptr_t)p % 64, 0);
            assert_true(all_zero(p, sizes[i]));
            memset(p, 0xff, sizes[i]); // so that a reused block would show
            stoa_free(p);
        }
    stoa_free(NULL);
    stoa_alloc_stats after = stoa_alloc_statistics();
    assert_int_equal(after.allocations - before.allocations, 27);
    assert_int_equal(after.live, before.live);
}

static void resizing_keeps_the_content_and_zeroes_the_tail(void **state) {
    (void)state;
    static const size_t sizes[] = {
        10, 1000, 1 << 20, (1 << 20) + 5, 5 << 20, (1 << 20) + 1, 3 << 20, 1 << 19, 64, 0, 100};
    size_t old = 0;
    char *p = NULL;
    uint64_t live = stoa_alloc_statistics().live;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        size_t kept = old < sizes[i] ? old : sizes[i];
        p = stoa_realloc(p, old, sizes[i]);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % 64, 0);
        for (size_t j = 0; j < kept; j++)
            if (p[j] != (char)(j % 251 + 1))
                fail_msg("byte %zu was lost in a resize from %zu to %zu", j, old, sizes[i]);
        assert_true(all_zero(p + kept, sizes[i] - kept));
        for (size_t j = 0; j < sizes[i]; j++)
            p[j] = (char)(j % 251 + 1);
        old = sizes[i];
        assert_int_equal(stoa_alloc_statistics().live, live + 1);
    }
    stoa_free(p);
    assert_int_equal(stoa_alloc_statistics().live, live);
}

static void impossible_sizes_are_refused(void **state) {
    (void)state;
    volatile size_t most = SIZE_MAX; // volatile: the compiler need not know
    assert_null(stoa_alloc(most));
    assert_null(stoa_alloc(most - 64));
    assert_null(stoa_alloc(most / 2 + 1));
    char *p = stoa_alloc(8);
    assert_null(stoa_realloc(p, 8, most - 10));
    stoa_free(p);
}

static void allocations_fail_on_command(void **state) {
    (void)state;
    stoa_alloc_fail_after(2, false);
    void *a = stoa_alloc(8), *b = stoa_alloc(8), *c = stoa_alloc(8);
    assert_non_null(a);
    assert_null(b);
    assert_non_null(c);
    stoa_alloc_fail_after(1, true);
    assert_null(stoa_alloc(8));
    assert_null(stoa_realloc(a, 8, 16));
    assert_null(stoa_strdup("x"));
    stoa_alloc_fail_after(0, false);
    stoa_free(a);
    stoa_free(c);
}

static void an_arena_hands_out_aligned_separate_pieces(void **state) {
    (void)state;
    stoa_arena *arena = stoa_arena_new(1000);
    unsigned char *pieces[200];
    for (int i = 0; i < 200; i++) {
        pieces[i] = stoa_arena_alloc(arena, (size_t)i);
        assert_non_null(pieces[i]);
        assert_int_equal((uintptr_t)pieces[i] % 64, 0);
        memset(pieces[i], i, (size_t)i);
    }
    for (int i = 0; i < 200; i++)
        for (int j = 0; j < i; j++)
            assert_int_equal(pieces[i][j], i);
    stoa_arena_free(arena);
    stoa_arena_free(NULL);
}

/* One cycle of a step: some allocations, a nested scope, more allocations. */
static void cycle(stoa_arena *arena, void *out[40]) {
    for (int i = 0; i < 20; i++)
        out[i] = stoa_arena_alloc(arena, (size_t)(i + 1) * 40000);
    stoa_arena_mark mark = stoa_arena_save(arena);
    for (int i = 20; i < 30; i++)
        out[i] = stoa_arena_alloc(arena, 500000);
    stoa_arena_restore(arena, mark);
    for (int i = 30; i < 40; i++)
        out[i] = stoa_arena_alloc(arena, 1000);
}

static void a_repeated_cycle_allocates_nothing_and_gets_the_same_addresses(void **state) {
    (void)state;
    stoa_arena *arena = stoa_arena_new(0);
    void *first[40], *second[40], *third[40];
    cycle(arena, first);
    size_t peak = stoa_arena_peak(arena);
    stoa_arena_reset(arena);
    uint64_t allocations = stoa_alloc_statistics().allocations;
    cycle(arena, second);
    stoa_arena_reset(arena);
    cycle(arena, third);
    assert_int_equal(stoa_alloc_statistics().allocations, allocations);
    assert_memory_equal(second, third, sizeof second);
    assert_int_equal(stoa_arena_peak(arena), peak);
    assert_ptr_equal(second[20], second[30]); // the scope's memory was given back
    stoa_arena_reset(arena);
    assert_ptr_equal(stoa_arena_alloc(arena, peak), second[0]); // all of it is one block now
    assert_int_equal(stoa_alloc_statistics().allocations, allocations);
    stoa_arena_free(arena);
}

static void marks_nest_across_blocks(void **state) {
    (void)state;
    stoa_arena *arena = stoa_arena_new(8192);
    char *kept = stoa_arena_alloc(arena, 100);
    memset(kept, 7, 100);
    size_t used = stoa_arena_used(arena);
    stoa_arena_mark outer = stoa_arena_save(arena);
    uint64_t allocations = 0;
    void *seen = NULL;
    for (int round = 0; round < 3; round++) {
        char *a = stoa_arena_alloc(arena, 9000); // needs a second block
        stoa_arena_mark inner = stoa_arena_save(arena);
        char *b = stoa_arena_alloc(arena, 3 << 20); // and a third
        memset(b, 1, 3 << 20);
        stoa_arena_restore(arena, inner);
        char *c = stoa_arena_alloc(arena, 64);
        assert_true(c >= a + 9000 && c < a + 9100);
        stoa_arena_restore(arena, outer);
        assert_int_equal(stoa_arena_used(arena), used);
        if (round == 0)
            allocations = stoa_alloc_statistics().allocations;
        else
            assert_ptr_equal(seen, a); // spares are used again
        seen = a;
    }
    assert_int_equal(stoa_alloc_statistics().allocations, allocations);
    for (int i = 0; i < 100; i++)
        assert_int_equal(kept[i], 7);
    stoa_arena_free(arena);
}

static void an_arena_without_memory_says_so_and_survives(void **state) {
    (void)state;
    uint64_t live = stoa_alloc_statistics().live;
    for (uint64_t n = 1; n <= 2; n++) {
        stoa_alloc_fail_after(n, true);
        assert_null(stoa_arena_new(0));
    }
    stoa_alloc_fail_after(0, false);
    assert_int_equal(stoa_alloc_statistics().live, live);

    stoa_arena *arena = stoa_arena_new(1024);
    assert_non_null(stoa_arena_alloc(arena, 1024));
    stoa_alloc_fail_after(1, true);
    assert_null(stoa_arena_alloc(arena, 1));
    stoa_alloc_fail_after(0, false);
    assert_null(stoa_arena_alloc(arena, SIZE_MAX - 10));
    assert_int_equal(stoa_arena_used(arena), 1024);
    assert_non_null(stoa_arena_alloc(arena, 1));
    stoa_alloc_fail_after(1, true);
    stoa_arena_reset(arena); // cannot take the merged block
    stoa_alloc_fail_after(0, false);
    assert_int_equal(stoa_arena_used(arena), 0);
    stoa_arena_mark mark = stoa_arena_save(arena);
    assert_non_null(stoa_arena_alloc(arena, 2000));
    stoa_arena_restore(arena, mark);
    assert_non_null(stoa_arena_alloc(arena, 2000));
    stoa_arena_free(arena);
    assert_int_equal(stoa_alloc_statistics().live, live);
}

static void a_counting_arena_counts_without_owning_memory(void **state) {
    (void)state;
    stoa_arena *arena = stoa_arena_new_counting();
    uint64_t allocations = stoa_alloc_statistics().allocations;
    char *a = stoa_arena_alloc(arena, (size_t)1 << 40);
    stoa_arena_mark mark = stoa_arena_save(arena);
    char *b = stoa_arena_alloc(arena, 1);
    assert_non_null(a);
    assert_int_equal((uintptr_t)a % 64, 0);
    assert_true((size_t)(b - a) == (size_t)1 << 40);
    stoa_arena_restore(arena, mark);
    assert_true(stoa_arena_used(arena) == (size_t)1 << 40);
    assert_true(stoa_arena_peak(arena) == ((size_t)1 << 40) + 64);
    assert_null(stoa_arena_alloc(arena, SIZE_MAX / 2));
    stoa_arena_reset(arena);
    assert_int_equal(stoa_arena_used(arena), 0);
    assert_ptr_equal(stoa_arena_alloc(arena, 10), a);
    assert_int_equal(stoa_alloc_statistics().allocations, allocations);
    stoa_arena_free(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_aligned_zeroed_and_counted),
        cmocka_unit_test(resizing_keeps_the_content_and_zeroes_the_tail),
        cmocka_unit_test(impossible_sizes_are_refused),
        cmocka_unit_test(allocations_fail_on_command),
        cmocka_unit_test(an_arena_hands_out_aligned_separate_pieces),
        cmocka_unit_test(a_repeated_cycle_allocates_nothing_and_gets_the_same_addresses),
        cmocka_unit_test(marks_nest_across_blocks),
        cmocka_unit_test(an_arena_without_memory_says_so_and_survives),
        cmocka_unit_test(a_counting_arena_counts_without_owning_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
