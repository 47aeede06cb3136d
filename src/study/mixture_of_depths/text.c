/*
 * study/mixture_of_depths/text.c - three texts that do not overlap: one to train on, one to choose
 * sizes and rates by (validation), one that decides claims (test).
 *
 * What is not given as a file of its own is cut from the end of the training text: the last tenth,
 * halved with a gap of one sequence when both parts come from there. The parts become files in the
 * study's folder, so that anyone can look at what was read and by whom.
 */
#include <inttypes.h>
#include <string.h>

#include <xxhash.h>

#include "study/mixture_of_depths/mod.h"

static const double held_out = 0.1; /* of the training text, when it must give a part */
enum { PROBES = 16, PROBE = 256 };  /* pieces of a text looked up in another */

static stoa_status set_path(char *out, size_t n, const char *path, stoa_error *err) {
    if (strlen(path) >= n)
        return stoa_fail(err, STOA_ERR_USAGE, "%s: path too long", path);
    memcpy(out, path, strlen(path) + 1);
    return STOA_OK;
}

/* The file's name, size and hash; of `name` when the text was cut from another file. */
static void identify(stoa_mod_text *text, const char *name, const stoa_map *map) {
    const char *base = strrchr(name, '/');
    snprintf(text->id, sizeof text->id, "%.32s, %zu bytes, xxh3 %016llx", base ? base + 1 : name,
             map->size, (unsigned long long)XXH3_64bits(map->data, map->size));
}

/* Bytes [begin, end) of the training text as a file of their own; written when it is not there. */
static stoa_status cut(const stoa_mod_study *study, const stoa_map *from, size_t begin, size_t end,
                       const char *name, stoa_mod_text *out, stoa_error *err) {
    char folder[4096];
    stoa_map old;
    if (!stoa_path_join(folder, sizeof folder, study->options->out, "text") ||
        !stoa_path_join(out->path, sizeof out->path, folder, name))
        return stoa_fail(err, STOA_ERR_USAGE, "%s: path too long", study->options->out);
    const char *bytes = (const char *)from->data + begin;
    if (stoa_file_exists(out->path) && stoa_map_open(&old, out->path, NULL) == STOA_OK) {
        bool same = old.size == end - begin && memcmp(old.data, bytes, old.size) == 0;
        stoa_map_close(&old);
        if (same)
            return STOA_OK;
    }
    STOA_TRY(stoa_mkdirs(folder, err));
    return stoa_file_write(out->path, bytes, end - begin, err);
}

static stoa_status cut_parts(stoa_mod_study *study, const char *path, bool valid, bool test,
                             stoa_error *err) {
    stoa_map map;
    STOA_TRY(stoa_map_open(&map, path, err));
    size_t gap = (size_t)study->settings.context;
    size_t train = (size_t)((double)map.size * (1 - held_out));
    size_t middle = valid && test ? train + (map.size - train) / 2 : valid ? map.size : train;
    stoa_status status = cut(study, &map, 0, train, "train.txt", &study->train, err);
    if (status == STOA_OK && valid)
        status = cut(study, &map, train, middle, "valid.txt", &study->valid, err);
    size_t begin = valid && test ? middle + gap : middle;
    begin = begin < map.size ? begin : map.size;
    if (status == STOA_OK && test)
        status = cut(study, &map, begin, map.size, "test.txt", &study->test, err);
    stoa_map_close(&map);
    return status;
}

/* Whether most of a few pieces of `part` stand in `whole`, word for word. */
static bool stands_in(const stoa_map *part, const stoa_map *whole) {
    size_t length = part->size < PROBE ? part->size : PROBE, found = 0, tried = 0;
    for (size_t i = 0; i < PROBES && length > 0; i++, tried++) {
        size_t at = (part->size - length) / PROBES * i;
        found += memmem(whole->data, whole->size, (const char *)part->data + at, length) != NULL;
    }
    return 2 * found > tried;
}

static stoa_status check_apart(const char *a_path, const stoa_map *a, const char *b_path,
                               const stoa_map *b, stoa_error *err) {
    bool same = a->size == b->size && memcmp(a->data, b->data, a->size) == 0;
    if (!same && !stands_in(b, a) && !stands_in(a, b))
        return STOA_OK;
    return stoa_fail(err, STOA_ERR_USAGE,
                     "%s is %s %s; training, validation and test need different texts", b_path,
                     same ? "the same text as" : "for the most part also in", a_path);
}

/* Maps the three, names them and checks them; cut: parts came from the end of that file. */
static stoa_status check_texts(stoa_mod_study *study, const char *source, const bool cut_off[3],
                               stoa_error *err) {
    stoa_mod_text *texts[3] = {&study->train, &study->valid, &study->test};
    static const char *const uses[3] = {"training", "validation", "test"};
    stoa_map map[3] = {{0}};
    int opened = 0;
    stoa_status status = STOA_OK;
    for (; opened < 3 && status == STOA_OK; opened++)
        status = stoa_map_open(&map[opened], texts[opened]->path, err);
    if (status != STOA_OK)
        opened--;
    for (int i = 0; i < 3 && status == STOA_OK; i++) {
        char name[64];
        const char *base = strrchr(source, '/');
        snprintf(name, sizeof name, "%s of %.18s", uses[i], base ? base + 1 : source);
        identify(texts[i], cut_off[i] ? name : texts[i]->path, &map[i]);
        if (map[i].size <= (size_t)study->settings.context)
            status = stoa_fail(err, STOA_ERR_USAGE,
                               "%s: the %s text has %zu bytes; it needs more than a sequence "
                               "(context: %" PRId64 "). Give more text, or a file of its own with "
                               "--valid and --test",
                               texts[i]->path, uses[i], map[i].size, study->settings.context);
    }
    for (int a = 0; a < 3; a++) /* parts cut from one file are apart by how they were cut */
        for (int b = a + 1; b < 3 && status == STOA_OK; b++)
            if (!cut_off[a] || !cut_off[b])
                status = check_apart(texts[a]->path, &map[a], texts[b]->path, &map[b], err);
    for (int i = 0; i < opened; i++)
        stoa_map_close(&map[i]);
    return status;
}

stoa_status stoa_mod_find_texts(stoa_mod_study *study, stoa_error *err) {
    const stoa_study_options *o = study->options;
    char data[4096];
    if (o->data)
        STOA_TRY(set_path(data, sizeof data, o->data, err));
    else
        STOA_TRY(stoa_builtin_text(data, sizeof data, err));
    if (o->valid)
        STOA_TRY(set_path(study->valid.path, sizeof study->valid.path, o->valid, err));
    if (o->test)
        STOA_TRY(set_path(study->test.path, sizeof study->test.path, o->test, err));
    bool whole = o->valid && o->test;
    if (whole)
        STOA_TRY(set_path(study->train.path, sizeof study->train.path, data, err));
    else
        STOA_TRY(cut_parts(study, data, !o->valid, !o->test, err));
    return check_texts(study, data, (const bool[3]){!whole, !o->valid, !o->test}, err);
}
