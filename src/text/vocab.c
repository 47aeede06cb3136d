/*
 * vocab.c - token strings and merges in hash tables.
 */
#include "text/vocab.h"

#include <string.h>
#include <xxhash.h>

enum { PROBES_MAX = 1 << 12 }; // honest tables stay below 200

const char *stoa_insert_name(stoa_insert result) {
    static const char *const names[] = {"done", "no memory", "an id that two tokens have",
                                        "a token that has two ids",
                                        "too many tokens that hash alike"};
    return names[result];
}

/* ---- strings ---- */

static uint32_t string_slot(const stoa_strings *s, stoa_view text) {
    return (uint32_t)XXH3_64bits(text.ptr, text.len) & (s->slots - 1);
}

stoa_view stoa_strings_text(const stoa_strings *s, int32_t id) {
    if (id < 0 || id >= s->count || s->item[id].len == STOA_STRING_MISSING)
        return (stoa_view){0};
    return (stoa_view){s->pool + s->item[id].begin, s->item[id].len};
}

int32_t stoa_strings_find(const stoa_strings *s, stoa_view text) {
    if (s->slots == 0)
        return -1;
    for (uint32_t i = string_slot(s, text);; i = (i + 1) & (s->slots - 1)) {
        int32_t id = s->slot[i];
        if (id < 0 || stoa_view_equal(stoa_strings_text(s, id), text))
            return id;
    }
}

/* Puts an id whose string is known into the table; false when it is too crowded. */
static bool place(stoa_strings *s, int32_t id) {
    uint32_t i = string_slot(s, stoa_strings_text(s, id));
    for (int probes = 0; s->slot[i] >= 0; i = (i + 1) & (s->slots - 1))
        if (++probes > PROBES_MAX)
            return false;
    s->slot[i] = id;
    return true;
}

static stoa_insert grow_slots(stoa_strings *s) {
    uint32_t slots = s->slots ? s->slots * 2 : 512;
    int32_t *slot = stoa_alloc(slots * sizeof *slot);
    if (!slot)
        return STOA_INSERT_MEMORY;
    memset(slot, 0xff, slots * sizeof *slot);
    stoa_free(s->slot);
    s->slot = slot;
    s->slots = slots;
    for (int32_t id = 0; id < s->count; id++)
        if (s->item[id].len != STOA_STRING_MISSING && !place(s, id))
            return STOA_INSERT_CROWDED;
    return STOA_INSERT_DONE;
}

static bool grow_items(stoa_strings *s, int32_t id) {
    if (id < s->item_cap)
        return true;
    int32_t cap = s->item_cap ? s->item_cap * 2 : 512;
    cap = cap > id ? cap : id + 1;
    struct stoa_string *item =
        stoa_realloc(s->item, (size_t)s->item_cap * sizeof *item, (size_t)cap * sizeof *item);
    if (!item)
        return false;
    s->item = item;
    s->item_cap = cap;
    return true;
}

static bool grow_pool(stoa_strings *s, size_t n) {
    size_t need = s->pool_len + n;
    if (need > STOA_STRING_MISSING - 1)
        return false;
    if (need <= s->pool_cap)
        return true;
    size_t cap = s->pool_cap ? s->pool_cap * 2 : 4096;
    cap = cap > need ? cap : need;
    char *pool = stoa_realloc(s->pool, s->pool_cap, cap);
    if (!pool)
        return false;
    s->pool = pool;
    s->pool_cap = cap;
    return true;
}

stoa_insert stoa_strings_insert(stoa_strings *s, stoa_view text, int32_t id) {
    int32_t known = stoa_strings_find(s, text);
    if (known == id)
        return STOA_INSERT_DONE;
    if (known >= 0)
        return STOA_INSERT_TWICE_TEXT;
    if (id < s->count && s->item[id].len != STOA_STRING_MISSING)
        return STOA_INSERT_TWICE_ID;
    if (s->used * 2 >= s->slots) {
        stoa_insert grown = grow_slots(s);
        if (grown != STOA_INSERT_DONE)
            return grown;
    }
    if (!grow_items(s, id) || !grow_pool(s, text.len + 1))
        return STOA_INSERT_MEMORY;
    while (s->count <= id)
        s->item[s->count++].len = STOA_STRING_MISSING;
    s->item[id] = (struct stoa_string){(uint32_t)s->pool_len, (uint32_t)text.len};
    if (text.len > 0)
        memcpy(s->pool + s->pool_len, text.ptr, text.len);
    s->pool[s->pool_len + text.len] = '\0';
    s->pool_len += text.len + 1;
    s->used++;
    return place(s, id) ? STOA_INSERT_DONE : STOA_INSERT_CROWDED;
}

void stoa_strings_deinit(stoa_strings *s) {
    stoa_free(s->pool);
    stoa_free(s->item);
    stoa_free(s->slot);
    *s = (stoa_strings){0};
}

/* ---- merges ---- */

/* The slot that holds the pair or is free for it, or NULL when it is too crowded. */
static stoa_merge *merge_slot(stoa_merges *m, uint64_t pair) {
    uint32_t i = (uint32_t)stoa_pair_hash(pair) & (m->slots - 1);
    for (int probes = 0; m->slot[i].pair != pair && m->slot[i].pair != UINT64_MAX;
         i = (i + 1) & (m->slots - 1))
        if (++probes > PROBES_MAX)
            return NULL;
    return &m->slot[i];
}

static stoa_insert grow_merges(stoa_merges *m) {
    stoa_merges old = *m;
    m->slots = old.slots ? old.slots * 2 : 512;
    m->slot = stoa_alloc(m->slots * sizeof *m->slot);
    if (!m->slot) {
        *m = old;
        return STOA_INSERT_MEMORY;
    }
    for (uint32_t i = 0; i < m->slots; i++)
        m->slot[i].pair = UINT64_MAX;
    stoa_insert result = STOA_INSERT_DONE;
    for (uint32_t i = 0; i < old.slots && result == STOA_INSERT_DONE; i++) {
        if (old.slot[i].pair == UINT64_MAX)
            continue;
        stoa_merge *slot = merge_slot(m, old.slot[i].pair);
        if (slot)
            *slot = old.slot[i];
        else
            result = STOA_INSERT_CROWDED;
    }
    stoa_free(old.slot);
    return result;
}

stoa_insert stoa_merges_insert(stoa_merges *m, int32_t left, int32_t right, int32_t rank,
                               int32_t id) {
    if (m->used * 2 >= m->slots) {
        stoa_insert grown = grow_merges(m);
        if (grown != STOA_INSERT_DONE)
            return grown;
    }
    uint64_t pair = stoa_pair_key(left, right);
    stoa_merge *slot = merge_slot(m, pair);
    if (!slot)
        return STOA_INSERT_CROWDED;
    m->used += slot->pair != pair;
    *slot = (stoa_merge){pair, rank, id};
    return STOA_INSERT_DONE;
}

void stoa_merges_deinit(stoa_merges *m) {
    stoa_free(m->slot);
    *m = (stoa_merges){0};
}
