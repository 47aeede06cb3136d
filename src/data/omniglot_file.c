/*
 * data/omniglot_file.c - reading and writing the compact format of the Omniglot drawings.
 *
 * The file is hostile until proven otherwise: every field, offset, run and checksum is looked at,
 * and memory is taken only for records that are there.
 */
#include <assert.h>
#include <string.h>
#include <zlib.h>

#include "data/omniglot.h"

static const char magic[8] = {'O', 'M', 'N', 'I', 'R', 'L', 'E', '1'};

/* ---- fields ---------------------------------------------------------------------------------- */

static uint32_t u32_at(const uint8_t *p) {
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint32_t crc_of(const void *data, size_t size) {
    return (uint32_t)crc32_z(crc32_z(0, NULL, 0), data, size);
}

/* What a header may say; fields that follow from others are compared with them. */
typedef struct field {
    size_t at;
    const char *name;
    uint32_t least, most;
} field;

static const field fields[] = {
    {8, "the header's size", STOA_OMNIGLOT_HEADER, STOA_OMNIGLOT_HEADER},
    {12, "the number of characters", 1, STOA_OMNIGLOT_RECORDS_MAX},
    {16, "the number of drawings of a character", 1, STOA_OMNIGLOT_DRAWINGS_MAX},
    {20, "the number of records", 1, STOA_OMNIGLOT_RECORDS_MAX},
    {24, "the width", STOA_OMNIGLOT_SIDE, STOA_OMNIGLOT_SIDE},
    {28, "the height", STOA_OMNIGLOT_SIDE, STOA_OMNIGLOT_SIDE},
    {32, "the number of alphabets", 1, STOA_OMNIGLOT_RECORDS_MAX},
    {40, "the table's offset", STOA_OMNIGLOT_HEADER, STOA_OMNIGLOT_HEADER},
    {60, "the reserved field", 0, 0},
};

static stoa_status check_header(const char *name, stoa_view file, stoa_error *err) {
    const uint8_t *p = (const uint8_t *)file.ptr;
    if (file.len < STOA_OMNIGLOT_HEADER || memcmp(p, magic, sizeof magic) != 0)
        return stoa_fail(err, STOA_ERR_FORMAT,
                         "%s: not a file of Omniglot drawings (it does not begin with OMNIRLE1); "
                         "`stoa data omniglot IMPORT` makes one",
                         name);
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        uint32_t value = u32_at(p + fields[i].at);
        if (value < fields[i].least || value > fields[i].most)
            return stoa_fail(err, STOA_ERR_FORMAT,
                             "%s: byte %zu: %s is %u; it must lie within %u and %u", name,
                             fields[i].at, fields[i].name, value, fields[i].least, fields[i].most);
    }
    const uint64_t characters = u32_at(p + 12), records = u32_at(p + 20);
    if (characters * u32_at(p + 16) != records)
        return stoa_fail(err, STOA_ERR_FORMAT,
                         "%s: byte 20: %u records are not %u characters x %u drawings", name,
                         u32_at(p + 20), u32_at(p + 12), u32_at(p + 16));
    if (u32_at(p + 36) > characters || u32_at(p + 32) > characters)
        return stoa_fail(err, STOA_ERR_FORMAT,
                         "%s: byte 32: %u alphabets and %u background characters among %u", name,
                         u32_at(p + 32), u32_at(p + 36), u32_at(p + 12));
    const uint64_t payload = STOA_OMNIGLOT_HEADER + 4 * (records + 1);
    if (u32_at(p + 44) != payload)
        return stoa_fail(err, STOA_ERR_FORMAT, "%s: byte 44: the payload begins at %u, not at %llu",
                         name, u32_at(p + 44), (unsigned long long)payload);
    if (payload + u32_at(p + 48) != file.len)
        return stoa_fail(err, STOA_ERR_FORMAT,
                         "%s: the header speaks of %llu bytes, the file has %zu (is it cut off?)",
                         name, (unsigned long long)(payload + u32_at(p + 48)), file.len);
    if (crc_of(p + STOA_OMNIGLOT_HEADER, file.len - STOA_OMNIGLOT_HEADER) != u32_at(p + 56))
        return stoa_fail(err, STOA_ERR_FORMAT,
                         "%s: damaged: the checksum at byte 56 is another than that of the table "
                         "and payload; copy or import it again",
                         name);
    return STOA_OK;
}

