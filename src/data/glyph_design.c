/*
 * data/glyph_design.c - made-up characters: a few strokes between points of a lattice, most of them
 * joined to earlier ones, as scripts have them: lines, arcs, hooks, waves, loops.
 *
 * Only + - * / and square roots are used, so a class looks the same on every machine.
 */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "data/glyph.h"
#include "data/normals.h"

static float uniform(stoa_rng *rng, float low, float high) {
    return low + (high - low) * (float)(stoa_rng_u32(rng) >> 8) * 0x1p-24f;
}

static int below(stoa_rng *rng, int n) {
    return (int)((uint64_t)stoa_rng_u32(rng) * (uint64_t)n >> 32);
}

static float length(stoa_point a, stoa_point b) {
    return sqrtf((a.x - b.x) * (a.x - b.x) + (a.y - b.y) * (a.y - b.y));
}

/* ---- curves ---------------------------------------------------------------------------------- */

static stoa_point on_curve(const stoa_point p[4], float t) {
    float s = 1 - t, a = s * s * s, b = 3 * s * s * t, c = 3 * s * t * t, d = t * t * t;
    return (stoa_point){a * p[0].x + b * p[1].x + c * p[2].x + d * p[3].x,
                        a * p[0].y + b * p[1].y + c * p[2].y + d * p[3].y};
}

/* The point a share `along` of the way from a to b and `aside` times their distance to the left. */
static stoa_point beside(stoa_point a, stoa_point b, float along, float aside) {
    float dx = b.x - a.x, dy = b.y - a.y;
    return (stoa_point){a.x + along * dx + aside * dy, a.y + along * dy - aside * dx};
}

/* One curve from a to b that bows by `first` at its beginning and `second` at its end. */
static void bow(stoa_stroke *s, stoa_point a, stoa_point b, float first, float second) {
    s->curves = 1;
    s->point[0] = a;
    s->point[1] = beside(a, b, 0.3f, first);
    s->point[2] = beside(a, b, 0.7f, second);
    s->point[3] = b;
}

/* ---- strokes --------------------------------------------------------------------------------- */

static float side_of(stoa_rng *rng) {
    return stoa_rng_u32(rng) & 1 ? 1.0f : -1.0f;
}

static void line(stoa_rng *rng, stoa_point a, stoa_point b, stoa_stroke *out) {
    float bend = uniform(rng, -0.04f, 0.04f);
    bow(out, a, b, bend, bend);
}

static void arc(stoa_rng *rng, stoa_point a, stoa_point b, stoa_stroke *out) {
    float side = side_of(rng);
    bow(out, a, b, side * uniform(rng, 0.3f, 0.8f), side * uniform(rng, 0.3f, 0.8f));
}

static void wave(stoa_rng *rng, stoa_point a, stoa_point b, stoa_stroke *out) {
    float aside = side_of(rng) * uniform(rng, 0.5f, 0.9f);
    bow(out, a, b, aside, -aside);
}

/* A line that turns back at its end. */
static void hook(stoa_rng *rng, stoa_point a, stoa_point b, stoa_stroke *out) {
    float side = side_of(rng), reach = uniform(rng, 0.25f, 0.45f);
    line(rng, a, b, out);
    out->curves = 2;
    out->point[4] = beside(a, b, 1.2f, 0);
    out->point[5] = beside(a, b, 1.2f, side * reach);
    out->point[6] = beside(a, b, uniform(rng, 0.75f, 0.95f), side * reach);
}

/* An ellipse with a and b at opposite places. */
static void loop(stoa_rng *rng, stoa_point a, stoa_point b, stoa_stroke *out) {
    const float round = 0.5523f * 0.5f; // four curves make a circle
    float wide = uniform(rng, 0.35f, 0.55f);
    stoa_point left = beside(a, b, 0.5f, wide), right = beside(a, b, 0.5f, -wide);
    out->curves = 4;
    const stoa_point p[STOA_GLYPH_POINTS] = {
        a,     beside(a, b, 0, 2 * wide * round),  beside(a, b, 0.5f - round, wide),
        left,  beside(a, b, 0.5f + round, wide),   beside(a, b, 1, 2 * wide * round),
        b,     beside(a, b, 1, -2 * wide * round), beside(a, b, 0.5f + round, -wide),
        right, beside(a, b, 0.5f - round, -wide),  beside(a, b, 0, -2 * wide * round),
        a};
    memcpy(out->point, p, sizeof p);
}

typedef struct stroke_kind {
    void (*make)(stoa_rng *rng, stoa_point a, stoa_point b, stoa_stroke *out);
    int weight;        /* of 100 */
    float least, most; /* distance of its ends */
} stroke_kind;

static const stroke_kind kinds[] = {
    {line, 36, 0.3f, 1},   {arc, 30, 0.3f, 0.8f},   {hook, 14, 0.35f, 0.8f},
    {wave, 8, 0.4f, 0.9f}, {loop, 12, 0.2f, 0.45f},
};

