/*
 * train/speech_sheet.c - a contact sheet: moments of episodes, with what the environment tells and
 * what the agent says.
 *
 * Moments are chosen while the episodes are played, so that no more than four pictures of each are
 * kept. A row is an episode; where all episodes have a single moment, they stand side by side.
 */
#include <math.h>
#include <string.h>

#include "base/canvas.h"
#include "stoa/train.h"

enum {
    SCALE = 2,                        /* of the text */
    LETTER = STOA_SIGN_WIDTH * SCALE, /* pixels from sign to sign */
    LINE = (STOA_FONT_ROWS + 1) * SCALE,
    LEAST = 26 * LETTER, /* width of a cell */
    MOST = 27 * LETTER,  /* of a picture in it, which may be as high */
    GAP = 20,
    ACROSS = 4, /* cells side by side when they are not moments of one episode */
    FRAME = 3
};

static const stoa_colour white = {255, 255, 255}, black = {20, 20, 20}, grey = {170, 170, 170};
/* told apart by people who confuse red and green */
static const stoa_colour right = {0, 114, 178}, wrong = {203, 80, 0};

typedef enum slot { FIRST, THING, CHOICE, LAST, SLOTS } slot;

/* The state that was acted on at a step, and the words of it: lines that begin with a sign for
 * their colour. */
typedef struct moment {
    int64_t step; /* -1: none */
    uint8_t *pixels;
    stoa_buffer text;
    int64_t told, wrong;
} moment;

typedef struct episode {
    moment moments[SLOTS];
    stoa_buffer title;
} episode;

typedef struct sheet {
    stoa_agent_pilot *pilot;
    stoa_env *env;
    const stoa_env_spec *spec;
    stoa_env_memory memory;
    size_t bytes; /* of a picture */
    stoa_agent_sheet_result *result;
    episode *episodes; /* (episodes wanted) */
    int64_t step;      /* of the episode */
    double earned;     /* in it */
    uint32_t *heard;   /* (STOA_AGENT_REMARKS) a sum of the words last told of each place */
    stoa_canvas canvas;
} sheet;

/* ---- playing --------------------------------------------------------------------------------- */

static void write_remarks(moment *m, const stoa_agent_remark *remarks, int count) {
    for (int i = 0; i < count; i++) {
        const stoa_agent_remark *r = &remarks[i];
        char which[32] = "";
        if (r->parts > 1)
            snprintf(which, sizeof which, " %lld", (long long)r->part + 1);
        stoa_buffer_printf(&m->text, "ktold%s: ", which);
        stoa_agent_remark_print(r, r->told, &m->text);
        stoa_buffer_printf(&m->text, "\n%csaid%s: ",
                           !r->learned ? 'g'
                           : r->right  ? 'r'
                                       : 'w',
                           which);
        if (r->learned)
            stoa_agent_remark_print(r, r->said, &m->text);
        stoa_buffer_printf(&m->text, " (%s)\n",
                           !r->learned ? "not learned"
                           : r->right  ? "right"
                                       : "wrong");
        m->told += r->learned;
        m->wrong += r->learned && !r->right;
    }
}

static stoa_status take(const sheet *h, moment *m, const stoa_agent_remark *remarks, int count,
                        stoa_error *err) {
    const stoa_env_buffers *b = &h->memory.buffers;
    if (!m->pixels && !(m->pixels = stoa_alloc(h->bytes)))
        return stoa_fail(err, STOA_ERR_MEMORY, "out of memory for pictures");
    stoa_env_render_rgb(h->env, 0, m->pixels);
    stoa_buffer_deinit(&m->text);
    m->step = h->step;
    m->told = m->wrong = 0;
    stoa_buffer_printf(&m->text, "kstep %lld", (long long)h->step);
    if (b->events[0])
        stoa_buffer_printf(&m->text, ", %s", h->spec->events[b->events[0] - 1]);
    if (h->step > 0 && b->rewards[0] != 0)
        stoa_buffer_printf(&m->text, ", reward %g", (double)b->rewards[0]);
    stoa_buffer_printf(&m->text, "\n");
    write_remarks(m, remarks, count);
    return STOA_OK;
}

static stoa_status copy(const sheet *h, moment *to, const moment *from, stoa_error *err) {
    if (!to->pixels && !(to->pixels = stoa_alloc(h->bytes)))
        return stoa_fail(err, STOA_ERR_MEMORY, "out of memory for pictures");
    memcpy(to->pixels, from->pixels, h->bytes);
    to->step = from->step;
    to->told = from->told;
    to->wrong = from->wrong;
    stoa_buffer_append(&to->text, from->text.data, from->text.len);
    return STOA_OK;
}

