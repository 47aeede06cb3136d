/*
 * text/regex.h - patterns of tokenizer files: literals, known piece patterns, and regexes.
 *
 * Files are written for the Oniguruma engine in its Ruby syntax; here PCRE2 matches, after a
 * translation that keeps the meaning. What cannot be translated is refused.
 */
#ifndef STOA_TEXT_REGEX_H
#define STOA_TEXT_REGEX_H

#include "text/scan.h"

struct pcre2_real_code_8;
struct pcre2_real_match_data_8;
struct pcre2_real_match_context_8;

/* Exactly one of the three is set. Constant once made, so it may be shared by threads. */
typedef struct stoa_pattern {
    char *literal; /* owned, not empty */
    size_t literal_len;
    stoa_scan_fn scan;
    struct pcre2_real_code_8 *code;
} stoa_pattern;

stoa_status stoa_pattern_literal(stoa_pattern *p, stoa_view text, stoa_error *err);
/* Errors name the construct, not the file: the caller adds the place. */
stoa_status stoa_pattern_regex(stoa_pattern *p, stoa_view regex, stoa_error *err);
void stoa_pattern_deinit(stoa_pattern *p);

/* Walks through the matches of a pattern in a text, left to right. Zero length never matches. */
typedef struct stoa_matcher {
    const stoa_pattern *pattern;
    stoa_view text;
    size_t at;                     /* where to search on */
    size_t valid_begin, valid_end; /* regexes see one well-formed stretch at a time */
    struct pcre2_real_match_data_8 *data;
    struct pcre2_real_match_context_8 *limits;
} stoa_matcher;

stoa_status stoa_matcher_init(stoa_matcher *m, const stoa_pattern *pattern, stoa_view text,
                              stoa_error *err);
/* The next match, [*begin, *end); *found is false when there is none left. */
stoa_status stoa_matcher_next(stoa_matcher *m, bool *found, size_t *begin, size_t *end,
                              stoa_error *err);
void stoa_matcher_deinit(stoa_matcher *m);

/* Oniguruma (Ruby syntax) to PCRE2: appends the translation. */
stoa_status stoa_regex_translate(stoa_view regex, stoa_buffer *out, stoa_error *err);

#endif /* STOA_TEXT_REGEX_H */
