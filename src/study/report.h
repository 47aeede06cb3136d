/*
 * study/report.h - what a report holds, for the files that write it as a page and as JSON.
 */
#ifndef STOA_STUDY_REPORT_H
#define STOA_STUDY_REPORT_H

#include "study/figure.h"
#include "study/format.h"
#include "study/writer.h"

typedef enum stoa_cell_kind {
    STOA_CELL_EMPTY,
    STOA_CELL_TEXT,
    STOA_CELL_NUMBER,
    STOA_CELL_INTERVAL
} stoa_cell_kind;

typedef struct stoa_cell {
    stoa_cell_kind kind;
    const char *text;
    stoa_interval value;
} stoa_cell;

typedef struct stoa_table_row_node {
    stoa_cell *cell; /* as many as the table has columns */
    bool strong;
    struct stoa_table_row_node *next;
} stoa_table_row_node;

enum { STOA_TABLE_COLUMNS = 24 };

struct stoa_table {
    stoa_keep keep; /* first */
    const char *id, *title, *caption;
    struct {
        const char *name;
        bool text;
        stoa_format format;
    } column[STOA_TABLE_COLUMNS];
    int columns, filled; /* filled: cells of the last row */
    stoa_table_row_node *rows, *last;
};

typedef enum stoa_node_kind {
    STOA_NODE_SECTION,
    STOA_NODE_PARAGRAPH,
    STOA_NODE_FIGURE,
    STOA_NODE_TABLE,
    STOA_NODE_SAMPLE,
    STOA_NODE_HEAT_TEXT,
    STOA_NODE_DETAILS_BEGIN,
    STOA_NODE_DETAILS_END,
    STOA_NODE_KIND_COUNT
} stoa_node_kind;

typedef struct stoa_node {
    stoa_node_kind kind;
    const char *title; /* section, sample, heat text, details */
    const char *text;  /* paragraph, sample */
    int number;        /* of the section, figure or table, from 1 */
    stoa_figure *figure;
    stoa_table *table;
    stoa_heat_text heat;
    struct stoa_node *next;
} stoa_node;

typedef struct stoa_claim_node {
    stoa_claim claim; /* strings are copies */
    stoa_finding finding;
    stoa_verdict verdict;
    char why[128];
    struct stoa_claim_node *next;
} stoa_claim_node;

typedef struct stoa_pair_node {
    const char *key, *value;
    struct stoa_pair_node *next;
} stoa_pair_node;

struct stoa_report {
    stoa_keep keep; /* first */
    const char *name, *title, *kicker, *lead;
    stoa_scale scale;
    stoa_node *nodes, **nodes_end;
    stoa_claim_node *claims, **claims_end;
    stoa_pair_node *settings, **settings_end;
    int sections, figures, tables;
    bool in_details;
    double seconds, written; /* computing time; wall time of writing */
    int threads;             /* 0: not told */
};

/* The machine and the build, as rows of key and value. */
typedef struct stoa_machine_row {
    const char *key;
    char value[256];
} stoa_machine_row;
enum { STOA_MACHINE_ROWS = 7 };
void stoa_machine_describe(stoa_machine_row rows[STOA_MACHINE_ROWS]);

/* Parts of the page. */
void stoa_html_style(stoa_buffer *b);
void stoa_html_claims(stoa_buffer *b, const stoa_report *report);
void stoa_html_tally(stoa_buffer *b, stoa_tally tally);
void stoa_html_table(stoa_buffer *b, const stoa_table *table, int number);
void stoa_html_figure(stoa_buffer *b, const stoa_figure *figure, int number);
void stoa_html_heat_text(stoa_buffer *b, const char *title, const stoa_heat_text *heat);
/* A formatted number, escaped, with a real minus sign and no line break before the unit. */
void stoa_html_number(stoa_buffer *b, const char *formatted);

/* The two files. */
void stoa_report_html(const stoa_report *report, stoa_buffer *out);
void stoa_report_json(const stoa_report *report, stoa_buffer *out);

#endif /* STOA_STUDY_REPORT_H */