/* Whether a thing is told that was not told before. */
static bool news(sheet *h, const stoa_agent_remark *remarks, int count) {
    bool any = false;
    for (int i = 0; i < count; i++) {
        uint32_t sum = 1;
        for (int64_t k = 0; k < remarks[i].count; k++)
            sum = sum * 1000003u + (uint32_t)remarks[i].told[k];
        any = any || (!remarks[i].verdict && h->heard[i] != sum);
        h->heard[i] = sum;
    }
    return any;
}

static bool any_verdict(const stoa_agent_remark *remarks, int count) {
    for (int i = 0; i < count; i++)
        if (remarks[i].verdict)
            return true;
    return false;
}

/* The state that is acted on now, into the slots that it is for. Agents that say nothing: marked
 * states, and rewards. */
static stoa_status look(sheet *h, episode *e, const stoa_agent_remark *remarks, int count,
                        stoa_error *err) {
    const stoa_env_buffers *b = &h->memory.buffers;
    const bool silent = !stoa_agent_pilot_speaks(h->pilot), later = h->step > 0;
    const bool fresh = news(h, remarks, count);
    const bool wanted[SLOTS] = {
        [FIRST] = !later,
        [THING] = later && e->moments[THING].step < 0 && (silent ? b->events[0] != 0 : fresh),
        [CHOICE] = later && e->moments[CHOICE].step < 0 &&
                   (silent ? b->rewards[0] != 0 : any_verdict(remarks, count)),
        [LAST] = true};
    for (int s = 0; s < SLOTS; s++)
        if (wanted[s])
            STOA_TRY(take(h, &e->moments[s], remarks, count, err));
    return STOA_OK;
}

/* What is told of the choice made at the last step belongs to the pictures of that step. */
static stoa_status look_back(sheet *h, episode *e, stoa_error *err) {
    stoa_agent_remark remarks[STOA_AGENT_REMARKS];
    int count = stoa_agent_pilot_remarks(h->pilot, &h->memory.buffers, 0, true, remarks,
                                         STOA_AGENT_REMARKS);
    stoa_agent_said_add(&h->result->said, remarks, count);
    if (count > 0 && e->moments[CHOICE].step < 0)
        STOA_TRY(copy(h, &e->moments[CHOICE], &e->moments[LAST], err));
    for (int s = 0; s < SLOTS; s++)
        if (e->moments[s].step == h->step)
            write_remarks(&e->moments[s], remarks, count);
    return STOA_OK;
}

static void end_episode(sheet *h, episode *e) {
    const stoa_env_buffers *b = &h->memory.buffers;
    stoa_buffer_printf(&e->title, "#%lld return %g", (long long)h->result->episodes + 1, h->earned);
    for (int m = 0; m < h->spec->metric_count && m < 1; m++)
        if (isfinite(b->metrics[m]))
            stoa_buffer_printf(&e->title, ", %s %.4g", h->spec->metrics[m], (double)b->metrics[m]);
    h->result->mean_return += h->earned;
    h->result->episodes++;
    h->step = 0;
    h->earned = 0;
}

static stoa_status play(sheet *h, int64_t episodes, stoa_error *err) {
    const stoa_env_buffers *b = &h->memory.buffers;
    stoa_agent_remark remarks[STOA_AGENT_REMARKS];
    STOA_TRY(stoa_env_reset(h->env, NULL, b, err));
    while (h->result->episodes < episodes) {
        episode *e = &h->episodes[h->result->episodes];
        if (stoa_stop_requested())
            return stoa_fail(err, STOA_ERR_INTERRUPTED, "stopped");
        STOA_TRY(stoa_agent_pilot_choose(h->pilot, b, h->memory.actions, err));
        STOA_TRY(stoa_agent_pilot_speak(h->pilot, h->memory.actions, err));
        int count = stoa_agent_pilot_remarks(h->pilot, b, 0, false, remarks, STOA_AGENT_REMARKS);
        stoa_agent_said_add(&h->result->said, remarks, count);
        STOA_TRY(look(h, e, remarks, count, err));
        STOA_TRY(stoa_env_step(h->env, NULL, b, err));
        STOA_TRY(look_back(h, e, err));
        h->result->steps++;
        h->step++;
        h->earned += (double)b->rewards[0];
        if (b->terminated[0] || b->truncated[0])
            end_episode(h, e);
    }
    h->result->mean_return /= (double)episodes;
    return STOA_OK;
}

