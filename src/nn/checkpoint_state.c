/* nn/checkpoint_state.c - the file of a checkpoint that holds what is neither weights nor moments.
 */
#include "nn/checkpoint.h"

#include <string.h>

stoa_status stoa_ck_part_entries(stoa_ck_parts parts, stoa_entry **entries, stoa_error *err) {
    stoa_entry *e = *entries = stoa_alloc((parts.count + 1) * sizeof *e);
    if (!e)
        return stoa_fail(err, STOA_ERR_MEMORY, "out of memory: a checkpoint's list of parts");
    for (size_t i = 0; i < parts.count; i++)
        e[i] = (stoa_entry){.name = parts.items[i].name,
                            .dtype = STOA_U8,
                            .ndim = 1,
                            .shape = {(int64_t)parts.items[i].bytes},
                            .data = parts.items[i].data,
                            .bytes = parts.items[i].bytes};
    return STOA_OK;
}

size_t stoa_ck_part_bytes(stoa_ck_parts parts) {
    size_t bytes = 0;
    for (size_t i = 0; i < parts.count; i++)
        bytes += parts.items[i].bytes;
    return bytes;
}

stoa_status stoa_ck_part_match(stoa_ck_parts parts, const stoa_safetensors *file, const char *path,
                               stoa_error *err) {
    for (size_t i = 0; i < parts.count; i++) {
        const stoa_checkpoint_part *part = &parts.items[i];
        const stoa_entry *entry = stoa_safetensors_find(file, part->name);
        if (!entry)
            return stoa_fail(err, STOA_ERR_USAGE,
                             "%s: \"%s\" is missing; it was saved by a run with other settings",
                             path, part->name);
        if (entry->dtype != STOA_U8 || entry->bytes != part->bytes)
            return stoa_fail(err, STOA_ERR_USAGE,
                             "%s: \"%s\" holds %zu bytes of %s, not %zu of u8; it was saved by a "
                             "run with other settings",
                             path, part->name, entry->bytes, stoa_dtype_name(entry->dtype),
                             part->bytes);
    }
    if (stoa_safetensors_count(file) == parts.count)
        return STOA_OK;
    return stoa_fail(err, STOA_ERR_USAGE,
                     "%s: %zu parts, this run has %zu; it was saved by a run with other settings",
                     path, stoa_safetensors_count(file), parts.count);
}

void stoa_ck_part_copy(stoa_ck_parts parts, const stoa_safetensors *file) {
    for (size_t i = 0; i < parts.count; i++)
        if (parts.items[i].bytes > 0)
            memcpy(parts.items[i].data, stoa_safetensors_find(file, parts.items[i].name)->data,
                   parts.items[i].bytes);
}
