/*
 * settings_yaml.c - reads a settings file: YAML's plain part, event by event, so that every message
 * has its line.
 *
 * Accepted: one document, a mapping of mappings, scalars and lists of scalars. Refused with a
 * reason: anchors, aliases, tags, keys given twice (also as "a.b" and as b below a), a second
 * document. Nesting, key length, list length and file size are bounded before anything is stored.
 */
#include "base/settings.h"

#include <string.h>
#include <yaml.h>

enum { DEPTH_MOST = 8, PATH_MOST = 256 };
static const size_t FILE_MOST = 1 << 20;

/* What this file has said so far about one row. */
typedef struct mention {
    size_t line;       // where its key stands; 0: not given
    uint32_t sections; // bit d: the section of depth d that this row is the first of was opened
} mention;

typedef struct reader {
    stoa_settings_table table;
    void *target;
    const char *name;
    bool *seen;
    bool lenient; // keys without a row are passed over
    stoa_error *err;
    yaml_parser_t parser;
    mention *mentions; // table.count
    char path[PATH_MOST];
    size_t path_len;
} reader;

/* ---- messages ---- */

/* Puts "name:line" before the message of a failure. */
static stoa_status at_line(reader *r, size_t line, stoa_status status) {
    return stoa_fail_context(r->err, status, "%s:%zu", r->name, line);
}

#define FAIL_AT(r, line, ...) at_line(r, line, stoa_fail((r)->err, STOA_ERR_USAGE, __VA_ARGS__))

static size_t line_of(const yaml_event_t *event) {
    return event->start_mark.line + 1;
}

static stoa_status syntax_error(reader *r) {
    const yaml_parser_t *p = &r->parser;
    const char *problem = p->problem ? p->problem : "not valid YAML";
    if (p->error == YAML_MEMORY_ERROR)
        return stoa_fail(r->err, STOA_ERR_MEMORY, "%s: no memory to read it", r->name);
    if (p->error == YAML_READER_ERROR)
        return stoa_fail(r->err, STOA_ERR_USAGE, "%s: byte %zu: %s", r->name, p->problem_offset,
                         problem);
    return FAIL_AT(r, p->problem_mark.line + 1, "column %zu: %s%s%s", p->problem_mark.column + 1,
                   problem, p->context ? " " : "", p->context ? p->context : "");
}

/* ---- events ---- */

static stoa_status next_event(reader *r, yaml_event_t *event) {
    if (!yaml_parser_parse(&r->parser, event))
        return syntax_error(r);
    const yaml_char_t *anchor = NULL, *tag = NULL;
    if (event->type == YAML_SCALAR_EVENT) {
        anchor = event->data.scalar.anchor;
        tag = event->data.scalar.tag;
    } else if (event->type == YAML_SEQUENCE_START_EVENT) {
        anchor = event->data.sequence_start.anchor;
        tag = event->data.sequence_start.tag;
    } else if (event->type == YAML_MAPPING_START_EVENT) {
        anchor = event->data.mapping_start.anchor;
        tag = event->data.mapping_start.tag;
    }
    const char *refused = event->type == YAML_ALIAS_EVENT ? "an alias (*name)"
                          : anchor                        ? "an anchor (&name)"
                          : tag                           ? "a tag (!name)"
                                                          : NULL;
    if (!refused)
        return STOA_OK;
    stoa_status status =
        FAIL_AT(r, line_of(event), "%s is not supported here; write the value out", refused);
    yaml_event_delete(event);
    return status;
}

static stoa_view text_of(const yaml_event_t *event) {
    return (stoa_view){(const char *)event->data.scalar.value, event->data.scalar.length};
}

static bool is_plain(const yaml_event_t *event) {
    return event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
}

/* A plain scalar that YAML reads as "nothing". */
static bool is_null(const yaml_event_t *event) {
    stoa_view text = text_of(event);
    return is_plain(event) && (text.len == 0 || stoa_view_equal(text, stoa_view_of("~")) ||
                               stoa_view_equal(text, stoa_view_of("null")));
}

/* ---- values ---- */

static stoa_view path_of(const reader *r) {
    return (stoa_view){r->path, r->path_len};
}

static stoa_status store(reader *r, size_t row, size_t line, const stoa_setting_value *value) {
    if (row == r->table.count)
        return STOA_OK; // passed over
    stoa_status status = stoa_setting_store(&r->table.rows[row], r->target, value, r->err);
    if (status != STOA_OK)
        return at_line(r, line, status);
    if (r->seen)
        r->seen[row] = true;
    return STOA_OK;
}

/* Finds the row of the current path and notes that it was given; table.count when it is passed
 * over. */
