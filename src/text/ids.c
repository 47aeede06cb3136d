/*
 * ids.c - a growing list of token ids that fails softly.
 */
#include "stoa/text.h"

#include <string.h>

static bool reserve(stoa_ids *ids, size_t n) {
    if (ids->failed)
        return false;
    size_t need;
    if (!stoa_size_add(ids->len, n, &need) || need > SIZE_MAX / 16) {
        ids->failed = true;
        return false;
    }
    if (need <= ids->cap)
        return true;
    size_t cap = ids->cap < 64 ? 64 : ids->cap + ids->cap / 2;
    cap = cap > need ? cap : need;
    int32_t *data = stoa_realloc(ids->data, ids->cap * sizeof *data, cap * sizeof *data);
    if (!data) {
        ids->failed = true;
        return false;
    }
    ids->data = data;
    ids->cap = cap;
    return true;
}

void stoa_ids_append(stoa_ids *ids, const int32_t *items, size_t n) {
    if (n == 0 || !reserve(ids, n))
        return;
    memcpy(ids->data + ids->len, items, n * sizeof *items);
    ids->len += n;
}

void stoa_ids_push(stoa_ids *ids, int32_t id) {
    if (ids->len < ids->cap || reserve(ids, 1))
        ids->data[ids->len++] = id;
}

void stoa_ids_deinit(stoa_ids *ids) {
    stoa_free(ids->data);
    *ids = (stoa_ids){0};
}
