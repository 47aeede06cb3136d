/* cli/play_lines.c - actions from lines of text, so that playing can be scripted. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "cli/play.h"

stoa_status cli_await_input(stoa_error *err) {
    /* the timeout is for a signal that comes just before the wait */
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    for (;;) {
        if (stoa_stop_requested())
            return stoa_fail(err, STOA_ERR_INTERRUPTED, "stopped");
        int ready = poll(&input, 1, 200);
        if (ready > 0)
            return STOA_OK;
        if (ready < 0 && errno != EINTR)
            return stoa_fail(err, STOA_ERR_IO, "stdin: %s", strerror(errno));
    }
}

/* ---- reading --------------------------------------------------------------------------------- */

/* The next line without its end, in line (n bytes); false at the end of the text. */
static stoa_status next_line(cli_lines *l, char *line, size_t n, bool *found, stoa_error *err) {
    for (;;) {
        char *end = memchr(l->text, '\n', l->len);
        size_t len = end ? (size_t)(end - l->text) : l->len;
        if (len >= n || (!end && l->len == sizeof l->text))
            return stoa_fail(err, STOA_ERR_FORMAT, "line %lld is too long",
                             (long long)l->number + 1);
        *found = end || (l->ended && l->len > 0);
        if (*found) {
            size_t used = len + (end != NULL);
            memcpy(line, l->text, len);
            line[len] = '\0';
            memmove(l->text, l->text + used, l->len - used);
            l->len -= used;
            l->number++;
            return STOA_OK;
        }
        if (l->ended)
            return STOA_OK;
        STOA_TRY(cli_await_input(err));
        ssize_t got = read(STDIN_FILENO, l->text + l->len, sizeof l->text - l->len);
        if (got < 0 && errno != EINTR)
            return stoa_fail(err, STOA_ERR_IO, "stdin: %s", strerror(errno));
        l->ended = got == 0;
        l->len += got > 0 ? (size_t)got : 0;
    }
}

/* ---- actions --------------------------------------------------------------------------------- */

/* A label or a number. */
static stoa_status read_category(const stoa_space *s, stoa_view word, int32_t *out,
                                 stoa_error *err) {
    int64_t number;
    for (int64_t i = 0; s->labels && i < s->categories; i++)
        if (stoa_view_equal(word, stoa_view_of(s->labels[i]))) {
            *out = (int32_t)i;
            return STOA_OK;
        }
    if (stoa_parse_int(word, &number) && number >= 0 && number < s->categories) {
        *out = (int32_t)number;
        return STOA_OK;
    }
    char text[64];
    snprintf(text, sizeof text, "%.*s", (int)(word.len < 63 ? word.len : 63), word.ptr);
    const char *near = s->labels ? stoa_nearest(text, s->labels, (size_t)s->categories) : NULL;
    return stoa_fail(err, STOA_ERR_USAGE, "there is no %s '%s' (a name, or 0 to %lld)%s%s%s",
                     s->name, text, (long long)s->categories - 1, near ? "; did you mean '" : "",
                     near ? near : "", near ? "'?" : "");
}

static stoa_status read_number(const stoa_space *s, stoa_view word, float *out, stoa_error *err) {
    double number;
    if (!stoa_parse_float(word, &number) || !(number >= s->low && number <= s->high))
        return stoa_fail(err, STOA_ERR_USAGE, "%s wants a number from %g to %g, not '%.*s'",
                         s->name, s->low, s->high, (int)(word.len < 63 ? word.len : 63), word.ptr);
    *out = (float)number;
    return STOA_OK;
}

/* What is left of the line. */
static stoa_status read_text(const stoa_space *s, stoa_view words, char *out, stoa_error *err) {
    size_t size = stoa_space_bytes(s);
    if (words.len > size)
        return stoa_fail(err, STOA_ERR_USAGE, "%s holds %zu bytes, not %zu", s->name, size,
                         words.len);
    memset(out, 0, size);
    memcpy(out, words.ptr, words.len);
    return STOA_OK;
}

static stoa_status read_space(const stoa_space *s, const char **line, void *out, stoa_error *err) {
    if (s->kind == STOA_SPACE_TEXT) {
        stoa_view rest = stoa_view_of(*line);
        *line += rest.len;
        return read_text(s, rest, out, err);
    }
    int64_t n = stoa_space_numel(s);
    for (int64_t i = 0; i < n; i++) {
        stoa_view word = {*line, strcspn(*line, " \t")};
        if (word.len == 0)
            return stoa_fail(err, STOA_ERR_USAGE, "%s is missing", s->name);
        *line += word.len;
        *line += strspn(*line, " \t");
        if (s->kind == STOA_SPACE_CATEGORIES)
            STOA_TRY(read_category(s, word, (int32_t *)out + i, err));
        else
            STOA_TRY(read_number(s, word, (float *)out + i, err));
    }
    return STOA_OK;
}

static stoa_status read_actions(const stoa_env_spec *spec, const char *line, void *const *actions,
                                stoa_error *err) {
    for (int a = 0; a < spec->action_count; a++)
        STOA_TRY(read_space(&spec->actions[a], &line, actions[a], err));
    if (*line)
        return stoa_fail(err, STOA_ERR_USAGE, "'%s' is more than a step's actions", line);
    return STOA_OK;
}

static stoa_status choose(cli_chooser *self, const stoa_env *env, const stoa_env_buffers *seen,
                          void *const *actions, bool *quit, stoa_error *err) {
    cli_lines *l = (cli_lines *)self;
    char line[1024];
    bool found = false;
    (void)seen;
    for (;;) {
        STOA_TRY(next_line(l, line, sizeof line, &found, err));
        size_t len = found ? strlen(line) : 0;
        while (len > 0 && strchr(" \t\r", line[len - 1]))
            line[--len] = '\0';
        const char *first = line + strspn(line, " \t");
        *quit = !found || strcmp(first, "q") == 0;
        if (*quit)
            return STOA_OK;
        if (*first == '\0' || *first == '#') /* empty, or a remark */
            continue;
        stoa_status status = read_actions(stoa_env_spec_of(env), first, actions, err);
        return status == STOA_OK
                   ? STOA_OK
                   : stoa_fail_context(err, status, "line %lld", (long long)l->number);
    }
}

void cli_lines_init(cli_lines *lines, const stoa_env_spec *spec) {
    stoa_buffer help = {0};
    *lines = (cli_lines){.base.choose = choose};
    for (int a = 0; a < spec->action_count; a++) {
        const stoa_space *s = &spec->actions[a];
        stoa_buffer_printf(&help, "%s%s:", a ? "; " : "", s->name);
        for (int64_t i = 0; s->labels && i < s->categories; i++)
            stoa_buffer_printf(&help, "%s %s", i ? "," : "", s->labels[i]);
        if (s->kind == STOA_SPACE_CATEGORIES && !s->labels)
            stoa_buffer_printf(&help, " 0 to %lld", (long long)s->categories - 1);
        if (s->kind == STOA_SPACE_BOX)
            stoa_buffer_printf(&help, " %lld from %g to %g", (long long)stoa_space_numel(s), s->low,
                               s->high);
        if (s->kind == STOA_SPACE_TEXT)
            stoa_buffer_printf(&help, " text");
    }
    snprintf(lines->base.help, sizeof lines->base.help, "%s; q quits", help.data ? help.data : "");
    stoa_buffer_deinit(&help);
}
