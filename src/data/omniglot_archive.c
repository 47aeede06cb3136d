/*
 * data/omniglot_archive.c - drawings out of the original archives: entries of a zip file or files
 * of a folder, each a PNG image.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <png.h>
#include <string.h>
#include <sys/stat.h>
#include <zip.h>

#include "data/omniglot.h"

enum { DEPTH = 8 }; /* of folders */

/* ---- names ----------------------------------------------------------------------------------- */

/* The parts of <alphabet>/characterNN/NNNN_MM.png. */
typedef struct parts {
    char alphabet[STOA_OMNIGLOT_NAME];
    int32_t character, number, drawing;
} parts;

/* Digits at *p, 1 to 4 of them, past which *p goes; -1 when there are none. */
static int32_t digits(const char **p) {
    int32_t value = 0;
    int n = 0;
    for (; isdigit((unsigned char)**p) && n < 5; (*p)++, n++)
        value = value * 10 + (**p - '0');
    return n >= 1 && n <= 4 ? value : -1;
}

static const char *slash_before(const char *path, const char *end) {
    while (end > path && end[-1] != '/')
        end--;
    return end;
}

static bool read_name(const char *path, parts *out) {
    const char *file = slash_before(path, path + strlen(path)), *p = file;
    if (file == path)
        return false;
    out->number = digits(&p);
    if (out->number < 1 || *p++ != '_')
        return false;
    out->drawing = digits(&p);
    if (out->drawing < 1 || strcmp(p, ".png") != 0)
        return false;
    const char *folder = slash_before(path, file - 1);
    p = folder;
    if (folder == path || strncmp(p, "character", 9) != 0)
        return false;
    p += 9;
    out->character = digits(&p);
    const char *alphabet = slash_before(path, folder - 1);
    size_t len = (size_t)(folder - 1 - alphabet);
    if (out->character < 1 || p != file - 1 || len == 0 || len >= sizeof out->alphabet)
        return false;
    for (size_t i = 0; i < len; i++) // it becomes a field of a table
        if ((unsigned char)alphabet[i] < ' ' || alphabet[i] == 127)
            return false;
    memcpy(out->alphabet, alphabet, len);
    out->alphabet[len] = '\0';
    return true;
}

bool stoa_omniglot_is_drawing(const char *path) {
    parts name;
    return read_name(path, &name);
}

/* ---- images ---------------------------------------------------------------------------------- */

stoa_status stoa_omniglot_read_png(const char *where, const char *path, const void *png,
                                   size_t size, uint8_t bits[STOA_OMNIGLOT_BYTES],
                                   stoa_error *err) {
    enum { SIDE = STOA_OMNIGLOT_SIDE };
    png_image image = {.version = PNG_IMAGE_VERSION};
    const png_color paper = {255, 255, 255};
    uint8_t grey[SIDE * SIDE];
    bool good = png_image_begin_read_from_memory(&image, png, size);
    if (good && (image.width != SIDE || image.height != SIDE)) {
        png_image_free(&image);
        return stoa_fail(err, STOA_ERR_FORMAT, "%s: %s: %u x %u pixels; a drawing has %d x %d",
                         where, path, image.width, image.height, SIDE, SIDE);
    }
    image.format = PNG_FORMAT_GRAY;
    good = good && png_image_finish_read(&image, &paper, grey, SIDE, NULL);
    png_image_free(&image);
    if (!good)
        return stoa_fail(err, STOA_ERR_FORMAT, "%s: %s: not a readable PNG image: %s", where, path,
                         image.message);
    memset(bits, 0, STOA_OMNIGLOT_BYTES);
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++)
            if (grey[y * SIDE + x] < 128)
                bits[y * STOA_OMNIGLOT_ROW + (x >> 3)] |= (uint8_t)(0x80 >> (x & 7));
    return STOA_OK;
}

/* ---- the set --------------------------------------------------------------------------------- */

static bool grow(void **items, int64_t count, int64_t *cap, size_t size) {
    if (count < *cap)
        return true;
    int64_t wanted = *cap ? 2 * *cap : 64;
    void *more = stoa_realloc(*items, (size_t)*cap * size, (size_t)wanted * size);
    if (!more)
        return false;
    *items = more;
    *cap = wanted;
    return true;
}

/* The number of an alphabet, new or known; -1 when out of memory. */
static int32_t alphabet_of(stoa_omniglot_set *set, const char *name, bool background) {
    for (int64_t i = set->alphabets; i-- > 0;)
        if (set->names[i].background == background && strcmp(set->names[i].name, name) == 0)
            return (int32_t)i;
    void *names = set->names;
    if (!grow(&names, set->alphabets, &set->alphabets_cap, sizeof *set->names))
        return -1;
    set->names = names;
    set->names[set->alphabets].background = background;
    memcpy(set->names[set->alphabets].name, name, strlen(name) + 1);
    return (int32_t)set->alphabets++;
}

