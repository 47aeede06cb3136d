/*
 * counts.c - distinct pieces in a hash table.
 */
#include "text/train.h"

#include <string.h>
#include <xxhash.h>

static bool grow_slots(stoa_piece_counts *c) {
    size_t slots = c->slots ? c->slots * 2 : 1 << 12;
    uint32_t *slot = stoa_alloc(slots * sizeof *slot);
    if (!slot)
        return false;
    for (size_t i = 0; i < c->count; i++) {
        size_t at = c->item[i].hash & (slots - 1);
        while (slot[at])
            at = (at + 1) & (slots - 1);
        slot[at] = (uint32_t)i + 1;
    }
    stoa_free(c->slot);
    c->slot = slot;
    c->slots = slots;
    return true;
}

static bool add_item(stoa_piece_counts *c, stoa_view piece, uint32_t hash) {
    if (c->count == c->cap) {
        size_t cap = c->cap ? c->cap * 2 : 1 << 11;
        void *item = stoa_realloc(c->item, c->cap * sizeof *c->item, cap * sizeof *c->item);
        if (!item)
            return false;
        c->item = item;
        c->cap = cap;
    }
    if (c->pool_cap - c->pool_len < piece.len) {
        size_t cap = c->pool_cap * 2 + piece.len + (1 << 14);
        char *pool = stoa_realloc(c->pool, c->pool_cap, cap);
        if (!pool)
            return false;
        c->pool = pool;
        c->pool_cap = cap;
    }
    memcpy(c->pool + c->pool_len, piece.ptr, piece.len);
    c->item[c->count++] = (struct stoa_counted_piece){c->pool_len, (uint32_t)piece.len, hash, 1};
    c->pool_len += piece.len;
    return true;
}

bool stoa_piece_counts_add(stoa_piece_counts *c, stoa_view piece) {
    if (c->count * 2 >= c->slots && !grow_slots(c))
        return false;
    uint32_t hash = (uint32_t)XXH3_64bits(piece.ptr, piece.len);
    size_t at = hash & (c->slots - 1);
    for (; c->slot[at]; at = (at + 1) & (c->slots - 1)) {
        struct stoa_counted_piece *item = &c->item[c->slot[at] - 1];
        if (item->hash == hash && item->len == piece.len &&
            memcmp(c->pool + item->begin, piece.ptr, piece.len) == 0) {
            item->count++;
            return true;
        }
    }
    if (c->count >= UINT32_MAX - 1 || !add_item(c, piece, hash))
        return false;
    c->slot[at] = (uint32_t)c->count;
    return true;
}

void stoa_piece_counts_deinit(stoa_piece_counts *c) {
    stoa_free(c->pool);
    stoa_free(c->item);
    stoa_free(c->slot);
    *c = (stoa_piece_counts){0};
}
