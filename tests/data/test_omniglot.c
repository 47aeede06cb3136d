/*
 * test_omniglot.c - the compact format of Omniglot: imported from archives made here, read back
 * pixel by pixel, shrunk, multiplied, held out, and refused when it is damaged. The real drawings
 * are looked at where they are, and only there.
 */
#include "support.h"

#include <math.h>
#include <png.h>
#include <stdio.h>
#include <unistd.h>
#include <zip.h>
#include <zlib.h>

#include "data/omniglot.h"

enum { SIDE = 105, CHARACTERS = 6, DRAWINGS = 2 };

/* ---- a small data set ------------------------------------------------------------------------ */

static const struct {
    const char *split, *alphabet;
    int character;
} made[CHARACTERS] = {{"background", "Early_Runes", 1}, {"background", "Early_Runes", 2},
                      {"background", "Early_Runes", 3}, {"background", "Late_Runes", 1},
                      {"evaluation", "Signs", 1},       {"evaluation", "Signs", 2}};

/* Whether a pixel of drawing d of character c is ink: a bar, a block, a dot in a corner. */
static bool ink(int c, int d, int x, int y) {
    return (x >= 10 + 3 * c && x < 14 + 3 * c) || (y >= 20 && y < 40 + c && x > 60 + 7 * d) ||
           (c == 3 && x == 104 && y == 104) || (c == 4 && x == 0 && y == 0);
}

static void write_png(const char *path, int side, int c, int d) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    png_init_io(png, file);
    png_set_IHDR(png, info, (uint32_t)side, (uint32_t)side, 1, PNG_COLOR_TYPE_GRAY,
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, info);
    for (int y = 0; y < side; y++) {
        uint8_t row[STOA_OMNIGLOT_ROW + 1] = {0};
        for (int x = 0; x < side; x++)
            if (!ink(c, d, x, y)) // paper is 1
                row[x / 8] |= (uint8_t)(0x80 >> x % 8);
        png_write_row(png, row);
    }
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    assert_int_equal(fclose(file), 0);
}

/* images_<split>/<alphabet>/characterNN/NNNN_MM.png below root. */
static void path_of(char out[512], const char *root, int c, int d) {
    snprintf(out, 512, "%s/images_%s/%s/character%02d", root, made[c].split, made[c].alphabet,
             made[c].character);
    if (d >= 0) {
        size_t len = strlen(out);
        snprintf(out + len, 512 - len, "/%04d_%02d.png", c + 1, d + 1);
    }
}

static void write_folders(const char *into) {
    char path[512];
    for (int c = 0; c < CHARACTERS; c++) {
        path_of(path, into, c, -1);
        assert_int_equal(stoa_mkdirs(path, NULL), STOA_OK);
        for (int d = 0; d < DRAWINGS; d++) {
            path_of(path, into, c, d);
            write_png(path, SIDE, c, d);
        }
    }
}

/* Packs the folders below root into archives in `into`, drawings in a disorder, with other files
 * between them. */
static void write_zips(const char *from, const char *into) {
    static const char *const splits[] = {"background", "evaluation"};
    assert_int_equal(stoa_mkdirs(into, NULL), STOA_OK);
    for (int s = 0; s < 2; s++) {
        char path[512];
        int code;
        snprintf(path, sizeof path, "%s/images_%s.zip", into, splits[s]);
        zip_t *zip = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, &code);
        assert_non_null(zip);
        zip_dir_add(zip, "images_x/", ZIP_FL_ENC_UTF_8);
        zip_file_add(zip, "images_x/.DS_Store", zip_source_buffer(zip, "junk", 4, 0), 0);
        zip_file_add(zip, "__MACOSX/a/character01/._0001_01.png",
                     zip_source_buffer(zip, "junk", 4, 0), 0);
        for (int c = CHARACTERS - 1; c >= 0; c--)
            for (int d = 0; d < DRAWINGS; d++)
                if (strcmp(made[c].split, splits[s]) == 0) {
                    path_of(path, from, c, d);
                    assert_true(zip_file_add(zip, path + strlen(from) + 1,
                                             zip_source_file(zip, path, 0, -1), 0) >= 0);
                }
        assert_int_equal(zip_close(zip), 0);
    }
}

/* Made once for all tests: the folders, and the compact form that they become. */
static char root[64], compact[80];

