/*
 * Writing JSON.
 */
#include "study/writer.h"

#include "base/text.h"

#include <assert.h>
#include <math.h>

static void newline(stoa_writer *j) {
    stoa_buffer_printf(j->out, "\n%*s", 2 * j->depth, "");
}

// What stands before a value: a comma and a line break, unless its key has seen to that.
static void separate(stoa_writer *j) {
    if (j->keyed) {
        j->keyed = false;
        return;
    }
    if (j->depth == 0)
        return;
    stoa_buffer_printf(j->out, j->first ? "" : j->compact > 0 ? ", " : ",");
    if (j->compact == 0)
        newline(j);
    j->first = false;
}

void stoa_write_begin(stoa_writer *j, char bracket) {
    assert(bracket == '{' || bracket == '[');
    separate(j);
    stoa_buffer_printf(j->out, "%c", bracket);
    j->depth++;
    j->first = true;
}

void stoa_write_end(stoa_writer *j, char bracket) {
    assert(j->depth > 0 && !j->keyed);
    j->depth--;
    if (!j->first && j->compact == 0)
        newline(j);
    stoa_buffer_printf(j->out, bracket == '{' ? "}" : "]");
    j->first = false;
    if (j->depth == 0)
        stoa_buffer_printf(j->out, "\n");
}

void stoa_write_key(stoa_writer *j, const char *key) {
    separate(j);
    stoa_buffer_json_string(j->out, key);
    stoa_buffer_printf(j->out, ": ");
    j->keyed = true;
}

void stoa_write_string(stoa_writer *j, const char *text) {
    separate(j);
    stoa_buffer_json_string(j->out, text);
}

void stoa_write_number(stoa_writer *j, double value) {
    char text[64];
    separate(j);
    stoa_buffer_printf(j->out, "%s",
                       isfinite(value) ? stoa_format_double(value, text, sizeof text) : "null");
}

void stoa_write_numbers(stoa_writer *j, const double *values, int64_t n) {
    stoa_write_begin(j, '[');
    j->compact++;
    for (int64_t i = 0; i < n; i++)
        stoa_write_number(j, values[i]);
    stoa_write_end(j, '[');
    j->compact--;
}

void stoa_write_pair_string(stoa_writer *j, const char *key, const char *text) {
    stoa_write_key(j, key);
    stoa_write_string(j, text);
}

void stoa_write_pair_number(stoa_writer *j, const char *key, double value) {
    stoa_write_key(j, key);
    stoa_write_number(j, value);
}
