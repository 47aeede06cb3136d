/*
 * bpe.c - byte-pair encoding of one piece.
 *
 * Short pieces, which is nearly all of them, are merged in a small array by rescanning it. Long
 * ones use a linked list and a heap of candidate merges, so that a document without piece patterns
 * still takes O(n log n).
 */
#include "text/bpe.h"

#include "text/unicode.h"

#include <stdatomic.h>
#include <string.h>

enum { SHORT_PIECE = 24 }; // symbols; rescanning beats the heap up to about here

typedef struct stoa_symbol {
    int32_t id;          /* -1: merged into its left neighbour */
    int32_t left, right; /* neighbours, -1 at the ends */
} stoa_symbol;

typedef struct stoa_candidate {
    uint64_t order; /* rank << 32 | position: smallest first */
    int32_t id;     /* what the pair becomes */
} stoa_candidate;

void stoa_bpe_work_deinit(stoa_bpe_work *work) {
    stoa_free(work->symbols);
    stoa_free(work->heap);
    *work = (stoa_bpe_work){0};
}

/* ---- tables ---- */

static int32_t find_char(const stoa_bpe *m, uint32_t code) {
    char utf8[4];
    return stoa_strings_find(&m->text, (stoa_view){utf8, stoa_char_encode(code, utf8)});
}

/* The raw bytes of every token that spells some. */
static bool fill_raw(stoa_bpe *m) {
    stoa_buffer bytes = {0};
    bool ok = true;
    for (int32_t id = 0; ok && id < m->text.count; id++) {
        stoa_view text = stoa_strings_text(&m->text, id);
        bytes.len = 0;
        if (!text.ptr || !stoa_byte_alphabet_decode(&bytes, text))
            continue;
        ok = !bytes.failed && stoa_strings_insert(&m->raw, (stoa_view){bytes.data, bytes.len},
                                                  id) == STOA_INSERT_DONE;
    }
    stoa_buffer_deinit(&bytes);
    return ok;
}

bool stoa_bpe_prepare(stoa_bpe *m, bool byte_level) {
    bool all_bytes = true;
    for (int i = 0; i < 256; i++) {
        char name[8];
        snprintf(name, sizeof name, "<0x%02X>", (unsigned)i);
        m->byte[i] = find_char(m, stoa_byte_char((unsigned char)i));
        m->fallback[i] = stoa_strings_find(&m->text, stoa_view_of(name));
        all_bytes = all_bytes && m->byte[i] >= 0;
        if (i < 128)
            m->ascii[i] = find_char(m, (uint32_t)i);
    }
    m->whole = stoa_alloc((size_t)m->text.count + 1);
    m->takes_bytes = byte_level && all_bytes;
    return m->whole && (!m->takes_bytes || fill_raw(m));
}

void stoa_bpe_deinit(stoa_bpe *m) {
    stoa_strings_deinit(&m->text);
    stoa_strings_deinit(&m->raw);
    stoa_merges_deinit(&m->merges);
    stoa_free((void *)m->whole);
    m->whole = NULL;
}

/* ---- symbols ---- */

static bool reserve_symbols(stoa_bpe_work *work, size_t n) {
    if (n <= work->symbol_cap)
        return true;
    stoa_free(work->symbols);
    work->symbols = stoa_alloc(n * sizeof *work->symbols);
    work->symbol_cap = work->symbols ? n : 0;
    return work->symbols != NULL;
}

static size_t symbols_of_bytes(const stoa_bpe *m, stoa_view piece, stoa_symbol *out) {
    for (size_t i = 0; i < piece.len; i++)
        out[i].id = m->byte[(unsigned char)piece.ptr[i]];
    return piece.len;
}

/* Appends the byte tokens of a character; false (nothing appended) when one is missing. */
static bool fall_back(const stoa_bpe *m, const char *text, size_t bytes, stoa_symbol *out,
                      size_t *n) {
    for (size_t i = 0; i < bytes; i++)
        if (m->fallback[(unsigned char)text[i]] < 0)
            return false;
    for (size_t i = 0; i < bytes; i++)
        out[(*n)++].id = m->fallback[(unsigned char)text[i]];
    return true;
}

/* At most one symbol a byte. An unknown token waits in `waiting` until a known character comes, so
 * that neighbours can fuse; byte tokens go ahead of it, as in the reference implementation. */
static size_t symbols_of_chars(const stoa_bpe *m, stoa_view piece, stoa_symbol *out) {
    size_t n = 0;
    bool waiting = false;
    for (size_t at = 0; at < piece.len;) {
        const char *text = piece.ptr + at;
        stoa_char c = stoa_char_at(text, piece.len - at);
        int32_t id = c.code < 128 ? m->ascii[c.code]
                     : c.code == STOA_CHAR_INVALID
                         ? -1
                         : stoa_strings_find(&m->text, (stoa_view){text, c.bytes});
        at += c.bytes;
        if (id >= 0) {
            if (waiting)
                out[n++].id = m->unknown;
            waiting = false;
            out[n++].id = id;
        } else if (!(m->byte_fallback && fall_back(m, text, c.bytes, out, &n)) && m->unknown >= 0) {
            if (waiting && !m->fuse_unknown)
                out[n++].id = m->unknown;
            waiting = true;
        }
    }
    if (waiting)
        out[n++].id = m->unknown;
    return n;
}

/* ---- merging ---- */