/* ---- drawing --------------------------------------------------------------------------------- */

/* Characters of the next line of at most `most`, and in *skip those with the gap behind it. */
static size_t next_line(const char *text, size_t len, size_t most, size_t *skip) {
    size_t cut = len;
    if (len > most)
        for (cut = most; cut > 0 && text[cut] != ' '; cut--)
            ;
    cut = cut == 0 ? most : cut; /* a word longer than the line is broken */
    *skip = cut + (cut < len && text[cut] == ' ');
    return cut;
}

/* Draws text in lines of a width (pixels), unless canvas is NULL; returns how many there are. */
static int64_t lay(stoa_canvas *canvas, int64_t x, int64_t y, int64_t width, const char *text,
                   size_t len, stoa_colour colour) {
    enum { LONGEST = 256 };
    char line[LONGEST];
    int64_t lines = 0;
    size_t most = (size_t)(width / LETTER), skip;
    most = most < LONGEST ? most : LONGEST - 1;
    for (; len > 0; text += skip, len -= skip, lines++) {
        size_t n = next_line(text, len, most, &skip);
        memcpy(line, text, n);
        line[n] = 0;
        if (canvas)
            stoa_canvas_text(canvas, x, y + lines * LINE, SCALE, line, colour);
    }
    return lines;
}

/* The same of a moment's words. */
static int64_t lay_words(stoa_canvas *canvas, int64_t x, int64_t y, int64_t width,
                         const stoa_buffer *text) {
    int64_t lines = 0;
    const char *end;
    for (const char *at = text->data; at && *at; at = end + 1) {
        end = strchr(at, '\n');
        stoa_colour colour = *at == 'r' ? right : *at == 'w' ? wrong : *at == 'g' ? grey : black;
        lines += lay(canvas, x, y + lines * LINE, width, at + 1, (size_t)(end - at - 1), colour);
    }
    return lines;
}

/* Moments in the order of their steps, each step once; returns how many. */
static int in_order(const episode *e, const moment *out[SLOTS]) {
    int count = 0;
    for (int s = 0; s < SLOTS; s++) {
        const moment *m = &e->moments[s];
        int at = count;
        while (m->step >= 0 && at > 0 && out[at - 1]->step > m->step)
            at--;
        if (m->step < 0 || (at > 0 && out[at - 1]->step == m->step))
            continue;
        memmove(out + at + 1, out + at, (size_t)(count - at) * sizeof *out);
        out[at] = m;
        count++;
    }
    return count;
}

/* Where things go. */
typedef struct plan {
    int64_t width, height; /* of a picture as it is shown */
    int eighths;           /* of its size */
    int64_t cell;          /* width of a cell */
    int64_t across, rows, title;
    int64_t episodes, per_row;
} plan;

static plan plan_of(const sheet *h, int64_t episodes, const char *title) {
    const moment *order[SLOTS];
    const int64_t w = h->spec->render_width, height = h->spec->render_height;
    plan p = {.eighths = 8, .episodes = episodes, .per_row = 1};
    while (p.eighths > 1 && (w * p.eighths > 8 * MOST || height * p.eighths > 8 * MOST))
        p.eighths--;
    p.width = w * p.eighths / 8;
    p.height = height * p.eighths / 8;
    p.cell = p.width + 2 * FRAME > LEAST ? p.width + 2 * FRAME : LEAST;
    for (int64_t i = 0; i < episodes; i++) {
        int count = in_order(&h->episodes[i], order);
        p.across = count > p.across ? count : p.across;
    }
    if (p.across == 1)
        p.across = p.per_row = episodes < ACROSS ? episodes : ACROSS;
    p.rows = (episodes + p.per_row - 1) / p.per_row;
    p.title = lay(NULL, 0, 0, p.across * (p.cell + GAP) - GAP, title, strlen(title), black);
    return p;
}

/* Height of a row of cells: as many lines as its longest text has. */
static int64_t row_height(const sheet *h, const plan *p, int64_t row) {
    const moment *order[SLOTS];
    int64_t most = 0;
    for (int64_t i = row * p->per_row; i < (row + 1) * p->per_row && i < p->episodes; i++) {
        int count = in_order(&h->episodes[i], order);
        for (int k = 0; k < count; k++) {
            int64_t lines = lay_words(NULL, 0, 0, p->cell, &order[k]->text);
            most = lines > most ? lines : most;
        }
    }
    return LINE + p->height + 2 * FRAME + GAP / 2 + most * LINE + GAP;
}