static int make_all(void **state) {
    void *folder;
    stoa_omniglot_counts counts;
    stoa_error err = {0};
    (void)state;
    if (make_folder(&folder) != 0)
        return -1;
    snprintf(root, sizeof root, "%s", (const char *)folder);
    snprintf(compact, sizeof compact, "%s/compact", root);
    write_folders(root);
    if (stoa_omniglot_import(root, compact, &counts, &err) != STOA_OK)
        fail_msg("%s", err.message);
    assert_int_equal(counts.alphabets, 3);
    assert_int_equal(counts.characters, CHARACTERS);
    assert_int_equal(counts.background, 4);
    assert_int_equal(counts.drawings, DRAWINGS);
    return 0;
}

static int drop_all(void **state) {
    void *folder = root;
    (void)state;
    return drop_folder(&folder);
}

static char *read_all(const char *folder, const char *name, size_t *size) {
    char path[512], *data;
    assert_true(stoa_path_join(path, sizeof path, folder, name));
    assert_int_equal(stoa_file_read(path, 1 << 20, &data, size, NULL), STOA_OK);
    return data;
}

/* ---- importing ------------------------------------------------------------------------------- */

static void archives_and_folders_give_the_same_files(void **state) {
    const char *zips = inside(state, "zips");
    const char *from_zips = inside(state, "from_zips");
    static const char *const names[] = {"alphabets.tsv", "characters.tsv", STOA_OMNIGLOT_FILE};
    stoa_omniglot_counts counts;
    write_zips(root, zips);
    assert_int_equal(stoa_omniglot_import(zips, from_zips, &counts, NULL), STOA_OK);
    for (int i = 0; i < 3; i++) {
        size_t a_size, b_size;
        char *a = read_all(compact, names[i], &a_size);
        char *b = read_all(from_zips, names[i], &b_size);
        assert_int_equal(a_size, b_size);
        assert_memory_equal(a, b, a_size);
        stoa_free(a);
        stoa_free(b);
    }
}

static void the_tables_name_every_alphabet_and_character(void **state) {
    (void)state;
    size_t size;
    char *text = read_all(compact, "alphabets.tsv", &size);
    assert_string_equal(text, "alphabet_id\tname\tsplit\tfirst_char\tn_chars\tsmall1\tsmall2\n"
                              "0\tEarly_Runes\tbackground\t0\t3\t0\t0\n"
                              "1\tLate_Runes\tbackground\t3\t1\t0\t0\n"
                              "2\tSigns\tevaluation\t4\t2\t0\t0\n");
    stoa_free(text);
    text = read_all(compact, "characters.tsv", &size);
    assert_non_null(strstr(text, "\n5\t6\t2\tSigns\t2\tevaluation\t10\n"));
    stoa_free(text);
}

static void every_pixel_comes_through(void **state) {
    (void)state;
    stoa_omniglot o;
    assert_int_equal(stoa_omniglot_load(&o, compact, NULL), STOA_OK);
    assert_int_equal(o.background, 4);
    for (int c = 0; c < CHARACTERS; c++)
        for (int d = 0; d < DRAWINGS; d++)
            for (int y = 0; y < SIDE; y++)
                for (int x = 0; x < SIDE; x++)
                    assert_int_equal(
                        stoa_omniglot_ink(o.bits + (c * DRAWINGS + d) * STOA_OMNIGLOT_BYTES, x, y),
                        ink(c, d, x, y));
    stoa_omniglot_deinit(&o);
}

static void check_import_fails(void **state, stoa_status status, const char *part) {
    stoa_omniglot_counts counts;
    stoa_error err = {0};
    assert_int_equal(
        stoa_omniglot_import(inside(state, "source"), inside(state, "x"), &counts, &err), status);
    if (!strstr(err.message, part))
        fail_msg("'%s' does not say '%s'", err.message, part);
    assert_false(stoa_file_exists(inside(state, "x/" STOA_OMNIGLOT_FILE)));
}

