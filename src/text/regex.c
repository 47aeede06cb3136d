/*
 * regex.c - patterns: compiled once, matched with limits so that no text can hang the program.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "text/regex.h"

#include "text/unicode.h"

#include <pcre2.h>
#include <string.h>

enum {
    PATTERN_MAX = 1 << 14,   // bytes of a translated pattern
    MATCH_STEPS = 4 << 20,   // backtracking points in one match
    MATCH_MEMORY = 64 << 10, // KiB of backtracking memory
};

stoa_status stoa_pattern_literal(stoa_pattern *p, stoa_view text, stoa_error *err) {
    *p = (stoa_pattern){0};
    if (text.len == 0)
        return stoa_fail(err, STOA_ERR_FORMAT, "an empty pattern");
    p->literal = stoa_alloc(text.len + 1);
    if (!p->literal)
        return stoa_fail(err, STOA_ERR_MEMORY, "no memory for a pattern");
    memcpy(p->literal, text.ptr, text.len);
    p->literal_len = text.len;
    return STOA_OK;
}

static stoa_status compile(stoa_pattern *p, const stoa_buffer *regex, stoa_error *err) {
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    if (!context)
        return stoa_fail(err, STOA_ERR_MEMORY, "no memory for a pattern");
    pcre2_set_newline(context, PCRE2_NEWLINE_LF);
    pcre2_set_max_pattern_length(context, PATTERN_MAX);
    int code = 0;
    PCRE2_SIZE offset = 0;
    p->code = pcre2_compile((PCRE2_SPTR)regex->data, regex->len,
                            PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C,
                            &code, &offset, context);
    pcre2_compile_context_free(context);
    if (p->code) {
        uint32_t matches_empty = 0;
        pcre2_pattern_info(p->code, PCRE2_INFO_MATCHEMPTY, &matches_empty);
        if (!matches_empty)
            return STOA_OK;
        return stoa_fail(err, STOA_ERR_UNSUPPORTED,
                         "the pattern can match nothing at all, which cuts no pieces");
    }
    char why[160] = "";
    pcre2_get_error_message(code, (PCRE2_UCHAR *)why, sizeof why);
    return stoa_fail(err, STOA_ERR_FORMAT, "bad pattern near byte %zu: %s", (size_t)offset, why);
}

stoa_status stoa_pattern_regex(stoa_pattern *p, stoa_view regex, stoa_error *err) {
    *p = (stoa_pattern){.scan = stoa_scanner_find(regex)};
    if (p->scan)
        return STOA_OK;
    if (regex.len == 0)
        return stoa_fail(err, STOA_ERR_FORMAT, "an empty pattern");
    stoa_buffer translated = {0};
    stoa_status status = stoa_regex_translate(regex, &translated, err);
    if (status == STOA_OK && translated.failed)
        status = stoa_fail(err, STOA_ERR_MEMORY, "no memory for a pattern");
    if (status == STOA_OK)
        status = compile(p, &translated, err);
    stoa_buffer_deinit(&translated);
    if (status != STOA_OK)
        stoa_pattern_deinit(p);
    return status;
}

void stoa_pattern_deinit(stoa_pattern *p) {
    stoa_free(p->literal);
    pcre2_code_free(p->code);
    *p = (stoa_pattern){0};
}

/* ---- matching ---- */

/* Finds the next well-formed stretch at or after `from`. */
static void next_stretch(stoa_matcher *m, size_t from) {
    while (from < m->text.len) {
        size_t span = stoa_utf8_span((stoa_view){m->text.ptr + from, m->text.len - from});
        if (span > 0) {
            m->valid_begin = m->at = from;
            m->valid_end = from + span;
            return;
        }
        from++;
    }
    m->valid_begin = m->valid_end = m->at = m->text.len;
}

stoa_status stoa_matcher_init(stoa_matcher *m, const stoa_pattern *pattern, stoa_view text,
                              stoa_error *err) {
    *m = (stoa_matcher){.pattern = pattern, .text = text};
    if (!pattern->code)
        return STOA_OK;
    m->data = pcre2_match_data_create(1, NULL);
    m->limits = pcre2_match_context_create(NULL);
    if (!m->data || !m->limits) {
        stoa_matcher_deinit(m);
        return stoa_fail(err, STOA_ERR_MEMORY, "no memory to match a pattern");
    }
    pcre2_set_match_limit(m->limits, MATCH_STEPS);
    pcre2_set_heap_limit(m->limits, MATCH_MEMORY);
    next_stretch(m, 0);
    return STOA_OK;
}

static stoa_status next_regex(stoa_matcher *m, bool *found, size_t *begin, size_t *end,
                              stoa_error *err) {
    while (m->at < m->valid_end) {
        int count = pcre2_match(m->pattern->code, (PCRE2_SPTR)m->text.ptr + m->valid_begin,
                                m->valid_end - m->valid_begin, m->at - m->valid_begin,
                                PCRE2_NO_UTF_CHECK | PCRE2_NOTEMPTY, m->data, m->limits);
        if (count == PCRE2_ERROR_NOMATCH) {
            next_stretch(m, m->valid_end);
            continue;
        }
        if (count < 0) {
            char why[160] = "";
            pcre2_get_error_message(count, (PCRE2_UCHAR *)why, sizeof why);
            return stoa_fail(err, STOA_ERR_UNSUPPORTED,
                             "the tokenizer's pattern gave up at byte %zu of a text: %s", m->at,
                             why);
        }
        const PCRE2_SIZE *span = pcre2_get_ovector_pointer(m->data);
        *begin = m->valid_begin + span[0];
        *end = m->valid_begin + span[1];
        if (*end <= *begin || *begin < m->at) { // a look-around that moved the start
            stoa_char c = stoa_char_at(m->text.ptr + m->at, m->valid_end - m->at);
            m->at += c.bytes;
            continue;
        }
        m->at = *end;
        *found = true;
        return STOA_OK;
    }
    *found = false;
    return STOA_OK;
}

stoa_status stoa_matcher_next(stoa_matcher *m, bool *found, size_t *begin, size_t *end,
                              stoa_error *err) {
    if (m->pattern->code)
        return next_regex(m, found, begin, end, err);
    *found = false;
    if (m->at >= m->text.len)
        return STOA_OK;
    const char *rest = m->text.ptr + m->at;
    size_t left = m->text.len - m->at;
    if (m->pattern->scan) {
        *begin = m->at;
        *end = m->at = m->pattern->scan(m->text.ptr, m->text.len, m->at);
        *found = true;
        return STOA_OK;
    }
    const char *hit = memmem(rest, left, m->pattern->literal, m->pattern->literal_len);
    m->at = hit ? (size_t)(hit - m->text.ptr) + m->pattern->literal_len : m->text.len;
    *found = hit != NULL;
    if (hit) {
        *begin = (size_t)(hit - m->text.ptr);
        *end = m->at;
    }
    return STOA_OK;
}

void stoa_matcher_deinit(stoa_matcher *m) {
    pcre2_match_data_free(m->data);
    pcre2_match_context_free(m->limits);
    *m = (stoa_matcher){0};
}
