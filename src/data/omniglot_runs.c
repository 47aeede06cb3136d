/*
 * data/omniglot_runs.c - the published one-shot runs, all_runs.zip: which record each of their
 * images is, found by its pixels.
 *
 * runNN/class_labels.txt has lines "runNN/test/itemMM.png runNN/training/classMM.png": the query
 * and the drawing that shows its character.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>
#include <zip.h>

#include "data/omniglot.h"

enum { NUMBERS = 100, TEST = 0, TRAINING = 1 };

typedef struct runs {
    int32_t record[2][NUMBERS][NUMBERS]; // (test or training, run, number); 0: none, else + 1
    int32_t answer[NUMBERS][NUMBERS];    // (run, item), a number of training; 0: none
} runs;

/* ---- names ----------------------------------------------------------------------------------- */

static bool two_digits(const char **p, int *out) {
    const char *s = *p;
    if (!isdigit((unsigned char)s[0]) || !isdigit((unsigned char)s[1]))
        return false;
    *out = (s[0] - '0') * 10 + (s[1] - '0');
    *p += 2;
    return *out > 0;
}

static bool skip(const char **p, const char *word) {
    size_t n = strlen(word);
    bool found = strncmp(*p, word, n) == 0;
    *p += found ? n : 0;
    return found;
}

/* "runNN/test/itemMM.png" or "runNN/training/classMM.png" at *p, past which it goes. */
static bool read_image_name(const char **p, int *run, int *part, int *number) {
    if (!skip(p, "run") || !two_digits(p, run))
        return false;
    *part = skip(p, "/test/item") ? TEST : skip(p, "/training/class") ? TRAINING : -1;
    return *part >= 0 && two_digits(p, number) && skip(p, ".png");
}

/* The end of a path that begins with "run". */
static const char *run_part(const char *path) {
    const char *found = strncmp(path, "run", 3) == 0 ? path : strstr(path, "/run");
    return !found ? "" : *found == '/' ? found + 1 : found;
}

/* ---- records by their pixels ----------------------------------------------------------------- */

typedef struct known {
    uint64_t hash;
    int64_t record;
} known;

static int by_hash(const void *a, const void *b) {
    const known *x = a, *y = b;
    return x->hash != y->hash ? (x->hash > y->hash) - (x->hash < y->hash)
                              : (x->record > y->record) - (x->record < y->record);
}

static known *index_records(const stoa_omniglot *o) {
    const int64_t n = o->characters * o->drawings;
    known *out = stoa_alloc((size_t)n * sizeof *out);
    for (int64_t i = 0; out && i < n; i++)
        out[i] = (known){XXH3_64bits(o->bits + i * STOA_OMNIGLOT_BYTES, STOA_OMNIGLOT_BYTES), i};
    if (out)
        qsort(out, (size_t)n, sizeof *out, by_hash);
    return out;
}

/* The first record with these pixels, or -1. */
static int64_t find_record(const stoa_omniglot *o, const known *index, const uint8_t *bits) {
    const uint64_t hash = XXH3_64bits(bits, STOA_OMNIGLOT_BYTES);
    int64_t low = 0, high = o->characters * o->drawings;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (index[middle].hash < hash)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == o->characters * o->drawings || index[low].hash != hash)
        return -1;
    const int64_t record = index[low].record;
    return memcmp(o->bits + record * STOA_OMNIGLOT_BYTES, bits, STOA_OMNIGLOT_BYTES) == 0 ? record
                                                                                          : -1;
}

/* ---- the archive ----------------------------------------------------------------------------- */

typedef struct reading {
    const stoa_omniglot *o;
    const known *index;
    const char *path;
    runs *r;
} reading;

