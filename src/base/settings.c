/*
 * settings.c - a table of rows that checks, stores, and writes a settings struct.
 *
 * One type row below knows how to read and to write one kind of field; everything else is common.
 * A row whose least and most are both zero has no range.
 */
#include "base/settings.h"
#include "base/text.h"

#include <inttypes.h>
#include <string.h>

/* ---- finding rows ---- */

size_t stoa_setting_find(stoa_settings_table table, stoa_view key) {
    size_t i = 0;
    while (i < table.count && !stoa_view_equal(stoa_view_of(table.rows[i].key), key))
        i++;
    return i;
}

/* Whether key lies below section. */
static bool below(const char *key, stoa_view section) {
    return strlen(key) > section.len && memcmp(key, section.ptr, section.len) == 0 &&
           key[section.len] == '.';
}

size_t stoa_setting_section(stoa_settings_table table, stoa_view section) {
    size_t i = 0;
    while (i < table.count && !below(table.rows[i].key, section))
        i++;
    return i;
}

/* As many bytes of a view as a message has use for. */
static int shown(stoa_view text) {
    return text.len < 200 ? (int)text.len : 200;
}

/* "; the settings of data are seed, source, ..." when key lies in a section of the table, else "".
 * Returns out. */
static const char *siblings(stoa_settings_table table, stoa_view key, char *out, size_t n) {
    size_t len = key.len, used = 0;
    out[0] = '\0';
    while (len > 0 && key.ptr[len - 1] != '.')
        len--;
    const stoa_view section = {key.ptr, len > 0 ? len - 1 : 0};
    for (size_t i = 0; i < table.count && section.len > 0 && used < n; i++) {
        const char *name = table.rows[i].key + len;
        if (!below(table.rows[i].key, section) || strchr(name, '.'))
            continue;
        if (used == 0)
            used = (size_t)snprintf(out, n, "; the settings of \"%.*s\" are %s", shown(section),
                                    section.ptr, name);
        else if (used + strlen(name) + 8 < n)
            used += (size_t)snprintf(out + used, n - used, ", %s", name);
        else
            used += (size_t)snprintf(out + used, n - used, ", ...") + n;
    }
    return out;
}

stoa_status stoa_setting_unknown(stoa_settings_table table, stoa_view key, stoa_error *err) {
    char word[256];
    const char *nearest = NULL;
    const char **names = stoa_alloc(table.count * sizeof *names);
    if (names && key.len < sizeof word && !memchr(key.ptr, '\0', key.len)) {
        for (size_t i = 0; i < table.count; i++)
            names[i] = table.rows[i].key;
        memcpy(word, key.ptr, key.len);
        word[key.len] = '\0';
        nearest = stoa_nearest(word, names, table.count);
    }
    stoa_free(names);
    if (nearest)
        return stoa_fail(err, STOA_ERR_USAGE, "unknown setting \"%.*s\"; did you mean \"%s\"?",
                         shown(key), key.ptr, nearest);
    return stoa_fail(err, STOA_ERR_USAGE, "unknown setting \"%.*s\"%s", shown(key), key.ptr,
                     siblings(table, key, word, sizeof word));
}

/* ---- reading ---- */

static stoa_status wrong_type(const stoa_setting *row, const char *expected, stoa_view got,
                              stoa_error *err) {
    if (got.len == 0)
        return stoa_fail(err, STOA_ERR_USAGE, "%s: expected %s, got nothing", row->key, expected);
    return stoa_fail(err, STOA_ERR_USAGE, "%s: expected %s, got \"%.*s\"", row->key, expected,
                     shown(got), got.ptr);
}

static stoa_status check_range(const stoa_setting *row, double value, stoa_view text,
                               stoa_error *err) {
    if ((row->least == 0 && row->most == 0) || (value >= row->least && value <= row->most))
        return STOA_OK;
    char least[32], most[32];
    return stoa_fail(err, STOA_ERR_USAGE, "%s: %.*s is out of range; it must be from %s to %s",
                     row->key, shown(text), text.ptr,
                     stoa_format_double(row->least, least, sizeof least),
                     stoa_format_double(row->most, most, sizeof most));
}

static stoa_status read_int(const stoa_setting *row, stoa_view text, void *field, stoa_error *err) {
    int64_t value;
    if (!stoa_parse_int(text, &value))
        return wrong_type(row, "a whole number", text, err);
    STOA_TRY(check_range(row, (double)value, text, err));
    *(int64_t *)field = value;
    return STOA_OK;
}

