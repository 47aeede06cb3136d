/*
 * merger.c - counts of token pairs under merging.
 *
 * Invariant: a pair's count is the sum over words of the word's count times the pair's occurrences
 * in it (overlapping ones included, as in "aaa"), and its list names every word that holds it,
 * besides some that no longer do.
 */
#include "text/train.h"

#include "text/vocab.h"

#include <string.h>

typedef struct stoa_pair {
    uint64_t key; /* stoa_pair_key(left, right) */
    int64_t count;
    uint32_t list;  /* first node */
    uint32_t round; /* when it was last put among the touched */
    int32_t merged;
} stoa_pair;

typedef struct stoa_occurrence {
    uint32_t word, next;
} stoa_occurrence;

typedef struct stoa_heap_entry {
    int64_t count;
    uint64_t key;
    uint32_t pair;
} stoa_heap_entry;

/* Makes room for one more element. */
static bool room(void **items, size_t *cap, size_t count, size_t size) {
    if (count < *cap)
        return true;
    size_t wider = *cap ? *cap * 2 : 1024;
    void *grown = stoa_realloc(*items, *cap * size, wider * size);
    if (!grown)
        return false;
    *items = grown;
    *cap = wider;
    return true;
}

/* ---- heap ---- */

static bool before(stoa_heap_entry a, stoa_heap_entry b) {
    return a.count != b.count ? a.count > b.count : a.key < b.key;
}

static bool heap_push(stoa_merger *m, uint32_t pair) {
    void *heap = m->heap;
    if (!room(&heap, &m->heap_cap, m->heap_len, sizeof *m->heap))
        return false;
    m->heap = heap;
    stoa_heap_entry entry = {m->pair[pair].count, m->pair[pair].key, pair};
    size_t at = m->heap_len++;
    for (; at > 0 && before(entry, m->heap[(at - 1) / 2]); at = (at - 1) / 2)
        m->heap[at] = m->heap[(at - 1) / 2];
    m->heap[at] = entry;
    return true;
}

static stoa_heap_entry heap_pop(stoa_merger *m) {
    stoa_heap_entry top = m->heap[0], moved = m->heap[--m->heap_len];
    size_t at = 0;
    for (size_t child; (child = 2 * at + 1) < m->heap_len; at = child) {
        if (child + 1 < m->heap_len && before(m->heap[child + 1], m->heap[child]))
            child++;
        if (!before(m->heap[child], moved))
            break;
        m->heap[at] = m->heap[child];
    }
    m->heap[at] = moved;
    return top;
}

/* ---- pairs ---- */

static bool grow_slots(stoa_merger *m) {
    uint32_t slots = m->slots ? m->slots * 2 : 1 << 12;
    uint32_t *slot = stoa_alloc(slots * sizeof *slot);
    if (!slot)
        return false;
    for (uint32_t i = 0; i < m->pairs; i++) {
        uint32_t at = (uint32_t)stoa_pair_hash(m->pair[i].key) & (slots - 1);
        while (slot[at])
            at = (at + 1) & (slots - 1);
        slot[at] = i + 1;
    }
    stoa_free(m->slot);
    m->slot = slot;
    m->slots = slots;
    return true;
}

/* The slot of a pair, or the free one where it belongs. */
static uint32_t *find_slot(const stoa_merger *m, uint64_t key) {
    uint32_t at = (uint32_t)stoa_pair_hash(key) & (m->slots - 1);
    while (m->slot[at] && m->pair[m->slot[at] - 1].key != key)
        at = (at + 1) & (m->slots - 1);
    return &m->slot[at];
}

/* The index of a pair, made if need be; UINT32_MAX when out of memory. */
static uint32_t pair_of(stoa_merger *m, int32_t left, int32_t right) {
    if (m->pairs * 2 >= m->slots && !grow_slots(m))
        return UINT32_MAX;
    uint64_t key = stoa_pair_key(left, right);
    uint32_t *slot = find_slot(m, key);
    if (*slot)
        return *slot - 1;
    void *items = m->pair;
    size_t cap = m->pair_cap;
    if (m->pairs >= UINT32_MAX / 4 || !room(&items, &cap, m->pairs, sizeof *m->pair))
        return UINT32_MAX;
    m->pair = items;
    m->pair_cap = (uint32_t)cap;
    m->pair[m->pairs] = (stoa_pair){.key = key, .merged = -1};
    *slot = ++m->pairs;
    return m->pairs - 1;
}

static bool list_add(stoa_merger *m, stoa_pair *p, uint32_t word) {
    if (p->list && m->node[p->list].word == word)
        return true; // the word was just added
    uint32_t node = m->free_node;
    if (node) {
        m->free_node = m->node[node].next;
    } else {
        void *items = m->node;
        size_t cap = m->node_cap;
        if (m->nodes >= UINT32_MAX / 2 || !room(&items, &cap, m->nodes + 1u, sizeof *m->node))
            return false;
        m->node = items;
        m->node_cap = (uint32_t)cap;
        node = ++m->nodes; // node 0 is never used
    }
    m->node[node] = (stoa_occurrence){word, p->list};
    p->list = node;
    return true;
}