static void draw_moment(sheet *h, const plan *p, int64_t x, int64_t y, const moment *m) {
    stoa_colour colour = m->wrong > 0 ? wrong : m->told > 0 ? right : grey;
    stoa_canvas_frame(&h->canvas, x, y, p->width + 2 * FRAME, p->height + 2 * FRAME, FRAME, colour);
    stoa_canvas_picture(&h->canvas, x + FRAME, y + FRAME, h->spec->render_width,
                        h->spec->render_height, m->pixels, p->eighths);
    lay_words(&h->canvas, x, y + p->height + 2 * FRAME + GAP / 2, p->cell, &m->text);
    h->result->moments++;
}

static void draw_episode(sheet *h, const plan *p, int64_t x, int64_t y, const episode *e) {
    const moment *order[SLOTS];
    const int count = in_order(e, order);
    if (e->title.data)
        stoa_canvas_text(&h->canvas, x, y, SCALE, e->title.data, black);
    for (int k = 0; k < count; k++)
        draw_moment(h, p, x + k * (p->cell + GAP), y + LINE, order[k]);
}

static stoa_status draw(sheet *h, int64_t episodes, const char *title, stoa_error *err) {
    const plan p = plan_of(h, episodes, title);
    int64_t y = GAP + p.title * LINE + GAP / 2, height = y;
    for (int64_t row = 0; row < p.rows; row++)
        height += row_height(h, &p, row);
    STOA_TRY(stoa_canvas_init(&h->canvas, GAP + p.across * (p.cell + GAP), height, white, err));
    lay(&h->canvas, GAP, GAP, h->canvas.width - 2 * GAP, title, strlen(title), black);
    for (int64_t i = 0; i < episodes; i++) {
        draw_episode(h, &p, GAP + i % p.per_row * (p.cell + GAP), y, &h->episodes[i]);
        if ((i + 1) % p.per_row == 0)
            y += row_height(h, &p, i / p.per_row);
    }
    return STOA_OK;
}

/* ---- both ------------------------------------------------------------------------------------ */

static stoa_status open_sheet(sheet *h, int64_t episodes, stoa_error *err) {
    h->bytes = (size_t)(h->spec->render_height * h->spec->render_width) * 3;
    if (h->bytes == 0)
        return stoa_fail(err, STOA_ERR_UNSUPPORTED, "%s cannot be drawn in pixels", h->spec->name);
    if (episodes < 1 || episodes > STOA_AGENT_SHEET)
        return stoa_fail(err, STOA_ERR_USAGE, "a sheet shows 1 to %d episodes, not %lld",
                         STOA_AGENT_SHEET, (long long)episodes);
    STOA_TRY(stoa_env_memory_init(&h->memory, h->env, err));
    h->episodes = stoa_alloc((size_t)episodes * sizeof *h->episodes);
    h->heard = stoa_alloc(STOA_AGENT_REMARKS * sizeof *h->heard);
    if (!h->episodes || !h->heard)
        return stoa_fail(err, STOA_ERR_MEMORY, "out of memory for pictures");
    for (int64_t i = 0; i < episodes; i++)
        for (int s = 0; s < SLOTS; s++)
            h->episodes[i].moments[s].step = -1;
    return STOA_OK;
}

static void close_sheet(sheet *h, int64_t episodes) {
    for (int64_t i = 0; h->episodes && i < episodes; i++) {
        for (int s = 0; s < SLOTS; s++) {
            stoa_free(h->episodes[i].moments[s].pixels);
            stoa_buffer_deinit(&h->episodes[i].moments[s].text);
        }
        stoa_buffer_deinit(&h->episodes[i].title);
    }
    stoa_free(h->episodes);
    stoa_free(h->heard);
    stoa_env_memory_deinit(&h->memory);
    stoa_canvas_deinit(&h->canvas);
}

stoa_status stoa_agent_sheet(stoa_agent_pilot *pilot, stoa_env *env, int64_t episodes,
                             const char *title, const char *path, stoa_agent_sheet_result *result,
                             stoa_error *err) {
    *result = (stoa_agent_sheet_result){0};
    sheet h = {.pilot = pilot, .env = env, .spec = stoa_env_spec_of(env), .result = result};
    stoa_status status = open_sheet(&h, episodes, err);
    if (status == STOA_OK)
        status = play(&h, episodes, err);
    if (status == STOA_OK)
        status = draw(&h, episodes, title, err);
    if (status == STOA_OK)
        status = stoa_canvas_save(&h.canvas, path, err);
    close_sheet(&h, episodes);
    return status;
}
