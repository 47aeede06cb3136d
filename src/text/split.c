/*
 * split.c - the stages of a pre-tokenizer.
 *
 * A stage reads list->item and writes list->next; then the two change places. Cutting works on
 * segments: the matches of a pattern and the gaps between them, which a behavior joins or drops.
 */
#include "text/split.h"

#include "text/unicode.h"

#include <string.h>

typedef struct stoa_segment {
    size_t begin, end;
    bool match; /* after the behavior was applied: to be dropped */
} stoa_segment;

void stoa_splitter_deinit(stoa_splitter *s) {
    stoa_pattern_deinit(&s->pattern);
    *s = (stoa_splitter){0};
}

void stoa_piece_list_deinit(stoa_piece_list *list) {
    stoa_free(list->item);
    stoa_free(list->next);
    stoa_free(list->segments);
    stoa_buffer_deinit(&list->rewritten[0]);
    stoa_buffer_deinit(&list->rewritten[1]);
    *list = (stoa_piece_list){0};
}

/* Room for one more element of `size` bytes. */
static bool room(stoa_piece_list *list, void **items, size_t *cap, size_t count, size_t size) {
    if (list->failed || count < *cap)
        return !list->failed;
    size_t wider = *cap ? *cap + *cap / 2 : 256;
    void *grown = stoa_realloc(*items, *cap * size, wider * size);
    list->failed = grown == NULL;
    if (grown) {
        *items = grown;
        *cap = wider;
    }
    return !list->failed;
}

static void add_piece(stoa_piece_list *list, size_t begin, size_t end, bool first) {
    void *items = list->next;
    if (begin == end || !room(list, &items, &list->next_cap, list->next_count, sizeof(stoa_piece)))
        return;
    list->next = items;
    list->next[list->next_count++] = (stoa_piece){begin, end, first};
}

static void add_segment(stoa_piece_list *list, size_t begin, size_t end, bool match) {
    void *items = list->segments;
    if (!room(list, &items, &list->segment_cap, list->segment_count, sizeof(stoa_segment)))
        return;
    list->segments = items;
    list->segments[list->segment_count++] = (stoa_segment){begin, end, match};
}

static void swap_lists(stoa_piece_list *list) {
    stoa_piece *item = list->item;
    size_t cap = list->cap;
    list->item = list->next;
    list->cap = list->next_cap;
    list->count = list->next_count;
    list->next = item;
    list->next_cap = cap;
    list->next_count = 0;
}

/* ---- segments ---- */

/* Joins segments as the behavior says; afterwards `match` means: drop. */
static void apply_behavior(stoa_piece_list *list, stoa_behavior behavior) {
    stoa_segment *s = list->segments;
    size_t n = list->segment_count, kept = 0;
    bool previous = false; // was the segment before a match?
    switch (behavior) {
    case STOA_BEHAVIOR_REMOVED:
        return; // matches are what is dropped
    case STOA_BEHAVIOR_ISOLATED:
        kept = n;
        break;
    case STOA_BEHAVIOR_CONTIGUOUS:
        for (size_t i = 0; i < n; previous = s[i++].match)
            if (kept > 0 && s[i].match == previous)
                s[kept - 1].end = s[i].end;
            else
                s[kept++] = (stoa_segment){s[i].begin, s[i].end, s[i].match};
        break;
    case STOA_BEHAVIOR_MERGED_WITH_PREVIOUS:
        for (size_t i = 0; i < n; i++) {
            bool match = s[i].match; // s[i] may be overwritten below
            if (kept > 0 && match && !previous)
                s[kept - 1].end = s[i].end;
            else
                s[kept++] = s[i];
            previous = match;
        }
        break;
    case STOA_BEHAVIOR_MERGED_WITH_NEXT: // the same from the other end, at the array's end
        kept = n;
        for (size_t i = n; i-- > 0;) {
            bool match = s[i].match;
            if (kept < n && match && !previous)
                s[kept].begin = s[i].begin;
            else
                s[--kept] = s[i];
            previous = match;
        }
        memmove(s, s + kept, (n - kept) * sizeof *s);
        kept = n - kept;
        break;
    }
    for (size_t i = 0; i < kept; i++)
        s[i].match = false;
    list->segment_count = kept;
}

/* Turns the segments of a piece into pieces. */
static void add_segments(stoa_piece_list *list, stoa_piece piece, stoa_behavior behavior) {
    if (list->segment_count > 0)
        apply_behavior(list, behavior);
    for (size_t i = 0; i < list->segment_count; i++) {
        stoa_segment s = list->segments[i];
        if (!s.match)
            add_piece(list, s.begin, s.end, piece.first && s.begin == piece.begin);
    }
    list->segment_count = 0;
}

