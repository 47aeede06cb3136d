/*
 * nn/safetensors_read.c - reads and checks safetensors files. The input is taken to be hostile.
 *
 * What is accepted: 8 bytes of header length N <= 100 MB; N bytes of JSON that begin with "{"; then
 * data. Tensors, sorted by place, must tile the data exactly, from its first byte to the end of the
 * file; a tensor without elements takes no bytes at the place reached so far. Every number is
 * checked before it is used, and nesting and the number of values are bounded before the JSON
 * library sees the text, so memory stays in proportion to the file.
 *
 * The whole file is read into memory first and never looked at again, so a file that changes
 * meanwhile cannot invalidate what was checked. BOOL reads as U8, F16 is widened to F32, I64
 * narrowed to I32 when every value fits; other types are refused by name.
 */
#include "nn/safetensors.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { LENGTH = 8, NESTING = 3, VALUES_PER_TENSOR = 16, FREE_VALUES = 65536 };

struct stoa_safetensors {
    char *owned;         /* the file's bytes when we read it */
    json_t *root;        /* holds the names and metadata */
    json_t *extra;       /* borrowed from root: __metadata__, or NULL */
    stoa_entry *entries; /* in order of place */
    size_t count;
    uint32_t *by_name; /* indices of entries, sorted by name */
    char *converted;   /* values of types that are not read as they are */
};

/* A tensor while it is checked. */
typedef struct span {
    stoa_entry entry;
    const stoa_st_type *type;
    size_t begin, end, order;
} span;

/* The text under examination. */
typedef struct source {
    const char *name; /* for messages */
    const char *header;
    size_t header_size;
    const char *data;
    size_t data_size;
    stoa_error *err;
} source;

#define BAD(source, ...) stoa_fail((source)->err, STOA_ERR_FORMAT, __VA_ARGS__)

/* ---- before the JSON library ---- */

static stoa_status split(source *s, const char *bytes, size_t size) {
    if (size < LENGTH)
        return BAD(s, "%s: %zu bytes, shorter than the header length of 8; not a safetensors file",
                   s->name, size);
    uint64_t length = 0;
    for (int i = 0; i < LENGTH; i++)
        length |= (uint64_t)(unsigned char)bytes[i] << (8 * i);
    if (length > STOA_ST_HEADER)
        return BAD(s, "%s: byte 0: header length %llu exceeds the limit of %d bytes", s->name,
                   (unsigned long long)length, STOA_ST_HEADER);
    if (length > size - LENGTH)
        return BAD(s, "%s: byte 0: header length %llu, but only %zu bytes follow; the file is cut",
                   s->name, (unsigned long long)length, size - LENGTH);
    if (length < 2 || bytes[LENGTH] != '{')
        return BAD(s, "%s: byte 8: the header does not begin with \"{\"", s->name);
    s->header = bytes + LENGTH;
    s->header_size = (size_t)length;
    s->data = s->header + length;
    s->data_size = size - LENGTH - s->header_size;
    return STOA_OK;
}

/* Bounds depth and number of values by looking at brackets, commas and quotes only. */
static stoa_status check_extent(const source *s) {
    size_t depth = 0, members = 1, values = 0;
    bool quoted = false;
    for (size_t i = 0; i < s->header_size; i++) {
        char c = s->header[i];
        if (quoted) {
            if (c == '\\')
                i++;
            else if (c == '"')
                quoted = false;
        } else if (c == '"') {
            quoted = true;
        } else if (c == '{' || c == '[') {
            if (++depth > NESTING)
                return BAD(s, "%s: byte %zu: nested deeper than %d", s->name, LENGTH + i, NESTING);
        } else if (c == '}' || c == ']') {
            if (depth == 0)
                return BAD(s, "%s: byte %zu: unmatched \"%c\"", s->name, LENGTH + i, c);
            depth--;
        } else if (c == ',') {
            *(depth <= 1 ? &members : &values) += 1;
            if (members > STOA_ST_TENSORS + 1 || // one for the metadata
                values > VALUES_PER_TENSOR * members + FREE_VALUES)
                return BAD(s, "%s: byte %zu: too many tensors or values", s->name, LENGTH + i);
        }
    }
    return STOA_OK;
}

static stoa_status load_json(const source *s, json_t **root) {
    json_error_t problem;
    *root = json_loadb(s->header, s->header_size, JSON_REJECT_DUPLICATES, &problem);
    if (*root)
        return STOA_OK;
    if (json_error_code(&problem) == json_error_out_of_memory)
        return stoa_fail(s->err, STOA_ERR_MEMORY, "%s: no memory for the header", s->name);
    return BAD(s, "%s: byte %d: %s", s->name, LENGTH + problem.position, problem.text);
}

/* ---- one tensor ---- */

/* The only way a number of the header is read. */
static bool get_size(const json_t *value, size_t most, size_t *out) {
    if (!json_is_integer(value) || json_integer_value(value) < 0 ||
        (uint64_t)json_integer_value(value) > most)
        return false;
    *out = (size_t)json_integer_value(value);
    return true;
}

