/*
 * test_settings.c - the settings table: defaults, YAML files, --set, messages, round trips.
 */
#include "temp.h"

#include <stdlib.h>
#include <string.h>

typedef struct config {
    int64_t width, steps;
    double rate;
    bool compiled;
    char name[STOA_SETTING_TEXT];
    int optimiser;
    stoa_int_list layers;
    stoa_float_list betas;
    char path[STOA_SETTING_TEXT];
} config;

static const char *const optimisers[] = {"adamw", "muon", "sgd", NULL};
static const stoa_setting rows[] = {
    {"model.width", STOA_SET_INT, offsetof(config, width), "256", 1, 65536, NULL, "Width."},
    {"model.layers", STOA_SET_INTS, offsetof(config, layers), "[1, 2]", 0, 100, NULL, "Layers."},
    {"train.steps", STOA_SET_INT, offsetof(config, steps), "1e3", 0, 0, NULL, "Steps."},
    {"train.rate", STOA_SET_FLOAT, offsetof(config, rate), "3e-4", 0, 1, NULL, "Rate."},
    {"model.compiled", STOA_SET_BOOL, offsetof(config, compiled), "yes", 0, 0, NULL, "Compiled."},
    {"train.optim.kind", STOA_SET_CHOICE, offsetof(config, optimiser), "muon", 0, 0, optimisers,
     "Optimiser."},
    {"train.optim.betas", STOA_SET_FLOATS, offsetof(config, betas), "0.9,0.95", 0, 1, NULL,
     "Betas."},
    {"name", STOA_SET_STRING, offsetof(config, name), "\"\"", 0, 0, NULL, "Name."},
    {"data.path", STOA_SET_STRING, offsetof(config, path), NULL, 0, 0, NULL, "Where it is."},
};
enum { ROWS = sizeof rows / sizeof *rows };
static const stoa_settings_table table = {rows, ROWS};

static config defaults(void) {
    config c;
    memset(&c, 0, sizeof c);
    stoa_error err = {.message = ""};
    if (stoa_settings_defaults(table, &c, &err) != STOA_OK)
        fail_msg("%s", err.message);
    return c;
}

static stoa_status parse(config *c, const char *yaml, bool *seen, stoa_error *err) {
    return stoa_settings_parse(table, c, "run.yaml", stoa_view_of(yaml), seen, err);
}

static void defaults_come_from_the_table(void **state) {
    (void)state;
    config c = defaults();
    assert_int_equal(c.width, 256);
    assert_int_equal(c.steps, 1000);
    assert_true(c.rate == 3e-4);
    assert_true(c.compiled);
    assert_int_equal(c.optimiser, 1);
    assert_int_equal(c.layers.count, 2);
    assert_int_equal(c.layers.item[1], 2);
    assert_int_equal(c.betas.count, 2);
    assert_true(c.betas.item[1] == 0.95);
    assert_string_equal(c.name, "");
    assert_string_equal(c.path, "");
}

static void a_wrong_default_is_reported(void **state) {
    (void)state;
    stoa_setting bad = rows[0];
    bad.initial = "0";
    config c;
    stoa_error err;
    assert_int_equal(stoa_settings_defaults((stoa_settings_table){&bad, 1}, &c, &err),
                     STOA_ERR_USAGE);
    assert_string_equal(err.message,
                        "default: model.width: 0 is out of range; it must be from 1 to 65536");
}

static void a_file_is_read_over_the_defaults(void **state) {
    (void)state;
    config c = defaults();
    bool seen[ROWS] = {false};
    stoa_error err = {.message = ""};
    const char *yaml = "# a run\n"
                       "model:\n"
                       "  width: 1Ki   # suffix\n"
                       "  layers: [3, 4, 5]\n"
                       "train:\n"
                       "  steps: 2e6\n"
                       "  rate: 0.5\n"
                       "  optim: {kind: sgd}\n"
                       "train.optim.betas:\n"
                       "  - 0.8\n"
                       "  - 0.9\n"
                       "name: \"first \\u00e9\"\n"
                       "data:\n";
    if (parse(&c, yaml, seen, &err) != STOA_OK)
        fail_msg("%s", err.message);
    assert_int_equal(c.width, 1024);
    assert_int_equal(c.layers.count, 3);
    assert_int_equal(c.layers.item[2], 5);
    assert_int_equal(c.steps, 2000000);
    assert_int_equal(c.optimiser, 2);
    assert_true(c.betas.item[0] == 0.8 && c.betas.count == 2);
    assert_string_equal(c.name, "first \xc3\xa9");
    assert_true(c.compiled);
    for (int i = 0; i < ROWS; i++)
        assert_int_equal(seen[i], i != 4 && i != 8);
}