static stoa_status claim_row(reader *r, size_t line, size_t *row) {
    stoa_view path = path_of(r);
    *row = stoa_setting_find(r->table, path);
    if (*row == r->table.count) {
        size_t below = stoa_setting_section(r->table, path);
        if (below < r->table.count)
            return FAIL_AT(r, line,
                           "\"%.*s\" is a section; give its settings below it, such as "
                           "\"%s\"",
                           (int)path.len, path.ptr, r->table.rows[below].key);
        return r->lenient ? STOA_OK
                          : at_line(r, line, stoa_setting_unknown(r->table, path, r->err));
    }
    mention *m = &r->mentions[*row];
    if (m->line)
        return FAIL_AT(r, line, "\"%.*s\" was already given on line %zu", (int)path.len, path.ptr,
                       m->line);
    m->line = line;
    return STOA_OK;
}

static stoa_status read_scalar(reader *r, const yaml_event_t *event, size_t line) {
    size_t row;
    if (is_null(event)) {
        stoa_view path = path_of(r);
        if (stoa_setting_section(r->table, path) < r->table.count)
            return STOA_OK; // a section whose settings are all commented out
        STOA_TRY(claim_row(r, line, &row));
        if (row == r->table.count)
            return STOA_OK;
        return FAIL_AT(r, line,
                       "\"%.*s\" has no value; leave the line out, or write \"\" for "
                       "empty text",
                       (int)path.len, path.ptr);
    }
    STOA_TRY(claim_row(r, line, &row));
    stoa_setting_value value = {.quoted = !is_plain(event), .count = 1, .item = {text_of(event)}};
    return store(r, row, line, &value);
}

/* Reads the items after a sequence's start. Their text is gathered in one buffer. */
static stoa_status gather_items(reader *r, stoa_buffer *text, size_t ends[STOA_SETTING_ITEMS],
                                size_t *count) {
    for (;;) {
        yaml_event_t event;
        STOA_TRY(next_event(r, &event));
        stoa_status status = STOA_OK;
        bool end = event.type == YAML_SEQUENCE_END_EVENT;
        if (!end && event.type != YAML_SCALAR_EVENT)
            status = FAIL_AT(r, line_of(&event), "a list may hold single values only");
        else if (!end && !is_plain(&event))
            status = FAIL_AT(r, line_of(&event), "a list holds numbers; leave out the quotes");
        else if (!end && *count == STOA_SETTING_ITEMS)
            status =
                FAIL_AT(r, line_of(&event), "a list of more than %d items", STOA_SETTING_ITEMS);
        else if (!end) {
            stoa_buffer_append(text, event.data.scalar.value, event.data.scalar.length);
            ends[(*count)++] = text->len;
        }
        yaml_event_delete(&event);
        if (status != STOA_OK || end)
            return status;
    }
}

static stoa_status read_list(reader *r, size_t line) {
    size_t row, ends[STOA_SETTING_ITEMS];
    STOA_TRY(claim_row(r, line, &row));
    stoa_setting_value value = {.list = true};
    stoa_buffer text = {0};
    stoa_status status = gather_items(r, &text, ends, &value.count);
    if (status == STOA_OK && text.failed)
        status = stoa_fail(r->err, STOA_ERR_MEMORY, "%s: no memory to read it", r->name);
    if (status == STOA_OK) {
        for (size_t i = 0, begin = 0; i < value.count; begin = ends[i++])
            value.item[i] = (stoa_view){text.data + begin, ends[i] - begin};
        status = store(r, row, line, &value);
    }
    stoa_buffer_deinit(&text);
    return status;
}

/* ---- mappings ---- */

static stoa_status read_mapping(reader *r, size_t line, int depth);

/* Notes that the section at the current path was opened; a second time is an error. */
static stoa_status claim_section(reader *r, size_t line, int depth) {
    stoa_view path = path_of(r);
    if (depth > DEPTH_MOST)
        return FAIL_AT(r, line, "sections nested deeper than %d", DEPTH_MOST);
    size_t first = stoa_setting_section(r->table, path);
    if (first == r->table.count) {
        if (stoa_setting_find(r->table, path) < r->table.count)
            return FAIL_AT(r, line, "\"%.*s\" is a single setting, not a section", (int)path.len,
                           path.ptr);
        return STOA_OK; // unknown: its first setting will say so with the whole name
    }
    mention *m = &r->mentions[first];
    if (m->sections & 1u << depth)
        return FAIL_AT(r, line, "the section \"%.*s\" was already opened above", (int)path.len,
                       path.ptr);
    m->sections |= 1u << depth;
    return STOA_OK;
}

/* Appends ".key" to the path. */
static stoa_status push_key(reader *r, const yaml_event_t *event) {
    if (event->type != YAML_SCALAR_EVENT)
        return FAIL_AT(r, line_of(event), "expected the name of a setting");
    stoa_view key = text_of(event);
    size_t dot = r->path_len > 0;
    if (key.len == 0 || r->path_len + dot + key.len >= sizeof r->path)
        return FAIL_AT(r, line_of(event), "a name of %zu bytes is no setting", key.len);
    if (dot)
        r->path[r->path_len++] = '.';
    memcpy(r->path + r->path_len, key.ptr, key.len);
    r->path_len += key.len;
    return STOA_OK;
}

