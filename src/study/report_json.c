/*
 * result.json: everything a report shows, as numbers. NaN is written as null.
 */
#include "study/report.h"

static void interval(stoa_writer *j, const char *key, stoa_interval v) {
    stoa_write_key(j, key);
    stoa_write_begin(j, '{');
    stoa_write_pair_number(j, "value", v.value);
    stoa_write_pair_number(j, "low", v.low);
    stoa_write_pair_number(j, "high", v.high);
    stoa_write_end(j, '{');
}

static void claim(stoa_writer *j, const stoa_claim_node *c) {
    char threshold[256];
    stoa_write_begin(j, '{');
    stoa_write_pair_string(j, "id", c->claim.id);
    stoa_write_pair_string(j, "claim", c->claim.text);
    stoa_write_pair_string(j, "paper", c->claim.paper);
    stoa_write_pair_string(j, "threshold",
                           stoa_claim_threshold(&c->claim, threshold, sizeof threshold));
    stoa_write_pair_number(j, "threshold_value", c->claim.threshold);
    if (c->claim.bound == STOA_BETWEEN)
        stoa_write_pair_number(j, "threshold_high", c->claim.threshold_high);
    stoa_write_pair_string(j, "decided_by",
                           c->claim.rule == STOA_BY_INTERVAL ? "interval" : "value");
    interval(j, "ours", c->finding.value);
    stoa_write_pair_number(j, "seeds", (double)c->finding.seeds);
    stoa_write_pair_string(j, "verdict", stoa_verdict_name(c->verdict));
    if (*c->why)
        stoa_write_pair_string(j, "why", c->why);
    if (*c->finding.note)
        stoa_write_pair_string(j, "note", c->finding.note);
    stoa_write_end(j, '{');
}

static void table(stoa_writer *j, const stoa_table *t) {
    stoa_write_begin(j, '{');
    stoa_write_pair_string(j, "id", t->id);
    stoa_write_pair_string(j, "title", t->title);
    stoa_write_key(j, "columns");
    stoa_write_begin(j, '[');
    for (int i = 0; i < t->columns; i++)
        stoa_write_string(j, t->column[i].name);
    stoa_write_end(j, '[');
    stoa_write_key(j, "rows");
    stoa_write_begin(j, '[');
    for (const stoa_table_row_node *row = t->rows; row; row = row->next) {
        stoa_write_begin(j, '[');
        j->compact++;
        for (int i = 0; i < t->columns; i++) {
            const stoa_cell *cell = &row->cell[i];
            if (cell->kind == STOA_CELL_TEXT)
                stoa_write_string(j, cell->text);
            else if (cell->kind == STOA_CELL_NUMBER)
                stoa_write_number(j, cell->value.value);
            else if (cell->kind == STOA_CELL_INTERVAL)
                stoa_write_numbers(
                    j, (double[]){cell->value.value, cell->value.low, cell->value.high}, 3);
            else
                stoa_write_string(j, "");
        }
        stoa_write_end(j, '[');
        j->compact--;
    }
    stoa_write_end(j, '[');
    stoa_write_end(j, '{');
}

static void series(stoa_writer *j, const stoa_figure_series *node) {
    static const char *const kinds[] = {[STOA_SERIES_LINE] = "line",
                                        [STOA_SERIES_POINTS] = "points",
                                        [STOA_SERIES_MARKED] = "marked line",
                                        [STOA_SERIES_SCATTER] = "scatter",
                                        [STOA_SERIES_BARS] = "bars"};
    _Static_assert(sizeof kinds / sizeof *kinds == STOA_SERIES_KIND_COUNT, "one name a kind");
    const stoa_series *s = &node->as_given;
    stoa_write_begin(j, '{');
    stoa_write_pair_string(j, "name", s->name ? s->name : "");
    stoa_write_pair_string(j, "kind", node->width ? "histogram" : kinds[s->kind]);
    stoa_write_key(j, "x");
    stoa_write_numbers(j, s->x, s->n);
    stoa_write_key(j, "y");
    stoa_write_numbers(j, s->y, s->n);
    if (s->low) {
        stoa_write_key(j, "low");
        stoa_write_numbers(j, s->low, s->n);
        stoa_write_key(j, "high");
        stoa_write_numbers(j, s->high, s->n);
    }
    stoa_write_end(j, '{');
}

static void figure(stoa_writer *j, const stoa_figure *f) {
    stoa_write_begin(j, '{');
    stoa_write_pair_string(j, "id", f->id);
    stoa_write_pair_string(j, "title", f->title);
    stoa_write_pair_string(j, "caption", f->caption);
    stoa_write_pair_string(j, "x", f->axis[STOA_AXIS_X].label);
    stoa_write_pair_string(j, "y", f->axis[STOA_AXIS_Y].label);
    if (f->heat.values) {
        stoa_write_pair_string(j, "colour", f->heat.label);
        stoa_write_key(j, "rows");
        stoa_write_begin(j, '[');
        for (int64_t row = 0; row < f->heat.rows; row++)
            stoa_write_numbers(j, f->heat.values + row * f->heat.cols, f->heat.cols);
        stoa_write_end(j, '[');
    }
    stoa_write_key(j, "series");
    stoa_write_begin(j, '[');
    for (const stoa_figure_series *s = f->series; s; s = s->next)
        series(j, s);
    stoa_write_end(j, '[');
    stoa_write_end(j, '{');
}

void stoa_report_json(const stoa_report *report, stoa_buffer *out) {
    stoa_writer json = {.out = out}, *j = &json;
    stoa_tally tally = stoa_report_tally(report);
    stoa_write_begin(j, '{');
    stoa_write_pair_string(j, "study", report->name);
    stoa_write_pair_string(j, "title", report->title);
    stoa_write_pair_string(j, "scale", stoa_scale_name(report->scale));
    stoa_write_key(j, "verdicts");
    stoa_write_begin(j, '{');
    stoa_write_pair_number(j, "held", tally.held);
    stoa_write_pair_number(j, "failed", tally.failed);
    stoa_write_pair_number(j, "undecided", tally.undecided);
    stoa_write_end(j, '{');
    stoa_write_key(j, "claims");
    stoa_write_begin(j, '[');
    for (const stoa_claim_node *c = report->claims; c; c = c->next)
        claim(j, c);
    stoa_write_end(j, '[');
    stoa_write_key(j, "tables");
    stoa_write_begin(j, '[');
    for (const stoa_node *node = report->nodes; node; node = node->next)
        if (node->table)
            table(j, node->table);
    stoa_write_end(j, '[');
    stoa_write_key(j, "figures");
    stoa_write_begin(j, '[');
    for (const stoa_node *node = report->nodes; node; node = node->next)
        if (node->figure)
            figure(j, node->figure);
    stoa_write_end(j, '[');
    stoa_write_key(j, "settings");
    stoa_write_begin(j, '{');
    for (const stoa_pair_node *pair = report->settings; pair; pair = pair->next)
        stoa_write_pair_string(j, pair->key, pair->value);
    stoa_write_end(j, '{');
    stoa_write_pair_number(j, "compute_seconds", report->seconds);
    stoa_write_pair_number(j, "threads", report->threads);
    stoa_machine_row machine[STOA_MACHINE_ROWS];
    stoa_machine_describe(machine);
    stoa_write_key(j, "machine");
    stoa_write_begin(j, '{');
    for (int i = 0; i < STOA_MACHINE_ROWS; i++)
        stoa_write_pair_string(j, machine[i].key, machine[i].value);
    stoa_write_end(j, '{');
    stoa_write_end(j, '{');
}
