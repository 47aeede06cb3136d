/*
 * test_pool.c - the thread pool's split, its waiting, and the count of CPUs.
 */
#include "temp.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

#include "base/cpu.h"

enum { MOST = 5000 };

typedef struct cover {
    int hits[MOST];
    int64_t begin[8], end[8];
    int calls[8];
} cover;

static void count_hits(void *arg, int64_t begin, int64_t end, int thread) {
    cover *c = arg;
    c->begin[thread] = begin;
    c->end[thread] = end;
    c->calls[thread]++;
    for (int64_t i = begin; i < end; i++)
        c->hits[i]++;
}

static void every_index_is_visited_exactly_once(void **state) {
    (void)state;
    static const int64_t sizes[] = {1, 2, 3, 7, 64, 1000, 4999}, grains[] = {1, 3, 64, 10000};
    for (int threads = 1; threads <= 4; threads++) {
        stoa_pool *pool = stoa_pool_new(threads);
        assert_non_null(pool);
        assert_int_equal(stoa_pool_threads(pool), threads);
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
            for (size_t g = 0; g < sizeof grains / sizeof *grains; g++) {
                static cover c;
                memset(&c, 0, sizeof c);
                stoa_pool_run(pool, sizes[s], grains[g], count_hits, &c);
                for (int64_t i = 0; i < sizes[s]; i++)
                    assert_int_equal(c.hits[i], 1);
                int64_t expected = 0;
                for (int t = 0; t < threads && c.calls[t]; t++) {
                    assert_int_equal(c.calls[t], 1);
                    assert_int_equal(c.begin[t], expected);
                    if (c.end[t] != sizes[s])
                        assert_int_equal((c.end[t] - c.begin[t]) % grains[g], 0);
                    expected = c.end[t];
                }
                assert_int_equal(expected, sizes[s]);
            }
        stoa_pool_free(pool);
    }
}

static void the_first_ranges_take_the_units_left_over(void **state) {
    (void)state;
    stoa_pool *pool = stoa_pool_new(4);
    static cover c;
    memset(&c, 0, sizeof c);
    stoa_pool_run(pool, 1000, 8, count_hits, &c); // 125 units: 32 + 31 + 31 + 31
    assert_int_equal(c.end[0], 256);
    assert_int_equal(c.end[1], 504);
    assert_int_equal(c.end[2], 752);
    stoa_pool_free(pool);
}

static void the_split_depends_on_the_numbers_alone(void **state) {
    (void)state;
    stoa_pool *pool = stoa_pool_new(3);
    static cover first, again;
    memset(&first, 0, sizeof first);
    stoa_pool_run(pool, 1000, 8, count_hits, &first);
    // 125 units of 8: 42 + 42 + 41
    assert_int_equal(first.end[0], 336);
    assert_int_equal(first.end[1], 672);
    assert_int_equal(first.end[2], 1000);
    for (int i = 0; i < 200; i++) {
        memset(&again, 0, sizeof again);
        stoa_pool_run(pool, 1000, 8, count_hits, &again);
        assert_memory_equal(&first, &again, sizeof first);
    }
    stoa_pool_free(pool);
}

static void a_null_pool_and_nothing_to_do_run_inline(void **state) {
    (void)state;
    static cover c;
    memset(&c, 0, sizeof c);
    assert_int_equal(stoa_pool_threads(NULL), 1);
    stoa_pool_run(NULL, 100, 1, count_hits, &c);
    assert_int_equal(c.end[0], 100);
    stoa_pool_run(NULL, 0, 1, count_hits, &c);
    stoa_pool_run(NULL, -5, 1, count_hits, &c);
    assert_int_equal(c.calls[0], 1);
    stoa_pool_free(NULL);
}

static void add_one(void *arg, int64_t begin, int64_t end, int thread) {
    int64_t *sums = arg;
    (void)thread;
    for (int64_t i = begin; i < end; i++)
        sums[i * 8]++; // a cache line apart
}

static void many_rounds_with_pauses_lose_nothing(void **state) {
    (void)state;
    for (int threads = 2; threads <= 4; threads += 2) {
        stoa_pool *pool = stoa_pool_new(threads);
        int64_t sums[4 * 8] = {0};
        int rounds = 3000;
        for (int i = 0; i < rounds; i++) {
            stoa_pool_run(pool, threads, 1, add_one, sums);
            if (i % 100 == 0)
                usleep(200); // longer than the spin: the workers are asleep now
        }
        for (int i = 0; i < threads; i++)
            assert_int_equal(sums[i * 8], rounds);
        stoa_pool_free(pool);
    }
}

static void slow_worker(void *arg, int64_t begin, int64_t end, int thread) {
    if (thread > 0)
        usleep(1000);
    add_one(arg, begin, end, thread);
}

static void a_caller_that_must_wait_long_is_woken(void **state) {
    (void)state;
    stoa_pool *pool = stoa_pool_new(2);
    int64_t sums[2 * 8] = {0};
    for (int i = 0; i < 20; i++)
        stoa_pool_run(pool, 2, 1, slow_worker, sums);
    assert_int_equal(sums[8], 20);
    stoa_pool_free(pool);
}

static void halve(void *arg, int64_t begin, int64_t end, int thread) {
    volatile float *values = arg;
    (void)thread;
    for (int64_t i = begin; i < end; i++)
        values[i] = values[i] / 2;
}

