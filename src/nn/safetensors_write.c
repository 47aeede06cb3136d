/*
 * nn/safetensors_write.c - writes safetensors files.
 *
 * Eight bytes of header length, a JSON header padded with spaces so that data begin at a multiple
 * of 64, then the tensors in the caller's order without gaps. The finished header is read back with
 * the reader's JSON rules, so names that are repeated or not UTF-8 never reach a file.
 */
#include "nn/safetensors.h"

#include <assert.h>
#include <errno.h>
#include <jansson.h>
#include <string.h>
#include <unistd.h>

static stoa_status refused(stoa_file_out *out, stoa_status status, const char *why) {
    if (out->status == STOA_OK)
        out->status = stoa_fail(out->err, status, "%s: %s", out->path, why);
    return out->status;
}

static void put_metadata(stoa_buffer *text, const char *const *metadata) {
    stoa_buffer_printf(text, "\"__metadata__\":{");
    for (size_t i = 0; metadata[i]; i += 2) {
        if (i > 0)
            stoa_buffer_append(text, ",", 1);
        stoa_buffer_json_string(text, metadata[i]);
        stoa_buffer_append(text, ":", 1);
        stoa_buffer_json_string(text, metadata[i + 1]);
    }
    stoa_buffer_append(text, "}", 1);
}

static void put_entry(stoa_buffer *text, const stoa_entry *entry, size_t begin) {
    size_t bytes = stoa_dtype_size(entry->dtype);
    stoa_buffer_json_string(text, entry->name);
    stoa_buffer_printf(text, ":{\"dtype\":\"%s\",\"shape\":[", stoa_st_type_name(entry->dtype));
    for (int i = 0; i < entry->ndim; i++) {
        stoa_buffer_printf(text, i ? ",%lld" : "%lld", (long long)entry->shape[i]);
        bytes *= (size_t)entry->shape[i];
    }
    assert(bytes == entry->bytes);
    stoa_buffer_printf(text, "],\"data_offsets\":[%zu,%zu]}", begin, begin + bytes);
}

/* The header with its length in front, padded; failed softly when memory is short. */
static stoa_buffer build_header(const stoa_entry *entries, size_t count,
                                const char *const *metadata) {
    stoa_buffer text = {0};
    stoa_buffer_append(&text, (const char[8]){0}, 8);
    stoa_buffer_append(&text, "{", 1);
    if (metadata)
        put_metadata(&text, metadata);
    size_t begin = 0;
    for (size_t i = 0; i < count; i++) {
        if (i > 0 || metadata)
            stoa_buffer_append(&text, ",", 1);
        put_entry(&text, &entries[i], begin);
        begin += entries[i].bytes;
    }
    stoa_buffer_append(&text, "}", 1);
    while (text.len % STOA_ST_ALIGN != 0 && !text.failed)
        stoa_buffer_append(&text, " ", 1);
    for (int i = 0; i < 8 && !text.failed; i++)
        text.data[i] = (char)((text.len - 8) >> (8 * i) & 0xff);
    return text;
}

/* Whether the reader's rules accept the header. */
static stoa_status check_header(stoa_file_out *out, const stoa_buffer *text) {
    if (text->failed)
        return refused(out, STOA_ERR_MEMORY, "no memory for the header");
    if (text->len - 8 > STOA_ST_HEADER)
        return refused(out, STOA_ERR_USAGE, "the header would exceed 100 MB; fewer tensors");
    json_error_t problem;
    json_t *root = json_loadb(text->data + 8, text->len - 8, JSON_REJECT_DUPLICATES, &problem);
    if (!root && json_error_code(&problem) == json_error_out_of_memory)
        return refused(out, STOA_ERR_MEMORY, "no memory to check the header");
    if (!root)
        return refused(out, STOA_ERR_USAGE, problem.text);
    json_decref(root);
    return STOA_OK;
}

void stoa_safetensors_put(stoa_file_out *out, const stoa_entry *entries, size_t count,
                          const char *const *metadata) {
    for (size_t i = 0; i < count; i++) {
        assert(entries[i].ndim >= 0 && entries[i].ndim <= STOA_ST_DIMS);
        if (strlen(entries[i].name) > STOA_ST_NAME || strcmp(entries[i].name, "__metadata__") == 0)
            refused(out, STOA_ERR_USAGE, "a tensor's name is too long or reserved");
    }
    if (count > STOA_ST_TENSORS)
        refused(out, STOA_ERR_USAGE, "more than 1,000,000 tensors");
    if (out->status != STOA_OK)
        return;
    stoa_buffer text = build_header(entries, count, metadata);
    if (check_header(out, &text) == STOA_OK) {
        stoa_file_out_write(out, text.data, text.len);
        for (size_t i = 0; i < count; i++)
            stoa_file_out_write(out, entries[i].data, entries[i].bytes);
    }
    stoa_buffer_deinit(&text);
}

stoa_status stoa_safetensors_save(const char *path, const stoa_entry *entries, size_t count,
                                  const char *const *metadata, stoa_error *err) {
    char beside[PATH_MAX], folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    int length = snprintf(beside, sizeof beside, "%s.%ld.tmp", path, (long)getpid());
    if (length < 0 || (size_t)length >= sizeof beside)
        return stoa_fail(err, STOA_ERR_IO, "%.200s...: the path is too long", path);
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) + 1 : 1,
             slash ? path : ".");
    unlink(beside); // of an earlier process with this number
    stoa_file_out out;
    stoa_file_out_open(&out, beside, err);
    stoa_safetensors_put(&out, entries, count, metadata);
    STOA_TRY(stoa_file_out_close(&out, NULL));
    if (rename(beside, path) != 0) {
        int code = errno;
        unlink(beside);
        return stoa_fail(err, STOA_ERR_IO, "%s: cannot replace: %s", path, strerror(code));
    }
    return stoa_fsync_dir(folder, err);
}