static void empty_files_change_nothing(void **state) {
    (void)state;
    static const char *const empty[] = {"",           "# only a comment\n",
                                        "---\n",      "\n\n",
                                        "{}\n",       "\xef\xbb\xbf# a byte order mark\n",
                                        "model:\n",   "model: {}\n",
                                        "--- \n...\n"};
    config c = defaults(), before = c;
    for (size_t i = 0; i < sizeof empty / sizeof *empty; i++) {
        stoa_error err = {.message = ""};
        if (parse(&c, empty[i], NULL, &err) != STOA_OK)
            fail_msg("%zu: %s", i, err.message);
    }
    assert_memory_equal(&c, &before, sizeof c);
}

static void every_mistake_is_named_with_its_line(void **state) {
    (void)state;
    static const struct {
        const char *yaml, *message;
    } cases[] = {
        {"\nmodel:\n  widht: 3\n",
         "run.yaml:3: unknown setting \"model.widht\"; did you mean \"model.width\"?"},
        {"modle:\n  width: 3\n",
         "run.yaml:2: unknown setting \"modle.width\"; did you mean \"model.width\"?"},
        {"width: 3\n", "run.yaml:1: unknown setting \"width\"; did you mean \"model.width\"?"},
        {"zebra: {}\n", "run.yaml:1: unknown setting \"zebra\""},
        {"model: {zebra: 1}\n",
         "run.yaml:1: unknown setting \"model.zebra\"; the settings of \"model\" are width"},
        {"model:\n  width: many\n",
         "run.yaml:2: model.width: expected a whole number, got \"many\""},
        {"model:\n  width: 0\n",
         "run.yaml:2: model.width: 0 is out of range; it must be from 1 to 65536"},
        {"model:\n  width: \"3\"\n",
         "run.yaml:2: model.width: expected a whole number, got text in quotes"},
        {"model:\n  width: [3]\n", "run.yaml:2: model.width: expected a whole number, got a list"},
        {"model:\n  width:\n    a: 3\n",
         "run.yaml:2: \"model.width\" is a single setting, not a section"},
        {"model:\n  layers: 3\n", "run.yaml:2: model.layers: expected a list of whole numbers, got "
                                  "a single value; write it as [value]"},
        {"model:\n  layers: [3, 200]\n",
         "run.yaml:2: model.layers: 200 is out of range; it must be from 0 to 100"},
        {"model:\n  layers:\n    - [3]\n", "run.yaml:3: a list may hold single values only"},
        {"model: 3\n", "run.yaml:1: \"model\" is a section; give its settings below it, such as "
                       "\"model.width\""},
        {"model:\n  width: 3\n  width: 4\n",
         "run.yaml:3: \"model.width\" was already given on line 2"},
        {"model.width: 3\nmodel:\n  width: 4\n",
         "run.yaml:3: \"model.width\" was already given on line 1"},
        {"model:\n  width: 3\nmodel:\n  compiled: on\n",
         "run.yaml:3: the section \"model\" was already opened above"},
        {"train:\n  optim:\n    kind: muno\n", "run.yaml:3: train.optim.kind: \"muno\" is not one "
                                               "of: adamw, muon, sgd; did you mean \"muon\"?"},
        {"name:\n", "run.yaml:1: \"name\" has no value; leave the line out, or write \"\" for "
                    "empty text"},
        {"name: &a x\n",
         "run.yaml:1: an anchor (&name) is not supported here; write the value out"},
        {"name: *a\n", "run.yaml:1: an alias (*name) is not supported here; write the value out"},
        {"name: !!str x\n", "run.yaml:1: a tag (!name) is not supported here; write the value out"},
        {"name: a\n---\nname: b\n", "run.yaml:2: a second document; settings are one document"},
        {"- a\n", "run.yaml:1: expected lines of the form \"name: value\""},
        {"hello\n", "run.yaml:1: expected lines of the form \"name: value\""},
        {"? [a]\n: b\n", "run.yaml:1: expected the name of a setting"},
        {"\"model\\0.width12\": 1\n", "run.yaml:1: unknown setting \"model"},
        {"name: \"a\\0b\"\n", "run.yaml:1: name: the text is not valid UTF-8"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        config c = defaults();
        stoa_error err = {.message = ""};
        assert_int_equal(parse(&c, cases[i].yaml, NULL, &err), STOA_ERR_USAGE);
        assert_int_equal(err.status, STOA_ERR_USAGE);
        if (strncmp(err.message, cases[i].message, strlen(cases[i].message)) != 0)
            fail_msg("got \"%s\", expected \"%s\"", err.message, cases[i].message);
    }
}

static void broken_yaml_is_refused_with_its_place(void **state) {
    (void)state;
    config c = defaults();
    stoa_error err;
    assert_int_equal(parse(&c, "model:\n  layers: [1, 2\ntrain: 3\n", NULL, &err), STOA_ERR_USAGE);
    assert_string_equal(err.message, "run.yaml:3: column 6: did not find expected ',' or ']' while "
                                     "parsing a flow sequence");
    assert_int_equal(parse(&c, "name: \xff\xfe\n", NULL, &err), STOA_ERR_USAGE);
    assert_non_null(strstr(err.message, "run.yaml: byte 6: "));
    assert_int_equal(parse(&c, "\tname: x\n", NULL, &err), STOA_ERR_USAGE);
}

static void text_that_does_not_fit_is_refused(void **state) {
    (void)state;
    char yaml[STOA_SETTING_TEXT + 20];
    config c = defaults();
    stoa_error err;
    for (int extra = 0; extra < 2; extra++) {
        int n = snprintf(yaml, sizeof yaml, "name: ");
        memset(yaml + n, 'x', (size_t)(STOA_SETTING_TEXT - 1 + extra));
        yaml[n + STOA_SETTING_TEXT - 1 + extra] = '\0';
        assert_int_equal(parse(&c, yaml, NULL, &err), extra ? STOA_ERR_USAGE : STOA_OK);
        assert_int_equal(strlen(c.name), STOA_SETTING_TEXT - 1);
    }
    assert_string_equal(err.message, "run.yaml:1: name: 256 bytes of text; at most 255 fit");
}

static void hostile_depth_and_length_are_bounded(void **state) {
    (void)state;
    config c = defaults();
    stoa_error err;
    stoa_buffer b = {0};
    for (int i = 0; i < 5000; i++)
        stoa_buffer_printf(&b, "{a: ");
    assert_int_equal(parse(&c, b.data, NULL, &err), STOA_ERR_USAGE);
    assert_non_null(strstr(err.message, "nested deeper"));
    b.len = 0;
    for (int i = 0; i < 5000; i++)
        stoa_buffer_printf(&b, "[");
    assert_int_equal(parse(&c, b.data, NULL, &err), STOA_ERR_USAGE);
    b.len = 0;
    stoa_buffer_printf(&b, "model: {layers: [");
    for (int i = 0; i <= STOA_SETTING_ITEMS; i++)
        stoa_buffer_printf(&b, "1,");
    stoa_buffer_printf(&b, "]}");
    assert_int_equal(parse(&c, b.data, NULL, &err), STOA_ERR_USAGE);
    assert_non_null(strstr(err.message, "more than 64 items"));
    b.len = 0;
    for (int i = 0; i < 100000; i++)
        stoa_buffer_printf(&b, "k");
    stoa_buffer_printf(&b, ": 1\n");
    assert_int_equal(parse(&c, b.data, NULL, &err), STOA_ERR_USAGE);
    stoa_buffer_deinit(&b);
}

static void assignments_override(void **state) {
    (void)state;
    config c = defaults();
    bool seen[ROWS] = {false};
    assert_int_equal(stoa_settings_set(table, &c, "model.width=4Ki", seen, NULL), STOA_OK);
    assert_int_equal(stoa_settings_set(table, &c, " train.rate = 0.25 ", seen, NULL), STOA_OK);
    assert_int_equal(stoa_settings_set(table, &c, "model.layers=7,8,9", NULL, NULL), STOA_OK);
    assert_int_equal(stoa_settings_set(table, &c, "train.optim.betas=[]", NULL, NULL), STOA_OK);
    assert_int_equal(stoa_settings_set(table, &c, "model.compiled=off", NULL, NULL), STOA_OK);
    assert_int_equal(stoa_settings_set(table, &c, "name=a=b 'c'", NULL, NULL), STOA_OK);
    assert_int_equal(stoa_settings_set(table, &c, "data.path=\" x \"", NULL, NULL), STOA_OK);
    assert_int_equal(c.width, 4096);
    assert_true(c.rate == 0.25);
    assert_int_equal(c.layers.count, 3);
    assert_int_equal(c.layers.item[2], 9);
    assert_int_equal(c.betas.count, 0);
    assert_false(c.compiled);
    assert_string_equal(c.name, "a=b 'c'");
    assert_string_equal(c.path, " x ");
    assert_true(seen[0] && seen[3] && !seen[1]);
}

static void wrong_assignments_are_explained(void **state) {
    (void)state;
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"model.widht=3",
         "\"model.widht=3\": unknown setting \"model.widht\"; did you mean \"model.width\"?"},
        {"model.width", "\"model.width\": expected key=value"},
        {"model.width=", "\"model.width=\": model.width: expected a whole number, got nothing"},
        {"model.layers=1,", "\"model.layers=1,\": model.layers: a comma without an item behind it"},
        {"model.layers=1,,2",
         "\"model.layers=1,,2\": model.layers: expected a whole number, got nothing"},
        {"train.rate=2", "\"train.rate=2\": train.rate: 2 is out of range; it must be from 0 to 1"},
        {"=", "\"=\": unknown setting \"\""},
        {"name=\xff", "\"name=\\xff\": name: the text is not valid UTF-8"},
    };
    config c = defaults(), before = c;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        stoa_error err;
        assert_int_equal(stoa_settings_set(table, &c, cases[i].text, NULL, &err), STOA_ERR_USAGE);
        assert_string_equal(err.message, cases[i].message);
    }
    assert_memory_equal(&c, &before, sizeof c);
}

