/*
 * From a figure to an <svg> element: runs gnuplot and dresses what it draws.
 *
 * gnuplot's drawing has fixed colours and the same ids in every file. Here placeholder colours
 * become CSS variables with a fallback, so that one drawing follows a page's light or dark theme
 * and also stands alone; ids get the figure's own prefix, so that many figures fit in one page; the
 * head gets a title and a description for those who cannot see it.
 */
#include "study/figure.h"
#include "study/process.h"

#include <string.h>

enum { GNUPLOT_SECONDS = 60 };

// The placeholders rgb(1, 2, k) that are not series (k = 17..24) or heat classes (k = 32..40).
static const struct {
    int placeholder;
    const char *variable, *fallback;
} roles[] = {
    {3, "fig-ink", "#3d434b"},
    {4, "fig-axis", "#9aa0a8"},
    {5, "fig-grid", "#e6e8eb"},
    {6, "fig-mark", "#8a5a00"},
};

static bool starts(stoa_view rest, const char *prefix) {
    size_t n = strlen(prefix);
    return rest.len >= n && memcmp(rest.ptr, prefix, n) == 0;
}

// Writes the CSS for a placeholder; false for a colour that is none of ours.
static bool variable(stoa_buffer *out, int placeholder) {
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++)
        if (roles[i].placeholder == placeholder) {
            stoa_buffer_printf(out, "var(--%s,%s)", roles[i].variable, roles[i].fallback);
            return true;
        }
    if (placeholder > 16 && placeholder <= 16 + STOA_PALETTE_COLOURS) {
        stoa_buffer_printf(out, "var(--c%d,%s)", placeholder - 16,
                           stoa_palette_light(placeholder - 16));
        return true;
    }
    if (placeholder >= 32 && placeholder < 32 + STOA_HEAT_COLOURS) {
        stoa_buffer_printf(out, "var(--h%d,%s)", placeholder - 32,
                           stoa_heat_light(placeholder - 32));
        return true;
    }
    return false;
}

// Parses "rgb(  1,   2,  17)" at the start of rest; its length, or 0.
static size_t colour(stoa_view rest, int rgb[3]) {
    if (!starts(rest, "rgb("))
        return 0;
    size_t at = 4;
    for (int i = 0; i < 3; i++) {
        while (at < rest.len && rest.ptr[at] == ' ')
            at++;
        rgb[i] = 0;
        for (; at < rest.len && rest.ptr[at] >= '0' && rest.ptr[at] <= '9' && rgb[i] < 1000; at++)
            rgb[i] = 10 * rgb[i] + rest.ptr[at] - '0';
        if (at >= rest.len || rest.ptr[at] != (i < 2 ? ',' : ')'))
            return 0;
        at++;
    }
    return at;
}

// What is written instead of `from`; the figure's id and a dash follow when prefixed.
static const struct {
    const char *from, *to;
    bool prefixed;
} rewrites[] = {
    {" id='", " id='", true},
    {" id=\"", " id=\"", true},
    {"xlink:href='#", "href='#", true},
    {"font-family=\"stoa\"", "font-family=\"system-ui,sans-serif\"", false},
};

static stoa_view skip(stoa_view rest, size_t n) {
    return (stoa_view){rest.ptr + n, rest.len - n};
}