static void incomplete_and_broken_archives_are_refused_by_file(void **state) {
    char path[512], other[512], source[128];
    snprintf(source, sizeof source, "%s", inside(state, "source"));
    check_import_fails(state, STOA_ERR_FORMAT, "images_background.zip");
    write_folders(source);
    path_of(path, source, 2, 1);
    assert_int_equal(unlink(path), 0);
    check_import_fails(state, STOA_ERR_FORMAT, "0004_01.png: a drawing before it is missing");
    write_png(path, 64, 2, 1);
    check_import_fails(state, STOA_ERR_FORMAT, "0003_02.png: 64 x 64 pixels");
    assert_int_equal(stoa_file_write(path, "\x89PNG\r\n\x1a\nrest", 12, NULL), STOA_OK);
    check_import_fails(state, STOA_ERR_FORMAT, "0003_02.png: not a readable PNG");
    write_png(path, SIDE, 2, 1);
    path_of(path, source, 5, 1);
    assert_int_equal(unlink(path), 0);
    check_import_fails(state, STOA_ERR_FORMAT, "the last character lacks drawings");
    write_png(path, SIDE, 5, 1);
    /* a character in two alphabets */
    path_of(path, source, 1, 0);
    path_of(other, source, 3, -1);
    snprintf(other + strlen(other), sizeof other - strlen(other), "/0002_01.png");
    assert_int_equal(rename(path, other), 0);
    check_import_fails(state, STOA_ERR_FORMAT, "another alphabet");
}

static void damaged_archives_are_refused(void **state) {
    const char *zips = inside(state, "source");
    char path[512], *data;
    size_t size;
    write_zips(root, zips);
    snprintf(path, sizeof path, "%s/images_background.zip", zips);
    assert_int_equal(stoa_file_read(path, 1 << 20, &data, &size, NULL), STOA_OK);
    stoa_omniglot_counts counts;
    stoa_rng rng = stoa_rng_stream(1, "damage", 0);
    for (int i = 0; i < 60;
         i++) { // whatever is changed: refused, or what was changed did not matter
        size_t at = (size_t)stoa_rng_below(&rng, (int64_t)size);
        data[at] ^= (char)(1 + stoa_rng_below(&rng, 255));
        FILE *file = fopen(path, "wb");
        assert_non_null(file);
        fwrite(data, 1, i % 3 ? size : at, file);
        fclose(file);
        stoa_status status = stoa_omniglot_import(zips, inside(state, "x"), &counts, NULL);
        assert_true(status == STOA_OK || status == STOA_ERR_FORMAT || status == STOA_ERR_IO);
    }
    stoa_free(data);
}

/* ---- the one-shot runs ----------------------------------------------------------------------- */

/* Two runs over the characters of the data set: drawing 1 is asked, drawing 0 shown. */
static void write_runs(const char *into, const char *labels, bool strange) {
    char path[512], name[64];
    int code;
    assert_int_equal(stoa_mkdirs(into, NULL), STOA_OK);
    snprintf(path, sizeof path, "%s/all_runs.zip", into);
    zip_t *zip = zip_open(path, ZIP_CREATE | ZIP_TRUNCATE, &code);
    assert_non_null(zip);
    for (int c = 0; c < 3; c++)
        for (int d = 0; d < 2; d++) {
            snprintf(name, sizeof name,
                     d ? "all_runs/run02/test/item%02d.png"
                       : "all_runs/run02/training/class%02d.png",
                     d ? 3 - c : c + 1);
            path_of(path, root, c, d);
            if (strange && d) {
                snprintf(path, sizeof path, "%s/strange.png", into);
                write_png(path, SIDE, 7, 0);
            }
            assert_true(zip_file_add(zip, name, zip_source_file(zip, path, 0, -1), 0) >= 0);
        }
    zip_file_add(zip, "all_runs/run02/class_labels.txt",
                 zip_source_buffer(zip, labels, strlen(labels), 0), 0);
    assert_int_equal(zip_close(zip), 0);
}

static void runs_become_records_by_their_pixels(void **state) {
    char source[128];
    stoa_omniglot_counts counts;
    stoa_error err = {0};
    size_t size;
    snprintf(source, sizeof source, "%s", inside(state, "source"));
    write_folders(source);
    write_runs(source,
               "run02/test/item01.png run02/training/class03.png\n"
               "run02/test/item02.png run02/training/class02.png\r\n"
               "run02/test/item03.png run02/training/class01.png",
               false);
    if (stoa_omniglot_import(source, inside(state, "out"), &counts, &err) != STOA_OK)
        fail_msg("%s", err.message);
    assert_int_equal(counts.queries, 3);
    char *text = read_all(inside(state, "out"), "oneshot_runs.tsv", &size);
    assert_string_equal(text, "run\titem\ttest_record\tanswer_record\n"
                              "2\t1\t5\t4\n2\t2\t3\t2\n2\t3\t1\t0\n");
    stoa_free(text);
    stoa_oneshot result;
    assert_int_equal(stoa_omniglot_oneshot(inside(state, "out"), NULL, &result, NULL), STOA_OK);
    assert_int_equal(result.queries, 3);
}

