/*
 * settings.c - feeds arbitrary bytes to the settings reader, as a file and as an assignment.
 *
 * Whatever is accepted must survive being written and read again; whatever is refused must say why.
 */
#include "stoa/base.h"

#include <stdlib.h>
#include <string.h>

typedef struct target {
    int64_t width;
    double rate;
    char name[STOA_SETTING_TEXT];
    int kind;
    stoa_int_list layers;
    stoa_float_list betas;
    bool compiled;
} target;

static const char *const kinds[] = {"adamw", "muon", NULL};
static const stoa_setting rows[] = {
    {"model.width", STOA_SET_INT, offsetof(target, width), "1", 0, 9, NULL, "Width."},
    {"model.rate", STOA_SET_FLOAT, offsetof(target, rate), "1", 0, 0, NULL, "Rate."},
    {"name", STOA_SET_STRING, offsetof(target, name), "", 0, 0, NULL, "Name."},
    {"model.optim.kind", STOA_SET_CHOICE, offsetof(target, kind), "muon", 0, 0, kinds, "Kind."},
    {"model.layers", STOA_SET_INTS, offsetof(target, layers), "1,2", 0, 0, NULL, "Layers."},
    {"betas", STOA_SET_FLOATS, offsetof(target, betas), "", 0, 0, NULL, "Betas."},
    {"compiled", STOA_SET_BOOL, offsetof(target, compiled), "no", 0, 0, NULL, "Compiled."},
};
static const stoa_settings_table table = {rows, sizeof rows / sizeof *rows};

/* Aborts unless what refused the input said why. */
static void must_explain(stoa_status status, const stoa_error *err) {
    if (status != STOA_OK && (err->status != status || !err->message[0]))
        abort();
}

static void must_round_trip(const target *t) {
    target back;
    stoa_buffer text = {0};
    memset(&back, 0, sizeof back);
    stoa_settings_dump(table, t, true, &text);
    if (stoa_settings_parse(table, &back, "dump", (stoa_view){text.data, text.len}, NULL, NULL) !=
            STOA_OK ||
        memcmp(t, &back, sizeof back) != 0)
        abort();
    stoa_buffer_deinit(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    target t;
    stoa_error err = {0};
    memset(&t, 0, sizeof t);
    if (stoa_settings_defaults(table, &t, &err) != STOA_OK)
        abort();
    char *assignment = malloc(size + 1);
    if (!assignment)
        return 0;
    memcpy(assignment, bytes, size);
    assignment[size] = '\0';
    must_explain(stoa_settings_set(table, &t, assignment, NULL, &err), &err);
    free(assignment);
    stoa_status status =
        stoa_settings_parse(table, &t, "input", (stoa_view){(const char *)bytes, size}, NULL, &err);
    must_explain(status, &err);
    if (status == STOA_OK)
        must_round_trip(&t);
    return 0;
}
