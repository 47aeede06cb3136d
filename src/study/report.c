/*
 * Building reports: everything is kept in order and written at the end as a page and as JSON.
 */
#include "study/report.h"

#include <assert.h>
#include <math.h>
#include <string.h>

stoa_report *stoa_report_new(const char *name, const char *title, const char *kicker,
                             stoa_scale scale) {
    stoa_report *r = stoa_keep_object(sizeof *r);
    if (!r)
        return NULL;
    r->name = stoa_keep_text(&r->keep, name);
    r->title = stoa_keep_text(&r->keep, title);
    r->kicker = stoa_keep_text(&r->keep, kicker);
    r->lead = "";
    r->scale = scale;
    r->nodes_end = &r->nodes;
    r->claims_end = &r->claims;
    r->settings_end = &r->settings;
    r->seconds = (double)NAN;
    return r;
}

void stoa_report_free(stoa_report *report) {
    for (stoa_node *node = report ? report->nodes : NULL; node; node = node->next) {
        stoa_figure_free(node->figure);
        stoa_table_free(node->table);
    }
    stoa_keep_object_free(report);
}

void stoa_report_lead(stoa_report *report, const char *text) {
    if (report)
        report->lead = stoa_keep_text(&report->keep, text);
}

void stoa_report_claim(stoa_report *report, const stoa_claim *claim, const stoa_finding *finding) {
    stoa_claim_node *node = report ? stoa_keep_alloc(&report->keep, sizeof *node) : NULL;
    if (!node)
        return;
    node->claim = *claim;
    node->claim.id = stoa_keep_text(&report->keep, claim->id);
    node->claim.text = stoa_keep_text(&report->keep, claim->text);
    node->claim.paper = stoa_keep_text(&report->keep, claim->paper);
    if (claim->format.unit)
        node->claim.format.unit = stoa_keep_text(&report->keep, claim->format.unit);
    node->finding = *finding;
    node->verdict = stoa_claim_verdict(claim, finding, report->scale, node->why, sizeof node->why);
    *report->claims_end = node;
    report->claims_end = &node->next;
}

// Appends a node; NULL when memory is short.
static stoa_node *append(stoa_report *report, stoa_node_kind kind) {
    stoa_node *node = report ? stoa_keep_alloc(&report->keep, sizeof *node) : NULL;
    if (!node)
        return NULL;
    node->kind = kind;
    node->title = node->text = "";
    *report->nodes_end = node;
    report->nodes_end = &node->next;
    return node;
}

void stoa_report_section(stoa_report *report, const char *title) {
    stoa_report_details_end(report);
    stoa_node *node = append(report, STOA_NODE_SECTION);
    if (!node)
        return;
    node->title = stoa_keep_text(&report->keep, title);
    node->number = ++report->sections;
}

void stoa_report_paragraph(stoa_report *report, const char *fmt, ...) {
    stoa_node *node = append(report, STOA_NODE_PARAGRAPH);
    if (!node)
        return;
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, fmt, args);
    char *text = n < 0 ? NULL : stoa_keep_alloc(&report->keep, (size_t)n + 1);
    if (text) {
        vsnprintf(text, (size_t)n + 1, fmt, again);
        node->text = text;
    }
    va_end(again);
    va_end(args);
}

void stoa_report_figure(stoa_report *report, stoa_figure *figure) {
    stoa_node *node = append(report, STOA_NODE_FIGURE);
    if (node && figure) {
        node->figure = figure;
        node->number = ++report->figures;
    } else {
        stoa_figure_free(figure);
        if (report)
            report->keep.failed = true;
    }
}

void stoa_report_table(stoa_report *report, stoa_table *table) {
    stoa_node *node = append(report, STOA_NODE_TABLE);
    if (node && table) {
        node->table = table;
        node->number = ++report->tables;
    } else {
        stoa_table_free(table);
        if (report)
            report->keep.failed = true;
    }
}

void stoa_report_sample(stoa_report *report, const char *title, const char *text, size_t len) {
    stoa_node *node = append(report, STOA_NODE_SAMPLE);
    if (!node)
        return;
    node->title = stoa_keep_text(&report->keep, title);
    node->text = stoa_keep_bytes(&report->keep, text, strnlen(text, len));
}

