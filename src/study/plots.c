/* study/plots.c - pictures of single runs: one row a kind. */
#include <assert.h>
#include <string.h>

#include "study/sr_trace.h"

static stoa_status write_figure(const stoa_figure *f, const char *name, const stoa_plot_options *o,
                                stoa_buffer *words, stoa_error *err) {
    char file[STOA_SETTING_TEXT], path[4096];
    stoa_buffer svg = {0};
    snprintf(file, sizeof file, "%s.svg", name);
    if (!o->out && !stoa_path_join(path, sizeof path, o->run, file))
        return stoa_fail(err, STOA_ERR_USAGE, "%s: path too long", o->run);
    const char *out = o->out ? o->out : path;
    stoa_status status = stoa_figure_svg(f, &svg, err);
    if (status == STOA_OK && svg.failed)
        status = stoa_fail(err, STOA_ERR_MEMORY, "out of memory: the picture");
    if (status == STOA_OK)
        status = stoa_file_write(out, svg.data, svg.len, err);
    if (status == STOA_OK)
        stoa_buffer_printf(words, "%s\n", out);
    stoa_buffer_deinit(&svg);
    return status;
}

static stoa_status draw_synthetic_returns(const stoa_plot_options *o, stoa_buffer *words,
                                          stoa_error *err) {
    stoa_sr_trace *t = stoa_alloc(sizeof *t);
    if (!t)
        return stoa_fail(err, STOA_ERR_MEMORY, "out of memory");
    stoa_status status = stoa_sr_trace_play(t, o->run, o->episodes, o->seed, err);
    if (status == STOA_OK) {
        stoa_buffer_printf(words, "%-12s %10s %8s %10s\n", "state", "mean c", "AUC", "states");
        for (int kind = t->kinds - 1; kind >= 0; kind--)
            stoa_buffer_printf(words, "%-12s %10.3f %8.3f %10lld\n", t->kind[kind],
                               stoa_sr_trace_mean(t, kind), stoa_sr_trace_auc(t, kind),
                               (long long)t->count[kind]);
        stoa_figure *f = stoa_sr_trace_figure(t, "synthetic-returns", "Synthetic returns");
        status = write_figure(f, "synthetic-returns", o, words, err);
        stoa_figure_free(f);
    }
    stoa_sr_trace_deinit(t);
    stoa_free(t);
    return status;
}

static const struct {
    const char *name, *summary;
    stoa_status (*draw)(const stoa_plot_options *options, stoa_buffer *words, stoa_error *err);
} plots[] = {
    {"synthetic-returns",
     "An episode's synthetic returns over time, with the states that matter marked.",
     draw_synthetic_returns},
};
enum { COUNT = sizeof plots / sizeof *plots };

int stoa_plot_count(void) {
    return COUNT;
}

const char *stoa_plot_name(int i) {
    assert(i >= 0 && i < COUNT);
    return plots[i].name;
}

const char *stoa_plot_summary(int i) {
    assert(i >= 0 && i < COUNT);
    return plots[i].summary;
}

stoa_status stoa_plot_draw(const char *name, const stoa_plot_options *options, stoa_buffer *words,
                           stoa_error *err) {
    const char *names[COUNT];
    for (int i = 0; i < COUNT; i++) {
        names[i] = plots[i].name;
        if (strcmp(name, names[i]) == 0)
            return plots[i].draw(options, words, err);
    }
    const char *near = stoa_nearest(name, names, COUNT);
    return stoa_fail(err, STOA_ERR_USAGE, "there is no plot '%s'; %s '%s'", name,
                     near ? "did you mean" : "there is", near ? near : names[0]);
}