static stoa_status read_labels(const reading *in, const char *name, const char *text, size_t size,
                               stoa_error *err) {
    const char *p = text, *end = text + size;
    for (int line = 1; p < end; line++) {
        int run, part, item, answer_run, answer_part, answer;
        while (p < end && isspace((unsigned char)*p))
            p++;
        if (p == end)
            break;
        bool good = read_image_name(&p, &run, &part, &item) && part == TEST && skip(&p, " ") &&
                    read_image_name(&p, &answer_run, &answer_part, &answer) &&
                    answer_part == TRAINING && answer_run == run &&
                    (p == end || isspace((unsigned char)*p));
        if (!good)
            return stoa_fail(err, STOA_ERR_FORMAT,
                             "%s: %s: line %d: expected \"runNN/test/itemMM.png "
                             "runNN/training/classMM.png\"",
                             in->path, name, line);
        in->r->answer[run][item] = answer;
    }
    return STOA_OK;
}

static stoa_status read_entry(const reading *in, zip_t *zip, zip_uint64_t i, stoa_error *err) {
    char data[STOA_OMNIGLOT_PNG_MOST + 1];
    uint8_t bits[STOA_OMNIGLOT_BYTES];
    const char *name = zip_get_name(zip, i, 0), *p = name ? run_part(name) : "";
    int run, part, number;
    size_t size;
    const size_t length = strlen(p);
    if (length > 16 && strcmp(p + length - 16, "class_labels.txt") == 0) {
        STOA_TRY(stoa_omniglot_unpack(zip, i, in->path, data, &size, err));
        data[size] = '\0';
        return read_labels(in, name, data, strlen(data), err);
    }
    if (!read_image_name(&p, &run, &part, &number) || *p)
        return STOA_OK;
    STOA_TRY(stoa_omniglot_unpack(zip, i, in->path, data, &size, err));
    STOA_TRY(stoa_omniglot_read_png(in->path, name, data, size, bits, err));
    const int64_t record = find_record(in->o, in->index, bits);
    if (record < 0)
        return stoa_fail(err, STOA_ERR_FORMAT, "%s: %s: is none of the drawings imported with it",
                         in->path, name);
    in->r->record[part][run][number] = (int32_t)record + 1;
    return STOA_OK;
}

static stoa_status read_all(const reading *in, stoa_error *err) {
    int code;
    zip_t *zip = zip_open(in->path, ZIP_RDONLY, &code);
    if (!zip)
        return stoa_fail(err, STOA_ERR_FORMAT, "%s: not a readable zip archive", in->path);
    stoa_status status = STOA_OK;
    const zip_int64_t entries = zip_get_num_entries(zip, 0);
    for (zip_int64_t i = 0; i < entries && status == STOA_OK; i++)
        status = read_entry(in, zip, (zip_uint64_t)i, err);
    zip_discard(zip);
    return status;
}

static stoa_status write_runs(const reading *in, stoa_buffer *out, int64_t *queries,
                              stoa_error *err) {
    const runs *r = in->r;
    stoa_buffer_printf(out, "run\titem\ttest_record\tanswer_record\n");
    for (int run = 0; run < NUMBERS; run++)
        for (int item = 0; item < NUMBERS; item++) {
            const int answer = r->answer[run][item];
            if (answer == 0)
                continue;
            if (r->record[TEST][run][item] == 0 || r->record[TRAINING][run][answer] == 0)
                return stoa_fail(err, STOA_ERR_FORMAT,
                                 "%s: run%02d: item%02d.png or class%02d.png is missing", in->path,
                                 run, item, answer);
            stoa_buffer_printf(out, "%d\t%d\t%d\t%d\n", run, item,
                               (int)r->record[TEST][run][item] - 1,
                               (int)r->record[TRAINING][run][answer] - 1);
            (*queries)++;
        }
    return STOA_OK;
}

stoa_status stoa_omniglot_runs(const stoa_omniglot *o, const char *path, stoa_buffer *out,
                               int64_t *queries, stoa_error *err) {
    known *index = index_records(o);
    runs *r = stoa_alloc(sizeof *r);
    const reading in = {o, index, path, r};
    *queries = 0;
    stoa_status status =
        index && r ? read_all(&in, err) : stoa_fail(err, STOA_ERR_MEMORY, "%s: no memory", path);
    if (status == STOA_OK)
        status = write_runs(&in, out, queries, err);
    stoa_free(index);
    stoa_free(r);
    return status;
}