/* ---- records --------------------------------------------------------------------------------- */

static void set_ink(uint8_t *bits, int from, int to) {
    for (int i = from; i < to; i++) {
        int x = i % STOA_OMNIGLOT_SIDE, y = i / STOA_OMNIGLOT_SIDE;
        bits[y * STOA_OMNIGLOT_ROW + (x >> 3)] |= (uint8_t)(0x80 >> (x & 7));
    }
}

/* False when the runs leave the drawing or end in the middle of one. */
static bool expand(const uint8_t *p, const uint8_t *end, uint8_t *bits) {
    enum { PIXELS = STOA_OMNIGLOT_SIDE * STOA_OMNIGLOT_SIDE };
    int at = 0;
    for (bool ink = false; p < end; ink = !ink) {
        int run = 0;
        while (p < end && *p == 255 && run <= PIXELS) {
            run += 255;
            p++;
        }
        if (p == end || run > PIXELS)
            return false;
        run += *p++;
        if (run > PIXELS - at)
            return false;
        if (ink)
            set_ink(bits, at, at + run);
        at += run;
    }
    return true;
}

static stoa_status expand_all(stoa_omniglot *o, const char *name, const uint8_t *p,
                              stoa_error *err) {
    const int64_t records = o->characters * o->drawings;
    const uint8_t *table = p + STOA_OMNIGLOT_HEADER, *payload = table + 4 * (records + 1);
    const uint32_t bytes = u32_at(p + 48);
    for (int64_t i = 0; i < records; i++) {
        uint32_t from = u32_at(table + 4 * i), to = u32_at(table + 4 * (i + 1));
        if ((i == 0 && from != 0) || to < from || to > bytes || (i + 1 == records && to != bytes))
            return stoa_fail(err, STOA_ERR_FORMAT,
                             "%s: byte %lld: record %lld lies at %u to %u of %u payload bytes",
                             name, (long long)(STOA_OMNIGLOT_HEADER + 4 * i), (long long)i, from,
                             to, bytes);
        if (!expand(payload + from, payload + to, o->bits + i * STOA_OMNIGLOT_BYTES))
            return stoa_fail(err, STOA_ERR_FORMAT,
                             "%s: byte %lld: the runs of record %lld do not fit into a drawing",
                             name, (long long)(payload - p) + (long long)from, (long long)i);
    }
    if (crc_of(o->bits, (size_t)records * STOA_OMNIGLOT_BYTES) != u32_at(p + 52))
        return stoa_fail(err, STOA_ERR_FORMAT,
                         "%s: damaged: the checksum at byte 52 is not that of the drawings", name);
    return STOA_OK;
}

stoa_status stoa_omniglot_parse(stoa_omniglot *o, const char *name, stoa_view bytes,
                                stoa_error *err) {
    const uint8_t *p = (const uint8_t *)bytes.ptr;
    *o = (stoa_omniglot){0};
    STOA_TRY(check_header(name, bytes, err));
    *o = (stoa_omniglot){.characters = u32_at(p + 12),
                         .drawings = u32_at(p + 16),
                         .alphabets = u32_at(p + 32),
                         .background = u32_at(p + 36)};
    o->bits = stoa_alloc((size_t)(o->characters * o->drawings) * STOA_OMNIGLOT_BYTES);
    stoa_status status = o->bits
                             ? expand_all(o, name, p, err)
                             : stoa_fail(err, STOA_ERR_MEMORY, "%s: no memory for %lld drawings",
                                         name, (long long)(o->characters * o->drawings));
    if (status != STOA_OK)
        stoa_omniglot_deinit(o);
    return status;
}

