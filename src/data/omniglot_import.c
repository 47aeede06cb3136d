/*
 * data/omniglot_import.c - from the original archives to the compact format: every drawing found,
 * ordered by the number in its file name, checked for gaps, written with its tables.
 */
#include <stdlib.h>
#include <string.h>

#include "data/omniglot.h"

static const char *const parts[2] = {"images_background", "images_evaluation"};

/* The two minimal background sets of the source, by alphabet. */
static const char *const small[2][5] = {
    {"Balinese", "Early_Aramaic", "Greek", "Korean", "Latin"},
    {"Greek", "Japanese_(katakana)", "Latin", "Sanskrit", "Tagalog"},
};

/* ---- finding --------------------------------------------------------------------------------- */

/* Adds <from>/<part>.zip, or else the folder <from>/<part>; nothing when neither is there. */
static stoa_status add_part(stoa_omniglot_set *set, const char *from, int part, stoa_error *err) {
    char path[1024], zip[64];
    snprintf(zip, sizeof zip, "%s.zip", parts[part]);
    if (!stoa_path_join(path, sizeof path, from, zip))
        return stoa_fail(err, STOA_ERR_USAGE, "%s: the path is too long", from);
    if (stoa_file_exists(path))
        return stoa_omniglot_add_zip(set, path, part == 0, err);
    if (stoa_path_join(path, sizeof path, from, parts[part]) && stoa_file_exists(path))
        return stoa_omniglot_add_folder(set, path, part == 0, err);
    return STOA_OK;
}

/* ---- order ----------------------------------------------------------------------------------- */

static int by_number(const void *a, const void *b) {
    const stoa_omniglot_drawing *x = a, *y = b;
    return x->number != y->number ? (x->number > y->number) - (x->number < y->number)
                                  : (x->drawing > y->drawing) - (x->drawing < y->drawing);
}

static stoa_status out_of_order(const stoa_omniglot_set *set, const stoa_omniglot_drawing *d,
                                const char *what, stoa_error *err) {
    return stoa_fail(err, STOA_ERR_FORMAT, "%s: character%02d: %04d_%02d.png: %s",
                     set->names[d->alphabet].name, (int)d->character, (int)d->number,
                     (int)d->drawing, what);
}

/* Numbers 1, 2, ... without a gap, the same drawings 1, 2, ... of each, one alphabet after the
 * other, the background set first. */
static stoa_status check_order(const stoa_omniglot_set *set, stoa_omniglot *o, stoa_error *err) {
    bool ended[STOA_OMNIGLOT_RECORDS_MAX / 64] = {false}; // alphabets whose last character was seen
    if (set->alphabets > (int64_t)(sizeof ended / sizeof *ended))
        return stoa_fail(err, STOA_ERR_FORMAT, "%lld alphabets are too many",
                         (long long)set->alphabets);
    while (o->drawings < set->count && set->drawings[o->drawings].number == 1)
        o->drawings++;
    for (int64_t i = 0; i < set->count; i++) {
        const stoa_omniglot_drawing *d = &set->drawings[i], *before = i ? d - 1 : d;
        if (o->drawings == 0 || d->number != i / o->drawings + 1 ||
            d->drawing != i % o->drawings + 1)
            return out_of_order(set, d, "a drawing before it is missing, or there twice", err);
        if (d->alphabet != before->alphabet)
            ended[before->alphabet] = true;
        if (ended[d->alphabet] || (d->number == before->number && d->alphabet != before->alphabet))
            return out_of_order(set, d, "its number is among those of another alphabet", err);
        if (set->names[d->alphabet].background && !set->names[before->alphabet].background)
            return out_of_order(set, d, "a background character behind the evaluation set", err);
        o->background += set->names[d->alphabet].background && d->drawing == 1;
    }
    o->characters = o->drawings ? set->count / o->drawings : 0;
    if (o->characters * o->drawings != set->count)
        return out_of_order(set, &set->drawings[set->count - 1],
                            "the last character lacks drawings", err);
    o->alphabets = set->alphabets;
    return STOA_OK;
}

/* ---- tables ---------------------------------------------------------------------------------- */

static bool is_small(int which, const struct stoa_omniglot_alphabet *a) {
    for (int i = 0; i < 5; i++)
        if (a->background && strcmp(a->name, small[which][i]) == 0)
            return true;
    return false;
}