static const stroke_kind *draw_kind(stoa_rng *rng) {
    int ticket = below(rng, 100);
    const stroke_kind *kind = kinds;
    for (; ticket >= kind->weight; kind++)
        ticket -= kind->weight;
    return kind;
}

/* A place of a lattice of 3 x 4, so that strokes of a character line up. */
static stoa_point place(stoa_rng *rng) {
    static const float x[] = {0.2f, 0.5f, 0.8f}, y[] = {0.1f, 0.37f, 0.63f, 0.9f};
    int at = below(rng, 12);
    return (stoa_point){x[at % 3] + uniform(rng, -0.04f, 0.04f),
                        y[at / 3] + uniform(rng, -0.04f, 0.04f)};
}

/* An end or the middle of an earlier stroke. */
static stoa_point joint(stoa_rng *rng, const stoa_glyph *g, int before) {
    const stoa_stroke *s = &g->stroke[below(rng, before)];
    int half = below(rng, 3);
    if (half == 1)
        return s->curves == 1 ? on_curve(s->point, 0.5f) : s->point[3 * (s->curves / 2)];
    return half ? s->point[3 * s->curves] : s->point[0];
}

static void draw_stroke(stoa_rng *rng, stoa_glyph *g, int i) {
    const stroke_kind *kind = draw_kind(rng);
    stoa_point a = i > 0 && below(rng, 10) < 7 ? joint(rng, g, i) : place(rng), b = place(rng);
    for (int tries = 0; tries < 20; tries++) {
        float l = length(a, b);
        if (l >= kind->least && l <= kind->most)
            break;
        b = place(rng);
    }
    kind->make(rng, a, b, &g->stroke[i]);
}

/* ---- a character ----------------------------------------------------------------------------- */

enum { STEPS = 8, CLOUD = STEPS * STOA_GLYPH_CURVES };

/* Points along a stroke; how many. */
static int cloud(const stoa_stroke *s, stoa_point out[CLOUD]) {
    for (int i = 0; i < STEPS * s->curves; i++)
        out[i] = on_curve(s->point + 3 * (i / STEPS), ((float)(i % STEPS) + 0.5f) / STEPS);
    return STEPS * s->curves;
}

/* Share of a stroke that runs along earlier ones. */
static float covered(const stoa_glyph *g, int stroke) {
    stoa_point own[CLOUD], other[CLOUD];
    bool near[CLOUD] = {false};
    const int n = cloud(&g->stroke[stroke], own);
    int count = 0;
    for (int s = 0; s < stroke; s++) {
        const int m = cloud(&g->stroke[s], other);
        for (int i = 0; i < n; i++)
            for (int j = 0; j < m && !near[i]; j++)
                near[i] = length(own[i], other[j]) < 0.09f;
    }
    for (int i = 0; i < n; i++)
        count += near[i];
    return (float)count / (float)n;
}

typedef struct box {
    stoa_point low, high;
} box;

static box box_of(const stoa_glyph *g) {
    box b = {{9, 9}, {-9, -9}};
    stoa_point p[CLOUD];
    for (int s = 0; s < g->strokes; s++) {
        const int n = cloud(&g->stroke[s], p);
        for (int i = 0; i < n; i++) {
            b.low = (stoa_point){fminf(b.low.x, p[i].x), fminf(b.low.y, p[i].y)};
            b.high = (stoa_point){fmaxf(b.high.x, p[i].x), fmaxf(b.high.y, p[i].y)};
        }
    }
    return b;
}

/* Moves and scales the character so that it fills the middle of the canvas. */
static void fit(stoa_glyph *g) {
    const box b = box_of(g);
    const float scale = fminf(0.7f / fmaxf(b.high.x - b.low.x, b.high.y - b.low.y), 1.6f);
    const float mid_x = (b.low.x + b.high.x) / 2, mid_y = (b.low.y + b.high.y) / 2;
    for (int s = 0; s < g->strokes; s++)
        for (int p = 0; p <= 3 * g->stroke[s].curves; p++) {
            stoa_point *at = &g->stroke[s].point[p];
            at->x = 0.5f + (at->x - mid_x) * scale;
            at->y = 0.5f + (at->y - mid_y) * scale;
        }
}

/* Strokes that can be told from each other, on more than a line. */
static bool is_legible(const stoa_glyph *g) {
    const box b = box_of(g);
    for (int s = 1; s < g->strokes; s++)
        if (covered(g, s) > 0.4f)
            return false;
    return b.high.x - b.low.x > 0.25f && b.high.y - b.low.y > 0.25f;
}

