/*
 * token_writer.c - writing token files: ids go to a file of a temporary name, which takes its real
 * name when it is complete and on the disk.
 */
#include "text/reader.h"
#include "text/token_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

enum { BUFFER_BYTES = 1 << 16 };

struct stoa_token_writer {
    char path[PATH_MAX], beside[PATH_MAX];
    int fd;
    stoa_token_header header;
    XXH3_state_t *hash;
    unsigned char *buffer; /* (BUFFER_BYTES) */
    size_t filled;
};

static stoa_status io_error(const stoa_token_writer *w, const char *what, stoa_error *err) {
    return stoa_fail(err, STOA_ERR_IO, "%s: cannot %s: %s", w->path, what, strerror(errno));
}

static void free_writer(stoa_token_writer *w) {
    if (w->fd >= 0) {
        close(w->fd);
        unlink(w->beside);
    }
    XXH3_freeState(w->hash);
    stoa_free(w->buffer);
    stoa_free(w);
}

void stoa_token_writer_abort(stoa_token_writer *w) {
    if (w)
        free_writer(w);
}

static stoa_status write_all(stoa_token_writer *w, const void *data, size_t n, stoa_error *err) {
    const char *bytes = data;
    while (n > 0) {
        ssize_t put = write(w->fd, bytes, n);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return io_error(w, "write", err);
        bytes += put;
        n -= (size_t)put;
    }
    return STOA_OK;
}