stoa_status stoa_omniglot_add(stoa_omniglot_set *set, const char *where, const char *path,
                              bool background, const void *png, size_t size, stoa_error *err) {
    parts name;
    if (!read_name(path, &name))
        return STOA_OK;
    if (name.drawing > STOA_OMNIGLOT_DRAWINGS_MAX || set->count >= STOA_OMNIGLOT_RECORDS_MAX)
        return stoa_fail(err, STOA_ERR_FORMAT, "%s: %s: more drawings than there can be", where,
                         path);
    void *drawings = set->drawings;
    int32_t alphabet = alphabet_of(set, name.alphabet, background);
    if (alphabet < 0 || !grow(&drawings, set->count, &set->cap, sizeof *set->drawings))
        return stoa_fail(err, STOA_ERR_MEMORY, "%s: no memory for its drawings", where);
    set->drawings = drawings;
    stoa_omniglot_drawing *d = &set->drawings[set->count];
    d->number = name.number;
    d->drawing = name.drawing;
    d->character = name.character;
    d->alphabet = alphabet;
    STOA_TRY(stoa_omniglot_read_png(where, path, png, size, d->bits, err));
    set->count++;
    return STOA_OK;
}

void stoa_omniglot_set_deinit(stoa_omniglot_set *set) {
    stoa_free(set->drawings);
    stoa_free(set->names);
    *set = (stoa_omniglot_set){0};
}

/* ---- archives -------------------------------------------------------------------------------- */

stoa_status stoa_omniglot_unpack(zip_t *zip, uint64_t entry, const char *path, void *data,
                                 size_t *size, stoa_error *err) {
    zip_stat_t stat;
    if (zip_stat_index(zip, entry, 0, &stat) != 0 || !(stat.valid & ZIP_STAT_SIZE) ||
        !(stat.valid & ZIP_STAT_NAME))
        return stoa_fail(err, STOA_ERR_FORMAT, "%s: entry %llu: %s", path,
                         (unsigned long long)entry, zip_strerror(zip));
    if (stat.size > STOA_OMNIGLOT_PNG_MOST)
        return stoa_fail(err, STOA_ERR_FORMAT, "%s: %s: %llu bytes are too many for a drawing",
                         path, stat.name, (unsigned long long)stat.size);
    zip_file_t *file = zip_fopen_index(zip, entry, 0);
    zip_int64_t got = file ? zip_fread(file, data, stat.size) : -1;
    if (file && zip_fclose(file) != 0) // also says whether the entry's checksum holds
        got = -1;
    if (got < 0 || (zip_uint64_t)got != stat.size)
        return stoa_fail(err, STOA_ERR_FORMAT, "%s: %s: cannot be unpacked (damaged?)", path,
                         stat.name);
    *size = stat.size;
    return STOA_OK;
}

static stoa_status add_entry(stoa_omniglot_set *set, zip_t *zip, zip_uint64_t i, const char *path,
                             bool background, stoa_error *err) {
    uint8_t png[STOA_OMNIGLOT_PNG_MOST];
    const char *name = zip_get_name(zip, i, 0);
    size_t size = 0;
    if (!name || !stoa_omniglot_is_drawing(name))
        return STOA_OK;
    STOA_TRY(stoa_omniglot_unpack(zip, i, path, png, &size, err));
    return stoa_omniglot_add(set, path, name, background, png, size, err);
}

stoa_status stoa_omniglot_add_zip(stoa_omniglot_set *set, const char *path, bool background,
                                  stoa_error *err) {
    int code;
    zip_t *zip = zip_open(path, ZIP_RDONLY, &code);
    if (!zip) {
        zip_error_t why;
        zip_error_init_with_code(&why, code);
        stoa_fail(err, code == ZIP_ER_OPEN || code == ZIP_ER_READ ? STOA_ERR_IO : STOA_ERR_FORMAT,
                  "%s: not a readable zip archive: %s", path, zip_error_strerror(&why));
        zip_error_fini(&why);
        return code == ZIP_ER_OPEN || code == ZIP_ER_READ ? STOA_ERR_IO : STOA_ERR_FORMAT;
    }
    stoa_status status = STOA_OK;
    const zip_int64_t entries = zip_get_num_entries(zip, 0);
    for (zip_int64_t i = 0; i < entries && status == STOA_OK; i++)
        status = add_entry(set, zip, (zip_uint64_t)i, path, background, err);
    zip_discard(zip);
    return status;
}

/* ---- folders --------------------------------------------------------------------------------- */

static stoa_status walk(stoa_omniglot_set *set, const char *path, int depth, bool background,
                        stoa_error *err) {
    DIR *folder = opendir(path);
    if (!folder)
        return stoa_fail(err, STOA_ERR_IO, "%s: cannot read the folder: %s", path, strerror(errno));
    stoa_status status = STOA_OK;
    for (const struct dirent *e; status == STOA_OK && (e = readdir(folder));) {
        char inside[1024], *data;
        struct stat st;
        size_t size;
        if (e->d_name[0] == '.' || !stoa_path_join(inside, sizeof inside, path, e->d_name) ||
            lstat(inside, &st) != 0)
            continue;
        if (S_ISDIR(st.st_mode) && depth < DEPTH) {
            status = walk(set, inside, depth + 1, background, err);
        } else if (S_ISREG(st.st_mode) && stoa_omniglot_is_drawing(inside)) {
            status = stoa_file_read(inside, STOA_OMNIGLOT_PNG_MOST, &data, &size, err);
            if (status != STOA_OK)
                break;
            status = stoa_omniglot_add(set, path, inside, background, data, size, err);
            stoa_free(data);
        }
    }
    closedir(folder);
    return status;
}

stoa_status stoa_omniglot_add_folder(stoa_omniglot_set *set, const char *path, bool background,
                                     stoa_error *err) {
    return walk(set, path, 0, background, err);
}
