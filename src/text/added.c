/*
 * added.c - the trie of added tokens and the search through a text.
 */
#include "text/added.h"

#include "text/unicode.h"

#include <string.h>

enum { PROBES_MAX = 1 << 12 };

typedef struct stoa_trie_edge {
    uint64_t key; /* node << 8 | byte; UINT64_MAX: free */
    uint32_t child;
} stoa_trie_edge;

/* ---- trie ---- */

static uint64_t edge_key(uint32_t node, unsigned char byte) {
    return (uint64_t)node << 8 | byte;
}

/* The slot that holds the key or is free for it, or NULL when it is too crowded. */
static stoa_trie_edge *edge_slot(const stoa_trie *t, uint64_t key) {
    uint32_t i = (uint32_t)stoa_pair_hash(key) & (t->slots - 1);
    for (int probes = 0; t->edge[i].key != key && t->edge[i].key != UINT64_MAX;
         i = (i + 1) & (t->slots - 1))
        if (++probes > PROBES_MAX)
            return NULL;
    return &t->edge[i];
}

static stoa_insert grow_edges(stoa_trie *t) {
    stoa_trie old = *t;
    t->slots = old.slots ? old.slots * 2 : 256;
    t->edge = stoa_alloc(t->slots * sizeof *t->edge);
    if (!t->edge) {
        *t = old;
        return STOA_INSERT_MEMORY;
    }
    for (uint32_t i = 0; i < t->slots; i++)
        t->edge[i].key = UINT64_MAX;
    stoa_insert result = STOA_INSERT_DONE;
    for (uint32_t i = 0; i < old.slots && result == STOA_INSERT_DONE; i++) {
        if (old.edge[i].key == UINT64_MAX)
            continue;
        stoa_trie_edge *slot = edge_slot(t, old.edge[i].key);
        if (slot)
            *slot = old.edge[i];
        else
            result = STOA_INSERT_CROWDED;
    }
    stoa_free(old.edge);
    return result;
}

/* A new node, or 0 when out of memory. Node 0 is the root. */
static uint32_t new_node(stoa_trie *t) {
    if (t->nodes == 0)
        t->nodes = 1;
    if (t->nodes >= t->node_cap) {
        uint32_t cap = t->node_cap ? t->node_cap * 2 : 256;
        int32_t *token = stoa_realloc(t->token, t->node_cap * sizeof *token, cap * sizeof *token);
        if (!token)
            return 0;
        t->token = token;
        t->node_cap = cap;
    }
    t->token[t->nodes] = -1;
    return t->nodes++;
}

/* The child of a node, made if need be. */
static stoa_insert step(stoa_trie *t, uint32_t *node, unsigned char byte) {
    if (*node == 0) {
        if (!t->root[byte])
            t->root[byte] = new_node(t);
        *node = t->root[byte];
        return *node ? STOA_INSERT_DONE : STOA_INSERT_MEMORY;
    }
    if (t->used * 2 >= t->slots) {
        stoa_insert grown = grow_edges(t);
        if (grown != STOA_INSERT_DONE)
            return grown;
    }
    uint64_t key = edge_key(*node, byte);
    stoa_trie_edge *slot = edge_slot(t, key);
    if (!slot)
        return STOA_INSERT_CROWDED;
    if (slot->key != key) {
        uint32_t child = new_node(t);
        if (!child)
            return STOA_INSERT_MEMORY;
        *slot = (stoa_trie_edge){key, child};
        t->used++;
    }
    *node = slot->child;
    return STOA_INSERT_DONE;
}

stoa_insert stoa_trie_add(stoa_trie *t, stoa_view text, int32_t token) {
    uint32_t node = 0;
    if (text.len == 0)
        return STOA_INSERT_DONE;
    for (size_t i = 0; i < text.len; i++) {
        stoa_insert r = step(t, &node, (unsigned char)text.ptr[i]);
        if (r != STOA_INSERT_DONE)
            return r;
    }
    if (t->token[node] < 0)
        t->token[node] = token;
    return STOA_INSERT_DONE;
}