static void runs_that_do_not_fit_the_drawings_are_refused(void **state) {
    static const struct {
        const char *labels, *said;
        bool strange;
    } bad[] = {
        {"run02/test/item01.png run03/training/class03.png", "line 1", false},
        {"run02/test/item01.png run02/training/class03.png\nnonsense", "line 2", false},
        {"run02/test/item01.png run02/training/class09.png", "class09.png is missing", false},
        {"run02/test/item01.png run02/training/class03.png", "none of the drawings", true},
    };
    char source[128];
    snprintf(source, sizeof source, "%s", inside(state, "source"));
    write_folders(source);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        write_runs(source, bad[i].labels, bad[i].strange);
        check_import_fails(state, STOA_ERR_FORMAT, bad[i].said);
    }
}

/* ---- a hostile file -------------------------------------------------------------------------- */

static stoa_status parse(const char *data, size_t size, stoa_error *err) {
    stoa_omniglot o;
    stoa_status status = stoa_omniglot_parse(&o, "hostile", (stoa_view){data, size}, err);
    if (status == STOA_OK)
        stoa_omniglot_deinit(&o);
    else
        assert_null(o.bits);
    return status;
}

static void put_checksum(char *data, size_t size) {
    uint32_t crc = (uint32_t)crc32(0, (const uint8_t *)data + 64, (uInt)(size - 64));
    memcpy(data + 56, &crc, sizeof crc);
}

static void a_damaged_file_is_refused_wherever_the_damage_is(void **state) {
    (void)state;
    size_t size;
    char *data = read_all(compact, STOA_OMNIGLOT_FILE, &size);
    stoa_error err = {0};
    assert_int_equal(parse(data, size, &err), STOA_OK);
    for (size_t n = 0; n < size; n++)
        assert_int_equal(parse(data, n, &err), STOA_ERR_FORMAT);
    for (size_t i = 0; i < size; i++)
        for (int bit = 0; bit < 8; bit++) {
            data[i] ^= (char)(1 << bit);
            stoa_status status = parse(data, size, &err);
            /* two counts that nothing else in the file speaks of */
            assert_true(status == STOA_ERR_FORMAT || (i >= 32 && i < 40));
            data[i] ^= (char)(1 << bit);
        }
    stoa_free(data);
}

static void bad_offsets_and_runs_are_refused_behind_a_right_checksum(void **state) {
    (void)state;
    size_t size;
    char *data = read_all(compact, STOA_OMNIGLOT_FILE, &size);
    char *copy = malloc(size);
    stoa_error err = {0};
    assert_non_null(copy);
    for (size_t i = 64; i < size; i++)
        for (int value = 0; value < 256; value += i < 64 + 13 * 4 ? 15 : 85) {
            memcpy(copy, data, size);
            copy[i] = (char)value;
            if (copy[i] == data[i])
                continue;
            put_checksum(copy, size);
            assert_int_equal(parse(copy, size, &err), STOA_ERR_FORMAT);
        }
    memcpy(copy, data, size);
    memset(copy + 64 + 4, 255, 4);
    put_checksum(copy, size);
    parse(copy, size, &err);
    assert_non_null(strstr(err.message, "byte 64: record 0 lies at 0 to 4294967295"));
    memcpy(copy, data, size);
    memset(copy + 64 + 13 * 4, 255, 60);
    put_checksum(copy, size);
    parse(copy, size, &err);
    assert_non_null(strstr(err.message, "the runs of record 0"));
    free(copy);
    stoa_free(data);
}