static void required_settings_are_asked_for(void **state) {
    (void)state;
    bool seen[ROWS] = {false};
    stoa_error err;
    assert_int_equal(stoa_settings_require(table, "run.yaml", seen, &err), STOA_ERR_USAGE);
    assert_string_equal(err.message,
                        "run.yaml: the setting \"data.path\" must be given: Where it is.");
    seen[8] = true;
    assert_int_equal(stoa_settings_require(table, "run.yaml", seen, &err), STOA_OK);
}

static void a_dump_reads_back_as_the_same_settings(void **state) {
    (void)state;
    stoa_rng rng = stoa_rng_stream(3, "settings", 0);
    static const char *const names[] = {"",
                                        "plain",
                                        "null",
                                        "5",
                                        "a: b # c",
                                        "\"quoted\" \\ back",
                                        "line\nbreak\ttab\x01\x7f",
                                        "\xc3\xa9\xe2\x80\xa8\xf0\x9f\x98\x80",
                                        "\xef\xbb\xbf",
                                        " spaces ",
                                        "</script>",
                                        "*x",
                                        "%"};
    enum { NAMES = sizeof names / sizeof *names };
    for (int round = 0; round < 200; round++) {
        config c = defaults(), back;
        memset(&back, 0, sizeof back);
        c.width = 1 + stoa_rng_below(&rng, 65536);
        c.steps = (int64_t)stoa_rng_u64(&rng);
        c.rate = stoa_rng_uniform(&rng);
        c.compiled = stoa_rng_below(&rng, 2);
        c.optimiser = (int)stoa_rng_below(&rng, 3);
        c.layers.count = stoa_rng_below(&rng, STOA_SETTING_ITEMS + 1);
        memset(c.layers.item, 0, sizeof c.layers.item);
        for (int64_t i = 0; i < c.layers.count; i++)
            c.layers.item[i] = stoa_rng_below(&rng, 101);
        for (int64_t i = 0; i < c.betas.count; i++)
            c.betas.item[i] = stoa_rng_uniform(&rng);
        strcpy(c.name, names[round % NAMES]);
        strcpy(c.path, names[(round / NAMES) % NAMES]);
        stoa_buffer b = {0};
        stoa_error err = {.message = ""};
        stoa_settings_dump(table, &c, round % 2, &b);
        if (parse(&back, b.data, NULL, &err) != STOA_OK)
            fail_msg("%s in:\n%s", err.message, b.data);
        assert_memory_equal(&c, &back, sizeof c);
        stoa_buffer_deinit(&b);
    }
}

