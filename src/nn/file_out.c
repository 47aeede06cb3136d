/*
 * nn/file_out.c - a large file written piece by piece and hashed on the way.
 *
 * stoa_file_write wants the whole content at once; a model would have to be copied for that. A file
 * closed with OK is on the disk; a failed one is gone, and a failed flush is never tried again,
 * because the kernel may have dropped the pages it could not write.
 */
#include "nn/file_out.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static void failed(stoa_file_out *out, const char *what) {
    if (out->status == STOA_OK)
        out->status = stoa_fail(out->err, STOA_ERR_IO, "%s: cannot %s: %s%s", out->path, what,
                                strerror(errno), errno == ENOSPC ? " (free some disk space)" : "");
}

void stoa_file_out_open(stoa_file_out *out, const char *path, stoa_error *err) {
    out->bytes = 0;
    out->status = STOA_OK;
    out->err = err;
    out->fd = -1;
    XXH3_64bits_reset(&out->hash);
    size_t length = strlen(path);
    if (length >= sizeof out->path) {
        out->status = stoa_fail(err, STOA_ERR_IO, "%.200s...: the path is too long", path);
        return;
    }
    memcpy(out->path, path, length + 1);
    out->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (out->fd < 0)
        failed(out, "create");
}

void stoa_file_out_write(stoa_file_out *out, const void *data, size_t size) {
    if (out->status != STOA_OK || size == 0)
        return;
    XXH3_64bits_update(&out->hash, data, size);
    out->bytes += size;
    for (const char *at = data; size > 0;) {
        ssize_t put = write(out->fd, at, size < (1u << 30) ? size : 1u << 30);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0) {
            failed(out, "write");
            return;
        }
        at += put;
        size -= (size_t)put;
    }
}

stoa_status stoa_file_out_close(stoa_file_out *out, uint64_t *xxh3) {
    if (out->fd < 0)
        return out->status;
    if (out->status == STOA_OK && fsync(out->fd) != 0)
        failed(out, "flush");
    if (close(out->fd) != 0)
        failed(out, "close");
    out->fd = -1;
    if (out->status != STOA_OK)
        unlink(out->path);
    else if (xxh3)
        *xxh3 = XXH3_64bits_digest(&out->hash);
    return out->status;
}