static void a_missing_file_is_told_with_how_to_make_it(void **state) {
    stoa_sequences_options o = options_with("data.source=omniglot data.classes=2 data.holdout=0");
    stoa_sequences *s;
    stoa_error err = {0};
    assert_int_equal(stoa_sequences_open(&s, &o, &err), STOA_ERR_USAGE);
    assert_non_null(strstr(err.message, "data.path"));
    strcpy(o.classes.path, *state);
    assert_int_equal(stoa_sequences_open(&s, &o, &err), STOA_ERR_IO);
    assert_non_null(strstr(err.message, "stoa data omniglot"));
}

/* ---- as classes ------------------------------------------------------------------------------ */

static stoa_classes *classes_of(const char *folder, const char *settings) {
    stoa_sequences_options o = options_with(settings);
    stoa_classes *c;
    stoa_error err = {0};
    o.classes.source = STOA_CLASSES_OMNIGLOT;
    strcpy(o.classes.path, folder);
    if (stoa_classes_open(&c, &o.classes, &err) != STOA_OK)
        fail_msg("%s", err.message);
    return c;
}

/* Which character class 0..n-1 shows, by comparing with what was drawn; drawing 0, full size. */
static int shown(const float *item) {
    for (int c = 0; c < CHARACTERS; c++) {
        bool same = true;
        for (int i = 0; i < SIDE * SIDE && same; i++)
            same = (item[i] == 1) == ink(c, 0, i % SIDE, i / SIDE);
        if (same)
            return c;
    }
    return -1;
}

static void classes_are_the_characters_in_an_order_of_their_own(void **state) {
    (void)state;
    stoa_classes *c = classes_of(
        compact, "data.side=105 data.ink=ink data.classes=4 data.holdout=2 data.exemplars=1");
    stoa_classes *fewer = classes_of(
        compact, "data.side=105 data.ink=ink data.classes=2 data.holdout=2 data.exemplars=1");
    static float a[SIDE * SIDE], b[SIDE * SIDE];
    int64_t shape[3];
    int seen = 0;
    assert_int_equal(stoa_classes_shape(c, shape), 3);
    assert_int_equal(shape[0] * 1000 + shape[1] * 10 + shape[2], 105 * 1000 + 105 * 10 + 1);
    assert_false(stoa_classes_endless(c));
    for (int k = 0; k < CHARACTERS; k++) {
        int64_t number = k < 4 ? k : STOA_CLASS_HOLDOUT + k - 4;
        stoa_classes_item(c, number, 0, 0, a);
        assert_in_range(shown(a), 0, CHARACTERS - 1);
        seen |= 1 << shown(a);
        if (k >= 2 && k < 4)
            continue;
        stoa_classes_item(fewer, number, 0, 0, b); // the same with fewer classes
        assert_memory_equal(a, b, sizeof a);
    }
    assert_int_equal(seen, (1 << CHARACTERS) - 1); // trained and held out do not meet
    stoa_classes_close(fewer);
    stoa_classes_close(c);
}

static void smaller_images_are_mean_ink(void **state) {
    (void)state;
    static const int sides[] = {1, 14, 28, 35, 50, 104};
    static float full[SIDE * SIDE], small[SIDE * SIDE];
    stoa_classes *whole =
        classes_of(compact, "data.side=105 data.ink=ink data.classes=4 data.holdout=2");
    for (int s = 0; s < 6; s++) {
        char settings[128];
        snprintf(settings, sizeof settings,
                 "data.side=%d data.ink=ink data.classes=4 data.holdout=2", sides[s]);
        stoa_classes *c = classes_of(compact, settings);
        const int n = sides[s];
        const double scale = (double)SIDE / n;
        stoa_classes_item(whole, 1, 1, 0, full);
        stoa_classes_item(c, 1, 1, 0, small);
        for (int ty = 0; ty < n; ty++)
            for (int tx = 0; tx < n; tx++) {
                double sum = 0;
                for (int y = (int)(ty * scale); y < SIDE && y < (ty + 1) * scale; y++)
                    for (int x = (int)(tx * scale); x < SIDE && x < (tx + 1) * scale; x++) {
                        double w = fmin(x + 1, (tx + 1) * scale) - fmax(x, tx * scale);
                        double h = fmin(y + 1, (ty + 1) * scale) - fmax(y, ty * scale);
                        sum += w * h * (double)full[y * SIDE + x];
                    }
                /* exact where a side has a factor 7, else one of 255 levels */
                check_near((double)small[ty * n + tx], sum / (scale * scale),
                           n % 7 ? 0.6 / 255 : 1e-6);
            }
        stoa_classes_close(c);
    }
    stoa_classes_close(whole);
}