static void a_dump_is_nested_and_commented(void **state) {
    (void)state;
    config c = defaults();
    stoa_buffer b = {0};
    stoa_settings_dump(table, &c, true, &b);
    assert_string_equal(b.data, "model:\n"
                                "  # Width.\n"
                                "  width: 256\n"
                                "  # Layers.\n"
                                "  layers: [1, 2]\n"
                                "  # Compiled.\n"
                                "  compiled: true\n"
                                "train:\n"
                                "  # Steps.\n"
                                "  steps: 1000\n"
                                "  # Rate.\n"
                                "  rate: 0.0003\n"
                                "  optim:\n"
                                "    # Optimiser. One of: adamw, muon, sgd\n"
                                "    kind: muon\n"
                                "    # Betas.\n"
                                "    betas: [0.9, 0.95]\n"
                                "# Name.\n"
                                "name: \"\"\n"
                                "data:\n"
                                "  # Where it is.\n"
                                "  path: \"\"\n");
    stoa_buffer_deinit(&b);
}

static void a_file_is_loaded_with_its_path_in_messages(void **state) {
    const char *path = inside(state, "run.yaml");
    config c = defaults();
    stoa_error err;
    char expected[300];
    assert_int_equal(stoa_settings_load(table, &c, path, NULL, &err), STOA_ERR_IO);
    assert_int_equal(stoa_file_write(path, "name: a\nx: 1\n", 13, NULL), STOA_OK);
    assert_int_equal(stoa_settings_load(table, &c, path, NULL, &err), STOA_ERR_USAGE);
    snprintf(expected, sizeof expected, "%s:2: unknown setting \"x\"", path);
    assert_string_equal(err.message, expected);
    assert_int_equal(stoa_file_write(path, "name: a\n", 8, NULL), STOA_OK);
    assert_int_equal(stoa_settings_load(table, &c, path, NULL, &err), STOA_OK);
    assert_string_equal(c.name, "a");
}