static stoa_status cut_by_pattern(stoa_piece_list *list, const stoa_pattern *pattern, bool invert,
                                  stoa_behavior behavior, stoa_piece piece, stoa_error *err) {
    const char *base = list->text.ptr + piece.begin;
    size_t n = piece.end - piece.begin;
    if (pattern->scan && !invert && behavior == STOA_BEHAVIOR_ISOLATED) { // tiles the text
        for (size_t at = 0, end; at < n && !list->failed; at = end) {
            end = pattern->scan(base, n, at);
            add_piece(list, piece.begin + at, piece.begin + end, piece.first && at == 0);
        }
        return STOA_OK;
    }
    stoa_matcher m;
    STOA_TRY(stoa_matcher_init(&m, pattern, (stoa_view){base, n}, err));
    size_t done = 0, begin = 0, end = 0;
    bool found = true;
    stoa_status status;
    while ((status = stoa_matcher_next(&m, &found, &begin, &end, err)) == STOA_OK && found &&
           !list->failed) {
        if (begin > done)
            add_segment(list, piece.begin + done, piece.begin + begin, invert);
        add_segment(list, piece.begin + begin, piece.begin + end, !invert);
        done = end;
    }
    stoa_matcher_deinit(&m);
    if (done < n)
        add_segment(list, piece.begin + done, piece.end, invert);
    add_segments(list, piece, behavior);
    return status;
}

/* Every character of the class is a match of its own. */
static void cut_by_class(stoa_piece_list *list, bool (*in_class)(uint32_t), stoa_behavior behavior,
                         stoa_piece piece) {
    size_t done = piece.begin;
    for (size_t at = piece.begin; at < piece.end;) {
        stoa_char c = stoa_char_at(list->text.ptr + at, piece.end - at);
        if (in_class(c.code)) {
            if (at > done)
                add_segment(list, done, at, false);
            add_segment(list, at, at + c.bytes, true);
            done = at + c.bytes;
        }
        at += c.bytes;
    }
    if (done < piece.end)
        add_segment(list, done, piece.end, false);
    add_segments(list, piece, behavior);
}

/* \w+|[^\w\s]+ */
static void cut_words(stoa_piece_list *list, stoa_piece piece) {
    size_t begin = piece.begin;
    int running = 0; // 0: space, 1: word, 2: other
    for (size_t at = piece.begin; at < piece.end;) {
        stoa_char c = stoa_char_at(list->text.ptr + at, piece.end - at);
        int now = stoa_char_is_word(c.code) ? 1 : stoa_char_is_space(c.code) ? 0 : 2;
        if (now != running) {
            if (running != 0)
                add_piece(list, begin, at, piece.first && begin == piece.begin);
            begin = at;
            running = now;
        }
        at += c.bytes;
    }
    if (running != 0)
        add_piece(list, begin, piece.end, piece.first && begin == piece.begin);
}

/* ---- stages that rewrite ---- */

typedef struct rewriting {
    const stoa_splitter *stage;
    bool continuing; /* the first piece of the list gets no prefix */
} rewriting;

/* Appends the prefix and the piece to out. */
static void metaspace(const rewriting *r, const stoa_piece_list *list, size_t i, stoa_buffer *out) {
    const stoa_splitter *s = r->stage;
    stoa_piece piece = list->item[i];
    const char *text = list->text.ptr + piece.begin;
    size_t n = piece.end - piece.begin;
    bool present =
        n > 0 && (*text == ' ' || (n >= s->replacement_len &&
                                   memcmp(text, s->replacement, s->replacement_len) == 0));
    bool wanted =
        s->prefix == STOA_PREFIX_ALWAYS || (s->prefix == STOA_PREFIX_FIRST && piece.first);
    if (wanted && !present && !(r->continuing && i == 0))
        stoa_buffer_append(out, s->replacement, s->replacement_len);
    for (size_t at = 0; at < n;) {
        const char *space = memchr(text + at, ' ', n - at);
        size_t run = space ? (size_t)(space - text) - at : n - at;
        stoa_buffer_append(out, text + at, run);
        if (space)
            stoa_buffer_append(out, s->replacement, s->replacement_len);
        at += run + (space != NULL);
    }
}