void stoa_report_heat_text(stoa_report *report, const char *title, const stoa_heat_text *heat) {
    assert(heat->pieces >= 0 && heat->least < heat->most);
    assert(heat->end || (size_t)heat->pieces == heat->len);
    stoa_node *node = append(report, STOA_NODE_HEAT_TEXT);
    if (!node)
        return;
    stoa_keep *keep = &report->keep;
    node->title = stoa_keep_text(keep, title);
    node->heat = *heat;
    node->heat.text = stoa_keep_bytes(keep, heat->text, heat->len);
    node->heat.value = stoa_keep_doubles(keep, heat->value, heat->pieces);
    node->heat.label = stoa_keep_text(keep, heat->label);
    node->heat.format.unit = heat->format.unit ? stoa_keep_text(keep, heat->format.unit) : NULL;
    if (heat->end) {
        size_t bytes = (size_t)heat->pieces * sizeof *heat->end,
               *end = stoa_keep_alloc(keep, bytes);
        if (end && bytes > 0)
            memcpy(end, heat->end, bytes);
        node->heat.end = end;
    }
}

void stoa_report_details_begin(stoa_report *report, const char *title) {
    stoa_report_details_end(report);
    stoa_node *node = append(report, STOA_NODE_DETAILS_BEGIN);
    if (!node)
        return;
    node->title = stoa_keep_text(&report->keep, title);
    report->in_details = true;
}

void stoa_report_details_end(stoa_report *report) {
    if (!report || !report->in_details)
        return;
    report->in_details = false;
    append(report, STOA_NODE_DETAILS_END);
}

void stoa_report_setting(stoa_report *report, const char *key, const char *value) {
    stoa_pair_node *node = report ? stoa_keep_alloc(&report->keep, sizeof *node) : NULL;
    if (!node)
        return;
    node->key = stoa_keep_text(&report->keep, key);
    node->value = stoa_keep_text(&report->keep, value);
    *report->settings_end = node;
    report->settings_end = &node->next;
}

void stoa_report_cost(stoa_report *report, double seconds, int threads) {
    if (!report)
        return;
    report->seconds = seconds;
    report->threads = threads;
}

stoa_tally stoa_report_tally(const stoa_report *report) {
    stoa_tally tally = {0};
    for (const stoa_claim_node *c = report ? report->claims : NULL; c; c = c->next) {
        tally.held += c->verdict == STOA_VERDICT_HELD;
        tally.failed += c->verdict == STOA_VERDICT_FAILED;
        tally.undecided += c->verdict == STOA_VERDICT_UNDECIDED;
    }
    return tally;
}

static bool complete(const stoa_report *report) {
    if (!report || report->keep.failed)
        return false;
    for (const stoa_node *node = report->nodes; node; node = node->next)
        if ((node->figure && node->figure->keep.failed) ||
            (node->table && node->table->keep.failed))
            return false;
    return true;
}

static stoa_status write_one(const char *folder, const char *name, const stoa_buffer *text,
                             stoa_error *err) {
    char path[4096];
    if (text->failed)
        return stoa_fail(err, STOA_ERR_MEMORY, "no memory to write %s", name);
    if (!stoa_path_join(path, sizeof path, folder, name))
        return stoa_fail(err, STOA_ERR_USAGE, "%s: the path is too long", folder);
    return stoa_file_write(path, text->data, text->len, err);
}

/* Each figure once more, as a file of its own; where nothing draws them there are none. */
static stoa_status write_figures(const stoa_report *report, const char *folder, stoa_error *err) {
    char figures[4096], name[128];
    if (!stoa_path_join(figures, sizeof figures, folder, "figures"))
        return stoa_fail(err, STOA_ERR_USAGE, "%s: the path is too long", folder);
    for (const stoa_node *node = report->nodes; node; node = node->next) {
        stoa_buffer svg = {0};
        if (!node->figure || stoa_figure_svg(node->figure, &svg, NULL) != STOA_OK) {
            stoa_buffer_deinit(&svg);
            continue;
        }
        stoa_status status = stoa_mkdirs(figures, err);
        snprintf(name, sizeof name, "%.100s.svg", node->figure->id);
        if (status == STOA_OK)
            status = write_one(figures, name, &svg, err);
        stoa_buffer_deinit(&svg);
        STOA_TRY(status);
    }
    return STOA_OK;
}

stoa_status stoa_report_write(const stoa_report *report, const char *folder, stoa_error *err) {
    if (!complete(report))
        return stoa_fail(err, STOA_ERR_MEMORY, "no memory for the report");
    assert(!report->in_details);
    STOA_TRY(stoa_mkdirs(folder, err));
    stoa_buffer json = {0}, page = {0};
    stoa_report_json(report, &json);
    stoa_status status = write_one(folder, "result.json", &json, err);
    if (status == STOA_OK) {
        stoa_report_html(report, &page);
        status = write_one(folder, "report.html", &page, err);
    }
    if (status == STOA_OK)
        status = write_figures(report, folder, err);
    stoa_buffer_deinit(&json);
    stoa_buffer_deinit(&page);
    return status;
}