typedef struct world {
    int64_t width; /* the same key as in the other table's part */
    char name[STOA_SETTING_TEXT];
} world;

static const stoa_setting world_rows[] = {
    {"width", STOA_SET_INT, offsetof(world, width), "7", 1, 9, NULL, "Cells."},
    {"name", STOA_SET_STRING, offsetof(world, name), "maze", 0, 0, NULL, "Its name."},
};

static void tables_join_to_one(void **state) {
    (void)state;
    struct {
        config own;
        world other;
    } both = {0};
    const stoa_settings_part parts[] = {
        {NULL, table, 0},
        {"world", {world_rows, 2}, (size_t)((char *)&both.other - (char *)&both)},
    };
    stoa_settings_table joined;
    stoa_error err = {.message = ""};
    assert_int_equal(stoa_settings_join(&joined, parts, 2, &err), STOA_OK);
    assert_int_equal(joined.count, ROWS + 2);
    assert_int_equal(stoa_settings_defaults(joined, &both, &err), STOA_OK);
    assert_int_equal(both.other.width, 7);
    const char *yaml = "model: {width: 12}\nworld:\n  width: 3\nname: run\n";
    assert_int_equal(stoa_settings_parse(joined, &both, "run.yaml", stoa_view_of(yaml), NULL, &err),
                     STOA_OK);
    assert_int_equal(both.own.width, 12);
    assert_int_equal(both.other.width, 3);
    assert_string_equal(both.own.name, "run");
    assert_string_equal(both.other.name, "maze");
    yaml = "name: x\nworld:\n  widht: 3\n";
    assert_int_equal(stoa_settings_parse(joined, &both, "run.yaml", stoa_view_of(yaml), NULL, &err),
                     STOA_ERR_USAGE);
    assert_non_null(strstr(err.message, "run.yaml:3"));
    assert_non_null(strstr(err.message, "world.width"));
    stoa_buffer text = {0};
    stoa_setting_write(&joined.rows[ROWS], &both, &text);
    assert_string_equal(text.data, "3");
    stoa_buffer_deinit(&text);
    stoa_settings_join_free(&joined);
    stoa_alloc_fail_after(1, false);
    assert_int_equal(stoa_settings_join(&joined, parts, 2, &err), STOA_ERR_MEMORY);
    stoa_alloc_fail_after(0, false);
}