static stoa_status read_shape(const source *s, const json_t *shape, span *t, size_t *bytes) {
    const char *name = t->entry.name;
    if (!json_is_array(shape) || json_array_size(shape) > STOA_ST_DIMS)
        return BAD(s, "%s: tensor \"%.100s\": shape is not a list of at most %d sizes", s->name,
                   name, STOA_ST_DIMS);
    t->entry.ndim = (int)json_array_size(shape);
    size_t total = t->type->size;
    for (int i = 0; i < t->entry.ndim; i++) {
        size_t dim;
        if (!get_size(json_array_get(shape, (size_t)i), INT64_MAX, &dim))
            return BAD(s, "%s: tensor \"%.100s\": shape[%d] is not a whole number from 0 up",
                       s->name, name, i);
        if (!stoa_size_mul(total, dim, &total))
            return BAD(s, "%s: tensor \"%.100s\": the product of its shape overflows at shape[%d]",
                       s->name, name, i);
        t->entry.shape[i] = (int64_t)dim;
    }
    *bytes = total;
    return STOA_OK;
}

static stoa_status read_place(const source *s, const json_t *offsets, span *t, size_t bytes) {
    const char *name = t->entry.name;
    if (!json_is_array(offsets) || json_array_size(offsets) != 2 ||
        !get_size(json_array_get(offsets, 0), SIZE_MAX, &t->begin) ||
        !get_size(json_array_get(offsets, 1), SIZE_MAX, &t->end))
        return BAD(s, "%s: tensor \"%.100s\": data_offsets is not a pair of whole numbers", s->name,
                   name);
    if (t->begin > t->end || t->end > s->data_size)
        return BAD(s, "%s: tensor \"%.100s\": data_offsets [%zu, %zu] leave the %zu bytes of data",
                   s->name, name, t->begin, t->end, s->data_size);
    if (t->end - t->begin != bytes)
        return BAD(s,
                   "%s: tensor \"%.100s\": data_offsets span %zu bytes, but shape and dtype need "
                   "%zu",
                   s->name, name, t->end - t->begin, bytes);
    t->entry.data = s->data + t->begin;
    t->entry.bytes = bytes;
    return STOA_OK;
}

static stoa_status read_tensor(const source *s, const char *name, const json_t *value, span *t) {
    t->entry.name = name;
    if (strlen(name) > STOA_ST_NAME)
        return BAD(s, "%s: tensor \"%.100s...\": the name exceeds %d bytes", s->name, name,
                   STOA_ST_NAME);
    const json_t *dtype = json_object_get(value, "dtype");
    const json_t *shape = json_object_get(value, "shape");
    const json_t *offsets = json_object_get(value, "data_offsets");
    if (!dtype || !shape || !offsets || json_object_size(value) != 3)
        return BAD(s,
                   "%s: tensor \"%.100s\": needs exactly \"dtype\", \"shape\" and "
                   "\"data_offsets\"",
                   s->name, name);
    t->type = json_is_string(dtype) ? stoa_st_type_find(json_string_value(dtype)) : NULL;
    if (!t->type)
        return BAD(s, "%s: tensor \"%.100s\": unknown dtype %.40s", s->name, name,
                   json_is_string(dtype) ? json_string_value(dtype) : "(not a string)");
    t->entry.dtype = t->type->dtype;
    size_t bytes = 0;
    STOA_TRY(read_shape(s, shape, t, &bytes));
    STOA_TRY(read_place(s, offsets, t, bytes));
    if (t->type->reading == STOA_ST_NO)
        return stoa_fail(s->err, STOA_ERR_UNSUPPORTED,
                         "%s: tensor \"%.100s\": dtype %s is not supported; convert the file to "
                         "F32, BF16 or F16",
                         s->name, name, t->type->name);
    return STOA_OK;
}

static stoa_status read_metadata(const source *s, json_t *value) {
    if (!json_is_object(value))
        return BAD(s, "%s: \"__metadata__\" is not an object", s->name);
    const char *key;
    json_t *text;
    json_object_foreach(value, key, text) {
        if (!json_is_string(text))
            return BAD(s, "%s: \"__metadata__\": the value of \"%.100s\" is not a string", s->name,
                       key);
    }
    return STOA_OK;
}

/* ---- all tensors ---- */

static int by_place(const void *a, const void *b) {
    const span *x = a, *y = b;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    if (x->end != y->end)
        return x->end < y->end ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

static stoa_status check_tiling(const source *s, span *spans, size_t count) {
    qsort(spans, count, sizeof *spans, by_place);
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        if (spans[i].begin != at)
            return BAD(s, "%s: tensor \"%.100s\": begins at data byte %zu where %zu was due (%s)",
                       s->name, spans[i].entry.name, spans[i].begin, at,
                       spans[i].begin > at ? "a hole" : "an overlap");
        at = spans[i].end;
    }
    if (at != s->data_size)
        return BAD(s, "%s: byte %zu: %zu bytes after the last tensor", s->name,
                   LENGTH + s->header_size + at, s->data_size - at);
    return STOA_OK;
}

