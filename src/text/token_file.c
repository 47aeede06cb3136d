/*
 * token_file.c - reading token files: the header is checked whole when the file is opened, each id
 * whenever it is read.
 */
#include "text/token_file.h"

#include <string.h>
#include <xxhash.h>

uint64_t stoa_token_header_hash(const stoa_token_header *h) {
    return XXH3_64bits(h, offsetof(stoa_token_header, header_hash));
}

static stoa_status bad(const stoa_token_file *f, stoa_error *err, const char *what) {
    return stoa_fail(err, STOA_ERR_FORMAT, "%s: %s", f->path, what);
}

static stoa_status check_header(stoa_token_file *f, stoa_error *err) {
    stoa_token_header h;
    if (f->map.size < sizeof h)
        return bad(f, err, "too short for a token file");
    memcpy(&h, f->map.data, sizeof h);
    if (memcmp(h.magic, STOA_TOKEN_MAGIC, sizeof h.magic) != 0)
        return bad(f, err, "not a token file (it begins otherwise)");
    if (h.header_hash != stoa_token_header_hash(&h))
        return bad(f, err, "the header is damaged (its hash at byte 56 differs)");
    if (h.version != STOA_TOKEN_FILE_VERSION)
        return stoa_fail(err, STOA_ERR_UNSUPPORTED,
                         "%s: token file version %u, this program reads version %d", f->path,
                         h.version, STOA_TOKEN_FILE_VERSION);
    if (h.id_bytes != 2 && h.id_bytes != 4)
        return bad(f, err, "byte 12: ids must take 2 or 4 bytes");
    if (h.vocab == 0 || h.vocab > STOA_TOKENIZER_VOCAB_MAX)
        return bad(f, err, "byte 16: the vocabulary's size is out of range");
    if (h.end_of_text < -1 || h.end_of_text >= (int64_t)h.vocab)
        return bad(f, err, "byte 20: the end-of-text id is outside the vocabulary");
    if (h.zero != 0)
        return bad(f, err, "byte 48: expected zero");
    size_t bytes;
    if (h.count > SIZE_MAX || !stoa_size_mul((size_t)h.count, h.id_bytes, &bytes) ||
        bytes != f->map.size - sizeof h)
        return stoa_fail(err, STOA_ERR_FORMAT,
                         "%s: the header says %llu ids of %u bytes, the file has %zu bytes of them",
                         f->path, (unsigned long long)h.count, h.id_bytes, f->map.size - sizeof h);
    f->ids = (const char *)f->map.data + sizeof h;
    f->id_bytes = (int)h.id_bytes;
    f->vocab = (int32_t)h.vocab;
    f->end_of_text = h.end_of_text;
    f->count = h.count;
    f->tokenizer_hash = h.tokenizer_hash;
    f->data_hash = h.data_hash;
    return STOA_OK;
}

static stoa_status open_map(stoa_token_file *f, const char *path, stoa_error *err) {
    *f = (stoa_token_file){.path = stoa_strdup(path)};
    if (!f->path)
        return stoa_fail(err, STOA_ERR_MEMORY, "%s: no memory to open it", path);
    stoa_status status = stoa_map_open(&f->map, path, err);
    if (status != STOA_OK) {
        stoa_free(f->path);
        *f = (stoa_token_file){0};
    }
    return status;
}

stoa_status stoa_token_file_open(stoa_token_file *f, const char *path, stoa_error *err) {
    STOA_TRY(open_map(f, path, err));
    stoa_status status = check_header(f, err);
    if (status != STOA_OK)
        stoa_token_file_close(f);
    return status;
}

stoa_status stoa_token_file_open_bytes(stoa_token_file *f, const char *path, stoa_error *err) {
    STOA_TRY(open_map(f, path, err));
    f->ids = f->map.data;
    f->id_bytes = 1;
    f->vocab = 256;
    f->end_of_text = -1;
    f->count = f->map.size;
    return STOA_OK;
}

bool stoa_token_file_detect(const char *path) {
    char magic[8] = {0};
    FILE *file = fopen(path, "rb");
    if (!file)
        return false;
    bool found = fread(magic, 1, sizeof magic, file) == sizeof magic &&
                 memcmp(magic, STOA_TOKEN_MAGIC, sizeof magic) == 0;
    fclose(file);
    return found;
}

stoa_status stoa_token_file_read(const stoa_token_file *f, uint64_t begin, size_t n, int32_t *out,
                                 stoa_error *err) {
    if (begin > f->count || n > f->count - begin)
        return stoa_fail(err, STOA_ERR_USAGE, "%s: ids %llu to %llu of %llu were asked for",
                         f->path, (unsigned long long)begin, (unsigned long long)begin + n,
                         (unsigned long long)f->count);
    uint32_t most = 0;
    if (f->id_bytes == 1) {
        const uint8_t *ids = (const uint8_t *)f->ids + begin;
        for (size_t i = 0; i < n; i++)
            out[i] = ids[i];
        return STOA_OK; // every byte is a token
    }
    if (f->id_bytes == 2) {
        const uint16_t *ids = (const uint16_t *)f->ids + begin;
        for (size_t i = 0; i < n; i++) {
            out[i] = ids[i];
            most = ids[i] > most ? ids[i] : most;
        }
    } else {
        const uint32_t *ids = (const uint32_t *)f->ids + begin;
        for (size_t i = 0; i < n; i++) {
            out[i] = (int32_t)ids[i];
            most = ids[i] > most ? ids[i] : most;
        }
    }
    if (most < (uint32_t)f->vocab)
        return STOA_OK;
    size_t at = 0;
    while (at + 1 < n && (uint32_t)out[at] < (uint32_t)f->vocab)
        at++;
    return stoa_fail(err, STOA_ERR_FORMAT,
                     "%s: id %u at position %llu is outside the vocabulary of %d tokens", f->path,
                     (unsigned)out[at], (unsigned long long)begin + at, f->vocab);
}

stoa_status stoa_token_file_verify(const stoa_token_file *f, stoa_error *err) {
    if (f->id_bytes == 1)
        return STOA_OK;
    if (XXH3_64bits(f->ids, (size_t)f->count * (size_t)f->id_bytes) != f->data_hash)
        return bad(f, err, "the ids are damaged (their hash differs from the header's)");
    enum { CHUNK = 4096 };
    int32_t ids[CHUNK];
    for (uint64_t at = 0; at < f->count; at += CHUNK) {
        size_t n = f->count - at < CHUNK ? (size_t)(f->count - at) : CHUNK;
        STOA_TRY(stoa_token_file_read(f, at, n, ids, err));
    }
    return STOA_OK;
}

void stoa_token_file_close(stoa_token_file *f) {
    stoa_map_close(&f->map);
    stoa_free(f->path);
    *f = (stoa_token_file){0};
}