static stoa_status read_float(const stoa_setting *row, stoa_view text, void *field,
                              stoa_error *err) {
    double value;
    int64_t whole;
    if (!stoa_parse_float(text, &value)) {
        if (!stoa_parse_int(text, &whole)) // 64k
            return wrong_type(row, "a number", text, err);
        value = (double)whole;
    }
    STOA_TRY(check_range(row, value, text, err));
    *(double *)field = value;
    return STOA_OK;
}

static stoa_status read_bool(const stoa_setting *row, stoa_view text, void *field,
                             stoa_error *err) {
    return stoa_parse_bool(text, field) ? STOA_OK : wrong_type(row, "true or false", text, err);
}

static stoa_status read_string(const stoa_setting *row, stoa_view text, void *field,
                               stoa_error *err) {
    if (text.len >= STOA_SETTING_TEXT)
        return stoa_fail(err, STOA_ERR_USAGE, "%s: %zu bytes of text; at most %d fit", row->key,
                         text.len, STOA_SETTING_TEXT - 1);
    if (!stoa_utf8_valid(text) || (text.len && memchr(text.ptr, '\0', text.len)))
        return stoa_fail(err, STOA_ERR_USAGE, "%s: the text is not valid UTF-8", row->key);
    memset(field, 0, STOA_SETTING_TEXT);
    if (text.len)
        memcpy(field, text.ptr, text.len);
    return STOA_OK;
}

static stoa_status read_choice(const stoa_setting *row, stoa_view text, void *field,
                               stoa_error *err) {
    stoa_buffer list = {0};
    char word[64] = "";
    size_t count = 0;
    for (; row->choices[count]; count++) {
        if (stoa_view_equal(text, stoa_view_of(row->choices[count]))) {
            *(int *)field = (int)count;
            stoa_buffer_deinit(&list);
            return STOA_OK;
        }
        stoa_buffer_printf(&list, "%s%s", count ? ", " : "", row->choices[count]);
    }
    if (text.len > 0 && text.len < sizeof word)
        memcpy(word, text.ptr, text.len);
    const char *nearest = stoa_nearest(word, row->choices, count);
    stoa_status status =
        stoa_fail(err, STOA_ERR_USAGE, "%s: \"%.*s\" is not one of: %s%s%s%s", row->key,
                  shown(text), text.ptr ? text.ptr : "", list.data ? list.data : "",
                  nearest ? "; did you mean \"" : "", nearest ? nearest : "", nearest ? "\"?" : "");
    stoa_buffer_deinit(&list);
    return status;
}

/* ---- writing ---- */

static void write_int(const stoa_setting *row, const void *field, stoa_buffer *out) {
    (void)row;
    stoa_buffer_printf(out, "%" PRId64, *(const int64_t *)field);
}

static void write_float(const stoa_setting *row, const void *field, stoa_buffer *out) {
    char number[32];
    (void)row;
    stoa_buffer_printf(out, "%s",
                       stoa_format_double(*(const double *)field, number, sizeof number));
}

static void write_bool(const stoa_setting *row, const void *field, stoa_buffer *out) {
    (void)row;
    stoa_buffer_printf(out, "%s", *(const bool *)field ? "true" : "false");
}

static void write_choice(const stoa_setting *row, const void *field, stoa_buffer *out) {
    stoa_buffer_printf(out, "%s", row->choices[*(const int *)field]);
}

/* Always in double quotes, so that no text can be taken for something else. */
static void write_string(const stoa_setting *row, const void *field, stoa_buffer *out) {
    const char *text = field;
    size_t left = strnlen(text, STOA_SETTING_TEXT);
    (void)row;
    stoa_buffer_append(out, "\"", 1);
    while (left > 0) {
        uint32_t code = 0;
        size_t step = stoa_utf8_next(text, left, &code);
        if (step == 0)
            break; // never stored by read_string
        if (code == '"' || code == '\\')
            stoa_buffer_printf(out, "\\%c", (char)code);
        else if (!stoa_printable(code))
            stoa_buffer_printf(out, code < 0x10000 ? "\\u%04x" : "\\U%08x", (unsigned)code);
        else
            stoa_buffer_append(out, text, step);
        text += step;
        left -= step;
    }
    stoa_buffer_append(out, "\"", 1);
}

/* ---- types ---- */

