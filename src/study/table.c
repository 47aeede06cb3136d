/*
 * Building tables: the columns first, then row after row.
 */
#include "study/report.h"

#include <assert.h>
#include <string.h>

stoa_table *stoa_table_new(const char *id, const char *title) {
    stoa_table *t = stoa_keep_object(sizeof *t);
    if (!t)
        return NULL;
    t->id = stoa_keep_text(&t->keep, id);
    t->title = stoa_keep_text(&t->keep, title);
    t->caption = "";
    return t;
}

void stoa_table_free(stoa_table *table) {
    stoa_keep_object_free(table);
}

void stoa_table_caption(stoa_table *table, const char *caption) {
    if (table)
        table->caption = stoa_keep_text(&table->keep, caption);
}

static void add_column(stoa_table *t, const char *name, bool text, stoa_format format) {
    if (!t)
        return;
    assert(t->columns < STOA_TABLE_COLUMNS && !t->rows);
    format.unit = format.unit ? stoa_keep_text(&t->keep, format.unit) : NULL;
    t->column[t->columns].name = stoa_keep_text(&t->keep, name);
    t->column[t->columns].text = text;
    t->column[t->columns].format = format;
    t->columns++;
}

void stoa_table_column(stoa_table *table, const char *name, stoa_format format) {
    add_column(table, name, false, format);
}

void stoa_table_text_column(stoa_table *table, const char *name) {
    add_column(table, name, true, (stoa_format){.kind = STOA_FORMAT_FIXED});
}

void stoa_table_row(stoa_table *table, bool strong) {
    if (!table)
        return;
    stoa_table_row_node *row = stoa_keep_alloc(&table->keep, sizeof *row);
    stoa_cell *cells = stoa_keep_alloc(&table->keep, (size_t)table->columns * sizeof *cells);
    if (!row || !cells)
        return;
    *row = (stoa_table_row_node){.cell = cells, .strong = strong};
    if (table->last)
        table->last->next = row;
    else
        table->rows = row;
    table->last = row;
    table->filled = 0;
}

static void add_cell(stoa_table *t, stoa_cell cell) {
    if (!t || t->keep.failed)
        return;
    assert(t->last && t->filled < t->columns);
    t->last->cell[t->filled++] = cell;
}

void stoa_table_text(stoa_table *table, const char *text) {
    if (table)
        add_cell(table,
                 (stoa_cell){.kind = STOA_CELL_TEXT, .text = stoa_keep_text(&table->keep, text)});
}

void stoa_table_number(stoa_table *table, double value) {
    add_cell(table, (stoa_cell){.kind = STOA_CELL_NUMBER, .value = {.value = value}});
}

void stoa_table_interval(stoa_table *table, stoa_interval value) {
    add_cell(table, (stoa_cell){.kind = STOA_CELL_INTERVAL, .value = value});
}