static void prefix_space(const rewriting *r, const stoa_piece_list *list, size_t i,
                         stoa_buffer *out) {
    stoa_piece piece = list->item[i];
    if (list->text.ptr[piece.begin] != ' ' && !(r->continuing && i == 0))
        stoa_buffer_append(out, " ", 1);
    stoa_buffer_append(out, list->text.ptr + piece.begin, piece.end - piece.begin);
}

static void byte_alphabet(const rewriting *r, const stoa_piece_list *list, size_t i,
                          stoa_buffer *out) {
    (void)r;
    stoa_piece piece = list->item[i];
    stoa_byte_alphabet_append(out,
                              (stoa_view){list->text.ptr + piece.begin, piece.end - piece.begin});
}

/* Writes every piece anew through fn. */
static void rewrite(stoa_piece_list *list, rewriting r,
                    void (*fn)(const rewriting *, const stoa_piece_list *, size_t, stoa_buffer *)) {
    stoa_buffer *out = &list->rewritten[list->text.ptr == list->rewritten[0].data];
    out->len = 0;
    for (size_t i = 0; i < list->count; i++) {
        size_t begin = out->len;
        fn(&r, list, i, out);
        add_piece(list, begin, out->len, list->item[i].first);
    }
    list->failed = list->failed || out->failed;
    list->text = (stoa_view){out->data, out->len};
    swap_lists(list);
}

/* ---- stages ---- */

static stoa_status cut(stoa_piece_list *list, const stoa_splitter *s, stoa_piece piece,
                       stoa_error *err) {
    switch (s->kind) {
    case STOA_SPLITTER_PATTERN:
    case STOA_SPLITTER_BYTE_LEVEL:
        return cut_by_pattern(list, &s->pattern, s->invert, s->behavior, piece, err);
    case STOA_SPLITTER_METASPACE:
        return cut_by_pattern(list, &s->pattern, false, STOA_BEHAVIOR_MERGED_WITH_NEXT, piece, err);
    case STOA_SPLITTER_DIGITS:
        cut_by_class(list, stoa_char_is_number,
                     s->single ? STOA_BEHAVIOR_ISOLATED : STOA_BEHAVIOR_CONTIGUOUS, piece);
        break;
    case STOA_SPLITTER_WHITESPACE:
        cut_words(list, piece);
        break;
    case STOA_SPLITTER_WHITESPACE_SPLIT:
        cut_by_class(list, stoa_char_is_space, STOA_BEHAVIOR_REMOVED, piece);
        break;
    case STOA_SPLITTER_PUNCTUATION:
        cut_by_class(list, stoa_char_is_punctuation, s->behavior, piece);
        break;
    }
    return STOA_OK;
}

/* Runs one stage; `last`: the model may see raw bytes after it. */
static stoa_status run_stage(const stoa_splitter *s, bool continuing, bool last,
                             stoa_piece_list *list, stoa_error *err) {
    bool cuts = true, maps = s->kind == STOA_SPLITTER_BYTE_LEVEL;
    if (s->kind == STOA_SPLITTER_METASPACE) {
        rewrite(list, (rewriting){s, continuing}, metaspace);
        cuts = s->split;
    } else if (maps) {
        if (s->prefix == STOA_PREFIX_ALWAYS)
            rewrite(list, (rewriting){s, continuing}, prefix_space);
        cuts = s->use_pattern;
    }
    if (cuts && !list->failed) {
        for (size_t i = 0; i < list->count; i++)
            STOA_TRY(cut(list, s, list->item[i], err));
        swap_lists(list);
    }
    if (maps && last)
        list->bytes = true;
    else if (maps && !list->failed)
        rewrite(list, (rewriting){s, continuing}, byte_alphabet);
    return list->failed ? stoa_fail(err, STOA_ERR_MEMORY, "no memory to cut a text into pieces")
                        : STOA_OK;
}

stoa_status stoa_split_text(const stoa_splitter *stages, size_t count, stoa_view text, bool first,
                            bool continuing, bool raw_bytes, stoa_piece_list *list,
                            stoa_error *err) {
    list->text = text;
    list->bytes = false;
    list->failed = false;
    list->next_count = list->segment_count = 0;
    add_piece(list, 0, text.len, first);
    swap_lists(list);
    stoa_status status =
        list->failed ? stoa_fail(err, STOA_ERR_MEMORY, "no memory to cut a text") : STOA_OK;
    for (size_t i = 0; i < count && status == STOA_OK; i++)
        status = run_stage(&stages[i], continuing, raw_bytes && i + 1 == count, list, err);
    return status;
}
