/*
 * translate.c - regexes from Oniguruma's Ruby syntax to PCRE2's, keeping their meaning.
 *
 * The two agree on nearly everything that tokenizer files contain. They differ in what \s, \w, \v
 * and \h mean, in (?m), {,n}, {n,m}+ and in set operations inside classes; the first are rewritten,
 * the last are refused.
 */
#include "text/regex.h"

#include <string.h>

/* Contents of classes. White space is the Unicode property, which PCRE2's \s lacks U+0085 of. Word
 * characters are Oniguruma's, which outside of a class include the fractions and superscripts of
 * Latin-1. */
#define SPACES "\\x{9}-\\x{d}\\x{85}\\p{Z}"
#define NOT_SPACES                                                                                 \
    "\\x{0}-\\x{8}\\x{e}-\\x{1f}\\x{21}-\\x{84}\\x{86}-\\x{9f}\\x{a1}-\\x{167f}"                   \
    "\\x{1681}-\\x{1fff}\\x{200b}-\\x{2027}\\x{202a}-\\x{202e}\\x{2030}-\\x{205e}"                 \
    "\\x{2060}-\\x{2fff}\\x{3001}-\\x{10ffff}"
#define WORDS                                                                                      \
    "\\p{L}\\p{M}\\p{Nd}\\p{Nl}\\p{Pc}\\x{24b6}-\\x{24e9}\\x{1f130}-\\x{1f149}"                    \
    "\\x{1f150}-\\x{1f169}\\x{1f170}-\\x{1f189}"

#define LATIN1_NUMBERS "\\x{b2}\\x{b3}\\x{b9}\\x{bc}-\\x{be}"

/* What \letter becomes outside and inside a class; NULL: not allowed there. */
static const struct escape {
    char letter;
    const char *outside, *inside;
} escapes[] = {
    {'s', "[" SPACES "]", SPACES},
    {'S', "[^" SPACES "]", NOT_SPACES},
    {'w', "[" WORDS LATIN1_NUMBERS "]", WORDS},
    {'W', "[^" WORDS LATIN1_NUMBERS "]", NULL},
    {'h', "[0-9a-fA-F]", "0-9a-fA-F"},
    {'H', "[^0-9a-fA-F]", NULL},
    {'d', "\\p{Nd}", "\\p{Nd}"},
    {'D', "\\P{Nd}", "\\P{Nd}"},
    {'v', "\\x{b}", "\\x{b}"},
    {'n', "\\n", "\\n"},
    {'r', "\\r", "\\r"},
    {'t', "\\t", "\\t"},
    {'f', "\\f", "\\f"},
    {'a', "\\a", "\\a"},
    {'e', "\\e", "\\e"},
    {'b', "\\b", "\\x{8}"},
    {'B', "\\B", NULL},
    {'A', "\\A", NULL},
    {'z', "\\z", NULL},
    {'Z', "\\Z", NULL},
};

typedef struct translator {
    const char *text;
    size_t len, at;
    stoa_buffer *out;
    stoa_error *err;
} translator;

static void put(translator *t, const char *text) {
    stoa_buffer_append(t->out, text, strlen(text));
}

static bool here(const translator *t, const char *text) {
    size_t n = strlen(text);
    return t->len - t->at >= n && memcmp(t->text + t->at, text, n) == 0;
}

/* Copies n bytes. */
static void copy(translator *t, size_t n) {
    stoa_buffer_append(t->out, t->text + t->at, n);
    t->at += n;
}

static stoa_status refuse(const translator *t, const char *what) {
    return stoa_fail(t->err, STOA_ERR_UNSUPPORTED, "%s at byte %zu of the pattern", what, t->at);
}

