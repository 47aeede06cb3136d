/*
 * decode.c - ids to text: whole, or token by token.
 *
 * The stages of a decoder work on a list of strings, one a token at first. Streaming decodes a
 * short window of recent ids again and again and gives out what is new; the window begins with a
 * token that was given out already, so that what a stage does to the very first token is done to
 * it.
 */
#include "text/tokenizer.h"
#include "text/unicode.h"

#include <string.h>

/* A list of strings: their bytes end to end, and where each ends. */
typedef struct strings {
    stoa_buffer bytes;
    size_t *end; /* (count) */
    size_t count, cap;
    bool failed;
} strings;

static void strings_deinit(strings *s) {
    stoa_buffer_deinit(&s->bytes);
    stoa_free(s->end);
    *s = (strings){0};
}

/* Ends the string that was appended to s->bytes. */
static void end_string(strings *s) {
    if (s->count == s->cap) {
        size_t cap = s->cap ? s->cap * 2 : 64;
        size_t *end = stoa_realloc(s->end, s->cap * sizeof *end, cap * sizeof *end);
        if (!end) {
            s->failed = true;
            return;
        }
        s->end = end;
        s->cap = cap;
    }
    s->end[s->count++] = s->bytes.len;
}

static stoa_view string_at(const strings *s, size_t i) {
    size_t begin = i > 0 ? s->end[i - 1] : 0;
    return (stoa_view){s->bytes.data ? s->bytes.data + begin : "", s->end[i] - begin};
}

/* ---- stages: in -> out ---- */

static void byte_level(const strings *in, bool lossy, strings *out) {
    stoa_buffer spelled = {0};
    stoa_buffer *to = lossy ? &spelled : &out->bytes;
    for (size_t i = 0; i < in->count; i++) {
        stoa_view text = string_at(in, i);
        if (!stoa_byte_alphabet_decode(to, text))
            stoa_buffer_append(to, text.ptr, text.len);
    }
    if (lossy)
        stoa_utf8_append_lossy(&out->bytes, (stoa_view){spelled.data, spelled.len});
    out->failed = out->failed || spelled.failed;
    stoa_buffer_deinit(&spelled);
    end_string(out);
}

static stoa_status replace(const stoa_decode_stage *s, const strings *in, strings *out,
                           stoa_error *err) {
    for (size_t i = 0; i < in->count; i++) {
        stoa_view text = string_at(in, i);
        stoa_matcher m;
        STOA_TRY(stoa_matcher_init(&m, &s->pattern, text, err));
        size_t copied = 0, begin = 0, end = 0;
        bool found = true;
        stoa_status status;
        while ((status = stoa_matcher_next(&m, &found, &begin, &end, err)) == STOA_OK && found) {
            stoa_buffer_append(&out->bytes, text.ptr + copied, begin - copied);
            stoa_buffer_append(&out->bytes, s->content, s->content_len);
            copied = end;
        }
        stoa_matcher_deinit(&m);
        if (status != STOA_OK)
            return status;
        stoa_buffer_append(&out->bytes, text.ptr + copied, text.len - copied);
        end_string(out);
    }
    return STOA_OK;
}

static int hex_digit(char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                  : -1;
}

