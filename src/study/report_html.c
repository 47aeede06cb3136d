/*
 * report.html: one page with its style inside, which fetches nothing.
 */
#include "study/report.h"

#include <math.h>
#include <string.h>
#include <time.h>

// Plain text: a blank line begins another paragraph, backquotes set code.
static void paragraph(stoa_buffer *b, const char *text, const char *class) {
    bool code = false;
    char one[2] = {0};
    stoa_buffer_printf(b, *class ? "<p class=\"%s\">" : "<p>", class);
    for (const char *c = text; *c; c++) {
        if (*c == '`' && (code || strchr(c + 1, '`'))) {
            code = !code;
            stoa_buffer_printf(b, code ? "<code>" : "</code>");
        } else if (c[0] == '\n' && c[1] == '\n' && !code) {
            stoa_buffer_printf(b, *class ? "</p>\n<p class=\"%s\">" : "</p>\n<p>", class);
            c++;
        } else {
            one[0] = *c;
            stoa_buffer_html(b, one);
        }
    }
    stoa_buffer_printf(b, "</p>\n");
}

static void section(stoa_buffer *b, const stoa_node *node) {
    stoa_buffer_printf(b, "%s<section id=\"section-%d\"><h2><a href=\"#section-%d\">",
                       node->number > 1 ? "</section>\n" : "", node->number, node->number);
    stoa_buffer_html(b, node->title);
    stoa_buffer_printf(b, "</a></h2>\n");
}

static void text_node(stoa_buffer *b, const stoa_node *node) {
    paragraph(b, node->text, "");
}

static void figure_node(stoa_buffer *b, const stoa_node *node) {
    stoa_html_figure(b, node->figure, node->number);
}

static void table_node(stoa_buffer *b, const stoa_node *node) {
    stoa_html_table(b, node->table, node->number);
}

static void sample(stoa_buffer *b, const stoa_node *node) {
    stoa_buffer_printf(b, "<div class=\"sample\">");
    if (*node->title) {
        stoa_buffer_printf(b, "<b>");
        stoa_buffer_html(b, node->title);
        stoa_buffer_printf(b, "</b>");
    }
    // a line break right after <pre> is dropped by browsers: give it one to drop
    stoa_buffer_printf(b, "<pre>\n");
    stoa_buffer_html(b, node->text);
    stoa_buffer_printf(b, "</pre></div>\n");
}

static void heat_node(stoa_buffer *b, const stoa_node *node) {
    stoa_html_heat_text(b, node->title, &node->heat);
}

static void details_begin(stoa_buffer *b, const stoa_node *node) {
    stoa_buffer_printf(b, "<details class=\"fold\"><summary>");
    stoa_buffer_html(b, node->title);
    stoa_buffer_printf(b, "</summary>\n");
}

static void details_end(stoa_buffer *b, const stoa_node *node) {
    (void)node;
    stoa_buffer_printf(b, "</details>\n");
}

typedef void (*node_fn)(stoa_buffer *b, const stoa_node *node);
static const node_fn writers[] = {
    [STOA_NODE_SECTION] = section,
    [STOA_NODE_PARAGRAPH] = text_node,
    [STOA_NODE_FIGURE] = figure_node,
    [STOA_NODE_TABLE] = table_node,
    [STOA_NODE_SAMPLE] = sample,
    [STOA_NODE_HEAT_TEXT] = heat_node,
    [STOA_NODE_DETAILS_BEGIN] = details_begin,
    [STOA_NODE_DETAILS_END] = details_end,
};
_Static_assert(sizeof writers / sizeof *writers == STOA_NODE_KIND_COUNT, "one writer a node kind");

static void head(stoa_buffer *b, const stoa_report *r) {
    stoa_buffer_printf(b,
                       "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                       "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
                       "<title>");
    stoa_buffer_html(b, r->title);
    stoa_buffer_printf(b, "</title>\n");
    stoa_html_style(b);
    stoa_buffer_printf(b, "</head>\n<body>\n<main>\n<header>\n<p class=\"kicker\">");
    stoa_buffer_html(b, r->kicker);
    stoa_buffer_printf(b, "</p>\n<h1>");
    stoa_buffer_html(b, r->title);
    stoa_buffer_printf(b, "</h1>\n");
    if (*r->lead)
        paragraph(b, r->lead, "lead");
    if (r->claims)
        stoa_html_tally(b, stoa_report_tally(r));
    if (r->sections > 2) {
        stoa_buffer_printf(b, "<nav aria-label=\"Sections\">");
        for (const stoa_node *node = r->nodes; node; node = node->next)
            if (node->kind == STOA_NODE_SECTION) {
                stoa_buffer_printf(b, "<a href=\"#section-%d\">", node->number);
                stoa_buffer_html(b, node->title);
                stoa_buffer_printf(b, "</a> ");
            }
        stoa_buffer_printf(b, "<a href=\"#how\">How it was made</a></nav>\n");
    }
    stoa_buffer_printf(b, "</header>\n");
}

static void pair(stoa_buffer *b, const char *key, const char *value) {
    stoa_buffer_printf(b, "<tr><td>");
    stoa_buffer_html(b, key);
    stoa_buffer_printf(b, "</td><td>");
    stoa_buffer_html(b, value);
    stoa_buffer_printf(b, "</td></tr>\n");
}

// Settings, machine and cost.
static void made(stoa_buffer *b, const stoa_report *r) {
    char text[96];
    stoa_buffer_printf(b, "<section id=\"how\"><h2><a href=\"#how\">How it was made</a></h2>\n"
                          "<div class=\"pairs\">\n<table><thead><tr><th colspan=\"2\">Machine</th>"
                          "</tr></thead><tbody>\n");
    stoa_machine_row machine[STOA_MACHINE_ROWS];
    stoa_machine_describe(machine);
    for (int i = 0; i < STOA_MACHINE_ROWS; i++)
        if (*machine[i].value)
            pair(b, machine[i].key, machine[i].value);
    if (r->threads > 0) {
        snprintf(text, sizeof text, "%d", r->threads);
        pair(b, "threads", text);
    }
    if (isfinite(r->seconds))
        pair(b, "computing time", stoa_human_time(r->seconds, text, sizeof text));
    time_t now = (time_t)stoa_wall_time();
    struct tm utc;
    if (gmtime_r(&now, &utc) && strftime(text, sizeof text, "%Y-%m-%d %H:%M UTC", &utc) > 0)
        pair(b, "written", text);
    stoa_buffer_printf(b, "</tbody></table>\n");
    if (r->settings) {
        stoa_buffer_printf(b, "<table><thead><tr><th colspan=\"2\">Settings</th></tr></thead>"
                              "<tbody>\n");
        for (const stoa_pair_node *p = r->settings; p; p = p->next)
            pair(b, p->key, p->value);
        stoa_buffer_printf(b, "</tbody></table>\n");
    }
    stoa_buffer_printf(b, "</div></section>\n");
}

void stoa_report_html(const stoa_report *report, stoa_buffer *out) {
    head(out, report);
    if (report->claims)
        stoa_html_claims(out, report);
    for (const stoa_node *node = report->nodes; node; node = node->next)
        writers[node->kind](out, node);
    stoa_buffer_printf(out, "%s", report->sections > 0 ? "</section>\n" : "");
    made(out, report);
    stoa_buffer_printf(out, "<footer>Written by Stoa. The same numbers, for programs: "
                            "result.json.</footer>\n</main>\n</body>\n</html>\n");
}