void stoa_glyph_design(const uint32_t key[2], uint64_t number, stoa_glyph *out) {
    enum { TRIES = 16 };
    static const int counts[10] = {2, 2, 2, 3, 3, 3, 3, 4, 4, 5};
    stoa_rng rng = {.key = {key[0], key[1]}, .stream = number, .used = 4};
    out->width = 0.055f;
    for (int tries = 0; tries < TRIES; tries++) {
        out->strokes = counts[below(&rng, 10)];
        for (int i = 0; i < out->strokes; i++)
            draw_stroke(&rng, out, i);
        if (is_legible(out))
            break;
    }
    fit(out);
}

/* ---- a hand ---------------------------------------------------------------------------------- */

enum { MAP = 8, MOVES = MAP + 2 * STOA_GLYPH_STROKES * (STOA_GLYPH_POINTS + 1) };

void stoa_glyph_vary(stoa_glyph *g, const uint32_t key[2], uint64_t hand, double variation) {
    const float v = (float)variation;
    float n[MOVES], *next = n + MAP;
    if (v <= 0)
        return;
    stoa_normals(key, hand, n, MOVES);
    /* a turn by about 2 half radians, as a rotation whatever its size */
    const float half = 0.04f * v * n[0], norm = 1 / (1 + half * half);
    const float cosine = (1 - half * half) * norm, sine = 2 * half * norm;
    const float wide = fmaxf(1 + 0.08f * v * n[1], 0.5f), high = fmaxf(1 + 0.08f * v * n[2], 0.5f);
    const float slant = 0.1f * v * n[3];
    const float move_x = 0.5f + 0.025f * v * n[4], move_y = 0.5f + 0.025f * v * n[5];
    g->width *= fminf(fmaxf(1 + 0.15f * v * n[6], 0.6f), 1.6f);
    for (int s = 0; s < g->strokes; s++) {
        const float stroke_x = 0.018f * v * *next++, stroke_y = 0.018f * v * *next++;
        for (int p = 0; p <= 3 * g->stroke[s].curves; p++) {
            stoa_point *at = &g->stroke[s].point[p];
            float x = (at->x - 0.5f + stroke_x + 0.014f * v * *next++) * wide;
            float y = (at->y - 0.5f + stroke_y + 0.014f * v * *next++) * high;
            x += slant * y;
            at->x = cosine * x - sine * y + move_x;
            at->y = sine * x + cosine * y + move_y;
        }
    }
}

/* ---- pixels ---------------------------------------------------------------------------------- */

enum { SEGMENTS = 10, SIDE_MOST = 105 };

static int clip(float v, int most) {
    return v < 0 ? 0 : v > (float)most ? most : (int)v;
}

/* Lowers the square distances of the pixels near a segment. */
static void near_segment(stoa_point a, stoa_point b, float reach, int side, float *restrict d2) {
    const float dx = b.x - a.x, dy = b.y - a.y, l2 = dx * dx + dy * dy + 1e-12f;
    const int x0 = clip(fminf(a.x, b.x) - reach, side),
              x1 = clip(fmaxf(a.x, b.x) + reach + 1, side);
    const int y0 = clip(fminf(a.y, b.y) - reach, side),
              y1 = clip(fmaxf(a.y, b.y) + reach + 1, side);
    for (int y = y0; y < y1; y++) {
        const float py = (float)y + 0.5f - a.y;
#pragma omp simd
        for (int x = x0; x < x1; x++) {
            float px = (float)x + 0.5f - a.x, t = (px * dx + py * dy) / l2;
            t = t < 0 ? 0 : t > 1 ? 1 : t;
            float qx = px - t * dx, qy = py - t * dy, d = qx * qx + qy * qy;
            d2[y * side + x] = d < d2[y * side + x] ? d : d2[y * side + x];
        }
    }
}

void stoa_glyph_draw(const stoa_glyph *g, int side, uint8_t *out) {
    float d2[SIDE_MOST * SIDE_MOST];
    assert(side >= 1 && side <= SIDE_MOST);
    /* a pen thinner than a pixel would leave grey lines */
    const float radius = fmaxf(g->width * (float)side, 1.2f) / 2;
    memset(d2, 0x7f, sizeof d2); // far away: bytes 7f make 3e38
    for (int s = 0; s < g->strokes; s++)
        for (int c = 0; c < g->stroke[s].curves; c++) {
            stoa_point from = g->stroke[s].point[3 * c];
            for (int t = 1; t <= SEGMENTS; t++) {
                stoa_point to = on_curve(g->stroke[s].point + 3 * c, (float)t / SEGMENTS);
                near_segment((stoa_point){from.x * (float)side, from.y * (float)side},
                             (stoa_point){to.x * (float)side, to.y * (float)side}, radius + 1, side,
                             d2);
                from = to;
            }
        }
#pragma omp simd
    for (int i = 0; i < side * side; i++) {
        float cover = radius + 0.5f - sqrtf(d2[i]);
        cover = cover < 0 ? 0 : cover > 1 ? 1 : cover;
        out[i] = (uint8_t)(int)(cover * 255 + 0.5f);
    }
}
