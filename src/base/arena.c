/*
 * arena.c - bump allocation in blocks, for everything that lives as long as one step.
 *
 * Blocks form a chain; those up to `current` are in use, those behind it are empty spares left by
 * a restore. Sizes are rounded up to 64 bytes, so one block of peak bytes holds the peak: that is
 * what reset builds when a cycle needed more than one block.
 * A counting arena has no blocks and hands out addresses that no program can own.
 */
#include "stoa/base.h"

#include <assert.h>

#if defined(__SANITIZE_ADDRESS__)
#define WATCHED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WATCHED 1
#endif
#endif
#ifdef WATCHED
#include <sanitizer/asan_interface.h>
#define HIDE(ptr, n) ASAN_POISON_MEMORY_REGION(ptr, n)
#define SHOW(ptr, n) ASAN_UNPOISON_MEMORY_REGION(ptr, n)
#else
#define HIDE(ptr, n) ((void)(ptr), (void)(n))
#define SHOW(ptr, n) ((void)(ptr), (void)(n))
#endif

enum { LINE = 64, FIRST_BLOCK = 1 << 20, MERGE_UNIT = 1 << 21 };

typedef struct block {
    struct block *next;
    size_t cap, used;
} block;
_Static_assert(sizeof(block) <= LINE, "a block's header fits one line");

struct stoa_arena {
    block *first, *current;
    size_t used, peak;
    bool counting;
};

static char *data_of(block *b) {
    return (char *)b + LINE;
}

static block *block_new(size_t cap) {
    size_t bytes;
    if (!stoa_size_add(cap, LINE, &bytes))
        return NULL;
    block *b = stoa_alloc(bytes);
    if (!b)
        return NULL;
    b->cap = cap;
    HIDE(data_of(b), cap);
    return b;
}

static void blocks_free(block *b) {
    while (b) {
        block *next = b->next;
        SHOW(data_of(b), b->cap);
        stoa_free(b);
        b = next;
    }
}

static bool round_up(size_t bytes, size_t unit, size_t *out) {
    if (!stoa_size_add(bytes, unit - 1, out))
        return false;
    *out &= ~(unit - 1);
    return true;
}

stoa_arena *stoa_arena_new(size_t capacity) {
    size_t cap;
    if (!round_up(capacity ? capacity : FIRST_BLOCK, LINE, &cap))
        return NULL;
    stoa_arena *arena = stoa_alloc(sizeof *arena);
    if (!arena)
        return NULL;
    arena->first = arena->current = block_new(cap);
    if (!arena->first) {
        stoa_free(arena);
        return NULL;
    }
    return arena;
}

stoa_arena *stoa_arena_new_counting(void) {
    stoa_arena *arena = stoa_alloc(sizeof *arena);
    if (arena)
        arena->counting = true;
    return arena;
}

void stoa_arena_free(stoa_arena *arena) {
    if (!arena)
        return;
    blocks_free(arena->first);
    stoa_free(arena);
}

/* A block with room for size bytes behind the current one: an empty spare, or a new one twice as
 * large as the last. */
static block *next_block(stoa_arena *arena, size_t size) {
    block *last = arena->current;
    for (block *b = last ? last->next : arena->first; b; b = b->next) {
        b->used = 0;
        if (b->cap >= size)
            return b;
        last = b;
    }
    size_t cap = last && last->cap < SIZE_MAX / 2 ? last->cap * 2 : FIRST_BLOCK;
    block *b = block_new(cap > size ? cap : size);
    if (!b && cap > size)
        b = block_new(size);
    if (!b)
        return NULL;
    if (last)
        last->next = b;
    else
        arena->first = b;
    return b;
}

void *stoa_arena_alloc(stoa_arena *arena, size_t bytes) {
    size_t size, used;
    if (!round_up(bytes ? bytes : 1, LINE, &size) || !stoa_size_add(arena->used, size, &used))
        return NULL;
    char *ptr;
    if (arena->counting) {
        const uintptr_t base = UINTPTR_MAX / 4 + 1; // no address a 64-bit machine maps
        if (used > base)
            return NULL;
        ptr = (char *)(base + arena->used);
    } else {
        block *b = arena->current;
        if (!b || b->cap - b->used < size) {
            b = next_block(arena, size);
            if (!b)
                return NULL;
            arena->current = b;
        }
        ptr = data_of(b) + b->used;
        b->used += size;
        SHOW(ptr, bytes);
    }
    arena->used = used;
    if (used > arena->peak)
        arena->peak = used;
    return ptr;
}

stoa_arena_mark stoa_arena_save(const stoa_arena *arena) {
    return (stoa_arena_mark){arena->current, arena->current ? arena->current->used : 0,
                             arena->used};
}

void stoa_arena_restore(stoa_arena *arena, stoa_arena_mark mark) {
    assert(mark.total <= arena->used);
    block *b = mark.block ? mark.block : arena->first;
    arena->used = mark.total;
    arena->current = b;
    if (!b)
        return;
    b->used = mark.used;
    HIDE(data_of(b) + b->used, b->cap - b->used);
    for (block *spare = b->next; spare; spare = spare->next) {
        spare->used = 0;
        HIDE(data_of(spare), spare->cap);
    }
}

void stoa_arena_reset(stoa_arena *arena) {
    arena->used = 0;
    block *first = arena->first;
    if (first && first->next) {
        size_t cap;
        if (!round_up(arena->peak, MERGE_UNIT, &cap))
            cap = arena->peak;
        blocks_free(first); // before the new one is taken: both may not fit at once
        arena->first = first = block_new(cap);
    }
    arena->current = first;
    if (first) {
        first->used = 0;
        HIDE(data_of(first), first->cap);
    }
}

size_t stoa_arena_used(const stoa_arena *arena) {
    return arena->used;
}

size_t stoa_arena_peak(const stoa_arena *arena) {
    return arena->peak;
}