int32_t stoa_trie_longest(const stoa_trie *t, stoa_view text, size_t *len) {
    int32_t best = -1;
    uint32_t node = text.len > 0 ? t->root[(unsigned char)text.ptr[0]] : 0;
    for (size_t i = 1; node != 0; i++) {
        if (t->token[node] >= 0) {
            best = t->token[node];
            *len = i;
        }
        if (i == text.len || t->slots == 0)
            break;
        uint64_t key = edge_key(node, (unsigned char)text.ptr[i]);
        const stoa_trie_edge *slot = edge_slot(t, key);
        node = slot && slot->key == key ? slot->child : 0;
    }
    return best;
}

void stoa_trie_deinit(stoa_trie *t) {
    stoa_free(t->edge);
    stoa_free(t->token);
    *t = (stoa_trie){0};
}

void stoa_added_deinit(stoa_added *a) {
    for (size_t i = 0; i < a->count; i++)
        stoa_free(a->token[i].content);
    stoa_free(a->token);
    stoa_free(a->special);
    stoa_strings_deinit(&a->outside);
    stoa_trie_deinit(&a->raw);
    stoa_trie_deinit(&a->normalized);
    *a = (stoa_added){0};
}

/* ---- search ---- */

/* Whether a match that must be a word of its own is one. */
static bool stands_alone(stoa_view text, size_t begin, size_t end) {
    bool before = begin > 0 && stoa_char_is_word(stoa_char_before(text.ptr, begin).code);
    bool after =
        end < text.len && stoa_char_is_word(stoa_char_at(text.ptr + end, text.len - end).code);
    return !before && !after;
}

/* Where the white space that ends at `end` begins, but not before `least`. */
static size_t spaces_before(stoa_view text, size_t end, size_t least) {
    while (end > least) {
        stoa_char c = stoa_char_before(text.ptr, end);
        if (!stoa_char_is_space(c.code))
            break;
        end -= c.bytes;
    }
    return end;
}

static size_t spaces_after(stoa_view text, size_t begin) {
    while (begin < text.len) {
        stoa_char c = stoa_char_at(text.ptr + begin, text.len - begin);
        if (!stoa_char_is_space(c.code))
            break;
        begin += c.bytes;
    }
    return begin;
}

/* The next token at or after w->at. */
static bool find_token(stoa_section_walk *w, stoa_section *out) {
    const stoa_trie *trie = w->trie;
    while (w->at < w->text.len) {
        if (!trie->root[(unsigned char)w->text.ptr[w->at]]) {
            w->at++;
            continue;
        }
        size_t len = 0, begin = w->at;
        stoa_view rest = {w->text.ptr + begin, w->text.len - begin};
        int32_t found = stoa_trie_longest(trie, rest, &len);
        if (found < 0) {
            w->at++;
            continue;
        }
        size_t end = w->at = begin + len; // a refused match is passed over whole
        const stoa_added_token *token = &w->added->token[found];
        if ((w->no_special && token->special) ||
            (token->single_word && !stands_alone(w->text, begin, end)))
            continue;
        if (token->lstrip)
            begin = spaces_before(w->text, begin, w->done);
        if (token->rstrip)
            w->at = end = spaces_after(w->text, end);
        *out = (stoa_section){begin, end, token->id};
        return true;
    }
    return false;
}

bool stoa_section_next(stoa_section_walk *w, stoa_section *out) {
    stoa_section token;
    if (w->has_waiting) {
        *out = w->waiting;
        w->has_waiting = false;
        w->done = out->end;
        return true;
    }
    if (!find_token(w, &token)) {
        *out = (stoa_section){w->done, w->text.len, -1};
        w->done = w->text.len;
        return out->begin < out->end;
    }
    if (token.begin > w->done) {
        *out = (stoa_section){w->done, token.begin, -1};
        w->waiting = token;
        w->has_waiting = true;
        return true;
    }
    *out = token;
    w->done = token.end;
    return true;
}