static void a_peek_passes_over_what_it_does_not_know(void **state) {
    (void)state;
    config c = defaults();
    bool seen[ROWS] = {0};
    stoa_error err = {.message = ""};
    const char *yaml = "strange: {a: [1, 2], b: {c: d}, e: }\nlist: [x]\nempty:\nmodel:\n"
                       "  height: 3\n  width: 9\nnothing: ~\nvoid: {}\n";
    assert_int_equal(stoa_settings_peek_text(table, &c, "run.yaml", stoa_view_of(yaml), seen, &err),
                     STOA_OK);
    assert_int_equal(c.width, 9);
    assert_true(seen[0] && !seen[1]);
    /* but what it knows must be right, and the rest must be YAML */
    static const char *const wrong[] = {"model: {width: wide}", "model: 3", "a: [1", "a: &b 1"};
    for (int i = 0; i < 4; i++)
        assert_int_equal(
            stoa_settings_peek_text(table, &c, "run.yaml", stoa_view_of(wrong[i]), NULL, &err),
            STOA_ERR_USAGE);
}

static void reading_without_memory_fails_cleanly(void **state) {
    (void)state;
    uint64_t live = stoa_alloc_statistics().live;
    for (uint64_t n = 1; n <= 3; n++) {
        config c = defaults();
        stoa_error err;
        stoa_alloc_fail_after(n, true);
        stoa_status status = parse(&c, "model: {layers: [1, 2]}\n", NULL, &err);
        stoa_alloc_fail_after(0, false);
        assert_int_equal(status, n <= 2 ? STOA_ERR_MEMORY : STOA_OK);
        assert_int_equal(stoa_alloc_statistics().live, live);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_come_from_the_table),
        cmocka_unit_test(a_wrong_default_is_reported),
        cmocka_unit_test(a_file_is_read_over_the_defaults),
        cmocka_unit_test(empty_files_change_nothing),
        cmocka_unit_test(every_mistake_is_named_with_its_line),
        cmocka_unit_test(broken_yaml_is_refused_with_its_place),
        cmocka_unit_test(text_that_does_not_fit_is_refused),
        cmocka_unit_test(hostile_depth_and_length_are_bounded),
        cmocka_unit_test(assignments_override),
        cmocka_unit_test(wrong_assignments_are_explained),
        cmocka_unit_test(required_settings_are_asked_for),
        cmocka_unit_test(a_dump_reads_back_as_the_same_settings),
        cmocka_unit_test(a_dump_is_nested_and_commented),
        cmocka_unit_test_setup_teardown(a_file_is_loaded_with_its_path_in_messages, make_folder,
                                        drop_folder),
        cmocka_unit_test(tables_join_to_one),
        cmocka_unit_test(a_peek_passes_over_what_it_does_not_know),
        cmocka_unit_test(reading_without_memory_fails_cleanly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
