/* Fuzzes files of Omniglot drawings: whatever the bytes behind a right checksum, they are refused
 * or every drawing can be read. */
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "data/omniglot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    stoa_omniglot o;
    stoa_error err;
    char *copy = malloc(size + 1);
    if (!copy)
        return 0;
    memcpy(copy, data, size);
    if (size >= STOA_OMNIGLOT_HEADER) {
        uint32_t crc = (uint32_t)crc32_z(0, data + 64, size - 64);
        memcpy(copy + 56, &crc, sizeof crc);
    }
    if (stoa_omniglot_parse(&o, "fuzz", (stoa_view){copy, size}, &err) == STOA_OK) {
        int64_t ink = 0;
        for (int64_t i = 0; i < o.characters * o.drawings * STOA_OMNIGLOT_BYTES; i++)
            ink += o.bits[i];
        if (ink < 0)
            __builtin_trap();
        stoa_omniglot_deinit(&o);
    }
    free(copy);
    return 0;
}