static stoa_status open_file(stoa_token_writer *w, stoa_error *err) {
    int len = snprintf(w->beside, sizeof w->beside, "%s.%ld.tmp", w->path, (long)getpid());
    if (len < 0 || (size_t)len >= sizeof w->beside)
        return stoa_fail(err, STOA_ERR_IO, "%s: the path is too long", w->path);
    w->fd = open(w->beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (w->fd < 0)
        return io_error(w, "create a file beside it", err);
    return write_all(w, &w->header, sizeof w->header, err); // its place; close writes it again
}

stoa_status stoa_token_writer_open(stoa_token_writer **out, const char *path,
                                   const stoa_tokenizer *t, int32_t end_of_text, stoa_error *err) {
    *out = NULL;
    int32_t vocab = stoa_tokenizer_vocab(t);
    if (end_of_text < -1 || end_of_text >= vocab)
        return stoa_fail(err, STOA_ERR_USAGE,
                         "%s: the end-of-text id %d is outside the vocabulary of %d tokens", path,
                         end_of_text, vocab);
    stoa_token_writer *w = stoa_alloc(sizeof *w);
    if (!w)
        return stoa_fail(err, STOA_ERR_MEMORY, "%s: no memory to write it", path);
    w->fd = -1;
    w->hash = XXH3_createState();
    w->buffer = stoa_alloc(BUFFER_BYTES);
    w->header = (stoa_token_header){.version = STOA_TOKEN_FILE_VERSION,
                                    .id_bytes = vocab <= 1 << 16 ? 2 : 4,
                                    .vocab = (uint32_t)vocab,
                                    .end_of_text = end_of_text,
                                    .tokenizer_hash = stoa_tokenizer_hash(t)};
    memcpy(w->header.magic, STOA_TOKEN_MAGIC, sizeof w->header.magic);
    stoa_status status = STOA_OK;
    if (!w->hash || !w->buffer)
        status = stoa_fail(err, STOA_ERR_MEMORY, "%s: no memory to write it", path);
    else if (strlen(path) >= sizeof w->path)
        status = stoa_fail(err, STOA_ERR_IO, "%s: the path is too long", path);
    if (status == STOA_OK) {
        memcpy(w->path, path, strlen(path) + 1);
        XXH3_64bits_reset(w->hash);
        status = open_file(w, err);
    }
    if (status != STOA_OK)
        free_writer(w);
    else
        *out = w;
    return status;
}

static stoa_status flush(stoa_token_writer *w, stoa_error *err) {
    XXH3_64bits_update(w->hash, w->buffer, w->filled);
    stoa_status status = write_all(w, w->buffer, w->filled, err);
    w->filled = 0;
    return status;
}

stoa_status stoa_token_writer_write(stoa_token_writer *w, const int32_t *ids, size_t n,
                                    stoa_error *err) {
    for (size_t i = 0; i < n; i++) {
        uint32_t id = (uint32_t)ids[i];
        if (id >= w->header.vocab)
            return stoa_fail(err, STOA_ERR_USAGE,
                             "%s: id %d is outside the vocabulary of %u tokens", w->path, ids[i],
                             w->header.vocab);
        if (w->filled + 4 > BUFFER_BYTES)
            STOA_TRY(flush(w, err));
        memcpy(w->buffer + w->filled, &id, w->header.id_bytes); // little-endian: the low bytes
        w->filled += w->header.id_bytes;
    }
    w->header.count += n;
    return STOA_OK;
}

static stoa_status finish(stoa_token_writer *w, stoa_error *err) {
    STOA_TRY(flush(w, err));
    w->header.data_hash = XXH3_64bits_digest(w->hash);
    w->header.header_hash = stoa_token_header_hash(&w->header);
    if (lseek(w->fd, 0, SEEK_SET) != 0)
        return io_error(w, "seek", err);
    STOA_TRY(write_all(w, &w->header, sizeof w->header, err));
    if (fsync(w->fd) != 0)
        return io_error(w, "flush", err);
    if (rename(w->beside, w->path) != 0)
        return io_error(w, "replace", err);
    close(w->fd);
    w->fd = -1; // nothing is left to remove
    char *slash = strrchr(w->path, '/');
    if (!slash)
        return stoa_fsync_dir(".", err);
    slash[slash == w->path] = '\0';
    return stoa_fsync_dir(w->path, err);
}

stoa_status stoa_token_writer_close(stoa_token_writer *w, stoa_error *err) {
    stoa_status status = finish(w, err);
    free_writer(w);
    return status;
}

/* ---- text files ---- */

typedef struct encoding_run {
    const stoa_tokenizer *t;
    const stoa_token_encoding *options;
    stoa_token_writer *writer;
    stoa_ids ids;
    uint64_t done, total; /* bytes of text */
} encoding_run;

static stoa_status encode_part(encoding_run *run, const stoa_text_part *part, stoa_error *err) {
    unsigned flags = run->options->flags & STOA_ENCODE_NO_SPECIAL;
    run->ids.len = 0;
    STOA_TRY(stoa_tokenizer_encode(
        run->t, part->text, flags | (part->continues ? STOA_ENCODE_CONTINUE : 0), &run->ids, err));
    if (part->ends && run->options->end_of_text >= 0 && (part->continues || part->text.len > 0))
        stoa_ids_push(&run->ids, run->options->end_of_text);
    if (run->ids.failed)
        return stoa_fail(err, STOA_ERR_MEMORY, "no memory to encode a text");
    return stoa_token_writer_write(run->writer, run->ids.data, run->ids.len, err);
}

static stoa_status encode_file(encoding_run *run, const char *path, stoa_error *err) {
    stoa_text_reader reader;
    STOA_TRY(stoa_text_reader_open(&reader, path, run->options->separator, 0, err));
    stoa_status status;
    stoa_text_part part;
    bool more = true;
    uint64_t before = run->done;
    while ((status = stoa_text_reader_next(&reader, &part, &more, err)) == STOA_OK && more) {
        status = encode_part(run, &part, err);
        run->done = before + reader.consumed;
        if (status == STOA_OK && run->options->progress &&
            !run->options->progress(run->options->user, "encoding", run->done, run->total))
            status = stoa_fail(err, STOA_ERR_INTERRUPTED, "%s: encoding was stopped", path);
        if (status != STOA_OK)
            break;
    }
    stoa_text_reader_close(&reader);
    return status;
}

stoa_status stoa_token_file_encode(const stoa_tokenizer *t, const stoa_token_encoding *encoding,
                                   const char *out_path, uint64_t *written, stoa_error *err) {
    encoding_run run = {.t = t, .options = encoding};
    for (size_t i = 0; i < encoding->path_count; i++)
        run.total += stoa_text_file_size(encoding->paths[i]);
    STOA_TRY(stoa_token_writer_open(&run.writer, out_path, t, encoding->end_of_text, err));
    stoa_status status = STOA_OK;
    for (size_t i = 0; i < encoding->path_count && status == STOA_OK; i++)
        status = encode_file(&run, encoding->paths[i], err);
    stoa_ids_deinit(&run.ids);
    if (written)
        *written = run.writer->header.count;
    if (status == STOA_OK)
        return stoa_token_writer_close(run.writer, err);
    stoa_token_writer_abort(run.writer);
    return status;
}