static bool is_hex(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* \x41, \x{1F600} or \u0041: all become \x{...}. */
static stoa_status code_point(translator *t) {
    bool braces = here(t, "\\x{");
    size_t from = t->at + (braces ? 3 : 2), most = braces ? 6 : t->text[t->at + 1] == 'u' ? 4 : 2;
    size_t n = 0;
    while (n < most && from + n < t->len && is_hex(t->text[from + n]))
        n++;
    bool closed = !braces || (from + n < t->len && t->text[from + n] == '}');
    if (n == 0 || !closed || (t->text[t->at + 1] == 'u' && n < 4))
        return refuse(t, "a malformed code point");
    if (!braces && n == 2 && t->text[t->at + 1] == 'x' && t->text[from] >= '8')
        return refuse(t, "a byte that is not a character"); // \x80 and above mean raw bytes there
    stoa_buffer_printf(t->out, "\\x{%.*s}", (int)n, t->text + from);
    t->at = from + n + braces;
    return STOA_OK;
}

/* \p{L} or \P{Han}: longer names than a category's are scripts. PCRE2 must be told so, or it takes
 * characters that several scripts share as well. */
static stoa_status property(translator *t) {
    const char *name = t->text + t->at + 2, *end = t->text + t->len;
    const char *close = name < end ? memchr(name, '}', (size_t)(end - name)) : NULL;
    if (!close || *name != '{')
        return refuse(t, "a property without braces");
    copy(t, 3 + (name[1] == '^'));
    if (close - (t->text + t->at) > 2)
        put(t, "sc:");
    copy(t, (size_t)(close + 1 - (t->text + t->at)));
    return STOA_OK;
}

static stoa_status escape(translator *t, bool in_class) {
    if (t->at + 1 >= t->len)
        return refuse(t, "a lone backslash");
    char letter = t->text[t->at + 1];
    if (letter == 'x' || letter == 'u')
        return code_point(t);
    if (letter == 'p' || letter == 'P')
        return property(t);
    for (size_t i = 0; i < sizeof escapes / sizeof *escapes; i++)
        if (escapes[i].letter == letter) {
            const char *meaning = in_class ? escapes[i].inside : escapes[i].outside;
            if (!meaning)
                return refuse(t, "an escape that a class cannot contain");
            put(t, meaning);
            t->at += 2;
            return STOA_OK;
        }
    bool alphanumeric = (letter >= '0' && letter <= '9') || (letter >= 'a' && letter <= 'z') ||
                        (letter >= 'A' && letter <= 'Z');
    if (alphanumeric)
        return refuse(t, "an escape that is not supported");
    copy(t, 2);
    return STOA_OK;
}

static stoa_status class(translator *t) {
    copy(t, 1);
    if (here(t, "^"))
        copy(t, 1);
    if (here(t, "]"))
        return refuse(t, "an empty class");
    while (t->at < t->len && t->text[t->at] != ']') {
        if (here(t, "&&"))
            return refuse(t, "an intersection of classes");
        if (here(t, "["))
            return refuse(t, "a class inside a class");
        if (here(t, "\\"))
            STOA_TRY(escape(t, true));
        else
            copy(t, 1);
    }
    if (t->at == t->len)
        return refuse(t, "a class without end");
    copy(t, 1);
    return STOA_OK;
}

/* ( and what may follow it. */
static stoa_status group(translator *t) {
    static const char *const same[] = {"(?:", "(?=", "(?!", "(?<=", "(?<!", "(?>"};
    if (here(t, "(*"))
        return refuse(t, "a verb"); // PCRE2 would take it as an instruction
    if (!here(t, "(?")) {
        copy(t, 1);
        return STOA_OK;
    }
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        if (here(t, same[i])) {
            copy(t, strlen(same[i]));
            return STOA_OK;
        }
    bool first = t->at == 0;
    size_t n = 2;
    while (t->at + n < t->len && strchr("im-", t->text[t->at + n]) && t->text[t->at + n])
        n++;
    char after = t->at + n < t->len ? t->text[t->at + n] : '\0';
    if (n == 2 || (after != ':' && !(after == ')' && first)))
        return refuse(t, "a kind of group that is not supported");
    for (size_t i = 0; i <= n; i++) { // Ruby's m lets the dot match line ends: PCRE2's s
        char c = t->text[t->at + i];
        stoa_buffer_append(t->out, c == 'm' ? "s" : &t->text[t->at + i], 1);
    }
    t->at += n + 1;
    return STOA_OK;
}

/* { as a repetition, or as itself. */
static stoa_status braces(translator *t) {
    size_t i = t->at + 1, digits = 0;
    while (i < t->len && t->text[i] >= '0' && t->text[i] <= '9')
        i++, digits++;
    bool comma = i < t->len && t->text[i] == ',';
    for (i += comma; i < t->len && t->text[i] >= '0' && t->text[i] <= '9'; i++)
        digits++;
    bool repetition = digits > 0 && i < t->len && t->text[i] == '}';
    if (!repetition) {
        copy(t, 1);
        return STOA_OK;
    }
    if (i + 1 < t->len && t->text[i + 1] == '+')
        return refuse(t, "a repeated repetition"); // nested there, possessive in PCRE2
    if (t->text[t->at + 1] == ',') {
        put(t, "{0");
        t->at++;
    }
    copy(t, i + 1 - t->at);
    return STOA_OK;
}

stoa_status stoa_regex_translate(stoa_view regex, stoa_buffer *out, stoa_error *err) {
    translator t = {.text = regex.ptr, .len = regex.len, .out = out, .err = err};
    while (t.at < t.len) {
        switch (t.text[t.at]) {
        case '\\':
            STOA_TRY(escape(&t, false));
            break;
        case '[':
            STOA_TRY(class(&t));
            break;
        case '(':
            STOA_TRY(group(&t));
            break;
        case '{':
            STOA_TRY(braces(&t));
            break;
        default:
            copy(&t, 1);
        }
    }
    return STOA_OK;
}