static void dress_body(const stoa_figure *f, stoa_view rest, stoa_buffer *out) {
    while (rest.len > 0) {
        const char *angle = memchr(rest.ptr, '>', rest.len);
        // the titles of gnuplot's groups would show as tooltips: "gnuplot_plot_1"
        if (starts(rest, "<title>")) {
            const char *end = memmem(rest.ptr, rest.len, "</title>", 8);
            if (end) {
                rest = skip(rest, (size_t)(end + 8 - rest.ptr));
                continue;
            }
        }
        if (*rest.ptr != '<' || !angle) { // text between tags stays as it is
            const char *next = memchr(rest.ptr + 1, '<', rest.len - 1);
            size_t n = next && angle ? (size_t)(next - rest.ptr) : rest.len;
            stoa_buffer_append(out, rest.ptr, n);
            rest = skip(rest, n);
            continue;
        }
        stoa_view tag = {rest.ptr, (size_t)(angle + 1 - rest.ptr)};
        rest = skip(rest, tag.len);
        while (tag.len > 0) {
            int rgb[3];
            size_t n = colour(tag, rgb);
            if (n > 0 && rgb[0] == 1 && rgb[1] == 2 && variable(out, rgb[2])) {
                tag = skip(tag, n);
                continue;
            }
            bool rewritten = false;
            for (size_t i = 0; i < sizeof rewrites / sizeof *rewrites && !rewritten; i++) {
                if (!starts(tag, rewrites[i].from))
                    continue;
                stoa_buffer_printf(out, "%s%s%s", rewrites[i].to, rewrites[i].prefixed ? f->id : "",
                                   rewrites[i].prefixed ? "-" : "");
                tag = skip(tag, strlen(rewrites[i].from));
                rewritten = true;
            }
            if (!rewritten) {
                stoa_buffer_append(out, tag.ptr, 1);
                tag = skip(tag, 1);
            }
        }
    }
}

stoa_status stoa_figure_dress(const stoa_figure *figure, stoa_view svg, stoa_buffer *out,
                              stoa_error *err) {
    static const char head_end[] = "</desc>", tail[] = "</svg>";
    const char *body = svg.len > 0 ? memmem(svg.ptr, svg.len, head_end, sizeof head_end - 1) : NULL;
    const char *end =
        body ? memmem(body, (size_t)(svg.ptr + svg.len - body), tail, sizeof tail - 1) : NULL;
    if (!end)
        return stoa_fail(err, STOA_ERR_UNSUPPORTED, "gnuplot drew no SVG for figure %s",
                         figure->id);
    stoa_buffer_printf(out,
                       "<svg class=\"plot\" viewBox=\"0 0 %d %d\" role=\"img\" "
                       "aria-labelledby=\"%s-title %s-desc\" "
                       "xmlns=\"http://www.w3.org/2000/svg\">\n<title id=\"%s-title\">",
                       STOA_FIGURE_WIDTH, stoa_figure_pixels_high(figure), figure->id, figure->id,
                       figure->id);
    stoa_buffer_html(out, figure->title);
    stoa_buffer_printf(out, "</title>\n<desc id=\"%s-desc\">", figure->id);
    stoa_buffer_html(out, figure->caption);
    stoa_buffer_printf(out, "</desc>\n");
    body += sizeof head_end - 1;
    dress_body(figure, (stoa_view){body, (size_t)(end - body)}, out);
    stoa_buffer_printf(out, "</svg>\n");
    return STOA_OK;
}

stoa_status stoa_figure_svg(const stoa_figure *figure, stoa_buffer *out, stoa_error *err) {
    if (!figure || figure->keep.failed)
        return stoa_fail(err, STOA_ERR_MEMORY, "no memory for a figure");
    static const char *const command[] = {"gnuplot", "--default-settings", "-", NULL};
    stoa_buffer script = {0}, drawn = {0};
    stoa_figure_script(figure, &script);
    stoa_status status;
    if (script.failed)
        status = stoa_fail(err, STOA_ERR_MEMORY, "no memory for figure %s", figure->id);
    else
        status = stoa_process_run(command, (stoa_view){script.data, script.len}, GNUPLOT_SECONDS,
                                  &drawn, err);
    if (status == STOA_ERR_IO || status == STOA_ERR_UNSUPPORTED) {
        char context[96];
        snprintf(context, sizeof context, "figure %.64s", figure->id);
        stoa_fail_context(err, status, "%s", context);
        status = STOA_ERR_UNSUPPORTED;
        if (err)
            err->status = status;
    }
    if (status == STOA_OK && drawn.failed)
        status = stoa_fail(err, STOA_ERR_MEMORY, "no memory for figure %s", figure->id);
    if (status == STOA_OK)
        status = stoa_figure_dress(figure, (stoa_view){drawn.data, drawn.len}, out, err);
    if (status == STOA_OK && out->failed)
        status = stoa_fail(err, STOA_ERR_MEMORY, "no memory for figure %s", figure->id);
    stoa_buffer_deinit(&script);
    stoa_buffer_deinit(&drawn);
    return status;
}