static void denormals_are_zero_on_every_thread_and_the_mode_is_put_back(void **state) {
    (void)state;
    stoa_pool *pool = stoa_pool_new(2);
    volatile float values[2] = {1.2e-38f, 1.2e-38f}; // halving makes them denormal
    stoa_pool_run(pool, 2, 1, halve, (void *)(uintptr_t)values);
    assert_true(values[0] == 0);
    assert_true(values[1] == 0);
    values[0] = 1.2e-38f;
    stoa_pool_run(NULL, 1, 1, halve, (void *)(uintptr_t)values);
    assert_true(values[0] == 0);
    volatile float outside = 1.2e-38f;
    outside = outside / 2;
    assert_true(outside > 0);
    stoa_pool_free(pool);
}

static void a_pool_without_memory_is_null(void **state) {
    (void)state;
    uint64_t live = stoa_alloc_statistics().live;
    for (uint64_t n = 1; n <= 2; n++) {
        stoa_alloc_fail_after(n, true);
        assert_null(stoa_pool_new(3));
    }
    stoa_alloc_fail_after(0, false);
    assert_int_equal(stoa_alloc_statistics().live, live);
}

static void zero_threads_means_the_cpus_we_may_use(void **state) {
    (void)state;
    int cpus = stoa_cpu_count();
    assert_true(cpus >= 1 && cpus <= sysconf(_SC_NPROCESSORS_CONF));
    stoa_pool *pool = stoa_pool_new(0);
    assert_int_equal(stoa_pool_threads(pool), cpus);
    stoa_pool_free(pool);
}

static void put(void **state, const char *folder, const char *name, const char *text) {
    assert_int_equal(stoa_mkdirs(inside(state, folder), NULL), STOA_OK);
    char path[512];
    stoa_path_join(path, sizeof path, inside(state, folder), name);
    assert_int_equal(stoa_file_write(path, text, strlen(text), NULL), STOA_OK);
}

static void the_tightest_cpu_quota_on_the_way_up_counts(void **state) {
    put(state, ".", "cpu.max", "max 100000\n");
    put(state, "job", "cpu.max", "150000 100000\n");
    put(state, "job/step", "cpu.max", "400000 100000\n");
    assert_true(stoa_cgroup_quota(*state, "0::/job/step\n") == 1.5);
    put(state, "inner", "cpu.max", "300000 100000\n");
    put(state, "inner/step", "cpu.max", "200000 100000\n");
    assert_true(stoa_cgroup_quota(*state, "0::/inner/step\n") == 2);
    assert_true(stoa_cgroup_quota(*state, "0::/\n") == HUGE_VAL);
    assert_true(stoa_cgroup_quota(*state, "0::/gone\n") == HUGE_VAL);
    put(state, "cpu/old", "cpu.cfs_quota_us", "50000\n");
    put(state, "cpu/old", "cpu.cfs_period_us", "100000\n");
    assert_true(stoa_cgroup_quota(*state, "5:memory:/x\n4:cpu,cpuacct:/old\n0::/\n") == 0.5);
    put(state, "cpu/old", "cpu.cfs_quota_us", "-1\n");
    assert_true(stoa_cgroup_quota(*state, "4:cpuacct,cpu:/old\n") == HUGE_VAL);
    assert_true(stoa_cgroup_quota(*state, "") == HUGE_VAL);
    assert_true(stoa_cgroup_quota(*state, "garbage\n:\n::\n0:") == HUGE_VAL);
}

static void the_least_room_on_the_way_up_counts(void **state) {
    put(state, ".", "memory.max", "max\n");
    put(state, "job", "memory.max", "1000000\n");
    put(state, "job", "memory.current", "400000\n");
    assert_true(stoa_cgroup_memory(*state, "0::/job\n") == 600000);
    put(state, "job", "memory.stat", "anon 1\ninactive_file 100000\n");
    assert_true(stoa_cgroup_memory(*state, "0::/job/step\n") == 700000);
    put(state, "job/step", "memory.max", "500000\n");
    put(state, "job/step", "memory.current", "600000\n");
    assert_true(stoa_cgroup_memory(*state, "0::/job/step\n") == 0);
    assert_true(stoa_cgroup_memory(*state, "0::/\n") == HUGE_VAL);
    put(state, "memory/old", "memory.limit_in_bytes", "300\n");
    put(state, "memory/old", "memory.usage_in_bytes", "100\n");
    assert_true(stoa_cgroup_memory(*state, "5:memory:/old\n0::/\n") == 200);
    assert_true(stoa_memory_available() > 1e6);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_index_is_visited_exactly_once),
        cmocka_unit_test(the_first_ranges_take_the_units_left_over),
        cmocka_unit_test(the_split_depends_on_the_numbers_alone),
        cmocka_unit_test(a_null_pool_and_nothing_to_do_run_inline),
        cmocka_unit_test(many_rounds_with_pauses_lose_nothing),
        cmocka_unit_test(a_caller_that_must_wait_long_is_woken),
        cmocka_unit_test(denormals_are_zero_on_every_thread_and_the_mode_is_put_back),
        cmocka_unit_test(a_pool_without_memory_is_null),
        cmocka_unit_test(zero_threads_means_the_cpus_we_may_use),
        cmocka_unit_test_setup_teardown(the_tightest_cpu_quota_on_the_way_up_counts, make_folder,
                                        drop_folder),
        cmocka_unit_test_setup_teardown(the_least_room_on_the_way_up_counts, make_folder,
                                        drop_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
