/*
 * threads.c - a fixed pool that splits index ranges.
 *
 * Each worker owns a mailbox on its own cache line: the caller fills in a range and sets the state
 * to READY, the worker takes it, runs it and counts `pending` down. Whoever waits spins for at most
 * SPIN_SECONDS and then sleeps on a futex, so an idle or throttled machine is left alone; a pool
 * larger than the machine does not spin at all, because the awaited thread may need this very CPU.
 *
 * The split depends on (n, grain, pool size) only. Denormal numbers are flushed to zero while a
 * range runs, on every thread alike: they cost a hundred cycles each and mean nothing here.
 */
#include "stoa/base.h"

#include <assert.h>
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

enum { MOST_THREADS = 1024 };
/* Waking a sleeper costs a virtual machine 50 us and more; a step has hundreds of hand-overs with
 * serial work of tens of microseconds between them. */
static const double SPIN_SECONDS = 100e-6;

enum { IDLE, ASLEEP, READY }; // a mailbox's state

typedef struct worker {
    _Alignas(64) atomic_uint state;
    int index; // 1..threads-1; the caller is 0
    bool quit;
    stoa_range_fn fn;
    void *arg;
    int64_t begin, end;
    stoa_pool *pool;
    pthread_t thread;
} worker;

struct stoa_pool {
    _Alignas(64)
        atomic_uint pending; // ranges not yet done; WAITING is added while the caller sleeps
    _Alignas(64) int threads;
    bool spin;
    bool busy;
    worker *workers; // threads - 1
};

static const unsigned WAITING = 1u << 31;

/* ---- waiting ---- */

static void futex_wait(atomic_uint *word, unsigned value) {
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
}