/* The byte that <0xHH> names, or -1. */
static int named_byte(stoa_view text) {
    if (text.len != 6 || memcmp(text.ptr, "<0x", 3) != 0 || text.ptr[5] != '>')
        return -1;
    int high = hex_digit(text.ptr[3]), low = hex_digit(text.ptr[4]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

static void byte_fallback(const strings *in, bool lossy, strings *out) {
    for (size_t i = 0; i < in->count;) {
        int byte = named_byte(string_at(in, i));
        if (byte < 0) {
            stoa_view text = string_at(in, i++);
            stoa_buffer_append(&out->bytes, text.ptr, text.len);
            end_string(out);
            continue;
        }
        size_t begin = out->bytes.len, run = i;
        for (; i < in->count && (byte = named_byte(string_at(in, i))) >= 0; i++) {
            char one = (char)byte;
            stoa_buffer_append(&out->bytes, &one, 1);
        }
        stoa_view bytes = {out->bytes.data + begin, out->bytes.len - begin};
        if (lossy && !out->bytes.failed && stoa_utf8_span(bytes) != bytes.len) {
            out->bytes.len = begin; // one U+FFFD a byte, unlike elsewhere
            for (; run < i; run++) {
                stoa_buffer_append(&out->bytes, "\xef\xbf\xbd", 3);
                end_string(out);
            }
        } else {
            end_string(out);
        }
    }
}

static stoa_view strip(const stoa_decode_stage *s, stoa_view text) {
    for (int i = 0; i < s->start && text.len >= s->content_len &&
                    memcmp(text.ptr, s->content, s->content_len) == 0;
         i++) {
        text.ptr += s->content_len;
        text.len -= s->content_len;
    }
    for (int i = 0; i < s->stop && text.len >= s->content_len &&
                    memcmp(text.ptr + text.len - s->content_len, s->content, s->content_len) == 0;
         i++)
        text.len -= s->content_len;
    return text;
}

static void metaspace(const stoa_decode_stage *s, stoa_view text, bool first, strings *out) {
    for (size_t at = 0; at < text.len;) {
        const char *hit = memmem(text.ptr + at, text.len - at, s->content, s->content_len);
        size_t run = hit ? (size_t)(hit - text.ptr) - at : text.len - at;
        stoa_buffer_append(&out->bytes, text.ptr + at, run);
        if (hit && !(first && s->prefix))
            stoa_buffer_append(&out->bytes, " ", 1);
        at += run + (hit ? s->content_len : 0);
    }
    end_string(out);
}

static stoa_status run_stage(const stoa_decode_stage *s, const strings *in, bool lossy,
                             strings *out, stoa_error *err) {
    switch (s->kind) {
    case STOA_DECODE_BYTE_LEVEL:
        byte_level(in, lossy, out);
        break;
    case STOA_DECODE_REPLACE:
        return replace(s, in, out, err);
    case STOA_DECODE_BYTE_FALLBACK:
        byte_fallback(in, lossy, out);
        break;
    case STOA_DECODE_FUSE:
        stoa_buffer_append(&out->bytes, in->bytes.data, in->bytes.len);
        end_string(out);
        break;
    case STOA_DECODE_STRIP:
        for (size_t i = 0; i < in->count; i++) {
            stoa_view text = strip(s, string_at(in, i));
            stoa_buffer_append(&out->bytes, text.ptr, text.len);
            end_string(out);
        }
        break;
    case STOA_DECODE_METASPACE:
        for (size_t i = 0; i < in->count; i++)
            metaspace(s, string_at(in, i), i == 0, out);
        break;
    }
    return STOA_OK;
}

/* ---- whole texts ---- */

/* The strings of the ids, as the file writes them. */
static stoa_status gather(const stoa_tokenizer *t, const int32_t *ids, size_t n, unsigned flags,
                          strings *out, stoa_error *err) {
    for (size_t i = 0; i < n; i++) {
        if (ids[i] < 0 || ids[i] >= t->vocab)
            return stoa_fail(err, STOA_ERR_FORMAT,
                             "token id %d at position %zu is outside the vocabulary of %d tokens",
                             ids[i], i, t->vocab);
        if ((flags & STOA_DECODE_SKIP_SPECIAL) && stoa_tokenizer_is_special(t, ids[i]))
            continue;
        stoa_view text = stoa_tokenizer_text(t, ids[i]);
        if (!text.ptr)
            continue;
        if (t->join_with_spaces && out->count > 0)
            stoa_buffer_append(&out->bytes, " ", 1);
        stoa_buffer_append(&out->bytes, text.ptr, text.len);
        end_string(out);
    }
    return STOA_OK;
}

stoa_status stoa_tokenizer_decode(const stoa_tokenizer *t, const int32_t *ids, size_t n,
                                  unsigned flags, stoa_buffer *out, stoa_error *err) {
    bool lossy = flags & STOA_DECODE_LOSSY;
    strings list[2] = {0};
    int from = 0;
    stoa_status status = gather(t, ids, n, flags, &list[from], err);
    for (size_t i = 0; i < t->decoder_count && status == STOA_OK; i++) {
        strings *to = &list[1 - from];
        to->bytes.len = to->count = 0;
        status = run_stage(&t->decoder[i], &list[from], lossy, to, err);
        from = 1 - from;
    }
    if (status == STOA_OK) {
        stoa_view text = {list[from].bytes.data, list[from].bytes.len};
        if (lossy)
            stoa_utf8_append_lossy(out, text);
        else
            stoa_buffer_append(out, text.ptr, text.len);
        if (out->failed || list[0].failed || list[1].failed || list[0].bytes.failed ||
            list[1].bytes.failed)
            status = stoa_fail(err, STOA_ERR_MEMORY, "no memory to decode %zu tokens", n);
    }
    strings_deinit(&list[0]);
    strings_deinit(&list[1]);
    return status;
}

/* ---- token by token ---- */

enum {
    WINDOW_MAX = 32, // ids; more come only from broken text
    WINDOW_KEPT = 8, // more than the bytes of a cut-off character
};

struct stoa_decoder {
    const stoa_tokenizer *t;
    unsigned flags;
    stoa_ids window;  /* recent ids */
    stoa_buffer text; /* the window decoded */
    size_t given;     /* bytes of text that were given out */
};

stoa_decoder *stoa_decoder_new(const stoa_tokenizer *t, unsigned flags) {
    stoa_decoder *d = stoa_alloc(sizeof *d);
    if (d) {
        d->t = t;
        d->flags = flags & STOA_DECODE_SKIP_SPECIAL;
    }
    return d;
}

void stoa_decoder_free(stoa_decoder *d) {
    if (!d)
        return;
    stoa_ids_deinit(&d->window);
    stoa_buffer_deinit(&d->text);
    stoa_free(d);
}

/* Decodes the window into d->text. */
static stoa_status decode_window(stoa_decoder *d, stoa_error *err) {
    d->text.len = 0;
    STOA_TRY(stoa_tokenizer_decode(d->t, d->window.data, d->window.len, d->flags, &d->text, err));
    stoa_buffer_append(&d->text, "", 0); // so that there is data, be it empty
    return d->text.data ? STOA_OK : stoa_fail(err, STOA_ERR_MEMORY, "no memory to decode a token");
}

/* Appends what of the window's text is new, up to `end`. */
static void give(stoa_decoder *d, size_t end, stoa_buffer *out) {
    if (end <= d->given)
        return;
    stoa_utf8_append_lossy(out, (stoa_view){d->text.data + d->given, end - d->given});
    d->given = end;
}

/* Keeps only the newest ids of the window; the last `held` bytes of its text are still to come. */
static stoa_status shrink_window(stoa_decoder *d, size_t ids, size_t held, stoa_error *err) {
    memmove(d->window.data, d->window.data + d->window.len - ids, ids * sizeof *d->window.data);
    d->window.len = ids;
    STOA_TRY(decode_window(d, err));
    d->given = d->text.len > held ? d->text.len - held : 0;
    return STOA_OK;
}

stoa_status stoa_decoder_push(stoa_decoder *d, int32_t id, stoa_buffer *out, stoa_error *err) {
    if ((d->flags & STOA_DECODE_SKIP_SPECIAL) && stoa_tokenizer_is_special(d->t, id))
        return STOA_OK;
    stoa_ids_push(&d->window, id);
    if (d->window.failed)
        return stoa_fail(err, STOA_ERR_MEMORY, "no memory to decode a token");
    stoa_status status = decode_window(d, err);
    if (status != STOA_OK) {
        d->window.len--;
        return status;
    }
    size_t fresh = d->text.len > d->given ? d->text.len - d->given : 0;
    size_t held = stoa_utf8_cut_tail((stoa_view){d->text.data + d->text.len - fresh, fresh});
    give(d, d->text.len - held, out);
    if (fresh > 0 && held == 0)
        return shrink_window(d, 1, 0, err);
    // a token that spells nothing yet cannot lead the window
    return d->window.len < WINDOW_MAX ? STOA_OK : shrink_window(d, WINDOW_KEPT, held, err);
}

stoa_status stoa_decoder_finish(stoa_decoder *d, stoa_buffer *out, stoa_error *err) {
    stoa_status status = decode_window(d, err);
    if (status == STOA_OK)
        give(d, d->text.len, out);
    d->window.len = d->given = 0;
    return status;
}
