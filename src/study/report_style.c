/*
 * The look of a report: one style sheet inside the page, light and dark, screen and paper. Text
 * keeps to a line length that reads well; tables and figures may be wider.
 */
#include "study/report.h"

static const char *const light = "--page:#ffffff;--ink:#1c2127;--soft:#59616b;--line:#e2e5e9;"
                                 "--wash:#f5f6f8;--accent:#0b5c8f;"
                                 "--held:#0b6e45;--held-wash:#e3f3ea;"
                                 "--failed:#b1271b;--failed-wash:#fbe7e4;"
                                 "--undecided:#7a5200;--undecided-wash:#fbf0d7;"
                                 "--fig-ink:#3d434b;--fig-axis:#9aa0a8;--fig-grid:#e8eaed;"
                                 "--fig-mark:#8a5a00;";
static const char *const dark = "--page:#14181d;--ink:#e6e9ed;--soft:#a0a8b2;--line:#2d343c;"
                                "--wash:#1b2027;--accent:#6db8ea;"
                                "--held:#5fd39a;--held-wash:#14352a;"
                                "--failed:#ff9385;--failed-wash:#43201d;"
                                "--undecided:#f0c15c;--undecided-wash:#3a2e13;"
                                "--fig-ink:#c3c9d0;--fig-axis:#6d7580;--fig-grid:#272d35;"
                                "--fig-mark:#e2b04a;";

// Heat classes from this one on are dark on a light page (and light on a dark one).
enum { HEAT_FLIPS = 5 };