static void futex_wake(atomic_uint *word) {
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void pause_cpu(void) {
#if defined(__x86_64__)
    _mm_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* Spins until (word & mask) == value; false when the time is up. */
static bool spin_for(atomic_uint *word, unsigned mask, unsigned value) {
    double until = 0;
    for (int i = 1;; i++) {
        if ((atomic_load_explicit(word, memory_order_acquire) & mask) == value)
            return true;
        pause_cpu();
        if (i % 32 == 0) {
            double now = stoa_clock();
            if (until == 0)
                until = now + SPIN_SECONDS;
            else if (now > until)
                return false;
        }
    }
}

/* ---- denormals ---- */

/* Sets flush-to-zero and denormals-are-zero and returns the previous mode. */
static uint64_t flush_mode(void) {
#if defined(__x86_64__)
    unsigned mode = _mm_getcsr();
    _mm_setcsr(mode | 0x8040u);
    return mode;
#elif defined(__aarch64__)
    uint64_t mode;
    __asm__ volatile("mrs %0, fpcr" : "=r"(mode));
    __asm__ volatile("msr fpcr, %0" ::"r"(mode | 1u << 24));
    return mode;
#else
    return 0;
#endif
}

static void restore_mode(uint64_t mode) {
#if defined(__x86_64__)
    _mm_setcsr((unsigned)mode);
#elif defined(__aarch64__)
    __asm__ volatile("msr fpcr, %0" ::"r"(mode));
#else
    (void)mode;
#endif
}

void stoa_flush_denormals(void) {
    flush_mode();
}

/* ---- workers ---- */

static void await_mail(worker *w) {
    if (w->pool->spin && spin_for(&w->state, ~0u, READY))
        return;
    unsigned expected = IDLE;
    if (atomic_compare_exchange_strong(&w->state, &expected, ASLEEP))
        while (atomic_load_explicit(&w->state, memory_order_acquire) != READY)
            futex_wait(&w->state, ASLEEP);
}

static void *worker_main(void *arg) {
    worker *w = arg;
    flush_mode();
    for (;;) {
        await_mail(w);
        if (w->quit)
            return NULL;
        atomic_store_explicit(&w->state, IDLE, memory_order_relaxed);
        w->fn(w->arg, w->begin, w->end, w->index);
        if (atomic_fetch_sub_explicit(&w->pool->pending, 1, memory_order_acq_rel) == (WAITING | 1))
            futex_wake(&w->pool->pending);
    }
}

static void post(worker *w) {
    if (atomic_exchange_explicit(&w->state, READY, memory_order_acq_rel) == ASLEEP)
        futex_wake(&w->state);
}

/* Starts the workers with every signal blocked, so that signals reach the program's own threads. */
static int start_workers(stoa_pool *pool) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int started = 0;
    for (; started < pool->threads - 1; started++) {
        worker *w = &pool->workers[started];
        w->index = started + 1;
        w->pool = pool;
        if (pthread_create(&w->thread, NULL, worker_main, w) != 0)
            break;
        char name[16];
        snprintf(name, sizeof name, "stoa-%d", w->index);
        pthread_setname_np(w->thread, name);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

static void stop_workers(stoa_pool *pool, int started) {
    for (int i = 0; i < started; i++) {
        pool->workers[i].quit = true;
        post(&pool->workers[i]);
    }
    for (int i = 0; i < started; i++)
        pthread_join(pool->workers[i].thread, NULL);
}

/* ---- the pool ---- */

stoa_pool *stoa_pool_new(int threads) {
    assert(threads >= 0);
    int cpus = stoa_cpu_count();
    if (threads == 0)
        threads = cpus;
    if (threads > MOST_THREADS)
        threads = MOST_THREADS;
    stoa_pool *pool = stoa_alloc(sizeof *pool);
    if (!pool)
        return NULL;
    pool->threads = threads;
    pool->spin = threads <= cpus;
    if (threads > 1) {
        pool->workers = stoa_alloc((size_t)(threads - 1) * sizeof *pool->workers);
        int started = pool->workers ? start_workers(pool) : 0;
        if (started < threads - 1) {
            stop_workers(pool, started);
            stoa_free(pool->workers);
            stoa_free(pool);
            return NULL;
        }
    }
    return pool;
}

void stoa_pool_free(stoa_pool *pool) {
    if (!pool)
        return;
    stop_workers(pool, pool->threads - 1);
    stoa_free(pool->workers);
    stoa_free(pool);
}

int stoa_pool_threads(const stoa_pool *pool) {
    return pool ? pool->threads : 1;
}

static void await_workers(stoa_pool *pool) {
    if (pool->spin && spin_for(&pool->pending, ~0u, 0))
        return;
    unsigned left = atomic_fetch_or(&pool->pending, WAITING) | WAITING;
    while (left != WAITING) {
        futex_wait(&pool->pending, left);
        left = atomic_load_explicit(&pool->pending, memory_order_acquire);
    }
    atomic_store_explicit(&pool->pending, 0, memory_order_relaxed);
}

void stoa_pool_run(stoa_pool *pool, int64_t n, int64_t grain, stoa_range_fn fn, void *arg) {
    assert(grain >= 1);
    if (n <= 0)
        return;
    uint64_t mode = flush_mode();
    int64_t units = (n - 1) / grain + 1, parts = stoa_pool_threads(pool);
    if (parts > units)
        parts = units;
    if (parts == 1) {
        fn(arg, 0, n, 0);
    } else {
        assert(!pool->busy);
        pool->busy = true;
        // the first units % parts ranges get one unit more
        int64_t share = units / parts, extra = units % parts;
        int64_t first = (share + (extra > 0)) * grain, begin = first;
        atomic_store_explicit(&pool->pending, (unsigned)(parts - 1), memory_order_relaxed);
        for (int64_t i = 1; i < parts; i++) {
            worker *w = &pool->workers[i - 1];
            int64_t length = (share + (i < extra)) * grain;
            w->fn = fn;
            w->arg = arg;
            w->begin = begin;
            w->end = i == parts - 1 ? n : begin + length;
            begin += length;
            post(w);
        }
        fn(arg, 0, first, 0);
        await_workers(pool);
        pool->busy = false;
    }
    restore_mode(mode);
}
