/*
 * data/omniglot.h - the compact format of the Omniglot drawings, `omniglot105.rle`.
 *
 * Little-endian; offsets from the start of the file.
 *
 *    0  char[8]  "OMNIRLE1"
 *    8  u32      bytes of this header, 64
 *   12  u32      characters          16  u32  drawings of each
 *   20  u32      records: the product of the two
 *   24  u32      width, 105          28  u32  height, 105
 *   32  u32      alphabets           36  u32  characters of the background set, the first ones
 *   40  u32      offset of the table, 64
 *   44  u32      offset of the payload, right behind the table
 *   48  u32      bytes of the payload, up to the end of the file
 *   52  u32      CRC-32 of all drawings, expanded
 *   56  u32      CRC-32 of every byte from offset 64 on
 *   60  u32      0
 *   64  u32[records + 1]  where in the payload each record begins, and where the last one ends
 *
 * Record c * drawings + d is drawing d of character c: the lengths of alternate runs of paper and
 * ink in raster order, paper first; a length is any number of bytes 255 and one byte below, added
 * up. What the runs do not reach is paper. Expanded, a row is 14 bytes, most significant bit first,
 * 1 = ink, and a drawing 105 rows.
 */
#ifndef STOA_DATA_OMNIGLOT_H
#define STOA_DATA_OMNIGLOT_H

#include "stoa/data.h"

#define STOA_OMNIGLOT_FILE "omniglot105.rle"
enum {
    STOA_OMNIGLOT_SIDE = 105,
    STOA_OMNIGLOT_ROW = 14, /* bytes */
    STOA_OMNIGLOT_BYTES = STOA_OMNIGLOT_SIDE * STOA_OMNIGLOT_ROW,
    STOA_OMNIGLOT_HEADER = 64,
    STOA_OMNIGLOT_RECORDS_MAX = 1 << 17,
    STOA_OMNIGLOT_DRAWINGS_MAX = 99,  /* two digits in the archives' file names */
    STOA_OMNIGLOT_PNG_MOST = 1 << 16, /* bytes of a file in an archive; a drawing has some 250 */
};

typedef struct stoa_omniglot {
    int64_t characters, drawings, alphabets, background;
    uint8_t *bits; /* (characters * drawings, STOA_OMNIGLOT_BYTES) */
} stoa_omniglot;

/* name stands for the path in messages. On failure nothing is left to free. */
stoa_status stoa_omniglot_parse(stoa_omniglot *o, const char *name, stoa_view bytes,
                                stoa_error *err);
/* Reads <folder>/omniglot105.rle. */
stoa_status stoa_omniglot_load(stoa_omniglot *o, const char *folder, stoa_error *err);
/* Appends the file's bytes. */
stoa_status stoa_omniglot_write(const stoa_omniglot *o, stoa_buffer *out, stoa_error *err);
void stoa_omniglot_deinit(stoa_omniglot *o);

static inline bool stoa_omniglot_ink(const uint8_t *bits, int x, int y) {
    return bits[y * STOA_OMNIGLOT_ROW + (x >> 3)] >> (7 - (x & 7)) & 1;
}

/* ---- importing the original archives ---- */

/* One drawing as the archives name it. */
typedef struct stoa_omniglot_drawing {
    int32_t number, drawing; /* from 1, as in the file name */
    int32_t character;       /* in its alphabet, from 1 */
    int32_t alphabet;        /* in stoa_omniglot_set.names */
    uint8_t bits[STOA_OMNIGLOT_BYTES];
} stoa_omniglot_drawing;

enum { STOA_OMNIGLOT_NAME = 64 };
/* What was found in archives or folders so far. */
typedef struct stoa_omniglot_set {
    stoa_omniglot_drawing *drawings;
    int64_t count, cap;
    struct stoa_omniglot_alphabet {
        char name[STOA_OMNIGLOT_NAME];
        bool background;
    } * names;
    int64_t alphabets, alphabets_cap;
} stoa_omniglot_set;

/* Adds one file when its path looks like a drawing, <alphabet>/characterNN/NNNN_MM.png, and passes
 * over it otherwise; where: for messages, the archive. */
bool stoa_omniglot_is_drawing(const char *path);
stoa_status stoa_omniglot_add(stoa_omniglot_set *set, const char *where, const char *path,
                              bool background, const void *png, size_t size, stoa_error *err);
stoa_status stoa_omniglot_add_zip(stoa_omniglot_set *set, const char *path, bool background,
                                  stoa_error *err);
stoa_status stoa_omniglot_add_folder(stoa_omniglot_set *set, const char *path, bool background,
                                     stoa_error *err);
void stoa_omniglot_set_deinit(stoa_omniglot_set *set);

/* Of one file of an archive. data holds STOA_OMNIGLOT_PNG_MOST bytes. */
struct zip;
stoa_status stoa_omniglot_unpack(struct zip *zip, uint64_t entry, const char *path, void *data,
                                 size_t *size, stoa_error *err);
/* Dark pixels are ink. */
stoa_status stoa_omniglot_read_png(const char *where, const char *path, const void *png,
                                   size_t size, uint8_t bits[STOA_OMNIGLOT_BYTES], stoa_error *err);
/* Appends oneshot_runs.tsv, made of all_runs.zip at path; queries: its rows. */
stoa_status stoa_omniglot_runs(const stoa_omniglot *o, const char *path, stoa_buffer *out,
                               int64_t *queries, stoa_error *err);

#endif /* STOA_DATA_OMNIGLOT_H */