/* The pair (left, right) appeared in a word. */
static bool gain(stoa_merger *m, int32_t left, int32_t right, uint32_t word) {
    if (m->token_bytes > 0 && (int64_t)m->bytes[left] + m->bytes[right] > m->token_bytes)
        return true; // would be too long a token: such pairs are not counted at all
    uint32_t i = pair_of(m, left, right);
    if (i == UINT32_MAX)
        return false;
    stoa_pair *p = &m->pair[i];
    p->count += m->word[word].count;
    if (p->round != m->round) {
        p->round = m->round;
        void *items = m->touched;
        if (!room(&items, &m->touched_cap, m->touched_len, sizeof *m->touched))
            return false;
        m->touched = items;
        m->touched[m->touched_len++] = i;
    }
    return list_add(m, p, word);
}

/* It disappeared. `except`: the pair being merged, whose count is settled at once. */
static void lose(stoa_merger *m, int32_t left, int32_t right, uint32_t word, uint64_t except) {
    uint64_t key = stoa_pair_key(left, right);
    uint32_t *slot = find_slot(m, key);
    if (key != except && *slot)
        m->pair[*slot - 1].count -= m->word[word].count;
}

static bool push_touched(stoa_merger *m) {
    bool ok = true;
    for (size_t i = 0; i < m->touched_len && ok; i++)
        ok = m->pair[m->touched[i]].count <= 0 || heap_push(m, m->touched[i]);
    m->touched_len = 0;
    return ok;
}

static bool set_bytes(stoa_merger *m, int32_t id, uint32_t bytes) {
    if (id >= m->tokens_cap) {
        int32_t cap = id < 1024 ? 1024 : id * 2;
        void *grown = stoa_realloc(m->bytes, (size_t)m->tokens_cap * sizeof *m->bytes,
                                   (size_t)cap * sizeof *m->bytes);
        if (!grown)
            return false;
        m->bytes = grown;
        m->tokens_cap = cap;
    }
    m->bytes[id] = bytes;
    return true;
}

/* ---- the merger ---- */

bool stoa_merger_init(stoa_merger *m, const stoa_piece_counts *counts, const int32_t byte[256],
                      int64_t token_bytes) {
    *m = (stoa_merger){.token_bytes = token_bytes, .round = 1};
    m->symbol = stoa_alloc((counts->pool_len + 1) * sizeof *m->symbol);
    m->word = stoa_alloc((counts->count + 1) * sizeof *m->word);
    bool ok = m->symbol && m->word && grow_slots(m);
    for (int i = 0; i < 256 && ok; i++)
        ok = set_bytes(m, byte[i], 1);
    for (size_t i = 0; i < counts->count && ok; i++) {
        struct stoa_counted_piece piece = counts->item[i];
        int32_t *s = m->symbol + piece.begin;
        m->word[m->words++] = (struct stoa_word){piece.begin, piece.len, piece.count};
        for (uint32_t k = 0; k < piece.len && ok; k++) {
            s[k] = byte[(unsigned char)counts->pool[piece.begin + k]];
            ok = k == 0 || gain(m, s[k - 1], s[k], (uint32_t)i);
        }
    }
    return ok && push_touched(m);
}

bool stoa_merger_best(stoa_merger *m, stoa_pair_choice *out) {
    while (m->heap_len > 0) {
        stoa_heap_entry top = heap_pop(m);
        const stoa_pair *p = &m->pair[top.pair];
        if (p->count == top.count) {
            *out = (stoa_pair_choice){(int32_t)(p->key >> 32), (int32_t)(uint32_t)p->key, p->count,
                                      p->merged, top.pair};
            return true;
        }
        if (p->count > 0)
            heap_push(m, top.pair); // there is room: one was just taken out
    }
    return false;
}

/* Merges the pair in one word. */
static bool merge_word(stoa_merger *m, uint32_t word, const stoa_pair_choice *choice, int32_t id) {
    struct stoa_word *w = &m->word[word];
    int32_t *s = m->symbol + w->begin;
    uint64_t except = stoa_pair_key(choice->left, choice->right);
    uint32_t kept = 0;
    bool ok = true;
    for (uint32_t i = 0; i < w->len && ok;) {
        if (s[i] != choice->left || i + 1 == w->len || s[i + 1] != choice->right) {
            s[kept++] = s[i++];
            continue;
        }
        if (kept > 0) {
            lose(m, s[kept - 1], choice->left, word, except);
            ok = gain(m, s[kept - 1], id, word);
        }
        if (ok && i + 2 < w->len) {
            lose(m, choice->right, s[i + 2], word, except);
            ok = gain(m, id, s[i + 2], word);
        }
        s[kept++] = id;
        i += 2;
    }
    w->len = kept;
    return ok;
}

bool stoa_merger_apply(stoa_merger *m, const stoa_pair_choice *choice, int32_t id) {
    uint32_t list = m->pair[choice->pair].list, last = 0;
    m->pair[choice->pair].list = 0;
    m->pair[choice->pair].merged = id;
    m->round++;
    bool ok = set_bytes(m, id, m->bytes[choice->left] + m->bytes[choice->right]);
    for (uint32_t node = list; node && ok; node = m->node[node].next) {
        ok = merge_word(m, m->node[node].word, choice, id);
        last = node;
    }
    m->pair[choice->pair].count = 0;
    if (last) { // the list's nodes can be used again
        m->node[last].next = m->free_node;
        m->free_node = list;
    }
    return ok && push_touched(m);
}

void stoa_merger_deinit(stoa_merger *m) {
    stoa_free(m->symbol);
    stoa_free(m->word);
    stoa_free(m->pair);
    stoa_free(m->slot);
    stoa_free(m->node);
    stoa_free(m->heap);
    stoa_free(m->touched);
    stoa_free(m->bytes);
    *m = (stoa_merger){0};
}