static void write_tables(const stoa_omniglot_set *set, const stoa_omniglot *o,
                         stoa_buffer *alphabets, stoa_buffer *characters) {
    int64_t alphabet = -1, length = 0;
    stoa_buffer_printf(alphabets,
                       "alphabet_id\tname\tsplit\tfirst_char\tn_chars\tsmall1\tsmall2\n");
    stoa_buffer_printf(characters, "char_id\tsource_number\talphabet_id\talphabet\t"
                                   "char_in_alphabet\tsplit\tfirst_record\n");
    for (int64_t c = 0; c < o->characters; c++) {
        const stoa_omniglot_drawing *d = &set->drawings[c * o->drawings];
        const struct stoa_omniglot_alphabet *a = &set->names[d->alphabet];
        const char *split = a->background ? "background" : "evaluation";
        if (c == 0 || d[-1].alphabet != d->alphabet) {
            alphabet++;
            for (length = 0; c + length < o->characters &&
                             set->drawings[(c + length) * o->drawings].alphabet == d->alphabet;)
                length++;
            stoa_buffer_printf(alphabets, "%lld\t%s\t%s\t%lld\t%lld\t%d\t%d\n", (long long)alphabet,
                               a->name, split, (long long)c, (long long)length, is_small(0, a),
                               is_small(1, a));
        }
        stoa_buffer_printf(characters, "%lld\t%d\t%lld\t%s\t%d\t%s\t%lld\n", (long long)c,
                           (int)d->number, (long long)alphabet, a->name, (int)d->character, split,
                           (long long)(c * o->drawings));
    }
}

static stoa_status save(const char *folder, const char *name, const stoa_buffer *text,
                        stoa_error *err) {
    char path[1024];
    if (text->failed)
        return stoa_fail(err, STOA_ERR_MEMORY, "no memory for %s", name);
    if (!stoa_path_join(path, sizeof path, folder, name))
        return stoa_fail(err, STOA_ERR_USAGE, "%s: the path is too long", folder);
    return stoa_file_write(path, text->data, text->len, err);
}

/* The one-shot runs, if <from>/all_runs.zip is there. */
static stoa_status find_runs(const stoa_omniglot *o, const char *from, stoa_buffer *out,
                             int64_t *queries, stoa_error *err) {
    char path[1024];
    if (!stoa_path_join(path, sizeof path, from, "all_runs.zip") || !stoa_file_exists(path))
        return STOA_OK;
    return stoa_omniglot_runs(o, path, out, queries, err);
}

/* The drawings themselves come last: where they are, all is. */
static stoa_status save_all(const stoa_omniglot_set *set, const stoa_omniglot *o, const char *from,
                            const char *folder, int64_t *queries, stoa_error *err) {
    stoa_buffer alphabets = {0}, characters = {0}, drawings = {0}, runs = {0};
    write_tables(set, o, &alphabets, &characters);
    stoa_status status = find_runs(o, from, &runs, queries, err);
    if (status == STOA_OK)
        status = stoa_omniglot_write(o, &drawings, err);
    if (status == STOA_OK)
        status = stoa_mkdirs(folder, err);
    if (status == STOA_OK)
        status = save(folder, "alphabets.tsv", &alphabets, err);
    if (status == STOA_OK)
        status = save(folder, "characters.tsv", &characters, err);
    if (status == STOA_OK && *queries > 0)
        status = save(folder, "oneshot_runs.tsv", &runs, err);
    if (status == STOA_OK)
        status = save(folder, STOA_OMNIGLOT_FILE, &drawings, err);
    stoa_buffer_deinit(&alphabets);
    stoa_buffer_deinit(&characters);
    stoa_buffer_deinit(&drawings);
    stoa_buffer_deinit(&runs);
    return status;
}

static stoa_status convert(stoa_omniglot_set *set, const char *from, const char *folder,
                           stoa_omniglot_counts *counts, stoa_error *err) {
    stoa_omniglot o = {0};
    qsort(set->drawings, (size_t)set->count, sizeof *set->drawings, by_number);
    if (check_order(set, &o, err) != STOA_OK)
        return stoa_fail_context(err, STOA_ERR_FORMAT, "%s", from);
    o.bits = stoa_alloc((size_t)set->count * STOA_OMNIGLOT_BYTES);
    if (!o.bits)
        return stoa_fail(err, STOA_ERR_MEMORY, "no memory for %lld drawings",
                         (long long)set->count);
    for (int64_t i = 0; i < set->count; i++)
        memcpy(o.bits + i * STOA_OMNIGLOT_BYTES, set->drawings[i].bits, STOA_OMNIGLOT_BYTES);
    *counts = (stoa_omniglot_counts){o.alphabets, o.characters, o.background, o.drawings, 0};
    stoa_status status = save_all(set, &o, from, folder, &counts->queries, err);
    stoa_omniglot_deinit(&o);
    return status;
}

stoa_status stoa_omniglot_import(const char *from, const char *folder, stoa_omniglot_counts *counts,
                                 stoa_error *err) {
    stoa_omniglot_set set = {0};
    stoa_status status = STOA_OK;
    *counts = (stoa_omniglot_counts){0};
    for (int part = 0; part < 2 && status == STOA_OK; part++)
        status = add_part(&set, from, part, err);
    if (status == STOA_OK && set.count == 0)
        status = stoa_fail(err, STOA_ERR_FORMAT,
                           "%s: holds no drawings; it should hold images_background.zip and "
                           "images_evaluation.zip, or the folders they unpack to",
                           from);
    if (status == STOA_OK)
        status = convert(&set, from, folder, counts, err);
    stoa_omniglot_set_deinit(&set);
    return status;
}
