/* Fuzzes token files: whatever the bytes, they are refused or every id that is read is below the
 * vocabulary. */
#include "stoa/text.h"

#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char path[] = "/tmp/stoa-fuzz-XXXXXX";
    int fd = mkstemp(path);
    if (fd < 0)
        return 0;
    bool written = write(fd, data, size) == (ssize_t)size;
    close(fd);
    stoa_token_file f;
    stoa_error err;
    if (written && stoa_token_file_open(&f, path, &err) == STOA_OK) {
        stoa_token_file_verify(&f, &err);
        for (uint64_t i = 0; i < f.count; i++) {
            int32_t id;
            if (stoa_token_file_read(&f, i, 1, &id, &err) == STOA_OK && (id < 0 || id >= f.vocab))
                __builtin_trap();
        }
        stoa_token_file_close(&f);
    }
    unlink(path);
    return 0;
}
