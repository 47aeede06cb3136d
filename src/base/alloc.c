/*
 * alloc.c - the one door to the heap: aligned, zeroed, counted, and able to fail on command.
 *
 * Every block is preceded by a header of one cache line. Blocks of 1 MiB and more come straight
 * from mmap: they are zero for free, their pages cost nothing until touched, and they go back to
 * the system when freed. Large ones begin and end at the bounds of huge pages, so that no part of
 * them lies in small ones. Sanitizer builds take everything from malloc so that it is watched.
 */
#include "stoa/base.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#if defined(__SANITIZE_ADDRESS__)
#define WATCHED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer)
#define WATCHED 1
#endif
#endif
#ifndef WATCHED
#define WATCHED 0
#endif

enum { HEADER = 64, MAPPED_FROM = 1 << 20, HUGE_FROM = 4 << 20, HUGE_PAGE = 2 << 20 };
static const uint64_t MAGIC = 0x53746f6131353041u;

typedef struct header {
    uint64_t magic;
    size_t mapped; // length of the mapping, header included; 0: from malloc
} header;
_Static_assert(sizeof(header) <= HEADER, "the header fits its line");

static atomic_uint_fast64_t allocations, live;
static atomic_uint_fast64_t fail_in; // allocations until one fails; 0: none will
static atomic_bool fail_all;

static bool told_to_fail(void) {
    uint_fast64_t n = atomic_load_explicit(&fail_in, memory_order_relaxed);
    if (n == 0)
        return false;
    do {
        if (n == 0)
            return false;
        if (n == 1 && atomic_load(&fail_all))
            return true;
    } while (!atomic_compare_exchange_weak(&fail_in, &n, n - 1));
    return n == 1;
}

static header *header_of(void *ptr) {
    header *h = (header *)((char *)ptr - HEADER);
    assert(h->magic == MAGIC);
    return h;
}

static void advise(void *base, size_t len) {
    if (len >= HUGE_FROM)
        madvise(base, len, MADV_HUGEPAGE); // only advice: refusal changes nothing
}

static void *map(size_t len) {
    void *base = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return base == MAP_FAILED ? NULL : base;
}

/* *len zeroed bytes; what is large enough for huge pages becomes whole ones. */
static void *map_aligned(size_t *len) {
    size_t whole, wide;
    if (*len < HUGE_FROM || !stoa_size_add(*len, HUGE_PAGE - 1, &whole))
        return map(*len);
    whole &= ~(size_t)(HUGE_PAGE - 1);
    char *base = stoa_size_add(whole, HUGE_PAGE, &wide) ? map(wide) : NULL;
    if (!base)
        return NULL;
    size_t before = -(uintptr_t)base & (HUGE_PAGE - 1);
    if (before)
        munmap(base, before);
    munmap(base + before + whole, HUGE_PAGE - before);
    advise(base + before, whole);
    *len = whole;
    return base + before;
}

/* A zeroed block with its header; not counted. */
static void *take(size_t bytes) {
    size_t len;
    if (!stoa_size_add(bytes, HEADER, &len) || len > PTRDIFF_MAX)
        return NULL;
    header *h;
    if (!WATCHED && bytes >= MAPPED_FROM) {
        h = map_aligned(&len);
        if (!h)
            return NULL;
        h->mapped = len;
    } else {
        void *base;
        if (posix_memalign(&base, 64, len) != 0)
            return NULL;
        memset(base, 0, len);
        h = base;
        h->mapped = 0;
    }
    h->magic = MAGIC;
    return (char *)h + HEADER;
}

static void give(void *ptr) {
    header *h = header_of(ptr);
    h->magic = 0;
    if (h->mapped)
        munmap(h, h->mapped);
    else
        free(h);
}

void *stoa_alloc(size_t bytes) {
    atomic_fetch_add_explicit(&allocations, 1, memory_order_relaxed);
    void *ptr = told_to_fail() ? NULL : take(bytes);
    if (ptr)
        atomic_fetch_add_explicit(&live, 1, memory_order_relaxed);
    return ptr;
}

/* Moves a mapped block's end without copying; NULL when that is not possible. */
static void *remap(header *h, size_t old_bytes, size_t bytes) {
    size_t old_len = h->mapped, len;
    if (!old_len || bytes < MAPPED_FROM || !stoa_size_add(bytes, HEADER, &len) || len > PTRDIFF_MAX)
        return NULL;
    void *base = mremap(h, old_len, len, MREMAP_MAYMOVE);
    if (base == MAP_FAILED)
        return NULL;
    advise(base, len);
    ((header *)base)->mapped = len;
    char *data = (char *)base + HEADER;
    if (bytes >
        old_bytes) { // pages past the old mapping are zero already, its last page may not be
        size_t old_end = ((old_len + 4095) & ~(size_t)4095) - HEADER;
        size_t end = bytes < old_end ? bytes : old_end;
        if (end > old_bytes)
            memset(data + old_bytes, 0, end - old_bytes);
    }
    return data;
}

void *stoa_realloc(void *ptr, size_t old_bytes, size_t bytes) {
    if (!ptr)
        return stoa_alloc(bytes);
    atomic_fetch_add_explicit(&allocations, 1, memory_order_relaxed);
    if (told_to_fail())
        return NULL;
    void *moved = remap(header_of(ptr), old_bytes, bytes);
    if (moved)
        return moved;
    moved = take(bytes);
    if (!moved)
        return NULL;
    memcpy(moved, ptr, old_bytes < bytes ? old_bytes : bytes);
    give(ptr);
    return moved;
}

void stoa_free(void *ptr) {
    if (!ptr)
        return;
    give(ptr);
    atomic_fetch_sub_explicit(&live, 1, memory_order_relaxed);
}

char *stoa_strdup(const char *text) {
    size_t size = strlen(text) + 1;
    char *copy = stoa_alloc(size);
    if (copy)
        memcpy(copy, text, size);
    return copy;
}

stoa_alloc_stats stoa_alloc_statistics(void) {
    return (stoa_alloc_stats){atomic_load(&allocations), atomic_load(&live)};
}

void stoa_alloc_fail_after(uint64_t n, bool all) {
    atomic_store(&fail_all, all);
    atomic_store(&fail_in, n);
}