typedef struct type_row {
    const char *name;
    size_t item_size;
    size_t list_at; // offset of the items in a list struct; 0: not a list
    bool text;      // may be written in quotes
    stoa_status (*read)(const stoa_setting *, stoa_view, void *, stoa_error *);
    void (*write)(const stoa_setting *, const void *, stoa_buffer *);
} type_row;

static const type_row types[] = {
    [STOA_SET_INT] = {"a whole number", sizeof(int64_t), 0, false, read_int, write_int},
    [STOA_SET_FLOAT] = {"a number", sizeof(double), 0, false, read_float, write_float},
    [STOA_SET_BOOL] = {"true or false", sizeof(bool), 0, false, read_bool, write_bool},
    [STOA_SET_STRING] = {"text", STOA_SETTING_TEXT, 0, true, read_string, write_string},
    [STOA_SET_CHOICE] = {"one word", sizeof(int), 0, true, read_choice, write_choice},
    [STOA_SET_INTS] = {"a list of whole numbers", sizeof(int64_t), offsetof(stoa_int_list, item),
                       false, read_int, write_int},
    [STOA_SET_FLOATS] = {"a list of numbers", sizeof(double), offsetof(stoa_float_list, item),
                         false, read_float, write_float},
};
_Static_assert(offsetof(stoa_int_list, count) == 0 && offsetof(stoa_float_list, count) == 0,
               "a list begins with its count");

stoa_status stoa_setting_store(const stoa_setting *row, void *target,
                               const stoa_setting_value *value, stoa_error *err) {
    const type_row *type = &types[row->type];
    char *field = (char *)target + row->offset;
    if (value->list != (type->list_at > 0))
        return stoa_fail(err, STOA_ERR_USAGE, "%s: expected %s, got %s", row->key, type->name,
                         value->list ? "a list" : "a single value; write it as [value]");
    if (value->quoted && !type->text)
        return stoa_fail(err, STOA_ERR_USAGE, "%s: expected %s, got text in quotes", row->key,
                         type->name);
    if (!value->list)
        return type->read(row, value->item[0], field, err);
    union {
        stoa_int_list ints;
        stoa_float_list floats;
    } list = {0};
    for (size_t i = 0; i < value->count; i++)
        STOA_TRY(type->read(row, value->item[i],
                            (char *)&list + type->list_at + i * type->item_size, err));
    *(int64_t *)(void *)&list = (int64_t)value->count;
    memcpy(field, &list, type->list_at + STOA_SETTING_ITEMS * type->item_size);
    return STOA_OK;
}

/* ---- values from plain text: defaults and --set ---- */

static stoa_view trim(stoa_view text) {
    while (text.len > 0 && (*text.ptr == ' ' || *text.ptr == '\t'))
        text = (stoa_view){text.ptr + 1, text.len - 1};
    while (text.len > 0 && (text.ptr[text.len - 1] == ' ' || text.ptr[text.len - 1] == '\t'))
        text.len--;
    return text;
}

/* Whether text is enclosed in first and last; then also strips them. */
static bool unwrap(stoa_view *text, char first, char last) {
    if (text->len < 2 || text->ptr[0] != first || text->ptr[text->len - 1] != last)
        return false;
    *text = (stoa_view){text->ptr + 1, text->len - 2};
    return true;
}

/* "1, 2, 3", with or without brackets. */
static stoa_status split_list(const stoa_setting *row, stoa_view text, stoa_setting_value *value,
                              stoa_error *err) {
    value->list = true;
    unwrap(&text, '[', ']');
    text = trim(text);
    while (text.len > 0) {
        const char *comma = memchr(text.ptr, ',', text.len);
        size_t len = comma ? (size_t)(comma - text.ptr) : text.len;
        if (value->count == STOA_SETTING_ITEMS)
            return stoa_fail(err, STOA_ERR_USAGE, "%s: more than %d items", row->key,
                             STOA_SETTING_ITEMS);
        value->item[value->count++] = trim((stoa_view){text.ptr, len});
        if (!comma)
            break;
        text = (stoa_view){comma + 1, text.len - len - 1};
        if (text.len == 0)
            return stoa_fail(err, STOA_ERR_USAGE, "%s: a comma without an item behind it",
                             row->key);
    }
    return STOA_OK;
}

