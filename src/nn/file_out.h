/* nn/file_out.h - a large file written piece by piece and hashed on the way. Private to nn. */
#ifndef STOA_NN_FILE_OUT_H
#define STOA_NN_FILE_OUT_H

#include <limits.h>

#include "stoa/base.h"

#define XXH_STATIC_LINKING_ONLY /* the hash's state is kept inside the struct */
#include <xxhash.h>

/* Zero means "not open". Once a call failed, `status` stays failed and later calls do nothing, so a
 * writer checks once, at stoa_file_out_close. */
typedef struct stoa_file_out {
    XXH3_state_t hash; /* first: wants 64-byte alignment */
    char path[PATH_MAX];
    int fd;
    uint64_t bytes;
    stoa_status status;
    stoa_error *err; /* borrowed, nullable */
} stoa_file_out;

/* Creates path, which must not exist. */
void stoa_file_out_open(stoa_file_out *out, const char *path, stoa_error *err);
void stoa_file_out_write(stoa_file_out *out, const void *data, size_t size);
/* Flushes to disk and closes; a file that failed is removed. xxh3 (nullable): of all bytes. */
stoa_status stoa_file_out_close(stoa_file_out *out, uint64_t *xxh3);

#endif /* STOA_NN_FILE_OUT_H */
