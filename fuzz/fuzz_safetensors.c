/* Fuzzes the safetensors reader: whatever the bytes, it answers with a file or an error, and what
 * an accepted file offers can be read. */
#include "stoa/nn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    stoa_safetensors *file;
    stoa_error err;
    if (stoa_safetensors_parse(&file, "fuzz", data, size, &err) != STOA_OK)
        return 0;
    volatile unsigned sum = 0;
    for (size_t i = 0; i < stoa_safetensors_count(file); i++) {
        const stoa_entry *entry = stoa_safetensors_at(file, i);
        if (stoa_safetensors_find(file, entry->name) != entry)
            __builtin_trap();
        for (size_t b = 0; b < entry->bytes; b++)
            sum += ((const uint8_t *)entry->data)[b];
    }
    (void)sum;
    stoa_safetensors_close(file);
    return 0;
}