static const char *const rules[] = {
    "*{box-sizing:border-box}",
    "html{-webkit-text-size-adjust:100%;scroll-behavior:smooth}",
    "body{margin:0;background:var(--page);color:var(--ink);",
    "font:17px/1.6 system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans',sans-serif}",
    "main{max-width:56rem;margin:0 auto;padding:3.5rem 1.5rem 4rem}",
    "h1,h2,.lead{font-family:ui-serif,Charter,'Iowan Old Style','Noto Serif',Georgia,serif}",
    "h1{font-size:2.35rem;line-height:1.15;margin:.3rem 0 1rem;letter-spacing:-.01em;",
    "font-weight:600;text-wrap:balance}",
    "h2{font-size:1.5rem;line-height:1.25;margin:3.2rem 0 .8rem;font-weight:600}",
    "h2 a{color:inherit;text-decoration:none}",
    "p{margin:0 0 1rem;max-width:42rem}",
    ".kicker{color:var(--soft);font-size:.85rem;letter-spacing:.03em;margin:0}",
    ".lead{font-size:1.2rem;line-height:1.5;color:var(--ink);max-width:44rem}",
    "code,pre,.heat{font-family:ui-monospace,'SF Mono',Menlo,Consolas,'DejaVu Sans "
    "Mono',monospace}",
    "code{font-size:.88em;background:var(--wash);padding:.1em .3em;border-radius:4px}",
    "nav{font-size:.9rem;margin:1.6rem 0 0;color:var(--soft)}",
    "nav a{color:var(--accent);text-decoration:none;margin-right:1.2em;white-space:nowrap}",
    "nav a:hover,h2 a:hover{text-decoration:underline}",
    ".tally{display:flex;flex-wrap:wrap;gap:.5rem;margin:1.4rem 0 0;padding:0;list-style:none}",
    ".verdict{display:inline-block;font-size:.86rem;font-weight:600;line-height:1.3;",
    "padding:.22em .7em;border-radius:99px;white-space:nowrap}",
    ".held{color:var(--held);background:var(--held-wash)}",
    ".failed{color:var(--failed);background:var(--failed-wash)}",
    ".undecided{color:var(--undecided);background:var(--undecided-wash)}",
    ".wide{overflow-x:auto;margin:1.2rem 0 1.8rem}",
    "table{border-collapse:collapse;font-size:.9rem;line-height:1.4;width:100%;",
    "font-variant-numeric:tabular-nums}",
    "caption{text-align:left;padding:0 0 .6rem}",
    "caption b,figcaption b{font-weight:600}",
    ".number{color:var(--soft);font-weight:400}",
    "th{text-align:left;font-weight:600;color:var(--soft);font-size:.82rem;vertical-align:bottom}",
    "th,td{padding:.5rem .8rem .5rem 0;border-bottom:1px solid var(--line);vertical-align:top}",
    "th:last-child,td:last-child{padding-right:0}",
    "thead th{border-bottom:1.5px solid var(--fig-axis)}",
    "td.n,th.n{text-align:right}",
    "td.n span{white-space:nowrap}",
    "td:first-child{min-width:6rem}",
    "tr.strong td{font-weight:650;background:var(--wash)}",
    "tr.strong td:first-child{box-shadow:-.5rem 0 var(--wash)}",
    ".ends{color:var(--soft);font-weight:400;font-size:.92em}",
    ".unit{font-weight:400}",
    "small{display:block;color:var(--soft);font-size:.82rem;line-height:1.35;margin-top:.15rem}",
    ".claims td{padding-top:.75rem;padding-bottom:.75rem}",
    ".claims .text{min-width:15rem}",
    ".claims .id{color:var(--soft);font-weight:600;padding-right:.9rem;min-width:0}",
    ".claims .ours{white-space:nowrap;font-weight:600}",
    ".claims .ours small{font-weight:400}",
    ".strip{display:block;width:8.6rem;height:1.7rem;margin-top:.25rem}",
    "figure{margin:1.6rem 0 2.2rem}",
    ".canvas{overflow-x:auto}",
    ".plot{display:block;width:100%;min-width:34rem;height:auto}",
    ".plot text{font-family:system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans',sans-serif}",
    "figcaption{font-size:.92rem;line-height:1.5;color:var(--soft);max-width:44rem}",
    "figcaption b{color:var(--ink)}",
    ".above{margin-bottom:.5rem}",
    "details{margin:.6rem 0 1.4rem;font-size:.95rem}",
    "figure details{margin:.5rem 0 0;font-size:.86rem}",
    "summary{cursor:pointer;color:var(--accent)}",
    "summary:hover{text-decoration:underline}",
    "details.fold{border:1px solid var(--line);border-radius:8px;padding:.7rem 1.1rem}",
    "details.fold>summary{font-weight:600}",
    "details.fold[open]>summary{margin-bottom:1rem}",
    ".sample{margin:1.2rem 0 1.8rem}",
    ".sample>b{display:block;font-size:.92rem;font-weight:600;margin-bottom:.4rem}",
    "pre,.heat{margin:0;padding:1rem 1.2rem;background:var(--wash);border-radius:8px;",
    "font-size:.86rem;line-height:1.55;white-space:pre-wrap;overflow-wrap:anywhere}",
    ".heat{line-height:1.75;background:none;border:1px solid var(--line)}",
    ".heat span{padding:.13em 0}",
    ".scale{display:flex;align-items:center;gap:.5rem;font-size:.82rem;color:var(--soft);",
    "margin:.5rem 0 0;flex-wrap:wrap}",
    ".scale i{display:inline-block;width:1.1rem;height:.75rem}",
    ".scale span.run{display:inline-flex;border-radius:3px;overflow:hidden}",
    ".note{font-size:.9rem;color:var(--soft)}",
    ".pairs{display:grid;grid-template-columns:repeat(auto-fit,minmax(22rem,1fr));gap:0 2.5rem}",
    ".pairs table{align-self:start}",
    ".pairs th{color:var(--ink)}",
    ".pairs td:first-child{color:var(--soft);width:45%;padding-right:1.4rem}",
    ".pairs td{overflow-wrap:anywhere}",
    "footer{margin-top:3.5rem;padding-top:1rem;border-top:1px solid var(--line);",
    "color:var(--soft);font-size:.82rem}",
    "a:focus-visible,summary:focus-visible,.wide:focus-visible{outline:2px solid var(--accent);",
    "outline-offset:3px;border-radius:3px}",
    "@media(max-width:640px){body{font-size:16px}main{padding-top:2rem}h1{font-size:1.8rem}",
    ".pairs{grid-template-columns:1fr}",
    ".claims,.claims tbody{display:block}.claims thead{display:none}",
    ".claims tr{display:grid;grid-template-columns:1.8rem 1fr;padding:.9rem 0;",
    "border-bottom:1px solid var(--line)}",
    ".claims td{grid-column:2;border:0;padding:.1rem 0}.claims .id{grid-column:1;grid-row:1}",
    ".claims td[data-label]::before{content:attr(data-label) ': ';color:var(--soft);",
    "font-weight:400}",
    ".claims td:last-child{padding-top:.5rem}}",
    "@media print{body{font-size:10pt}main{max-width:none;padding:0}nav,summary{display:none}",
    "figure,tr,.sample,.wide:not(:has(.claims)){break-inside:avoid}h2{break-after:avoid}.wide,."
    "canvas{overflow:visible}",
    ".plot{min-width:0}*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}",
};

static void colours(stoa_buffer *b, bool is_dark) {
    stoa_buffer_printf(b, "%s", is_dark ? dark : light);
    for (int i = 1; i <= STOA_PALETTE_COLOURS; i++)
        stoa_buffer_printf(b, "--c%d:%s;", i,
                           is_dark ? stoa_palette_dark(i) : stoa_palette_light(i));
    for (int i = 0; i < STOA_HEAT_COLOURS; i++)
        stoa_buffer_printf(b, "--h%d:%s;", i, is_dark ? stoa_heat_dark(i) : stoa_heat_light(i));
}

void stoa_html_style(stoa_buffer *b) {
    stoa_buffer_printf(b, "<style>\n:root{color-scheme:light dark;");
    colours(b, false);
    stoa_buffer_printf(b, "}\n@media screen and (prefers-color-scheme:dark){:root{");
    colours(b, true);
    stoa_buffer_printf(b, "}}\n");
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
        stoa_buffer_printf(b, "%s\n", rules[i]);
    for (int i = 0; i < STOA_HEAT_COLOURS; i++)
        stoa_buffer_printf(b, ".h%d{background:var(--h%d)%s}\n", i, i,
                           i >= HEAT_FLIPS ? ";color:var(--page)" : "");
    stoa_buffer_printf(b, "</style>\n");
}