static stoa_status read_spans(const source *s, stoa_safetensors *file, span *spans) {
    const char *key;
    json_t *value;
    json_object_foreach(file->root, key, value) {
        if (strcmp(key, "__metadata__") == 0) {
            STOA_TRY(read_metadata(s, value));
            file->extra = value;
        } else {
            spans[file->count].order = file->count;
            STOA_TRY(read_tensor(s, key, value, &spans[file->count]));
            file->count++;
        }
    }
    return check_tiling(s, spans, file->count);
}

static size_t padded(size_t bytes) { // of converted values; their sum is at most twice the file
    return (bytes + 63) / 64 * 64;
}

/* Gives types without a counterpart here a copy that has one. */
static stoa_status convert(const source *s, stoa_safetensors *file, const span *spans) {
    size_t total = 0;
    for (size_t i = 0; i < file->count; i++)
        if (spans[i].type->reading != STOA_ST_AS_IS)
            total += padded(spans[i].entry.bytes / spans[i].type->size * 4);
    if (total == 0)
        return STOA_OK;
    file->converted = stoa_alloc(total);
    if (!file->converted)
        return stoa_fail(s->err, STOA_ERR_MEMORY, "%s: no memory to convert %zu bytes", s->name,
                         total);
    char *at = file->converted;
    for (size_t i = 0; i < file->count; i++) {
        stoa_entry *entry = &file->entries[i];
        if (spans[i].type->reading == STOA_ST_AS_IS)
            continue;
        size_t n = entry->bytes / spans[i].type->size;
        if (!stoa_st_convert(spans[i].type->reading, at, entry->data, n))
            return stoa_fail(s->err, STOA_ERR_UNSUPPORTED,
                             "%s: tensor \"%.100s\": a value of type %s exceeds 32 bits", s->name,
                             entry->name, spans[i].type->name);
        entry->data = at;
        entry->bytes = 4 * n;
        at += padded(4 * n);
    }
    return STOA_OK;
}

static int by_name(const void *a, const void *b, void *entries) {
    const stoa_entry *e = entries;
    return strcmp(e[*(const uint32_t *)a].name, e[*(const uint32_t *)b].name);
}

static stoa_status read_header(const source *s, stoa_safetensors *file) {
    size_t most = json_object_size(file->root);
    span *spans = stoa_alloc((most + 1) * sizeof *spans);
    file->entries = stoa_alloc((most + 1) * sizeof *file->entries);
    file->by_name = stoa_alloc((most + 1) * sizeof *file->by_name);
    stoa_status status =
        spans && file->entries && file->by_name
            ? read_spans(s, file, spans)
            : stoa_fail(s->err, STOA_ERR_MEMORY, "%s: no memory for %zu tensors", s->name, most);
    if (status == STOA_OK) {
        for (size_t i = 0; i < file->count; i++) {
            file->entries[i] = spans[i].entry;
            file->by_name[i] = (uint32_t)i;
        }
        qsort_r(file->by_name, file->count, sizeof *file->by_name, by_name, file->entries);
        status = convert(s, file, spans);
    }
    stoa_free(spans);
    return status;
}

/* ---- the public face ---- */

stoa_status stoa_safetensors_parse(stoa_safetensors **out, const char *name, const void *bytes,
                                   size_t size, stoa_error *err) {
    *out = NULL;
    source s = {.name = name, .err = err};
    STOA_TRY(split(&s, bytes, size));
    STOA_TRY(check_extent(&s));
    stoa_safetensors *file = stoa_alloc(sizeof *file);
    if (!file)
        return stoa_fail(err, STOA_ERR_MEMORY, "%s: no memory to read it", name);
    stoa_status status = load_json(&s, &file->root);
    if (status == STOA_OK)
        status = read_header(&s, file);
    if (status == STOA_OK)
        *out = file;
    else
        stoa_safetensors_close(file);
    return status;
}

stoa_status stoa_safetensors_open(stoa_safetensors **out, const char *path, stoa_error *err) {
    char *bytes = NULL;
    size_t size = 0;
    *out = NULL;
    STOA_TRY(stoa_file_read(path, SIZE_MAX / 4, &bytes, &size, err));
    stoa_status status = stoa_safetensors_parse(out, path, bytes, size, err);
    if (status == STOA_OK)
        (*out)->owned = bytes;
    else
        stoa_free(bytes);
    return status;
}

void stoa_safetensors_close(stoa_safetensors *file) {
    if (!file)
        return;
    json_decref(file->root);
    stoa_free(file->entries);
    stoa_free(file->by_name);
    stoa_free(file->converted);
    stoa_free(file->owned);
    stoa_free(file);
}

size_t stoa_safetensors_count(const stoa_safetensors *file) {
    return file->count;
}

const stoa_entry *stoa_safetensors_at(const stoa_safetensors *file, size_t i) {
    return &file->entries[i];
}

const stoa_entry *stoa_safetensors_find(const stoa_safetensors *file, const char *name) {
    size_t low = 0, high = file->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const stoa_entry *entry = &file->entries[file->by_name[middle]];
        int order = strcmp(entry->name, name);
        if (order == 0)
            return entry;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const char *stoa_safetensors_metadata(const stoa_safetensors *file, const char *key) {
    return json_string_value(json_object_get(file->extra, key));
}