static void ink_is_standardised_or_as_asked(void **state) {
    (void)state;
    static float a[28 * 28], b[28 * 28];
    double sum = 0, squares = 0;
    stoa_classes *c = classes_of(compact, "data.classes=4 data.holdout=2");
    for (int k = 0; k < CHARACTERS; k++)
        for (uint64_t d = 0; d < DRAWINGS; d++) {
            stoa_classes_item(c, k < 4 ? k : STOA_CLASS_HOLDOUT + k - 4, d, 0, a);
            for (int i = 0; i < 28 * 28; i++) {
                sum += (double)a[i];
                squares += (double)a[i] * (double)a[i];
            }
        }
    stoa_classes_close(c);
    check_near(sum / (12 * 784), 0, 1e-5);
    check_near(squares / (12 * 784), 1, 1e-4);
    c = classes_of(compact, "data.classes=4 data.holdout=2 data.ink=ink");
    stoa_classes_item(c, 0, 0, 0, a);
    stoa_classes_close(c);
    c = classes_of(compact, "data.classes=4 data.holdout=2 data.ink=paper");
    stoa_classes_item(c, 0, 0, 0, b);
    for (int i = 0; i < 28 * 28; i++)
        check_near((double)(a[i] + b[i]), 1, 1e-6);
    stoa_classes_close(c);
    c = classes_of(compact, "data.classes=4 data.holdout=2 data.mean=0.25 data.sd=0.5");
    stoa_classes_item(c, 0, 0, 0, b);
    for (int i = 0; i < 28 * 28; i++)
        check_near((double)b[i], ((double)a[i] - 0.25) / 0.5, 1e-5);
    stoa_classes_close(c);
}

static void eight_variants_of_a_character_stand_side_by_side(void **state) {
    (void)state;
    for (int size = 0; size < 2; size++) { // from bits, and from levels
        const int n = size ? 35 : 105;
        static float variant[8][SIDE * SIDE];
        stoa_classes *c = classes_of(compact, size ? "data.side=35 data.multiply=true "
                                                     "data.classes=32 data.holdout=16"
                                                   : "data.side=105 data.multiply=true "
                                                     "data.classes=32 data.holdout=16");
        for (int v = 0; v < 8; v++)
            stoa_classes_item(c, 8 + v, 1, 0, variant[v]);
        for (int v = 0; v < 8; v++)
            for (int y = 0; y < n; y++)
                for (int x = 0; x < n; x++) {
                    const float here = variant[v][y * n + x];
                    /* a quarter turn clockwise takes (x, y) to (n-1-y, x) */
                    if (v % 4 < 3)
                        assert_true(here == variant[v + 1][x * n + (n - 1 - y)]);
                    if (v == 0)
                        assert_true(here == variant[4][y * n + (n - 1 - x)]);
                }
        for (int v = 0; v < 8; v++)
            for (int w = 0; w < v; w++)
                assert_memory_not_equal(variant[v], variant[w], (size_t)(n * n) * sizeof(float));
        stoa_classes_close(c);
    }
}

