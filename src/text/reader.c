/*
 * reader.c - text files in parts.
 *
 * The buffer holds at least one part and one separator, so a separator that begins in a part is
 * always seen whole before the part is given.
 */
#include "text/reader.h"

#include "text/unicode.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PART_BYTES = 1 << 20 };

static bool is_space(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_word(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

size_t stoa_text_cut(const char *text, size_t n) {
    size_t least = n - n / 4; // look back no further than this
    for (size_t at = n - 1; at > least; at--)
        if (is_space(text[at]) && is_word(text[at - 1]))
            return at;
    for (size_t at = n - 1; at > least; at--)
        if (is_space(text[at]) && !is_space(text[at - 1]))
            return at;
    size_t tail = stoa_utf8_cut_tail((stoa_view){text, n});
    return tail < n ? n - tail : n;
}

uint64_t stoa_text_file_size(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
}

stoa_status stoa_text_reader_open(stoa_text_reader *r, const char *path, const char *separator,
                                  size_t part_bytes, stoa_error *err) {
    *r = (stoa_text_reader){.path = path, .fd = -1, .separator = separator};
    r->separator_len = separator ? strlen(separator) : 0;
    r->cap = (part_bytes ? part_bytes : PART_BYTES) + r->separator_len;
    r->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (r->fd < 0)
        return stoa_fail(err, STOA_ERR_IO, "%s: cannot open: %s", path, strerror(errno));
    r->buffer = stoa_alloc(r->cap);
    if (!r->buffer) {
        stoa_text_reader_close(r);
        return stoa_fail(err, STOA_ERR_MEMORY, "%s: no memory to read it", path);
    }
    return STOA_OK;
}

void stoa_text_reader_close(stoa_text_reader *r) {
    if (r->fd >= 0)
        close(r->fd);
    stoa_free(r->buffer);
    *r = (stoa_text_reader){.fd = -1};
}

/* Reads until the buffer is full or the file ends. */
static stoa_status fill(stoa_text_reader *r, stoa_error *err) {
    memmove(r->buffer, r->buffer + r->begin, r->end - r->begin);
    r->end -= r->begin;
    r->begin = 0;
    while (!r->at_end && r->end < r->cap) {
        ssize_t got = read(r->fd, r->buffer + r->end, r->cap - r->end);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return stoa_fail(err, STOA_ERR_IO, "%s: cannot read: %s", r->path, strerror(errno));
        r->at_end = got == 0;
        r->end += (size_t)got;
    }
    return STOA_OK;
}

/* The first separator in the unread bytes, or NULL. */
static const char *find_separator(const stoa_text_reader *r) {
    return r->separator_len > 0
               ? memmem(r->buffer + r->begin, r->end - r->begin, r->separator, r->separator_len)
               : NULL;
}

stoa_status stoa_text_reader_next(stoa_text_reader *r, stoa_text_part *part, bool *more,
                                  stoa_error *err) {
    const char *hit = find_separator(r);
    if (!hit && !r->at_end) {
        STOA_TRY(fill(r, err));
        hit = find_separator(r);
    }
    const char *text = r->buffer + r->begin;
    size_t n = r->end - r->begin, given = n, taken = n;
    *more = n > 0 || r->inside;
    if (!*more)
        return STOA_OK;
    bool ends = hit || r->at_end;
    if (hit) {
        given = (size_t)(hit - text);
        taken = given + r->separator_len;
    } else if (!ends) { // what could be the beginning of a separator stays in the buffer
        given = taken = stoa_text_cut(text, n - r->separator_len);
    }
    *part = (stoa_text_part){{text, given}, r->inside, ends};
    r->begin += taken;
    r->consumed += taken;
    r->inside = !ends;
    return STOA_OK;
}