static stoa_status read_value(reader *r, size_t key_line, int depth) {
    yaml_event_t event;
    STOA_TRY(next_event(r, &event));
    stoa_status status = STOA_OK;
    if (event.type == YAML_SCALAR_EVENT)
        status = read_scalar(r, &event, key_line);
    else if (event.type == YAML_SEQUENCE_START_EVENT)
        status = read_list(r, key_line);
    else
        status = read_mapping(r, key_line, depth + 1);
    yaml_event_delete(&event);
    return status;
}

/* Reads the pairs after a mapping's start. line: where the section's name stands. */
static stoa_status read_mapping(reader *r, size_t line, int depth) {
    size_t outer = r->path_len;
    bool any = false;
    if (depth > 0)
        STOA_TRY(claim_section(r, line, depth));
    for (;; any = true) {
        yaml_event_t event;
        STOA_TRY(next_event(r, &event));
        if (event.type == YAML_MAPPING_END_EVENT) {
            yaml_event_delete(&event);
            break;
        }
        size_t key_line = line_of(&event);
        stoa_status status = push_key(r, &event);
        yaml_event_delete(&event);
        STOA_TRY(status);
        STOA_TRY(read_value(r, key_line, depth));
        r->path_len = outer;
    }
    if (!any && depth > 0 && !r->lenient &&
        stoa_setting_section(r->table, path_of(r)) == r->table.count)
        return at_line(r, line, stoa_setting_unknown(r->table, path_of(r), r->err));
    return STOA_OK;
}

/* ---- documents ---- */

static stoa_status read_root(reader *r) {
    yaml_event_t event;
    STOA_TRY(next_event(r, &event));
    stoa_status status = STOA_OK;
    if (event.type == YAML_MAPPING_START_EVENT)
        status = read_mapping(r, 1, 0);
    else if (event.type != YAML_SCALAR_EVENT || !is_null(&event))
        status = FAIL_AT(r, line_of(&event), "expected lines of the form \"name: value\"");
    yaml_event_delete(&event);
    return status;
}

static stoa_status read_stream(reader *r) {
    bool document = false;
    for (;;) {
        yaml_event_t event;
        STOA_TRY(next_event(r, &event));
        yaml_event_type_t type = event.type;
        size_t line = line_of(&event);
        yaml_event_delete(&event);
        if (type == YAML_STREAM_END_EVENT)
            return STOA_OK;
        if (type == YAML_DOCUMENT_START_EVENT) {
            if (document)
                return FAIL_AT(r, line, "a second document; settings are one document");
            document = true;
            STOA_TRY(read_root(r));
        }
    }
}

static stoa_status parse(stoa_settings_table table, void *target, const char *name, stoa_view yaml,
                         bool *seen, bool lenient, stoa_error *err) {
    reader r = {.table = table,
                .target = target,
                .name = name,
                .seen = seen,
                .lenient = lenient,
                .err = err};
    r.mentions = stoa_alloc(table.count * sizeof *r.mentions);
    if (!r.mentions || !yaml_parser_initialize(&r.parser)) {
        stoa_free(r.mentions);
        return stoa_fail(err, STOA_ERR_MEMORY, "%s: no memory to read it", name);
    }
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)yaml.ptr, yaml.len);
    stoa_status status = read_stream(&r);
    yaml_parser_delete(&r.parser);
    stoa_free(r.mentions);
    return status;
}

static stoa_status load(stoa_settings_table table, void *target, const char *path, bool *seen,
                        bool lenient, stoa_error *err) {
    char *text;
    size_t size;
    STOA_TRY(stoa_file_read(path, FILE_MOST, &text, &size, err));
    stoa_status status = parse(table, target, path, (stoa_view){text, size}, seen, lenient, err);
    stoa_free(text);
    return status;
}

stoa_status stoa_settings_parse(stoa_settings_table table, void *target, const char *name,
                                stoa_view yaml, bool *seen, stoa_error *err) {
    return parse(table, target, name, yaml, seen, false, err);
}

stoa_status stoa_settings_load(stoa_settings_table table, void *target, const char *path,
                               bool *seen, stoa_error *err) {
    return load(table, target, path, seen, false, err);
}

stoa_status stoa_settings_peek_text(stoa_settings_table table, void *target, const char *name,
                                    stoa_view yaml, bool *seen, stoa_error *err) {
    return parse(table, target, name, yaml, seen, true, err);
}

stoa_status stoa_settings_peek(stoa_settings_table table, void *target, const char *path,
                               bool *seen, stoa_error *err) {
    return load(table, target, path, seen, true, err);
}