/* Merges in place, rescanning; returns how many symbols are left. */
static size_t merge_short(const stoa_bpe *m, stoa_symbol *s, size_t n) {
    const stoa_merge *merge[SHORT_PIECE]; // of symbols i and i + 1, NULL: none
    for (size_t i = 0; i + 1 < n; i++)
        merge[i] = stoa_merges_find(&m->merges, s[i].id, s[i + 1].id);
    while (n > 1) {
        size_t best = n;
        int32_t rank = INT32_MAX;
        for (size_t i = 0; i + 1 < n; i++)
            if (merge[i] && merge[i]->rank < rank) {
                best = i;
                rank = merge[i]->rank;
            }
        if (best == n)
            break;
        s[best].id = merge[best]->id;
        n--;
        for (size_t i = best + 1; i < n; i++)
            s[i].id = s[i + 1].id;
        for (size_t i = best + 1; i + 1 < n; i++)
            merge[i] = merge[i + 1];
        if (best > 0)
            merge[best - 1] = stoa_merges_find(&m->merges, s[best - 1].id, s[best].id);
        if (best + 1 < n)
            merge[best] = stoa_merges_find(&m->merges, s[best].id, s[best + 1].id);
    }
    return n;
}

static void sift_down(stoa_candidate *heap, size_t n, size_t at) {
    stoa_candidate moved = heap[at];
    for (size_t child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && heap[child + 1].order < heap[child].order)
            child++;
        if (moved.order <= heap[child].order)
            break;
        heap[at] = heap[child];
    }
    heap[at] = moved;
}

static void sift_up(stoa_candidate *heap, size_t at) {
    stoa_candidate moved = heap[at];
    for (; at > 0 && moved.order < heap[(at - 1) / 2].order; at = (at - 1) / 2)
        heap[at] = heap[(at - 1) / 2];
    heap[at] = moved;
}

/* Adds the pair that begins at symbol i, if it merges. */
static void add_candidate(const stoa_bpe *m, const stoa_symbol *s, int32_t i, stoa_candidate *heap,
                          size_t *count) {
    if (i < 0 || s[i].right < 0)
        return;
    const stoa_merge *merge = stoa_merges_find(&m->merges, s[i].id, s[s[i].right].id);
    if (!merge)
        return;
    heap[*count] = (stoa_candidate){(uint64_t)(uint32_t)merge->rank << 32 | (uint32_t)i, merge->id};
    sift_up(heap, (*count)++);
}

/* Merges through the heap, leaving merged symbols with id -1. Every merge takes one candidate away
 * and adds at most two, so 2 n are the most there can be at once. */
static bool merge_long(const stoa_bpe *m, stoa_bpe_work *work, size_t n) {
    if (work->heap_cap < 2 * n) {
        stoa_free(work->heap);
        work->heap = stoa_alloc(2 * n * sizeof *work->heap);
        work->heap_cap = work->heap ? 2 * n : 0;
        if (!work->heap)
            return false;
    }
    stoa_symbol *s = work->symbols;
    stoa_candidate *heap = work->heap;
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        s[i].left = (int32_t)i - 1;
        s[i].right = i + 1 < n ? (int32_t)i + 1 : -1;
    }
    for (size_t i = 0; i + 1 < n; i++)
        add_candidate(m, s, (int32_t)i, heap, &count);
    while (count > 0) {
        stoa_candidate top = heap[0];
        heap[0] = heap[--count];
        if (count > 0)
            sift_down(heap, count, 0);
        int32_t i = (int32_t)(uint32_t)top.order;
        if (s[i].id < 0 || s[i].right < 0)
            continue; // merged away, or at the end, since the candidate was made
        int32_t right = s[i].right;
        const stoa_merge *merge = stoa_merges_find(&m->merges, s[i].id, s[right].id);
        if (!merge || merge->id != top.id)
            continue; // a neighbour changed
        s[i].id = merge->id;
        s[right].id = -1;
        s[i].right = s[right].right;
        if (s[i].right >= 0)
            s[s[i].right].left = i;
        add_candidate(m, s, s[i].left, heap, &count);
        add_candidate(m, s, i, heap, &count);
    }
    return true;
}

bool stoa_bpe_encode(const stoa_bpe *m, stoa_view piece, bool bytes, stoa_bpe_work *work,
                     stoa_ids *ids) {
    if (piece.len == 0)
        return true;
    if (piece.len > INT32_MAX / 2)
        return false;
    int32_t known = bytes && piece.len == 1 ? -1 // the symbol itself is looked up just as fast
                                            : stoa_strings_find(bytes ? &m->raw : &m->text, piece);
    if (known >= 0 &&
        (m->ignore_merges || atomic_load_explicit(&m->whole[known], memory_order_relaxed) == 1)) {
        stoa_ids_push(ids, known);
        return true;
    }
    if (!reserve_symbols(work, piece.len < SHORT_PIECE ? SHORT_PIECE : piece.len))
        return false;
    stoa_symbol *s = work->symbols;
    size_t n = bytes ? symbols_of_bytes(m, piece, s) : symbols_of_chars(m, piece, s);
    bool is_short = n <= SHORT_PIECE;
    if (is_short)
        n = merge_short(m, s, n);
    else if (!merge_long(m, work, n))
        return false;
    size_t before = ids->len;
    for (size_t i = 0; i < n; i++)
        if (s[i].id >= 0)
            stoa_ids_push(ids, s[i].id);
    if (known >= 0 && !ids->failed)
        atomic_store_explicit(&m->whole[known],
                              ids->len == before + 1 && ids->data[before] == known ? 1 : 2,
                              memory_order_relaxed);
    return true;
}
