/*
 * prepare.c - the token file of a text, made once and kept in the cache.
 */
#include "text/cache.h"
#include "text/tokenizer.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <xxhash.h>

/* A name for the encoding of this file, as it is now, with this tokenizer. */
static uint64_t encoding_key(const stoa_tokenizer *t, const char *path, const struct stat *st) {
    struct {
        uint64_t path, size, seconds, nanoseconds, tokenizer, version;
    } key = {XXH3_64bits(path, strlen(path)), (uint64_t)st->st_size,  (uint64_t)st->st_mtim.tv_sec,
             (uint64_t)st->st_mtim.tv_nsec,   stoa_tokenizer_hash(t), STOA_TOKEN_FILE_VERSION};
    return XXH3_64bits(&key, sizeof key);
}

stoa_status stoa_text_prepare(const stoa_tokenizer *t, const char *text_path, const char *cache,
                              char *path, size_t n, stoa_text_progress progress, void *user,
                              stoa_error *err) {
    char real[PATH_MAX], folder[PATH_MAX], name[NAME_MAX];
    struct stat st;
    if (!realpath(text_path, real) || stat(real, &st) != 0)
        return stoa_fail(err, STOA_ERR_IO, "%s: cannot open: %s", text_path, strerror(errno));
    if (t->identity) { // files of bytes are read as they are
        if (!stoa_path_join(path, n, text_path, ""))
            return stoa_fail(err, STOA_ERR_USAGE, "%s: the path is too long", text_path);
        return STOA_OK;
    }
    if (cache)
        STOA_TRY(stoa_mkdirs(cache, err));
    else
        STOA_TRY(stoa_text_cache_folder(folder, sizeof folder, err));
    const char *base = strrchr(real, '/') + 1;
    snprintf(name, sizeof name, "%.100s-%016llx.tok", base,
             (unsigned long long)encoding_key(t, real, &st));
    if (!stoa_path_join(path, n, cache ? cache : folder, name))
        return stoa_fail(err, STOA_ERR_USAGE, "%s: the path is too long", cache ? cache : folder);
    stoa_token_file file;
    if (stoa_file_exists(path) && stoa_token_file_open(&file, path, NULL) == STOA_OK) {
        bool same = file.tokenizer_hash == stoa_tokenizer_hash(t);
        stoa_token_file_close(&file);
        if (same)
            return STOA_OK;
    }
    const char *paths[] = {real};
    stoa_token_encoding encoding = {.paths = paths,
                                    .path_count = 1,
                                    .end_of_text = stoa_tokenizer_end_of_text(t),
                                    .progress = progress,
                                    .user = user};
    return stoa_token_file_encode(t, &encoding, path, NULL, err);
}