static stoa_status store_text(const stoa_setting *row, void *target, stoa_view text,
                              stoa_error *err) {
    stoa_setting_value value = {0};
    text = trim(text);
    if (types[row->type].list_at) {
        STOA_TRY(split_list(row, text, &value, err));
    } else {
        if (types[row->type].text && !unwrap(&text, '"', '"'))
            unwrap(&text, '\'', '\'');
        value.count = 1;
        value.item[0] = text;
    }
    return stoa_setting_store(row, target, &value, err);
}

stoa_status stoa_settings_defaults(stoa_settings_table table, void *target, stoa_error *err) {
    for (size_t i = 0; i < table.count; i++) {
        const stoa_setting *row = &table.rows[i];
        if (!row->initial)
            continue;
        stoa_status status = store_text(row, target, stoa_view_of(row->initial), err);
        if (status != STOA_OK)
            return stoa_fail_context(err, status, "default");
    }
    return STOA_OK;
}

stoa_status stoa_settings_set(stoa_settings_table table, void *target, const char *assignment,
                              bool *seen, stoa_error *err) {
    const char *equals = strchr(assignment, '=');
    if (!equals)
        return stoa_fail(err, STOA_ERR_USAGE, "\"%.200s\": expected key=value", assignment);
    stoa_view key = trim((stoa_view){assignment, (size_t)(equals - assignment)});
    size_t i = stoa_setting_find(table, key);
    stoa_status status = i < table.count
                             ? store_text(&table.rows[i], target, stoa_view_of(equals + 1), err)
                             : stoa_setting_unknown(table, key, err);
    if (status != STOA_OK)
        return stoa_fail_context(err, status, "\"%.200s\"", assignment);
    if (seen)
        seen[i] = true;
    return STOA_OK;
}

stoa_status stoa_settings_require(stoa_settings_table table, const char *name, const bool *seen,
                                  stoa_error *err) {
    for (size_t i = 0; i < table.count; i++)
        if (!table.rows[i].initial && !seen[i])
            return stoa_fail(err, STOA_ERR_USAGE, "%s: the setting \"%s\" must be given: %s", name,
                             table.rows[i].key, table.rows[i].help ? table.rows[i].help : "");
    return STOA_OK;
}

/* ---- dump ---- */

void stoa_setting_write(const stoa_setting *row, const void *target, stoa_buffer *out) {
    const type_row *type = &types[row->type];
    const char *field = (const char *)target + row->offset;
    if (!type->list_at) {
        type->write(row, field, out);
        return;
    }
    int64_t count = *(const int64_t *)(const void *)field;
    stoa_buffer_append(out, "[", 1);
    for (int64_t i = 0; i < count; i++) {
        stoa_buffer_append(out, ", ", i ? 2 : 0);
        type->write(row, field + type->list_at + (size_t)i * type->item_size, out);
    }
    stoa_buffer_append(out, "]", 1);
}

static void write_help(const stoa_setting *row, int indent, stoa_buffer *out) {
    stoa_buffer_printf(out, "%*s# %s", indent, "", row->help ? row->help : row->key);
    for (size_t i = 0; row->type == STOA_SET_CHOICE && row->choices[i]; i++)
        stoa_buffer_printf(out, "%s%s", i ? ", " : " One of: ", row->choices[i]);
    stoa_buffer_append(out, "\n", 1);
}

/* Writes the rows below section (in the order of the table, a subsection where its first row is).
 */
static void dump_section(stoa_settings_table table, const void *target, bool with_help,
                         stoa_view section, int indent, stoa_buffer *out) {
    for (size_t i = 0; i < table.count; i++) {
        const stoa_setting *row = &table.rows[i];
        if (section.len > 0 && !below(row->key, section))
            continue;
        const char *name = row->key + section.len + (section.len > 0);
        const char *dot = strchr(name, '.');
        if (!dot) {
            if (with_help)
                write_help(row, indent, out);
            stoa_buffer_printf(out, "%*s%s: ", indent, "", name);
            stoa_setting_write(row, target, out);
            stoa_buffer_append(out, "\n", 1);
            continue;
        }
        stoa_view inner = {row->key, (size_t)(dot - row->key)};
        if (stoa_setting_section(table, inner) != i)
            continue; // written at its first row
        stoa_buffer_printf(out, "%*s%.*s:\n", indent, "", (int)(dot - name), name);
        dump_section(table, target, with_help, inner, indent + 2, out);
    }
}

void stoa_settings_dump(stoa_settings_table table, const void *target, bool with_help,
                        stoa_buffer *out) {
    dump_section(table, target, with_help, (stoa_view){"", 0}, 0, out);
}