stoa_status stoa_omniglot_load(stoa_omniglot *o, const char *folder, stoa_error *err) {
    char path[1024];
    stoa_map map;
    *o = (stoa_omniglot){0};
    if (!*folder)
        return stoa_fail(err, STOA_ERR_USAGE,
                         "data.path is empty: set it to the folder that holds " STOA_OMNIGLOT_FILE
                         "; `stoa data omniglot IMPORT --out FOLDER` makes that");
    if (!stoa_path_join(path, sizeof path, folder, STOA_OMNIGLOT_FILE))
        return stoa_fail(err, STOA_ERR_USAGE, "%s: the path is too long", folder);
    if (!stoa_file_exists(path))
        return stoa_fail(err, STOA_ERR_IO,
                         "%s: there is no such file; `stoa data omniglot IMPORT --out %s` makes it "
                         "from the original archives",
                         path, folder);
    STOA_TRY(stoa_map_open(&map, path, err));
    stoa_status status = stoa_omniglot_parse(o, path, (stoa_view){map.data, map.size}, err);
    stoa_map_close(&map);
    return status;
}

void stoa_omniglot_deinit(stoa_omniglot *o) {
    stoa_free(o->bits);
    *o = (stoa_omniglot){0};
}

/* ---- writing --------------------------------------------------------------------------------- */

static void put_u32(uint8_t *p, uint32_t value) {
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(value >> 8 * i);
}

static void put_run(stoa_buffer *out, int run) {
    static const uint8_t full = 255;
    for (; run >= 255; run -= 255)
        stoa_buffer_append(out, &full, 1);
    stoa_buffer_append(out, &(uint8_t){(uint8_t)run}, 1);
}

/* The runs of one drawing; the last one, of paper, is left out. */
static void put_record(stoa_buffer *out, const uint8_t *bits) {
    int run = 0;
    bool ink = false;
    for (int y = 0; y < STOA_OMNIGLOT_SIDE; y++)
        for (int x = 0; x < STOA_OMNIGLOT_SIDE; x++, run++)
            if (stoa_omniglot_ink(bits, x, y) != ink) {
                put_run(out, run);
                run = 0;
                ink = !ink;
            }
    if (ink)
        put_run(out, run);
}

stoa_status stoa_omniglot_write(const stoa_omniglot *o, stoa_buffer *out, stoa_error *err) {
    const int64_t records = o->characters * o->drawings;
    const size_t start = out->len, table = start + STOA_OMNIGLOT_HEADER;
    const size_t payload = table + 4 * ((size_t)records + 1);
    const uint8_t zeros[STOA_OMNIGLOT_HEADER] = {0};
    assert(records >= 1 && records <= STOA_OMNIGLOT_RECORDS_MAX);
    stoa_buffer_append(out, zeros, sizeof zeros);
    for (int64_t i = 0; i <= records; i++)
        stoa_buffer_append(out, zeros, 4);
    for (int64_t i = 0; i < records && !out->failed; i++) {
        put_record(out, o->bits + i * STOA_OMNIGLOT_BYTES);
        if (!out->failed)
            put_u32((uint8_t *)out->data + table + 4 * (i + 1), (uint32_t)(out->len - payload));
    }
    if (out->failed)
        return stoa_fail(err, STOA_ERR_MEMORY, "no memory for a file of %lld drawings",
                         (long long)records);
    uint8_t *p = (uint8_t *)out->data + start;
    const uint32_t values[] = {STOA_OMNIGLOT_HEADER,
                               (uint32_t)o->characters,
                               (uint32_t)o->drawings,
                               (uint32_t)records,
                               STOA_OMNIGLOT_SIDE,
                               STOA_OMNIGLOT_SIDE,
                               (uint32_t)o->alphabets,
                               (uint32_t)o->background,
                               STOA_OMNIGLOT_HEADER,
                               (uint32_t)(payload - start),
                               (uint32_t)(out->len - payload),
                               crc_of(o->bits, (size_t)records * STOA_OMNIGLOT_BYTES),
                               crc_of(p + STOA_OMNIGLOT_HEADER, out->len - table),
                               0};
    memcpy(p, magic, sizeof magic);
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        put_u32(p + 8 + 4 * i, values[i]);
    return STOA_OK;
}