static void too_many_classes_are_refused(void **state) {
    (void)state;
    char text[600];
    snprintf(text, sizeof text, "data.source=omniglot data.path=%s data.ways_rule=any ", compact);
    size_t len = strlen(text);
    static const char *const bad[][2] = {
        {"data.classes=5 data.holdout=2", "more than the 6 classes"},
        {"data.classes=6 data.holdout=7", "more than the 6 classes"},
        {"data.classes=40 data.holdout=4 data.multiply=true", NULL},
        {"data.classes=41 data.holdout=4 data.multiply=true", "8 of a character"},
        {"data.classes=4 data.holdout=2 data.exemplars=3", "has 2 drawings"},
        {"data.classes=4 data.holdout=2 data.fresh=0.1", "data.fresh"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        snprintf(text + len, sizeof text - len, "%s", bad[i][0]);
        if (bad[i][1])
            check_refused(text, bad[i][1]);
        else
            stoa_sequences_close(sequences_with(text));
    }
}

static void opening_fails_cleanly_when_memory_is_short(void **state) {
    (void)state;
    stoa_sequences_options o = options_with("data.source=omniglot data.classes=4 data.holdout=2");
    strcpy(o.classes.path, compact);
    uint64_t live = stoa_alloc_statistics().live;
    for (uint64_t n = 1; n < 20; n++) {
        stoa_classes *c = NULL;
        stoa_alloc_fail_after(n, true);
        stoa_status status = stoa_classes_open(&c, &o.classes, NULL);
        stoa_alloc_fail_after(0, false);
        assert_true(status == STOA_OK || status == STOA_ERR_MEMORY);
        stoa_classes_close(c);
        assert_int_equal(stoa_alloc_statistics().live, live);
    }
}

/* ---- the real drawings ----------------------------------------------------------------------- */

/* The folder STOA_OMNIGLOT names, or shared/data/omniglot beside or below the current folder. */
static const char *real(void) {
    static const char *const places[] = {"shared/data/omniglot", "../shared/data/omniglot",
                                         "../../shared/data/omniglot"};
    const char *named = getenv("STOA_OMNIGLOT");
    for (size_t i = 0; !named && i < sizeof places / sizeof *places; i++)
        if (stoa_file_exists(places[i]))
            named = places[i];
    return named;
}

static void the_hausdorff_distance_errs_as_the_source_documents(void **state) {
    (void)state;
    stoa_oneshot result;
    stoa_error err = {0};
    if (!real())
        skip();
    stoa_pool *pool = stoa_pool_new(2);
    if (stoa_omniglot_oneshot(real(), pool, &result, &err) != STOA_OK)
        fail_msg("%s", err.message);
    stoa_pool_free(pool);
    assert_int_equal(result.queries, 400);
    check_near((double)result.errors / 400, 0.3875, 0.0025);
}

static void the_real_drawings_have_the_known_counts_and_mean_ink(void **state) {
    (void)state;
    stoa_omniglot o;
    if (!real())
        skip();
    assert_int_equal(stoa_omniglot_load(&o, real(), NULL), STOA_OK);
    assert_int_equal(o.characters, 1623);
    assert_int_equal(o.drawings, 20);
    assert_int_equal(o.alphabets, 50);
    assert_int_equal(o.background, 964);
    stoa_omniglot_deinit(&o);
    char settings[512];
    snprintf(settings, sizeof settings,
             "data.source=omniglot data.path=%s data.side=14 data.classes=1500 data.holdout=123",
             real());
    stoa_sequences *s = sequences_with(settings);
    check_near(stoa_sequences_options_of(s)->classes.mean, 0.0805, 0.0001);
    check_near(stoa_sequences_options_of(s)->classes.sd, 0.196, 0.001);
    assert_int_equal(stoa_sequences_options_of(s)->classes.exemplars, 20);
    stoa_sequences_close(s);
}

int main(void) {
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, drop_folder)
    const struct CMUnitTest tests[] = {
        IN_FOLDER(archives_and_folders_give_the_same_files),
        cmocka_unit_test(the_tables_name_every_alphabet_and_character),
        cmocka_unit_test(every_pixel_comes_through),
        IN_FOLDER(incomplete_and_broken_archives_are_refused_by_file),
        IN_FOLDER(damaged_archives_are_refused),
        IN_FOLDER(runs_become_records_by_their_pixels),
        IN_FOLDER(runs_that_do_not_fit_the_drawings_are_refused),
        cmocka_unit_test(a_damaged_file_is_refused_wherever_the_damage_is),
        cmocka_unit_test(bad_offsets_and_runs_are_refused_behind_a_right_checksum),
        IN_FOLDER(a_missing_file_is_told_with_how_to_make_it),
        cmocka_unit_test(classes_are_the_characters_in_an_order_of_their_own),
        cmocka_unit_test(smaller_images_are_mean_ink),
        cmocka_unit_test(ink_is_standardised_or_as_asked),
        cmocka_unit_test(eight_variants_of_a_character_stand_side_by_side),
        cmocka_unit_test(too_many_classes_are_refused),
        cmocka_unit_test(opening_fails_cleanly_when_memory_is_short),
        cmocka_unit_test(the_hausdorff_distance_errs_as_the_source_documents),
        cmocka_unit_test(the_real_drawings_have_the_known_counts_and_mean_ink),
    };
    return cmocka_run_group_tests(tests, make_all, drop_all);
}
