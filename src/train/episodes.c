/* train/episodes.c - figures of the episodes that ended, over a window of the last ones. */
#include <math.h>
#include <string.h>

#include "train/agent.h"

stoa_status stoa_episodes_init(stoa_episodes *e, const stoa_env_spec *spec, int64_t batch,
                               int64_t window, stoa_error *err) {
    *e = (stoa_episodes){.batch = batch, .window = window, .figures = spec->metric_count + 2};
    e->returns = stoa_alloc((size_t)batch * sizeof *e->returns);
    e->lengths = stoa_alloc((size_t)batch * sizeof *e->lengths);
    e->rows = stoa_alloc((size_t)(window * e->figures) * sizeof *e->rows);
    if (e->returns && e->lengths && e->rows)
        return STOA_OK;
    return stoa_fail(err, STOA_ERR_MEMORY, "out of memory for the figures of episodes");
}

void stoa_episodes_deinit(stoa_episodes *e) {
    stoa_free(e->returns);
    stoa_free(e->lengths);
    stoa_free(e->rows);
    *e = (stoa_episodes){0};
}

void stoa_episodes_add(stoa_episodes *e, const float *rewards, const uint8_t *over,
                       const float *metrics) {
    unsigned any = 0;
    for (int64_t b = 0; b < e->batch; b++) {
        e->returns[b] += rewards[b];
        e->lengths[b]++;
        any |= over[b];
    }
    if (!any)
        return;
    int64_t metric_count = e->figures - 2;
    for (int64_t b = 0; b < e->batch; b++) {
        if (!over[b])
            continue;
        float *row = e->rows + e->finished++ % e->window * e->figures;
        row[0] = e->returns[b];
        row[1] = (float)e->lengths[b];
        if (metric_count > 0)
            memcpy(row + 2, metrics + b * metric_count, (size_t)metric_count * sizeof(float));
        e->returns[b] = 0;
        e->lengths[b] = 0;
    }
}

stoa_agent_scores stoa_episodes_scores(const stoa_episodes *e) {
    stoa_agent_scores s = {.episodes = e->finished < e->window ? e->finished : e->window,
                           .figures = e->figures};
    for (int k = 0; k < e->figures && s.episodes > 0; k++) {
        double sum = 0, squares = 0, n = 0; /* of episodes that the figure applies to */
        for (int64_t i = 0; i < s.episodes; i++) {
            double value = (double)e->rows[i * e->figures + k];
            sum += isnan(value) ? 0 : value;
            n += !isnan(value);
        }
        for (int64_t i = 0; i < s.episodes; i++) {
            double d = (double)e->rows[i * e->figures + k] - sum / n;
            squares += isnan(d) ? 0 : d * d;
        }
        s.mean[k] = n > 0 ? sum / n : (double)NAN;
        s.margin[k] = n > 1 ? 1.96 * sqrt(squares / (n - 1) / n) : 0;
    }
    return s;
}

const char *stoa_agent_figure_name(const stoa_env_spec *spec, int figure) {
    return figure == 0 ? "return" : figure == 1 ? "length" : spec->metrics[figure - 2];
}

bool stoa_agent_figure_again(const stoa_env_spec *spec, int figure) {
    const char *name = stoa_agent_figure_name(spec, figure);
    return figure >= 2 && (strcmp(name, stoa_agent_figure_name(spec, 0)) == 0 ||
                           strcmp(name, stoa_agent_figure_name(spec, 1)) == 0);
}

double stoa_agent_score(const stoa_agent_scores *scores) {
    return scores->mean[scores->figures > 2 ? 2 : 0];
}
