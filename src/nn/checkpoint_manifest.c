/*
 * nn/checkpoint_manifest.c - manifest.json: what a checkpoint consists of.
 *
 * A JSON object whose last member, "seal", is the xxh3 of every byte before it in the file; so the
 * manifest vouches for the files and the seal for the manifest.
 */
#include "nn/checkpoint.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { VERSION = 1, LIMIT = 1 << 20, TAIL = 32 };

/* The end of the file: its length never changes. */
static void format_tail(uint64_t seal, char out[TAIL + 1]) {
    snprintf(out, TAIL + 1, ",\n \"seal\": \"%016" PRIx64 "\"\n}\n", seal);
}

stoa_status stoa_manifest_write(const char *path, const stoa_manifest *manifest, stoa_error *err) {
    stoa_buffer text = {0};
    char tail[TAIL + 1];
    stoa_buffer_printf(&text, "{\n \"format\": \"stoa checkpoint\",\n \"version\": %d,\n", VERSION);
    stoa_buffer_printf(&text, " \"step\": %" PRId64 ",\n \"files\": [", manifest->step);
    for (int i = 0; i < manifest->count; i++)
        stoa_buffer_printf(
            &text, "%s\n  {\"name\": \"%s\", \"bytes\": %" PRIu64 ", \"xxh3\": \"%016" PRIx64 "\"}",
            i ? "," : "", manifest->files[i].name, manifest->files[i].bytes,
            manifest->files[i].xxh3);
    stoa_buffer_printf(&text, "],\n \"state\": ");
    stoa_buffer_json_string(&text, manifest->state);
    if (!text.failed)
        format_tail(XXH3_64bits(text.data, text.len), tail);
    stoa_buffer_append(&text, tail, text.failed ? 0 : strlen(tail));

    stoa_status status;
    if (text.failed) {
        status = stoa_fail(err, STOA_ERR_MEMORY, "%s: no memory to write it", path);
    } else {
        stoa_file_out out;
        stoa_file_out_open(&out, path, err);
        stoa_file_out_write(&out, text.data, text.len);
        status = stoa_file_out_close(&out, NULL);
    }
    stoa_buffer_deinit(&text);
    return status;
}

/* Whether text ends in the seal of what comes before. */
static bool sealed(const char *text, size_t size) {
    char tail[TAIL + 1];
    format_tail(0, tail);
    size_t length = strlen(tail);
    if (size < length)
        return false;
    format_tail(XXH3_64bits(text, size - length), tail);
    return memcmp(text + size - length, tail, length) == 0;
}

static bool read_file_row(const json_t *row, stoa_ck_file *file) {
    const char *name = json_string_value(json_object_get(row, "name"));
    const char *hash = json_string_value(json_object_get(row, "xxh3"));
    const json_t *bytes = json_object_get(row, "bytes");
    if (!name || !hash || !json_is_integer(bytes) || json_integer_value(bytes) < 0)
        return false;
    if (strcmp(name, STOA_CK_MODEL) != 0 && strcmp(name, STOA_CK_OPTIMIZER) != 0 &&
        strcmp(name, STOA_CK_STATE) != 0)
        return false; // also keeps paths out
    if (strlen(hash) != 16 || strspn(hash, "0123456789abcdef") != 16)
        return false;
    snprintf(file->name, sizeof file->name, "%s", name);
    file->bytes = (uint64_t)json_integer_value(bytes);
    file->xxh3 = strtoull(hash, NULL, 16); // 16 hexadecimal digits, as checked
    return true;
}

/* NULL, or what is wrong. */
static const char *read_root(const json_t *root, stoa_manifest *manifest) {
    const char *format = json_string_value(json_object_get(root, "format"));
    const json_t *version = json_object_get(root, "version");
    const json_t *step = json_object_get(root, "step");
    const json_t *files = json_object_get(root, "files");
    const char *state = json_string_value(json_object_get(root, "state"));
    if (!format || strcmp(format, "stoa checkpoint") != 0)
        return "\"format\" is not \"stoa checkpoint\"";
    if (!json_is_integer(version) || json_integer_value(version) != VERSION)
        return "\"version\" is not 1; it was written by another version of the program";
    if (!json_is_integer(step) || json_integer_value(step) < 0)
        return "\"step\" is not a whole number from 0 up";
    if (!state || strlen(state) >= sizeof manifest->state)
        return "\"state\" is not a text of at most 4095 bytes";
    if (!json_is_array(files) || json_array_size(files) < 1 ||
        json_array_size(files) > STOA_CK_FILES)
        return "\"files\" is not a list of one to three files";
    manifest->step = json_integer_value(step);
    snprintf(manifest->state, sizeof manifest->state, "%s", state);
    for (size_t i = 0; i < json_array_size(files); i++)
        if (!read_file_row(json_array_get(files, i), &manifest->files[manifest->count++]))
            return "a row of \"files\" is malformed";
    return NULL;
}

stoa_status stoa_manifest_read(const char *path, stoa_manifest *manifest, stoa_error *err) {
    char *text;
    size_t size;
    *manifest = (stoa_manifest){0};
    STOA_TRY(stoa_file_read(path, LIMIT, &text, &size, err));
    const char *problem = NULL;
    json_t *root = NULL;
    json_error_t where;
    if (!sealed(text, size))
        problem = "the seal at its end does not fit; the file is cut or damaged";
    else if (!(root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &where)))
        problem = where.text;
    else
        problem = read_root(root, manifest);
    stoa_status status =
        problem ? stoa_fail(err, STOA_ERR_FORMAT, "%s: %s", path, problem) : STOA_OK;
    json_decref(root);
    stoa_free(text);
    return status;
}

const stoa_ck_file *stoa_manifest_find(const stoa_manifest *manifest, const char *name) {
    for (int i = 0; i < manifest->count; i++)
        if (strcmp(manifest->files[i].name, name) == 0)
            return &manifest->files[i];
    return NULL;
}
